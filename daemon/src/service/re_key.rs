//! Re-key: a fresh symmetric key that takes an older one's place and Names.

use strongroom_kmip::{
    code::{KeyFormatType, ObjectType, ResultReason},
    payload::{ReKeyRequest, ReKeyResponse},
};

use super::{call::Call, contract::Perform, create, creation, material, refusal::Refusal, replacing};
use crate::vault::{Body, Content, Form, Made};

impl Perform for ReKeyRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ReKeyResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        let old = replacing::predecessor(call, &id, ObjectType::SymmetricKey)?;
        let Body::Key(shape) = old.body else {
            return Err(Refusal::new(ResultReason::KeyValueNotPresent, "the server does not hold the key"));
        };
        let slot = creation::place_anew(call, &old.slot, self.protection_storage_masks.as_ref())?;
        let slot = Some(slot.as_str());
        replacing::unname(call, &id)?;
        let mut set = replacing::attributes(call, &old, self.offset, &[self.attributes.as_ref()])?;
        create::safe_enough(&set)?;
        let Made::One(kept) = call.vault.make(slot, &material::recipe(shape))? else {
            return Err(Refusal::new(ResultReason::GeneralFailure, "the slot made a pair where one key was asked for"));
        };
        let shown = creation::shown(call, slot, &kept, Form::Raw)?;
        let shown = shown.as_ref().map(material::bytes);
        create::newborn(call, &mut set);
        creation::complete_held(call, &mut set, ObjectType::SymmetricKey, shown, Some(KeyFormatType::Raw));
        let new = create::add_to(call, slot, Content::Key(kept), &mut set)?;
        replacing::succeed(call, &old, &new)?;
        call.placeholder = Some(new.clone());
        call.notes.object = Some(new.clone());
        Ok(ReKeyResponse { unique_identifier: new.as_str().into(), attributes: None })
    }
}
