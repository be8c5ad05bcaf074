//! The application's memory: what it gives us to read, and where it wants the answer.
//!
//! Nothing is believed to be aligned. Bytes are copied out before the first byte is written, because input and output may
//! be the same place. The two-call rule of PKCS#11 3.2 §5.2 stands here once.

use std::{marker::PhantomData, ptr, slice};

use cryptoki_sys::{CK_BBOOL, CK_ULONG};
use strongroom_pkcs11_wire::{
    Rv, codec,
    value::{Bytes, Output as Answer, Room, Wiped},
};

/// Bytes the application gave us to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// # Safety
    /// `start` is null, or points to `length` readable bytes that stay as they are for `'a`.
    ///
    /// # Errors
    /// [`Rv::ARGUMENTS_BAD`] for null with a length, and for a length that no memory has.
    pub(super) unsafe fn new(start: *const u8, length: CK_ULONG) -> Result<Self, Rv> {
        match (start.is_null(), size(length)?) {
            (_, 0) => Ok(Self(&[])),
            (true, _) => Err(Rv::ARGUMENTS_BAD),
            // SAFETY: not null, not longer than memory can be; the caller vouches that it is there.
            (false, length) => Ok(Self(unsafe { slice::from_raw_parts(start, length) })),
        }
    }

    /// A copy that is wiped: data of an operation.
    ///
    /// # Errors
    /// [`Rv::DATA_LEN_RANGE`] when it is more than one call can carry.
    pub(super) fn wiped(self) -> Result<Wiped, Rv> {
        if self.0.len() > codec::LARGEST_DATA { Err(Rv::DATA_LEN_RANGE) } else { Ok(Wiped::from(self.0)) }
    }

    /// A copy: a signature, a wrapped key, a parameter.
    ///
    /// # Errors
    /// `too_long` when it is more than one call can carry.
    pub(super) fn bytes(self, too_long: Rv) -> Result<Bytes, Rv> {
        if self.0.len() > codec::LARGEST_DATA { Err(too_long) } else { Ok(Bytes::from(self.0)) }
    }

    /// The application's own bytes, for a call that copies them part by part.
    pub(super) const fn all(self) -> &'a [u8] {
        self.0
    }

    /// Pieces that one call can carry each.
    pub(super) fn pieces(self) -> impl Iterator<Item = Wiped> + use<'a> {
        self.0.chunks(codec::LARGEST_DATA).map(Wiped::from)
    }
}

/// A PIN: null means that the token asks for it by itself.
///
/// # Safety
/// As for [`Input::new`].
///
/// # Errors
/// [`Rv::PIN_LEN_RANGE`] for one that nobody could remember, else as for [`Input::new`].
pub(super) unsafe fn pin(start: *const u8, length: CK_ULONG) -> Result<Option<Wiped>, Rv> {
    // SAFETY: promised by the caller.
    let input = unsafe { Input::new(start, length) }?;
    match (start.is_null(), input.0.len()) {
        (true, _) => Ok(None),
        (false, length) if length > LONGEST_PIN => Err(Rv::PIN_LEN_RANGE),
        (false, _) => Ok(Some(Wiped::from(input.0))),
    }
}

/// What a pointer to a structure points to, or nothing for null.
///
/// # Safety
/// `start` is null, or points to a `T`, aligned or not.
pub(super) unsafe fn structure<T: Copy>(start: *const T) -> Option<T> {
    // SAFETY: not null; the caller vouches for the rest.
    (!start.is_null()).then(|| unsafe { start.read_unaligned() })
}

/// Whether there is a number to read, by the system's word: it reads a set of signals there, and then does not know what to do
/// with it.
pub(super) fn is_readable(start: *const u64) -> bool {
    const NEITHER: libc::c_int = -1;
    // SAFETY: nothing is written, and the system says so where nothing can be read.
    let said =
        unsafe { libc::syscall(libc::SYS_rt_sigprocmask, NEITHER, start, ptr::null_mut::<u64>(), size_of::<u64>()) };
    said == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::EFAULT)
}

/// A place for one value.
#[derive(Debug)]
pub(super) struct Place<'a, T> {
    start: *mut T,
    life: PhantomData<&'a mut T>,
}

impl<T: Copy> Place<'_, T> {
    /// # Safety
    /// `start` is null, or points to a writable `T`, aligned or not, that is ours for as long as this lives.
    ///
    /// # Errors
    /// [`Rv::ARGUMENTS_BAD`] for null.
    pub(super) unsafe fn new(start: *mut T) -> Result<Self, Rv> {
        if start.is_null() { Err(Rv::ARGUMENTS_BAD) } else { Ok(Self { start, life: PhantomData }) }
    }

    /// Writes the value.
    pub(super) fn put(&mut self, value: T) {
        // SAFETY: not null and writable, as `new` was promised.
        unsafe { self.start.write_unaligned(value) }
    }

    fn take(&self) -> T {
        // SAFETY: not null and readable, as `new` was promised.
        unsafe { self.start.read_unaligned() }
    }
}

/// A place for many values, of which the application knows how many it takes.
#[derive(Debug)]
pub(super) struct Row<'a, T> {
    start: *mut T,
    room: usize,
    life: PhantomData<&'a mut T>,
}

