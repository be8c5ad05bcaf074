//! Signed tree heads: a C2SP signed note with one Ed25519 signature, whose text is a C2SP tlog-checkpoint with the
//! store's generation, the epoch and the time as extension lines.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

use super::text::{base64, from_base64, from_hex, hex, push_time};
use super::tree::{Hash, link};
use crate::clock::Time;

/// Whoever signs notes with Ed25519.
pub trait Signer {
    /// The signature of `message` (RFC 8032).
    fn sign(&self, message: &[u8]) -> [u8; 64];
    /// The public key.
    fn public(&self) -> [u8; 32];
}

/// A log's Merkle tree at one size, and what else is said under the same signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: the same words in every checkpoint of it.
    pub origin: String,
    /// How many lines the tree has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The generation the store had reached when this was signed.
    pub generation: u64,
    /// Which epoch's key signs.
    pub epoch: u64,
    /// When, as RFC 3339 writes it.
    pub time: String,
    /// The public key of the next epoch. Only the last checkpoint of an epoch has it.
    pub next: Option<[u8; 32]>,
}

/// The words for a time in a checkpoint.
pub(super) fn stamp(time: Time) -> String {
    let mut text = String::with_capacity(24);
    push_time(&mut text, time);
    text
}

/// The origin of the log with this id.
pub fn origin(log: &[u8; 16]) -> String {
    format!("{ORIGIN}{}", hex(log))
}

/// Whether a text begins as every checkpoint does.
pub(super) fn is_origin(text: &str) -> bool {
    text.starts_with(ORIGIN)
}

/// The log id in an origin of ours.
pub fn log_id(origin: &str) -> Option<[u8; 16]> {
    from_hex(origin.strip_prefix(ORIGIN)?)
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        let next = self.next.map_or_else(String::new, |key| format!("next {}\n", base64(&key)));
        format!(
            "{}\n{}\n{}\ngeneration {}\nepoch {}\ntime {}\n{next}",
            self.origin,
            self.size,
            base64(&self.root),
            self.generation,
            self.epoch,
            self.time
        )
    }

    /// The signed note.
    pub fn sign(&self, signer: &dyn Signer) -> String {
        let text = self.text();
        let mut signature = key_id(&self.origin, &signer.public()).to_vec();
        signature.extend_from_slice(&signer.sign(text.as_bytes()));
        format!("{text}\n\u{2014} {} {}\n", self.origin, base64(&signature))
    }

    /// Reads a text as [`Checkpoint::text`] writes it, or nothing: there is one spelling, and no line more.
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|origin| is_key_name(origin))?.to_owned();
        let size = number(lines.next()?)?;
        let root = array(lines.next()?)?;
        let generation = number(lines.next()?.strip_prefix("generation ")?)?;
        let epoch = number(lines.next()?.strip_prefix("epoch ")?)?;
        let time = lines.next()?.strip_prefix("time ").filter(|time| is_stamp(time))?.to_owned();
        let next = match lines.next() {
            Some(line) => Some(array(line.strip_prefix("next ")?)?),
            None => None,
        };
        lines.next().is_none().then_some(Self { origin, size, root, generation, epoch, time, next })
    }
}

/// A signed note, read and not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What is signed.
    pub checkpoint: Checkpoint,
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    /// The key id and the signature itself.
    bytes: Vec<u8>,
}

impl Note {
    /// Reads a whole note, or nothing where it is not one, is longer than 16 KiB, or has more than 16 signatures.
    pub fn parse(note: &str) -> Option<Self> {
        if note.len() > LONGEST || note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return None;
        }
        let at = note.rfind("\n\n")?;
        let (text, rest) = (note.get(..=at)?, note.get(at.checked_add(2)?..)?);
        let signatures: Vec<Signature> =
            rest.strip_suffix('\n')?.split('\n').map(Signature::parse).collect::<Option<_>>()?;
        if signatures.len() > MOST_SIGNATURES {
            return None;
        }
        Some(Self { checkpoint: Checkpoint::parse(text)?, text: text.to_owned(), signatures })
    }

    /// Whether the log signed this with the key whose public half this is. Signatures of others are not looked at.
    pub fn signed_by(&self, key: &[u8; 32]) -> bool {
        let id = key_id(&self.checkpoint.origin, key);
        let mut ours = self
            .signatures
            .iter()
            .filter(|signature| signature.name == self.checkpoint.origin)
            .filter_map(|signature| signature.bytes.split_first_chunk::<4>())
            .filter(|(found, _)| **found == id)
            .map(|(_, signature)| UnparsedPublicKey::new(&ED25519, key).verify(self.text.as_bytes(), signature).is_ok())
            .peekable();
        // A wrong signature under a known key spoils the note, also beside a right one.
        ours.peek().is_some() && ours.all(|right| right)
    }
}

