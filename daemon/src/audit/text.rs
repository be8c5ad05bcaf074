//! How the log writes bytes, times and other people's words, and how it reads the first two back. Strict both ways:
//! one spelling for every value.

use crate::clock::Time;

/// Appends `bytes` in lower-case hexadecimal.
pub(super) fn push_hex(line: &mut String, bytes: &[u8]) {
    for byte in bytes {
        line.push(nibble(byte >> 4));
        line.push(nibble(byte & 0xf));
    }
}

/// `bytes` in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    push_hex(&mut text, bytes);
    text
}

/// The bytes of lower-case hexadecimal `text`, if it is exactly that.
pub(super) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = (digit(*high)? << 4) | digit(*low)?;
    }
    Some(bytes)
}

fn nibble(value: u8) -> char {
    char::from(match value {
        0..=9 => b'0' + value,
        _ => b'a' + (value & 0xf) - 10,
    })
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

/// `bytes` in Base 64 with padding (RFC 4648 §4).
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let group = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for place in 0..4 {
            let sextet = usize::try_from((group >> (18 - 6 * place)) & 0x3f).unwrap_or(0);
            let letter = if place > three.len() { b'=' } else { ALPHABET.get(sextet).copied().unwrap_or(b'=') };
            text.push(char::from(letter));
        }
    }
    text
}

/// The bytes of `text` in Base 64, if it is padded, has no white space and its spare bits are nought.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.trim_end_matches('=').bytes() {
        bytes.push(u8::try_from(ALPHABET.iter().position(|known| *known == letter)?).ok()?);
    }
    let bytes: Vec<u8> = bytes
        .chunks(4)
        .flat_map(|four| {
            let sextet = |at: usize| u32::from(four.get(at).copied().unwrap_or(0));
            let group = (sextet(0) << 18) | (sextet(1) << 12) | (sextet(2) << 6) | sextet(3);
            let [_, first, second, third] = group.to_be_bytes();
            [first, second, third].into_iter().take(four.len().saturating_sub(1))
        })
        .collect();
    // Padding left out or in the wrong place, and spare bits that are set, all write back differently.
    (base64(&bytes) == text).then_some(bytes)
}

/// Appends a time as RFC 3339 writes it, UTC, with milliseconds: `2026-01-31T23:59:59.999Z`.
pub(super) fn push_time(line: &mut String, time: Time) {
    // The civil calendar from a count of days, in eras of 400 years that begin on the first of March.
    let days = time.0.div_euclid(86_400_000);
    let within = time.0.rem_euclid(86_400_000);
    let shifted = days.saturating_add(719_468);
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era.saturating_mul(400).saturating_add(year_of_era) + i64::from(month <= 2);
    // RFC 3339 has four digits for the year; clocks beyond them are broken, and their time is not worth a crash.
    push_digits(line, year.clamp(0, 9999), 4);
    for (mark, value) in
        [('-', month), ('-', day), ('T', within / 3_600_000), (':', within / 60_000 % 60), (':', within / 1000 % 60)]
    {
        line.push(mark);
        push_digits(line, value, 2);
    }
    line.push('.');
    push_digits(line, within % 1000, 3);
    line.push('Z');
}

fn push_digits(line: &mut String, value: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_i64.pow(place) % 10;
        line.push(char::from_digit(u32::try_from(digit).unwrap_or(0), 10).unwrap_or('0'));
    }
}

/// Appends a whole number.
pub(super) fn push_number(line: &mut String, value: u64) {
    let mut digits = [0; 20];
    let mut left = value;
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
        count += 1;
        if left == 0 {
            break;
        }
    }
    line.extend(digits.iter().skip(digits.len() - count).map(|digit| char::from(*digit)));
}

/// Appends a peer's words inside a JSON string: at most [`LONGEST`] bytes of them, an ellipsis where more were cut off, and
/// everything but plain ASCII escaped, so that a line of the log never plays tricks on a terminal or a parser.
pub(super) fn push_escaped(line: &mut String, words: &str) {
    let mut room = LONGEST;
    for letter in words.chars() {
        let Some(left) = room.checked_sub(letter.len_utf8()) else {
            push_unit(line, 0x2026);
            return;
        };
        room = left;
        match letter {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            ' '..='~' => line.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    push_unit(line, *unit);
                }
            }
        }
    }
}

fn push_unit(line: &mut String, unit: u16) {
    line.push_str("\\u");
    push_hex(line, &unit.to_be_bytes());
}

/// Bytes of a peer's text that the log keeps. An address, an identifier or a correlation value is shorter.
pub(super) const LONGEST: usize = 256;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn base64_writes_what_rfc_4648_does() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
            assert_eq!(from_base64(text).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn base64_has_one_spelling() {
        for (why, text) in [
            ("no padding", "Zg"),
            ("half the padding", "Zg="),
            ("too much padding", "Zg==="),
            ("padding alone", "===="),
            ("spare bits", "Zh=="),
            ("a space", "Zm 9v"),
            ("a newline", "Zm9v\n"),
            ("the other alphabet", "_-__"),
            ("padding inside", "Zg==Zg=="),
            ("one letter", "Z==="),
        ] {
            assert_eq!(from_base64(text), None, "{why}");
        }
    }

    #[test]
    fn hexadecimal_has_one_spelling() {
        assert_eq!(from_hex::<2>("0aff"), Some([0x0a, 0xff]));
        for (why, text) in
            [("upper case", "0AFF"), ("short", "0af"), ("long", "0aff0"), ("a sign", "+aff"), ("not ASCII", "é0a")]
        {
            assert_eq!(from_hex::<2>(text), None, "{why}");
        }
    }

    #[test]
    fn times_are_written_as_rfc_3339_has_them() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            let mut line = String::new();
            push_time(&mut line, Time(milliseconds));
            assert_eq!(line, text);
        }
    }

    #[test]
    fn a_broken_clock_is_written_without_harm() {
        for time in [i64::MIN, i64::MAX] {
            let mut line = String::new();
            push_time(&mut line, Time(time));
            assert_eq!(line.len(), 24, "{time}");
        }
    }

    #[test]
    fn numbers_are_written_in_full() {
        for value in [0, 7, 10, 4_294_967_296, u64::MAX] {
            let mut line = String::new();
            push_number(&mut line, value);
            assert_eq!(line, value.to_string());
        }
    }

    #[test]
    fn foreign_words_are_cut_and_say_so() {
        let mut line = String::new();
        push_escaped(&mut line, &"é".repeat(200));
        assert_eq!(line, format!("{}\\u2026", "\\u00e9".repeat(128)));
    }

    proptest! {
        #[test]
        fn foreign_words_are_plain_ascii_and_read_back(words in "\\PC{0,64}|[\\x00-\\x1f\\x7f\"\\\\]{0,64}") {
            let mut line = String::from("\"");
            push_escaped(&mut line, &words);
            line.push('"');
            prop_assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let read: String = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(read, words);
        }

        #[test]
        fn base64_reads_back(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(from_base64(&base64(&bytes)), Some(bytes));
        }
    }
}
