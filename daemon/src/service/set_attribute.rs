//! Set Attribute: the one value of an attribute, whether it had one or not (since KMIP 2.0).

use strongroom_kmip::{
    attribute::Multiplicity,
    code::ResultReason,
    payload::{SetAttributeRequest, SetAttributeResponse},
};

use super::{
    alter::{self, Way},
    call::Call,
    contract::Perform,
    refusal::Refusal,
};
use crate::vault::Action;

impl Perform for SetAttributeRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<SetAttributeResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let (object, _) = call.see(&id, Action::Change)?;
        let attribute = self.new_attribute.0.attribute;
        let kind = attribute.kind();
        if kind.row().is_some_and(|row| row.multiplicity == Multiplicity::Many) {
            return Err(Refusal::new(ResultReason::MultiValuedAttribute, format!("{kind} may have several values")));
        }
        let (version, now) = (call.version, call.vault.now());
        let seen = call.seen;
        let may = |object: &crate::vault::Object| {
            let there = object.attributes.get(&kind).is_some();
            alter::check((version, seen), now, object, &kind, if there { Way::Modify } else { Way::Add })
        };
        may(&object)?;
        let new = attribute.clone();
        let set = |object: &mut crate::vault::Object| {
            // Asked again of the object as it is claimed: its state may have changed since it was looked at.
            may(object)?;
            object.attributes.remove_all(&kind);
            object.attributes.put(new);
            Ok(())
        };
        call.alter(&id, set, &attribute)?;
        call.placeholder = Some(id.clone());
        Ok(SetAttributeResponse { unique_identifier: id.as_str().into() })
    }
}
