//! Objects: how they are found, what they say, what may be set, how they end.

use strongroom_kmip::{
    attribute::{Attribute as Kmip, Name, Template},
    code::{CryptographicAlgorithm, CryptographicUsageMask, ObjectType},
    payload::CreateRequest,
    version::V2_1,
};
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::{Reveal, Value, Wanted},
    call::request,
    number::{KeyType, ObjectClass, UserType},
    value::Room,
};

use crate::house::{Client, House, PIN, RO, RW, class, key, labelled, lasting_aes, lasts, number, operator, truth};

fn reveal(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> Reveal {
    let wanted = vec![Wanted { kind, room: Room::Bytes(4096) }];
    client.ask(request::GetAttributeValue { session, object, wanted }).unwrap().revealed.remove(0)
}

fn bytes(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> Vec<u8> {
    match reveal(client, session, object, kind) {
        Reveal::Value(Attribute { value: Value::Bytes(bytes), .. }) => bytes.into_vec(),
        other => panic!("{kind}: {other:?}"),
    }
}

fn is(client: &mut Client, session: u64, object: u64, kind: AttributeType) -> bool {
    match reveal(client, session, object, kind) {
        Reveal::Value(Attribute { value: Value::Bool(truth), .. }) => truth,
        other => panic!("{kind}: {other:?}"),
    }
}

#[test]
fn an_object_is_found_by_what_it_is_and_by_what_it_is_called() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let (public, private) = client.p256(session, "pair");
    for (why, template, expected) in [
        ("everything", vec![], vec![key, private, public]),
        ("a label", vec![labelled("key")], vec![key]),
        ("a label of two", vec![labelled("pair")], vec![private, public]),
        ("a class", vec![class(ObjectClass::PUBLIC_KEY)], vec![public]),
        ("a label and a class", vec![labelled("pair"), class(ObjectClass::PRIVATE_KEY)], vec![private]),
        ("a key type", vec![number(AttributeType::KEY_TYPE, KeyType::AES.0)], vec![key]),
        ("a use", vec![truth(AttributeType::SIGN, true)], vec![private]),
        ("nobody's label", vec![labelled("ke")], vec![]),
        ("no label", vec![labelled("")], vec![]),
        ("a class that nothing has", vec![class(ObjectClass::HW_FEATURE)], vec![]),
        ("an attribute that nothing has", vec![Attribute::bytes(AttributeType(0x8000_0001), *b"x")], vec![]),
        ("a secret", vec![Attribute::bytes(AttributeType::VALUE, *b"x")], vec![]),
    ] {
        let mut found = client.find(session, template);
        let mut expected = expected;
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{why}");
    }
}

#[test]
fn what_lies_open_is_found_by_its_bytes_and_a_secret_is_not() {
    let house = House::new();
    let (mut client, session) = house.user();
    let holding = |bytes: &'static [u8]| Attribute::bytes(AttributeType::VALUE, bytes);
    let paper = vec![class(ObjectClass::DATA), truth(AttributeType::TOKEN, true), holding(b"paper")];
    let paper = client.ask(request::CreateObject { session, template: paper }).unwrap().object;
    let secret =
        vec![class(ObjectClass::SECRET_KEY), number(AttributeType::KEY_TYPE, KeyType::AES.0), holding(&[7; 16])];
    client.ask(request::CreateObject { session, template: secret }).unwrap();
    for (why, template, expected) in [
        ("its bytes", vec![holding(b"paper")], vec![paper]),
        ("its bytes and its class", vec![class(ObjectClass::DATA), holding(b"paper")], vec![paper]),
        ("its bytes and another class", vec![class(ObjectClass::CERTIFICATE), holding(b"paper")], vec![]),
        ("some of its bytes", vec![holding(b"pape")], vec![]),
        ("a secret key", vec![holding(&[7; 16])], vec![]),
    ] {
        assert_eq!(client.find(session, template), expected, "{why}");
    }
}

#[test]
fn both_halves_of_a_pair_have_one_identifier() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = client.p256(session, "pair");
    let id = bytes(&mut client, session, public, AttributeType::ID);
    assert_eq!(id.len(), 16);
    assert_eq!(bytes(&mut client, session, private, AttributeType::ID), id);
    let mut found = client.find(session, vec![Attribute::bytes(AttributeType::ID, id)]);
    found.sort_unstable();
    let mut both = [public, private];
    both.sort_unstable();
    assert_eq!(found, both);
}

