//! Templates: arrays of `CK_ATTRIBUTE` to wire attributes, and the answers back into the application's arrays.

use cryptoki_sys::{CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_ULONG, CK_UNAVAILABLE_INFORMATION};
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Rv,
    attribute::{Reveal, Shape, Template, Value, Wanted},
    codec,
    value::{Room, Wiped},
};

use super::memory::{self, Input, Row};

/// A copy of a template.
///
/// # Safety
/// `start` is null, or points to `count` attributes whose values are as their lengths say.
///
/// # Errors
/// [`Rv::ARGUMENTS_BAD`] for pointers and counts that cannot be, [`Rv::ATTRIBUTE_VALUE_INVALID`] for a value that has not the
/// shape of its attribute.
pub(super) unsafe fn template(start: *const CK_ATTRIBUTE, count: CK_ULONG) -> Result<Template, Rv> {
    // SAFETY: promised above.
    unsafe { copy(start, count, codec::DEEPEST) }
}

/// # Safety
/// As for [`template`].
unsafe fn copy(start: *const CK_ATTRIBUTE, count: CK_ULONG, depth: usize) -> Result<Template, Rv> {
    let depth = depth.checked_sub(1).ok_or(Rv::ATTRIBUTE_VALUE_INVALID)?;
    // SAFETY: promised by the caller.
    let entries = unsafe { entries(start, count) }?;
    entries
        .iter()
        // SAFETY: the application vouches for the value of each of its attributes.
        .map(|entry| unsafe { attribute(entry, depth) })
        .collect()
}

/// # Safety
/// The value of the attribute is as its length says.
unsafe fn attribute(entry: &CK_ATTRIBUTE, depth: usize) -> Result<Attribute, Rv> {
    let kind = AttributeType(entry.type_);
    if kind.shape() == Shape::Template {
        let size = entry_size();
        if !entry.ulValueLen.is_multiple_of(size) {
            return Err(Rv::ATTRIBUTE_VALUE_INVALID);
        }
        let count = entry.ulValueLen.checked_div(size).unwrap_or(0);
        // SAFETY: promised by the caller: the value is an array of attributes.
        let inner = unsafe { copy(entry.pValue.cast_const().cast(), count, depth) }?;
        return Ok(Attribute::new(kind, Value::Template(inner)));
    }
    // SAFETY: promised by the caller.
    let bytes = unsafe { Input::new(entry.pValue.cast_const().cast(), entry.ulValueLen) }?
        .bytes(Rv::ATTRIBUTE_VALUE_INVALID)
        .map(|bytes| Wiped::new(bytes.0))?;
    value(kind.shape(), bytes).map(|value| Attribute::new(kind, value)).ok_or(Rv::ATTRIBUTE_VALUE_INVALID)
}

/// Bytes as C keeps them, as a value.
fn value(shape: Shape, bytes: Wiped) -> Option<Value> {
    let number = |bytes: &[u8]| bytes.try_into().ok().map(CK_ULONG::from_ne_bytes);
    Some(match (shape, bytes.reveal()) {
        (Shape::Bool, [truth]) => Value::Bool(memory::truth(*truth)?),
        (Shape::Ulong, bytes) => Value::Ulong(number(bytes)?),
        (Shape::Date, []) => Value::Date(None),
        (Shape::Date, bytes) => Value::Date(Some(bytes.try_into().ok()?)),
        (Shape::Ulongs, bytes) => {
            let numbers = bytes.chunks(size_of::<CK_ULONG>()).map(number);
            Value::Ulongs(numbers.collect::<Option<_>>()?)
        }
        (Shape::Bytes, _) => Value::Bytes(bytes),
        (Shape::Bool | Shape::Template, _) => return None,
    })
}

/// A value as C keeps it. Templates have no such form: they are written in place.
fn native(value: &Value) -> Option<Wiped> {
    match value {
        Value::Bool(value) => Some(Wiped::new(vec![u8::from(*value)])),
        Value::Ulong(value) => Some(Wiped::new(value.to_ne_bytes().to_vec())),
        Value::Bytes(value) => Some(Wiped::from(value.reveal())),
        Value::Date(value) => Some(Wiped::from(value.as_ref().map_or(&[][..], |date| &date[..]))),
        Value::Ulongs(values) => Some(Wiped::new(values.iter().flat_map(|value| value.to_ne_bytes()).collect())),
        Value::Template(_) => None,
    }
}

/// Attributes the application wants to know, in its own array.
#[derive(Debug)]
pub(super) struct Questions<'a> {
    entries: Vec<CK_ATTRIBUTE>,
    row: Row<'a, CK_ATTRIBUTE>,
}

