//! Whatever bytes claim to be TTLV: they are refused, or they are a sound tree that every encoding carries.

#![no_main]

use libfuzzer_sys::fuzz_target;
use strongroom_kmip::{
    json, print,
    ttlv::{Item, Kind, Limits, Tree},
    xml,
};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let Ok(tree) = Tree::read(bytes, &limits) else { return };
    assert_eq!(tree.root().encoded(), bytes);
    assert_eq!(walk(tree.root(), limits.depth), tree.len());
    print::pretty(tree.root(), print::Secrets::Hidden);

    let texts = Limits { size: usize::MAX, ..limits };
    let as_json = json::write(tree.root()).expect("JSON carries everything");
    assert_eq!(&json::read(&as_json, &texts).expect("it was written")[..], bytes);
    // XML has no form for some characters; then it says so.
    if let Ok(as_xml) = xml::write(tree.root()) {
        assert_eq!(&xml::read(&as_xml, &texts).expect("it was written")[..], bytes);
    }
});

/// How many items there are, having seen that each fills what it claims to fill.
fn walk(item: Item<'_, '_>, depth: usize) -> usize {
    if item.kind() != Kind::Structure {
        assert_eq!(item.children().count(), 0);
        return 1;
    }
    let depth = depth.checked_sub(1).expect("nothing is deeper than the limit");
    let inside: usize = item.children().map(|child| child.encoded().len()).sum();
    assert_eq!(inside + 8, item.encoded().len());
    1 + item.children().map(|child| walk(child, depth)).sum::<usize>()
}
