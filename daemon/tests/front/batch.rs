//! Batches: order, errors, placeholder, sizes.

use strongroom_kmip::{
    attribute::{Attribute, Template},
    client::Client,
    code::{
        AsynchronousIndicator, BatchErrorContinuationOption as Option_, CryptographicAlgorithm, CryptographicUsageMask,
        ObjectType, Operation, QueryFunction, ResultReason, ResultStatus,
    },
    message::{Asynchronous, RequestHeader, RequestItem, RequestMessage, ResponseItem},
    operation::{Request, Response},
    payload::{ActivateRequest, CreateRequest, GetRequest, QueryRequest},
    ttlv::Bytes,
    version::{V1_2, V1_4, V2_1},
};

use crate::door::{Door, Stream};

pub(crate) fn create() -> Request {
    let attributes = vec![
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
    ];
    let attributes = attributes.into_iter().map(Into::into).collect();
    CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: Template { names: Vec::new(), attributes },
        protection_storage_masks: None,
    }
    .into()
}

pub(crate) fn activate(id: Option<&str>) -> Request {
    ActivateRequest { unique_identifier: id.map(Into::into) }.into()
}

fn query() -> Request {
    QueryRequest { query_function: vec![QueryFunction::QueryOperations], object_groups: None }.into()
}

fn exchange(
    client: &mut Client<Stream>,
    requests: Vec<Request>,
    change: impl FnOnce(&mut RequestHeader),
) -> Vec<ResponseItem> {
    let mut message = RequestMessage::of(client.version(), requests);
    change(&mut message.header);
    client.exchange(&message).unwrap().items
}

fn reasons(items: &[ResponseItem]) -> Vec<Option<ResultReason>> {
    items.iter().map(|item| item.result_reason).collect()
}

#[test]
fn later_items_mean_what_earlier_ones_made() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V1_4);
    let items = exchange(&mut client, vec![create(), activate(None)], |_| {});
    assert_eq!(reasons(&items), [None, None]);
    let ids: Vec<_> = items.iter().map(|item| item.unique_batch_item_id.clone()).collect();
    assert_eq!(ids, [Some(Bytes(vec![0, 0, 0, 1])), Some(Bytes(vec![0, 0, 0, 2]))]);
    let alone = exchange(&mut client, vec![activate(None)], |_| {});
    assert_eq!(reasons(&alone), [Some(ResultReason::MissingData)], "the placeholder outlives its batch");
}

#[test]
fn a_failed_item_ends_the_batch_unless_it_is_to_continue() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V1_2);
    let requests = || vec![query(), activate(Some("nothing")), query()];
    let absent = Some(ResultReason::ItemNotFound);
    for (name, option, expected) in [
        ("nothing said", None, vec![None, absent]),
        ("Stop", Some(Option_::Stop), vec![None, absent]),
        ("Continue", Some(Option_::Continue), vec![None, absent, None]),
    ] {
        let items = exchange(&mut client, requests(), |header| header.batch_error_continuation_option = option);
        assert_eq!(reasons(&items), expected, "{name}");
    }
}

#[test]
fn an_item_that_cannot_be_understood_fails_alone() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V1_2);
    let mut message = RequestMessage::of(V1_2, vec![query(), query()]);
    message.header.batch_error_continuation_option = Some(Option_::Continue);
    message.items.insert(1, RequestItem { operation: Operation(0x8000_0001), ..query().into() });
    message.header.batch_count = Some(3);
    let answer = client.exchange(&message).unwrap();
    assert_eq!(reasons(&answer.items), [None, Some(ResultReason::OperationNotSupported), None]);
}

#[test]
fn what_is_not_served_is_refused_for_every_item_before_anything_is_done() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V2_1);
    let unserved = Some(ResultReason::FeatureNotSupported);
    let later = Some(Asynchronous(AsynchronousIndicator::Mandatory));
    let items = exchange(&mut client, vec![create(), activate(None)], |header| {
        header.asynchronous_indicator = later;
        header.batch_error_continuation_option = Some(Option_::Undo);
    });
    assert_eq!(reasons(&items), [unserved, unserved]);
    assert_eq!(door.logged("Create"), 1);
    let may = Some(Asynchronous(AsynchronousIndicator::Optional));
    let items = exchange(&mut client, vec![query()], |header| header.asynchronous_indicator = may);
    assert_eq!(reasons(&items), [None]);
}

#[test]
fn an_answer_that_is_too_large_fails_item_by_item() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V1_2);
    let requests = || vec![query(), activate(Some("nothing"))];
    let continued = |largest| {
        move |header: &mut RequestHeader| {
            header.maximum_response_size = Some(largest);
            header.batch_error_continuation_option = Some(Option_::Continue);
        }
    };
    let (absent, large) = (Some(ResultReason::ItemNotFound), Some(ResultReason::ResponseTooLarge));
    for (name, largest, expected) in [
        ("plenty", 100_000, [None, absent]),
        ("little", 300, [large, absent]),
        ("nothing", 0, [large, absent]),
        ("less than nothing", -1, [large, absent]),
    ] {
        assert_eq!(reasons(&exchange(&mut client, requests(), continued(largest))), expected, "{name}");
    }
}

#[test]
fn every_answer_says_by_which_name_the_server_remembers_it() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V1_4);
    let mut name = || {
        let message = RequestMessage::of(V1_4, vec![query()]);
        client.exchange(&message).unwrap().header.server_correlation_value.unwrap()
    };
    let (first, second) = (name(), name());
    assert_ne!(first, second);
    let mut older = door.client(&alice, V1_2);
    let message = RequestMessage::of(V1_2, vec![query()]);
    assert_eq!(older.exchange(&message).unwrap().header.server_correlation_value, None, "KMIP 1.2 has no such field");
}

#[test]
fn a_batch_that_undoes_is_done_whole_or_not_at_all() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V1_4);
    let undo = |header: &mut RequestHeader| header.batch_error_continuation_option = Some(Option_::Undo);
    let get = || -> Request { GetRequest { ..GetRequest::default() }.into() };
    let items = exchange(&mut client, vec![create(), get(), activate(None)], undo);
    assert_eq!(reasons(&items), [None, None, None], "each sees what the one before has made");

    let items = exchange(&mut client, vec![create(), activate(None), activate(Some("nothing")), query()], undo);
    let statuses: Vec<_> = items.iter().map(|item| item.result_status).collect();
    assert_eq!(statuses, [ResultStatus::OperationUndone, ResultStatus::OperationUndone, ResultStatus::OperationFailed]);
    let Some(Response::Create(undone)) = &items[0].payload else { panic!("the answer stays: {:?}", items[0]) };
    let id = &undone.unique_identifier.0;
    let items = exchange(&mut client, vec![activate(Some(id))], |_| {});
    assert_eq!(reasons(&items), [Some(ResultReason::ItemNotFound)], "what was undone is not there");
    assert_eq!(door.refused("undone"), 2, "the log tells of both");
    let items = exchange(&mut client, vec![create(), get(), activate(Some("nothing"))], undo);
    assert_eq!(items[1].result_status, ResultStatus::OperationUndone);
    assert!(items[0].payload.is_some() && items[1].payload.is_none(), "no key leaves by what was undone: {items:?}");
}
