//! A message: its version, its header, and its items one after the other.

use strongroom_kmip::{
    code::{AsynchronousIndicator, BatchErrorContinuationOption, EndpointRole, Operation, ResultReason, ResultStatus},
    message::{Asynchronous, RequestHeader, RequestItem, RequestMessage, ResponseItem, ResponseMessage},
    operation::Response,
    secret::Wiped,
    tag::Tag,
    ttlv::{Bytes, DateTime, Limits, Tree},
    version::{V1_0, V1_4, V2_0, V2_1, V3_0, Version},
};

use super::{
    later,
    room::{Room, too_large},
    turn::Held,
    undo,
};
use crate::{
    caller::Caller,
    clock::{Clock, Deadline},
    front::contract::Fingerprint,
    receipt::Receipt,
    service::{self, Ask, Service, Standing, Turned, VERSIONS},
};

/// A message that was performed. Nothing of it may leave before every receipt has come.
pub(super) struct Performed {
    version: Version,
    /// The number of the message in the audit log.
    number: Option<u64>,
    largest: Option<usize>,
    /// What shows the sender that its password is known here.
    proof: Option<Bytes>,
    items: Vec<(ResponseItem, Receipt<(), service::Error>)>,
}

/// The answer to it, written as if everything that it tells of were kept already.
pub(super) struct Answer {
    message: ResponseMessage,
    largest: Option<usize>,
    bytes: Wiped,
    receipts: Vec<Receipt<(), service::Error>>,
    held: Option<Held>,
}

/// An answer that may leave.
pub(super) struct Kept {
    pub(super) bytes: Wiped,
    /// Given back once it has left.
    pub(super) held: Option<Held>,
}

/// Performs a message whose framing is sound, whatever else is wrong with it. Blocks as long as the service does; no item is
/// begun after `until`.
pub(super) fn perform(
    service: &Service,
    caller: &Caller,
    key: Option<Fingerprint>,
    message: &[u8],
    limits: &Limits,
    until: Deadline,
) -> Performed {
    let claimed = glimpse(message);
    let version = claimed.map_or(V1_0, spoken);
    let refuse = |reason, why: String| {
        let recorded = service.turned_away(caller.front, &caller.from, key, Turned::Unreadable);
        refusal_after(recorded, version, reason, &why)
    };
    if let Some(claimed) = claimed.filter(|claimed| !VERSIONS.contains(claimed)) {
        let reason =
            if version < V2_0 { ResultReason::InvalidMessage } else { ResultReason::UnsupportedProtocolVersion };
        let served: Vec<String> = VERSIONS.iter().map(ToString::to_string).collect();
        return refuse(reason, format!("KMIP {claimed} is not served here; {} are", served.join(", ")));
    }
    let tree = match Tree::read(message, limits) {
        Ok(tree) => tree,
        Err(why) => return refuse(ResultReason::InvalidMessage, why.to_string()),
    };
    match RequestMessage::read(&tree) {
        Ok(message) => {
            let number = service.number();
            let operations: Vec<_> = message.items.iter().map(|item| item.operation).collect();
            match service.stand(caller.clone(), message.header.authentication.as_ref(), &operations, number) {
                Ok(standing) => answer(service, &standing, message, (number, until)),
                // Whose it is not known to be, nothing of it is looked at.
                Err(why) => Performed { number: Some(number), ..refusal(version, why.spoken(version), &why.message) },
            }
        }
        Err(why) => refuse(why.reason, why.to_string()),
    }
}

/// The answer to a message of which nothing was performed.
pub(super) fn refusal(version: Version, reason: ResultReason, why: &str) -> Performed {
    refusal_after(Receipt::ready(Ok(())), version, reason, why)
}

/// The same, once a record is written.
pub(super) fn refusal_after(
    recorded: Receipt<(), service::Error>,
    version: Version,
    reason: ResultReason,
    why: &str,
) -> Performed {
    let item = ResponseItem::failure(None, reason, why);
    Performed { version, number: None, largest: None, proof: None, items: vec![(item, recorded)] }
}

/// The answer to whatever is asked while the vault is sealed, once it is recorded that somebody asked.
pub(super) fn sealed(message: &[u8], recorded: Receipt<(), service::Error>) -> Performed {
    let version = glimpse(message).map_or(V1_0, spoken);
    let reason = if version < V2_0 { ResultReason::PermissionDenied } else { ResultReason::NotAuthorised };
    refusal_after(recorded, version, reason, SEALED)
}

