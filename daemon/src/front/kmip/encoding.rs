//! The three ways in which a message may be written (KMIP Additional Message Encodings 1.0).

use std::{mem, ops::Deref};

use strongroom_kmip::{
    json,
    secret::Wiped,
    text,
    ttlv::{Limits, Malformed, Tree},
    xml,
};

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Tag, type, length, value.
    Ttlv,
    /// XML.
    Xml,
    /// JSON.
    Json,
}

impl Encoding {
    /// The encoding that an HTTP Content-Type names; its parameters say nothing about a message that is UTF-8 anyway.
    pub fn of(content_type: &str) -> Option<Self> {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        MEDIA.iter().find(|(name, _)| name.eq_ignore_ascii_case(media)).map(|&(_, encoding)| encoding)
    }

    /// The Content-Type of an answer (§2.5).
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Ttlv => "application/octet-stream",
            Self::Xml => "text/xml",
            Self::Json => "application/json",
        }
    }

    /// The TTLV of a message. Bytes that claim to be TTLV are given as they are.
    ///
    /// # Errors
    /// [`Unwritten`], when the bytes are no message in this encoding.
    pub fn decode<'b>(self, bytes: &'b [u8], limits: &Limits) -> Result<Message<'b>, Unwritten> {
        let text = || std::str::from_utf8(bytes).map_err(|_| Unwritten::Bytes);
        match self {
            Self::Ttlv => Ok(Message::Given(bytes)),
            Self::Xml => Ok(Message::Decoded(xml::read(text()?, limits)?)),
            Self::Json => Ok(Message::Decoded(json::read(text()?, limits)?)),
        }
    }

    /// An answer, which is TTLV, in this encoding.
    ///
    /// # Errors
    /// [`Unwritten`], for bytes that are no TTLV.
    pub fn encode(self, answer: Wiped) -> Result<Wiped, Unwritten> {
        if self == Self::Ttlv {
            return Ok(answer);
        }
        let tree = Tree::read(&answer, &ANSWER)?;
        let mut text = if self == Self::Xml { xml::write(tree.root())? } else { json::write(tree.root())? };
        Ok(Wiped::new(mem::take(&mut *text).into_bytes()))
    }
}

/// A message as TTLV.
pub enum Message<'b> {
    /// As it came.
    Given(&'b [u8]),
    /// Out of a text.
    Decoded(Wiped),
}

impl Deref for Message<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Given(bytes) => bytes,
            Self::Decoded(bytes) => bytes,
        }
    }
}

/// Why bytes are no message in an encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwritten {
    /// They are no text.
    #[error("the message is not UTF-8")]
    Bytes,
    /// The text is no message.
    #[error(transparent)]
    Text(#[from] text::Error),
    /// They are no TTLV.
    #[error(transparent)]
    Ttlv(#[from] Malformed),
}

/// The media types: the standard's, and `application/xml`, which means the same.
const MEDIA: &[(&str, Encoding)] = &[
    ("application/octet-stream", Encoding::Ttlv),
    ("text/xml", Encoding::Xml),
    ("application/xml", Encoding::Xml),
    ("application/json", Encoding::Json),
];

/// An answer is our own and as long as it is.
const ANSWER: Limits = Limits { size: 1 << 31, depth: 64, items: 1 << 31, text: 1 << 31 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_names_an_encoding_whatever_its_case_and_parameters() {
        for (name, encoding) in [
            ("application/octet-stream", Some(Encoding::Ttlv)),
            ("text/xml; charset=utf-8", Some(Encoding::Xml)),
            ("Application/JSON", Some(Encoding::Json)),
            ("text/plain", None),
            ("", None),
            ("json", None),
        ] {
            assert_eq!(Encoding::of(name), encoding, "{name:?}");
        }
    }

    #[test]
    fn an_answer_comes_back_out_of_every_encoding() {
        let ttlv = [0x42, 0, 0x7B, 1, 0, 0, 0, 16, 0x42, 0, 0x0D, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0];
        for encoding in [Encoding::Ttlv, Encoding::Xml, Encoding::Json] {
            let written = encoding.encode(Wiped::new(ttlv.to_vec())).unwrap();
            assert_eq!(*encoding.decode(&written, &Limits::default()).unwrap(), ttlv, "{encoding:?}");
        }
    }
}
