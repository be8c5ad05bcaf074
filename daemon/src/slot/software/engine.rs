//! The slot that is software: keys are bytes that the vault seals, AWS-LC works with them.

use std::{sync::Arc, time::Duration};

use openssl::{
    ec::EcKey,
    pkey::{PKey, Private},
    rsa::Rsa,
};
use strongroom_kmip::{
    mechanism::{Curve, Hash, Keys, Mechanism},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::dsa::PublicDsa;
use super::edwards::{PrivateEdwards, PublicEdwards};
use super::elliptic::{PrivateElliptic, PublicElliptic};
use super::encoding::{self, Parsed};
use super::goldilocks::{PrivateGoldilocks, PublicGoldilocks};
use super::hash::Digesting;
use super::lattice::{self, PrivateLattice, PublicLattice};
use super::mac::Mac;
use super::random::Random;
use super::reserve::Reserve;
use super::rsa::{PrivateRsa, PublicRsa};
use super::stateless::{PrivateStateless, PublicStateless};
use super::symmetric::{Aes, ChaCha20, TripleDes};
use super::xts::{self, Xts};
use super::{agree, bare, bytes, derive, finite, native, offer, point};
use crate::chance::Chance;
use crate::slot::contract::{
    Error, Family, Form, Kept, Key, Made, Material, Offer, Offered, Pair, Purpose, Recipe, Running, Shape, Slot,
};
use crate::slot::derivation::{Derivation, Finish};

/// A slot without hardware.
#[derive(Debug)]
pub struct Software {
    name: String,
    random: Random,
    reserve: Reserve,
}

impl Software {
    /// A slot of that name, which makes nothing ahead.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), random: Random::default(), reserve: Reserve::new(0) }
    }

    /// The slot with so many RSA pairs that wait for whoever asks next, of the size that is asked for most.
    #[must_use]
    pub fn with_ready(self, most: usize) -> Self {
        Self { reserve: Reserve::new(most), ..self }
    }

    fn symmetric(&self, family: Family, bits: usize) -> Result<Kept, Error> {
        let (generation, bytes) = match family {
            Family::Aes => (Offered::AesKeyGen, bits / 8),
            Family::AesXts => (Offered::AesXtsKeyGen, bits / 8),
            Family::ChaCha20 => (Offered::ChaCha20KeyGen, bits / 8),
            Family::Hmac | Family::Foreign => (Offered::GenericKeyGen, bits / 8),
            Family::TripleDes => (Offered::TripleDesKeyGen, if bits <= 128 { 16 } else { 24 }),
        };
        if !offer::makes(generation, bits) || encoding::check_length(family, bits, bytes).is_err() {
            return Err(Error::Unsupported("making a key of that length"));
        }
        let mut key = Zeroizing::new(vec![0; bytes]);
        loop {
            self.random.fill(&mut key)?;
            let sound = match family {
                Family::TripleDes => parts_differ(&key),
                Family::AesXts => xts::check(&key).is_ok(),
                _ => true,
            };
            if sound {
                break;
            }
        }
        if family == Family::TripleDes {
            key.iter_mut().for_each(|byte| *byte = odd(*byte));
        }
        Ok(Kept { shape: Shape::Symmetric { family, bits }, held: Secret::new(std::mem::take(&mut *key)) })
    }

    /// Makes one of the pairs that are wanted ahead; whether there was one to make.
    fn make_ahead(&self) -> bool {
        let Some(order) = self.reserve.next(LATELY) else { return false };
        match self.pair(Pair::Rsa { bits: order.bits }) {
            Ok(Made::Pair { private, public }) => self.reserve.put(order, &private.held, &public.held),
            Ok(Made::One(_)) => false,
            Err(error) => {
                log::error!("a pair could not be made ahead: {error}");
                self.reserve.clear();
                false
            }
        }
    }

    fn pair(&self, pair: Pair) -> Result<Made, Error> {
        if bare::is_bare(pair) {
            let private = bare::make(pair, &self.random)?;
            let public = Secret::new(bare::public_of(pair, &private)?);
            return Ok(Made::Pair {
                private: Kept { shape: Shape::Private(pair), held: private },
                public: Kept { shape: Shape::Public(pair), held: public },
            });
        }
        let key = match pair {
            Pair::Rsa { bits } => {
                // The engine makes moduli of whole 128 bits.
                if !offer::makes(Offered::RsaKeyGen, bits) || !bits.is_multiple_of(128) {
                    return Err(Error::Unsupported("making a key of that length"));
                }
                let bits = u32::try_from(bits).map_err(|_| ENGINE)?;
                Rsa::generate(bits).and_then(PKey::from_rsa)
            }
            Pair::Group { .. } | Pair::Dsa { .. } => return Err(offer::UNSUPPORTED),
            Pair::Quantum(set) => Ok(lattice::make(set, &self.random)?),
            Pair::Elliptic(Curve::Ed25519) => PKey::generate_ed25519(),
            Pair::Elliptic(Curve::X25519) => PKey::generate_x25519(),
            Pair::Elliptic(curve) => EcKey::generate(&*point::group(curve)?).and_then(PKey::from_ec_key),
        };
        let key: PKey<Private> = key.map_err(|_| ENGINE)?;
        let public = Secret::new(key.public_key_to_der().map_err(|_| ENGINE)?);
        Ok(Made::Pair {
            private: Kept { shape: Shape::Private(pair), held: encoding::write_private(&key)? },
            public: Kept { shape: Shape::Public(pair), held: public },
        })
    }
}

