//! Laws that hold for every tree and every message.

use proptest::prelude::*;
use strongroom_kmip::{
    json,
    message::{RequestMessage, ResponseMessage},
    schema::Code as _,
    spoken::unspoken,
    tag::Tag,
    ttlv::{Kind, Limits, Tree, Writer},
    version::V2_1,
    xml,
};

use crate::samples;

/// An item that can be written.
#[derive(Clone, Debug)]
enum Node {
    Structure(Tag, Vec<Node>),
    Integer(Tag, i32),
    LongInteger(Tag, i64),
    BigInteger(Tag, Vec<u8>),
    Enumeration(Tag, u32),
    Boolean(Tag, bool),
    Text(Tag, Kind, String),
    ByteString(Tag, Vec<u8>),
    DateTime(Tag, i64),
    Interval(Tag, u32),
    DateTimeExtended(Tag, i64),
}

impl Node {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Structure(tag, items) => to.structure(*tag, |to| items.iter().for_each(|item| item.write(to))),
            Self::Integer(tag, value) => to.integer(*tag, *value),
            Self::LongInteger(tag, value) => to.long_integer(*tag, *value),
            Self::BigInteger(tag, value) => to.big_integer(*tag, value),
            Self::Enumeration(tag, value) => to.enumeration(*tag, *value),
            Self::Boolean(tag, value) => to.boolean(*tag, *value),
            Self::Text(tag, kind, value) => to.text_like(*tag, *kind, value),
            Self::ByteString(tag, value) => to.byte_string(*tag, value),
            Self::DateTime(tag, value) => to.date_time(*tag, *value),
            Self::Interval(tag, value) => to.interval(*tag, *value),
            Self::DateTimeExtended(tag, value) => to.date_time_extended(*tag, *value),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut to = Writer::new(V2_1);
        self.write(&mut to);
        to.as_bytes().to_vec()
    }
}

fn tag() -> impl Strategy<Value = Tag> {
    prop_oneof![
        4 => prop::sample::select(Tag::ROWS).prop_map(|(number, _)| Tag(number)),
        // Tags whose values have names, and the pair where one item tells how to read the other.
        2 => prop::sample::select(vec![
            Tag::ObjectType, Tag::CryptographicUsageMask, Tag::AttributeName, Tag::AttributeValue,
            Tag::AttributeReference, Tag::StorageStatusMask,
        ]),
        1 => (0..0x100_0000u32).prop_map(Tag),
    ]
}

/// Text that XML can carry.
fn text() -> impl Strategy<Value = String> {
    let names = vec!["Cryptographic Usage Mask", "State", "x-own", ""];
    prop_oneof![
        prop::sample::select(names).prop_map(str::to_owned),
        "[\\t\\n\\r\"&'<>a-zA-Z0-9 äß€]{0,40}",
        "[^\\x00-\\x08\\x0B\\x0C\\x0E-\\x1F\\u{FFFE}\\u{FFFF}]{0,20}",
    ]
}

