//! What the software slot can do: the one table from which support is decided and listed.

use strongroom_kmip::mechanism::{Block, Curve, Hash, Input, Mechanism, Mode, Padding};

use crate::slot::contract::{Error, Family, Offer, Offered, Pair, Purpose, Shape};

/// Every row.
pub(super) static OFFERS: [Offer; SINGLE.len() + HASHED.len() * Hash::ALL.len()] = all();

/// Whether a key of this shape works so.
///
/// # Errors
/// [`Error::Unsupported`] when no row says so.
pub(super) fn allow(shape: Shape, purpose: Purpose, mechanism: &Mechanism) -> Result<(), Error> {
    let offered = offered(mechanism).ok_or(UNSUPPORTED)?;
    let row = OFFERS.iter().find(|row| row.mechanism == offered).ok_or(UNSUPPORTED)?;
    let bits = match shape {
        Shape::Symmetric { bits, .. } => bits,
        Shape::Private(pair) | Shape::Public(pair) => width(pair),
    };
    let fits = (row.bits.0..=row.bits.1).contains(&bits) && row.purposes.contains(&purpose);
    if fits && suits(offered, shape) && half(shape, purpose) { Ok(()) } else { Err(UNSUPPORTED) }
}

/// Whether a new key of so many bits is offered by this row.
pub(super) fn makes(generation: Offered, bits: usize) -> bool {
    OFFERS.iter().any(|row| row.mechanism == generation && (row.bits.0..=row.bits.1).contains(&bits))
}

/// The row that a mechanism belongs to.
fn offered(mechanism: &Mechanism) -> Option<Offered> {
    Some(match mechanism {
        Mechanism::Cipher(Block::Aes, mode) => match mode {
            Mode::Ecb { .. } => Offered::AesEcb,
            Mode::Cbc { padding: Padding::None, .. } => Offered::AesCbc,
            Mode::Cbc { padding: Padding::Pkcs7, .. } => Offered::AesCbcPad,
            Mode::Ctr { .. } => Offered::AesCtr,
            Mode::Cfb { .. } => Offered::AesCfb,
            Mode::Ofb { .. } => Offered::AesOfb,
            Mode::Gcm { .. } => Offered::AesGcm,
        },
        Mechanism::Cipher(Block::TripleDes, mode) => match mode {
            Mode::Ecb { .. } => Offered::TripleDesEcb,
            Mode::Cbc { padding: Padding::None, .. } => Offered::TripleDesCbc,
            Mode::Cbc { padding: Padding::Pkcs7, .. } => Offered::TripleDesCbcPad,
            Mode::Ctr { .. } | Mode::Cfb { .. } | Mode::Ofb { .. } | Mode::Gcm { .. } => return None,
        },
        Mechanism::ChaCha20 { .. } => Offered::ChaCha20,
        Mechanism::ChaCha20Poly1305 { .. } => Offered::ChaCha20Poly1305,
        Mechanism::RsaPkcs1 => Offered::RsaPkcs1,
        Mechanism::RsaPkcs1Hashed { hash, .. } => Offered::RsaPkcs1Hashed(*hash),
        Mechanism::RsaPss { input: Input::Digest, .. } => Offered::RsaPss,
        Mechanism::RsaPss { input: Input::Message, hash, .. } => Offered::RsaPssHashed(*hash),
        Mechanism::RsaOaep { .. } => Offered::RsaOaep,
        Mechanism::RsaRaw => Offered::RsaRaw,
        Mechanism::Ecdsa { hash: None, .. } => Offered::Ecdsa,
        Mechanism::Ecdsa { hash: Some(hash), .. } => Offered::EcdsaHashed(*hash),
        Mechanism::Eddsa => Offered::Eddsa,
        Mechanism::Hmac { hash, .. } => Offered::Hmac(*hash),
        Mechanism::KeyWrap => Offered::AesKeyWrap,
        Mechanism::KeyWrapPadded => Offered::AesKeyWrapPadded,
        Mechanism::Cmac { .. } => Offered::AesCmac,
    })
}

