//! How a row of the table of attributes is found by its tag or its name. Every attribute of every message is looked
//! for, so both indexes are made when this is compiled, and nearly every search ends at the first row it looks at.

use super::table::{Row, Standard};
use crate::{tag::Tag, ttlv::Kind};

impl Standard {
    /// The attribute of this tag.
    pub fn of_tag(tag: Tag) -> Option<Self> {
        find(&TAGS, spread(tag), |row| row.tag == tag)
    }

    /// The attribute of this name, written as KMIP 1.x writes it.
    pub fn named(name: &str) -> Option<Self> {
        Self::spelled(name.as_bytes())
    }

    /// How an Attribute of KMIP 1.x begins that is this one: its head, with a length of nought, and its name.
    #[inline]
    pub(super) fn beginning(self) -> &'static Beginning {
        &BEGINNINGS[self as usize]
    }

    /// The attribute whose name these bytes are.
    pub(super) fn spelled(name: &[u8]) -> Option<Self> {
        find(&NAMES, digest(name), |row| row.name.as_bytes() == name)
    }
}

/// The right row, searched for from a place on until there is an empty one.
#[inline]
fn find(index: &Index, start: usize, right: impl Fn(&Row) -> bool) -> Option<Standard> {
    let mut place = start;
    loop {
        let row = Standard::ROWS.get(usize::from(index[place % PLACES]))?;
        if right(row) {
            return Some(row.standard);
        }
        place = place.wrapping_add(1);
    }
}

/// Which row stands at each place, or [`EMPTY`].
type Index = [u8; PLACES];

const TAGS: Index = {
    let (mut index, mut row) = ([EMPTY; PLACES], 0);
    while row < Standard::ROWS.len() {
        index = enter(index, spread(Standard::ROWS[row].tag), row);
        row += 1;
    }
    index
};

const NAMES: Index = {
    let (mut index, mut row) = ([EMPTY; PLACES], 0);
    while row < Standard::ROWS.len() {
        index = enter(index, digest(Standard::ROWS[row].name.as_bytes()), row);
        row += 1;
    }
    index
};

const fn enter(mut index: Index, start: usize, row: usize) -> Index {
    assert!(row < EMPTY as usize && 2 * row < PLACES, "the index is too small for the table");
    let mut place = start % PLACES;
    while index[place] != EMPTY {
        place = (place + 1) % PLACES;
    }
    index[place] = row as u8;
    index
}

/// Where the search for a tag starts: neighbours in the table of tags have places of their own.
#[inline]
const fn spread(tag: Tag) -> usize {
    tag.0 as usize % PLACES
}

/// Where the search for a name starts: its length and three letters tell the standard's names apart, but for a few.
#[inline]
const fn digest(name: &[u8]) -> usize {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    let middle = name[name.len() / 2];
    (11 * (name.len() % PLACES) + 13 * (*first as usize + middle as usize) + 17 * *last as usize) % PLACES
}

/// Bytes, of which so many are told.
pub(super) struct Beginning(pub(super) [u8; LONGEST], pub(super) usize);

static BEGINNINGS: [Beginning; Standard::ROWS.len()] = {
    let mut all = [const { Beginning([0; LONGEST], 0) }; Standard::ROWS.len()];
    let mut row = 0;
    while row < all.len() {
        let name = Standard::ROWS[row].name.as_bytes();
        let (attribute, inside) = (Tag::Attribute.0.to_be_bytes(), Tag::AttributeName.0.to_be_bytes());
        let heads = [
            [attribute[1], attribute[2], attribute[3], Kind::Structure as u8, 0, 0, 0, 0],
            [inside[1], inside[2], inside[3], Kind::TextString as u8, 0, 0, 0, name.len() as u8],
        ];
        let Beginning(bytes, length) = &mut all[row];
        let (start, text) = bytes.split_at_mut(16);
        start.copy_from_slice(heads.as_flattened());
        text.split_at_mut(name.len()).0.copy_from_slice(name);
        *length = (16 + name.len()).next_multiple_of(8);
        row += 1;
    }
    all
};

/// Two heads and the longest name with its padding.
const LONGEST: usize = 16 + 40;

/// Stands for no row.
const EMPTY: u8 = u8::MAX;

/// At least twice as many as rows, so that there are empty ones between.
const PLACES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ttlv::Writer, version::V1_0};

    #[test]
    fn every_row_is_found_by_its_tag_and_by_its_name() {
        for row in Standard::ROWS {
            assert_eq!(Standard::of_tag(row.tag), Some(row.standard));
            assert_eq!(Standard::named(row.name), Some(row.standard));
        }
    }

    #[test]
    fn every_attribute_begins_as_it_would_be_written() {
        for row in Standard::ROWS {
            let mut to = Writer::new(V1_0);
            to.structure(Tag::Attribute, |to| to.text(Tag::AttributeName, row.name));
            let Beginning(bytes, length) = row.standard.beginning();
            let (written, begun) = (to.as_bytes(), &bytes[..*length]);
            assert_eq!((&begun[..4], &begun[8..]), (&written[..4], &written[8..]), "{}", row.name);
            assert_eq!(begun[4..8], [0; 4], "{}", row.name);
        }
    }

    #[test]
    fn what_stands_at_the_place_of_another_is_not_found() {
        for (what, found) in [
            ("a tag a whole index further", Standard::of_tag(Tag(Tag::State.0 + 512))),
            ("a tag that is no attribute's", Standard::of_tag(Tag::KeyMaterial)),
            ("the greatest tag", Standard::of_tag(Tag(u32::MAX))),
            ("a name with its length and its three letters", Standard::named("Stxte")),
            ("a name in other letters", Standard::named("state")),
            ("no name", Standard::named("")),
        ] {
            assert_eq!(found, None, "{what}");
        }
    }
}
