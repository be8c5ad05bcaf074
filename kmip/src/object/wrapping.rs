//! How a key is wrapped, and how a client asks to have it wrapped.

use crate::{
    attribute::CryptographicParameters,
    code::{EncodingOption, WrappingMethod},
    identifier::UniqueIdentifier,
    ttlv::Bytes,
};

structure! {
    /// How the value of a key is wrapped (KMIP 2.1 §3.3).
    KeyWrappingData {
        wrapping_method: WrappingMethod = WrappingMethod, V1_0;
        encryption_key_information: Option<EncryptionKeyInformation> = EncryptionKeyInformation, V1_0;
        mac_signature_key_information: Option<MACSignatureKeyInformation> = MACSignatureKeyInformation, V1_0;
        mac_signature: Option<Bytes> = MACSignature, V1_0;
        iv_counter_nonce: Option<Bytes> = IVCounterNonce, V1_0;
        /// How the value was encoded before it was wrapped; without it, as TTLV.
        encoding_option: Option<EncodingOption> = EncodingOption, V1_1;
    }
}

structure! {
    /// How a key is to be wrapped before it is returned (KMIP 2.1 §7.18).
    KeyWrappingSpecification {
        wrapping_method: WrappingMethod = WrappingMethod, V1_0;
        encryption_key_information: Option<EncryptionKeyInformation> = EncryptionKeyInformation, V1_0;
        mac_signature_key_information: Option<MACSignatureKeyInformation> = MACSignatureKeyInformation, V1_0;
        /// Names of the attributes that are to be wrapped with the key.
        attribute_name: Vec<String> = AttributeName, V1_0;
        /// How the value is to be encoded before it is wrapped; without it, as TTLV.
        encoding_option: Option<EncodingOption> = EncodingOption, V1_1;
    }
}

structure! {
    /// The key that encrypts (KMIP 2.1 §3.3).
    #[derive(Clone)]
    EncryptionKeyInformation {
        unique_identifier: UniqueIdentifier = UniqueIdentifier, V1_0;
        cryptographic_parameters: Option<CryptographicParameters> = CryptographicParameters, V1_0;
    }
}

structure! {
    /// The key that authenticates (KMIP 2.1 §3.3).
    MACSignatureKeyInformation {
        unique_identifier: UniqueIdentifier = UniqueIdentifier, V1_0;
        cryptographic_parameters: Option<CryptographicParameters> = CryptographicParameters, V1_0;
    }
}
