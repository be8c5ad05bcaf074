//! Activate: an object may be used from now on (KMIP 2.1 §6.1.1).

use crate::identifier::{Identifier, UniqueIdentifier};

structure! {
    /// Which object.
    ActivateRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
    }
}

structure! {
    /// Which object it was.
    ActivateResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
    }
}