fn answer(
    service: &Service,
    standing: &Standing,
    message: RequestMessage,
    (number, until): (u64, Deadline),
) -> Performed {
    let RequestMessage { header, items } = message;
    let version = header.protocol_version;
    let unserved = unserved(&header);
    let proof = standing.proof().cloned();
    let largest = header.maximum_response_size.map(|size| usize::try_from(size).unwrap_or(0));
    let mut room = Room::of(version, until);
    let undoes = header.batch_error_continuation_option == Some(BatchErrorContinuationOption::Undo);
    if undoes && items.len() > 1 && unserved.is_none() {
        let items = undo::perform(service, standing, &header, items, (number, room));
        return Performed { version, number: Some(number), largest, proof, items };
    }
    if unserved.is_none() && later::wanted(&header, &items) {
        let items = later::perform(service, standing, &header, items, (number, room));
        return Performed { version, number: Some(number), largest, proof, items };
    }
    let goes_on = header.batch_error_continuation_option == Some(BatchErrorContinuationOption::Continue);
    let mut placeholder = None;
    let mut answered = Vec::with_capacity(items.len());
    let last = items.len().saturating_sub(1);
    for (place, item) in (0u32..).zip(items) {
        let RequestItem { operation, unique_batch_item_id, payload, .. } = item;
        let refuse = |reason: ResultReason, why: &str| {
            let receipt = service.refuse(standing.caller(), operation, reason, number);
            (ResponseItem::failure(Some(operation), reason, why), receipt)
        };
        let caller = standing.for_operation(operation).and_then(|caller| room.over().map_or(Ok(caller), Err));
        let (answer, receipt) = match (unserved, payload, caller) {
            (Some(why), ..) => refuse(ResultReason::FeatureNotSupported, why),
            (None, Err(fault), _) => refuse(fault.reason(), &fault.to_string()),
            (None, _, Err(refusal)) => refuse(refusal.spoken(version), &refusal.message),
            (None, Ok(request), Ok(caller)) => {
                let correlation = header.client_correlation_value.clone();
                let asked = placeholder.take();
                let ask = Ask { placeholder: asked, correlation, item: place, ..Ask::new(request, version, number) };
                let answer = service.answer(&caller, ask);
                placeholder = answer.placeholder;
                let item = service::item(operation, version, answer.outcome, answer.instead);
                let item = if last == 0 || room.takes(&item) { item } else { too_large(item) };
                (item, answer.receipt)
            }
        };
        let mut failed = answer.result_status == ResultStatus::OperationFailed;
        let followed = usize::try_from(place).is_ok_and(|place| place < last);
        let receipt = if followed && !failed {
            // What an item made is there for the next only once it is kept.
            let kept = receipt.wait();
            failed = kept.is_err();
            Receipt::ready(kept)
        } else {
            receipt
        };
        answered.push((answer.named(unique_batch_item_id), receipt));
        // A header that is not served is the fault of every item; each is told.
        if failed && !goes_on && unserved.is_none() {
            break;
        }
    }
    Performed { version, number: Some(number), largest, proof, items: answered }
}

/// What the header asks for that is not served, if anything; then nothing of the message is performed.
fn unserved(header: &RequestHeader) -> Option<&'static str> {
    let undoes = header.batch_error_continuation_option == Some(BatchErrorContinuationOption::Undo);
    let later = header.asynchronous_indicator == Some(Asynchronous(AsynchronousIndicator::Mandatory));
    if undoes && later {
        return Some(
            "a batch that is to be undone as a whole is answered at once; leave the Asynchronous Indicator out",
        );
    }
    None
}

impl Performed {
    /// Writes the answer: a long one takes a while, and so the thread that has performed it writes it.
    ///
    /// `run` names this run of the daemon: with the number of the message it is the Server Correlation Value, by which the
    /// audit log can be searched (KMIP 1.4 §6.20).
    pub(super) fn answer(self, clock: &dyn Clock, run: &str) -> Answer {
        let (items, receipts) = self.items.into_iter().unzip();
        let mut message = ResponseMessage::of(self.version, DateTime(clock.now().seconds()), items);
        message.header.server_hashed_password = self.proof;
        message.header.server_correlation_value = self.number.map(|number| format!("{run}-{number}"));
        let bytes = written(&mut message, self.largest);
        Answer { message, largest: self.largest, bytes, receipts, held: None }
    }
}

