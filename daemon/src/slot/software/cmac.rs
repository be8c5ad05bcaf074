//! CMAC with AES and, for old data, Triple DES (SP 800-38B).

use aws_lc_rs::cmac::{self, AES_128, AES_192, AES_256, DES_EDE3_FOR_LEGACY_USE_ONLY};
use strongroom_kmip::{mechanism::Block, secret::Secret};

use super::{bytes::cut, ending};
use crate::slot::contract::{Error, Purpose, Running};

/// A CMAC under way.
#[derive(Clone)]
pub(super) struct Cmac(cmac::Context);

impl Cmac {
    /// Starts with the bytes of a key: of AES, or three of DES.
    pub(super) fn new(block: Block, key: &[u8]) -> Result<Self, Error> {
        let algorithm = match (block, key.len()) {
            (Block::Aes, 16) => AES_128,
            (Block::Aes, 24) => AES_192,
            (Block::Aes, 32) => AES_256,
            (Block::TripleDes, 24) => DES_EDE3_FOR_LEGACY_USE_ONLY,
            _ => return Err(Error::Key("it has a length that its block cipher does not take")),
        };
        let key = cmac::Key::new(algorithm, key).map_err(|_| ENGINE)?;
        Ok(Self(cmac::Context::with_key(&key)))
    }

    /// Takes the next part of the message.
    pub(super) fn add(&mut self, data: &[u8]) -> Result<(), Error> {
        self.0.update(data).map_err(|_| ENGINE)
    }

    /// The whole MAC.
    pub(super) fn end(self) -> Result<Secret, Error> {
        Ok(Secret::copy_of(self.0.sign().map_err(|_| ENGINE)?.as_ref()))
    }
}

/// A CMAC under way, for a caller who wants so many bytes of it or brings them.
pub(super) struct Cmacing {
    cmac: Cmac,
    purpose: Purpose,
    length: usize,
}

impl Cmacing {
    pub(super) fn new(block: Block, key: &[u8], purpose: Purpose, length: usize) -> Result<Self, Error> {
        if !(1..=block.length()).contains(&length) {
            return Err(Error::Parameter("length of the MAC"));
        }
        Ok(Self { cmac: Cmac::new(block, key)?, purpose, length })
    }

    fn end(self) -> Result<Secret, Error> {
        cut(&self.cmac.end()?, self.length)
    }
}

impl Running for Cmacing {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        self.cmac.add(data)?;
        Ok(Secret::copy_of(&[]))
    }

    fn branch(&self) -> Option<Box<dyn Running>> {
        Some(Box::new(Self { cmac: self.cmac.clone(), purpose: self.purpose, length: self.length }))
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        ending::give(self.purpose, || self.end())
    }

    fn finish_against(self: Box<Self>, signature: &[u8]) -> Result<(), Error> {
        ending::compare(self.purpose, signature, || self.end())
    }
}

const ENGINE: Error = Error::Engine("CMAC");
