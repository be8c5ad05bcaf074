//! A product: it speaks one version over a connection that it keeps, or over one for each message.

use std::{
    io::{Read, Write},
    sync::Arc,
};

use rustls::{ClientConfig, HandshakeKind};
use strongroom_tests::{Appliance, Stream, dial, dial_as, papers};

use crate::{
    phrase::{ask_for, id},
    wire::{Item, Value, enumeration, integer, structure},
    word::*,
};

pub struct Peer<'a> {
    pub appliance: &'a Appliance,
    version: (i32, i32),
    config: Arc<ClientConfig>,
    line: Option<Stream>,
    keeps: bool,
    posts: bool,
    /// What the server is called; its address where there is no name.
    name: Option<&'static str>,
    /// How hands were shaken over the connection that was answered last.
    pub handshake: Option<HandshakeKind>,
    /// What stands in the header between the version and the batch count.
    header: Vec<Item>,
}

impl<'a> Peer<'a> {
    /// Alice's product, which keeps its connection.
    pub fn new(appliance: &'a Appliance, version: (i32, i32)) -> Self {
        Self::of(appliance, "alice", version)
    }

    pub fn of(appliance: &'a Appliance, client: &str, version: (i32, i32)) -> Self {
        let config = Arc::new(papers(appliance.doors(), client).expect("the appliance wrote its clients' papers"));
        Self {
            appliance,
            version,
            config,
            line: None,
            keeps: true,
            posts: false,
            name: None,
            handshake: None,
            header: Vec::new(),
        }
    }

