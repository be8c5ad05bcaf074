//! From values to bytes.

use super::Kind;
use crate::{
    secret::{Secret, Wiped},
    tag::Tag,
    version::Version,
};

/// Writes items one behind the other, for a peer of one version.
///
/// What is written may be key material, so the bytes are wiped when dropped and whenever the buffer grows.
pub struct Writer {
    bytes: Wiped,
    version: Version,
}

impl Writer {
    /// An empty writer for a peer that speaks `version`.
    pub fn new(version: Version) -> Self {
        Self::with_room(version, 0)
    }

    /// The same, with room for so many bytes besides what a message takes as a rule.
    pub fn with_room(version: Version, bulk: usize) -> Self {
        // A little is room enough for itself: larger allocations take longer.
        let room = if bulk > FIRST / 2 { bulk.saturating_add(FIRST / 2) } else { FIRST };
        Self { bytes: Wiped::with_room(room), version }
    }

    /// The version that the peer speaks: fields newer than it are left out.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many bytes stand so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What was written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was written, still to be wiped when dropped.
    pub fn into_bytes(self) -> Wiped {
        self.bytes
    }

    /// A Structure whose fields `write` writes.
    #[inline]
    pub fn structure(&mut self, tag: Tag, write: impl FnOnce(&mut Self)) {
        let start = self.begin(tag);
        write(self);
        self.end(start);
    }

    /// Opens a Structure; hand what this returns to [`end`](Self::end).
    #[inline]
    pub fn begin(&mut self, tag: Tag) -> usize {
        self.head(tag, Kind::Structure, 0);
        self.bytes.len()
    }

    /// Opens a Structure whose head, and whatever comes first in it, were encoded before: the first `length` of these
    /// bytes.
    #[inline]
    pub fn begin_as<const N: usize>(&mut self, encoded: &[u8; N], length: usize) -> usize {
        let start = self.bytes.len().saturating_add(HEAD);
        self.begun(encoded, length);
        start
    }

    /// Closes the Structure that [`begin`](Self::begin) opened at `start`.
    #[inline]
    pub fn end(&mut self, start: usize) {
        let length = self.bytes.len().saturating_sub(start);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if let Some(place) = self.bytes.get_mut(..start).and_then(<[u8]>::last_chunk_mut) {
            *place = length.to_be_bytes();
        }
    }

    /// An Integer.
    #[inline]
    pub fn integer(&mut self, tag: Tag, value: i32) {
        self.four(tag, Kind::Integer, value.to_be_bytes());
    }

    /// A Long Integer.
    pub fn long_integer(&mut self, tag: Tag, value: i64) {
        self.eight(tag, Kind::LongInteger, value.to_be_bytes());
    }

    /// A Big Integer: two's complement, most significant byte first, any length; it is sign-extended to a multiple
    /// of eight.
    pub fn big_integer(&mut self, tag: Tag, value: &[u8]) {
        let padding = if value.is_empty() { 8 } else { value.len().wrapping_neg() % 8 };
        let sign = if value.first().is_some_and(|first| first & 0x80 != 0) { 0xFF } else { 0 };
        self.head(tag, Kind::BigInteger, value.len().saturating_add(padding));
        self.put(&[sign; 8][..padding]);
        self.put(value);
    }

    /// An Enumeration.
    #[inline]
    pub fn enumeration(&mut self, tag: Tag, value: u32) {
        self.four(tag, Kind::Enumeration, value.to_be_bytes());
    }

    /// A Boolean.
    pub fn boolean(&mut self, tag: Tag, value: bool) {
        self.eight(tag, Kind::Boolean, u64::from(value).to_be_bytes());
    }

    /// A Text String.
    pub fn text(&mut self, tag: Tag, value: &str) {
        self.padded(tag, Kind::TextString, value.as_bytes());
    }

    /// A Byte String.
    pub fn byte_string(&mut self, tag: Tag, value: &[u8]) {
        self.padded(tag, Kind::ByteString, value);
    }

    /// A Byte String that is secret.
    pub fn secret(&mut self, tag: Tag, value: &Secret) {
        self.padded(tag, Kind::ByteString, value.reveal());
    }

    /// A Date-Time, in seconds since 1970.
    pub fn date_time(&mut self, tag: Tag, value: i64) {
        self.eight(tag, Kind::DateTime, value.to_be_bytes());
    }

