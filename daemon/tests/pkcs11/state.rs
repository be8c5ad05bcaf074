//! Operations that are saved and gone on with.

use strongroom_pkcs11_wire::{
    AttributeType, Mechanism, MechanismType, Rv,
    call::request,
    number::{KeyType, ObjectClass, UserType},
    value::{Bytes, Output, Room, Wiped},
};

use crate::house::{Client, House, PIN, RW, class, lasting_aes, lasts, number, truth};

fn save(client: &mut Client, session: u64) -> Result<Bytes, Rv> {
    let answer = client.ask(request::GetOperationState { session, room: Room::Bytes(1024) })?;
    match answer.output {
        Output::Bytes(bytes) => Ok(Bytes(bytes.into_vec())),
        Output::Length(length) => panic!("only a length: {length}"),
    }
}

fn restore(client: &mut Client, session: u64, state: &Bytes, authentication: u64) -> Result<(), Rv> {
    let ask = request::SetOperationState { session, state: state.clone(), encryption: 0, authentication };
    client.ask(ask).map(|_| ())
}

fn digest(client: &mut Client, session: u64, data: &[u8]) {
    let mechanism = Some(Mechanism::plain(MechanismType::SHA256));
    client.ask(request::DigestInit { session, mechanism }).unwrap();
    client.ask(request::DigestUpdate { session, data: Wiped::from(data) }).unwrap();
}

fn end(client: &mut Client, session: u64, data: &[u8]) -> Vec<u8> {
    client.ask(request::DigestUpdate { session, data: Wiped::from(data) }).unwrap();
    given(client.ask(request::DigestFinal { session, room: Room::Bytes(64) }).unwrap().output)
}

fn given(output: Output) -> Vec<u8> {
    match output {
        Output::Bytes(bytes) => bytes.into_vec(),
        Output::Length(length) => panic!("only a length: {length}"),
    }
}

/// A key for MACs.
fn secret(client: &mut Client, session: u64) -> u64 {
    let template = vec![
        class(ObjectClass::SECRET_KEY),
        number(AttributeType::KEY_TYPE, KeyType::GENERIC_SECRET.0),
        number(AttributeType::VALUE_LEN, 32),
        lasts(),
    ];
    let mechanism = Mechanism::plain(MechanismType::GENERIC_SECRET_KEY_GEN);
    client.ask(request::GenerateKey { session, mechanism, template }).unwrap().key
}

fn begin(client: &mut Client, session: u64, kind: MechanismType, key: u64, data: &[u8]) {
    client.ask(request::SignInit { session, mechanism: Some(Mechanism::plain(kind)), key }).unwrap();
    client.ask(request::SignUpdate { session, data: Wiped::from(data) }).unwrap();
}

fn signed(client: &mut Client, session: u64, data: &[u8]) -> Vec<u8> {
    client.ask(request::SignUpdate { session, data: Wiped::from(data) }).unwrap();
    given(client.ask(request::SignFinal { session, room: Room::Bytes(512) }).unwrap().output)
}

#[test]
fn a_digest_goes_on_twice_from_where_it_was_saved_in_any_session_of_the_token() {
    let house = House::new();
    let (mut client, session) = house.user();
    let other = client.session(RW);
    digest(&mut client, session, b"one ");
    let state = save(&mut client, session).unwrap();
    let first = end(&mut client, session, b"two");
    restore(&mut client, other, &state, 0).unwrap();
    assert_eq!(end(&mut client, other, b"two"), first);
    digest(&mut client, session, b"something else");
    restore(&mut client, session, &state, 0).unwrap();
    assert_eq!(end(&mut client, session, b"two"), first, "what was under way is replaced");
    digest(&mut client, session, b"one two");
    assert_eq!(end(&mut client, session, b""), first);
}

#[test]
fn macs_and_signatures_go_on_too() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mac = secret(&mut client, session);
    let mut template = lasting_aes("mac");
    template.push(truth(AttributeType::SIGN, true));
    let aes = client.aes(session, template).unwrap();
    for (name, kind, key) in [
        ("HMAC", MechanismType::SHA256_HMAC, mac),
        ("HMAC of another hash", MechanismType::SHA384_HMAC, mac),
        ("CMAC", MechanismType::AES_CMAC, aes),
    ] {
        begin(&mut client, session, kind, key, b"one ");
        let state = save(&mut client, session).unwrap();
        let first = signed(&mut client, session, b"two");
        restore(&mut client, session, &state, 0).unwrap();
        assert_eq!(signed(&mut client, session, b"two"), first, "{name}");
    }
    let (public, private) = client.p256(session, "pair");
    begin(&mut client, session, MechanismType::ECDSA_SHA256, private, b"one ");
    let state = save(&mut client, session).unwrap();
    signed(&mut client, session, b"three");
    restore(&mut client, session, &state, private).unwrap();
    let signature = signed(&mut client, session, b"two");
    let mechanism = Some(Mechanism::plain(MechanismType::ECDSA_SHA256));
    client.ask(request::VerifyInit { session, mechanism, key: public }).unwrap();
    let ask = request::Verify { session, data: Wiped::from(&b"one two"[..]), signature: Bytes(signature) };
    assert!(client.ask(ask).is_ok());
}