#[test]
fn a_key_made_over_kmip_is_found_by_its_name() {
    let house = House::new();
    let (mut client, session) = house.user();
    let user = nix::unistd::getuid().as_raw();
    let attributes = vec![
        Kmip::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Kmip::CryptographicLength(128),
        Kmip::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
        Kmip::Name(Name::text("from afar")),
    ];
    let create = CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: Template { names: Vec::new(), attributes: attributes.into_iter().map(Into::into).collect() },
        protection_storage_masks: None,
    };
    let caller = strongroom::caller::Caller {
        principal: strongroom::caller::Principal::User(user),
        role: strongroom::caller::Role::User,
        front: strongroom::caller::Front::Kmip,
        from: "afar".to_owned(),
        scope: strongroom::caller::Scope::Everything,
    };
    let answer = house.service.answer(&caller, strongroom::service::Ask::new(create, V2_1, 1));
    answer.receipt.wait().unwrap();
    let found = client.find(session, vec![labelled("from afar")]);
    assert_eq!(found.len(), 1);
    assert_eq!(bytes(&mut client, session, found[0], AttributeType::LABEL), b"from afar");
    // It is not active yet, and says so to whoever would use it.
    let mechanism = Some(Mechanism::plain(MechanismType::AES_ECB));
    let begin = request::EncryptInit { session, mechanism, key: found[0] };
    assert_eq!(client.ask(begin).err(), Some(Rv::KEY_FUNCTION_NOT_PERMITTED));
}

#[test]
fn a_private_key_tells_its_public_numbers_and_nothing_else() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (public, private) = client.p256(session, "pair");
    for kind in [AttributeType::EC_POINT, AttributeType::EC_PARAMS, AttributeType::PUBLIC_KEY_INFO] {
        let of_public = bytes(&mut client, session, public, kind);
        assert_eq!(bytes(&mut client, session, private, kind), of_public, "{kind}");
    }
    assert!(matches!(reveal(&mut client, session, private, AttributeType::VALUE), Reveal::Sensitive));
    assert!(matches!(reveal(&mut client, session, private, AttributeType::MODULUS), Reveal::Invalid));
    for kind in [
        AttributeType::SENSITIVE,
        AttributeType::ALWAYS_SENSITIVE,
        AttributeType::NEVER_EXTRACTABLE,
        AttributeType::LOCAL,
    ] {
        assert!(is(&mut client, session, private, kind), "{kind}");
    }
    assert!(!is(&mut client, session, private, AttributeType::EXTRACTABLE));
}

#[test]
fn every_question_has_an_answer_in_its_place() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let kinds = [AttributeType::LABEL, AttributeType::VALUE, AttributeType::MODULUS, AttributeType::VALUE_LEN];
    let wanted = kinds.iter().map(|kind| Wanted { kind: *kind, room: Room::Query }).collect();
    let revealed = client.ask(request::GetAttributeValue { session, object: key, wanted }).unwrap().revealed;
    assert!(matches!(
        revealed.as_slice(),
        [
            Reveal::Value(_),
            Reveal::Sensitive,
            Reveal::Invalid,
            Reveal::Value(Attribute { value: Value::Ulong(32), .. })
        ]
    ));
}

