//! BER as other systems write it (X.690): DER, and also lengths without an end and strings in pieces, which DER has not.
//! Nothing is believed about a length, and nothing nests deeper than any honest file does.

use std::borrow::Cow;

use zeroize::Zeroizing;

/// What is left to read of something constructed. Every `None` means that it is not there, or not as it should be.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    deep: usize,
}

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads bytes from outside.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, deep: DEEPEST }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Nothing, if nothing is left.
    pub fn end(&self) -> Option<()> {
        self.is_empty().then_some(())
    }

    /// What the next element holds, which is constructed and has this tag.
    pub fn inside(&mut self, tag: u8) -> Option<Self> {
        let element = self.next(|found| found == tag)?;
        Some(Self { rest: element.content, deep: self.deep.checked_sub(1)? })
    }

    /// The bytes of the next element, which is primitive and has this tag.
    pub fn bytes(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next(|found| found == tag).map(|element| element.content)
    }

    /// The next element, head and all.
    pub fn whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next(|found| found == tag).map(|element| element.whole)
    }

    /// The bytes of a string of this tag, in one piece or in several.
    pub fn octets(&mut self, tag: u8) -> Option<Cow<'a, [u8]>> {
        let element = self.next(|found| found == tag || found == tag | CONSTRUCTED)?;
        if element.tag == tag {
            return Some(Cow::Borrowed(element.content));
        }
        let mut pieces = Self { rest: element.content, deep: self.deep.checked_sub(1)? };
        let mut joined = Vec::with_capacity(element.content.len());
        while !pieces.is_empty() {
            joined.extend_from_slice(&pieces.octets(OCTET_STRING)?);
        }
        Some(Cow::Owned(joined))
    }

    /// A number that is not negative and below 2^32.
    pub fn number(&mut self) -> Option<u32> {
        let bytes = self.bytes(INTEGER)?;
        let sound = (1..=5).contains(&bytes.len()) && bytes.first().is_some_and(|first| *first < 0x80);
        let number = bytes.iter().fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
        u32::try_from(number).ok().filter(|_| sound)
    }

    /// An AlgorithmIdentifier: which one, and its parameters.
    pub fn algorithm(&mut self) -> Option<(&'a [u8], Self)> {
        let mut inside = self.inside(SEQUENCE)?;
        Some((inside.bytes(OBJECT_IDENTIFIER)?, inside))
    }

    fn next(&mut self, fits: impl Fn(u8) -> bool) -> Option<Element<'a>> {
        let element = element(self.rest, self.deep).filter(|element| fits(element.tag))?;
        self.rest = element.rest;
        Some(element)
    }
}

/// The first element. One without a length ends where two zero bytes stand in place of another.
fn element(bytes: &[u8], deep: usize) -> Option<Element<'_>> {
    let (&[tag, first], after) = bytes.split_first_chunk()?;
    if tag & LONG_TAG == LONG_TAG {
        return None;
    }
    let (content, rest) = match first {
        0..=0x7F => after.split_at_checked(usize::from(first))?,
        0x80 if tag & CONSTRUCTED != 0 => {
            let deep = deep.checked_sub(1)?;
            let mut rest = after;
            while !rest.starts_with(&END) {
                rest = element(rest, deep)?.rest;
            }
            let content = after.get(..after.len().checked_sub(rest.len())?)?;
            (content, rest.strip_prefix(&END)?)
        }
        0x81..=0x84 => {
            let (digits, after) = after.split_at_checked(usize::from(first & 0x0F))?;
            let length = digits.iter().fold(0u64, |length, digit| (length << 8) | u64::from(*digit));
            after.split_at_checked(usize::try_from(length).ok()?)?
        }
        _ => return None,
    };
    Some(Element { tag, content, whole: bytes.get(..bytes.len().checked_sub(rest.len())?)?, rest })
}

