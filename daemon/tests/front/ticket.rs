//! What tickets rest on, and orders that come at the same time.

use std::{sync::Barrier, thread};

use strongroom::service::{Order, Report};
use strongroom_kmip::{
    attribute::{Attribute, Linked, Name, Template},
    client::Client,
    code::{CredentialType, ResultReason},
    message::{Authentication, RequestMessage},
    payload::{CreateCredentialRequest, CreateUserRequest, DestroyRequest, LoginRequest, PasswordCredential},
    secret::Secret,
    ttlv::SecretText,
    version::{V2_1, V3_0},
};

use crate::{
    credential::{add, ask, login, password, query, ticket},
    door::{Door, Stream},
};

/// Whether a ticket is good for something.
fn is_good(client: &mut Client<Stream>, value: &Secret) -> bool {
    match ask(client, vec![ticket(value)], query()).result_reason {
        None => true,
        Some(ResultReason::InvalidTicket) => false,
        Some(other) => panic!("{other}"),
    }
}

#[test]
fn tickets_end_with_what_they_rest_on() {
    let require = |strict| Order::CredentialRequire { client: "alice".to_owned(), strict };
    let remove = || Order::CredentialRemove { client: "alice".to_owned(), name: "ada".to_owned() };
    for (name, order, stays) in [
        ("another credential is added", add("alice", "grace", "hopper"), true),
        ("nothing is required", require(false), true),
        ("the credential is changed", add("alice", "ada", "byron"), false),
        ("the credential is removed", remove(), false),
        ("a credential is required", require(true), false),
    ] {
        let door = Door::new();
        let (alice, bob) = (door.register("alice"), door.register("bob"));
        door.order(add("alice", "ada", "lovelace")).unwrap();
        let (mut hers, mut his) = (door.client(&alice, V2_1), door.client(&bob, V2_1));
        let (own, other) = (login(&mut hers, 0), login(&mut his, 0));
        assert!(is_good(&mut hers, &own));
        door.order(order).unwrap();
        assert_eq!(is_good(&mut hers, &own), stays, "{name}");
        assert!(is_good(&mut his, &other), "{name}: somebody else's");
    }
}

#[test]
fn a_ticket_ends_with_the_password_of_a_user_that_its_client_has_created() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V3_0);
    let none = || Template { names: Vec::new(), attributes: Vec::new() };
    let create = CreateCredentialRequest {
        credential_type: CredentialType::Password,
        attributes: none(),
        password_credential: Some(PasswordCredential { password: SecretText::copy_of("lovelace") }),
        certificate: None,
    };
    let credential = client.ask(create).unwrap().unique_identifier.0;
    let link = Attribute::CredentialLink(Linked::Identifier(credential.clone()));
    let attributes = vec![link.into(), Attribute::Name(Name::text("ada")).into()];
    client.ask(CreateUserRequest { attributes: Template { attributes, ..none() } }).unwrap();
    let request = LoginRequest { lease_time: None, request_count: None, usage_limits: None };
    let mut message = RequestMessage::of(V3_0, [request.into()]);
    message.header.authentication = Some(Authentication { credential: vec![password("ada", "lovelace")] });
    let item = client.exchange(&message).unwrap().items.remove(0);
    let Some(strongroom_kmip::operation::Response::Login(answer)) = item.payload else { panic!("no ticket") };
    let value = answer.ticket.ticket_value;
    assert!(is_good(&mut client, &value));
    client.ask(DestroyRequest { unique_identifier: Some(credential.as_str().into()) }).unwrap();
    assert!(!is_good(&mut client, &value));
}

/// What came of so many orders that were given at the same time.
fn at_once(door: &Door, orders: Vec<Order>) -> Vec<bool> {
    let barrier = Barrier::new(orders.len());
    thread::scope(|scope| {
        let give = |order| {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                door.order(order).is_ok()
            })
        };
        let given: Vec<_> = orders.into_iter().map(give).collect();
        given.into_iter().map(|order| order.join().unwrap()).collect()
    })
}

#[test]
fn of_orders_at_the_same_time_one_gets_the_name_and_one_the_key() {
    let door = Door::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().der().to_vec();
    let order = |name: &str, csr: Option<&[u8]>| Order::ClientAdd {
        name: name.to_owned(),
        role: "user".to_owned(),
        days: 1,
        user: None,
        csr: csr.map(<[u8]>::to_vec),
    };
    let same_name = at_once(&door, (0..8).map(|_| order("alice", None)).collect());
    assert_eq!(same_name.iter().filter(|done| **done).count(), 1, "one name");
    let same_key = at_once(&door, (0..8).map(|number| order(&format!("b{number}"), Some(&csr))).collect());
    assert_eq!(same_key.iter().filter(|done| **done).count(), 1, "one key");
}

#[test]
fn of_credentials_that_are_added_at_the_same_time_none_is_lost() {
    let door = Door::new();
    door.register("alice");
    let orders = (0..8).map(|number| add("alice", &format!("user{number}"), "password")).collect();
    assert_eq!(at_once(&door, orders), [true; 8]);
    let Report::Clients { clients } = door.order(Order::ClientList).unwrap() else { panic!("no list") };
    assert_eq!(clients[0].credentials.len(), 8);
}
