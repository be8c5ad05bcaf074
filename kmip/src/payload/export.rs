//! Export: an object with all its attributes (KMIP 2.1 §6.1.18).

use crate::{
    attribute::Listed,
    code::{KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType},
    identifier::{Identifier, UniqueIdentifier},
    object::{KeyWrappingSpecification, Object},
};

structure! {
    /// Which object, and in which form.
    #[derive(Default)]
    ExportRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_4;
        key_format_type: Option<KeyFormatType> = KeyFormatType, V1_4;
        key_wrap_type: Option<KeyWrapType> = KeyWrapType, V1_4;
        key_compression_type: Option<KeyCompressionType> = KeyCompressionType, V1_4;
        key_wrapping_specification: Option<Box<KeyWrappingSpecification>> = KeyWrappingSpecification, V1_4;
    }
}

structure! {
    /// The object and all that is known of it.
    ExportResponse {
        object_type: ObjectType = ObjectType, V1_4;
        unique_identifier: Identifier = UniqueIdentifier, V1_4;
        attributes: Listed = Attributes, V1_4;
        /// The object, under the tag of its kind; none of one that is destroyed.
        object: Option<Object> = ObjectType, V1_4;
    }
}
