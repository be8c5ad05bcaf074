//! Keys on every curve: made, brought along, read, signed with.

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Reveal, Value, Wanted},
    call::request,
    mechanism::{Eddsa, Parameter},
    number::{KeyType, ObjectClass},
    value::{Output, Room, Wiped},
};

use crate::house::{Client, House, class, number, truth};

const BRAINPOOL: [u8; 11] = [0x06, 9, 0x2B, 0x24, 3, 3, 2, 8, 1, 1, 7];
const ED448: [u8; 5] = [0x06, 3, 0x2B, 0x65, 0x71];
const ED25519: [u8; 5] = [0x06, 3, 0x2B, 0x65, 0x70];
const X448: [u8; 5] = [0x06, 3, 0x2B, 0x65, 0x6F];

fn bytes(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> Vec<u8> {
    let wanted = vec![Wanted { kind, room: Room::Bytes(4096) }];
    match client.ask(request::GetAttributeValue { session, object, wanted }).unwrap().revealed.remove(0) {
        Reveal::Value(Attribute { value: Value::Bytes(bytes), .. }) => bytes.into_vec(),
        other => panic!("{kind}: {other:?}"),
    }
}

fn pair(client: &mut Client, session: u64, maker: MechanismType, curve: &[u8]) -> Result<(u64, u64), Rv> {
    let public = vec![Attribute::bytes(AttributeType::EC_PARAMS, curve)];
    let private = vec![truth(AttributeType::SENSITIVE, false), truth(AttributeType::EXTRACTABLE, true)];
    let mechanism = Mechanism::plain(maker);
    let made = client.ask(request::GenerateKeyPair { session, mechanism, public, private })?;
    Ok((made.public, made.private))
}

fn sign(client: &mut Client, session: u64, key: u64, mechanism: Mechanism) -> Vec<u8> {
    client.ask(request::SignInit { session, mechanism: Some(mechanism), key }).unwrap();
    let ask = request::Sign { session, data: Wiped::from(&b"data"[..]), room: Room::Bytes(512) };
    match client.ask(ask).unwrap().output {
        Output::Bytes(bytes) => bytes.into_vec(),
        Output::Length(length) => panic!("only a length: {length}"),
    }
}

fn verify(client: &mut Client, session: u64, key: u64, mechanism: Mechanism, signature: &[u8]) -> Result<(), Rv> {
    client.ask(request::VerifyInit { session, mechanism: Some(mechanism), key }).unwrap();
    let ask = request::Verify { session, data: Wiped::from(&b"data"[..]), signature: signature.into() };
    client.ask(ask).map(|_| ())
}

fn eddsa(prehash: bool, context: &[u8]) -> Mechanism {
    let parameter = Parameter::Eddsa(Eddsa { prehash, context: context.into() });
    Mechanism { kind: MechanismType::EDDSA, parameter }
}

#[test]
fn keys_are_made_read_and_brought_back_on_every_curve() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (edwards, plain) = (MechanismType::EC_EDWARDS_KEY_PAIR_GEN, MechanismType::ECDSA_SHA256);
    for (name, maker, curve, key_type, mechanism, length) in [
        ("brainpool", MechanismType::EC_KEY_PAIR_GEN, &BRAINPOOL[..], KeyType::EC, Some(plain), 64),
        ("Ed448", edwards, &ED448[..], KeyType::EC_EDWARDS, Some(MechanismType::EDDSA), 114),
        ("X448", MechanismType::EC_MONTGOMERY_KEY_PAIR_GEN, &X448[..], KeyType::EC_MONTGOMERY, None, 0),
    ] {
        let (public, private) = pair(&mut client, session, maker, curve).expect(name);
        assert_eq!(bytes(&mut client, session, public, AttributeType::EC_PARAMS), curve, "{name}");
        let point = bytes(&mut client, session, public, AttributeType::EC_POINT);
        let value = bytes(&mut client, session, private, AttributeType::VALUE);
        let bring = |client: &mut Client, of, kind, value: &[u8]| {
            let template = vec![
                class(of),
                number(AttributeType::KEY_TYPE, key_type.0),
                Attribute::bytes(AttributeType::EC_PARAMS, curve),
                Attribute::bytes(kind, value),
            ];
            client.ask(request::CreateObject { session, template }).map(|made| made.object)
        };
        let brought = bring(&mut client, ObjectClass::PRIVATE_KEY, AttributeType::VALUE, &value).expect(name);
        let known = bring(&mut client, ObjectClass::PUBLIC_KEY, AttributeType::EC_POINT, &point).expect(name);
        assert_eq!(bytes(&mut client, session, brought, AttributeType::EC_POINT), point, "{name}");
        let mut wrong = point.clone();
        wrong.truncate(20);
        let refused = bring(&mut client, ObjectClass::PUBLIC_KEY, AttributeType::EC_POINT, &wrong);
        assert_eq!(refused, Err(Rv::ATTRIBUTE_VALUE_INVALID), "{name}");
        let Some(mechanism) = mechanism else { continue };
        let signature = sign(&mut client, session, brought, Mechanism::plain(mechanism));
        assert_eq!(signature.len(), length, "{name}");
        for key in [public, known] {
            verify(&mut client, session, key, Mechanism::plain(mechanism), &signature).expect(name);
        }
    }
}

#[test]
fn a_curve_of_another_kind_is_refused() {
    let house = House::new();
    let (mut client, session) = house.user();
    for (why, maker, curve) in [
        ("X448 signs nothing", MechanismType::EC_EDWARDS_KEY_PAIR_GEN, &X448[..]),
        ("Ed448 agrees on nothing", MechanismType::EC_MONTGOMERY_KEY_PAIR_GEN, &ED448[..]),
        ("neither is Weierstrass's", MechanismType::EC_KEY_PAIR_GEN, &ED448[..]),
        ("none", MechanismType::EC_KEY_PAIR_GEN, &[0x06, 1, 1][..]),
    ] {
        assert_eq!(pair(&mut client, session, maker, curve), Err(Rv::CURVE_NOT_SUPPORTED), "{why}");
    }
}

#[test]
fn a_signature_in_a_context_fits_in_no_other() {
    let house = House::new();
    let (mut client, session) = house.user();
    for (name, curve) in [("Ed25519", &ED25519[..]), ("Ed448", &ED448[..])] {
        let (public, private) = pair(&mut client, session, MechanismType::EC_EDWARDS_KEY_PAIR_GEN, curve).expect(name);
        for (how, prehash) in [("the message", false), ("a digest", true)] {
            let signature = sign(&mut client, session, private, eddsa(prehash, b"one"));
            let mut fits = |mechanism| verify(&mut client, session, public, mechanism, &signature);
            assert_eq!(fits(eddsa(prehash, b"one")), Ok(()), "{name}, {how}");
            assert_eq!(fits(eddsa(prehash, b"two")), Err(Rv::SIGNATURE_INVALID), "{name}, {how}");
            assert_eq!(fits(eddsa(!prehash, b"one")), Err(Rv::SIGNATURE_INVALID), "{name}, {how}");
            assert_eq!(fits(Mechanism::plain(MechanismType::EDDSA)), Err(Rv::SIGNATURE_INVALID), "{name}, {how}");
        }
        let mechanism = Some(eddsa(false, &[0; 256]));
        let refused = client.ask(request::SignInit { session, mechanism, key: private }).err();
        assert_eq!(refused, Some(Rv::MECHANISM_PARAM_INVALID), "{name}");
    }
}
