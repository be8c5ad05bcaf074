//! Answers.

use super::{
    MessageExtension, ResponseHeader, Unreadable,
    request::{LARGEST_BATCH, version_of},
};
use crate::{
    code::{Operation, ResultReason, ResultStatus},
    operation::{Fault, Response},
    secret::Wiped,
    tag::Tag,
    ttlv::{Bytes, DateTime, Field, Fields, Item, Malformed, Tree, Value, Writer},
    version::{V3_0, Version},
};

/// An answer (KMIP 2.1 §8.4).
#[derive(Debug)]
pub struct ResponseMessage {
    /// What holds for all items.
    pub header: ResponseHeader,
    /// The answers, in the order in which they were asked for.
    pub items: Vec<ResponseItem>,
}

/// One item of an answer (KMIP 2.1 §8.6).
#[derive(Debug)]
pub struct ResponseItem {
    /// What was asked for, where that could be read.
    pub operation: Option<Operation>,
    /// What the client called the item.
    pub unique_batch_item_id: Option<Bytes>,
    /// How it ended.
    pub result_status: ResultStatus,
    /// Why it failed.
    pub result_reason: Option<ResultReason>,
    /// Why it failed, for a person to read.
    pub result_message: Option<String>,
    /// What to ask for when the answer comes later.
    pub asynchronous_correlation_value: Option<Bytes>,
    /// The answer.
    pub payload: Option<Response>,
    /// What the standard does not know.
    pub extension: Vec<MessageExtension>,
}

impl ResponseItem {
    /// An operation that succeeded.
    pub fn success(response: Response) -> Self {
        Self {
            operation: Some(response.operation()),
            unique_batch_item_id: None,
            result_status: ResultStatus::Success,
            result_reason: None,
            result_message: None,
            asynchronous_correlation_value: None,
            payload: Some(response),
            extension: Vec::new(),
        }
    }

    /// An operation that failed.
    pub fn failure(operation: Option<Operation>, reason: ResultReason, message: impl Into<String>) -> Self {
        Self {
            operation,
            unique_batch_item_id: None,
            result_status: ResultStatus::OperationFailed,
            result_reason: Some(reason),
            result_message: Some(message.into()),
            asynchronous_correlation_value: None,
            payload: None,
            extension: Vec::new(),
        }
    }

    /// An operation that is answered later, under this value.
    pub fn pending(operation: Operation, value: Bytes) -> Self {
        Self {
            operation: Some(operation),
            unique_batch_item_id: None,
            result_status: ResultStatus::OperationPending,
            result_reason: None,
            result_message: None,
            asynchronous_correlation_value: Some(value),
            payload: None,
            extension: Vec::new(),
        }
    }

    /// The same item under the name that the client gave it.
    pub fn named(self, unique_batch_item_id: Option<Bytes>) -> Self {
        Self { unique_batch_item_id, ..self }
    }
}

impl ResponseMessage {
    /// An answer with nothing in its header but version and time.
    pub fn of(version: Version, time_stamp: DateTime, items: Vec<ResponseItem>) -> Self {
        Self { header: ResponseHeader::of(version, time_stamp, items.len()), items }
    }

    /// The answer to a message that could not be read: one item that says why.
    pub fn refusal(version: Version, time_stamp: DateTime, reason: ResultReason, message: &str) -> Self {
        Self::of(version, time_stamp, vec![ResponseItem::failure(None, reason, message)])
    }

    /// Writes the answer in the version of its header.
    pub fn write(&self) -> Wiped {
        write(&self.header, &self.items)
    }

    /// Writes an answer of one item.
    pub fn write_item(version: Version, time_stamp: DateTime, item: &ResponseItem) -> Wiped {
        write(&ResponseHeader::of(version, time_stamp, 1), std::slice::from_ref(item))
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`Unreadable`] when any part of it is wrong: a client has nothing to gain from the rest.
    pub fn read(message: &Tree<'_>) -> Result<Self, Unreadable> {
        let root = message.root();
        let version = version_of(root, Tag::ResponseHeader);
        Self::read_item(root).map_err(|why| Unreadable { version, reason: ResultReason::InvalidMessage, why })
    }

    fn read_item(root: Item<'_, '_>) -> Result<Self, Malformed> {
        if root.tag() != Tag::ResponseMessage {
            return Err(Malformed::Unexpected(root.tag()));
        }
        let mut fields = Fields::of(root)?;
        let header: ResponseHeader = Field::scan(Tag::ResponseHeader, &mut fields)?;
        let mut items = Vec::new();
        while let Some(item) = fields.take(Tag::BatchItem) {
            if items.len() >= LARGEST_BATCH {
                return Err(Malformed::Limit("the number of batch items"));
            }
            items.push(ResponseItem::read(item)?);
        }
        fields.finish()?;
        match header.batch_count {
            Some(count) if usize::try_from(count) != Ok(items.len()) => Err(Malformed::Value(Tag::BatchCount)),
            None if header.protocol_version < V3_0 => Err(Malformed::Missing(Tag::BatchCount)),
            _ => Ok(Self { header, items }),
        }
    }
}

fn write(header: &ResponseHeader, items: &[ResponseItem]) -> Wiped {
    let payloads = items.iter().filter_map(|item| item.payload.as_ref());
    let bulk = payloads.fold(0, |bulk, payload| payload.bulk().saturating_add(bulk));
    let mut to = Writer::with_room(header.protocol_version, bulk);
    to.structure(Tag::ResponseMessage, |to| {
        header.write(Tag::ResponseHeader, to);
        for item in items {
            item.write(to);
        }
    });
    to.into_bytes()
}

impl ResponseItem {
    fn write(&self, to: &mut Writer) {
        let version = to.version();
        to.structure(Tag::BatchItem, |to| {
            self.operation.emit(Tag::Operation, to);
            if version < V3_0 {
                self.unique_batch_item_id.emit(Tag::UniqueBatchItemID, to);
            }
            self.result_status.write(Tag::ResultStatus, to);
            self.result_reason.emit(Tag::ResultReason, to);
            self.result_message.emit(Tag::ResultMessage, to);
            self.asynchronous_correlation_value.emit(Tag::AsynchronousCorrelationValue, to);
            if let Some(payload) = &self.payload {
                payload.write(to);
            }
            self.extension.emit(Tag::MessageExtension, to);
        });
    }

    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        let mut fields = Fields::of(item)?;
        let operation: Option<Operation> = Field::scan(Tag::Operation, &mut fields)?;
        let read = Self {
            operation,
            unique_batch_item_id: Field::scan(Tag::UniqueBatchItemID, &mut fields)?,
            result_status: Field::scan(Tag::ResultStatus, &mut fields)?,
            result_reason: Field::scan(Tag::ResultReason, &mut fields)?,
            result_message: Field::scan(Tag::ResultMessage, &mut fields)?,
            asynchronous_correlation_value: Field::scan(Tag::AsynchronousCorrelationValue, &mut fields)?,
            payload: match (operation, fields.take(Tag::ResponsePayload)) {
                (_, None) => None,
                (None, Some(_)) => return Err(Malformed::Missing(Tag::Operation)),
                (Some(operation), Some(payload)) => match Response::read(operation, payload) {
                    Ok(response) => Some(response),
                    Err(Fault::Payload(why)) => return Err(why),
                    Err(Fault::Operation(_)) => return Err(Malformed::Value(Tag::Operation)),
                },
            },
            extension: Field::scan(Tag::MessageExtension, &mut fields)?,
        };
        fields.finish()?;
        Ok(read)
    }
}
