//! Hash functions by the engine's names, and digests taken with them.

use blake2::{
    Blake2bVar,
    digest::{Update, VariableOutput},
};
use openssl::{
    hash::{Hasher, MessageDigest},
    md::{Md, MdRef},
    nid::Nid,
};
use strongroom_kmip::{mechanism::Hash, secret::Secret};

use crate::slot::contract::{Error, Running};

/// The hash function as the engine's digests know it.
///
/// # Errors
/// [`Error::Unsupported`] for a hash that it has not.
pub(super) fn message(hash: Hash) -> Result<MessageDigest, Error> {
    match hash {
        Hash::Md5 => Ok(MessageDigest::md5()),
        Hash::Sha1 => Ok(MessageDigest::sha1()),
        Hash::Sha224 => Ok(MessageDigest::sha224()),
        Hash::Sha256 => Ok(MessageDigest::sha256()),
        Hash::Sha384 => Ok(MessageDigest::sha384()),
        Hash::Sha512 => Ok(MessageDigest::sha512()),
        Hash::Sha3_224 => Ok(MessageDigest::sha3_224()),
        Hash::Sha3_256 => Ok(MessageDigest::sha3_256()),
        Hash::Sha3_384 => Ok(MessageDigest::sha3_384()),
        Hash::Sha3_512 => Ok(MessageDigest::sha3_512()),
        Hash::Sha512_224 | Hash::Sha512_256 => nid(hash).and_then(MessageDigest::from_nid).ok_or(UNSUPPORTED),
        Hash::Blake2b160 | Hash::Blake2b256 | Hash::Blake2b384 | Hash::Blake2b512 => Err(UNSUPPORTED),
    }
}

/// The hash function as the engine's padding schemes know it.
///
/// # Errors
/// [`Error::Unsupported`] for a hash that no scheme stands on.
pub(super) fn padding(hash: Hash) -> Result<&'static MdRef, Error> {
    nid(hash).and_then(Md::from_nid).ok_or(UNSUPPORTED)
}

/// The digest of `data`.
///
/// # Errors
/// [`Error::Engine`] when the engine fails.
pub(super) fn digest(hash: Hash, data: &[u8]) -> Result<Vec<u8>, Error> {
    let mut digesting = Digesting::new(hash)?;
    digesting.add(data)?;
    digesting.end()
}

/// A DigestInfo (RFC 8017 §9.2, note 1) around a digest; its head is a fixed template for each hash.
///
/// # Errors
/// [`Error::Unsupported`] for a hash that no signature names here.
pub(super) fn digest_info(hash: Hash, digest: &[u8]) -> Result<Vec<u8>, Error> {
    let head = match hash {
        Hash::Sha1 => SHA1_HEAD,
        Hash::Sha256 => head!(0x01, 32),
        Hash::Sha384 => head!(0x02, 48),
        Hash::Sha512 => head!(0x03, 64),
        Hash::Sha224 => head!(0x04, 28),
        Hash::Sha512_224 => head!(0x05, 28),
        Hash::Sha512_256 => head!(0x06, 32),
        Hash::Sha3_224 => head!(0x07, 28),
        Hash::Sha3_256 => head!(0x08, 32),
        Hash::Sha3_384 => head!(0x09, 48),
        Hash::Sha3_512 => head!(0x0a, 64),
        Hash::Md5 | Hash::Blake2b160 | Hash::Blake2b256 | Hash::Blake2b384 | Hash::Blake2b512 => {
            return Err(UNSUPPORTED);
        }
    };
    Ok([head, digest].concat())
}

/// A digest under way.
#[derive(Clone)]
pub(super) enum Digesting {
    /// By AWS-LC.
    Engine(Hasher),
    /// BLAKE2b, which AWS-LC has of 256 bits alone.
    Blake(Box<Blake2bVar>),
}

impl Digesting {
    pub(super) fn new(hash: Hash) -> Result<Self, Error> {
        match hash {
            Hash::Blake2b160 | Hash::Blake2b256 | Hash::Blake2b384 | Hash::Blake2b512 => {
                Blake2bVar::new(hash.length()).map(|state| Self::Blake(Box::new(state))).map_err(|_| ENGINE)
            }
            _ => Hasher::new(message(hash)?).map(Self::Engine).map_err(|_| ENGINE),
        }
    }

    pub(super) fn add(&mut self, data: &[u8]) -> Result<(), Error> {
        match self {
            Self::Engine(state) => state.update(data).map_err(|_| ENGINE),
            Self::Blake(state) => {
                state.update(data);
                Ok(())
            }
        }
    }

    pub(super) fn end(self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Engine(mut state) => Ok(state.finish().map_err(|_| ENGINE)?.to_vec()),
            Self::Blake(state) => {
                let mut digest = vec![0; state.output_size()];
                state.finalize_variable(&mut digest).map_err(|_| ENGINE)?;
                Ok(digest)
            }
        }
    }
}

impl Running for Digesting {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        self.add(data)?;
        Ok(Secret::copy_of(&[]))
    }

    fn branch(&self) -> Option<Box<dyn Running>> {
        Some(Box::new(self.clone()))
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        Ok(Secret::copy_of(&self.end()?))
    }

    fn finish_against(self: Box<Self>, _signature: &[u8]) -> Result<(), Error> {
        Err(Error::Unsupported("a digest that verifies"))
    }
}

/// The engine's number for a hash that schemes of RSA stand on.
fn nid(hash: Hash) -> Option<Nid> {
    Some(Nid::from_raw(match hash {
        Hash::Sha1 => aws_lc_sys::NID_sha1,
        Hash::Sha224 => aws_lc_sys::NID_sha224,
        Hash::Sha256 => aws_lc_sys::NID_sha256,
        Hash::Sha384 => aws_lc_sys::NID_sha384,
        Hash::Sha512 => aws_lc_sys::NID_sha512,
        Hash::Sha512_224 => aws_lc_sys::NID_sha512_224,
        Hash::Sha512_256 => aws_lc_sys::NID_sha512_256,
        Hash::Sha3_224 => aws_lc_sys::NID_sha3_224,
        Hash::Sha3_256 => aws_lc_sys::NID_sha3_256,
        Hash::Sha3_384 => aws_lc_sys::NID_sha3_384,
        Hash::Sha3_512 => aws_lc_sys::NID_sha3_512,
        Hash::Md5 | Hash::Blake2b160 | Hash::Blake2b256 | Hash::Blake2b384 | Hash::Blake2b512 => return None,
    }))
}

const ENGINE: Error = Error::Engine("a digest");
const UNSUPPORTED: Error = Error::Unsupported("this hash in that place");

/// The head of a DigestInfo whose hash is 2.16.840.1.101.3.4.2.`$arc` with a digest of `$length` bytes.
macro_rules! head {
    ($arc:literal, $length:literal) => {
        &[
            0x30,
            0x11 + $length,
            0x30,
            0x0d,
            0x06,
            0x09,
            0x60,
            0x86,
            0x48,
            0x01,
            0x65,
            0x03,
            0x04,
            0x02,
            $arc,
            0x05,
            0x00,
            0x04,
            $length,
        ]
    };
}
use head;

/// The head of a DigestInfo whose hash is SHA-1, 1.3.14.3.2.26.
const SHA1_HEAD: &[u8] = &[0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];
