//! Get: an object itself (KMIP 2.1 §6.1.19).

use crate::{
    code::{KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType},
    identifier::{Identifier, UniqueIdentifier},
    object::{KeyWrappingSpecification, Object},
};

structure! {
    /// Which object, and in which form.
    #[derive(Default)]
    GetRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
        key_format_type: Option<KeyFormatType> = KeyFormatType, V1_0;
        key_wrap_type: Option<KeyWrapType> = KeyWrapType, V1_4;
        key_compression_type: Option<KeyCompressionType> = KeyCompressionType, V1_0;
        key_wrapping_specification: Option<Box<KeyWrappingSpecification>> = KeyWrappingSpecification, V1_0;
    }
}

structure! {
    /// The object.
    GetResponse {
        object_type: ObjectType = ObjectType, V1_0;
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        /// The object, under the tag of its kind.
        object: Object = ObjectType, V1_0;
    }
}
