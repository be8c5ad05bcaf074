//! What every slot can be asked, whatever it is made of.

use std::sync::Arc;

use strongroom_kmip::{
    mechanism::{Curve, Hash, Mechanism, ParameterSet},
    secret::Secret,
};

use super::{
    derivation::{Derivation, Finish},
    group::Group,
    holding::{Condition, Found, Member, Name, News},
};
use crate::chance::Chance;

pub use super::kept::{Kept, Pair, Shape};
pub use strongroom_kmip::mechanism::{Family, Offered};

/// A place where keys live: software here, a vendor's HSM elsewhere.
pub trait Slot: Send + Sync {
    /// The name the operator gave it.
    fn name(&self) -> &str;

    /// What it is made of: `software`, or the vendor's word.
    fn maker(&self) -> &str;

    /// What it can do with which keys; the one list that Query, C_GetMechanismList and refusals follow.
    fn offers(&self) -> Arc<[Offer]>;

    /// Makes a new key, or a new pair.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a recipe it does not know.
    fn make(&self, recipe: &Recipe) -> Result<Made, Error>;

    /// Takes a key that was made elsewhere, after checking that it is one.
    ///
    /// # Errors
    /// [`Error::Key`] when the material is no sound key of that shape, [`Error::Unsupported`] for a form it cannot read.
    fn take(&self, shape: Shape, material: &Material) -> Result<Kept, Error>;

    /// Gives a key out in a form that other systems read. Whether it may leave was decided above.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the key does not leave this slot or has no such form.
    fn give(&self, kept: &Kept, form: Form) -> Result<Material, Error>;

    /// Opens a key that was kept, to work with it. The result is worth caching: parsing is a large part of the cost.
    ///
    /// # Errors
    /// [`Error::Key`] when what was kept is no longer a key.
    fn open(&self, kept: &Kept) -> Result<Arc<dyn Key>, Error>;

    /// Makes a secret of so many bytes out of a key. Whether it may be made was decided above.
    ///
    /// # Errors
    /// [`Error::Length`] for more bytes than the derivation gives, [`Error::Unsupported`] for one that this key is not fit
    /// for, [`Error::Parameter`] for parameters that cannot be.
    fn derive(&self, base: &Kept, derivation: &Derivation, length: usize) -> Result<Secret, Error>;

    /// A secret of so many bytes for whoever has the private half of a key, and what brings it there: a ciphertext, or the
    /// public half of a new pair, its point or number alone.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a key that brings nothing, [`Error::Length`] for more bytes than it brings.
    fn encapsulate(&self, public: &Kept, finish: &Finish, length: usize) -> Result<(Vec<u8>, Secret), Error> {
        let _ = (public, finish, length);
        Err(Error::Unsupported("bringing secrets with such a key"))
    }

    /// Starts a digest.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a hash function it does not have.
    fn digest(&self, hash: Hash) -> Result<Box<dyn Running>, Error>;

    /// Its random source.
    fn chance(&self) -> &dyn Chance;

    /// Makes one thing ahead that may be asked for soon; whether there was anything to make. From then on the calling thread
    /// runs only while nobody else wants the processor.
    fn prepare(&self) -> bool {
        false
    }

    /// Wipes what was made ahead, and makes nothing ahead until it is asked for something again.
    fn forget(&self) {}

    /// What else can be asked of it, where it holds its keys itself and the vault keeps references to them.
    fn holding(&self) -> Option<&dyn Holding> {
        None
    }
}

/// A slot that holds its keys itself. It can be away, it may have a key that nobody has written down, and it lets a key go
/// only when it is told to. What the vault keeps for it are references.
pub trait Holding: Send + Sync {
    /// Whether it can be worked with now.
    fn condition(&self) -> Condition;

    /// Every change of its condition since this was asked last, the oldest first.
    fn news(&self) -> Vec<News>;

    /// Tries again, also where a wrong PIN stands against it; with another PIN, where one is given.
    fn retry(&self, pin: Option<Secret>);

