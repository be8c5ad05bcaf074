//! How much may still be protected with a key: counted down before it is, and as durable as any other change.

use strongroom_kmip::{
    attribute::{Attribute, UsageLimits},
    code::{ResultReason, UsageLimitsUnit},
};

use super::refusal::Refusal;
use crate::vault::{Object, Purpose};

/// What is left, in the limits' own unit.
pub fn left(limits: &UsageLimits) -> i64 {
    limits.usage_limits_count.unwrap_or(limits.usage_limits_total)
}

/// Whether something was taken already: then the limits stay as they are (KMIP 2.1 §4.59).
pub fn is_used(object: &Object) -> bool {
    object.attributes.usage_limits().is_some_and(|limits| left(limits) < limits.usage_limits_total)
}

/// Limits as a client asks for them: everything is left, whatever count the client gives.
///
/// # Errors
/// [`Refusal`] for limits that allow nothing or count what is not counted.
pub fn fresh(limits: &UsageLimits) -> Result<UsageLimits, Refusal> {
    let refuse = |why| Err(Refusal::new(ResultReason::InvalidAttributeValue, why));
    if limits.usage_limits_total <= 0 {
        return refuse("the Usage Limits Total is not positive");
    }
    if !UsageLimitsUnit::ALL.contains(&limits.usage_limits_unit) {
        return refuse("there is no such Usage Limits Unit");
    }
    Ok(UsageLimits { usage_limits_count: Some(limits.usage_limits_total), ..limits.clone() })
}

/// Takes so many units away.
///
/// # Errors
/// [`Refusal`] when they are not left.
pub fn take(object: &mut Object, units: i64) -> Result<(), Refusal> {
    let none = || Refusal::new(ResultReason::AttributeNotFound, "the object has no Usage Limits");
    let limits = object.attributes.usage_limits().ok_or_else(none)?;
    let rest = left(limits).checked_sub(units).filter(|rest| *rest >= 0);
    let rest =
        rest.ok_or_else(|| Refusal::new(ResultReason::UsageLimitExceeded, "the Usage Limits do not allow it"))?;
    let limits = UsageLimits { usage_limits_count: Some(rest), ..limits.clone() };
    object.attributes.put(Attribute::UsageLimits(limits));
    Ok(())
}

/// How many units it takes to protect `bytes` of data, as the first part of a message or as a further one. Uses that open
/// or check what was protected take none.
pub fn units(limits: &UsageLimits, purpose: Purpose, bytes: u64, part: Part) -> i64 {
    match (purpose, limits.usage_limits_unit) {
        (Purpose::Decrypt | Purpose::Verify | Purpose::Unwrap, _) => 0,
        (_, UsageLimitsUnit::Byte) => i64::try_from(bytes).unwrap_or(i64::MAX),
        _ => i64::from(part == Part::First),
    }
}

/// Where in a message a piece of data stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// At its beginning, or it is the whole.
    First,
    /// After its beginning.
    Further,
}
