//! Several keys out of one derivation: what protects a connection of TLS 1.2, and the further keys of SP 800-108.

use std::collections::HashSet;

use strongroom::{
    audit::Record,
    caller::{Caller, Front, Principal},
    service::{Guarded, ObjectId, Quorum, Rule},
};
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Template, Value},
    call::{answer, request},
    mechanism::{Chain, ChainField, Hkdf, Parameter, Protection},
    number::{KeyType, ObjectClass, UserType},
    value::Bytes,
};

use crate::{
    derive::{is, of, open, secret, value, with},
    house::{Client, House, PIN, RW, class, labelled, number, operator, truth},
};

/// The bytes 0, 1, 2 and so on: a master secret, or a key to derive from.
fn counted(length: u8) -> Vec<u8> {
    (0..length).collect()
}

fn protection(kind: MechanismType, hash: MechanismType, [mac_bits, key_bits, iv_bits]: [u64; 3]) -> Mechanism {
    let seed = Bytes([[0x5e; 32], [0xc1; 32]].concat());
    of(kind, Parameter::Protection(Protection { hash, mac_bits, key_bits, iv_bits, seed }))
}

fn derive(
    client: &mut Client,
    session: u64,
    mechanism: Mechanism,
    base: u64,
    template: Template,
) -> Result<answer::DeriveKeys, Rv> {
    client.ask(request::DeriveKeys { session, mechanism, base, template })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const SAFE: MechanismType = MechanismType::TLS12_KEY_SAFE_DERIVE;
const WITH_VECTORS: MechanismType = MechanismType::TLS12_KEY_AND_MAC_DERIVE;

#[test]
fn a_connection_of_tls_gets_its_four_keys() {
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &counted(48), open());
    let template = with(open(), [number(AttributeType::KEY_TYPE, KeyType::AES.0)]);
    let mechanism = protection(SAFE, MechanismType::SHA256, [256, 128, 128]);
    let made = derive(&mut client, session, mechanism, base, template).unwrap();
    assert!(made.beside.is_empty(), "the safe one gives no initialisation vector, whatever is asked");
    // As Python's hmac computes them by RFC 5246 §5 and §6.3.
    let expected = [
        "cceb3e14d846a21dde9a42cbcbed13a667078ba0dab8d1732a3cb4899a742466",
        "234f54ef0f9b87b11b1ccae6ffacd12acf8a784b60a5d36b819d5bd840985f31",
        "28e699cf88370e8ba55f5462605891ad",
        "e359c7caec46be58354d19788cefcfe4",
    ];
    let found: Vec<String> = made.keys.iter().map(|key| hex(&value(&mut client, session, *key))).collect();
    assert_eq!(found, expected);
    for (place, key) in made.keys.iter().enumerate() {
        let mac = place < 2;
        for (use_, wanted) in [(AttributeType::SIGN, mac), (AttributeType::VERIFY, mac), (AttributeType::ENCRYPT, !mac)]
        {
            assert_eq!(is(&mut client, session, *key, use_), wanted, "{use_} of key {place}");
        }
    }
}

#[test]
fn the_log_names_every_key_that_was_derived() {
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &counted(48), open());
    let template = vec![number(AttributeType::KEY_TYPE, KeyType::AES.0)];
    let mechanism = protection(SAFE, MechanismType::SHA256, [256, 128, 128]);
    derive(&mut client, session, mechanism, base, template).unwrap();
    let log: String = house.logs().collect();
    let line = log.lines().find(|line| line.contains("\"action\":\"Derive Key\"")).unwrap();
    let record = Record::parse(line.as_bytes()).unwrap();
    let named: HashSet<_> = record.object.into_iter().chain(record.others).collect();
    assert_eq!((record.count, named.len()), (Some(4), 4), "{line}");
    let daemon = Caller { principal: Principal::Daemon, front: Front::Rounds, ..operator() };
    assert!(named.iter().all(|id| house.service.glance(&daemon, &ObjectId::from_text(id)).is_ok()), "{line}");
}

