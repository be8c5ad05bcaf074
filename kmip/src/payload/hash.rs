//! Hash (KMIP 2.1 §6.1.24).

use crate::{attribute::CryptographicParameters, secret::Secret, ttlv::Bytes};

structure! {
    /// What is to be hashed, and how.
    HashRequest {
        cryptographic_parameters: CryptographicParameters = CryptographicParameters, V1_2;
        data: Option<Secret> = Data, V1_2;
        /// The stream that this call goes on with.
        correlation_value: Option<Bytes> = CorrelationValue, V1_3;
        /// Whether this call opens a stream.
        init_indicator: Option<bool> = InitIndicator, V1_3;
        /// Whether this call ends the stream.
        final_indicator: Option<bool> = FinalIndicator, V1_3;
    }
}

structure! {
    /// The digest.
    HashResponse {
        data: Option<Bytes> = Data, V1_2;
        correlation_value: Option<Bytes> = CorrelationValue, V1_3;
    }
}
