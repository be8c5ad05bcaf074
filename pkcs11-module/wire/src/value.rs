//! The plain values that calls are made of: numbers, bytes, bytes that are wiped, and the two-call rule as a value.

use core::fmt;

use zeroize::Zeroize;

use crate::{
    Rv,
    codec::{Error, Reader, Wire, Writer},
};

/// Bytes that may be a secret: a PIN, a plaintext, the value of an attribute. Wiped when dropped; never printed, cloned
/// or compared.
pub struct Wiped(Vec<u8>);

impl Wiped {
    /// Takes the bytes over; whoever had them before keeps no copy of the allocation.
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves. Every place that has this word is worth a review.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// Gives the bytes away, without wiping; the taker owns them now and wipes them.
    pub fn into_vec(mut self) -> Vec<u8> {
        core::mem::take(&mut self.0)
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&[u8]> for Wiped {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Wiped {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Wiped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wiped({} bytes)", self.0.len())
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        // The used part only: nothing grows after it is made, so the spare capacity never held anything.
        self.0.as_mut_slice().zeroize();
    }
}

impl Wire for Wiped {
    const LEAST: usize = 4;
    fn write(&self, to: &mut Writer<'_>) {
        to.count(self.0.len());
        to.raw(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let length = from.count(1)?;
        Ok(Self(from.raw(length)?.to_vec()))
    }
}

/// Bytes that are no secret but are nobody's reading either: an initialisation vector, a signature. Prints its length.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Bytes(pub Vec<u8>);

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl core::ops::Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({} bytes)", self.0.len())
    }
}

impl Wire for Bytes {
    const LEAST: usize = 4;
    fn write(&self, to: &mut Writer<'_>) {
        to.count(self.0.len());
        to.raw(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let length = from.count(1)?;
        Ok(Self(from.raw(length)?.to_vec()))
    }
}

/// How much room the caller has for an output: the asking half of the two-call rule (PKCS#11 3.2 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// The caller gave no buffer and asks how long the output will be.
    Query,
    /// The caller's buffer takes so many bytes.
    Bytes(u32),
}

impl Room {
    /// The room of a buffer of `length` bytes. No output comes near four gibibytes, so more room than that says no more.
    pub fn of(length: usize) -> Self {
        Self::Bytes(u32::try_from(length).unwrap_or(u32::MAX))
    }

    /// Whether an output of `need` bytes may be given; if not, the answer that says how long it is. The operation then
    /// stays active.
    ///
    /// # Errors
    /// What to answer instead: [`Rv::OK`] for a query, [`Rv::BUFFER_TOO_SMALL`] for too small a buffer.
    pub fn check(self, need: usize) -> Result<(), (Rv, Output)> {
        let length = u32::try_from(need).unwrap_or(u32::MAX);
        match self {
            Self::Query => Err((Rv::OK, Output::Length(length))),
            Self::Bytes(room) if room < length => Err((Rv::BUFFER_TOO_SMALL, Output::Length(length))),
            Self::Bytes(_) => Ok(()),
        }
    }
}

impl Wire for Room {
    const LEAST: usize = 1;
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::Query => None,
            Self::Bytes(length) => Some(*length),
        }
        .write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Option::read(from)?.map_or(Self::Query, Self::Bytes))
    }
}

/// An output, or how long it would be: the answering half of the two-call rule.
#[derive(Debug)]
pub enum Output {
    /// How long the output is at most. The operation is still active.
    Length(u32),
    /// The output. The operation is over, unless the call was one of many.
    Bytes(Wiped),
}

impl Output {
    /// Whether it is there.
    pub const fn is_given(&self) -> bool {
        matches!(self, Self::Bytes(_))
    }
}

impl Wire for Output {
    const LEAST: usize = 5;
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Self::Length(length) => {
                false.write(to);
                length.write(to);
            }
            Self::Bytes(bytes) => {
                true.write(to);
                bytes.write(to);
            }
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        if bool::read(from)? { Wiped::read(from).map(Self::Bytes) } else { u32::read(from).map(Self::Length) }
    }
}

