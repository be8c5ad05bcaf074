//! What the store must hold: a sealed sum over every record's identifier and generation.
//!
//! Each record carries its own seal, so a changed one is seen; a record that was removed, or put back as it stood
//! earlier, is seen by this sum, which is written with every change and cannot be made without the root key.

use aws_lc_rs::digest::{SHA256, digest};

use super::{
    error::Error,
    identifier::ObjectId,
    seal::{Place, Sealer},
};

/// The sum: how many records there are, and the sum modulo 2^256 of a digest of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    count: u64,
    sum: [u8; 32],
    /// How many changes it has seen; part of its seal, so that two manifests never share one.
    generation: u64,
}

impl Manifest {
    /// Enters a record.
    pub fn enter(&mut self, id: &ObjectId, generation: u64) {
        self.count = self.count.saturating_add(1);
        self.sum = add(self.sum, fingerprint(id, generation));
    }

    /// Strikes a record.
    pub fn strike(&mut self, id: &ObjectId, generation: u64) {
        self.count = self.count.saturating_sub(1);
        self.sum = add(self.sum, negate(fingerprint(id, generation)));
    }

    /// Enters every record that another counts.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum = add(self.sum, other.sum);
    }

    /// Whether both count the same records.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.count == other.count && self.sum == other.sum
    }

    /// The next manifest's row for the store.
    ///
    /// # Errors
    /// [`Error`] when sealing fails.
    pub fn seal(&mut self, sealer: &Sealer) -> Result<Vec<u8>, Error> {
        self.generation = self.generation.saturating_add(1);
        let mut plain = Vec::with_capacity(48);
        plain.extend_from_slice(&self.count.to_be_bytes());
        plain.extend_from_slice(&self.sum);
        plain.extend_from_slice(&self.generation.to_be_bytes());
        sealer.close(&PLACE, &plain)
    }

    /// Reads the row back.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it does not fit its seal.
    pub fn open(sealer: &Sealer, row: &[u8]) -> Result<Self, Error> {
        let damaged = || Error::Damaged(KEY.to_owned());
        let plain = sealer.open(&PLACE, row)?;
        let (count, rest) = plain.reveal().split_first_chunk::<8>().ok_or_else(damaged)?;
        let (sum, rest) = rest.split_first_chunk::<32>().ok_or_else(damaged)?;
        let (generation, _) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        Ok(Self { count: u64::from_be_bytes(*count), sum: *sum, generation: u64::from_be_bytes(*generation) })
    }
}

fn fingerprint(id: &ObjectId, generation: u64) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(&generation.to_be_bytes());
    bytes.extend_from_slice(id.as_str().as_bytes());
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, &bytes).as_ref());
    sum
}

fn add(mut a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let mut carry = 0u16;
    for (x, y) in a.iter_mut().rev().zip(b.iter().rev()) {
        let [high, low] = (u16::from(*x) + u16::from(*y) + carry).to_be_bytes();
        *x = low;
        carry = u16::from(high);
    }
    a
}

fn negate(a: [u8; 32]) -> [u8; 32] {
    let mut one = [0; 32];
    one[31] = 1;
    add(a.map(|byte| !byte), one)
}

/// The key of the row that the manifest is kept under.
pub const KEY: &str = "manifest";
/// Where the row belongs.
pub(super) const PLACE: Place<'static> = Place { table: "setting", key: KEY, part: "sum", generation: 0 };

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_order_of_records_does_not_matter_and_striking_undoes_entering(
            records in proptest::collection::vec(("[a-z]{1,8}", 0u64..100), 1..20)
        ) {
            let (mut forward, mut backward) = (Manifest::default(), Manifest::default());
            records.iter().for_each(|(id, generation)| forward.enter(&ObjectId::from_text(id), *generation));
            records.iter().rev().for_each(|(id, generation)| backward.enter(&ObjectId::from_text(id), *generation));
            prop_assert!(forward.agrees_with(&backward));
            records.iter().for_each(|(id, generation)| forward.strike(&ObjectId::from_text(id), *generation));
            prop_assert!(forward.agrees_with(&Manifest::default()));
        }

        #[test]
        fn an_older_generation_of_one_record_is_seen(id in "[a-z]{1,8}", generation in 1u64..1000) {
            let (mut now, mut before) = (Manifest::default(), Manifest::default());
            now.enter(&ObjectId::from_text(&id), generation);
            before.enter(&ObjectId::from_text(&id), generation - 1);
            prop_assert!(!now.agrees_with(&before));
        }
    }
}
