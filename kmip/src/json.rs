//! Messages as JSON (KMIP Additional Message Encodings 1.0 §4, and what KMIP 2.x and 3.0 added to it).
//!
//! Reading gives the TTLV of the message, so that everything behind it is the same for all encodings. A member that
//! the encoding does not know, or that comes twice, is an error.

use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{
    secret::Wiped,
    tag::Tag,
    text::{Dialect, Error, Shown, Sink, children_about, kind_named, show, tag_named, tag_text},
    ttlv::{Item, Kind, Limits},
};

/// The TTLV of the message that `text` is.
///
/// # Errors
/// [`Error`]: the text is not well-formed, is no message, or is more than `limits` allow.
pub fn read(text: &str, limits: &Limits) -> Result<Wiped, Error> {
    if text.len() > limits.size {
        return Err(Error::Limit("the size of a message"));
    }
    let mut sink = Sink::new(limits, Dialect::Json);
    let message: &RawValue = parse(text.trim_ascii(), text)?;
    read_item(message, text, &mut sink)?;
    Ok(sink.finish())
}

/// A message as JSON.
///
/// # Errors
/// [`Error::Value`] never happens for an item that was read.
pub fn write(message: Item<'_, '_>) -> Result<Zeroizing<String>, Error> {
    let mut text = Zeroizing::new(String::new());
    write_item(message, message.tag(), 0, &mut text)?;
    text.push('\n');
    Ok(text)
}

/// One item. Its value is looked at when its type is known, which may stand behind it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Member<'a> {
    #[serde(borrow)]
    tag: &'a RawValue,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

/// As deep as the limits allow: the sink refuses more before the next call.
fn read_item(item: &RawValue, whole: &str, sink: &mut Sink<'_>) -> Result<(), Error> {
    let text = item.get();
    if !text.starts_with('{') {
        return Err(Error::Unexpected("a JSON value that is no object"));
    }
    let member: Member<'_> = parse(text, whole)?;
    if let Some(name) = member.name {
        let _: Zeroizing<String> = string(name, whole)?;
    }
    let tag = tag_named(&string(member.tag, whole)?).ok_or(Error::UnknownTag)?;
    let kind = match member.kind {
        None => Kind::Structure,
        Some(kind) => kind_named(&string(kind, whole)?).ok_or(Error::UnknownType(tag))?,
    };
    if kind == Kind::Structure {
        sink.open(tag)?;
        match member.value.map(RawValue::get) {
            None | Some("null") => {}
            Some(list) => {
                for item in parse::<Vec<&RawValue>>(list, whole)? {
                    read_item(item, whole, sink)?;
                }
            }
        }
        sink.close();
        return Ok(());
    }
    let value = member.value.ok_or(Error::Missing(tag))?;
    match value.get().as_bytes().first() {
        Some(b'"') => sink.value(tag, kind, &string(value, whole)?),
        Some(b't' | b'f') if kind == Kind::Boolean => sink.value(tag, kind, value.get()),
        Some(b'-' | b'0'..=b'9') if is_number(kind) => sink.value(tag, kind, value.get()),
        _ => Err(Error::Value(tag, kind)),
    }
}

fn is_number(kind: Kind) -> bool {
    matches!(kind, Kind::Integer | Kind::LongInteger | Kind::BigInteger | Kind::Enumeration | Kind::Interval)
}

fn string(value: &RawValue, whole: &str) -> Result<Zeroizing<String>, Error> {
    parse::<String>(value.get(), whole).map(Zeroizing::new)
}

/// Parses a part of the text; an error tells the place in the whole.
fn parse<'a, T: Deserialize<'a>>(part: &'a str, whole: &str) -> Result<T, Error> {
    serde_json::from_str(part).map_err(|_| {
        // A part lies inside the whole; where it does not, the place is the start.
        let at = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize);
        Error::Syntax(at.filter(|&at| at <= whole.len()).unwrap_or(0))
    })
}

fn write_item(item: Item<'_, '_>, about: Tag, depth: usize, text: &mut Zeroizing<String>) -> Result<(), Error> {
    text.extend(std::iter::repeat_n("  ", depth));
    text.push_str("{\"tag\":\"");
    text.push_str(&tag_text(item.tag()));
    if item.kind() == Kind::Structure {
        text.push_str("\", \"value\":[");
        for (place, (child, about)) in children_about(item).enumerate() {
            text.push_str(if place == 0 { "\n" } else { ",\n" });
            write_item(child, about, depth + 1, text)?;
        }
        text.push_str("]}");
        return Ok(());
    }
    text.push_str("\", \"type\":\"");
    text.push_str(item.kind().name());
    text.push_str("\", \"value\":");
    match show(item, about, Dialect::Json).map_err(|_| Error::Value(item.tag(), item.kind()))? {
        Shown::Bare(value) => text.push_str(&value),
        Shown::Quoted(value) => escape(&value, text),
    }
    text.push('}');
    Ok(())
}

/// Writes a string with its quotation marks (RFC 8259 §7).
fn escape(value: &str, text: &mut String) {
    text.push('"');
    for letter in value.chars() {
        match letter {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\0'..='\x1F' => text.push_str(&format!("\\u{:04x}", u32::from(letter))),
            _ => text.push(letter),
        }
    }
    text.push('"');
}
