//! Revoke: an object must not protect anything any more (KMIP 2.1 §6.1.44).

use crate::{
    attribute::RevocationReason,
    identifier::{Identifier, UniqueIdentifier},
    ttlv::DateTime,
};

structure! {
    /// Which object, and why.
    RevokeRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
        revocation_reason: RevocationReason = RevocationReason, V1_0;
        /// When the object was first believed to be compromised.
        compromise_occurrence_date: Option<DateTime> = CompromiseOccurrenceDate, V1_0;
    }
}

structure! {
    /// Which object it was.
    RevokeResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
    }
}
