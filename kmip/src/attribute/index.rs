//! How a row of the table of attributes is found by its tag or its name. Every attribute of every message is looked
//! for, so both indexes are made when this is compiled, and nearly every search ends at the first row it looks at.

use super::table::{Row, Standard};
use crate::tag::Tag;

impl Standard {
    /// The attribute of this tag.
    pub fn of_tag(tag: Tag) -> Option<Self> {
        find(&TAGS, spread(tag), |row| row.tag == tag)
    }

    /// The attribute of this name, written as KMIP 1.x writes it.
    pub fn named(name: &str) -> Option<Self> {
        Self::spelled(name.as_bytes())
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

/// Stands for no row.
const EMPTY: u8 = u8::MAX;

/// At least twice as many as rows, so that there are empty ones between.
const PLACES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_tag_and_by_its_name() {
        for row in Standard::ROWS {
            assert_eq!(Standard::of_tag(row.tag), Some(row.standard));
            assert_eq!(Standard::named(row.name), Some(row.standard));
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
