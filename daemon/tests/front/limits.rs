//! Peers that take their time, or come in numbers.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use rustls::version::TLS13;
use strongroom::front::{
    Limits, Phase,
    kmip::{Carrier, encoding::Encoding},
};
use strongroom_kmip::{
    client::{Client, Error},
    code::QueryFunction,
    payload::QueryRequest,
    version::V1_2,
};

use crate::{
    door::{Door, Identity, Stream, usual},
    https::{asked, post, query},
};

const CARRIERS: [Carrier; 2] = [Carrier::Tls, Carrier::Https];

/// A request as it goes over the wire.
fn request(carrier: Carrier) -> Vec<u8> {
    let message = query(Encoding::Ttlv);
    match carrier {
        Carrier::Tls => message.to_vec(),
        Carrier::Https => post(Encoding::Ttlv, &message),
    }
}

/// Whether a request is answered over this connection.
fn served(carrier: Carrier, stream: &mut Stream) -> bool {
    match carrier {
        Carrier::Tls => Client::new(stream, V1_2).send(&query(Encoding::Ttlv)).is_ok(),
        Carrier::Https => asked(stream, &request(carrier)).is_some_and(|came| came.status() == "200"),
    }
}

fn connect(door: &Door, identity: &Identity) -> Stream {
    door.connect(door.config(Some(identity), &[&TLS13]))
}

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
    let door = Door::with(Limits { handshake: Duration::from_secs(3), ..usual() });
    let alice = door.register("alice");
    let mut silent: Vec<TcpStream> = (0..50).map(|_| TcpStream::connect(door.address).unwrap()).collect();
    let begun = Instant::now();
    door.client(&alice, V1_2).ask(operations()).unwrap();
    assert!(begun.elapsed() < Duration::from_millis(2500), "accept waited for a handshake");
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
fn a_connection_is_closed_in_order_when_nothing_has_come_for_the_limit_and_not_before() {
    let closed_in_order = |carrier| {
        let door = Door::over(carrier, Limits { idle: Duration::from_secs(5), ..usual() });
        let mut stream = connect(&door, &door.register("alice"));
        for _ in 0..4 {
            assert!(served(carrier, &mut stream), "{carrier:?}");
            std::thread::sleep(Duration::from_millis(1500));
        }
        assert!(served(carrier, &mut stream), "{carrier:?}: longer than the limit in all, and never idle for as long");
        let begun = Instant::now();
        // An end that TLS does not tell of would be an error.
        assert_eq!(stream.read(&mut [0; 64]).unwrap(), 0, "{carrier:?}");
        let waited = begun.elapsed();
        assert!(waited > Duration::from_secs(4) && waited < Duration::from_secs(12), "{carrier:?}: {waited:?}");
    };
    std::thread::scope(|scope| CARRIERS.iter().for_each(|carrier| drop(scope.spawn(|| closed_in_order(*carrier)))));
}

#[test]
fn whoever_stalls_in_the_handshake_is_let_go_over_https_too() {
    let door = Door::over(Carrier::Https, Limits { handshake: Duration::from_secs(3), ..usual() });
    let alice = door.register("alice");
    let mut silent = TcpStream::connect(door.address).unwrap();
    let mut half = TcpStream::connect(door.address).unwrap();
    // The head of a record with a ClientHello that does not come.
    half.write_all(&[0x16, 3, 1, 1, 0, 1, 0, 0, 0xFC]).unwrap();
    assert!(served(Carrier::Https, &mut connect(&door, &alice)), "others are served meanwhile");
    for stream in [&mut silent, &mut half] {
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        assert!(hangs_up(stream));
    }
}

#[test]
fn requests_that_drip_are_given_up_in_time_and_hold_nobody_up() {
    for carrier in CARRIERS {
        let limit = Duration::from_secs(2);
        let door = Door::over(carrier, Limits { request: limit, ..usual() });
        let (alice, bob) = (door.register("alice"), door.register("bob"));
        let mut dripping: Vec<_> = (0..20).map(|_| connect(&door, &alice)).collect();
        assert!(dripping.iter_mut().all(|stream| served(carrier, stream)), "{carrier:?}");
        let mut other = connect(&door, &bob);
        let (begun, mut rounds) = (Instant::now(), 0);
        for byte in request(carrier).iter().take(20) {
            if begun.elapsed() >= limit {
                break;
            }
            for stream in &mut dripping {
                // One that has been let go takes nothing any more.
                let _ = stream.write_all(&[*byte]).and_then(|()| stream.flush());
            }
            assert!(served(carrier, &mut other), "{carrier:?}");
            rounds += 1;
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(rounds > 2, "{carrier:?}: the other client was served {rounds} times only");
        assert!(dripping.iter_mut().all(hangs_up), "{carrier:?}");
        assert!(begun.elapsed() < Duration::from_secs(12), "{carrier:?}: {:?}", begun.elapsed());
        assert!(served(carrier, &mut other), "{carrier:?}");
    }
}

#[test]
fn the_limits_are_those_that_are_published() {
    let limits = usual();
    let times = [limits.handshake, limits.request, limits.idle].map(|time| time.as_secs());
    assert_eq!((times, limits.connections, limits.message), ([10, 30, 300], 10_000, 1 << 20));
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
