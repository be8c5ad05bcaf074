//! Nonces against a set of them, over everything that a vault goes through.

use std::{
    collections::BTreeSet,
    sync::{Arc, Barrier},
};

use proptest::prelude::*;
use strongroom::{
    slot::{Family, Made, Recipe},
    store::{Error as StoreError, Table},
    vault::{Content, Error, New, ObjectId, Purpose, Rotating, Spent},
};
use strongroom_kmip::{
    attribute::{Attribute, Set},
    code::{CryptographicUsageMask, ObjectType, State},
};

use crate::room::{Room, alice, file};

/// One thing that happens to keys and their nonces.
#[derive(Clone, Debug)]
enum Step {
    /// Nonces are spent together in one change, as a use does or, where it says so, durably.
    Spend { key: usize, nonces: Vec<u8>, durably: bool },
    /// They would be, and are undone.
    Undo { key: usize, nonces: Vec<u8> },
    /// The vault is sealed and opened again.
    Seal,
    /// The data key is exchanged.
    Rotate,
    /// Another key comes in its place, and spends in the same change.
    Replace { key: usize, nonce: u8 },
    /// Nothing of it stays, and a new key comes under its name.
    End { key: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let nonces = || proptest::collection::vec(any::<u8>(), 1..6);
    prop_oneof![
        12 => (0..KEYS, nonces(), any::<bool>()).prop_map(|(key, nonces, durably)| Step::Spend { key, nonces, durably }),
        3 => (0..KEYS, nonces()).prop_map(|(key, nonces)| Step::Undo { key, nonces }),
        1 => Just(Step::Seal),
        1 => Just(Step::Rotate),
        1 => (0..KEYS, any::<u8>()).prop_map(|(key, nonce)| Step::Replace { key, nonce }),
        1 => (0..KEYS).prop_map(|key| Step::End { key }),
    ]
}

struct Bench {
    room: Room,
    spent: Vec<BTreeSet<u8>>,
}

impl Bench {
    fn new() -> Self {
        let this = Self { room: Room::new(), spent: vec![BTreeSet::new(); KEYS] };
        (0..KEYS).for_each(|key| this.install(key, None));
        this
    }

    /// Puts a new key under the name of one, and spends with it.
    fn install(&self, key: usize, nonce: Option<u8>) {
        let vault = &self.room.vault;
        let Made::One(kept) = vault.make(None, &AES).unwrap() else { panic!("a pair") };
        let attributes: Set = [
            Attribute::ObjectType(ObjectType::SymmetricKey),
            Attribute::State(State::Active),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
        ]
        .into_iter()
        .collect();
        let new = New { slot: "dev".to_owned(), content: Content::Key(kept), attributes };
        let mut change = vault.begin().unwrap();
        assert!(vault.install(&mut change, &alice(), &name(key), new, true).unwrap());
        if let Some(nonce) = nonce {
            let usable = vault.with(Some(&change)).unwrap().usable(&alice(), &name(key), Purpose::Encrypt).unwrap();
            assert_eq!(vault.spend(&mut change, &usable, &[nonce; 12]).unwrap(), Spent::Fresh);
        }
        vault.commit(change).wait().unwrap();
    }

    fn take(&mut self, step: Step) {
        let vault = &self.room.vault;
        match step {
            Step::Spend { key, nonces, durably } => {
                let mut change = vault.begin().unwrap();
                for nonce in nonces {
                    let expected = if self.spent[key].insert(nonce) { Spent::Fresh } else { Spent::Again };
                    assert_eq!(self.spend(&mut change, key, nonce), expected, "{nonce} of {key}");
                }
                let jots = change.only_spends() && !durably;
                let receipt = if jots { vault.jot(change) } else { vault.commit(change) };
                receipt.wait().unwrap();
            }
            Step::Undo { key, nonces } => {
                let (mut change, mut spent) = (vault.begin().unwrap(), self.spent[key].clone());
                for nonce in nonces {
                    let expected = if spent.insert(nonce) { Spent::Fresh } else { Spent::Again };
                    assert_eq!(self.spend(&mut change, key, nonce), expected, "{nonce} of {key}");
                }
            }
            Step::Seal => {
                vault.seal();
                vault.enter(file(7)).unwrap();
            }
            Step::Rotate => {
                self.room.change(|change| vault.rotate(change, Rotating::Data)).unwrap();
                self.room.round().unwrap();
            }
            Step::Replace { key, nonce } => {
                self.install(key, Some(nonce));
                self.spent[key] = BTreeSet::from([nonce]);
            }
            Step::End { key } => {
                self.room.change(|change| vault.expunge(change, &alice(), &name(key))).unwrap();
                assert_eq!(self.rows(key), 0);
                self.install(key, None);
                self.spent[key].clear();
            }
        }
    }