#[test]
fn what_has_only_begun_is_saved_as_well() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = secret(&mut client, session);
    let mechanism = Some(Mechanism::plain(MechanismType::SHA256_HMAC));
    client.ask(request::SignInit { session, mechanism, key }).unwrap();
    let state = save(&mut client, session).unwrap();
    let first = signed(&mut client, session, b"data");
    restore(&mut client, session, &state, key).unwrap();
    assert_eq!(signed(&mut client, session, b"data"), first);
}

#[test]
fn a_state_is_its_applications_and_its_tokens() {
    let house = House::new();
    let (mut client, session) = house.user();
    digest(&mut client, session, b"one ");
    let state = save(&mut client, session).unwrap();
    let elsewhere = client.ask(request::OpenSession { slot: 1, flags: RW }).unwrap().session;
    assert_eq!(restore(&mut client, elsewhere, &state, 0), Err(Rv::SAVED_STATE_INVALID), "another token");
    let mut stranger = house.attach(2);
    let theirs = stranger.session(RW);
    assert_eq!(restore(&mut stranger, theirs, &state, 0), Err(Rv::SAVED_STATE_INVALID), "another application");
    for (name, bytes) in [
        ("nothing", Vec::new()),
        ("a byte less", state[1..].to_vec()),
        ("a byte more", [&state[..], &[0]].concat()),
        ("another run", state.iter().map(|byte| !byte).collect()),
        ("one that was never given", [&state[..16], &[0xFF; 8]].concat()),
    ] {
        assert_eq!(restore(&mut client, session, &Bytes(bytes), 0), Err(Rv::SAVED_STATE_INVALID), "{name}");
    }
    assert_eq!(restore(&mut client, 1, &state, 0), Err(Rv::SESSION_HANDLE_INVALID), "no session");
    assert!(restore(&mut client, session, &state, 0).is_ok(), "and nothing was lost");
}

#[test]
fn what_cannot_be_saved_says_so_and_goes_on() {
    let house = House::new();
    let (mut client, session) = house.user();
    assert_eq!(save(&mut client, session), Err(Rv::OPERATION_NOT_INITIALIZED));
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let mechanism = Some(Mechanism::plain(MechanismType::AES_ECB));
    client.ask(request::EncryptInit { session, mechanism, key }).unwrap();
    assert_eq!(save(&mut client, session), Err(Rv::STATE_UNSAVEABLE), "a cipher");
    digest(&mut client, session, b"one");
    assert_eq!(save(&mut client, session), Err(Rv::STATE_UNSAVEABLE), "a digest beside a cipher");
    let ask = request::Encrypt { session, data: Wiped::new(vec![7; 16]), room: Room::Bytes(16) };
    assert!(client.ask(ask).is_ok());
    assert!(save(&mut client, session).is_ok(), "the digest alone");
}

#[test]
fn a_key_is_given_back_only_where_it_is_the_one() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (key, other) = (secret(&mut client, session), secret(&mut client, session));
    digest(&mut client, session, b"one");
    let plain = save(&mut client, session).unwrap();
    end(&mut client, session, b"");
    begin(&mut client, session, MechanismType::SHA256_HMAC, key, b"one");
    let state = save(&mut client, session).unwrap();
    for (name, state, authentication, expected) in [
        ("another key", &state, other, Rv::KEY_CHANGED),
        ("no key", &state, 99_999, Rv::KEY_HANDLE_INVALID),
        ("a key for a digest", &plain, key, Rv::KEY_NOT_NEEDED),
    ] {
        assert_eq!(restore(&mut client, session, state, authentication), Err(expected), "{name}");
    }
    let encryption = request::SetOperationState { session, state: state.clone(), encryption: key, authentication: 0 };
    assert_eq!(client.ask(encryption).err(), Some(Rv::KEY_NOT_NEEDED));
    client.ask(request::DestroyObject { session, object: key }).unwrap();
    assert!(restore(&mut client, session, &state, 0).is_err(), "a key that is gone");
}

#[test]
fn a_logout_and_time_take_what_was_saved() {
    let house = House::new();
    let (mut client, session) = house.user();
    digest(&mut client, session, b"one");
    let state = save(&mut client, session).unwrap();
    client.ask(request::Logout { session }).unwrap();
    client.log_in(session, UserType::USER, PIN).unwrap();
    assert_eq!(restore(&mut client, session, &state, 0), Err(Rv::SAVED_STATE_INVALID));
    digest(&mut client, session, b"one");
    let first = save(&mut client, session).unwrap();
    let last = (0..32).map(|_| save(&mut client, session).unwrap()).last().unwrap();
    assert_eq!(restore(&mut client, session, &first, 0), Err(Rv::SAVED_STATE_INVALID), "the oldest made room");
    assert!(restore(&mut client, session, &last, 0).is_ok());
}

#[test]
fn a_question_for_the_length_saves_nothing() {
    let house = House::new();
    let (mut client, session) = house.user();
    digest(&mut client, session, b"one");
    for room in [Room::Query, Room::Bytes(23)] {
        let (rv, answer) = client.call(request::GetOperationState { session, room });
        assert_eq!(rv, if room == Room::Query { Rv::OK } else { Rv::BUFFER_TOO_SMALL });
        assert!(matches!(answer.unwrap().output, Output::Length(24)));
    }
}
