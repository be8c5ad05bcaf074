//! Logging in, and what it opens.

use std::{thread, time::Duration};

use strongroom::service::{Order, PinError};
use strongroom_kmip::secret::Secret;
use strongroom_pkcs11_wire::{
    AttributeType, Mechanism, MechanismType, Rv,
    call::request,
    number::{SessionState, TokenFlags, UserType},
    value::{Room, Wiped},
};

use crate::house::{Client, House, OFFICER, PIN, RO, RW, labelled, lasting_aes, operator, truth};

#[test]
fn a_wrong_pin_is_refused_and_counted() {
    let house = House::new();
    let mut client = house.attach(1);
    let session = client.session(RW);
    assert_eq!(client.log_in(session, UserType::USER, b"4321").err(), Some(Rv::PIN_INCORRECT));
    let flags = client.ask(request::GetTokenInfo { slot: 0 }).unwrap().info.flags;
    assert!(flags.has(TokenFlags::USER_PIN_COUNT_LOW) && !flags.has(TokenFlags::USER_PIN_LOCKED));
    client.log_in(session, UserType::USER, PIN).unwrap();
    let flags = client.ask(request::GetTokenInfo { slot: 0 }).unwrap().info.flags;
    assert!(!flags.has(TokenFlags::USER_PIN_COUNT_LOW));
}

#[test]
fn a_login_that_cannot_be_is_refused_by_its_fault() {
    let house = House::new();
    let (mut client, session) = house.user();
    for (why, user, pin, expected) in [
        ("the same again", UserType::USER, PIN, Rv::USER_ALREADY_LOGGED_IN),
        ("another", UserType::SO, OFFICER, Rv::USER_ANOTHER_ALREADY_LOGGED_IN),
        ("for one key", UserType::CONTEXT_SPECIFIC, PIN, Rv::OPERATION_NOT_INITIALIZED),
        ("nobody", UserType(99), PIN, Rv::USER_TYPE_INVALID),
    ] {
        assert_eq!(client.log_in(session, user, pin).err(), Some(expected), "{why}");
    }
    let no_pin = request::Login { session, user: UserType::USER, pin: None };
    client.ask(request::Logout { session }).unwrap();
    assert_eq!(client.ask(no_pin).err(), Some(Rv::ARGUMENTS_BAD));
    assert_eq!(client.ask(request::Logout { session }).err(), Some(Rv::USER_NOT_LOGGED_IN));
}

#[test]
fn private_objects_are_seen_by_those_who_have_logged_in() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = client.p256(session, "pair");
    client.ask(request::Logout { session }).unwrap();
    assert_eq!(client.find(session, Vec::new()), [public]);
    let mechanism = Some(Mechanism::plain(MechanismType::ECDSA));
    let begin = request::SignInit { session, mechanism, key: private };
    assert_eq!(client.ask(begin).err(), Some(Rv::KEY_HANDLE_INVALID));
    client.log_in(session, UserType::USER, PIN).unwrap();
    assert_eq!(client.find(session, Vec::new()).len(), 2);
}

#[test]
fn without_a_login_nothing_private_is_made() {
    let house = House::new();
    let mut client = house.attach(1);
    let session = client.session(RW);
    assert_eq!(client.aes(session, lasting_aes("key")).err(), Some(Rv::USER_NOT_LOGGED_IN));
}

#[test]
fn a_login_is_with_one_token() {
    let house = House::new();
    let (mut client, _) = house.user();
    let other = client.ask(request::OpenSession { slot: 1, flags: RW }).unwrap().session;
    let state = client.ask(request::GetSessionInfo { session: other }).unwrap().info.state;
    assert_eq!(state, SessionState::RW_PUBLIC_SESSION);
}

#[test]
fn an_officer_sets_the_pin_of_a_user() {
    let house = House::new();
    let mut client = house.attach(1);
    let session = client.session(RW);
    let set = || request::InitPIN { session, pin: Some(Wiped::from(&b"new pin"[..])) };
    assert_eq!(client.ask(set()).err(), Some(Rv::USER_NOT_LOGGED_IN));
    client.log_in(session, UserType::SO, OFFICER).unwrap();
    client.ask(set()).unwrap();
    client.ask(request::Logout { session }).unwrap();
    assert_eq!(client.log_in(session, UserType::USER, PIN).err(), Some(Rv::PIN_INCORRECT));
    client.log_in(session, UserType::USER, b"new pin").unwrap();
}

