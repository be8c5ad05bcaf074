//! Keys that are made out of keys, and what is refused of it.

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Reveal, Template, Value, Wanted},
    call::request,
    mechanism::{Chain, ChainField, Data, Ecdh, Hkdf, Number, Parameter, Tls},
    number::{Derivation, KeyType, ObjectClass, UserType},
    value::{Bytes, Room},
};

use crate::house::{Client, House, P256, PIN, RW, class, number, truth};

fn ecdh(public: &[u8]) -> Mechanism {
    ecdh_with(Derivation::NULL, &[], public)
}

fn ecdh_with(derivation: Derivation, shared: &[u8], public: &[u8]) -> Mechanism {
    let parameter = Parameter::Ecdh(Ecdh { derivation, shared: shared.into(), public: public.into() });
    Mechanism { kind: MechanismType::ECDH1_DERIVE, parameter }
}

pub(crate) fn of(kind: MechanismType, parameter: Parameter) -> Mechanism {
    Mechanism { kind, parameter }
}

fn data(kind: MechanismType, bytes: &[u8]) -> Mechanism {
    of(kind, Parameter::Data(Data { data: bytes.into() }))
}

/// A secret that may be read.
pub(crate) fn open() -> Template {
    vec![truth(AttributeType::SENSITIVE, false), truth(AttributeType::EXTRACTABLE, true)]
}

pub(crate) fn with(mut template: Template, more: impl IntoIterator<Item = Attribute>) -> Template {
    template.extend(more);
    template
}

/// A secret key that others are derived from, brought along.
pub(crate) fn secret(client: &mut Client, session: u64, bytes: &[u8], template: Template) -> u64 {
    let own = [
        class(ObjectClass::SECRET_KEY),
        number(AttributeType::KEY_TYPE, KeyType::GENERIC_SECRET.0),
        Attribute::bytes(AttributeType::VALUE, bytes),
        truth(AttributeType::DERIVE, true),
    ];
    client.ask(request::CreateObject { session, template: with(template, own) }).unwrap().object
}

fn derive(client: &mut Client, session: u64, mechanism: Mechanism, base: u64, template: Template) -> Result<u64, Rv> {
    client.ask(request::DeriveKey { session, mechanism, base, template }).map(|answer| answer.key)
}

