//! Elliptic curves.

use super::keys::Keys;

/// An elliptic curve and, where the curve has but one, its signature scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Curve {
    P192,
    P224,
    P256,
    P384,
    P521,
    Secp256k1,
    BrainpoolP256r1,
    BrainpoolP384r1,
    BrainpoolP512r1,
    Ed25519,
    Ed448,
    X25519,
    X448,
}

impl Curve {
    /// Every curve.
    pub const ALL: [Self; 13] = [
        Self::P192,
        Self::P224,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Secp256k1,
        Self::BrainpoolP256r1,
        Self::BrainpoolP384r1,
        Self::BrainpoolP512r1,
        Self::Ed25519,
        Self::Ed448,
        Self::X25519,
        Self::X448,
    ];

    /// Bits of the field, as KMIP's Cryptographic Length counts them.
    pub const fn bits(self) -> usize {
        match self {
            Self::P192 => 192,
            Self::P224 => 224,
            Self::P256 | Self::Secp256k1 | Self::BrainpoolP256r1 | Self::Ed25519 | Self::X25519 => 256,
            Self::P384 | Self::BrainpoolP384r1 => 384,
            Self::Ed448 | Self::X448 => 448,
            Self::BrainpoolP512r1 => 512,
            Self::P521 => 521,
        }
    }

    /// Bytes of a private key's number or seed, and of one coordinate of a point.
    pub const fn length(self) -> usize {
        match self {
            // RFC 8032 §5.2.5: the sign of a coordinate takes a byte of its own.
            Self::Ed448 => 57,
            _ => self.bits().div_ceil(8),
        }
    }

    /// What its keys are good for.
    pub const fn keys(self) -> Keys {
        match self {
            Self::P192
            | Self::P224
            | Self::P256
            | Self::P384
            | Self::P521
            | Self::Secp256k1
            | Self::BrainpoolP256r1
            | Self::BrainpoolP384r1
            | Self::BrainpoolP512r1 => Keys::Weierstrass,
            Self::Ed25519 | Self::Ed448 => Keys::Edwards,
            Self::X25519 | Self::X448 => Keys::Montgomery,
        }
    }
}
