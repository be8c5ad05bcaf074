//! Operations: the state machine of the standard, and the two-call rule.

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::Value,
    call::request,
    mechanism::{Gcm, Iv, Parameter},
    number::MechanismFlags,
    value::{Bytes, Output, Room, Wiped},
};

use crate::house::{Client, House, lasting_aes};

fn data(bytes: &[u8]) -> Wiped {
    Wiped::from(bytes)
}

fn output(output: Output) -> Vec<u8> {
    match output {
        Output::Bytes(bytes) => bytes.into_vec(),
        Output::Length(length) => panic!("only a length: {length}"),
    }
}

fn length(output: Output) -> u32 {
    match output {
        Output::Length(length) => length,
        Output::Bytes(bytes) => panic!("{} bytes", bytes.len()),
    }
}

fn plain(kind: MechanismType) -> Option<Mechanism> {
    Some(Mechanism::plain(kind))
}

fn cbc(kind: MechanismType) -> Option<Mechanism> {
    Some(Mechanism { kind, parameter: Parameter::Iv(Iv { iv: Bytes(vec![0; 16]) }) })
}

fn gcm() -> Option<Mechanism> {
    let parameter = Gcm { iv: Bytes(vec![0; 12]), iv_bits: 96, aad: Bytes(b"aad".to_vec()), tag_bits: 128 };
    Some(Mechanism { kind: MechanismType::AES_GCM, parameter: Parameter::Gcm(parameter) })
}

fn encrypt(client: &mut Client, session: u64, key: u64, mechanism: Option<Mechanism>, plain: &[u8]) -> Vec<u8> {
    client.ask(request::EncryptInit { session, mechanism, key }).unwrap();
    let room = Room::Bytes(4096);
    output(client.ask(request::Encrypt { session, data: data(plain), room }).unwrap().output)
}

#[test]
fn a_signature_is_made_and_checked() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = client.p256(session, "pair");
    client.ask(request::SignInit { session, mechanism: plain(MechanismType::ECDSA), key: private }).unwrap();
    let sign = request::Sign { session, data: data(&[1; 32]), room: Room::Bytes(64) };
    let signature = output(client.ask(sign).unwrap().output);
    assert_eq!(signature.len(), 64);
    let mut other = signature.clone();
    other[5] ^= 1;
    for (why, signature, expected) in [
        ("the right one", signature.clone(), None),
        ("a wrong one", other, Some(Rv::SIGNATURE_INVALID)),
        ("a short one", signature[..63].to_vec(), Some(Rv::SIGNATURE_LEN_RANGE)),
        ("none", Vec::new(), Some(Rv::SIGNATURE_LEN_RANGE)),
    ] {
        client.ask(request::VerifyInit { session, mechanism: plain(MechanismType::ECDSA), key: public }).unwrap();
        let ask = || request::Verify { session, data: data(&[1; 32]), signature: Bytes(signature.clone()) };
        assert_eq!(client.ask(ask()).err(), expected, "{why}");
        assert_eq!(client.ask(ask()).err(), Some(Rv::OPERATION_NOT_INITIALIZED), "{why}, again");
    }
}

#[test]
fn asking_for_the_size_ends_nothing_and_an_output_does() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (_, private) = client.p256(session, "pair");
    client.ask(request::SignInit { session, mechanism: plain(MechanismType::ECDSA), key: private }).unwrap();
    let sign = |room| request::Sign { session, data: data(&[1; 32]), room };
    let (rv, answer) = client.call(sign(Room::Query));
    assert_eq!((rv, length(answer.unwrap().output)), (Rv::OK, 64));
    let (rv, answer) = client.call(sign(Room::Bytes(63)));
    assert_eq!((rv, length(answer.unwrap().output)), (Rv::BUFFER_TOO_SMALL, 64));
    assert_eq!(output(client.ask(sign(Room::Bytes(64))).unwrap().output).len(), 64);
    assert_eq!(client.ask(sign(Room::Bytes(64))).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
}

