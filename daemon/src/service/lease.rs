//! How long a client may rely on what it has fetched of an object before it asks again.
//!
//! A lease is a promise of the client's, and nothing is kept for it here: who asks is told how long, from now on.

use strongroom_kmip::{
    attribute::{Attribute, Standard},
    code::{ResultReason, State},
    ttlv::Interval,
};

use super::refusal::Refusal;
use crate::{clock::Time, vault::Object};

/// The lease that is granted now: no longer than the object's Lease Time, and no longer than until the object is
/// deactivated.
///
/// # Errors
/// [`Refusal`] for an object that nobody should use any more.
pub fn granted(object: &Object, now: Time) -> Result<Interval, Refusal> {
    if object.is_destroyed() {
        return Err(Refusal::new(ResultReason::ObjectDestroyed, "the object is destroyed"));
    }
    if object.state(now) == Some(State::Compromised) {
        return Err(Refusal::new(ResultReason::PermissionDenied, "the object is compromised: no lease is granted"));
    }
    let longest = match object.attributes.standard(Standard::LeaseTime) {
        Some(Attribute::LeaseTime(Interval(seconds))) => *seconds,
        _ => LEASE,
    };
    let until = object.attributes.deactivation_date().map(|date| date.saturating_sub(now.seconds()));
    let until = until.filter(|seconds| *seconds > 0).and_then(|seconds| u32::try_from(seconds).ok());
    Ok(Interval(longest.min(until.unwrap_or(u32::MAX))))
}

/// An hour: a client that has fetched a key learns within it that the key was revoked.
pub const LEASE: u32 = 3600;
