//! The seal: root key, data keys, and the sealing of one row.
//!
//! What is entered at unseal becomes a key-encryption key, which opens the root key, which opens the ring of data keys, from
//! which HKDF makes a subkey for each use and a key for each row. A row says by which data key it was sealed, with AES-256-GCM;
//! table, key, part and generation are authenticated with it, so rows cannot be swapped or put back one by one.

use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    cipher::{KEY, aead_key, expand, locked, open, shut},
    error::Error,
    ring::Ring,
};
use crate::{
    chance::{self, Chance},
    memory::Locked,
};

/// Where a sealed row belongs; it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The row's key.
    pub key: &'a str,
    /// Which part of the row.
    pub part: &'a str,
    /// The row's generation.
    pub generation: u64,
}

impl<'a> Place<'a> {
    /// The place of a setting.
    pub fn setting(name: &'a str) -> Self {
        Self { table: "setting", key: name, part: "setting", generation: 0 }
    }

    /// The place in bytes: each text behind its length, so no two places read alike.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        for text in [self.table, self.key, self.part] {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes
    }
}

/// Seals and opens rows, with the subkeys of one use. Cloning shares it.
#[derive(Clone)]
pub struct Sealer {
    purpose: &'static str,
    keys: Arc<RwLock<Keys>>,
    chance: Arc<dyn Chance>,
}

/// The seal of one row: its key and where it belongs.
pub(super) struct Stamp {
    format: u8,
    /// The number of the data key.
    number: u32,
    key: LessSafeKey,
    place: Vec<u8>,
}

/// A subkey of each data key with the data key's number, the newest last.
type Keys = Vec<(u32, Arc<Locked>)>;

impl Sealer {
    /// The sealer for one use: `store`, `audit`, `redaction`.
    ///
    /// # Errors
    /// [`Error`] when there is no lockable memory.
    pub(super) fn new(ring: &Ring, purpose: &'static str, chance: &Arc<dyn Chance>) -> Result<Self, Error> {
        let keys = subkeys(ring, purpose)?;
        Ok(Self { purpose, keys: Arc::new(RwLock::new(keys)), chance: Arc::clone(chance) })
    }

    /// Goes over to another ring, with all its clones: the newest key seals from now on, and what is sealed by keys that
    /// the ring does not have opens no more.
    ///
    /// # Errors
    /// [`Error`] when there is no lockable memory; then nothing has changed.
    pub(super) fn follow(&self, ring: &Ring) -> Result<(), Error> {
        let keys = subkeys(ring, self.purpose)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Seals bytes for a place.
    ///
    /// # Errors
    /// [`Error`] when the random source or the cipher fails.
    pub fn close(&self, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.close_in(place, plain, None)
    }

    /// Seals bytes for a place, by the data key of the slot that they are in as well, where it has one.
    ///
    /// # Errors
    /// As for [`close`](Self::close).
    pub(super) fn close_in(&self, place: &Place<'_>, plain: &[u8], own: Option<&Locked>) -> Result<Vec<u8>, Error> {
        self.press(&self.stamp_in(place, own)?, plain)
    }

    /// What seals and opens one row, made ready for one that is sealed again and again.
    ///
    /// # Errors
    /// As for [`close`](Self::close).
    pub(super) fn stamp(&self, place: &Place<'_>) -> Result<Stamp, Error> {
        self.stamp_in(place, None)
    }

    fn stamp_in(&self, place: &Place<'_>, own: Option<&Locked>) -> Result<Stamp, Error> {
        let place = place.bytes();
        let (number, key) = self.newest()?;
        let key = row_key(&key, own, &place)?;
        Ok(Stamp { format: if own.is_some() { IN_SLOT } else { FORMAT }, number, key, place })
    }

    /// Whether the newest data key is still the one that the stamp was made by.
    pub(super) fn is_newest(&self, stamp: &Stamp) -> bool {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.last().is_some_and(|(number, _)| *number == stamp.number)
    }

    /// Seals bytes for the place of a stamp, by its data key.
    ///
    /// # Errors
    /// As for [`close`](Self::close).
    pub(super) fn press(&self, stamp: &Stamp, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let nonce: [u8; NONCE_LEN] = chance::array(&*self.chance)?;
        let mut row = Vec::with_capacity(HEAD + plain.len() + AES_256_GCM.tag_len());
        row.push(stamp.format);
        row.extend_from_slice(&stamp.number.to_be_bytes());
        row.extend_from_slice(&nonce);
        let mut body = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
        body.extend_from_slice(plain);
        stamp
            .key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&stamp.place), &mut *body)
            .map_err(|_| Error::Broken("sealing"))?;
        row.extend_from_slice(&body);
        Ok(row)
    }

    /// Opens what was sealed for the place.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it was sealed for another place, by another key, or changed since.
    pub fn open(&self, place: &Place<'_>, row: &[u8]) -> Result<Secret, Error> {
        self.open_in(place, row, None)
    }

    /// Opens what was sealed for the place, by the data key of its slot as well where the row says so: it may be older than
    /// the slot's key.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub(super) fn open_in(&self, place: &Place<'_>, row: &[u8], own: Option<&Locked>) -> Result<Secret, Error> {
        let damaged = || Error::Damaged(format!("{}/{}", place.table, place.key));
        let own = match row.first() {
            Some(&IN_SLOT) => Some(own.ok_or_else(damaged)?),
            _ => None,
        };
        let bytes = place.bytes();
        let number = data_key(row).ok_or_else(damaged)?;
        let (nonce, sealed) =
            row.get(HEAD - NONCE_LEN..).and_then(<[u8]>::split_first_chunk::<NONCE_LEN>).ok_or_else(damaged)?;
        let key = self.numbered(number).ok_or_else(damaged)?;
        let mut body = Zeroizing::new(sealed.to_vec());
        let plain = row_key(&key, own, &bytes)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(&bytes), &mut body)
            .map_err(|_| damaged())?;
        Ok(Secret::copy_of(plain))
    }

    /// Whether it opens what older keys have sealed.
    pub(super) fn has_older(&self) -> bool {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).len() > 1
    }

    fn newest(&self) -> Result<(u32, Arc<Locked>), Error> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.last().cloned().ok_or(Error::Broken("sealing: there is no data key"))
    }

    fn numbered(&self, number: u32) -> Option<Arc<Locked>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().rev().find(|(known, _)| *known == number).map(|(_, key)| Arc::clone(key))
    }
}

