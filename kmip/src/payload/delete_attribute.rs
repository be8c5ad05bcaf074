//! Delete Attribute: one attribute of an object less (KMIP 2.1 §6.1.13).

use crate::{
    attribute::{One, Reference},
    identifier::{Identifier, UniqueIdentifier},
};

structure! {
    /// What is to go.
    DeleteAttributeRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
        attribute_name: Option<String> = AttributeName, V1_0 until V2_0;
        /// Which of the values of that name, counted from nought.
        attribute_index: Option<i32> = AttributeIndex, V1_0 until V2_0;
        /// The value that is to go.
        current_attribute: Option<One> = CurrentAttribute, V2_0;
        /// The attribute all of whose values are to go.
        attribute_reference: Option<Reference> = AttributeReference, V2_0;
    }
}

structure! {
    /// What is gone.
    DeleteAttributeResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        attribute: Option<One> = Attribute, V1_0 until V2_0;
    }
}
