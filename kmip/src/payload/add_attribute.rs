//! Add Attribute: one more attribute of an object (KMIP 2.1 §6.1.2).

use crate::{
    attribute::One,
    identifier::{Identifier, UniqueIdentifier},
};

structure! {
    /// What is to be added.
    AddAttributeRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
        new_attribute: One = NewAttribute, V1_0;
    }
}

structure! {
    /// What was added.
    AddAttributeResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        attribute: Option<One> = Attribute, V1_0 until V2_0;
    }
}