    /// The same with another configuration of TLS.
    pub fn secured(mut self, change: impl FnOnce(&mut ClientConfig)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// The same, opening a connection for each message.
    pub fn once_each(mut self) -> Self {
        self.keeps = false;
        self
    }

    /// The same, sending this in each header.
    pub fn saying(mut self, header: Item) -> Self {
        self.header.push(header);
        self
    }

    /// The same, posting its messages over HTTPS.
    pub fn posting(mut self) -> Self {
        self.posts = true;
        self
    }

    /// The same, calling the server by this name.
    pub fn under(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// Takes answers of this version from now on.
    pub fn speak(&mut self, version: (i32, i32)) {
        self.version = version;
    }

    /// The bytes of a request with these batch items.
    pub fn message(&self, items: Vec<Item>) -> Vec<u8> {
        let (major, minor) = self.version;
        let version = [integer(PROTOCOL_VERSION_MAJOR, major), integer(PROTOCOL_VERSION_MINOR, minor)];
        let count = i32::try_from(items.len()).expect("few");
        let mut header = vec![structure(PROTOCOL_VERSION, version)];
        header.extend(self.header.iter().cloned());
        header.push(integer(BATCH_COUNT, count));
        let whole = [structure(REQUEST_HEADER, header)].into_iter().chain(items).collect::<Vec<_>>();
        structure(REQUEST_MESSAGE, whole).encode()
    }

    /// Sends bytes and reads one answer, which is held against what its version may contain.
    pub fn send(&mut self, message: &[u8]) -> Item {
        let head = if self.posts { self.head(message.len()) } else { String::new() };
        self.line().write_all(&[head.as_bytes(), message].concat()).expect("the appliance takes it");
        self.receive()
    }

    /// Whether a message is answered at all.
    pub fn answered(&mut self, message: &[u8]) -> bool {
        let mut head = [0; 8];
        let line = self.line();
        line.write_all(message).and_then(|()| line.read_exact(&mut head)).is_ok()
    }

    /// Reads one answer, which is held against what its version may contain.
    pub fn receive(&mut self) -> Item {
        let answer = self.receive_unchecked();
        sound(&answer, self.version);
        answer
    }

    /// Reads one answer.
    pub fn receive_unchecked(&mut self) -> Item {
        if self.posts {
            self.headed();
        }
        let line = self.line();
        let mut answer = vec![0; 8];
        line.read_exact(&mut answer).expect("an answer begins");
        let length = u32::from_be_bytes(answer[4..].try_into().expect("four bytes"));
        let start = answer.len();
        answer.resize(start + usize::try_from(length).expect("short"), 0);
        line.read_exact(&mut answer[start..]).expect("an answer comes to its end");
        self.handshake = self.line.as_ref().and_then(|line| line.conn.handshake_kind());
        if !self.keeps {
            self.line = None;
        }
        Item::decode(&answer)
    }

    /// The connection, opened where there is none.
    pub fn line(&mut self) -> &mut Stream {
        let address = self.address();
        let open = || match self.name {
            None => dial(&address, Arc::clone(&self.config)),
            Some(name) => dial_as(&address, Arc::clone(&self.config), name),
        };
        self.line.get_or_insert_with(|| open().expect("the appliance listens"))
    }

    fn address(&self) -> String {
        let doors = self.appliance.doors();
        if !self.posts {
            return doors.kmip.clone();
        }
        let url = doors.kmip_https.as_deref().expect("the appliance serves HTTPS");
        url.trim_start_matches("https://").trim_end_matches("/kmip").to_owned()
    }

    /// The head of an HTTP request around a message of this length.
    fn head(&self, length: usize) -> String {
        format!(
            "POST /kmip HTTP/1.1\r\nhost: {}\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: {length}\r\n\
             Content-Type: application/octet-stream\r\nAccept-Encoding: gzip\r\n\r\n",
            self.address()
        )
    }

    /// Reads the head of an HTTP answer, which is a good one.
    fn headed(&mut self) {
        let line = self.line();
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            line.read_exact(&mut byte).expect("a head comes to its end");
            head.extend(byte);
        }
        let head = String::from_utf8(head).expect("text").to_lowercase();
        assert!(
            head.starts_with("http/1.1 200 ") && head.contains("content-type: application/octet-stream\r\n"),
            "{head}"
        );
    }

    fn one(&mut self, operation: u32, payload: impl Into<Vec<Item>>) -> Item {
        let message = self.message(vec![item(operation, payload)]);
        let answer = self.send(&message);
        let items = answer.every(BATCH_ITEM);
        assert_eq!(items.len(), 1, "{answer:x?}");
        items[0].clone()
    }

    /// The payload of the answer to one request, which succeeds.
    #[track_caller]
    pub fn ask(&mut self, operation: u32, payload: impl Into<Vec<Item>>) -> Item {
        let item = self.one(operation, payload);
        assert_eq!(item.at(RESULT_STATUS).number(), 0, "operation {operation:x}: {item:x?}");
        assert_eq!(item.at(OPERATION).number(), operation);
        item.at(RESPONSE_PAYLOAD).clone()
    }

    /// The reason why one request is refused.
    #[track_caller]
    pub fn refused(&mut self, operation: u32, payload: impl Into<Vec<Item>>) -> u32 {
        let item = self.one(operation, payload);
        assert_eq!(item.at(RESULT_STATUS).number(), 1, "operation {operation:x}: {item:x?}");
        assert!(!item.at(RESULT_MESSAGE).text().is_empty());
        item.at(RESULT_REASON).number()
    }

    /// What Create, Register and their like made.
    #[track_caller]
    pub fn make(&mut self, operation: u32, payload: impl Into<Vec<Item>>) -> String {
        self.ask(operation, payload).at(UNIQUE_IDENTIFIER).text()
    }

    #[track_caller]
    pub fn locate(&mut self, payload: impl Into<Vec<Item>>) -> Vec<String> {
        self.ask(LOCATE, payload).every(UNIQUE_IDENTIFIER).into_iter().map(Item::text).collect()
    }

    /// The bytes of a key.
    #[track_caller]
    pub fn material(&mut self, key: &str) -> Vec<u8> {
        self.ask(GET, id(key)).at(KEY_MATERIAL).bytes()
    }

    /// An attribute's value, as KMIP 1.x tells it.
    #[track_caller]
    pub fn value(&mut self, key: &str, name: &str) -> Value {
        self.ask(GET_ATTRIBUTES, ask_for(key, &[name])).at(ATTRIBUTE_VALUE).value.clone()
    }

    #[track_caller]
    pub fn state(&mut self, key: &str) -> Value {
        self.value(key, "State")
    }
}

pub fn item(operation: u32, payload: impl Into<Vec<Item>>) -> Item {
    structure(BATCH_ITEM, [enumeration(OPERATION, operation), structure(REQUEST_PAYLOAD, payload)])
}

pub const PRE_ACTIVE: Value = Value::Enumeration(1);
pub const ACTIVE: Value = Value::Enumeration(2);

/// What every answer keeps to, whatever was asked: the header's form, and nothing newer than the request's version.
#[track_caller]
fn sound(answer: &Item, version: (i32, i32)) {
    assert_eq!(answer.tag, RESPONSE_MESSAGE);
    let header = &answer.items()[0];
    assert_eq!(header.tag, RESPONSE_HEADER);
    let (major, minor) = version;
    assert_eq!(header.at(PROTOCOL_VERSION_MAJOR).value, Value::Integer(major));
    assert_eq!(header.at(PROTOCOL_VERSION_MINOR).value, Value::Integer(minor));
    assert!(matches!(header.at(TIME_STAMP).value, Value::Date(_)));
    let count = i32::try_from(answer.items().len() - 1).expect("few");
    assert_eq!(header.at(BATCH_COUNT).value, Value::Integer(count));
    let (_, newest) = NEWEST.iter().find(|(known, _)| *known == version).expect("a version that is in the table");
    known(answer, *newest);
    if version < (2, 0) {
        assert!(answer.every(ATTRIBUTES).is_empty(), "attributes as 2.0 writes them");
    } else {
        assert!(answer.every(ATTRIBUTE_VALUE).is_empty(), "attributes as 1.x writes them");
    }
    if version == (1, 0) {
        for name in answer.every(ATTRIBUTE_NAME) {
            let name = name.text();
            assert!(ATTRIBUTES_OF_1_0.contains(&name.as_str()) || name.starts_with(['x', 'y']), "1.0 has no {name}");
        }
    }
}

#[track_caller]
fn known(item: &Item, newest: u32) {
    assert!(item.tag <= newest, "{:06x} is newer than {newest:06x}", item.tag);
    for inner in item.items() {
        known(inner, newest);
    }
}
