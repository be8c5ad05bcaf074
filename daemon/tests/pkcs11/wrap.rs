//! Keys that leave under others and come back.

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Template, Value},
    call::{Message, answer, request},
    mechanism::{Gcm, Iv, Oaep, Parameter, RsaAes},
    number::{Generator, KeyType, Mask, ObjectClass, Source},
    value::{Bytes, Output, Room, Wiped},
};

use crate::house::{Client, House, class, labelled, lasting_aes, lasts, number, truth};

fn kwp() -> Mechanism {
    Mechanism::plain(MechanismType::AES_KEY_WRAP_KWP)
}

fn kw() -> Mechanism {
    Mechanism::plain(MechanismType::AES_KEY_WRAP)
}

fn wrapping(client: &mut Client, session: u64) -> u64 {
    let mut template = lasting_aes("wrapping");
    template.extend([truth(AttributeType::WRAP, true), truth(AttributeType::UNWRAP, true)]);
    client.aes(session, template).unwrap()
}

fn leaving(client: &mut Client, session: u64, label: &str) -> u64 {
    let mut template = lasting_aes(label);
    template.push(truth(AttributeType::EXTRACTABLE, true));
    client.aes(session, template).unwrap()
}

fn wrap(client: &mut Client, session: u64, mechanism: Mechanism, wrapping: u64, key: u64) -> Result<Vec<u8>, Rv> {
    let ask = request::WrapKey { session, mechanism, wrapping, key, room: Room::Bytes(4096) };
    client.ask(ask).map(|answer| match answer.output {
        Output::Bytes(bytes) => bytes.into_vec(),
        Output::Length(length) => panic!("only a length: {length}"),
    })
}

fn unwrap(
    client: &mut Client,
    session: u64,
    mechanism: Mechanism,
    unwrapping: u64,
    wrapped: &[u8],
    template: Template,
) -> Result<u64, Rv> {
    let wrapped = Bytes(wrapped.to_vec());
    client.ask(request::UnwrapKey { session, mechanism, unwrapping, wrapped, template }).map(|answer| answer.key)
}

fn secret() -> Template {
    vec![class(ObjectClass::SECRET_KEY), number(AttributeType::KEY_TYPE, KeyType::AES.0), lasts()]
}

#[test]
fn a_secret_key_leaves_and_comes_back_as_it_was() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (under, key) = (wrapping(&mut client, session), leaving(&mut client, session, "key"));
    let iv = |iv: &[u8]| Parameter::Iv(Iv { iv: Bytes(iv.to_vec()) });
    for (name, mechanism) in [
        ("KW", kw as fn() -> Mechanism),
        ("KWP", kwp),
        ("KW with the usual value said", || Mechanism {
            kind: MechanismType::AES_KEY_WRAP,
            parameter: Parameter::None,
        }),
    ] {
        let wrapped = wrap(&mut client, session, mechanism(), under, key).unwrap();
        assert_eq!(wrapped.len(), 40, "{name}");
        let back = unwrap(&mut client, session, mechanism(), under, &wrapped, secret()).unwrap();
        assert_eq!(client.encrypted(session, back), client.encrypted(session, key), "{name}");
    }
    let said = Mechanism { kind: MechanismType::AES_KEY_WRAP, parameter: iv(&[0xA6; 8]) };
    assert!(wrap(&mut client, session, said, under, key).is_ok());
    let other = Mechanism { kind: MechanismType::AES_KEY_WRAP, parameter: iv(&[0xA7; 8]) };
    assert_eq!(wrap(&mut client, session, other, under, key).err(), Some(Rv::MECHANISM_PARAM_INVALID));
}

