//! Re-key Key Pair: a replacement for both halves of a pair (KMIP 2.1 §6.1.47).

use super::ProtectionStorageMasks;
use crate::{
    attribute::Template,
    identifier::{Identifier, UniqueIdentifier},
    ttlv::Interval,
};

structure! {
    /// Which pair is to be replaced, by its private half, and in what its replacement differs.
    ReKeyKeyPairRequest {
        private_key_unique_identifier: Option<UniqueIdentifier> = PrivateKeyUniqueIdentifier, V1_1;
        /// How long after its making the replacement becomes active; the other dates move along.
        offset: Option<Interval> = Offset, V1_1;
        common_attributes: Option<Template> = CommonAttributes, V1_1;
        private_key_attributes: Option<Template> = PrivateKeyAttributes, V1_1;
        public_key_attributes: Option<Template> = PublicKeyAttributes, V1_1;
        common_protection_storage_masks: Option<ProtectionStorageMasks> = CommonProtectionStorageMasks, V2_0;
        private_protection_storage_masks: Option<ProtectionStorageMasks> = PrivateProtectionStorageMasks, V2_0;
        public_protection_storage_masks: Option<ProtectionStorageMasks> = PublicProtectionStorageMasks, V2_0;
    }
}

structure! {
    /// The replacements.
    ReKeyKeyPairResponse {
        private_key_unique_identifier: Identifier = PrivateKeyUniqueIdentifier, V1_1;
        public_key_unique_identifier: Identifier = PublicKeyUniqueIdentifier, V1_1;
        /// Attributes of the private key that the server has set or changed.
        private_key_attributes: Option<Template> = PrivateKeyTemplateAttribute, V1_1 until V2_0;
        /// Attributes of the public key that the server has set or changed.
        public_key_attributes: Option<Template> = PublicKeyTemplateAttribute, V1_1 until V2_0;
    }
}
