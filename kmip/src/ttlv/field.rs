//! How values become fields of structures: once, at most once, or as often as they like.

use super::{Item, Kind, Malformed, Writer, reader::Children};
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

    /// The same, as what `hold` makes of the value: a structure that is put together where it is to stand need not be moved
    /// there.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[inline]
    fn read_as<T>(item: Item<'_, '_>, hold: impl FnOnce(Self) -> T) -> Result<T, Malformed> {
        Self::read(item).map(hold)
    }

    /// Whether a peer of this version can understand the value: a code that it does not speak, or a structure that
    /// cannot do without one, does not fit. Optional and repeated fields leave such values out.
    fn fits(&self, _version: Version) -> bool {
        true
    }

    /// About how many bytes of bulk there are in it, such as the data that are to be encrypted: a [`Writer`] that knows
    /// makes room for all of it at once. What is small counts for nothing.
    #[inline]
    fn bulk(&self) -> usize {
        0
    }
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

    /// The [`bulk`](Value::bulk) of every value there is.
    #[inline]
    fn bulk(&self) -> usize {
        0
    }
}

impl<T: Value> Field for T {
    fn emit(&self, tag: Tag, to: &mut Writer) {
        self.write(tag, to);
    }
    #[inline]
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        match from.take(tag) {
            Some(item) => T::read(item),
            None => Err(Malformed::Missing(tag)),
        }
    }
    fn fits(&self, version: Version) -> bool {
        Value::fits(self, version)
    }
    #[inline]
    fn bulk(&self) -> usize {
        Value::bulk(self)
    }
}

/// A value that is kept elsewhere because it is large and seldom there.
impl<T: Value> Value for Box<T> {
    fn write(&self, tag: Tag, to: &mut Writer) {
        T::write(self, tag, to);
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        T::read(item).map(Self::new)
    }
    fn fits(&self, version: Version) -> bool {
        T::fits(self, version)
    }
    fn bulk(&self) -> usize {
        T::bulk(self)
    }
}

impl<T: Value> Field for Option<T> {
    #[inline]
    fn bulk(&self) -> usize {
        self.as_ref().map_or(0, Value::bulk)
    }
    fn emit(&self, tag: Tag, to: &mut Writer) {
        if let Some(value) = self
            && Value::fits(value, to.version())
        {
            value.write(tag, to);
        }
    }
    #[inline(always)]
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        match from.take(tag) {
            Some(item) => T::read(item).map(Some),
            None => Ok(None),
        }
    }
}

impl<T: Value> Field for Vec<T> {
    #[inline]
    fn bulk(&self) -> usize {
        self.iter().fold(0, |bulk, value| value.bulk().saturating_add(bulk))
    }
    #[inline]
    fn emit(&self, tag: Tag, to: &mut Writer) {
        let version = to.version();
        self.iter().filter(|value| Value::fits(*value, version)).for_each(|value| value.write(tag, to));
    }
    #[inline]
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
    /// The first field that nobody has taken, and all behind it.
    front: Children<'t, 'a>,
    /// Which tags there may be, folded into one word: most fields that are not there cost no walk.
    present: u64,
    /// What is known of the fields behind the front, once one of them was taken before its turn.
    ahead: Option<Box<Ahead<'t, 'a>>>,
}

/// The fields behind the front that were taken.
struct Ahead<'t, 'a> {
    /// The count of the front; places are counted from where the front stood when the first was taken before its turn.
    front: usize,
    /// The counts of those that were taken.
    taken: Taken,
    /// Where a field of this tag was found last: there is none left of it before that, so a long run of fields of one
    /// tag costs one walk and not one for each.
    last: (Tag, usize, Children<'t, 'a>),
}

impl<'t, 'a> Fields<'t, 'a> {
    /// The fields of a Structure.
    ///
    /// # Errors
    /// [`Malformed::Type`] when `item` is no Structure.
    #[inline]
    pub fn of(item: Item<'t, 'a>) -> Result<Self, Malformed> {
        item.of(Kind::Structure)?;
        let front = item.children();
        let present = front.clone().fold(0, |present, child| present | fold(child.tag()));
        Ok(Self { front, present, ahead: None })
    }

    /// Takes the first field under `tag`.
    #[inline(always)]
    pub fn take(&mut self, tag: Tag) -> Option<Item<'t, 'a>> {
        // Most fields of most tables are not there.
        if self.present & fold(tag) == 0 { None } else { self.find(tag) }
    }

    #[inline]
    fn find(&mut self, tag: Tag) -> Option<Item<'t, 'a>> {
        match self.front.tag() {
            Some(front) if front == tag => self.take_any(),
            _ => self.search(tag),
        }
    }

    /// Takes the next field, whatever its tag.
    #[inline]
    pub fn take_any(&mut self) -> Option<Item<'t, 'a>> {
        let front = self.front.next();
        if self.ahead.is_some() {
            self.skip();
        }
        front
    }

    /// Says whether everything was taken.
    ///
    /// # Errors
    /// [`Malformed::Unexpected`] with the first field that nobody took.
    #[inline]
    pub fn finish(&self) -> Result<(), Malformed> {
        match self.front.tag() {
            None => Ok(()),
            Some(tag) => Err(Malformed::Unexpected(tag)),
        }
    }