impl Slot for Software {
    fn name(&self) -> &str {
        &self.name
    }

    fn maker(&self) -> &str {
        "software"
    }

    fn offers(&self) -> Arc<[Offer]> {
        Arc::clone(&offer::OFFERS)
    }

    fn make(&self, recipe: &Recipe) -> Result<Made, Error> {
        match *recipe {
            Recipe::Symmetric { family, bits } => self.symmetric(family, bits).map(Made::One),
            Recipe::Pair(pair @ Pair::Rsa { bits }) => self.reserve.take(bits).map_or_else(|| self.pair(pair), Ok),
            Recipe::Pair(pair) => self.pair(pair),
        }
    }

    fn prepare(&self) -> bool {
        native::stand_back();
        self.make_ahead()
    }

    fn forget(&self) {
        self.reserve.clear();
    }

    fn take(&self, shape: Shape, material: &Material) -> Result<Kept, Error> {
        encoding::take(shape, material)
    }

    fn give(&self, kept: &Kept, form: Form) -> Result<Material, Error> {
        encoding::give(kept, form)
    }

    fn open(&self, kept: &Kept) -> Result<Arc<dyn Key>, Error> {
        Ok(match (kept.shape, encoding::open(kept)?) {
            (Shape::Symmetric { family, .. }, Parsed::Symmetric(bytes)) => match family {
                Family::Aes => Arc::new(Aes::new(bytes.reveal())?),
                Family::AesXts => Arc::new(Xts::new(bytes.reveal())?),
                Family::TripleDes => Arc::new(TripleDes::new(kept.shape, bytes.reveal())?),
                Family::ChaCha20 => Arc::new(ChaCha20::new(bytes.reveal())?),
                Family::Hmac => Arc::new(Mac::new(bytes.reveal())),
                Family::Foreign => Arc::new(Idle),
            },
            (Shape::Private(pair), Parsed::Private(key)) => match pair {
                Pair::Rsa { .. } => Arc::new(PrivateRsa::new(key)?),
                Pair::Group { .. } | Pair::Dsa { .. } => Arc::new(Idle),
                Pair::Quantum(set) if set.facts().keys == Keys::MlKem => Arc::new(Idle),
                Pair::Quantum(set) => Arc::new(PrivateLattice::new(set, key)?),
                Pair::Elliptic(curve @ (Curve::Ed25519 | Curve::X25519)) => Arc::new(PrivateEdwards::new(curve, key)),
                Pair::Elliptic(curve) => Arc::new(PrivateElliptic::new(curve, &key)?),
            },
            (Shape::Public(pair), Parsed::Public(key)) => match pair {
                Pair::Rsa { .. } => Arc::new(PublicRsa::new(key)?),
                Pair::Dsa { bits } => Arc::new(PublicDsa::new(bits, key)?),
                Pair::Group { .. } => Arc::new(Idle),
                Pair::Quantum(set) if set.facts().keys == Keys::MlKem => Arc::new(Idle),
                Pair::Quantum(set) => Arc::new(PublicLattice::new(set, key)?),
                Pair::Elliptic(curve @ (Curve::Ed25519 | Curve::X25519)) => Arc::new(PublicEdwards::new(curve, key)),
                Pair::Elliptic(curve) => Arc::new(PublicElliptic::new(curve, &key)?),
            },
            (Shape::Private(Pair::Group { .. }) | Shape::Public(Pair::Group { .. }), _) => Arc::new(Idle),
            (Shape::Private(Pair::Quantum(set)), Parsed::Bare(bytes)) => Arc::new(PrivateStateless::new(set, &bytes)?),
            (Shape::Public(Pair::Quantum(set)), Parsed::Bare(bytes)) => {
                Arc::new(PublicStateless::new(set, bytes.reveal())?)
            }
            (Shape::Private(Pair::Elliptic(curve)), Parsed::Bare(bytes)) => match curve {
                Curve::Ed448 => Arc::new(PrivateGoldilocks::new(bytes.reveal())?),
                Curve::X448 => Arc::new(Idle),
                curve => Arc::new(PrivateElliptic::new(curve, &point::private(curve, &bytes)?)?),
            },
            (Shape::Public(Pair::Elliptic(curve)), Parsed::Bare(bytes)) => match curve {
                Curve::Ed448 => Arc::new(PublicGoldilocks::new(bytes.reveal())?),
                Curve::X448 => Arc::new(Idle),
                curve => Arc::new(PublicElliptic::new(curve, &point::public(curve, bytes.reveal())?)?),
            },
            _ => return Err(Error::Key("it is of another kind than was said")),
        })
    }

