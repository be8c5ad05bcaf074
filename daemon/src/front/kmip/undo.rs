//! A batch that is done whole or not at all (KMIP 2.1 §9.6 Batch Error Continuation Option, Undo).

use strongroom_kmip::{
    code::{Operation, ResultReason, ResultStatus},
    message::{RequestHeader, RequestItem, ResponseItem},
    operation::Request,
};

use super::room::{Room, TOO_LARGE};
use crate::{
    receipt::{Abandoned, Receipt},
    service::{self, Ask, Service, Standing, Together},
};

/// Performs the items until one fails. Then those before it are undone, and their answers say so.
pub(super) fn perform(
    service: &Service,
    standing: &Standing,
    header: &RequestHeader,
    items: Vec<RequestItem>,
    (number, mut room): (u64, Room),
) -> Vec<(ResponseItem, Receipt<(), service::Error>)> {
    let version = header.protocol_version;
    let mut together = Together::new(service, standing.caller());
    let mut refused = None;
    let mut answers: Vec<ResponseItem> = Vec::with_capacity(items.len());
    for (item, request) in (0u32..).zip(items) {
        let RequestItem { operation, unique_batch_item_id, payload, .. } = request;
        let mut refuse = |reason, why: &str| {
            refused = Some(service.refuse(standing.caller(), operation, reason, number));
            ResponseItem::failure(Some(operation), reason, why)
        };
        let caller = standing.for_operation(operation).and_then(|caller| room.over().map_or(Ok(caller), Err));
        let answer = match (payload, caller) {
            (Ok(Request::PKCS_11(_)), Ok(_)) => refuse(ResultReason::FeatureNotSupported, UNDOES_NOT),
            (Ok(Request::ReProvision(_)), Ok(_)) => refuse(ResultReason::FeatureNotSupported, HOLDS_BACK),
            (Ok(request), Ok(caller)) => {
                let correlation = header.client_correlation_value.clone();
                let ask = Ask { correlation, item, ..Ask::new(request, version, number) };
                let answer = together.item(&caller, ask);
                if room.takes(&answer) { answer } else { refuse(ResultReason::ResponseTooLarge, TOO_LARGE) }
            }
            (Err(fault), _) => refuse(fault.reason(), &fault.to_string()),
            (_, Err(refusal)) => refuse(refusal.spoken(version), &refusal.message),
        };
        answers.push(answer.named(unique_batch_item_id));
        if answers.last().is_some_and(failed) {
            break;
        }
    }
    let undone = answers.last().is_some_and(failed);
    let ended = if undone { together.undo() } else { together.keep() };
    let ended = ended.and_then(|()| refused.map_or(Ok(()), Receipt::wait));
    if let Err(error) = &ended {
        log::error!("a batch was not kept: {error}");
    }
    let receipt = || Receipt::ready(if ended.is_ok() { Ok(()) } else { Err(Abandoned.into()) });
    answers.into_iter().map(|answer| (if undone { undo(answer) } else { answer }, receipt())).collect()
}

/// Why an item cannot stand in a batch that is done whole or not at all.
const UNDOES_NOT: &str = "what a function of PKCS#11 has done cannot be undone; send it by itself";

/// Why another cannot: what the batch changes is held until its end, and so long no operator could revoke the client.
const HOLDS_BACK: &str = "a client is not provisioned anew in a batch that may be undone; send it by itself";

fn failed(item: &ResponseItem) -> bool {
    item.result_status == ResultStatus::OperationFailed
}

/// An answer that says that nothing came of it.
fn undo(item: ResponseItem) -> ResponseItem {
    let payload = item.payload.filter(|_| !item.operation.is_some_and(lets_out));
    match item.result_status {
        ResultStatus::Success => ResponseItem { result_status: ResultStatus::OperationUndone, payload, ..item },
        _ => ResponseItem { payload, ..item },
    }
}

/// What lets something out that cannot be taken back: it does not leave where its nonce, its count or the role of the key
/// around it is not kept.
fn lets_out(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Get | Operation::Export | Operation::Encrypt | Operation::Decrypt | Operation::Sign | Operation::MAC
    )
}
