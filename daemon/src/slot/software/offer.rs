//! What the software slot can do: the one table from which support is decided and listed.

use std::sync::{Arc, LazyLock};

use strongroom_kmip::mechanism::{Hash, Mechanism, Work};

use crate::slot::contract::{Error, Offer, Offered, Purpose, Shape};
use crate::slot::group;

/// Every row.
pub(super) static OFFERS: LazyLock<Arc<[Offer]>> = LazyLock::new(|| {
    let hashed = HASHED.iter().flat_map(|&(with, bits, purposes)| {
        let fitting =
            Hash::ALL.iter().filter(move |hash| with(**hash).facts().work != Work::Signature || signs(**hash));
        fitting.map(move |hash| Offer { mechanism: with(*hash), bits, purposes })
    });
    let single = SINGLE.iter().map(|&(mechanism, bits, purposes)| Offer { mechanism, bits, purposes });
    single.chain(hashed).collect()
});

/// Whether a key of this shape works so.
///
/// # Errors
/// [`Error::Unsupported`] when no row says so.
pub(super) fn allow(shape: Shape, purpose: Purpose, mechanism: &Mechanism) -> Result<(), Error> {
    let offered = mechanism.offered().ok_or(UNSUPPORTED)?;
    let row = OFFERS.iter().find(|row| row.mechanism == offered).ok_or(UNSUPPORTED)?;
    let fits = (row.bits.0..=row.bits.1).contains(&shape.bits()) && row.purposes.contains(&purpose);
    let suits = offered.facts().keys.include(shape.keys());
    if fits && suits && half(shape, purpose) { Ok(()) } else { Err(UNSUPPORTED) }
}

/// Whether a new key of so many bits is offered by this row.
pub(super) fn makes(generation: Offered, bits: usize) -> bool {
    OFFERS.iter().any(|row| row.mechanism == generation && (row.bits.0..=row.bits.1).contains(&bits))
}

/// Whether signatures are made over digests of this hash.
fn signs(hash: Hash) -> bool {
    !matches!(hash, Hash::Md5 | Hash::Blake2b160 | Hash::Blake2b256 | Hash::Blake2b384 | Hash::Blake2b512)
}

/// Whether this half of a pair serves that purpose; a symmetric key serves every one.
fn half(shape: Shape, purpose: Purpose) -> bool {
    match shape {
        Shape::Symmetric { .. } => true,
        Shape::Private(_) => matches!(purpose, Purpose::Sign | Purpose::Decrypt | Purpose::Unwrap | Purpose::Derive),
        Shape::Public(_) => matches!(purpose, Purpose::Verify | Purpose::Encrypt | Purpose::Wrap),
    }
}

