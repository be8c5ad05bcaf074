//! What comes over the socket before anybody knows what it means.

use std::io::Write;

use strongroom::front::pkcs11::Places;
use strongroom_pkcs11_wire::{
    Function, Rv,
    call::{self, request},
    number::Protocol,
};

use crate::house::{House, RW};

#[test]
fn nothing_is_served_before_the_application_has_said_who_it_is() {
    let house = House::new();
    let mut client = house.knock();
    assert_eq!(client.ask(request::GetSlotList { token_present: true }).err(), Some(Rv::CRYPTOKI_NOT_INITIALIZED));
    assert!(client.receive().is_none());
}

#[test]
fn an_application_says_once_who_it_is() {
    let house = House::new();
    let mut client = house.attach(1);
    let again = request::Attach { protocol: Protocol::THREE, nonce: [2; 16], process: 1 };
    assert_eq!(client.ask(again).err(), Some(Rv::CRYPTOKI_NOT_INITIALIZED));
    assert!(client.receive().is_none());
}

#[test]
fn a_module_of_another_version_is_told_so() {
    let house = House::new();
    for other in [Protocol(1), Protocol(Protocol::THREE.0 + 1)] {
        let mut client = house.knock();
        let ask = request::Attach { protocol: other, nonce: [1; 16], process: 1 };
        assert_eq!(client.ask(ask).err(), Some(Rv::DEVICE_ERROR), "{other}");
        assert!(client.receive().is_none(), "{other}");
    }
}

#[test]
fn a_length_that_cannot_be_ends_the_connection_and_nothing_else() {
    let house = House::new();
    for (why, bytes) in [
        ("nothing", &[0, 0, 0, 0, 0, 0, 0, 0][..]),
        ("four gibibytes", &[0xFF; 8]),
        ("less than a head", &[0, 0, 0, 3, 0, 0, 0]),
    ] {
        let mut client = house.attach(1);
        client.send(bytes);
        assert!(client.receive().is_none(), "{why}");
    }
    house.attach(1).session(RW);
}

#[test]
fn a_call_that_makes_no_sense_is_refused_and_the_next_is_served() {
    let house = House::new();
    let mut client = house.attach(1);
    let head = |function: Function| u32::try_from(function.0).unwrap().to_be_bytes();
    for (why, function, body, expected) in [
        ("a function that nobody has", Function(0x7777), &[][..], Rv::FUNCTION_NOT_SUPPORTED),
        ("a function that is no call", Function::GetFunctionList, &[], Rv::FUNCTION_NOT_SUPPORTED),
        ("a body cut short", Function::OpenSession, &[0; 5], Rv::ARGUMENTS_BAD),
        ("a body that goes on", Function::Finalize, &[0], Rv::ARGUMENTS_BAD),
        (
            "a template of a million attributes",
            Function::FindObjectsInit,
            &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0x0F, 0, 0],
            Rv::ARGUMENTS_BAD,
        ),
    ] {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        client.send(&[&length[..], &head(function), body].concat());
        assert_eq!(client.receive().unwrap().0, expected, "{why}");
    }
    client.session(RW);
}

#[test]
fn what_is_no_call_is_answered_once_it_is_recorded() {
    let house = House::new();
    let mut client = house.attach(1);
    let before = house.records("unreadable");
    let cut_short = [0, 0, 0, 5, 0, 0, 0, 13, 0];
    client.send(&cut_short);
    assert_eq!(client.receive().unwrap().0, Rv::ARGUMENTS_BAD);
    assert!(house.records("unreadable") > before);
    house.log.close().unwrap();
    client.send(&cut_short);
    assert_eq!(client.receive().unwrap().0, Rv::DEVICE_ERROR);
}

#[test]
fn frames_may_come_in_pieces_and_together() {
    let house = House::new();
    let mut client = house.attach(1);
    let mut bytes = Vec::new();
    for _ in 0..3 {
        call::write_request(&request::GetSlotList { token_present: false }, &mut bytes).unwrap();
    }
    let (first, rest) = bytes.split_at(5);
    client.send(first);
    std::thread::sleep(std::time::Duration::from_millis(20));
    client.send(rest);
    for _ in 0..3 {
        assert_eq!(client.receive().unwrap().0, Rv::OK);
    }
}

#[test]
fn a_long_frame_is_taken_whole() {
    let house = House::new();
    let mut client = house.attach(1);
    let session = client.session(RW);
    let mechanism = Some(strongroom_pkcs11_wire::Mechanism::plain(strongroom_pkcs11_wire::MechanismType::SHA256));
    client.ask(request::DigestInit { session, mechanism }).unwrap();
    let data = strongroom_pkcs11_wire::value::Wiped::new(vec![1; 1024 * 1024]);
    let room = strongroom_pkcs11_wire::value::Room::Bytes(32);
    assert!(client.ask(request::Digest { session, data, room }).is_ok());
}

#[test]
fn one_too_many_is_sent_away_and_a_place_is_free_again_afterwards() {
    let house = House::with(Places { total: 2, per_user: 2, ..Places::default() });
    let (first, _second) = (house.attach(1), house.attach(2));
    let mut third = house.knock();
    assert!(third.receive().is_none());
    drop(first);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let mut client = house.knock();
        let mut bytes = Vec::new();
        let ask = request::Attach { protocol: Protocol::THREE, nonce: [3; 16], process: 1 };
        call::write_request(&ask, &mut bytes).unwrap();
        // Who has no place may be hung up on before it could speak.
        if client.stream.write_all(&bytes).is_ok() && client.receive().is_some() {
            break;
        }
        assert!(std::time::Instant::now() < until, "the place stays taken");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn closing_the_door_hangs_up_on_everybody() {
    let mut house = House::new();
    let mut client = house.attach(1);
    house.close();
    assert!(client.receive().is_none());
}
