//! HMAC with any hash.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::hmac;
use openssl::{
    pkey::{PKey, Private},
    sign::Signer,
};
use strongroom_kmip::{
    mechanism::{Hash, Mechanism, Side},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::gather::{Gather, NO_SIGNATURE};
use super::hash::Digesting;
use super::{hash, offer};
use crate::slot::contract::{Error, Family, Key, NO_VERIFICATION, Purpose, Running, Shape};

/// A key of HMAC. The two halves of each hash's start are computed on first use and kept.
#[derive(Clone)]
pub(super) struct Mac(Arc<Inner>);

struct Inner {
    shape: Shape,
    bytes: Secret,
    /// One for each hash that the engine lets us prepare, in the order of [`prepared`].
    prepared: [OnceLock<hmac::Key>; 5],
}

impl Mac {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let shape = Shape::Symmetric { family: Family::Hmac, bits: bytes.len().saturating_mul(8) };
        Self(Arc::new(Inner { shape, bytes: Secret::copy_of(bytes), prepared: Default::default() }))
    }

    fn closes(&self, mechanism: &Mechanism, purpose: Purpose) -> Result<(), Error> {
        match mechanism {
            Mechanism::TlsMac { length: 0, .. } => Err(Error::Parameter("length of the MAC")),
            _ => offer::allow(self.0.shape, purpose, mechanism),
        }
    }

    /// RFC 5246 §7.4.9, over the digest of the handshake.
    fn finished(&self, mechanism: &Mechanism, purpose: Purpose, data: &[u8]) -> Result<Secret, Error> {
        self.closes(mechanism, purpose)?;
        let Mechanism::TlsMac { hash, side, length } = *mechanism else { return Err(offer::UNSUPPORTED) };
        let label: &[u8] = match side {
            Side::Server => b"server finished",
            Side::Client => b"client finished",
        };
        stretch(hash, self.0.bytes.reveal(), &[label, data], length)
    }

    fn start(&self, mechanism: &Mechanism, purpose: Purpose) -> Result<(Hashing<'_>, usize), Error> {
        offer::allow(self.0.shape, purpose, mechanism)?;
        let Mechanism::Hmac { hash, length } = *mechanism else { return Err(offer::UNSUPPORTED) };
        if !(1..=hash.length()).contains(&length) {
            return Err(Error::Parameter("length of the MAC"));
        }
        let hashing = match prepared(hash) {
            Some((place, algorithm)) => {
                let cell = self.0.prepared.get(place).ok_or(ENGINE)?;
                Hashing::Prepared(cell.get_or_init(|| hmac::Key::new(algorithm, self.0.bytes.reveal())))
            }
            None => Hashing::Plain(hash, self.0.bytes.reveal()),
        };
        Ok((hashing, length))
    }

    fn whole(&self, mechanism: &Mechanism, purpose: Purpose, data: &[u8]) -> Result<(Tag, usize), Error> {
        let (hashing, length) = self.start(mechanism, purpose)?;
        let tag = match hashing {
            Hashing::Prepared(key) => Tag::Prepared(hmac::sign(key, data)),
            Hashing::Plain(hash, key) => {
                let mut signing = Plain::new(hash, key)?;
                signing.add(data)?;
                Tag::Plain(signing.end()?)
            }
        };
        Ok((tag, length))
    }
}

impl Key for Mac {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        if purpose == Purpose::Verify {
            return Err(NO_SIGNATURE);
        }
        if let Mechanism::TlsMac { .. } = mechanism {
            return self.finished(mechanism, purpose, data);
        }
        let (tag, length) = self.whole(mechanism, purpose, data)?;
        tag.cut(length)
    }

    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        if let Mechanism::TlsMac { .. } = mechanism {
            let made = self.finished(mechanism, Purpose::Verify, data)?;
            return if made.same_as(signature) { Ok(()) } else { Err(Error::Mismatch) };
        }
        let (tag, length) = self.whole(mechanism, Purpose::Verify, data)?;
        tag.compare(length, signature)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        if let Mechanism::TlsMac { .. } = mechanism {
            self.closes(mechanism, purpose)?;
            return Ok(Gather::begin(self.clone(), purpose, mechanism, LONGEST_HANDSHAKE));
        }
        let (hashing, length) = self.start(mechanism, purpose)?;
        let state = match hashing {
            Hashing::Prepared(key) => State::Prepared(Box::new(hmac::Context::with_key(key))),
            Hashing::Plain(hash, key) => State::Plain(Plain::new(hash, key)?),
        };
        Ok(Box::new(Macing { state, length, purpose }))
    }

    fn output_length(&self, _purpose: Purpose, mechanism: &Mechanism) -> Option<usize> {
        match mechanism {
            Mechanism::Hmac { length, .. } | Mechanism::TlsMac { length, .. } => Some(*length),
            _ => None,
        }
    }
}

