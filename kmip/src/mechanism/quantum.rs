//! Parameter sets of the algorithms that are to stand against quantum computers: one row each.

use super::keys::Keys;
use crate::code::CryptographicAlgorithm;

/// What is true of a parameter set. Lengths are in bytes.
#[derive(Clone, Copy, Debug)]
pub struct SetFacts {
    /// The keys that it makes.
    pub keys: Keys,
    /// KMIP's code.
    pub code: CryptographicAlgorithm,
    /// Its number in PKCS#11 (`CKP_`).
    pub number: u64,
    /// The last byte of its object identifier, the others being 2.16.840.1.101.3.4.4 for ML-KEM and 2.16.840.1.101.3.4.3
    /// for signatures.
    pub identifier: u8,
    /// Of a public key.
    pub public: usize,
    /// Of a private key, expanded where it can be.
    pub private: usize,
    /// Of the seed that a private key is expanded from; nought where there is none.
    pub seed: usize,
    /// Of a signature or ciphertext.
    pub output: usize,
}

/// A row reads: name, keys, PKCS#11's number, end of the object identifier, then the lengths of public key, private key,
/// seed and output.
macro_rules! sets {
    ($($name:ident = $code:ident: $keys:ident, $number:literal, $identifier:literal,
       $public:literal, $private:literal, $seed:literal, $output:literal;)*) => {
        /// A parameter set of ML-KEM (FIPS 203), ML-DSA (FIPS 204) or SLH-DSA (FIPS 205).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum ParameterSet {
            $($name),*
        }

        impl ParameterSet {
            /// Every set.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Everything that is true of it.
            pub const fn facts(self) -> SetFacts {
                match self {
                    $(Self::$name => SetFacts {
                        keys: Keys::$keys,
                        code: CryptographicAlgorithm::$code,
                        number: $number,
                        identifier: $identifier,
                        public: $public,
                        private: $private,
                        seed: $seed,
                        output: $output,
                    },)*
                }
            }
        }
    };
}

impl ParameterSet {
    /// The set that KMIP calls so.
    pub fn of_code(code: CryptographicAlgorithm) -> Option<Self> {
        Self::ALL.iter().copied().find(|set| set.facts().code == code)
    }

    /// The set of these keys that has that number in PKCS#11.
    pub fn of_number(keys: Keys, number: u64) -> Option<Self> {
        Self::ALL.iter().copied().find(|set| set.facts().keys == keys && set.facts().number == number)
    }

    /// Bits of a public key: the standards count the length of such keys in none.
    pub const fn bits(self) -> usize {
        self.facts().public.saturating_mul(8)
    }
}

sets! {
    MlKem512 = ML_KEM_512: MlKem, 1, 1, 800, 1632, 64, 768;
    MlKem768 = ML_KEM_768: MlKem, 2, 2, 1184, 2400, 64, 1088;
    MlKem1024 = ML_KEM_1024: MlKem, 3, 3, 1568, 3168, 64, 1568;
    MlDsa44 = ML_DSA_44: MlDsa, 1, 17, 1312, 2560, 32, 2420;
    MlDsa65 = ML_DSA_65: MlDsa, 2, 18, 1952, 4032, 32, 3309;
    MlDsa87 = ML_DSA_87: MlDsa, 3, 19, 2592, 4896, 32, 4627;
    SlhDsaSha2_128s = SLH_DSA_SHA2_128s: SlhDsa, 1, 20, 32, 64, 0, 7856;
    SlhDsaShake128s = SLH_DSA_SHAKE_128s: SlhDsa, 2, 26, 32, 64, 0, 7856;
    SlhDsaSha2_128f = SLH_DSA_SHA2_128f: SlhDsa, 3, 21, 32, 64, 0, 17088;
    SlhDsaShake128f = SLH_DSA_SHAKE_128f: SlhDsa, 4, 27, 32, 64, 0, 17088;
    SlhDsaSha2_192s = SLH_DSA_SHA2_192s: SlhDsa, 5, 22, 48, 96, 0, 16224;
    SlhDsaShake192s = SLH_DSA_SHAKE_192s: SlhDsa, 6, 28, 48, 96, 0, 16224;
    SlhDsaSha2_192f = SLH_DSA_SHA2_192f: SlhDsa, 7, 23, 48, 96, 0, 35664;
    SlhDsaShake192f = SLH_DSA_SHAKE_192f: SlhDsa, 8, 29, 48, 96, 0, 35664;
    SlhDsaSha2_256s = SLH_DSA_SHA2_256s: SlhDsa, 9, 24, 64, 128, 0, 29792;
    SlhDsaShake256s = SLH_DSA_SHAKE_256s: SlhDsa, 10, 30, 64, 128, 0, 29792;
    SlhDsaSha2_256f = SLH_DSA_SHA2_256f: SlhDsa, 11, 25, 64, 128, 0, 49856;
    SlhDsaShake256f = SLH_DSA_SHAKE_256f: SlhDsa, 12, 31, 64, 128, 0, 49856;
}
