//! Export: an object with all its attributes, for Import elsewhere.

use strongroom_kmip::payload::{ExportRequest, ExportResponse, GetRequest};

use super::{call::Call, contract::Perform, get, get_attributes, refusal::Refusal};

impl Perform for ExportRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ExportResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let action = get::needed(call, &id)?;
        let (object, permit) = call.see(&id, action)?;
        let set = get_attributes::known(call, &object);
        let attributes = get_attributes::listed(call, &object, &set);
        let asked = GetRequest {
            unique_identifier: None,
            key_format_type: self.key_format_type,
            key_wrap_type: self.key_wrap_type,
            key_compression_type: self.key_compression_type,
            key_wrapping_specification: self.key_wrapping_specification,
        };
        // Of what is destroyed, the attributes are still told (KMIP 2.1 §6.1.18).
        let given = if object.is_destroyed() { None } else { Some(get::give(call, &object, &permit, &asked)?) };
        if given.is_some() {
            get::no_longer_fresh(call, &object, action)?;
        }
        call.placeholder = Some(id.clone());
        Ok(ExportResponse {
            object_type: object.object_type(),
            unique_identifier: id.as_str().into(),
            attributes,
            object: given,
        })
    }
}