    /// Makes a key of this name.
    ///
    /// # Errors
    /// As [`Slot::make`]. There may be a key of the name all the same.
    fn make(&self, name: &Name, recipe: &Recipe) -> Result<Made, Error>;

    /// Takes a key in that was made elsewhere, under this name.
    ///
    /// # Errors
    /// As [`Slot::take`]. There may be a key of the name all the same.
    fn take(&self, name: &Name, shape: Shape, material: &Material) -> Result<Kept, Error>;

    /// Makes another key of this name out of one, so that each goes on its own.
    ///
    /// # Errors
    /// As [`make`](Holding::make).
    fn copy(&self, name: &Name, kept: &Kept) -> Result<Kept, Error>;

    /// What it takes to remove a key of this name.
    fn reference(&self, name: &Name) -> Secret;

    /// What it takes to remove the key that stands behind what was kept; nothing where there is none behind it and those are
    /// bytes such as those of a public key.
    fn errand(&self, held: &Secret) -> Option<Secret>;

    /// Removes a key, by what [`errand`](Holding::errand) said. That there is none is no error.
    ///
    /// # Errors
    /// [`Error::Absent`] and others, when it may still be there.
    fn remove(&self, errand: &Secret) -> Result<(), Error>;

    /// The keys that are there and that the slot could work with, however they came there.
    ///
    /// # Errors
    /// [`Error::Absent`].
    fn found(&self) -> Result<Vec<Found>, Error>;

    /// The tokens that it is made of, where these are several that hold the same keys.
    fn members(&self) -> Vec<Member> {
        Vec::new()
    }

    /// One of them.
    fn member(&self, name: &str) -> Option<&dyn Holding> {
        let _ = name;
        None
    }

    /// The names of those that can be worked with and have a key, by its errand.
    fn whereabouts(&self, errand: &Secret) -> Vec<String> {
        let _ = errand;
        Vec::new()
    }

    /// Whether keys may be missing at some of them, so that it is time for a round.
    fn is_scattered(&self) -> bool {
        false
    }

    /// Finds out where these keys are, by their errands, and brings some to where they are missing. Says how many.
    fn spread(&self, keys: &[Secret]) -> usize {
        let _ = keys;
        0
    }

    /// Ends what the slot does by itself.
    fn close(&self);
}

/// A key, opened and ready to work; shared between threads.
pub trait Key: Send + Sync {
    /// Works in one go: the signature, MAC, ciphertext (with its tag behind it) or plaintext.
    ///
    /// # Errors
    /// [`Error`]; for a decryption that fails every reason looks alike.
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        let mut running = self.begin(purpose, mechanism)?;
        let first = running.update(data)?;
        let last = running.finish()?;
        if first.is_empty() {
            return Ok(last);
        }
        Ok(Secret::new([first.reveal(), last.reveal()].concat()))
    }

    /// Checks a signature or MAC in one go.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when it does not fit.
    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        let mut running = self.begin(Purpose::Verify, mechanism)?;
        running.update(data)?;
        running.finish_against(signature)
    }

    /// What was signed, out of a signature that holds it.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when it is no signature, [`Error::Unsupported`] for mechanisms whose signatures hold a digest at
    /// most.
    fn recover(&self, mechanism: &Mechanism, signature: &[u8]) -> Result<Secret, Error> {
        let _ = (mechanism, signature);
        Err(Error::Unsupported("recovery of what was signed"))
    }

    /// Starts work that comes in parts.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the key cannot be used so, [`Error::Parameter`] for parameters that cannot be.
    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error>;

    /// Bytes of a signature, MAC or single block under this mechanism where the key alone decides them, for size
    /// questions; nothing where the data decide.
    fn output_length(&self, purpose: Purpose, mechanism: &Mechanism) -> Option<usize>;
}

