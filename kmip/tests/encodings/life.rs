//! Requests and answers about the life of objects, and about the rules for new ones.

use strongroom_kmip::{
    attribute::{Changed, DeactivationReason, Kind, Reference, Standard},
    code::*,
    object::{Certificate, CertificateRequest},
    operation::{Request, Response},
    payload::*,
    secret::Secret,
    ttlv::{Any, Bytes, DateTime, Interval},
};

use crate::samples::{attributes, found};

pub(crate) fn asks() -> Vec<Request> {
    let which = || Some("a".into());
    vec![
        ArchiveRequest { unique_identifier: which() }.into(),
        RecoverRequest { unique_identifier: which() }.into(),
        ObliterateRequest { unique_identifier: which() }.into(),
        ObtainLeaseRequest { unique_identifier: None }.into(),
        GetUsageAllocationRequest { unique_identifier: which(), usage_limits_count: 1 << 40 }.into(),
        CheckRequest {
            unique_identifier: which(),
            usage_limits_count: Some(7),
            cryptographic_usage_mask: Some(CryptographicUsageMask::Encrypt),
            lease_time: Some(Interval(60)),
        }
        .into(),
        AdjustAttributeRequest {
            unique_identifier: which(),
            attribute_reference: Reference(Standard::ProtectionPeriod.into()),
            adjustment_type: AdjustmentType::Increment,
            adjustment_value: Some(Any::of(&Interval(5))),
        }
        .into(),
        AdjustAttributeRequest {
            unique_identifier: which(),
            attribute_reference: Reference(Kind::vendor("x", "own")),
            adjustment_type: AdjustmentType::Negate,
            adjustment_value: None,
        }
        .into(),
        DeactivateRequest {
            unique_identifier: which(),
            deactivation_reason: Some(DeactivationReason {
                deactivation_reason_code: DeactivationReasonCode::UsageLimit,
                deactivation_message: Some("used up".into()),
            }),
        }
        .into(),
        PingRequest {}.into(),
        NotifyRequest {
            unique_identifier: found(),
            changed: Changed {
                attributes: attributes().into_iter().map(Into::into).collect(),
                deleted: vec![(Standard::ObjectGroup.into(), Some(2)), (Kind::vendor("x", "gone"), None)],
            },
        }
        .into(),
        PutRequest {
            unique_identifier: found(),
            put_function: PutFunction::Replace,
            replaced_unique_identifier: Some("old".into()),
            object: Certificate { certificate_type: CertificateType::X_509, certificate_value: Bytes(vec![0x30; 7]) }
                .into(),
            attributes: Some(attributes().into_iter().collect()),
        }
        .into(),
        LogRequest { log_message: "a word".into() }.into(),
        RNGSeedRequest { data: Secret::copy_of(&[9; 32]) }.into(),
        InteropRequest { interop_function: InteropFunction::Begin, interop_identifier: Some("BL-M-1-21".into()) }
            .into(),
        SetConstraintsRequest { constraints: Some(constraints()) }.into(),
        SetConstraintsRequest { constraints: None }.into(),
        GetConstraintsRequest {}.into(),
        SetDefaultsRequest {
            defaults_information: Some(DefaultsInformation {
                object_defaults: vec![ObjectDefaults {
                    object_type: None,
                    object_types: Some(ObjectTypes { object_type: vec![ObjectType::SecretData] }),
                    attributes: attributes().into_iter().collect(),
                    object_groups: Some(ObjectGroups { object_group: vec!["a group".into()] }),
                }],
            }),
        }
        .into(),
        ReProvisionRequest {
            certificate_request: Some(CertificateRequest {
                certificate_request_type: CertificateRequestType::PKCS_10,
                certificate_request_value: Bytes(vec![0x30, 0]),
            }),
            certificate: None,
        }
        .into(),
        ReProvisionRequest {
            certificate_request: None,
            certificate: Some(Certificate {
                certificate_type: CertificateType::X_509,
                certificate_value: Bytes(vec![0x30, 0]),
            }),
        }
        .into(),
    ]
}

pub(crate) fn answers() -> Vec<Response> {
    vec![
        ArchiveResponse { unique_identifier: found() }.into(),
        RecoverResponse { unique_identifier: found() }.into(),
        ObliterateResponse { unique_identifier: found() }.into(),
        ObtainLeaseResponse {
            unique_identifier: found(),
            lease_time: Interval(3600),
            last_change_date: DateTime(1_600_000_000),
        }
        .into(),
        GetUsageAllocationResponse { unique_identifier: found() }.into(),
        CheckResponse {
            unique_identifier: Some(found()),
            usage_limits_count: None,
            cryptographic_usage_mask: Some(CryptographicUsageMask::Decrypt),
            lease_time: Some(Interval(5)),
        }
        .into(),
        AdjustAttributeResponse { unique_identifier: found() }.into(),
        DeactivateResponse { unique_identifier: found() }.into(),
        PingResponse {}.into(),
        NotifyResponse {}.into(),
        PutResponse {}.into(),
        LogResponse {}.into(),
        RNGSeedResponse { data_length: 32 }.into(),
        InteropResponse {}.into(),
        SetConstraintsResponse {}.into(),
        GetConstraintsResponse { constraints: constraints() }.into(),
        SetDefaultsResponse {}.into(),
        ReProvisionResponse { unique_identifier: Some(found()) }.into(),
    ]
}

fn constraints() -> Constraints {
    let about = |object_groups| Constraint {
        object_types: Some(ObjectTypes { object_type: vec![ObjectType::SymmetricKey, ObjectType::PrivateKey] }),
        object_groups,
        attributes: Some(attributes().into_iter().collect()),
    };
    let grouped = Some(ObjectGroups { object_group: vec!["one".into(), "two".into()] });
    Constraints { constraint: vec![about(grouped), about(None)] }
}