#[test]
fn a_cipher_that_authenticates_has_no_keys_of_macs_and_a_key_that_may_be_read_shows_its_vectors() {
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &counted(48), open());
    let template = with(open(), [number(AttributeType::KEY_TYPE, KeyType::AES.0)]);
    let mechanism = protection(WITH_VECTORS, MechanismType::SHA384, [0, 256, 32]);
    let made = derive(&mut client, session, mechanism, base, template).unwrap();
    assert_eq!((made.keys.len(), &made.keys[..2]), (4, &[0, 0][..]));
    // As OpenSSL's TLS1-PRF gives them.
    let keys = [2, 3].map(|place| hex(&value(&mut client, session, made.keys[place])));
    assert_eq!(keys[0], "2353183785767c3f69bccee8a7e1096d743385890510310e45418aef7b068d0a");
    assert_eq!(keys[1], "65de98dde3c3e08b909a2362c78202d4aa098f1f187f28110c070ece64b55788");
    assert_eq!(hex(&made.beside), "90a4f9ee23b57bae");
    assert_eq!(house.records("\"out\":8"), 1, "the log says how much left");
}

#[test]
fn where_people_approve_what_leaves_no_vectors_do() {
    let rule = Rule { guarded: vec![Guarded::Export], approvals: 2, within: 3600 };
    let house = House::guarding(Quorum { officers: Vec::new(), rules: vec![rule] });
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &counted(48), open());
    let aes = || with(open(), [number(AttributeType::KEY_TYPE, KeyType::AES.0)]);
    let vectors = |iv| protection(WITH_VECTORS, MechanismType::SHA384, [0, 256, iv]);
    let refused = derive(&mut client, session, vectors(32), base, aes());
    assert_eq!(refused.err(), Some(Rv::FUNCTION_REJECTED));
    assert!(client.find(session, vec![number(AttributeType::KEY_TYPE, KeyType::AES.0)]).is_empty(), "nothing is left");
    assert_eq!(house.records("\"out\":"), 0, "and nothing left");
    assert!(derive(&mut client, session, vectors(0), base, aes()).is_ok(), "keys stay here");
}

#[test]
fn a_sensitive_master_secret_gives_nothing_out_unless_its_slot_says_so() {
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &counted(48), Vec::new());
    let aes = || vec![number(AttributeType::KEY_TYPE, KeyType::AES.0)];
    let vectors = |iv| protection(WITH_VECTORS, MechanismType::SHA384, [0, 256, iv]);
    assert!(derive(&mut client, session, vectors(32), base, aes()).is_err());
    assert!(client.find(session, aes()).is_empty(), "nothing is left of what was refused");
    let made = derive(&mut client, session, vectors(0), base, aes()).unwrap();
    for key in &made.keys[2..] {
        assert!(is(&mut client, session, *key, AttributeType::SENSITIVE));
        assert!(!is(&mut client, session, *key, AttributeType::EXTRACTABLE));
    }
    let loose = with(aes(), open());
    let refused = derive(&mut client, session, vectors(0), base, loose);
    assert_eq!(refused.err(), Some(Rv::TEMPLATE_INCONSISTENT), "keys that may be read");
    let short = protection(SAFE, MechanismType::SHA256, [8, 128, 0]);
    assert!(derive(&mut client, session, short, base, aes()).is_err(), "a key of a byte that can be guessed");

    let mut client = house.attach(2);
    let session = client.ask(request::OpenSession { slot: 1, flags: RW }).unwrap().session;
    client.log_in(session, UserType::USER, PIN).unwrap();
    let base = secret(&mut client, session, &counted(48), Vec::new());
    let made = derive(&mut client, session, vectors(32), base, aes()).unwrap();
    assert_eq!(hex(&made.beside), "90a4f9ee23b57bae", "the operator of this slot lets TLS read");
}

