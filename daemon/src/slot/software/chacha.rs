//! ChaCha20, alone and with Poly1305.

use std::sync::Arc;

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::native;
use crate::slot::contract::{Error, Running};

/// A key stream under way; encrypting and decrypting are the same.
pub(super) struct Flowing {
    key: Arc<Zeroizing<[u8; 32]>>,
    nonce: Start,
    /// Bytes of the key stream that were used, counted from block nought.
    position: u128,
}

/// How counter and nonce share the sixteen bytes that start a block.
#[derive(Clone, Copy)]
enum Start {
    /// RFC 8439: a counter of 32 bits and a nonce of 12 bytes.
    Short([u8; 12]),
    /// The original: a counter of 64 bits and a nonce of 8 bytes.
    Long([u8; 8]),
}

impl Flowing {
    pub(super) fn new(key: Arc<Zeroizing<[u8; 32]>>, nonce: &[u8], counter: u64) -> Result<Self, Error> {
        let nonce = match (<[u8; 12]>::try_from(nonce), <[u8; 8]>::try_from(nonce)) {
            (Ok(nonce), _) => Start::Short(nonce),
            (_, Ok(nonce)) => Start::Long(nonce),
            _ => return Err(Error::Parameter("nonce")),
        };
        if matches!(nonce, Start::Short(_)) && u32::try_from(counter).is_err() {
            return Err(Error::Parameter("counter"));
        }
        Ok(Self { key, nonce, position: u128::from(counter).saturating_mul(BLOCK) })
    }

    /// The next part of the message.
    pub(super) fn flow(&mut self, data: &[u8]) -> Result<Secret, Error> {
        let end = self.position.checked_add(data.len() as u128).ok_or(Error::Length)?;
        let blocks = match self.nonce {
            Start::Short(_) => 1 << 32,
            Start::Long(_) => 1 << 64,
        };
        if end > blocks * BLOCK {
            return Err(Error::Length);
        }
        // The key stream starts at a block; what stands before the position in it is not used again.
        let before = usize::try_from(self.position % BLOCK).map_err(|_| Error::Length)?;
        let mut out = Zeroizing::new(vec![0; before.checked_add(data.len()).ok_or(Error::Length)?]);
        out.get_mut(before..).ok_or(Error::Length)?.copy_from_slice(data);
        let (mut block, mut rest) = (self.position / BLOCK, out.as_mut_slice());
        while !rest.is_empty() {
            let counter = u32::try_from(block & u128::from(u32::MAX)).map_err(|_| Error::Length)?;
            let room = (u128::from(u32::MAX) - u128::from(counter) + 1) * BLOCK;
            let here = usize::try_from(room).map_or(rest.len(), |room| room.min(rest.len()));
            let (part, after) = rest.split_at_mut_checked(here).ok_or(Error::Length)?;
            native::chacha20(&self.key, &self.nonce.bytes(block), counter, part);
            block += room / BLOCK;
            rest = after;
        }
        self.position = end;
        Ok(Secret::copy_of(out.get(before..).ok_or(Error::Length)?))
    }
}

impl Start {
    /// The twelve bytes behind the low half of the counter.
    fn bytes(self, block: u128) -> [u8; 12] {
        match self {
            Self::Short(nonce) => nonce,
            Self::Long(nonce) => {
                let mut bytes = [0; 12];
                let counter = block.to_le_bytes();
                let parts = counter.iter().skip(4).take(4).chain(&nonce);
                bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = *part);
                bytes
            }
        }
    }
}

impl Running for Flowing {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        self.flow(data)
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        Ok(Secret::copy_of(&[]))
    }
}

/// A key, prepared for ChaCha20-Poly1305 (RFC 8439 §2.8).
pub(super) struct Poly1305(LessSafeKey);

impl Poly1305 {
    pub(super) fn new(key: &[u8; 32]) -> Result<Self, Error> {
        Ok(Self(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| ENGINE)?)))
    }

    /// Encrypts; the tag stands behind the ciphertext.
    pub(super) fn seal(&self, nonce: &[u8], additional: &[u8], data: &[u8]) -> Result<Secret, Error> {
        let nonce = nonce_of(nonce)?;
        let mut out = Zeroizing::new(Vec::with_capacity(data.len().checked_add(TAG).ok_or(Error::Length)?));
        out.extend_from_slice(data);
        self.0.seal_in_place_append_tag(nonce, Aad::from(additional), &mut *out).map_err(|_| Error::Length)?;
        Ok(Secret::new(std::mem::take(&mut *out)))
    }

    /// Decrypts what has its tag behind it.
    pub(super) fn open(&self, nonce: &[u8], additional: &[u8], data: &[u8]) -> Result<Secret, Error> {
        let nonce = nonce_of(nonce)?;
        let at = data.len().checked_sub(TAG).ok_or(Error::Undecryptable)?;
        let (data, tag) = data.split_at_checked(at).ok_or(Error::Undecryptable)?;
        let mut out = Zeroizing::new(vec![0; data.len()]);
        self.0
            .open_separate_gather(nonce, Aad::from(additional), data, tag, &mut out)
            .map_err(|_| Error::Undecryptable)?;
        Ok(Secret::new(std::mem::take(&mut *out)))
    }
}

/// The only nonce that RFC 8439 knows.
pub(super) fn nonce_of(nonce: &[u8]) -> Result<Nonce, Error> {
    Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Parameter("nonce"))
}

/// Bytes of a block of key stream.
const BLOCK: u128 = 64;

/// Bytes of the tag.
const TAG: usize = 16;

const ENGINE: Error = Error::Engine("ChaCha20-Poly1305");