    fn derive(&self, base: &Kept, derivation: &Derivation, length: usize) -> Result<Secret, Error> {
        derive::derive(base, derivation, length, |base| self.open(base))
    }

    fn encapsulate(&self, public: &Kept, finish: &Finish, length: usize) -> Result<(Vec<u8>, Secret), Error> {
        match (public.shape, encoding::open(public)?) {
            (Shape::Public(Pair::Quantum(set)), Parsed::Public(key)) => {
                let (ciphertext, secret) = lattice::encapsulate(set, &key)?;
                Ok((ciphertext, bytes::cut(&secret, length)?))
            }
            (Shape::Public(pair @ Pair::Elliptic(_)), _) => agree::bring(public, self.pair(pair)?, finish, length),
            (Shape::Public(Pair::Group { .. }), _) => {
                agree::bring(public, finite::beside(public, &self.random)?, finish, length)
            }
            _ => Err(offer::UNSUPPORTED),
        }
    }

    fn digest(&self, hash: Hash) -> Result<Box<dyn Running>, Error> {
        Ok(Box::new(Digesting::new(hash)?))
    }

    fn chance(&self) -> &dyn Chance {
        &self.random
    }
}

/// A key that is kept and given out, and does no work here.
struct Idle;

impl Key for Idle {
    fn verify(&self, _mechanism: &Mechanism, _data: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(offer::UNSUPPORTED)
    }

    fn begin(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        Err(offer::UNSUPPORTED)
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

/// Whether no two neighbouring parts of a Triple DES key are one: they would undo each other (SP 800-67 §3.2).
fn parts_differ(key: &[u8]) -> bool {
    let parts: Vec<&[u8]> = key.chunks(8).collect();
    parts.windows(2).all(|pair| match pair {
        [one, other] => one.iter().zip(*other).any(|(a, b)| a | 1 != b | 1),
        _ => true,
    })
}

/// The byte with its lowest bit set so that its parity is odd.
fn odd(byte: u8) -> u8 {
    (byte & 0xfe) | u8::from((byte & 0xfe).count_ones().is_multiple_of(2))
}

/// What nobody asks for in this time is not made ahead any more.
const LATELY: Duration = Duration::from_secs(3600);

const ENGINE: Error = Error::Engine("making a key");

#[cfg(test)]
mod tests {
    use super::*;

    fn exponent_of(made: &Made) -> Vec<u8> {
        let Made::Pair { public, .. } = made else { panic!("no pair") };
        let Ok(Material::RsaPublic { exponent, .. }) = encoding::give(public, Form::Numbers) else { panic!("no RSA") };
        exponent
    }

    #[test]
    fn a_pair_that_was_made_ahead_is_as_any_other_and_its_halves_fit() {
        let slot = Software::new("dev").with_ready(1);
        let recipe = Recipe::Pair(Pair::Rsa { bits: 2048 });
        assert!(!slot.make_ahead(), "nobody has asked");
        let first = slot.make(&recipe).unwrap();
        assert!(slot.make_ahead());
        assert!(!slot.make_ahead(), "there is one");
        let second = slot.make(&recipe).unwrap();
        assert_eq!(format!("{:?}", slot.reserve), "Reserve([0, 0, 0] of 1)");
        let (Made::Pair { private: one, .. }, Made::Pair { private, public }) = (&first, &second) else { panic!() };
        assert!(!one.held.same_as(private.held.reveal()));
        assert_eq!((exponent_of(&first), exponent_of(&second)), (vec![1, 0, 1], vec![1, 0, 1]));
        let mechanism =
            Mechanism::RsaPkcs1Hashed { hash: Hash::Sha256, input: strongroom_kmip::mechanism::Input::Message };
        let signature = slot.open(private).unwrap().work(Purpose::Sign, &mechanism, b"data").unwrap();
        slot.open(public).unwrap().verify(&mechanism, b"data", signature.reveal()).unwrap();
    }

    #[test]
    fn a_slot_that_forgets_has_nothing_ready_and_makes_nothing_until_it_is_asked() {
        let slot = Software::new("dev").with_ready(1);
        slot.make(&Recipe::Pair(Pair::Rsa { bits: 2048 })).unwrap();
        assert!(slot.make_ahead());
        slot.forget();
        assert_eq!(format!("{:?}", slot.reserve), "Reserve([0, 0, 0] of 1)");
        assert!(!slot.make_ahead());
    }

    #[test]
    fn a_slot_without_ready_pairs_makes_none() {
        let slot = Software::new("dev");
        slot.make(&Recipe::Pair(Pair::Rsa { bits: 2048 })).unwrap();
        assert!(!slot.make_ahead());
    }
}
