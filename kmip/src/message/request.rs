//! Requests.

use std::iter;

use super::{MessageExtension, RequestHeader};
use crate::{
    code::{Operation, ResultReason},
    operation::{Fault, Request},
    secret::Wiped,
    tag::Tag,
    ttlv::{Bytes, Field, Fields, Item, Malformed, Tree, Value, Writer},
    version::{V3_0, Version},
};

/// No honest batch has more items.
pub const LARGEST_BATCH: usize = 256;

/// A request (KMIP 2.1 §8.1).
#[derive(Debug)]
pub struct RequestMessage {
    /// What holds for all items.
    pub header: RequestHeader,
    /// What is asked for, in this order.
    pub items: Vec<RequestItem>,
}

/// One item of a request (KMIP 2.1 §8.3).
#[derive(Debug)]
pub struct RequestItem {
    /// What is asked for; known even where the rest of the item is not.
    pub operation: Operation,
    /// Whether the data that the operation gives stays with the server (since KMIP 2.0).
    pub ephemeral: Option<bool>,
    /// What the client calls the item.
    pub unique_batch_item_id: Option<Bytes>,
    /// What exactly is asked for, or why it could not be understood.
    pub payload: Result<Request, Fault>,
    /// What the standard does not know.
    pub extension: Vec<MessageExtension>,
}

/// Why a message could not be read, and the version in which to say so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unreadable {
    /// The version that the message claims, where it could be read.
    pub version: Option<Version>,
    /// What the client is told.
    pub reason: ResultReason,
    /// What is wrong.
    pub why: Malformed,
}

impl From<Request> for RequestItem {
    fn from(request: Request) -> Self {
        Self {
            operation: request.operation(),
            ephemeral: None,
            unique_batch_item_id: None,
            payload: Ok(request),
            extension: Vec::new(),
        }
    }
}

impl RequestMessage {
    /// A message with nothing in its header but the version. Items of a batch get numbers, because KMIP 1.x and 2.x
    /// want them.
    pub fn of(version: Version, requests: impl IntoIterator<Item = Request>) -> Self {
        let mut items: Vec<RequestItem> = requests.into_iter().map(RequestItem::from).collect();
        if items.len() > 1 {
            for (place, item) in (1u32..).zip(&mut items) {
                item.unique_batch_item_id = Some(Bytes(place.to_be_bytes().to_vec()));
            }
        }
        Self { header: RequestHeader::of(version, items.len()), items }
    }

    /// Reads a message. An item that cannot be understood does not spoil the others.
    ///
    /// # Errors
    /// [`Unreadable`] when header or framing of the items are wrong, when the batch count is not that of the items,
    /// when there are more than [`LARGEST_BATCH`], or when there is an extension that is critical and unknown, as all
    /// are.
    pub fn read(message: &Tree<'_>) -> Result<Self, Unreadable> {
        let root = message.root();
        let refused = |reason, why| Unreadable { version: version_of(root, Tag::RequestHeader), reason, why };
        let wrong = |why| refused(ResultReason::InvalidMessage, why);
        if root.tag() != Tag::RequestMessage {
            return Err(wrong(Malformed::Unexpected(root.tag())));
        }
        let mut fields = Fields::of(root).map_err(wrong)?;
        let header: RequestHeader = match Field::scan(Tag::RequestHeader, &mut fields) {
            Ok(header) => header,
            Err(why) => return Err(wrong(why)),
        };
        let count = root.children().filter(|item| item.tag() == Tag::BatchItem).count();
        if count == 0 {
            return Err(wrong(Malformed::Missing(Tag::BatchItem)));
        }
        if count > LARGEST_BATCH {
            return Err(wrong(Malformed::Limit("the number of batch items")));
        }
        match header.batch_count {
            None if header.protocol_version < V3_0 => return Err(wrong(Malformed::Missing(Tag::BatchCount))),
            Some(claimed) if usize::try_from(claimed) != Ok(count) => {
                return Err(wrong(Malformed::Value(Tag::BatchCount)));
            }
            _ => {}
        }
        // Read into their places: an item is large to move.
        let mut items: Vec<RequestItem> = iter::repeat_with(RequestItem::blank).take(count).collect();
        for place in &mut items {
            let item = fields.take(Tag::BatchItem).ok_or_else(|| wrong(Malformed::Missing(Tag::BatchItem)))?;
            place.read(item, header.protocol_version).map_err(wrong)?;
        }
        fields.finish().map_err(wrong)?;
        if items.iter().flat_map(|item| &item.extension).any(|extension| extension.criticality_indicator) {
            return Err(refused(ResultReason::FeatureNotSupported, Malformed::Unexpected(Tag::MessageExtension)));
        }
        Ok(Self { header, items })
    }

