//! An independent reader, which must find what we wrote.

use strongroom_kmip::{
    schema::Code as _,
    tag::Tag,
    ttlv::{Item, Kind, Limits, Tree},
};

use crate::samples;

#[test]
fn an_independent_reader_finds_the_same_items() {
    for (name, bytes) in samples::requests().into_iter().chain(samples::responses()) {
        let tree = Tree::read(&bytes, &Limits::default()).unwrap();
        // It stops at an Interval, and at what KMIP 3.0 has added.
        if spans(tree.root()) || name.ends_with(" 3.0") {
            continue;
        }
        let theirs = kmip_ttlv::PrettyPrinter::new().to_string(&bytes);
        let found: Vec<u32> = theirs.lines().filter_map(tag_of).collect();
        let mut ours = Vec::new();
        collect(tree.root(), &mut ours);
        assert_eq!(found, ours, "{name}\n{theirs}");
    }
}

fn spans(item: Item<'_, '_>) -> bool {
    item.kind() == Kind::Interval || item.children().any(spans)
}

/// A line of theirs says `Tag: 0x420078, Type: …` behind its depth.
fn tag_of(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("Tag: 0x")?;
    u32::from_str_radix(rest.get(..6)?, 16).ok()
}

fn collect(item: Item<'_, '_>, tags: &mut Vec<u32>) {
    tags.push(item.tag().number());
    item.children().for_each(|child| collect(child, tags));
}

#[test]
fn tags_are_numbers_of_three_bytes() {
    assert!(Tag::ROWS.iter().all(|(number, _)| (0x42_0000..0x43_0000).contains(number)));
}
