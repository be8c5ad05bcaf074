//! Get Attributes: what is known of an object (KMIP 2.1 §6.1.20).

use crate::{
    attribute::{Listed, References},
    identifier::{Identifier, UniqueIdentifier},
};

structure! {
    /// Which attributes; none named asks for all.
    GetAttributesRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
        attribute_reference: References = AttributeReference, V1_0;
    }
}

structure! {
    /// Those of them that the object has.
    GetAttributesResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        attributes: Listed = Attributes, V1_0;
    }
}
