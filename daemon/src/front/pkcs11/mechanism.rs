//! Which mechanism of PKCS#11 is which of ours: one table, and what follows from it.

use strongroom_kmip::{
    code::HashingAlgorithm,
    mechanism::{Curve, Hash},
};
use strongroom_pkcs11_wire::{
    MechanismType,
    call::MechanismInfo,
    number::{KeyType, Mask, MechanismFlags},
};

use crate::service::{Family, Offered, Pair, Purpose, Served, Shape};

/// A mechanism as PKCS#11 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is here.
    pub offered: Offered,
    /// Whether its parameter says how much of a MAC is kept (`_GENERAL`).
    pub general: bool,
}

/// What this mechanism is here, if it is anything.
pub fn named(kind: MechanismType) -> Option<Named> {
    let single = SINGLE.iter().find(|(known, _)| *known == kind).map(|&(_, offered)| offered);
    if let Some(offered) = single {
        return Some(Named { offered, general: false });
    }
    HASHES.iter().find_map(|row| {
        let forms = [
            (Some(row.digest), Offered::Digest(row.hash)),
            (Some(row.hmac), Offered::Hmac(row.hash)),
            (Some(row.general), Offered::Hmac(row.hash)),
            (row.pkcs1, Offered::RsaPkcs1Hashed(row.hash)),
            (row.pss, Offered::RsaPssHashed(row.hash)),
            (row.ecdsa, Offered::EcdsaHashed(row.hash)),
        ];
        let found = forms.into_iter().find(|(known, _)| *known == Some(kind));
        found.map(|(_, offered)| Named { offered, general: kind == row.general })
    })
}

/// What PKCS#11 calls an offer of a slot: nothing for what it has no call for, two names for a MAC.
pub fn kinds(offered: Offered) -> Vec<MechanismType> {
    let hash = |hash: Hash| HASHES.iter().find(|row| row.hash == hash);
    match offered {
        Offered::Digest(of) => hash(of).map(|row| row.digest).into_iter().collect(),
        Offered::Hmac(of) => hash(of).map(|row| [row.hmac, row.general]).into_iter().flatten().collect(),
        Offered::RsaPkcs1Hashed(of) => hash(of).and_then(|row| row.pkcs1).into_iter().collect(),
        Offered::RsaPssHashed(of) => hash(of).and_then(|row| row.pss).into_iter().collect(),
        Offered::EcdsaHashed(of) => hash(of).and_then(|row| row.ecdsa).into_iter().collect(),
        single => SINGLE.iter().filter(|(_, known)| *known == single).map(|&(kind, _)| kind).collect(),
    }
}

/// What `C_GetMechanismInfo` says of an offer; nothing when no function here uses it.
pub fn info(served: &Served) -> Option<MechanismInfo> {
    let mut flags = MechanismFlags::default();
    for (purpose, flag) in [
        (Purpose::Encrypt, MechanismFlags::ENCRYPT),
        (Purpose::Decrypt, MechanismFlags::DECRYPT),
        (Purpose::Sign, MechanismFlags::SIGN),
        (Purpose::Verify, MechanismFlags::VERIFY),
        (Purpose::Wrap, MechanismFlags::WRAP),
        (Purpose::Unwrap, MechanismFlags::UNWRAP),
    ] {
        if served.purposes.contains(&purpose) {
            flags |= flag;
        }
    }
    let sealing = matches!(served.mechanism, Offered::AesGcm | Offered::ChaCha20Poly1305);
    for (of, flag) in [
        (MechanismFlags::ENCRYPT, MechanismFlags::MESSAGE_ENCRYPT),
        (MechanismFlags::DECRYPT, MechanismFlags::MESSAGE_DECRYPT),
        (MechanismFlags::SIGN, MechanismFlags::MESSAGE_SIGN),
        (MechanismFlags::VERIFY, MechanismFlags::MESSAGE_VERIFY),
    ] {
        let signs = matches!(flag, MechanismFlags::MESSAGE_SIGN | MechanismFlags::MESSAGE_VERIFY);
        if flags.has(of) && (sealing || signs) {
            flags |= flag | MechanismFlags::MULTI_MESSAGE;
        }
    }
    flags |= match served.mechanism {
        Offered::Digest(_) => MechanismFlags::DIGEST,
        Offered::AesKeyGen | Offered::GenericKeyGen | Offered::ChaCha20KeyGen | Offered::TripleDesKeyGen => {
            MechanismFlags::GENERATE
        }
        Offered::RsaKeyGen | Offered::EllipticKeyGen | Offered::EdwardsKeyGen => MechanismFlags::GENERATE_KEY_PAIR,
        _ => MechanismFlags::default(),
    };
    if flags == MechanismFlags::default() {
        return None;
    }
    if is_elliptic(served.mechanism) {
        flags |= MechanismFlags::EC_F_P | MechanismFlags::EC_OID | MechanismFlags::EC_UNCOMPRESS;
    }
    let (least, most) = served.bits;
    // AES, ChaCha20 and HMAC count the bytes of a key, all others its bits (PKCS#11 3.2 §6).
    let unit = if counts_bytes(served.mechanism) { 8 } else { 1 };
    let size = |bits: usize| u64::try_from(bits / unit).unwrap_or(u64::MAX);
    Some(MechanismInfo { smallest_key: size(least), largest_key: size(most), flags })
}

