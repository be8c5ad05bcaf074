//! What a replay remembers: the values behind the case's variables, and what came where the case has recorded another
//! server's output.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use strongroom_kmip::secret::Wiped;
use strongroom_kmip::ttlv::{Item, Kind, Limits, Tree};
use strongroom_kmip::xml;

use super::script::rewrite;

/// What an answer has shown so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    /// By variable.
    values: BTreeMap<String, Value>,
    /// What the case has recorded, and what has come in its place.
    outputs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Points in time that requests have named as such, not as a distance from now.
    dates: BTreeSet<i64>,
    /// Seconds since 1970, as of the request under way.
    now: i64,
    /// Nothing is sent: variables that no answer has shown stand for themselves.
    rehearsal: bool,
}

/// A value behind a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Of a Text String, or of an Identifier or Reference of KMIP 3.0.
    Text(String),
    /// Of a Byte String.
    Bytes(Vec<u8>),
}

impl Memory {
    /// One that converts messages although there are no answers.
    pub(super) fn rehearsal() -> Memory {
        Memory { rehearsal: true, ..Memory::default() }
    }

    /// Seconds since 1970, as of the request under way.
    pub(super) fn now(&self) -> i64 {
        self.now
    }

    /// The request as it is to be sent.
    pub(super) fn request(&mut self, text: &str) -> Result<Wiped, String> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
        self.now = i64::try_from(since.as_secs()).map_err(|error| error.to_string())?;
        self.invent(text);
        let mut missing = None;
        let text = rewrite(text, |leaf| match (leaf.kind, leaf.value.strip_prefix('$')) {
            ("DateTime", Some(value)) => self.date(value),
            (_, Some(name)) => match self.values.get(name) {
                Some(Value::Text(text)) => Some(escaped(text)),
                Some(Value::Bytes(bytes)) => Some(hexadecimal(bytes)),
                None if self.rehearsal => (leaf.kind == "ByteString").then(|| hexadecimal(leaf.value.as_bytes())),
                None => {
                    missing = Some(format!("no answer has shown ${name}"));
                    None
                }
            },
            ("ByteString", None) => self.outputs.get(&bytes(leaf.value)?).map(|came| hexadecimal(came)),
            _ => name(leaf.tag, leaf.value),
        });
        if let Some(missing) = missing {
            return Err(missing);
        }
        let message = xml::read(&text, &limits()).map_err(|error| error.to_string())?;
        let tree = Tree::read(&message, &limits()).map_err(|error| error.to_string())?;
        // A date that is far from now was written into the case; a server must give it back as it is.
        dates(tree.root(), &mut |date| {
            if date.abs_diff(self.now) > DAY {
                self.dates.insert(date);
            }
        });
        Ok(message)
    }

    /// Gives a value to each variable that a case leaves to the client: an identifier that no server has given.
    fn invent(&mut self, text: &str) {
        let values = &mut self.values;
        rewrite(text, |leaf| {
            if let Some(name) = leaf.value.strip_prefix('$').filter(|name| name.contains(RANDOM)) {
                let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
                let bytes = [leaf.value.as_bytes(), &nanos.to_be_bytes()].concat();
                let short = || bytes.iter().rev().take(8).copied().collect();
                values.entry(name.to_owned()).or_insert_with(|| match leaf.kind {
                    "ByteString" => Value::Bytes(short()),
                    _ => Value::Text(hexadecimal(&bytes)),
                });
            }
            None
        });
    }

    /// The answer that is expected. Its variables stand in it by their names; [`Memory::variable`] finds them.
    pub(super) fn expected(&self, text: &str) -> Result<Wiped, String> {
        let text = rewrite(text, |leaf| match (leaf.kind, leaf.value.strip_prefix('$')) {
            ("DateTime", Some(value)) => self.date(value),
            ("ByteString", Some(_)) => Some(hexadecimal(leaf.value.as_bytes())),
            _ => name(leaf.tag, leaf.value),
        });
        xml::read(&text, &limits()).map_err(|error| error.to_string())
    }

    /// The name of the variable that stands in an expected answer in place of a value.
    pub(super) fn variable<'a>(expected: Item<'_, 'a>) -> Option<&'a str> {
        let text = match expected.kind() {
            Kind::ByteString => std::str::from_utf8(expected.byte_string().ok()?).ok()?,
            _ => expected.any_text().ok()?,
        };
        text.strip_prefix('$')
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'))
    }

    /// The value of a variable that an answer has shown.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// Remembers what an answer shows; a later answer may show another.
    pub(super) fn bind(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// What came where the case has recorded `recorded`.
    pub(super) fn output(&self, recorded: &[u8]) -> Option<&[u8]> {
        self.outputs.get(recorded).map(Vec::as_slice)
    }

    /// Remembers what came where the case has recorded `recorded`, for requests and answers that repeat it.
    pub(super) fn came(&mut self, recorded: &[u8], came: &[u8]) {
        if !recorded.is_empty() {
            self.outputs.insert(recorded.to_vec(), came.to_vec());
        }
    }

    /// Whether a request has named this very point in time.
    pub(super) fn was_asked(&self, date: i64) -> bool {
        self.dates.contains(&date)
    }

    /// What `$NOW`, `$NOW-3600` and so on say, as the encoding writes a number.
    fn date(&self, value: &str) -> Option<String> {
        let distance = value.strip_prefix("NOW")?;
        let distance: i64 = if distance.is_empty() { 0 } else { distance.parse().ok()? };
        Some(format!("0x{:016x}", self.now.checked_add(distance)?))
    }
}

