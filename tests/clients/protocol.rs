//! The crate kmip-protocol of NLnet Labs, with which Krill asks for its keys: it writes and reads messages with types of
//! its own, mixes the versions 1.0, 1.1 and 1.2 over one connection, and comes with a TLS that is not rustls.

use std::{
    fmt::Debug,
    fs,
    io::{Read, Write},
};

use kmip_protocol::{
    client::{Client, ClientCertificate, ConnectionSettings, Error, tls::openssl::connect},
    types::{
        common::{
            AttributeIndex, AttributeName, AttributeValue, CryptographicAlgorithm, CryptographicUsageMask,
            KeyFormatType, KeyMaterial, ObjectType, Operation, UniqueIdentifier,
        },
        request::{self, Attribute, RequestPayload, TemplateAttribute},
        response::{ManagedObject, ResponsePayload},
    },
};
use strongroom_tests::Appliance;

fn settings(appliance: &Appliance, name: &str) -> ConnectionSettings {
    let read = |path| fs::read(path).expect("the appliance wrote its clients' papers");
    let (host, port) = appliance.doors().kmip.rsplit_once(':').expect("an address and a port");
    let papers = appliance.client(name);
    ConnectionSettings {
        host: host.to_owned(),
        port: port.parse().expect("a number"),
        client_cert: Some(ClientCertificate::SeparatePem {
            cert_bytes: read(&papers.cert),
            key_bytes: Some(read(&papers.key)),
        }),
        ca_cert: Some(read(&appliance.doors().ca)),
        ..ConnectionSettings::default()
    }
}

fn client(appliance: &Appliance, name: &str) -> Client<impl Read + Write> {
    connect(&settings(appliance, name)).expect("the appliance listens")
}

#[track_caller]
fn ask(client: &Client<impl Read + Write>, request: RequestPayload) -> ResponsePayload {
    client.do_request(request).unwrap_or_else(|error| panic!("refused: {error}"))
}

