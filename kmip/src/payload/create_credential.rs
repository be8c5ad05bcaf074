//! Create Credential: what a user shows (KMIP 3.0).

use crate::{attribute::Template, code::CredentialType, identifier::Identifier, object::Certificate, ttlv::SecretText};

structure! {
    /// What is shown, under the tag of its type, and what is to be known of it.
    CreateCredentialRequest {
        credential_type: CredentialType = CredentialType, V3_0;
        attributes: Template = Attributes, V3_0;
        password_credential: Option<PasswordCredential> = PasswordCredential, V3_0;
        certificate: Option<Certificate> = Certificate, V3_0;
    }
}

structure! {
    /// What it is called.
    CreateCredentialResponse {
        unique_identifier: Identifier = UniqueIdentifier, V3_0;
    }
}

structure! {
    /// A password (KMIP 3.0).
    PasswordCredential {
        password: SecretText = Password, V3_0;
    }
}
