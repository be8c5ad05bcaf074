//! Applications and their sessions.

use strongroom_pkcs11_wire::{
    Rv,
    call::request,
    number::{SessionFlags, SessionState, UserType},
};

use crate::house::{Client, House, PIN, RO, RW, lasting_aes};

#[test]
fn the_connections_of_an_application_share_its_sessions() {
    let house = House::new();
    let (mut one, mut two) = (house.attach(1), house.attach(1));
    let session = one.session(RW);
    assert!(two.ask(request::GetSessionInfo { session }).is_ok());
}

#[test]
fn an_application_cannot_use_the_session_of_another() {
    let house = House::new();
    let (mut one, mut two) = (house.attach(1), house.attach(2));
    let session = one.session(RW);
    assert_eq!(two.ask(request::GetSessionInfo { session }).err(), Some(Rv::SESSION_HANDLE_INVALID));
    assert_eq!(two.ask(request::CloseSession { session }).err(), Some(Rv::SESSION_HANDLE_INVALID));
    one.log_in(session, UserType::USER, PIN).unwrap();
    let own = two.session(RW);
    assert_eq!(two.ask(request::GetSessionInfo { session: own }).unwrap().info.state, SessionState::RW_PUBLIC_SESSION);
}

#[test]
fn a_finalized_application_has_nothing_left() {
    let house = House::new();
    let mut client = house.attach(1);
    let session = client.session(RW);
    client.ask(request::Finalize {}).unwrap();
    assert_eq!(client.ask(request::GetSessionInfo { session }).err(), Some(Rv::SESSION_HANDLE_INVALID));
    assert_ne!(client.session(RW), session);
}

#[test]
fn a_session_is_opened_as_the_standard_says_or_not_at_all() {
    let house = House::new();
    let mut client = house.attach(1);
    for (why, slot, flags, expected) in [
        ("a slot that is not there", 2, RW, Rv::SLOT_ID_INVALID),
        ("a slot that cannot be", u64::MAX, RW, Rv::SLOT_ID_INVALID),
        ("not serial", 0, SessionFlags(2), Rv::SESSION_PARALLEL_NOT_SUPPORTED),
    ] {
        assert_eq!(client.ask(request::OpenSession { slot, flags }).err(), Some(expected), "{why}");
    }
}

#[test]
fn sessions_are_closed_one_by_one_and_all_of_a_slot() {
    let house = House::new();
    let mut client = house.attach(1);
    let (one, two) = (client.session(RW), client.session(RO));
    let elsewhere = client.ask(request::OpenSession { slot: 1, flags: RW }).unwrap().session;
    client.ask(request::CloseSession { session: one }).unwrap();
    assert_eq!(client.ask(request::CloseSession { session: one }).err(), Some(Rv::SESSION_HANDLE_INVALID));
    client.ask(request::CloseAllSessions { slot: 0 }).unwrap();
    assert_eq!(client.ask(request::GetSessionInfo { session: two }).err(), Some(Rv::SESSION_HANDLE_INVALID));
    assert!(client.ask(request::GetSessionInfo { session: elsewhere }).is_ok());
}

#[test]
fn a_token_counts_its_sessions() {
    let house = House::new();
    let mut client = house.attach(1);
    client.session(RW);
    client.session(RO);
    let info = client.ask(request::GetTokenInfo { slot: 0 }).unwrap().info;
    assert_eq!((info.sessions, info.rw_sessions), (2, 1));
    assert!(info.label.starts_with(b"dev "));
}

#[test]
fn a_session_that_only_reads_makes_and_destroys_nothing_that_lasts() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let reader = client.session(RO);
    assert_eq!(client.aes(reader, lasting_aes("other")).err(), Some(Rv::SESSION_READ_ONLY));
    assert_eq!(client.ask(request::DestroyObject { session: reader, object: key }).err(), Some(Rv::SESSION_READ_ONLY));
}

#[test]
fn searches_hold_a_bounded_number_of_objects_and_find_all_the_same() {
    let house = House::new();
    let (mut client, _) = house.user();
    let session = client.session(RW);
    let made: Vec<u64> =
        (0..100).map(|number| client.aes(session, lasting_aes(&number.to_string())).unwrap()).collect();
    let begin = |client: &mut Client, session| client.ask(request::FindObjectsInit { session, template: Vec::new() });
    // Each holds all of them until it is fetched.
    for _ in 0..660 {
        let session = client.session(RO);
        begin(&mut client, session).unwrap();
    }
    let before = house.records("\"action\":\"Locate\"");
    begin(&mut client, session).unwrap();
    let found = client.ask(request::FindObjects { session, most: 200 }).unwrap().found;
    assert_eq!(found.iter().map(|found| found.object).collect::<Vec<_>>(), made, "all, and each once");
    assert_eq!(house.records("\"action\":\"Locate\""), before + 2, "in two pieces");
    assert!(client.ask(request::FindObjects { session, most: 200 }).unwrap().found.is_empty());
}

#[test]
fn what_goes_between_a_search_and_its_answer_is_not_found() {
    let house = House::new();
    let (mut client, session) = house.user();
    let made: Vec<u64> = (0..3).map(|number| client.aes(session, lasting_aes(&number.to_string())).unwrap()).collect();
    client.ask(request::FindObjectsInit { session, template: Vec::new() }).unwrap();
    client.ask(request::DestroyObject { session, object: made[1] }).unwrap();
    let found = client.ask(request::FindObjects { session, most: 10 }).unwrap().found;
    assert_eq!(found.iter().map(|found| found.object).collect::<Vec<_>>(), [made[0], made[2]]);
}
