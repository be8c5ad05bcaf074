//! ML-KEM, ML-DSA and SLH-DSA through PKCS#11: made, brought along, read, signed and encapsulated with.

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Reveal, Template, Value, Wanted},
    call::request,
    mechanism::{Context, HashContext, Parameter},
    number::{Hedge, KeyType, ObjectClass},
    value::{Bytes, Output, Room, Wiped},
};

use crate::house::{Client, House, class, number, truth};

fn open() -> Template {
    vec![truth(AttributeType::SENSITIVE, false), truth(AttributeType::EXTRACTABLE, true)]
}

fn bytes(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> Vec<u8> {
    let wanted = vec![Wanted { kind, room: Room::Bytes(8192) }];
    match client.ask(request::GetAttributeValue { session, object, wanted }).unwrap().revealed.remove(0) {
        Reveal::Value(Attribute { value: Value::Bytes(bytes), .. }) => bytes.into_vec(),
        other => panic!("{kind}: {other:?}"),
    }
}

fn pair(client: &mut Client, session: u64, maker: MechanismType, set: u64) -> Result<(u64, u64), Rv> {
    let public = vec![number(AttributeType::PARAMETER_SET, set)];
    let ask = request::GenerateKeyPair { session, mechanism: Mechanism::plain(maker), public, private: open() };
    client.ask(ask).map(|made| (made.public, made.private))
}

fn given(output: Output) -> Vec<u8> {
    match output {
        Output::Bytes(bytes) => bytes.into_vec(),
        Output::Length(length) => panic!("only a length: {length}"),
    }
}

fn in_context(kind: MechanismType, context: &[u8]) -> Mechanism {
    let parameter = Parameter::Context(Context { hedge: Hedge::HEDGE_PREFERRED, context: context.into() });
    Mechanism { kind, parameter }
}

fn sign(client: &mut Client, session: u64, key: u64, mechanism: Mechanism) -> Vec<u8> {
    client.ask(request::SignInit { session, mechanism: Some(mechanism), key }).unwrap();
    let ask = request::Sign { session, data: Wiped::from(&b"data"[..]), room: Room::Bytes(50_000) };
    given(client.ask(ask).unwrap().output)
}

fn verify(client: &mut Client, session: u64, key: u64, mechanism: Mechanism, signature: &[u8]) -> Result<(), Rv> {
    client.ask(request::VerifyInit { session, mechanism: Some(mechanism), key }).unwrap();
    let ask = request::Verify { session, data: Wiped::from(&b"data"[..]), signature: signature.into() };
    client.ask(ask).map(|_| ())
}

#[test]
fn a_pair_signs_in_its_context_and_comes_back_by_seed_and_value() {
    let house = House::new();
    let (mut client, session) = house.user();
    use MechanismType as M;
    for (name, maker, set, key_type, mechanism, hashed, length) in [
        ("ML-DSA-44", M::ML_DSA_KEY_PAIR_GEN, 1, KeyType::ML_DSA, M::ML_DSA, M::HASH_ML_DSA_SHA256, 2420),
        ("SLH-DSA", M::SLH_DSA_KEY_PAIR_GEN, 4, KeyType::SLH_DSA, M::SLH_DSA, M::HASH_SLH_DSA_SHAKE128, 17_088),
    ] {
        let (public, private) = pair(&mut client, session, maker, set).expect(name);
        let signature = sign(&mut client, session, private, in_context(mechanism, b"one"));
        assert_eq!(signature.len(), length, "{name}");
        let mut fits = |mechanism| verify(&mut client, session, public, mechanism, &signature);
        assert_eq!(fits(in_context(mechanism, b"one")), Ok(()), "{name}");
        assert_eq!(fits(in_context(mechanism, b"two")), Err(Rv::SIGNATURE_INVALID), "{name}");
        assert_eq!(fits(Mechanism::plain(hashed)), Err(Rv::SIGNATURE_INVALID), "{name}");
        let over = sign(&mut client, session, private, Mechanism::plain(hashed));
        assert_eq!(verify(&mut client, session, public, Mechanism::plain(hashed), &over), Ok(()), "{name}");
        let value = bytes(&mut client, session, private, AttributeType::VALUE);
        let mut materials = vec![vec![Attribute::bytes(AttributeType::VALUE, value.clone())]];
        if key_type == KeyType::ML_DSA {
            let seed = bytes(&mut client, session, private, AttributeType::SEED);
            materials.push(vec![Attribute::bytes(AttributeType::SEED, seed)]);
        }
        let point = bytes(&mut client, session, public, AttributeType::VALUE);
        let of = |class_of, mut template: Template| {
            let more = [
                class(class_of),
                number(AttributeType::KEY_TYPE, key_type.0),
                number(AttributeType::PARAMETER_SET, set),
            ];
            template.extend(more);
            template
        };
        let template = of(ObjectClass::PUBLIC_KEY, vec![Attribute::bytes(AttributeType::VALUE, point)]);
        let known = client.ask(request::CreateObject { session, template }).unwrap().object;
        for material in materials {
            let template = of(ObjectClass::PRIVATE_KEY, material);
            let again = client.ask(request::CreateObject { session, template }).unwrap().object;
            let signature = sign(&mut client, session, again, Mechanism::plain(mechanism));
            assert_eq!(verify(&mut client, session, known, Mechanism::plain(mechanism), &signature), Ok(()), "{name}");
        }
        let short = of(ObjectClass::PRIVATE_KEY, vec![Attribute::bytes(AttributeType::VALUE, &value[1..])]);
        let refused = client.ask(request::CreateObject { session, template: short }).err();
        assert_eq!(refused, Some(Rv::ATTRIBUTE_VALUE_INVALID), "{name}");
        assert_eq!(pair(&mut client, session, maker, 99), Err(Rv::PARAMETER_SET_NOT_SUPPORTED), "{name}");
    }
}

#[test]
fn a_ciphertext_brings_the_same_key_to_the_other_side() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = pair(&mut client, session, MechanismType::ML_KEM_KEY_PAIR_GEN, 2).unwrap();
    let mechanism = || Mechanism::plain(MechanismType::ML_KEM);
    let encapsulate =
        |room| request::EncapsulateKey { session, mechanism: mechanism(), public, template: open(), room };
    let before = client.find(session, vec![class(ObjectClass::SECRET_KEY)]).len();
    assert!(matches!(client.ask(encapsulate(Room::Query)).unwrap().output, Output::Length(1088)));
    assert_eq!(client.call(encapsulate(Room::Bytes(1087))).0, Rv::BUFFER_TOO_SMALL);
    assert_eq!(client.find(session, vec![class(ObjectClass::SECRET_KEY)]).len(), before, "a question makes no key");
    let made = client.ask(encapsulate(Room::Bytes(1088))).unwrap();
    let ciphertext = given(made.output);
    let decapsulate = |private, template, ciphertext: &[u8]| request::DecapsulateKey {
        session,
        mechanism: mechanism(),
        private,
        template,
        ciphertext: ciphertext.into(),
    };
    let theirs = client.ask(decapsulate(private, open(), &ciphertext)).unwrap().key;
    let ours = bytes(&mut client, session, made.key, AttributeType::VALUE);
    assert_eq!(ours.len(), 32);
    assert_eq!(bytes(&mut client, session, theirs, AttributeType::VALUE), ours);
    for (why, key, template, ciphertext, expected) in [
        ("cut short", private, open(), &ciphertext[1..], Rv::WRAPPED_KEY_LEN_RANGE),
        ("the wrong half", public, open(), &ciphertext[..], Rv::KEY_TYPE_INCONSISTENT),
        ("no key", 4_711, open(), &ciphertext[..], Rv::KEY_HANDLE_INVALID),
        (
            "more than it brings",
            private,
            vec![number(AttributeType::VALUE_LEN, 33)],
            &ciphertext[..],
            Rv::KEY_SIZE_RANGE,
        ),
    ] {
        assert_eq!(client.ask(decapsulate(key, template, ciphertext)).err(), Some(expected), "{why}");
    }
}

