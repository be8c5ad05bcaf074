//! Modify Attribute: another value in place of one that is there.

use strongroom_kmip::{
    attribute::{Attribute, Instance, One},
    code::ResultReason,
    payload::{ModifyAttributeRequest, ModifyAttributeResponse},
};

use super::{
    alter::{self, Way},
    call::Call,
    contract::Perform,
    creation,
    refusal::Refusal,
};
use crate::vault::Action;

impl Perform for ModifyAttributeRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ModifyAttributeResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let (object, _) = call.see(&id, Action::Change)?;
        let Instance { index, attribute } = self.new_attribute.0;
        let kind = attribute.kind();
        alter::check((call.version, call.seen), call.vault.now(), &object, &kind, Way::Modify)?;
        if let Attribute::Name(name) = &attribute {
            creation::unique_name(call, name, Some(&id))?;
        }
        if object.attributes.get(&kind).is_none() {
            return Err(Refusal::new(ResultReason::AttributeNotFound, format!("the object has no {kind}")));
        }
        let current = self.current_attribute.map(|One(instance)| instance.attribute);
        let new = attribute.clone();
        let (version, now) = (call.version, call.vault.now());
        let seen = call.seen;
        let replaced = |object: &mut crate::vault::Object| {
            // Asked again of the object as it is claimed: its state may have changed since it was looked at.
            alter::check((version, seen), now, object, &kind, Way::Modify)?;
            match current {
                Some(current) => object.attributes.exchange(&current, new)?,
                None => object.attributes.replace(index.unwrap_or(0), new)?,
            };
            Ok(())
        };
        call.alter(&id, replaced, &attribute)?;
        call.placeholder = Some(id.clone());
        Ok(ModifyAttributeResponse {
            unique_identifier: id.as_str().into(),
            attribute: Some(One(Instance { index, attribute })),
        })
    }
}
