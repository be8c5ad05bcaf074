//! Orders and answers as lines. What is secret stands in hexadecimal digits: they need no escapes, so no copy of them is
//! made on the way that nobody wipes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use strongroom_kmip::{code::ResultReason, secret::Secret};
use zeroize::Zeroizing;

use crate::service::{Order, Report, SlotTerms, order::DeviceRow};

/// What comes back for an order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It was done.
    Done(Report),
    /// It was refused.
    Refused {
        /// Why, in KMIP's word.
        reason: String,
        /// Why, and what to do.
        message: String,
    },
}

/// The answer to an order that is refused.
pub(super) fn refused(reason: ResultReason, message: &str) -> Reply {
    Reply::Refused { reason: reason.to_string(), message: message.to_owned() }
}

/// Declares the lines: each names an [`Order`] with fields of the same names; `hex` marks what is secret or binary.
macro_rules! lines {
    ($($order:ident $({ $($field:ident: $kind:ty),* })?;)*) => {
        #[derive(Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        enum Line {
            $($order $({ $($field: $kind),* })?,)*
        }

        impl From<Line> for Order {
            fn from(line: Line) -> Self {
                match line {
                    $(Line::$order $({ $($field),* })? => Self::$order $({ $($field: $field.into()),* })?,)*
                }
            }
        }

        impl From<Order> for Line {
            fn from(order: Order) -> Self {
                match order {
                    $(Order::$order $({ $($field),* })? => Self::$order $({ $($field: $field.into()),* })?,)*
                }
            }
        }
    };
}

lines! {
    Status;
    Unseal { passphrase: Hex };
    UnsealFile { key: Hex };
    UnsealShare { share: Hex };
    UnsealSlots;
    UnsealForget;
    Seal;
    Rekey { passphrase: Hex, key: Hex, threshold: u8, labels: Vec<String>, slot: Option<String>, stay: bool };
    WayRemove { number: u32 };
    Rotate { what: String };
    RecoveryMake { threshold: u8, labels: Vec<String> };
    ClientAdd { name: String, role: String, days: u32, user: Option<u32>, csr: Option<Vec<u8>> };
    ClientList;
    ClientRevoke { name: String };
    CredentialAdd {
        client: String, username: Option<String>, device: DeviceRow, password: Hex, hashed: bool, one_time: bool
    };
    CredentialRemove { client: String, name: String };
    CredentialRequire { client: String, strict: bool };
    BearerIssue { client: String, days: u32 };
    BearerRevoke { client: String, id: Option<String> };
    SlotList;
    TokenInit { slot: String, so_pin: Hex, user_pin: Hex };
    SlotMake { name: String, terms: SlotTerms };
    SlotSet { slot: String, terms: SlotTerms };
    SlotRename { slot: String, name: String };
    SlotZeroise { slot: String };
    SlotRemove { slot: String };
    SlotLogin { slot: String, pin: Hex };
    SlotAdopt { slot: String, label: Option<String>, id: Option<String>, owner: String };
    KeyList { offset: usize, maximum: usize };
    KeyShow { id: String };
    KeyGrant { id: String, to: String, level: Option<String> };
    KmipPut { endpoint: String, id: String };
    Backup;
    PutBack { id: String, ring: Hex, meta: Hex, content: Hex, own: Hex, older: bool };
    ApprovalList;
    ApprovalShow { id: String };
    ApprovalGive { id: String };
    ApprovalDeny { id: String };
}

/// The line for an order, without its end.
///
/// # Errors
/// When there is no memory for it; nothing else can go wrong.
pub fn write_order(order: Order) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    let bulk = match &order {
        Order::PutBack { meta, content, .. } => meta.len().saturating_add(content.len()).saturating_mul(2),
        _ => 0,
    };
    let mut line = Zeroizing::new(Vec::with_capacity(FIRST.saturating_add(bulk)));
    serde_json::to_writer(&mut *line, &Line::from(order))?;
    Ok(line)
}

/// The order that a line gives.
///
/// # Errors
/// When it is none; the text names the column and never what stands there.
pub fn read_order(line: &[u8]) -> serde_json::Result<Order> {
    serde_json::from_slice::<Line>(line).map(Order::from)
}

/// Secret bytes in hexadecimal digits.
struct Hex(Secret);

impl From<Secret> for Hex {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

impl From<Hex> for Secret {
    fn from(hex: Hex) -> Self {
        hex.0
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
        let mut text = Zeroizing::new(String::with_capacity(self.0.len().saturating_mul(2)));
        text.extend(self.0.reveal().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
        to.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Digits)
    }
}

struct Digits;

impl de::Visitor<'_> for Digits {
    type Value = Hex;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an even number of hexadecimal digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Hex, E> {
        // The error says what is expected and never what came.
        let wrong = || E::custom("expected an even number of hexadecimal digits");
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(wrong()) };
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let mut bytes = Zeroizing::new(Vec::with_capacity(pairs.len()));
        for [high, low] in pairs {
            bytes.push(digit(*high).ok_or_else(wrong)? << 4 | digit(*low).ok_or_else(wrong)?);
        }
        Ok(Hex(Secret::copy_of(&bytes)))
    }
}

/// Longer than any order but one with a large certificate request, so that a line with a secret never grows.
const FIRST: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::copy_of(text.as_bytes())
    }

    #[test]
    fn an_order_reads_back_as_it_was_written() {
        for (order, line) in [
            (Order::Status, "\"status\""),
            (Order::Unseal { passphrase: secret("Öffne\n\"") }, "{\"unseal\":{\"passphrase\":\"c396666666e65"),
            (Order::KeyShow { id: "a".to_owned() }, "{\"key_show\":{\"id\":\"a\"}}"),
            (Order::ClientRevoke { name: "bob".to_owned() }, "{\"client_revoke\":{\"name\":\"bob\"}}"),
        ] {
            let first = format!("{order:?}");
            let written = write_order(order).unwrap();
            let text = std::str::from_utf8(&written).unwrap();
            assert!(text.starts_with(&line[..line.len().min(28)]), "{text}");
            assert_eq!(format!("{:?}", read_order(&written).unwrap()), first);
        }
    }

    #[test]
    fn a_secret_comes_through_byte_for_byte() {
        let line = write_order(Order::Unseal { passphrase: Secret::copy_of(&[0, 0xFF, 0x80, b'"']) }).unwrap();
        let Order::Unseal { passphrase } = read_order(&line).unwrap() else { panic!("another order") };
        assert!(passphrase.same_as(&[0, 0xFF, 0x80, b'"']));
    }

    #[test]
    fn what_is_no_order_is_refused_without_repeating_it() {
        for (name, line) in [
            ("nothing", ""),
            ("no JSON", "status"),
            ("an unknown order", "\"marked\""),
            ("an unknown field", "{\"seal\":{\"marked\":1}}"),
            ("odd digits", "{\"unseal\":{\"passphrase\":\"abc\"}}"),
            ("no digits", "{\"unseal\":{\"passphrase\":\"marked\"}}"),
            ("a missing field", "{\"unseal\":{}}"),
            ("two orders", "\"status\" \"seal\""),
        ] {
            let error = read_order(line.as_bytes()).unwrap_err().to_string();
            assert!(!error.contains("passphrase\":"), "{name}: {error}");
        }
        let error = read_order(b"{\"unseal\":{\"passphrase\":\"hunter2\"}}").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