#[test]
fn a_digest_comes_whole_or_the_operation_is_over() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = pair(&mut client, session, MechanismType::ML_DSA_KEY_PAIR_GEN, 1).unwrap();
    let digested = || {
        let (hedge, context) = (Hedge::HEDGE_PREFERRED, Bytes::default());
        let parameter = Parameter::HashContext(HashContext { hedge, context, hash: MechanismType::SHA256 });
        Some(Mechanism { kind: MechanismType::HASH_ML_DSA, parameter })
    };
    let part = || Wiped::from(&[7; 10][..]);
    client.ask(request::SignInit { session, mechanism: digested(), key: private }).unwrap();
    let refused = client.ask(request::SignUpdate { session, data: part() });
    assert_eq!(refused.err(), Some(Rv::OPERATION_NOT_INITIALIZED));
    client.ask(request::SignInit { session, mechanism: digested(), key: private }).expect("the last one is over");
    let ask = request::Sign { session, data: Wiped::from(&[7; 32][..]), room: Room::Bytes(4096) };
    let signature = given(client.ask(ask).unwrap().output);
    client.ask(request::VerifyInit { session, mechanism: digested(), key: public }).unwrap();
    let refused = client.ask(request::VerifyUpdate { session, data: part() });
    assert_eq!(refused.err(), Some(Rv::OPERATION_NOT_INITIALIZED));
    let first = || request::VerifySignatureInit {
        session,
        mechanism: digested(),
        key: public,
        signature: signature.as_slice().into(),
    };
    client.ask(first()).unwrap();
    let refused = client.ask(request::VerifySignatureUpdate { session, data: part() });
    assert_eq!(refused.err(), Some(Rv::OPERATION_NOT_INITIALIZED));
    client.ask(first()).unwrap();
    assert!(client.ask(request::VerifySignature { session, data: Wiped::from(&[7; 32][..]) }).is_ok());
}

