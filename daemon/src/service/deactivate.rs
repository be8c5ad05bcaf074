//! Deactivate: an Active object protects nothing new from now on (KMIP 3.0).

use strongroom_kmip::{
    attribute::{Attribute, DeactivationReason},
    code::DeactivationReasonCode,
    payload::{DeactivateRequest, DeactivateResponse},
    ttlv::DateTime,
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::vault::Event;

impl Perform for DeactivateRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<DeactivateResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let now = DateTime(call.vault.now().seconds());
        let unspecified = || DeactivationReason {
            deactivation_reason_code: DeactivationReasonCode::Unspecified,
            deactivation_message: None,
        };
        let reason = self.deactivation_reason.unwrap_or_else(unspecified);
        call.live(&id, Event::Deactivate, |object| {
            object.attributes.put(Attribute::DeactivationReason(reason));
            object.attributes.put(Attribute::DeactivationDate(now));
        })?;
        call.placeholder = Some(id.clone());
        Ok(DeactivateResponse { unique_identifier: id.as_str().into() })
    }
}
