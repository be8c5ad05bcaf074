//! Obliterate: nothing of an object stays, its attributes neither (KMIP 3.0).

use crate::identifier::{Identifier, UniqueIdentifier};

structure! {
    /// Which object.
    ObliterateRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V3_0;
    }
}

structure! {
    /// Which object it was.
    ObliterateResponse {
        unique_identifier: Identifier = UniqueIdentifier, V3_0;
    }
}
