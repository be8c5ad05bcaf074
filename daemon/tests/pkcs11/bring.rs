//! Keys that the public half of a new pair brings to whoever has a private key: C_EncapsulateKey and C_DecapsulateKey by the
//! agreements of Diffie and Hellman.

use strongroom::slot::group::Group;
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Reveal, Template, Value, Wanted},
    call::request,
    mechanism::{Ecdh, Iv, Parameter},
    number::{Derivation, MechanismFlags, ObjectClass},
    value::{Bytes, Output, Room},
};

use crate::{
    derive::{of, open, with},
    house::{Client, House, P256, class, number, truth},
};

type M = MechanismType;

const P521: [u8; 7] = [0x06, 5, 0x2B, 0x81, 4, 0, 0x23];
const K256: [u8; 7] = [0x06, 5, 0x2B, 0x81, 4, 0, 0x0A];
const X25519: [u8; 5] = [0x06, 3, 0x2B, 0x65, 0x6E];
const X448: [u8; 5] = [0x06, 3, 0x2B, 0x65, 0x6F];

fn agreeing(derivation: Derivation, shared: &[u8], public: &[u8]) -> Mechanism {
    of(M::ECDH1_DERIVE, Parameter::Ecdh(Ecdh { derivation, shared: shared.into(), public: public.into() }))
}

fn numbers(public: &[u8]) -> Mechanism {
    match public {
        [] => Mechanism::plain(M::DH_PKCS_DERIVE),
        public => of(M::DH_PKCS_DERIVE, Parameter::Iv(Iv { iv: Bytes(public.to_vec()) })),
    }
}

fn elliptic(curve: &[u8]) -> Template {
    vec![Attribute::bytes(AttributeType::EC_PARAMS, curve)]
}

fn finite() -> Template {
    let group = Group::usual(2048).unwrap();
    vec![Attribute::bytes(AttributeType::PRIME, group.prime), Attribute::bytes(AttributeType::BASE, group.base)]
}

/// The two halves of a pair that brings keys.
fn pair(client: &mut Client, session: u64, maker: MechanismType, mut public: Template) -> (u64, u64) {
    public.push(truth(AttributeType::ENCAPSULATE, true));
    let private = with(open(), [truth(AttributeType::DECAPSULATE, true), truth(AttributeType::DERIVE, true)]);
    let mechanism = Mechanism::plain(maker);
    let made = client.ask(request::GenerateKeyPair { session, mechanism, public, private }).unwrap();
    (made.public, made.private)
}

fn bring(
    client: &mut Client,
    session: u64,
    mechanism: Mechanism,
    public: u64,
    template: Template,
) -> Result<(Vec<u8>, u64), Rv> {
    let room = Room::Bytes(512);
    let made = client.ask(request::EncapsulateKey { session, mechanism, public, template, room })?;
    match made.output {
        Output::Bytes(bytes) => Ok((bytes.into_vec(), made.key)),
        Output::Length(length) => panic!("only a length: {length}"),
    }
}

fn fetch(
    client: &mut Client,
    session: u64,
    mechanism: Mechanism,
    private: u64,
    template: Template,
    ciphertext: &[u8],
) -> Result<u64, Rv> {
    let ciphertext = ciphertext.into();
    Ok(client.ask(request::DecapsulateKey { session, mechanism, private, template, ciphertext })?.key)
}

