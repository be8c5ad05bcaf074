//! Bytes to values and back: the frame, the reader that believes nothing, the writer.
//!
//! A frame is `length: u32`, `head: u32`, body; the length counts head and body. The head of a request is the
//! [`Function`](crate::Function), the head of an answer the [`Rv`](crate::Rv).

/// Why bytes from the other side are not a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The frame ends inside a value.
    #[error("the frame ends inside a value")]
    Short,
    /// The frame goes on after its last value.
    #[error("{0} bytes follow the last value of the frame")]
    Trailing(usize),
    /// The frame is longer than [`LONGEST`], or shorter than its own head.
    #[error("a frame of {0} bytes is outside the limits")]
    Length(usize),
    /// A count promises more elements than the rest of the frame could hold.
    #[error("a count of {0} does not fit into the frame")]
    Count(u32),
    /// A flag is neither 0 nor 1.
    #[error("a flag byte is {0:#04x}, not 0 or 1")]
    Flag(u8),
    /// The bytes of an attribute have not the shape that its type asks for.
    #[error("the value of attribute {0:#x} has the wrong shape")]
    Shape(u64),
    /// No row knows this form of mechanism parameter.
    #[error("no mechanism parameter has the form {0}")]
    Form(u8),
    /// Templates stand inside templates too often.
    #[error("templates are nested deeper than {DEEPEST}")]
    Deep,
    /// No call has this number.
    #[error("function {0:#x} is not a call on this wire")]
    Function(u64),
}

/// A value that has a form on the wire.
pub trait Wire: Sized {
    /// The fewest bytes a value takes; counts are checked against it before anything is allocated.
    const LEAST: usize;
    /// Appends the value.
    fn write(&self, to: &mut Writer<'_>);
    /// Takes the value from the front of what is left.
    ///
    /// # Errors
    /// When the bytes are no such value; the reader is then of no further use.
    fn read(from: &mut Reader<'_>) -> Result<Self, Error>;
}

/// Where values are appended.
#[derive(Debug)]
pub struct Writer<'a> {
    bytes: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to `bytes`.
    pub fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Appends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a count in four bytes. One that needs more makes a frame that [`frame`] refuses, so it may saturate.
    pub fn count(&mut self, count: usize) {
        self.raw(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    }
}

/// What is left of a frame.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Reader<'a> {
    /// Reads from the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, depth: 0 }
    }

    /// Takes `length` bytes.
    ///
    /// # Errors
    /// [`Error::Short`] when fewer are left.
    pub fn raw(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::Short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Takes `N` bytes.
    ///
    /// # Errors
    /// [`Error::Short`] when fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Error::Short)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Takes a count of elements of at least `least` bytes each.
    ///
    /// # Errors
    /// [`Error::Count`] when so many cannot follow.
    pub fn count(&mut self, least: usize) -> Result<usize, Error> {
        let claimed = u32::from_be_bytes(self.array()?);
        let count = usize::try_from(claimed).map_err(|_| Error::Count(claimed))?;
        match count.checked_mul(least.max(1)) {
            Some(bytes) if bytes <= self.rest.len() => Ok(count),
            _ => Err(Error::Count(claimed)),
        }
    }

    /// Reads something that may hold itself, one level down.
    ///
    /// # Errors
    /// [`Error::Deep`] beyond [`DEEPEST`] levels, else what `read` says.
    pub fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth >= DEEPEST {
            return Err(Error::Deep);
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// Reads what stands in the next `length` bytes, all of it, at the present depth.
    ///
    /// # Errors
    /// [`Error::Short`] and [`Error::Trailing`] when the value and the length disagree, else what `read` says.
    pub fn inside<T>(
        &mut self,
        length: usize,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut inner = Reader { rest: self.raw(length)?, depth: self.depth };
        let value = read(&mut inner)?;
        inner.end()?;
        Ok(value)
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Promises that nothing is left.
    ///
    /// # Errors
    /// [`Error::Trailing`] when something is.
    pub fn end(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::Trailing(self.rest.len())) }
    }
}

/// A frame that has arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// A function number or a return value.
    pub head: u32,
    /// The values.
    pub body: &'a [u8],
    /// How many bytes the frame took, its length field included.
    pub taken: usize,
}

/// Cuts the first frame off the front of bytes that have arrived; nothing when it is not whole yet.
///
/// # Errors
/// [`Error::Length`] as soon as the length field is there and outside the limits. Framing is then lost.
pub fn cut(bytes: &[u8]) -> Result<Option<Frame<'_>>, Error> {
    let mut reader = Reader::new(bytes);
    let Ok(length) = reader.array() else { return Ok(None) };
    let length = length_within_limits(length)?;
    let (Ok(head), Some(taken)) = (reader.array(), length.checked_add(LENGTH)) else { return Ok(None) };
    match reader.raw(length.saturating_sub(HEAD)) {
        Ok(body) => Ok(Some(Frame { head: u32::from_be_bytes(head), body, taken })),
        Err(_) => Ok(None),
    }
}