    fn spend(&self, change: &mut strongroom::vault::Change, key: usize, nonce: u8) -> Spent {
        let usable = self.room.vault.usable(&alice(), &name(key), Purpose::Encrypt).unwrap();
        self.room.vault.spend(change, &usable, &[nonce; 12]).unwrap()
    }

    /// How many rows of a key's nonces the store has.
    fn rows(&self, key: usize) -> usize {
        let (from, mut count) = (format!("{}\0", name(key)), 0);
        self.room.store.commit(strongroom::store::Batch::new()).wait().unwrap();
        let mut visit = |row: &[u8], _: &[u8]| {
            count += usize::from(row.starts_with(from.as_bytes()));
            std::ops::ControlFlow::Continue(())
        };
        self.room.store.walk(Table::Nonce, &mut visit).unwrap();
        count
    }

    fn all_hold(&mut self) {
        for key in 0..KEYS {
            let mut change = self.room.vault.begin().unwrap();
            for nonce in 0..=u8::MAX {
                let expected = if self.spent[key].contains(&nonce) { Spent::Again } else { Spent::Fresh };
                assert_eq!(self.spend(&mut change, key, nonce), expected, "{nonce} of {key}");
            }
        }
    }
}

fn name(key: usize) -> ObjectId {
    // One name begins with the other, as rows of both stand side by side.
    ObjectId::from_text(&"key".repeat(key + 1))
}

const AES: Recipe = Recipe::Symmetric { family: Family::Aes, bits: 256 };
const KEYS: usize = 3;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_nonce_is_fresh_once_and_only_until_it_is_spent(steps in proptest::collection::vec(step(), 1..60)) {
        let mut bench = Bench::new();
        steps.into_iter().for_each(|step| bench.take(step));
        bench.all_hold();
        bench.take(Step::Seal);
        bench.all_hold();
    }
}

#[test]
fn of_many_who_bring_one_nonce_one_is_served() {
    let mut bench = Bench::new();
    bench.take(Step::Spend { key: 0, nonces: vec![0], durably: true });
    let (bench, start) = (Arc::new(bench), Arc::new(Barrier::new(8)));
    let fresh: usize = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let served = (1..=200).filter(|nonce| {
                        let mut change = bench.room.vault.begin().unwrap();
                        let spent = bench.spend(&mut change, 0, *nonce);
                        bench.room.vault.jot(change).wait().unwrap();
                        spent == Spent::Fresh
                    });
                    served.count()
                })
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).sum()
    });
    assert_eq!(fresh, 200);
}

#[test]
fn a_store_that_takes_nothing_spends_nothing() {
    let mut bench = Bench::new();
    bench.take(Step::Spend { key: 0, nonces: vec![0], durably: true });
    let mut change = bench.room.vault.begin().unwrap();
    assert_eq!(bench.spend(&mut change, 0, 1), Spent::Fresh);
    bench.room.store.close().unwrap();
    assert!(matches!(bench.room.vault.jot(change).wait(), Err(StoreError::Closed)));
    let mut change = bench.room.vault.begin().unwrap();
    assert_eq!(bench.spend(&mut change, 0, 1), Spent::Fresh);
    assert!(matches!(bench.room.vault.commit(change).wait(), Err(StoreError::Closed)));
}

#[test]
fn a_damaged_row_lets_its_key_take_no_nonce() {
    let mut bench = Bench::new();
    bench.take(Step::Spend { key: 0, nonces: vec![1, 2, 3], durably: true });
    let row = [name(0).as_str().as_bytes(), &[0], &4096_u16.to_be_bytes()].concat();
    let mut sealed = bench.room.store.get(Table::Nonce, &row).unwrap().unwrap();
    *sealed.last_mut().unwrap() ^= 1;
    let mut batch = strongroom::store::Batch::new();
    batch.put(Table::Nonce, row, sealed);
    bench.room.store.commit(batch).wait().unwrap();
    bench.take(Step::Seal);
    let vault = &bench.room.vault;
    let usable = vault.usable(&alice(), &name(0), Purpose::Encrypt).unwrap();
    let spent = vault.spend(&mut vault.begin().unwrap(), &usable, &[9; 12]);
    assert!(matches!(spent, Err(Error::Damaged(_))), "{spent:?}");
}
