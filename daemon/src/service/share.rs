//! What one derivation gives to several keys: its bytes are cut into pieces, one for each, and what is over goes beside them.

use std::ops::Range;

use strongroom_kmip::{attribute::Template, code::OpaqueDataType, secret::Secret};

use super::refusal::Refusal;

/// How a derivation is shared out.
#[derive(Debug)]
pub struct Share {
    /// What is asked of the keys behind the first.
    pub others: Vec<Template>,
    /// Each key begins at a multiple of so many bytes, so that none has a part of what the pseudorandom function made for
    /// another.
    pub grain: usize,
    /// Bytes behind the last key that are given out as they are.
    pub beside: usize,
    /// What it becomes where that is no key but data, which whoever sees them reads: bytes of them, and of which type.
    pub data: Option<(usize, OpaqueDataType)>,
}

/// Where the pieces lie.
#[derive(Debug)]
pub(super) struct Pieces {
    places: Vec<Range<usize>>,
    /// Bytes of all of them, with what goes beside them.
    pub(super) whole: usize,
}

impl Default for Share {
    /// Everything for one key.
    fn default() -> Self {
        Self { others: Vec::new(), grain: 1, beside: 0, data: None }
    }
}

impl Share {
    /// Where keys of these lengths, in bytes, lie.
    ///
    /// # Errors
    /// [`Refusal`] for more keys and bytes than anybody has use for.
    pub(super) fn lay(&self, lengths: &[usize]) -> Result<Pieces, Refusal> {
        let much = || Refusal::invalid("so much is not derived at once");
        if lengths.len() > MOST_KEYS {
            return Err(much());
        }
        let (mut places, mut end) = (Vec::with_capacity(lengths.len()), 0_usize);
        for length in lengths {
            let start = end.checked_next_multiple_of(self.grain).ok_or_else(much)?;
            end = start.checked_add(*length).ok_or_else(much)?;
            places.push(start..end);
        }
        let whole = end.checked_add(self.beside).ok_or_else(much)?;
        Ok(Pieces { places, whole })
    }
}

impl Pieces {
    /// The bytes of each key, and those beside them, of everything that was derived.
    ///
    /// # Errors
    /// [`Refusal`] where that is less.
    pub(super) fn cut(&self, derived: &Secret) -> Result<(Vec<Secret>, Vec<u8>), Refusal> {
        let less = || Refusal::invalid("the derivation gives less");
        let all = derived.reveal();
        let of = |place: &Range<usize>| all.get(place.clone()).map(Secret::copy_of).ok_or_else(less);
        let keys = self.places.iter().map(of).collect::<Result<_, _>>()?;
        let end = self.places.last().map_or(0, |place| place.end);
        Ok((keys, all.get(end..self.whole).ok_or_else(less)?.to_vec()))
    }
}

/// More keys than any protocol takes at once.
pub const MOST_KEYS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn share(grain: usize, beside: usize) -> Share {
        Share { grain, beside, ..Share::default() }
    }

    #[test]
    fn no_two_keys_have_a_byte_in_common() {
        let derived = Secret::new((0..96).collect());
        for (name, grain, lengths, starts) in [
            ("one behind the other", 1, [20, 16, 16], [0, 20, 36]),
            ("each in blocks of its own", 32, [20, 16, 16], [0, 32, 64]),
            ("longer than a block", 32, [33, 1, 0], [0, 64, 96]),
        ] {
            let pieces = share(grain, 0).lay(&lengths).unwrap();
            let (keys, beside) = pieces.cut(&derived).unwrap();
            let found: Vec<Vec<u8>> = keys.iter().map(|key| key.reveal().to_vec()).collect();
            let expected: Vec<Vec<u8>> =
                starts.iter().zip(lengths).map(|(start, length)| (*start..*start + length as u8).collect()).collect();
            assert_eq!(found, expected, "{name}");
            assert!(beside.is_empty(), "{name}");
        }
    }

    #[test]
    fn what_goes_beside_them_is_behind_the_last() {
        let pieces = share(1, 4).lay(&[16, 16]).unwrap();
        assert_eq!(pieces.whole, 36);
        let (_, beside) = pieces.cut(&Secret::new((0..36).collect())).unwrap();
        assert_eq!(beside, [32, 33, 34, 35]);
        assert!(pieces.cut(&Secret::new(vec![0; 35])).is_err(), "less was derived");
    }

    #[test]
    fn what_nobody_has_use_for_is_refused_and_overflows_nowhere() {
        assert!(share(1, 0).lay(&[16; MOST_KEYS]).is_ok());
        assert!(share(1, 0).lay(&[16; MOST_KEYS + 1]).is_err(), "keys without end");
        assert!(share(1, 0).lay(&[usize::MAX, 1]).is_err(), "bytes without end");
        assert!(share(64, 0).lay(&[usize::MAX - 1, 1]).is_err(), "blocks without end");
        assert!(share(1, usize::MAX).lay(&[1]).is_err(), "bytes without end beside them");
    }
}
