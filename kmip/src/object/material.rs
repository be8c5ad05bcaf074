//! Key material: bytes in the format the block names, or the numbers of the key one by one.

use crate::{
    code::{KeyFormatType, RecommendedCurve},
    secret::Secret,
    tag::Tag,
    ttlv::{BigInteger, Bytes, Item, Kind, Malformed, Value, Writer},
};

/// What a key is (KMIP 2.1 §3.2 Key Value): bytes whose meaning the Key Format Type tells, or a transparent key.
#[derive(Debug)]
#[allow(missing_docs, reason = "the variants are the standard's structures, documented there")]
pub enum KeyMaterial {
    /// Raw, opaque, PKCS#1, PKCS#8, X.509, SEC1 or PKCS#12 bytes; also wrapped bytes under No Encoding.
    Bytes(Secret),
    SymmetricKey(TransparentSymmetricKey),
    DSAPrivateKey(TransparentDSAPrivateKey),
    DSAPublicKey(TransparentDSAPublicKey),
    RSAPrivateKey(TransparentRSAPrivateKey),
    RSAPublicKey(TransparentRSAPublicKey),
    DHPrivateKey(TransparentDHPrivateKey),
    DHPublicKey(TransparentDHPublicKey),
    ECPrivateKey(TransparentECPrivateKey),
    ECPublicKey(TransparentECPublicKey),
}

impl KeyMaterial {
    /// Reads the material of a key in this format. Bytes are bytes in any format: a transparent key that is wrapped
    /// without its structure is one.
    ///
    /// # Errors
    /// [`Malformed::Value`] with Key Format Type for a Structure in a format that has none.
    pub fn read(item: Item<'_, '_>, format: KeyFormatType) -> Result<Self, Malformed> {
        if item.kind() == Kind::ByteString {
            return Value::read(item).map(Self::Bytes);
        }
        match format {
            KeyFormatType::TransparentSymmetricKey => Value::read(item).map(Self::SymmetricKey),
            KeyFormatType::TransparentDSAPrivateKey => Value::read(item).map(Self::DSAPrivateKey),
            KeyFormatType::TransparentDSAPublicKey => Value::read(item).map(Self::DSAPublicKey),
            KeyFormatType::TransparentRSAPrivateKey => Value::read(item).map(Self::RSAPrivateKey),
            KeyFormatType::TransparentRSAPublicKey => Value::read(item).map(Self::RSAPublicKey),
            KeyFormatType::TransparentDHPrivateKey => Value::read(item).map(Self::DHPrivateKey),
            KeyFormatType::TransparentDHPublicKey => Value::read(item).map(Self::DHPublicKey),
            KeyFormatType::TransparentECPrivateKey
            | KeyFormatType::TransparentECDSAPrivateKey
            | KeyFormatType::TransparentECDHPrivateKey
            | KeyFormatType::TransparentECMQVPrivateKey => Value::read(item).map(Self::ECPrivateKey),
            KeyFormatType::TransparentECPublicKey
            | KeyFormatType::TransparentECDSAPublicKey
            | KeyFormatType::TransparentECDHPublicKey
            | KeyFormatType::TransparentECMQVPublicKey => Value::read(item).map(Self::ECPublicKey),
            _ => Err(Malformed::Value(Tag::KeyFormatType)),
        }
    }

    /// Writes the material as one item.
    pub fn write(&self, to: &mut Writer) {
        let tag = Tag::KeyMaterial;
        match self {
            Self::Bytes(bytes) => bytes.write(tag, to),
            Self::SymmetricKey(key) => key.write(tag, to),
            Self::DSAPrivateKey(key) => key.write(tag, to),
            Self::DSAPublicKey(key) => key.write(tag, to),
            Self::RSAPrivateKey(key) => key.write(tag, to),
            Self::RSAPublicKey(key) => key.write(tag, to),
            Self::DHPrivateKey(key) => key.write(tag, to),
            Self::DHPublicKey(key) => key.write(tag, to),
            Self::ECPrivateKey(key) => key.write(tag, to),
            Self::ECPublicKey(key) => key.write(tag, to),
        }
    }
}

structure! {
    /// A symmetric key (KMIP 1.4 §2.1.7.1).
    TransparentSymmetricKey {
        key: Secret = Key, V1_0;
    }
}

structure! {
    /// A DSA private key (KMIP 1.4 §2.1.7.2).
    TransparentDSAPrivateKey {
        p: BigInteger = P, V1_0;
        q: BigInteger = Q, V1_0;
        g: BigInteger = G, V1_0;
        x: BigInteger = X, V1_0;
    }
}

structure! {
    /// A DSA public key (KMIP 1.4 §2.1.7.3).
    TransparentDSAPublicKey {
        p: BigInteger = P, V1_0;
        q: BigInteger = Q, V1_0;
        g: BigInteger = G, V1_0;
        y: BigInteger = Y, V1_0;
    }
}

structure! {
    /// An RSA private key (KMIP 1.4 §2.1.7.4): the modulus, and the private exponent or both primes or more.
    TransparentRSAPrivateKey {
        modulus: BigInteger = Modulus, V1_0;
        private_exponent: Option<BigInteger> = PrivateExponent, V1_0;
        public_exponent: Option<BigInteger> = PublicExponent, V1_0;
        p: Option<BigInteger> = P, V1_0;
        q: Option<BigInteger> = Q, V1_0;
        prime_exponent_p: Option<BigInteger> = PrimeExponentP, V1_0;
        prime_exponent_q: Option<BigInteger> = PrimeExponentQ, V1_0;
        crt_coefficient: Option<BigInteger> = CRTCoefficient, V1_0;
    }
}

structure! {
    /// An RSA public key (KMIP 1.4 §2.1.7.5).
    TransparentRSAPublicKey {
        modulus: BigInteger = Modulus, V1_0;
        public_exponent: BigInteger = PublicExponent, V1_0;
    }
}

structure! {
    /// A Diffie-Hellman private key (KMIP 1.4 §2.1.7.6).
    TransparentDHPrivateKey {
        p: BigInteger = P, V1_0;
        q: Option<BigInteger> = Q, V1_0;
        g: BigInteger = G, V1_0;
        j: Option<BigInteger> = J, V1_0;
        x: BigInteger = X, V1_0;
    }
}

structure! {
    /// A Diffie-Hellman public key (KMIP 1.4 §2.1.7.7).
    TransparentDHPublicKey {
        p: BigInteger = P, V1_0;
        q: Option<BigInteger> = Q, V1_0;
        g: BigInteger = G, V1_0;
        j: Option<BigInteger> = J, V1_0;
        y: BigInteger = Y, V1_0;
    }
}

structure! {
    /// An elliptic curve private key (KMIP 1.4 §2.1.7.14, and ECDSA, ECDH and ECMQV before it).
    TransparentECPrivateKey {
        recommended_curve: RecommendedCurve = RecommendedCurve, V1_0;
        d: BigInteger = D, V1_0;
    }
}

structure! {
    /// An elliptic curve public key (KMIP 1.4 §2.1.7.15, and ECDSA, ECDH and ECMQV before it): the point, encoded as
    /// the Key Compression Type says.
    TransparentECPublicKey {
        recommended_curve: RecommendedCurve = RecommendedCurve, V1_0;
        q_string: Bytes = QString, V1_0;
    }
}
