//! Add Attribute: a first, or a further, value.

use strongroom_kmip::{
    attribute::{Attribute, Instance, One},
    code::ResultReason,
    payload::{AddAttributeRequest, AddAttributeResponse},
};

use super::{
    alter::{self, Way},
    call::Call,
    contract::Perform,
    creation,
    refusal::Refusal,
};
use crate::vault::Action;

impl Perform for AddAttributeRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<AddAttributeResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let (object, _) = call.see(&id, Action::Change)?;
        let attribute = self.new_attribute.0.attribute;
        alter::check((call.version, call.seen), call.vault.now(), &object, &attribute.kind(), Way::Add)?;
        alter::single(&object, &attribute)?;
        if let Attribute::Name(name) = &attribute {
            creation::unique_name(call, name, Some(&id))?;
        }
        let own_name = |name| object.attributes.names().any(|own| own == name);
        if matches!(&attribute, Attribute::Name(name) if own_name(name)) {
            return Err(Refusal::new(ResultReason::NonUniqueNameAttribute, "the object has this Name already"));
        }
        let added = attribute.clone();
        let index = call.alter(&id, |object| Ok(object.attributes.add(added)?), &attribute)?;
        call.placeholder = Some(id.clone());
        Ok(AddAttributeResponse {
            unique_identifier: id.as_str().into(),
            attribute: Some(One(Instance { index: (index > 0).then_some(index), attribute })),
        })
    }
}
