//! Create User: somebody that messages may name (KMIP 3.0).

use crate::{attribute::Template, identifier::Identifier};

structure! {
    /// What is to be known of it: its Name, and its credentials by Credential Link.
    CreateUserRequest {
        attributes: Template = Attributes, V3_0;
    }
}

structure! {
    /// What it is called.
    CreateUserResponse {
        unique_identifier: Identifier = UniqueIdentifier, V3_0;
    }
}
