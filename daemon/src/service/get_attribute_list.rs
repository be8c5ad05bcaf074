//! Get Attribute List: which attributes an object has.

use strongroom_kmip::{
    attribute::References,
    payload::{GetAttributeListRequest, GetAttributeListResponse},
};

use super::{call::Call, contract::Perform, get_attributes, refusal::Refusal};
use crate::vault::Action;

impl Perform for GetAttributeListRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<GetAttributeListResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let (object, _) = call.see(&id, Action::See)?;
        let kinds = get_attributes::known(call, &object).kinds(call.version);
        let kinds = kinds.into_iter().filter(|kind| get_attributes::stands(call, &object, kind)).collect();
        call.placeholder = Some(id.clone());
        Ok(GetAttributeListResponse { unique_identifier: id.as_str().into(), attribute_reference: References(kinds) })
    }
}
