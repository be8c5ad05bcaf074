//! A stream in chunks that cannot be exchanged, left out or cut off (STREAM of Hoang, Reyhanitabar, Rogaway and Vizár, 2015):
//! each chunk's nonce has its number and says whether it is the last, and each authenticates what stands before all.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::error::Error;

/// One key's chunks, in their order.
pub(super) struct Chunks {
    key: Zeroizing<[u8; LENGTH]>,
    /// SHA-256 of what stands before the chunks.
    bound: [u8; 32],
    next: u32,
    ended: bool,
}

impl Chunks {
    pub(super) fn new(secret: &Secret, bound: [u8; 32]) -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; LENGTH]);
        let bytes: &[u8; LENGTH] = secret.reveal().try_into().map_err(|_| Error::Broken("taking a key"))?;
        key.copy_from_slice(bytes);
        Ok(Self { key, bound, next: 0, ended: false })
    }

    /// Seals the next chunk.
    pub(super) fn seal(&mut self, plain: &[u8], end: End) -> Result<Vec<u8>, Error> {
        let nonce = self.nonce(end).ok_or(Error::Large("what the appliance keeps"))?;
        seal(&self.key, nonce, &self.bound, plain)
    }

    /// Opens the next chunk; nothing where it is not that.
    pub(super) fn open(&mut self, sealed: &[u8], end: End) -> Option<Zeroizing<Vec<u8>>> {
        let nonce = self.nonce(end)?;
        open(&self.key, nonce, &self.bound, sealed)
    }

    /// A key seals one stream, so the number alone makes each nonce another.
    fn nonce(&mut self, end: End) -> Option<[u8; NONCE]> {
        if self.ended {
            return None;
        }
        let mut nonce = [0; NONCE];
        if let Some(place) = nonce.get_mut(NONCE - 5..NONCE - 1) {
            place.copy_from_slice(&self.next.to_be_bytes());
        }
        if let Some(place) = nonce.last_mut() {
            *place = end.byte();
        }
        self.ended = end == End::Last;
        self.next = self.next.checked_add(1)?;
        Some(nonce)
    }
}

/// Whether more chunks follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    More,
    Last,
}

impl End {
    /// As it stands before a chunk and in its nonce.
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::More => 0,
            Self::Last => 1,
        }
    }

    pub(super) fn read(byte: u8) -> Option<Self> {
        [Self::More, Self::Last].into_iter().find(|end| end.byte() == byte)
    }
}

/// Seals bytes with AES-256-GCM.
fn seal(key: &[u8; LENGTH], nonce: [u8; NONCE], bound: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
    let broken = |_| Error::Broken("AES-256-GCM");
    let mut bytes = Zeroizing::new(Vec::with_capacity(plain.len().saturating_add(TAG)));
    bytes.extend_from_slice(plain);
    cipher(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), &mut *bytes)
        .map_err(broken)?;
    Ok(bytes.to_vec())
}

/// Opens them, or nothing where they are not what was sealed.
fn open(key: &[u8; LENGTH], nonce: [u8; NONCE], bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(sealed.to_vec());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let length = cipher(key).ok()?.open_in_place(nonce, Aad::from(bound), &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

fn cipher(key: &[u8; LENGTH]) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Error::Broken("AES-256-GCM"))
}

/// Bytes of a key.
pub(super) const LENGTH: usize = 32;
const NONCE: usize = NONCE_LEN;
/// Bytes that a sealed chunk has more.
pub(super) const TAG: usize = 16;
/// Bytes of a chunk, but for the last.
pub(super) const CHUNK: usize = 64 << 10;