#[test]
fn a_key_that_may_leave_tells_its_value() {
    let house = House::new();
    let (mut client, session) = house.user();
    let value = *b"sixteen byte key";
    let template = vec![
        class(ObjectClass::SECRET_KEY),
        number(AttributeType::KEY_TYPE, KeyType::AES.0),
        Attribute::bytes(AttributeType::VALUE, value),
        truth(AttributeType::SENSITIVE, false),
        truth(AttributeType::EXTRACTABLE, true),
        lasts(),
    ];
    let key = client.ask(request::CreateObject { session, template }).unwrap().object;
    assert_eq!(bytes(&mut client, session, key, AttributeType::VALUE), value);
    assert!(!is(&mut client, session, key, AttributeType::LOCAL));
    let tighten =
        request::SetAttributeValue { session, object: key, template: vec![truth(AttributeType::SENSITIVE, true)] };
    client.ask(tighten).unwrap();
    assert!(matches!(reveal(&mut client, session, key, AttributeType::VALUE), Reveal::Sensitive));
    assert!(!is(&mut client, session, key, AttributeType::ALWAYS_SENSITIVE));
    let loosen =
        request::SetAttributeValue { session, object: key, template: vec![truth(AttributeType::SENSITIVE, false)] };
    assert_eq!(client.ask(loosen).err(), Some(Rv::ATTRIBUTE_READ_ONLY));
}

#[test]
fn what_is_said_of_an_object_is_set_and_found() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("old")).unwrap();
    let template = vec![labelled("new"), Attribute::bytes(AttributeType::ID, [1, 2])];
    client.ask(request::SetAttributeValue { session, object: key, template }).unwrap();
    assert_eq!(client.find(session, vec![labelled("new")]), [key]);
    assert_eq!(client.find(session, vec![Attribute::bytes(AttributeType::ID, [1, 2])]), [key]);
    assert!(client.find(session, vec![labelled("old")]).is_empty());
    for (why, attribute, expected) in [
        ("a class", class(ObjectClass::DATA), Rv::ATTRIBUTE_READ_ONLY),
        ("a length", number(AttributeType::VALUE_LEN, 16), Rv::ATTRIBUTE_READ_ONLY),
        ("what such objects lack", Attribute::bytes(AttributeType::MODULUS, [1]), Rv::ATTRIBUTE_TYPE_INVALID),
    ] {
        let set = request::SetAttributeValue { session, object: key, template: vec![labelled("newer"), attribute] };
        assert_eq!(client.ask(set).err(), Some(expected), "{why}");
    }
    assert_eq!(client.find(session, vec![labelled("new")]), [key]);
}

#[test]
fn a_destroyed_object_is_gone() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    client.ask(request::DestroyObject { session, object: key }).unwrap();
    assert_eq!(client.ask(request::DestroyObject { session, object: key }).err(), Some(Rv::OBJECT_HANDLE_INVALID));
    let wanted = vec![Wanted { kind: AttributeType::LABEL, room: Room::Query }];
    let ask = request::GetAttributeValue { session, object: key, wanted };
    assert_eq!(client.ask(ask).err(), Some(Rv::OBJECT_HANDLE_INVALID));
    assert!(client.find(session, Vec::new()).is_empty());
}

#[test]
fn what_may_not_be_destroyed_or_changed_is_not() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mut template = lasting_aes("key");
    template.extend([truth(AttributeType::DESTROYABLE, false), truth(AttributeType::MODIFIABLE, false)]);
    let key = client.aes(session, template).unwrap();
    assert_eq!(client.ask(request::DestroyObject { session, object: key }).err(), Some(Rv::ACTION_PROHIBITED));
    let set = request::SetAttributeValue { session, object: key, template: vec![labelled("new")] };
    assert_eq!(client.ask(set).err(), Some(Rv::ACTION_PROHIBITED));
}

#[test]
fn a_session_object_ends_with_its_session() {
    let house = House::new();
    let (mut client, session) = house.user();
    let other = client.session(RW);
    let key = client.aes(other, vec![number(AttributeType::VALUE_LEN, 16)]).unwrap();
    assert_eq!(client.find(session, Vec::new()), [key]);
    assert!(!is(&mut client, session, key, AttributeType::TOKEN));
    client.ask(request::CloseSession { session: other }).unwrap();
    assert!(client.find(session, Vec::new()).is_empty());
    assert_eq!(house.vault.count().unwrap(), 0);
}

