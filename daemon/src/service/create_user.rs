//! Create User: somebody that the caller's messages may name.

use strongroom_kmip::{
    attribute::{Attribute, Linked, Set},
    code::{ObjectType, ResultReason},
    payload::{CreateUserRequest, CreateUserResponse},
    secret::Secret,
};

use super::{call::Call, contract::Perform, create, creation, refusal::Refusal};
use crate::vault::{Action, Content, ObjectId};

impl Perform for CreateUserRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<CreateUserResponse, Refusal> {
        let mut set = creation::gather(call, ObjectType::User, &[Some(&self.attributes)])?;
        if set.names().next().is_none() {
            return Err(Refusal::missing("Name"));
        }
        credentials(call, &set)?;
        let id = named(call, ObjectType::User, &mut set)?;
        Ok(CreateUserResponse { unique_identifier: id.as_str().into() })
    }
}

/// An object that has attributes and no bytes.
pub(super) fn named(call: &mut Call<'_>, object: ObjectType, set: &mut Set) -> Result<ObjectId, Refusal> {
    creation::complete(call, set, object, &[], None);
    let id = create::add(call, Content::Blob(Secret::new(Vec::new())), set)?;
    call.placeholder = Some(id.clone());
    call.notes.object = Some(id.clone());
    Ok(id)
}

/// Whether what is linked as credentials are credentials of the caller's own.
fn credentials(call: &mut Call<'_>, set: &Set) -> Result<(), Refusal> {
    for attribute in set.iter() {
        let Attribute::CredentialLink(linked) = attribute else { continue };
        let Linked::Identifier(id) = linked else {
            return Err(Refusal::unsupported("a Credential Link names its credential by Unique Identifier"));
        };
        let (object, _) = call.view()?.see(call.caller, &ObjectId::from_text(id), Action::Read)?;
        if !matches!(object.object_type(), ObjectType::PasswordCredential | ObjectType::Certificate) {
            return Err(Refusal::new(ResultReason::InvalidObjectType, "a Credential Link is to a credential"));
        }
    }
    Ok(())
}
