//! Messages, one after the other with one key.

use strongroom_pkcs11_wire::{
    Mechanism, MechanismType, Rv,
    call::{Message, answer, request},
    number::{Generator, MechanismFlags},
    value::{Bytes, Output, Room, Wiped},
};

use crate::house::{Client, House, lasting_aes};

fn said(nonce: &[u8], generator: Generator) -> Message {
    let (nonce, aad) = (Bytes(nonce.to_vec()), Bytes(b"aad".to_vec()));
    Message { of: MechanismType::AES_GCM, nonce, fixed_bits: 0, generator, tag_bits: 128, data_length: 0, aad }
}

fn data(length: usize) -> Wiped {
    Wiped::new(vec![7; length])
}

fn given(output: Output) -> Vec<u8> {
    match output {
        Output::Bytes(bytes) => bytes.into_vec(),
        Output::Length(length) => panic!("only a length: {length}"),
    }
}

/// A key with which messages are encrypted and decrypted from now on.
fn encrypts(client: &mut Client, session: u64, mechanism: MechanismType) -> u64 {
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let mechanism = Some(mechanism);
    client.ask(request::MessageEncryptInit { session, mechanism, key }).unwrap();
    client.ask(request::MessageDecryptInit { session, mechanism, key }).unwrap();
    key
}

#[test]
fn messages_of_ccm_are_as_long_as_they_say() {
    let house = House::new();
    let (mut client, session) = house.user();
    encrypts(&mut client, session, MechanismType::AES_CCM);
    let of = |nonce: &[u8], generator, data_length| Message {
        of: MechanismType::AES_CCM,
        data_length,
        ..said(nonce, generator)
    };
    for (name, nonce, generator) in [
        ("made here", [5; 13], Generator::GENERATE),
        ("counted", [5; 13], Generator::GENERATE_COUNTER),
        ("said", [5; 13], Generator::NO_GENERATE),
    ] {
        let message = of(&nonce, generator, 40);
        let ask = request::EncryptMessage { session, message, data: data(40), room: Room::Bytes(40) };
        let answer::EncryptMessage { output, nonce, tag } = client.ask(ask).unwrap();
        let text = given(output);
        assert_eq!((text.len(), nonce.len(), tag.len()), (40, 13, 16), "{name}");
        let message = || of(&nonce, Generator::NO_GENERATE, 40);
        assert_eq!(decrypt(&mut client, session, message(), &tag, &text), Ok(vec![7; 40]), "{name}");
        let wrong: Vec<u8> = tag.iter().map(|byte| !byte).collect();
        assert_eq!(decrypt(&mut client, session, message(), &wrong, &text), Err(Rv::AEAD_DECRYPT_FAILED), "{name}");
    }
    for (name, message) in [
        ("more than was said", of(&[6; 13], Generator::NO_GENERATE, 8)),
        ("a nonce of fourteen bytes", of(&[6; 14], Generator::NO_GENERATE, 40)),
        ("a nonce of six bytes", of(&[6; 6], Generator::NO_GENERATE, 40)),
        ("a tag of nine bytes", Message { tag_bits: 72, ..of(&[6; 13], Generator::NO_GENERATE, 40) }),
        ("a tag of half bytes", Message { tag_bits: 100, ..of(&[6; 13], Generator::NO_GENERATE, 40) }),
    ] {
        let ask = request::EncryptMessage { session, message, data: data(40), room: Room::Bytes(40) };
        assert!(client.ask(ask).is_err(), "{name}");
    }
}

#[test]
fn a_message_of_ccm_comes_in_parts() {
    let house = House::new();
    let (mut client, session) = house.user();
    encrypts(&mut client, session, MechanismType::AES_CCM);
    let said = || Message { of: MechanismType::AES_CCM, data_length: 60, ..said(&[4; 12], Generator::NO_GENERATE) };
    client.ask(request::EncryptMessageBegin { session, message: said() }).unwrap();
    let mut next = |length, last| {
        let ask = request::EncryptMessageNext { session, data: data(length), last, room: Room::Bytes(100) };
        client.ask(ask).map(|answer| (given(answer.output), answer.tag))
    };
    let (first, none) = next(40, false).unwrap();
    let (rest, tag) = next(20, true).unwrap();
    assert!(none.is_empty());
    let text = [first, rest].concat();
    assert_eq!((text.len(), tag.len()), (60, 16));
    assert_eq!(decrypt(&mut client, session, said(), &tag, &text), Ok(vec![7; 60]));
    client
        .ask(request::EncryptMessageBegin { session, message: Message { nonce: Bytes(vec![3; 12]), ..said() } })
        .unwrap();
    let ask = request::EncryptMessageNext { session, data: data(61), last: true, room: Room::Bytes(100) };
    assert_eq!(client.ask(ask).err(), Some(Rv::DATA_LEN_RANGE), "more than was said");
}