#[test]
fn a_private_key_leaves_and_comes_back_as_it_was() {
    let house = House::new();
    let (mut client, session) = house.user();
    let under = wrapping(&mut client, session);
    let rsa = vec![number(AttributeType::MODULUS_BITS, 2048), lasts()];
    let elliptic = vec![Attribute::bytes(AttributeType::EC_PARAMS, crate::house::P256), lasts()];
    for (name, kind, public, mechanism, data) in [
        ("RSA", KeyType::RSA, rsa, MechanismType::RSA_PKCS_KEY_PAIR_GEN, MechanismType::SHA256_RSA_PKCS),
        ("EC", KeyType::EC, elliptic, MechanismType::EC_KEY_PAIR_GEN, MechanismType::ECDSA_SHA256),
    ] {
        let private = vec![labelled(name), lasts(), truth(AttributeType::EXTRACTABLE, true)];
        let ask = request::GenerateKeyPair { session, mechanism: Mechanism::plain(mechanism), public, private };
        let made = client.ask(ask).unwrap();
        let wrapped = wrap(&mut client, session, kwp(), under, made.private).unwrap();
        let template = vec![class(ObjectClass::PRIVATE_KEY), number(AttributeType::KEY_TYPE, kind.0), lasts()];
        let back = unwrap(&mut client, session, kwp(), under, &wrapped, template).unwrap();
        let with = || Some(Mechanism::plain(data));
        client.ask(request::SignInit { session, mechanism: with(), key: back }).unwrap();
        let ask = request::Sign { session, data: Wiped::new(vec![9; 32]), room: Room::Bytes(256) };
        let Output::Bytes(signature) = client.ask(ask).unwrap().output else { panic!("no output") };
        client.ask(request::VerifyInit { session, mechanism: with(), key: made.public }).unwrap();
        let signature = Bytes(signature.into_vec());
        let ask = request::Verify { session, data: Wiped::new(vec![9; 32]), signature };
        assert!(client.ask(ask).is_ok(), "{name}");
        let other = number(AttributeType::KEY_TYPE, if kind == KeyType::RSA { KeyType::EC.0 } else { KeyType::RSA.0 });
        let template = vec![class(ObjectClass::PRIVATE_KEY), other];
        assert!(unwrap(&mut client, session, kwp(), under, &wrapped, template).is_err(), "{name} as another");
    }
}

#[test]
fn a_key_leaves_under_a_public_key_and_comes_back_by_the_private_one() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = leaving(&mut client, session, "key");
    let ask = request::GenerateKeyPair {
        session,
        mechanism: Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN),
        public: vec![number(AttributeType::MODULUS_BITS, 2048), lasts(), truth(AttributeType::WRAP, true)],
        private: vec![lasts(), truth(AttributeType::UNWRAP, true)],
    };
    let pair = client.ask(ask).unwrap();
    let oaep = || Mechanism {
        kind: MechanismType::RSA_PKCS_OAEP,
        parameter: Parameter::Oaep(Oaep {
            hash: MechanismType::SHA256,
            mask: Mask::MGF1_SHA256,
            source: Source::DATA_SPECIFIED,
            label: Bytes::default(),
        }),
    };
    let wrapped = wrap(&mut client, session, oaep(), pair.public, key).unwrap();
    assert_eq!(wrapped.len(), 256);
    let back = unwrap(&mut client, session, oaep(), pair.private, &wrapped, secret()).unwrap();
    assert_eq!(client.encrypted(session, back), client.encrypted(session, key));
}

fn rsa_aes(bits: u64, hash: MechanismType) -> Mechanism {
    let (mask, source, label) = (Mask::MGF1_SHA256, Source::DATA_SPECIFIED, Bytes(b"label".to_vec()));
    let parameter = Parameter::RsaAes(RsaAes { bits, oaep: Oaep { hash, mask, source, label } });
    Mechanism { kind: MechanismType::RSA_AES_KEY_WRAP, parameter }
}

/// An RSA pair that wraps and unwraps: public, private.
fn rsa_pair(client: &mut Client, session: u64) -> (u64, u64) {
    let ask = request::GenerateKeyPair {
        session,
        mechanism: Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN),
        public: vec![number(AttributeType::MODULUS_BITS, 2048), lasts(), truth(AttributeType::WRAP, true)],
        private: vec![lasts(), truth(AttributeType::UNWRAP, true), truth(AttributeType::EXTRACTABLE, true)],
    };
    let pair = client.ask(ask).unwrap();
    (pair.public, pair.private)
}