fn is_elliptic(offered: Offered) -> bool {
    matches!(
        offered,
        Offered::Ecdsa | Offered::EcdsaHashed(_) | Offered::Eddsa | Offered::EllipticKeyGen | Offered::EdwardsKeyGen
    )
}

fn counts_bytes(offered: Offered) -> bool {
    matches!(
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
            | Offered::AesKeyGen
            | Offered::ChaCha20Poly1305
            | Offered::ChaCha20KeyGen
            | Offered::Hmac(_)
    )
}

/// Whether a mechanism works with keys of that kind.
pub fn suits(offered: Offered, shape: Shape) -> bool {
    let key = match shape {
        Shape::Symmetric { family: Family::Aes, .. } => KeyType::AES,
        Shape::Symmetric { family: Family::TripleDes, .. } => KeyType::DES3,
        Shape::Symmetric { family: Family::ChaCha20, .. } => KeyType::CHACHA20,
        Shape::Symmetric { family: Family::Hmac | Family::Foreign, .. } => KeyType::GENERIC_SECRET,
        Shape::Private(Pair::Rsa { .. }) | Shape::Public(Pair::Rsa { .. }) => KeyType::RSA,
        Shape::Private(Pair::Elliptic(curve)) | Shape::Public(Pair::Elliptic(curve)) => of_curve(curve),
    };
    key_type(offered) == Some(key)
}

/// The kind of key that a mechanism uses or makes.
pub fn key_type(offered: Offered) -> Option<KeyType> {
    Some(match offered {
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
        | Offered::AesKeyGen => KeyType::AES,
        Offered::TripleDesEcb | Offered::TripleDesCbc | Offered::TripleDesCbcPad | Offered::TripleDesKeyGen => {
            KeyType::DES3
        }
        Offered::ChaCha20 | Offered::ChaCha20Poly1305 | Offered::ChaCha20KeyGen => KeyType::CHACHA20,
        Offered::RsaPkcs1
        | Offered::RsaPkcs1Hashed(_)
        | Offered::RsaPss
        | Offered::RsaPssHashed(_)
        | Offered::RsaOaep
        | Offered::RsaRaw
        | Offered::RsaKeyGen => KeyType::RSA,
        Offered::Ecdsa | Offered::EcdsaHashed(_) | Offered::EllipticKeyGen => KeyType::EC,
        Offered::Eddsa | Offered::EdwardsKeyGen => KeyType::EC_EDWARDS,
        Offered::Hmac(_) | Offered::GenericKeyGen => KeyType::GENERIC_SECRET,
        Offered::Digest(_) => return None,
    })
}

/// The key type of keys on a curve.
pub fn of_curve(curve: Curve) -> KeyType {
    match curve {
        Curve::Ed25519 => KeyType::EC_EDWARDS,
        Curve::X25519 => KeyType::EC_MONTGOMERY,
        Curve::P224 | Curve::P256 | Curve::P384 | Curve::P521 | Curve::Secp256k1 => KeyType::EC,
    }
}

/// The mechanism that makes keys of a type here.
pub fn maker(key: KeyType) -> Option<MechanismType> {
    let makes = |offered: Offered| {
        matches!(
            offered,
            Offered::AesKeyGen
                | Offered::GenericKeyGen
                | Offered::ChaCha20KeyGen
                | Offered::TripleDesKeyGen
                | Offered::RsaKeyGen
                | Offered::EllipticKeyGen
                | Offered::EdwardsKeyGen
        )
    };
    SINGLE.iter().find(|(_, offered)| makes(*offered) && key_type(*offered) == Some(key)).map(|&(kind, _)| kind)
}

