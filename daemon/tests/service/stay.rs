//! Where objects are kept and for how long they may be relied on: archive, lease, usage, adjustment.

use strongroom::{caller::Role, service::Refusal};
use strongroom_kmip::{
    attribute::{Attribute, Instance, Kind, One, Reference, References, Standard, UsageLimits},
    attribute::{CryptographicParameters, DeactivationReason, Listed},
    code::{
        AdjustmentType, BlockCipherMode, CryptographicUsageMask, DeactivationReasonCode, ResultReason, State,
        StorageStatusMask, UsageLimitsUnit,
    },
    operation::Ask,
    payload::*,
    secret::Secret,
    ttlv::{Any, DateTime, Interval},
    version::{V1_4, V3_0},
};

use crate::house::{House, NOON, aes, alice, bob, client};

fn attribute(house: &House, id: &str, standard: Standard) -> Option<Attribute> {
    let request = GetAttributesRequest {
        unique_identifier: Some(id.into()),
        attribute_reference: References(vec![standard.into()]),
    };
    house.ask(&alice(), request).unwrap().attributes.0.into_iter().next().map(|instance| instance.attribute)
}

fn reason<A: Ask>(house: &House, request: A) -> ResultReason {
    match house.ask(&alice(), request) {
        Ok(_) => panic!("it was done"),
        Err(Refusal { reason, .. }) => reason,
    }
}

fn encrypt(id: &str, data: &[u8]) -> EncryptRequest {
    EncryptRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(CryptographicParameters {
            block_cipher_mode: Some(BlockCipherMode::GCM),
            random_iv: Some(true),
            iv_length: Some(96),
            tag_length: Some(16),
            ..CryptographicParameters::default()
        }),
        data: Some(Secret::copy_of(data)),
        ..EncryptRequest::default()
    }
}

/// An Active AES key of alice's with these limits.
fn limited(house: &House, total: i64, unit: UsageLimitsUnit) -> String {
    let limits =
        UsageLimits { usage_limits_total: total, usage_limits_count: Some(1_000_000), usage_limits_unit: unit };
    let mut request = aes("limited");
    request.attributes.attributes.push(Attribute::UsageLimits(limits).into());
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    id
}