#[test]
fn a_session_object_is_nobody_elses() {
    let house = House::new();
    let (mut client, session) = house.user();
    client.aes(session, vec![number(AttributeType::VALUE_LEN, 16)]).unwrap();
    let mut other = house.attach(2);
    let theirs = other.session(RW);
    other.log_in(theirs, UserType::USER, PIN).unwrap();
    assert!(other.find(theirs, Vec::new()).is_empty());
}

#[test]
fn a_logout_ends_the_private_objects_of_sessions() {
    let house = House::new();
    let (mut client, session) = house.user();
    let length = || number(AttributeType::VALUE_LEN, 32);
    client.aes(session, vec![length()]).unwrap();
    let public = client.aes(session, vec![length(), truth(AttributeType::PRIVATE, false)]).unwrap();
    client.ask(request::Logout { session }).unwrap();
    assert_eq!(house.vault.count().unwrap(), 1);
    client.log_in(session, UserType::USER, PIN).unwrap();
    assert_eq!(client.find(session, Vec::new()), [public]);
}

#[test]
fn what_an_earlier_run_left_is_gone_before_the_first_session_and_nothing_goes_later() {
    let mut house = House::new();
    let (mut client, session) = house.user();
    client.aes(session, vec![number(AttributeType::VALUE_LEN, 32)]).unwrap();
    // The daemon dies: nobody closes the session.
    assert_eq!(house.vault.count().unwrap(), 1);
    house.vault.seal();
    house.reopen();
    let mut early = house.attach(2);
    house.vault.enter(key()).unwrap();
    let session = early.session(RW);
    early.log_in(session, UserType::USER, PIN).unwrap();
    let own = early.aes(session, vec![number(AttributeType::VALUE_LEN, 32)]).unwrap();
    assert_eq!(house.vault.count().unwrap(), 1, "what was left is gone");
    house.attach(3).session(RW);
    assert_eq!(early.find(session, Vec::new()), [own]);
}

#[test]
fn a_refusal_of_the_sockets_own_is_recorded_before_it_is_answered() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mut template = lasting_aes("key");
    let allowed = Value::Ulongs(vec![MechanismType::AES_CBC.0]);
    template.push(truth(AttributeType::DESTROYABLE, false));
    template.push(Attribute::new(AttributeType::ALLOWED_MECHANISMS, allowed));
    let kept = client.aes(session, template).unwrap();
    let reader = client.session(RO);
    for (why, word, ask) in [
        ("not to be destroyed", "CKR_ACTION_PROHIBITED", session),
        ("a session that only reads", "CKR_SESSION_READ_ONLY", reader),
    ] {
        let before = house.records(word);
        assert!(client.ask(request::DestroyObject { session: ask, object: kept }).is_err(), "{why}");
        assert_eq!(house.records(word), before + 1, "{why}");
    }
    let set = |template| request::SetAttributeValue { session, object: kept, template };
    assert!(client.ask(set(vec![truth(AttributeType::LOCAL, false)])).is_err());
    assert_eq!(house.records("CKR_ATTRIBUTE_READ_ONLY"), 1);
    let (_, private) = client.p256(session, "pair");
    let mechanism = Some(Mechanism::plain(MechanismType::RSA_PKCS));
    assert!(client.ask(request::SignInit { session, mechanism, key: private }).is_err());
    assert_eq!(house.records("CKR_KEY_TYPE_INCONSISTENT"), 1);
    let mechanism = Some(Mechanism::plain(MechanismType::AES_ECB));
    assert!(client.ask(request::EncryptInit { session, mechanism, key: kept }).is_err());
    assert_eq!(house.records("CKR_MECHANISM_INVALID"), 1);
}

