//! Messages as XML (KMIP Additional Message Encodings 1.0 §6, and what KMIP 2.x and 3.0 added to it).
//!
//! Reading gives the TTLV of the message, so that everything behind it is the same for all encodings. There is no
//! document type, no entity but the five of XML itself, and nothing is fetched; comments and processing
//! instructions are passed over.

use std::borrow::Cow;

use quick_xml::{
    Reader,
    events::{BytesStart, Event, attributes::Attribute},
};
use zeroize::Zeroizing;

use crate::{
    secret::Wiped,
    tag::Tag,
    text::{Dialect, Error, Shown, Sink, children_about, kind_named, show, tag_named, tag_numbered, tag_text},
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
    let mut reader = Reader::from_str(text);
    let mut sink = Sink::new(limits, Dialect::Xml);
    let mut place = Place::Before;
    loop {
        let event = reader.read_event().map_err(|_| at(reader.error_position()))?;
        place = match (event, place) {
            (Event::Start(element), Place::Before | Place::Inside) => start(&element, &mut sink, &reader)?,
            (Event::Empty(element), Place::Before | Place::Inside) => match start(&element, &mut sink, &reader)? {
                Place::Value => after(&sink),
                _ => {
                    sink.close();
                    after(&sink)
                }
            },
            (Event::End(_), Place::Value) => after(&sink),
            (Event::End(_), Place::Inside) => {
                sink.close();
                after(&sink)
            }
            (Event::Eof, Place::After) => return Ok(sink.finish()),
            (Event::Comment(_) | Event::PI(_) | Event::Decl(_), place) => place,
            (Event::Text(text), place) if text.iter().all(u8::is_ascii_whitespace) => place,
            (Event::Text(_) | Event::CData(_) | Event::GeneralRef(_), _) => {
                return Err(Error::Unexpected("text between items"));
            }
            (Event::DocType(_), _) => return Err(Error::Unexpected("a document type")),
            (Event::Start(_) | Event::Empty(_), Place::Value) => {
                return Err(Error::Unexpected("an item inside a value"));
            }
            (Event::Start(_) | Event::Empty(_), Place::After) => return Err(Error::Unexpected("a second message")),
            (Event::End(_) | Event::Eof, _) => return Err(at(reader.buffer_position())),
        };
    }
}

/// A message as XML, one item to a line.
///
/// # Errors
/// [`Error::Value`] for a text with characters that XML cannot carry, such as a zero byte.
pub fn write(message: Item<'_, '_>) -> Result<Zeroizing<String>, Error> {
    let mut text = Zeroizing::new(String::new());
    write_item(message, message.tag(), 0, &mut text)?;
    Ok(text)
}

/// Where in the text the reader stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing of the message has come.
    Before,
    /// In a Structure.
    Inside,
    /// In an element that has a value, so nothing but its end may come.
    Value,
    /// The message is complete.
    After,
}

fn after(sink: &Sink<'_>) -> Place {
    if sink.depth() == 0 { Place::After } else { Place::Inside }
}

fn at(position: u64) -> Error {
    Error::Syntax(usize::try_from(position).unwrap_or(usize::MAX))
}

fn start(element: &BytesStart<'_>, sink: &mut Sink<'_>, reader: &Reader<&[u8]>) -> Result<Place, Error> {
    let syntax = || at(reader.buffer_position());
    let (mut named, mut kind, mut value) = (None, None, None);
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|_| syntax())?;
        match attribute.key.as_ref() {
            b"tag" => named = Some(content(&attribute).ok_or_else(syntax)?),
            b"type" => kind = Some(content(&attribute).ok_or_else(syntax)?),
            b"value" => value = Some(content(&attribute).ok_or_else(syntax)?),
            b"name" => {}
            key if key == b"xmlns" || key.starts_with(b"xmlns:") => {}
            _ => return Err(Error::Unexpected("an unknown XML attribute")),
        }
    }
    let local = element.local_name();
    let local = std::str::from_utf8(local.as_ref()).map_err(|_| syntax())?;
    let tag = match (local, named) {
        ("TTLV", Some(named)) => tag_named(&named),
        (_, Some(_)) => return Err(Error::Unexpected("a tag beside an element's own name")),
        // The standard's example writes an extension as `x540001`.
        (name, None) => tag_named(name).or_else(|| name.strip_prefix('x').and_then(tag_numbered)),
    };
    let tag = tag.ok_or(Error::UnknownTag)?;
    let kind = kind.map_or(Some(Kind::Structure), |name| kind_named(&name)).ok_or(Error::UnknownType(tag))?;
    match (kind, value) {
        (Kind::Structure, None) => {
            sink.open(tag)?;
            Ok(Place::Inside)
        }
        (Kind::Structure, Some(_)) => Err(Error::Unexpected("a value of a Structure")),
        (_, None) => Err(Error::Missing(tag)),
        (kind, Some(value)) => {
            let value = Text(value);
            sink.value(tag, kind, &value.0)?;
            Ok(Place::Value)
        }
    }
}

/// What an XML attribute says. Names and types are ASCII, and values are wiped where they had to be copied.
fn content<'a>(attribute: &Attribute<'a>) -> Option<Cow<'a, str>> {
    attribute.unescape_value().ok()
}

/// Text that is wiped when it is a copy: it may be a password.
struct Text<'a>(Cow<'a, str>);

impl Drop for Text<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(copy) = &mut self.0 {
            zeroize::Zeroize::zeroize(copy);
        }
    }
}

fn write_item(item: Item<'_, '_>, about: Tag, depth: usize, text: &mut Zeroizing<String>) -> Result<(), Error> {
    text.extend(std::iter::repeat_n("  ", depth));
    let name = tag_text(item.tag());
    let named = !name.starts_with("0x");
    text.push('<');
    if named {
        text.push_str(&name);
    } else {
        text.push_str("TTLV tag=\"");
        text.push_str(&name);
        text.push('"');
    }
    if item.kind() != Kind::Structure {
        text.push_str(" type=\"");
        text.push_str(item.kind().name());
        text.push_str("\" value=\"");
        let shown = show(item, about, Dialect::Xml).map_err(|_| Error::Value(item.tag(), item.kind()))?;
        match &shown {
            Shown::Bare(value) => text.push_str(value),
            Shown::Quoted(value) => escape(value, text).ok_or(Error::Value(item.tag(), item.kind()))?,
        }
        text.push_str("\"/>\n");
        return Ok(());
    }
    if item.children().next().is_none() {
        text.push_str("/>\n");
        return Ok(());
    }
    text.push_str(">\n");
    for (child, about) in children_about(item) {
        write_item(child, about, depth + 1, text)?;
    }
    text.extend(std::iter::repeat_n("  ", depth));
    text.push_str("</");
    text.push_str(if named { &name } else { "TTLV" });
    text.push_str(">\n");
    Ok(())
}

/// Writes a value between quotation marks; nothing where a character has no form in XML 1.0 (§2.2 Characters).
fn escape(value: &str, text: &mut String) -> Option<()> {
    for letter in value.chars() {
        match letter {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            // As themselves they would be read back as spaces.
            '\t' => text.push_str("&#9;"),
            '\n' => text.push_str("&#10;"),
            '\r' => text.push_str("&#13;"),
            '\0'..='\x1F' | '\u{FFFE}' | '\u{FFFF}' => return None,
            _ => text.push(letter),
        }
    }
    Some(())
}