impl Answer {
    /// Whether it was agreed that the peer answers from now on.
    pub(super) fn turns(&self) -> bool {
        self.message.items.iter().any(|item| match &item.payload {
            Some(Response::SetEndpointRole(set)) => {
                item.result_status == ResultStatus::Success && set.endpoint_role == EndpointRole::Client
            }
            _ => false,
        })
    }

    /// Whether a client that does not take such answers must not have many of them.
    pub(super) fn is_long(&self) -> bool {
        self.bytes.len() > LONG
    }

    /// Keeps this until it has left.
    pub(super) fn hold(&mut self, held: Held) {
        self.held = Some(held);
    }

    /// Waits until everything that it tells of is kept. What could not be kept has failed, whatever it was.
    pub(super) async fn kept(mut self) -> Kept {
        let mut is_whole = true;
        for (item, receipt) in self.message.items.iter_mut().zip(self.receipts) {
            if let Err(error) = receipt.await {
                log::error!("{:?} was not kept: {error}", item.operation);
                let failure = ResponseItem::failure(item.operation, ResultReason::GeneralFailure, NOT_KEPT);
                *item = failure.named(item.unique_batch_item_id.take());
                is_whole = false;
            }
        }
        let bytes = if is_whole { self.bytes } else { written(&mut self.message, self.largest) };
        Kept { bytes, held: self.held }
    }
}

/// The message, without the answers that are too much for the peer.
fn written(message: &mut ResponseMessage, largest: Option<usize>) -> Wiped {
    let bytes = message.write();
    match largest.filter(|&largest| bytes.len() > largest) {
        Some(largest) => {
            shorten(message, largest);
            message.write()
        }
        None => bytes,
    }
}

/// Takes the answers out that do not fit any more, from the first one on (KMIP 2.1 §9.16 Maximum Response Size).
fn shorten(message: &mut ResponseMessage, largest: usize) {
    let items = std::mem::take(&mut message.items);
    let mut left = largest.saturating_sub(message.write().len());
    let (version, time) = (message.header.protocol_version, message.header.time_stamp);
    let bare = ResponseMessage::of(version, time, Vec::new()).write().len();
    for item in items {
        let mut alone = ResponseMessage::of(version, time, vec![item]);
        let length = alone.write().len().saturating_sub(bare);
        let fits = length <= left;
        left = if fits { left.saturating_sub(length) } else { left };
        message.items.extend(alone.items.drain(..).map(|item| {
            if fits || item.result_status != ResultStatus::Success {
                return item;
            }
            too_large(item)
        }));
    }
}

/// The version that a message claims, read from where it always stands, so that a message can be refused in its own
/// version whatever is wrong with the rest of it.
fn glimpse(message: &[u8]) -> Option<Version> {
    let header = nested(message, Tag::RequestMessage)?;
    let version = nested(header, Tag::RequestHeader)?;
    let numbers = nested(version, Tag::ProtocolVersion)?;
    let number = |at: usize, tag: Tag| {
        let bytes = numbers.get(at..)?;
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        let [_, a, b, c] = tag.0.to_be_bytes();
        (*head == [a, b, c, 0x02, 0, 0, 0, 4]).then_some(())?;
        rest.first_chunk().copied().map(i32::from_be_bytes)
    };
    Some(Version::new(number(0, Tag::ProtocolVersionMajor)?, number(16, Tag::ProtocolVersionMinor)?))
}

/// The operation of a message that shows no credential and has one item, read from where they always stand. Nothing for an
/// object that is to be wrapped or put under a password before it is given: that takes longer than to give it.
pub(super) fn sole(message: &[u8]) -> Option<Operation> {
    let (message, after) = cut(message, Tag::RequestMessage)?;
    let (mut header, rest) = cut(message, Tag::RequestHeader)?;
    while let Some((tag, _, others)) = next(header) {
        if tag == Tag::Authentication {
            return None;
        }
        header = others;
    }
    let (item, rest) = cut(rest, Tag::BatchItem)?;
    let (operation, asked) = cut(item, Tag::Operation)?;
    let operation = Operation(operation.first_chunk().copied().map(u32::from_be_bytes)?);
    let is_sole = rest.is_empty() && after.is_empty();
    (is_sole && (operation != Operation::Get || is_plain(asked))).then_some(operation)
}

/// Whether what follows the operation of an item names an object, and says nothing of the form that it is wanted in.
fn is_plain(mut asked: &[u8]) -> bool {
    while let Some((tag, inside, others)) = next(asked) {
        if tag == Tag::RequestPayload {
            return matches!(next(inside), None | Some((Tag::UniqueIdentifier, _, [])));
        }
        asked = others;
    }
    true
}

