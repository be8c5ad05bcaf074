//! Keys of AES, Triple DES and ChaCha20.

use std::sync::{Arc, OnceLock};

use strongroom_kmip::{
    mechanism::{Block, Mechanism, Mode},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::block::{Ciphering, Way};
use super::cbcmac::CbcMacing;
use super::ccm;
use super::chacha::{Flowing, Poly1305, nonce_of};
use super::cmac::Cmacing;
use super::feedback::{Feeding, Piece};
use super::gather::{Gather, MOST};
use super::gcm::{Gcm, Parameters, Sealing};
use super::gmac::Gmacing;
use super::mac::Mac;
use super::native::{self, Wrapping};
use super::offer;
use super::stealing::Stealing;
use crate::slot::contract::{Error, Family, Key, NO_VERIFICATION, Purpose, Running, Shape};

/// An AES key, with its schedule for GCM. Old clients make MACs with such keys too; the policy says who may.
#[derive(Clone)]
pub(super) struct Aes(Arc<AesInner>);

struct AesInner {
    shape: Shape,
    bytes: Secret,
    gcm: Gcm,
    mac: OnceLock<Mac>,
}

impl Aes {
    pub(super) fn new(bytes: &[u8]) -> Result<Self, Error> {
        let shape = Shape::Symmetric { family: Family::Aes, bits: bytes.len().saturating_mul(8) };
        Ok(Self(Arc::new(AesInner {
            shape,
            bytes: Secret::copy_of(bytes),
            gcm: Gcm::new(bytes)?,
            mac: OnceLock::new(),
        })))
    }

    /// The same bytes as a key of HMAC.
    fn mac(&self) -> &Mac {
        self.0.mac.get_or_init(|| Mac::new(self.0.bytes.reveal()))
    }
}

impl Key for Aes {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        if matches!(mechanism, Mechanism::Hmac { .. }) {
            return self.mac().work(purpose, mechanism, data);
        }
        if matches!(mechanism, Mechanism::Cmac { .. } | Mechanism::CbcMac { .. } | Mechanism::Gmac { .. }) {
            let mut running = self.begin(purpose, mechanism)?;
            running.update(data)?;
            return running.finish();
        }
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
            Mechanism::Cipher(Block::Aes, Mode::Ccm { nonce, additional, tag }) => {
                ccm::work(key, Parameters { nonce, additional, tag: *tag }, way, data)
            }
            Mechanism::Cipher(Block::Aes, Mode::Cts { iv }) => Stealing::new(key, iv, way)?.all(data),
            Mechanism::Cipher(Block::Aes, Mode::Cfb1 { iv }) => Feeding::new(key, iv, Piece::Bit, way)?.flow(data),
            Mechanism::Cipher(Block::Aes, Mode::Cfb64 { iv }) => Feeding::new(key, iv, Piece::Half, way)?.flow(data),
            Mechanism::Cipher(block, mode) => Ciphering::new(*block, key, mode, way)?.all(data),
            Mechanism::KeyWrap => wrap(key, Wrapping::Exact, way, data),
            Mechanism::KeyWrapPadded => wrap(key, Wrapping::Padded, way, data),
            _ => Err(offer::UNSUPPORTED),
        }
    }

    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        match mechanism {
            Mechanism::Hmac { .. } => self.mac().verify(mechanism, data, signature),
            Mechanism::Cmac { .. } | Mechanism::CbcMac { .. } | Mechanism::Gmac { .. } => {
                let mut running = self.begin(Purpose::Verify, mechanism)?;
                running.update(data)?;
                running.finish_against(signature)
            }
            _ => Err(offer::UNSUPPORTED),
        }
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        if matches!(mechanism, Mechanism::Hmac { .. }) {
            return self.mac().begin(purpose, mechanism);
        }
        offer::allow(self.0.shape, purpose, mechanism)?;
        let key = self.0.bytes.reveal();
        match mechanism {
            Mechanism::Cmac { block, length } => return Ok(Box::new(Cmacing::new(*block, key, purpose, *length)?)),
            Mechanism::CbcMac { block, length } => return Ok(Box::new(CbcMacing::new(*block, key, purpose, *length)?)),
            Mechanism::Gmac { nonce, length } => return Ok(Box::new(Gmacing::new(key, purpose, nonce, *length)?)),
            _ => {}
        }
        let way = way(purpose)?;
        Ok(match mechanism {
            Mechanism::Cipher(Block::Aes, Mode::Gcm { nonce, additional, tag }) => {
                let parameters = Parameters { nonce, additional, tag: *tag };
                parameters.check()?;
                match way {
                    Way::Forth => Box::new(Sealing::new(key, parameters)?),
                    Way::Back => Gather::begin(self.clone(), purpose, mechanism, MOST),
                }
            }
            Mechanism::Cipher(Block::Aes, Mode::Ccm { nonce, additional, tag }) => {
                ccm::check(Parameters { nonce, additional, tag: *tag })?;
                Gather::begin(self.clone(), purpose, mechanism, MOST)
            }
            Mechanism::Cipher(Block::Aes, Mode::Cts { iv }) => Box::new(Stealing::new(key, iv, way)?),
            Mechanism::Cipher(Block::Aes, Mode::Cfb1 { iv }) => Box::new(Feeding::new(key, iv, Piece::Bit, way)?),
            Mechanism::Cipher(Block::Aes, Mode::Cfb64 { iv }) => Box::new(Feeding::new(key, iv, Piece::Half, way)?),
            Mechanism::Cipher(block, mode) => Box::new(Ciphering::new(*block, key, mode, way)?),
            _ => Gather::begin(self.clone(), purpose, mechanism, LONGEST_WRAPPED),
        })
    }

    fn output_length(&self, purpose: Purpose, mechanism: &Mechanism) -> Option<usize> {
        match mechanism {
            Mechanism::Hmac { .. } => self.mac().output_length(purpose, mechanism),
            Mechanism::Cmac { length, .. } | Mechanism::CbcMac { length, .. } | Mechanism::Gmac { length, .. } => {
                Some(*length)
            }
            _ => None,
        }
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
}

