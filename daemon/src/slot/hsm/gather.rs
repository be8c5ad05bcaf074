//! Work in parts for keys that work in one go: the data are gathered, or hashed where only their digest counts.

use strongroom_kmip::{
    mechanism::Mechanism,
    secret::{Secret, Wiped},
};

use super::{frame, offer::UNSUPPORTED};
use crate::slot::contract::{Error, Key, Purpose, Running};

/// Gathers what a token is given in one go. Nothing comes out before the end.
pub(super) struct Gathered<K> {
    pub(super) key: K,
    pub(super) purpose: Purpose,
    pub(super) mechanism: Mechanism,
    pub(super) data: Wiped,
}

impl<K> Gathered<K> {
    fn wide(&self, more: usize) -> usize {
        let needed = self.data.len().saturating_add(more);
        if needed <= self.data.capacity() {
            self.data.capacity()
        } else {
            needed.max(self.data.len().saturating_mul(2))
        }
    }
}

impl<K: Key> Running for Gathered<K> {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        let most = usize::try_from(frame::MOST).unwrap_or(0);
        if self.data.len().saturating_add(data.len()) > most {
            return Err(Error::Length);
        }
        let wide = self.wide(data.len());
        self.data.room(wide);
        self.data.extend_from_slice(data);
        Ok(Secret::copy_of(&[]))
    }

    fn holds(&self, more: usize) -> usize {
        self.wide(more)
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        self.key.work(self.purpose, &self.mechanism, &self.data)
    }

    fn finish_against(self: Box<Self>, signature: &[u8]) -> Result<(), Error> {
        self.key.verify(&self.mechanism, &self.data, signature)
    }
}

/// Signs a digest.
pub(super) type Sign = Box<dyn FnOnce(&[u8]) -> Result<Secret, Error> + Send>;

/// Hashes, and has the token sign the digest.
pub(super) struct Hashed {
    /// Has it sign.
    pub(super) sign: Sign,
    pub(super) digest: Box<dyn Running>,
}

impl Running for Hashed {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        self.digest.update(data)
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        let digest = self.digest.finish()?;
        (self.sign)(digest.reveal())
    }

    fn finish_against(self: Box<Self>, _signature: &[u8]) -> Result<(), Error> {
        Err(UNSUPPORTED)
    }
}
