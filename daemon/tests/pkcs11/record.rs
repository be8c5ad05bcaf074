//! Every refused call leaves one record, wherever it was refused.

use std::time::{Duration, Instant};

use strongroom_pkcs11_wire::{
    AttributeType, Mechanism, MechanismType, Rv,
    call::request,
    number::UserType,
    value::{Room, Wiped},
};

use crate::house::{Client, House, OFFICER, PIN, RW, lasting_aes, number};

/// A call that is refused, and what it is told.
type Refused = fn(&mut Client, u64, u64) -> Option<Rv>;

#[test]
fn a_call_that_is_refused_leaves_one_record_wherever_it_was_refused() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let rows: [(&str, Rv, Refused); 10] = [
        ("no such session", Rv::SESSION_HANDLE_INVALID, |client, _, _| {
            client.ask(request::GetSessionInfo { session: 1 }).err()
        }),
        ("no such object", Rv::OBJECT_HANDLE_INVALID, |client, session, _| {
            client.ask(request::DestroyObject { session, object: 99 }).err()
        }),
        ("no such key", Rv::KEY_HANDLE_INVALID, |client, session, _| {
            let mechanism = Some(Mechanism::plain(MechanismType::AES_ECB));
            client.ask(request::EncryptInit { session, mechanism, key: 99 }).err()
        }),
        ("a token in use", Rv::SESSION_EXISTS, |client, _, _| {
            client.ask(request::InitToken { slot: 0, pin: Some(Wiped::from(OFFICER)), label: [b' '; 32] }).err()
        }),
        ("a login twice", Rv::USER_ALREADY_LOGGED_IN, |client, session, _| {
            client.log_in(session, UserType::USER, PIN).err()
        }),
        ("a mechanism that wraps nothing", Rv::MECHANISM_INVALID, |client, session, key| {
            let mechanism = Mechanism::plain(MechanismType::SHA256);
            client.ask(request::WrapKey { session, mechanism, wrapping: key, key, room: Room::Bytes(64) }).err()
        }),
        ("a template without a length", Rv::TEMPLATE_INCOMPLETE, |client, session, _| {
            client.aes(session, Vec::new()).err()
        }),
        ("a length that no key has", Rv::KEY_SIZE_RANGE, |client, session, _| {
            client.aes(session, vec![number(AttributeType::VALUE_LEN, 17)]).err()
        }),
        ("messages with a mechanism that has none", Rv::MECHANISM_INVALID, |client, session, key| {
            let mechanism = Some(MechanismType::AES_ECB);
            client.ask(request::MessageEncryptInit { session, mechanism, key }).err()
        }),
        ("nothing under way", Rv::OPERATION_NOT_INITIALIZED, |client, session, _| {
            client.ask(request::FindObjectsFinal { session }).err()
        }),
    ];
    for (name, rv, refused) in rows {
        let before = house.records("\"action\":");
        assert_eq!(refused(&mut client, session, key), Some(rv), "{name}");
        assert_eq!(house.records("\"action\":"), before + 1, "{name}");
    }
    assert_eq!(house.records("\"object\":\"C_WrapKey\""), 1, "the function is named");
    assert_eq!(house.records("\"reason\":\"CKR_SESSION_EXISTS\""), 1, "and why");
}

#[test]
fn whoever_is_refused_without_end_is_answered_slowly_and_others_are_not_kept_waiting() {
    let house = House::new();
    let mut client = house.attach(1);
    let mut refused = || client.ask(request::GetSessionInfo { session: 1 }).unwrap_err();
    let began = Instant::now();
    assert!((0..200).all(|_| refused() == Rv::SESSION_HANDLE_INVALID));
    // Fifty in a second, but for the first hundred.
    assert!(began.elapsed() >= Duration::from_millis(1_900), "{:?}", began.elapsed());
    let began = Instant::now();
    house.attach(2).session(RW);
    assert!(began.elapsed() < Duration::from_secs(5), "what is served does not wait");
}
