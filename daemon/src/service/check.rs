//! Check: whether an object may be used as a client intends, without using it.

use strongroom_kmip::{
    code::{CryptographicUsageMask, ObjectType, ResultReason},
    payload::{CheckRequest, CheckResponse},
};

use super::{call::Call, contract::Perform, lease, refusal::Refusal, usage};
use crate::vault::{Action, Object};

impl Perform for CheckRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<CheckResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let (object, _) = call.see(&id, Action::Use)?;
        allowed(call, &object, &self)?;
        call.placeholder = Some(id.clone());
        Ok(CheckResponse {
            unique_identifier: Some(id.as_str().into()),
            usage_limits_count: None,
            cryptographic_usage_mask: None,
            lease_time: None,
        })
    }
}

/// What speaks against the use stands in the message: an answer that failed has no payload (KMIP Profiles 2.1, BL-M-2).
fn allowed(call: &Call<'_>, object: &Object, intended: &CheckRequest) -> Result<(), Refusal> {
    let refuse = |reason, why: String| Err(Refusal::new(reason, format!("Check failed: {why}")));
    if object.object_type() == ObjectType::Template {
        return refuse(ResultReason::IllegalObjectType, "a Template is not used".to_owned());
    }
    if object.is_destroyed() {
        return refuse(ResultReason::ObjectDestroyed, "the object is destroyed".to_owned());
    }
    if let Some(mask) = intended.cryptographic_usage_mask {
        let lacks = mask.without(object.attributes.usage_mask().unwrap_or(CryptographicUsageMask::NONE));
        if !lacks.is_empty() {
            let why = format!("the Cryptographic Usage Mask does not allow {lacks}");
            return refuse(ResultReason::IncompatibleCryptographicUsageMask, why);
        }
    }
    if let Some(count) = intended.usage_limits_count {
        let left = object.attributes.usage_limits().map(usage::left);
        if left.is_some_and(|left| count > left) {
            return refuse(ResultReason::UsageLimitExceeded, format!("the Usage Limits Count {count} is not left"));
        }
    }
    if let Some(wanted) = intended.lease_time {
        let granted = lease::granted(object, call.vault.now())?;
        if wanted > granted {
            let why = format!("the longest Lease Time is {} s, not {} s", granted.0, wanted.0);
            return refuse(ResultReason::PermissionDenied, why);
        }
    }
    Ok(())
}