/// The hash function of this name, as the parameters of PSS and OAEP name it.
pub fn hash(kind: MechanismType) -> Option<Hash> {
    HASHES.iter().find(|row| row.digest == kind).map(|row| row.hash)
}

/// The hash function inside a mask generation function.
pub fn mask(mask: Mask) -> Option<Hash> {
    HASHES.iter().find(|row| row.mask == Some(mask)).map(|row| row.hash)
}

/// KMIP's code for a hash function.
pub fn hash_code(hash: Hash) -> Option<HashingAlgorithm> {
    HASHES.iter().find(|row| row.hash == hash).map(|row| row.code)
}

/// The mechanisms without a hash in their name.
const SINGLE: &[(MechanismType, Offered)] = &[
    (MechanismType::AES_ECB, Offered::AesEcb),
    (MechanismType::AES_CBC, Offered::AesCbc),
    (MechanismType::AES_CBC_PAD, Offered::AesCbcPad),
    (MechanismType::AES_CTR, Offered::AesCtr),
    (MechanismType::AES_CFB128, Offered::AesCfb),
    (MechanismType::AES_OFB, Offered::AesOfb),
    (MechanismType::AES_GCM, Offered::AesGcm),
    (MechanismType::AES_KEY_WRAP, Offered::AesKeyWrap),
    (MechanismType::AES_KEY_WRAP_KWP, Offered::AesKeyWrapPadded),
    (MechanismType::AES_CMAC, Offered::AesCmac),
    (MechanismType::AES_KEY_GEN, Offered::AesKeyGen),
    (MechanismType::DES3_ECB, Offered::TripleDesEcb),
    (MechanismType::DES3_CBC, Offered::TripleDesCbc),
    (MechanismType::DES3_CBC_PAD, Offered::TripleDesCbcPad),
    (MechanismType::DES3_KEY_GEN, Offered::TripleDesKeyGen),
    (MechanismType::CHACHA20_POLY1305, Offered::ChaCha20Poly1305),
    (MechanismType::CHACHA20_KEY_GEN, Offered::ChaCha20KeyGen),
    (MechanismType::GENERIC_SECRET_KEY_GEN, Offered::GenericKeyGen),
    (MechanismType::RSA_PKCS, Offered::RsaPkcs1),
    (MechanismType::RSA_PKCS_PSS, Offered::RsaPss),
    (MechanismType::RSA_PKCS_OAEP, Offered::RsaOaep),
    (MechanismType::RSA_X_509, Offered::RsaRaw),
    (MechanismType::RSA_PKCS_KEY_PAIR_GEN, Offered::RsaKeyGen),
    (MechanismType::ECDSA, Offered::Ecdsa),
    (MechanismType::EC_KEY_PAIR_GEN, Offered::EllipticKeyGen),
    (MechanismType::EDDSA, Offered::Eddsa),
    (MechanismType::EC_EDWARDS_KEY_PAIR_GEN, Offered::EdwardsKeyGen),
];

struct HashRow {
    hash: Hash,
    code: HashingAlgorithm,
    digest: MechanismType,
    hmac: MechanismType,
    general: MechanismType,
    pkcs1: Option<MechanismType>,
    pss: Option<MechanismType>,
    ecdsa: Option<MechanismType>,
    mask: Option<Mask>,
}

/// A row reads: hash, KMIP's code, digest, HMAC, HMAC of a chosen length, then PKCS#1 v1.5, PSS, ECDSA and mask
/// generation function where the standard has them.
macro_rules! hashes {
    ($($hash:ident: $code:ident, $digest:ident, $hmac:ident, $general:ident
       $(, $pkcs1:ident, $pss:ident, $ecdsa:ident, $mask:ident)?;)*) => {
        const HASHES: &[HashRow] = &[$(HashRow {
            hash: Hash::$hash,
            code: HashingAlgorithm::$code,
            digest: MechanismType::$digest,
            hmac: MechanismType::$hmac,
            general: MechanismType::$general,
            pkcs1: hashes!(@option $(MechanismType::$pkcs1)?),
            pss: hashes!(@option $(MechanismType::$pss)?),
            ecdsa: hashes!(@option $(MechanismType::$ecdsa)?),
            mask: hashes!(@option $(Mask::$mask)?),
        }),*];
    };
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
}

