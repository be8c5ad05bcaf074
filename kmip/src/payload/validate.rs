//! Validate: whether certificates make a chain that holds (KMIP 2.1 §6.1.57).

use crate::{code::ValidityIndicator, identifier::UniqueIdentifier, object::Certificate, ttlv::DateTime};

structure! {
    /// The certificates, from here or brought along, and when they are to be valid.
    ValidateRequest {
        certificate: Vec<Certificate> = Certificate, V1_0;
        unique_identifier: Vec<UniqueIdentifier> = UniqueIdentifier, V1_0;
        /// Without it, now.
        validity_date: Option<DateTime> = ValidityDate, V1_0;
    }
}

structure! {
    /// What was found.
    ValidateResponse {
        validity_indicator: ValidityIndicator = ValidityIndicator, V1_0;
    }
}