#[test]
fn a_key_of_any_length_leaves_under_a_public_key_by_way_of_an_aes_key() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = rsa_pair(&mut client, session);
    let key = leaving(&mut client, session, "key");
    let sound = || rsa_aes(256, MechanismType::SHA256);
    for bits in [128, 192, 256] {
        let way = || rsa_aes(bits, MechanismType::SHA256);
        let wrapped = wrap(&mut client, session, way(), public, key).unwrap();
        assert_eq!(wrapped.len(), 256 + 40, "{bits}");
        let back = unwrap(&mut client, session, way(), private, &wrapped, secret()).unwrap();
        assert_eq!(client.encrypted(session, back), client.encrypted(session, key), "{bits}");
    }
    let (_, longer) = rsa_pair(&mut client, session);
    let wrapped = wrap(&mut client, session, sound(), public, longer).unwrap();
    let template = || vec![class(ObjectClass::PRIVATE_KEY), number(AttributeType::KEY_TYPE, KeyType::RSA.0), lasts()];
    assert!(unwrap(&mut client, session, sound(), private, &wrapped, template()).is_ok());
    let changed = |place: usize| {
        let mut changed = wrapped.clone();
        changed[place] ^= 1;
        changed
    };
    for (why, way, wrapped, expected) in [
        ("the AES key is another", sound(), changed(0), Rv::WRAPPED_KEY_INVALID),
        ("the key is another", sound(), changed(256), Rv::WRAPPED_KEY_INVALID),
        ("an AES key of another length", rsa_aes(128, MechanismType::SHA256), wrapped.clone(), Rv::WRAPPED_KEY_INVALID),
        ("another hash", rsa_aes(256, MechanismType::SHA384), wrapped.clone(), Rv::WRAPPED_KEY_INVALID),
        ("cut short", sound(), wrapped[..wrapped.len() - 1].to_vec(), Rv::WRAPPED_KEY_LEN_RANGE),
        ("the AES key alone", sound(), wrapped[..256].to_vec(), Rv::WRAPPED_KEY_LEN_RANGE),
        ("nothing", sound(), Vec::new(), Rv::WRAPPED_KEY_LEN_RANGE),
    ] {
        let refused = unwrap(&mut client, session, way, private, &wrapped, template());
        assert_eq!(refused.err(), Some(expected), "{why}");
    }
    for (why, way) in [
        ("no length", rsa_aes(0, MechanismType::SHA256)),
        ("a length that AES has not", rsa_aes(512, MechanismType::SHA256)),
        ("a length without end", rsa_aes(u64::MAX, MechanismType::SHA256)),
        ("no hash", rsa_aes(256, MechanismType::AES_CBC)),
        ("no parameter", Mechanism::plain(MechanismType::RSA_AES_KEY_WRAP)),
    ] {
        assert_eq!(wrap(&mut client, session, way, public, key).err(), Some(Rv::MECHANISM_PARAM_INVALID), "{why}");
    }
}

#[test]
fn a_question_for_the_length_lets_nothing_out() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (under, key) = (wrapping(&mut client, session), leaving(&mut client, session, "key"));
    let before = house.records("\"Get\"");
    let ask = |room| request::WrapKey { session, mechanism: kw(), wrapping: under, key, room };
    assert!(matches!(client.ask(ask(Room::Query)).unwrap().output, Output::Length(40)));
    assert_eq!(client.call(ask(Room::Bytes(39))).0, Rv::BUFFER_TOO_SMALL);
    assert_eq!(house.records("\"Get\""), before);
    assert!(client.ask(ask(Room::Bytes(40))).is_ok());
    assert_eq!(house.records("\"Get\""), before + 1);
}

