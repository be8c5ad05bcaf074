//! Mechanisms without their parameters, as slots list them: one row each says everything that is true of a mechanism
//! whoever does it. Longer than other files as it grows, because it is one table.

use super::hash::Hash;
use super::keys::{Family, Keys};
use super::number::{Number, numbers};
use super::way::{Block, Form, Input, Mechanism, Mode, Padding, Prehash, Side, Signing};

/// What is true of a mechanism.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The plain name, as messages and the audit log write it.
    pub word: &'static str,
    /// The keys that it uses or makes.
    pub keys: Keys,
    /// In what PKCS#11 counts the sizes of those keys.
    pub unit: Unit,
    /// What it does.
    pub work: Work,
    /// Its numbers in PKCS#11: none where that has no such mechanism, a second where it has one more whose parameter says
    /// how long the result is (`_GENERAL` for MACs).
    pub numbers: &'static [Number],
}

/// In what PKCS#11 counts the size of a key (`CK_MECHANISM_INFO`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Unit {
    Bits,
    Bytes,
}

impl Unit {
    /// So many bits in this unit.
    pub const fn of(self, bits: usize) -> usize {
        match self {
            Self::Bits => bits,
            Self::Bytes => bits / 8,
        }
    }
}

/// What a mechanism does. For which purposes a slot lets it be used stands with the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Encrypts, decrypts, wraps, unwraps.
    Cipher,
    /// The same and authenticates, so that message after message can be given to it.
    Sealing,
    /// Signs and verifies, or recovers what was signed.
    Signature,
    /// The same with one key for both.
    Mac,
    /// Hashes, without a key.
    Digest,
    /// Makes a key.
    Key,
    /// Makes a pair of keys.
    Pair,
    /// Makes a key out of others.
    Derivation,
}

/// A row reads: name, word, keys, unit, work, PKCS#11's numbers; then, for what uses a key, which [`Mechanism`] it is, and
/// that with the parameters that most use. Below stand those that are there once for each hash.
macro_rules! mechanisms {
    (
        alone {
            $($name:ident: $word:literal, $keys:expr, $unit:ident, $work:ident, [$($numbers:tt)*]
                $(, $pattern:pat => $usual:expr)?;)*
        }
        each $hash:ident {
            $($of:ident: $of_word:literal, $of_keys:expr, $of_unit:ident, $of_work:ident, $of_numbers:expr
                $(, $of_pattern:pat => $of_usual:expr)?;)*
        }
    ) => {
        /// A mechanism without its parameters; hashes are named where they make another mechanism of it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum Offered {
            $($name,)*
            $($of(Hash),)*
        }

        impl Offered {
            /// Every mechanism.
            pub fn all() -> Vec<Self> {
                let mut all = vec![$(Self::$name),*];
                $(all.extend(Hash::ALL.iter().map(|hash| Self::$of(*hash)));)*
                all
            }

            /// Everything that is true of it.
            pub const fn facts(self) -> Facts {
                match self {
                    $(Self::$name => Facts {
                        word: $word,
                        keys: $keys,
                        unit: Unit::$unit,
                        work: Work::$work,
                        numbers: numbers![$($numbers)*],
                    },)*
                    $(Self::$of($hash) => Facts {
                        word: $of_word,
                        keys: $of_keys,
                        unit: Unit::$of_unit,
                        work: Work::$of_work,
                        numbers: $of_numbers,
                    },)*
                }
            }

            /// It with the parameters that most use; nothing for what uses no key.
            pub fn usual(self) -> Option<Mechanism> {
                match self {
                    $($(Self::$name => Some($usual),)?)*
                    $($(Self::$of($hash) => Some($of_usual),)?)*
                    _ => None,
                }
            }
        }

        impl Mechanism {
            /// It without its parameters; nothing for a mode that its cipher has not.
            pub const fn offered(&self) -> Option<Offered> {
                match self {
                    $($($pattern => Some(Offered::$name),)?)*
                    $($($of_pattern => Some(Offered::$of(*$hash)),)?)*
                    Self::Cipher(..) => None,
                }
            }
        }
    };
}

