//! What keys say of their own use, and what the token says of itself.

use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Reveal, Template, Value, Wanted},
    call::request,
    number::{KeyType, ObjectClass, UserType},
    value::{Bytes, Output, Room, Wiped},
};

use crate::house::{Client, House, P256, PIN, RW, class, labelled, lasting_aes, lasts, number, truth};

/// The private half of a P-256 pair with more in its template.
fn private(client: &mut Client, session: u64, more: Template) -> Result<u64, Rv> {
    let public = vec![Attribute::bytes(AttributeType::EC_PARAMS, P256), lasts()];
    let mut private = vec![lasts()];
    private.extend(more);
    let mechanism = Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN);
    client.ask(request::GenerateKeyPair { session, mechanism, public, private }).map(|made| made.private)
}

/// An AES key with more in its template.
fn aes(client: &mut Client, session: u64, more: Template) -> u64 {
    let mut template = lasting_aes("key");
    template.extend(more);
    client.aes(session, template).unwrap()
}

fn said(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> Option<Value> {
    let wanted = vec![Wanted { kind, room: Room::Bytes(64) }];
    let mut revealed = client.ask(request::GetAttributeValue { session, object, wanted }).unwrap().revealed;
    match revealed.pop() {
        Some(Reveal::Value(attribute)) => Some(attribute.value),
        _ => None,
    }
}

fn begin(client: &mut Client, session: u64, key: u64) {
    let mechanism = Some(Mechanism::plain(MechanismType::ECDSA_SHA256));
    client.ask(request::SignInit { session, mechanism, key }).unwrap();
}

fn sign(client: &mut Client, session: u64) -> Result<(), Rv> {
    let ask = request::Sign { session, data: Wiped::from(&b"data"[..]), room: Room::Bytes(64) };
    client.ask(ask).map(|_| ())
}

fn wrap(client: &mut Client, session: u64, kind: MechanismType, wrapping: u64, key: u64) -> Result<Vec<u8>, Rv> {
    let mechanism = Mechanism::plain(kind);
    let ask = request::WrapKey { session, mechanism, wrapping, key, room: Room::Bytes(512) };
    client.ask(ask).map(|answer| match answer.output {
        Output::Bytes(bytes) => bytes.into_vec(),
        Output::Length(length) => panic!("only a length: {length}"),
    })
}

fn unwrap(client: &mut Client, session: u64, unwrapping: u64, wrapped: &[u8], more: Template) -> Result<u64, Rv> {
    let mut template = vec![class(ObjectClass::SECRET_KEY), number(AttributeType::KEY_TYPE, KeyType::AES.0), lasts()];
    template.extend(more);
    let (mechanism, wrapped) = (Mechanism::plain(KWP), Bytes(wrapped.to_vec()));
    client.ask(request::UnwrapKey { session, mechanism, unwrapping, wrapped, template }).map(|answer| answer.key)
}

const KW: MechanismType = MechanismType::AES_KEY_WRAP;
const KWP: MechanismType = MechanismType::AES_KEY_WRAP_KWP;

#[test]
fn a_key_that_asks_each_time_sees_the_pin_before_each_use() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = private(&mut client, session, vec![truth(AttributeType::ALWAYS_AUTHENTICATE, true)]).unwrap();
    assert!(matches!(said(&mut client, session, key, AttributeType::ALWAYS_AUTHENTICATE), Some(Value::Bool(true))));
    let each = UserType::CONTEXT_SPECIFIC;
    assert_eq!(client.log_in(session, each, PIN).err(), Some(Rv::OPERATION_NOT_INITIALIZED), "nothing waits");
    begin(&mut client, session, key);
    assert_eq!(sign(&mut client, session), Err(Rv::USER_NOT_LOGGED_IN));
    assert_eq!(sign(&mut client, session), Err(Rv::OPERATION_NOT_INITIALIZED), "and that ended it");
    begin(&mut client, session, key);
    assert_eq!(client.log_in(session, each, b"4321").err(), Some(Rv::PIN_INCORRECT));
    client.log_in(session, each, PIN).unwrap();
    let save = request::GetOperationState { session, room: Room::Bytes(64) };
    assert_eq!(client.ask(save).err(), Some(Rv::STATE_UNSAVEABLE), "one PIN is for one use");
    assert_eq!(sign(&mut client, session), Ok(()));
    begin(&mut client, session, key);
    assert_eq!(sign(&mut client, session), Err(Rv::USER_NOT_LOGGED_IN), "the next use asks again");
    let mechanism = Some(Mechanism::plain(MechanismType::ECDSA_SHA256));
    let messages = request::MessageSignInit { session, mechanism, key };
    assert_eq!(client.ask(messages).err(), Some(Rv::KEY_FUNCTION_NOT_PERMITTED), "messages are many");
}

