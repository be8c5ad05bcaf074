//! Whatever text claims to be JSON: it is refused, or it gives sound TTLV that is written as JSON that gives it again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_kmip::{
    json,
    ttlv::{Limits, Tree},
};

fuzz_target!(|text: &str| {
    let limits = Limits::default();
    let Ok(bytes) = json::read(text, &limits) else { return };
    let texts = Limits { size: usize::MAX, ..limits };
    let tree = Tree::read(&bytes, &texts).expect("what was written is sound");
    let again = json::write(tree.root()).expect("JSON carries everything");
    assert_eq!(&json::read(&again, &texts).expect("it was written")[..], &bytes[..]);
});