#[test]
fn what_no_connection_has_is_refused() {
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &counted(48), open());
    let (hash, none) = (MechanismType::SHA256, Vec::new);
    for (why, mechanism, template, expected) in [
        ("no key at all", protection(SAFE, hash, [0, 0, 0]), none(), Rv::MECHANISM_PARAM_INVALID),
        ("vectors alone", protection(WITH_VECTORS, hash, [0, 0, 128]), none(), Rv::MECHANISM_PARAM_INVALID),
        ("half bytes", protection(SAFE, hash, [0, 132, 0]), none(), Rv::MECHANISM_PARAM_INVALID),
        ("a key without end", protection(SAFE, hash, [0, u64::MAX - 7, 0]), none(), Rv::MECHANISM_PARAM_INVALID),
        ("a MAC without end", protection(SAFE, hash, [4096, 128, 0]), none(), Rv::MECHANISM_PARAM_INVALID),
        ("vectors without end", protection(WITH_VECTORS, hash, [0, 128, 1 << 40]), none(), Rv::MECHANISM_PARAM_INVALID),
        ("SHA-1", protection(SAFE, MechanismType::SHA_1, [0, 128, 0]), none(), Rv::MECHANISM_PARAM_INVALID),
        ("no parameter", Mechanism::plain(SAFE), none(), Rv::MECHANISM_PARAM_INVALID),
        (
            "another length in the template",
            protection(SAFE, hash, [0, 128, 0]),
            vec![number(AttributeType::VALUE_LEN, 32)],
            Rv::TEMPLATE_INCONSISTENT,
        ),
        (
            "a value in the template",
            protection(SAFE, hash, [0, 128, 0]),
            vec![Attribute::bytes(AttributeType::VALUE, [1; 16])],
            Rv::TEMPLATE_INCONSISTENT,
        ),
    ] {
        assert_eq!(derive(&mut client, session, mechanism, base, template).err(), Some(expected), "{why}");
    }
    let mechanism = protection(SAFE, hash, [0, 128, 0]);
    let one = client.ask(request::DeriveKey { session, mechanism, base, template: Vec::new() });
    assert_eq!(one.err(), Some(Rv::MECHANISM_PARAM_INVALID), "several are no answer to a question for one");
}

#[test]
fn what_a_base_says_of_all_that_come_out_of_it_binds_the_keys_of_macs() {
    let house = House::new();
    let (mut client, session) = house.user();
    let hash = MechanismType::SHA256;
    for (why, fixed, expected) in [
        ("keys of a cipher alone", number(AttributeType::KEY_TYPE, KeyType::AES.0), Some(Rv::TEMPLATE_INCONSISTENT)),
        ("nothing signs", truth(AttributeType::SIGN, false), Some(Rv::TEMPLATE_INCONSISTENT)),
        ("nothing verifies", truth(AttributeType::VERIFY, false), Some(Rv::TEMPLATE_INCONSISTENT)),
        ("everything encrypts", truth(AttributeType::ENCRYPT, true), Some(Rv::TEMPLATE_INCONSISTENT)),
        ("as long as the cipher's", number(AttributeType::VALUE_LEN, 16), Some(Rv::TEMPLATE_INCONSISTENT)),
        ("what is true of all of them", truth(AttributeType::EXTRACTABLE, true), None),
        ("nothing wraps", truth(AttributeType::WRAP, false), None),
    ] {
        let fixed = Attribute::new(AttributeType::DERIVE_TEMPLATE, Value::Template(vec![fixed]));
        let base = secret(&mut client, session, &counted(48), with(open(), [fixed]));
        let aes = || with(open(), [number(AttributeType::KEY_TYPE, KeyType::AES.0)]);
        let macs = derive(&mut client, session, protection(SAFE, hash, [256, 128, 0]), base, aes());
        assert_eq!(macs.err(), expected, "{why}");
        let none = derive(&mut client, session, protection(SAFE, hash, [0, 128, 0]), base, Vec::new());
        assert!(none.is_ok(), "{why}: without keys of MACs: {:?}", none.err());
    }
}

fn chain(kind: MechanismType, sum: u64, others: Vec<Template>) -> Mechanism {
    let field = |kind, bytes: &[u8]| ChainField { kind, little: false, width: 32, sum, key: 0, data: bytes.into() };
    let fields = vec![field(1, &[]), field(4, b"label"), field(3, &[])];
    of(kind, Parameter::Chain(Chain { function: MechanismType::SHA256_HMAC, fields, start: Bytes::default(), others }))
}

fn long(length: u64) -> Template {
    with(open(), [number(AttributeType::VALUE_LEN, length)])
}

#[test]
fn further_keys_have_blocks_of_their_own() {
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &counted(32), open());
    // The example of PKCS#11 3.2 §6.43.9, as Python's hmac computes it and, for blocks, OpenSSL's KBKDF.
    for (why, sum, first, last) in [
        (
            "the keys counted",
            1,
            "7634a20c9ed1e7a9b7465e31cf1e6a8e2a67d490399c039a88195e7a2ded139893a4861745c57f06af716703c54c53c3",
            "8bc8ad6cbfdde04f55ef08a62583ee40",
        ),
        (
            "the blocks counted",
            2,
            "cbf80078d0a82769b621943179c6cdc8a8a3f97d50d9f91323586160a0333c7028dfc904ac82fc6669be723b9a642628",
            "74f6f995b02d24f2a7eb1c282cd71ddc",
        ),
    ] {
        let other = with(long(16), [number(AttributeType::KEY_TYPE, KeyType::AES.0), labelled("second")]);
        let mechanism = chain(MechanismType::SP800_108_COUNTER_KDF, sum, vec![other]);
        let made = derive(&mut client, session, mechanism, base, long(48)).unwrap();
        let found: Vec<String> = made.keys.iter().map(|key| hex(&value(&mut client, session, *key))).collect();
        assert_eq!(found, [first, last], "{why}");
        assert!(client.find(session, vec![labelled("second")]).contains(&made.keys[1]), "{why}");
    }
}

