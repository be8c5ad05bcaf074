//! One message of every operation, with as many fields as it can have, in every version that speaks it.

use strongroom_kmip::{
    attribute::{
        Attribute, CryptographicParameters, Kind, Link, Name, One, Reference, References, RevocationReason, Standard,
        Template, Vendor,
    },
    code::*,
    identifier::{Identifier, UniqueIdentifier},
    message::{
        Asynchronous, Authentication, Credential, MessageExtension, RequestMessage, ResponseItem, ResponseMessage,
        UsernameAndPassword,
    },
    object::{EncryptionKeyInformation, KeyWrappingSpecification, MACSignatureKeyInformation},
    operation::{Request, Response},
    payload::*,
    secret::Secret,
    ttlv::{Any, Bytes, DateTime, SecretText},
    version::{V1_0, V2_0, Version},
};

use crate::{answers::answers, objects::objects};

/// Requests, each with a name that says operation and version.
pub(crate) fn requests() -> Vec<(String, Vec<u8>)> {
    Version::ALL
        .into_iter()
        .flat_map(|version| asks(version).into_iter().filter_map(move |ask| request(version, ask)))
        .collect()
}

/// Answers, likewise.
pub(crate) fn responses() -> Vec<(String, Vec<u8>)> {
    Version::ALL
        .into_iter()
        .flat_map(|version| answers().into_iter().filter_map(move |answer| response(version, answer)))
        .collect()
}

fn request(version: Version, ask: Request) -> Option<(String, Vec<u8>)> {
    let operation = ask.operation();
    if !spoken(operation, version) {
        return None;
    }
    let mut message = RequestMessage::of(version, [ask]);
    message.header.maximum_response_size = Some(4096);
    message.header.client_correlation_value = Some("client 1".into());
    message.header.asynchronous_indicator = Some(Asynchronous(AsynchronousIndicator::Optional));
    message.header.authentication = Some(Authentication {
        credential: vec![Credential::UsernameAndPassword(UsernameAndPassword {
            username: "alice".into(),
            password: Some(SecretText::copy_of("hunter2")),
        })],
    });
    message.header.batch_error_continuation_option = Some(BatchErrorContinuationOption::Continue);
    message.header.batch_order_option = Some(true);
    message.header.time_stamp = Some(DateTime(1_600_000_000));
    let item = message.items.first_mut()?;
    item.unique_batch_item_id = Some(Bytes(vec![1]));
    item.extension = vec![MessageExtension {
        vendor_identification: "house".into(),
        criticality_indicator: false,
        vendor_extension: Any::text("beside the point"),
    }];
    Some((format!("{operation} {version}"), message.write().to_vec()))
}

fn response(version: Version, answer: Response) -> Option<(String, Vec<u8>)> {
    let operation = answer.operation();
    if !spoken(operation, version) {
        return None;
    }
    let items = vec![
        ResponseItem::success(answer).named(Some(Bytes(vec![1]))),
        ResponseItem::failure(Some(operation), ResultReason::PermissionDenied, "no"),
        ResponseItem::failure(None, ResultReason::InvalidMessage, ""),
    ];
    let mut message = ResponseMessage::of(version, DateTime(-1), items);
    message.header.server_correlation_value = Some("server 1".into());
    Some((format!("{operation} {version}"), message.write().to_vec()))
}

fn spoken(operation: Operation, version: Version) -> bool {
    operation.spoken().is_some_and(|(since, until)| version.within(since, until))
}

fn which() -> Option<UniqueIdentifier> {
    Some("49a1ca88-6bea-4fb2-b450-7e58802c3038".into())
}

pub(crate) fn found() -> Identifier {
    "49a1ca88-6bea-4fb2-b450-7e58802c3038".into()
}

pub(crate) fn bytes() -> Option<Bytes> {
    Some(Bytes(vec![1, 2, 3, 4, 5]))
}

pub(crate) fn secret() -> Option<Secret> {
    Some(Secret::copy_of(&[0xA5; 37]))
}

pub(crate) fn attributes() -> Vec<Attribute> {
    vec![
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt),
        Attribute::Name(Name::text("a name")),
        Attribute::ActivationDate(DateTime(0)),
        Attribute::Link(Link::to(LinkType::PublicKeyLink, "other")),
        Attribute::CryptographicParameters(Box::new(parameters().unwrap_or_default())),
        Attribute::Sensitive(true),
        Attribute::Vendor(Vendor { vendor: "x".into(), name: "own".into(), value: Any::text("value") }),
    ]
}

pub(crate) fn template() -> Template {
    attributes().into_iter().collect()
}

pub(crate) fn one() -> One {
    One(Attribute::Name(Name::text("another name")).into())
}

fn masks(version: Version) -> Option<ProtectionStorageMasks> {
    let mask = ProtectionStorageMask::Software | ProtectionStorageMask::OnSystem;
    (version >= V2_0).then(|| ProtectionStorageMasks { protection_storage_mask: vec![mask] })
}

pub(crate) fn parameters() -> Option<CryptographicParameters> {
    Some(CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::GCM),
        padding_method: Some(PaddingMethod::PKCS5),
        hashing_algorithm: Some(HashingAlgorithm::SHA_256),
        tag_length: Some(16),
        random_iv: Some(true),
        p_source: bytes(),
        ..CryptographicParameters::default()
    })
}