#[track_caller]
fn refused<T: Debug>(answer: Result<T, Error>) -> String {
    match answer {
        Err(Error::ItemNotFound(told) | Error::ServerError(told)) => told,
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

fn aes(name: &str) -> RequestPayload {
    let attributes = vec![
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt),
        Attribute::Name(name.to_owned()),
    ];
    RequestPayload::Create(ObjectType::SymmetricKey, TemplateAttribute::unnamed(attributes))
}

#[track_caller]
fn created(client: &Client<impl Read + Write>, name: &str) -> String {
    match ask(client, aes(name)) {
        ResponsePayload::Create(answer) => answer.unique_identifier.0,
        other => panic!("{other:?}"),
    }
}

/// The material of a key, where it is bytes.
#[track_caller]
fn material(client: &Client<impl Read + Write>, id: &str) -> Vec<u8> {
    let block = match client.get_key(id).expect("the key is there").cryptographic_object {
        ManagedObject::SymmetricKey(key) => key.key_block,
        ManagedObject::PublicKey(key) => key.key_block,
        ManagedObject::PrivateKey(key) => key.key_block,
        other => panic!("{other:?}"),
    };
    match block.key_value.key_material {
        KeyMaterial::Bytes(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_pair_is_made_signs_is_renamed_and_goes() {
    let appliance = Appliance::start();
    let client = client(&appliance, "alice");
    let (private, public) =
        client.create_rsa_key_pair(2048, "krill-private".to_owned(), "krill-public".to_owned()).expect("a pair");
    client.activate_key(&private).expect("activated");
    let signed = client.sign(&private, b"a manifest").expect("signed");
    assert_eq!((signed.unique_identifier.0.as_str(), signed.signature_data.len()), (private.as_str(), 256));
    refused(client.sign(&public, b"a manifest"));
    client.rename_key(&private, "krill-renamed".to_owned()).expect("renamed");
    let found = ask(&client, RequestPayload::Locate(vec![Attribute::Name("krill-renamed".to_owned())]));
    assert!(matches!(found, ResponsePayload::Locate(found) if found.unique_identifiers[0].0 == private));
    assert!(material(&client, &public).len() > 256);
    refused(client.destroy_key(&private));
    client.revoke_key(&private).expect("revoked");
    refused(client.sign(&private, b"a manifest"));
    client.destroy_key(&private).expect("destroyed");
    client.destroy_key(&public).expect("never active");
    refused(client.get_key(&private));
}

#[test]
fn a_symmetric_key_is_made_registered_found_and_told_of() {
    let appliance = Appliance::start();
    let client = client(&appliance, "alice");
    let id = created(&client, "crate-aes");
    assert_eq!(material(&client, &id).len(), 32);
    let told = ask(&client, RequestPayload::GetAttributeList(Some(UniqueIdentifier(id.clone()))));
    let ResponsePayload::GetAttributeList(told) = told else { panic!("{told:?}") };
    assert!(told.attributes.contains(&AttributeName("State".to_owned())), "{told:?}");
    let wanted = Some(vec![AttributeName("Cryptographic Length".to_owned())]);
    let told = ask(&client, RequestPayload::GetAttributes(Some(UniqueIdentifier(id.clone())), wanted));
    let ResponsePayload::GetAttributes(told) = told else { panic!("{told:?}") };
    assert_eq!(told.attributes.expect("one attribute")[0].value, AttributeValue::Integer(256));

    let block = request::KeyBlock(
        KeyFormatType::Raw,
        None,
        Some(request::KeyValue(KeyMaterial::Bytes(vec![7; 16]), None)),
        Some(CryptographicAlgorithm::AES),
        Some(kmip_protocol::types::common::CryptographicLength(128)),
        None,
    );
    let mask = Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt);
    let registered = ask(
        &client,
        RequestPayload::Register(
            ObjectType::SymmetricKey,
            TemplateAttribute::unnamed(vec![mask]),
            Some(request::ManagedObject::SymmetricKey(request::SymmetricKey(block))),
        ),
    );
    let ResponsePayload::Register(registered) = registered else { panic!("{registered:?}") };
    assert_eq!(material(&client, &registered.unique_identifier.0), [7; 16]);
}

#[test]
fn a_custom_attribute_is_added_changed_and_deleted() {
    let appliance = Appliance::start();
    let client = client(&appliance, "alice");
    let id = Some(UniqueIdentifier(created(&client, "crate-attribute")));
    let purpose = |text: &str| {
        Attribute(AttributeName("x-purpose".to_owned()), None, AttributeValue::TextString(text.to_owned()))
    };
    ask(&client, RequestPayload::AddAttribute(id.clone(), purpose("backup")));
    let changed = ask(&client, RequestPayload::ModifyAttribute(id.clone(), purpose("archive")));
    let ResponsePayload::ModifyAttribute(changed) = changed else { panic!("{changed:?}") };
    assert_eq!(changed.attribute.value, AttributeValue::TextString("archive".to_owned()));
    let name = || AttributeName("x-purpose".to_owned());
    let gone = RequestPayload::DeleteAttribute(id.clone(), name(), Some(AttributeIndex(0)));
    ask(&client, gone.clone());
    refused(client.do_request(gone));
}

#[test]
fn the_server_says_what_it_serves_and_draws_random_bytes() {
    let appliance = Appliance::start();
    let client = client(&appliance, "alice");
    let told = client.query().expect("answered");
    let operations = told.operations.expect("operations were asked for");
    assert!(operations.contains(&Operation::Sign) && operations.contains(&Operation::CreateKeyPair), "{operations:?}");
    assert!(told.object_types.expect("objects were asked for").contains(&ObjectType::PrivateKey));
    let told = ask(&client, RequestPayload::DiscoverVersions(Vec::new()));
    let ResponsePayload::DiscoverVersions(told) = told else { panic!("{told:?}") };
    let versions: Vec<_> = told.supported_versions.expect("versions").iter().map(|v| (v.major, v.minor)).collect();
    assert!(
        versions.contains(&(1, 0)) && versions.contains(&(1, 4)) && versions.is_sorted_by(|a, b| a > b),
        "{versions:?}"
    );
    assert_eq!(client.rng_retrieve(64).expect("answered").data.len(), 64);
    assert_ne!(client.rng_retrieve(64).expect("answered").data, client.rng_retrieve(64).expect("answered").data);
    refused(client.rng_retrieve(-1));
}

#[test]
fn a_stranger_is_told_the_same_of_a_key_and_of_none() {
    let appliance = Appliance::start();
    let id = created(&client(&appliance, "alice"), "crate-mine");
    let bob = client(&appliance, "bob");
    let (strange, absent) = (bob.get_key(&id), bob.get_key("nobody"));
    assert!(matches!(strange, Err(Error::ItemNotFound(_))), "{strange:?}");
    assert_eq!(refused(strange), refused(absent));
    let found = ask(&bob, RequestPayload::Locate(vec![Attribute::Name("crate-mine".to_owned())]));
    assert!(matches!(found, ResponsePayload::Locate(found) if found.unique_identifiers.is_empty()));
}

#[test]
fn a_name_and_a_password_in_the_message_change_nothing_of_the_certificate() {
    let appliance = Appliance::start();
    let id = created(&client(&appliance, "alice"), "crate-credential");
    let claim = Some("alice".to_owned());
    let bob = ConnectionSettings { username: claim, password: Some("guess".to_owned()), ..settings(&appliance, "bob") };
    refused(connect(&bob).expect("his certificate is good").get_key(&id));
}

#[test]
fn a_client_without_a_certificate_is_not_served() {
    let appliance = Appliance::start();
    let nobody = ConnectionSettings { client_cert: None, ..settings(&appliance, "bob") };
    assert!(connect(&nobody).and_then(|client| client.query()).is_err());
}
