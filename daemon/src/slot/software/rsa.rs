//! RSA keys: signatures by PKCS#1 v1.5 and PSS, encryption by PKCS#1 v1.5 and OAEP, and the bare operation.
//!
//! The engine blinds every operation with the private exponent and checks its result before it is given out.

use std::sync::Arc;

use openssl::{
    pkey::{HasPublic, PKey, Private, Public},
    pkey_ctx::{PkeyCtx, PkeyCtxRef},
    rsa::{Padding, Rsa},
    sign::RsaPssSaltlen,
};
use strongroom_kmip::{
    mechanism::{Hash, Input, Mechanism},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::gather::{Gather, Hashed, MOST, NO_SIGNATURE};
use super::implicit::Implicit;
use super::native::{self, Wrapping};
use super::random::Random;
use super::{hash, offer};
use crate::chance::Chance;
use crate::slot::contract::{Error, Key, Pair, Purpose, Running, Shape};

/// The private half.
#[derive(Clone)]
pub(super) struct PrivateRsa(Arc<PrivateInner>);

struct PrivateInner {
    shape: Shape,
    key: PKey<Private>,
    rsa: Rsa<Private>,
    /// Bytes of the modulus.
    size: usize,
    implicit: Implicit,
}

/// The public half.
#[derive(Clone)]
pub(super) struct PublicRsa(Arc<PublicInner>);

struct PublicInner {
    shape: Shape,
    key: PKey<Public>,
    rsa: Rsa<Public>,
    size: usize,
}

impl PrivateRsa {
    pub(super) fn new(key: PKey<Private>) -> Result<Self, Error> {
        let rsa = key.rsa().map_err(|_| ENGINE)?;
        let size = key.size();
        let exponent = Zeroizing::new(rsa.d().to_vec());
        let implicit = Implicit::new(&exponent, size)?;
        let shape = Shape::Private(Pair::Rsa { bits: usize::try_from(key.bits()).map_err(|_| ENGINE)? });
        Ok(Self(Arc::new(PrivateInner { shape, key, rsa, size, implicit })))
    }

    /// The operation with the private exponent, over a block padded so or not at all.
    fn exponent(&self, data: &[u8], padding: Padding) -> Result<Secret, Error> {
        let mut out = vec![0; self.0.size];
        // What the engine refuses here is a number that is not below the modulus.
        self.0.rsa.private_encrypt(data, &mut out, padding).map_err(|_| Error::Length)?;
        Ok(Secret::new(out))
    }

    fn sign(&self, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        match mechanism {
            Mechanism::RsaPkcs1 => self.sign_block(data),
            Mechanism::RsaPkcs1Hashed { hash, input: Input::Message } => {
                self.sign_block(&hash::digest_info(*hash, &hash::digest(*hash, data)?)?)
            }
            Mechanism::RsaPkcs1Hashed { hash, input: Input::Digest } => {
                self.sign_block(&hash::digest_info(*hash, whole(*hash, data)?)?)
            }
            Mechanism::RsaPss { hash, mask, salt, input } => {
                let mut context = PkeyCtx::new(&self.0.key).map_err(|_| ENGINE)?;
                context.sign_init().map_err(|_| ENGINE)?;
                let salt = Some(salt.unwrap_or(hash.length()));
                pss(&mut context, self.0.key.bits(), *hash, *mask, salt)?;
                let mut out = vec![0; self.0.size];
                let hashed;
                let digest = match input {
                    Input::Message => {
                        hashed = hash::digest(*hash, data)?;
                        &*hashed
                    }
                    Input::Digest => whole(*hash, data)?,
                };
                context.sign(digest, Some(&mut out)).map_err(|_| ENGINE)?;
                Ok(Secret::new(out))
            }
            Mechanism::RsaRaw => {
                whole_block(data, self.0.size)?;
                self.exponent(data, Padding::NONE)
            }
            _ => Err(offer::UNSUPPORTED),
        }
    }

    /// Signs with PKCS#1 v1.5 padding around the bytes as they are.
    fn sign_block(&self, data: &[u8]) -> Result<Secret, Error> {
        fits(data, self.0.size)?;
        self.exponent(data, Padding::PKCS1)
    }

    fn decrypt(&self, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        if let Mechanism::RsaAesWrap { bits, hash, mask, label } = mechanism {
            let (key, wrapped) = data.split_at_checked(self.0.size).ok_or(Error::Length)?;
            let oaep = Mechanism::RsaOaep { hash: *hash, mask: *mask, label: label.clone() };
            let key = self.decrypt(&oaep, key)?;
            // That the first part was sound and the second was not is nobody's business either.
            let sound = key.len() == bits / 8;
            let plain = native::unwrap(key.reveal(), Wrapping::Padded, wrapped).filter(|_| sound);
            return plain.map(|mut plain| Secret::new(std::mem::take(&mut *plain))).ok_or(Error::Undecryptable);
        }
        whole_block(data, self.0.size)?;
        let mut out = Zeroizing::new(vec![0; self.0.size]);
        match mechanism {
            Mechanism::RsaOaep { hash, mask, label } => {
                let mut context = PkeyCtx::new(&self.0.key).map_err(|_| ENGINE)?;
                context.decrypt_init().map_err(|_| ENGINE)?;
                oaep(&mut context, *hash, *mask, label)?;
                let length = context.decrypt(data, Some(&mut out)).map_err(|_| Error::Undecryptable)?;
                Ok(Secret::copy_of(out.get(..length).ok_or(ENGINE)?))
            }
            Mechanism::RsaPkcs1 | Mechanism::RsaRaw => {
                self.0.rsa.private_decrypt(data, &mut out, Padding::NONE).map_err(|_| Error::Length)?;
                match mechanism {
                    Mechanism::RsaPkcs1 => self.0.implicit.unpad(data, &out),
                    _ => Ok(Secret::new(std::mem::take(&mut *out))),
                }
            }
            _ => Err(offer::UNSUPPORTED),
        }
    }
}

impl Key for PrivateRsa {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        offer::allow(self.0.shape, purpose, mechanism)?;
        match purpose {
            Purpose::Sign => self.sign(mechanism, data),
            _ => self.decrypt(mechanism, data),
        }
    }

    fn verify(&self, _mechanism: &Mechanism, _data: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(offer::UNSUPPORTED)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(self.0.shape, purpose, mechanism)?;
        check(mechanism, self.0.key.bits())?;
        match hashed(mechanism) {
            Some((hash, after)) => Hashed::begin(self.clone(), purpose, hash, after),
            None => Ok(Gather::begin(self.clone(), purpose, mechanism, MOST)),
        }
    }

    fn output_length(&self, purpose: Purpose, mechanism: &Mechanism) -> Option<usize> {
        (purpose == Purpose::Sign || *mechanism == Mechanism::RsaRaw).then_some(self.0.size)
    }
}

