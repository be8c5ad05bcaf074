//! What ML-DSA and SLH-DSA put before a message, and the digest that may stand for it.

use openssl::hash::{Hasher, MessageDigest};
use strongroom_kmip::mechanism::{Hash, Input, Prehash, Signing};

use super::hash;
use crate::slot::contract::Error;

/// What stands before the message, or before its digest (FIPS 204 §5.2, §5.4; FIPS 205 §10.2).
pub(super) fn head(signing: &Signing) -> Result<Vec<u8>, Error> {
    let length = u8::try_from(signing.context.len()).map_err(|_| Error::Parameter("context"))?;
    let mut head = vec![u8::from(signing.digest.is_some()), length];
    head.extend_from_slice(&signing.context);
    if let Some((prehash, _)) = signing.digest {
        head.extend_from_slice(&IDENTIFIER);
        head.push(last(prehash)?);
    }
    Ok(head)
}

/// The digest of a message that comes in parts, or the digest itself where that comes.
pub(super) struct Digesting {
    prehash: Prehash,
    input: Input,
    hasher: Hasher,
    given: Vec<u8>,
}

impl Digesting {
    /// Begins, if a digest stands for the message.
    pub(super) fn begin(signing: &Signing) -> Result<Option<Self>, Error> {
        let Some((prehash, input)) = signing.digest else { return Ok(None) };
        let function = match prehash {
            Prehash::Hash(hash) => hash::message(hash)?,
            Prehash::Shake128 => MessageDigest::shake_128(),
            Prehash::Shake256 => MessageDigest::shake_256(),
        };
        let hasher = Hasher::new(function).map_err(|_| ENGINE)?;
        Ok(Some(Self { prehash, input, hasher, given: Vec::new() }))
    }

    pub(super) fn add(&mut self, data: &[u8]) -> Result<(), Error> {
        match self.input {
            Input::Message => self.hasher.update(data).map_err(|_| ENGINE),
            Input::Digest if self.given.len().saturating_add(data.len()) > self.prehash.length() => Err(Error::Length),
            Input::Digest => {
                self.given.extend_from_slice(data);
                Ok(())
            }
        }
    }

    pub(super) fn end(mut self) -> Result<Vec<u8>, Error> {
        match (self.input, self.prehash) {
            (Input::Digest, prehash) if self.given.len() == prehash.length() => Ok(self.given),
            (Input::Digest, _) => Err(Error::Length),
            (Input::Message, Prehash::Hash(_)) => {
                self.hasher.finish().map(|digest| digest.to_vec()).map_err(|_| ENGINE)
            }
            (Input::Message, prehash) => {
                let mut digest = vec![0; prehash.length()];
                self.hasher.finish_xof(&mut digest).map_err(|_| ENGINE)?;
                Ok(digest)
            }
        }
    }
}

/// The end of a hash function's object identifier; SHA-1's is of another family, and no signature stands on it any more.
fn last(prehash: Prehash) -> Result<u8, Error> {
    Ok(match prehash {
        Prehash::Hash(Hash::Sha256) => 1,
        Prehash::Hash(Hash::Sha384) => 2,
        Prehash::Hash(Hash::Sha512) => 3,
        Prehash::Hash(Hash::Sha224) => 4,
        Prehash::Hash(Hash::Sha512_224) => 5,
        Prehash::Hash(Hash::Sha512_256) => 6,
        Prehash::Hash(Hash::Sha3_224) => 7,
        Prehash::Hash(Hash::Sha3_256) => 8,
        Prehash::Hash(Hash::Sha3_384) => 9,
        Prehash::Hash(Hash::Sha3_512) => 10,
        Prehash::Shake128 => 11,
        Prehash::Shake256 => 12,
        Prehash::Hash(_) => return Err(Error::Parameter("hash")),
    })
}

/// 2.16.840.1.101.3.4.2, without its last byte, as DER.
const IDENTIFIER: [u8; 10] = [0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2];

const ENGINE: Error = Error::Engine("a digest");