/// The number of the data key that a row is sealed by; nothing for a row of another format.
pub(super) fn data_key(row: &[u8]) -> Option<u32> {
    let (format, rest) = row.split_first()?;
    let (number, _) = rest.split_first_chunk::<4>()?;
    matches!(*format, FORMAT | IN_SLOT).then_some(u32::from_be_bytes(*number))
}

/// A key of its own for every row, so that no two rows share a nonce's risk. What is in a slot takes the slot's key too: without
/// it nothing that was in the slot opens.
fn row_key(key: &Locked, own: Option<&Locked>, place: &[u8]) -> Result<LessSafeKey, Error> {
    let Some(own) = own else { return aead_key(&*expand(key.reveal(), &[b"row", place])?) };
    let mut both = Zeroizing::new([0; 2 * KEY]);
    both.iter_mut().zip(key.reveal().iter().chain(own.reveal())).for_each(|(to, from)| *to = *from);
    aead_key(&*expand(&*both, &[b"slot row", place])?)
}

fn subkeys(ring: &Ring, purpose: &'static str) -> Result<Keys, Error> {
    let subkey = |(number, key): (u32, &Arc<Locked>)| {
        let bytes = expand(key.reveal(), &[b"strongroom", purpose.as_bytes()])?;
        Ok((number, Arc::new(locked(&bytes)?)))
    };
    ring.keys().map(subkey).collect()
}

/// The root key in locked memory. It never leaves but to those who can open it.
pub struct Root {
    key: Locked,
}

impl Root {
    /// A new root key.
    ///
    /// # Errors
    /// [`Error`] when there is no randomness or no lockable memory.
    pub(super) fn new(chance: &dyn Chance) -> Result<Self, Error> {
        let bytes = Zeroizing::new(chance::array::<KEY>(chance)?);
        Ok(Self { key: locked(&bytes)? })
    }

    pub(super) fn from_secret(secret: &Secret) -> Result<Self, Error> {
        let bytes: &[u8; KEY] = secret.reveal().try_into().map_err(|_| Error::WrongKey)?;
        Ok(Self { key: locked(bytes)? })
    }

    pub(super) fn reveal(&self) -> &[u8] {
        self.key.reveal()
    }

    /// Seals something that stands beside the rows, for one use and together with what it belongs to.
    ///
    /// # Errors
    /// [`Error`] when the random source or the cipher fails.
    pub(super) fn close(
        &self,
        purpose: &str,
        with: &[u8],
        plain: &[u8],
        chance: &dyn Chance,
    ) -> Result<Vec<u8>, Error> {
        let key = expand(self.key.reveal(), &[b"strongroom root", purpose.as_bytes()])?;
        shut(&key, with, plain, chance)
    }

    /// Opens what [`close`](Self::close) sealed.
    ///
    /// # Errors
    /// [`Error::WrongKey`] when it was sealed by another key, for another use, or changed since.
    pub(super) fn open(&self, purpose: &str, with: &[u8], sealed: &[u8]) -> Result<Secret, Error> {
        let key = expand(self.key.reveal(), &[b"strongroom root", purpose.as_bytes()])?;
        open(&key, with, sealed)
    }
}