fn left(house: &House, id: &str) -> i64 {
    match attribute(house, id, Standard::UsageLimits) {
        Some(Attribute::UsageLimits(limits)) => limits.usage_limits_count.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn allocate(id: &str, count: i64) -> GetUsageAllocationRequest {
    GetUsageAllocationRequest { unique_identifier: Some(id.into()), usage_limits_count: count }
}

#[test]
fn an_archived_object_is_looked_at_and_recovered_and_nothing_else() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let which = || Some(id.as_str().into());
    house.ask(&alice(), ArchiveRequest { unique_identifier: which() }).unwrap();
    assert_eq!(attribute(&house, &id, Standard::ArchiveDate), Some(Attribute::ArchiveDate(DateTime(NOON))));
    let get = || GetRequest { unique_identifier: which(), ..GetRequest::default() };
    let archived = ResultReason::ObjectArchived;
    assert_eq!(reason(&house, get()), archived);
    assert_eq!(reason(&house, encrypt(&id, b"x")), archived);
    assert_eq!(reason(&house, ArchiveRequest { unique_identifier: which() }), archived);
    assert_eq!(reason(&house, DestroyRequest { unique_identifier: which() }), archived);
    assert_eq!(reason(&house, ObliterateRequest { unique_identifier: which() }), archived);
    assert_eq!(reason(&house, ObtainLeaseRequest { unique_identifier: which() }), archived);
    let new_attribute = One(Instance::from(Attribute::Comment("no".into())));
    assert_eq!(reason(&house, SetAttributeRequest { unique_identifier: which(), new_attribute }), archived);
    house.ask(&alice(), RecoverRequest { unique_identifier: which() }).unwrap();
    assert_eq!(attribute(&house, &id, Standard::ArchiveDate), None);
    house.ask(&alice(), get()).unwrap();
    house.ask(&alice(), RecoverRequest { unique_identifier: which() }).unwrap();
}

#[test]
fn archived_objects_are_found_only_by_who_looks_in_the_archive() {
    let house = House::new();
    let (here, away) = (house.aes(&alice(), "here"), house.aes(&alice(), "away"));
    house.ask(&alice(), ArchiveRequest { unique_identifier: Some(away.as_str().into()) }).unwrap();
    let found = |mask| {
        let request =
            LocateRequest { storage_status_mask: mask, attributes: Listed::default(), ..LocateRequest::default() };
        let found = house.ask(&alice(), request).unwrap().unique_identifier;
        found.into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    assert_eq!(found(None), std::slice::from_ref(&here));
    assert_eq!(found(Some(StorageStatusMask::OnLineStorage)), std::slice::from_ref(&here));
    assert_eq!(found(Some(StorageStatusMask::ArchivalStorage)), std::slice::from_ref(&away));
    assert_eq!(found(Some(StorageStatusMask::OnLineStorage | StorageStatusMask::ArchivalStorage)), [away, here]);
}

#[test]
fn what_is_archived_keeps_its_name() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    house.ask(&alice(), ArchiveRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    assert_eq!(reason(&house, aes("k")), ResultReason::NonUniqueNameAttribute);
}

#[test]
fn nobody_archives_or_recovers_what_is_anothers() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let which = || Some(id.as_str().into());
    for caller in [bob(), client("ann", Role::Auditor)] {
        assert!(house.ask(&caller, ArchiveRequest { unique_identifier: which() }).is_err(), "{caller:?}");
    }
    house.ask(&client("root", Role::Administrator), ArchiveRequest { unique_identifier: which() }).unwrap();
    assert!(house.ask(&bob(), RecoverRequest { unique_identifier: which() }).is_err());
}

#[test]
fn a_lease_ends_no_later_than_the_object() {
    let house = House::new();
    let mut request = aes("k");
    request.attributes.attributes.push(Attribute::ActivationDate(DateTime(NOON)).into());
    request.attributes.attributes.push(Attribute::DeactivationDate(DateTime(NOON + 100)).into());
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    let lease = || ObtainLeaseRequest { unique_identifier: Some(id.as_str().into()) };
    let answer = house.ask(&alice(), lease()).unwrap();
    assert_eq!((answer.lease_time, answer.last_change_date), (Interval(100), DateTime(NOON)));
    house.clock.advance(40_000);
    assert_eq!(house.ask(&alice(), lease()).unwrap().lease_time, Interval(60));
    let endless = house.aes(&alice(), "other");
    let answer = house.ask(&alice(), ObtainLeaseRequest { unique_identifier: Some(endless.as_str().into()) }).unwrap();
    assert_eq!(answer.lease_time, Interval(3600));
}

#[test]
fn every_unit_of_a_limited_key_is_counted_once() {
    let house = House::new();
    let id = limited(&house, 10, UsageLimitsUnit::Byte);
    assert_eq!(left(&house, &id), 10, "whatever count the client gave");
    house.ask(&alice(), encrypt(&id, b"four")).unwrap();
    assert_eq!(left(&house, &id), 6);
    house.ask(&alice(), allocate(&id, 5)).unwrap();
    assert_eq!(left(&house, &id), 1);
    assert_eq!(reason(&house, encrypt(&id, b"ab")), ResultReason::UsageLimitExceeded);
    assert_eq!(reason(&house, allocate(&id, 2)), ResultReason::UsageLimitExceeded);
    assert_eq!(left(&house, &id), 1, "what was refused took nothing");
    house.ask(&alice(), encrypt(&id, b"a")).unwrap();
    assert_eq!(left(&house, &id), 0);
}

#[test]
fn objects_are_counted_by_the_call_and_opening_them_is_free() {
    let house = House::new();
    let id = limited(&house, 2, UsageLimitsUnit::Object);
    let sealed = house.ask(&alice(), encrypt(&id, &[7; 1000])).unwrap();
    let decrypt = || DecryptRequest {
        unique_identifier: Some(id.as_str().into()),
        cryptographic_parameters: encrypt(&id, b"").cryptographic_parameters,
        data: sealed.data.clone(),
        iv_counter_nonce: sealed.iv_counter_nonce.clone(),
        authenticated_encryption_tag: sealed.authenticated_encryption_tag.clone(),
        ..DecryptRequest::default()
    };
    house.ask(&alice(), decrypt()).unwrap();
    house.ask(&alice(), decrypt()).unwrap();
    assert_eq!(left(&house, &id), 1);
    house.ask(&alice(), encrypt(&id, b"")).unwrap();
    assert_eq!(reason(&house, encrypt(&id, b"")), ResultReason::UsageLimitExceeded);
}

#[test]
fn a_message_in_parts_is_counted_whole() {
    let house = House::new();
    let id = limited(&house, 10, UsageLimitsUnit::Byte);
    let first = EncryptRequest { init_indicator: Some(true), ..encrypt(&id, b"four") };
    let correlation = house.ask(&alice(), first).unwrap().correlation_value;
    let further = |data: &[u8]| EncryptRequest {
        cryptographic_parameters: None,
        correlation_value: correlation.clone(),
        ..encrypt(&id, data)
    };
    house.ask(&alice(), further(b"four")).unwrap();
    assert_eq!(left(&house, &id), 2);
    assert_eq!(reason(&house, further(b"four")), ResultReason::UsageLimitExceeded);
}

#[test]
fn limits_stay_as_they_are_once_something_is_used() {
    let house = House::new();
    let id = limited(&house, 10, UsageLimitsUnit::Byte);
    let new = |total| {
        let limits = UsageLimits {
            usage_limits_total: total,
            usage_limits_count: Some(3),
            usage_limits_unit: UsageLimitsUnit::Byte,
        };
        let new_attribute = One(Instance::from(Attribute::UsageLimits(limits)));
        SetAttributeRequest { unique_identifier: Some(id.as_str().into()), new_attribute }
    };
    house.ask(&alice(), new(20)).unwrap();
    assert_eq!(left(&house, &id), 20);
    assert_eq!(reason(&house, new(0)), ResultReason::InvalidAttributeValue);
    house.ask(&alice(), allocate(&id, 1)).unwrap();
    assert_eq!(reason(&house, new(30)), ResultReason::AttributeReadOnly);
    let delete = DeleteAttributeRequest {
        unique_identifier: Some(id.as_str().into()),
        attribute_name: None,
        attribute_index: None,
        current_attribute: None,
        attribute_reference: Some(Reference(Standard::UsageLimits.into())),
    };
    assert_eq!(reason(&house, delete), ResultReason::AttributeReadOnly);
}

#[test]
fn an_allocation_is_given_only_of_what_is_limited_and_protects_now() {
    let house = House::new();
    let unlimited = house.aes(&alice(), "k");
    assert_eq!(reason(&house, allocate(&unlimited, 1)), ResultReason::AttributeNotFound);
    let id = limited(&house, 10, UsageLimitsUnit::Object);
    assert_eq!(reason(&house, allocate(&id, 0)), ResultReason::InvalidField);
    assert_eq!(reason(&house, allocate(&id, -5)), ResultReason::InvalidField);
    let stop = One(Instance::from(Attribute::ProtectStopDate(DateTime(NOON + 5))));
    house
        .ask(&alice(), SetAttributeRequest { unique_identifier: Some(id.as_str().into()), new_attribute: stop })
        .unwrap();
    house.clock.advance(5_000);
    assert_eq!(reason(&house, allocate(&id, 1)), ResultReason::WrongKeyLifecycleState);
    assert!(house.ask(&bob(), allocate(&id, 1)).is_err());
}

#[test]
fn a_check_says_what_speaks_against_the_use_and_takes_nothing() {
    let house = House::new();
    let id = limited(&house, 10, UsageLimitsUnit::Object);
    let check = || CheckRequest {
        unique_identifier: Some(id.as_str().into()),
        usage_limits_count: None,
        cryptographic_usage_mask: None,
        lease_time: None,
    };
    let (encrypt, sign) = (CryptographicUsageMask::Encrypt, CryptographicUsageMask::Sign);
    for (why, request, expected) in [
        ("nothing asked", check(), None),
        ("a use it has", CheckRequest { cryptographic_usage_mask: Some(encrypt), ..check() }, None),
        (
            "a use it has not",
            CheckRequest { cryptographic_usage_mask: Some(encrypt | sign), ..check() },
            Some(ResultReason::IncompatibleCryptographicUsageMask),
        ),
        ("all that is left", CheckRequest { usage_limits_count: Some(10), ..check() }, None),
        (
            "more than is left",
            CheckRequest { usage_limits_count: Some(11), ..check() },
            Some(ResultReason::UsageLimitExceeded),
        ),
        ("the lease there is", CheckRequest { lease_time: Some(Interval(3600)), ..check() }, None),
        (
            "a longer lease",
            CheckRequest { lease_time: Some(Interval(3601)), ..check() },
            Some(ResultReason::PermissionDenied),
        ),
    ] {
        let answer = house.ask(&alice(), request);
        assert_eq!(answer.err().map(|refusal| refusal.reason), expected, "{why}");
    }
    assert_eq!(left(&house, &id), 10);
}

#[test]
fn numbers_are_adjusted_within_their_range() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let adjust = |kind: Kind, how, by: Option<Any>| AdjustAttributeRequest {
        unique_identifier: Some(id.as_str().into()),
        attribute_reference: Reference(kind),
        adjustment_type: how,
        adjustment_value: by,
    };
    let (more, less) = (AdjustmentType::Increment, AdjustmentType::Decrement);
    let period = || Kind::from(Standard::ProtectionPeriod);
    assert_eq!(reason(&house, adjust(period(), less, None)), ResultReason::NumericRange, "below nought");
    house.ask(&alice(), adjust(period(), more, None)).unwrap();
    house.ask(&alice(), adjust(period(), more, Some(Any::of(&Interval(5))))).unwrap();
    let now = attribute(&house, &id, Standard::ProtectionPeriod);
    assert_eq!(now, Some(Attribute::ProtectionPeriod(Interval(6))));
    assert_eq!(reason(&house, adjust(period(), AdjustmentType::Negate, None)), ResultReason::InvalidDataType);
    house.ask(&alice(), adjust(Standard::QuantumSafe.into(), AdjustmentType::Negate, None)).unwrap();
    assert_eq!(attribute(&house, &id, Standard::QuantumSafe), Some(Attribute::QuantumSafe(true)));
    for (why, kind, expected) in [
        ("the server's alone", Kind::from(Standard::InitialDate), ResultReason::AttributeReadOnly),
        ("a text", Kind::from(Standard::Name), ResultReason::InvalidDataType),
        ("a mask", Kind::from(Standard::CryptographicUsageMask), ResultReason::AttributeReadOnly),
        ("a date that is not there", Kind::from(Standard::DeactivationDate), ResultReason::AttributeNotFound),
        ("a vendor's that is not there", Kind::vendor("x", "own"), ResultReason::AttributeNotFound),
        ("none at all", Kind::Unknown("Nothing".into()), ResultReason::AttributeNotFound),
    ] {
        assert_eq!(reason(&house, adjust(kind, more, None)), expected, "{why}");
    }
}

