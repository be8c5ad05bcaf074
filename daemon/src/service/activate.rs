//! Activate: a Pre-Active object becomes Active.

use strongroom_kmip::{
    attribute::Attribute,
    payload::{ActivateRequest, ActivateResponse},
    ttlv::DateTime,
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::vault::Event;

impl Perform for ActivateRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ActivateResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let now = DateTime(call.vault.now().seconds());
        call.live(&id, Event::Activate, |object| object.attributes.put(Attribute::ActivationDate(now)))?;
        call.placeholder = Some(id.clone());
        Ok(ActivateResponse { unique_identifier: id.as_str().into() })
    }
}
