//! `kmip decode`.

use std::io::{self, Read};
use std::path::Path;

use strongroom_kmip::{
    print::{Secrets, pretty},
    ttlv::{Limits, Tree},
};
use zeroize::Zeroizing;

use super::{error::Error, print};

pub(super) fn decode(file: Option<&Path>, secrets: Secrets) -> Result<(), Error> {
    let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    let mut bytes = Zeroizing::new(Vec::new());
    match file {
        Some(path) => {
            let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
            let file = std::fs::File::open(path).map_err(failed)?;
            file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
        }
        None => {
            io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(Error::Input)?;
        }
    }
    print::whole(&text(&bytes, secrets)?)
}

/// The message for people to read.
fn text(bytes: &[u8], secrets: Secrets) -> Result<Zeroizing<String>, Error> {
    let limits = Limits { size: LONGEST, text: LONGEST, ..Limits::default() };
    let decoded = digits(bytes);
    let bytes = match &decoded {
        Some(decoded) => decoded,
        // Every tag of the standard begins with 0x42; no digit and no white space does, but "B" alone looks like it.
        None if bytes.first() == Some(&0x42) => bytes,
        None => return Err(Error::NoDigits),
    };
    let tree = Tree::read(bytes, &limits).map_err(Error::NoMessage)?;
    Ok(pretty(tree.root(), secrets))
}

/// The bytes that hexadecimal digits stand for, with white space, colons and `|` between them as dumps have them.
fn digits(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut nibbles = Zeroizing::new(Vec::with_capacity(text.len()));
    for &byte in text {
        if byte.is_ascii_whitespace() || matches!(byte, b':' | b'|') {
            continue;
        }
        nibbles.push(u8::try_from(char::from(byte).to_digit(16)?).ok()?);
    }
    let (pairs, []) = nibbles.as_chunks::<2>() else { return None };
    let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    (!bytes.is_empty()).then(|| Zeroizing::new(bytes))
}

/// Captures may hold large objects; a terminal is patient.
const LONGEST: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use strongroom_kmip::{tag::Tag, ttlv::Writer, version::V1_2};

    use super::*;

    fn message() -> Vec<u8> {
        let mut to = Writer::new(V1_2);
        to.structure(Tag::RequestMessage, |to| {
            to.text(Tag::Username, "alice");
            to.text(Tag::Password, "marked");
        });
        to.as_bytes().to_vec()
    }

    #[test]
    fn a_message_is_read_as_bytes_and_as_digits_and_its_secrets_are_not_shown() {
        let bytes = message();
        let plain: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
        let dumped: String = bytes.iter().map(|byte| format!("{byte:02x}:")).collect();
        for (name, input) in [("bytes", bytes.as_slice()), ("digits", plain.as_bytes()), ("a dump", dumped.as_bytes())]
        {
            let shown = text(input, Secrets::Hidden).unwrap();
            assert!(shown.starts_with("Request Message\n  Username: \"alice\"\n"), "{name}: {}", *shown);
            assert!(!shown.contains("marked"), "{name}");
        }
        assert!(text(&bytes, Secrets::Shown).unwrap().contains("marked"));
    }

    #[test]
    fn what_is_no_message_is_said_to_be_none() {
        for (name, input) in [
            ("nothing", &b""[..]),
            ("a text", b"hello"),
            ("half a digit", b"420"),
            ("half a message", b"42007801 00000010"),
            ("binary rubbish", b"\x00\xFF"),
        ] {
            assert!(text(input, Secrets::Hidden).is_err(), "{name}");
        }
    }
}