impl PublicRsa {
    pub(super) fn new(key: PKey<Public>) -> Result<Self, Error> {
        let rsa = key.rsa().map_err(|_| ENGINE)?;
        let shape = Shape::Public(Pair::Rsa { bits: usize::try_from(key.bits()).map_err(|_| ENGINE)? });
        let size = key.size();
        Ok(Self(Arc::new(PublicInner { shape, key, rsa, size })))
    }

    fn encrypt(&self, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        if let Mechanism::RsaAesWrap { bits, hash, mask, label } = mechanism {
            if !matches!(bits, 128 | 192 | 256) {
                return Err(Error::Parameter("length of the AES key"));
            }
            let mut key = Zeroizing::new(vec![0; bits / 8]);
            Random::default().fill(&mut key)?;
            let oaep = Mechanism::RsaOaep { hash: *hash, mask: *mask, label: label.clone() };
            let first = self.encrypt(&oaep, &key)?;
            let second = native::wrap(&key, Wrapping::Padded, data).ok_or(Error::Length)?;
            return Ok(Secret::new([first.reveal(), &second].concat()));
        }
        let mut out = vec![0; self.0.size];
        match mechanism {
            Mechanism::RsaPkcs1 => {
                fits(data, self.0.size)?;
                self.0.rsa.public_encrypt(data, &mut out, Padding::PKCS1).map_err(|_| ENGINE)?;
            }
            Mechanism::RsaOaep { hash, mask, label } => {
                let spent = hash.length().saturating_mul(2).saturating_add(2);
                if self.0.size.checked_sub(spent).is_none_or(|room| data.len() > room) {
                    return Err(Error::Length);
                }
                let mut context = PkeyCtx::new(&self.0.key).map_err(|_| ENGINE)?;
                context.encrypt_init().map_err(|_| ENGINE)?;
                oaep(&mut context, *hash, *mask, label)?;
                context.encrypt(data, Some(&mut out)).map_err(|_| ENGINE)?;
            }
            Mechanism::RsaRaw => {
                whole_block(data, self.0.size)?;
                self.0.rsa.public_encrypt(data, &mut out, Padding::NONE).map_err(|_| Error::Length)?;
            }
            _ => return Err(offer::UNSUPPORTED),
        }
        Ok(Secret::new(out))
    }

