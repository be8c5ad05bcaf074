//! KMIP over HTTPS: every encoding, and everything that HTTP lets a peer do wrong.

use std::{
    io::{Read, Write},
    time::Duration,
};

use rustls::version::{TLS12, TLS13};
use strongroom::front::{
    Limits,
    kmip::{Carrier, encoding::Encoding},
};
use strongroom_kmip::{
    code::{QueryFunction, ResultReason, ResultStatus},
    message::{RequestMessage, ResponseMessage},
    payload::QueryRequest,
    secret::Wiped,
    ttlv::{self, Tree},
    version::{V1_0, V2_1, V3_0},
};

use crate::door::{Door, Stream, usual};

const ENCODINGS: [Encoding; 3] = [Encoding::Ttlv, Encoding::Xml, Encoding::Json];

pub(crate) fn door() -> Door {
    Door::over(Carrier::Https, usual())
}

pub(crate) fn query(encoding: Encoding) -> Wiped {
    let query = QueryRequest { query_function: vec![QueryFunction::QueryOperations], object_groups: None };
    encoding.encode(RequestMessage::of(V2_1, [query.into()]).write()).unwrap()
}

pub(crate) fn post(encoding: Encoding, body: &[u8]) -> Vec<u8> {
    let (media, length) = (encoding.content_type(), body.len());
    let head = format!(
        "POST /kmip HTTP/1.1\r\nHost: vault\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-cache\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// What came back: the status line, the fields and the body.
pub(crate) struct Came {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Came {
    pub(crate) fn status(&self) -> &str {
        self.head.get(9..12).unwrap()
    }

    pub(crate) fn has(&self, line: &str) -> bool {
        self.head.lines().any(|found| found == line)
    }

    pub(crate) fn message(&self, encoding: Encoding) -> ResponseMessage {
        let bytes = encoding.decode(&self.body, &ttlv::Limits::default()).unwrap();
        ResponseMessage::read(&Tree::read(&bytes, &ttlv::Limits::default()).unwrap()).unwrap()
    }
}

/// The next answer; nothing where the connection ends.
pub(crate) fn answer(stream: &mut Stream) -> Option<Came> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    Some(Came { head, body })
}

pub(crate) fn asked(stream: &mut Stream, bytes: &[u8]) -> Option<Came> {
    stream.write_all(bytes).unwrap();
    answer(stream)
}

#[test]
fn a_message_is_answered_in_the_encoding_that_it_came_in() {
    let door = door();
    let alice = door.register("alice");
    let mut stream = door.connect(door.config(Some(&alice), &[&TLS13]));
    for encoding in ENCODINGS {
        let came = asked(&mut stream, &post(encoding, &query(encoding))).unwrap();
        assert_eq!(came.status(), "200", "{encoding:?}");
        assert!(came.has(&format!("Content-Type: {}", encoding.content_type())), "{}", came.head);
        assert!(came.has("Cache-Control: no-cache"), "{}", came.head);
        let message = came.message(encoding);
        assert_eq!(message.header.protocol_version, V2_1);
        assert_eq!(message.items[0].result_status, ResultStatus::Success, "{encoding:?}");
    }
    assert_eq!(door.logged("Query"), 3);
}

#[test]
fn a_message_that_cannot_be_read_is_refused_in_its_encoding_and_the_connection_stays() {
    let door = door();
    let alice = door.register("alice");
    let mut stream = door.connect(door.config(Some(&alice), &[&TLS12]));
    let unserved = |encoding: Encoding| {
        let mut bytes = query(Encoding::Ttlv);
        let place = bytes.windows(4).position(|four| four == [0, 0, 0, 2]).unwrap();
        bytes[place + 3] = 9;
        encoding.encode(bytes).unwrap()
    };
    for (name, encoding, body, version, reason) in [
        ("no TTLV", Encoding::Ttlv, b"hello".to_vec(), V1_0, ResultReason::InvalidMessage),
        ("nothing at all", Encoding::Ttlv, Vec::new(), V1_0, ResultReason::InvalidMessage),
        ("no XML", Encoding::Xml, b"<Request".to_vec(), V1_0, ResultReason::InvalidMessage),
        ("no JSON", Encoding::Json, b"{\"tag\":".to_vec(), V1_0, ResultReason::InvalidMessage),
        ("no UTF-8", Encoding::Json, vec![b'"', 0xFF, b'"'], V1_0, ResultReason::InvalidMessage),
        (
            "another version",
            Encoding::Xml,
            unserved(Encoding::Xml).to_vec(),
            V3_0,
            ResultReason::UnsupportedProtocolVersion,
        ),
    ] {
        let came = asked(&mut stream, &post(encoding, &body)).unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!(came.status(), "200", "{name}");
        let message = came.message(encoding);
        assert_eq!(
            (message.header.protocol_version, message.items[0].result_reason),
            (version, Some(reason)),
            "{name}"
        );
    }
    assert_eq!(asked(&mut stream, &post(Encoding::Ttlv, &query(Encoding::Ttlv))).unwrap().status(), "200");
}

#[test]
fn what_is_wrong_with_the_http_is_answered_recorded_and_ends_the_connection() {
    let door = door();
    let alice = door.register("alice");
    let fields = |fields: &str| format!("POST /kmip HTTP/1.1\r\nHost: vault\r\n{fields}\r\n").into_bytes();
    let large = |field: &str| vec![b'a'; 9 << 10].into_iter().chain(field.bytes()).collect::<Vec<u8>>();
    let rows = [
        ("no HTTP", b"\x42\x00\x78\x01\x00\x00\x00\x08\r\n\r\n".to_vec(), "400"),
        ("another path", b"POST / HTTP/1.1\r\nHost: vault\r\n\r\n".to_vec(), "404"),
        ("a browser", b"GET /kmip HTTP/1.1\r\nHost: vault\r\n\r\n".to_vec(), "405"),
        ("no length", fields("Content-Type: text/xml\r\n"), "411"),
        ("chunks", fields("Content-Type: text/xml\r\nTransfer-Encoding: chunked\r\n"), "411"),
        ("too large", fields("Content-Type: text/xml\r\nContent-Length: 1048577\r\n"), "413"),
        ("another encoding", fields("Content-Type: text/plain\r\nContent-Length: 1\r\n"), "415"),
        ("a head without end", large(""), "431"),
        ("another HTTP", b"POST /kmip HTTP/3.0\r\nHost: vault\r\n\r\n".to_vec(), "505"),
    ];
    for (place, (name, bytes, status)) in (1..).zip(rows) {
        let mut stream = door.connect(door.config(Some(&alice), &[&TLS13]));
        let came = asked(&mut stream, &bytes).unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!(came.status(), status, "{name}");
        assert!(came.has("Connection: close"), "{name}: {}", came.head);
        assert!(answer(&mut stream).is_none(), "{name}: the connection stays");
        assert_eq!(door.refused("unreadable"), place, "{name} is not recorded");
    }
}

#[test]
fn requests_may_follow_one_another_without_waiting_and_come_in_any_pieces() {
    let door = door();
    let alice = door.register("alice");
    let mut stream = door.connect(door.config(Some(&alice), &[&TLS13]));
    let two = [post(Encoding::Json, &query(Encoding::Json)), post(Encoding::Ttlv, &query(Encoding::Ttlv))].concat();
    stream.write_all(&two).unwrap();
    assert_eq!(answer(&mut stream).unwrap().message(Encoding::Json).items.len(), 1);
    assert_eq!(answer(&mut stream).unwrap().message(Encoding::Ttlv).items.len(), 1);
    for byte in post(Encoding::Ttlv, &query(Encoding::Ttlv)) {
        stream.write_all(&[byte]).unwrap();
        stream.flush().unwrap();
    }
    assert_eq!(answer(&mut stream).unwrap().status(), "200");
}

#[test]
fn a_body_as_large_as_a_message_may_be_is_taken() {
    let door = door();
    let alice = door.register("alice");
    let mut stream = door.connect(door.config(Some(&alice), &[&TLS13]));
    let mut body = query(Encoding::Json).to_vec();
    body.resize(1 << 20, b' ');
    assert_eq!(asked(&mut stream, &post(Encoding::Json, &body)).unwrap().message(Encoding::Json).items.len(), 1);
}

#[test]
fn a_client_that_waits_is_told_to_go_on() {
    let door = door();
    let alice = door.register("alice");
    let mut stream = door.connect(door.config(Some(&alice), &[&TLS13]));
    let body = query(Encoding::Xml);
    let head = format!(
        "POST /kmip HTTP/1.1\r\nHost: vault\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    assert_eq!(asked(&mut stream, head.as_bytes()).unwrap().status(), "100");
    assert_eq!(asked(&mut stream, &body).unwrap().status(), "200");
}

#[test]
fn an_older_client_is_served_and_let_go_unless_it_asks_to_stay() {
    let door = door();
    let alice = door.register("alice");
    let body = query(Encoding::Ttlv);
    let old = |more: &str| {
        let head = format!(
            "POST /kmip HTTP/1.0\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n{more}\r\n",
            body.len()
        );
        [head.as_bytes(), &body].concat()
    };
    let mut stream = door.connect(door.config(Some(&alice), &[&TLS13]));
    assert!(asked(&mut stream, &old("Connection: keep-alive\r\n")).unwrap().has("Connection: keep-alive"));
    assert!(asked(&mut stream, &old("")).unwrap().has("Connection: close"));
    assert!(answer(&mut stream).is_none());
}

#[test]
fn a_body_that_never_comes_is_given_up_in_time() {
    let door = Door::over(Carrier::Https, Limits { request: Duration::from_millis(500), ..usual() });
    let alice = door.register("alice");
    for (name, bytes) in [
        ("half a head", &b"POST /kmip HTTP/1.1\r\nHost:"[..]),
        ("half a body", b"POST /kmip HTTP/1.1\r\nHost: v\r\nContent-Type: text/xml\r\nContent-Length: 9\r\n\r\n<"),
    ] {
        let mut stream = door.connect(door.config(Some(&alice), &[&TLS13]));
        assert_eq!(asked(&mut stream, bytes).unwrap().status(), "408", "{name}");
        assert!(answer(&mut stream).is_none(), "{name}");
    }
    assert_eq!(door.refused("unreadable"), 2);
}

#[test]
fn nobody_is_served_without_a_registered_certificate() {
    let door = door();
    let alice = door.register("alice");
    let mut stranger = door.connect(door.config(None, &[&TLS12]));
    let refused = asked(&mut stranger, &post(Encoding::Json, &query(Encoding::Json))).unwrap();
    assert_eq!((refused.status(), door.refused("none")), ("401", 1));
    let mut stream = door.connect(door.config(Some(&alice), &[&TLS13]));
    let bytes = post(Encoding::Json, &query(Encoding::Json));
    assert_eq!(asked(&mut stream, &bytes).unwrap().status(), "200");
    door.order(strongroom::service::Order::ClientRevoke { name: "alice".to_owned() }).unwrap();
    assert!(asked(&mut stream, &bytes).is_none(), "served after its registration was revoked");
}

#[test]
fn a_sealed_vault_says_so_in_every_encoding() {
    let door = door();
    let alice = door.register("alice");
    let mut stream = door.connect(door.config(Some(&alice), &[&TLS13]));
    assert_eq!(asked(&mut stream, &post(Encoding::Json, &query(Encoding::Json))).unwrap().status(), "200");
    door.order(strongroom::service::Order::Seal).unwrap();
    for encoding in ENCODINGS {
        let message = asked(&mut stream, &post(encoding, &query(encoding))).unwrap().message(encoding);
        assert_eq!(message.items[0].result_reason, Some(ResultReason::NotAuthorised), "{encoding:?}");
    }
}