fn asks(version: Version) -> Vec<Request> {
    let specification = KeyWrappingSpecification {
        wrapping_method: WrappingMethod::Encrypt,
        encryption_key_information: Some(EncryptionKeyInformation {
            unique_identifier: "kek".into(),
            cryptographic_parameters: parameters(),
        }),
        mac_signature_key_information: Some(MACSignatureKeyInformation {
            unique_identifier: "mac".into(),
            cryptographic_parameters: None,
        }),
        attribute_name: vec!["State".into()],
        encoding_option: Some(EncodingOption::TTLVEncoding),
    };
    let mut asks: Vec<Request> = vec![
        CreateRequest {
            object_type: ObjectType::SymmetricKey,
            attributes: template(),
            protection_storage_masks: masks(version),
        }
        .into(),
        CreateKeyPairRequest {
            common_attributes: Some(template()),
            private_key_attributes: Some(template()),
            public_key_attributes: Some(template()),
            common_protection_storage_masks: masks(version),
            private_protection_storage_masks: masks(version),
            public_protection_storage_masks: masks(version),
        }
        .into(),
        LocateRequest {
            maximum_items: Some(10),
            offset_items: Some(3),
            storage_status_mask: Some(StorageStatusMask::OnLineStorage),
            object_group_member: Some(ObjectGroupMember::GroupMemberFresh),
            object_class_mask: None,
            attributes: attributes().into_iter().collect(),
        }
        .into(),
        GetRequest {
            unique_identifier: which(),
            key_format_type: Some(KeyFormatType::Raw),
            key_wrap_type: Some(KeyWrapType::NotWrapped),
            key_compression_type: Some(KeyCompressionType::ECPublicKeyTypeUncompressed),
            key_wrapping_specification: Some(Box::new(specification)),
        }
        .into(),
        GetAttributesRequest { unique_identifier: which(), attribute_reference: references() }.into(),
        GetAttributeListRequest { unique_identifier: which() }.into(),
        AddAttributeRequest { unique_identifier: which(), new_attribute: one() }.into(),
        ModifyAttributeRequest {
            unique_identifier: which(),
            current_attribute: (version >= V2_0).then(one),
            new_attribute: one(),
        }
        .into(),
        DeleteAttributeRequest {
            unique_identifier: which(),
            attribute_name: Some("Name".into()),
            attribute_index: Some(1),
            current_attribute: Some(one()),
            attribute_reference: (version >= V2_0).then(|| Reference(Standard::Name.into())),
        }
        .into(),
        SetAttributeRequest {
            unique_identifier: Some(UniqueIdentifier::Placeholder(
                strongroom_kmip::code::UniqueIdentifier::IDPlaceholder,
            )),
            new_attribute: one(),
        }
        .into(),
        ActivateRequest { unique_identifier: None }.into(),
        ActivateRequest { unique_identifier: Some(UniqueIdentifier::Located(-1)) }.into(),
        RevokeRequest {
            unique_identifier: which(),
            revocation_reason: RevocationReason {
                revocation_reason_code: RevocationReasonCode::KeyCompromise,
                revocation_message: Some("seen elsewhere".into()),
            },
            compromise_occurrence_date: Some(DateTime(6)),
        }
        .into(),
        DestroyRequest { unique_identifier: which() }.into(),
        QueryRequest {
            query_function: vec![QueryFunction::QueryOperations, QueryFunction::QueryServerInformation],
            object_groups: None,
        }
        .into(),
        DiscoverVersionsRequest { protocol_version: vec![V2_0, V1_0] }.into(),
        RNGRetrieveRequest { data_length: 32 }.into(),
    ];
    asks.extend(objects(version).into_iter().map(|object| {
        let (object_type, attributes) = (object.object_type(), template());
        RegisterRequest { object_type, attributes, object, protection_storage_masks: masks(version) }.into()
    }));
    asks.extend(computations());
    asks.extend(crate::life::asks());
    asks
}

fn computations() -> [Request; 7] {
    [
        EncryptRequest {
            unique_identifier: which(),
            cryptographic_parameters: parameters(),
            data: secret(),
            iv_counter_nonce: bytes(),
            correlation_value: bytes(),
            init_indicator: Some(true),
            final_indicator: Some(false),
            authenticated_encryption_additional_data: bytes(),
        }
        .into(),
        DecryptRequest {
            unique_identifier: which(),
            cryptographic_parameters: parameters(),
            data: bytes(),
            iv_counter_nonce: bytes(),
            correlation_value: None,
            init_indicator: None,
            final_indicator: None,
            authenticated_encryption_additional_data: bytes(),
            authenticated_encryption_tag: bytes(),
        }
        .into(),
        SignRequest {
            unique_identifier: which(),
            cryptographic_parameters: parameters(),
            data: secret(),
            digested_data: secret(),
            correlation_value: None,
            init_indicator: None,
            final_indicator: None,
        }
        .into(),
        SignatureVerifyRequest {
            unique_identifier: which(),
            cryptographic_parameters: parameters(),
            data: secret(),
            digested_data: None,
            signature_data: bytes(),
            correlation_value: None,
            init_indicator: None,
            final_indicator: None,
        }
        .into(),
        MACRequest {
            unique_identifier: which(),
            cryptographic_parameters: parameters(),
            data: secret(),
            correlation_value: None,
            init_indicator: None,
            final_indicator: None,
        }
        .into(),
        MACVerifyRequest {
            unique_identifier: which(),
            cryptographic_parameters: None,
            data: secret(),
            mac_data: bytes(),
            correlation_value: None,
            init_indicator: None,
            final_indicator: None,
        }
        .into(),
        HashRequest {
            cryptographic_parameters: parameters().unwrap_or_default(),
            data: secret(),
            correlation_value: None,
            init_indicator: None,
            final_indicator: None,
        }
        .into(),
    ]
}

pub(crate) fn references() -> References {
    References(vec![Kind::from(Standard::State), Kind::from(Standard::Name), Kind::vendor("x", "own")])
}
