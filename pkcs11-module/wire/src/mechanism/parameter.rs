//! A mechanism with its parameter. A new kind of parameter is one row of the table.

use super::kind::MechanismType;
use crate::{
    attribute::Template,
    codec::{Error, Reader, Wire, Writer},
    number::{Derivation, Hedge, Mask, Source},
    table::structure,
    value::{Bytes, Wiped},
};

structure! {
    /// A mechanism with its parameter (`CK_MECHANISM`).
    Mechanism {
        /// What is done.
        kind: MechanismType,
        /// With which parameter.
        parameter: Parameter,
    }
}

/// Makes the closed list of parameters from rows: a form number, a name, the fields.
macro_rules! parameters {
    ($($form:literal $(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $kind:ty),* $(,)? })*) => {
        /// The parameter of a mechanism. On the wire a byte says which form follows.
        #[derive(Debug)]
        pub enum Parameter {
            /// No parameter.
            None,
            $($(#[$about])* $name($name),)*
        }

        impl Wire for Parameter {
            const LEAST: usize = 1;
            fn write(&self, to: &mut Writer<'_>) {
                match self {
                    Self::None => to.raw(&[0]),
                    $(Self::$name(value) => {
                        to.raw(&[$form]);
                        value.write(to);
                    })*
                }
            }
            fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
                match from.array()? {
                    [0] => Ok(Self::None),
                    $([$form] => Wire::read(from).map(Self::$name),)*
                    [other] => Err(Error::Form(other)),
                }
            }
        }

        #[cfg(test)]
        impl crate::sample::Sample for Parameter {
            fn sample(source: &mut crate::sample::Source) -> Self {
                let makers: &[fn(&mut crate::sample::Source) -> Self] =
                    &[|_| Self::None, $(|source| Self::$name(crate::sample::Sample::sample(source))),*];
                makers[source.below(makers.len())](source)
            }
        }

        $(structure! { $(#[$about])* $name { $($(#[$doc])* $field: $kind),* } })*
    };
}

parameters! {
    1 /// An initialisation vector, or any parameter that C gives as bare bytes.
    Iv { /** The bytes. */ iv: Bytes }

    2 /// One number (`CK_MAC_GENERAL_PARAMS` and the like).
    Number { /** The number. */ number: u64 }

    3 /// `CK_GCM_PARAMS`.
    Gcm {
        /// The nonce. Empty with `iv_bits` set when the token is to make one.
        iv: Bytes,
        /// The length of the nonce in bits, as the caller says it.
        iv_bits: u64,
        /// What is authenticated but not encrypted.
        aad: Bytes,
        /// The length of the tag in bits.
        tag_bits: u64,
    }

    4 /// `CK_CCM_PARAMS`.
    Ccm {
        /// The length of the data in bytes.
        data_length: u64,
        /// The nonce.
        nonce: Bytes,
        /// What is authenticated but not encrypted.
        aad: Bytes,
        /// The length of the tag in bytes.
        tag_length: u64,
    }

    5 /// `CK_AES_CTR_PARAMS`.
    Ctr {
        /// How many bits of the block count.
        bits: u64,
        /// The first counter block.
        block: [u8; 16],
    }

    6 /// `CK_RSA_PKCS_PSS_PARAMS`.
    Pss {
        /// The hash of the message.
        hash: MechanismType,
        /// The mask.
        mask: Mask,
        /// The length of the salt in bytes.
        salt: u64,
    }

    7 /// `CK_RSA_PKCS_OAEP_PARAMS`.
    Oaep {
        /// The hash of the label.
        hash: MechanismType,
        /// The mask.
        mask: Mask,
        /// Where the label comes from.
        source: Source,
        /// The label.
        label: Bytes,
    }

    8 /// `CK_ECDH1_DERIVE_PARAMS`.
    Ecdh {
        /// What is made of the agreed secret.
        derivation: Derivation,
        /// What both sides know besides.
        shared: Bytes,
        /// The other side's public point.
        public: Bytes,
    }

    9 /// `CK_EDDSA_PARAMS`.
    Eddsa {
        /// Whether the message is hashed first.
        prehash: bool,
        /// The context.
        context: Bytes,
    }

    10 /// `CK_SALSA20_CHACHA20_POLY1305_PARAMS`.
    Poly1305 {
        /// The nonce.
        nonce: Bytes,
        /// What is authenticated but not encrypted.
        aad: Bytes,
    }

    11 /// `CK_SIGN_ADDITIONAL_CONTEXT`, for ML-DSA and SLH-DSA.
    Context {
        /// Whether fresh randomness goes in.
        hedge: Hedge,
        /// The context.
        context: Bytes,
    }

    12 /// `CK_HASH_SIGN_ADDITIONAL_CONTEXT`, for the hash-first forms of ML-DSA and SLH-DSA.
    HashContext {
        /// Whether fresh randomness goes in.
        hedge: Hedge,
        /// The context.
        context: Bytes,
        /// The hash of the message.
        hash: MechanismType,
    }

    13 /// `CK_HKDF_PARAMS`.
    Hkdf {
        /// Whether to extract.
        extract: bool,
        /// Whether to expand.
        expand: bool,
        /// The hash underneath.
        hash: MechanismType,
        /// Where the salt comes from (`CKF_HKDF_SALT_`).
        salt_type: u64,
        /// The salt, where it is given.
        salt: Bytes,
        /// The key that is the salt, where a key is.
        salt_key: u64,
        /// What binds the output to its use.
        info: Bytes,
    }

    14 /// `CK_KEY_DERIVATION_STRING_DATA`, and derivation by encrypting data in ECB mode.
    Data { /** The data. */ data: Bytes }

    15 /// `CK_AES_CBC_ENCRYPT_DATA_PARAMS`.
    CbcData {
        /// The initialisation vector.
        iv: [u8; 16],
        /// What is encrypted to become a key.
        data: Bytes,
    }

    16 /// `CK_CHACHA20_PARAMS`.
    ChaCha {
        /// The number of the first block, lowest byte first.
        counter: Bytes,
        /// The nonce.
        nonce: Bytes,
    }

    40 /// `CK_SP800_108_KDF_PARAMS` and `CK_SP800_108_FEEDBACK_KDF_PARAMS`.
    Chain {
        /// The pseudorandom function.
        function: MechanismType,
        /// What it is made over, in order.
        fields: Vec<ChainField>,
        /// What stands for the block before the first.
        start: Bytes,
        /// The templates of the keys behind the first.
        others: Vec<Template>,
    }

    42 /// `CK_RSA_AES_KEY_WRAP_PARAMS`.
    RsaAes {
        /// Bits of the AES key.
        bits: u64,
        /// How that key is encrypted.
        oaep: Oaep,
    }

    43 /// `CK_PKCS5_PBKD2_PARAMS2`.
    Password {
        /// Where the salt comes from (`CKZ_SALT_SPECIFIED`).
        source: u64,
        /// The salt.
        salt: Bytes,
        /// How often.
        iterations: u64,
        /// The pseudorandom function (`CKP_PKCS5_PBKD2_HMAC_SHA256` and so on).
        function: u64,
        /// The password.
        password: Wiped,
    }

    45 /// `CK_TLS_MAC_PARAMS`.
    Finished {
        /// The hash of the pseudorandom function.
        hash: MechanismType,
        /// Bytes of the MAC.
        length: u64,
        /// Whose message it is: 1 is the server's, 2 the client's.
        side: u64,
    }

    44 /// `CK_DES_CBC_ENCRYPT_DATA_PARAMS`.
    SmallCbcData {
        /// The initialisation vector.
        iv: [u8; 8],
        /// What is encrypted to become a key.
        data: Bytes,
    }

    46 /// `CK_TLS12_KEY_MAT_PARAMS`.
    Protection {
        /// The hash of the pseudorandom function.
        hash: MechanismType,
        /// Bits of each of the two keys of MACs.
        mac_bits: u64,
        /// Bits of each of the two keys of ciphers.
        key_bits: u64,
        /// Bits of each of the two initialisation vectors.
        iv_bits: u64,
        /// The random bytes of the server, then those of the client.
        seed: Bytes,
    }

    41 /// What TLS 1.2 derives by: `CK_TLS12_MASTER_KEY_DERIVE_PARAMS`, `CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS` and
    /// `CK_TLS_KDF_PARAMS`, all of which come down to these.
    Tls {
        /// The hash of the pseudorandom function.
        hash: MechanismType,
        /// The label.
        label: Bytes,
        /// The seed.
        seed: Bytes,
    }
}

structure! {
    /// One field of SP 800-108 (`CK_PRF_DATA_PARAM`). What its kind does not need is nought.
    ChainField {
        /// What it is (`CK_SP800_108_ITERATION_VARIABLE` and so on).
        kind: u64,
        /// Whether a number has its lowest byte first.
        little: bool,
        /// The bits of a number.
        width: u64,
        /// What counts as derived (`CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS` and so on).
        sum: u64,
        /// A key whose bytes stand here.
        key: u64,
        /// Bytes.
        data: Bytes,
    }
}

impl Mechanism {
    /// A mechanism without parameter.
    pub const fn plain(kind: MechanismType) -> Self {
        Self { kind, parameter: Parameter::None }
    }
}