/// What the first item has inside, if it is one under `tag`, and what follows it.
fn cut(bytes: &[u8], tag: Tag) -> Option<(&[u8], &[u8])> {
    next(bytes).filter(|(found, ..)| *found == tag).map(|(_, inside, rest)| (inside, rest))
}

/// The tag of the first item, what it has inside, and what follows it.
fn next(bytes: &[u8]) -> Option<(Tag, &[u8], &[u8])> {
    let ([a, b, c, _, length @ ..], rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (inside, _) = rest.split_at_checked(length)?;
    let rest = rest.get(length.checked_next_multiple_of(8)?..)?;
    Some((Tag(u32::from_be_bytes([0, *a, *b, *c])), inside, rest))
}

/// What follows the head of a structure under `tag`.
fn nested(bytes: &[u8], tag: Tag) -> Option<&[u8]> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    let [_, a, b, c] = tag.0.to_be_bytes();
    head.starts_with(&[a, b, c, 0x01]).then_some(rest)
}

/// The version in which a peer is answered that claims this one: its own where it is served, else the nearest.
fn spoken(claimed: Version) -> Version {
    match claimed {
        served if VERSIONS.contains(&served) => served,
        Version { major: 1, minor } if minor > 4 => V1_4,
        Version { major: 2, .. } => V2_1,
        Version { major, .. } if major > 2 => V3_0,
        _ => V1_0,
    }
}

/// Bytes of a long answer.
const LONG: usize = 64 << 10;
/// What a client is told that nobody can be known to be.
const SEALED: &str = "the vault is sealed; the operator opens it with `strongroom unseal`";
/// What a client is told when log or store did not take it.
const NOT_KEPT: &str = "the daemon could not keep what it did; see its log";

#[cfg(test)]
mod tests {
    use strongroom_kmip::code::KeyFormatType;

    use super::*;

    /// An item with that tag and type.
    fn item(tag: Tag, kind: u8, inside: &[u8]) -> Vec<u8> {
        let [_, a, b, c] = tag.0.to_be_bytes();
        let mut bytes = vec![a, b, c, kind];
        bytes.extend_from_slice(&u32::try_from(inside.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(inside);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn message(header: &[u8], items: &[u8]) -> Vec<u8> {
        item(Tag::RequestMessage, 1, &[item(Tag::RequestHeader, 1, header), items.to_vec()].concat())
    }

    #[test]
    fn only_a_message_with_one_item_and_no_credential_is_one_of_a_sole_operation() {
        let count = item(Tag::BatchCount, 2, &1_i32.to_be_bytes());
        let operation = item(Tag::Operation, 5, &Operation::Query.0.to_be_bytes());
        let query = item(Tag::BatchItem, 1, &operation);
        let shown = [count.clone(), item(Tag::Authentication, 1, &[])].concat();
        let get = |payload: &[u8]| {
            let operation = item(Tag::Operation, 5, &Operation::Get.0.to_be_bytes());
            item(Tag::BatchItem, 1, &[operation, item(Tag::RequestPayload, 1, payload)].concat())
        };
        let named = item(Tag::UniqueIdentifier, 7, b"name");
        let form = item(Tag::KeyFormatType, 5, &KeyFormatType::PKCS_12.0.to_be_bytes());
        let wrapped = item(Tag::KeyWrappingSpecification, 1, &[]);
        for (name, message, sole) in [
            ("one item", message(&count, &query), Some(Operation::Query)),
            ("two items", message(&count, &[query.clone(), query.clone()].concat()), None),
            ("no item", message(&count, &[]), None),
            ("a credential", message(&shown, &query), None),
            ("an object", message(&count, &get(&named)), Some(Operation::Get)),
            ("an object in a form", message(&count, &get(&[named.clone(), form].concat())), None),
            ("an object, wrapped", message(&count, &get(&[named.clone(), wrapped].concat())), None),
            ("an item without an operation", message(&count, &item(Tag::BatchItem, 1, &count)), None),
            (
                "an operation of no length",
                message(&count, &item(Tag::BatchItem, 1, &item(Tag::Operation, 5, &[]))),
                None,
            ),
        ] {
            assert_eq!(super::sole(&message), sole, "{name}");
            for length in 0..message.len() {
                assert_eq!(super::sole(&message[..length]), None, "{name}, cut at {length}");
            }
        }
    }
}