    /// Moves the front, which was taken, on to the next field that nobody has taken.
    #[cold]
    fn skip(&mut self) {
        let Some(ahead) = &mut self.ahead else { return };
        ahead.front = ahead.front.wrapping_add(1);
        while ahead.taken.contains(ahead.front) && self.front.next().is_some() {
            ahead.front = ahead.front.wrapping_add(1);
        }
    }

    /// Takes the first field under `tag` that stands behind the front.
    fn search(&mut self, tag: Tag) -> Option<Item<'t, 'a>> {
        let (mut count, mut rest) = match &self.ahead {
            Some(ahead) if ahead.last.0 == tag && ahead.last.1 > ahead.front => (ahead.last.1, ahead.last.2.clone()),
            Some(ahead) => (ahead.front, self.front.clone()),
            None => (0, self.front.clone()),
        };
        loop {
            let place = rest.clone();
            let item = rest.next()?;
            if item.tag() == tag && !self.ahead.as_ref().is_some_and(|ahead| ahead.taken.contains(count)) {
                let last = (tag, count, place);
                match &mut self.ahead {
                    Some(ahead) => {
                        ahead.taken.insert(count);
                        ahead.last = last;
                    }
                    None => {
                        let mut taken = Taken::default();
                        taken.insert(count);
                        self.ahead = Some(Box::new(Ahead { front: 0, taken, last }));
                    }
                }
                return Some(item);
            }
            count = count.wrapping_add(1);
        }
    }
}

/// A bit for a tag; neighbours in the table of tags have different ones.
#[inline]
const fn fold(tag: Tag) -> u64 {
    1 << (tag.0 % u64::BITS)
}

/// Which fields were taken, by their count. Hardly a structure has more than the first word holds.
#[derive(Default)]
struct Taken {
    first: u64,
    more: Vec<u64>,
}

impl Taken {
    fn contains(&self, count: usize) -> bool {
        let word = match (count / WORD).checked_sub(1) {
            None => self.first,
            Some(word) => self.more.get(word).copied().unwrap_or(0),
        };
        word & bit(count) != 0
    }

    fn insert(&mut self, count: usize) {
        match (count / WORD).checked_sub(1) {
            None => self.first |= bit(count),
            Some(word) => {
                if self.more.len() <= word {
                    self.more.resize(word.saturating_add(1), 0);
                }
                if let Some(place) = self.more.get_mut(word) {
                    *place |= bit(count);
                }
            }
        }
    }
}

fn bit(count: usize) -> u64 {
    1 << (count % WORD)
}

const WORD: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ttlv::{Limits, Tree},
        version::V2_1,
    };

    /// A structure of Integers under these tags, valued by their place.
    fn structure(tags: &[Tag]) -> Vec<u8> {
        let mut to = Writer::new(V2_1);
        to.structure(Tag::RequestPayload, |to| {
            for (place, &tag) in (0..).zip(tags) {
                to.integer(tag, place);
            }
        });
        to.as_bytes().to_vec()
    }

    #[test]
    fn fields_are_taken_in_any_order_and_each_once() {
        let bytes = structure(&[Tag::P, Tag::Q, Tag::P, Tag::G]);
        let tree = Tree::read(&bytes, &Limits::default()).unwrap();
        let mut fields = Fields::of(tree.root()).unwrap();
        let mut taken = |tag| fields.take(tag).map(|item| item.integer().unwrap());
        assert_eq!(taken(Tag::G), Some(3));
        assert_eq!(taken(Tag::P), Some(0));
        assert_eq!(taken(Tag::P), Some(2));
        assert_eq!(taken(Tag::P), None);
        assert_eq!(taken(Tag::G), None);
        assert_eq!(fields.finish(), Err(Malformed::Unexpected(Tag::Q)));
        assert_eq!(fields.take_any().map(|item| item.integer()), Some(Ok(1)));
        assert_eq!(fields.finish(), Ok(()));
    }

    #[test]
    fn a_field_past_the_first_word_is_taken_once_too() {
        let mut tags = vec![Tag::Q];
        tags.extend(std::iter::repeat_n(Tag::P, 200));
        let bytes = structure(&tags);
        let tree = Tree::read(&bytes, &Limits::default()).unwrap();
        let mut fields = Fields::of(tree.root()).unwrap();
        let all: Vec<i32> = Field::scan(Tag::P, &mut fields).unwrap();
        assert_eq!(all, (1..=200).collect::<Vec<_>>());
        assert_eq!(fields.finish(), Err(Malformed::Unexpected(Tag::Q)));
    }

    #[test]
    fn a_structure_ends_where_its_neighbour_begins() {
        let mut to = Writer::new(V2_1);
        to.structure(Tag::RequestPayload, |to| {
            to.structure(Tag::Attributes, |_| {});
            to.integer(Tag::P, 1);
        });
        let tree = Tree::read(to.as_bytes(), &Limits::default()).unwrap();
        let empty = tree.root().children().next().unwrap();
        assert_eq!(empty.children().count(), 0);
        assert!(Fields::of(empty).unwrap().take(Tag::P).is_none());
    }
}