/// A key that is ready for one hash.
enum Hashing<'a> {
    Prepared(&'a hmac::Key),
    Plain(Hash, &'a [u8]),
}

/// A MAC under way.
struct Macing {
    state: State,
    length: usize,
    purpose: Purpose,
}

enum State {
    Prepared(Box<hmac::Context>),
    Plain(Plain),
}

impl Macing {
    fn end(self) -> Result<Tag, Error> {
        Ok(match self.state {
            State::Prepared(context) => Tag::Prepared(context.sign()),
            State::Plain(signing) => Tag::Plain(signing.end()?),
        })
    }
}

impl Running for Macing {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        match &mut self.state {
            State::Prepared(context) => context.update(data),
            State::Plain(signing) => signing.add(data)?,
        }
        Ok(Secret::copy_of(&[]))
    }

    fn branch(&self) -> Option<Box<dyn Running>> {
        // The engine gives no second one of what it does not let us prepare.
        let State::Prepared(context) = &self.state else { return None };
        let state = State::Prepared(context.clone());
        Some(Box::new(Self { state, length: self.length, purpose: self.purpose }))
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        if self.purpose == Purpose::Verify {
            return Err(NO_SIGNATURE);
        }
        let length = self.length;
        self.end()?.cut(length)
    }

    fn finish_against(self: Box<Self>, signature: &[u8]) -> Result<(), Error> {
        if self.purpose != Purpose::Verify {
            return Err(NO_VERIFICATION);
        }
        let length = self.length;
        self.end()?.compare(length, signature)
    }
}

/// A whole MAC, before it is cut.
enum Tag {
    Prepared(hmac::Tag),
    Plain(Secret),
}

impl Tag {
    fn left(&self, length: usize) -> Result<&[u8], Error> {
        let whole = match self {
            Self::Prepared(tag) => tag.as_ref(),
            Self::Plain(tag) => tag.reveal(),
        };
        whole.get(..length).ok_or(ENGINE)
    }

    fn cut(&self, length: usize) -> Result<Secret, Error> {
        Ok(Secret::copy_of(self.left(length)?))
    }

    fn compare(&self, length: usize, signature: &[u8]) -> Result<(), Error> {
        if signature.len() != length || !openssl::memcmp::eq(self.left(length)?, signature) {
            return Err(Error::Mismatch);
        }
        Ok(())
    }
}

/// A MAC with a hash that the engine does not let us prepare.
pub(super) enum Plain {
    /// By AWS-LC.
    Engine(Signer<'static>),
    /// By RFC 2104, over a hash that AWS-LC has not.
    Twice {
        /// Over the message.
        inner: Digesting,
        /// Over what that gives.
        outer: Digesting,
    },
}

impl Plain {
    pub(super) fn new(hash: Hash, key: &[u8]) -> Result<Self, Error> {
        if let Ok(message) = hash::message(hash) {
            let key: PKey<Private> = PKey::hmac(key).map_err(|_| ENGINE)?;
            return Signer::new(message, &key).map(Self::Engine).map_err(|_| ENGINE);
        }
        let short = if key.len() > BLOCK { Zeroizing::new(hash::digest(hash, key)?) } else { Zeroizing::default() };
        let key = if key.len() > BLOCK { short.as_slice() } else { key };
        let start = |pad: u8| {
            let mut block = Zeroizing::new([pad; BLOCK]);
            block.iter_mut().zip(key).for_each(|(byte, given)| *byte ^= given);
            let mut digesting = Digesting::new(hash)?;
            digesting.add(&*block)?;
            Ok::<_, Error>(digesting)
        };
        Ok(Self::Twice { inner: start(0x36)?, outer: start(0x5c)? })
    }

    pub(super) fn add(&mut self, data: &[u8]) -> Result<(), Error> {
        match self {
            Self::Engine(signing) => signing.update(data).map_err(|_| ENGINE),
            Self::Twice { inner, .. } => inner.add(data),
        }
    }

    pub(super) fn end(self) -> Result<Secret, Error> {
        match self {
            Self::Engine(signing) => Ok(Secret::new(signing.sign_to_vec().map_err(|_| ENGINE)?)),
            Self::Twice { inner, mut outer } => {
                outer.add(&inner.end()?)?;
                Ok(Secret::new(outer.end()?))
            }
        }
    }
}

/// P_hash of RFC 5246 §5: so many bytes out of a secret and a seed.
pub(super) fn stretch(hash: Hash, key: &[u8], seed: &[&[u8]], length: usize) -> Result<Secret, Error> {
    let hmac = |parts: &[&[u8]]| {
        let mut signing = Plain::new(hash, key)?;
        parts.iter().try_for_each(|part| signing.add(part))?;
        signing.end()
    };
    let mut out = Zeroizing::new(Vec::with_capacity(length.saturating_add(hash.length())));
    let mut link = hmac(seed)?;
    while out.len() < length {
        let parts: Vec<&[u8]> = std::iter::once(link.reveal()).chain(seed.iter().copied()).collect();
        out.extend_from_slice(hmac(&parts)?.reveal());
        link = hmac(&[link.reveal()])?;
    }
    out.truncate(length);
    Ok(Secret::new(std::mem::take(&mut *out)))
}

/// The hashes that a key is prepared for, and where.
fn prepared(hash: Hash) -> Option<(usize, hmac::Algorithm)> {
    Some(match hash {
        Hash::Sha1 => (0, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        Hash::Sha224 => (1, hmac::HMAC_SHA224),
        Hash::Sha256 => (2, hmac::HMAC_SHA256),
        Hash::Sha384 => (3, hmac::HMAC_SHA384),
        Hash::Sha512 => (4, hmac::HMAC_SHA512),
        _ => return None,
    })
}

/// Bytes of a block of BLAKE2b, the one hash that AWS-LC has not.
const BLOCK: usize = 128;

/// Bytes of what closes a handshake: a digest, and for those who give its messages whole, a few certificates.
const LONGEST_HANDSHAKE: usize = 1 << 20;

const ENGINE: Error = Error::Engine("HMAC");