/// Work under way: data go in in parts, results come out as they are ready.
pub trait Running: Send {
    /// Takes the next part and gives what is ready.
    ///
    /// # Errors
    /// [`Error`]; the work cannot go on after one.
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error>;

    /// Bytes of memory that the work would hold of its data once it had taken so many more; nought for work that gives or
    /// digests what comes in.
    fn holds(&self, more: usize) -> usize {
        let _ = more;
        0
    }

    /// A second one of it that goes on by itself, where the work has only digested its data. A cipher has none: two that
    /// go on from one place would encrypt with one keystream.
    fn branch(&self) -> Option<Box<dyn Running>> {
        None
    }

    /// Ends the work and gives the rest: the last blocks, the tag, the signature, the digest.
    ///
    /// # Errors
    /// [`Error`]; for a decryption that fails every reason looks alike.
    fn finish(self: Box<Self>) -> Result<Secret, Error>;

    /// Ends a verification.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the signature or MAC does not fit; [`NO_VERIFICATION`] in work of another kind.
    fn finish_against(self: Box<Self>, signature: &[u8]) -> Result<(), Error> {
        let _ = signature;
        Err(NO_VERIFICATION)
    }
}

/// Only a verification is held against a signature.
pub(super) const NO_VERIFICATION: Error = Error::Unsupported("verifying in the middle of other work");

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Encrypt.
    Encrypt,
    /// Decrypt.
    Decrypt,
    /// Sign, or make a MAC.
    Sign,
    /// Verify a signature or a MAC.
    Verify,
    /// Encrypt a key that leaves.
    Wrap,
    /// Decrypt a key that comes in.
    Unwrap,
    /// Make another key or secret out of it.
    Derive,
}

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// A symmetric key.
    Symmetric {
        /// What it works with.
        family: Family,
        /// Its length in bits.
        bits: usize,
    },
    /// A pair. An RSA pair has the public exponent 65537.
    Pair(Pair),
}

/// What a slot made.
#[derive(Debug)]
pub enum Made {
    /// A symmetric key.
    One(Kept),
    /// A pair.
    Pair {
        /// The private half.
        private: Kept,
        /// The public half.
        public: Kept,
    },
}

/// A key in a form that other systems read. Big numbers are unsigned, most significant byte first, without leading
/// noughts.
#[derive(Debug)]
pub enum Material {
    /// The bytes of a symmetric key.
    Raw(Secret),
    /// PKCS#8 PrivateKeyInfo, DER.
    Pkcs8(Secret),
    /// PKCS#1 RSAPrivateKey, DER.
    Pkcs1Private(Secret),
    /// SEC 1 ECPrivateKey, DER.
    Sec1(Secret),
    /// X.509 SubjectPublicKeyInfo, DER.
    PublicKeyInfo(Vec<u8>),
    /// PKCS#1 RSAPublicKey, DER.
    Pkcs1Public(Vec<u8>),
    /// The numbers of an RSA private key.
    RsaPrivate(RsaPrivate),
    /// The numbers of an RSA public key.
    RsaPublic {
        /// The modulus.
        modulus: Vec<u8>,
        /// The public exponent.
        exponent: Vec<u8>,
    },
    /// A private key of Diffie and Hellman's agreement.
    GroupPrivate {
        /// Where it is at home.
        group: Group,
        /// Its number.
        number: Secret,
    },
    /// A public key of Diffie and Hellman's agreement.
    GroupPublic {
        /// Where it is at home.
        group: Group,
        /// Its number.
        number: Vec<u8>,
    },
    /// A public key of DSA.
    DsaPublic(DsaPublic),
    /// A private key of ML-KEM, ML-DSA or SLH-DSA.
    QuantumPrivate(QuantumPrivate),
    /// A public key of ML-KEM, ML-DSA or SLH-DSA.
    QuantumPublic {
        /// The parameter set.
        set: ParameterSet,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// The number of an elliptic private key (the seed, for Ed25519).
    EllipticPrivate {
        /// The curve.
        curve: Curve,
        /// The number, as long as the curve's order.
        number: Secret,
    },
    /// The point of an elliptic public key: uncompressed (0x04, x, y), or the 32 bytes of Ed25519 and X25519. A
    /// compressed point is read too.
    EllipticPublic {
        /// The curve.
        curve: Curve,
        /// The point.
        point: Vec<u8>,
    },
}

/// The numbers of a public key of DSA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DsaPublic {
    /// The prime.
    pub prime: Vec<u8>,
    /// The prime that is the group's order.
    pub order: Vec<u8>,
    /// The base.
    pub base: Vec<u8>,
    /// The key's own number.
    pub number: Vec<u8>,
}

