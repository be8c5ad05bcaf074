//! Keys of AES, Triple DES and ChaCha20.

use std::sync::Arc;

use strongroom_kmip::{
    mechanism::{Block, Mechanism, Mode},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::block::{Ciphering, Way};
use super::chacha::{Flowing, Poly1305, nonce_of};
use super::gather::{Gather, MOST, NO_VERIFICATION};
use super::gcm::{Gcm, Parameters, Sealing};
use super::native::{self, Wrapping};
use super::offer;
use crate::slot::contract::{Error, Family, Key, Purpose, Running, Shape};

/// An AES key, with its schedule for GCM.
#[derive(Clone)]
pub(super) struct Aes(Arc<AesInner>);

struct AesInner {
    shape: Shape,
    bytes: Secret,
    gcm: Gcm,
}

impl Aes {
    pub(super) fn new(bytes: &[u8]) -> Result<Self, Error> {
        let shape = Shape::Symmetric { family: Family::Aes, bits: bytes.len().saturating_mul(8) };
        Ok(Self(Arc::new(AesInner { shape, bytes: Secret::copy_of(bytes), gcm: Gcm::new(bytes)? })))
    }
}

impl Key for Aes {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        offer::allow(self.0.shape, purpose, mechanism)?;
        let (key, way) = (self.0.bytes.reveal(), way(purpose)?);
        match mechanism {
            Mechanism::Cipher(Block::Aes, Mode::Gcm { nonce, additional, tag }) => {
                let parameters = Parameters { nonce, additional, tag: *tag };
                match way {
                    Way::Forth => self.0.gcm.seal(key, parameters, data),
                    Way::Back => self.0.gcm.open(key, parameters, data),
                }
            }
            Mechanism::Cipher(block, mode) => Ciphering::new(*block, key, mode, way)?.all(data),
            Mechanism::KeyWrap => wrap(key, Wrapping::Exact, way, data),
            Mechanism::KeyWrapPadded => wrap(key, Wrapping::Padded, way, data),
            _ => Err(offer::UNSUPPORTED),
        }
    }

    fn verify(&self, _mechanism: &Mechanism, _data: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(offer::UNSUPPORTED)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(self.0.shape, purpose, mechanism)?;
        let (key, way) = (self.0.bytes.reveal(), way(purpose)?);
        Ok(match mechanism {
            Mechanism::Cipher(Block::Aes, Mode::Gcm { nonce, additional, tag }) => {
                let parameters = Parameters { nonce, additional, tag: *tag };
                parameters.check()?;
                match way {
                    Way::Forth => Box::new(Sealing::new(key, parameters)?),
                    Way::Back => Gather::begin(self.clone(), purpose, mechanism, MOST),
                }
            }
            Mechanism::Cipher(block, mode) => Box::new(Ciphering::new(*block, key, mode, way)?),
            _ => Gather::begin(self.clone(), purpose, mechanism, LONGEST_WRAPPED),
        })
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

/// A Triple DES key of three parts; one of two has its first again as its third.
#[derive(Clone)]
pub(super) struct TripleDes {
    shape: Shape,
    bytes: Arc<Secret>,
}

impl TripleDes {
    pub(super) fn new(shape: Shape, bytes: &[u8]) -> Result<Self, Error> {
        let bytes = match (bytes.len(), bytes.get(..8)) {
            (16, Some(first)) => Secret::new([bytes, first].concat()),
            (24, _) => Secret::copy_of(bytes),
            _ => return Err(Error::Key("Triple DES takes two or three keys of eight bytes")),
        };
        Ok(Self { shape, bytes: Arc::new(bytes) })
    }

    fn start(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Ciphering, Error> {
        offer::allow(self.shape, purpose, mechanism)?;
        match mechanism {
            Mechanism::Cipher(block, mode) => Ciphering::new(*block, self.bytes.reveal(), mode, way(purpose)?),
            _ => Err(offer::UNSUPPORTED),
        }
    }
}

impl Key for TripleDes {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        self.start(purpose, mechanism)?.all(data)
    }

    fn verify(&self, _mechanism: &Mechanism, _data: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(offer::UNSUPPORTED)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        Ok(Box::new(self.start(purpose, mechanism)?))
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

/// A ChaCha20 key.
#[derive(Clone)]
pub(super) struct ChaCha20 {
    bytes: Arc<Zeroizing<[u8; 32]>>,
    sealed: Arc<Poly1305>,
}

impl ChaCha20 {
    pub(super) fn new(bytes: &[u8]) -> Result<Self, Error> {
        let bytes = bytes.try_into().map_err(|_| Error::Key("ChaCha20 takes 256 bits"))?;
        Ok(Self { sealed: Arc::new(Poly1305::new(&bytes)?), bytes: Arc::new(Zeroizing::new(bytes)) })
    }
}

impl Key for ChaCha20 {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        offer::allow(CHACHA20, purpose, mechanism)?;
        match (mechanism, way(purpose)?) {
            (Mechanism::ChaCha20 { nonce, counter }, _) => {
                Flowing::new(Arc::clone(&self.bytes), nonce, *counter)?.flow(data)
            }
            (Mechanism::ChaCha20Poly1305 { nonce, additional }, Way::Forth) => {
                self.sealed.seal(nonce, additional, data)
            }
            (Mechanism::ChaCha20Poly1305 { nonce, additional }, Way::Back) => self.sealed.open(nonce, additional, data),
            _ => Err(offer::UNSUPPORTED),
        }
    }

    fn verify(&self, _mechanism: &Mechanism, _data: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(offer::UNSUPPORTED)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(CHACHA20, purpose, mechanism)?;
        match mechanism {
            Mechanism::ChaCha20 { nonce, counter } => {
                Ok(Box::new(Flowing::new(Arc::clone(&self.bytes), nonce, *counter)?))
            }
            Mechanism::ChaCha20Poly1305 { nonce, .. } => {
                nonce_of(nonce)?;
                Ok(Gather::begin(self.clone(), purpose, mechanism, MOST))
            }
            _ => Err(offer::UNSUPPORTED),
        }
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

fn way(purpose: Purpose) -> Result<Way, Error> {
    match purpose {
        Purpose::Encrypt | Purpose::Wrap => Ok(Way::Forth),
        Purpose::Decrypt | Purpose::Unwrap => Ok(Way::Back),
        Purpose::Sign => Err(offer::UNSUPPORTED),
        Purpose::Verify => Err(NO_VERIFICATION),
    }
}

fn wrap(key: &[u8], wrapping: Wrapping, way: Way, data: &[u8]) -> Result<Secret, Error> {
    if data.len() > LONGEST_WRAPPED {
        return Err(Error::Length);
    }
    match way {
        Way::Forth => native::wrap(key, wrapping, data).map(Secret::new).ok_or(Error::Length),
        Way::Back => {
            let mut key = native::unwrap(key, wrapping, data).ok_or(Error::Undecryptable)?;
            Ok(Secret::new(std::mem::take(&mut *key)))
        }
    }
}

const CHACHA20: Shape = Shape::Symmetric { family: Family::ChaCha20, bits: 256 };

/// Key wrap works through its data six times and is for keys only; the longest key is an RSA key of a few thousand bytes.
const LONGEST_WRAPPED: usize = 64 << 10;
