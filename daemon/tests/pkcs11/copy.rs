//! Copies of objects.

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Reveal, Template, Value, Wanted},
    call::request,
    mechanism::{Gcm, Parameter},
    value::{Bytes, Room, Wiped},
};

use crate::house::{Client, House, RO, labelled, lasting_aes, lasts, number, truth};

fn copy(client: &mut Client, session: u64, object: u64, template: Template) -> Result<u64, Rv> {
    client.ask(request::CopyObject { session, object, template }).map(|answer| answer.copy)
}

fn is(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> bool {
    let wanted = vec![Wanted { kind, room: Room::Bytes(1) }];
    let revealed = client.ask(request::GetAttributeValue { session, object, wanted }).unwrap().revealed;
    let [Reveal::Value(Attribute { value: Value::Bool(truth), .. })] = &revealed[..] else { panic!("{revealed:?}") };
    *truth
}

#[test]
fn a_copy_is_the_same_key_with_a_life_of_its_own() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let other = copy(&mut client, session, key, vec![labelled("other")]).unwrap();
    assert_ne!(other, key);
    let ciphertext = client.encrypted(session, key);
    assert_eq!(client.encrypted(session, other), ciphertext);
    assert_eq!(client.find(session, vec![labelled("other")]), [other]);
    assert_eq!(client.find(session, vec![labelled("key")]), [key]);
    client.ask(request::DestroyObject { session, object: key }).unwrap();
    assert_eq!(client.encrypted(session, other), ciphertext);
    assert!(is(&mut client, session, other, AttributeType::TOKEN));
    assert!(is(&mut client, session, other, AttributeType::LOCAL));
}

#[test]
fn a_session_object_becomes_one_of_the_token_by_being_copied() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, vec![number(AttributeType::VALUE_LEN, 16)]).unwrap();
    let lasting = copy(&mut client, session, key, vec![lasts()]).unwrap();
    let passing = copy(&mut client, session, lasting, vec![truth(AttributeType::TOKEN, false)]).unwrap();
    assert!(is(&mut client, session, lasting, AttributeType::TOKEN));
    assert!(!is(&mut client, session, passing, AttributeType::TOKEN));
    client.ask(request::CloseAllSessions { slot: 0 }).unwrap();
    assert_eq!(house.vault.count().unwrap(), 1);
}

#[test]
fn a_copy_is_only_ever_tighter() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mut template = lasting_aes("key");
    template.extend([truth(AttributeType::SENSITIVE, false), truth(AttributeType::EXTRACTABLE, true)]);
    let key = client.aes(session, template).unwrap();
    let tight = vec![truth(AttributeType::SENSITIVE, true), truth(AttributeType::EXTRACTABLE, false)];
    let other = copy(&mut client, session, key, tight).unwrap();
    for (kind, expected) in [
        (AttributeType::SENSITIVE, true),
        (AttributeType::EXTRACTABLE, false),
        (AttributeType::ALWAYS_SENSITIVE, false),
        (AttributeType::NEVER_EXTRACTABLE, false),
    ] {
        assert_eq!(is(&mut client, session, other, kind), expected, "{kind}");
    }
    for (why, loose) in [
        ("readable again", truth(AttributeType::SENSITIVE, false)),
        ("leaving again", truth(AttributeType::EXTRACTABLE, true)),
        ("another use", truth(AttributeType::SIGN, true)),
        ("the token's own", truth(AttributeType::LOCAL, false)),
    ] {
        assert!(copy(&mut client, session, other, vec![loose]).is_err(), "{why}");
    }
}

#[test]
fn a_copy_that_may_not_be_is_refused_by_its_fault() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let mut template = lasting_aes("single");
    template.push(truth(AttributeType::COPYABLE, false));
    let single = client.aes(session, template).unwrap();
    let mut template = lasting_aes("both");
    template.extend([truth(AttributeType::WRAP, true), truth(AttributeType::DECRYPT, true)]);
    let both = client.aes(session, template).unwrap();
    let reader = client.session(RO);
    for (why, session, object, template, expected) in [
        ("it says so itself", session, single, vec![], Rv::ACTION_PROHIBITED),
        ("it wraps and decrypts", session, both, vec![], Rv::ACTION_PROHIBITED),
        ("a session that only reads", reader, key, vec![], Rv::SESSION_READ_ONLY),
        ("no object", session, 99_999, vec![], Rv::OBJECT_HANDLE_INVALID),
        ("no session", 99_999, key, vec![], Rv::SESSION_HANDLE_INVALID),
        ("twice the same", session, key, vec![labelled("a"), labelled("b")], Rv::TEMPLATE_INCONSISTENT),
    ] {
        assert_eq!(copy(&mut client, session, object, template).err(), Some(expected), "{why}");
    }
    assert_eq!(house.vault.count().unwrap(), 3);
}

#[test]
fn a_copy_is_recorded_with_its_original() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let before = (house.records("\"Get\""), house.records("\"Register\""));
    copy(&mut client, session, key, vec![]).unwrap();
    assert_eq!((house.records("\"Get\""), house.records("\"Register\"")), (before.0 + 1, before.1 + 1));
}

/// Encrypts something under a nonce of the caller's choosing.
fn seal(client: &mut Client, session: u64, key: u64, nonce: u8) -> Result<(), Rv> {
    let parameter = Gcm { iv: Bytes(vec![nonce; 12]), iv_bits: 96, aad: Bytes(Vec::new()), tag_bits: 128 };
    let mechanism = Some(Mechanism { kind: MechanismType::AES_GCM, parameter: Parameter::Gcm(parameter) });
    client.ask(request::EncryptInit { session, mechanism, key })?;
    client.ask(request::Encrypt { session, data: Wiped::new(vec![7; 16]), room: Room::Bytes(64) }).map(|_| ())
}

#[test]
fn no_copy_of_a_key_takes_a_nonce_that_another_has_taken() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let early = copy(&mut client, session, key, vec![labelled("early")]).unwrap();
    seal(&mut client, session, key, 1).unwrap();
    let late = copy(&mut client, session, key, vec![labelled("late")]).unwrap();
    let of_copy = copy(&mut client, session, early, vec![labelled("of a copy")]).unwrap();
    seal(&mut client, session, early, 2).unwrap();
    for (name, key) in [("the first", key), ("early", early), ("late", late), ("of a copy", of_copy)] {
        for nonce in [1, 2] {
            assert!(seal(&mut client, session, key, nonce).is_err(), "{name} takes {nonce}");
        }
    }
    client.ask(request::DestroyObject { session, object: key }).unwrap();
    client.ask(request::DestroyObject { session, object: early }).unwrap();
    assert!(seal(&mut client, session, late, 1).is_err(), "what the first has taken stays taken");
    seal(&mut client, session, late, 3).unwrap();
    assert!(seal(&mut client, session, of_copy, 3).is_err());
}
