//! Connections that their client turns around: from then on the server asks.

use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

use strongroom::service::{Endpoint, Order, Report};
use strongroom_kmip::{
    attribute::{Attribute, Template},
    client::{Client, Error},
    code::{CryptographicAlgorithm, CryptographicUsageMask, EndpointRole, ObjectType, Operation, ResultReason},
    message::{RequestMessage, ResponseItem, ResponseMessage},
    operation::Request,
    payload::{ActivateRequest, CreateRequest, NotifyResponse, PutResponse, SetEndpointRoleRequest},
    ttlv::{DateTime, Limits, Tree},
    version::V2_1,
};

use crate::door::{Door, Stream};

fn endpoint() -> Endpoint {
    Endpoint {
        name: "array".into(),
        address: None,
        client: "alice".parse().unwrap(),
        version: V2_1,
        notifies: true,
        puts: true,
        replacements: false,
        own: true,
        wrapping_key: None,
        most: 100,
        most_bytes: 1 << 20,
    }
}

fn turn() -> SetEndpointRoleRequest {
    SetEndpointRoleRequest { endpoint_role: EndpointRole::Client }
}

/// Makes a key and activates it.
fn change(client: &mut Client<Stream>) -> String {
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
    ];
    let create = CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: attributes.into_iter().collect::<Template>(),
        protection_storage_masks: None,
    };
    let id = client.ask(create).unwrap().unique_identifier;
    client.ask(ActivateRequest { unique_identifier: Some(id.clone().into()) }).unwrap();
    id.0
}

/// The next request over a connection that was turned around, answered.
fn hear(client: &mut Client<Stream>) -> Request {
    let stream = client.stream();
    let mut head = [0; 8];
    stream.read_exact(&mut head).unwrap();
    let mut message = head.to_vec();
    message.resize(8 + u32::from_be_bytes(head[4..].try_into().unwrap()) as usize, 0);
    stream.read_exact(&mut message[8..]).unwrap();
    let tree = Tree::read(&message, &Limits::default()).unwrap();
    let request = RequestMessage::read(&tree).unwrap().items.remove(0).payload.unwrap();
    let yes = match request.operation() {
        Operation::Put => ResponseItem::success(PutResponse {}.into()),
        _ => ResponseItem::success(NotifyResponse {}.into()),
    };
    stream.write_all(&ResponseMessage::of(V2_1, DateTime(0), vec![yes]).write()).unwrap();
    stream.flush().unwrap();
    request
}

fn told(client: &mut Client<Stream>) -> String {
    match hear(client) {
        Request::Notify(notify) => notify.unique_identifier.0,
        other => panic!("{other:?}"),
    }
}

/// Whether the server hangs up.
fn ends(client: &mut Client<Stream>) -> bool {
    matches!(client.stream().read(&mut [0]), Ok(0) | Err(_))
}

fn waits(door: &Door) -> usize {
    match door.order(Order::Status).unwrap() {
        Report::Status(status) => status.endpoints[0].waiting,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_has_changed_is_told_over_the_clients_own_connection() {
    let door = Door::telling(vec![endpoint()]);
    let alice = door.register("alice");
    let mut asking = door.client(&alice, V2_1);
    let before = change(&mut asking);
    let mut turned = door.client(&alice, V2_1);
    assert_eq!(turned.ask(turn()).unwrap().endpoint_role, EndpointRole::Client);
    assert_eq!(told(&mut turned), before, "what waited");
    let after = change(&mut asking);
    assert_eq!(told(&mut turned), after);
    door.order(Order::KmipPut { endpoint: "array".into(), id: after.clone() }).unwrap();
    let Request::Put(put) = hear(&mut turned) else { panic!("something else") };
    assert_eq!(put.unique_identifier.0, after);
}

#[test]
fn who_is_told_nothing_keeps_asking() {
    let door = Door::telling(vec![
        endpoint(),
        Endpoint { address: Some("array:1".into()), client: "carol".parse().unwrap(), ..endpoint() },
    ]);
    for name in ["bob", "carol"] {
        let mut client = door.client(&door.register(name), V2_1);
        match client.ask(turn()) {
            Err(Error::Refused { reason, .. }) => assert_eq!(reason, ResultReason::FeatureNotSupported, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        change(&mut client);
    }
    let mut alice = door.client(&door.register("alice"), V2_1);
    alice.ask(SetEndpointRoleRequest { endpoint_role: EndpointRole::Server }).unwrap();
    change(&mut alice);
}

#[test]
fn a_client_that_asks_over_a_turned_connection_is_let_go() {
    let door = Door::telling(vec![endpoint()]);
    let mut turned = door.client(&door.register("alice"), V2_1);
    turned.ask(turn()).unwrap();
    assert!(turned.ask(turn()).is_err());
    assert!(ends(&mut turned));
}

#[test]
fn a_client_that_hangs_up_in_the_middle_is_told_again_over_its_next_connection() {
    let door = Door::telling(vec![endpoint()]);
    let alice = door.register("alice");
    let id = change(&mut door.client(&alice, V2_1));
    let mut first = door.client(&alice, V2_1);
    first.ask(turn()).unwrap();
    first.stream().read_exact(&mut [0; 8]).unwrap();
    drop(first);
    let began = Instant::now();
    while door.refused("closed") == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "the failed delivery is recorded");
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut second = door.client(&alice, V2_1);
    second.ask(turn()).unwrap();
    assert_eq!(told(&mut second), id);
}

#[test]
fn the_connection_that_was_turned_last_is_the_one() {
    let door = Door::telling(vec![endpoint()]);
    let alice = door.register("alice");
    let mut asking = door.client(&alice, V2_1);
    let mut first = door.client(&alice, V2_1);
    first.ask(turn()).unwrap();
    let mut second = door.client(&alice, V2_1);
    second.ask(turn()).unwrap();
    assert!(ends(&mut first));
    let id = change(&mut asking);
    assert_eq!(told(&mut second), id);
    let began = Instant::now();
    while waits(&door) != 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "it was answered");
        std::thread::sleep(Duration::from_millis(10));
    }
}