/// An element of this tag around these parts, DER.
pub(super) fn wrapped(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum::<usize>();
    let digits = length.to_be_bytes();
    let first = digits.iter().position(|digit| *digit != 0).unwrap_or(digits.len());
    let digits = digits.get(first..).unwrap_or_default();
    // A key is not left behind in a vector that grew.
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.saturating_add(HEAD)));
    bytes.push(tag);
    match digits {
        [] => bytes.push(0),
        [short] if *short < 0x80 => bytes.push(*short),
        long => {
            bytes.push(0x80 | u8::try_from(long.len()).unwrap_or(0));
            bytes.extend_from_slice(long);
        }
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// A number, DER.
pub(super) fn counted(number: u32) -> Zeroizing<Vec<u8>> {
    let bytes = u64::from(number).to_be_bytes();
    // One byte more than the number takes where its first would read as a sign.
    let first = bytes.windows(2).position(|pair| pair[0] != 0 || pair[1] >= 0x80).unwrap_or(bytes.len() - 1);
    wrapped(INTEGER, &[bytes.get(first..).unwrap_or_default()])
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const BMP_STRING: u8 = 0x1E;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]`, constructed: what is tagged explicitly.
pub(super) const EXPLICIT: u8 = 0xA0;
/// `[0]`, primitive: a string that is tagged implicitly.
pub(super) const IMPLICIT: u8 = 0x80;

/// A tag, and a length in as many bytes as it may take.
const HEAD: usize = 10;
const CONSTRUCTED: u8 = 0x20;
/// A tag that takes more bytes, which nothing here has.
const LONG_TAG: u8 = 0x1F;
/// What ends something without a length.
const END: [u8; 2] = [0, 0];
/// A certificate's name within its bag within its file is at ten.
const DEEPEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_in_pieces_and_without_a_length_is_that_string() {
        for (name, bytes) in [
            ("in one piece", &[4, 3, 1, 2, 3][..]),
            ("with a long length", &[4, 0x81, 3, 1, 2, 3]),
            ("in pieces", &[0x24, 7, 4, 1, 1, 4, 2, 2, 3]),
            ("in pieces without a length", &[0x24, 0x80, 4, 1, 1, 4, 2, 2, 3, 0, 0]),
            ("in pieces of pieces", &[0x24, 0x80, 0x24, 0x80, 4, 1, 1, 0, 0, 4, 2, 2, 3, 0, 0]),
        ] {
            let mut reader = Reader::of(bytes);
            assert_eq!(reader.octets(OCTET_STRING).as_deref(), Some(&[1, 2, 3][..]), "{name}");
            assert!(reader.is_empty(), "{name}");
            for length in 0..bytes.len() {
                assert!(Reader::of(&bytes[..length]).octets(OCTET_STRING).is_none(), "{name}, cut at {length}");
            }
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for length in [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x1_0000] {
            let inner = vec![7; length];
            assert_eq!(Reader::of(&wrapped(OCTET_STRING, &[&inner])).bytes(OCTET_STRING), Some(&inner[..]), "{length}");
        }
    }

    #[test]
    fn what_is_no_element_is_none() {
        let deep = [0x30, 0x80].repeat(DEEPEST + 1);
        let ends = [0, 0].repeat(DEEPEST + 1);
        let nested = [deep, ends].concat();
        for (name, bytes) in [
            ("nothing", &[][..]),
            ("a tag alone", &[0x30]),
            ("a length beyond the end", &[0x30, 4, 0, 0, 0]),
            ("the longest of lengths", &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]),
            ("a length of five bytes", &[0x30, 0x85, 0, 0, 0, 0, 0]),
            ("no end", &[0x30, 0x80, 4, 0]),
            ("a long tag", &[0x3F, 0x30, 0]),
            ("another tag", &[0x31, 0]),
            ("too deep", &nested),
        ] {
            assert!(Reader::of(bytes).inside(SEQUENCE).is_none(), "{name}");
        }
        for (name, bytes) in [
            ("a negative number", &[2, 1, 0x80][..]),
            ("no number", &[2, 0]),
            ("too large a number", &[2, 5, 1, 0, 0, 0, 0]),
            ("far too large a number", &[2, 6, 0, 0, 0, 0, 0, 1]),
        ] {
            assert!(Reader::of(bytes).number().is_none(), "{name}");
        }
        for number in [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 100_000, u32::MAX] {
            let written = counted(number);
            assert_eq!(Reader::of(&written).number(), Some(number), "{number}");
            assert!(written.len() == 3 || written[2] != 0 || written[3] >= 0x80, "{number} is shorter");
        }
        assert_eq!(Reader::of(&[2, 5, 0, 0xFF, 0xFF, 0xFF, 0xFF]).number(), Some(u32::MAX));
    }
}