/// How many bytes follow a length field.
///
/// # Errors
/// [`Error::Length`] when that is outside the limits.
pub fn length_within_limits(field: [u8; 4]) -> Result<usize, Error> {
    let length = usize::try_from(u32::from_be_bytes(field)).unwrap_or(usize::MAX);
    if (HEAD..=LONGEST).contains(&length) { Ok(length) } else { Err(Error::Length(length)) }
}

/// Appends one frame to `to`, which may hold others already.
///
/// # Errors
/// [`Error::Length`] when it would be longer than [`LONGEST`]; `to` is then as it was.
pub fn frame(head: u32, to: &mut Vec<u8>, body: impl FnOnce(&mut Writer<'_>)) -> Result<(), Error> {
    let start = to.len();
    to.extend_from_slice(&[0; LENGTH]);
    to.extend_from_slice(&head.to_be_bytes());
    body(&mut Writer::new(to));
    let length = to.len().saturating_sub(start).saturating_sub(LENGTH);
    let field = u32::try_from(length).ok().filter(|_| length <= LONGEST).map(u32::to_be_bytes);
    match (field, to.get_mut(start..).and_then(<[u8]>::first_chunk_mut)) {
        (Some(field), Some(place)) => {
            *place = field;
            Ok(())
        }
        _ => {
            zeroize::Zeroize::zeroize(to.get_mut(start..).unwrap_or_default());
            to.truncate(start);
            Err(Error::Length(length))
        }
    }
}

/// The most bytes that may follow a length field: the 1 MiB that a request may have, and room for what stands around it.
pub const LONGEST: usize = LARGEST_DATA + 64 * 1024;

/// The most bytes of data that one call can carry.
pub const LARGEST_DATA: usize = 1024 * 1024;

/// No honest template nests deeper: an attribute of a key that a template of a wrapping key asks for is two.
pub const DEEPEST: usize = 4;

const LENGTH: usize = 4;
const HEAD: usize = 4;

/// What a connection from another host is for, as the module says it in the handshake and the daemon wants to hear it
/// (RFC 7301): no other protocol's bytes are ever read as calls.
pub const NAME: &[u8] = b"strongroom-pkcs11/1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_cut_only_when_it_is_whole() {
        let mut bytes = Vec::new();
        frame(7, &mut bytes, |to| to.raw(b"body")).unwrap();
        frame(8, &mut bytes, |_| ()).unwrap();
        for length in 0..12 {
            assert_eq!(cut(&bytes[..length]), Ok(None), "{length} bytes");
        }
        assert_eq!(cut(&bytes), Ok(Some(Frame { head: 7, body: b"body", taken: 12 })));
        assert_eq!(cut(&bytes[12..]), Ok(Some(Frame { head: 8, body: b"", taken: 8 })));
    }

    #[test]
    fn a_length_outside_the_limits_is_refused_at_once() {
        for (name, field, length) in [
            ("nothing", [0, 0, 0, 0], 0),
            ("less than a head", [0, 0, 0, 3], 3),
            ("one too many", u32::try_from(LONGEST + 1).unwrap().to_be_bytes(), LONGEST + 1),
            ("all ones", [255; 4], 0xffff_ffff),
        ] {
            assert_eq!(cut(&field), Err(Error::Length(length)), "{name}");
        }
    }

    #[test]
    fn a_frame_too_long_to_send_leaves_the_buffer_as_it_was() {
        let mut bytes = vec![1, 2, 3];
        let outcome = frame(7, &mut bytes, |to| to.raw(&vec![9; LONGEST]));
        assert_eq!(outcome, Err(Error::Length(LONGEST + HEAD)));
        assert_eq!(bytes, [1, 2, 3]);
    }

    #[test]
    fn a_count_is_believed_only_as_far_as_bytes_follow() {
        for (name, bytes, least, expected) in [
            ("all there", &[0, 0, 0, 1, 9, 9][..], 2, Ok(1)),
            ("one byte missing", &[0, 0, 0, 1, 9], 2, Err(Error::Count(1))),
            ("four thousand million", &[255, 255, 255, 255, 9], 8, Err(Error::Count(u32::MAX))),
            ("elements of no size", &[0, 0, 0, 9], 0, Err(Error::Count(9))),
            ("cut short", &[0, 0], 1, Err(Error::Short)),
        ] {
            assert_eq!(Reader::new(bytes).count(least), expected, "{name}");
        }
    }
}
