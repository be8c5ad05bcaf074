//! Secrets out of keys: KMIP's derivations.

use std::sync::Arc;

use openssl::{
    derive::Deriver,
    pkcs5,
    pkey::{PKey, Public},
};
use strongroom_kmip::{mechanism::Hash, secret::Secret};
use zeroize::Zeroizing;

use super::cmac::Cmac;
use super::encoding::{self, Parsed};
use super::mac::Plain;
use super::{hash, point};
use crate::slot::contract::{Error, Family, Kept, Key, Pair, Purpose, Shape};
use crate::slot::derivation::{Derivation, Function};

/// Makes a secret of so many bytes; `open` gives the key that encrypts, where one does.
pub(super) fn derive(
    base: &Kept,
    derivation: &Derivation,
    length: usize,
    open: impl FnOnce(&Kept) -> Result<Arc<dyn Key>, Error>,
) -> Result<Secret, Error> {
    if length == 0 || length > LONGEST {
        return Err(Error::Length);
    }
    match derivation {
        Derivation::Pbkdf2 { hash, salt, iterations } => pbkdf2(bytes(base)?, *hash, salt, *iterations, length),
        Derivation::Digest(hash) => cut(&Secret::copy_of(&hash::digest(*hash, bytes(base)?)?), length),
        Derivation::Hmac { hash, data } => cut(&hmac(*hash, bytes(base)?, &[data.reveal()])?, length),
        Derivation::Encrypt { mechanism, data } => {
            if !matches!(base.shape, Shape::Symmetric { .. }) {
                return Err(UNFIT);
            }
            cut(&open(base)?.work(Purpose::Encrypt, mechanism, data.reveal())?, length)
        }
        Derivation::Counter { function, data } => {
            chain(base, *function, length, |_, counter| vec![counter.to_vec(), data.reveal().to_vec()])
        }
        Derivation::Feedback { function, start, data } => chain(base, *function, length, |last, counter| {
            let last = last.map_or(start.as_slice(), Secret::reveal).to_vec();
            vec![last, counter.to_vec(), data.reveal().to_vec()]
        }),
        Derivation::Pipeline { function, data } => {
            let mut inner = data.duplicate();
            let key = bytes(base)?;
            let mut failed = None;
            let out = chain(base, *function, length, |_, counter| {
                match run(base, *function, key, &[inner.reveal()]) {
                    Ok(next) => inner = next,
                    Err(error) => failed = Some(error),
                }
                vec![inner.reveal().to_vec(), counter.to_vec(), data.reveal().to_vec()]
            });
            failed.map_or(out, Err)
        }
        Derivation::Hkdf { hash, salt, info } => hkdf(bytes(base)?, *hash, salt, info, length),
        Derivation::Agreement(public) => cut(&agree(base, public)?, length),
        Derivation::Aws { date, region, service } => {
            let mut key = Secret::new([b"AWS4", bytes(base)?].concat());
            for part in [date.reveal(), region.reveal(), service.reveal(), b"aws4_request"] {
                key = hmac(Hash::Sha256, key.reveal(), &[part])?;
            }
            cut(&key, length)
        }
    }
}

/// The bytes of a symmetric key or of a secret that is no key.
fn bytes(base: &Kept) -> Result<&[u8], Error> {
    match base.shape {
        Shape::Symmetric { .. } => Ok(base.held.reveal()),
        Shape::Private(_) | Shape::Public(_) => Err(UNFIT),
    }
}

fn pbkdf2(password: &[u8], hash: Hash, salt: &Secret, iterations: u32, length: usize) -> Result<Secret, Error> {
    let blocks = u64::try_from(length.div_ceil(hash.length())).map_err(|_| Error::Length)?;
    if iterations == 0 || u64::from(iterations).saturating_mul(blocks) > MOST_ROUNDS {
        return Err(Error::Parameter("iteration count"));
    }
    let mut out = Zeroizing::new(vec![0; length]);
    let rounds = usize::try_from(iterations).map_err(|_| Error::Parameter("iteration count"))?;
    pkcs5::pbkdf2_hmac(password, salt.reveal(), rounds, hash::message(hash)?, &mut out).map_err(|_| ENGINE)?;
    Ok(Secret::new(std::mem::take(&mut *out)))
}

