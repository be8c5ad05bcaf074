//! CMAC with AES (SP 800-38B).

use aws_lc_rs::cmac::{self, AES_128, AES_192, AES_256};
use strongroom_kmip::secret::Secret;

use crate::slot::contract::Error;

/// A CMAC under way.
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

const ENGINE: Error = Error::Engine("CMAC");
