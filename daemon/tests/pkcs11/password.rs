//! Keys that are made of passwords, and keys that others are derived from and nothing else.

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Reveal, Template, Value, Wanted},
    call::request,
    mechanism::{Parameter, Password},
    number::KeyType,
    value::{Bytes, Room, Wiped},
};

use crate::house::{Client, House, number, truth};

fn password(source: u64, salt: &[u8], iterations: u64, function: u64, password: &[u8]) -> Mechanism {
    let (salt, password) = (Bytes(salt.to_vec()), Wiped::from(password));
    let parameter = Parameter::Password(Password { source, salt, iterations, function, password });
    Mechanism { kind: MechanismType::PKCS5_PBKD2, parameter }
}

fn open(key: KeyType, length: u64) -> Template {
    vec![
        number(AttributeType::KEY_TYPE, key.0),
        number(AttributeType::VALUE_LEN, length),
        truth(AttributeType::SENSITIVE, false),
        truth(AttributeType::EXTRACTABLE, true),
    ]
}

fn generate(client: &mut Client, session: u64, mechanism: Mechanism, template: Template) -> Result<u64, Rv> {
    client.ask(request::GenerateKey { session, mechanism, template }).map(|answer| answer.key)
}

fn read(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> Value {
    let wanted = vec![Wanted { kind, room: Room::Bytes(4096) }];
    let mut said = client.ask(request::GetAttributeValue { session, object, wanted }).unwrap().revealed;
    match said.remove(0) {
        Reveal::Value(Attribute { value, .. }) => value,
        other => panic!("{kind}: {other:?}"),
    }
}

fn truth_of(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> bool {
    matches!(read(client, session, object, kind), Value::Bool(true))
}

/// `CKP_PKCS5_PBKD2_HMAC_SHA1`, `_SHA256` and `_SHA512`.
const SHA1: u64 = 1;
const SHA256: u64 = 4;
const SHA512: u64 = 6;

#[test]
fn a_password_makes_the_key_that_the_standards_say() {
    let house = House::legacy();
    let (mut client, session) = house.user();
    // RFC 6070, RFC 7914 §11, and what Python's hashlib computes.
    for (name, mechanism, length, first) in [
        ("RFC 6070, 2 rounds", password(1, b"salt", 2, SHA1, b"password"), 20, [0xea, 0x6c, 0x01, 0x4d]),
        ("RFC 6070, 4096 rounds", password(1, b"salt", 4096, SHA1, b"password"), 20, [0x4b, 0x00, 0x79, 0x01]),
        ("RFC 7914", password(1, b"salt", 1, SHA256, b"passwd"), 64, [0x55, 0xac, 0x04, 0x6e]),
        ("SHA-512", password(1, b"salt", 1000, SHA512, b"password"), 32, [0xaf, 0xe6, 0xc5, 0x53]),
    ] {
        let key = generate(&mut client, session, mechanism, open(KeyType::GENERIC_SECRET, length)).unwrap();
        let Value::Bytes(bytes) = read(&mut client, session, key, AttributeType::VALUE) else { panic!("{name}") };
        assert_eq!((bytes.reveal().len() as u64, &bytes.reveal()[..4]), (length, &first[..]), "{name}");
        assert!(!truth_of(&mut client, session, key, AttributeType::LOCAL), "{name}: its password came from elsewhere");
    }
    let mechanism = password(1, b"salt", 1000, SHA256, b"password");
    let aes = generate(&mut client, session, mechanism, open(KeyType::AES, 32)).unwrap();
    assert!(truth_of(&mut client, session, aes, AttributeType::ENCRYPT), "it is a key like others");
    assert_eq!(house.records("\"PBKDF2\""), 5);
}

#[test]
fn a_slot_for_new_keys_makes_none_of_passwords() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mechanism = password(1, b"salt", 1000, SHA256, b"password");
    let refused = generate(&mut client, session, mechanism, open(KeyType::AES, 32));
    assert_eq!(refused.err(), Some(Rv::MECHANISM_INVALID));
}

#[test]
fn what_is_no_way_to_make_a_key_of_a_password_is_refused() {
    let house = House::legacy();
    let (mut client, session) = house.user();
    let secret = || open(KeyType::GENERIC_SECRET, 32);
    let sound = || password(1, b"salt", 1000, SHA256, b"password");
    for (why, mechanism, template, expected) in [
        ("another source", password(2, b"salt", 1, SHA256, b"p"), secret(), Rv::MECHANISM_PARAM_INVALID),
        ("no salt", password(1, b"", 1, SHA256, b"p"), secret(), Rv::MECHANISM_PARAM_INVALID),
        ("no round", password(1, b"salt", 0, SHA256, b"p"), secret(), Rv::MECHANISM_PARAM_INVALID),
        ("rounds without end", password(1, b"salt", u64::MAX, SHA256, b"p"), secret(), Rv::MECHANISM_PARAM_INVALID),
        ("rounds for years", password(1, b"salt", 1 << 31, SHA256, b"p"), secret(), Rv::MECHANISM_PARAM_INVALID),
        ("GOST", password(1, b"salt", 1, 2, b"p"), secret(), Rv::MECHANISM_PARAM_INVALID),
        ("no function", password(1, b"salt", 1, 0, b"p"), secret(), Rv::MECHANISM_PARAM_INVALID),
        ("no parameter", Mechanism::plain(MechanismType::PKCS5_PBKD2), secret(), Rv::MECHANISM_PARAM_INVALID),
        ("no type", sound(), vec![number(AttributeType::VALUE_LEN, 32)], Rv::TEMPLATE_INCOMPLETE),
        ("no length", sound(), vec![number(AttributeType::KEY_TYPE, KeyType::AES.0)], Rv::TEMPLATE_INCOMPLETE),
        ("AES of 8 bytes", sound(), open(KeyType::AES, 8), Rv::ATTRIBUTE_VALUE_INVALID),
        ("a pair", sound(), open(KeyType::RSA, 32), Rv::ATTRIBUTE_VALUE_INVALID),
    ] {
        assert_eq!(generate(&mut client, session, mechanism, template).err(), Some(expected), "{why}");
    }
}

#[test]
fn a_key_for_hkdf_derives_and_does_nothing_else() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mechanism = || Mechanism::plain(MechanismType::HKDF_KEY_GEN);
    let key = generate(&mut client, session, mechanism(), vec![number(AttributeType::VALUE_LEN, 32)]).unwrap();
    let Value::Ulong(kind) = read(&mut client, session, key, AttributeType::KEY_TYPE) else { panic!("no type") };
    assert_eq!(KeyType(kind), KeyType::HKDF);
    for (use_of, expected) in [(AttributeType::DERIVE, true), (AttributeType::SIGN, false)] {
        assert_eq!(truth_of(&mut client, session, key, use_of), expected, "{use_of}");
    }
    let Value::Ulong(maker) = read(&mut client, session, key, AttributeType::KEY_GEN_MECHANISM) else { panic!("none") };
    assert_eq!(MechanismType(maker), MechanismType::HKDF_KEY_GEN);
    assert_eq!(generate(&mut client, session, mechanism(), Vec::new()).err(), Some(Rv::TEMPLATE_INCOMPLETE));
    let other = Mechanism { kind: MechanismType::HKDF_KEY_GEN, ..password(1, b"salt", 1, SHA256, b"p") };
    let refused = generate(&mut client, session, other, vec![number(AttributeType::VALUE_LEN, 32)]);
    assert_eq!(refused.err(), Some(Rv::MECHANISM_PARAM_INVALID));
}
