//! What a batch may take: how long its answer may become, for all of it is in memory before it leaves, and how long its turn
//! may last.

use strongroom_kmip::{
    code::ResultReason,
    message::{ResponseItem, ResponseMessage},
    ttlv::DateTime,
    version::Version,
};

use crate::{clock::Deadline, service::Refusal};

/// How long the answer to a batch may still become, and until when its items are begun.
pub(super) struct Room {
    version: Version,
    until: Deadline,
    left: usize,
    is_empty: bool,
}

impl Room {
    /// All of it.
    pub(super) fn of(version: Version, until: Deadline) -> Self {
        Self { version, until, left: LARGEST_ANSWER, is_empty: true }
    }

    /// Why no further item is begun, if none is: what is done must not be answered as if it were not.
    pub(super) fn over(&self) -> Option<Refusal> {
        if self.until.left().is_none() {
            return Some(Refusal::new(ResultReason::ServerLimitExceeded, TOO_LATE));
        }
        let full = !self.is_empty && self.left < LEAST;
        full.then(|| Refusal::new(ResultReason::ResponseTooLarge, TOO_LARGE))
    }

    /// Whether there is room for one more item. For one there is always room.
    pub(super) fn takes(&mut self, item: &ResponseItem) -> bool {
        let length = ResponseMessage::write_item(self.version, DateTime(0), item).len();
        let is_first = std::mem::replace(&mut self.is_empty, false);
        let left = self.left.checked_sub(length);
        self.left = left.unwrap_or(if is_first { 0 } else { self.left });
        is_first || left.is_some()
    }
}

/// In place of an answer for which there is no room.
pub(super) fn too_large(item: ResponseItem) -> ResponseItem {
    let failure = ResponseItem::failure(item.operation, ResultReason::ResponseTooLarge, TOO_LARGE);
    failure.named(item.unique_batch_item_id)
}

/// What a client is told when an answer is longer than it takes, or than those to a batch may be together.
pub(super) const TOO_LARGE: &str = "the answer is longer than the Maximum Response Size, or than a batch is given";
/// Bytes of the answers to a batch: as many as sixteen requests of the usual limit have.
const LARGEST_ANSWER: usize = 16 << 20;
/// What is said of a change is shorter.
const LEAST: usize = 64 << 10;
/// What a client is told of the items for which no time was left.
const TOO_LATE: &str = "the items before this one took as long as a request may; send it again, by itself";
