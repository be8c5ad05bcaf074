//! What every store promises.

mod damage;
mod folder;
mod law;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use strongroom::store::{Batch, Error, Gather, Keeps, MEMBERS, Member, Settings, Store, Table, open};

use crate::scratch::Scratch;

/// The settings with which `member` opens in `folder`.
fn settings(member: &Member, folder: &Path) -> Settings {
    Settings::new(member.kind, folder.join("store"))
}

/// A batch of one row.
fn put(table: Table, key: &[u8], value: &[u8]) -> Batch {
    let mut batch = Batch::new();
    batch.put(table, key, value);
    batch
}

/// A key and its value.
type Pair = (Vec<u8>, Vec<u8>);

/// Every row of a table that can be read, and how the walk ended.
fn rows(store: &dyn Store, table: Table) -> (Vec<Pair>, Result<(), Error>) {
    let mut rows = Vec::new();
    let end = store.walk(table, &mut |key, value| {
        rows.push((key.to_vec(), value.to_vec()));
        ControlFlow::Continue(())
    });
    (rows, end)
}

/// Runs a claim against every member, each in a folder of its own.
fn every_member(claim: impl Fn(&Member, &Settings)) {
    for member in MEMBERS {
        let scratch = Scratch::new();
        claim(member, &settings(member, scratch.path()));
    }
}

/// Runs a claim against every member whose rows outlive it.
fn every_lasting_member(claim: impl Fn(&Settings)) {
    every_member(|member, settings| {
        if member.keeps == Keeps::OnDisk {
            claim(settings);
        }
    });
}

#[test]
fn a_committed_row_is_read_back() {
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        store.commit(put(Table::Object, b"a", b"1")).wait().unwrap();
        assert_eq!(store.get(Table::Object, b"a").unwrap().as_deref(), Some(&b"1"[..]));
        assert_eq!(store.get(Table::Client, b"a").unwrap(), None);
        assert_eq!(store.get(Table::Object, b"").unwrap(), None);
    });
}

#[test]
fn the_later_of_two_changes_to_a_row_counts() {
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        let mut batch = put(Table::Object, b"a", b"1");
        batch.remove(Table::Object, b"a");
        batch.put(Table::Object, b"b", b"1");
        batch.put(Table::Object, b"b", b"2");
        store.commit(batch).wait().unwrap();
        assert_eq!(rows(&*store, Table::Object).0, [(b"b".to_vec(), b"2".to_vec())]);
    });
}

#[test]
fn a_walk_goes_in_the_order_of_keys_and_stops_when_told() {
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        let mut batch = Batch::new();
        for key in [&b"b"[..], b"", b"\xff\xff", b"a\0", b"a"] {
            batch.put(Table::Object, key, key);
            batch.put(Table::Client, key, b"another table's");
        }
        store.commit(batch).wait().unwrap();
        let (seen, end) = rows(&*store, Table::Object);
        end.unwrap();
        let keys: Vec<_> = seen.iter().map(|(key, _)| &**key).collect();
        assert_eq!(keys, [&b""[..], b"a", b"a\0", b"b", b"\xff\xff"]);
        let mut first = 0;
        store
            .walk(Table::Object, &mut |_, _| {
                first += 1;
                ControlFlow::Break(())
            })
            .unwrap();
        assert_eq!(first, 1);
    });
}

#[test]
fn a_visitor_may_read_and_write() {
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        store.commit(put(Table::Object, b"a", b"1")).wait().unwrap();
        store
            .walk(Table::Object, &mut |key, value| {
                assert_eq!(store.get(Table::Object, key).unwrap().as_deref(), Some(value));
                store.commit(put(Table::Client, key, value)).wait().unwrap();
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!(rows(&*store, Table::Client).0.len(), 1);
    });
}

#[test]
fn values_of_every_size_are_read_back() {
    const SIZES: [usize; 9] = [0, 1, 4095, 4096, 4097, 8192, 100_000, 1 << 20, Batch::LONGEST_VALUE];
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        for size in SIZES {
            let value: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
            store.commit(put(Table::Object, b"a", &value)).wait().unwrap();
            assert!(store.get(Table::Object, b"a").unwrap() == Some(value.clone()), "{size}");
            assert!(rows(&*store, Table::Object).0 == [(b"a".to_vec(), value)], "{size}");
        }
    });
}

