//! Encrypt (KMIP 2.1 §6.1.17).

use crate::{
    attribute::CryptographicParameters,
    identifier::{Identifier, UniqueIdentifier},
    secret::Secret,
    ttlv::Bytes,
};

structure! {
    /// What is to be encrypted, and how.
    #[derive(Default)]
    EncryptRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_2;
        cryptographic_parameters: Option<CryptographicParameters> = CryptographicParameters, V1_2;
        /// The plaintext; absent only in a call that ends a stream.
        data: Option<Secret> = Data, V1_2;
        iv_counter_nonce: Option<Bytes> = IVCounterNonce, V1_2;
        /// The stream that this call goes on with.
        correlation_value: Option<Bytes> = CorrelationValue, V1_3;
        /// Whether this call opens a stream.
        init_indicator: Option<bool> = InitIndicator, V1_3;
        /// Whether this call ends the stream.
        final_indicator: Option<bool> = FinalIndicator, V1_3;
        authenticated_encryption_additional_data: Option<Bytes> = AuthenticatedEncryptionAdditionalData, V1_4;
    }
}

structure! {
    /// The ciphertext.
    EncryptResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_2;
        data: Option<Bytes> = Data, V1_2;
        /// The one that the server chose, where it did.
        iv_counter_nonce: Option<Bytes> = IVCounterNonce, V1_2;
        correlation_value: Option<Bytes> = CorrelationValue, V1_3;
        authenticated_encryption_tag: Option<Bytes> = AuthenticatedEncryptionTag, V1_4;
    }
}
