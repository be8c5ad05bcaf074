//! Public keys of DSA: brought in, read, found, and held against signatures of old data.

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Reveal, Template, Value, Wanted},
    call::request,
    number::{KeyType, MechanismFlags, ObjectClass},
    value::{Bytes, Room, Wiped},
};

use crate::house::{Client, House, class, number, truth};

const VECTORS: &str = include_str!("../slot/vectors/dsa.txt");

/// A field of a record of the vectors.
fn field(record: &str, name: &str) -> Vec<u8> {
    let block = VECTORS.split("\n\n").find(|block| block.lines().any(|line| line.ends_with(&format!(" = {record}"))));
    let line = block.unwrap().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = ")).unwrap();
    (0..line.len() / 2).map(|at| u8::from_str_radix(&line[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

/// The numbers of the key: prime, order, base, and its own.
fn numbers() -> [Vec<u8>; 4] {
    // SEQUENCE { SEQUENCE { identifier, SEQUENCE { p, q, g } }, BIT STRING { y } }
    let info = field("DSA-1024-160", "public");
    let integer = |at: usize, length: usize| info[at..at + length].to_vec();
    let mut found = Vec::new();
    let mut at = 4 + 4 + 9 + 4;
    while found.len() < 4 {
        // The bit string has a byte of its own before what is in it.
        if info[at] == 3 {
            at += 3 + 1;
        }
        assert_eq!(info[at], 2, "INTEGER");
        let (header, length) = match info[at + 1] {
            0x81 => (3, usize::from(info[at + 2])),
            short => (2, usize::from(short)),
        };
        found.push(integer(at + header, length));
        at += header + length;
    }
    found.try_into().unwrap()
}

fn template(of: ObjectClass) -> Template {
    let kinds = [AttributeType::PRIME, AttributeType::SUBPRIME, AttributeType::BASE, AttributeType::VALUE];
    let mut template = vec![class(of), number(AttributeType::KEY_TYPE, KeyType::DSA.0)];
    template.extend(kinds.into_iter().zip(numbers()).map(|(kind, bytes)| Attribute::bytes(kind, bytes)));
    template
}

fn read(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> Option<Vec<u8>> {
    let wanted = vec![Wanted { kind, room: Room::Bytes(4096) }];
    match client.call(request::GetAttributeValue { session, object, wanted }).1.unwrap().revealed.remove(0) {
        Reveal::Value(Attribute { value: Value::Bytes(bytes), .. }) => Some(bytes.into_vec()),
        _ => None,
    }
}

fn verify(
    client: &mut Client,
    session: u64,
    key: u64,
    kind: MechanismType,
    data: &[u8],
    signature: Vec<u8>,
) -> Result<(), Rv> {
    let mechanism = Some(Mechanism::plain(kind));
    client.ask(request::VerifyInit { session, mechanism, key })?;
    client.ask(request::Verify { session, data: Wiped::from(data), signature: Bytes(signature) }).map(|_| ())
}

/// r and s behind each other, out of DER.
fn raw(der: &[u8]) -> Vec<u8> {
    let mut halves = Vec::new();
    let mut rest = &der[2..];
    for _ in 0..2 {
        let number = &rest[2..2 + usize::from(rest[1])];
        let magnitude = number.strip_prefix(&[0]).unwrap_or(number);
        halves.extend(std::iter::repeat_n(0, 20 - magnitude.len()));
        halves.extend(magnitude);
        rest = &rest[2 + number.len()..];
    }
    halves
}

#[test]
fn old_signatures_are_verified_with_each_hash() {
    let house = House::legacy();
    let (mut client, session) = house.user();
    let key =
        client.ask(request::CreateObject { session, template: template(ObjectClass::PUBLIC_KEY) }).unwrap().object;
    for (kind, hash) in [
        (MechanismType::DSA_SHA1, "SHA-1"),
        (MechanismType::DSA_SHA224, "SHA-224"),
        (MechanismType::DSA_SHA256, "SHA-256"),
        (MechanismType::DSA_SHA384, "SHA-384"),
        (MechanismType::DSA_SHA512, "SHA-512"),
    ] {
        let good = raw(&field(&format!("1024-160 {hash}, DER"), "signature"));
        assert_eq!(verify(&mut client, session, key, kind, b"sample", good.clone()), Ok(()), "{kind}");
        let refused = verify(&mut client, session, key, kind, b"samplE", good.clone());
        assert_eq!(refused, Err(Rv::SIGNATURE_INVALID), "{kind}: other data");
        let mut other = good.clone();
        other[39] ^= 1;
        assert_eq!(verify(&mut client, session, key, kind, b"sample", other), Err(Rv::SIGNATURE_INVALID), "{kind}");
        let short = good[..39].to_vec();
        let refused = verify(&mut client, session, key, kind, b"sample", short);
        assert!(matches!(refused, Err(Rv::SIGNATURE_LEN_RANGE | Rv::SIGNATURE_INVALID)), "{kind}: {refused:?}");
    }
    for digest in ["SHA-1", "SHA-512"] {
        let record = format!("1024-160 over a digest of {digest}, raw");
        let (data, good) = (field(&record, "plain"), field(&record, "signature"));
        assert_eq!(verify(&mut client, session, key, MechanismType::DSA, &data, good), Ok(()), "{digest}");
    }
    let signs = request::SignInit { session, mechanism: Some(Mechanism::plain(MechanismType::DSA_SHA256)), key };
    assert!(client.ask(signs).is_err(), "nothing is signed");
}

#[test]
fn a_key_says_its_numbers_and_is_found_by_them() {
    let house = House::legacy();
    let (mut client, session) = house.user();
    let key =
        client.ask(request::CreateObject { session, template: template(ObjectClass::PUBLIC_KEY) }).unwrap().object;
    let kinds = [AttributeType::PRIME, AttributeType::SUBPRIME, AttributeType::BASE, AttributeType::VALUE];
    for (kind, bytes) in kinds.into_iter().zip(numbers()) {
        let magnitude: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
        assert_eq!(read(&mut client, session, key, kind), Some(magnitude.clone()), "{kind}");
        assert_eq!(client.find(session, vec![Attribute::bytes(kind, magnitude)]), [key], "{kind}");
    }
    let info = read(&mut client, session, key, AttributeType::PUBLIC_KEY_INFO);
    assert_eq!(info, Some(field("DSA-1024-160", "public")));
    assert_eq!(read(&mut client, session, key, AttributeType::MODULUS), None);
    let of = vec![number(AttributeType::KEY_TYPE, KeyType::DSA.0), truth(AttributeType::VERIFY, true)];
    assert_eq!(client.find(session, of), [key]);
}

#[test]
fn a_template_that_is_no_key_is_refused() {
    let house = House::legacy();
    let (mut client, session) = house.user();
    let without = |kind: AttributeType| {
        let mut template = template(ObjectClass::PUBLIC_KEY);
        template.retain(|attribute| attribute.kind != kind);
        template
    };
    let with = |attribute: Attribute| {
        let mut template = without(attribute.kind);
        template.push(attribute);
        template
    };
    for (name, template, expected) in [
        ("no prime", without(AttributeType::PRIME), Rv::TEMPLATE_INCOMPLETE),
        ("no order", without(AttributeType::SUBPRIME), Rv::TEMPLATE_INCOMPLETE),
        ("no base", without(AttributeType::BASE), Rv::TEMPLATE_INCOMPLETE),
        ("no number", without(AttributeType::VALUE), Rv::TEMPLATE_INCOMPLETE),
        ("an empty prime", with(Attribute::bytes(AttributeType::PRIME, [])), Rv::ATTRIBUTE_VALUE_INVALID),
        ("another order", with(Attribute::bytes(AttributeType::SUBPRIME, [7; 20])), Rv::ATTRIBUTE_VALUE_INVALID),
        ("a base of one", with(Attribute::bytes(AttributeType::BASE, [1])), Rv::ATTRIBUTE_VALUE_INVALID),
        ("a number of one", with(Attribute::bytes(AttributeType::VALUE, [1])), Rv::ATTRIBUTE_VALUE_INVALID),
        (
            "a prime without end",
            with(Attribute::bytes(AttributeType::PRIME, [0xFF; 8192])),
            Rv::ATTRIBUTE_VALUE_INVALID,
        ),
        ("a private key", template(ObjectClass::PRIVATE_KEY), Rv::TEMPLATE_INCONSISTENT),
    ] {
        let refused = client.ask(request::CreateObject { session, template }).err();
        assert_eq!(refused, Some(expected), "{name}");
    }
}

#[test]
fn dsa_is_for_old_data_alone() {
    let house = House::new();
    let (mut client, session) = house.user();
    assert_eq!(
        client.ask(request::GetMechanismInfo { slot: 0, mechanism: MechanismType::DSA_SHA1 }).err(),
        Some(Rv::MECHANISM_INVALID)
    );
    let key =
        client.ask(request::CreateObject { session, template: template(ObjectClass::PUBLIC_KEY) }).unwrap().object;
    let good = raw(&field("1024-160 SHA-256, DER", "signature"));
    let refused = verify(&mut client, session, key, MechanismType::DSA_SHA256, b"sample", good);
    assert_eq!(refused, Err(Rv::MECHANISM_INVALID));
    let house = House::legacy();
    let (mut client, _) = house.user();
    let info = client.ask(request::GetMechanismInfo { slot: 0, mechanism: MechanismType::DSA_SHA1 }).unwrap().info;
    assert_eq!((info.smallest_key, info.largest_key), (1024, 3072));
    assert!(info.flags.has(MechanismFlags::VERIFY) && !info.flags.has(MechanismFlags::SIGN));
}
