//! AES-GCM: the common nonce and tag on a fast path that shares one prepared key, every other length on the general one.

use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use openssl::{
    cipher::{Cipher, CipherRef},
    cipher_ctx::CipherCtx,
};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::block::{LONGEST_PART, Way};
use crate::slot::contract::{Error, Running};

/// What a call of GCM needs besides the key.
#[derive(Clone, Copy)]
pub(super) struct Parameters<'a> {
    pub nonce: &'a [u8],
    pub additional: &'a [u8],
    pub tag: usize,
}

impl Parameters<'_> {
    /// Refuses what SP 800-38D or the engine does not know.
    pub(super) fn check(&self) -> Result<(), Error> {
        if !(1..=LONGEST_NONCE).contains(&self.nonce.len()) {
            return Err(Error::Parameter("nonce"));
        }
        if !matches!(self.tag, 4 | 8 | 12..=16) {
            return Err(Error::Parameter("tag length"));
        }
        if self.additional.len() > LONGEST_PART {
            return Err(Error::Parameter("additional data"));
        }
        Ok(())
    }

    fn usual(&self) -> Option<Nonce> {
        (self.tag == TAG).then(|| Nonce::try_assume_unique_for_key(self.nonce).ok()).flatten()
    }
}

/// An AES key, prepared for GCM.
pub(super) struct Gcm(LessSafeKey);

impl Gcm {
    pub(super) fn new(key: &[u8]) -> Result<Self, Error> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            24 => &AES_192_GCM,
            32 => &AES_256_GCM,
            _ => return Err(Error::Key("AES takes 128, 192 or 256 bits")),
        };
        Ok(Self(LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(|_| ENGINE)?)))
    }

    /// Encrypts; the tag stands behind the ciphertext.
    pub(super) fn seal(&self, key: &[u8], parameters: Parameters<'_>, data: &[u8]) -> Result<Secret, Error> {
        parameters.check()?;
        let Some(nonce) = parameters.usual() else {
            let mut sealing = Sealing::new(key, parameters)?;
            let first = sealing.update(data)?;
            let last = Box::new(sealing).finish()?;
            return Ok(Secret::new([first.reveal(), last.reveal()].concat()));
        };
        let mut out = Zeroizing::new(Vec::with_capacity(data.len().checked_add(TAG).ok_or(Error::Length)?));
        out.extend_from_slice(data);
        self.0
            .seal_in_place_append_tag(nonce, Aad::from(parameters.additional), &mut *out)
            .map_err(|_| Error::Length)?;
        Ok(Secret::new(std::mem::take(&mut *out)))
    }

    /// Decrypts what has its tag behind it.
    pub(super) fn open(&self, key: &[u8], parameters: Parameters<'_>, data: &[u8]) -> Result<Secret, Error> {
        parameters.check()?;
        let at = data.len().checked_sub(parameters.tag).ok_or(Error::Undecryptable)?;
        let (data, tag) = data.split_at_checked(at).ok_or(Error::Undecryptable)?;
        if data.len() > LONGEST_PART {
            return Err(Error::Length);
        }
        let mut out = Zeroizing::new(vec![0; data.len()]);
        if let Some(nonce) = parameters.usual() {
            self.0
                .open_separate_gather(nonce, Aad::from(parameters.additional), data, tag, &mut out)
                .map_err(|_| Error::Undecryptable)?;
        } else {
            let mut context = start(key, parameters, Way::Back)?;
            context.set_tag(tag).map_err(|_| ENGINE)?;
            context.cipher_update(data, Some(&mut out)).map_err(|_| ENGINE)?;
            context.cipher_final(&mut []).map_err(|_| Error::Undecryptable)?;
        }
        Ok(Secret::new(std::mem::take(&mut *out)))
    }
}

/// An encryption under way. Decryption has no such thing: its plaintext is nobody's before the tag was checked.
pub(super) struct Sealing {
    context: CipherCtx,
    tag: usize,
}

impl Sealing {
    pub(super) fn new(key: &[u8], parameters: Parameters<'_>) -> Result<Self, Error> {
        parameters.check()?;
        Ok(Self { context: start(key, parameters, Way::Forth)?, tag: parameters.tag })
    }
}

impl Running for Sealing {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        if data.len() > LONGEST_PART {
            return Err(Error::Length);
        }
        let mut out = vec![0; data.len()];
        // The engine refuses what would exceed the 2^39 - 256 bits of SP 800-38D §5.2.1.1.
        self.context.cipher_update(data, Some(&mut out)).map_err(|_| Error::Length)?;
        Ok(Secret::new(out))
    }

    fn finish(mut self: Box<Self>) -> Result<Secret, Error> {
        self.context.cipher_final(&mut []).map_err(|_| ENGINE)?;
        let mut tag = vec![0; self.tag];
        self.context.tag(&mut tag).map_err(|_| ENGINE)?;
        Ok(Secret::new(tag))
    }
}

/// Prepares the cipher with its nonce and what is authenticated besides the data.
pub(super) fn start(key: &[u8], parameters: Parameters<'_>, way: Way) -> Result<CipherCtx, Error> {
    let cipher: &CipherRef = match key.len() {
        16 => Cipher::aes_128_gcm(),
        24 => Cipher::aes_192_gcm(),
        32 => Cipher::aes_256_gcm(),
        _ => return Err(Error::Key("AES takes 128, 192 or 256 bits")),
    };
    let mut context = CipherCtx::new().map_err(|_| ENGINE)?;
    // The nonce's length must be known before the nonce is given.
    way.set(&mut context, Some(cipher), None, None)
        .and_then(|()| context.set_iv_length(parameters.nonce.len()))
        .and_then(|()| way.set(&mut context, None, Some(key), Some(parameters.nonce)))
        .map_err(|_| ENGINE)?;
    if !parameters.additional.is_empty() {
        context.cipher_update(parameters.additional, None).map_err(|_| ENGINE)?;
    }
    Ok(context)
}

/// Bytes of a whole tag.
const TAG: usize = 16;

/// Bytes of the longest nonce: what PKCS#11 §6.13.7 allows.
const LONGEST_NONCE: usize = 256;

const ENGINE: Error = Error::Engine("AES-GCM");
