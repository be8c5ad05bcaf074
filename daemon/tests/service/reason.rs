//! Why requests are refused: every operation on an object, in every state, asked by everybody, in every version, held
//! against the specifications' error tables.

use strongroom::{
    caller::{Caller, Role},
    service::{Refusal, VERSIONS},
};
use strongroom_kmip::{
    attribute::{
        ApplicationSpecificInformation, Attribute, Instance, One, Reference, References, RevocationReason, Standard,
    },
    code::{AdjustmentType, CryptographicUsageMask, Operation, QueryFunction, ResultReason, RevocationReasonCode},
    operation::Request,
    payload::*,
    reason,
    secret::Secret,
    tag::Tag,
    ttlv::Bytes,
};

use crate::house::{House, aes, alice, bob, client};

/// A request about the object of this identifier.
type Step = fn(&str) -> Request;

/// How an object comes to stand where it does.
const STATES: &[(&str, &[Step])] = &[
    ("pre-active", &[]),
    ("active", &[activate]),
    ("deactivated", &[activate, retire]),
    ("compromised", &[compromise]),
    ("destroyed", &[destroy]),
    ("destroyed and compromised", &[compromise, destroy]),
    ("archived", &[activate, archive]),
    ("gone", &[obliterate]),
];

/// Operations on one object, with a request of each.
const OPERATIONS: &[Step] = &[
    activate,
    retire,
    compromise,
    destroy,
    archive,
    obliterate,
    |id| RecoverRequest { unique_identifier: Some(id.into()) }.into(),
    |id| DeactivateRequest { unique_identifier: Some(id.into()), deactivation_reason: None }.into(),
    |id| ObtainLeaseRequest { unique_identifier: Some(id.into()) }.into(),
    |id| GetUsageAllocationRequest { unique_identifier: Some(id.into()), usage_limits_count: 1 }.into(),
    |id| check(id, CryptographicUsageMask::Encrypt),
    |id| check(id, CryptographicUsageMask::CRLSign),
    |id| GetAttributeListRequest { unique_identifier: Some(id.into()) }.into(),
    |id| {
        let attribute_reference = References(vec![Standard::State.into()]);
        GetAttributesRequest { unique_identifier: Some(id.into()), attribute_reference }.into()
    },
    |id| add(id, Attribute::Comment("a word".to_owned())),
    |id| add(id, Attribute::AlwaysSensitive(true)),
    |id| add(id, Attribute::CryptographicLength(128)),
    |id| modify(id, Attribute::Comment("another".to_owned())),
    |id| modify(id, Attribute::CryptographicLength(128)),
    |id| {
        let new_attribute = One(Instance::from(Attribute::Sensitive(false)));
        SetAttributeRequest { unique_identifier: Some(id.into()), new_attribute }.into()
    },
    |id| {
        DeleteAttributeRequest {
            unique_identifier: Some(id.into()),
            attribute_name: None,
            attribute_index: None,
            current_attribute: None,
            attribute_reference: Some(Reference(Standard::Comment.into())),
        }
        .into()
    },
    |id| adjust(id, Standard::ProtectionPeriod),
    |id| adjust(id, Standard::Name),
    |id| adjust(id, Standard::InitialDate),
    |id| GetRequest { unique_identifier: Some(id.into()), ..GetRequest::default() }.into(),
    |id| {
        EncryptRequest {
            unique_identifier: Some(id.into()),
            data: Some(Secret::copy_of(&[7; 16])),
            ..EncryptRequest::default()
        }
        .into()
    },
    |id| {
        SignRequest {
            unique_identifier: Some(id.into()),
            data: Some(Secret::copy_of(&[7; 16])),
            ..SignRequest::default()
        }
        .into()
    },
    |id| {
        MACVerifyRequest {
            unique_identifier: Some(id.into()),
            cryptographic_parameters: None,
            data: Some(Secret::copy_of(&[7; 16])),
            mac_data: Some(Bytes(vec![7; 32])),
            correlation_value: None,
            init_indicator: None,
            final_indicator: None,
        }
        .into()
    },
];

