//! One value as text, and back.

use zeroize::Zeroizing;

use super::{
    Error, date,
    name::{Bits, code_name, code_named},
};
use crate::{
    tag::Tag,
    ttlv::{Item, Kind, Malformed, Writer},
};

/// Which encoding a text belongs to; they differ in how numbers and masks stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Masks separated by spaces, numbers in decimal, big integers as bare hexadecimal.
    Xml,
    /// Masks separated by `|`, numbers that a double cannot hold in hexadecimal.
    Json,
}

/// A value as text.
pub(crate) enum Shown {
    /// A number or a boolean, which JSON writes without quotation marks.
    Bare(String),
    /// Everything else. It may be key material.
    Quoted(Zeroizing<String>),
}

impl Shown {
    fn quoted(text: impl Into<String>) -> Self {
        Self::Quoted(Zeroizing::new(text.into()))
    }

    /// The text, whichever it is.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Bare(text) => text,
            Self::Quoted(text) => text,
        }
    }
}

/// Writes the value that `text` says, under `tag`. `about` is the tag whose table names its codes: `tag` itself, but
/// for the values of KMIP 1.x attributes.
pub(super) fn write(
    to: &mut Writer,
    tag: Tag,
    about: Tag,
    kind: Kind,
    text: &str,
    dialect: Dialect,
) -> Result<(), Error> {
    let wrong = Error::Value(tag, kind);
    match kind {
        Kind::Structure => return Err(Error::Missing(tag)),
        Kind::Integer => to.integer(tag, integer(about, text, dialect).ok_or(wrong)?),
        Kind::LongInteger => to.long_integer(tag, long(text).ok_or(wrong)?),
        Kind::BigInteger => to.big_integer(tag, &big(text, dialect).ok_or(wrong)?),
        Kind::Enumeration => to.enumeration(tag, code(about, text).ok_or(wrong)?),
        Kind::Boolean => to.boolean(tag, boolean(text).ok_or(wrong)?),
        Kind::ByteString => to.byte_string(tag, &bytes(text).ok_or(wrong)?),
        Kind::DateTime => to.date_time(tag, date_time(text).ok_or(wrong)?),
        Kind::Interval => to.interval(tag, unsigned(text).ok_or(wrong)?),
        Kind::DateTimeExtended => to.date_time_extended(tag, date_time_extended(text).ok_or(wrong)?),
        Kind::TextString | Kind::Identifier | Kind::Reference | Kind::NameReference => to.text_like(tag, kind, text),
    }
    Ok(())
}

/// The value of an item that is no Structure, as text.
///
/// # Errors
/// [`Malformed::Type`] for a Structure.
pub(crate) fn show(item: Item<'_, '_>, about: Tag, dialect: Dialect) -> Result<Shown, Malformed> {
    let kind = item.kind();
    Ok(match kind {
        Kind::Structure => return Err(Malformed::Type(item.tag(), kind)),
        Kind::Integer => show_integer(item.integer()?, about, dialect),
        Kind::LongInteger => match item.long_integer()? {
            value if dialect == Dialect::Json && value.unsigned_abs() >= EXACT => {
                Shown::quoted(format!("0x{value:016x}"))
            }
            value => Shown::Bare(value.to_string()),
        },
        Kind::BigInteger => {
            let digits = hexadecimal(item.big_integer()?);
            if dialect == Dialect::Json { Shown::quoted(format!("0x{}", *digits)) } else { Shown::Quoted(digits) }
        }
        Kind::Enumeration => {
            let code = item.enumeration()?;
            let name = code_name(about, code);
            Shown::quoted(name.map_or_else(|| format!("0x{code:08x}"), str::to_owned))
        }
        Kind::Boolean => Shown::Bare(item.boolean()?.to_string()),
        Kind::ByteString => Shown::Quoted(hexadecimal(item.byte_string()?)),
        Kind::DateTime => {
            let value = item.date_time()?;
            Shown::quoted(date::seconds(value).unwrap_or_else(|| format!("0x{value:016x}")))
        }
        Kind::Interval => Shown::Bare(item.interval()?.to_string()),
        Kind::DateTimeExtended => {
            let value = item.date_time_extended()?;
            Shown::quoted(date::extended(value).unwrap_or_else(|| format!("0x{value:016x}")))
        }
        Kind::TextString | Kind::Identifier | Kind::Reference | Kind::NameReference => {
            Shown::quoted(item.text_like(kind)?)
        }
    })
}