impl Signature {
    fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let bytes = from_base64(signature).filter(|bytes| bytes.len() > 4)?;
        is_key_name(name).then(|| Self { name: name.to_owned(), bytes })
    }
}

/// The public key that a log begins with: who the log is. Written as a C2SP verifier key, `name+id+base64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The origin of the log's checkpoints.
    pub origin: String,
    /// The public key of its first epoch.
    pub key: [u8; 32],
}

impl Identity {
    /// Reads what [`Display`](std::fmt::Display) writes, with or without a newline at the end.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_suffix('\n').unwrap_or(text).splitn(3, '+');
        let (origin, id, key) = (parts.next()?, parts.next()?, from_base64(parts.next()?)?);
        let (kind, key) = key.split_first()?;
        let key: [u8; 32] = key.try_into().ok()?;
        let right = *kind == KIND && is_key_name(origin) && from_hex(id)? == key_id(origin, &key);
        right.then(|| Self { origin: origin.to_owned(), key })
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut key = vec![KIND];
        key.extend_from_slice(&self.key);
        write!(f, "{}+{}+{}", self.origin, hex(&key_id(&self.origin, &self.key)), base64(&key))
    }
}

/// The first four bytes of SHA-256 over name, newline, kind and key.
fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let mut named = name.as_bytes().to_vec();
    named.extend_from_slice(&[b'\n', KIND]);
    named.extend_from_slice(key);
    let [first, second, third, fourth, ..] = link(&named);
    [first, second, third, fourth]
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|letter: char| letter.is_whitespace() || letter == '+')
}

/// A number in its one decimal spelling.
fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

fn array(text: &str) -> Option<[u8; 32]> {
    from_base64(text)?.try_into().ok()
}

/// Whether it looks like `2026-01-31T23:59:59.999Z`.
fn is_stamp(time: &str) -> bool {
    let fits = |(found, wanted): (u8, u8)| if wanted == b'0' { found.is_ascii_digit() } else { found == wanted };
    let shape = b"0000-00-00T00:00:00.000Z";
    time.len() == shape.len() && time.bytes().zip(*shape).all(fits)
}

const ORIGIN: &str = "strongroom/";

/// The signed-note specification's number for plain Ed25519.
const KIND: u8 = 1;

/// A checkpoint has under 1 KiB; sixteen witnesses with post-quantum signatures are not expected here.
const LONGEST: usize = 16 * 1024;