impl Questions<'_> {
    /// # Safety
    /// `start` is null, or points to `count` attributes that we may change, whose values are null or as many writable bytes
    /// as their lengths say.
    ///
    /// # Errors
    /// [`Rv::ARGUMENTS_BAD`] for pointers and counts that cannot be.
    pub(super) unsafe fn new(start: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Result<Self, Rv> {
        // SAFETY: promised above.
        let entries = unsafe { entries(start, count) }?;
        // SAFETY: promised above.
        let row = unsafe { Row::new(start, count) }?;
        Ok(Self { entries, row })
    }

    /// What the daemon is asked.
    pub(super) fn wanted(&self) -> Vec<Wanted> {
        let wanted = |entry: &CK_ATTRIBUTE| {
            let room = usize::try_from(entry.ulValueLen).unwrap_or(usize::MAX);
            Wanted {
                kind: AttributeType(entry.type_),
                room: if entry.pValue.is_null() { Room::Query } else { Room::of(room) },
            }
        };
        self.entries.iter().map(wanted).collect()
    }

    /// Writes the answers, one for each question. Every entry is settled even when an earlier one could not be answered
    /// (PKCS#11 3.2 §5.7.5).
    ///
    /// # Errors
    /// The first reason why an entry has no value.
    pub(super) fn settle(mut self, revealed: &[Reveal]) -> Result<(), Rv> {
        if revealed.len() != self.entries.len() {
            return Err(Rv::DEVICE_ERROR);
        }
        let mut outcome = Ok(());
        for (entry, reveal) in self.entries.iter_mut().zip(revealed) {
            let settled = match reveal {
                Reveal::Sensitive => Err(Rv::ATTRIBUTE_SENSITIVE),
                Reveal::Invalid => Err(Rv::ATTRIBUTE_TYPE_INVALID),
                Reveal::Length(length) => tell(entry, CK_ULONG::from(*length)),
                // SAFETY: the application vouched for the place of each value.
                Reveal::Value(attribute) => unsafe { give(entry, &attribute.value, codec::DEEPEST) },
            };
            if settled.is_err() {
                entry.ulValueLen = CK_UNAVAILABLE_INFORMATION;
            }
            outcome = outcome.and(settled);
        }
        self.row.fill(&self.entries)?;
        outcome
    }
}

/// Says how long a value is, to someone who only asked that or has no room for it.
fn tell(entry: &mut CK_ATTRIBUTE, length: CK_ULONG) -> Result<(), Rv> {
    if entry.pValue.is_null() {
        entry.ulValueLen = length;
        Ok(())
    } else if entry.ulValueLen < length {
        Err(Rv::BUFFER_TOO_SMALL)
    } else {
        Err(Rv::DEVICE_ERROR)
    }
}

/// Writes a value to where an entry points, or its length into the entry.
///
/// # Safety
/// The entry's value is null or has as many writable bytes as its length says.
unsafe fn give(entry: &mut CK_ATTRIBUTE, value: &Value, depth: usize) -> Result<(), Rv> {
    if let Value::Template(inner) = value {
        // SAFETY: promised by the caller.
        return unsafe { give_template(entry, inner, depth) };
    }
    let bytes = native(value).ok_or(Rv::DEVICE_ERROR)?;
    let length = CK_ULONG::try_from(bytes.len()).map_err(|_| Rv::DEVICE_ERROR)?;
    if entry.pValue.is_null() || entry.ulValueLen < length {
        return tell(entry, length);
    }
    // SAFETY: promised by the caller.
    let mut row = unsafe { Row::<u8>::new(entry.pValue.cast(), entry.ulValueLen) }?;
    row.fill(bytes.reveal())?;
    entry.ulValueLen = length;
    Ok(())
}

/// Writes a template to where an entry points: an array of attributes, whose own values are null or have room.
///
/// # Safety
/// As for [`give`], and what is there are attributes for which the same holds.
unsafe fn give_template(entry: &mut CK_ATTRIBUTE, inner: &Template, depth: usize) -> Result<(), Rv> {
    let depth = depth.checked_sub(1).ok_or(Rv::DEVICE_ERROR)?;
    let count = CK_ULONG::try_from(inner.len()).map_err(|_| Rv::DEVICE_ERROR)?;
    let length = count.checked_mul(entry_size()).ok_or(Rv::DEVICE_ERROR)?;
    if entry.pValue.is_null() || entry.ulValueLen < length {
        return tell(entry, length);
    }
    let start: *mut CK_ATTRIBUTE = entry.pValue.cast();
    // SAFETY: promised by the caller; the array is at least so long.
    let mut places = unsafe { entries(start, count) }?;
    let mut outcome = Ok(());
    for (place, attribute) in places.iter_mut().zip(inner) {
        place.type_ = attribute.kind.0;
        // SAFETY: promised by the caller.
        let given = unsafe { give(place, &attribute.value, depth) };
        if given.is_err() {
            place.ulValueLen = CK_UNAVAILABLE_INFORMATION;
        }
        outcome = outcome.and(given);
    }
    // SAFETY: promised by the caller; the array is at least so long.
    unsafe { Row::new(start, count) }?.fill(&places)?;
    entry.ulValueLen = length;
    outcome
}

/// A copy of an array of attributes, whose values stay where they are.
///
/// # Safety
/// `start` is null, or points to `count` attributes, aligned or not.
unsafe fn entries(start: *const CK_ATTRIBUTE, count: CK_ULONG) -> Result<Vec<CK_ATTRIBUTE>, Rv> {
    let count = usize::try_from(count).ok().filter(|count| *count <= MOST).ok_or(Rv::ARGUMENTS_BAD)?;
    if start.is_null() && count != 0 {
        return Err(Rv::ARGUMENTS_BAD);
    }
    // SAFETY: promised by the caller; `index` is below `count`.
    Ok((0..count).map(|index| unsafe { start.wrapping_add(index).read_unaligned() }).collect())
}

/// How long an attribute is in C.
const fn entry_size() -> CK_ULONG {
    const SIZE: CK_ULONG = 24;
    const _: () = assert!(size_of::<CK_ATTRIBUTE>() == 24 && size_of::<CK_ATTRIBUTE_TYPE>() == 8);
    SIZE
}

/// There are not half as many attributes in the standard.
const MOST: usize = 512;
