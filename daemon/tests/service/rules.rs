//! What new objects must be and are where a client does not say, and the tests of interoperability events.

use strongroom::caller::{Caller, Role};
use strongroom_kmip::{
    attribute::{Attribute, Listed, References, Standard},
    code::Operation,
    code::{CryptographicAlgorithm, InteropFunction, ObjectType, QueryFunction, ResultReason},
    payload::*,
};

use crate::house::{House, aes, alice, bob, client};

fn constraint(group: Option<&str>, bits: &[i32]) -> Constraint {
    let algorithm = Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES);
    let lengths = bits.iter().copied().map(Attribute::CryptographicLength);
    Constraint {
        object_types: Some(ObjectTypes { object_type: vec![ObjectType::SymmetricKey] }),
        object_groups: group.map(|group| ObjectGroups { object_group: vec![group.to_owned()] }),
        attributes: Some([algorithm].into_iter().chain(lengths).collect()),
    }
}

fn constrain(house: &House, caller: &Caller, constraint: Vec<Constraint>) {
    house.ask(caller, SetConstraintsRequest { constraints: Some(Constraints { constraint }) }).unwrap();
}

/// Whether alice may make an AES key of so many bits in this group.
fn makes(house: &House, caller: &Caller, group: Option<&str>, bits: i32) -> Result<(), ResultReason> {
    let mut request = aes("unused");
    request
        .attributes
        .attributes
        .retain(|instance| !matches!(instance.attribute, Attribute::Name(_) | Attribute::CryptographicLength(_)));
    request.attributes.attributes.push(Attribute::CryptographicLength(bits).into());
    request.attributes.attributes.extend(group.map(|group| Attribute::ObjectGroup(group.to_owned()).into()));
    house.ask(caller, request).map(|_| ()).map_err(|refusal| refusal.reason)
}

#[test]
fn constraints_hold_and_those_of_a_group_stand_above_those_of_all() {
    let house = House::new();
    constrain(&house, &alice(), vec![constraint(Some("vaulted"), &[256]), constraint(None, &[192, 128])]);
    let violated = Err(ResultReason::ConstraintViolation);
    for (why, group, bits, expected) in [
        ("one of the lengths for all", None, 192, Ok(())),
        ("the other length for all", None, 128, Ok(())),
        ("the group's length outside of it", None, 256, violated),
        ("the group's length in it", Some("vaulted"), 256, Ok(())),
        ("another length in the group", Some("vaulted"), 192, violated),
        ("a group that no constraint is about", Some("other"), 256, violated),
    ] {
        assert_eq!(makes(&house, &alice(), group, bits), expected, "{why}");
    }
    let answer = house.ask(&alice(), GetConstraintsRequest {}).unwrap();
    assert_eq!(answer.constraints.constraint.len(), 2);
    house.ask(&alice(), SetConstraintsRequest { constraints: None }).unwrap();
    assert_eq!(makes(&house, &alice(), None, 256), Ok(()));
}

#[test]
fn a_clients_rules_are_its_own_and_an_administrators_are_everybodys() {
    let house = House::new();
    constrain(&house, &bob(), vec![constraint(None, &[128])]);
    assert_eq!(makes(&house, &alice(), None, 256), Ok(()));
    constrain(&house, &client("root", Role::Administrator), vec![constraint(None, &[192])]);
    assert_eq!(makes(&house, &alice(), None, 256), Err(ResultReason::ConstraintViolation));
    assert_eq!(makes(&house, &bob(), None, 192), Err(ResultReason::ConstraintViolation), "his own hold too");
    house.ask(&bob(), SetConstraintsRequest { constraints: None }).unwrap();
    assert_eq!(makes(&house, &bob(), None, 192), Ok(()));
    assert_eq!(house.ask(&alice(), GetConstraintsRequest {}).unwrap().constraints.constraint.len(), 1);
    let auditor = client("ann", Role::Auditor);
    assert!(house.ask(&auditor, SetConstraintsRequest { constraints: None }).is_err());
}

