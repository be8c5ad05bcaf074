//! Create Key Pair: a new private key and its public key (KMIP 2.1 §6.1.9).

use super::ProtectionStorageMasks;
use crate::{attribute::Template, identifier::Identifier};

structure! {
    /// What is to be made. What is said of one key goes before what is said of both.
    #[derive(Default)]
    CreateKeyPairRequest {
        common_attributes: Option<Template> = CommonAttributes, V1_0;
        private_key_attributes: Option<Template> = PrivateKeyAttributes, V1_0;
        public_key_attributes: Option<Template> = PublicKeyAttributes, V1_0;
        common_protection_storage_masks: Option<ProtectionStorageMasks> = CommonProtectionStorageMasks, V2_0;
        private_protection_storage_masks: Option<ProtectionStorageMasks> = PrivateProtectionStorageMasks, V2_0;
        public_protection_storage_masks: Option<ProtectionStorageMasks> = PublicProtectionStorageMasks, V2_0;
    }
}

structure! {
    /// What was made.
    CreateKeyPairResponse {
        private_key_unique_identifier: Identifier = PrivateKeyUniqueIdentifier, V1_0;
        public_key_unique_identifier: Identifier = PublicKeyUniqueIdentifier, V1_0;
        /// Attributes of the private key that the server has set or changed.
        private_key_attributes: Option<Template> = PrivateKeyTemplateAttribute, V1_0 until V2_0;
        /// Attributes of the public key that the server has set or changed.
        public_key_attributes: Option<Template> = PublicKeyTemplateAttribute, V1_0 until V2_0;
    }
}
