//! Recover: an archived object comes back (KMIP 2.1 §6.1.42).

use crate::identifier::{Identifier, UniqueIdentifier};

structure! {
    /// Which object.
    RecoverRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
    }
}

structure! {
    /// Which object it was.
    RecoverResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
    }
}
