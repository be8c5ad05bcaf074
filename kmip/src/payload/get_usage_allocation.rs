//! Get Usage Allocation: a share of what may still be protected with a key (KMIP 2.1 §6.1.23).

use crate::identifier::{Identifier, UniqueIdentifier};

structure! {
    /// How much.
    GetUsageAllocationRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
        /// In the units of the object's Usage Limits.
        usage_limits_count: i64 = UsageLimitsCount, V1_0;
    }
}

structure! {
    /// Of which object.
    GetUsageAllocationResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
    }
}