impl Value {
    /// What an item of an answer has.
    pub(super) fn of(item: Item<'_, '_>) -> Option<Value> {
        match item.kind() {
            Kind::ByteString => item.byte_string().ok().map(|bytes| Value::Bytes(bytes.to_vec())),
            _ => item.any_text().ok().map(|text| Value::Text(text.to_owned())),
        }
    }
}

/// Names as the tables have them. The published files of KMIP 1.0 have line breaks and runs of spaces inside the names
/// of attributes, and those of 2.0 call a bit that 2.0 has reserved by half its old name and spell a reason as Americans do.
fn name(tag: &str, value: &str) -> Option<String> {
    match tag {
        "AttributeName" => Some(value.split_whitespace().collect::<Vec<_>>().join(" ")),
        "CryptographicUsageMask" if value == "ContentCommitment" => Some("ContentCommitmentNonRepudiation".to_owned()),
        "ResultReason" if value == "NotAuthorized" => Some("NotAuthorised".to_owned()),
        _ => None,
    }
}

fn dates(item: Item<'_, '_>, found: &mut impl FnMut(i64)) {
    if let Ok(date) = item.date_time() {
        found(date);
    }
    item.children().for_each(|child| dates(child, found));
}

fn limits() -> Limits {
    Limits::default()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// Bytes as the encoding writes them.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// In the name of a variable that no answer shows.
const RANDOM: &str = "_RANDOM_";

/// No case runs for a day; no date that a case names is a day from now.
const DAY: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = r#"<RequestPayload><UniqueIdentifier type="TextString" value="$UNIQUE_IDENTIFIER_0"/>
        <Data type="ByteString" value="0102"/><ActivationDate type="DateTime" value="$NOW-3600"/></RequestPayload>"#;

    #[test]
    fn a_request_is_filled_with_what_answers_have_shown() {
        let mut memory = Memory::default();
        memory.bind("UNIQUE_IDENTIFIER_0", Value::Text("a&b".to_owned()));
        memory.came(&[1, 2], &[3, 4]);
        let bytes = memory.request(GET).expect("everything is known");
        let tree = Tree::read(&bytes, &limits()).expect("it was just written");
        let values: Vec<_> = tree.root().children().collect();
        assert_eq!(values[0].text().expect("a text"), "a&b");
        assert_eq!(values[1].byte_string().expect("bytes"), [3, 4]);
        assert_eq!(values[2].date_time().expect("a date"), memory.now() - 3600);
    }

    #[test]
    fn a_variable_that_no_answer_has_shown_cannot_be_sent() {
        assert!(Memory::default().request(GET).is_err());
    }
}