#[test]
fn rules_without_end_or_about_nothing_are_refused() {
    let house = House::new();
    let set = |constraint| house.ask(&alice(), SetConstraintsRequest { constraints: Some(Constraints { constraint }) });
    let many = (0..2000).map(|_| constraint(None, &[128])).collect();
    assert_eq!(set(many).unwrap_err().reason, ResultReason::InvalidField);
    let object_types = Some(ObjectTypes { object_type: vec![ObjectType(0x77)] });
    let nothing = vec![Constraint { object_types, ..constraint(None, &[128]) }];
    assert_eq!(set(nothing).unwrap_err().reason, ResultReason::InvalidObjectType);
}

fn defaults(attributes: Vec<Attribute>) -> SetDefaultsRequest {
    SetDefaultsRequest {
        defaults_information: Some(DefaultsInformation {
            object_defaults: vec![ObjectDefaults {
                object_type: Some(ObjectType::SymmetricKey),
                object_types: None,
                attributes: attributes.into_iter().collect(),
                object_groups: None,
            }],
        }),
    }
}

#[test]
fn defaults_stand_where_the_client_gives_nothing() {
    let house = House::new();
    let wanted = vec![Attribute::Comment("by default".into()), Attribute::CryptographicLength(128)];
    house.ask(&alice(), defaults(wanted)).unwrap();
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let attribute_reference = References(vec![Standard::Comment.into(), Standard::CryptographicLength.into()]);
    let get = GetAttributesRequest { unique_identifier: Some(id.as_str().into()), attribute_reference };
    let Listed(has) = house.ask(&alice(), get).unwrap().attributes;
    let has: Vec<_> = has.into_iter().map(|instance| instance.attribute).collect();
    assert_eq!(has, [Attribute::Comment("by default".into()), Attribute::CryptographicLength(256)]);
    let query = || QueryRequest { query_function: vec![QueryFunction::QueryDefaultsInformation], object_groups: None };
    let told =
        |caller: &Caller| house.ask(caller, query()).unwrap().defaults_information.unwrap().object_defaults.len();
    assert_eq!((told(&alice()), told(&bob())), (1, 0));
    house.ask(&alice(), SetDefaultsRequest { defaults_information: None }).unwrap();
    assert_eq!(told(&alice()), 0);
}

#[test]
fn no_default_sets_what_only_the_server_sets() {
    let house = House::new();
    let refused = house.ask(&alice(), defaults(vec![Attribute::AlwaysSensitive(true)])).unwrap_err();
    assert_eq!(refused.reason, ResultReason::InvalidField);
}

fn interop(function: InteropFunction, name: &str) -> InteropRequest {
    InteropRequest { interop_function: function, interop_identifier: Some(name.to_owned()) }
}

#[test]
fn tests_begin_and_end_in_conformance_mode_alone() {
    let house = House::new();
    let refused = house.ask(&alice(), interop(InteropFunction::Begin, "one")).unwrap_err();
    assert_eq!(refused.reason, ResultReason::OperationNotSupported);
    let query = || QueryRequest { query_function: vec![QueryFunction::QueryOperations], object_groups: None };
    assert!(!house.ask(&alice(), query()).unwrap().operation.contains(&Operation::Interop));
    let house = House::conforming();
    assert!(house.ask(&alice(), query()).unwrap().operation.contains(&Operation::Interop));
    assert!(house.ask(&alice(), interop(InteropFunction::End, "one")).is_err(), "it has not begun");
    house.ask(&alice(), interop(InteropFunction::Begin, "one")).unwrap();
    assert!(house.ask(&alice(), interop(InteropFunction::End, "two")).is_err());
    assert!(house.ask(&bob(), interop(InteropFunction::End, "one")).is_err(), "it is alice's");
    house.ask(&alice(), interop(InteropFunction::End, "one")).unwrap();
    assert!(house.ask(&alice(), interop(InteropFunction::End, "one")).is_err());
}

#[test]
fn a_reset_leaves_nothing_of_the_callers_and_all_of_anothers() {
    let house = House::conforming();
    let (own, others) = (house.aes(&alice(), "k"), house.aes(&bob(), "k"));
    constrain(&house, &alice(), vec![constraint(None, &[128])]);
    house.ask(&alice(), interop(InteropFunction::Reset, "")).unwrap();
    let get = |id: &str| GetAttributeListRequest { unique_identifier: Some(id.into()) };
    assert_eq!(house.ask(&alice(), get(&own)).unwrap_err().reason, ResultReason::ItemNotFound);
    house.ask(&bob(), get(&others)).unwrap();
    house.aes(&alice(), "k");
}
