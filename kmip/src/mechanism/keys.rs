//! Kinds of keys, as mechanisms tell them apart.

/// What kind of keys a mechanism works with or makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keys {
    /// None: it works with data alone.
    None,
    /// Symmetric ones.
    Symmetric(Family),
    /// RSA.
    Rsa,
    /// Elliptic, on curves of ECDSA and ECDH.
    Weierstrass,
    /// Elliptic, of EdDSA.
    Edwards,
    /// Elliptic, of X25519 and its kin.
    Montgomery,
    /// Numbers below a prime that two sides agree on a secret with.
    Finite,
    /// DSA, over the numbers below a prime.
    Dsa,
    /// ML-KEM.
    MlKem,
    /// ML-DSA.
    MlDsa,
    /// SLH-DSA.
    SlhDsa,
    /// Elliptic, of any curve that two sides agree on a secret with.
    Agreeing,
    /// Symmetric, of any family: what is made out of its bytes does not ask what they are for.
    Secret,
}

impl Keys {
    /// Whether they are points on a curve.
    pub const fn are_elliptic(self) -> bool {
        matches!(self, Self::Weierstrass | Self::Edwards | Self::Montgomery | Self::Agreeing)
    }

    /// Whether keys of that kind are among them.
    pub fn include(self, other: Self) -> bool {
        match self {
            Self::Agreeing => matches!(other, Self::Weierstrass | Self::Montgomery),
            Self::Secret => matches!(other, Self::Symmetric(_)),
            _ => self == other,
        }
    }
}

/// What a symmetric key works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// AES.
    Aes,
    /// AES in XTS, which takes two keys at once; its length counts both.
    AesXts,
    /// Triple DES; its length counts 56 bits for every eight bytes or 64, as KMIP allows both.
    TripleDes,
    /// ChaCha20 and ChaCha20-Poly1305.
    ChaCha20,
    /// HMAC with any hash.
    Hmac,
    /// An algorithm that is kept and given out, and not worked with here.
    Foreign,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 6] = [Self::Aes, Self::AesXts, Self::TripleDes, Self::ChaCha20, Self::Hmac, Self::Foreign];
}