fn hkdf(key: &[u8], hash: Hash, salt: &Secret, info: &Secret, length: usize) -> Result<Secret, Error> {
    let zeros = [0; LONGEST_DIGEST];
    let salt = if salt.is_empty() { zeros.get(..hash.length()).ok_or(ENGINE)? } else { salt.reveal() };
    let extracted = hmac(hash, salt, &[key])?;
    if length > hash.length().saturating_mul(255) {
        return Err(Error::Length);
    }
    let mut out = Zeroizing::new(Vec::with_capacity(length.saturating_add(hash.length())));
    let mut last = Secret::copy_of(&[]);
    for counter in 1..=u8::MAX {
        if out.len() >= length {
            break;
        }
        last = hmac(hash, extracted.reveal(), &[last.reveal(), info.reveal(), &[counter]])?;
        out.extend_from_slice(last.reveal());
    }
    cut(&Secret::copy_of(&out), length)
}

/// Blocks of a pseudorandom function, each over what `input` makes of the last block and the counter.
fn chain(
    base: &Kept,
    function: Function,
    length: usize,
    mut input: impl FnMut(Option<&Secret>, [u8; 4]) -> Vec<Vec<u8>>,
) -> Result<Secret, Error> {
    let key = bytes(base)?;
    let mut out = Zeroizing::new(Vec::with_capacity(length.saturating_add(LONGEST_DIGEST)));
    let mut last = None;
    let mut counter = 0u32;
    while out.len() < length {
        counter = counter.checked_add(1).ok_or(Error::Length)?;
        let parts = Zeroizing::new(input(last.as_ref(), counter.to_be_bytes()));
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let block = run(base, function, key, &parts)?;
        out.extend_from_slice(block.reveal());
        last = Some(block);
    }
    cut(&Secret::copy_of(&out), length)
}

fn run(base: &Kept, function: Function, key: &[u8], parts: &[&[u8]]) -> Result<Secret, Error> {
    match (function, base.shape) {
        (Function::Hmac(hash), _) => hmac(hash, key, parts),
        (Function::Cmac, Shape::Symmetric { family: Family::Aes, .. }) => {
            let mut cmac = Cmac::new(key)?;
            parts.iter().try_for_each(|part| cmac.add(part))?;
            cmac.end()
        }
        (Function::Cmac, _) => Err(UNFIT),
    }
}

fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Result<Secret, Error> {
    let mut signing = Plain::new(hash, key)?;
    parts.iter().try_for_each(|part| signing.add(part))?;
    signing.end()
}

/// The common secret of a private key and somebody's public one.
fn agree(base: &Kept, public: &[u8]) -> Result<Secret, Error> {
    let (Shape::Private(Pair::Elliptic(curve)), Parsed::Private(own)) = (base.shape, encoding::open(base)?) else {
        return Err(UNFIT);
    };
    let theirs: PKey<Public> =
        PKey::public_key_from_der(public).map_err(|_| Error::Key("it is no public key of the same curve"))?;
    if encoding::pair_of_public(&theirs)? != Pair::Elliptic(curve)
        || curve == strongroom_kmip::mechanism::Curve::Ed25519
    {
        return Err(Error::Key("it is no public key of the same curve"));
    }
    point::check(&theirs)?;
    let mut deriver = Deriver::new(&own).map_err(|_| ENGINE)?;
    deriver.set_peer(&theirs).map_err(|_| Error::Key("it is no public key of the same curve"))?;
    // A point of small order makes nought of every key, which the engine refuses.
    let secret = deriver.derive_to_vec().map_err(|_| Error::Key("it agrees on no secret"))?;
    Ok(Secret::new(secret))
}

/// The first bytes of what a derivation gives, and never more than that.
fn cut(whole: &Secret, length: usize) -> Result<Secret, Error> {
    whole.reveal().get(..length).map(Secret::copy_of).ok_or(Error::Length)
}

/// The longest secret that is derived, in bytes: as long as the longest secret that is created.
const LONGEST: usize = 8192;

/// Bytes of the longest digest.
const LONGEST_DIGEST: usize = 64;

/// Rounds of one PBKDF2 in all: some seconds of work, ten times what is asked of a password today.
const MOST_ROUNDS: u64 = 10_000_000;

const UNFIT: Error = Error::Unsupported("this derivation from such a key");
const ENGINE: Error = Error::Engine("a derivation");
