//! MAC (KMIP 2.1 §6.1.32).

use crate::{
    attribute::CryptographicParameters,
    identifier::{Identifier, UniqueIdentifier},
    secret::Secret,
    ttlv::Bytes,
};

structure! {
    /// What is to be authenticated, and how.
    #[derive(Default)]
    MACRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_2;
        cryptographic_parameters: Option<CryptographicParameters> = CryptographicParameters, V1_2;
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
    /// The message authentication code.
    MACResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_2;
        mac_data: Option<Bytes> = MACData, V1_2;
        correlation_value: Option<Bytes> = CorrelationValue, V1_3;
    }
}