#[test]
fn what_wraps_a_sensitive_key_decrypts_nothing_any_more() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mut template = lasting_aes("both");
    let uses = [AttributeType::WRAP, AttributeType::UNWRAP, AttributeType::ENCRYPT, AttributeType::DECRYPT];
    template.extend(uses.map(|kind| truth(kind, true)));
    let under = client.aes(session, template).unwrap();
    let key = leaving(&mut client, session, "key");
    let wrapped = wrap(&mut client, session, kw(), under, key).unwrap();
    let mechanism = || Some(Mechanism::plain(MechanismType::AES_ECB));
    let decrypt = request::DecryptInit { session, mechanism: mechanism(), key: under };
    assert_eq!(client.ask(decrypt).err(), Some(Rv::KEY_FUNCTION_NOT_PERMITTED));
    assert!(unwrap(&mut client, session, kw(), under, &wrapped, secret()).is_ok());
}

#[test]
fn a_key_that_may_not_leave_stays() {
    let house = House::new();
    let (mut client, session) = house.user();
    let under = wrapping(&mut client, session);
    let stays = client.aes(session, lasting_aes("stays")).unwrap();
    let mut template = lasting_aes("trusting");
    template.extend([truth(AttributeType::EXTRACTABLE, true), truth(AttributeType::WRAP_WITH_TRUSTED, true)]);
    let trusting = client.aes(session, template).unwrap();
    let key = leaving(&mut client, session, "key");
    let (public, private) = client.p256(session, "pair");
    for (why, mechanism, under, key, expected) in [
        ("it does not leave", kw(), under, stays, Rv::KEY_UNEXTRACTABLE),
        ("no key is trusted", kw(), under, trusting, Rv::KEY_NOT_WRAPPABLE),
        ("it does not wrap", kw(), key, trusting, Rv::KEY_FUNCTION_NOT_PERMITTED),
        ("a public key needs no wrapping", kw(), under, public, Rv::KEY_NOT_WRAPPABLE),
        ("no such key", kw(), under, 99_999, Rv::KEY_HANDLE_INVALID),
        ("no such wrapping key", kw(), 99_999, key, Rv::WRAPPING_KEY_HANDLE_INVALID),
        ("no way to wrap", Mechanism::plain(MechanismType::AES_ECB), private, key, Rv::MECHANISM_INVALID),
    ] {
        assert_eq!(wrap(&mut client, session, mechanism, under, key).err(), Some(expected), "{why}");
    }
}

#[test]
fn what_is_no_wrapped_key_does_not_come() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (under, key) = (wrapping(&mut client, session), leaving(&mut client, session, "key"));
    let wrapped = wrap(&mut client, session, kw(), under, key).unwrap();
    let count = house.vault.count().unwrap();
    let with = |extra: Attribute| secret().into_iter().chain([extra]).collect::<Template>();
    let (mut flipped, cut) = (wrapped.clone(), &wrapped[..39]);
    flipped[5] ^= 1;
    for (why, wrapped, template, expected) in [
        ("a byte is another", &flipped[..], secret(), Rv::WRAPPED_KEY_INVALID),
        ("it is cut short", cut, secret(), Rv::WRAPPED_KEY_LEN_RANGE),
        ("it is nothing", &[][..], secret(), Rv::WRAPPED_KEY_LEN_RANGE),
        (
            "a value beside it",
            &wrapped,
            with(Attribute::bytes(AttributeType::VALUE, [1; 16])),
            Rv::TEMPLATE_INCONSISTENT,
        ),
        ("no class", &wrapped, vec![number(AttributeType::KEY_TYPE, KeyType::AES.0)], Rv::TEMPLATE_INCOMPLETE),
        ("no key type", &wrapped, vec![class(ObjectClass::SECRET_KEY)], Rv::TEMPLATE_INCOMPLETE),
        (
            "a public key",
            &wrapped,
            vec![class(ObjectClass::PUBLIC_KEY), number(AttributeType::KEY_TYPE, 0)],
            Rv::TEMPLATE_INCONSISTENT,
        ),
    ] {
        let refused = unwrap(&mut client, session, kw(), under, wrapped, template);
        assert_eq!(refused.err(), Some(expected), "{why}");
    }
    let longer = with(Attribute::new(AttributeType::VALUE_LEN, Value::Ulong(16)));
    assert!(unwrap(&mut client, session, kw(), under, &wrapped, longer).is_err(), "another length than it says");
    assert_eq!(house.vault.count().unwrap(), count);
}