fn leaf() -> impl Strategy<Value = Node> {
    let texts = vec![Kind::TextString, Kind::Identifier, Kind::Reference, Kind::NameReference];
    prop_oneof![
        (tag(), any::<i32>()).prop_map(|(tag, value)| Node::Integer(tag, value)),
        (tag(), any::<i64>()).prop_map(|(tag, value)| Node::LongInteger(tag, value)),
        (tag(), prop::collection::vec(any::<u8>(), 1..20)).prop_map(|(tag, value)| Node::BigInteger(tag, value)),
        (tag(), prop_oneof![0..40u32, any::<u32>()]).prop_map(|(tag, value)| Node::Enumeration(tag, value)),
        (tag(), any::<bool>()).prop_map(|(tag, value)| Node::Boolean(tag, value)),
        (tag(), prop::sample::select(texts), text()).prop_map(|(tag, kind, value)| Node::Text(tag, kind, value)),
        (tag(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(tag, value)| Node::ByteString(tag, value)),
        (tag(), any::<i64>()).prop_map(|(tag, value)| Node::DateTime(tag, value)),
        (tag(), -99_999_999_999..999_999_999_999i64).prop_map(|(tag, value)| Node::DateTime(tag, value)),
        (tag(), any::<u32>()).prop_map(|(tag, value)| Node::Interval(tag, value)),
        (tag(), any::<i64>()).prop_map(|(tag, value)| Node::DateTimeExtended(tag, value)),
    ]
}

fn tree() -> impl Strategy<Value = Node> {
    let items = leaf().prop_recursive(5, 60, 8, |items| {
        (tag(), prop::collection::vec(items, 0..8)).prop_map(|(tag, items)| Node::Structure(tag, items))
    });
    (tag(), prop::collection::vec(items, 0..8)).prop_map(|(tag, items)| Node::Structure(tag, items))
}

/// Reads bytes as everything they could be. What can be read can be written in every encoding.
fn read_all(bytes: &[u8]) {
    let limits = Limits::default();
    let Ok(tree) = Tree::read(bytes, &limits) else { return };
    assert_eq!(tree.root().encoded(), bytes);
    let _ = RequestMessage::read(&tree).map(|message| message.write());
    let _ = ResponseMessage::read(&tree).map(|message| message.write());
    let as_json = json::write(tree.root()).unwrap();
    assert_eq!(json::read(&as_json, &Limits { size: usize::MAX, ..limits }).as_deref().map(Vec::as_slice), Ok(bytes));
}

proptest! {
    #[test]
    fn what_is_written_is_read_whole(node in tree()) {
        let bytes = node.bytes();
        let tree = Tree::read(&bytes, &Limits::default()).unwrap();
        prop_assert_eq!(tree.root().encoded(), &bytes[..]);
        let inside: usize = tree.root().children().map(|child| child.encoded().len()).sum();
        prop_assert_eq!(inside + 8, bytes.len());
    }

    #[test]
    fn xml_and_json_carry_every_tree(node in tree()) {
        let bytes = node.bytes();
        let limits = Limits { size: 1 << 24, ..Limits::default() };
        let tree = Tree::read(&bytes, &limits).unwrap();
        let as_xml = xml::write(tree.root()).unwrap();
        let from_xml = xml::read(&as_xml, &limits);
        prop_assert_eq!(from_xml.as_deref(), Ok(&bytes), "{}", *as_xml);
        let as_json = json::write(tree.root()).unwrap();
        let from_json = json::read(&as_json, &limits);
        prop_assert_eq!(from_json.as_deref(), Ok(&bytes), "{}", *as_json);
    }

    #[test]
    fn a_truncated_tree_is_an_error(node in tree(), cut in any::<prop::sample::Index>()) {
        let bytes = node.bytes();
        let cut = cut.index(bytes.len());
        prop_assert!(Tree::read(&bytes[..cut], &Limits::default()).is_err());
    }

    #[test]
    fn flipped_bits_give_an_error_or_a_sound_tree(node in tree(), place in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut bytes = node.bytes();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        read_all(&bytes);
    }

    #[test]
    fn any_bytes_give_an_error_or_a_sound_tree(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = xml::read(&text, &Limits::default());
        let _ = json::read(&text, &Limits::default());
    }

    #[test]
    fn damaged_requests_give_an_error_or_a_request(
        sample in prop::sample::select(samples::requests()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (_, mut bytes) = sample;
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        read_all(&bytes);
    }
}

#[test]
fn a_request_read_and_written_is_the_same_in_every_version() {
    for (name, bytes) in samples::requests() {
        let tree = Tree::read(&bytes, &Limits::default()).unwrap();
        let message = RequestMessage::read(&tree).unwrap_or_else(|error| panic!("{name}: {error}"));
        let faults: Vec<_> = message.items.iter().filter_map(|item| item.payload.as_ref().err()).collect();
        assert!(faults.is_empty(), "{name}: {faults:?}");
        assert_eq!(*message.write(), bytes, "{name}");
    }
}

#[test]
fn an_answer_read_and_written_is_the_same_in_every_version() {
    for (name, bytes) in samples::responses() {
        let tree = Tree::read(&bytes, &Limits::default()).unwrap();
        let message = ResponseMessage::read(&tree).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(*message.write(), bytes, "{name}");
    }
}

#[test]
fn no_answer_says_what_its_version_does_not_know() {
    let judged = |(name, bytes): (String, Vec<u8>)| {
        let tree = Tree::read(&bytes, &Limits::default()).unwrap();
        let message = ResponseMessage::read(&tree).unwrap();
        unspoken(tree.root(), message.header.protocol_version).map(|what| format!("{name}: {what}"))
    };
    let said: Vec<String> = samples::responses().into_iter().filter_map(judged).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
}
