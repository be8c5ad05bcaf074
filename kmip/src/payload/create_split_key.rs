//! Create Split Key: the parts of a new key, or of one that is there (KMIP 2.1 §6.1.10).

use super::ProtectionStorageMasks;
use crate::{
    attribute::Template,
    code::{ObjectType, SplitKeyMethod, SplitKeyPolynomial},
    identifier::{Identifier, UniqueIdentifier},
    ttlv::BigInteger,
};

structure! {
    /// What is to be split, and into what.
    CreateSplitKeyRequest {
        object_type: ObjectType = ObjectType, V1_2;
        /// The key to be split; without one, a new key is made and only its parts are kept.
        unique_identifier: Option<UniqueIdentifier> = UniqueIdentifier, V1_2;
        split_key_parts: i32 = SplitKeyParts, V1_2;
        /// How many of the parts make the key again.
        split_key_threshold: i32 = SplitKeyThreshold, V1_2;
        split_key_method: SplitKeyMethod = SplitKeyMethod, V1_2;
        split_key_polynomial: Option<SplitKeyPolynomial> = SplitKeyPolynomial, V3_0;
        prime_field_size: Option<BigInteger> = PrimeFieldSize, V1_2;
        attributes: Option<Template> = Attributes, V1_2;
        protection_storage_masks: Option<ProtectionStorageMasks> = ProtectionStorageMasks, V2_0;
    }
}

structure! {
    /// The parts, in the order of their Key Part Identifiers.
    CreateSplitKeyResponse {
        unique_identifier: Vec<Identifier> = UniqueIdentifier, V1_2;
        /// Attributes that the server has set or changed.
        attributes: Option<Template> = TemplateAttribute, V1_2 until V2_0;
    }
}