/// The first byte of a sealed row.
const FORMAT: u8 = 2;
/// The first byte of a row that the data key of its slot seals as well.
const IN_SLOT: u8 = 3;
/// Bytes before a row's ciphertext: format, number of the data key, nonce.
const HEAD: usize = 1 + 4 + NONCE_LEN;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::tests::{Dice, sealer};

    const PLACE: Place<'static> = Place { table: "object", key: "a", part: "meta", generation: 7 };

    #[test]
    fn a_row_opens_only_where_it_was_sealed_for() {
        let sealer = sealer();
        let row = sealer.close(&PLACE, b"plain").unwrap();
        assert_eq!(sealer.open(&PLACE, &row).unwrap().reveal(), b"plain");
        for (why, place) in [
            ("another table", Place { table: "client", ..PLACE }),
            ("another row", Place { key: "b", ..PLACE }),
            ("another part", Place { part: "key", ..PLACE }),
            ("an older generation", Place { generation: 6, ..PLACE }),
            ("texts that run together", Place { table: "objecta", key: "", ..PLACE }),
        ] {
            assert!(matches!(sealer.open(&place, &row), Err(Error::Damaged(_))), "{why}");
        }
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_seen() {
        let sealer = sealer();
        let row = sealer.close(&PLACE, b"plain").unwrap();
        for at in 0..row.len() {
            let mut bad = row.clone();
            bad[at] ^= 1;
            assert!(sealer.open(&PLACE, &bad).is_err(), "byte {at} flipped");
            assert!(sealer.open(&PLACE, &row[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_row_of_another_format_or_data_key_is_refused() {
        let sealer = sealer();
        let row = sealer.close(&PLACE, b"plain").unwrap();
        for (name, at) in [("format", 0), ("data key", 4)] {
            for other in (0..=255).filter(|other| *other != row[at]) {
                let mut bad = row.clone();
                bad[at] = other;
                assert!(matches!(sealer.open(&PLACE, &bad), Err(Error::Damaged(_))), "{name} {other}");
            }
        }
    }

    #[test]
    fn a_new_data_key_seals_and_the_old_one_opens_until_it_is_gone() {
        let chance: Arc<dyn Chance> = Arc::new(Dice::new(1));
        let ring = Ring::new(&*chance).unwrap();
        let sealer = Sealer::new(&ring, "store", &chance).unwrap();
        let (clone, old) = (sealer.clone(), sealer.close(&PLACE, b"old").unwrap());
        let next = ring.next(&*chance).unwrap();
        sealer.follow(&next).unwrap();
        let new = clone.close(&PLACE, b"new").unwrap();
        assert_ne!(data_key(&old), data_key(&new));
        assert_eq!(clone.open(&PLACE, &old).unwrap().reveal(), b"old");
        sealer.follow(&next.newest()).unwrap();
        assert!(matches!(clone.open(&PLACE, &old), Err(Error::Damaged(_))));
        assert_eq!(clone.open(&PLACE, &new).unwrap().reveal(), b"new");
    }

    #[test]
    fn a_stamp_seals_its_row_again_and_again_until_there_is_a_newer_key() {
        let chance: Arc<dyn Chance> = Arc::new(Dice::new(1));
        let ring = Ring::new(&*chance).unwrap();
        let sealer = Sealer::new(&ring, "store", &chance).unwrap();
        let stamp = sealer.stamp(&PLACE).unwrap();
        for plain in [b"one", b"two"] {
            let row = sealer.press(&stamp, plain).unwrap();
            assert_eq!(sealer.open(&PLACE, &row).unwrap().reveal(), plain);
            assert!(sealer.open(&Place { key: "b", ..PLACE }, &row).is_err());
        }
        assert!(sealer.is_newest(&stamp));
        sealer.follow(&ring.next(&*chance).unwrap()).unwrap();
        assert!(!sealer.is_newest(&stamp));
    }

    #[test]
    fn what_is_in_a_slot_opens_by_its_data_key_alone() {
        let (sealer, [own, other]) = (sealer(), [7, 8].map(|byte| locked(&[byte; KEY]).unwrap()));
        let row = sealer.close_in(&PLACE, b"plain", Some(&own)).unwrap();
        assert_eq!(sealer.open_in(&PLACE, &row, Some(&own)).unwrap().reveal(), b"plain");
        let mut denied = row.clone();
        denied[0] = FORMAT;
        for (name, row, key) in [
            ("without a key", &row, None),
            ("by another slot's key", &row, Some(&other)),
            ("as if it were in no slot", &denied, Some(&own)),
        ] {
            assert!(matches!(sealer.open_in(&PLACE, row, key), Err(Error::Damaged(_))), "{name}");
        }
        let older = sealer.close(&PLACE, b"plain").unwrap();
        assert_eq!(sealer.open_in(&PLACE, &older, Some(&own)).unwrap().reveal(), b"plain", "from before it had a key");
    }
}