#[test]
fn a_plaintext_that_only_decryption_measures_waits_for_its_room() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let ciphertext = encrypt(&mut client, session, key, cbc(MechanismType::AES_CBC_PAD), b"hello");
    assert_eq!(ciphertext.len(), 16);
    let begin = request::DecryptInit { session, mechanism: cbc(MechanismType::AES_CBC_PAD), key };
    client.ask(begin).unwrap();
    let decrypt = |room| request::Decrypt { session, data: data(&ciphertext), room };
    let (rv, answer) = client.call(decrypt(Room::Query));
    assert_eq!((rv, length(answer.unwrap().output)), (Rv::OK, 16));
    let (rv, answer) = client.call(decrypt(Room::Bytes(4)));
    assert_eq!((rv, length(answer.unwrap().output)), (Rv::BUFFER_TOO_SMALL, 5));
    assert_eq!(output(client.ask(decrypt(Room::Bytes(5))).unwrap().output), b"hello");
}

#[test]
fn a_second_operation_of_a_kind_is_refused_and_the_first_goes_on() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (_, private) = client.p256(session, "pair");
    let begin = || request::SignInit { session, mechanism: plain(MechanismType::ECDSA), key: private };
    client.ask(begin()).unwrap();
    assert_eq!(client.ask(begin()).err(), Some(Rv::OPERATION_ACTIVE));
    client.ask(request::Sign { session, data: data(&[1; 32]), room: Room::Bytes(64) }).unwrap();
}

#[test]
fn nothing_goes_on_that_was_not_begun() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (room, none) = (Room::Bytes(64), Some(Rv::OPERATION_NOT_INITIALIZED));
    assert_eq!(client.ask(request::Sign { session, data: data(b"x"), room }).err(), none);
    assert_eq!(client.ask(request::SignUpdate { session, data: data(b"x") }).err(), none);
    assert_eq!(client.ask(request::SignFinal { session, room }).err(), none);
    assert_eq!(client.ask(request::Encrypt { session, data: data(b"x"), room }).err(), none);
    assert_eq!(client.ask(request::EncryptUpdate { session, data: data(b"x"), room }).err(), none);
    assert_eq!(client.ask(request::EncryptFinal { session, room }).err(), none);
    assert_eq!(client.ask(request::DecryptFinal { session, room }).err(), none);
    assert_eq!(client.ask(request::DigestFinal { session, room }).err(), none);
    assert_eq!(client.ask(request::VerifyFinal { session, signature: Bytes(vec![0; 64]) }).err(), none);
}

#[test]
fn an_operation_that_is_called_off_is_over() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (_, key) = client.p256(session, "pair");
    let begin = || request::SignInit { session, mechanism: plain(MechanismType::ECDSA_SHA256), key };
    client.ask(begin()).unwrap();
    client.ask(request::SignUpdate { session, data: data(b"part") }).unwrap();
    client.ask(request::SignInit { session, mechanism: None, key: 0 }).unwrap();
    client.ask(begin()).unwrap();
    client.ask(request::SessionCancel { session, flags: MechanismFlags::SIGN }).unwrap();
    let room = Room::Bytes(64);
    assert_eq!(client.ask(request::SignFinal { session, room }).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
}

