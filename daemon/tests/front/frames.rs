//! Bytes that are no message, or not one that can be understood.

use std::io::Write;

use strongroom_kmip::{
    client::Client,
    code::{Operation, QueryFunction, ResultReason},
    message::ResponseMessage,
    payload::QueryRequest,
    tag::Tag,
    ttlv::{Limits, Tree, Writer},
    version::{V1_0, V1_2, V1_4, V2_0, V2_1, V3_0, Version},
};

use crate::door::{Door, Stream};

/// What a request is made of; each row of a table changes one thing.
struct Message {
    version: Version,
    count: i32,
    items: usize,
    header: fn(&mut Writer),
    item: fn(&mut Writer),
}

impl Default for Message {
    fn default() -> Self {
        Self { version: V1_2, count: 1, items: 1, header: |_| {}, item: query }
    }
}

fn query(to: &mut Writer) {
    to.enumeration(Tag::Operation, Operation::Query.0);
    to.structure(Tag::RequestPayload, |to| to.enumeration(Tag::QueryFunction, QueryFunction::QueryOperations.0));
}

impl Message {
    fn bytes(&self) -> Vec<u8> {
        let mut to = Writer::new(self.version);
        to.structure(Tag::RequestMessage, |to| {
            to.structure(Tag::RequestHeader, |to| {
                to.structure(Tag::ProtocolVersion, |to| {
                    to.integer(Tag::ProtocolVersionMajor, self.version.major);
                    to.integer(Tag::ProtocolVersionMinor, self.version.minor);
                });
                (self.header)(to);
                to.integer(Tag::BatchCount, self.count);
            });
            (0..self.items).for_each(|_| to.structure(Tag::BatchItem, self.item));
        });
        to.as_bytes().to_vec()
    }
}

fn nested(depth: usize, to: &mut Writer) {
    to.structure(Tag::RequestPayload, |to| {
        if depth > 0 {
            nested(depth - 1, to);
        }
    });
}

/// The one item of the answer: its version and its reason.
fn refusal(client: &mut Client<Stream>, bytes: &[u8]) -> (Version, Option<ResultReason>) {
    let answer = client.send(bytes).unwrap();
    let answer = ResponseMessage::read(&Tree::read(&answer, &Limits::default()).unwrap()).unwrap();
    (answer.header.protocol_version, answer.items.first().unwrap().result_reason)
}

fn operations() -> QueryRequest {
    QueryRequest { query_function: vec![QueryFunction::QueryOperations], object_groups: None }
}