fn show_integer(value: i32, about: Tag, dialect: Dialect) -> Shown {
    let Some(names) = Bits::of(about).filter(|_| value != 0) else {
        return Shown::Bare(value.to_string());
    };
    let separator = if dialect == Dialect::Json { "|" } else { " " };
    let mut unnamed = 0u32;
    let mut parts = Vec::new();
    for bit in (0..32).map(|place| 1u32 << place).filter(|bit| value.cast_unsigned() & bit != 0) {
        match names.name(bit) {
            Some(name) => parts.push(name.to_owned()),
            None => unnamed |= bit,
        }
    }
    if unnamed != 0 {
        parts.push(format!("0x{unnamed:08x}"));
    }
    Shown::quoted(parts.join(separator))
}

fn integer(about: Tag, text: &str, dialect: Dialect) -> Option<i32> {
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    if let Some(value) = hexadecimal_number(text, 8) {
        return u32::try_from(value).ok().map(u32::cast_signed);
    }
    let names = Bits::of(about)?;
    let separator = if dialect == Dialect::Json { '|' } else { ' ' };
    let mut mask = 0u32;
    for part in text.split(separator).map(str::trim).filter(|part| !part.is_empty()) {
        let hexadecimal = || hexadecimal_number(part, 8).and_then(|value| u32::try_from(value).ok());
        mask |= names.number(part).or_else(hexadecimal)?;
    }
    Some(mask.cast_signed())
}

fn long(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| hexadecimal_number(text, 16).map(u64::cast_signed))
}

fn unsigned(text: &str) -> Option<u32> {
    text.parse().ok().or_else(|| hexadecimal_number(text, 8).and_then(|value| u32::try_from(value).ok()))
}

fn big(text: &str, dialect: Dialect) -> Option<Zeroizing<Vec<u8>>> {
    let value = match (text.strip_prefix("0x"), dialect) {
        (Some(digits), _) => bytes(digits)?,
        (None, Dialect::Xml) => bytes(text)?,
        (None, Dialect::Json) => Zeroizing::new(text.parse::<i64>().ok()?.to_be_bytes().to_vec()),
    };
    (!value.is_empty()).then_some(value)
}

fn code(about: Tag, text: &str) -> Option<u32> {
    code_named(about, text).or_else(|| unsigned(text))
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => match hexadecimal_number(text, 16) {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
    }
}

fn date_time(text: &str) -> Option<i64> {
    date::parse(text).map(|(seconds, _)| seconds).or_else(|| hexadecimal_number(text, 16).map(u64::cast_signed))
}

fn date_time_extended(text: &str) -> Option<i64> {
    if let Some((seconds, microseconds)) = date::parse(text) {
        return seconds.checked_mul(1_000_000)?.checked_add(i64::from(microseconds));
    }
    hexadecimal_number(text, 16).map(u64::cast_signed)
}

fn hexadecimal_number(text: &str, most: usize) -> Option<u64> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    let sound = (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if sound { u64::from_str_radix(digits, 16).ok() } else { None }
}

fn bytes(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
    for [high, low] in pairs {
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        b'A'..=b'F' => Some(letter - b'A' + 10),
        _ => None,
    }
}

fn hexadecimal(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().saturating_mul(2)));
    for byte in bytes {
        for digit in [byte >> 4, byte & 0x0F] {
            text.push(char::from(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }));
        }
    }
    text
}

/// A JSON number is a double to most readers: whole up to 2^52 (Additional Message Encodings §4.1.6.5).
const EXACT: u64 = 1 << 52;
