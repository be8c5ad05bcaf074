//! Derive Key: a key or a secret out of keys and secrets (KMIP 2.1 §6.1.14).

use crate::{
    attribute::{CryptographicParameters, Template},
    code::{DerivationMethod, ObjectType},
    identifier::{Identifier, UniqueIdentifier},
    secret::Secret,
    ttlv::Bytes,
};

structure! {
    /// What is to be derived, from what, and how.
    DeriveKeyRequest {
        object_type: ObjectType = ObjectType, V1_0;
        /// The keys and secrets to derive from.
        unique_identifier: Vec<UniqueIdentifier> = UniqueIdentifier, V1_0;
        derivation_method: DerivationMethod = DerivationMethod, V1_0;
        derivation_parameters: DerivationParameters = DerivationParameters, V1_0;
        attributes: Option<Template> = Attributes, V1_0;
    }
}

structure! {
    /// What a derivation is given besides keys (KMIP 2.1 §7.12).
    DerivationParameters {
        cryptographic_parameters: Option<CryptographicParameters> = CryptographicParameters, V1_0;
        initialization_vector: Option<Bytes> = InitializationVector, V1_0;
        /// Data that are hashed, encrypted or mixed in; several where the method takes several.
        derivation_data: Vec<Secret> = DerivationData, V1_0;
        salt: Option<Secret> = Salt, V1_0;
        iteration_count: Option<i32> = IterationCount, V1_0;
    }
}

structure! {
    /// What was derived.
    DeriveKeyResponse {
        unique_identifier: Identifier = UniqueIdentifier, V1_0;
        /// Attributes that the server has set or changed.
        attributes: Option<Template> = TemplateAttribute, V1_0 until V2_0;
    }
}