impl<T: Copy> Row<'_, T> {
    /// # Safety
    /// `start` is null, or points to `room` writable values, aligned or not, that are ours for as long as this lives.
    ///
    /// # Errors
    /// [`Rv::ARGUMENTS_BAD`] for null with room, and for more room than memory has.
    pub(super) unsafe fn new(start: *mut T, room: CK_ULONG) -> Result<Self, Rv> {
        let room = size(room)?;
        let bytes = room.checked_mul(size_of::<T>()).filter(|bytes| isize::try_from(*bytes).is_ok());
        if bytes.is_none() || (start.is_null() && room != 0) {
            return Err(Rv::ARGUMENTS_BAD);
        }
        Ok(Self { start, room, life: PhantomData })
    }

    /// How many values there is room for.
    pub(super) const fn room(&self) -> usize {
        self.room
    }

    /// Writes the values.
    ///
    /// # Errors
    /// [`Rv::DEVICE_ERROR`], and nothing is written, when they are more than there is room for: whoever made them was told.
    pub(super) fn fill(&mut self, values: &[T]) -> Result<(), Rv> {
        if values.len() > self.room {
            return Err(Rv::DEVICE_ERROR);
        }
        if !values.is_empty() {
            // SAFETY: room for at least so many, as `new` was promised; copied as bytes, so alignment does not matter; the
            // values are ours and so overlap nothing of the application's.
            unsafe { ptr::copy_nonoverlapping(values.as_ptr().cast::<u8>(), self.start.cast(), size_of_val(values)) }
        }
        Ok(())
    }
}

/// Where an output goes, by the two-call rule: null asks for its length, too small a buffer is told the length.
#[derive(Debug)]
pub(super) struct Output<'a, T> {
    /// Nothing when the application only asks how much there is.
    row: Option<Row<'a, T>>,
    length: Place<'a, CK_ULONG>,
}

impl<T: Copy> Output<'_, T> {
    /// # Safety
    /// `length` is null or points to a number we may change; `start` is null or points to as many writable values as that
    /// number says.
    ///
    /// # Errors
    /// [`Rv::ARGUMENTS_BAD`] for a null `length`, and for more room than memory has.
    pub(super) unsafe fn new(start: *mut T, length: *mut CK_ULONG) -> Result<Self, Rv> {
        // SAFETY: promised above.
        let length = unsafe { Place::new(length) }?;
        let row = if start.is_null() {
            None
        } else {
            // SAFETY: promised above.
            Some(unsafe { Row::new(start, length.take()) }?)
        };
        Ok(Self { row, length })
    }

    /// Gives all values, or says how many there are.
    ///
    /// # Errors
    /// [`Rv::BUFFER_TOO_SMALL`] after saying so.
    pub(super) fn give(mut self, values: &[T]) -> Result<(), Rv> {
        let count = CK_ULONG::try_from(values.len()).map_err(|_| Rv::DEVICE_ERROR)?;
        let outcome = match &mut self.row {
            None => Ok(()),
            Some(row) if row.room < values.len() => Err(Rv::BUFFER_TOO_SMALL),
            Some(row) => row.fill(values),
        };
        self.length.put(count);
        outcome
    }
}

impl Output<'_, u8> {
    /// The room, as the daemon is told it.
    pub(super) fn room(&self) -> Room {
        self.row.as_ref().map_or(Room::Query, |row| Room::of(row.room))
    }

    /// Writes what the daemon answered, if that is an answer to what it was asked.
    ///
    /// # Errors
    /// [`Rv::BUFFER_TOO_SMALL`] after saying how long the output is; [`Rv::DEVICE_ERROR`], and nothing is changed, for an
    /// answer that breaks the rule.
    pub(super) fn settle(mut self, answer: &Answer) -> Result<(), Rv> {
        match (&mut self.row, answer) {
            (None, Answer::Length(length)) => {
                self.length.put(CK_ULONG::from(*length));
                Ok(())
            }
            (Some(row), Answer::Length(length)) if usize::try_from(*length).is_ok_and(|length| length > row.room) => {
                self.length.put(CK_ULONG::from(*length));
                Err(Rv::BUFFER_TOO_SMALL)
            }
            (Some(row), Answer::Bytes(bytes)) => {
                let length = CK_ULONG::try_from(bytes.len()).map_err(|_| Rv::DEVICE_ERROR)?;
                row.fill(bytes.reveal())?;
                self.length.put(length);
                Ok(())
            }
            (None, Answer::Bytes(_)) | (Some(_), Answer::Length(_)) => Err(Rv::DEVICE_ERROR),
        }
    }
}

/// A `CK_BBOOL`, which is 0 or 1 and nothing else.
pub(super) const fn truth(value: CK_BBOOL) -> Option<bool> {
    match value {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// A length that memory can have.
fn size(length: CK_ULONG) -> Result<usize, Rv> {
    isize::try_from(length).ok().and_then(|length| usize::try_from(length).ok()).ok_or(Rv::ARGUMENTS_BAD)
}

/// Longer than any passphrase; the daemon has its own limits within this one.
const LONGEST_PIN: usize = 4096;