    /// What the public exponent makes of a signature.
    fn open(&self, signature: &[u8], padding: Padding) -> Result<Vec<u8>, Error> {
        if signature.len() != self.0.size {
            return Err(Error::Mismatch);
        }
        let mut out = vec![0; self.0.size];
        let length = self.0.rsa.public_decrypt(signature, &mut out, padding).map_err(|_| Error::Mismatch)?;
        out.truncate(length);
        Ok(out)
    }

    /// Checks that the public exponent turns the signature back into what was signed.
    fn compare(&self, expected: &[u8], signature: &[u8], padding: Padding) -> Result<(), Error> {
        if self.open(signature, padding)? == expected { Ok(()) } else { Err(Error::Mismatch) }
    }
}

impl Key for PublicRsa {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        offer::allow(self.0.shape, purpose, mechanism)?;
        match purpose {
            Purpose::Verify => Err(NO_SIGNATURE),
            _ => self.encrypt(mechanism, data),
        }
    }

    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        offer::allow(self.0.shape, Purpose::Verify, mechanism)?;
        match mechanism {
            Mechanism::RsaPkcs1 => {
                fits(data, self.0.size)?;
                self.compare(data, signature, Padding::PKCS1)
            }
            Mechanism::RsaPkcs1Hashed { hash, input } => {
                let info = match input {
                    Input::Message => hash::digest_info(*hash, &hash::digest(*hash, data)?)?,
                    Input::Digest => hash::digest_info(*hash, whole(*hash, data)?)?,
                };
                self.compare(&info, signature, Padding::PKCS1)
            }
            Mechanism::RsaPss { hash, mask, salt, input } => {
                let mut context = PkeyCtx::new(&self.0.key).map_err(|_| ENGINE)?;
                context.verify_init().map_err(|_| ENGINE)?;
                pss(&mut context, self.0.key.bits(), *hash, *mask, *salt)?;
                let hashed;
                let digest = match input {
                    Input::Message => {
                        hashed = hash::digest(*hash, data)?;
                        &*hashed
                    }
                    Input::Digest => whole(*hash, data)?,
                };
                match context.verify(digest, signature) {
                    Ok(true) => Ok(()),
                    _ => Err(Error::Mismatch),
                }
            }
            Mechanism::RsaRaw => {
                whole_block(data, self.0.size)?;
                self.compare(data, signature, Padding::NONE)
            }
            _ => Err(offer::UNSUPPORTED),
        }
    }

    fn recover(&self, mechanism: &Mechanism, signature: &[u8]) -> Result<Secret, Error> {
        offer::allow(self.0.shape, Purpose::Verify, mechanism)?;
        let padding = match mechanism {
            Mechanism::RsaPkcs1 => Padding::PKCS1,
            Mechanism::RsaRaw => Padding::NONE,
            _ => return Err(offer::UNSUPPORTED),
        };
        self.open(signature, padding).map(Secret::new)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(self.0.shape, purpose, mechanism)?;
        check(mechanism, self.0.key.bits())?;
        match hashed(mechanism) {
            Some((hash, after)) => Hashed::begin(self.clone(), purpose, hash, after),
            None => Ok(Gather::begin(self.clone(), purpose, mechanism, MOST)),
        }
    }

    fn output_length(&self, purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        (purpose != Purpose::Verify).then_some(self.0.size)
    }
}