#[test]
fn a_nonce_wraps_once_and_asking_for_the_length_spends_none() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (under, key) = (wrapping(&mut client, session), leaving(&mut client, session, "key"));
    let private = {
        let public = vec![Attribute::bytes(AttributeType::EC_PARAMS, crate::house::P256), lasts()];
        let private = vec![labelled("pair"), lasts(), truth(AttributeType::EXTRACTABLE, true)];
        let mechanism = Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN);
        let made = client.ask(request::GenerateKeyPair { session, mechanism, public, private }).unwrap();
        made.private
    };
    let gcm = |first: u8| {
        let (iv, aad) = (Bytes(vec![first; 12]), Bytes::default());
        Mechanism {
            kind: MechanismType::AES_GCM,
            parameter: Parameter::Gcm(Gcm { iv, aad, iv_bits: 96, tag_bits: 128 }),
        }
    };
    for (nonce, key, exact) in [(1, key, Some(48)), (2, private, None)] {
        let ask = request::WrapKey { session, mechanism: gcm(nonce), wrapping: under, key, room: Room::Query };
        let Output::Length(length) = client.ask(ask).unwrap().output else { panic!("no length") };
        let wrapped = wrap(&mut client, session, gcm(nonce), under, key).unwrap();
        let told = usize::try_from(length).unwrap();
        assert!(exact.map_or(wrapped.len() <= told, |exact| (wrapped.len(), told) == (exact, exact)), "{told}");
        assert!(wrap(&mut client, session, gcm(nonce), under, key).is_err(), "the nonce comes again");
    }
}

/// What is said of a key that is sealed.
fn message(nonce: &[u8], generator: Generator) -> Message {
    let (nonce, aad) = (Bytes(nonce.to_vec()), Bytes(b"beside".to_vec()));
    Message { of: MechanismType::AES_GCM, nonce, fixed_bits: 0, generator, tag_bits: 128, data_length: 0, aad }
}

/// Wraps with AES-GCM, with the nonce and the tag apart.
fn seal(
    client: &mut Client,
    session: u64,
    wrapping: u64,
    key: u64,
    message: Message,
) -> Result<(Vec<u8>, Bytes, Bytes), Rv> {
    let (mechanism, room) = (MechanismType::AES_GCM, Room::Bytes(4096));
    let ask = request::WrapKeyAuthenticated { session, mechanism, message, wrapping, key, room };
    client.ask(ask).map(|answer| match answer.output {
        Output::Bytes(bytes) => (bytes.into_vec(), answer.nonce, answer.tag),
        Output::Length(length) => panic!("only a length: {length}"),
    })
}

fn unseal(
    client: &mut Client,
    session: u64,
    unwrapping: u64,
    wrapped: &[u8],
    message: Message,
    tag: &[u8],
) -> Result<u64, Rv> {
    let (mechanism, tag, wrapped) = (MechanismType::AES_GCM, Bytes(tag.to_vec()), Bytes(wrapped.to_vec()));
    let template = secret();
    let ask = request::UnwrapKeyAuthenticated { session, mechanism, message, tag, unwrapping, wrapped, template };
    client.ask(ask).map(|answer| answer.key)
}

