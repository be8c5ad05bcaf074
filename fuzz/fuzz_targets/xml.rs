//! Whatever text claims to be XML: it is refused, or it gives sound TTLV that is written as XML that gives it again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_kmip::{
    ttlv::{Limits, Tree},
    xml,
};

fuzz_target!(|text: &str| {
    let limits = Limits::default();
    let Ok(bytes) = xml::read(text, &limits) else { return };
    let texts = Limits { size: usize::MAX, ..limits };
    let tree = Tree::read(&bytes, &texts).expect("what was written is sound");
    // A character reference may name a character that XML does not have.
    let Ok(again) = xml::write(tree.root()) else { return };
    assert_eq!(&xml::read(&again, &texts).expect("it was written")[..], &bytes[..]);
});
