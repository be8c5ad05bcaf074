//! Keys of Diffie and Hellman's agreement over the numbers below a prime.

use strongroom::slot::group::Group;
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Reveal, Template, Value, Wanted},
    call::request,
    mechanism::{Iv, Parameter},
    number::{KeyType, ObjectClass},
    value::{Bytes, Room},
};

use crate::house::{Client, House, class, number, truth};

fn named(bits: usize) -> Group {
    Group::usual(bits).unwrap()
}

fn domain(group: &Group) -> Template {
    vec![
        Attribute::bytes(AttributeType::PRIME, group.prime.clone()),
        Attribute::bytes(AttributeType::BASE, group.base.clone()),
    ]
}

/// A pair of the group: the public number, and the private half.
fn pair(client: &mut Client, session: u64, group: &Group) -> Result<(Vec<u8>, u64), Rv> {
    let private = vec![
        truth(AttributeType::SENSITIVE, false),
        truth(AttributeType::EXTRACTABLE, true),
        truth(AttributeType::DERIVE, true),
    ];
    let mechanism = Mechanism::plain(MechanismType::DH_PKCS_KEY_PAIR_GEN);
    let made = client.ask(request::GenerateKeyPair { session, mechanism, public: domain(group), private })?;
    Ok((read(client, session, made.public, AttributeType::VALUE), made.private))
}

