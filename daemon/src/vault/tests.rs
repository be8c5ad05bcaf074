//! What the tests of this room share.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{ring::Ring, seal::Sealer};
use crate::{
    chance::{Chance, Dry},
    store::{self, Batch, Kind, Settings, Store},
};

/// A sealer with a ring of its own, always the same.
pub(crate) fn sealer() -> Sealer {
    let chance: Arc<dyn Chance> = Arc::new(Dice::new(1));
    Sealer::new(&Ring::new(&*chance).unwrap(), "store", &chance).unwrap()
}

/// An empty store.
pub(crate) fn store() -> Arc<dyn Store> {
    store::open(&Settings::new(Kind::Memory, "")).unwrap()
}

/// Makes durable what a store was asked to gather.
pub(crate) fn turn(store: &dyn Store) {
    store.commit(Batch::new()).wait().unwrap();
}

/// A source that gives the same bytes for the same seed. Nothing here is secret.
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))
    }
}

impl Chance for Dice {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
        for byte in bytes {
            let next = |x: u64| {
                let x = x ^ (x << 13);
                let x = x ^ (x >> 7);
                x ^ (x << 17)
            };
            let rolled = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |x| Some(next(x))).unwrap_or(1);
            *byte = rolled.to_be_bytes()[3];
        }
        Ok(())
    }
}
