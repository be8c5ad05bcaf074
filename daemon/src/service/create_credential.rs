//! Create Credential: what a user of the caller's shows.

use strongroom_kmip::{
    attribute::Attribute,
    code::{CredentialType, ObjectType},
    object::Object,
    payload::{CreateCredentialRequest, CreateCredentialResponse},
};

use super::{call::Call, contract::Perform, create, creation, credential::Stretched, refusal::Refusal, register};
use crate::vault::{Content, ObjectId};

impl Perform for CreateCredentialRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<CreateCredentialResponse, Refusal> {
        let id = match (self.credential_type, self.password_credential, self.certificate) {
            (CredentialType::Password, Some(shown), None) => {
                let mut set = creation::gather(call, ObjectType::PasswordCredential, &[Some(&self.attributes)])?;
                // It is never given out: what is kept is not the password.
                set.put(Attribute::Sensitive(true));
                set.put(Attribute::Extractable(false));
                let kept = Stretched::new(shown.password.secret(), call.vault.chance())?;
                creation::complete(call, &mut set, ObjectType::PasswordCredential, &[], None);
                create::add(call, Content::Blob(kept.to_secret()), &mut set)?
            }
            (CredentialType::Certificate, None, Some(certificate)) => {
                let mut set = creation::gather(call, ObjectType::Certificate, &[Some(&self.attributes)])?;
                let content = register::content(call, &mut Object::from(certificate), &mut set)?;
                create::add(call, content, &mut set)?
            }
            (CredentialType::Password | CredentialType::Certificate, ..) => {
                return Err(Refusal::invalid("the credential is not of the Credential Type that the request gives"));
            }
            (other, ..) => {
                return Err(Refusal::unsupported(format!("a {other} credential is registered by the operator")));
            }
        };
        Ok(CreateCredentialResponse { unique_identifier: told(call, id).as_str().into() })
    }
}

fn told(call: &mut Call<'_>, id: ObjectId) -> ObjectId {
    call.placeholder = Some(id.clone());
    call.notes.object = Some(id.clone());
    id
}
