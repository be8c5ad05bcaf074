//! How long an answer may become: all of it is in memory before it leaves.

use strongroom_kmip::{
    code::ResultReason,
    message::{ResponseItem, ResponseMessage},
    ttlv::DateTime,
    version::Version,
};

/// How long the answer to a batch may still become.
pub(super) struct Room {
    version: Version,
    left: usize,
    is_empty: bool,
}

impl Room {
    /// All of it.
    pub(super) fn of(version: Version) -> Self {
        Self { version, left: LARGEST_ANSWER, is_empty: true }
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
