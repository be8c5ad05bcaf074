//! Modify Attribute: another value for an attribute of an object (KMIP 2.1 §6.1.34).

use crate::{
    attribute::One,
    identifier::{Identifier, UniqueIdentifier},
};

structure! {
    /// What is to be changed, and into what.
    ModifyAttributeRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
        /// The value that is to go, where the attribute has several.
        current_attribute: Option<One> = CurrentAttribute, V2_0;
        new_attribute: One = NewAttribute, V1_0;
    }
}

structure! {
    /// What it was changed into.
    ModifyAttributeResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        attribute: Option<One> = Attribute, V1_0 until V2_0;
    }
}