#[test]
fn a_user_changes_the_own_pin() {
    let house = House::new();
    let (mut client, session) = house.user();
    let change = |session, old: &[u8], new: &[u8]| request::SetPIN {
        session,
        old: Some(Wiped::from(old)),
        new: Some(Wiped::from(new)),
    };
    let reader = client.session(RO);
    assert_eq!(client.ask(change(reader, PIN, b"5678")).err(), Some(Rv::SESSION_READ_ONLY));
    assert_eq!(client.ask(change(session, b"9999", b"5678")).err(), Some(Rv::PIN_INCORRECT));
    assert_eq!(client.ask(change(session, PIN, b"1")).err(), Some(Rv::PIN_LEN_RANGE));
    client.ask(change(session, PIN, b"5678")).unwrap();
    client.ask(request::Logout { session }).unwrap();
    client.log_in(session, UserType::USER, b"5678").unwrap();
}

#[test]
fn a_registered_user_has_the_objects_of_the_client_until_the_registration_is_revoked() {
    let house = House::new();
    // A client is registered by the appliance's own authority.
    house.service.found_authority(&operator(), "test", &["localhost".to_owned()]).unwrap();
    let user = Some(nix::unistd::getuid().as_raw());
    let (name, role) = ("alice".to_owned(), "user".to_owned());
    house.service.order(&operator(), Order::ClientAdd { name, role, days: 1, user, csr: None }).unwrap();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    assert_eq!(client.find(session, Vec::new()), [key]);
    house.service.order(&operator(), Order::ClientRevoke { name: "alice".to_owned() }).unwrap();
    assert!(client.find(session, Vec::new()).is_empty());
    let mechanism = Some(Mechanism::plain(MechanismType::AES_ECB));
    let begin = request::EncryptInit { session, mechanism, key };
    assert_eq!(client.ask(begin).err(), Some(Rv::KEY_HANDLE_INVALID));
}

