//! Messages that are answered later: Poll, Cancel, Process, Query Asynchronous Requests, and what survives.

use std::{sync::atomic::Ordering, time::Duration};

use strongroom::service::Order;
use strongroom_kmip::{
    attribute::{Attribute, Template},
    client::Client,
    code::{
        AsynchronousIndicator, BatchErrorContinuationOption, CancellationResult, CryptographicAlgorithm,
        CryptographicUsageMask, PKCS11Function, ProcessingStage, ResultReason, ResultStatus, State,
    },
    message::{Asynchronous, Authentication, Credential, RequestMessage, ResponseItem, TicketCredential},
    operation::{Request, Response},
    payload::{
        CancelRequest, CreateKeyPairRequest, DelegatedLoginRequest, GetAttributesRequest, Objects, PKCS11Request,
        PollRequest, ProcessRequest, QueryAsynchronousRequestsRequest, Right, Rights,
    },
    secret::Secret,
    ttlv::Bytes,
    version::V2_1,
};

use crate::{
    batch::{activate, create},
    door::{Door, Stream},
};

fn asked(
    client: &mut Client<Stream>,
    indicator: AsynchronousIndicator,
    requests: impl IntoIterator<Item = Request>,
) -> Vec<ResponseItem> {
    let mut message = RequestMessage::of(V2_1, requests);
    message.header.asynchronous_indicator = Some(Asynchronous(indicator));
    client.exchange(&message).unwrap().items
}

/// Asks for what must be answered later, and gives what to poll for.
fn later(client: &mut Client<Stream>, requests: impl IntoIterator<Item = Request>) -> Vec<Bytes> {
    let items = asked(client, AsynchronousIndicator::Mandatory, requests);
    let value = |item: ResponseItem| {
        assert_eq!(item.result_status, ResultStatus::OperationPending, "{:?}", item.result_message);
        item.asynchronous_correlation_value.unwrap()
    };
    items.into_iter().map(value).collect()
}

fn ask(client: &mut Client<Stream>, request: impl Into<Request>) -> ResponseItem {
    client.exchange(&RequestMessage::of(V2_1, [request.into()])).unwrap().items.remove(0)
}

fn poll(client: &mut Client<Stream>, value: &Bytes) -> ResponseItem {
    ask(client, PollRequest { asynchronous_correlation_value: value.clone() })
}

fn cancel(client: &mut Client<Stream>, value: &Bytes) -> CancellationResult {
    let item = ask(client, CancelRequest { asynchronous_correlation_value: value.clone() });
    let Some(Response::Cancel(answer)) = item.payload else { panic!("{item:?}") };
    answer.cancellation_result
}

fn stages(client: &mut Client<Stream>) -> Vec<ProcessingStage> {
    let all = QueryAsynchronousRequestsRequest { asynchronous_correlation_values: None, operations: None };
    let Some(Response::QueryAsynchronousRequests(answer)) = ask(client, all).payload else { panic!("no list") };
    answer.asynchronous_request.iter().map(|request| request.processing_stage).collect()
}

fn made(item: &ResponseItem) -> String {
    let Some(Response::Create(made)) = &item.payload else { panic!("nothing made: {item:?}") };
    made.unique_identifier.0.clone()
}

fn rsa(bits: i32) -> Request {
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::RSA),
        Attribute::CryptographicLength(bits),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Sign),
    ];
    let common = Template { names: Vec::new(), attributes: attributes.into_iter().map(Into::into).collect() };
    CreateKeyPairRequest { common_attributes: Some(common), ..CreateKeyPairRequest::default() }.into()
}

/// As after a crash: nothing is left but what is kept.
fn reopen(door: &Door) {
    door.order(Order::Seal).unwrap();
    door.order(Order::UnsealFile { key: Secret::new(vec![7; 32]) }).unwrap();
}

