//! Two operations at once, signatures that come first, and what cannot be saved.

use strongroom_pkcs11_wire::{
    AttributeType, Mechanism, MechanismType, Rv,
    call::{answer, request},
    mechanism::{Iv, Parameter},
    value::{Bytes, Output, Room, Wiped},
};

use crate::house::{Client, House, RW, lasting_aes, truth};

fn given(output: Output) -> Vec<u8> {
    match output {
        Output::Bytes(bytes) => bytes.into_vec(),
        Output::Length(length) => panic!("only a length: {length}"),
    }
}

fn sha256() -> Option<Mechanism> {
    Some(Mechanism::plain(MechanismType::SHA256))
}

fn cbc() -> Option<Mechanism> {
    let parameter = Parameter::Iv(Iv { iv: Bytes(vec![3; 16]) });
    Some(Mechanism { kind: MechanismType::AES_CBC, parameter })
}

fn digest(client: &mut Client, session: u64, data: &[u8]) -> Vec<u8> {
    client.ask(request::DigestInit { session, mechanism: sha256() }).unwrap();
    let ask = request::Digest { session, data: Wiped::from(data), room: Room::Bytes(32) };
    given(client.ask(ask).unwrap().output)
}

fn digested(client: &mut Client, session: u64) -> Vec<u8> {
    given(client.ask(request::DigestFinal { session, room: Room::Bytes(32) }).unwrap().output)
}

#[test]
fn a_part_is_encrypted_and_digested_and_comes_back_digested() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let plain = vec![9; 32];
    let expected = digest(&mut client, session, &plain);
    client.ask(request::EncryptInit { session, mechanism: cbc(), key }).unwrap();
    client.ask(request::DigestInit { session, mechanism: sha256() }).unwrap();
    let part = |room| request::DigestEncryptUpdate { session, data: Wiped::from(&plain[..]), room };
    // Neither the question for the length nor too little room feeds the digest.
    assert!(matches!(client.ask(part(Room::Query)).unwrap().output, Output::Length(_)));
    assert_eq!(client.call(part(Room::Bytes(1))).0, Rv::BUFFER_TOO_SMALL);
    let mut ciphertext = given(client.ask(part(Room::Bytes(48))).unwrap().output);
    assert_eq!(digested(&mut client, session), expected);
    ciphertext.extend(given(client.ask(request::EncryptFinal { session, room: Room::Bytes(48) }).unwrap().output));
    client.ask(request::DecryptInit { session, mechanism: cbc(), key }).unwrap();
    client.ask(request::DigestInit { session, mechanism: sha256() }).unwrap();
    let data = Wiped::from(&ciphertext[..]);
    let ask = request::DecryptDigestUpdate { session, data, room: Room::Bytes(48) };
    assert_eq!(given(client.ask(ask).unwrap().output), plain);
    assert_eq!(digested(&mut client, session), expected);
}

#[test]
fn a_part_is_encrypted_and_signed_and_comes_back_verified() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let (public, private) = client.p256(session, "pair");
    let ecdsa = || Some(Mechanism::plain(MechanismType::ECDSA_SHA256));
    client.ask(request::EncryptInit { session, mechanism: cbc(), key }).unwrap();
    client.ask(request::SignInit { session, mechanism: ecdsa(), key: private }).unwrap();
    let ask = request::SignEncryptUpdate { session, data: Wiped::new(vec![9; 32]), room: Room::Bytes(48) };
    let ciphertext = given(client.ask(ask).unwrap().output);
    let signature = given(client.ask(request::SignFinal { session, room: Room::Bytes(64) }).unwrap().output);
    for (why, signature, expected) in [
        ("as it was made", signature.clone(), Ok(())),
        ("another", [&signature[..63], &[signature[63] ^ 1]].concat(), Err(Rv::SIGNATURE_INVALID)),
    ] {
        client.ask(request::DecryptInit { session, mechanism: cbc(), key }).unwrap();
        client.ask(request::VerifyInit { session, mechanism: ecdsa(), key: public }).unwrap();
        let data = Wiped::from(&ciphertext[..]);
        client.ask(request::DecryptVerifyUpdate { session, data, room: Room::Bytes(48) }).unwrap();
        let ends = request::VerifyFinal { session, signature: Bytes(signature) };
        assert_eq!(client.ask(ends).map(|answer::VerifyFinal {}| ()), expected, "{why}");
        client.ask(request::DecryptInit { session, mechanism: None, key: 0 }).unwrap();
    }
}