#[test]
fn all_keys_are_derived_or_none() {
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &counted(32), open());
    let marked = |length| with(long(length), [labelled("one of several")]);
    let aes = |length| with(marked(length), [number(AttributeType::KEY_TYPE, KeyType::AES.0)]);
    for (why, others) in [
        ("a key of no length that there is", vec![marked(16), aes(17)]),
        ("a key without a length", vec![marked(16), open()]),
        ("a key that brings its value", vec![with(marked(16), [Attribute::bytes(AttributeType::VALUE, [1; 16])])]),
        ("a key that is no secret", vec![with(marked(16), [number(AttributeType::CLASS, 3)])]),
        ("keys without end", (0..16).map(|_| marked(16)).collect()),
        ("a key without end", vec![marked(1 << 40)]),
        ("a key of nothing", vec![marked(0)]),
    ] {
        for kind in [
            MechanismType::SP800_108_COUNTER_KDF,
            MechanismType::SP800_108_FEEDBACK_KDF,
            MechanismType::SP800_108_DOUBLE_PIPELINE_KDF,
        ] {
            let others = others.iter().map(copy).collect();
            assert!(derive(&mut client, session, chain(kind, 1, others), base, marked(32)).is_err(), "{kind}: {why}");
            assert!(client.find(session, vec![labelled("one of several")]).is_empty(), "{kind}: {why}");
        }
    }
}

#[test]
fn keys_without_end_are_refused_before_anything_is_made_ready_for_them() {
    let house = House::new();
    let (mut client, session) = house.user();
    let inner = Value::Template(vec![labelled(&"long".repeat(256))]);
    let fixed = Attribute::new(AttributeType::DERIVE_TEMPLATE, inner);
    let base = secret(&mut client, session, &counted(32), with(open(), [fixed]));
    for kind in [
        MechanismType::SP800_108_COUNTER_KDF,
        MechanismType::SP800_108_FEEDBACK_KDF,
        MechanismType::SP800_108_DOUBLE_PIPELINE_KDF,
        MechanismType::SHA256_KEY_DERIVATION,
    ] {
        for count in [16, if kind == MechanismType::SP800_108_COUNTER_KDF { 200_000 } else { 17 }] {
            let others = (0..count).map(|_| Vec::new()).collect();
            let refused = derive(&mut client, session, chain(kind, 1, others), base, Vec::new());
            assert_eq!(refused.err(), Some(Rv::MECHANISM_PARAM_INVALID), "{kind}: {count}");
        }
    }
}

#[test]
fn the_log_says_how_many_keys_were_made() {
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &counted(32), open());
    let others = (0..15).map(|_| long(16)).collect();
    let mechanism = chain(MechanismType::SP800_108_COUNTER_KDF, 1, others);
    assert_eq!(derive(&mut client, session, mechanism, base, long(16)).unwrap().keys.len(), 16);
    assert_eq!(house.records("\"count\":16"), 1);
}

#[test]
fn further_keys_of_a_sensitive_one_are_sensitive() {
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &counted(32), Vec::new());
    let plain = || vec![number(AttributeType::VALUE_LEN, 16)];
    let kind = MechanismType::SP800_108_COUNTER_KDF;
    let made = derive(&mut client, session, chain(kind, 1, vec![plain()]), base, plain()).unwrap();
    for key in made.keys {
        assert!(is(&mut client, session, key, AttributeType::SENSITIVE));
        assert!(!is(&mut client, session, key, AttributeType::EXTRACTABLE));
    }
    let loose = derive(&mut client, session, chain(kind, 1, vec![long(16)]), base, plain());
    assert_eq!(loose.err(), Some(Rv::TEMPLATE_INCONSISTENT));
    let short = vec![number(AttributeType::VALUE_LEN, 1)];
    assert!(derive(&mut client, session, chain(kind, 1, vec![short]), base, plain()).is_err(), "a byte to guess");
}

