//! Hash functions: one row each says what the standards call it and the mechanisms that stand on it.

use super::number::{Number, numbers};
use crate::code::{CryptographicAlgorithm, HashingAlgorithm};

/// What is true of a hash function.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Bytes of a digest.
    pub length: usize,
    /// KMIP's code for it.
    pub code: Option<HashingAlgorithm>,
    /// KMIP's code for HMAC with it.
    pub mac: Option<CryptographicAlgorithm>,
    /// The digest itself, in PKCS#11; the first names the hash in parameters too. A second takes the length of the digest
    /// as its parameter.
    pub digest: &'static [Number],
    /// HMAC of full length, and of the length that the parameter says.
    pub hmac: &'static [Number],
    /// The type of keys for its HMAC alone (`CKK_`).
    pub key: &'static [Number],
    /// What makes such keys.
    pub key_gen: &'static [Number],
    /// RSA PKCS#1 v1.5.
    pub pkcs1: &'static [Number],
    /// RSA-PSS.
    pub pss: &'static [Number],
    /// ECDSA.
    pub ecdsa: &'static [Number],
    /// DSA.
    pub dsa: &'static [Number],
    /// ML-DSA over a digest.
    pub ml_dsa: &'static [Number],
    /// SLH-DSA over a digest.
    pub slh_dsa: &'static [Number],
    /// A key out of the digest of another.
    pub derivation: &'static [Number],
    /// The mask generation function (`CKG_`, without its `MGF1_`).
    pub mask: &'static [Number],
}

/// A row reads: hash, bytes of its digest, KMIP's code for it and for its HMAC; then PKCS#11's numbers.
macro_rules! hashes {
    ($($hash:ident: $length:literal $(, $code:ident $(, $mac:ident)?)? {
        $($field:ident: $($name:ident = $value:literal),+;)*
    })*) => {
        /// A hash function.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum Hash {
            $($hash),*
        }

        impl Hash {
            /// Every hash function.
            pub const ALL: &[Self] = &[$(Self::$hash),*];

            /// Everything that is true of it.
            #[allow(clippy::needless_update, reason = "some rows say everything")]
            pub const fn facts(self) -> &'static Facts {
                match self {
                    $(Self::$hash => &Facts {
                        length: $length,
                        $(code: Some(HashingAlgorithm::$code), $(mac: Some(CryptographicAlgorithm::$mac),)?)?
                        $($field: numbers![$($name = $value),+],)*
                        ..UNNAMED
                    },)*
                }
            }
        }
    };
}

impl Hash {
    /// Bytes of a digest.
    pub const fn length(self) -> usize {
        self.facts().length
    }

    /// The hash function that KMIP calls so.
    pub fn of_code(code: HashingAlgorithm) -> Option<Self> {
        Self::ALL.iter().copied().find(|hash| hash.facts().code == Some(code))
    }

    /// The hash function inside that HMAC of KMIP.
    pub fn of_mac(code: CryptographicAlgorithm) -> Option<Self> {
        Self::ALL.iter().copied().find(|hash| hash.facts().mac == Some(code))
    }

    /// The hash function whose digest has that number in PKCS#11.
    pub fn of_digest(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|hash| hash.facts().digest.first().is_some_and(|known| known.value == number))
    }

    /// The hash function inside the HMAC that has that number in PKCS#11.
    pub fn of_hmac(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|hash| hash.facts().hmac.iter().any(|known| known.value == number))
    }

    /// The hash function that derives a key under that number in PKCS#11.
    pub fn of_derivation(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|hash| hash.facts().derivation.iter().any(|known| known.value == number))
    }

    /// The hash function whose HMAC keys have that type in PKCS#11.
    pub fn of_key(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|hash| hash.facts().key.iter().any(|known| known.value == number))
    }

    /// The hash function whose mask generation function has that number in PKCS#11.
    pub fn of_mask(number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|hash| hash.facts().mask.iter().any(|known| known.value == number))
    }
}

