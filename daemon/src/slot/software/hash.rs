//! Hash functions by the engine's names, and digests taken with them.

use openssl::{
    hash::{DigestBytes, Hasher, MessageDigest},
    md::{Md, MdRef},
    nid::Nid,
};
use strongroom_kmip::{mechanism::Hash, secret::Secret};

use crate::slot::contract::{Error, Running};

/// The hash function as the engine's digests know it.
///
/// # Errors
/// [`Error::Engine`] when it was built without that hash.
pub(super) fn message(hash: Hash) -> Result<MessageDigest, Error> {
    match hash {
        Hash::Sha1 => Ok(MessageDigest::sha1()),
        Hash::Sha224 => Ok(MessageDigest::sha224()),
        Hash::Sha256 => Ok(MessageDigest::sha256()),
        Hash::Sha384 => Ok(MessageDigest::sha384()),
        Hash::Sha512 => Ok(MessageDigest::sha512()),
        Hash::Sha3_224 => Ok(MessageDigest::sha3_224()),
        Hash::Sha3_256 => Ok(MessageDigest::sha3_256()),
        Hash::Sha3_384 => Ok(MessageDigest::sha3_384()),
        Hash::Sha3_512 => Ok(MessageDigest::sha3_512()),
        Hash::Sha512_224 | Hash::Sha512_256 => MessageDigest::from_nid(nid(hash)).ok_or(Error::Engine("a hash")),
    }
}

/// The hash function as the engine's padding schemes know it.
///
/// # Errors
/// [`Error::Engine`] when it was built without that hash.
pub(super) fn padding(hash: Hash) -> Result<&'static MdRef, Error> {
    Md::from_nid(nid(hash)).ok_or(Error::Engine("a hash"))
}

/// The digest of `data`.
///
/// # Errors
/// [`Error::Engine`] when the engine fails.
pub(super) fn digest(hash: Hash, data: &[u8]) -> Result<DigestBytes, Error> {
    openssl::hash::hash(message(hash)?, data).map_err(|_| Error::Engine("a digest"))
}

/// A DigestInfo (RFC 8017 §9.2, note 1) around a digest; its head is a fixed template for each hash.
pub(super) fn digest_info(hash: Hash, digest: &[u8]) -> Vec<u8> {
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
    };
    [head, digest].concat()
}

/// A digest under way.
#[derive(Clone)]
pub(super) struct Digesting(Hasher);

impl Digesting {
    pub(super) fn new(hash: Hash) -> Result<Self, Error> {
        Ok(Self(Hasher::new(message(hash)?).map_err(|_| Error::Engine("a digest"))?))
    }

    pub(super) fn add(&mut self, data: &[u8]) -> Result<(), Error> {
        self.0.update(data).map_err(|_| Error::Engine("a digest"))
    }

    pub(super) fn end(mut self) -> Result<DigestBytes, Error> {
        self.0.finish().map_err(|_| Error::Engine("a digest"))
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

fn nid(hash: Hash) -> Nid {
    Nid::from_raw(match hash {
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
    })
}

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