/// What orders and officers of elsewhere do to a token whose user is logged in.
type Aside = (&'static str, fn(&House));

#[test]
fn who_is_logged_in_is_so_no_more_when_the_pins_are_set_aside() {
    let cases: [Aside; 3] = [
        ("C_InitToken", |house| {
            let label = b"anew".to_vec();
            house.service.init_token(&operator(), "dev", &Secret::copy_of(OFFICER), label).unwrap();
        }),
        ("slot zeroise", |house| {
            house.service.order(&operator(), Order::SlotZeroise { slot: "dev".to_owned() }).unwrap();
        }),
        ("slot init", |_| ()),
    ];
    for (name, aside) in cases {
        let house = House::new();
        let (mut client, session) = house.user();
        let other = client.ask(request::OpenSession { slot: 1, flags: RW }).unwrap().session;
        client.log_in(other, UserType::USER, PIN).unwrap();
        let (_, private) = client.p256(session, "pair");
        let mechanism = Some(Mechanism::plain(MechanismType::ECDSA));
        client.ask(request::SignInit { session, mechanism, key: private }).unwrap();
        aside(&house);
        let (slot, so_pin, user_pin) = ("dev".to_owned(), Secret::copy_of(b"11111111"), Secret::copy_of(b"2222"));
        house.service.order(&operator(), Order::TokenInit { slot, so_pin, user_pin }).unwrap();
        let state = |client: &mut Client, session| client.ask(request::GetSessionInfo { session }).unwrap().info.state;
        assert_eq!(state(&mut client, session), SessionState::RW_PUBLIC_SESSION, "{name}");
        assert_eq!(state(&mut client, other), SessionState::RW_USER_FUNCTIONS, "{name}: of another token");
        let sign = request::Sign { session, data: Wiped::from(&[7; 32][..]), room: Room::Bytes(64) };
        assert_eq!(client.ask(sign).err(), Some(Rv::OPERATION_NOT_INITIALIZED), "{name}");
        assert_eq!(client.ask(request::Logout { session }).err(), Some(Rv::USER_NOT_LOGGED_IN), "{name}");
        assert_eq!(client.log_in(session, UserType::USER, PIN).err(), Some(Rv::PIN_INCORRECT), "{name}");
        client.log_in(session, UserType::SO, b"11111111").unwrap();
        assert_eq!(state(&mut client, session), SessionState::RW_SO_FUNCTIONS, "{name}: whoever comes later stays");
    }
}

#[test]
fn an_officer_of_the_turn_before_sets_no_pin() {
    let house = House::new();
    let before = house.service.turns().of(0);
    let officer = Secret::copy_of(OFFICER);
    house.service.init_token(&operator(), "dev", &officer, b"anew".to_vec()).unwrap();
    let set = |turn| house.service.set_user_pin(&operator(), "dev", turn, &Secret::copy_of(b"mine"));
    assert!(matches!(set(before), Err(PinError::Left)));
    set(house.service.turns().of(0)).unwrap();
}

#[test]
fn a_token_made_anew_has_a_label_and_neither_objects_nor_a_user() {
    let house = House::new();
    let (mut client, session) = house.user();
    client.aes(session, lasting_aes("key")).unwrap();
    let label = *b"made anew                       ";
    let make = |pin: &[u8]| request::InitToken { slot: 0, pin: Some(Wiped::from(pin)), label };
    assert_eq!(client.ask(make(OFFICER)).err(), Some(Rv::SESSION_EXISTS));
    client.ask(request::CloseAllSessions { slot: 0 }).unwrap();
    assert_eq!(client.ask(make(PIN)).err(), Some(Rv::PIN_INCORRECT));
    client.ask(make(OFFICER)).unwrap();
    let info = client.ask(request::GetTokenInfo { slot: 0 }).unwrap().info;
    assert_eq!(info.label, label);
    assert!(info.flags.has(TokenFlags::TOKEN_INITIALIZED) && !info.flags.has(TokenFlags::USER_PIN_INITIALIZED));
    let session = client.session(RW);
    assert_eq!(client.log_in(session, UserType::USER, PIN).err(), Some(Rv::USER_PIN_NOT_INITIALIZED));
    client.log_in(session, UserType::SO, OFFICER).unwrap();
    client.ask(request::InitPIN { session, pin: Some(Wiped::from(PIN)) }).unwrap();
    client.ask(request::Logout { session }).unwrap();
    client.log_in(session, UserType::USER, PIN).unwrap();
    assert!(client.find(session, vec![labelled("key")]).is_empty());
    assert!(house.records("\"removed\"") > 0, "its rows are gone too");
}

#[test]
fn whoever_logs_in_while_a_token_is_made_anew_is_not_logged_in_to_the_new_one() {
    let house = House::new();
    let (mut maker, mut client) = (house.attach(1), house.attach(2));
    let make = || request::InitToken { slot: 0, pin: Some(Wiped::from(OFFICER)), label: [b'n'; 32] };
    let mut made = 0;
    for round in 0..ROUNDS {
        let (anew, session, login) = thread::scope(|scope| {
            let anew = scope.spawn(|| maker.ask(make()));
            // A little later each time: before the token is looked at, between that and its end, and after.
            thread::sleep(STEP * round);
            let session = client.session(RW);
            let login = client.log_in(session, UserType::USER, PIN);
            (anew.join().unwrap(), session, login)
        });
        match anew {
            Ok(_) => {
                made += 1;
                let info = client.ask(request::GetSessionInfo { session }).unwrap().info;
                assert_eq!(info.state, SessionState::RW_PUBLIC_SESSION, "round {round}: by a PIN that is gone");
                client.log_in(session, UserType::SO, OFFICER).unwrap();
                client.ask(request::InitPIN { session, pin: Some(Wiped::from(PIN)) }).unwrap();
            }
            Err(refused) => {
                assert_eq!(refused, Rv::SESSION_EXISTS, "round {round}");
                login.unwrap();
            }
        }
        client.ask(request::CloseAllSessions { slot: 0 }).unwrap();
    }
    assert!(made > 0, "every round met a token in use");
}

/// Logins beside tokens that are made anew, each so much later than the one before.
const ROUNDS: u32 = 16;
const STEP: Duration = Duration::from_millis(1);

#[test]
fn a_token_with_something_that_may_not_be_destroyed_stays_as_it_is() {
    let house = House::new();
    let (mut client, session) = house.user();
    client.aes(session, lasting_aes("key")).unwrap();
    let mut kept = lasting_aes("kept");
    kept.push(truth(AttributeType::DESTROYABLE, false));
    client.aes(session, kept).unwrap();
    client.ask(request::CloseAllSessions { slot: 0 }).unwrap();
    let make = request::InitToken { slot: 0, pin: Some(Wiped::from(OFFICER)), label: [b'x'; 32] };
    assert_eq!(client.ask(make).err(), Some(Rv::TOKEN_WRITE_PROTECTED));
    let session = client.session(RW);
    client.log_in(session, UserType::USER, PIN).unwrap();
    for name in ["key", "kept"] {
        assert_eq!(client.find(session, vec![labelled(name)]).len(), 1, "{name}");
    }
}

/// Registers whoever runs this as a client.
fn registered(house: &House, role: &str) {
    house.service.found_authority(&operator(), "test", &["localhost".to_owned()]).unwrap();
    let user = Some(nix::unistd::getuid().as_raw());
    let (name, role) = ("tester".to_owned(), role.to_owned());
    house.service.order(&operator(), Order::ClientAdd { name, role, days: 1, user, csr: None }).unwrap();
}

#[test]
fn whoever_is_known_needs_no_pin_where_the_slot_says_so() {
    let house = House::new();
    registered(&house, "user");
    let mut client = house.attach(1);
    let flags = |client: &mut Client, slot| {
        let info = client.ask(request::GetTokenInfo { slot }).unwrap().info;
        info.flags.has(TokenFlags::PROTECTED_AUTHENTICATION_PATH)
    };
    assert!(!flags(&mut client, 0) && flags(&mut client, 1));
    let (near, other) = (client.session(RW), client.ask(request::OpenSession { slot: 1, flags: RW }).unwrap().session);
    let without = |session, user| request::Login { session, user, pin: None };
    for (why, session, user) in
        [("a slot without that path", near, UserType::USER), ("the security officer", other, UserType::SO)]
    {
        assert_eq!(client.ask(without(session, user)).err(), Some(Rv::ARGUMENTS_BAD), "{why}");
    }
    let before = house.records("\"login\"");
    client.ask(without(other, UserType::USER)).unwrap();
    assert!(house.records("\"login\"") > before, "it is in the log");
    let info = client.ask(request::GetSessionInfo { session: other }).unwrap().info;
    assert_eq!(info.state, SessionState::RW_USER_FUNCTIONS);
}

#[test]
fn an_administrator_is_the_security_officer_without_a_pin_too_and_nobody_unknown_is_anything() {
    let house = House::new();
    let mut client = house.attach(1);
    let session = client.ask(request::OpenSession { slot: 1, flags: RW }).unwrap().session;
    let without = |user| request::Login { session, user, pin: None };
    assert_eq!(client.ask(without(UserType::USER)).err(), Some(Rv::ARGUMENTS_BAD));
    registered(&house, "auditor");
    assert_eq!(client.ask(without(UserType::USER)).err(), Some(Rv::ARGUMENTS_BAD), "one who only looks on");
    house.service.order(&operator(), Order::ClientRevoke { name: "tester".to_owned() }).unwrap();
    let user = Some(nix::unistd::getuid().as_raw());
    let (name, role) = ("root".to_owned(), "administrator".to_owned());
    house.service.order(&operator(), Order::ClientAdd { name, role, days: 1, user, csr: None }).unwrap();
    client.ask(without(UserType::SO)).unwrap();
}

#[test]
fn a_new_pin_follows_the_rules_of_its_slot() {
    let house = House::new();
    let mut client = house.attach(1);
    assert_eq!(client.ask(request::GetTokenInfo { slot: 1 }).unwrap().info.shortest_pin, 5);
    let session = client.ask(request::OpenSession { slot: 1, flags: RW }).unwrap().session;
    client.log_in(session, UserType::SO, OFFICER).unwrap();
    let set = |pin: &[u8]| request::InitPIN { session, pin: Some(Wiped::from(pin)) };
    let long = [b'1'; 256];
    for (why, pin, expected) in [
        ("too short", &b"1234"[..], Rv::PIN_LEN_RANGE),
        ("too long", &long, Rv::PIN_LEN_RANGE),
        ("the officer's own", OFFICER, Rv::PIN_TOO_WEAK),
    ] {
        assert_eq!(client.ask(set(pin)).err(), Some(expected), "{why}");
    }
    client.ask(set(b"12345")).unwrap();
    client.ask(request::Logout { session }).unwrap();
    client.log_in(session, UserType::USER, b"12345").unwrap();
}
