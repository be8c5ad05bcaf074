//! Destroy: the material goes for good, the attributes stay.

use strongroom_kmip::{
    attribute::Attribute,
    payload::{DestroyRequest, DestroyResponse},
    ttlv::DateTime,
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::vault::{Body, Event};

impl Perform for DestroyRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<DestroyResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let now = DateTime(call.vault.now().seconds());
        call.live(&id, Event::Destroy, |object| {
            object.attributes.put(Attribute::DestroyDate(now));
            object.body = Body::Gone;
        })?;
        call.placeholder = Some(id.clone());
        Ok(DestroyResponse { unique_identifier: id.as_str().into() })
    }
}
