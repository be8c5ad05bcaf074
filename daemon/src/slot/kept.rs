//! Keys as the vault keeps them for a slot, and what kind of key each is.

use strongroom_kmip::{
    mechanism::{Curve, Family, Keys, ParameterSet},
    secret::Secret,
};

/// What a slot asks the vault to keep for it, sealed. Only the slot reads `held`: key bytes from a software slot, a
/// name from an HSM.
#[derive(Debug)]
pub struct Kept {
    /// What kind of key it is.
    pub shape: Shape,
    /// What the slot wants back when it opens the key.
    pub held: Secret,
}

/// What kind of key something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A symmetric key of the block ciphers or ChaCha20, or of HMAC, or of an algorithm that is only kept here.
    Symmetric {
        /// What it works with.
        family: Family,
        /// Its length in bits.
        bits: usize,
    },
    /// The private half of a pair.
    Private(Pair),
    /// The public half of a pair.
    Public(Pair),
}

impl Shape {
    /// Which mechanisms it is for.
    pub const fn keys(self) -> Keys {
        match self {
            Self::Symmetric { family, .. } => Keys::Symmetric(family),
            Self::Private(pair) | Self::Public(pair) => match pair {
                Pair::Rsa { .. } => Keys::Rsa,
                Pair::Elliptic(curve) => curve.keys(),
                Pair::Group { .. } => Keys::Finite,
                Pair::Dsa { .. } => Keys::Dsa,
                Pair::Quantum(set) => set.facts().keys,
            },
        }
    }

    /// Its length.
    pub const fn bits(self) -> usize {
        match self {
            Self::Symmetric { bits, .. } | Self::Private(Pair::Rsa { bits }) | Self::Public(Pair::Rsa { bits }) => bits,
            Self::Private(Pair::Group { bits } | Pair::Dsa { bits })
            | Self::Public(Pair::Group { bits } | Pair::Dsa { bits }) => bits,
            Self::Private(Pair::Elliptic(curve)) | Self::Public(Pair::Elliptic(curve)) => curve.bits(),
            Self::Private(Pair::Quantum(set)) | Self::Public(Pair::Quantum(set)) => set.bits(),
        }
    }
}

/// A kind of key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pair {
    /// RSA with a modulus of so many bits.
    Rsa {
        /// Bits of the modulus.
        bits: usize,
    },
    /// Elliptic.
    Elliptic(Curve),
    /// Of Diffie and Hellman's agreement over the numbers below a prime; the key says which.
    Group {
        /// Bits of the prime.
        bits: usize,
    },
    /// DSA, whose public half alone is taken: it verifies signatures of old data.
    Dsa {
        /// Bits of the prime.
        bits: usize,
    },
    /// ML-KEM, ML-DSA or SLH-DSA.
    Quantum(ParameterSet),
}
