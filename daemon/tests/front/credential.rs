//! Message credentials and tickets: they confirm or narrow who TLS says it is, and never make anybody somebody else.

use strongroom::service::{Order, order::DeviceRow};
use strongroom_kmip::{
    attribute::{Attribute, Linked, Name, Template},
    client::Client,
    code::{
        AttestationType, BatchErrorContinuationOption, CertificateType, CredentialType, Operation, QueryFunction,
        ResultReason, ResultStatus, TicketType,
    },
    message::{
        Attestation, Authentication, Credential, Device, Nonce, RequestMessage, ResponseItem, TicketCredential,
        UsernameAndPassword,
    },
    object::Certificate,
    operation::{Request, Response},
    payload::{
        CreateCredentialRequest, CreateUserRequest, DelegatedLoginRequest, DestroyRequest, GetAttributesRequest,
        GetRequest, LoginRequest, LogoutRequest, Objects, Operations, PasswordCredential, QueryRequest,
        ReProvisionRequest, Right, Rights, Ticket,
    },
    secret::Secret,
    ttlv::{Bytes, SecretText},
    version::{V2_1, V3_0},
};

use crate::{
    batch::create,
    door::{Door, Stream},
};

pub(crate) fn add(client: &str, username: &str, password: &str) -> Order {
    Order::CredentialAdd {
        client: client.to_owned(),
        username: Some(username.to_owned()),
        device: DeviceRow::default(),
        password: Secret::copy_of(password.as_bytes()),
        hashed: false,
        one_time: false,
    }
}

pub(crate) fn password(username: &str, password: &str) -> Credential {
    Credential::UsernameAndPassword(UsernameAndPassword {
        username: username.to_owned(),
        password: Some(SecretText::copy_of(password)),
    })
}

pub(crate) fn ticket(value: &Secret) -> Credential {
    Credential::Ticket(TicketCredential {
        ticket: Ticket { ticket_type: TicketType::Login, ticket_value: value.duplicate() },
    })
}

fn device(serial: &str, password: Option<&str>) -> Credential {
    Credential::Device(Device {
        device_serial_number: Some(serial.to_owned()),
        password: password.map(SecretText::copy_of),
        device_identifier: None,
        network_identifier: None,
        machine_identifier: None,
        media_identifier: None,
    })
}

fn attestation() -> Credential {
    let nonce = Nonce { nonce_id: Bytes(vec![1]), nonce_value: Bytes(vec![2]) };
    Credential::Attestation(Attestation {
        nonce,
        attestation_type: AttestationType::TPMQuote,
        attestation_measurement: None,
        attestation_assertion: None,
    })
}

pub(crate) fn query() -> Request {
    QueryRequest { query_function: vec![QueryFunction::QueryOperations], object_groups: None }.into()
}

fn attributes(id: &str) -> Request {
    GetAttributesRequest { unique_identifier: Some(id.into()), attribute_reference: Default::default() }.into()
}

/// The only item of the answer.
pub(crate) fn ask(client: &mut Client<Stream>, shown: Vec<Credential>, request: impl Into<Request>) -> ResponseItem {
    let mut message = RequestMessage::of(V2_1, [request.into()]);
    message.header.authentication = (!shown.is_empty()).then_some(Authentication { credential: shown });
    client.exchange(&message).unwrap().items.remove(0)
}

pub(crate) fn login(client: &mut Client<Stream>, count: i32) -> Secret {
    let request = LoginRequest { lease_time: None, request_count: Some(count), usage_limits: None };
    match ask(client, Vec::new(), request).payload {
        Some(Response::Login(answer)) => answer.ticket.ticket_value,
        other => panic!("no ticket: {other:?}"),
    }
}