fn decrypt(client: &mut Client, session: u64, message: Message, tag: &[u8], text: &[u8]) -> Result<Vec<u8>, Rv> {
    let (tag, data) = (Bytes(tag.to_vec()), Wiped::from(text));
    let ask = request::DecryptMessage { session, message, tag, data, room: Room::Bytes(64) };
    client.ask(ask).map(|answer| given(answer.output))
}

#[test]
fn messages_are_encrypted_with_nonces_of_their_own() {
    let house = House::new();
    let (mut client, session) = house.user();
    encrypts(&mut client, session, MechanismType::AES_GCM);
    let mut nonces = Vec::new();
    for generator in [Generator::GENERATE, Generator::GENERATE_RANDOM, Generator::NO_GENERATE] {
        let message = said(&[5; 12], generator);
        let ask = request::EncryptMessage { session, message, data: data(40), room: Room::Bytes(40) };
        let answer::EncryptMessage { output, nonce, tag } = client.ask(ask).unwrap();
        let text = given(output);
        assert_eq!((text.len(), nonce.len(), tag.len()), (40, 12, 16), "{generator}");
        let message = || said(&nonce, Generator::NO_GENERATE);
        assert_eq!(decrypt(&mut client, session, message(), &tag, &text), Ok(vec![7; 40]), "{generator}");
        let wrong: Vec<u8> = tag.iter().map(|byte| !byte).collect();
        assert_eq!(decrypt(&mut client, session, message(), &wrong, &text), Err(Rv::AEAD_DECRYPT_FAILED));
        let short = decrypt(&mut client, session, message(), &tag[..15], &text);
        assert_eq!(short, Err(Rv::MECHANISM_PARAM_INVALID), "{generator}");
        nonces.push(nonce.to_vec());
    }
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 3);
    assert!(nonces.contains(&vec![5; 12]));
    client.ask(request::MessageEncryptFinal { session }).unwrap();
    let over = client.ask(request::MessageEncryptFinal { session });
    assert_eq!(over.err(), Some(Rv::OPERATION_NOT_INITIALIZED));
}

#[test]
fn the_fixed_part_of_a_nonce_stays() {
    let house = House::new();
    let (mut client, session) = house.user();
    encrypts(&mut client, session, MechanismType::AES_GCM);
    let ask = |fixed_bits, generator| request::EncryptMessage {
        session,
        message: Message { fixed_bits, ..said(&[5; 12], generator) },
        data: data(1),
        room: Room::Bytes(1),
    };
    let nonce = client.ask(ask(32, Generator::GENERATE)).unwrap().nonce;
    assert_eq!(nonce[..4], [5; 4]);
    assert_ne!(nonce[4..], [5; 8]);
    for (why, fixed, generator) in [
        ("half a byte", 12, Generator::GENERATE),
        ("more than there is", 104, Generator::GENERATE),
        ("too little that is not fixed", 64, Generator::GENERATE),
        ("a counter of three bytes", 72, Generator::GENERATE_COUNTER),
        ("a generator of nobody's", 32, Generator(99)),
    ] {
        assert_eq!(client.ask(ask(fixed, generator)).err(), Some(Rv::MECHANISM_PARAM_INVALID), "{why}");
    }
}