/// A mechanism, fewest and most bits of its key, and for what.
type Row<T> = (T, (usize, usize), &'static [Purpose]);

/// A mechanism for each hash.
type Of = fn(Hash) -> Offered;

/// The rows without a hash.
const SINGLE: &[Row<Offered>] = &[
    (Offered::AesGcm, AES, CIPHER),
    (Offered::AesCbc, AES, CIPHER),
    (Offered::AesCbcPad, AES, CIPHER),
    (Offered::AesEcb, AES, CIPHER),
    (Offered::AesCtr, AES, CIPHER),
    (Offered::AesCts, AES, CIPHER),
    (Offered::AesCfb, AES, DATA),
    (Offered::AesCfb8, AES, DATA),
    (Offered::AesCfb64, AES, DATA),
    (Offered::AesCfb1, AES, DATA),
    (Offered::AesOfb, AES, DATA),
    (Offered::AesCcm, AES, CIPHER),
    (Offered::AesXts, XTS, DATA),
    (Offered::AesKeyWrap, AES, KEYS),
    (Offered::AesKeyWrapPadded, AES, KEYS),
    (Offered::AesCmac, AES, SIGNATURE),
    (Offered::AesCbcMac, AES, SIGNATURE),
    (Offered::AesGmac, AES, SIGNATURE),
    (Offered::RsaPkcs1, RSA, EVERY),
    (Offered::RsaPss, RSA, SIGNATURE),
    (Offered::RsaOaep, RSA, CIPHER),
    (Offered::RsaAesWrap, RSA, KEYS),
    (Offered::RsaRaw, RSA, EVERY),
    (Offered::Ecdsa, CURVE, SIGNATURE),
    (Offered::Dsa, DSA, VERIFICATION),
    (Offered::Eddsa, (256, 448), SIGNATURE),
    (Offered::TripleDesEcb, TRIPLE, CIPHER),
    (Offered::TripleDesCbc, TRIPLE, CIPHER),
    (Offered::TripleDesCbcPad, TRIPLE, CIPHER),
    (Offered::TripleDesCmac, TRIPLE, SIGNATURE),
    (Offered::TripleDesCbcMac, TRIPLE, SIGNATURE),
    (Offered::TlsMac, GENERIC, SIGNATURE),
    (Offered::ChaCha20, (256, 256), DATA),
    (Offered::ChaCha20Poly1305, (256, 256), CIPHER),
    (Offered::AesKeyGen, AES, NONE),
    (Offered::AesXtsKeyGen, XTS, NONE),
    (Offered::GenericKeyGen, GENERIC, NONE),
    (Offered::HkdfKeyGen, GENERIC, NONE),
    (Offered::Pbkdf2, GENERIC, NONE),
    (Offered::ChaCha20KeyGen, (256, 256), NONE),
    (Offered::TripleDesKeyGen, TRIPLE, NONE),
    (Offered::DoubleDesKeyGen, (112, 128), NONE),
    (Offered::RsaKeyGen, (1024, 4096), NONE),
    (Offered::EllipticKeyGen, CURVE, NONE),
    (Offered::EdwardsKeyGen, (256, 448), NONE),
    (Offered::MontgomeryKeyGen, (256, 448), NONE),
    (Offered::Ecdh, CURVE, DERIVATION),
    (Offered::EcdhCofactor, CURVE, DERIVATION),
    (Offered::FiniteKeyGen, FINITE, NONE),
    (Offered::Dh, FINITE, DERIVATION),
    (Offered::MlKemKeyGen, QUANTUM, NONE),
    (Offered::MlKem, QUANTUM, DERIVATION),
    (Offered::MlDsaKeyGen, QUANTUM, NONE),
    (Offered::MlDsa, QUANTUM, SIGNATURE),
    (Offered::MlDsaDigest, QUANTUM, SIGNATURE),
    (Offered::MlDsaShake128, QUANTUM, SIGNATURE),
    (Offered::MlDsaShake256, QUANTUM, SIGNATURE),
    (Offered::SlhDsaKeyGen, QUANTUM, NONE),
    (Offered::SlhDsa, QUANTUM, SIGNATURE),
    (Offered::SlhDsaDigest, QUANTUM, SIGNATURE),
    (Offered::SlhDsaShake128, QUANTUM, SIGNATURE),
    (Offered::SlhDsaShake256, QUANTUM, SIGNATURE),
    (Offered::Hkdf, GENERIC, DERIVATION),
    (Offered::HkdfData, GENERIC, DERIVATION),
    (Offered::CounterKdf, GENERIC, DERIVATION),
    (Offered::FeedbackKdf, GENERIC, DERIVATION),
    (Offered::PipelineKdf, GENERIC, DERIVATION),
    (Offered::JoinKeys, GENERIC, DERIVATION),
    (Offered::JoinData, GENERIC, DERIVATION),
    (Offered::JoinBehind, GENERIC, DERIVATION),
    (Offered::Xor, GENERIC, DERIVATION),
    (Offered::Extract, GENERIC, DERIVATION),
    (Offered::AesEcbKey, AES, DERIVATION),
    (Offered::AesCbcKey, AES, DERIVATION),
    (Offered::TripleDesEcbKey, TRIPLE, DERIVATION),
    (Offered::TripleDesCbcKey, TRIPLE, DERIVATION),
    (Offered::Shake128Key, GENERIC, DERIVATION),
    (Offered::Shake256Key, GENERIC, DERIVATION),
    (Offered::TlsMaster, GENERIC, DERIVATION),
    (Offered::TlsExtended, GENERIC, DERIVATION),
    (Offered::TlsKeys, GENERIC, DERIVATION),
    (Offered::TlsSafeKeys, GENERIC, DERIVATION),
    (Offered::TlsKdf, GENERIC, DERIVATION),
    (Offered::Tls12Kdf, GENERIC, DERIVATION),
];

/// The rows that stand once for each hash.
const HASHED: &[Row<Of>] = &[
    (Offered::Hmac, GENERIC, SIGNATURE),
    (Offered::EcdsaHashed, CURVE, SIGNATURE),
    (Offered::DsaHashed, DSA, VERIFICATION),
    (Offered::RsaPkcs1Hashed, RSA, SIGNATURE),
    (Offered::RsaPssHashed, RSA, SIGNATURE),
    (Offered::HmacKeyGen, GENERIC, NONE),
    (Offered::Digest, (0, 0), NONE),
    (Offered::DigestKey, GENERIC, DERIVATION),
    (Offered::MlDsaHashed, QUANTUM, SIGNATURE),
    (Offered::SlhDsaHashed, QUANTUM, SIGNATURE),
];

const AES: (usize, usize) = (128, 256);
/// AWS-LC has XTS with two keys of AES-256 alone.
const XTS: (usize, usize) = (512, 512);
/// Bits of public keys, which is the one length that these algorithms have in common.
const QUANTUM: (usize, usize) = (256, 20_736);
const FINITE: (usize, usize) = (*group::BITS.start(), *group::BITS.end());
/// The lengths of FIPS 186-4 §4.2, the last standard that had DSA.
const DSA: (usize, usize) = (1024, 3072);
const CURVE: (usize, usize) = (192, 521);
/// Old keys of 1024 bits are opened so that old data can be read, and public ones of 512 so that they are verified; new ones
/// are longer, and the policy says who may.
const RSA: (usize, usize) = (512, 8192);
/// Two or three keys, counted with or without their parity bits.
const TRIPLE: (usize, usize) = (112, 192);
/// A secret of any length: HMAC takes it as it is. The most is far above what any hash can use.
pub(super) const GENERIC: (usize, usize) = (8, 32_768);

const NONE: &[Purpose] = &[];
const DATA: &[Purpose] = &[Purpose::Encrypt, Purpose::Decrypt];
const KEYS: &[Purpose] = &[Purpose::Wrap, Purpose::Unwrap];
const CIPHER: &[Purpose] = &[Purpose::Encrypt, Purpose::Decrypt, Purpose::Wrap, Purpose::Unwrap];
const DERIVATION: &[Purpose] = &[Purpose::Derive];
const SIGNATURE: &[Purpose] = &[Purpose::Sign, Purpose::Verify];
const VERIFICATION: &[Purpose] = &[Purpose::Verify];
const EVERY: &[Purpose] =
    &[Purpose::Encrypt, Purpose::Decrypt, Purpose::Sign, Purpose::Verify, Purpose::Wrap, Purpose::Unwrap];

/// The answer to what no row names.
pub(super) const UNSUPPORTED: Error = Error::Unsupported("this mechanism with such a key for that purpose");
