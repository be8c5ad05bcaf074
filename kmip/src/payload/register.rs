//! Register: an object that was made elsewhere (KMIP 2.1 §6.1.43).

use super::ProtectionStorageMasks;
use crate::{attribute::Template, code::ObjectType, identifier::Identifier, object::Object};

structure! {
    /// The object and what is to be known of it.
    RegisterRequest {
        object_type: ObjectType = ObjectType, V1_0;
        attributes: Template = Attributes, V1_0;
        /// The object, under the tag of its kind.
        object: Object = ObjectType, V1_0;
        /// Where the object may be kept: any of these.
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks, V2_0;
    }
}

structure! {
    /// What the object is called from now on.
    RegisterResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        /// Attributes that the server has set or changed.
        attributes: Option<Template> = TemplateAttribute, V1_0 until V2_0;
    }
}