    /// Writes the message in the version of its header. Items that were not understood when they were read have
    /// nothing to write and are written without a payload.
    pub fn write(&self) -> Wiped {
        let payloads = self.items.iter().filter_map(|item| item.payload.as_ref().ok());
        let bulk = payloads.fold(0, |bulk, payload| payload.bulk().saturating_add(bulk));
        let mut to = Writer::with_room(self.header.protocol_version, bulk);
        to.structure(Tag::RequestMessage, |to| {
            self.header.write(Tag::RequestHeader, to);
            for item in &self.items {
                item.write(to);
            }
        });
        to.into_bytes()
    }
}

impl RequestItem {
    /// An item that says nothing.
    fn blank() -> Self {
        Self {
            operation: Operation(0),
            ephemeral: None,
            unique_batch_item_id: None,
            payload: Err(Fault::Operation(Operation(0))),
            extension: Vec::new(),
        }
    }

    /// Reads an item into the place of a blank one.
    fn read(&mut self, item: Item<'_, '_>, version: Version) -> Result<(), Malformed> {
        let mut fields = Fields::of(item)?;
        self.operation = Field::scan(Tag::Operation, &mut fields)?;
        self.ephemeral = Field::scan(Tag::Ephemeral, &mut fields)?;
        self.unique_batch_item_id = Field::scan(Tag::UniqueBatchItemID, &mut fields)?;
        let payload = fields.take(Tag::RequestPayload);
        self.extension = Field::scan(Tag::MessageExtension, &mut fields)?;
        // Of an operation that a client cannot know, the answer would have fields that it does not know either.
        if !spoken(self.operation, version) {
            self.payload = Err(Fault::Operation(self.operation));
            return Ok(());
        }
        match (fields.finish(), payload) {
            (Err(why), _) => self.payload = Err(why.into()),
            (Ok(()), None) => self.payload = Err(Malformed::Missing(Tag::RequestPayload).into()),
            (Ok(()), Some(payload)) => Request::read_to(&mut self.payload, self.operation, payload),
        }
        Ok(())
    }

    fn write(&self, to: &mut Writer) {
        let version = to.version();
        to.structure(Tag::BatchItem, |to| {
            self.operation.write(Tag::Operation, to);
            self.ephemeral.emit(Tag::Ephemeral, to);
            if version < V3_0 {
                self.unique_batch_item_id.emit(Tag::UniqueBatchItemID, to);
            }
            if let Ok(payload) = &self.payload {
                payload.write(to);
            }
            self.extension.emit(Tag::MessageExtension, to);
        });
    }
}

/// Whether a client of this version can know the operation.
fn spoken(operation: Operation, version: Version) -> bool {
    operation.spoken().is_none_or(|(since, until)| version.within(since, until))
}

/// The version that a message claims, whatever else is wrong with it.
pub(super) fn version_of(message: Item<'_, '_>, header: Tag) -> Option<Version> {
    let header = message.children().find(|item| item.tag() == header)?;
    let version = header.children().find(|item| item.tag() == Tag::ProtocolVersion)?;
    Value::read(version).ok()
}