/// A hash function that nobody has a word for.
const UNNAMED: Facts = Facts {
    length: 0,
    code: None,
    mac: None,
    digest: &[],
    hmac: &[],
    key: &[],
    key_gen: &[],
    pkcs1: &[],
    pss: &[],
    ecdsa: &[],
    dsa: &[],
    ml_dsa: &[],
    slh_dsa: &[],
    derivation: &[],
    mask: &[],
};

/// KMIP has no words for BLAKE2b; these are ours, in the range that it leaves to vendors.
impl HashingAlgorithm {
    /// BLAKE2b with a digest of 160 bits (RFC 7693).
    pub const BLAKE2B_160: Self = Self(0x8000_0001);
    /// BLAKE2b with a digest of 256 bits.
    pub const BLAKE2B_256: Self = Self(0x8000_0002);
    /// BLAKE2b with a digest of 384 bits.
    pub const BLAKE2B_384: Self = Self(0x8000_0003);
    /// BLAKE2b with a digest of 512 bits.
    pub const BLAKE2B_512: Self = Self(0x8000_0004);
}

hashes! {
    Md5: 16, MD5, HMAC_MD5 {
        digest: MD5 = 0x210;
        hmac: MD5_HMAC = 0x211, MD5_HMAC_GENERAL = 0x212;
        key: MD5_HMAC = 0x27;
    }
    Sha1: 20, SHA_1, HMAC_SHA1 {
        digest: SHA_1 = 0x220;
        hmac: SHA_1_HMAC = 0x221, SHA_1_HMAC_GENERAL = 0x222;
        key: SHA_1_HMAC = 0x28;
        key_gen: SHA_1_KEY_GEN = 0x4003;
        pkcs1: SHA1_RSA_PKCS = 0x6;
        pss: SHA1_RSA_PKCS_PSS = 0xe;
        ecdsa: ECDSA_SHA1 = 0x1042;
        dsa: DSA_SHA1 = 0x12;
        mask: SHA1 = 1;
        derivation: SHA1_KEY_DERIVATION = 0x392;
    }
    Sha224: 28, SHA_224, HMAC_SHA224 {
        digest: SHA224 = 0x255;
        hmac: SHA224_HMAC = 0x256, SHA224_HMAC_GENERAL = 0x257;
        key: SHA224_HMAC = 0x2e;
        key_gen: SHA224_KEY_GEN = 0x4004;
        pkcs1: SHA224_RSA_PKCS = 0x46;
        pss: SHA224_RSA_PKCS_PSS = 0x47;
        ecdsa: ECDSA_SHA224 = 0x1043;
        dsa: DSA_SHA224 = 0x13;
        mask: SHA224 = 5;
        ml_dsa: HASH_ML_DSA_SHA224 = 0x23;
        slh_dsa: HASH_SLH_DSA_SHA224 = 0x36;
        derivation: SHA224_KEY_DERIVATION = 0x396;
    }
    Sha256: 32, SHA_256, HMAC_SHA256 {
        digest: SHA256 = 0x250;
        hmac: SHA256_HMAC = 0x251, SHA256_HMAC_GENERAL = 0x252;
        key: SHA256_HMAC = 0x2b;
        key_gen: SHA256_KEY_GEN = 0x4005;
        pkcs1: SHA256_RSA_PKCS = 0x40;
        pss: SHA256_RSA_PKCS_PSS = 0x43;
        ecdsa: ECDSA_SHA256 = 0x1044;
        dsa: DSA_SHA256 = 0x14;
        mask: SHA256 = 2;
        ml_dsa: HASH_ML_DSA_SHA256 = 0x24;
        slh_dsa: HASH_SLH_DSA_SHA256 = 0x37;
        derivation: SHA256_KEY_DERIVATION = 0x393;
    }
    Sha384: 48, SHA_384, HMAC_SHA384 {
        digest: SHA384 = 0x260;
        hmac: SHA384_HMAC = 0x261, SHA384_HMAC_GENERAL = 0x262;
        key: SHA384_HMAC = 0x2c;
        key_gen: SHA384_KEY_GEN = 0x4006;
        pkcs1: SHA384_RSA_PKCS = 0x41;
        pss: SHA384_RSA_PKCS_PSS = 0x44;
        ecdsa: ECDSA_SHA384 = 0x1045;
        dsa: DSA_SHA384 = 0x15;
        mask: SHA384 = 3;
        ml_dsa: HASH_ML_DSA_SHA384 = 0x25;
        slh_dsa: HASH_SLH_DSA_SHA384 = 0x38;
        derivation: SHA384_KEY_DERIVATION = 0x394;
    }
    Sha512: 64, SHA_512, HMAC_SHA512 {
        digest: SHA512 = 0x270;
        hmac: SHA512_HMAC = 0x271, SHA512_HMAC_GENERAL = 0x272;
        key: SHA512_HMAC = 0x2d;
        key_gen: SHA512_KEY_GEN = 0x4007;
        pkcs1: SHA512_RSA_PKCS = 0x42;
        pss: SHA512_RSA_PKCS_PSS = 0x45;
        ecdsa: ECDSA_SHA512 = 0x1046;
        dsa: DSA_SHA512 = 0x16;
        mask: SHA512 = 4;
        ml_dsa: HASH_ML_DSA_SHA512 = 0x26;
        slh_dsa: HASH_SLH_DSA_SHA512 = 0x39;
        derivation: SHA512_KEY_DERIVATION = 0x395;
    }
    Sha512_224: 28, SHA_512_224 {
        digest: SHA512_224 = 0x48;
        hmac: SHA512_224_HMAC = 0x49, SHA512_224_HMAC_GENERAL = 0x4a;
        derivation: SHA512_224_KEY_DERIVATION = 0x4b;
        key: SHA512_224_HMAC = 0x43;
        key_gen: SHA512_224_KEY_GEN = 0x4008;
    }
    Sha512_256: 32, SHA_512_256 {
        digest: SHA512_256 = 0x4c, SHA512_T = 0x50;
        hmac: SHA512_256_HMAC = 0x4d, SHA512_256_HMAC_GENERAL = 0x4e;
        derivation: SHA512_256_KEY_DERIVATION = 0x4f;
        key: SHA512_256_HMAC = 0x44;
        key_gen: SHA512_256_KEY_GEN = 0x4009;
    }
    Sha3_224: 28, SHA3_224, HMAC_SHA3_224 {
        digest: SHA3_224 = 0x2b5;
        hmac: SHA3_224_HMAC = 0x2b6, SHA3_224_HMAC_GENERAL = 0x2b7;
        key: SHA3_224_HMAC = 0x36;
        key_gen: SHA3_224_KEY_GEN = 0x2b8;
        pkcs1: SHA3_224_RSA_PKCS = 0x66;
        pss: SHA3_224_RSA_PKCS_PSS = 0x67;
        ecdsa: ECDSA_SHA3_224 = 0x1047;
        dsa: DSA_SHA3_224 = 0x18;
        mask: SHA3_224 = 6;
        ml_dsa: HASH_ML_DSA_SHA3_224 = 0x27;
        slh_dsa: HASH_SLH_DSA_SHA3_224 = 0x3a;
        derivation: SHA3_224_KEY_DERIVATION = 0x398;
    }
    Sha3_256: 32, SHA3_256, HMAC_SHA3_256 {
        digest: SHA3_256 = 0x2b0;
        hmac: SHA3_256_HMAC = 0x2b1, SHA3_256_HMAC_GENERAL = 0x2b2;
        key: SHA3_256_HMAC = 0x37;
        key_gen: SHA3_256_KEY_GEN = 0x2b3;
        pkcs1: SHA3_256_RSA_PKCS = 0x60;
        pss: SHA3_256_RSA_PKCS_PSS = 0x63;
        ecdsa: ECDSA_SHA3_256 = 0x1048;
        dsa: DSA_SHA3_256 = 0x19;
        mask: SHA3_256 = 7;
        ml_dsa: HASH_ML_DSA_SHA3_256 = 0x28;
        slh_dsa: HASH_SLH_DSA_SHA3_256 = 0x3b;
        derivation: SHA3_256_KEY_DERIVATION = 0x397;
    }
    Sha3_384: 48, SHA3_384, HMAC_SHA3_384 {
        digest: SHA3_384 = 0x2c0;
        hmac: SHA3_384_HMAC = 0x2c1, SHA3_384_HMAC_GENERAL = 0x2c2;
        key: SHA3_384_HMAC = 0x38;
        key_gen: SHA3_384_KEY_GEN = 0x2c3;
        pkcs1: SHA3_384_RSA_PKCS = 0x61;
        pss: SHA3_384_RSA_PKCS_PSS = 0x64;
        ecdsa: ECDSA_SHA3_384 = 0x1049;
        dsa: DSA_SHA3_384 = 0x1a;
        mask: SHA3_384 = 8;
        ml_dsa: HASH_ML_DSA_SHA3_384 = 0x29;
        slh_dsa: HASH_SLH_DSA_SHA3_384 = 0x3c;
        derivation: SHA3_384_KEY_DERIVATION = 0x399;
    }
    Sha3_512: 64, SHA3_512, HMAC_SHA3_512 {
        digest: SHA3_512 = 0x2d0;
        hmac: SHA3_512_HMAC = 0x2d1, SHA3_512_HMAC_GENERAL = 0x2d2;
        key: SHA3_512_HMAC = 0x39;
        key_gen: SHA3_512_KEY_GEN = 0x2d3;
        pkcs1: SHA3_512_RSA_PKCS = 0x62;
        pss: SHA3_512_RSA_PKCS_PSS = 0x65;
        ecdsa: ECDSA_SHA3_512 = 0x104a;
        dsa: DSA_SHA3_512 = 0x1b;
        mask: SHA3_512 = 9;
        ml_dsa: HASH_ML_DSA_SHA3_512 = 0x2a;
        slh_dsa: HASH_SLH_DSA_SHA3_512 = 0x3d;
        derivation: SHA3_512_KEY_DERIVATION = 0x39a;
    }
    Blake2b160: 20, BLAKE2B_160 {
        derivation: BLAKE2B_160_KEY_DERIVE = 0x400f;
        digest: BLAKE2B_160 = 0x400c;
        hmac: BLAKE2B_160_HMAC = 0x400d, BLAKE2B_160_HMAC_GENERAL = 0x400e;
        key: BLAKE2B_160_HMAC = 0x3a;
        key_gen: BLAKE2B_160_KEY_GEN = 0x4010;
    }
    Blake2b256: 32, BLAKE2B_256 {
        derivation: BLAKE2B_256_KEY_DERIVE = 0x4014;
        digest: BLAKE2B_256 = 0x4011;
        hmac: BLAKE2B_256_HMAC = 0x4012, BLAKE2B_256_HMAC_GENERAL = 0x4013;
        key: BLAKE2B_256_HMAC = 0x3b;
        key_gen: BLAKE2B_256_KEY_GEN = 0x4015;
    }
    Blake2b384: 48, BLAKE2B_384 {
        derivation: BLAKE2B_384_KEY_DERIVE = 0x4019;
        digest: BLAKE2B_384 = 0x4016;
        hmac: BLAKE2B_384_HMAC = 0x4017, BLAKE2B_384_HMAC_GENERAL = 0x4018;
        key: BLAKE2B_384_HMAC = 0x3c;
        key_gen: BLAKE2B_384_KEY_GEN = 0x401a;
    }
    Blake2b512: 64, BLAKE2B_512 {
        derivation: BLAKE2B_512_KEY_DERIVE = 0x401e;
        digest: BLAKE2B_512 = 0x401b;
        hmac: BLAKE2B_512_HMAC = 0x401c, BLAKE2B_512_HMAC_GENERAL = 0x401d;
        key: BLAKE2B_512_HMAC = 0x3d;
        key_gen: BLAKE2B_512_KEY_GEN = 0x401f;
    }
}