fn read(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> Vec<u8> {
    let wanted = vec![Wanted { kind, room: Room::Bytes(4096) }];
    match client.ask(request::GetAttributeValue { session, object, wanted }).unwrap().revealed.remove(0) {
        Reveal::Value(Attribute { value: Value::Bytes(bytes), .. }) => bytes.into_vec(),
        other => panic!("{kind}: {other:?}"),
    }
}

fn derive(client: &mut Client, session: u64, base: u64, public: &[u8], length: Option<u64>) -> Result<Vec<u8>, Rv> {
    let parameter = Parameter::Iv(Iv { iv: Bytes(public.to_vec()) });
    let mechanism = Mechanism { kind: MechanismType::DH_PKCS_DERIVE, parameter };
    let mut template = vec![truth(AttributeType::SENSITIVE, false), truth(AttributeType::EXTRACTABLE, true)];
    template.extend(length.map(|length| number(AttributeType::VALUE_LEN, length)));
    let key = client.ask(request::DeriveKey { session, mechanism, base, template })?.key;
    Ok(read(client, session, key, AttributeType::VALUE))
}

#[test]
fn two_sides_agree_in_each_group_of_the_standards() {
    let house = House::new();
    let (mut client, session) = house.user();
    for bits in [2048, 3072, 4096] {
        let group = named(bits);
        let (our_number, ours) = pair(&mut client, session, &group).unwrap();
        let (their_number, theirs) = pair(&mut client, session, &group).unwrap();
        assert_ne!(our_number, their_number, "{bits}");
        assert_eq!(read(&mut client, session, ours, AttributeType::PRIME), group.prime, "{bits}");
        assert_eq!(read(&mut client, session, ours, AttributeType::BASE), group.base, "{bits}");
        let agreed = derive(&mut client, session, ours, &their_number, None).unwrap();
        assert_eq!(agreed.len(), bits / 8, "{bits}");
        assert_eq!(derive(&mut client, session, theirs, &our_number, None), Ok(agreed.clone()), "{bits}");
        let short = derive(&mut client, session, ours, &their_number, Some(32)).unwrap();
        assert_eq!(short, agreed[agreed.len() - 32..], "{bits}: the last bytes (PKCS#11 3.2 §6.4.7)");
        let noughts = [&[0, 0], their_number.as_slice()].concat();
        assert_eq!(derive(&mut client, session, ours, &noughts, None), Ok(agreed), "{bits}: with noughts in front");
    }
}

#[test]
fn a_number_that_is_no_public_key_is_refused() {
    let house = House::new();
    let (mut client, session) = house.user();
    let group = named(2048);
    let (_, ours) = pair(&mut client, session, &group).unwrap();
    let mut last = group.prime.clone();
    *last.last_mut().unwrap() -= 1;
    for (why, public) in [
        ("nothing", vec![]),
        ("nought", vec![0]),
        ("one", vec![1]),
        ("minus one", last),
        ("the prime", group.prime.clone()),
        ("more than the prime", [&[1], group.prime.as_slice()].concat()),
        ("without end", vec![0xFF; 4096]),
    ] {
        assert_eq!(derive(&mut client, session, ours, &public, None), Err(Rv::MECHANISM_PARAM_INVALID), "{why}");
    }
}

#[test]
fn a_group_that_no_standard_names_is_refused() {
    let house = House::new();
    let (mut client, session) = house.user();
    let sound = named(2048);
    let mut composite = sound.prime.clone();
    composite[100] ^= 1;
    for (why, group) in [
        ("a prime that is none", Group { prime: composite, base: vec![2] }),
        ("another base", Group { prime: sound.prime.clone(), base: vec![5] }),
        ("a base of one", Group { prime: sound.prime.clone(), base: vec![1] }),
        ("no base", Group { prime: sound.prime.clone(), base: Vec::new() }),
        ("a short prime", Group { prime: vec![0xFB], base: vec![2] }),
        ("a prime of 1024 bits", Group { prime: sound.prime[..128].to_vec(), base: vec![2] }),
        ("no prime", Group { prime: Vec::new(), base: vec![2] }),
        ("a prime without end", Group { prime: vec![0xFF; 2048], base: vec![2] }),
    ] {
        assert!(pair(&mut client, session, &group).is_err(), "{why}");
    }
    let mechanism = Mechanism::plain(MechanismType::DH_PKCS_KEY_PAIR_GEN);
    let ask = request::GenerateKeyPair { session, mechanism, public: Vec::new(), private: Vec::new() };
    assert_eq!(client.ask(ask).err(), Some(Rv::TEMPLATE_INCOMPLETE), "no group at all");
}

#[test]
fn a_pair_is_brought_and_agrees_with_what_was_made_here() {
    let house = House::new();
    let (mut client, session) = house.user();
    let group = named(2048);
    let (our_number, ours) = pair(&mut client, session, &group).unwrap();
    let secret = read(&mut client, session, ours, AttributeType::VALUE);
    let mut bring = |class_of, value: &[u8], group: &Group| {
        let mut template = domain(group);
        template.extend([
            class(class_of),
            number(AttributeType::KEY_TYPE, KeyType::DH.0),
            Attribute::bytes(AttributeType::VALUE, value.to_vec()),
            truth(AttributeType::DERIVE, true),
        ]);
        if class_of == ObjectClass::PRIVATE_KEY {
            template.extend([truth(AttributeType::SENSITIVE, false), truth(AttributeType::EXTRACTABLE, true)]);
        }
        client.ask(request::CreateObject { session, template }).map(|made| made.object)
    };
    let again = bring(ObjectClass::PRIVATE_KEY, &secret, &group).unwrap();
    let public = bring(ObjectClass::PUBLIC_KEY, &our_number, &group).unwrap();
    for (why, class_of, value) in [
        ("no private number", ObjectClass::PRIVATE_KEY, vec![0]),
        ("a private number beyond the group", ObjectClass::PRIVATE_KEY, group.prime.clone()),
        ("no public number", ObjectClass::PUBLIC_KEY, vec![1]),
        ("a public number beyond the group", ObjectClass::PUBLIC_KEY, group.prime.clone()),
    ] {
        assert!(bring(class_of, &value, &group).is_err(), "{why}");
    }
    let (their_number, _) = pair(&mut client, session, &group).unwrap();
    assert_eq!(read(&mut client, session, public, AttributeType::VALUE), our_number);
    let agreed = derive(&mut client, session, ours, &their_number, None).unwrap();
    assert_eq!(derive(&mut client, session, again, &their_number, None), Ok(agreed));
}

#[test]
fn domain_parameters_are_kept_and_found_as_what_they_are() {
    let house = House::new();
    let (mut client, session) = house.user();
    let group = named(2048);
    let with = |more: Template, key: KeyType| {
        let mut template = vec![class(ObjectClass::DOMAIN_PARAMETERS), number(AttributeType::KEY_TYPE, key.0)];
        template.extend(more);
        template
    };
    let made =
        client.ask(request::CreateObject { session, template: with(domain(&group), KeyType::DH) }).unwrap().object;
    assert_eq!(read(&mut client, session, made, AttributeType::PRIME), group.prime);
    assert_eq!(read(&mut client, session, made, AttributeType::BASE), group.base);
    let of = |class_of| vec![class(class_of)];
    assert_eq!(client.find(session, of(ObjectClass::DOMAIN_PARAMETERS)), [made]);
    assert!(client.find(session, of(ObjectClass::DATA)).is_empty(), "they are no data");
    let bits = vec![number(AttributeType::PRIME_BITS, 2048)];
    assert_eq!(client.find(session, bits), [made]);
    let prime = || Attribute::bytes(AttributeType::PRIME, group.prime.clone());
    let (long, empty) = (vec![1; 2000], Vec::new());
    for (why, template, expected) in [
        ("no base", with(vec![prime()], KeyType::DH), Rv::TEMPLATE_INCOMPLETE),
        ("no prime below it", with(domain(&group), KeyType::DSA), Rv::TEMPLATE_INCOMPLETE),
        ("of RSA", with(domain(&group), KeyType::RSA), Rv::ATTRIBUTE_VALUE_INVALID),
        (
            "a prime without end",
            with(domain(&Group { prime: long, base: vec![2] }), KeyType::DH),
            Rv::ATTRIBUTE_VALUE_INVALID,
        ),
        (
            "an empty prime",
            with(domain(&Group { prime: empty, base: vec![2] }), KeyType::DH),
            Rv::ATTRIBUTE_VALUE_INVALID,
        ),
        ("a use", with(vec![prime(), truth(AttributeType::SIGN, true)], KeyType::DH), Rv::TEMPLATE_INCONSISTENT),
    ] {
        assert_eq!(client.ask(request::CreateObject { session, template }).err(), Some(expected), "{why}");
    }
}