#[test]
fn every_credential_of_a_message_must_be_right_and_its_clients_own() {
    let door = Door::new();
    let alice = door.register("alice");
    door.register("bob");
    door.order(add("alice", "ada", "lovelace")).unwrap();
    door.order(add("bob", "ben", "barnacle")).unwrap();
    door.order(Order::CredentialAdd {
        client: "alice".to_owned(),
        username: None,
        device: DeviceRow { serial: Some("7".to_owned()), ..DeviceRow::default() },
        password: Secret::new(Vec::new()),
        hashed: false,
        one_time: false,
    })
    .unwrap();
    let mut client = door.client(&alice, V2_1);
    for (name, shown, expected) in [
        ("none", vec![], None),
        ("the right one", vec![password("ada", "lovelace")], None),
        ("the same again", vec![password("ada", "lovelace")], None),
        ("a device", vec![device("7", None)], None),
        ("both", vec![password("ada", "lovelace"), device("7", None)], None),
        ("one right, one wrong", vec![password("ada", "lovelace"), device("8", None)], Some(false)),
        ("a password where there is none", vec![device("7", Some("x"))], Some(false)),
        ("somebody else's", vec![password("ben", "barnacle")], Some(false)),
        ("nobody's", vec![password("eve", "lovelace")], Some(false)),
        ("an attestation", vec![password("ada", "lovelace"), attestation()], Some(true)),
    ] {
        let item = ask(&mut client, shown, create());
        let reason = expected.map(|attested| match attested {
            true => ResultReason::AttestationFailed,
            false => ResultReason::AuthenticationNotSuccessful,
        });
        assert_eq!(item.result_reason, reason, "{name}: {:?}", item.result_message);
        // Whose message it is not known to be, nothing of it is looked at.
        assert_eq!(item.operation.is_none(), reason.is_some(), "{name}");
    }
    assert_eq!(door.logged("login"), 7, "two right for the first time, five refused");
    assert_eq!(door.refused("Authentication Not Successful"), 4);
}

#[test]
fn wrong_tries_are_counted_and_cost_time_whoever_is_claimed() {
    let door = Door::new();
    let alice = door.register("alice");
    door.order(add("alice", "ada", "lovelace")).unwrap();
    let mut client = door.client(&alice, V2_1);
    for number in 0..6 {
        let item = ask(&mut client, vec![password(&format!("eve{number}"), "x")], query());
        assert_eq!(item.result_reason, Some(ResultReason::AuthenticationNotSuccessful));
    }
    let item = ask(&mut client, vec![password("ada", "lovelace")], query());
    let message = item.result_message.unwrap();
    assert!(message.contains("wait"), "{message}");
    assert!(door.register("bob").chain.len() == 1, "others go on");
}

#[test]
fn a_client_that_must_show_a_credential_does_nothing_without_one() {
    let door = Door::new();
    let alice = door.register("alice");
    let require = || Order::CredentialRequire { client: "alice".to_owned(), strict: true };
    assert!(door.order(require()).is_err(), "it has none that it could show");
    door.order(add("alice", "ada", "lovelace")).unwrap();
    door.order(require()).unwrap();
    let mut client = door.client(&alice, V2_1);
    let reason = |item: ResponseItem| item.result_reason;
    assert_eq!(reason(ask(&mut client, vec![], query())), None, "what it must show it may ask");
    assert_eq!(reason(ask(&mut client, vec![], create())), Some(ResultReason::AuthenticationNotSuccessful));
    assert_eq!(reason(ask(&mut client, vec![password("ada", "lovelace")], create())), None);
    door.order(Order::CredentialRemove { client: "alice".to_owned(), name: "ada".to_owned() }).unwrap();
    let after = reason(ask(&mut client, vec![password("ada", "lovelace")], create()));
    assert_eq!(after, Some(ResultReason::AuthenticationNotSuccessful), "what was right is not remembered");
}

