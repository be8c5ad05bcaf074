//! ECDSA over the NIST curves and secp256k1.

use std::sync::Arc;

use openssl::{
    bn::BigNum,
    ec::EcKey,
    ecdsa::EcdsaSig,
    pkey::{PKey, Private, Public},
};
use strongroom_kmip::{
    mechanism::{Curve, Form, Hash, Mechanism},
    secret::Secret,
};

use super::gather::{Gather, Hashed, NO_SIGNATURE};
use super::{hash, offer};
use crate::slot::contract::{Error, Key, Pair, Purpose, Running, Shape};

/// The private half.
#[derive(Clone)]
pub(super) struct PrivateElliptic {
    curve: Curve,
    key: Arc<EcKey<Private>>,
}

/// The public half.
#[derive(Clone)]
pub(super) struct PublicElliptic {
    curve: Curve,
    key: Arc<EcKey<Public>>,
}

impl PrivateElliptic {
    pub(super) fn new(curve: Curve, key: &PKey<Private>) -> Result<Self, Error> {
        Ok(Self { curve, key: Arc::new(key.ec_key().map_err(|_| ENGINE)?) })
    }

    fn sign(&self, digest: &[u8], form: Form) -> Result<Secret, Error> {
        let signature = EcdsaSig::sign(bounded(digest)?, &self.key).map_err(|_| ENGINE)?;
        match form {
            Form::Der => Ok(Secret::new(signature.to_der().map_err(|_| ENGINE)?)),
            Form::Raw => {
                let half = self.curve.length();
                let width = i32::try_from(half).map_err(|_| ENGINE)?;
                let mut raw = signature.r().to_vec_padded(width).map_err(|_| ENGINE)?;
                raw.extend(signature.s().to_vec_padded(width).map_err(|_| ENGINE)?);
                Ok(Secret::new(raw))
            }
        }
    }
}

impl Key for PrivateElliptic {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        offer::allow(Shape::Private(Pair::Elliptic(self.curve)), purpose, mechanism)?;
        match mechanism {
            Mechanism::Ecdsa { hash: Some(hash), form } => self.sign(&hash::digest(*hash, data)?, *form),
            Mechanism::Ecdsa { hash: None, form } => self.sign(data, *form),
            _ => Err(offer::UNSUPPORTED),
        }
    }

    fn verify(&self, _mechanism: &Mechanism, _data: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(offer::UNSUPPORTED)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(Shape::Private(Pair::Elliptic(self.curve)), purpose, mechanism)?;
        match hashed(mechanism) {
            Some((hash, after)) => Hashed::begin(self.clone(), purpose, hash, after),
            None => Ok(Gather::begin(self.clone(), purpose, mechanism, LONGEST_DIGEST)),
        }
    }

    fn output_length(&self, _purpose: Purpose, mechanism: &Mechanism) -> Option<usize> {
        match mechanism {
            Mechanism::Ecdsa { form: Form::Raw, .. } => self.curve.length().checked_mul(2),
            _ => None,
        }
    }
}

impl PublicElliptic {
    pub(super) fn new(curve: Curve, key: &PKey<Public>) -> Result<Self, Error> {
        Ok(Self { curve, key: Arc::new(key.ec_key().map_err(|_| ENGINE)?) })
    }

    fn check(&self, digest: &[u8], form: Form, signature: &[u8]) -> Result<(), Error> {
        let signature = match form {
            Form::Der => strict(signature)?,
            Form::Raw => {
                let half = self.curve.length();
                let (r, s) = signature.split_at_checked(half).ok_or(Error::Mismatch)?;
                if s.len() != half {
                    return Err(Error::Mismatch);
                }
                let (r, s) = BigNum::from_slice(r).and_then(|r| Ok((r, BigNum::from_slice(s)?))).map_err(|_| ENGINE)?;
                EcdsaSig::from_private_components(r, s).map_err(|_| ENGINE)?
            }
        };
        match signature.verify(bounded(digest)?, &self.key) {
            Ok(true) => Ok(()),
            _ => Err(Error::Mismatch),
        }
    }
}

impl Key for PublicElliptic {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, _data: &[u8]) -> Result<Secret, Error> {
        offer::allow(Shape::Public(Pair::Elliptic(self.curve)), purpose, mechanism)?;
        Err(NO_SIGNATURE)
    }

    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        offer::allow(Shape::Public(Pair::Elliptic(self.curve)), Purpose::Verify, mechanism)?;
        match mechanism {
            Mechanism::Ecdsa { hash: Some(hash), form } => self.check(&hash::digest(*hash, data)?, *form, signature),
            Mechanism::Ecdsa { hash: None, form } => self.check(data, *form, signature),
            _ => Err(offer::UNSUPPORTED),
        }
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(Shape::Public(Pair::Elliptic(self.curve)), purpose, mechanism)?;
        match hashed(mechanism) {
            Some((hash, after)) => Hashed::begin(self.clone(), purpose, hash, after),
            None => Ok(Gather::begin(self.clone(), purpose, mechanism, LONGEST_DIGEST)),
        }
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

/// A signature in DER and in nothing that only looks like it.
fn strict(signature: &[u8]) -> Result<EcdsaSig, Error> {
    let parsed = EcdsaSig::from_der(signature).map_err(|_| Error::Mismatch)?;
    let again = parsed.to_der().map_err(|_| Error::Mismatch)?;
    if again == signature { Ok(parsed) } else { Err(Error::Mismatch) }
}

/// The hash that data go through first, and the mechanism for the digest.
fn hashed(mechanism: &Mechanism) -> Option<(Hash, Mechanism)> {
    match *mechanism {
        Mechanism::Ecdsa { hash: Some(hash), form } => Some((hash, Mechanism::Ecdsa { hash: None, form })),
        _ => None,
    }
}

/// A digest is cut to the order's bits (FIPS 186-5 §6.4.1); one of nothing would sign nothing.
fn bounded(digest: &[u8]) -> Result<&[u8], Error> {
    if (1..=LONGEST_DIGEST).contains(&digest.len()) { Ok(digest) } else { Err(Error::Length) }
}

/// More than any hash gives; what is longer is a message by mistake.
const LONGEST_DIGEST: usize = 1024;

const ENGINE: Error = Error::Engine("ECDSA");