#[test]
fn session_objects_do_not_outlive_the_daemon() {
    let mut house = House::new();
    let (mut client, session) = house.user();
    client.aes(session, vec![number(AttributeType::VALUE_LEN, 16)]).unwrap();
    let lasting = client.aes(session, lasting_aes("key")).unwrap();
    assert_ne!(lasting, 0);
    assert_eq!(house.vault.count().unwrap(), 2);
    house.reopen();
    let (mut client, session) = house.user();
    assert_eq!(client.find(session, Vec::new()).len(), 1);
    let caller = operator();
    let (found, receipt) = house.service.search(&caller, vec![Vec::new()], None);
    receipt.wait().unwrap();
    assert_eq!(found.unwrap().len(), 1);
}

#[test]
fn objects_stay_in_their_slot() {
    let house = House::new();
    let (mut client, session) = house.user();
    let key = client.aes(session, lasting_aes("key")).unwrap();
    let other = client.ask(request::OpenSession { slot: 1, flags: RW }).unwrap().session;
    client.log_in(other, UserType::USER, PIN).unwrap();
    assert!(client.find(other, Vec::new()).is_empty());
    let ask = request::DestroyObject { session: other, object: key };
    assert_eq!(client.ask(ask).err(), Some(Rv::OBJECT_HANDLE_INVALID));
    client.aes(other, lasting_aes("key")).unwrap();
    assert_eq!(client.find(other, Vec::new()).len(), 1);
    assert_eq!(client.find(session, Vec::new()), [key]);
}

#[test]
fn a_search_goes_on_in_parts_and_ends_once() {
    let house = House::new();
    let (mut client, session) = house.user();
    for name in ["a", "b", "c"] {
        client.aes(session, lasting_aes(name)).unwrap();
    }
    assert_eq!(client.ask(request::FindObjects { session, most: 1 }).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
    let template = (0..257).map(|_| labelled("a")).collect();
    let without_end = request::FindObjectsInit { session, template };
    assert_eq!(client.ask(without_end).err(), Some(Rv::ARGUMENTS_BAD));
    client.ask(request::FindObjectsInit { session, template: Vec::new() }).unwrap();
    let again = request::FindObjectsInit { session, template: Vec::new() };
    assert_eq!(client.ask(again).err(), Some(Rv::OPERATION_ACTIVE));
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(client.ask(request::FindObjects { session, most: 2 }).unwrap().found.len());
    }
    assert_eq!(counts, [2, 1, 0]);
    client.ask(request::FindObjectsFinal { session }).unwrap();
    assert_eq!(client.ask(request::FindObjectsFinal { session }).err(), Some(Rv::OPERATION_NOT_INITIALIZED));
}

