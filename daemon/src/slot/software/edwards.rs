//! Ed25519 (RFC 8032, pure), and the keys of X25519, which are kept and given out.

use openssl::{
    pkey::{PKey, Private, Public},
    sign::{Signer, Verifier},
};
use strongroom_kmip::{
    mechanism::{Curve, Mechanism},
    secret::Secret,
};

use super::gather::{Gather, MOST, NO_SIGNATURE};
use super::offer;
use crate::slot::contract::{Error, Key, Pair, Purpose, Running, Shape};

/// The private half.
#[derive(Clone)]
pub(super) struct PrivateEdwards {
    shape: Shape,
    key: PKey<Private>,
}

/// The public half.
#[derive(Clone)]
pub(super) struct PublicEdwards {
    shape: Shape,
    key: PKey<Public>,
}

impl PrivateEdwards {
    pub(super) fn new(curve: Curve, key: PKey<Private>) -> Self {
        Self { shape: Shape::Private(Pair::Elliptic(curve)), key }
    }
}

impl PublicEdwards {
    pub(super) fn new(curve: Curve, key: PKey<Public>) -> Self {
        Self { shape: Shape::Public(Pair::Elliptic(curve)), key }
    }
}

impl Key for PrivateEdwards {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        offer::allow(self.shape, purpose, mechanism)?;
        let mut signature = vec![0; SIGNATURE];
        let mut signer = Signer::new_without_digest(&self.key).map_err(|_| ENGINE)?;
        signer.sign_oneshot(&mut signature, data).map_err(|_| ENGINE)?;
        Ok(Secret::new(signature))
    }

    fn verify(&self, _mechanism: &Mechanism, _data: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(offer::UNSUPPORTED)
    }

    /// The message is hashed twice, so all of it is gathered first.
    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(self.shape, purpose, mechanism)?;
        Ok(Gather::begin(self.clone(), purpose, mechanism, MOST))
    }

    fn output_length(&self, _purpose: Purpose, mechanism: &Mechanism) -> Option<usize> {
        (*mechanism == Mechanism::Eddsa).then_some(SIGNATURE)
    }
}

impl Key for PublicEdwards {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, _data: &[u8]) -> Result<Secret, Error> {
        offer::allow(self.shape, purpose, mechanism)?;
        Err(NO_SIGNATURE)
    }

    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        offer::allow(self.shape, Purpose::Verify, mechanism)?;
        let mut verifier = Verifier::new_without_digest(&self.key).map_err(|_| ENGINE)?;
        match verifier.verify_oneshot(signature, data) {
            Ok(true) => Ok(()),
            _ => Err(Error::Mismatch),
        }
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(self.shape, purpose, mechanism)?;
        Ok(Gather::begin(self.clone(), purpose, mechanism, MOST))
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

/// Bytes of a signature.
const SIGNATURE: usize = 64;

const ENGINE: Error = Error::Engine("EdDSA");
