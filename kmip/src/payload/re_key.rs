//! Re-key: a replacement for a symmetric key (KMIP 2.1 §6.1.46).

use super::ProtectionStorageMasks;
use crate::{
    attribute::Template,
    identifier::{Identifier, UniqueIdentifier},
    ttlv::Interval,
};

structure! {
    /// Which key is to be replaced, and in what its replacement differs.
    ReKeyRequest {
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_0;
        /// How long after its making the replacement becomes active; the other dates move along.
        offset: Option<Interval> = Offset, V1_0;
        attributes: Option<Template> = Attributes, V1_0;
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks, V2_0;
    }
}

structure! {
    /// The replacement.
    ReKeyResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        /// Attributes that the server has set or changed.
        attributes: Option<Template> = TemplateAttribute, V1_0 until V2_0;
    }
}
