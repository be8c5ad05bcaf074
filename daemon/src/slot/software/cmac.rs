//! CMAC with AES (SP 800-38B).

use aws_lc_rs::cmac::{self, AES_128, AES_192, AES_256};
use strongroom_kmip::secret::Secret;

use super::gather::{NO_SIGNATURE, NO_VERIFICATION};
use crate::slot::contract::{Error, Purpose, Running};

/// A CMAC under way.
#[derive(Clone)]
pub(super) struct Cmac(cmac::Context);

impl Cmac {
    /// Starts with the bytes of an AES key.
    pub(super) fn new(key: &[u8]) -> Result<Self, Error> {
        let algorithm = match key.len() {
            16 => AES_128,
            24 => AES_192,
            32 => AES_256,
            _ => return Err(Error::Key("AES takes 128, 192 or 256 bits")),
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
    pub(super) fn new(key: &[u8], purpose: Purpose, length: usize) -> Result<Self, Error> {
        if !(1..=LONGEST).contains(&length) {
            return Err(Error::Parameter("length of the MAC"));
        }
        Ok(Self { cmac: Cmac::new(key)?, purpose, length })
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
        if self.purpose == Purpose::Verify {
            return Err(NO_SIGNATURE);
        }
        self.cmac.end()?.reveal().get(..self.length).map(Secret::copy_of).ok_or(ENGINE)
    }

    fn finish_against(self: Box<Self>, signature: &[u8]) -> Result<(), Error> {
        if self.purpose != Purpose::Verify {
            return Err(NO_VERIFICATION);
        }
        let whole = self.cmac.end()?;
        let left = whole.reveal().get(..self.length).ok_or(ENGINE)?;
        if signature.len() != self.length || !openssl::memcmp::eq(left, signature) {
            return Err(Error::Mismatch);
        }
        Ok(())
    }
}

/// Bytes of a block of AES.
const LONGEST: usize = 16;

const ENGINE: Error = Error::Engine("CMAC");