#[test]
fn keys_and_values_beyond_the_limits_are_refused_alone() {
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        let longest = vec![7; Batch::LONGEST_KEY];
        store.commit(put(Table::Object, &longest, b"1")).wait().unwrap();
        let mut batch = put(Table::Object, b"a", b"1");
        batch.put(Table::Object, vec![7; Batch::LONGEST_KEY + 1], b"1");
        assert!(matches!(store.commit(batch).wait(), Err(Error::Key { table: Table::Object, length: 256 })));
        let batch = put(Table::Object, b"a", &vec![7; Batch::LONGEST_VALUE + 1]);
        assert!(matches!(store.commit(batch).wait(), Err(Error::Value { table: Table::Object })));
        assert_eq!(store.get(Table::Object, b"a").unwrap(), None);
        store.commit(put(Table::Object, b"a", b"1")).wait().unwrap();
    });
}

#[test]
fn the_generation_grows_with_every_commit() {
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        assert_eq!(store.generation(), 0);
        let first = store.commit(put(Table::Object, b"a", b"1")).wait().unwrap();
        let second = store.commit(Batch::new()).wait().unwrap();
        assert_eq!((first, second, store.generation()), (1, 2, 2));
    });
}

#[test]
fn a_full_queue_answers_busy_and_loses_nothing_it_took() {
    every_member(|_, settings| {
        let mut settings = settings.clone();
        settings.queue.batches = 2;
        let store = open(&settings).unwrap();
        let (mut taken, mut busy) = (0, 0);
        let receipts: Vec<_> =
            (0_u32..2000).map(|index| store.commit(put(Table::Object, &index.to_be_bytes(), &[0; 3000]))).collect();
        for receipt in receipts {
            match receipt.wait() {
                Ok(_) => taken += 1,
                Err(Error::Busy) => busy += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(busy > 0);
        assert_eq!(rows(&*store, Table::Object).0.len(), taken);
    });
}

#[test]
fn a_closed_store_has_kept_what_it_took_and_takes_no_more() {
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        let receipts: Vec<_> =
            (0_u32..100).map(|index| store.commit(put(Table::Object, &index.to_be_bytes(), b"1"))).collect();
        store.close().unwrap();
        store.close().unwrap();
        assert!(receipts.into_iter().all(|receipt| receipt.wait().is_ok()));
        assert!(matches!(store.commit(Batch::new()).wait(), Err(Error::Closed)));
        assert_eq!(rows(&*store, Table::Object).0.len(), 100);
    });
}

/// Rows that are asked for with the next group.
struct Sheaf(Mutex<Batch>);

impl Gather for Sheaf {
    fn rows(&self) -> Result<Batch, Error> {
        Ok(std::mem::take(&mut self.0.lock().unwrap()))
    }
}

fn sheaf(batch: Batch) -> Arc<dyn Gather> {
    Arc::new(Sheaf(Mutex::new(batch)))
}

#[test]
fn what_stands_for_a_note_is_kept_and_the_note_is_not() {
    every_member(|member, settings| {
        let store = open(settings).unwrap();
        for index in 0_u32..1000 {
            store.gather(sheaf(put(Table::Nonce, &index.to_be_bytes(), &[7; 300])));
            store.jot(put(Table::Client, &index.to_be_bytes(), b"note")).wait().unwrap();
        }
        let long = Batch::LONGEST_KEY + 1;
        assert!(matches!(store.jot(put(Table::Nonce, &vec![0; long], b"1")).wait(), Err(Error::Key { .. })));
        store.close().unwrap();
        assert!(matches!(store.jot(Batch::new()).wait(), Err(Error::Closed)));
        drop(store);
        if member.keeps == Keeps::OnDisk {
            let store = open(settings).unwrap();
            assert_eq!((rows(&*store, Table::Nonce).0.len(), rows(&*store, Table::Client).0.len()), (1000, 0));
        }
    });
}

#[test]
fn what_is_gathered_comes_after_the_changes_of_its_group() {
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        store.gather(sheaf(put(Table::Nonce, b"a", b"gathered")));
        store.commit(put(Table::Nonce, b"a", b"changed")).wait().unwrap();
        assert_eq!(store.get(Table::Nonce, b"a").unwrap().as_deref(), Some(&b"gathered"[..]));
        store.commit(put(Table::Nonce, b"a", b"changed")).wait().unwrap();
        assert_eq!(store.get(Table::Nonce, b"a").unwrap().as_deref(), Some(&b"changed"[..]), "it is asked once");
    });
}

