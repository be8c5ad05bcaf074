//! Signatures that hold what was signed.

use strongroom_pkcs11_wire::{
    AttributeType, Mechanism, MechanismType, Rv,
    attribute::Wanted,
    call::request,
    number::MechanismFlags,
    value::{Bytes, Output, Room, Wiped},
};

use crate::house::{Client, House, labelled, lasts, number, truth};

/// An RSA pair: public, private.
fn rsa(client: &mut Client, session: u64, recovers: bool) -> (u64, u64) {
    let public = vec![number(AttributeType::MODULUS_BITS, 2048), labelled("rsa"), lasts()];
    let private = vec![labelled("rsa"), lasts(), truth(AttributeType::SIGN_RECOVER, recovers)];
    let mechanism = Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN);
    let made = client.ask(request::GenerateKeyPair { session, mechanism, public, private }).unwrap();
    (made.public, made.private)
}

fn sign(client: &mut Client, session: u64, kind: MechanismType, key: u64, data: &[u8]) -> Result<Vec<u8>, Rv> {
    client.ask(request::SignRecoverInit { session, mechanism: Some(Mechanism::plain(kind)), key })?;
    let ask = request::SignRecover { session, data: Wiped::from(data), room: Room::Bytes(512) };
    client.ask(ask).map(|answer| given(answer.output))
}

fn recover(client: &mut Client, session: u64, kind: MechanismType, key: u64, signature: &[u8]) -> Result<Vec<u8>, Rv> {
    client.ask(request::VerifyRecoverInit { session, mechanism: Some(Mechanism::plain(kind)), key })?;
    let ask = request::VerifyRecover { session, signature: Bytes(signature.to_vec()), room: Room::Bytes(512) };
    client.ask(ask).map(|answer| given(answer.output))
}

fn given(output: Output) -> Vec<u8> {
    match output {
        Output::Bytes(bytes) => bytes.into_vec(),
        Output::Length(length) => panic!("only a length: {length}"),
    }
}

const PKCS: MechanismType = MechanismType::RSA_PKCS;
const RAW: MechanismType = MechanismType::RSA_X_509;

#[test]
fn what_was_signed_comes_back_out_of_the_signature() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = rsa(&mut client, session, true);
    let whole = [vec![0], vec![7; 255]].concat();
    for (name, kind, data) in
        [("a word", PKCS, &b"word"[..]), ("nothing", PKCS, &[]), ("as much as fits", PKCS, &[9; 245])]
    {
        let signature = sign(&mut client, session, kind, private, data).unwrap();
        assert_eq!(recover(&mut client, session, kind, public, &signature).as_deref(), Ok(data), "{name}");
    }
    let signature = sign(&mut client, session, RAW, private, &whole).unwrap();
    assert_eq!(recover(&mut client, session, RAW, public, &signature), Ok(whole), "without padding");
    let info = client.ask(request::GetMechanismInfo { slot: 0, mechanism: RAW }).unwrap().info;
    assert!(info.flags.has(MechanismFlags::SIGN_RECOVER) && info.flags.has(MechanismFlags::VERIFY_RECOVER));
}

#[test]
fn what_is_no_signature_gives_nothing() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = rsa(&mut client, session, true);
    let mut signature = sign(&mut client, session, PKCS, private, b"word").unwrap();
    assert_eq!(recover(&mut client, session, PKCS, public, &signature[1..]), Err(Rv::SIGNATURE_LEN_RANGE));
    signature[100] ^= 1;
    assert_eq!(recover(&mut client, session, PKCS, public, &signature), Err(Rv::SIGNATURE_INVALID));
    let over = request::VerifyRecover { session, signature: Bytes(signature), room: Room::Query };
    assert_eq!(client.ask(over).err(), Some(Rv::OPERATION_NOT_INITIALIZED), "a failure ends it");
    assert_eq!(sign(&mut client, session, PKCS, private, &[9; 246]), Err(Rv::DATA_LEN_RANGE));
}

#[test]
fn only_the_mechanisms_and_keys_that_recover_do() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = rsa(&mut client, session, false);
    let begin = |kind, key| request::SignRecoverInit { session, mechanism: Some(Mechanism::plain(kind)), key };
    for (name, kind, key, expected) in [
        ("a key that must not", PKCS, private, Rv::KEY_FUNCTION_NOT_PERMITTED),
        ("a hash", MechanismType::SHA256_RSA_PKCS, private, Rv::MECHANISM_INVALID),
        ("the wrong half", PKCS, public, Rv::KEY_FUNCTION_NOT_PERMITTED),
        ("no key", PKCS, 99_999, Rv::KEY_HANDLE_INVALID),
    ] {
        assert_eq!(client.ask(begin(kind, key)).err(), Some(expected), "{name}");
    }
    let wanted = vec![Wanted { kind: AttributeType::SIGN_RECOVER, room: Room::Bytes(1) }];
    let said = client.ask(request::GetAttributeValue { session, object: private, wanted }).unwrap();
    assert!(format!("{said:?}").contains("Bool(false)"), "{said:?}");
}

#[test]
fn it_is_an_operation_of_its_own_and_can_be_cancelled() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (_, private) = rsa(&mut client, session, true);
    let mechanism = || Some(Mechanism::plain(PKCS));
    client.ask(request::SignInit { session, mechanism: mechanism(), key: private }).unwrap();
    client.ask(request::SignRecoverInit { session, mechanism: mechanism(), key: private }).unwrap();
    let again = request::SignRecoverInit { session, mechanism: mechanism(), key: private };
    assert_eq!(client.ask(again).err(), Some(Rv::OPERATION_ACTIVE));
    client.ask(request::SessionCancel { session, flags: MechanismFlags::SIGN_RECOVER }).unwrap();
    let over = request::SignRecover { session, data: Wiped::new(vec![1]), room: Room::Bytes(512) };
    assert_eq!(client.ask(over).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
    let sign = request::Sign { session, data: Wiped::new(vec![1]), room: Room::Bytes(512) };
    assert!(client.ask(sign).is_ok(), "the other one goes on");
}

#[test]
fn a_question_for_the_length_ends_nothing() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = rsa(&mut client, session, true);
    let signature = sign(&mut client, session, PKCS, private, b"word").unwrap();
    let mechanism = Some(Mechanism::plain(PKCS));
    client.ask(request::VerifyRecoverInit { session, mechanism, key: public }).unwrap();
    let ask = |room| request::VerifyRecover { session, signature: Bytes(signature.clone()), room };
    let (rv, _) = client.call(ask(Room::Query));
    assert_eq!(rv, Rv::OK);
    let (rv, _) = client.call(ask(Room::Bytes(3)));
    assert_eq!(rv, Rv::BUFFER_TOO_SMALL);
    assert_eq!(given(client.ask(ask(Room::Bytes(4))).unwrap().output), b"word");
}
