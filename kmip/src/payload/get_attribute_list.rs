//! Get Attribute List: which attributes an object has (KMIP 2.1 §6.1.21).

use crate::{
    attribute::References,
    identifier::{Identifier, UniqueIdentifier},
};

structure! {
    /// Which object.
    GetAttributeListRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
    }
}

structure! {
    /// Its attributes, each once.
    GetAttributeListResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        attribute_reference: References = AttributeReference, V1_0;
    }
}
