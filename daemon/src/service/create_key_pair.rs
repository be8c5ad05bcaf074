//! Create Key Pair: a private key and its public key, linked to each other.

use strongroom_kmip::{
    attribute::{Attribute, Link, Set},
    code::{LinkType, ObjectType, ResultReason},
    mechanism::Keys,
    payload::{CreateKeyPairRequest, CreateKeyPairResponse},
    ttlv::Bytes,
};

use super::{call::Call, contract::Perform, create, creation, material, refusal::Refusal};
use crate::vault::{Content, Group, Kept, Made, ObjectId, guard};

impl Perform for CreateKeyPairRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<CreateKeyPairResponse, Refusal> {
        let masks = self.private_protection_storage_masks.as_ref().or(self.common_protection_storage_masks.as_ref());
        creation::place(call, masks)?;
        let common = self.common_attributes.as_ref();
        let private = [common, self.private_key_attributes.as_ref()];
        let mut private = creation::gather(call, ObjectType::PrivateKey, &private)?;
        let mut public = creation::gather(call, ObjectType::PublicKey, &[common, self.public_key_attributes.as_ref()])?;
        alike(&private, &public)?;
        let shape = material::shape(ObjectType::PrivateKey, &private)
            .ok_or_else(|| Refusal::invalid("no slot makes pairs of this Cryptographic Algorithm and Length"))?;
        creation::masked(call.version, &mut private, shape)?;
        creation::masked(call.version, &mut public, material::public(shape))?;
        create::safe_enough(&Set::from_iter(
            private.iter().filter(|attribute| matches!(attribute, Attribute::QuantumSafe(_))).cloned(),
        ))?;
        let made = match (named_group(&mut private), named_group(&mut public)) {
            (Some(group), _) if shape.keys() == Keys::Finite => call.vault.make_in(call.slot.as_deref(), group)?,
            _ => call.vault.make(call.slot.as_deref(), &material::recipe(shape))?,
        };
        let Made::Pair { private: private_key, public: public_key } = made else {
            return Err(Refusal::new(ResultReason::GeneralFailure, "the slot made one key where a pair was asked for"));
        };
        let slot = call.slot.clone();
        let private_id = add(call, slot.as_deref(), ObjectType::PrivateKey, &mut private, private_key)?;
        public.put(Attribute::Link(Link::to(LinkType::PrivateKeyLink, private_id.as_str())));
        let public_id = add(call, slot.as_deref(), ObjectType::PublicKey, &mut public, public_key)?;
        let link = Attribute::Link(Link::to(LinkType::PublicKeyLink, public_id.as_str()));
        call.link(&private_id, link)?;
        call.placeholder = Some(private_id.clone());
        call.notes.object = Some(private_id.clone());
        call.notes.others = vec![public_id.to_string()];
        Ok(CreateKeyPairResponse {
            private_key_unique_identifier: private_id.as_str().into(),
            public_key_unique_identifier: public_id.as_str().into(),
            private_key_attributes: None,
            public_key_attributes: None,
        })
    }
}

/// The group that PKCS#11 names for a pair, which the pair itself says from then on.
fn named_group(set: &mut Set) -> Option<Group> {
    let mut take = |name: &str| {
        let own = set.iter().find(|attribute| guard::name(attribute) == Some(name)).cloned()?;
        set.remove_value(&own);
        match own {
            Attribute::Vendor(own) => own.value.read_as().ok().map(|Bytes(bytes)| bytes),
            _ => None,
        }
    };
    let (prime, base) = (take("CKA_PRIME"), take("CKA_BASE"));
    Some(Group::of(&prime?, &base?))
}

/// Both halves must be told to be of one kind.
fn alike(private: &Set, public: &Set) -> Result<(), Refusal> {
    if private.algorithm().is_none() {
        return Err(Refusal::missing("Cryptographic Algorithm"));
    }
    let same = private.algorithm() == public.algorithm()
        && private.length() == public.length()
        && private.domain_parameters() == public.domain_parameters();
    if same { Ok(()) } else { Err(Refusal::invalid("the two halves are told to be of different kinds")) }
}

/// Adds one half of a pair to what the call writes.
pub(super) fn add(
    call: &mut Call<'_>,
    slot: Option<&str>,
    object: ObjectType,
    set: &mut Set,
    kept: Kept,
) -> Result<ObjectId, Refusal> {
    creation::describe(set, kept.shape);
    create::newborn(call, set);
    let format = material::default_format(kept.shape);
    let form = material::form(format, kept.shape)?;
    let shown = creation::shown(call, slot, &kept, form)?;
    creation::complete_held(call, set, object, shown.as_ref().map(material::bytes), Some(format));
    create::add_to(call, slot, Content::Key(kept), set)
}
