//! *A store is a sorted map whose batches happen wholly*: any run of batches, with the store opened again in between,
//! leaves what it leaves in a map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use strongroom::store::{Batch, Keeps, MEMBERS, Table, open};

use super::{rows, settings};
use crate::scratch::Scratch;

#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Change>),
    Reopen,
}

/// A row, and what becomes of it: so many of one byte, or nothing.
type Change = (Table, Vec<u8>, Option<(u8, usize)>);

type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// Few keys, so that they meet; some the beginning of others, some very long.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => proptest::collection::vec(0_u8..3, 0..4),
        1 => (250_usize..=Batch::LONGEST_KEY, 0_u8..3).prop_map(|(length, byte)| vec![byte; length]),
    ]
}

fn value() -> impl Strategy<Value = Option<(u8, usize)>> {
    let size = prop_oneof![8 => 0_usize..200, 1 => 4090_usize..4100, 1 => 4000_usize..40_000];
    proptest::option::weighted(0.7, (any::<u8>(), size))
}

fn step() -> impl Strategy<Value = Step> {
    let change = (proptest::sample::select(Table::ALL), key(), value());
    prop_oneof![
        9 => proptest::collection::vec(change, 0..12).prop_map(Step::Commit),
        1 => Just(Step::Reopen),
    ]
}

fn batch(changes: &[Change]) -> Batch {
    let mut batch = Batch::new();
    for (table, key, value) in changes {
        match value {
            Some((byte, size)) => batch.put(*table, key.clone(), vec![*byte; *size]),
            None => batch.remove(*table, key.clone()),
        }
    }
    batch
}

fn follow(model: &mut Model, changes: &[Change]) {
    for (table, key, value) in changes {
        match value {
            Some((byte, size)) => model.insert((*table, key.clone()), vec![*byte; *size]),
            None => model.remove(&(*table, key.clone())),
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_is_a_sorted_map(steps in proptest::collection::vec(step(), 1..40)) {
        for member in MEMBERS {
            let scratch = Scratch::new();
            let settings = settings(member, scratch.path());
            let mut store = Some(open(&settings).unwrap());
            let mut model = Model::new();
            for step in &steps {
                match step {
                    Step::Reopen if member.keeps == Keeps::InMemory => {}
                    Step::Reopen => {
                        drop(store.take());
                        store = Some(open(&settings).unwrap());
                    }
                    Step::Commit(changes) => {
                        store.as_ref().unwrap().commit(batch(changes)).wait().unwrap();
                        follow(&mut model, changes);
                    }
                }
            }
            let store = store.unwrap();
            let mut found = Model::new();
            for table in Table::ALL {
                let (seen, end) = rows(&*store, *table);
                end.unwrap();
                found.extend(seen.into_iter().map(|(key, value)| ((*table, key), value)));
            }
            prop_assert_eq!(found, model);
        }
    }
}
