//! Secret bytes as letters that a person can copy by hand: RFC 4648 §6 without padding, in groups of four letters with a
//! fifth that shows a mistake in its group.
//!
//! A secret is never an index or a branch here. Letters are read in either case, and the digits 0, 1 and 8, which the
//! alphabet does not have, as the letters that they look like.

use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

/// Writes bytes as groups with hyphens between them.
pub(super) fn write(bytes: &Secret) -> Zeroizing<String> {
    let groups = bytes.len().saturating_mul(8).div_ceil(GROUP_BITS);
    let mut text = Zeroizing::new(String::with_capacity(groups.saturating_mul(LETTERS + 2)));
    for group in 0..groups {
        if group > 0 {
            text.push('-');
        }
        let values: [u8; LETTERS] = std::array::from_fn(|at| five(bytes.reveal(), group * LETTERS + at));
        values.iter().chain([&check(&values, group)]).for_each(|value| text.push(letter(*value)));
    }
    text
}

/// Reads `length` bytes back.
///
/// # Errors
/// The number of the first group, from 1, that is not as it was written; nought where there are too few or too many.
pub(super) fn read(text: &[u8], length: usize) -> Result<Secret, usize> {
    let groups = length.saturating_mul(8).div_ceil(GROUP_BITS);
    if text.split(|byte| *byte == b'-').count() != groups {
        return Err(0);
    }
    let mut bytes = Zeroizing::new(vec![0; length]);
    for (group, letters) in text.split(|byte| *byte == b'-').enumerate() {
        let wrong = group.saturating_add(1);
        let letters: &[u8; LETTERS + 1] = letters.try_into().map_err(|_| wrong)?;
        let values = Zeroizing::new(letters.map(value));
        let [one, two, three, four, last] = *values;
        let bad = (one | two | three | four | last) & NONE;
        if bad | (check(&[one, two, three, four], group) ^ last) != 0 {
            return Err(wrong);
        }
        let mut over = 0;
        for (at, value) in [one, two, three, four].into_iter().enumerate() {
            over |= put(&mut bytes, group * LETTERS + at, value);
        }
        if over != 0 {
            return Err(wrong);
        }
    }
    Ok(Secret::copy_of(&bytes))
}

/// The five bits at a place; noughts behind the end.
fn five(bytes: &[u8], place: usize) -> u8 {
    let first = place.saturating_mul(5);
    (0..5).fold(0, |sum, bit| {
        let at = first.saturating_add(bit);
        let byte = bytes.get(at / 8).copied().unwrap_or(0);
        (sum << 1) | ((byte >> (7 - at % 8)) & 1)
    })
}

/// Puts five bits at a place; gives back what lies behind the end.
fn put(bytes: &mut [u8], place: usize, value: u8) -> u8 {
    let first = place.saturating_mul(5);
    (0..5).fold(0, |over, bit| {
        let (at, one) = (first.saturating_add(bit), (value >> (4 - bit)) & 1);
        match bytes.get_mut(at / 8) {
            Some(byte) => {
                *byte |= one << (7 - at % 8);
                over
            }
            None => over | one,
        }
    })
}

/// The sum over GF(2^5) that a group ends with: another letter, and two that changed places, change it. It depends on
/// where the group stands, so groups do not change places unseen.
fn check(values: &[u8; LETTERS], group: usize) -> u8 {
    let place = u8::try_from(group % 31).unwrap_or(0);
    twice(values.iter().fold(place ^ 0x15, |sum, value| twice(sum) ^ value))
}

/// Twice an element, modulo x^5 + x^2 + 1.
fn twice(element: u8) -> u8 {
    ((element << 1) & 31) ^ (5 & 0u8.wrapping_sub((element >> 4) & 1))
}

/// A to Z, then 2 to 7.
fn letter(value: u8) -> char {
    let digit = within(value, 26, 31);
    char::from((b'A'.wrapping_add(value) & !digit) | (b'2'.wrapping_add(value.wrapping_sub(26)) & digit))
}

/// The value of a letter; [`NONE`] is set where it is none.
fn value(letter: u8) -> u8 {
    let upper = letter.wrapping_sub(0x20 & within(letter, b'a', b'z'));
    let ranges =
        [(b'A', b'Z', 0), (b'2', b'7', 26), (b'0', b'0', b'O' - b'A'), (b'1', b'1', b'I' - b'A'), (b'8', b'8', 1)];
    ranges.iter().fold(NONE, |sum, (first, last, value)| {
        let here = within(upper, *first, *last);
        (sum & !here) | (upper.wrapping_sub(*first).wrapping_add(*value) & here)
    })
}

/// All ones where the byte is of the range, else nought; in time that does not depend on it.
fn within(byte: u8, first: u8, last: u8) -> u8 {
    let below = u16::from(byte).wrapping_sub(u16::from(first)) >> 15;
    let above = u16::from(last).wrapping_sub(u16::from(byte)) >> 15;
    let [_, outside] = (below | above).to_be_bytes();
    outside.wrapping_sub(1)
}

/// Letters of a group, without the last.
const LETTERS: usize = 4;
const GROUP_BITS: usize = LETTERS * 5;
/// No value of five bits.
const NONE: u8 = 0x80;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn letters_are_those_of_rfc_4648() {
        let text: String = (0..32).map(letter).collect();
        assert_eq!(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
        let read: Vec<u8> = (0..=255).map(value).collect();
        for (name, letter, expected) in [
            ("a capital", b'C', 2),
            ("a small letter", b'z', 25),
            ("nought for O", b'0', 14),
            ("one for I", b'1', 8),
            ("eight for B", b'8', 1),
            ("the last digit", b'7', 31),
            ("nine", b'9', NONE),
            ("an at", b'@', NONE),
            ("a bracket", b'[', NONE),
            ("a brace", b'{', NONE),
            ("high", 0xC1, NONE),
        ] {
            assert_eq!(read[usize::from(letter)], expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(bytes in proptest::collection::vec(any::<u8>(), 1..70)) {
            let text = write(&Secret::copy_of(&bytes));
            prop_assert!(read(text.as_bytes(), bytes.len()).unwrap().same_as(&bytes));
            prop_assert!(read(text.to_lowercase().as_bytes(), bytes.len()).unwrap().same_as(&bytes));
        }

        #[test]
        fn a_wrong_letter_and_two_exchanged_are_named_with_their_group(
            bytes in proptest::collection::vec(any::<u8>(), 32), group in 0usize..13, at in 0usize..5, other in 0u8..32
        ) {
            let text = write(&Secret::copy_of(&bytes));
            let place = group * 6 + at;
            let mut wrong = text.as_bytes().to_vec();
            wrong[place] = u8::try_from(letter(other)).unwrap();
            if wrong != text.as_bytes() {
                prop_assert_eq!(read(&wrong, 32).err(), Some(group + 1));
            }
            let mut swapped = text.as_bytes().to_vec();
            if at < 4 && swapped[place] != swapped[place + 1] {
                swapped.swap(place, place + 1);
                prop_assert_eq!(read(&swapped, 32).err(), Some(group + 1));
            }
        }
    }

    #[test]
    fn too_few_and_too_many_groups_are_no_bytes() {
        let text = write(&Secret::copy_of(&[7; 32]));
        for (name, text) in
            [("nothing", String::new()), ("one fewer", text[..71].to_owned()), ("one more", format!("{}-AAAAA", *text))]
        {
            assert_eq!(read(text.as_bytes(), 32).err(), Some(0), "{name}");
        }
    }
}
