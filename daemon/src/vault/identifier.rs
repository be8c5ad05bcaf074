//! How an object is named.

use std::{fmt, sync::Arc};

use crate::chance::{self, Chance, Dry};

/// The identifier of an object: random, and compared byte for byte. The many places that know an object share its letters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(Arc<str>);

impl ObjectId {
    /// A new identifier, a version 4 UUID (RFC 9562 §5.4).
    ///
    /// # Errors
    /// [`Dry`] when there is no randomness.
    pub fn random(chance: &dyn Chance) -> Result<Self, Dry> {
        let mut bytes: [u8; 16] = chance::array(chance)?;
        bytes[6] = (bytes[6] & 0x0F) | 0x40;
        bytes[8] = (bytes[8] & 0x3F) | 0x80;
        let mut text = String::with_capacity(36);
        for (at, byte) in bytes.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push_str(&format!("{byte:02x}"));
        }
        Ok(Self(text.into()))
    }

    /// The identifier that a caller or a row names, whatever it is; whether there is such an object is another question.
    pub fn from_text(text: &str) -> Self {
        Self(text.into())
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
