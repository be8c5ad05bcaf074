//! Work that needs all its data at once, offered in parts: the parts are gathered and worked on at the end.

use strongroom_kmip::{
    mechanism::{Hash, Mechanism},
    secret::Secret,
};
use zeroize::Zeroize;

use super::hash::Digesting;
use crate::slot::contract::{Error, Key, NO_VERIFICATION, Purpose, Running};

/// Gathers data and works on them in one go. Nothing comes out before the end, so no plaintext leaves before its tag
/// was checked.
pub(super) struct Gather<K> {
    key: K,
    purpose: Purpose,
    mechanism: Mechanism,
    data: Parts,
}

impl<K: Key + 'static> Gather<K> {
    /// Gathers up to `most` bytes.
    pub(super) fn begin(key: K, purpose: Purpose, mechanism: &Mechanism, most: usize) -> Box<dyn Running> {
        Box::new(Self {
            key,
            purpose,
            mechanism: mechanism.clone(),
            data: Parts { bytes: Vec::new(), room: Some(most) },
        })
    }
}

impl<K: Key> Running for Gather<K> {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        self.data.add(data)?;
        Ok(Secret::copy_of(&[]))
    }

    fn holds(&self, more: usize) -> usize {
        self.data.wide(more)
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        if self.purpose == Purpose::Verify {
            return Err(NO_SIGNATURE);
        }
        self.key.work(self.purpose, &self.mechanism, self.data.all()?)
    }

    fn finish_against(self: Box<Self>, signature: &[u8]) -> Result<(), Error> {
        if self.purpose != Purpose::Verify {
            return Err(NO_VERIFICATION);
        }
        self.key.verify(&self.mechanism, self.data.all()?, signature)
    }
}

/// Hashes data and signs or verifies the digest at the end.
pub(super) struct Hashed<K> {
    key: K,
    purpose: Purpose,
    mechanism: Mechanism,
    digest: Digesting,
}

impl<K: Key + Clone + 'static> Hashed<K> {
    /// Hashes with `hash`, then works with `mechanism`, which takes digests.
    pub(super) fn begin(key: K, purpose: Purpose, hash: Hash, mechanism: Mechanism) -> Result<Box<dyn Running>, Error> {
        Ok(Box::new(Self { key, purpose, mechanism, digest: Digesting::new(hash)? }))
    }
}

impl<K: Key + Clone + 'static> Running for Hashed<K> {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        self.digest.add(data)?;
        Ok(Secret::copy_of(&[]))
    }

    fn branch(&self) -> Option<Box<dyn Running>> {
        let (key, mechanism, digest) = (self.key.clone(), self.mechanism.clone(), self.digest.clone());
        Some(Box::new(Self { key, purpose: self.purpose, mechanism, digest }))
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        if self.purpose == Purpose::Verify {
            return Err(NO_SIGNATURE);
        }
        self.key.work(self.purpose, &self.mechanism, &self.digest.end()?)
    }

    fn finish_against(self: Box<Self>, signature: &[u8]) -> Result<(), Error> {
        if self.purpose != Purpose::Verify {
            return Err(NO_VERIFICATION);
        }
        self.key.verify(&self.mechanism, &self.digest.end()?, signature)
    }
}

/// Bytes that grow without leaving copies behind.
struct Parts {
    bytes: Vec<u8>,
    /// How many more are taken; nothing once there were too many, so that a part of the data is never worked on.
    room: Option<usize>,
}

impl Parts {
    fn add(&mut self, data: &[u8]) -> Result<(), Error> {
        self.room = self.room.and_then(|room| room.checked_sub(data.len()));
        if self.room.is_none() {
            return Err(Error::Length);
        }
        if self.bytes.len().saturating_add(data.len()) > self.bytes.capacity() {
            let mut wider = Vec::with_capacity(self.wide(data.len()));
            wider.extend_from_slice(&self.bytes);
            self.bytes.zeroize();
            self.bytes = wider;
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// The capacity with room for so many more bytes: it doubles, so that growing does not copy again and again.
    fn wide(&self, more: usize) -> usize {
        let needed = self.bytes.len().saturating_add(more);
        if needed <= self.bytes.capacity() {
            return self.bytes.capacity();
        }
        needed.max(self.bytes.len().saturating_mul(2))
    }

    fn all(&self) -> Result<&[u8], Error> {
        self.room.map(|_| self.bytes.as_slice()).ok_or(Error::Length)
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// The most that is gathered: far more than a request may carry, little enough for a few at a time.
pub(super) const MOST: usize = 64 << 20;

/// A verification has no result but whether it fits.
pub(super) const NO_SIGNATURE: Error = Error::Unsupported("a verification that gives a signature");