fn activate(id: &str) -> Request {
    ActivateRequest { unique_identifier: Some(id.into()) }.into()
}

fn retire(id: &str) -> Request {
    revoke(id, RevocationReasonCode::Superseded)
}

fn compromise(id: &str) -> Request {
    revoke(id, RevocationReasonCode::KeyCompromise)
}

fn revoke(id: &str, code: RevocationReasonCode) -> Request {
    RevokeRequest {
        unique_identifier: Some(id.into()),
        revocation_reason: RevocationReason { revocation_reason_code: code, revocation_message: None },
        compromise_occurrence_date: None,
    }
    .into()
}

fn destroy(id: &str) -> Request {
    DestroyRequest { unique_identifier: Some(id.into()) }.into()
}

fn archive(id: &str) -> Request {
    ArchiveRequest { unique_identifier: Some(id.into()) }.into()
}

fn obliterate(id: &str) -> Request {
    ObliterateRequest { unique_identifier: Some(id.into()) }.into()
}

fn check(id: &str, mask: CryptographicUsageMask) -> Request {
    CheckRequest {
        unique_identifier: Some(id.into()),
        usage_limits_count: None,
        cryptographic_usage_mask: Some(mask),
        lease_time: None,
    }
    .into()
}

fn add(id: &str, attribute: Attribute) -> Request {
    AddAttributeRequest { unique_identifier: Some(id.into()), new_attribute: One(attribute.into()) }.into()
}

fn modify(id: &str, attribute: Attribute) -> Request {
    let new_attribute = One(attribute.into());
    ModifyAttributeRequest { unique_identifier: Some(id.into()), current_attribute: None, new_attribute }.into()
}

fn adjust(id: &str, standard: Standard) -> Request {
    AdjustAttributeRequest {
        unique_identifier: Some(id.into()),
        attribute_reference: Reference(standard.into()),
        adjustment_type: AdjustmentType::Increment,
        adjustment_value: None,
    }
    .into()
}

fn callers() -> [Caller; 4] {
    [alice(), bob(), client("root", Role::Administrator), client("ann", Role::Auditor)]
}

/// Asks everything of objects in every state, as everybody, and hands what came of it to `judge`.
fn everything(judge: impl Fn(&str, &Caller, Operation, Result<(), Refusal>)) {
    let house = House::new();
    let mut number = 0;
    for (state, way) in STATES {
        for request in OPERATIONS {
            for caller in callers() {
                number += 1;
                let id = house.ask(&alice(), aes(&format!("k{number}"))).unwrap().unique_identifier.0;
                for step in *way {
                    house.request(&alice(), step(&id)).unwrap();
                }
                let request = request(&id);
                let operation = request.operation();
                judge(state, &caller, operation, house.request(&caller, request).map(|_| ()));
            }
        }
    }
}

#[test]
fn every_refusal_gives_a_reason_that_the_versions_table_lists() {
    everything(|state, caller, operation, outcome| {
        let Err(refusal) = outcome else { return };
        for version in VERSIONS {
            let told = refusal.told(operation, *version);
            let who = &caller.principal;
            assert!(
                reason::may(operation, *version, told),
                "{operation} of a {state} key by {who} in KMIP {version}: {told}, from {:?}",
                refusal.reason
            );
        }
    });
}

#[test]
fn whoever_may_not_see_an_object_is_told_what_is_told_of_none() {
    everything(|state, caller, operation, outcome| {
        if *caller == bob() {
            let refusal = outcome.expect_err("it is another's");
            let absent = Refusal::absent();
            assert_eq!(
                (refusal.reason, refusal.message),
                (absent.reason, absent.message),
                "{operation} of a {state} key"
            );
        }
    });
}

