//! Obtain Lease: how long a client may rely on what it has fetched of an object (KMIP 2.1 §6.1.35).

use crate::{
    identifier::{Identifier, UniqueIdentifier},
    ttlv::{DateTime, Interval},
};

structure! {
    /// Which object.
    ObtainLeaseRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
    }
}

structure! {
    /// How long.
    ObtainLeaseResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        /// From now on.
        lease_time: Interval = LeaseTime, V1_0;
        /// When the object changed last: whoever has fetched it before must fetch it again.
        last_change_date: DateTime = LastChangeDate, V1_0;
    }
}