#[test]
fn two_operations_go_on_only_where_both_are_under_way() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let part = || request::DigestEncryptUpdate { session, data: Wiped::new(vec![9; 32]), room: Room::Bytes(48) };
    assert_eq!(client.ask(part()).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
    client.ask(request::EncryptInit { session, mechanism: cbc(), key }).unwrap();
    assert_eq!(client.ask(part()).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
    client.ask(request::DigestInit { session, mechanism: sha256() }).unwrap();
    assert!(client.ask(part()).is_ok());
}

#[test]
fn a_signature_may_come_before_its_data() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = client.p256(session, "pair");
    let ecdsa = || Some(Mechanism::plain(MechanismType::ECDSA_SHA256));
    client.ask(request::SignInit { session, mechanism: ecdsa(), key: private }).unwrap();
    let ask = request::Sign { session, data: Wiped::new(vec![9; 32]), room: Room::Bytes(64) };
    let signature = given(client.ask(ask).unwrap().output);
    let begin = |signature: &[u8]| request::VerifySignatureInit {
        session,
        mechanism: ecdsa(),
        key: public,
        signature: Bytes(signature.to_vec()),
    };
    let data = |byte, length| Wiped::new(vec![byte; length]);
    client.ask(begin(&signature)).unwrap();
    client.ask(request::VerifySignature { session, data: data(9, 32) }).unwrap();
    client.ask(begin(&signature)).unwrap();
    client.ask(request::VerifySignatureUpdate { session, data: data(9, 20) }).unwrap();
    client.ask(request::VerifySignatureUpdate { session, data: data(9, 12) }).unwrap();
    client.ask(request::VerifySignatureFinal { session }).unwrap();
    client.ask(begin(&signature)).unwrap();
    let wrong = request::VerifySignature { session, data: data(8, 32) };
    assert_eq!(client.ask(wrong).err(), Some(Rv::SIGNATURE_INVALID));
    let again = request::VerifySignature { session, data: data(9, 32) };
    assert_eq!(client.ask(again).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
    assert_eq!(client.ask(begin(&signature[..63])).err(), Some(Rv::SIGNATURE_LEN_RANGE));
    assert_eq!(client.ask(request::VerifySignatureFinal { session }).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
}

#[test]
fn a_signature_that_came_first_does_not_come_last() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, _) = client.p256(session, "pair");
    let mechanism = || Some(Mechanism::plain(MechanismType::ECDSA_SHA256));
    let signature = || Bytes(vec![1; 64]);
    let first = request::VerifySignatureInit { session, mechanism: mechanism(), key: public, signature: signature() };
    client.ask(first).unwrap();
    let last = request::Verify { session, data: Wiped::new(vec![9; 32]), signature: signature() };
    assert_eq!(client.ask(last).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
    client.ask(request::VerifySignatureInit { session, mechanism: None, key: 0, signature: Bytes(vec![]) }).unwrap();
    client.ask(request::VerifyInit { session, mechanism: mechanism(), key: public }).unwrap();
    let update = request::VerifySignatureUpdate { session, data: Wiped::new(vec![9; 32]) };
    assert_eq!(client.ask(update).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
}

#[test]
fn the_value_of_a_key_is_digested_where_it_may_leave() {
    let house = House::new();
    let (mut client, session) = house.user();
    let open = [truth(AttributeType::SENSITIVE, false), truth(AttributeType::EXTRACTABLE, true)];
    let mut template = lasting_aes("open");
    template.extend(open);
    let (open, closed) = (client.aes(session, template).unwrap(), client.aes(session, lasting_aes("closed")).unwrap());
    client.ask(request::DigestInit { session, mechanism: sha256() }).unwrap();
    client.ask(request::DigestKey { session, key: open }).unwrap();
    let digest_of_key = digested(&mut client, session);
    let wanted = vec![strongroom_pkcs11_wire::attribute::Wanted { kind: AttributeType::VALUE, room: Room::Bytes(32) }];
    let revealed = client.ask(request::GetAttributeValue { session, object: open, wanted }).unwrap().revealed;
    let strongroom_pkcs11_wire::attribute::Reveal::Value(attribute) = &revealed[0] else { panic!("no value") };
    let strongroom_pkcs11_wire::attribute::Value::Bytes(value) = &attribute.value else { panic!("no bytes") };
    assert_eq!(digest(&mut client, session, value.reveal()), digest_of_key);
    for (why, key, expected) in
        [("it stays inside", closed, Rv::KEY_INDIGESTIBLE), ("it is none", 99_999, Rv::KEY_HANDLE_INVALID)]
    {
        client.ask(request::DigestInit { session, mechanism: sha256() }).unwrap();
        assert_eq!(client.ask(request::DigestKey { session, key }).err(), Some(expected), "{why}");
        let over = request::DigestFinal { session, room: Room::Bytes(32) };
        assert_eq!(client.ask(over).err(), Some(Rv::OPERATION_NOT_INITIALIZED), "{why}");
    }
}

#[test]
fn a_token_that_comes_or_goes_is_told_once() {
    let house = House::new();
    let mut client = house.attach(1);
    let mut slots = || {
        let mut told = Vec::new();
        while let Some(slot) = client.ask(request::WaitForSlotEvent {}).unwrap().slot {
            told.push(slot);
        }
        told
    };
    assert!(slots().is_empty());
    house.vault.seal();
    assert_eq!(slots(), [0, 1]);
    house.vault.enter(crate::house::key()).unwrap();
    assert_eq!(slots(), [0, 1]);
    assert!(slots().is_empty());
}

#[test]
fn a_user_without_a_name_logs_in_and_one_with_a_name_is_unknown() {
    let house = House::new();
    let mut client = house.attach(1);
    let session = client.session(RW);
    let log_in = |name: Option<&[u8]>| request::LoginUser {
        session,
        user: strongroom_pkcs11_wire::number::UserType::USER,
        pin: Some(Wiped::from(crate::house::PIN)),
        name: name.map(|name| Bytes(name.to_vec())),
    };
    assert_eq!(client.ask(log_in(Some(b"somebody"))).err(), Some(Rv::PIN_INCORRECT));
    client.ask(log_in(Some(b""))).unwrap();
    assert_eq!(client.ask(log_in(None)).err(), Some(Rv::USER_ALREADY_LOGGED_IN));
}