mechanisms! {
    alone {
        AesEcb: "AES-ECB", AES, Bytes, Cipher, [AES_ECB = 0x1081],
            Mechanism::Cipher(Block::Aes, Mode::Ecb { .. }) => ecb(Block::Aes);
        AesCbc: "AES-CBC", AES, Bytes, Cipher, [AES_CBC = 0x1082],
            Mechanism::Cipher(Block::Aes, Mode::Cbc { padding: Padding::None, .. }) => cbc(Block::Aes, Padding::None);
        AesCbcPad: "AES-CBC", AES, Bytes, Cipher, [AES_CBC_PAD = 0x1085],
            Mechanism::Cipher(Block::Aes, Mode::Cbc { padding: Padding::Pkcs7, .. }) => cbc(Block::Aes, Padding::Pkcs7);
        AesCtr: "AES-CTR", AES, Bytes, Cipher, [AES_CTR = 0x1086],
            Mechanism::Cipher(Block::Aes, Mode::Ctr { .. }) => aes(Mode::Ctr { block: vec![0; 16] });
        AesCts: "AES-CBC-CS3", AES, Bytes, Cipher, [AES_CTS = 0x1089],
            Mechanism::Cipher(Block::Aes, Mode::Cts { .. }) => aes(Mode::Cts { iv: vec![0; 16] });
        AesCfb: "AES-CFB", AES, Bytes, Cipher, [AES_CFB128 = 0x2107],
            Mechanism::Cipher(Block::Aes, Mode::Cfb { .. }) => aes(Mode::Cfb { iv: vec![0; 16] });
        AesCfb8: "AES-CFB8", AES, Bytes, Cipher, [AES_CFB8 = 0x2106],
            Mechanism::Cipher(Block::Aes, Mode::Cfb8 { .. }) => aes(Mode::Cfb8 { iv: vec![0; 16] });
        AesCfb64: "AES-CFB64", AES, Bytes, Cipher, [AES_CFB64 = 0x2105],
            Mechanism::Cipher(Block::Aes, Mode::Cfb64 { .. }) => aes(Mode::Cfb64 { iv: vec![0; 16] });
        AesCfb1: "AES-CFB1", AES, Bytes, Cipher, [AES_CFB1 = 0x2108],
            Mechanism::Cipher(Block::Aes, Mode::Cfb1 { .. }) => aes(Mode::Cfb1 { iv: vec![0; 16] });
        AesOfb: "AES-OFB", AES, Bytes, Cipher, [AES_OFB = 0x2104],
            Mechanism::Cipher(Block::Aes, Mode::Ofb { .. }) => aes(Mode::Ofb { iv: vec![0; 16] });
        AesGcm: "AES-GCM", AES, Bytes, Sealing, [AES_GCM = 0x1087],
            Mechanism::Cipher(Block::Aes, Mode::Gcm { .. }) =>
                aes(Mode::Gcm { nonce: vec![0; 12], additional: Vec::new(), tag: 16 });
        AesCcm: "AES-CCM", AES, Bytes, Sealing, [AES_CCM = 0x1088],
            Mechanism::Cipher(Block::Aes, Mode::Ccm { .. }) =>
                aes(Mode::Ccm { nonce: vec![0; 12], additional: Vec::new(), tag: 16 });
        AesKeyWrap: "AES-KW", AES, Bytes, Cipher, [AES_KEY_WRAP = 0x2109], Mechanism::KeyWrap => Mechanism::KeyWrap;
        AesKeyWrapPadded: "AES-KWP", AES, Bytes, Cipher, [AES_KEY_WRAP_KWP = 0x210b],
            Mechanism::KeyWrapPadded => Mechanism::KeyWrapPadded;
        AesCmac: "AES-CMAC", AES, Bytes, Mac, [AES_CMAC = 0x108a, AES_CMAC_GENERAL = 0x108b],
            Mechanism::Cmac { block: Block::Aes, .. } => Mechanism::Cmac { block: Block::Aes, length: 16 };
        AesCbcMac: "AES-CBC-MAC", AES, Bytes, Mac, [AES_MAC = 0x1083, AES_MAC_GENERAL = 0x1084],
            Mechanism::CbcMac { block: Block::Aes, .. } => Mechanism::CbcMac { block: Block::Aes, length: 8 };
        AesGmac: "AES-GMAC", AES, Bytes, Mac, [AES_GMAC = 0x108e],
            Mechanism::Gmac { .. } => Mechanism::Gmac { nonce: vec![0; 12], length: 16 };
        AesKeyGen: "AES", AES, Bytes, Key, [AES_KEY_GEN = 0x1080];

        AesXts: "AES-XTS", XTS, Bytes, Cipher, [AES_XTS = 0x1071],
            Mechanism::Cipher(Block::Aes, Mode::Xts { .. }) => aes(Mode::Xts { tweak: vec![0; 16] });
        AesXtsKeyGen: "AES-XTS", XTS, Bytes, Key, [AES_XTS_KEY_GEN = 0x1072];

        TripleDesEcb: "3DES-ECB", TRIPLE, Bits, Cipher, [DES3_ECB = 0x132],
            Mechanism::Cipher(Block::TripleDes, Mode::Ecb { .. }) => ecb(Block::TripleDes);
        TripleDesCbc: "3DES-CBC", TRIPLE, Bits, Cipher, [DES3_CBC = 0x133],
            Mechanism::Cipher(Block::TripleDes, Mode::Cbc { padding: Padding::None, .. }) =>
                cbc(Block::TripleDes, Padding::None);
        TripleDesCbcPad: "3DES-CBC", TRIPLE, Bits, Cipher, [DES3_CBC_PAD = 0x136],
            Mechanism::Cipher(Block::TripleDes, Mode::Cbc { padding: Padding::Pkcs7, .. }) =>
                cbc(Block::TripleDes, Padding::Pkcs7);
        TripleDesCmac: "3DES-CMAC", TRIPLE, Bits, Mac, [DES3_CMAC = 0x138, DES3_CMAC_GENERAL = 0x137],
            Mechanism::Cmac { block: Block::TripleDes, .. } =>
                Mechanism::Cmac { block: Block::TripleDes, length: 8 };
        TripleDesCbcMac: "3DES-CBC-MAC", TRIPLE, Bits, Mac, [DES3_MAC = 0x134, DES3_MAC_GENERAL = 0x135],
            Mechanism::CbcMac { block: Block::TripleDes, .. } =>
                Mechanism::CbcMac { block: Block::TripleDes, length: 4 };
        TripleDesKeyGen: "3DES", TRIPLE, Bits, Key, [DES3_KEY_GEN = 0x131];
        DoubleDesKeyGen: "3DES", TRIPLE, Bits, Key, [DES2_KEY_GEN = 0x130];

        ChaCha20: "ChaCha20", CHACHA, Bits, Cipher, [CHACHA20 = 0x1226],
            Mechanism::ChaCha20 { .. } => Mechanism::ChaCha20 { nonce: vec![0; 12], counter: 0 };
        ChaCha20Poly1305: "ChaCha20-Poly1305", CHACHA, Bytes, Sealing, [CHACHA20_POLY1305 = 0x4021],
            Mechanism::ChaCha20Poly1305 { .. } =>
                Mechanism::ChaCha20Poly1305 { nonce: vec![0; 12], additional: Vec::new(), tag: 16 };
        ChaCha20KeyGen: "ChaCha20", CHACHA, Bytes, Key, [CHACHA20_KEY_GEN = 0x1225];

        RsaPkcs1: "RSA-PKCS1-v1.5", Keys::Rsa, Bits, Signature, [RSA_PKCS = 0x1],
            Mechanism::RsaPkcs1 => Mechanism::RsaPkcs1;
        RsaPss: "RSA-PSS", Keys::Rsa, Bits, Signature, [RSA_PKCS_PSS = 0xd],
            Mechanism::RsaPss { input: Input::Digest, .. } => pss(Hash::Sha256, Input::Digest);
        RsaOaep: "RSA-OAEP", Keys::Rsa, Bits, Cipher, [RSA_PKCS_OAEP = 0x9],
            Mechanism::RsaOaep { .. } =>
                Mechanism::RsaOaep { hash: Hash::Sha256, mask: Hash::Sha256, label: Vec::new() };
        RsaAesWrap: "RSA-AES-KWP", Keys::Rsa, Bits, Cipher, [RSA_AES_KEY_WRAP = 0x1054],
            Mechanism::RsaAesWrap { .. } => Mechanism::RsaAesWrap {
                bits: 256, hash: Hash::Sha256, mask: Hash::Sha256, label: Vec::new()
            };
        RsaRaw: "RSA-RAW", Keys::Rsa, Bits, Signature, [RSA_X_509 = 0x3], Mechanism::RsaRaw => Mechanism::RsaRaw;
        RsaKeyGen: "RSA", Keys::Rsa, Bits, Pair, [RSA_PKCS_KEY_PAIR_GEN = 0x0];

        Ecdsa: "ECDSA", Keys::Weierstrass, Bits, Signature, [ECDSA = 0x1041],
            Mechanism::Ecdsa { hash: None, .. } => Mechanism::Ecdsa { hash: None, form: Form::Raw };
        Eddsa: "EdDSA", Keys::Edwards, Bits, Signature, [EDDSA = 0x1057],
            Mechanism::Eddsa | Mechanism::EddsaContext { .. } => Mechanism::Eddsa;
        Dsa: "DSA", Keys::Dsa, Bits, Signature, [DSA = 0x11],
            Mechanism::Dsa { hash: None, .. } => Mechanism::Dsa { hash: None, form: Form::Raw };
        EllipticKeyGen: "EC", Keys::Weierstrass, Bits, Pair, [EC_KEY_PAIR_GEN = 0x1040];
        EdwardsKeyGen: "EdDSA", Keys::Edwards, Bits, Pair, [EC_EDWARDS_KEY_PAIR_GEN = 0x1055];
        TlsMac: "TLS-PRF", MAC, Bits, Mac, [TLS_MAC = 0x3e4, TLS12_MAC = 0x3d8],
            Mechanism::TlsMac { .. } =>
                Mechanism::TlsMac { hash: Hash::Sha256, side: Side::Client, length: 12 };
        GenericKeyGen: "HMAC", MAC, Bits, Key, [GENERIC_SECRET_KEY_GEN = 0x350];
        HkdfKeyGen: "HKDF", MAC, Bits, Key, [HKDF_KEY_GEN = 0x402c];
        Pbkdf2: "PBKDF2", MAC, Bits, Key, [PKCS5_PBKD2 = 0x3b0];

        Ecdh: "ECDH", Keys::Agreeing, Bits, Derivation, [ECDH1_DERIVE = 0x1050];
        // On curves of cofactor one, and where RFC 7748 clears it, the two are the same.
        EcdhCofactor: "ECDH", Keys::Agreeing, Bits, Derivation, [ECDH1_COFACTOR_DERIVE = 0x1051];
        MontgomeryKeyGen: "ECDH", Keys::Montgomery, Bits, Pair, [EC_MONTGOMERY_KEY_PAIR_GEN = 0x1056];
        FiniteKeyGen: "DH", Keys::Finite, Bits, Pair, [DH_PKCS_KEY_PAIR_GEN = 0x20];
        Dh: "DH", Keys::Finite, Bits, Derivation, [DH_PKCS_DERIVE = 0x21];
        MlKemKeyGen: "ML-KEM", Keys::MlKem, Bits, Pair, [ML_KEM_KEY_PAIR_GEN = 0xf];
        MlKem: "ML-KEM", Keys::MlKem, Bits, Derivation, [ML_KEM = 0x17];
        MlDsaKeyGen: "ML-DSA", Keys::MlDsa, Bits, Pair, [ML_DSA_KEY_PAIR_GEN = 0x1c];
        SlhDsaKeyGen: "SLH-DSA", Keys::SlhDsa, Bits, Pair, [SLH_DSA_KEY_PAIR_GEN = 0x2d];
        MlDsa: "ML-DSA", Keys::MlDsa, Bits, Signature, [ML_DSA = 0x1d],
            Mechanism::MlDsa(Signing { digest: None, .. }) => Mechanism::MlDsa(Signing::default());
        MlDsaDigest: "HashML-DSA", Keys::MlDsa, Bits, Signature, [HASH_ML_DSA = 0x1f],
            Mechanism::MlDsa(Signing { digest: Some((_, Input::Digest)), .. }) =>
                Mechanism::MlDsa(digested(Prehash::Hash(Hash::Sha512), Input::Digest));
        MlDsaShake128: "HashML-DSA", Keys::MlDsa, Bits, Signature, [HASH_ML_DSA_SHAKE128 = 0x2b],
            Mechanism::MlDsa(Signing { digest: Some((Prehash::Shake128, Input::Message)), .. }) =>
                Mechanism::MlDsa(digested(Prehash::Shake128, Input::Message));
        MlDsaShake256: "HashML-DSA", Keys::MlDsa, Bits, Signature, [HASH_ML_DSA_SHAKE256 = 0x2c],
            Mechanism::MlDsa(Signing { digest: Some((Prehash::Shake256, Input::Message)), .. }) =>
                Mechanism::MlDsa(digested(Prehash::Shake256, Input::Message));
        SlhDsa: "SLH-DSA", Keys::SlhDsa, Bits, Signature, [SLH_DSA = 0x2e],
            Mechanism::SlhDsa(Signing { digest: None, .. }) => Mechanism::SlhDsa(Signing::default());
        SlhDsaDigest: "HashSLH-DSA", Keys::SlhDsa, Bits, Signature, [HASH_SLH_DSA = 0x34],
            Mechanism::SlhDsa(Signing { digest: Some((_, Input::Digest)), .. }) =>
                Mechanism::SlhDsa(digested(Prehash::Hash(Hash::Sha512), Input::Digest));
        SlhDsaShake128: "HashSLH-DSA", Keys::SlhDsa, Bits, Signature, [HASH_SLH_DSA_SHAKE128 = 0x3e],
            Mechanism::SlhDsa(Signing { digest: Some((Prehash::Shake128, Input::Message)), .. }) =>
                Mechanism::SlhDsa(digested(Prehash::Shake128, Input::Message));
        SlhDsaShake256: "HashSLH-DSA", Keys::SlhDsa, Bits, Signature, [HASH_SLH_DSA_SHAKE256 = 0x3f],
            Mechanism::SlhDsa(Signing { digest: Some((Prehash::Shake256, Input::Message)), .. }) =>
                Mechanism::SlhDsa(digested(Prehash::Shake256, Input::Message));
        Hkdf: "HKDF", Keys::Secret, Bits, Derivation, [HKDF_DERIVE = 0x402a];
        HkdfData: "HKDF", Keys::Secret, Bits, Derivation, [HKDF_DATA = 0x402b];
        CounterKdf: "SP800-108-COUNTER", Keys::Secret, Bits, Derivation, [SP800_108_COUNTER_KDF = 0x3ac];
        FeedbackKdf: "SP800-108-FEEDBACK", Keys::Secret, Bits, Derivation, [SP800_108_FEEDBACK_KDF = 0x3ad];
        PipelineKdf: "SP800-108-PIPELINE", Keys::Secret, Bits, Derivation, [SP800_108_DOUBLE_PIPELINE_KDF = 0x3ae];
        JoinKeys: "CONCATENATE", Keys::Secret, Bits, Derivation, [CONCATENATE_BASE_AND_KEY = 0x360];
        JoinData: "CONCATENATE", Keys::Secret, Bits, Derivation, [CONCATENATE_BASE_AND_DATA = 0x362];
        JoinBehind: "CONCATENATE", Keys::Secret, Bits, Derivation, [CONCATENATE_DATA_AND_BASE = 0x363];
        Xor: "XOR", Keys::Secret, Bits, Derivation, [XOR_BASE_AND_DATA = 0x364];
        Extract: "EXTRACT", Keys::Secret, Bits, Derivation, [EXTRACT_KEY_FROM_KEY = 0x365];
        AesEcbKey: "ENCRYPT", AES, Bytes, Derivation, [AES_ECB_ENCRYPT_DATA = 0x1104];
        AesCbcKey: "ENCRYPT", AES, Bytes, Derivation, [AES_CBC_ENCRYPT_DATA = 0x1105];
        TripleDesEcbKey: "ENCRYPT", TRIPLE, Bits, Derivation, [DES3_ECB_ENCRYPT_DATA = 0x1102];
        TripleDesCbcKey: "ENCRYPT", TRIPLE, Bits, Derivation, [DES3_CBC_ENCRYPT_DATA = 0x1103];
        Shake128Key: "SHAKE", Keys::Secret, Bits, Derivation, [SHAKE_128_KEY_DERIVATION = 0x39b];
        Shake256Key: "SHAKE", Keys::Secret, Bits, Derivation, [SHAKE_256_KEY_DERIVATION = 0x39c];
        TlsMaster: "TLS-PRF", Keys::Secret, Bits, Derivation, [TLS12_MASTER_KEY_DERIVE_DH = 0x3e2];
        TlsExtended: "TLS-PRF", Keys::Secret, Bits, Derivation, [TLS12_EXTENDED_MASTER_KEY_DERIVE_DH = 0x57];
        TlsKeys: "TLS-PRF", Keys::Secret, Bits, Derivation, [TLS12_KEY_AND_MAC_DERIVE = 0x3e1];
        TlsSafeKeys: "TLS-PRF", Keys::Secret, Bits, Derivation, [TLS12_KEY_SAFE_DERIVE = 0x3e3];
        TlsKdf: "TLS-PRF", Keys::Secret, Bits, Derivation, [TLS_KDF = 0x3e5];
        Tls12Kdf: "TLS-PRF", Keys::Secret, Bits, Derivation, [TLS12_KDF = 0x3d9];
    }

    each hash {
        RsaPkcs1Hashed: "RSA-PKCS1-v1.5", Keys::Rsa, Bits, Signature, hash.facts().pkcs1,
            Mechanism::RsaPkcs1Hashed { hash, .. } => Mechanism::RsaPkcs1Hashed { hash, input: Input::Message };
        RsaPssHashed: "RSA-PSS", Keys::Rsa, Bits, Signature, hash.facts().pss,
            Mechanism::RsaPss { input: Input::Message, hash, .. } => pss(hash, Input::Message);
        EcdsaHashed: "ECDSA", Keys::Weierstrass, Bits, Signature, hash.facts().ecdsa,
            Mechanism::Ecdsa { hash: Some(hash), .. } => Mechanism::Ecdsa { hash: Some(hash), form: Form::Raw };
        DsaHashed: "DSA", Keys::Dsa, Bits, Signature, hash.facts().dsa,
            Mechanism::Dsa { hash: Some(hash), .. } => Mechanism::Dsa { hash: Some(hash), form: Form::Raw };
        Hmac: "HMAC", MAC, Bytes, Mac, hash.facts().hmac,
            Mechanism::Hmac { hash, .. } => Mechanism::Hmac { hash, length: hash.length() };
        HmacKeyGen: "HMAC", MAC, Bytes, Key, hash.facts().key_gen;
        Digest: "digest", Keys::None, Bits, Digest, hash.facts().digest;
        MlDsaHashed: "HashML-DSA", Keys::MlDsa, Bits, Signature, hash.facts().ml_dsa,
            Mechanism::MlDsa(Signing { digest: Some((Prehash::Hash(hash), Input::Message)), .. }) =>
                Mechanism::MlDsa(digested(Prehash::Hash(hash), Input::Message));
        SlhDsaHashed: "HashSLH-DSA", Keys::SlhDsa, Bits, Signature, hash.facts().slh_dsa,
            Mechanism::SlhDsa(Signing { digest: Some((Prehash::Hash(hash), Input::Message)), .. }) =>
                Mechanism::SlhDsa(digested(Prehash::Hash(hash), Input::Message));
        DigestKey: "HASH", Keys::Secret, Bits, Derivation, hash.facts().derivation;
    }
}

