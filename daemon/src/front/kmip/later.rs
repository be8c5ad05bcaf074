//! Messages that are answered later (KMIP 2.1 §9.2 Asynchronous Indicator).

use strongroom_kmip::{
    code::{AsynchronousIndicator, BatchErrorContinuationOption, ResultStatus},
    message::{Asynchronous, RequestHeader, RequestItem, ResponseItem},
};

use super::room::{Room, too_large};
use crate::{
    receipt::Receipt,
    service::{self, Ask, Service, Standing, is_prompt, is_slow},
};

/// Whether the message is to be answered later: because it says so, or because it may and what it asks for takes long.
pub(super) fn wanted(header: &RequestHeader, items: &[RequestItem]) -> bool {
    match (header.asynchronous_indicator, items) {
        (Some(Asynchronous(AsynchronousIndicator::Mandatory)), _) => true,
        (Some(Asynchronous(AsynchronousIndicator::Optional)), [item]) => item.payload.as_ref().is_ok_and(is_slow),
        _ => false,
    }
}

/// Takes the items, and says what each is called. What must be answered at once, or cannot be understood, is.
pub(super) fn perform(
    service: &Service,
    standing: &Standing,
    header: &RequestHeader,
    items: Vec<RequestItem>,
    (number, mut room): (u64, Room),
) -> Vec<(ResponseItem, Receipt<(), service::Error>)> {
    let version = header.protocol_version;
    let goes_on = header.batch_error_continuation_option == Some(BatchErrorContinuationOption::Continue);
    let mut answers = Vec::with_capacity(items.len());
    let mut kept = Vec::new();
    for (place, item) in (0u32..).zip(items) {
        let RequestItem { operation, unique_batch_item_id, payload, extension, ephemeral } = item;
        let refuse = |reason, why: &str| {
            let receipt = service.refuse(standing.caller(), operation, reason, number);
            (ResponseItem::failure(Some(operation), reason, why), receipt)
        };
        let caller = standing.for_operation(operation).and_then(|caller| room.over().map_or(Ok(caller), Err));
        let (answer, receipt) = match (payload, caller) {
            (Err(fault), _) => refuse(fault.reason(), &fault.to_string()),
            (_, Err(refusal)) => refuse(refusal.spoken(version), &refusal.message),
            (Ok(request), Ok(caller)) if is_prompt(operation) => {
                let correlation = header.client_correlation_value.clone();
                let answer =
                    service.answer(&caller, Ask { correlation, item: place, ..Ask::new(request, version, number) });
                let item = service::item(operation, version, answer.outcome, answer.instead);
                (if room.takes(&item) { item } else { too_large(item) }, answer.receipt)
            }
            (Ok(request), Ok(_)) => {
                kept.push(RequestItem { operation, unique_batch_item_id, payload: Ok(request), extension, ephemeral });
                answers.push(None);
                continue;
            }
        };
        let failed = answer.result_status == ResultStatus::OperationFailed;
        answers.push(Some((answer.named(unique_batch_item_id), receipt)));
        if failed && !goes_on {
            break;
        }
    }
    let ids: Vec<_> = kept.iter().map(|item| (item.operation, item.unique_batch_item_id.clone())).collect();
    let taken = if kept.is_empty() { Ok(Vec::new()) } else { service.take(standing, header, kept, number) };
    let taken: Vec<_> = match taken {
        Ok(taken) => taken.into_iter().map(|item| (item, Receipt::ready(Ok(())))).collect(),
        Err(refusal) => {
            let refused = |(operation, id)| {
                let reason = refusal.spoken(version);
                let receipt = service.refuse(standing.caller(), operation, reason, number);
                (ResponseItem::failure(Some(operation), reason, refusal.message.clone()).named(id), receipt)
            };
            ids.into_iter().map(refused).collect()
        }
    };
    let mut taken = taken.into_iter();
    answers.into_iter().filter_map(|answer| answer.or_else(|| taken.next())).collect()
}