/// Whether a mechanism works with keys of that kind.
fn suits(offered: Offered, shape: Shape) -> bool {
    let family = match shape {
        Shape::Symmetric { family, .. } => family,
        Shape::Private(pair) | Shape::Public(pair) => {
            return match pair {
                Pair::Rsa { .. } => matches!(
                    offered,
                    Offered::RsaPkcs1
                        | Offered::RsaPkcs1Hashed(_)
                        | Offered::RsaPss
                        | Offered::RsaPssHashed(_)
                        | Offered::RsaOaep
                        | Offered::RsaRaw
                ),
                Pair::Elliptic(Curve::Ed25519) => offered == Offered::Eddsa,
                Pair::Elliptic(Curve::X25519) => false,
                Pair::Elliptic(Curve::P224 | Curve::P256 | Curve::P384 | Curve::P521 | Curve::Secp256k1) => {
                    matches!(offered, Offered::Ecdsa | Offered::EcdsaHashed(_))
                }
            };
        }
    };
    match family {
        Family::Aes => matches!(
            offered,
            Offered::AesEcb
                | Offered::AesCbc
                | Offered::AesCbcPad
                | Offered::AesCtr
                | Offered::AesCfb
                | Offered::AesOfb
                | Offered::AesGcm
                | Offered::AesKeyWrap
                | Offered::AesKeyWrapPadded
                | Offered::AesCmac
        ),
        Family::TripleDes => {
            matches!(offered, Offered::TripleDesEcb | Offered::TripleDesCbc | Offered::TripleDesCbcPad)
        }
        Family::ChaCha20 => matches!(offered, Offered::ChaCha20 | Offered::ChaCha20Poly1305),
        Family::Hmac => matches!(offered, Offered::Hmac(_)),
        Family::Foreign => false,
    }
}

/// Whether this half of a pair serves that purpose; a symmetric key serves every one.
fn half(shape: Shape, purpose: Purpose) -> bool {
    match shape {
        Shape::Symmetric { .. } => true,
        Shape::Private(_) => matches!(purpose, Purpose::Sign | Purpose::Decrypt | Purpose::Unwrap),
        Shape::Public(_) => matches!(purpose, Purpose::Verify | Purpose::Encrypt | Purpose::Wrap),
    }
}

fn width(pair: Pair) -> usize {
    match pair {
        Pair::Rsa { bits } => bits,
        Pair::Elliptic(curve) => curve.bits(),
    }
}

const fn all() -> [Offer; SINGLE.len() + HASHED.len() * Hash::ALL.len()] {
    let mut rows = [SINGLE[0]; SINGLE.len() + HASHED.len() * Hash::ALL.len()];
    let mut at = 0;
    while at < rows.len() {
        rows[at] = if at < SINGLE.len() {
            SINGLE[at]
        } else {
            let (row, hash) = ((at - SINGLE.len()) / Hash::ALL.len(), (at - SINGLE.len()) % Hash::ALL.len());
            let (family, bits, purposes) = HASHED[row];
            Offer { mechanism: family.with(Hash::ALL[hash]), bits, purposes }
        };
        at += 1;
    }
    rows
}

/// Mechanisms that stand in the table once for each hash function.
#[derive(Clone, Copy)]
enum Hashed {
    RsaPkcs1,
    RsaPss,
    Ecdsa,
    Hmac,
    Digest,
}

impl Hashed {
    const fn with(self, hash: Hash) -> Offered {
        match self {
            Self::RsaPkcs1 => Offered::RsaPkcs1Hashed(hash),
            Self::RsaPss => Offered::RsaPssHashed(hash),
            Self::Ecdsa => Offered::EcdsaHashed(hash),
            Self::Hmac => Offered::Hmac(hash),
            Self::Digest => Offered::Digest(hash),
        }
    }
}