#[test]
fn parts_give_what_the_whole_gives() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let text: Vec<u8> = (0..100).collect();
    for (why, mechanism) in
        [("GCM", gcm as fn() -> Option<Mechanism>), ("CBC with padding", || cbc(MechanismType::AES_CBC_PAD))]
    {
        client.ask(request::EncryptInit { session, mechanism: mechanism(), key }).unwrap();
        let mut parts = Vec::new();
        for part in text.chunks(33) {
            let ask = request::EncryptUpdate { session, data: data(part), room: Room::Bytes(4096) };
            parts.extend(output(client.ask(ask).unwrap().output));
        }
        parts.extend(output(client.ask(request::EncryptFinal { session, room: Room::Bytes(4096) }).unwrap().output));
        client.ask(request::DecryptInit { session, mechanism: mechanism(), key }).unwrap();
        let ask = request::Decrypt { session, data: data(&parts), room: Room::Bytes(4096) };
        assert_eq!(output(client.ask(ask).unwrap().output), text, "{why}");
        client.ask(request::DecryptInit { session, mechanism: mechanism(), key }).unwrap();
        let mut back = Vec::new();
        for part in parts.chunks(17) {
            let ask = request::DecryptUpdate { session, data: data(part), room: Room::Bytes(4096) };
            back.extend(output(client.ask(ask).unwrap().output));
        }
        back.extend(output(client.ask(request::DecryptFinal { session, room: Room::Bytes(4096) }).unwrap().output));
        assert_eq!(back, text, "{why}");
    }
}

#[test]
fn a_nonce_that_an_application_brings_is_taken_once_under_one_key() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (key, other) =
        (client.aes(session, lasting_aes("key")).unwrap(), client.aes(session, lasting_aes("other")).unwrap());
    encrypt(&mut client, session, key, gcm(), b"text");
    encrypt(&mut client, session, other, gcm(), b"text");
    client.ask(request::EncryptInit { session, mechanism: gcm(), key }).unwrap();
    let again = client.ask(request::Encrypt { session, data: data(b"text"), room: Room::Bytes(64) });
    assert_eq!(again.err(), Some(Rv::MECHANISM_PARAM_INVALID));
}

#[test]
fn what_was_given_in_parts_is_not_ended_as_a_whole() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (_, key) = client.p256(session, "pair");
    client.ask(request::SignInit { session, mechanism: plain(MechanismType::ECDSA_SHA256), key }).unwrap();
    client.ask(request::SignUpdate { session, data: data(b"part") }).unwrap();
    let sign = || request::Sign { session, data: data(b"rest"), room: Room::Bytes(64) };
    assert_eq!(client.ask(sign()).err(), Some(Rv::OPERATION_ACTIVE));
    assert_eq!(client.ask(sign()).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
}

#[test]
fn an_end_without_a_beginning_is_the_whole_of_nothing() {
    let house = House::new();
    let mut client = house.attach(1);
    let session = client.session(crate::house::RW);
    client.ask(request::DigestInit { session, mechanism: plain(MechanismType::SHA256) }).unwrap();
    let (rv, answer) = client.call(request::DigestFinal { session, room: Room::Query });
    assert_eq!((rv, length(answer.unwrap().output)), (Rv::OK, 32));
    let digest = output(client.ask(request::DigestFinal { session, room: Room::Bytes(32) }).unwrap().output);
    assert_eq!(digest[..4], [0xe3, 0xb0, 0xc4, 0x42]);
}

#[test]
fn a_ciphertext_that_was_touched_is_refused_and_the_operation_is_over() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let mut ciphertext = encrypt(&mut client, session, key, gcm(), b"hello");
    ciphertext[0] ^= 1;
    let short = ciphertext[..10].to_vec();
    for (why, ciphertext) in [("touched", ciphertext), ("shorter than its tag", short), ("nothing", Vec::new())] {
        client.ask(request::DecryptInit { session, mechanism: gcm(), key }).unwrap();
        let decrypt = || request::Decrypt { session, data: data(&ciphertext), room: Room::Bytes(100) };
        assert_eq!(client.ask(decrypt()).err(), Some(Rv::ENCRYPTED_DATA_INVALID), "{why}");
        assert_eq!(client.ask(decrypt()).err(), Some(Rv::OPERATION_NOT_INITIALIZED), "{why}");
    }
}