impl Key for TripleDes {
    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(self.shape, purpose, mechanism)?;
        let key = self.bytes.reveal();
        Ok(match mechanism {
            Mechanism::Cmac { block, length } => Box::new(Cmacing::new(*block, key, purpose, *length)?),
            Mechanism::CbcMac { block, length } => Box::new(CbcMacing::new(*block, key, purpose, *length)?),
            Mechanism::Cipher(block, mode) => Box::new(Ciphering::new(*block, key, mode, way(purpose)?)?),
            _ => return Err(offer::UNSUPPORTED),
        })
    }

    fn output_length(&self, _purpose: Purpose, mechanism: &Mechanism) -> Option<usize> {
        match mechanism {
            Mechanism::Cmac { length, .. } | Mechanism::CbcMac { length, .. } => Some(*length),
            _ => None,
        }
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

impl ChaCha20 {
    /// Decrypts what has only the start of its tag behind it: the tag is made once more and its start compared.
    fn open_short(&self, nonce: &[u8], additional: &[u8], tag: usize, data: &[u8]) -> Result<Secret, Error> {
        spare(tag)?;
        nonce_of(nonce)?;
        let at = data.len().checked_sub(tag).ok_or(Error::Undecryptable)?;
        let (sealed, given) = data.split_at_checked(at).ok_or(Error::Undecryptable)?;
        // Block nought makes the key of the tag; the message starts at the next (RFC 8439 §2.8).
        let plain = Flowing::new(Arc::clone(&self.bytes), nonce, 1)?.flow(sealed)?;
        let again = cut(self.sealed.seal(nonce, additional, plain.reveal())?, tag)?;
        let made = again.reveal().get(at..).ok_or(Error::Undecryptable)?;
        if openssl::memcmp::eq(made, given) { Ok(plain) } else { Err(Error::Undecryptable) }
    }
}

impl Key for ChaCha20 {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        offer::allow(CHACHA20, purpose, mechanism)?;
        match (mechanism, way(purpose)?) {
            (Mechanism::ChaCha20 { nonce, counter }, _) => {
                Flowing::new(Arc::clone(&self.bytes), nonce, *counter)?.flow(data)
            }
            (Mechanism::ChaCha20Poly1305 { nonce, additional, tag }, Way::Forth) => {
                cut(self.sealed.seal(nonce, additional, data)?, *tag)
            }
            (Mechanism::ChaCha20Poly1305 { nonce, additional, tag: TAG }, Way::Back) => {
                self.sealed.open(nonce, additional, data)
            }
            (Mechanism::ChaCha20Poly1305 { nonce, additional, tag }, Way::Back) => {
                self.open_short(nonce, additional, *tag, data)
            }
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
            Mechanism::ChaCha20Poly1305 { nonce, tag, .. } => {
                nonce_of(nonce)?;
                spare(*tag)?;
                Ok(Gather::begin(self.clone(), purpose, mechanism, MOST))
            }
            _ => Err(offer::UNSUPPORTED),
        }
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

/// Bytes of its tag that ChaCha20-Poly1305 does without.
fn spare(tag: usize) -> Result<usize, Error> {
    TAG.checked_sub(tag).filter(|_| tag >= SHORTEST_TAG).ok_or(Error::Parameter("length of the tag"))
}

/// Leaves the first bytes of the tag that stands at the end.
fn cut(sealed: Secret, tag: usize) -> Result<Secret, Error> {
    match spare(tag)? {
        0 => Ok(sealed),
        spare => {
            let length = sealed.len().saturating_sub(spare);
            Ok(Secret::copy_of(sealed.reveal().get(..length).ok_or(Error::Length)?))
        }
    }
}

/// Which way a cipher runs for that purpose.
pub(super) fn way(purpose: Purpose) -> Result<Way, Error> {
    match purpose {
        Purpose::Encrypt | Purpose::Wrap => Ok(Way::Forth),
        Purpose::Decrypt | Purpose::Unwrap => Ok(Way::Back),
        Purpose::Sign | Purpose::Derive => Err(offer::UNSUPPORTED),
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

/// Bytes of a whole tag of Poly1305, and of the shortest that GCM knows, which is taken here too.
const TAG: usize = 16;
const SHORTEST_TAG: usize = 4;

const CHACHA20: Shape = Shape::Symmetric { family: Family::ChaCha20, bits: 256 };

/// Key wrap works through its data six times and is for keys only; the longest key is an RSA key of a few thousand bytes.
const LONGEST_WRAPPED: usize = 64 << 10;