#[test]
fn rows_that_cannot_be_made_end_the_store() {
    struct Barren;
    impl Gather for Barren {
        fn rows(&self) -> Result<Batch, Error> {
            Err(Error::Failed)
        }
    }
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        store.gather(Arc::new(Barren));
        assert!(store.commit(put(Table::Object, b"a", b"1")).wait().is_err());
        assert!(matches!(store.commit(Batch::new()).wait(), Err(Error::Failed | Error::Closed)));
    });
}

#[test]
fn a_walk_begins_where_it_is_told_to() {
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        for key in [&b"a"[..], b"b", b"ba", b"c"] {
            store.commit(put(Table::Object, key, b"1")).wait().unwrap();
        }
        for (from, expected) in [("", 4), ("a", 4), ("aa", 3), ("b", 3), ("bb", 1), ("d", 0)] {
            let mut seen = Vec::new();
            let mut visit = |key: &[u8], _: &[u8]| {
                seen.push(key.to_vec());
                ControlFlow::Continue(())
            };
            store.walk_from(Table::Object, from.as_bytes(), &mut visit).unwrap();
            assert_eq!(seen.len(), expected, "from {from:?}");
            assert!(seen.is_sorted() && seen.iter().all(|key| &**key >= from.as_bytes()), "from {from:?}");
        }
    });
}

#[test]
fn many_writers_share_the_store() {
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        std::thread::scope(|scope| {
            for writer in 0_u8..8 {
                let store = Arc::clone(&store);
                scope.spawn(move || {
                    for index in 0_u8..50 {
                        let size = if index % 10 == 0 { 20_000 } else { 20 };
                        store.commit(put(Table::Object, &[writer, index], &vec![index; size])).wait().unwrap();
                        let read = store.get(Table::Object, &[writer, index]).unwrap();
                        assert_eq!(read.map(|value| value.len()), Some(size));
                    }
                });
            }
        });
        assert_eq!(rows(&*store, Table::Object).0.len(), 400);
        assert!(store.generation() <= 400);
    });
}

#[test]
fn a_reader_sees_a_value_as_it_was_or_as_it_is() {
    every_member(|_, settings| {
        let store = open(settings).unwrap();
        store.commit(put(Table::Object, b"a", &[0; 30_000])).wait().unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for round in 1_u8..60 {
                    let size = 10_000 + usize::from(round) * 500;
                    store.commit(put(Table::Object, b"a", &vec![round; size])).wait().unwrap();
                }
            });
            while !writer.is_finished() {
                let value = store.get(Table::Object, b"a").unwrap().unwrap();
                assert!(value.iter().all(|byte| *byte == value[0]));
            }
        });
    });
}

#[test]
fn rows_and_generation_outlive_the_store() {
    every_lasting_member(|settings| {
        for round in 1_u8..5 {
            let store = open(settings).unwrap();
            assert_eq!(store.generation(), u64::from(round - 1));
            assert_eq!(rows(&*store, Table::Object).0.len(), usize::from(round - 1));
            store.commit(put(Table::Object, &[round], &vec![round; 10_000])).wait().unwrap();
        }
    });
}

#[test]
fn a_store_that_takes_anothers_place_goes_on_from_its_generation_and_minds_it_never_again() {
    every_lasting_member(|settings| {
        let since = |since| Settings { since, ..settings.clone() };
        let store = open(&since(1000)).unwrap();
        assert_eq!(store.generation(), 1000);
        drop(store);
        let store = open(&since(2000)).unwrap();
        assert_eq!(store.generation(), 2000, "nothing was written");
        assert_eq!(store.commit(put(Table::Object, b"a", b"b")).wait().unwrap(), 2001);
        drop(store);
        for other in [0, 9000] {
            assert_eq!(open(&since(other)).unwrap().generation(), 2001);
        }
    });
}

#[test]
fn every_kind_has_a_row_and_every_row_a_name_of_its_own() {
    let mut names: Vec<_> = MEMBERS.iter().map(|member| (member.name, member.kind)).collect();
    names.sort_unstable();
    names.dedup_by_key(|(name, _)| *name);
    assert_eq!(names.len(), MEMBERS.len());
    every_member(|member, settings| assert_eq!(settings.kind, member.kind));
}