    /// An Interval, in seconds.
    pub fn interval(&mut self, tag: Tag, value: u32) {
        self.four(tag, Kind::Interval, value.to_be_bytes());
    }

    /// A Date-Time Extended, in microseconds since 1970.
    pub fn date_time_extended(&mut self, tag: Tag, value: i64) {
        self.eight(tag, Kind::DateTimeExtended, value.to_be_bytes());
    }

    /// One of the text-like types of KMIP 3.0, or a Text String.
    pub fn text_like(&mut self, tag: Tag, kind: Kind, value: &str) {
        self.padded(tag, kind, value.as_bytes());
    }

    /// An item that was encoded before, as it stands.
    pub fn encoded(&mut self, item: &[u8]) {
        self.put(item);
    }

    /// An item that was encoded before, under another tag.
    pub fn retagged(&mut self, tag: Tag, item: &[u8]) {
        if let Some(rest) = item.get(3..) {
            self.put(&tag_bytes(tag));
            self.put(rest);
        }
    }

    #[inline]
    fn four(&mut self, tag: Tag, kind: Kind, value: [u8; 4]) {
        self.whole(tag, kind, 4, u64::from(u32::from_be_bytes(value)) << 32);
    }

    #[inline]
    fn eight(&mut self, tag: Tag, kind: Kind, value: [u8; 8]) {
        self.whole(tag, kind, 8, u64::from_be_bytes(value));
    }

    /// An item whose value and padding are eight bytes, in one go: most items are.
    #[inline]
    fn whole(&mut self, tag: Tag, kind: Kind, length: u32, content: u64) {
        let item = u128::from(head(tag, kind, length)) << 64 | u128::from(content);
        if self.left() < 16 {
            return self.whole_larger(item);
        }
        self.bytes.extend_from_slice(&item.to_be_bytes());
    }

    #[cold]
    #[inline(never)]
    fn whole_larger(&mut self, item: u128) {
        self.put_larger(&item.to_be_bytes());
    }

    /// Words that stand together, in one go.
    #[inline]
    pub(super) fn words<const N: usize>(&mut self, words: [u64; N]) {
        if self.left() < 8 * N {
            return self.words_larger(words);
        }
        self.bytes.extend_from_slice(words.map(u64::to_be_bytes).as_flattened());
    }

    fn padded(&mut self, tag: Tag, kind: Kind, value: &[u8]) {
        self.head(tag, kind, value.len());
        self.put(value);
        self.begun(&[0; 8], value.len().wrapping_neg() % 8);
    }

    /// The first `length` of these bytes: so many that are known beforehand are written quicker than a few.
    #[inline]
    fn begun<const N: usize>(&mut self, bytes: &[u8; N], length: usize) {
        let end = self.bytes.len().saturating_add(length);
        self.put(bytes);
        self.bytes.truncate(end);
    }

    #[inline]
    fn head(&mut self, tag: Tag, kind: Kind, length: usize) {
        self.words([head(tag, kind, u32::try_from(length).unwrap_or(u32::MAX))]);
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if self.left() < bytes.len() {
            return self.put_larger(bytes);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes there is room for.
    #[inline]
    fn left(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    #[cold]
    #[inline(never)]
    fn put_larger(&mut self, bytes: &[u8]) {
        self.grow(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    #[cold]
    #[inline(never)]
    fn words_larger<const N: usize>(&mut self, words: [u64; N]) {
        self.put_larger(words.map(u64::to_be_bytes).as_flattened());
    }

    fn grow(&mut self, more: usize) {
        // Twice as much for many small items, but no more than needed for a large one.
        let needed = self.bytes.len().saturating_add(more).saturating_add(FIRST);
        self.bytes.room(needed.max(self.bytes.capacity().saturating_mul(2)));
    }
}

/// Tag, type and length as one number.
#[inline]
pub(super) const fn head(tag: Tag, kind: Kind, length: u32) -> u64 {
    (tag.0 as u64 & 0xFF_FFFF) << 40 | (kind as u64) << 32 | length as u64
}

fn tag_bytes(tag: Tag) -> [u8; 3] {
    let [_, a, b, c] = tag.0.to_be_bytes();
    [a, b, c]
}

/// Tag, type and length.
const HEAD: usize = 8;

/// Most answers fit, so most writers never grow.
const FIRST: usize = 1024;