fn value(client: &mut Client, session: u64, object: u64) -> Vec<u8> {
    let wanted = vec![Wanted { kind: AttributeType::VALUE, room: Room::Bytes(512) }];
    match client.ask(request::GetAttributeValue { session, object, wanted }).unwrap().revealed.remove(0) {
        Reveal::Value(Attribute { value: Value::Bytes(bytes), .. }) => bytes.into_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_pair_brings_what_the_private_half_derives_from_its_public_one() {
    let house = House::legacy();
    let (mut client, session) = house.user();
    let plain = |public: &[u8]| agreeing(Derivation::NULL, &[], public);
    let hashed = |public: &[u8]| agreeing(Derivation::SHA256_KDF, b"both know", public);
    type How<'h> = &'h dyn Fn(&[u8]) -> Mechanism;
    for (name, maker, public, how, length, lengths) in [
        ("P-256", M::EC_KEY_PAIR_GEN, elliptic(&P256), &plain as How<'_>, None, (65, 32)),
        ("P-521, hashed", M::EC_KEY_PAIR_GEN, elliptic(&P521), &hashed, Some(80), (133, 80)),
        ("secp256k1", M::EC_KEY_PAIR_GEN, elliptic(&K256), &plain, None, (65, 32)),
        ("X25519", M::EC_MONTGOMERY_KEY_PAIR_GEN, elliptic(&X25519), &plain, None, (32, 32)),
        ("X448, hashed", M::EC_MONTGOMERY_KEY_PAIR_GEN, elliptic(&X448), &hashed, Some(80), (56, 80)),
        ("ffdhe2048", M::DH_PKCS_KEY_PAIR_GEN, finite(), &numbers, None, (256, 256)),
    ] {
        let (public, private) = pair(&mut client, session, maker, public);
        let wanted = || with(open(), length.map(|length| number(AttributeType::VALUE_LEN, length)));
        let first = bring(&mut client, session, how(&[]), public, wanted()).expect(name);
        let second = bring(&mut client, session, how(&[]), public, wanted()).expect(name);
        let (ciphertext, ours) = (&first.0, value(&mut client, session, first.1));
        assert_eq!((ciphertext.len(), ours.len()), lengths, "{name}");
        assert!(*ciphertext != second.0 && ours != value(&mut client, session, second.1), "{name}: a pair each");
        let theirs = fetch(&mut client, session, how(&[]), private, wanted(), ciphertext).expect(name);
        assert_eq!(value(&mut client, session, theirs), ours, "{name}");
        let derive = request::DeriveKey { session, mechanism: how(ciphertext), base: private, template: wanted() };
        let derived = client.ask(derive).expect(name).key;
        assert_eq!(value(&mut client, session, derived), ours, "{name}");
    }
}

#[test]
fn what_brings_nothing_is_refused_by_its_fault_and_makes_no_key() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = pair(&mut client, session, M::EC_KEY_PAIR_GEN, elliptic(&P256));
    let (number_public, number_private) = pair(&mut client, session, M::DH_PKCS_KEY_PAIR_GEN, finite());
    let plain = || agreeing(Derivation::NULL, &[], &[]);
    let (point, _) = bring(&mut client, session, plain(), public, vec![]).unwrap();
    let count = |client: &mut Client| client.find(session, vec![class(ObjectClass::SECRET_KEY)]).len();
    let before = count(&mut client);
    let question = request::EncapsulateKey { session, mechanism: plain(), public, template: vec![], room: Room::Query };
    assert!(matches!(client.ask(question).unwrap().output, Output::Length(65)));
    for (name, mechanism, public, expected) in [
        ("another's point", agreeing(Derivation::NULL, &[], &point), public, Rv::MECHANISM_PARAM_INVALID),
        ("a function that is none", agreeing(Derivation(99), &[], &[]), public, Rv::MECHANISM_PARAM_INVALID),
        ("no parameter", Mechanism::plain(M::ECDH1_DERIVE), public, Rv::MECHANISM_PARAM_INVALID),
        ("the wrong half", plain(), private, Rv::KEY_TYPE_INCONSISTENT),
        ("another kind of key", plain(), number_public, Rv::KEY_TYPE_INCONSISTENT),
        ("another's number", numbers(&[2; 256]), number_public, Rv::MECHANISM_PARAM_INVALID),
        ("what brings nothing", Mechanism::plain(M::SHA256_KEY_DERIVATION), public, Rv::MECHANISM_INVALID),
        ("no key", plain(), 4_711, Rv::KEY_HANDLE_INVALID),
    ] {
        assert_eq!(bring(&mut client, session, mechanism, public, vec![]).err(), Some(expected), "{name}");
    }
    let mut beside = point.clone();
    beside[64] ^= 1;
    for (name, mechanism, private, ciphertext, expected) in [
        ("cut short", plain(), private, &point[1..], Rv::WRAPPED_KEY_LEN_RANGE),
        ("nothing", plain(), private, &[][..], Rv::WRAPPED_KEY_LEN_RANGE),
        ("beside the curve", plain(), private, &beside[..], Rv::MECHANISM_PARAM_INVALID),
        ("the wrong half", plain(), public, &point[..], Rv::KEY_TYPE_INCONSISTENT),
        (
            "the number one",
            numbers(&[]),
            number_private,
            &[&[0; 255][..], &[1]].concat()[..],
            Rv::MECHANISM_PARAM_INVALID,
        ),
        ("a number above the prime", numbers(&[]), number_private, &[255; 256][..], Rv::MECHANISM_PARAM_INVALID),
    ] {
        assert_eq!(fetch(&mut client, session, mechanism, private, vec![], ciphertext), Err(expected), "{name}");
    }
    assert_eq!(count(&mut client), before);
}

#[test]
fn a_key_that_may_not_bring_does_not() {
    let house = House::new();
    let (mut client, session) = house.user();
    let uses = |kind| vec![truth(kind, false), truth(AttributeType::DERIVE, false)];
    let made = client
        .ask(request::GenerateKeyPair {
            session,
            mechanism: Mechanism::plain(M::EC_KEY_PAIR_GEN),
            public: with(elliptic(&P256), uses(AttributeType::ENCAPSULATE)),
            private: uses(AttributeType::DECAPSULATE),
        })
        .unwrap();
    let plain = || agreeing(Derivation::NULL, &[], &[]);
    let refused = Some(Rv::KEY_FUNCTION_NOT_PERMITTED);
    assert_eq!(bring(&mut client, session, plain(), made.public, vec![]).err(), refused);
    let (other, _) = pair(&mut client, session, M::EC_KEY_PAIR_GEN, elliptic(&P256));
    let (point, _) = bring(&mut client, session, plain(), other, vec![]).unwrap();
    assert_eq!(fetch(&mut client, session, plain(), made.private, vec![], &point).err(), refused);
}

#[test]
fn the_list_of_mechanisms_says_which_bring_keys() {
    let house = House::new();
    let (mut client, _) = house.user();
    for (kind, brings) in [
        (M::ECDH1_DERIVE, true),
        (M::ECDH1_COFACTOR_DERIVE, true),
        (M::DH_PKCS_DERIVE, true),
        (M::ML_KEM, true),
        (M::HKDF_DERIVE, false),
        (M::RSA_PKCS_OAEP, false),
    ] {
        let flags = client.ask(request::GetMechanismInfo { slot: 0, mechanism: kind }).unwrap().info.flags;
        for flag in [MechanismFlags::ENCAPSULATE, MechanismFlags::DECAPSULATE] {
            assert_eq!(flags.has(flag), brings, "{kind}");
        }
    }
}