#[test]
fn what_is_taken_is_done_once_and_told_to_its_caller_alone() {
    let door = Door::new();
    let (alice, bob) = (door.register("alice"), door.register("bob"));
    let (mut hers, mut his) = (door.client(&alice, V2_1), door.client(&bob, V2_1));
    let value = later(&mut hers, [create()]).remove(0);
    assert_eq!(door.logged("submitted"), 1);
    assert_eq!(door.logged("Create"), 0, "nothing is done yet");
    let first = poll(&mut hers, &value);
    assert_eq!(first.result_status, ResultStatus::OperationPending);
    assert_eq!(first.asynchronous_correlation_value.as_ref(), Some(&value));
    assert_eq!(stages(&mut hers), [ProcessingStage::Submitted]);
    assert!(door.service.work_once() && !door.service.work_once());
    assert_eq!(stages(&mut hers), [ProcessingStage::Completed]);
    assert_eq!(stages(&mut his), []);
    let foreign = Some(ResultReason::InvalidAsynchronousCorrelationValue);
    assert_eq!(poll(&mut his, &value).result_reason, foreign);
    assert_eq!(poll(&mut hers, &Bytes(vec![1; 16])).result_reason, foreign);
    assert_eq!(poll(&mut hers, &Bytes(vec![])).result_reason, foreign);
    let answer = poll(&mut hers, &value);
    assert_eq!(answer.result_status, ResultStatus::Success);
    assert_eq!(made(&answer), made(&poll(&mut hers, &value)), "a lost answer can be fetched again");
    assert_eq!(stages(&mut hers), [], "what was fetched is not outstanding");
    assert_eq!(door.logged("Create"), 1);
    assert_eq!(cancel(&mut hers, &value), CancellationResult::Completed);
}

#[test]
fn the_items_of_a_message_are_done_in_order_and_mean_what_those_before_made() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let values = later(&mut client, [create(), activate(None)]);
    door.service.work_once();
    let id = made(&poll(&mut client, &values[0]));
    assert_eq!(poll(&mut client, &values[1]).result_status, ResultStatus::Success);
    let state =
        GetAttributesRequest { unique_identifier: Some(id.as_str().into()), attribute_reference: Default::default() };
    let Some(Response::GetAttributes(answer)) = ask(&mut client, state).payload else { panic!("no attributes") };
    let active = |it: &strongroom_kmip::attribute::Instance| it.attribute == Attribute::State(State::Active);
    assert!(answer.attributes.0.iter().any(active));
    let values = later(&mut client, [activate(Some("nothing")), create()]);
    door.service.work_once();
    let reasons: Vec<_> = values.iter().map(|value| poll(&mut client, value).result_reason).collect();
    assert_eq!(reasons, [Some(ResultReason::ObjectNotFound), Some(ResultReason::OperationCanceledByRequester)]);
}

#[test]
fn what_is_pending_and_what_is_answered_survive_the_daemon() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let values = later(&mut client, [create(), activate(None)]);
    reopen(&door);
    let mut client = door.client(&alice, V2_1);
    assert_eq!(poll(&mut client, &values[0]).result_status, ResultStatus::OperationPending);
    door.service.work_once();
    let id = made(&poll(&mut client, &values[0]));
    reopen(&door);
    while door.service.work_once() {}
    let mut client = door.client(&alice, V2_1);
    assert_eq!(made(&poll(&mut client, &values[0])), id);
    assert_eq!(poll(&mut client, &values[1]).result_status, ResultStatus::Success);
    assert_eq!(door.logged("Create"), 1, "what is done is not done again");
}

#[test]
fn what_could_not_be_done_is_tried_again_after_a_while() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let value = later(&mut client, [create()]).remove(0);
    door.store.refuses.store(1, Ordering::Relaxed);
    assert!(door.service.work_once() && !door.service.work_once());
    door.pass();
    assert!(!door.service.work_once(), "not at once");
    door.ahead.by(Duration::from_secs(1));
    door.pass();
    assert!(door.service.work_once());
    assert_eq!(poll(&mut client, &value).result_status, ResultStatus::Success);
    assert_eq!(door.logged("Create"), 1);
}

#[test]
fn what_is_tried_in_vain_is_refused_in_the_end() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let value = later(&mut client, [create()]).remove(0);
    door.store.refuses.store(5, Ordering::Relaxed);
    for _ in 0..6 {
        assert!(door.service.work_once());
        door.ahead.by(Duration::from_secs(60));
        door.pass();
    }
    assert!(!door.service.work_once(), "it is over");
    assert_eq!(poll(&mut client, &value).result_reason, Some(ResultReason::GeneralFailure));
    assert_eq!(door.logged("Create"), 1, "the refusal");
}