/// The bytes of a private key of ML-KEM, ML-DSA or SLH-DSA: its seed, its expanded form, or both.
#[derive(Debug)]
pub struct QuantumPrivate {
    /// The parameter set.
    pub set: ParameterSet,
    /// What it is expanded from; SLH-DSA has none.
    pub seed: Option<Secret>,
    /// Its expanded form.
    pub expanded: Option<Secret>,
}

/// The numbers of an RSA private key. What is missing is computed where it can be.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct RsaPrivate {
    pub modulus: Vec<u8>,
    pub public_exponent: Option<Vec<u8>>,
    pub private_exponent: Option<Secret>,
    pub p: Option<Secret>,
    pub q: Option<Secret>,
    pub dp: Option<Secret>,
    pub dq: Option<Secret>,
    pub qinv: Option<Secret>,
}

/// The form in which a key is given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// The bytes of a symmetric key.
    Raw,
    /// PKCS#8 PrivateKeyInfo.
    Pkcs8,
    /// PKCS#1, of a private or a public RSA key.
    Pkcs1,
    /// SEC 1 ECPrivateKey.
    Sec1,
    /// X.509 SubjectPublicKeyInfo.
    PublicKeyInfo,
    /// The numbers, or bytes of a lattice's key: [`Material::RsaPrivate`], [`Material::RsaPublic`], [`Material::EllipticPrivate`] or
    /// [`Material::EllipticPublic`]; [`Material::Raw`] for a symmetric key.
    Numbers,
}

/// One thing a slot can do: a mechanism, with which keys of those that it is for, and for some purposes.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// The mechanism, without parameters.
    pub mechanism: Offered,
    /// Fewest and most bits of the key.
    pub bits: (usize, usize),
    /// For what.
    pub purposes: &'static [Purpose],
}

/// Why a slot did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The slot has no such mechanism, or not with this kind of key.
    #[error("the slot does not offer {0}")]
    Unsupported(&'static str),
    /// A parameter of the mechanism cannot be: an initialisation vector of a wrong length, a tag too short.
    #[error("the mechanism's {0} is not usable")]
    Parameter(&'static str),
    /// The data cannot be worked with: not whole blocks, or longer than the key allows.
    #[error("the data have a length that the mechanism does not take")]
    Length,
    /// A decryption failed; why is nobody's business.
    #[error("the data could not be decrypted")]
    Undecryptable,
    /// A signature or MAC does not fit.
    #[error("the signature does not fit")]
    Mismatch,
    /// What should be a key is none.
    #[error("this is no sound key: {0}")]
    Key(&'static str),
    /// The random source failed.
    #[error(transparent)]
    Chance(#[from] crate::chance::Dry),
    /// The key does not leave the slot that holds it.
    #[error("the key is held by its slot and does not leave it")]
    Held,
    /// The key is not in its slot any more.
    #[error("the slot does not hold the key any more; it was removed behind our back")]
    Vanished,
    /// The slot has no room.
    #[error("the slot has no room for it")]
    Full,
    /// The slot does not answer.
    #[error("the slot does not answer; see `strongroom slot list`")]
    Absent,
    /// The cryptographic engine failed where it never should.
    #[error("the cryptographic engine failed in {0}")]
    Engine(&'static str),
}
