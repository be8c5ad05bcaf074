//! Secrets that stand on the wire as something else than a Byte String.

use super::{Item, Malformed, Value, Writer};
use crate::{secret::Secret, tag::Tag};

/// A whole number of any length, two's complement, most significant byte first, as it came.
///
/// Every number of a key is held like one of a private key, so that none has to be thought about.
pub struct BigInteger(pub Secret);

impl BigInteger {
    /// The number whose magnitude these bytes are, most significant first.
    pub fn positive(magnitude: &[u8]) -> Self {
        let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(magnitude.len().saturating_add(1)));
        // Without a zero in front, a high bit would make the number negative.
        if magnitude.first().is_none_or(|first| first & 0x80 != 0) {
            bytes.push(0);
        }
        bytes.extend_from_slice(magnitude);
        Self(Secret::copy_of(&bytes))
    }

    /// The magnitude without leading zeros, or nothing for a negative number.
    pub fn magnitude(&self) -> Option<&[u8]> {
        let bytes = self.0.reveal();
        if bytes.first().is_some_and(|first| first & 0x80 != 0) {
            return None;
        }
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        bytes.get(zeros..)
    }
}

impl std::fmt::Debug for BigInteger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BigInteger({} bytes)", self.0.len())
    }
}

impl Value for BigInteger {
    fn write(&self, tag: Tag, to: &mut Writer) {
        to.big_integer(tag, self.0.reveal());
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        item.big_integer().map(|bytes| Self(Secret::copy_of(bytes)))
    }
}

/// A text that nobody else may see, such as a password. It is not normalised.
pub struct SecretText(Secret);

impl SecretText {
    /// A copy of a text that somebody else wipes.
    pub fn copy_of(text: &str) -> Self {
        Self(Secret::copy_of(text.as_bytes()))
    }

    /// The text as a secret.
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretText({} bytes)", self.0.len())
    }
}

impl Value for SecretText {
    fn write(&self, tag: Tag, to: &mut Writer) {
        // Both ways to make one start from a text.
        to.text(tag, std::str::from_utf8(self.0.reveal()).unwrap_or_default());
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        item.text().map(Self::copy_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_values_print_their_length_and_nothing_else() {
        assert_eq!(format!("{:?}", SecretText::copy_of("hunter2")), "SecretText(7 bytes)");
        assert_eq!(format!("{:?}", BigInteger::positive(&[0x41; 4])), "BigInteger(4 bytes)");
    }

    #[test]
    fn a_magnitude_has_no_leading_zeros_and_no_sign() {
        assert_eq!(BigInteger::positive(&[0, 0xFF, 1]).magnitude(), Some(&[0xFF, 1][..]));
        assert_eq!(BigInteger(Secret::copy_of(&[0; 8])).magnitude(), Some(&[][..]));
        assert_eq!(BigInteger(Secret::copy_of(&[0xFF; 8])).magnitude(), None);
    }
}