#[test]
fn a_deactivated_object_says_why() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let deactivate = || DeactivateRequest {
        unique_identifier: Some(id.as_str().into()),
        deactivation_reason: Some(DeactivationReason {
            deactivation_reason_code: DeactivationReasonCode::UsageLimit,
            deactivation_message: None,
        }),
    };
    house.ask_in(V3_0, &alice(), deactivate()).unwrap();
    assert_eq!(attribute(&house, &id, Standard::State), Some(Attribute::State(State::Deactivated)));
    assert!(house.ask_in(V3_0, &alice(), deactivate()).is_err());
    assert!(attribute(&house, &id, Standard::DeactivationReason).is_some());
}

#[test]
fn nothing_stays_of_what_is_obliterated() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let obliterate = || ObliterateRequest { unique_identifier: Some(id.as_str().into()) };
    assert_eq!(reason(&house, obliterate()), ResultReason::WrongKeyLifecycleState, "it is active");
    house
        .ask_in(
            V3_0,
            &alice(),
            DeactivateRequest { unique_identifier: Some(id.as_str().into()), deactivation_reason: None },
        )
        .unwrap();
    assert!(house.ask(&bob(), obliterate()).is_err());
    house.ask(&alice(), obliterate()).unwrap();
    assert_eq!(reason(&house, obliterate()), ResultReason::ItemNotFound);
    house.ask(&alice(), aes("k")).unwrap();
}

#[test]
fn a_seed_is_taken_whole_from_whoever_may_change_something() {
    let house = House::new();
    let seed = || RNGSeedRequest { data: Secret::copy_of(&[5; 40]) };
    assert_eq!(house.ask_in(V1_4, &alice(), seed()).unwrap().data_length, 40);
    assert!(house.ask(&client("ann", Role::Auditor), seed()).is_err());
}

#[test]
fn a_message_for_the_log_is_short() {
    let house = House::new();
    house.ask(&alice(), LogRequest { log_message: "a word\nERROR no line of ours".into() }).unwrap();
    assert_eq!(reason(&house, LogRequest { log_message: "x".repeat(1025) }), ResultReason::InvalidField);
    house.ask(&alice(), PingRequest {}).unwrap();
}
