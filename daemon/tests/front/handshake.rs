//! Who is let in, who is not, and for how long.

use std::io::{Read, Write};

use rustls::{
    pki_types::PrivateKeyDer,
    version::{TLS12, TLS13},
};
use strongroom::{
    certificate::{Authority, Span, Wanted, key_of_pair},
    clock::{Clock, SystemClock},
    service::Order,
    slot::software::Random,
};
use strongroom_kmip::{
    client::{Client, Error},
    code::{QueryFunction, ResultReason},
    payload::QueryRequest,
    secret::Secret,
    version::V1_2,
};

use crate::door::{Door, Identity};

fn operations() -> QueryRequest {
    QueryRequest { query_function: vec![QueryFunction::QueryOperations], object_groups: None }
}

/// A P-256 key, PKCS#8.
fn pair() -> Vec<u8> {
    use strongroom::slot::{Form, Made, Material, Pair, Recipe, Slot, software::Software};
    use strongroom_kmip::mechanism::Curve;
    let slot = Software::new("spare");
    let Made::Pair { private, .. } = slot.make(&Recipe::Pair(Pair::Elliptic(Curve::P256))).unwrap() else {
        panic!("no pair")
    };
    let Material::Pkcs8(key) = slot.give(&private, Form::Pkcs8).unwrap() else { panic!("no PKCS#8") };
    key.reveal().to_vec()
}

/// A client of somebody else's authority, with a key of its own or with the one given.
fn stranger(key: Option<&Identity>) -> Identity {
    let span = Span::days(SystemClock.now(), 1);
    let chance = Random::default();
    let authority = Authority::found("elsewhere", &pair(), span, &chance).unwrap();
    let own = key.map_or_else(pair, |identity| identity.key.secret_der().to_vec());
    let public = key_of_pair(&own).unwrap();
    let issued = authority.issue(&Wanted::Client { name: "alice", key: &public }, span, &chance).unwrap();
    Identity { chain: vec![issued.certificate.into()], key: PrivateKeyDer::try_from(own).unwrap() }
}

#[test]
fn a_registered_client_is_served_over_both_versions_of_tls() {
    let door = Door::new();
    let alice = door.register("alice");
    for version in [&TLS12, &TLS13] {
        let mut client = Client::new(door.connect(door.config(Some(&alice), &[version])), V1_2);
        client.ask(operations()).unwrap();
        assert_eq!(client.stream().conn.protocol_version(), Some(version.version));
    }
}

#[test]
fn the_key_exchange_withstands_quantum_computers_where_the_client_can() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V1_2);
    client.ask(operations()).unwrap();
    let group = client.stream().conn.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, rustls::NamedGroup::X25519MLKEM768);
}

#[test]
fn nobody_else_is_let_in_and_each_is_in_the_log() {
    let door = Door::new();
    let alice = door.register("alice");
    let unregistered = Door::new().register("alice");
    for (name, identity) in [
        ("no certificate", None),
        ("a client of another authority", Some(stranger(None))),
        ("a registered key under another authority", Some(stranger(Some(&alice)))),
        ("a client of another appliance", Some(unregistered)),
    ] {
        for version in [&TLS12, &TLS13] {
            let before = door.logged("tls-refused");
            let mut client = Client::new(door.connect(door.config(identity.as_ref(), &[version])), V1_2);
            assert!(matches!(client.ask(operations()), Err(Error::Stream(_))), "{name}");
            wait(|| door.logged("tls-refused") == before + 1, name);
        }
    }
    door.client(&alice, V1_2).ask(operations()).unwrap();
}

fn wait(until: impl Fn() -> bool, what: &str) {
    for _ in 0..200 {
        if until() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("this never came: {what}");
}

#[test]
fn a_revoked_client_is_cut_off_and_never_comes_back() {
    let door = Door::new();
    let alice = door.register("alice");
    let config = door.config(Some(&alice), &[&TLS13]);
    let mut client = Client::new(door.connect(config.clone()), V1_2);
    client.ask(operations()).unwrap();
    door.order(Order::ClientRevoke { name: "alice".to_owned() }).unwrap();
    assert!(matches!(client.ask(operations()), Err(Error::Stream(_))), "on the connection it had");
    let mut resumed = Client::new(door.connect(config), V1_2);
    assert!(matches!(resumed.ask(operations()), Err(Error::Stream(_))), "resuming its session");
    assert!(matches!(door.client(&alice, V1_2).ask(operations()), Err(Error::Stream(_))), "anew");
}

#[test]
fn while_the_vault_is_sealed_clients_are_told_so() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V1_2);
    client.ask(operations()).unwrap();
    door.order(Order::Seal).unwrap();
    let told = |client: &mut Client<_>| match client.ask(operations()) {
        Err(Error::Refused { reason, message }) => {
            assert!(message.contains("strongroom unseal"), "{message}");
            reason
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(told(&mut client), ResultReason::PermissionDenied);
    assert_eq!(told(&mut door.client(&alice, V1_2)), ResultReason::PermissionDenied);
    assert_eq!(door.refused("sealed"), 2, "each is in the log by its key");
    door.order(Order::UnsealFile { key: Secret::new(vec![7; 32]) }).unwrap();
    client.ask(operations()).unwrap();
}

#[test]
fn what_is_not_tls_gets_nothing() {
    let door = Door::new();
    let mut stream = std::net::TcpStream::connect(door.address).unwrap();
    stream.write_all(&[0x42, 0, 0x78, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    // At most a TLS alert, never a KMIP answer.
    assert!(answer.first().is_none_or(|first| *first == 0x15), "{answer:?}");
}
