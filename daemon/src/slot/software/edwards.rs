//! Ed25519 (RFC 8032), pure, in a context and over a digest, and the keys of X25519, which are kept and given out.

use openssl::{
    pkey::{PKey, Private, Public},
    sign::{Signer, Verifier},
};
use strongroom_kmip::{
    mechanism::{Curve, Input, Mechanism},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::gather::{Gather, MOST, NO_SIGNATURE};
use super::native::{self, Edition};
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
        if let Mechanism::EddsaContext { input, context } = mechanism {
            let seed = Zeroizing::new(self.key.raw_private_key().map_err(|_| ENGINE)?);
            let signature = native::sign_edwards(&seed, edition(*input), context, data);
            return signature.map(|signature| Secret::copy_of(&signature)).ok_or(Error::Parameter("context"));
        }
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
        matches!(mechanism, Mechanism::Eddsa | Mechanism::EddsaContext { .. }).then_some(SIGNATURE)
    }
}

impl Key for PublicEdwards {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, _data: &[u8]) -> Result<Secret, Error> {
        offer::allow(self.shape, purpose, mechanism)?;
        Err(NO_SIGNATURE)
    }

    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        offer::allow(self.shape, Purpose::Verify, mechanism)?;
        if let Mechanism::EddsaContext { input, context } = mechanism {
            let point = self.key.raw_public_key().map_err(|_| ENGINE)?;
            let signature = signature.try_into().map_err(|_| Error::Mismatch)?;
            let fits = native::verify_edwards(&point, edition(*input), context, data, signature);
            return if fits { Ok(()) } else { Err(Error::Mismatch) };
        }
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

fn edition(input: Input) -> Edition {
    match input {
        Input::Message => Edition::Context,
        Input::Digest => Edition::Prehashed,
    }
}

/// Bytes of a signature.
const SIGNATURE: usize = 64;

const ENGINE: Error = Error::Engine("EdDSA");
