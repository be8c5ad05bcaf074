//! Destroy: an object's key material is gone for good (KMIP 2.1 §6.1.15).

use crate::identifier::{Identifier, UniqueIdentifier};

structure! {
    /// Which object.
    DestroyRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
    }
}

structure! {
    /// Which object it was.
    DestroyResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
    }
}
