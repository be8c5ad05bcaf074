//! Get Usage Allocation: a client takes its share of what may still be protected with a key, to use where it is.

use strongroom_kmip::{
    code::{CryptographicUsageMask, ResultReason, State},
    payload::{GetUsageAllocationRequest, GetUsageAllocationResponse},
    version::V2_0,
};

use super::{call::Call, contract::Perform, refusal::Refusal, usage};
use crate::vault::{self, Action, Object};

impl Perform for GetUsageAllocationRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<GetUsageAllocationResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let (object, _) = call.see(&id, Action::Use)?;
        protects(call, &object)?;
        if self.usage_limits_count <= 0 {
            return Err(Refusal::invalid("the Usage Limits Count is not positive"));
        }
        call.edit(&id, Action::Use, |object| usage::take(object, self.usage_limits_count))?;
        call.placeholder = Some(id.clone());
        Ok(GetUsageAllocationResponse { unique_identifier: id.as_str().into() })
    }
}

/// Whether the object may protect something, now.
fn protects(call: &Call<'_>, object: &Object) -> Result<(), Refusal> {
    if object.attributes.usage_limits().is_none() {
        let older = call.version < V2_0;
        let reason = if older { ResultReason::IllegalOperation } else { ResultReason::AttributeNotFound };
        return Err(Refusal::new(reason, "the object has no Usage Limits"));
    }
    if !object.attributes.usage_mask().is_some_and(|mask| mask.intersects(PROTECTS)) {
        return Err(Refusal::new(ResultReason::InvalidObjectType, "the object is not for protecting anything"));
    }
    let now = call.vault.now();
    let state = object.state(now).unwrap_or(State::PreActive);
    let stopped = object.attributes.protect_stop_date().is_some_and(|stop| stop <= now.seconds());
    if state != State::Active || stopped {
        return Err(vault::Error::State { object: object.id.clone(), state }.into());
    }
    Ok(())
}

/// The uses that protect something (KMIP 2.1 §4.59).
const PROTECTS: CryptographicUsageMask = CryptographicUsageMask::Encrypt
    .union(CryptographicUsageMask::Sign)
    .union(CryptographicUsageMask::WrapKey)
    .union(CryptographicUsageMask::MACGenerate)
    .union(CryptographicUsageMask::DeriveKey)
    .union(CryptographicUsageMask::CertificateSign)
    .union(CryptographicUsageMask::CRLSign);
