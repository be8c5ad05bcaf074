//! Elliptic curves.

use super::keys::Keys;

/// An elliptic curve and, where the curve has but one, its signature scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Curve {
    P224,
    P256,
    P384,
    P521,
    Secp256k1,
    Ed25519,
    X25519,
}

impl Curve {
    /// Every curve.
    pub const ALL: [Self; 7] =
        [Self::P224, Self::P256, Self::P384, Self::P521, Self::Secp256k1, Self::Ed25519, Self::X25519];

    /// Bits of the field, as KMIP's Cryptographic Length counts them.
    pub const fn bits(self) -> usize {
        match self {
            Self::P224 => 224,
            Self::P256 | Self::Secp256k1 | Self::Ed25519 | Self::X25519 => 256,
            Self::P384 => 384,
            Self::P521 => 521,
        }
    }

    /// What its keys are good for.
    pub const fn keys(self) -> Keys {
        match self {
            Self::P224 | Self::P256 | Self::P384 | Self::P521 | Self::Secp256k1 => Keys::Weierstrass,
            Self::Ed25519 => Keys::Edwards,
            Self::X25519 => Keys::Montgomery,
        }
    }
}