#[test]
fn who_need_not_log_in_cannot_be_asked_each_time() {
    let house = House::new();
    let (mut client, session) = house.user();
    let open = vec![truth(AttributeType::ALWAYS_AUTHENTICATE, true), truth(AttributeType::PRIVATE, false)];
    assert_eq!(private(&mut client, session, open), Err(Rv::TEMPLATE_INCONSISTENT));
}

#[test]
fn a_key_wraps_only_what_its_template_fits() {
    let house = House::new();
    let (mut client, session) = house.user();
    let template = Value::Template(vec![labelled("may leave")]);
    let under = vec![
        truth(AttributeType::WRAP, true),
        truth(AttributeType::UNWRAP, true),
        Attribute::new(AttributeType::WRAP_TEMPLATE, template),
    ];
    let under = aes(&mut client, session, under);
    let leaves = |label: &str| {
        vec![labelled(label), number(AttributeType::VALUE_LEN, 32), lasts(), truth(AttributeType::EXTRACTABLE, true)]
    };
    let fits = client.aes(session, leaves("may leave")).unwrap();
    let other = client.aes(session, leaves("stays")).unwrap();
    assert!(wrap(&mut client, session, KWP, under, fits).is_ok());
    assert_eq!(wrap(&mut client, session, KWP, under, other), Err(Rv::KEY_HANDLE_INVALID));
}

#[test]
fn what_is_unwrapped_is_as_its_key_has_it() {
    let house = House::new();
    let (mut client, session) = house.user();
    let template = Value::Template(vec![truth(AttributeType::EXTRACTABLE, false), truth(AttributeType::SIGN, false)]);
    let under = vec![
        truth(AttributeType::WRAP, true),
        truth(AttributeType::UNWRAP, true),
        Attribute::new(AttributeType::UNWRAP_TEMPLATE, template),
    ];
    let under = aes(&mut client, session, under);
    let key = aes(&mut client, session, vec![truth(AttributeType::EXTRACTABLE, true)]);
    let wrapped = wrap(&mut client, session, KWP, under, key).unwrap();
    let weaker = vec![truth(AttributeType::EXTRACTABLE, true)];
    assert_eq!(unwrap(&mut client, session, under, &wrapped, weaker), Err(Rv::TEMPLATE_INCONSISTENT));
    for (name, more) in [("unsaid", Vec::new()), ("said alike", vec![truth(AttributeType::EXTRACTABLE, false)])] {
        let back = unwrap(&mut client, session, under, &wrapped, more).unwrap();
        let extractable = said(&mut client, session, back, AttributeType::EXTRACTABLE);
        assert!(matches!(extractable, Some(Value::Bool(false))), "{name}");
    }
    let kept = said(&mut client, session, under, AttributeType::UNWRAP_TEMPLATE);
    assert!(matches!(kept, Some(Value::Template(template)) if template.len() == 2));
}

#[test]
fn a_list_of_mechanisms_holds_for_wrapping_too() {
    let house = House::new();
    let (mut client, session) = house.user();
    let only = Attribute::new(AttributeType::ALLOWED_MECHANISMS, Value::Ulongs(vec![KW.0]));
    let under =
        aes(&mut client, session, vec![truth(AttributeType::WRAP, true), truth(AttributeType::UNWRAP, true), only]);
    let key = aes(&mut client, session, vec![truth(AttributeType::EXTRACTABLE, true)]);
    assert!(wrap(&mut client, session, KW, under, key).is_ok());
    assert_eq!(wrap(&mut client, session, KWP, under, key), Err(Rv::MECHANISM_INVALID));
    assert_eq!(unwrap(&mut client, session, under, &[0; 40], Vec::new()), Err(Rv::MECHANISM_INVALID));
}

#[test]
fn the_profiles_of_a_token_are_there_for_who_asks_and_nobody_changes_them() {
    let house = House::new();
    let mut client = house.attach(1);
    let session = client.session(RW);
    let profiles = client.find(session, vec![class(ObjectClass::PROFILE)]);
    let numbers: Vec<_> = profiles
        .iter()
        .map(|profile| match said(&mut client, session, *profile, AttributeType::PROFILE_ID) {
            Some(Value::Ulong(number)) => number,
            _ => 0,
        })
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(client.find(session, vec![number(AttributeType::PROFILE_ID, 3)]), profiles[2..3]);
    assert!(client.find(session, vec![number(AttributeType::PROFILE_ID, 99)]).is_empty());
    assert!(client.find(session, vec![class(ObjectClass::PROFILE), labelled("x")]).is_empty());
    assert!(client.find(session, Vec::new()).is_empty(), "they are in nobody's way");
    let object = profiles[0];
    let template = vec![labelled("mine")];
    let set = request::SetAttributeValue { session, object, template };
    assert_eq!(client.ask(set).err(), Some(Rv::ACTION_PROHIBITED));
    let destroy = request::DestroyObject { session, object };
    assert_eq!(client.ask(destroy).err(), Some(Rv::ACTION_PROHIBITED));
    assert!(said(&mut client, session, object, AttributeType::VALUE).is_none());
}