hashes! {
    Sha1: SHA_1, SHA_1, SHA_1_HMAC, SHA_1_HMAC_GENERAL, SHA1_RSA_PKCS, SHA1_RSA_PKCS_PSS, ECDSA_SHA1, MGF1_SHA1;
    Sha224: SHA_224, SHA224, SHA224_HMAC, SHA224_HMAC_GENERAL, SHA224_RSA_PKCS, SHA224_RSA_PKCS_PSS, ECDSA_SHA224,
        MGF1_SHA224;
    Sha256: SHA_256, SHA256, SHA256_HMAC, SHA256_HMAC_GENERAL, SHA256_RSA_PKCS, SHA256_RSA_PKCS_PSS, ECDSA_SHA256,
        MGF1_SHA256;
    Sha384: SHA_384, SHA384, SHA384_HMAC, SHA384_HMAC_GENERAL, SHA384_RSA_PKCS, SHA384_RSA_PKCS_PSS, ECDSA_SHA384,
        MGF1_SHA384;
    Sha512: SHA_512, SHA512, SHA512_HMAC, SHA512_HMAC_GENERAL, SHA512_RSA_PKCS, SHA512_RSA_PKCS_PSS, ECDSA_SHA512,
        MGF1_SHA512;
    Sha512_224: SHA_512_224, SHA512_224, SHA512_224_HMAC, SHA512_224_HMAC_GENERAL;
    Sha512_256: SHA_512_256, SHA512_256, SHA512_256_HMAC, SHA512_256_HMAC_GENERAL;
    Sha3_224: SHA3_224, SHA3_224, SHA3_224_HMAC, SHA3_224_HMAC_GENERAL, SHA3_224_RSA_PKCS, SHA3_224_RSA_PKCS_PSS,
        ECDSA_SHA3_224, MGF1_SHA3_224;
    Sha3_256: SHA3_256, SHA3_256, SHA3_256_HMAC, SHA3_256_HMAC_GENERAL, SHA3_256_RSA_PKCS, SHA3_256_RSA_PKCS_PSS,
        ECDSA_SHA3_256, MGF1_SHA3_256;
    Sha3_384: SHA3_384, SHA3_384, SHA3_384_HMAC, SHA3_384_HMAC_GENERAL, SHA3_384_RSA_PKCS, SHA3_384_RSA_PKCS_PSS,
        ECDSA_SHA3_384, MGF1_SHA3_384;
    Sha3_512: SHA3_512, SHA3_512, SHA3_512_HMAC, SHA3_512_HMAC_GENERAL, SHA3_512_RSA_PKCS, SHA3_512_RSA_PKCS_PSS,
        ECDSA_SHA3_512, MGF1_SHA3_512;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_to_what_bears_it() {
        for hash in Hash::ALL {
            for offered in [Offered::Digest(hash), Offered::Hmac(hash), Offered::EcdsaHashed(hash)] {
                for kind in kinds(offered) {
                    assert_eq!(named(kind).map(|named| named.offered), Some(offered), "{kind}");
                }
            }
        }
        for (kind, offered) in SINGLE {
            assert_eq!(kinds(*offered), [*kind]);
        }
    }

    #[test]
    fn a_mechanism_that_nothing_here_does_has_no_name() {
        for kind in [MechanismType::RC4, MechanismType::MD5_RSA_PKCS, MechanismType(0x8000_0001)] {
            assert_eq!(named(kind), None, "{kind}");
        }
    }

    #[test]
    fn a_key_is_not_used_by_another_algorithm() {
        let p256 = Shape::Private(Pair::Elliptic(Curve::P256));
        assert!(suits(Offered::EcdsaHashed(Hash::Sha256), p256));
        assert!(!suits(Offered::Eddsa, p256));
        assert!(!suits(Offered::RsaPkcs1, p256));
        assert!(!suits(Offered::Hmac(Hash::Sha256), Shape::Symmetric { family: Family::Aes, bits: 256 }));
    }

    #[test]
    fn an_offer_is_listed_with_what_it_is_for() {
        let bits = (128, 256);
        let of = |mechanism, purposes: &[Purpose]| info(&Served { mechanism, bits, purposes: purposes.to_vec() });
        assert!(of(Offered::AesCbc, &[]).is_none(), "for nothing");
        let aes = of(Offered::AesCbc, &[Purpose::Decrypt]).unwrap();
        assert_eq!((aes.smallest_key, aes.largest_key, aes.flags), (16, 32, MechanismFlags::DECRYPT));
        let wraps = of(Offered::AesKeyWrap, &[Purpose::Wrap, Purpose::Unwrap]).unwrap();
        assert_eq!(wraps.flags, MechanismFlags::WRAP | MechanismFlags::UNWRAP);
    }
}