#[test]
fn work_that_was_begun_before_the_vault_was_sealed_is_kept_and_not_done_again() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let value = later(&mut client, [rsa(4096)]).remove(0);
    let service = door.service.clone();
    let worker = std::thread::spawn(move || service.work_once());
    while stages(&mut client) != [ProcessingStage::InProcess] {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(20));
    door.order(Order::Seal).unwrap();
    assert!(worker.join().unwrap());
    door.order(Order::UnsealFile { key: Secret::new(vec![7; 32]) }).unwrap();
    let item = poll(&mut door.client(&alice, V2_1), &value);
    assert_eq!(item.result_status, ResultStatus::Success, "{:?}", item.result_message);
    while door.service.work_once() {}
    assert_eq!(door.logged("Create Key Pair"), 1);
}

#[test]
fn answers_past_their_time_go_in_the_round_and_the_log_says_so() {
    let door = Door::new();
    let alice = door.register("alice");
    let value = later(&mut door.client(&alice, V2_1), [create()]).remove(0);
    door.service.work_once();
    door.pass();
    assert_eq!(door.logged("swept"), 0, "it can be fetched for an hour; its message went with it");
    door.ahead.by(Duration::from_secs(3_600));
    door.pass();
    assert_eq!(door.logged("swept"), 1);
    door.pass();
    assert_eq!(door.logged("swept"), 1, "once");
    reopen(&door);
    let mut client = door.client(&alice, V2_1);
    assert_eq!(poll(&mut client, &value).result_reason, Some(ResultReason::InvalidAsynchronousCorrelationValue));
}

#[test]
fn unsealing_what_is_open_begins_nothing_twice() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let value = later(&mut client, [create()]).remove(0);
    door.order(Order::UnsealFile { key: Secret::new(vec![7; 32]) }).unwrap();
    assert!(door.service.work_once() && !door.service.work_once());
    assert_eq!(poll(&mut client, &value).result_status, ResultStatus::Success);
    assert_eq!(door.logged("Create"), 1);
}

#[test]
fn a_function_of_pkcs_11_is_never_answered_later() {
    let door = Door::new();
    let alice = door.register("alice");
    let initialize = PKCS11Request {
        pkcs11_interface: None,
        pkcs11_function: PKCS11Function::C_Initialize,
        correlation_value: None,
        pkcs11_input_parameters: None,
    };
    let item = asked(&mut door.client(&alice, V2_1), AsynchronousIndicator::Mandatory, [initialize.into()]).remove(0);
    assert_ne!(item.result_status, ResultStatus::OperationPending);
    assert!(!door.service.work_once());
}

#[test]
fn a_ticket_to_some_objects_reaches_nothing_that_is_pending() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let value = later(&mut client, [create()]).remove(0);
    while door.service.work_once() {}
    let objects = Some(Objects { unique_identifier: vec!["one".into()] });
    let rights = Rights { right: vec![Right { usage_limits: None, operations: None, objects, object_groups: None }] };
    let login = DelegatedLoginRequest { lease_time: None, request_count: None, usage_limits: None, rights };
    let Some(Response::DelegatedLogin(answer)) = ask(&mut client, login).payload else { panic!("no ticket") };
    let mut message = RequestMessage::of(V2_1, [PollRequest { asynchronous_correlation_value: value.clone() }.into()]);
    let ticket = Credential::Ticket(TicketCredential { ticket: answer.ticket });
    message.header.authentication = Some(Authentication { credential: vec![ticket] });
    let item = client.exchange(&message).unwrap().items.remove(0);
    assert_eq!(item.result_reason, Some(ResultReason::InvalidAsynchronousCorrelationValue));
    assert_eq!(poll(&mut client, &value).result_status, ResultStatus::Success);
}