#[test]
fn nonces_are_counted_from_nought_and_never_twice_under_one_key() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = encrypts(&mut client, session, MechanismType::AES_GCM);
    let nonce = |client: &mut Client, fixed_bits, generator| {
        let message = Message { fixed_bits, ..said(&[5; 12], generator) };
        let ask = request::EncryptMessage { session, message, data: data(1), room: Room::Bytes(1) };
        client.ask(ask).map(|answer| answer.nonce.to_vec())
    };
    let fixed = |last: u8| [vec![5; 4], vec![0; 7], vec![last]].concat();
    assert_eq!(nonce(&mut client, 32, Generator::GENERATE_COUNTER), Ok(fixed(0)));
    assert_eq!(nonce(&mut client, 32, Generator::GENERATE_COUNTER), Ok(fixed(1)));
    let mixed = [vec![5; 11], vec![5 ^ 2]].concat();
    assert_eq!(nonce(&mut client, 32, Generator::GENERATE_COUNTER_XOR), Ok(mixed));
    client.ask(request::MessageEncryptFinal { session }).unwrap();
    client.ask(request::MessageEncryptInit { session, mechanism: Some(MechanismType::AES_GCM), key }).unwrap();
    let again = nonce(&mut client, 32, Generator::GENERATE_COUNTER);
    assert_eq!(again.err(), Some(Rv::MECHANISM_PARAM_INVALID), "the counter begins anew, and the key remembers");
}

#[test]
fn a_message_in_parts_is_the_message_in_one() {
    let house = House::new();
    let (mut client, session) = house.user();
    encrypts(&mut client, session, MechanismType::AES_GCM);
    let begin = request::EncryptMessageBegin { session, message: said(&[6; 12], Generator::NO_GENERATE) };
    client.ask(begin).unwrap();
    let next = |length, room, last| request::EncryptMessageNext { session, data: data(length), room, last };
    let mut text = given(client.ask(next(20, Room::Bytes(64), false)).unwrap().output);
    let short = client.call(next(20, Room::Bytes(1), true));
    assert_eq!(short.0, Rv::BUFFER_TOO_SMALL);
    let whole = request::EncryptMessage {
        session,
        message: said(&[8; 12], Generator::NO_GENERATE),
        data: data(1),
        room: Room::Bytes(1),
    };
    assert_eq!(client.ask(whole).err(), Some(Rv::OPERATION_ACTIVE));
    let end = client.ask(next(20, Room::Bytes(64), true)).unwrap();
    text.extend(given(end.output));
    assert_eq!((text.len(), end.tag.len()), (40, 16));
    let message = || said(&[6; 12], Generator::NO_GENERATE);
    assert_eq!(decrypt(&mut client, session, message(), &end.tag, &text), Ok(vec![7; 40]));
    client.ask(request::DecryptMessageBegin { session, message: message() }).unwrap();
    let (first, second) = text.split_at(15);
    let next = |data, tag| request::DecryptMessageNext { session, data: Wiped::from(data), room: Room::Bytes(64), tag };
    let mut plain = given(client.ask(next(first, None)).unwrap().output);
    plain.extend(given(client.ask(next(second, Some(Bytes(end.tag.to_vec())))).unwrap().output));
    assert_eq!(plain, [7; 40]);
    client.ask(request::DecryptMessageBegin { session, message: message() }).unwrap();
    assert_eq!(client.ask(next(&text, Some(Bytes(vec![0; 16])))).err(), Some(Rv::AEAD_DECRYPT_FAILED));
    assert_eq!(client.ask(next(&text, None)).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
    client.ask(request::DecryptMessageBegin { session, message: message() }).unwrap();
}

#[test]
fn messages_are_signed_and_verified_whole_and_in_parts() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = client.p256(session, "pair");
    let mechanism = || Some(Mechanism::plain(MechanismType::ECDSA_SHA256));
    client.ask(request::MessageSignInit { session, mechanism: mechanism(), key: private }).unwrap();
    client.ask(request::MessageVerifyInit { session, mechanism: mechanism(), key: public }).unwrap();
    let whole = |room| request::SignMessage { session, data: data(50), room };
    assert!(matches!(client.ask(whole(Room::Query)).unwrap().output, Output::Length(64)));
    let first = given(client.ask(whole(Room::Bytes(64))).unwrap().output);
    client.ask(request::SignMessageBegin { session }).unwrap();
    assert_eq!(client.ask(whole(Room::Bytes(64))).err(), Some(Rv::OPERATION_ACTIVE));
    let next = |length, room| request::SignMessageNext { session, data: data(length), room };
    client.ask(next(30, None)).unwrap();
    assert_eq!(client.call(next(20, Some(Room::Bytes(63)))).0, Rv::BUFFER_TOO_SMALL);
    let second = given(client.ask(next(20, Some(Room::Bytes(64)))).unwrap().output);
    for (why, signature) in [("in one", &first), ("in parts", &second)] {
        let signature = || Bytes(signature.clone());
        let ask = |length| request::VerifyMessage { session, data: data(length), signature: signature() };
        assert!(client.ask(ask(50)).is_ok(), "{why}");
        assert_eq!(client.ask(ask(49)).err(), Some(Rv::SIGNATURE_INVALID), "{why}");
        client.ask(request::VerifyMessageBegin { session }).unwrap();
        let next = |length, signature| request::VerifyMessageNext { session, data: data(length), signature };
        client.ask(next(10, None)).unwrap();
        assert!(client.ask(next(40, Some(signature()))).is_ok(), "{why}");
    }
    client.ask(request::MessageSignFinal { session }).unwrap();
    client.ask(request::MessageVerifyFinal { session }).unwrap();
}

