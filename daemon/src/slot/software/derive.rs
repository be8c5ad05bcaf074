//! Secrets out of keys: the derivations of KMIP and PKCS#11.

use std::sync::Arc;

use openssl::{
    hash::{Hasher, MessageDigest},
    pkcs5,
};
use strongroom_kmip::{mechanism::Hash, secret::Secret};
use zeroize::Zeroizing;

use super::bytes::{LONGEST_DIGEST, UNFIT, bytes, cut, hmac, operand};
use super::encoding::{self, Parsed};
use super::{agree, chain, hash, lattice, mac};
use crate::slot::contract::{Error, Kept, Key, Pair, Purpose, Shape};
use crate::slot::derivation::{Derivation, Order, Shake, Step};

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
        Derivation::Shake(function) => shake(*function, bytes(base)?, length),
        Derivation::Hmac { hash, data } => cut(&hmac(*hash, bytes(base)?, &[data.reveal()])?, length),
        Derivation::Encrypt { mechanism, data } => {
            if !matches!(base.shape, Shape::Symmetric { .. }) {
                return Err(UNFIT);
            }
            cut(&open(base)?.work(Purpose::Encrypt, mechanism, data.reveal())?, length)
        }
        Derivation::Chain { method, function, fields } => chain::chain(base, method, *function, fields, length),
        Derivation::Hkdf { step, hash, salt, info } => {
            let (key, salt) = (bytes(base)?, operand(salt)?);
            match step {
                Step::Extract => cut(&extract(*hash, key, salt)?, length),
                Step::Expand => expand(*hash, key, info, length),
                Step::Both => expand(*hash, extract(*hash, key, salt)?.reveal(), info, length),
            }
        }
        Derivation::Agreement { peer, finish } => agree::agree(base, peer, finish, length),
        Derivation::Decapsulation(ciphertext) => match (base.shape, encoding::open(base)?) {
            (Shape::Private(Pair::Quantum(set)), Parsed::Private(key)) => {
                cut(&lattice::decapsulate(set, &key, ciphertext)?, length)
            }
            _ => Err(UNFIT),
        },
        // What is brought comes out beside it, by a function of its own.
        Derivation::Encapsulation(_) => Err(UNFIT),
        Derivation::Aws { date, region, service } => {
            let mut key = Secret::new([b"AWS4", bytes(base)?].concat());
            for part in [date.reveal(), region.reveal(), service.reveal(), b"aws4_request"] {
                key = hmac(Hash::Sha256, key.reveal(), &[part])?;
            }
            cut(&key, length)
        }
        Derivation::Tls { hash, label, seed } => mac::stretch(*hash, bytes(base)?, &[label, seed.reveal()], length),
        Derivation::Join { order, other } => {
            let (key, other) = (bytes(base)?, operand(other)?);
            let both = match order {
                Order::KeyFirst => [key, other],
                Order::KeyLast => [other, key],
            };
            cut(&Secret::new(both.concat()), length)
        }
        Derivation::Xor(data) => {
            let both = bytes(base)?.iter().zip(data.reveal()).map(|(one, other)| one ^ other);
            cut(&Secret::new(both.collect()), length)
        }
        Derivation::Extract(from) => slice(bytes(base)?, *from, length),
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

fn shake(function: Shake, key: &[u8], length: usize) -> Result<Secret, Error> {
    let function = match function {
        Shake::Shake128 => MessageDigest::shake_128(),
        Shake::Shake256 => MessageDigest::shake_256(),
    };
    let mut out = Zeroizing::new(vec![0; length]);
    let mut hasher = Hasher::new(function).map_err(|_| ENGINE)?;
    hasher.update(key).and_then(|()| hasher.finish_xof(&mut out)).map_err(|_| ENGINE)?;
    Ok(Secret::new(std::mem::take(&mut *out)))
}

/// RFC 5869 §2.2.
fn extract(hash: Hash, key: &[u8], salt: &[u8]) -> Result<Secret, Error> {
    let zeros = [0; LONGEST_DIGEST];
    let salt = if salt.is_empty() { zeros.get(..hash.length()).ok_or(ENGINE)? } else { salt };
    hmac(hash, salt, &[key])
}

/// RFC 5869 §2.3.
fn expand(hash: Hash, key: &[u8], info: &Secret, length: usize) -> Result<Secret, Error> {
    if length > hash.length().saturating_mul(255) {
        return Err(Error::Length);
    }
    let mut out = Zeroizing::new(Vec::with_capacity(length.saturating_add(hash.length())));
    let mut last = Secret::copy_of(&[]);
    for counter in 1..=u8::MAX {
        if out.len() >= length {
            break;
        }
        last = hmac(hash, key, &[last.reveal(), info.reveal(), &[counter]])?;
        out.extend_from_slice(last.reveal());
    }
    cut(&Secret::copy_of(&out), length)
}

/// So many bytes of the key from a bit on, beginning again behind its end (PKCS#11 3.2 §6.43.7). No bit is given twice.
fn slice(key: &[u8], from: usize, length: usize) -> Result<Secret, Error> {
    let bits = key.len().saturating_mul(8);
    if from >= bits {
        return Err(Error::Parameter("first bit"));
    }
    if length > key.len() {
        return Err(Error::Length);
    }
    let (skip, shift) = (from / 8, u32::try_from(from % 8).map_err(|_| Error::Length)?);
    let ring = || key.iter().cycle().skip(skip);
    let bytes = ring().zip(ring().skip(1)).take(length);
    Ok(Secret::new(bytes.map(|(high, low)| joined(*high, *low, shift)).collect()))
}

/// The byte that begins so many bits, seven at most, behind the start of `high`.
fn joined(high: u8, low: u8, shift: u32) -> u8 {
    let [byte, _] = (u16::from_be_bytes([high, low]) << shift).to_be_bytes();
    byte
}

/// The longest secret that is derived, in bytes: as long as the longest secret that is created.
const LONGEST: usize = 8192;

/// Rounds of one PBKDF2 in all: some seconds of work, ten times what is asked of a password today.
const MOST_ROUNDS: u64 = 10_000_000;

const ENGINE: Error = Error::Engine("a derivation");