const fn row(mechanism: Offered, bits: (usize, usize), purposes: &'static [Purpose]) -> Offer {
    Offer { mechanism, bits, purposes }
}

/// The rows without a hash.
const SINGLE: [Offer; 28] = [
    row(Offered::AesGcm, AES, CIPHER),
    row(Offered::AesCbc, AES, CIPHER),
    row(Offered::AesCbcPad, AES, CIPHER),
    row(Offered::AesEcb, AES, CIPHER),
    row(Offered::AesCtr, AES, CIPHER),
    row(Offered::AesCfb, AES, DATA),
    row(Offered::AesOfb, AES, DATA),
    row(Offered::AesKeyWrap, AES, KEYS),
    row(Offered::AesKeyWrapPadded, AES, KEYS),
    row(Offered::AesCmac, AES, SIGNATURE),
    row(Offered::RsaPkcs1, RSA, EVERY),
    row(Offered::RsaPss, RSA, SIGNATURE),
    row(Offered::RsaOaep, RSA, CIPHER),
    row(Offered::RsaRaw, RSA, EVERY),
    row(Offered::Ecdsa, CURVE, SIGNATURE),
    row(Offered::Eddsa, (256, 256), SIGNATURE),
    row(Offered::TripleDesEcb, TRIPLE, CIPHER),
    row(Offered::TripleDesCbc, TRIPLE, CIPHER),
    row(Offered::TripleDesCbcPad, TRIPLE, CIPHER),
    row(Offered::ChaCha20, (256, 256), DATA),
    row(Offered::ChaCha20Poly1305, (256, 256), CIPHER),
    row(Offered::AesKeyGen, AES, NONE),
    row(Offered::GenericKeyGen, GENERIC, NONE),
    row(Offered::ChaCha20KeyGen, (256, 256), NONE),
    row(Offered::TripleDesKeyGen, TRIPLE, NONE),
    row(Offered::RsaKeyGen, (2048, 4096), NONE),
    row(Offered::EllipticKeyGen, CURVE, NONE),
    row(Offered::EdwardsKeyGen, (256, 256), NONE),
];

/// The rows that stand once for each hash.
const HASHED: [(Hashed, (usize, usize), &[Purpose]); 5] = [
    (Hashed::Hmac, GENERIC, SIGNATURE),
    (Hashed::Ecdsa, CURVE, SIGNATURE),
    (Hashed::RsaPkcs1, RSA, SIGNATURE),
    (Hashed::RsaPss, RSA, SIGNATURE),
    (Hashed::Digest, (0, 0), NONE),
];

const AES: (usize, usize) = (128, 256);
const CURVE: (usize, usize) = (224, 521);
/// Old keys of 1024 bits are opened so that old data can be read; new ones are longer, and the policy says who may.
const RSA: (usize, usize) = (1024, 8192);
/// Two or three keys, counted with or without their parity bits.
const TRIPLE: (usize, usize) = (112, 192);
/// A secret of any length: HMAC takes it as it is. The most is far above what any hash can use.
pub(super) const GENERIC: (usize, usize) = (8, 32_768);

const NONE: &[Purpose] = &[];
const DATA: &[Purpose] = &[Purpose::Encrypt, Purpose::Decrypt];
const KEYS: &[Purpose] = &[Purpose::Wrap, Purpose::Unwrap];
const CIPHER: &[Purpose] = &[Purpose::Encrypt, Purpose::Decrypt, Purpose::Wrap, Purpose::Unwrap];
const SIGNATURE: &[Purpose] = &[Purpose::Sign, Purpose::Verify];
const EVERY: &[Purpose] =
    &[Purpose::Encrypt, Purpose::Decrypt, Purpose::Sign, Purpose::Verify, Purpose::Wrap, Purpose::Unwrap];

/// The answer to what no row names.
pub(super) const UNSUPPORTED: Error = Error::Unsupported("this mechanism with such a key for that purpose");
