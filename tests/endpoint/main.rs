//! A whole appliance that tells an endpoint: over a crash, by command, and as the operator sees it.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

use std::{
    fs,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use strongroom_kmip::{
    attribute::{Attribute, Template},
    code::{CryptographicAlgorithm, CryptographicUsageMask, ObjectType, Operation, State},
    message::{RequestMessage, ResponseItem, ResponseMessage},
    operation::{Request, Response},
    payload::{ActivateRequest, CreateRequest, NotifyResponse, PutResponse},
    ttlv::{DateTime, Limits, Tree},
    version::V2_1,
};
use strongroom_tests::{Appliance, Endpoint, connect};

fn appliance() -> (Appliance, Endpoint) {
    let mut appliance = Appliance::start();
    appliance.stop();
    let endpoint = Endpoint::new(&appliance.dir());
    let path = appliance.dir().join("strongroom.toml");
    let table = endpoint.table("operations = [\"notify\", \"put\"]\nown_changes = true\n");
    fs::write(&path, fs::read_to_string(&path).unwrap() + &table).unwrap();
    appliance.restart();
    (appliance, endpoint)
}

/// Makes a key of alice's and activates it.
fn change(appliance: &Appliance) -> String {
    let mut alice = connect(appliance.doors(), "alice", V2_1).unwrap();
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(128),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
    ];
    let create = CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: attributes.into_iter().collect::<Template>(),
        protection_storage_masks: None,
    };
    let id = alice.ask(create).unwrap().unique_identifier;
    alice.ask(ActivateRequest { unique_identifier: Some(id.clone().into()) }).unwrap();
    id.0
}

/// What the endpoint is told next; it says that it has heard.
fn next(endpoint: &Endpoint) -> Request {
    let delivery = endpoint.receive().unwrap();
    let tree = Tree::read(&delivery.message, &Limits::default()).unwrap();
    let request = RequestMessage::read(&tree).unwrap().items.remove(0).payload.unwrap();
    let yes: Response = match request.operation() {
        Operation::Put => PutResponse {}.into(),
        _ => NotifyResponse {}.into(),
    };
    let answer = ResponseMessage::of(V2_1, DateTime(0), vec![ResponseItem::success(yes)]);
    delivery.answer(&answer.write()).unwrap();
    request
}

fn strongroom(appliance: &Appliance, arguments: &[&str]) -> Command {
    let mut command = appliance.strongroom();
    command.arg("--config").arg(appliance.dir().join("strongroom.toml")).args(arguments);
    command
}

/// What the operator is told.
fn said(appliance: &Appliance, arguments: &[&str]) -> String {
    let output = strongroom(appliance, arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_waits_is_told_after_a_crash() {
    let (mut appliance, endpoint) = appliance();
    let id = change(&appliance);
    assert!(said(&appliance, &["status"]).contains("for alice: 1 waiting, last delivered -"));
    appliance.kill();
    appliance.restart();
    let Request::Notify(told) = next(&endpoint) else { panic!("something else") };
    assert_eq!(told.unique_identifier.0, id);
    assert!(told.changed.iter().any(|attribute| *attribute == Attribute::State(State::Active)));
    let began = Instant::now();
    while !said(&appliance, &["status"]).contains("for alice: 0 waiting, last delivered 20") {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", said(&appliance, &["status"]));
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_operator_gives_an_object_by_command_and_no_other() {
    let (appliance, endpoint) = appliance();
    let id = change(&appliance);
    assert_eq!(next(&endpoint).operation(), Operation::Notify);
    assert!(said(&appliance, &["kmip", "put", "test", &id]).contains("waits to be given to test"));
    let Request::Put(given) = next(&endpoint) else { panic!("something else") };
    assert_eq!((given.unique_identifier.0, given.object.object_type()), (id, ObjectType::SymmetricKey));
    let refused = strongroom(&appliance, &["kmip", "put", "test", "nothing"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no such object"));
}