fn hkdf_data(extract: bool) -> Mechanism {
    let parameter = Hkdf {
        extract,
        expand: !extract,
        hash: MechanismType::SHA256,
        salt_type: 1,
        salt: Bytes::default(),
        salt_key: 0,
        info: b"info"[..].into(),
    };
    of(MechanismType::HKDF_DATA, Parameter::Hkdf(parameter))
}

fn one(client: &mut Client, session: u64, mechanism: Mechanism, base: u64, template: Template) -> Result<u64, Rv> {
    client.ask(request::DeriveKey { session, mechanism, base, template }).map(|answer| answer.key)
}

#[test]
fn data_are_derived_from_what_may_be_read() {
    let house = House::new();
    let (mut client, session) = house.user();
    let base = secret(&mut client, session, &(1..=32).collect::<Vec<u8>>(), open());
    let wanted = || vec![labelled("data"), number(AttributeType::VALUE_LEN, 42)];
    let data = one(&mut client, session, hkdf_data(false), base, wanted()).unwrap();
    let found = value(&mut client, session, data);
    // As Python's cryptography computes it.
    assert_eq!((found.len(), &found[..4]), (42, &[0x3a, 0xa8, 0x34, 0x6f][..]));
    let class = vec![class(ObjectClass::DATA), labelled("data")];
    assert_eq!(client.find(session, class), [data]);
    let whole = one(&mut client, session, hkdf_data(true), base, Vec::new()).unwrap();
    assert_eq!(value(&mut client, session, whole).len(), 32, "as long as the hash");
    for (why, template, expected) in [
        ("no length", Vec::new(), Rv::TEMPLATE_INCOMPLETE),
        ("a value", vec![Attribute::bytes(AttributeType::VALUE, [1])], Rv::TEMPLATE_INCOMPLETE),
        (
            "a key",
            vec![number(AttributeType::VALUE_LEN, 42), number(AttributeType::CLASS, 4)],
            Rv::TEMPLATE_INCONSISTENT,
        ),
    ] {
        assert_eq!(one(&mut client, session, hkdf_data(false), base, template), Err(expected), "{why}");
    }
    let endless = vec![number(AttributeType::VALUE_LEN, u64::MAX)];
    assert!(one(&mut client, session, hkdf_data(false), base, endless).is_err());
    assert!(derive(&mut client, session, hkdf_data(false), base, wanted()).is_err(), "several");
}

#[test]
fn nothing_that_is_kept_closely_becomes_data_unless_its_slot_says_so() {
    let house = House::new();
    let (mut client, session) = house.user();
    let wanted = || vec![number(AttributeType::VALUE_LEN, 42)];
    for (why, template) in [
        ("sensitive", vec![truth(AttributeType::SENSITIVE, true), truth(AttributeType::EXTRACTABLE, true)]),
        ("unextractable", vec![truth(AttributeType::SENSITIVE, false), truth(AttributeType::EXTRACTABLE, false)]),
        ("both", Vec::new()),
    ] {
        let base = secret(&mut client, session, &[7; 32], template);
        let refused = one(&mut client, session, hkdf_data(false), base, wanted());
        assert_eq!(refused, Err(Rv::TEMPLATE_INCONSISTENT), "{why}");
    }
    assert!(client.find(session, vec![class(ObjectClass::DATA)]).is_empty());
    let mut client = house.attach(2);
    let session = client.ask(request::OpenSession { slot: 1, flags: RW }).unwrap().session;
    client.log_in(session, UserType::USER, PIN).unwrap();
    let base = secret(&mut client, session, &[7; 32], Vec::new());
    let data = one(&mut client, session, hkdf_data(false), base, wanted()).unwrap();
    assert_eq!(value(&mut client, session, data).len(), 42, "the operator of this slot lets HKDF read");
}

/// The same once more: templates hold what is wiped, and are not cloned.
fn copy(template: &Template) -> Template {
    let again = |value: &Value| match value {
        Value::Bool(truth) => Value::Bool(*truth),
        Value::Ulong(number) => Value::Ulong(*number),
        Value::Bytes(bytes) => Value::Bytes(bytes.reveal().into()),
        other => panic!("{other:?}"),
    };
    template.iter().map(|attribute| Attribute::new(attribute.kind, again(&attribute.value))).collect()
}