#[test]
fn what_a_ciphertext_brings_is_as_the_key_that_brings_it_has_it() {
    let house = House::new();
    let (mut client, session) = house.user();
    let inner = |truth_of: bool| Value::Template(vec![truth(AttributeType::ENCRYPT, truth_of)]);
    let mut private = open();
    private.push(Attribute::new(AttributeType::DECAPSULATE_TEMPLATE, inner(true)));
    private.push(Attribute::new(AttributeType::ALLOWED_MECHANISMS, Value::Ulongs(vec![MechanismType::ML_KEM.0])));
    let public = vec![
        number(AttributeType::PARAMETER_SET, 1),
        Attribute::new(AttributeType::ENCAPSULATE_TEMPLATE, Value::Template(vec![truth(AttributeType::SIGN, false)])),
    ];
    let mechanism = || Mechanism::plain(MechanismType::ML_KEM);
    let maker = Mechanism::plain(MechanismType::ML_KEM_KEY_PAIR_GEN);
    let made = client.ask(request::GenerateKeyPair { session, mechanism: maker, public, private }).unwrap();
    let encapsulate = |mut template: Template| {
        template.push(number(AttributeType::KEY_TYPE, KeyType::AES.0));
        request::EncapsulateKey {
            session,
            mechanism: mechanism(),
            public: made.public,
            template,
            room: Room::Bytes(768),
        }
    };
    let refused = client.ask(encapsulate(vec![truth(AttributeType::SIGN, true)]));
    assert_eq!(refused.err(), Some(Rv::TEMPLATE_INCONSISTENT), "against its template");
    let ciphertext = given(client.ask(encapsulate(Vec::new())).unwrap().output);
    let decapsulate = |mut template: Template| {
        template.push(number(AttributeType::KEY_TYPE, KeyType::AES.0));
        let ciphertext = ciphertext.as_slice().into();
        request::DecapsulateKey { session, mechanism: mechanism(), private: made.private, template, ciphertext }
    };
    let refused = client.ask(decapsulate(vec![truth(AttributeType::ENCRYPT, false)]));
    assert_eq!(refused.err(), Some(Rv::TEMPLATE_INCONSISTENT), "against the other's");
    assert!(client.ask(decapsulate(Vec::new())).is_ok());
}