#[test]
fn a_ticket_is_good_for_its_client_and_its_count_until_it_logs_out() {
    let door = Door::new();
    let (alice, bob) = (door.register("alice"), door.register("bob"));
    let (mut hers, mut his) = (door.client(&alice, V2_1), door.client(&bob, V2_1));
    let value = login(&mut hers, 2);
    let reason = |item: ResponseItem| item.result_reason;
    assert_eq!(reason(ask(&mut his, vec![ticket(&value)], query())), Some(ResultReason::InvalidTicket));
    assert_eq!(reason(ask(&mut hers, vec![ticket(&value)], create())), None);
    let again = LoginRequest { lease_time: None, request_count: None, usage_limits: None };
    assert_eq!(reason(ask(&mut hers, vec![ticket(&value)], again)), Some(ResultReason::NotAuthorised));
    assert_eq!(reason(ask(&mut hers, vec![ticket(&value)], query())), Some(ResultReason::UsageLimitExceeded));
    let value = login(&mut hers, 0);
    let logout = |value: &Secret| LogoutRequest {
        ticket: Ticket { ticket_type: TicketType::Login, ticket_value: value.duplicate() },
    };
    assert_eq!(reason(ask(&mut his, vec![], logout(&value))), Some(ResultReason::InvalidTicket));
    assert_eq!(reason(ask(&mut hers, vec![], logout(&value))), None);
    assert_eq!(reason(ask(&mut hers, vec![ticket(&value)], query())), Some(ResultReason::InvalidTicket));
    assert_eq!(reason(ask(&mut hers, vec![], logout(&value))), Some(ResultReason::InvalidTicket));
}

#[test]
fn a_delegated_ticket_reaches_what_it_names_and_tells_nothing_of_the_rest() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let mut make = || match ask(&mut client, vec![], create()).payload {
        Some(Response::Create(made)) => made.unique_identifier.0,
        other => panic!("nothing made: {other:?}"),
    };
    let (first, second) = (make(), make());
    let right = |operations: &[Operation], objects: Option<&str>| Right {
        usage_limits: None,
        operations: Some(Operations { operation: operations.to_vec() }),
        objects: objects.map(|id| Objects { unique_identifier: vec![id.into()] }),
        object_groups: None,
    };
    let right = vec![right(&[Operation::Query], None), right(&[Operation::GetAttributes], Some(&first))];
    let request =
        DelegatedLoginRequest { lease_time: None, request_count: None, usage_limits: None, rights: Rights { right } };
    let Some(Response::DelegatedLogin(answer)) = ask(&mut client, vec![], request).payload else { panic!() };
    let value = answer.ticket.ticket_value;
    let get = GetRequest { unique_identifier: Some(first.as_str().into()), ..GetRequest::default() };
    let denied = Some(ResultReason::NotAuthorised);
    for (name, request, expected) in [
        ("an operation without objects", query(), None),
        ("its object", attributes(&first), None),
        ("another object", attributes(&second), denied),
        ("no object at all", attributes("nothing"), denied),
        ("another operation", get.into(), denied),
        ("making one", create(), denied),
    ] {
        let item = ask(&mut client, vec![ticket(&value)], request);
        assert_eq!(item.result_reason, expected, "{name}: {:?}", item.result_message);
    }
}

#[test]
fn a_login_that_is_undone_gives_no_ticket() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let login = LoginRequest { lease_time: None, request_count: None, usage_limits: None };
    let mut message = RequestMessage::of(V2_1, [login.into(), attributes("nothing")]);
    message.header.batch_error_continuation_option = Some(BatchErrorContinuationOption::Undo);
    let items = client.exchange(&message).unwrap().items;
    assert_eq!(items[0].result_status, ResultStatus::OperationUndone);
    let Some(Response::Login(answer)) = &items[0].payload else { panic!("{items:?}") };
    let item = ask(&mut client, vec![ticket(&answer.ticket.ticket_value)], query());
    assert_eq!(item.result_reason, Some(ResultReason::InvalidTicket));
}

