//! What the tests of this room share.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::chance::{Chance, Dry};

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
