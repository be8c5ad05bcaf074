//! One answer of every operation.

use strongroom_kmip::{
    attribute::RNGParameters,
    code::*,
    object::SymmetricKey,
    operation::Response,
    payload::*,
    secret::Secret,
    tag::Tag,
    ttlv::Any,
    version::{V1_2, V2_0},
};

use crate::{
    objects::raw,
    samples::{attributes, bytes, found, one, references, secret, template},
};

pub(crate) fn answers() -> Vec<Response> {
    let mut answers = crate::life::answers();
    answers.extend(others());
    answers
}

fn others() -> Vec<Response> {
    vec![
        CreateResponse {
            object_type: ObjectType::SymmetricKey,
            unique_identifier: found(),
            attributes: Some(template()),
        }
        .into(),
        CreateKeyPairResponse {
            private_key_unique_identifier: found(),
            public_key_unique_identifier: found(),
            private_key_attributes: None,
            public_key_attributes: Some(template()),
        }
        .into(),
        RegisterResponse { unique_identifier: found(), attributes: None }.into(),
        LocateResponse { located_items: Some(2), unique_identifier: vec![found(), "b".into()] }.into(),
        GetResponse {
            object_type: ObjectType::SymmetricKey,
            unique_identifier: found(),
            object: SymmetricKey { key_block: raw(CryptographicAlgorithm::AES) }.into(),
        }
        .into(),
        GetAttributesResponse { unique_identifier: found(), attributes: attributes().into_iter().collect() }.into(),
        GetAttributeListResponse { unique_identifier: found(), attribute_reference: references() }.into(),
        AddAttributeResponse { unique_identifier: found(), attribute: Some(one()) }.into(),
        ModifyAttributeResponse { unique_identifier: found(), attribute: Some(one()) }.into(),
        DeleteAttributeResponse { unique_identifier: found(), attribute: Some(one()) }.into(),
        SetAttributeResponse { unique_identifier: found() }.into(),
        ActivateResponse { unique_identifier: found() }.into(),
        RevokeResponse { unique_identifier: found() }.into(),
        DestroyResponse { unique_identifier: found() }.into(),
        query(),
        DiscoverVersionsResponse { protocol_version: vec![V2_0, V1_2] }.into(),
        EncryptResponse {
            unique_identifier: found(),
            data: bytes(),
            iv_counter_nonce: bytes(),
            correlation_value: bytes(),
            authenticated_encryption_tag: bytes(),
        }
        .into(),
        DecryptResponse { unique_identifier: found(), data: secret(), correlation_value: None }.into(),
        SignResponse { unique_identifier: found(), signature_data: bytes(), correlation_value: None }.into(),
        SignatureVerifyResponse {
            unique_identifier: found(),
            validity_indicator: Some(ValidityIndicator::Invalid),
            data: secret(),
            correlation_value: None,
        }
        .into(),
        MACResponse { unique_identifier: found(), mac_data: bytes(), correlation_value: None }.into(),
        MACVerifyResponse {
            unique_identifier: found(),
            validity_indicator: Some(ValidityIndicator::Valid),
            correlation_value: None,
        }
        .into(),
        RNGRetrieveResponse { data: Secret::copy_of(&[5; 32]) }.into(),
        HashResponse { data: bytes(), correlation_value: None }.into(),
    ]
}

fn query() -> Response {
    QueryResponse {
        operation: vec![Operation::Create, Operation::Destroy],
        object_type: vec![ObjectType::SymmetricKey, ObjectType::Certificate],
        vendor_identification: Some("Strongroom".into()),
        server_information: Some(ServerInformation {
            server_name: Some("one".into()),
            alternate_failover_endpoints: vec!["two".into(), "three".into()],
            vendor_specific: vec![(Tag(0x54_0001), Any::text("own"))],
            ..ServerInformation::default()
        }),
        application_namespace: vec!["space".into()],
        extension_information: vec![ExtensionInformation {
            extension_name: "own".into(),
            extension_tag: Some(0x54_0001),
            extension_type: Some(ExtensionType(ItemType::TextString)),
            extension_enumeration: Some(1),
            extension_attribute: Some(false),
            extension_parent_structure_tag: None,
            extension_description: Some("of ours".into()),
        }],
        attestation_type: vec![AttestationType::TPMQuote],
        rng_parameters: vec![RNGParameters {
            rng_algorithm: RNGAlgorithm::DRBG,
            cryptographic_algorithm: Some(CryptographicAlgorithm::AES),
            cryptographic_length: Some(256),
            hashing_algorithm: None,
            drbg_algorithm: Some(DRBGAlgorithm::CTR),
            recommended_curve: None,
            fips186_variation: None,
            prediction_resistance: Some(true),
        }],
        profile_information: vec![ProfileInformation {
            profile_name: ProfileName::BaselineServerBasicKMIPV1_2,
            profile_version: None,
            server_uri: Some("https://vault.localhost".into()),
            server_port: Some(5696),
        }],
        validation_information: vec![ValidationInformation {
            validation_authority_type: ValidationAuthorityType::Unspecified,
            validation_authority_country: Some("AT".into()),
            validation_authority_uri: None,
            validation_version_major: 1,
            validation_version_minor: Some(2),
            validation_type: ValidationType::Software,
            validation_level: 1,
            validation_certificate_identifier: None,
            validation_certificate_uri: None,
            validation_vendor_uri: None,
            validation_profile: vec!["one".into(), "two".into()],
        }],
        capability_information: vec![CapabilityInformation {
            streaming_capability: Some(false),
            asynchronous_capability: Some(false),
            attestation_capability: Some(false),
            batch_undo_capability: Some(true),
            batch_continue_capability: Some(true),
            unwrap_mode: Some(UnwrapMode::Processed),
            destroy_action: Some(DestroyAction::KeyMaterialDeleted),
            shredding_algorithm: Some(ShreddingAlgorithm::Cryptographic),
            rng_mode: Some(RNGMode::SharedInstantiation),
            quantum_safe_capability: Some(false),
        }],
        client_registration_method: vec![ClientRegistrationMethod::ServerPreGenerated],
        defaults_information: Some(DefaultsInformation {
            object_defaults: vec![ObjectDefaults {
                object_type: Some(ObjectType::SymmetricKey),
                object_types: None,
                attributes: attributes().into_iter().collect(),
                object_groups: None,
            }],
        }),
        credential_information: Some(CredentialInformation {
            credential_type: vec![CredentialType::UsernameAndPassword, CredentialType::Certificate],
        }),
        protection_storage_masks: Some(ProtectionStorageMasks {
            protection_storage_mask: vec![ProtectionStorageMask::Software],
        }),
    }
    .into()
}