pub(crate) fn reveal(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> Reveal {
    let wanted = vec![Wanted { kind, room: Room::Bytes(4096) }];
    client.ask(request::GetAttributeValue { session, object, wanted }).unwrap().revealed.remove(0)
}

pub(crate) fn value(client: &mut Client, session: u64, object: u64) -> Vec<u8> {
    match reveal(client, session, object, AttributeType::VALUE) {
        Reveal::Value(Attribute { value: Value::Bytes(bytes), .. }) => bytes.into_vec(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn is(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> bool {
    match reveal(client, session, object, kind) {
        Reveal::Value(Attribute { value: Value::Bool(truth), .. }) => truth,
        other => panic!("{kind}: {other:?}"),
    }
}

/// A pair that agrees: the point of the public half, and the private half.
fn pair(client: &mut Client, session: u64, maker: MechanismType, curve: &[u8], private: Template) -> (Vec<u8>, u64) {
    let public = vec![Attribute::bytes(AttributeType::EC_PARAMS, curve), truth(AttributeType::DERIVE, true)];
    let private = with(private, [truth(AttributeType::DERIVE, true)]);
    let mechanism = Mechanism::plain(maker);
    let made = client.ask(request::GenerateKeyPair { session, mechanism, public, private }).unwrap();
    match reveal(client, session, made.public, AttributeType::EC_POINT) {
        Reveal::Value(Attribute { value: Value::Bytes(bytes), .. }) => (bytes.into_vec(), made.private),
        other => panic!("{other:?}"),
    }
}

const X25519: [u8; 5] = [0x06, 3, 0x2B, 0x65, 0x6E];

#[test]
fn two_sides_derive_the_same_key() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (elliptic, montgomery) = (MechanismType::EC_KEY_PAIR_GEN, MechanismType::EC_MONTGOMERY_KEY_PAIR_GEN);
    for (name, maker, curve) in [("P-256", elliptic, &P256[..]), ("X25519", montgomery, &X25519[..])] {
        let (our_point, ours) = pair(&mut client, session, maker, curve, open());
        let (their_point, theirs) = pair(&mut client, session, maker, curve, open());
        for (how, length, make) in [
            ("plain", 32, &ecdh as &dyn Fn(&[u8]) -> Mechanism),
            ("X9.63", 48, &|point| ecdh_with(Derivation::SHA256_KDF, b"info", point)),
            ("one step", 20, &|point| ecdh_with(Derivation::SHA3_512_KDF_SP800, &[], point)),
        ] {
            let template = || with(open(), [number(AttributeType::VALUE_LEN, length)]);
            let one = derive(&mut client, session, make(&their_point), ours, template()).unwrap();
            // The other writes the point bare.
            let bare = &our_point[2..];
            let other = derive(&mut client, session, make(bare), theirs, template()).unwrap();
            let agreed = value(&mut client, session, one);
            assert_eq!(agreed.len() as u64, length, "{name}, {how}");
            assert_eq!(agreed, value(&mut client, session, other), "{name}, {how}");
        }
        // Without a length, the plain agreement gives all that it has.
        let whole = derive(&mut client, session, ecdh(&their_point), ours, open()).unwrap();
        assert_eq!(value(&mut client, session, whole).len(), 32, "{name}");
    }
}

#[test]
fn what_is_derived_is_never_kept_less_closely_than_what_it_is_derived_from() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (maker, curve) = (MechanismType::EC_KEY_PAIR_GEN, &P256[..]);
    let (point, base) = pair(&mut client, session, maker, curve, Vec::new());
    for (why, template) in [
        ("less sensitive", vec![truth(AttributeType::SENSITIVE, false)]),
        ("more extractable", vec![truth(AttributeType::EXTRACTABLE, true)]),
    ] {
        let refused = derive(&mut client, session, ecdh(&point), base, template);
        assert_eq!(refused, Err(Rv::TEMPLATE_INCONSISTENT), "{why}");
    }
    let key = derive(&mut client, session, ecdh(&point), base, Vec::new()).unwrap();
    for (kind, expected) in [
        (AttributeType::SENSITIVE, true),
        (AttributeType::EXTRACTABLE, false),
        (AttributeType::ALWAYS_SENSITIVE, false),
        (AttributeType::LOCAL, false),
    ] {
        assert_eq!(is(&mut client, session, key, kind), expected, "{kind}");
    }
    assert!(matches!(reveal(&mut client, session, key, AttributeType::VALUE), Reveal::Sensitive));
}

#[test]
fn an_operator_may_leave_it_to_the_template_how_closely_a_derived_key_is_kept() {
    let house = House::new();
    let mut client = house.attach(1);
    let session = client.ask(request::OpenSession { slot: 1, flags: RW }).unwrap().session;
    client.log_in(session, UserType::USER, PIN).unwrap();
    let (point, base) = pair(&mut client, session, MechanismType::EC_KEY_PAIR_GEN, &P256, Vec::new());
    let opened = derive(&mut client, session, ecdh(&point), base, open()).unwrap();
    assert_eq!(value(&mut client, session, opened).len(), 32);
    let unsaid = derive(&mut client, session, ecdh(&point), base, Vec::new()).unwrap();
    assert!(is(&mut client, session, unsaid, AttributeType::SENSITIVE), "nobody asked for less");
    let closed = secret(&mut client, session, &[7; 32], Vec::new());
    let hashed = || Mechanism::plain(MechanismType::SHA256_KEY_DERIVATION);
    let refused = derive(&mut client, session, hashed(), closed, open());
    assert_eq!(refused, Err(Rv::TEMPLATE_INCONSISTENT), "another derivation");
}

#[test]
fn the_attacks_by_derivation_are_refused() {
    let house = House::new();
    let (mut client, session) = house.user();
    let closed = secret(&mut client, session, &[7; 32], Vec::new());
    let short = |length| vec![number(AttributeType::VALUE_LEN, length)];
    let extract = |bit| of(MechanismType::EXTRACT_KEY_FROM_KEY, Parameter::Number(Number { number: bit }));
    let known = secret(&mut client, session, &[1; 31], open());
    let joined = || of(MechanismType::CONCATENATE_BASE_AND_KEY, Parameter::Number(Number { number: closed }));
    for (why, mechanism, base, template, expected) in [
        ("bits of it", extract(8), closed, short(16), Rv::KEY_FUNCTION_NOT_PERMITTED),
        ("itself shifted", extract(1), closed, short(32), Rv::KEY_FUNCTION_NOT_PERMITTED),
        (
            "known bytes before it",
            data(MechanismType::CONCATENATE_DATA_AND_BASE, &[1; 31]),
            closed,
            short(32),
            Rv::KEY_FUNCTION_NOT_PERMITTED,
        ),
        (
            "known bytes behind it",
            data(MechanismType::CONCATENATE_BASE_AND_DATA, &[1; 31]),
            closed,
            short(63),
            Rv::KEY_FUNCTION_NOT_PERMITTED,
        ),
        (
            "known bits flipped",
            data(MechanismType::XOR_BASE_AND_DATA, &[1; 32]),
            closed,
            short(32),
            Rv::KEY_FUNCTION_NOT_PERMITTED,
        ),
        ("a known key before it, all but a byte cut off", joined(), known, short(32), Rv::KEY_SIZE_RANGE),
        (
            "few enough bytes to guess",
            Mechanism::plain(MechanismType::SHA256_KEY_DERIVATION),
            closed,
            short(4),
            Rv::KEY_SIZE_RANGE,
        ),
    ] {
        assert_eq!(derive(&mut client, session, mechanism, base, template), Err(expected), "{why}");
    }
    let whole = derive(&mut client, session, joined(), known, Vec::new()).unwrap();
    assert!(is(&mut client, session, whole, AttributeType::SENSITIVE), "one of the two is");
}

#[test]
fn open_keys_are_joined_cut_and_mixed() {
    let house = House::new();
    let (mut client, session) = house.user();
    let one = secret(&mut client, session, &[1, 2, 3, 4], open());
    let other = secret(&mut client, session, &[5, 6], open());
    let number = |kind, number| of(kind, Parameter::Number(Number { number }));
    let length = |length| self::number(AttributeType::VALUE_LEN, length);
    use MechanismType as M;
    for (why, mechanism, template, expected) in [
        ("two keys", number(M::CONCATENATE_BASE_AND_KEY, other), open(), vec![1, 2, 3, 4, 5, 6]),
        ("data behind", data(M::CONCATENATE_BASE_AND_DATA, &[9]), open(), vec![1, 2, 3, 4, 9]),
        ("data before, cut", data(M::CONCATENATE_DATA_AND_BASE, &[9]), with(open(), [length(2)]), vec![9, 1]),
        ("mixed", data(M::XOR_BASE_AND_DATA, &[1; 8]), open(), vec![0, 3, 2, 5]),
        ("bits", number(M::EXTRACT_KEY_FROM_KEY, 4), with(open(), [length(2)]), vec![0x10, 0x20]),
    ] {
        let key = derive(&mut client, session, mechanism, one, template).expect(why);
        assert_eq!(value(&mut client, session, key), expected, "{why}");
    }
}

#[test]
fn keys_are_derived_by_each_function() {
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &(1..=32).collect::<Vec<u8>>(), open());
    let salt = secret(&mut client, session, b"salt", open());
    let length = |length| with(open(), [number(AttributeType::VALUE_LEN, length)]);
    let hkdf = |extract, expand, salt_type, info: &[u8]| {
        let hash = MechanismType::SHA256;
        let parameter =
            Hkdf { extract, expand, hash, salt_type, salt: Bytes::default(), salt_key: salt, info: info.into() };
        of(MechanismType::HKDF_DERIVE, Parameter::Hkdf(parameter))
    };
    let field =
        |kind, width, bytes: &[u8]| ChainField { kind, little: false, width, sum: 1, key: 0, data: bytes.into() };
    let chain = |kind, function, fields| {
        of(kind, Parameter::Chain(Chain { function, fields, start: Bytes::default(), others: Vec::new() }))
    };
    let usual = || vec![field(1, 16, &[]), field(4, 0, b"label\0context"), field(3, 16, &[])];
    let tls =
        Tls { hash: MechanismType::SHA256, label: b"master secret"[..].into(), seed: b"seed".repeat(16)[..].into() };
    use MechanismType as M;
    // The first bytes, as Python's cryptography and hashlib compute them.
    for (why, mechanism, template, bytes, first) in [
        ("expand", hkdf(false, true, 0, b"info"), length(42), 42, [0x3a, 0xa8, 0x34, 0x6f]),
        ("extract, salted by a key", hkdf(true, false, 4, b""), open(), 32, [0xd9, 0x5b, 0xfb, 0x06]),
        (
            "a counter, by HMAC",
            chain(M::SP800_108_COUNTER_KDF, M::SHA256_HMAC, usual()),
            length(50),
            50,
            [0x9d, 0x8c, 0x03, 0x76],
        ),
        (
            "a counter, by hash",
            chain(M::SP800_108_COUNTER_KDF, M::SHA256, usual()),
            length(50),
            50,
            [0x9d, 0x8c, 0x03, 0x76],
        ),
        (
            "a master secret",
            of(M::TLS12_MASTER_KEY_DERIVE_DH, Parameter::Tls(tls)),
            open(),
            48,
            [0x04, 0x42, 0xd1, 0xb6],
        ),
        ("SHAKE", Mechanism::plain(M::SHAKE_128_KEY_DERIVATION), open(), 32, [0x5d, 0x52, 0xe8, 0x46]),
        ("a digest", Mechanism::plain(M::SHA1_KEY_DERIVATION), length(10), 10, [0x4c, 0x9b, 0x68, 0x75]),
    ] {
        let key = derive(&mut client, session, mechanism, base, template).expect(why);
        let found = value(&mut client, session, key);
        assert_eq!((found.len(), &found[..4]), (bytes, &first[..]), "{why}");
    }
}

#[test]
fn a_derived_key_is_held_to_its_own_list_of_mechanisms() {
    use MechanismType as M;
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &[7; 48], open());
    let tls = |kind, label: &[u8]| {
        of(kind, Parameter::Tls(Tls { hash: M::SHA256, label: label.into(), seed: b"seed"[..].into() }))
    };
    let only = || {
        let listed = Attribute::new(AttributeType::ALLOWED_MECHANISMS, Value::Ulongs(vec![M::TLS_KDF.0]));
        with(open(), [listed, truth(AttributeType::DERIVE, true), truth(AttributeType::SIGN, true)])
    };
    let length = || with(open(), [number(AttributeType::VALUE_LEN, 32)]);
    for (name, mechanism) in [
        ("a master key of TLS", tls(M::TLS12_MASTER_KEY_DERIVE_DH, b"master secret")),
        ("another", tls(M::TLS12_EXTENDED_MASTER_KEY_DERIVE_DH, b"extended master secret")),
        ("a digest", Mechanism::plain(M::SHA384_KEY_DERIVATION)),
    ] {
        let key = derive(&mut client, session, mechanism, base, only()).expect(name);
        let exported = derive(&mut client, session, tls(M::TLS_KDF, b"exporter"), key, length());
        assert!(exported.is_ok(), "{name}: {exported:?}");
        for (what, other) in [
            ("a master key", tls(M::TLS12_MASTER_KEY_DERIVE_DH, b"master secret")),
            ("a digest", Mechanism::plain(M::SHA256_KEY_DERIVATION)),
        ] {
            let derived = derive(&mut client, session, other, key, length());
            assert_eq!(derived, Err(Rv::MECHANISM_INVALID), "{name}: {what}");
        }
        let mechanism = Some(Mechanism::plain(M::SHA256_HMAC));
        let sign = client.ask(request::SignInit { session, mechanism, key });
        assert_eq!(sign.err(), Some(Rv::MECHANISM_INVALID), "{name}: a MAC");
    }
}

/// An AES key that others are derived from.
fn secret_aes(client: &mut Client, session: u64) -> u64 {
    let template = with(open(), [number(AttributeType::VALUE_LEN, 16), truth(AttributeType::DERIVE, true)]);
    client.aes(session, template).unwrap()
}

#[test]
fn what_makes_no_sense_is_refused_by_its_fault() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (point, private) = pair(&mut client, session, MechanismType::EC_KEY_PAIR_GEN, &P256, open());
    let base = secret(&mut client, session, &[7; 32], open());
    let aes =
        client.aes(session, vec![number(AttributeType::VALUE_LEN, 16), truth(AttributeType::ENCRYPT, true)]).unwrap();
    use MechanismType as M;
    let plain = || Mechanism::plain(M::SHA256_KEY_DERIVATION);
    let chain = |fields| {
        let parameter = Chain { function: M::SHA256_HMAC, fields, start: Bytes::default(), others: Vec::new() };
        of(M::SP800_108_COUNTER_KDF, Parameter::Chain(parameter))
    };
    let field = |kind, width| ChainField { kind, little: false, width, sum: 1, key: 0, data: Bytes::default() };
    let value = Attribute::bytes(AttributeType::VALUE, [1; 32]);
    let key_type = |key: KeyType| vec![number(AttributeType::KEY_TYPE, key.0)];
    let encrypting = secret_aes(&mut client, session);
    let encrypted = |length| data(M::AES_ECB_ENCRYPT_DATA, &vec![7; length]);
    let bytes = |length| vec![number(AttributeType::VALUE_LEN, length)];
    for (why, mechanism, base, template, expected) in [
        ("no deriving mechanism", Mechanism::plain(M::SHA256), base, vec![], Rv::MECHANISM_INVALID),
        ("one that nothing here does", Mechanism::plain(M::MD5_KEY_DERIVATION), base, vec![], Rv::MECHANISM_INVALID),
        (
            "a secret that was exchanged by RSA",
            Mechanism::plain(M::TLS12_MASTER_KEY_DERIVE),
            base,
            vec![],
            Rv::MECHANISM_INVALID,
        ),
        ("no such key", plain(), 4_711, vec![], Rv::KEY_HANDLE_INVALID),
        ("a key that may not derive", plain(), aes, vec![], Rv::KEY_FUNCTION_NOT_PERMITTED),
        ("a secret that should agree", ecdh(&point), base, vec![], Rv::KEY_TYPE_INCONSISTENT),
        ("a pair that should be hashed", plain(), private, vec![], Rv::KEY_TYPE_INCONSISTENT),
        ("less data than the key has", encrypted(16), encrypting, bytes(32), Rv::MECHANISM_PARAM_INVALID),
        ("no whole block", encrypted(31), encrypting, bytes(16), Rv::MECHANISM_PARAM_INVALID),
        ("no data", encrypted(0), encrypting, bytes(16), Rv::MECHANISM_PARAM_INVALID),
        ("no parameter", Mechanism::plain(M::ECDH1_DERIVE), private, vec![], Rv::MECHANISM_PARAM_INVALID),
        ("no point", ecdh(&[4; 65]), private, vec![], Rv::MECHANISM_PARAM_INVALID),
        (
            "a function that is none",
            ecdh_with(Derivation(99), &[], &point),
            private,
            vec![],
            Rv::MECHANISM_PARAM_INVALID,
        ),
        (
            "shared data that nothing takes",
            ecdh_with(Derivation::NULL, b"x", &point),
            private,
            vec![],
            Rv::MECHANISM_PARAM_INVALID,
        ),
        (
            "a length that nobody says",
            ecdh_with(Derivation::SHA256_KDF, &[], &point),
            private,
            vec![],
            Rv::TEMPLATE_INCOMPLETE,
        ),
        ("more than there is", plain(), base, vec![number(AttributeType::VALUE_LEN, 33)], Rv::KEY_SIZE_RANGE),
        ("nothing at all", plain(), base, vec![number(AttributeType::VALUE_LEN, 0)], Rv::ATTRIBUTE_VALUE_INVALID),
        ("its own value", plain(), base, vec![value], Rv::TEMPLATE_INCONSISTENT),
        ("a key that has no value", plain(), base, key_type(KeyType::RSA), Rv::ATTRIBUTE_VALUE_INVALID),
        (
            "no iteration",
            chain(vec![field(4, 0)]),
            base,
            vec![number(AttributeType::VALUE_LEN, 16)],
            Rv::MECHANISM_PARAM_INVALID,
        ),
        (
            "a counter of a few bits",
            chain(vec![field(1, 7)]),
            base,
            vec![number(AttributeType::VALUE_LEN, 16)],
            Rv::MECHANISM_PARAM_INVALID,
        ),
        (
            "a field that is none",
            chain(vec![field(9, 8)]),
            base,
            vec![number(AttributeType::VALUE_LEN, 16)],
            Rv::MECHANISM_PARAM_INVALID,
        ),
    ] {
        assert_eq!(derive(&mut client, session, mechanism, base, template), Err(expected), "{why}");
    }
}