#[test]
fn a_key_is_sealed_with_its_tag_apart_and_what_stands_beside_it_counts() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (under, key) = (wrapping(&mut client, session), leaving(&mut client, session, "key"));
    for (name, generator) in [("said", Generator::NO_GENERATE), ("made here", Generator::GENERATE)] {
        let (wrapped, nonce, tag) = seal(&mut client, session, under, key, message(&[9; 12], generator)).unwrap();
        assert_eq!((wrapped.len(), nonce.len(), tag.len()), (32, 12, 16), "{name}");
        assert_eq!(nonce[..] == [9; 12], generator == Generator::NO_GENERATE, "{name}");
        let said = || message(&nonce, Generator::NO_GENERATE);
        let back = unseal(&mut client, session, under, &wrapped, said(), &tag).unwrap();
        assert_eq!(client.encrypted(session, back), client.encrypted(session, key), "{name}");
        let wrong: Vec<u8> = tag.iter().map(|byte| !byte).collect();
        let other = Message { aad: Bytes(b"another".to_vec()), ..said() };
        for (why, message, tag, expected) in [
            ("another tag", said(), &wrong[..], Rv::WRAPPED_KEY_INVALID),
            ("something else beside it", other, &tag[..], Rv::WRAPPED_KEY_INVALID),
            ("a tag cut short", said(), &tag[..15], Rv::MECHANISM_PARAM_INVALID),
        ] {
            let refused = unseal(&mut client, session, under, &wrapped, message, tag);
            assert_eq!(refused, Err(expected), "{name}: {why}");
        }
    }
    let again = seal(&mut client, session, under, key, message(&[9; 12], Generator::NO_GENERATE));
    assert!(again.is_err(), "a nonce is used once");
    let counted = seal(&mut client, session, under, key, message(&[9; 12], Generator::GENERATE_COUNTER));
    assert_eq!(counted.err(), Some(Rv::MECHANISM_PARAM_INVALID), "nothing is counted over keys");
}

#[test]
fn a_key_is_sealed_with_ccm_too() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (wrapping, key) = (wrapping(&mut client, session), leaving(&mut client, session, "key"));
    let (mechanism, of) = (MechanismType::AES_CCM, MechanismType::AES_CCM);
    let said = || Message { of, ..message(&[9; 13], Generator::NO_GENERATE) };
    let room = Room::Bytes(4096);
    let ask = request::WrapKeyAuthenticated { session, mechanism, message: said(), wrapping, key, room };
    let answer::WrapKeyAuthenticated { output, tag, .. } = client.ask(ask).unwrap();
    let Output::Bytes(wrapped) = output else { panic!("only a length") };
    let (wrapped, template) = (Bytes(wrapped.into_vec()), secret());
    let ask = request::UnwrapKeyAuthenticated {
        session,
        mechanism,
        message: said(),
        tag,
        unwrapping: wrapping,
        wrapped,
        template,
    };
    let back = client.ask(ask).unwrap().key;
    assert_eq!(client.encrypted(session, back), client.encrypted(session, key));
}

#[test]
fn a_question_for_the_length_of_a_sealed_key_spends_no_nonce() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (under, key) = (wrapping(&mut client, session), leaving(&mut client, session, "key"));
    let said = || message(&[3; 12], Generator::NO_GENERATE);
    for (room, expected) in [(Room::Query, Rv::OK), (Room::Bytes(31), Rv::BUFFER_TOO_SMALL)] {
        let mechanism = MechanismType::AES_GCM;
        let ask = request::WrapKeyAuthenticated { session, mechanism, message: said(), wrapping: under, key, room };
        let (rv, answer) = client.call(ask);
        assert_eq!(rv, expected);
        assert!(matches!(answer.unwrap().output, Output::Length(32)));
    }
    assert!(seal(&mut client, session, under, key, said()).is_ok());
}

#[test]
fn a_mechanism_that_authenticates_nothing_seals_no_key() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (under, key) = (wrapping(&mut client, session), leaving(&mut client, session, "key"));
    for mechanism in [MechanismType::AES_KEY_WRAP, MechanismType::AES_CBC_PAD, MechanismType(0x8000_0001)] {
        let message = message(&[1; 12], Generator::NO_GENERATE);
        let room = Room::Bytes(4096);
        let ask = request::WrapKeyAuthenticated { session, mechanism, message, wrapping: under, key, room };
        assert_eq!(client.ask(ask).err(), Some(Rv::MECHANISM_INVALID), "{mechanism}");
    }
}