#[test]
fn a_template_that_cannot_be_made_is_refused_by_its_fault() {
    let house = House::new();
    let (mut client, session) = house.user();
    let secret = |key: KeyType, more: Vec<Attribute>| {
        let mut template = vec![class(ObjectClass::SECRET_KEY), number(AttributeType::KEY_TYPE, key.0)];
        template.extend(more);
        template
    };
    let value = |length: usize| Attribute::bytes(AttributeType::VALUE, vec![1; length]);
    let public = |more: Vec<Attribute>| {
        let mut template = vec![class(ObjectClass::PUBLIC_KEY), number(AttributeType::KEY_TYPE, KeyType::EC.0)];
        template.extend(more);
        template
    };
    let curve = |bytes: &[u8]| Attribute::bytes(AttributeType::EC_PARAMS, bytes);
    for (why, template, expected) in [
        ("no class", vec![labelled("x")], Rv::TEMPLATE_INCOMPLETE),
        ("a class that is not made", vec![class(ObjectClass::MECHANISM)], Rv::ATTRIBUTE_VALUE_INVALID),
        ("no key type", vec![class(ObjectClass::SECRET_KEY), value(16)], Rv::TEMPLATE_INCOMPLETE),
        ("no value", secret(KeyType::AES, vec![]), Rv::TEMPLATE_INCOMPLETE),
        ("an empty value", secret(KeyType::AES, vec![value(0)]), Rv::ATTRIBUTE_VALUE_INVALID),
        ("a length that AES has not", secret(KeyType::AES, vec![value(15)]), Rv::ATTRIBUTE_VALUE_INVALID),
        ("a type that is not served", secret(KeyType::SEED, vec![value(16)]), Rv::ATTRIBUTE_VALUE_INVALID),
        (
            "two lengths",
            secret(KeyType::AES, vec![value(16), number(AttributeType::VALUE_LEN, 32)]),
            Rv::TEMPLATE_INCONSISTENT,
        ),
        (
            "the token's own",
            secret(KeyType::AES, vec![value(16), truth(AttributeType::LOCAL, true)]),
            Rv::ATTRIBUTE_READ_ONLY,
        ),
        ("no curve", public(vec![Attribute::bytes(AttributeType::EC_POINT, [4; 65])]), Rv::TEMPLATE_INCOMPLETE),
        (
            "a curve of nobody's",
            public(vec![curve(&[6, 1, 1]), Attribute::bytes(AttributeType::EC_POINT, [4; 65])]),
            Rv::CURVE_NOT_SUPPORTED,
        ),
        (
            "a point off the curve",
            public(vec![curve(&crate::house::P256), Attribute::bytes(AttributeType::EC_POINT, [4; 65])]),
            Rv::ATTRIBUTE_VALUE_INVALID,
        ),
        (
            "a certificate that is none",
            vec![class(ObjectClass::CERTIFICATE), number(AttributeType::CERTIFICATE_TYPE, 0), value(5)],
            Rv::ATTRIBUTE_VALUE_INVALID,
        ),
    ] {
        assert_eq!(client.ask(request::CreateObject { session, template }).err(), Some(expected), "{why}");
    }
    assert_eq!(house.vault.count().unwrap(), 0);
}

#[test]
fn a_key_that_cannot_be_generated_is_refused_by_its_fault() {
    let house = House::new();
    let (mut client, session) = house.user();
    let length = |bytes| number(AttributeType::VALUE_LEN, bytes);
    for (why, mechanism, template, expected) in [
        ("no length", MechanismType::AES_KEY_GEN, vec![], Rv::TEMPLATE_INCOMPLETE),
        (
            "another key type",
            MechanismType::AES_KEY_GEN,
            vec![length(16), number(AttributeType::KEY_TYPE, KeyType::DES3.0)],
            Rv::TEMPLATE_INCONSISTENT,
        ),
        (
            "a value",
            MechanismType::AES_KEY_GEN,
            vec![length(16), Attribute::bytes(AttributeType::VALUE, [1; 16])],
            Rv::TEMPLATE_INCONSISTENT,
        ),
        ("a length that AES has not", MechanismType::AES_KEY_GEN, vec![length(17)], Rv::KEY_SIZE_RANGE),
        ("a pair", MechanismType::EC_KEY_PAIR_GEN, vec![], Rv::MECHANISM_INVALID),
        ("what the policy forbids", MechanismType::DES3_KEY_GEN, vec![], Rv::MECHANISM_INVALID),
        ("no making", MechanismType::AES_CBC, vec![length(16)], Rv::MECHANISM_INVALID),
    ] {
        let ask = request::GenerateKey { session, mechanism: Mechanism::plain(mechanism), template };
        assert_eq!(client.ask(ask).err(), Some(expected), "{why}");
    }
    let rsa = |bits, exponent: &[u8]| request::GenerateKeyPair {
        session,
        mechanism: Mechanism::plain(MechanismType::RSA_PKCS_KEY_PAIR_GEN),
        public: vec![
            number(AttributeType::MODULUS_BITS, bits),
            Attribute::bytes(AttributeType::PUBLIC_EXPONENT, exponent),
        ],
        private: Vec::new(),
    };
    assert_eq!(client.ask(rsa(1024, &[1, 0, 1])).err(), Some(Rv::KEY_SIZE_RANGE));
    assert_eq!(client.ask(rsa(2048, &[3])).err(), Some(Rv::ATTRIBUTE_VALUE_INVALID));
}
