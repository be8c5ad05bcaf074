//! The standard's own cases.

use strongroom_kmip::{
    json,
    message::{RequestMessage, ResponseMessage},
    operation::{Fault, SERVED},
    tag::Tag,
    ttlv::{Limits, Malformed, Tree},
    xml,
};

use crate::cases::{Message, messages};

/// What stays text, and why.
const UNREADABLE: &[(&str, &str)] =
    &[("TC-DLOGIN-2-20", "gives the Result Reason NotAuthorized, which KMIP 2.0 does not have")];

/// What is written another way than it was read, and why.
const CHANGED: &[(&str, &str)] = &[
    ("TC-CERTATTR-1-20", "sets the usage Content Commitment, which KMIP 2.0 withdrew"),
    ("TC-PKCS12-1-20", "sets the usage Content Commitment, which KMIP 2.0 withdrew"),
];

#[test]
fn every_message_of_the_cases_survives_every_encoding() {
    let failed: Vec<String> = messages().iter().filter_map(|message| encode(message).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_message_of_a_served_operation_is_understood_and_written_again() {
    let found: Vec<Result<Again, String>> = messages().iter().map(understand).collect();
    // Without cases there is nothing to count; with them, nearly all are of operations that are served.
    let written = found.iter().filter(|found| matches!(found, Ok(Again::Same))).count();
    assert!(written * 10 >= found.len() * 7, "only {written} of {} messages", found.len());
    let failed: Vec<String> = found.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// XML to TTLV, to XML and back, to JSON and back.
fn encode(message: &Message) -> Result<(), String> {
    let limits = Limits::default();
    let bytes = match xml::read(&message.xml, &limits) {
        Ok(bytes) => bytes,
        Err(_) if message.is_among(UNREADABLE) => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", message.name)),
    };
    let tree = Tree::read(&bytes, &limits).map_err(|error| format!("{}: {error}", message.name))?;
    let as_xml = xml::write(tree.root()).unwrap();
    let as_json = json::write(tree.root()).unwrap();
    let from_xml = xml::read(&as_xml, &limits).unwrap();
    let from_json = json::read(&as_json, &limits).unwrap();
    if *from_xml == *bytes && *from_json == *bytes { Ok(()) } else { Err(format!("{}: differs", message.name)) }
}

enum Again {
    Same,
    /// An operation that is not served, or a case with a reason of its own.
    Excused,
}

/// TTLV to typed values and back: the same items, in whatever order.
fn understand(message: &Message) -> Result<Again, String> {
    let limits = Limits::default();
    let Ok(bytes) = xml::read(&message.xml, &limits) else { return Ok(Again::Excused) };
    let tree = Tree::read(&bytes, &limits).unwrap();
    let wrong = |what: &dyn std::fmt::Display| Err(format!("{}: {what}", message.name));
    let again = if tree.root().tag() == Tag::RequestMessage {
        let read = match RequestMessage::read(&tree) {
            Ok(read) => read,
            Err(error) => return wrong(&error),
        };
        match read.items.iter().find_map(|item| item.payload.as_ref().err()) {
            None => read.write(),
            Some(Fault::Operation(operation)) if !SERVED.contains(operation) => return Ok(Again::Excused),
            Some(fault) => return wrong(fault),
        }
    } else {
        match ResponseMessage::read(&tree) {
            Ok(read) => read.write(),
            Err(error) if error.why == Malformed::Value(Tag::Operation) => return Ok(Again::Excused),
            Err(error) => return wrong(&error),
        }
    };
    let again = Tree::read(&again, &limits).unwrap();
    let (before, after) = (xml::write(tree.root()).unwrap(), xml::write(again.root()).unwrap());
    match (sorted(&before) == sorted(&after), message.is_among(CHANGED)) {
        (true, _) => Ok(Again::Same),
        (false, true) => Ok(Again::Excused),
        (false, false) => wrong(&format!("was\n{}\nbecame\n{}", *before, *after)),
    }
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}
