//! Whatever message arrives: it is refused with a reason, or it is understood, and what was understood is written as
//! bytes that are understood as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_kmip::{
    message::{LARGEST_BATCH, RequestMessage, ResponseMessage},
    ttlv::{Limits, Tree},
};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let Ok(tree) = Tree::read(bytes, &limits) else { return };
    if let Ok(message) = RequestMessage::read(&tree) {
        assert!((1..=LARGEST_BATCH).contains(&message.items.len()));
        let again = message.write();
        if let Some(message) = understood(&again) {
            assert_eq!(&message.write()[..], &again[..]);
        }
    }
    if let Ok(message) = ResponseMessage::read(&tree) {
        let again = message.write();
        let tree = Tree::read(&again, &Limits { size: usize::MAX, ..limits }).expect("what was written is sound");
        if let Ok(message) = ResponseMessage::read(&tree) {
            assert_eq!(&message.write()[..], &again[..]);
        }
    }
});

/// The message, if all of it was understood: a field that its version does not have is not written, and an item may
/// not do without it.
fn understood(bytes: &[u8]) -> Option<RequestMessage> {
    let limits = Limits { size: usize::MAX, ..Limits::default() };
    let tree = Tree::read(bytes, &limits).expect("what was written is sound");
    let message = RequestMessage::read(&tree).ok()?;
    message.items.iter().all(|item| item.payload.is_ok()).then_some(message)
}
