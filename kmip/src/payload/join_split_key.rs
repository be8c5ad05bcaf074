//! Join Split Key: the key that parts make (KMIP 2.1 §6.1.27).

use super::ProtectionStorageMasks;
use crate::{
    attribute::Template,
    code::{ObjectType, SecretDataType},
    identifier::{Identifier, UniqueIdentifier},
};

structure! {
    /// Which parts, and what they are to make.
    JoinSplitKeyRequest {
        object_type: ObjectType = ObjectType, V1_2;
        unique_identifier: Vec<UniqueIdentifier> = UniqueIdentifier, V1_2;
        secret_data_type: Option<SecretDataType> = SecretDataType, V1_2;
        attributes: Option<Template> = Attributes, V1_2;
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks, V2_0;
    }
}

structure! {
    /// What they made.
    JoinSplitKeyResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_2;
        /// Attributes that the server has set or changed.
        attributes: Option<Template> = TemplateAttribute, V1_2 until V2_0;
    }
}
