//! Which mechanism of PKCS#11 is which of ours, and what PKCS#11 says of it: everything follows from the one table of
//! mechanisms.

use std::{collections::HashMap, sync::LazyLock};

use strongroom_kmip::mechanism::{Family, Hash, Keys, Work};
use strongroom_pkcs11_wire::{
    MechanismType,
    call::MechanismInfo,
    number::{KeyType, MechanismFlags},
};

use crate::service::{Offered, Purpose, Served, Shape};

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
    NAMES.get(&kind.0).copied()
}

/// What PKCS#11 calls an offer of a slot: nothing for what it has no call for, two names for a MAC.
pub fn kinds(offered: Offered) -> impl Iterator<Item = MechanismType> {
    offered.facts().numbers.iter().map(|number| MechanismType(number.value))
}

/// What `C_GetMechanismInfo` says of an offer; nothing when no function here uses it.
pub fn info(served: &Served) -> Option<MechanismInfo> {
    let facts = served.mechanism.facts();
    let mut flags = MechanismFlags::default();
    for (purpose, flag) in [
        (Purpose::Encrypt, MechanismFlags::ENCRYPT),
        (Purpose::Decrypt, MechanismFlags::DECRYPT),
        (Purpose::Sign, MechanismFlags::SIGN),
        (Purpose::Verify, MechanismFlags::VERIFY),
        (Purpose::Wrap, MechanismFlags::WRAP),
        (Purpose::Unwrap, MechanismFlags::UNWRAP),
        (
            Purpose::Derive,
            if served.mechanism == Offered::MlKem { MechanismFlags::default() } else { MechanismFlags::DERIVE },
        ),
    ] {
        if served.purposes.contains(&purpose) {
            flags |= flag;
        }
    }
    for (of, flag) in [
        (MechanismFlags::ENCRYPT, MechanismFlags::MESSAGE_ENCRYPT),
        (MechanismFlags::DECRYPT, MechanismFlags::MESSAGE_DECRYPT),
        (MechanismFlags::SIGN, MechanismFlags::MESSAGE_SIGN),
        (MechanismFlags::VERIFY, MechanismFlags::MESSAGE_VERIFY),
    ] {
        let signs = matches!(flag, MechanismFlags::MESSAGE_SIGN | MechanismFlags::MESSAGE_VERIFY);
        if flags.has(of) && (facts.work == Work::Sealing || signs) {
            flags |= flag | MechanismFlags::MULTI_MESSAGE;
        }
    }
    if matches!(served.mechanism, Offered::RsaPkcs1 | Offered::RsaRaw) {
        for (of, flag) in [
            (MechanismFlags::SIGN, MechanismFlags::SIGN_RECOVER),
            (MechanismFlags::VERIFY, MechanismFlags::VERIFY_RECOVER),
        ] {
            if flags.has(of) {
                flags |= flag;
            }
        }
    }
    flags |= match facts.work {
        Work::Digest => MechanismFlags::DIGEST,
        Work::Key => MechanismFlags::GENERATE,
        Work::Pair => MechanismFlags::GENERATE_KEY_PAIR,
        Work::Derivation
            if matches!(served.mechanism, Offered::MlKem | Offered::Ecdh | Offered::EcdhCofactor | Offered::Dh) =>
        {
            MechanismFlags::ENCAPSULATE | MechanismFlags::DECAPSULATE
        }
        Work::Cipher | Work::Sealing | Work::Signature | Work::Mac | Work::Derivation => MechanismFlags::default(),
    };
    if flags == MechanismFlags::default() {
        return None;
    }
    if facts.keys.are_elliptic() {
        flags |= MechanismFlags::EC_F_P | MechanismFlags::EC_OID | MechanismFlags::EC_UNCOMPRESS;
    }
    let (least, most) = served.bits;
    let size = |bits: usize| u64::try_from(facts.unit.of(bits)).unwrap_or(u64::MAX);
    Some(MechanismInfo { smallest_key: size(least), largest_key: size(most), flags })
}

/// Whether a mechanism works with keys of that type: HMAC keys may be for one hash alone.
pub fn suits_type(offered: Offered, key: KeyType) -> bool {
    match (offered, Hash::of_key(key.0)) {
        (Offered::Hmac(hash), Some(only)) => hash == only,
        _ => true,
    }
}