#[test]
fn a_user_that_a_client_has_created_confirms_its_messages_and_nobody_elses() {
    let door = Door::new();
    let (alice, bob) = (door.register("alice"), door.register("bob"));
    let (mut hers, mut his) = (door.client(&alice, V3_0), door.client(&bob, V3_0));
    let none = || Template { names: Vec::new(), attributes: Vec::new() };
    let password_credential = Some(PasswordCredential { password: SecretText::copy_of("lovelace") });
    let create = CreateCredentialRequest {
        credential_type: CredentialType::Password,
        attributes: none(),
        password_credential,
        certificate: None,
    };
    let credential = hers.ask(create).unwrap().unique_identifier.0;
    let user = |credential: &str| {
        let link = Attribute::CredentialLink(Linked::Identifier(credential.to_owned()));
        let attributes = vec![link.into(), Attribute::Name(Name::text("ada")).into()];
        CreateUserRequest { attributes: Template { attributes, ..none() } }
    };
    assert!(his.ask(user(&credential)).is_err(), "with a credential of somebody else's");
    hers.ask(user(&credential)).unwrap();
    let reason = |client: &mut Client<Stream>, entered: &str| {
        let mut message = RequestMessage::of(V3_0, [query()]);
        message.header.authentication = Some(Authentication { credential: vec![password("ada", entered)] });
        client.exchange(&message).unwrap().items.remove(0).result_reason
    };
    let wrong = Some(ResultReason::AuthenticationNotSuccessful);
    assert_eq!(reason(&mut hers, "lovelace"), None);
    assert_eq!(reason(&mut hers, "babbage"), wrong);
    assert_eq!(reason(&mut his, "lovelace"), wrong);
    let get = GetRequest { unique_identifier: Some(credential.as_str().into()), ..GetRequest::default() };
    assert!(hers.ask(get).is_err(), "a password is never given out");
    hers.ask(DestroyRequest { unique_identifier: Some(credential.as_str().into()) }).unwrap();
    assert_eq!(reason(&mut hers, "lovelace"), wrong, "what is destroyed confirms nothing");
}

#[test]
fn a_client_is_known_anew_only_by_a_key_that_it_has_proved_to_hold() {
    let door = Door::new();
    let (alice, bob) = (door.register("alice"), door.register("bob"));
    let mut client = door.client(&alice, V2_1);
    let key = rcgen::KeyPair::generate().unwrap();
    let strange = rcgen::CertificateParams::new(vec!["alice".to_owned()]).unwrap().self_signed(&key).unwrap();
    let mut bring = |der: &[u8]| {
        let certificate_value = Bytes(der.to_vec());
        let certificate = Some(Certificate { certificate_type: CertificateType::X_509, certificate_value });
        let request = ReProvisionRequest { certificate_request: None, certificate };
        ask(&mut client, vec![], request).result_status
    };
    assert_eq!(bring(strange.der()), ResultStatus::OperationFailed, "a key of whoever it may be");
    assert_eq!(bring(&bob.chain[0]), ResultStatus::OperationFailed, "somebody else's");
    assert_eq!(bring(&alice.chain[0]), ResultStatus::Success, "its own");
}

#[test]
fn no_two_clients_are_known_by_one_key() {
    let door = Door::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let csr = rcgen::CertificateParams::default().serialize_request(&key).unwrap().der().to_vec();
    let add = |name: &str| {
        let (name, role) = (name.to_owned(), "user".to_owned());
        door.order(Order::ClientAdd { name, role, days: 1, user: None, csr: Some(csr.clone()) })
    };
    assert!(add("alice").is_ok());
    assert!(add("bob").is_err());
}

#[test]
fn a_logout_that_is_undone_leaves_the_ticket_good() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let value = login(&mut client, 0);
    let ended = Ticket { ticket_type: TicketType::Login, ticket_value: value.duplicate() };
    let mut message = RequestMessage::of(V2_1, [LogoutRequest { ticket: ended }.into(), attributes("nothing")]);
    message.header.batch_error_continuation_option = Some(BatchErrorContinuationOption::Undo);
    let items = client.exchange(&message).unwrap().items;
    assert_eq!(items[0].result_status, ResultStatus::OperationUndone);
    assert_eq!(ask(&mut client, vec![ticket(&value)], query()).result_reason, None);
}
