//! GMAC: the tag of AES-GCM over data that are not encrypted (SP 800-38D §3).

use openssl::cipher_ctx::CipherCtx;
use strongroom_kmip::secret::Secret;

use super::block::{LONGEST_PART, Way};
use super::ending;
use super::gcm::{self, Parameters};
use crate::slot::contract::{Error, Purpose, Running};

/// A MAC under way. It does not branch: two that went on from one place would be two tags under one nonce.
pub(super) struct Gmacing {
    context: CipherCtx,
    purpose: Purpose,
    length: usize,
}

impl Gmacing {
    pub(super) fn new(key: &[u8], purpose: Purpose, nonce: &[u8], length: usize) -> Result<Self, Error> {
        let parameters = Parameters { nonce, additional: &[], tag: length };
        parameters.check()?;
        Ok(Self { context: gcm::start(key, parameters, Way::Forth)?, purpose, length })
    }

    fn end(mut self) -> Result<Secret, Error> {
        let mut tag = vec![0; self.length];
        self.context.cipher_final(&mut []).map_err(|_| ENGINE)?;
        self.context.tag(&mut tag).map_err(|_| ENGINE)?;
        Ok(Secret::new(tag))
    }
}

impl Running for Gmacing {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        if data.len() > LONGEST_PART {
            return Err(Error::Length);
        }
        if !data.is_empty() {
            self.context.cipher_update(data, None).map_err(|_| Error::Length)?;
        }
        Ok(Secret::copy_of(&[]))
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        ending::give(self.purpose, || self.end())
    }

    fn finish_against(self: Box<Self>, signature: &[u8]) -> Result<(), Error> {
        ending::compare(self.purpose, signature, || self.end())
    }
}

const ENGINE: Error = Error::Engine("AES-GMAC");
