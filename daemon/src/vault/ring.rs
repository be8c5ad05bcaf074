//! The ring of data keys: the newest seals what is written, older ones open what is not resealed yet.

use std::sync::Arc;

use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    cipher::{KEY, locked},
    error::Error,
};
use crate::{
    chance::{self, Chance},
    memory::Locked,
};

/// Data keys with their numbers, the newest last. There is always one.
#[derive(Clone)]
pub(super) struct Ring(Vec<(u32, Arc<Locked>)>);

impl Ring {
    /// A ring with its first key.
    ///
    /// # Errors
    /// [`Error`] when there is no randomness or no lockable memory.
    pub(super) fn new(chance: &dyn Chance) -> Result<Self, Error> {
        Self(Vec::new()).next(chance)
    }

    /// A ring with another key.
    ///
    /// # Errors
    /// As for [`new`](Self::new); [`Error::Broken`] for a ring that is full.
    pub(super) fn next(&self, chance: &dyn Chance) -> Result<Self, Error> {
        if self.0.len() >= MOST {
            return Err(Error::Broken("rotating: earlier rotations have to end first"));
        }
        let number = self.number().checked_add(1).ok_or(Error::Broken("numbering data keys"))?;
        let bytes = Zeroizing::new(chance::array::<KEY>(chance)?);
        let mut keys = self.0.clone();
        keys.push((number, Arc::new(locked(&bytes)?)));
        Ok(Self(keys))
    }

    /// A ring with the newest key alone.
    pub(super) fn newest(&self) -> Self {
        Self(self.0.last().cloned().into_iter().collect())
    }

    /// The number of the newest key.
    pub(super) fn number(&self) -> u32 {
        self.0.last().map_or(0, |(number, _)| *number)
    }

    /// Whether there are older keys.
    pub(super) fn has_older(&self) -> bool {
        self.0.len() > 1
    }

    /// The keys with their numbers, the newest last.
    pub(super) fn keys(&self) -> impl Iterator<Item = (u32, &Arc<Locked>)> {
        self.0.iter().map(|(number, key)| (*number, key))
    }

    /// The ring in bytes.
    pub(super) fn write(&self) -> Secret {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.0.len().saturating_mul(ENTRY)));
        for (number, key) in self.keys() {
            bytes.extend_from_slice(&number.to_be_bytes());
            bytes.extend_from_slice(key.reveal());
        }
        Secret::copy_of(&bytes)
    }

    /// Reads what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// [`Error::Damaged`] for bytes that are no ring, [`Error`] when there is no lockable memory.
    pub(super) fn read(bytes: &Secret) -> Result<Self, Error> {
        let damaged = || Error::Damaged("setting/seal".to_owned());
        let (entries, []) = bytes.reveal().as_chunks::<ENTRY>() else { return Err(damaged()) };
        if entries.is_empty() || entries.len() > MOST {
            return Err(damaged());
        }
        let mut keys = Vec::with_capacity(entries.len());
        for entry in entries {
            let (number, key) = entry.split_first_chunk::<4>().ok_or_else(damaged)?;
            let key: &[u8; KEY] = key.try_into().map_err(|_| damaged())?;
            keys.push((u32::from_be_bytes(*number), Arc::new(locked(key)?)));
        }
        if keys.is_sorted_by(|(one, _), (next, _)| one < next) { Ok(Self(keys)) } else { Err(damaged()) }
    }
}

/// Bytes of a key with its number.
const ENTRY: usize = 4 + KEY;
/// Rotations that have not ended; nobody needs more, and each takes locked memory.
const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::tests::Dice;

    #[test]
    fn a_ring_reads_back_with_its_numbers() {
        let dice = Dice::new(1);
        let ring = Ring::new(&dice).unwrap().next(&dice).unwrap();
        let read = Ring::read(&ring.write()).unwrap();
        assert_eq!(read.number(), 2);
        assert!(read.has_older() && !read.newest().has_older());
        assert!(read.write().same_as(ring.write().reveal()));
    }

    #[test]
    fn what_is_no_ring_is_refused() {
        let dice = Dice::new(1);
        let two = Ring::new(&dice).unwrap().next(&dice).unwrap().write();
        let (first, second) = two.reveal().split_at(ENTRY);
        for (name, bytes) in [
            ("nothing", Vec::new()),
            ("a cut", two.reveal()[1..].to_vec()),
            ("a number twice", [first, first].concat()),
            ("the wrong order", [second, first].concat()),
            ("too many", first.repeat(MOST + 1)),
        ] {
            assert!(matches!(Ring::read(&Secret::new(bytes)), Err(Error::Damaged(_))), "{name}");
        }
    }

    #[test]
    fn rotations_that_do_not_end_are_bounded() {
        let dice = Dice::new(1);
        let mut ring = Ring::new(&dice).unwrap();
        for _ in 1..MOST {
            ring = ring.next(&dice).unwrap();
        }
        assert!(matches!(ring.next(&dice), Err(Error::Broken(_))));
    }
}