/// The hash that data go through first, and the mechanism for the digest.
fn hashed(mechanism: &Mechanism) -> Option<(Hash, Mechanism)> {
    match *mechanism {
        Mechanism::RsaPkcs1Hashed { hash, input: Input::Message } => {
            Some((hash, Mechanism::RsaPkcs1Hashed { hash, input: Input::Digest }))
        }
        Mechanism::RsaPss { hash, mask, salt, input: Input::Message } => {
            Some((hash, Mechanism::RsaPss { hash, mask, salt, input: Input::Digest }))
        }
        _ => None,
    }
}

/// Refuses parameters that no data could make good.
fn check(mechanism: &Mechanism, bits: u32) -> Result<(), Error> {
    match mechanism {
        Mechanism::RsaPss { hash, salt, .. } => salt_fits(bits, *hash, salt.unwrap_or(0)),
        _ => Ok(()),
    }
}

/// RFC 8017 §9.1.1: hash, salt and two bytes stand in the bits of the modulus but one.
fn salt_fits(bits: u32, hash: Hash, salt: usize) -> Result<(), Error> {
    let room = usize::try_from(bits.saturating_sub(1).div_ceil(8)).unwrap_or(0);
    let needed = salt.saturating_add(hash.length()).saturating_add(2);
    if needed <= room { Ok(()) } else { Err(Error::Parameter("length of the salt")) }
}

/// Prepares for PSS. Without a length of salt, checking takes it from the signature.
fn pss<T: HasPublic>(
    context: &mut PkeyCtxRef<T>,
    bits: u32,
    hash: Hash,
    mask: Hash,
    salt: Option<usize>,
) -> Result<(), Error> {
    salt_fits(bits, hash, salt.unwrap_or(0))?;
    let salt = match salt {
        Some(salt) => RsaPssSaltlen::custom(i32::try_from(salt).map_err(|_| Error::Parameter("length of the salt"))?),
        // The engine reads the same number as "the longest" for signing and as "whatever it is" for checking.
        None => RsaPssSaltlen::MAXIMUM_LENGTH,
    };
    let (hash, mask) = (hash::padding(hash)?, hash::padding(mask)?);
    context
        .set_rsa_padding(Padding::PKCS1_PSS)
        .and_then(|()| context.set_signature_md(hash))
        .and_then(|()| context.set_rsa_pss_saltlen(salt))
        .and_then(|()| context.set_rsa_mgf1_md(mask))
        .map_err(|_| ENGINE)
}

fn oaep<T>(context: &mut PkeyCtxRef<T>, hash: Hash, mask: Hash, label: &[u8]) -> Result<(), Error> {
    if label.len() > LONGEST_LABEL {
        return Err(Error::Parameter("label"));
    }
    let (hash, mask) = (hash::padding(hash)?, hash::padding(mask)?);
    context
        .set_rsa_padding(Padding::PKCS1_OAEP)
        .and_then(|()| context.set_rsa_oaep_md(hash))
        .and_then(|()| context.set_rsa_mgf1_md(mask))
        .map_err(|_| ENGINE)?;
    if !label.is_empty() {
        context.set_rsa_oaep_label(label).map_err(|_| ENGINE)?;
    }
    Ok(())
}

/// A digest that has its hash's length.
fn whole(hash: Hash, digest: &[u8]) -> Result<&[u8], Error> {
    if digest.len() == hash.length() { Ok(digest) } else { Err(Error::Length) }
}

fn whole_block(data: &[u8], size: usize) -> Result<(), Error> {
    if data.len() == size { Ok(()) } else { Err(Error::Length) }
}

/// PKCS#1 v1.5 spends eleven bytes (RFC 8017 §7.2.1, §9.2).
fn fits(data: &[u8], size: usize) -> Result<(), Error> {
    if size.checked_sub(11).is_some_and(|room| data.len() <= room) { Ok(()) } else { Err(Error::Length) }
}

/// No protocol has a longer label; the engine copies it.
const LONGEST_LABEL: usize = 64 << 10;

const ENGINE: Error = Error::Engine("RSA");