/// What a row expects, in short.
type Row = (&'static str, Vec<u8>, Version, ResultReason);

/// The message with bytes exchanged somewhere.
fn exchanged(from: &[u8], to: &[u8]) -> Vec<u8> {
    let bytes = Message::default().bytes();
    let at = bytes.windows(from.len()).rposition(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn of(version: Version) -> Vec<u8> {
    Message { version, ..Message::default() }.bytes()
}

#[test]
fn what_is_wrong_inside_a_frame_is_answered_in_its_version_and_the_connection_stays() {
    use ResultReason as Reason;
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V1_2);
    let rows: Vec<Row> = vec![
        (
            "a child longer than its parent",
            exchanged(&[0x42, 0, 0x79, 1, 0, 0, 0, 0x10], &[0x42, 0, 0x79, 1, 0, 0, 0, 0x40]),
            V1_2,
            Reason::InvalidMessage,
        ),
        (
            "a length of all ones inside",
            exchanged(&[0x42, 0, 0x79, 1, 0, 0, 0, 0x10], &[0x42, 0, 0x79, 1, 0xFF, 0xFF, 0xFF, 0xFF]),
            V1_2,
            Reason::InvalidMessage,
        ),
        ("an unknown item type", exchanged(&[0x42, 0, 0x74, 5], &[0x42, 0, 0x74, 0x7F]), V1_2, Reason::InvalidMessage),
        (
            "padding that is not nought",
            exchanged(&[0, 0, 0, 1, 0, 0, 0, 0], &[0, 0, 0, 1, 0, 0, 0, 1]),
            V1_2,
            Reason::InvalidMessage,
        ),
        (
            "too few items for the count",
            Message { count: 2, ..Message::default() }.bytes(),
            V1_2,
            Reason::InvalidMessage,
        ),
        (
            "too many items for the count",
            Message { items: 3, count: 1, ..Message::default() }.bytes(),
            V1_2,
            Reason::InvalidMessage,
        ),
        ("a negative count", Message { count: -1, ..Message::default() }.bytes(), V1_2, Reason::InvalidMessage),
        ("no items", Message { items: 0, count: 0, ..Message::default() }.bytes(), V1_2, Reason::InvalidMessage),
        ("257 items", Message { items: 257, count: 257, ..Message::default() }.bytes(), V1_2, Reason::InvalidMessage),
        (
            "deep nesting",
            Message { item: |to| nested(40, to), ..Message::default() }.bytes(),
            V1_2,
            Reason::InvalidMessage,
        ),
        (
            "a long text",
            Message { header: |to| to.text(Tag::ClientCorrelationValue, &"x".repeat(70_000)), ..Message::default() }
                .bytes(),
            V1_2,
            Reason::InvalidMessage,
        ),
        (
            "an unknown tag in the header",
            Message { header: |to| to.integer(Tag(0x54_00_01), 1), ..Message::default() }.bytes(),
            V1_2,
            Reason::InvalidMessage,
        ),
        (
            "a header field twice",
            Message {
                header: |to| {
                    to.boolean(Tag::BatchOrderOption, true);
                    to.boolean(Tag::BatchOrderOption, true)
                },
                ..Message::default()
            }
            .bytes(),
            V1_2,
            Reason::InvalidMessage,
        ),
        (
            "a critical extension",
            Message {
                item: |to| {
                    query(to);
                    extension(to)
                },
                ..Message::default()
            }
            .bytes(),
            V1_2,
            Reason::FeatureNotSupported,
        ),
        ("version 0.9", of(Version::new(0, 9)), V1_0, Reason::InvalidMessage),
        ("version 1.5", of(Version::new(1, 5)), V1_4, Reason::InvalidMessage),
        ("version 2.2", of(Version::new(2, 2)), V2_1, Reason::UnsupportedProtocolVersion),
        ("version 3.1", of(Version::new(3, 1)), V3_0, Reason::UnsupportedProtocolVersion),
        ("a negative version", of(Version::new(-1, -1)), V1_0, Reason::InvalidMessage),
        (
            "an unknown operation",
            Message {
                item: |to| {
                    to.enumeration(Tag::Operation, 0x7FFF);
                    to.structure(Tag::RequestPayload, |_| {})
                },
                ..Message::default()
            }
            .bytes(),
            V1_2,
            Reason::OperationNotSupported,
        ),
        (
            "an unknown tag in a payload",
            Message {
                item: |to| {
                    to.enumeration(Tag::Operation, Operation::Query.0);
                    to.structure(Tag::RequestPayload, |to| to.integer(Tag(0x54_00_01), 1))
                },
                ..Message::default()
            }
            .bytes(),
            V1_2,
            Reason::InvalidField,
        ),
        (
            "no payload",
            Message { item: |to| to.enumeration(Tag::Operation, Operation::Query.0), ..Message::default() }.bytes(),
            V1_2,
            Reason::MissingData,
        ),
    ];
    for (name, bytes, version, reason) in rows {
        assert_eq!(refusal(&mut client, &bytes), (version, Some(reason)), "{name}");
        client.ask(operations()).unwrap_or_else(|error| panic!("after {name}: {error}"));
    }
}

fn extension(to: &mut Writer) {
    to.structure(Tag::MessageExtension, |to| {
        to.text(Tag::VendorIdentification, "nobody");
        to.boolean(Tag::CriticalityIndicator, true);
        to.structure(Tag::VendorExtension, |_| {});
    });
}

#[test]
fn every_served_version_is_answered_in_its_own() {
    let door = Door::new();
    let alice = door.register("alice");
    for version in [V1_0, V1_2, V1_4, V2_0, V2_1, V3_0] {
        let mut client = door.client(&alice, version);
        let (spoken, reason) = refusal(&mut client, &of(version));
        assert_eq!((spoken, reason), (version, None));
    }
}

#[test]
fn lost_framing_is_answered_and_ends_the_connection() {
    let door = Door::new();
    let alice = door.register("alice");
    for (name, bytes) in [
        ("a web browser", &b"GET / HTTP/1.1\r\n\r\n"[..]),
        ("an answer for a question", &[0x42, 0, 0x7B, 1, 0, 0, 0, 8]),
        ("no structure", &[0x42, 0, 0x78, 2, 0, 0, 0, 4]),
        ("a length of all ones", &[0x42, 0, 0x78, 1, 0xFF, 0xFF, 0xFF, 0xFF]),
        ("one byte more than is taken", &[0x42, 0, 0x78, 1, 0, 0x10, 0, 0]),
    ] {
        let mut client = door.client(&alice, V1_2);
        let (version, reason) = refusal(&mut client, bytes);
        assert_eq!((version, reason), (V1_0, Some(ResultReason::InvalidMessage)), "{name}");
        let after = client.receive();
        assert!(after.is_err(), "the connection stays after {name}");
    }
    assert_eq!(door.logged("unreadable"), 5);
}

#[test]
fn a_message_may_come_in_pieces_and_two_at_once() {
    let door = Door::new();
    let alice = door.register("alice");
    let mut client = door.client(&alice, V1_2);
    let bytes = Message::default().bytes();
    for piece in bytes.chunks(5) {
        client.stream().write_all(piece).unwrap();
        client.stream().flush().unwrap();
    }
    client.receive().unwrap();
    client.stream().write_all(&[bytes.as_slice(), bytes.as_slice()].concat()).unwrap();
    client.receive().unwrap();
    client.receive().unwrap();
}
