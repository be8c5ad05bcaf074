//! Revoke: an object is no longer to be trusted, or no longer needed.

use strongroom_kmip::{
    attribute::Attribute,
    code::RevocationReasonCode,
    payload::{RevokeRequest, RevokeResponse},
    ttlv::DateTime,
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::vault::Event;

impl Perform for RevokeRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<RevokeResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let now = DateTime(call.vault.now().seconds());
        let compromised = matches!(
            self.revocation_reason.revocation_reason_code,
            RevocationReasonCode::KeyCompromise | RevocationReasonCode::CACompromise
        );
        let (reason, occurrence) = (self.revocation_reason, self.compromise_occurrence_date);
        let event = if compromised { Event::Compromise } else { Event::Deactivate };
        call.live(&id, event, |object| {
            object.attributes.put(Attribute::RevocationReason(reason));
            if compromised {
                object.attributes.put(Attribute::CompromiseDate(now));
                if let Some(date) = occurrence {
                    object.attributes.put(Attribute::CompromiseOccurrenceDate(date));
                }
            } else {
                object.attributes.put(Attribute::DeactivationDate(now));
            }
        })?;
        call.placeholder = Some(id.clone());
        Ok(RevokeResponse { unique_identifier: id.as_str().into() })
    }
}