#[test]
fn work_on_messages_and_other_work_keep_out_of_each_others_way() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = encrypts(&mut client, session, MechanismType::AES_GCM);
    let (_, private) = client.p256(session, "pair");
    let again = request::MessageEncryptInit { session, mechanism: Some(MechanismType::AES_GCM), key };
    assert_eq!(client.ask(again).err(), Some(Rv::OPERATION_ACTIVE));
    let ecb = || Some(Mechanism::plain(MechanismType::AES_ECB));
    let other = request::EncryptInit { session, mechanism: ecb(), key };
    assert_eq!(client.ask(other).err(), Some(Rv::OPERATION_ACTIVE));
    let begin = request::EncryptMessageBegin { session, message: said(&[1; 12], Generator::NO_GENERATE) };
    client.ask(begin).unwrap();
    let update = request::EncryptUpdate { session, data: data(16), room: Room::Bytes(64) };
    assert_eq!(client.ask(update).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
    client.ask(request::SessionCancel { session, flags: MechanismFlags::MESSAGE_ENCRYPT }).unwrap();
    client.ask(request::EncryptInit { session, mechanism: ecb(), key }).unwrap();
    for (why, mechanism, key, expected) in [
        ("no cipher of messages", MechanismType::AES_CBC, key, Rv::MECHANISM_INVALID),
        ("no cipher", MechanismType::SHA256, key, Rv::MECHANISM_INVALID),
        ("no such key", MechanismType::AES_GCM, 99_999, Rv::KEY_HANDLE_INVALID),
    ] {
        client.ask(request::MessageDecryptInit { session, mechanism: None, key: 0 }).unwrap();
        let ask = request::MessageDecryptInit { session, mechanism: Some(mechanism), key };
        assert_eq!(client.ask(ask).err(), Some(expected), "{why}");
    }
    let wrong = request::MessageEncryptInit { session, mechanism: Some(MechanismType::AES_GCM), key: private };
    assert!(client.ask(wrong).is_err());
    let nothing = request::SignMessage { session, data: data(1), room: Room::Query };
    assert_eq!(client.ask(nothing).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
}

#[test]
fn a_message_in_the_structure_of_another_mechanism_is_refused_and_the_session_goes_on() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (gcm, ccm, poly) = (MechanismType::AES_GCM, MechanismType::AES_CCM, MechanismType::CHACHA20_POLY1305);
    for (name, mechanism, others) in [("GCM", gcm, [ccm, poly]), ("CCM", ccm, [gcm, poly])] {
        encrypts(&mut client, session, mechanism);
        let whole = |of| {
            let message = Message { of, data_length: 5, ..said(&[7; 12], Generator::NO_GENERATE) };
            request::EncryptMessage { session, message, data: data(5), room: Room::Bytes(64) }
        };
        for other in others {
            assert_eq!(client.ask(whole(other)).err(), Some(Rv::MECHANISM_PARAM_INVALID), "{name}: {other}");
        }
        assert!(client.ask(whole(mechanism)).is_ok(), "{name}");
        client.ask(request::MessageEncryptFinal { session }).unwrap();
        client.ask(request::MessageDecryptFinal { session }).unwrap();
    }
}
