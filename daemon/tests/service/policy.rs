//! Who may do what, and what a stranger can learn: nothing.

use strongroom::{
    caller::{Caller, Front, Principal, Role, Scope},
    service::{Order, Refusal},
};
use strongroom_kmip::{
    attribute::{Attribute, Listed, Name, References},
    code::ResultReason,
    payload::{ActivateRequest, DestroyRequest, EncryptRequest, GetAttributesRequest, GetRequest, LocateRequest},
    secret::Secret,
};

use crate::house::{House, aes, alice, bob, client};

fn get(id: &str) -> GetRequest {
    GetRequest { unique_identifier: Some(id.into()), ..GetRequest::default() }
}

fn attributes(id: &str) -> GetAttributesRequest {
    GetAttributesRequest { unique_identifier: Some(id.into()), attribute_reference: References(Vec::new()) }
}

fn encrypt(id: &str) -> EncryptRequest {
    EncryptRequest {
        unique_identifier: Some(id.into()),
        data: Some(Secret::copy_of(b"plain")),
        ..EncryptRequest::default()
    }
}

fn locate(name: &str) -> LocateRequest {
    LocateRequest { attributes: Listed(vec![Attribute::Name(Name::text(name)).into()]), ..LocateRequest::default() }
}

fn tries(house: &House, caller: &Caller, id: &str) -> Vec<(&'static str, Option<Refusal>)> {
    let subject = || Some(id.into());
    vec![
        ("Get", house.ask(caller, get(id)).err()),
        ("Get Attributes", house.ask(caller, attributes(id)).err()),
        ("Encrypt", house.ask(caller, encrypt(id)).err()),
        ("Activate", house.ask(caller, ActivateRequest { unique_identifier: subject() }).err()),
        ("Destroy", house.ask(caller, DestroyRequest { unique_identifier: subject() }).err()),
    ]
}

#[test]
fn a_stranger_is_told_of_anothers_key_exactly_what_it_is_told_of_no_key() {
    let house = House::new();
    let id = house.aes(&alice(), "secret");
    let of_a_key = tries(&house, &bob(), &id);
    let of_none = tries(&house, &bob(), "00000000-0000-4000-8000-000000000000");
    for ((verb, key), (_, none)) in of_a_key.into_iter().zip(of_none) {
        let (key, none) = (key.unwrap(), none.unwrap());
        assert_eq!((key.reason, key.message), (none.reason, none.message), "{verb}");
        assert_eq!(key.reason, ResultReason::ItemNotFound, "{verb}");
    }
    assert!(house.ask(&bob(), locate("secret")).unwrap().unique_identifier.is_empty());
    assert_eq!(house.ask(&alice(), locate("secret")).unwrap().unique_identifier.len(), 1);
}

#[test]
fn each_role_may_do_what_it_says_with_what_is_anothers() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    for (role, allowed) in [
        (Role::User, vec![]),
        (Role::Auditor, vec!["Get Attributes"]),
        (Role::Administrator, vec!["Get Attributes", "Activate", "Destroy"]),
    ] {
        for (verb, refusal) in tries(&house, &client("carol", role), &id) {
            let hidden = refusal.as_ref().is_some_and(|refusal| refusal.reason == ResultReason::ItemNotFound);
            assert_eq!(!hidden, allowed.contains(&verb), "{role:?} {verb}: {refusal:?}");
        }
    }
}

#[test]
fn an_auditor_makes_nothing() {
    let house = House::new();
    assert!(house.ask(&client("ann", Role::Auditor), aes("k")).is_err());
}

#[test]
fn a_grant_gives_its_level_and_no_more_and_can_be_taken_back() {
    let house = House::new();
    let id = house.aes(&alice(), "shared");
    let operator = Caller {
        principal: Principal::Operator,
        role: Role::Administrator,
        front: Front::Control,
        from: "pid 1".to_owned(),
        scope: Scope::Everything,
    };
    let grant = |level: Option<&str>| {
        let order = Order::KeyGrant { id: id.clone(), to: "client:bob".to_owned(), level: level.map(str::to_owned) };
        house.service.order(&operator, order).unwrap();
    };
    grant(Some("use"));
    assert!(house.ask(&bob(), encrypt(&id)).is_ok());
    assert!(house.ask(&bob(), get(&id)).is_err());
    grant(Some("read"));
    assert!(house.ask(&bob(), get(&id)).is_ok());
    assert!(house.ask(&bob(), DestroyRequest { unique_identifier: Some(id.as_str().into()) }).is_err());
    grant(None);
    assert!(house.ask(&bob(), encrypt(&id)).is_err());
}

#[test]
fn an_identifier_is_compared_byte_for_byte() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    for (why, other) in [
        ("a space behind", format!("{id} ")),
        ("a space before", format!(" {id}")),
        ("upper case", id.to_uppercase()),
        ("a newline", format!("{id}\n")),
        ("nothing", String::new()),
        ("a part", id[..35].to_owned()),
    ] {
        assert!(house.ask(&alice(), attributes(&other)).is_err(), "{why}");
    }
    assert!(house.ask(&alice(), attributes(&id)).is_ok());
}

#[test]
fn a_sealed_vault_refuses_everything_and_says_what_to_do() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    house.vault.seal();
    for (verb, refusal) in tries(&house, &alice(), &id) {
        assert!(refusal.unwrap().message.contains("strongroom unseal"), "{verb}");
    }
}
