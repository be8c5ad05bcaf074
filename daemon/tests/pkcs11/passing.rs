//! Objects that end with a session are as many as an application may have, and all of them together.

use strongroom::front::pkcs11::Places;
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::Template,
    call::request,
    number::{KeyType, ObjectClass, UserType},
};

use crate::house::{Client, House, P256, PIN, RW, class, lasting_aes, lasts, number, truth};

fn house(objects: usize, all_objects: usize) -> House {
    House::with(Places { objects, all_objects, ..Places::default() })
}

fn another(house: &House, nonce: u8) -> (Client, u64) {
    let mut client = house.attach(nonce);
    let session = client.session(RW);
    client.log_in(session, UserType::USER, PIN).unwrap();
    (client, session)
}

fn passing() -> Template {
    vec![number(AttributeType::VALUE_LEN, 32)]
}

fn pair(client: &mut Client, session: u64, public: Template, private: Template) -> Result<(u64, u64), Rv> {
    let mut public = public;
    public.push(Attribute::bytes(AttributeType::EC_PARAMS, P256));
    let mechanism = Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN);
    let made = client.ask(request::GenerateKeyPair { session, mechanism, public, private })?;
    Ok((made.public, made.private))
}

#[test]
fn an_application_has_its_share_and_no_more() {
    let house = house(2, 100);
    let (mut client, session) = house.user();
    let first = client.aes(session, passing()).unwrap();
    let second = client.session(RW);
    client.aes(second, passing()).unwrap();
    let data = || vec![class(ObjectClass::DATA), Attribute::bytes(AttributeType::VALUE, *b"data")];
    let secret = || {
        vec![
            class(ObjectClass::SECRET_KEY),
            number(AttributeType::KEY_TYPE, KeyType::AES.0),
            Attribute::bytes(AttributeType::VALUE, [7; 32]),
        ]
    };
    for session in [session, second] {
        assert_eq!(client.aes(session, passing()), Err(Rv::DEVICE_MEMORY), "made");
        for (name, template) in [("data", data()), ("a key", secret())] {
            let refused = client.ask(request::CreateObject { session, template }).err();
            assert_eq!(refused, Some(Rv::DEVICE_MEMORY), "{name} that is brought");
        }
        let copied = client.ask(request::CopyObject { session, object: first, template: Vec::new() }).err();
        assert_eq!(copied, Some(Rv::DEVICE_MEMORY), "copied");
    }
    assert_eq!(client.find(session, Vec::new()).len(), 2, "nothing stays of what was refused");
    client.aes(session, lasting_aes("lasts")).unwrap();
    client.ask(request::DestroyObject { session, object: first }).unwrap();
    client.aes(session, passing()).unwrap();
    assert_eq!(client.aes(session, passing()), Err(Rv::DEVICE_MEMORY), "full again");
    client.ask(request::CloseSession { session: second }).unwrap();
    client.aes(session, passing()).unwrap();
}

#[test]
fn all_applications_share_what_there_is() {
    let house = house(3, 4);
    let (mut one, here) = house.user();
    let (mut two, there) = another(&house, 2);
    for _ in 0..3 {
        one.aes(here, passing()).unwrap();
    }
    two.aes(there, passing()).unwrap();
    assert_eq!(two.aes(there, passing()), Err(Rv::DEVICE_MEMORY), "it has but one");
    one.ask(request::Finalize {}).unwrap();
    for _ in 0..2 {
        two.aes(there, passing()).unwrap();
    }
    assert_eq!(two.aes(there, passing()), Err(Rv::DEVICE_MEMORY), "its own share");
}

#[test]
fn a_pair_of_which_half_has_no_room_is_not_made() {
    let house = house(3, 100);
    let (mut client, session) = house.user();
    client.aes(session, passing()).unwrap();
    client.aes(session, passing()).unwrap();
    for time in ["once", "again"] {
        assert_eq!(pair(&mut client, session, vec![], vec![]), Err(Rv::DEVICE_MEMORY), "{time}");
        assert_eq!(client.find(session, Vec::new()).len(), 2, "{time}: no half stays");
    }
    let (public, private) =
        pair(&mut client, session, vec![lasts()], vec![truth(AttributeType::TOKEN, false)]).unwrap();
    assert_eq!(client.find(session, Vec::new()).len(), 4);
    let refused = pair(&mut client, session, vec![lasts()], vec![]);
    assert_eq!(refused, Err(Rv::DEVICE_MEMORY), "one half passes");
    assert_eq!(client.find(session, Vec::new()).len(), 4, "nor a half that would last");
    for object in [public, private] {
        client.ask(request::DestroyObject { session, object }).unwrap();
    }
}
