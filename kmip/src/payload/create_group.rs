//! Create Group: something that objects may belong to (KMIP 3.0).

use crate::{attribute::Template, identifier::Identifier};

structure! {
    /// What is to be known of it.
    CreateGroupRequest {
        attributes: Template = Attributes, V3_0;
    }
}

structure! {
    /// What it is called.
    CreateGroupResponse {
        unique_identifier: Identifier = UniqueIdentifier, V3_0;
    }
}