#[test]
fn data_that_are_no_whole_blocks_are_refused() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    client.ask(request::EncryptInit { session, mechanism: cbc(MechanismType::AES_CBC), key }).unwrap();
    let ask = request::Encrypt { session, data: data(b"17 bytes are too"), room: Room::Bytes(100) };
    assert!(client.ask(ask).is_ok());
    client.ask(request::EncryptInit { session, mechanism: cbc(MechanismType::AES_CBC), key }).unwrap();
    let ask = request::Encrypt { session, data: data(b"seventeen bytes.."), room: Room::Bytes(100) };
    assert_eq!(client.ask(ask).err(), Some(Rv::DATA_LEN_RANGE));
    client.ask(request::DecryptInit { session, mechanism: cbc(MechanismType::AES_CBC), key }).unwrap();
    let ask = request::Decrypt { session, data: data(b"seventeen bytes.."), room: Room::Bytes(100) };
    assert_eq!(client.ask(ask).err(), Some(Rv::ENCRYPTED_DATA_LEN_RANGE));
}

#[test]
fn a_beginning_that_cannot_be_is_refused_by_its_fault() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = client.p256(session, "pair");
    let aes = client.aes(session, lasting_aes("key")).unwrap();
    for (why, mechanism, key, expected) in [
        ("a key of nobody's", MechanismType::ECDSA, 999, Rv::KEY_HANDLE_INVALID),
        ("the public half", MechanismType::ECDSA, public, Rv::KEY_FUNCTION_NOT_PERMITTED),
        ("a symmetric key", MechanismType::ECDSA, aes, Rv::KEY_FUNCTION_NOT_PERMITTED),
        ("another algorithm", MechanismType::RSA_PKCS, private, Rv::KEY_TYPE_INCONSISTENT),
        ("a mechanism that signs nothing", MechanismType::AES_CBC, private, Rv::MECHANISM_INVALID),
        ("a mechanism of nobody's", MechanismType(0x8000_0001), private, Rv::MECHANISM_INVALID),
        ("what the policy forbids", MechanismType::ECDSA_SHA1, private, Rv::MECHANISM_INVALID),
    ] {
        let ask = request::SignInit { session, mechanism: plain(mechanism), key };
        assert_eq!(client.ask(ask).err(), Some(expected), "{why}");
    }
    let parameter = Parameter::Iv(Iv { iv: Bytes(vec![0; 15]) });
    let mechanism = Some(Mechanism { kind: MechanismType::AES_CBC, parameter });
    let ask = request::EncryptInit { session, mechanism, key: aes };
    assert_eq!(client.ask(ask).err(), Some(Rv::MECHANISM_PARAM_INVALID));
}

#[test]
fn a_key_keeps_to_its_own_list_of_mechanisms() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mut template = lasting_aes("key");
    let only = Value::Ulongs(vec![MechanismType::AES_GCM.0]);
    template.push(Attribute::new(AttributeType::ALLOWED_MECHANISMS, only));
    let key = client.aes(session, template).unwrap();
    let other = request::EncryptInit { session, mechanism: cbc(MechanismType::AES_CBC), key };
    assert_eq!(client.ask(other).err(), Some(Rv::MECHANISM_INVALID));
    client.ask(request::EncryptInit { session, mechanism: gcm(), key }).unwrap();
}

#[test]
fn no_key_is_digested() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    client.ask(request::DigestInit { session, mechanism: plain(MechanismType::SHA256) }).unwrap();
    assert_eq!(client.ask(request::DigestKey { session, key }).err(), Some(Rv::KEY_INDIGESTIBLE));
}

#[test]
fn random_bytes_are_as_many_as_were_asked_for() {
    let house = House::new();
    let mut client = house.attach(1);
    let session = client.session(crate::house::RW);
    for length in [0, 1, 100_000] {
        let random = client.ask(request::GenerateRandom { session, length }).unwrap().random;
        assert_eq!(random.len(), usize::try_from(length).unwrap());
    }
    let much = request::GenerateRandom { session, length: u32::MAX };
    assert_eq!(client.ask(much).err(), Some(Rv::DATA_LEN_RANGE));
    let seed = request::SeedRandom { session, seed: data(b"seed") };
    assert!(client.ask(seed).is_ok(), "a seed is stirred in");
}
