//! Check: whether an object may be used as a client intends (KMIP 2.1 §6.1.7).

use crate::{
    code::CryptographicUsageMask,
    identifier::{Identifier, UniqueIdentifier},
    ttlv::Interval,
};

structure! {
    /// What the client intends.
    CheckRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
        /// How much it will protect, in the units of the object's Usage Limits.
        usage_limits_count: Option<i64> = UsageLimitsCount, V1_0;
        cryptographic_usage_mask: Option<CryptographicUsageMask> = CryptographicUsageMask, V1_0;
        lease_time: Option<Interval> = LeaseTime, V1_0;
    }
}

structure! {
    /// The object, if it may be used so; the values that speak against it are an answer's only where it failed.
    CheckResponse {
        unique_identifier: Option<Identifier> = UniqueIdentifier, V1_0;
        usage_limits_count: Option<i64> = UsageLimitsCount, V1_0;
        cryptographic_usage_mask: Option<CryptographicUsageMask> = CryptographicUsageMask, V1_0;
        lease_time: Option<Interval> = LeaseTime, V1_0;
    }
}
