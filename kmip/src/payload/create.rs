//! Create: a new symmetric key or secret (KMIP 2.1 §6.1.8).

use super::ProtectionStorageMasks;
use crate::{attribute::Template, code::ObjectType, identifier::Identifier};

structure! {
    /// What is to be made.
    CreateRequest {
        object_type: ObjectType = ObjectType, V1_0;
        attributes: Template = Attributes, V1_0;
        /// Where the object may be kept: any of these.
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks, V2_0;
    }
}

structure! {
    /// What was made.
    CreateResponse {
        object_type: ObjectType = ObjectType, V1_0;
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        /// Attributes that the server has set or changed.
        attributes: Option<Template> = TemplateAttribute, V1_0 until V2_0;
    }
}