/// As many as the specification asks a verifier to accept.
const MOST_SIGNATURES: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sign::Pair;
    use super::*;

    fn sample() -> Checkpoint {
        Checkpoint {
            origin: origin(&[0xab; 16]),
            size: 1234,
            root: [7; 32],
            generation: 99,
            epoch: 3,
            time: "2026-01-31T23:59:59.999Z".into(),
            next: None,
        }
    }

    fn pair(seed: u8) -> Pair {
        Pair::from_seed(&[seed; 32]).unwrap()
    }

    #[test]
    fn a_signed_checkpoint_reads_back_and_is_believed() {
        for (name, next) in [("within an epoch", None), ("closing an epoch", Some([9; 32]))] {
            let checkpoint = Checkpoint { next, ..sample() };
            let note = Note::parse(&checkpoint.sign(&pair(1))).unwrap();
            assert_eq!(note.checkpoint, checkpoint, "{name}");
            assert!(note.signed_by(&pair(1).public()), "{name}");
            assert!(!note.signed_by(&pair(2).public()), "{name}");
        }
    }

    /// The example of the C2SP signed-note and sumdb documentation: its key id is known.
    #[test]
    fn key_ids_are_those_of_the_go_checksum_database() {
        let known = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        let identity = Identity::parse(known).unwrap();
        assert_eq!(identity.origin, "sum.golang.org");
        assert_eq!(identity.to_string(), known);
    }

    #[test]
    fn an_identity_with_anything_wrong_is_refused() {
        let good = Identity { origin: origin(&[1; 16]), key: [5; 32] }.to_string();
        assert!(Identity::parse(&format!("{good}\n")).is_some());
        for (why, text) in [
            ("nothing", String::new()),
            ("another id", good.replacen('+', "+0", 1)),
            ("no id", good.replace('+', " ")),
            ("more behind it", format!("{good}\n\n")),
            ("another name", good.replace("strongroom", "otherroom")),
        ] {
            assert_eq!(Identity::parse(&text), None, "{why}");
        }
    }

    #[test]
    fn a_checkpoint_has_one_spelling() {
        let good = sample().text();
        assert_eq!(Checkpoint::parse(&good), Some(sample()));
        for (why, from, to) in [
            ("a leading nought", "\n1234\n", "\n01234\n"),
            ("a sign", "\n1234\n", "\n+1234\n"),
            ("a size beyond 64 bits", "\n1234\n", "\n18446744073709551616\n"),
            ("no size", "\n1234\n", "\n\n"),
            ("a root that is too short", "BwcH", ""),
            ("another order", "generation 99\nepoch 3\n", "epoch 3\ngeneration 99\n"),
            ("a line more", "Z\n", "Z\nmore\n"),
            ("an empty line", "Z\n", "Z\n\n"),
            ("two keys", "Z\n", "Z\nnext CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\nnext x\n"),
            ("no newline at the end", "Z\n", "Z"),
            ("a time without a zone", "999Z", "9990"),
            ("a space in the origin", "strongroom/", "strong room/"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{why}: the row changes nothing");
            assert_eq!(Checkpoint::parse(&bad), None, "{why}");
        }
    }

    #[test]
    fn a_note_that_is_not_one_is_refused() {
        let good = sample().sign(&pair(1));
        for (why, text) in [
            ("nothing", String::new()),
            ("only the text", sample().text()),
            ("no signature", format!("{}\n", sample().text())),
            ("cut short", good.trim_end_matches('\n').to_owned()),
            ("a hyphen for the dash", good.replace('\u{2014}', "-")),
            ("a control character", good.replace("epoch", "ep\roch")),
            ("a signature of four bytes", format!("{}\n\u{2014} a AAAAAA==\n", sample().text())),
            ("seventeen signatures", format!("{good}{}", "\u{2014} a AAAAAAA=\n".repeat(16))),
            ("too long", format!("{good}{}", format!("\u{2014} a {}\n", "A".repeat(8192)).repeat(3))),
        ] {
            assert_eq!(Note::parse(&text), None, "{why}");
        }
    }

    #[test]
    fn signatures_of_others_are_passed_over() {
        let signed = sample().sign(&pair(1));
        let note = Note::parse(&format!("{signed}\u{2014} witness.example AAAAAAAA\n")).unwrap();
        assert!(note.signed_by(&pair(1).public()));
    }

    #[test]
    fn a_second_wrong_signature_under_the_same_key_spoils_the_note() {
        let other = Checkpoint { size: 9, ..sample() }.sign(&pair(1));
        let wrong = other.lines().last().unwrap();
        let note = Note::parse(&format!("{}{wrong}\n", sample().sign(&pair(1)))).unwrap();
        assert!(!note.signed_by(&pair(1).public()));
    }

    proptest! {
        #[test]
        fn a_changed_note_is_never_believed(place in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut bytes = sample().sign(&pair(1)).into_bytes();
            let at = place.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let believed = String::from_utf8(bytes)
                .ok()
                .and_then(|text| Note::parse(&text))
                .is_some_and(|note| note.signed_by(&pair(1).public()));
            prop_assert!(!believed);
        }
    }
}