/// Whether a mechanism works with keys of that kind.
pub fn suits(offered: Offered, shape: Shape) -> bool {
    offered.facts().keys.include(shape.keys())
}

/// The kind of key that a mechanism uses or makes.
pub fn key_type(offered: Offered) -> Option<KeyType> {
    match offered {
        Offered::DoubleDesKeyGen => Some(KeyType::DES2),
        Offered::HkdfKeyGen => Some(KeyType::HKDF),
        // What comes of a password is whatever the template says.
        Offered::Pbkdf2 => None,
        Offered::HmacKeyGen(hash) => hash.facts().key.first().map(|number| KeyType(number.value)),
        other => of_keys(other.facts().keys),
    }
}

/// The mechanism that makes keys of a type here.
pub fn maker(key: KeyType) -> Option<MechanismType> {
    let makes = |named: &Named| {
        let makes = matches!(named.offered.facts().work, Work::Key | Work::Pair);
        makes && key_type(named.offered) == Some(key)
    };
    NAMES.iter().filter(|(_, named)| makes(named)).map(|(kind, _)| MechanismType(*kind)).min()
}

/// The type of keys of that kind.
pub fn of_keys(keys: Keys) -> Option<KeyType> {
    Some(match keys {
        Keys::Symmetric(Family::Aes) => KeyType::AES,
        Keys::Symmetric(Family::AesXts) => KeyType::AES_XTS,
        Keys::Symmetric(Family::TripleDes) => KeyType::DES3,
        Keys::Symmetric(Family::ChaCha20) => KeyType::CHACHA20,
        Keys::Symmetric(Family::Hmac) => KeyType::GENERIC_SECRET,
        Keys::Rsa => KeyType::RSA,
        Keys::Weierstrass => KeyType::EC,
        Keys::Edwards => KeyType::EC_EDWARDS,
        Keys::Montgomery => KeyType::EC_MONTGOMERY,
        Keys::Finite => KeyType::DH,
        Keys::Dsa => KeyType::DSA,
        Keys::MlKem => KeyType::ML_KEM,
        Keys::MlDsa => KeyType::ML_DSA,
        Keys::SlhDsa => KeyType::SLH_DSA,
        Keys::Symmetric(Family::Foreign) | Keys::Agreeing | Keys::Secret | Keys::None => return None,
    })
}

/// Every number of PKCS#11 that something here bears.
static NAMES: LazyLock<HashMap<u64, Named>> = LazyLock::new(|| {
    let of = |offered: Offered| {
        let numbers = offered.facts().numbers.iter().enumerate();
        numbers.map(move |(place, number)| (number.value, Named { offered, general: place > 0 }))
    };
    Offered::all().into_iter().flat_map(of).collect()
});

#[cfg(test)]
mod tests {
    use strongroom_kmip::mechanism::Curve;
    use strongroom_pkcs11_wire::number::Mask;

    use super::*;
    use crate::service::Pair;

    #[test]
    fn every_name_leads_to_what_bears_it() {
        for offered in Offered::all() {
            for kind in kinds(offered) {
                assert_eq!(named(kind).map(|named| named.offered), Some(offered), "{kind}");
            }
        }
    }

    #[test]
    fn every_number_is_the_one_that_the_standard_gives_its_word() {
        for number in Offered::all().into_iter().flat_map(|offered| offered.facts().numbers) {
            assert_eq!(MechanismType(number.value).to_string(), format!("CKM_{}", number.name));
        }
        for hash in Hash::ALL {
            for key in hash.facts().key {
                assert_eq!(KeyType(key.value).to_string(), format!("CKK_{}", key.name));
            }
            for mask in hash.facts().mask {
                assert_eq!(Mask(mask.value).to_string(), format!("CKG_MGF1_{}", mask.name));
            }
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
    fn a_key_for_one_hash_is_not_used_with_another() {
        assert!(suits_type(Offered::Hmac(Hash::Sha256), KeyType::SHA256_HMAC));
        assert!(suits_type(Offered::Hmac(Hash::Sha256), KeyType::GENERIC_SECRET));
        assert!(!suits_type(Offered::Hmac(Hash::Sha256), KeyType::SHA512_HMAC));
        assert_eq!(maker(KeyType::SHA512_HMAC), Some(MechanismType::SHA512_KEY_GEN));
        assert_eq!(maker(KeyType::GENERIC_SECRET), Some(MechanismType::GENERIC_SECRET_KEY_GEN));
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