#[test]
fn what_is_cancelled_is_not_done() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let value = later(&mut client, [create()]).remove(0);
    assert_eq!(cancel(&mut client, &value), CancellationResult::Canceled);
    door.service.work_once();
    let reason = Some(ResultReason::OperationCanceledByRequester);
    assert_eq!(poll(&mut client, &value).result_reason, reason);
    reopen(&door);
    while door.service.work_once() {}
    assert_eq!(poll(&mut door.client(&alice, V2_1), &value).result_reason, reason);
    assert_eq!(door.logged("Create"), 0);
}

#[test]
fn a_cancel_that_is_undone_lets_the_request_go_on() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let value = later(&mut client, [create()]).remove(0);
    let undone = CancelRequest { asynchronous_correlation_value: value.clone() };
    let mut message = RequestMessage::of(V2_1, [undone.into(), activate(Some("nothing"))]);
    message.header.batch_error_continuation_option = Some(BatchErrorContinuationOption::Undo);
    let items = client.exchange(&message).unwrap().items;
    assert_eq!(items[0].result_status, ResultStatus::OperationUndone);
    while door.service.work_once() {}
    assert_eq!(poll(&mut client, &value).result_status, ResultStatus::Success);
}

#[test]
fn a_poll_waits_for_what_is_to_be_processed() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let value = later(&mut client, [create()]).remove(0);
    let process = || ProcessRequest { asynchronous_correlation_value: value.clone() };
    assert_eq!(ask(&mut client, process()).result_status, ResultStatus::Success);
    assert_eq!(ask(&mut client, process()).result_reason, Some(ResultReason::DuplicateProcessRequest));
    let service = door.service.clone();
    let worker = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        service.work_once()
    });
    assert_eq!(poll(&mut client, &value).result_status, ResultStatus::Success);
    assert!(worker.join().unwrap());
}

#[test]
fn a_client_has_so_many_requests_outstanding_and_what_it_fetched_gives_way() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let first = later(&mut client, (0..60).map(|_| create()));
    let refused = asked(&mut client, AsynchronousIndicator::Mandatory, (0..5).map(|_| create()));
    let reasons: Vec<_> = refused.iter().map(|item| item.result_reason).collect();
    assert_eq!(reasons, [Some(ResultReason::ServerLimitExceeded); 5]);
    while door.service.work_once() {}
    poll(&mut client, &first[0]);
    later(&mut client, (0..5).map(|_| create()));
    assert_eq!(poll(&mut client, &first[0]).result_status, ResultStatus::OperationFailed, "it gave way");
    assert_eq!(poll(&mut client, &first[1]).result_status, ResultStatus::Success);
}

#[test]
fn a_client_that_was_revoked_meanwhile_gets_nothing_done() {
    let door = Door::new();
    let alice = door.register("alice");
    later(&mut door.client(&alice, V2_1), [create()]);
    door.order(Order::ClientRevoke { name: "alice".to_owned() }).unwrap();
    door.service.work_once();
    assert_eq!(door.refused("Not Authorised"), 1);
    assert!(!door.service.work_once());
}

#[test]
fn who_may_be_answered_later_is_where_it_takes_long_and_nobody_else_is() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let pending = ResultStatus::OperationPending;
    for (name, indicator, request, expected) in [
        ("a quick one that may", AsynchronousIndicator::Optional, create(), ResultStatus::Success),
        ("a slow one that may", AsynchronousIndicator::Optional, rsa(2048), pending),
        ("a slow one that may not", AsynchronousIndicator::Prohibited, rsa(2048), ResultStatus::Success),
        ("a quick one that must", AsynchronousIndicator::Mandatory, create(), pending),
    ] {
        let item = asked(&mut client, indicator, [request]).remove(0);
        assert_eq!(item.result_status, expected, "{name}: {:?}", item.result_message);
        while door.service.work_once() {}
    }
    // A Poll is never answered later (KMIP 2.1 §6.1.38).
    let value = later(&mut client, [create()]).remove(0);
    let poll = PollRequest { asynchronous_correlation_value: value.clone() };
    let item = asked(&mut client, AsynchronousIndicator::Mandatory, [poll.into()]).remove(0);
    assert_eq!(item.asynchronous_correlation_value, Some(value));
}
