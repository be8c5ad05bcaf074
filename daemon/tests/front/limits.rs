//! Peers that take their time, or come in numbers.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use strongroom::front::{Limits, Phase};
use strongroom_kmip::{client::Error, code::QueryFunction, payload::QueryRequest, version::V1_2};

use crate::door::{Door, usual};

fn operations() -> QueryRequest {
    QueryRequest { query_function: vec![QueryFunction::QueryOperations], object_groups: None }
}

/// Whether the peer hangs up within five seconds; what it sends before does not count.
fn hangs_up(stream: &mut impl Read) -> bool {
    let begun = Instant::now();
    let mut byte = [0; 64];
    while begun.elapsed() < Duration::from_secs(5) {
        match stream.read(&mut byte) {
            Ok(0) | Err(_) => return begun.elapsed() < Duration::from_secs(5),
            Ok(_) => {}
        }
    }
    false
}

#[test]
fn a_peer_that_does_not_shake_hands_is_let_go_and_keeps_nobody_waiting() {
    let door = Door::with(Limits { handshake: Duration::from_millis(600), ..usual() });
    let alice = door.register("alice");
    let mut silent: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(door.address).unwrap()).collect();
    let begun = Instant::now();
    door.client(&alice, V1_2).ask(operations()).unwrap();
    assert!(begun.elapsed() < Duration::from_millis(500), "accept waited for a handshake");
    for stream in &mut silent {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert!(hangs_up(stream));
    }
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let door = Door::with(Limits { idle: Duration::from_millis(500), ..usual() });
    let alice = door.register("alice");
    let (mut busy, mut idle) = (door.client(&alice, V1_2), door.client(&alice, V1_2));
    idle.ask(operations()).unwrap();
    for _ in 0..4 {
        busy.ask(operations()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(matches!(idle.ask(operations()), Err(Error::Stream(_))));
}

#[test]
fn a_request_that_never_ends_is_given_up() {
    let door = Door::with(Limits { request: Duration::from_millis(500), ..usual() });
    let alice = door.register("alice");
    for (name, bytes) in [
        ("half a head", &[0x42, 0, 0x78][..]),
        ("a head alone", &[0x42, 0, 0x78, 1, 0, 0, 0x10, 0]),
        ("a claim of a megabyte", &[0x42, 0, 0x78, 1, 0, 0x0F, 0xFF, 0xF8, 0x42]),
    ] {
        let mut client = door.client(&alice, V1_2);
        client.ask(operations()).unwrap();
        client.stream().write_all(bytes).unwrap();
        client.stream().flush().unwrap();
        assert!(hangs_up(client.stream()), "{name}");
    }
}

#[test]
fn one_address_gets_so_many_places_and_they_come_free_again() {
    let door = Door::with(Limits { per_address: 3, ..usual() });
    let alice = door.register("alice");
    let mut inside: Vec<_> = (0..3).map(|_| door.client(&alice, V1_2)).collect();
    for client in &mut inside {
        client.ask(operations()).unwrap();
    }
    assert!(door.client(&alice, V1_2).ask(operations()).is_err());
    inside.pop();
    let begun = Instant::now();
    while door.places.taken() == 3 && begun.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(10));
    }
    door.client(&alice, V1_2).ask(operations()).unwrap();
}

#[test]
fn a_stop_closes_idle_connections_and_takes_no_new_ones() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V1_2);
    client.ask(operations()).unwrap();
    door.stopper.enter(Phase::Draining);
    assert!(hangs_up(client.stream()));
    let begun = Instant::now();
    while TcpStream::connect(door.address).is_ok() && begun.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(TcpStream::connect(door.address).is_err());
}
