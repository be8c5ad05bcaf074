//! The life of an object: from creation to destruction, with its dates and its names.

use strongroom_kmip::{
    attribute::References,
    attribute::{Attribute, Instance, Name, One, RevocationReason},
    code::{ResultReason, RevocationReasonCode, State},
    payload::{
        ActivateRequest, AddAttributeRequest, ArchiveRequest, DestroyRequest, EncryptRequest, GetAttributesRequest,
        GetRequest, ModifyAttributeRequest, RevokeRequest, SetAttributeRequest,
    },
    secret::Secret,
    ttlv::DateTime,
    version::{V1_2, V2_1},
};

use crate::house::{House, NOON, aes, alice};

fn state(house: &House, id: &str) -> State {
    let request = GetAttributesRequest { unique_identifier: Some(id.into()), attribute_reference: References(vec![]) };
    let answer = house.ask(&alice(), request).unwrap();
    let mut states = answer.attributes.0.into_iter().filter_map(|instance| match instance.attribute {
        Attribute::State(state) => Some(state),
        _ => None,
    });
    states.next().unwrap()
}

fn revoke(id: &str, code: RevocationReasonCode) -> RevokeRequest {
    RevokeRequest {
        unique_identifier: Some(id.into()),
        revocation_reason: RevocationReason { revocation_reason_code: code, revocation_message: None },
        compromise_occurrence_date: None,
    }
}

fn destroy(id: &str) -> DestroyRequest {
    DestroyRequest { unique_identifier: Some(id.into()) }
}

fn encrypt(id: &str) -> EncryptRequest {
    EncryptRequest {
        unique_identifier: Some(id.into()),
        data: Some(Secret::copy_of(b"plain")),
        ..EncryptRequest::default()
    }
}

#[test]
fn an_object_lives_through_its_states_and_leaves_its_attributes() {
    let house = House::new();
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    assert_eq!(state(&house, &id), State::PreActive);
    assert_eq!(house.ask(&alice(), encrypt(&id)).unwrap_err().reason, ResultReason::WrongKeyLifecycleState);
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    assert!(house.ask(&alice(), encrypt(&id)).is_ok());
    assert_eq!(house.ask(&alice(), destroy(&id)).unwrap_err().reason, ResultReason::WrongKeyLifecycleState);
    house.ask(&alice(), revoke(&id, RevocationReasonCode::CessationOfOperation)).unwrap();
    assert_eq!(state(&house, &id), State::Deactivated);
    house.ask(&alice(), destroy(&id)).unwrap();
    assert_eq!(state(&house, &id), State::Destroyed);
    assert_eq!(house.ask(&alice(), encrypt(&id)).unwrap_err().reason, ResultReason::ObjectDestroyed);
    let get = GetRequest { unique_identifier: Some(id.as_str().into()), ..GetRequest::default() };
    assert_eq!(house.ask(&alice(), get).unwrap_err().reason, ResultReason::ObjectDestroyed);
}

#[test]
fn dates_act_without_a_request() {
    let house = House::new();
    let mut request = aes("k");
    request.attributes.attributes.push(Attribute::ActivationDate(DateTime(NOON + 10)).into());
    request.attributes.attributes.push(Attribute::DeactivationDate(DateTime(NOON + 20)).into());
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    assert_eq!(state(&house, &id), State::PreActive);
    house.clock.advance(10_000);
    assert_eq!(state(&house, &id), State::Active);
    assert!(house.ask(&alice(), encrypt(&id)).is_ok());
    house.clock.advance(10_000);
    assert_eq!(state(&house, &id), State::Deactivated);
    assert!(house.ask(&alice(), encrypt(&id)).is_err());
}

#[test]
fn an_older_peer_is_told_reasons_that_it_knows() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let refusal = house.ask(&alice(), destroy(&id)).unwrap_err();
    assert_eq!(refusal.spoken(V2_1), ResultReason::WrongKeyLifecycleState);
    assert_eq!(refusal.spoken(V1_2), ResultReason::PermissionDenied);
}

#[test]
fn a_name_belongs_to_one_living_object_of_its_owner() {
    let house = House::new();
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    assert_eq!(house.ask(&alice(), aes("k")).unwrap_err().reason, ResultReason::NonUniqueNameAttribute);
    assert!(house.ask(&crate::house::bob(), aes("k")).is_ok(), "another owner's names are another matter");
    house.ask(&alice(), destroy(&id)).unwrap();
    assert!(house.ask(&alice(), aes("k")).is_ok(), "the name of a destroyed object is free");
}

#[test]
fn what_only_the_server_sets_no_client_sets() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    for attribute in [
        Attribute::State(State::PreActive),
        Attribute::InitialDate(DateTime(0)),
        Attribute::AlwaysSensitive(true),
        Attribute::LastChangeDate(DateTime(0)),
    ] {
        let one = || One(Instance { index: None, attribute: attribute.clone() });
        let subject = || Some(id.as_str().into());
        let add = AddAttributeRequest { unique_identifier: subject(), new_attribute: one() };
        let modify =
            ModifyAttributeRequest { unique_identifier: subject(), current_attribute: None, new_attribute: one() };
        let set = SetAttributeRequest { unique_identifier: subject(), new_attribute: one() };
        assert!(house.ask(&alice(), add).is_err(), "add {attribute:?}");
        assert!(house.ask(&alice(), modify).is_err(), "modify {attribute:?}");
        assert!(house.ask(&alice(), set).is_err(), "set {attribute:?}");
    }
}

#[test]
fn sensitivity_is_only_ever_tightened() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let set = |attribute| {
        let new_attribute = One(Instance { index: None, attribute });
        house.ask(&alice(), SetAttributeRequest { unique_identifier: Some(id.as_str().into()), new_attribute })
    };
    set(Attribute::Sensitive(true)).unwrap();
    assert!(set(Attribute::Sensitive(false)).is_err());
    set(Attribute::Extractable(false)).unwrap();
    assert!(set(Attribute::Extractable(true)).is_err());
}

#[test]
fn two_names_of_one_object_stand_side_by_side() {
    let house = House::new();
    let id = house.aes(&alice(), "first");
    let add = |name: &str| {
        let new_attribute = One(Instance { index: None, attribute: Attribute::Name(Name::text(name)) });
        house.ask_in(V1_2, &alice(), AddAttributeRequest { unique_identifier: Some(id.as_str().into()), new_attribute })
    };
    let answer = add("second").unwrap();
    assert_eq!(answer.attribute.unwrap().0.index, Some(1));
    assert!(add("first").is_err());
}

#[test]
fn what_was_put_away_is_not_copied() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let object = strongroom::service::ObjectId::from_text(&id);
    let copy = || {
        let (copied, receipt) = house.service.copy(&alice(), &object, Vec::new());
        receipt.wait().unwrap();
        copied.map_err(|refusal| refusal.reason)
    };
    assert!(copy().is_ok(), "the control");
    house.ask(&alice(), ArchiveRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    assert_eq!(copy().err(), Some(ResultReason::ObjectArchived));
}
