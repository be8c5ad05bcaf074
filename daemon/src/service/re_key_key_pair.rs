//! Re-key Key Pair: a fresh pair that takes an older one's place and Names.

use strongroom_kmip::{
    attribute::{Attribute, Link},
    code::{LinkType, ObjectType, ResultReason},
    payload::{ReKeyKeyPairRequest, ReKeyKeyPairResponse},
};

use super::{call::Call, contract::Perform, create_key_pair, creation, descent, material, refusal::Refusal, replacing};
use crate::vault::{Body, Made};

impl Perform for ReKeyKeyPairRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ReKeyKeyPairResponse, Refusal> {
        let private_id = call.subject(self.private_key_unique_identifier.as_ref())?;
        let old_private = replacing::predecessor(call, &private_id, ObjectType::PrivateKey)?;
        let Body::Key(shape) = old_private.body else {
            return Err(Refusal::new(ResultReason::KeyValueNotPresent, "the server does not hold the key"));
        };
        let public_id = descent::linked(&old_private, LinkType::PublicKeyLink)
            .ok_or_else(|| Refusal::invalid("the private key has no Public Key Link"))?;
        let old_public = replacing::predecessor(call, &public_id, ObjectType::PublicKey)?;
        let masks = self.private_protection_storage_masks.as_ref().or(self.common_protection_storage_masks.as_ref());
        let slot = creation::place_anew(call, &old_private.slot, masks)?;
        let slot = Some(slot.as_str());
        replacing::unname(call, &private_id)?;
        replacing::unname(call, &public_id)?;
        let common = self.common_attributes.as_ref();
        let templates = [common, self.private_key_attributes.as_ref()];
        let mut private = replacing::attributes(call, &old_private, self.offset, &templates)?;
        let templates = [common, self.public_key_attributes.as_ref()];
        let mut public = replacing::attributes(call, &old_public, self.offset, &templates)?;
        let Made::Pair { private: private_key, public: public_key } =
            call.vault.make(slot, &material::recipe(shape))?
        else {
            return Err(Refusal::new(ResultReason::GeneralFailure, "the slot made one key where a pair was asked for"));
        };
        let new_private = create_key_pair::add(call, slot, ObjectType::PrivateKey, &mut private, private_key)?;
        public.put(Attribute::Link(Link::to(LinkType::PrivateKeyLink, new_private.as_str())));
        let new_public = create_key_pair::add(call, slot, ObjectType::PublicKey, &mut public, public_key)?;
        call.link(&new_private, Attribute::Link(Link::to(LinkType::PublicKeyLink, new_public.as_str())))?;
        replacing::succeed(call, &old_public, &new_public)?;
        replacing::succeed(call, &old_private, &new_private)?;
        call.placeholder = Some(new_private.clone());
        call.notes.object = Some(new_private.clone());
        Ok(ReKeyKeyPairResponse {
            private_key_unique_identifier: new_private.as_str().into(),
            public_key_unique_identifier: new_public.as_str().into(),
            private_key_attributes: None,
            public_key_attributes: None,
        })
    }
}
