//! AES-CCM (SP 800-38C). The mode must know how long its data are before the first of them, so it works in one go.

use openssl::{
    cipher::{Cipher, CipherRef},
    cipher_ctx::CipherCtx,
};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::block::{LONGEST_PART, Way};
use super::gcm::Parameters;
use crate::slot::contract::Error;

/// Refuses what SP 800-38C §A.1 does not know.
pub(super) fn check(parameters: Parameters<'_>) -> Result<(), Error> {
    if !(7..=13).contains(&parameters.nonce.len()) {
        return Err(Error::Parameter("nonce"));
    }
    if !matches!(parameters.tag, 4 | 6 | 8 | 10 | 12 | 14 | 16) {
        return Err(Error::Parameter("tag length"));
    }
    if parameters.additional.len() > LONGEST_PART {
        return Err(Error::Parameter("additional data"));
    }
    Ok(())
}

/// Encrypts, with the tag behind the ciphertext, or decrypts what has its tag behind it.
pub(super) fn work(key: &[u8], parameters: Parameters<'_>, way: Way, data: &[u8]) -> Result<Secret, Error> {
    check(parameters)?;
    let (data, tag) = match way {
        Way::Forth => (data, [].as_slice()),
        Way::Back => {
            let at = data.len().checked_sub(parameters.tag).ok_or(Error::Undecryptable)?;
            data.split_at_checked(at).ok_or(Error::Undecryptable)?
        }
    };
    if data.len() > most(parameters.nonce.len()) {
        return Err(Error::Length);
    }
    let mut context = start(key, parameters, way, tag)?;
    context.set_data_len(data.len()).map_err(|_| ENGINE)?;
    if !parameters.additional.is_empty() {
        context.cipher_update(parameters.additional, None).map_err(|_| ENGINE)?;
    }
    let mut out = Zeroizing::new(vec![0; data.len()]);
    context.cipher_update(data, Some(&mut out)).map_err(|_| match way {
        Way::Forth => ENGINE,
        Way::Back => Error::Undecryptable,
    })?;
    if way == Way::Back {
        return Ok(Secret::new(std::mem::take(&mut *out)));
    }
    let mut tag = vec![0; parameters.tag];
    context.tag(&mut tag).map_err(|_| ENGINE)?;
    Ok(Secret::new([out.as_slice(), &tag].concat()))
}

fn start(key: &[u8], parameters: Parameters<'_>, way: Way, tag: &[u8]) -> Result<CipherCtx, Error> {
    let cipher: &CipherRef = match key.len() {
        16 => Cipher::aes_128_ccm(),
        24 => Cipher::aes_192_ccm(),
        32 => Cipher::aes_256_ccm(),
        _ => return Err(Error::Key("AES takes 128, 192 or 256 bits")),
    };
    let mut context = CipherCtx::new().map_err(|_| ENGINE)?;
    // The lengths of nonce and tag must be known before the key is given.
    way.set(&mut context, Some(cipher), None, None)
        .and_then(|()| context.set_iv_length(parameters.nonce.len()))
        .and_then(|()| match way {
            Way::Forth => context.set_tag_length(parameters.tag),
            Way::Back => context.set_tag(tag),
        })
        .and_then(|()| way.set(&mut context, None, Some(key), Some(parameters.nonce)))
        .map_err(|_| ENGINE)?;
    Ok(context)
}

/// The most bytes of data with so long a nonce: what is left of a block holds their number (SP 800-38C §A.1).
fn most(nonce: usize) -> usize {
    match nonce {
        13 => (1 << 16) - 1,
        12 => (1 << 24) - 1,
        _ => LONGEST_PART,
    }
}

const ENGINE: Error = Error::Engine("AES-CCM");
