//! Set Attribute: the value of an attribute, whether or not there was one (KMIP 2.1 §6.1.51).

use crate::{
    attribute::One,
    identifier::{Identifier, UniqueIdentifier},
};

structure! {
    /// What is to be set.
    SetAttributeRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V2_0;
        new_attribute: One = NewAttribute, V2_0;
    }
}

structure! {
    /// Whose attribute was set.
    SetAttributeResponse {
        unique_identifier: Identifier = UniqueIdentifier, V2_0;
    }
}
