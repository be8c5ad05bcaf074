//! Sealing bytes under a key, and making keys out of keys.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Prk},
};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::error::Error;
use crate::{
    chance::{self, Chance},
    memory::Locked,
};

/// Seals with a key that may seal a few things: a random nonce stands before the ciphertext.
pub(super) fn shut(key: &[u8; KEY], with: &[u8], plain: &[u8], chance: &dyn Chance) -> Result<Vec<u8>, Error> {
    let nonce: [u8; NONCE_LEN] = chance::array(chance)?;
    let mut body = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
    body.extend_from_slice(plain);
    aead_key(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(with), &mut *body)
        .map_err(|_| Error::Broken("sealing"))?;
    Ok([&nonce[..], &body].concat())
}

/// Opens what [`shut`] sealed.
///
/// # Errors
/// [`Error::WrongKey`].
pub(super) fn open(key: &[u8; KEY], with: &[u8], sealed: &[u8]) -> Result<Secret, Error> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Error::WrongKey)?;
    let mut body = Zeroizing::new(sealed.to_vec());
    let plain = aead_key(key)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(with), &mut body)
        .map_err(|_| Error::WrongKey)?;
    Ok(Secret::copy_of(plain))
}

/// A key in locked memory.
///
/// # Errors
/// [`Error::Broken`] when no more may be locked.
pub(super) fn locked(bytes: &[u8; KEY]) -> Result<Locked, Error> {
    Locked::new(KEY, |place| place.copy_from_slice(bytes)).map_err(|_| Error::Broken("locking memory for a key"))
}

/// Key bytes for one use out of others.
///
/// # Errors
/// [`Error::Broken`] when HKDF fails, which it does not.
pub(super) fn expand(key: &[u8], info: &[&[u8]]) -> Result<Zeroizing<[u8; KEY]>, Error> {
    let mut bytes = Zeroizing::new([0; KEY]);
    // A key of full entropy needs no extract step (RFC 5869 §3.3); a key file may be longer and gets one.
    let prk = aws_lc_rs::hkdf::Salt::new(HKDF_SHA256, &[]).extract(key);
    fill(&prk, info, &mut bytes)?;
    Ok(bytes)
}

fn fill(prk: &Prk, info: &[&[u8]], bytes: &mut [u8; KEY]) -> Result<(), Error> {
    prk.expand(info, Length).and_then(|okm| okm.fill(bytes)).map_err(|_| Error::Broken("HKDF"))
}

/// The cipher with a key.
///
/// # Errors
/// [`Error::Broken`] when there is none, which does not happen.
pub(super) fn aead_key(bytes: &[u8]) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, bytes).map(LessSafeKey::new).map_err(|_| Error::Broken("AES-256-GCM"))
}

/// How many bytes HKDF is asked for.
struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        KEY
    }
}

/// Bytes of every key here.
pub(super) const KEY: usize = 32;
