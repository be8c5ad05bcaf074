//! AES-XTS (SP 800-38E): a data unit of a disk, as a whole.

use std::sync::Arc;

use openssl::{cipher::Cipher, cipher_ctx::CipherCtx};
use strongroom_kmip::{
    mechanism::{Block, Mechanism, Mode},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::gather::Gather;
use super::offer;
use crate::slot::contract::{Error, Family, Key, NO_VERIFICATION, Purpose, Running, Shape};

/// Two keys of AES-256, one for the data and one for their place.
#[derive(Clone)]
pub(super) struct Xts(Arc<Secret>);

impl Xts {
    pub(super) fn new(bytes: &[u8]) -> Result<Self, Error> {
        check(bytes)?;
        Ok(Self(Arc::new(Secret::copy_of(bytes))))
    }
}

/// Refuses two keys that are one: whoever chooses ciphertexts could then undo the tweak (SP 800-38E with FIPS 140-3 IG
/// C.I).
pub(super) fn check(bytes: &[u8]) -> Result<(), Error> {
    let (data, place) = bytes.split_at_checked(bytes.len() / 2).ok_or(ENGINE)?;
    if openssl::memcmp::eq(data, place) { Err(Error::Key("the two keys of XTS are one")) } else { Ok(()) }
}

impl Key for Xts {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        offer::allow(SHAPE, purpose, mechanism)?;
        let way = super::symmetric::way(purpose)?;
        let tweak = tweak(mechanism)?;
        if !(BLOCK..=LONGEST).contains(&data.len()) {
            return Err(Error::Length);
        }
        let mut context = CipherCtx::new().map_err(|_| ENGINE)?;
        let (cipher, key) = (Some(Cipher::aes_256_xts()), Some(self.0.reveal()));
        way.set(&mut context, cipher, key, Some(tweak)).map_err(|_| ENGINE)?;
        let mut out = Zeroizing::new(vec![0; data.len()]);
        context.cipher_update(data, Some(&mut out)).map_err(|_| ENGINE)?;
        Ok(Secret::new(std::mem::take(&mut *out)))
    }

    fn verify(&self, _mechanism: &Mechanism, _data: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(NO_VERIFICATION)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(SHAPE, purpose, mechanism)?;
        tweak(mechanism)?;
        Ok(Gather::begin(self.clone(), purpose, mechanism, LONGEST))
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

fn tweak(mechanism: &Mechanism) -> Result<&[u8], Error> {
    match mechanism {
        Mechanism::Cipher(Block::Aes, Mode::Xts { tweak }) if tweak.len() == BLOCK => Ok(tweak),
        Mechanism::Cipher(Block::Aes, Mode::Xts { .. }) => Err(Error::Parameter("data unit number")),
        _ => Err(offer::UNSUPPORTED),
    }
}

const SHAPE: Shape = Shape::Symmetric { family: Family::AesXts, bits: 512 };

/// Bytes of a block, the fewest that a data unit may have.
const BLOCK: usize = 16;

/// A data unit has at most 2^20 blocks (SP 800-38E §4).
const LONGEST: usize = BLOCK << 20;

const ENGINE: Error = Error::Engine("AES-XTS");
