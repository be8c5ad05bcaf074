//! Which token of a library is meant: by label, by serial number, or by a PKCS#11 URI (RFC 7512), which may also say in which
//! slot it is.

use cryptoki::slot::{Slot, TokenInfo};

use super::message::Chosen;

/// Which token is meant. A library without such a token, or with several, is not worked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The one with this label.
    Label(String),
    /// The one with this serial number.
    Serial(String),
    /// The one with these properties; what is not said may be anything.
    Properties {
        /// Its label.
        label: Option<String>,
        /// Its serial number.
        serial: Option<String>,
        /// Its manufacturer.
        manufacturer: Option<String>,
        /// Its model.
        model: Option<String>,
        /// The number of its slot, where the library's numbers stay the same.
        number: Option<u64>,
    },
}

/// A URI that says something else than which token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It does not begin with `pkcs11:`.
    #[error("a token's URI begins with `pkcs11:`")]
    Scheme,
    /// An attribute that is not of a token, or stands twice.
    #[error("a token's URI says `token`, `serial`, `manufacturer`, `model` and `slot-id`, each at most once")]
    Attribute,
    /// A value with a bad percent sign, or that is no text.
    #[error("a value of the token's URI is not percent-encoded text")]
    Value,
    /// It says nothing.
    #[error("a token's URI names the token")]
    Empty,
}

impl Choice {
    /// Reads the path of a PKCS#11 URI (RFC 7512 §2.3). A query part would name the library and the PIN, which have keys of
    /// their own in the configuration, and is refused.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn from_uri(uri: &str) -> Result<Self, Unreadable> {
        let path = uri.strip_prefix("pkcs11:").ok_or(Unreadable::Scheme)?;
        let (mut label, mut serial, mut manufacturer, mut model, mut number) = (None, None, None, None, None);
        for part in path.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').ok_or(Unreadable::Attribute)?;
            if name == "slot-id" {
                let value = decoded(value)?.parse().map_err(|_| Unreadable::Value)?;
                if number.replace(value).is_some() {
                    return Err(Unreadable::Attribute);
                }
                continue;
            }
            let place = match name {
                "token" => &mut label,
                "serial" => &mut serial,
                "manufacturer" => &mut manufacturer,
                "model" => &mut model,
                _ => return Err(Unreadable::Attribute),
            };
            if place.replace(decoded(value)?).is_some() {
                return Err(Unreadable::Attribute);
            }
        }
        if number.is_none() && [&label, &serial, &manufacturer, &model].into_iter().all(Option::is_none) {
            return Err(Unreadable::Empty);
        }
        Ok(Self::Properties { label, serial, manufacturer, model, number })
    }

    /// Whether the token in this slot is meant.
    pub fn means(&self, slot: Slot, token: &TokenInfo) -> bool {
        let is = |wanted: &str, said: &str| wanted == said.trim_end();
        let says = |wanted: &Option<String>, said: &str| wanted.as_deref().is_none_or(|wanted| is(wanted, said));
        match self {
            Self::Label(label) => is(label, token.label()),
            Self::Serial(serial) => is(serial, token.serial_number()),
            Self::Properties { label, serial, manufacturer, model, number } => {
                number.is_none_or(|number| number == slot.id())
                    && says(label, token.label())
                    && says(serial, token.serial_number())
                    && says(manufacturer, token.manufacturer_id())
                    && says(model, token.model())
            }
        }
    }

    pub(super) fn chosen(&self) -> Chosen {
        match self.clone() {
            Self::Label(label) => Chosen::Label { label },
            Self::Serial(serial) => Chosen::Serial { serial },
            Self::Properties { label, serial, manufacturer, model, number } => {
                Chosen::Properties { label, serial, manufacturer, model, number }
            }
        }
    }
}

/// Percent-encoded text (RFC 3986 §2.1), decoded. A query mark is no part of a path.
fn decoded(text: &str) -> Result<String, Unreadable> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                let value = digit().zip(digit()).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
                bytes.push(value.ok_or(Unreadable::Value)?);
            }
            b'?' => return Err(Unreadable::Attribute),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| Unreadable::Value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_a_token() {
        let all = Choice::from_uri("pkcs11:token=The%20HSM;serial=00%3b1;manufacturer=A;model=B;slot-id=7").unwrap();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            all,
            Choice::Properties {
                label: text("The HSM"),
                serial: text("00;1"),
                manufacturer: text("A"),
                model: text("B"),
                number: Some(7)
            }
        );
    }

    #[test]
    fn what_names_no_token_is_refused() {
        for (uri, error) in [
            ("token=a", Unreadable::Scheme),
            ("pkcs11:", Unreadable::Empty),
            ("pkcs11:;", Unreadable::Empty),
            ("pkcs11:token", Unreadable::Attribute),
            ("pkcs11:object=a", Unreadable::Attribute),
            ("pkcs11:token=a;token=a", Unreadable::Attribute),
            ("pkcs11:token=a?pin-value=1234", Unreadable::Attribute),
            ("pkcs11:slot-id=1;slot-id=1", Unreadable::Attribute),
            ("pkcs11:slot-id=one", Unreadable::Value),
            ("pkcs11:slot-id=-1", Unreadable::Value),
            ("pkcs11:token=%4", Unreadable::Value),
            ("pkcs11:token=%zz", Unreadable::Value),
            ("pkcs11:token=%ff", Unreadable::Value),
        ] {
            assert_eq!(Choice::from_uri(uri), Err(error), "{uri}");
        }
    }
}
