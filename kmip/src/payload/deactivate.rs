//! Deactivate: an object protects nothing new from now on (KMIP 3.0).

use crate::{
    attribute::DeactivationReason,
    identifier::{Identifier, UniqueIdentifier},
};

structure! {
    /// Which object, and why.
    DeactivateRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V3_0;
        deactivation_reason: Option<DeactivationReason> = DeactivationReason, V3_0;
    }
}

structure! {
    /// Which object it was.
    DeactivateResponse {
        unique_identifier: Identifier = UniqueIdentifier, V3_0;
    }
}
