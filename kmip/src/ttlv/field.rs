//! How values become fields of structures: once, at most once, or as often as they like.

use super::{Item, Kind, Malformed, Writer};
use crate::{tag::Tag, version::Version};

/// A value that one item carries.
pub trait Value: Sized {
    /// Writes the value as one item under `tag`.
    fn write(&self, tag: Tag, to: &mut Writer);

    /// Reads the value from an item, whatever its tag.
    ///
    /// # Errors
    /// [`Malformed`] when the item is of another type or holds what is not allowed.
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed>;

    /// Whether a peer of this version can understand the value: a code that it does not speak, or a structure that
    /// cannot do without one, does not fit. Optional and repeated fields leave such values out.
    fn fits(&self, _version: Version) -> bool {
        true
    }
}

/// A value made of fields, as `structure!` declares it.
pub trait Structure: Sized {
    /// Writes the fields that the peer's version knows, in the order of the table.
    fn write_fields(&self, to: &mut Writer);

    /// Takes the fields out of `fields`; what is left over is for the caller to judge.
    ///
    /// # Errors
    /// [`Malformed`] when a field is missing or cannot be read.
    fn read_fields(fields: &mut Fields<'_, '_>) -> Result<Self, Malformed>;
}

/// A field: how often its value stands on the wire.
pub trait Field: Sized {
    /// Writes every value there is.
    fn emit(&self, tag: Tag, to: &mut Writer);

    /// Takes every value there may be.
    ///
    /// # Errors
    /// [`Malformed`] when a value is missing or cannot be read.
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed>;

    /// Whether the structure can be written for a peer of this version with this field as it is.
    fn fits(&self, _version: Version) -> bool {
        true
    }
}

impl<T: Value> Field for T {
    fn emit(&self, tag: Tag, to: &mut Writer) {
        self.write(tag, to);
    }
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        T::read(from.take(tag).ok_or(Malformed::Missing(tag))?)
    }
    fn fits(&self, version: Version) -> bool {
        Value::fits(self, version)
    }
}

impl<T: Value> Field for Option<T> {
    fn emit(&self, tag: Tag, to: &mut Writer) {
        if let Some(value) = self
            && Value::fits(value, to.version())
        {
            value.write(tag, to);
        }
    }
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        from.take(tag).map(T::read).transpose()
    }
}

impl<T: Value> Field for Vec<T> {
    fn emit(&self, tag: Tag, to: &mut Writer) {
        let version = to.version();
        self.iter().filter(|value| Value::fits(*value, version)).for_each(|value| value.write(tag, to));
    }
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        let mut all = Self::new();
        while let Some(item) = from.take(tag) {
            all.push(T::read(item)?);
        }
        Ok(all)
    }
}

/// The fields of one structure that nobody has taken yet.
///
/// Fields are found in any order, because real clients disagree with the specification about it; each is taken
/// once, and what nobody took is an error, so nothing a peer sent is ever passed over in silence.
pub struct Fields<'t, 'a> {
    items: Vec<Option<Item<'t, 'a>>>,
    front: usize,
}

impl<'t, 'a> Fields<'t, 'a> {
    /// The fields of a Structure.
    ///
    /// # Errors
    /// [`Malformed::Type`] when `item` is no Structure.
    pub fn of(item: Item<'t, 'a>) -> Result<Self, Malformed> {
        item.of(Kind::Structure)?;
        Ok(Self { items: item.children().map(Some).collect(), front: 0 })
    }

    /// The next field, whatever its tag, without taking it.
    pub fn peek(&self) -> Option<Item<'t, 'a>> {
        self.items.iter().skip(self.front).flatten().next().copied()
    }

    /// Takes the first field under `tag`.
    pub fn take(&mut self, tag: Tag) -> Option<Item<'t, 'a>> {
        let place = self.items.iter_mut().skip(self.front).find(|place| place.is_some_and(|item| item.tag() == tag))?;
        let item = place.take();
        while matches!(self.items.get(self.front), Some(None)) {
            self.front += 1;
        }
        item
    }

    /// Takes the next field, whatever its tag.
    pub fn take_any(&mut self) -> Option<Item<'t, 'a>> {
        let tag = self.peek()?.tag();
        self.take(tag)
    }

    /// Says whether everything was taken.
    ///
    /// # Errors
    /// [`Malformed::Unexpected`] with the first field that nobody took.
    pub fn finish(&self) -> Result<(), Malformed> {
        match self.peek() {
            None => Ok(()),
            Some(item) => Err(Malformed::Unexpected(item.tag())),
        }
    }
}
