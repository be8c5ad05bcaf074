//! Adjust Attribute: a value one more, one less, or the opposite (KMIP 2.1 §6.1.3).

use crate::{
    attribute::Reference,
    code::AdjustmentType,
    identifier::{Identifier, UniqueIdentifier},
    ttlv::Any,
};

structure! {
    /// What is to be adjusted.
    AdjustAttributeRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V2_0;
        attribute_reference: Reference = AttributeReference, V2_0;
        adjustment_type: AdjustmentType = AdjustmentType, V2_0;
        /// By how much, in the attribute's own type; by one where it is missing.
        adjustment_value: Option<Any> = AdjustmentValue, V2_0;
    }
}

structure! {
    /// Whose attribute was adjusted.
    AdjustAttributeResponse {
        unique_identifier: Identifier = UniqueIdentifier, V2_0;
    }
}