const AES: Keys = Keys::Symmetric(Family::Aes);
const XTS: Keys = Keys::Symmetric(Family::AesXts);
const TRIPLE: Keys = Keys::Symmetric(Family::TripleDes);
const CHACHA: Keys = Keys::Symmetric(Family::ChaCha20);
const MAC: Keys = Keys::Symmetric(Family::Hmac);

fn aes(mode: Mode) -> Mechanism {
    Mechanism::Cipher(Block::Aes, mode)
}

fn ecb(block: Block) -> Mechanism {
    Mechanism::Cipher(block, Mode::Ecb { padding: Padding::None })
}

fn cbc(block: Block, padding: Padding) -> Mechanism {
    Mechanism::Cipher(block, Mode::Cbc { iv: vec![0; block.length()], padding })
}

fn digested(hash: Prehash, input: Input) -> Signing {
    Signing { digest: Some((hash, input)), ..Signing::default() }
}

fn pss(hash: Hash, input: Input) -> Mechanism {
    Mechanism::RsaPss { hash, mask: hash, salt: Some(hash.length()), input }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mechanism_with_usual_parameters_is_listed_as_what_it_was_made_from() {
        for offered in Offered::all() {
            let keyless = matches!(offered.facts().work, Work::Digest | Work::Key | Work::Pair | Work::Derivation);
            let usual = offered.usual();
            assert_eq!(usual.is_none(), keyless, "{offered:?}");
            assert_eq!(usual.and_then(|mechanism| mechanism.offered()), (!keyless).then_some(offered));
        }
    }

    #[test]
    fn no_two_mechanisms_have_one_number() {
        let rows = Offered::all().into_iter().flat_map(|offered| offered.facts().numbers);
        let mut numbers: Vec<u64> = rows.map(|number| number.value).collect();
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), all);
    }

    #[test]
    fn a_mode_that_a_cipher_has_not_is_nowhere_listed() {
        let gcm = Mode::Gcm { nonce: vec![0; 12], additional: Vec::new(), tag: 16 };
        assert_eq!(Mechanism::Cipher(Block::TripleDes, gcm).offered(), None);
    }
}
