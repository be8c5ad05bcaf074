//! Import: an object with all its attributes, as another server exported it (KMIP 2.1 §6.1.25).

use crate::{
    attribute::Listed,
    code::{KeyWrapType, ObjectType},
    identifier::Identifier,
    object::Object,
};

structure! {
    /// The object, what it is called and all that is known of it.
    ImportRequest {
        unique_identifier: Identifier = UniqueIdentifier, V1_4;
        object_type: ObjectType = ObjectType, V1_4;
        /// Whether an object of this identifier gives way.
        replace_existing: Option<bool> = ReplaceExisting, V1_4;
        /// Whether a wrapped key is unwrapped before it is kept.
        key_wrap_type: Option<KeyWrapType> = KeyWrapType, V1_4;
        attributes: Listed = Attributes, V1_4;
        /// The object, under the tag of its kind.
        object: Object = ObjectType, V1_4;
    }
}

structure! {
    /// What the object is called.
    ImportResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_4;
    }
}
