//! Archive: an object may leave the storage that is at hand (KMIP 2.1 §6.1.4).

use crate::identifier::{Identifier, UniqueIdentifier};

structure! {
    /// Which object.
    ArchiveRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
    }
}

structure! {
    /// Which object it was.
    ArchiveResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
    }
}