/// `CK_VERSION`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Before the point.
    pub major: u8,
    /// After it, in hundredths.
    pub minor: u8,
}

impl Wire for Version {
    const LEAST: usize = 2;
    fn write(&self, to: &mut Writer<'_>) {
        to.raw(&[self.major, self.minor]);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let [major, minor] = from.array()?;
        Ok(Self { major, minor })
    }
}

/// Text in a field of fixed width, padded with spaces as the standard has it; cut at a character's border if too long.
pub fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    let end =
        text.char_indices().map(|(at, char)| at.saturating_add(char.len_utf8())).take_while(|end| *end <= N).last();
    let fitting = text.as_bytes().get(..end.unwrap_or(0)).unwrap_or_default();
    for (place, byte) in field.iter_mut().zip(fitting) {
        *place = *byte;
    }
    field
}

impl Wire for bool {
    const LEAST: usize = 1;
    fn write(&self, to: &mut Writer<'_>) {
        to.raw(&[u8::from(*self)]);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        match from.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            [other] => Err(Error::Flag(other)),
        }
    }
}

impl Wire for u32 {
    const LEAST: usize = 4;
    fn write(&self, to: &mut Writer<'_>) {
        to.raw(&self.to_be_bytes());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        from.array().map(Self::from_be_bytes)
    }
}

impl Wire for u64 {
    const LEAST: usize = 8;
    fn write(&self, to: &mut Writer<'_>) {
        to.raw(&self.to_be_bytes());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        from.array().map(Self::from_be_bytes)
    }
}

impl<const N: usize> Wire for [u8; N] {
    const LEAST: usize = N;
    fn write(&self, to: &mut Writer<'_>) {
        to.raw(self);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        from.array()
    }
}

impl<T: Wire> Wire for Option<T> {
    const LEAST: usize = 1;
    fn write(&self, to: &mut Writer<'_>) {
        self.is_some().write(to);
        if let Some(value) = self {
            value.write(to);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        if bool::read(from)? { T::read(from).map(Some) } else { Ok(None) }
    }
}

impl<T: Wire> Wire for Vec<T> {
    const LEAST: usize = 4;
    fn write(&self, to: &mut Writer<'_>) {
        to.count(self.len());
        for value in self {
            value.write(to);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, Error> {
        let count = from.count(T::LEAST)?;
        // A small first allocation: a count of tiny elements must not ask for many times the frame.
        let mut values = Self::with_capacity(count.min(64));
        for _ in 0..count {
            values.push(T::read(from)?);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wiped_prints_only_its_length() {
        assert_eq!(format!("{:?}", Wiped::from(&b"1234"[..])), "Wiped(4 bytes)");
        assert_eq!(format!("{:?}", Bytes::from(&b"1234"[..])), "Bytes(4 bytes)");
    }

    #[test]
    fn the_two_call_rule_says_what_to_answer() {
        for (name, room, need, expected) in [
            ("a query", Room::Query, 64, Some((Rv::OK, 64))),
            ("no room", Room::Bytes(63), 64, Some((Rv::BUFFER_TOO_SMALL, 64))),
            ("just enough", Room::Bytes(64), 64, None),
            ("nothing into nothing", Room::Bytes(0), 0, None),
        ] {
            let refused = room.check(need).err().map(|(rv, output)| match output {
                Output::Length(length) => (rv, length),
                Output::Bytes(_) => (rv, u32::MAX),
            });
            assert_eq!(refused, expected, "{name}");
        }
    }

    #[test]
    fn text_is_padded_and_cut_between_characters() {
        assert_eq!(&padded::<5>("dev"), b"dev  ");
        assert_eq!(&padded::<5>("abcdef"), b"abcde");
        assert_eq!(&padded::<3>("aäö"), "aä".as_bytes());
        assert_eq!(&padded::<2>("aä"), b"a ");
    }
}