#[test]
fn what_is_told_is_what_the_tables_say() {
    use Operation as O;
    use ResultReason as R;
    use strongroom_kmip::version::{V1_0, V1_4, V2_0, V2_1};
    for (operation, why, older, newer) in [
        (O::Activate, R::WrongKeyLifecycleState, R::PermissionDenied, R::WrongKeyLifecycleState),
        (O::Activate, R::InvalidObjectType, R::IllegalOperation, R::InvalidObjectType),
        (O::Revoke, R::InvalidObjectType, R::IllegalOperation, R::InvalidObjectType),
        (O::Check, R::IllegalObjectType, R::IllegalOperation, R::IllegalObjectType),
        (O::Check, R::IncompatibleCryptographicUsageMask, R::PermissionDenied, R::IncompatibleCryptographicUsageMask),
        (O::Create, R::InvalidObjectType, R::InvalidField, R::InvalidObjectType),
        (O::Get, R::ItemNotFound, R::ItemNotFound, R::ObjectNotFound),
        (O::Get, R::ObjectArchived, R::ObjectArchived, R::ObjectArchived),
        (O::AddAttribute, R::AttributeReadOnly, R::PermissionDenied, R::ReadOnlyAttribute),
        (O::ModifyAttribute, R::AttributeReadOnly, R::PermissionDenied, R::AttributeReadOnly),
        (O::ModifyAttribute, R::AttributeNotFound, R::ItemNotFound, R::AttributeNotFound),
        (O::GetUsageAllocation, R::UsageLimitExceeded, R::PermissionDenied, R::UsageLimitExceeded),
        (O::GetUsageAllocation, R::WrongKeyLifecycleState, R::PermissionDenied, R::PermissionDenied),
        (O::Locate, R::InvalidAttributeValue, R::InvalidField, R::InvalidAttribute),
    ] {
        let refusal = Refusal::new(why, "");
        for (version, expected) in [(V1_0, older), (V1_4, older), (V2_0, newer), (V2_1, newer)] {
            assert_eq!(refusal.told(operation, version), expected, "{operation}, {why} in KMIP {version}");
        }
    }
}

#[test]
fn what_an_application_calls_an_object_is_for_the_application_to_say() {
    let house = House::new();
    let named = |application_data: Option<&str>| {
        Attribute::ApplicationSpecificInformation(ApplicationSpecificInformation {
            application_namespace: "library".to_owned(),
            application_data: application_data.map(str::to_owned),
        })
    };
    let mut born = aes("born");
    born.attributes.attributes.push(Instance::from(named(None)));
    let refused = house.ask(&alice(), born).unwrap_err();
    assert_eq!(refused.reason, ResultReason::ApplicationNamespaceNotSupported);
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let refused = house.request(&alice(), add(&id, named(None))).unwrap_err();
    assert_eq!(refused.reason, ResultReason::ApplicationNamespaceNotSupported);
    house.request(&alice(), add(&id, named(Some("tape 7")))).unwrap();
}

#[test]
fn query_tells_nothing_of_what_there_is_none_of() {
    let house = House::new();
    let asked = |query_function| {
        let answer = house.ask(&alice(), QueryRequest { query_function, object_groups: None });
        format!("{:?}", answer.unwrap())
    };
    let empty = asked(Vec::new());
    for (name, function) in [
        ("namespaces that data is made for", QueryFunction::QueryApplicationNamespaces),
        ("items of the server's own, by name", QueryFunction::QueryExtensionList),
        ("items of the server's own, with their tags", QueryFunction::QueryExtensionMap),
        ("ways to attest", QueryFunction::QueryAttestationTypes),
        ("validations", QueryFunction::QueryValidations),
    ] {
        assert_eq!(asked(vec![function]), empty, "{name}");
    }
    let own = (0..=0xFFFF).map(|number| Tag(0x54_0000 | number)).filter(|tag| tag.text().is_some()).collect::<Vec<_>>();
    assert!(
        own.is_empty(),
        "the table of tags has items of the server's own, and Query does not tell of them: {own:?}"
    );
}
