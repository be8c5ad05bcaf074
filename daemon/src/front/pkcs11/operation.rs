//! An operation under way in a session: which key, which mechanism, how far it has come, and how long its output is.

use strongroom_kmip::{
    mechanism::{Block, Curve, Hash, Input, Mechanism, Mode, Padding},
    secret::Secret,
    ttlv::Bytes,
};
use strongroom_pkcs11_wire::value::Bytes as Signature;

use crate::service::{ObjectId, Pair, Prepared, Shape};

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the function of the standard that begins it")]
pub enum Kind {
    Encrypt,
    Decrypt,
    Digest,
    Sign,
    Verify,
    SignRecover,
    VerifyRecover,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Encrypt, Self::Decrypt, Self::Digest, Self::Sign, Self::Verify, Self::SignRecover, Self::VerifyRecover];

    /// Its place in [`Kind::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Encrypt => 0,
            Self::Decrypt => 1,
            Self::Digest => 2,
            Self::Sign => 3,
            Self::Verify => 4,
            Self::SignRecover => 5,
            Self::VerifyRecover => 6,
        }
    }
}

/// Which of the functions that go on with an operation is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// All data at once.
    Whole,
    /// A part of the data.
    Part,
    /// No more data.
    Last,
}

/// What an operation works with.
#[derive(Debug)]
pub enum Tool {
    /// A key.
    Key {
        /// The object.
        id: ObjectId,
        /// What kind of key it is.
        shape: Shape,
        /// How it is used.
        mechanism: Mechanism,
    },
    /// A hash function.
    Hash(Hash),
}

/// Whether the key wants to see the PIN before this use of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// It does not.
    Unasked,
    /// It does, and has not seen it.
    Awaited,
    /// It has seen it.
    Given,
}

/// An operation under way.
#[derive(Debug)]
pub struct Operation {
    /// What it does.
    pub kind: Kind,
    /// With what.
    pub tool: Tool,
    /// Bytes of the signature, the digest or the one block of RSA.
    output: Option<usize>,
    /// After so many bytes a counter would begin again.
    pub limit: Option<u64>,
    /// Under which value the service goes on with it, once a part was given.
    pub stream: Option<Bytes>,
    /// Bytes in so far.
    pub taken: usize,
    /// Bytes out so far.
    pub given: usize,
    /// An output for which there was too little room.
    pub waiting: Option<(Stage, Secret)>,
    /// The signature, where it came before the data.
    pub proof: Option<Signature>,
    /// Whether the key wants to see the PIN.
    pub consent: Consent,
    /// The session's term in which it was begun, once that counts.
    pub term: Option<u64>,
}

/// How long an output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// So long.
    Exactly(usize),
    /// So long or shorter: only the work itself tells.
    AtMost(usize),
}

impl Size {
    /// The number.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Exactly(bytes) | Self::AtMost(bytes) => bytes,
        }
    }
}

impl Operation {
    /// An operation with a key.
    pub fn with_key(kind: Kind, id: ObjectId, mechanism: Mechanism, prepared: Prepared, limit: Option<u64>) -> Self {
        let output = output(&mechanism, prepared.shape).or(prepared.output);
        Self::new(kind, Tool::Key { id, shape: prepared.shape, mechanism }, output, limit)
    }

    /// A digest.
    pub fn digest(hash: Hash) -> Self {
        Self::new(Kind::Digest, Tool::Hash(hash), Some(hash.length()), None)
    }

    fn new(kind: Kind, tool: Tool, output: Option<usize>, limit: Option<u64>) -> Self {
        Self {
            kind,
            tool,
            output,
            limit,
            stream: None,
            taken: 0,
            given: 0,
            waiting: None,
            proof: None,
            consent: Consent::Unasked,
            term: None,
        }
    }

    /// The same, begun in this term of its session.
    #[must_use]
    pub fn within(self, term: u64) -> Self {
        Self { term: Some(term), ..self }
    }

    /// A second one of it that goes on with `stream`, where nothing waits to be fetched.
    pub fn branch(&self, stream: Option<Bytes>) -> Option<Self> {
        // One PIN is for one use.
        if self.waiting.is_some() || self.consent != Consent::Unasked {
            return None;
        }
        let tool = match &self.tool {
            Tool::Key { id, shape, mechanism } => {
                Tool::Key { id: id.clone(), shape: *shape, mechanism: mechanism.clone() }
            }
            Tool::Hash(hash) => Tool::Hash(*hash),
        };
        let (kind, output, limit, proof) = (self.kind, self.output, self.limit, self.proof.clone());
        Some(Self {
            kind,
            tool,
            output,
            limit,
            stream,
            taken: self.taken,
            given: self.given,
            waiting: None,
            proof,
            consent: Consent::Unasked,
            term: None,
        })
    }

    /// The key that it works with, if any.
    pub fn key(&self) -> Option<&ObjectId> {
        match &self.tool {
            Tool::Key { id, .. } => Some(id),
            Tool::Hash(_) => None,
        }
    }

    /// Whether no parts are given to it: a digest comes whole (PKCS#11 3.2 §6.67.6, §6.68.5).
    pub fn takes_all_at_once(&self) -> bool {
        let Tool::Key { mechanism: Mechanism::MlDsa(signing) | Mechanism::SlhDsa(signing), .. } = &self.tool else {
            return false;
        };
        matches!(signing.digest, Some((_, Input::Digest)))
    }

    /// Whether the key is symmetric, so that a signature is a MAC.
    pub fn is_mac(&self) -> bool {
        matches!(self.tool, Tool::Key { shape: Shape::Symmetric { .. }, .. })
    }

    /// Bytes that it holds: an output that waits for room, a signature that came early.
    pub fn held(&self) -> usize {
        let waiting = self.waiting.as_ref().map_or(0, |(_, output)| output.len());
        waiting.saturating_add(self.proof.as_ref().map_or(0, |proof| proof.len()))
    }

    /// Bytes of a signature, where they are settled.
    pub fn signature_length(&self) -> Option<usize> {
        self.output
    }

    /// How long the output of the next call is that brings `input` bytes.
    pub fn size(&self, stage: Stage, input: usize) -> Size {
        let cipher = match &self.tool {
            Tool::Key { mechanism, .. } => cipher(mechanism),
            Tool::Hash(_) => None,
        };
        let Some(cipher) = cipher else {
            let output = self.output.unwrap_or(LONGEST_OUTPUT);
            return match (stage, self.kind) {
                (Stage::Part, _) => Size::Exactly(0),
                (_, Kind::Decrypt | Kind::VerifyRecover) => Size::AtMost(output),
                _ => Size::Exactly(output),
            };
        };
        match (stage, self.kind) {
            (Stage::Whole, Kind::Decrypt) => cipher.plaintext(input),
            (Stage::Whole, _) => Size::Exactly(cipher.ciphertext(input)),
            // What is held back is at most a block and a tag; of an authenticated plaintext it is all.
            (Stage::Part | Stage::Last, _) => {
                let taken = self.taken.saturating_add(input);
                let held = taken.saturating_sub(self.given);
                Size::AtMost(if stage == Stage::Last { held.saturating_add(cipher.most()) } else { held })
            }
        }
    }

    /// Whether so many bytes more can be taken.
    pub fn takes(&self, input: usize) -> bool {
        let all = u64::try_from(self.taken.saturating_add(input)).unwrap_or(u64::MAX);
        self.limit.is_none_or(|limit| all <= limit)
    }
}

/// What a cipher adds to its data.
struct Cipher {
    block: usize,
    padded: bool,
    tag: usize,
}

impl Cipher {
    fn ciphertext(&self, input: usize) -> usize {
        let padding =
            if self.padded { self.block.saturating_sub(input.checked_rem(self.block).unwrap_or(0)) } else { 0 };
        input.saturating_add(padding).saturating_add(self.tag)
    }

    fn plaintext(&self, input: usize) -> Size {
        let bytes = input.saturating_sub(self.tag);
        if self.padded { Size::AtMost(bytes) } else { Size::Exactly(bytes) }
    }

    fn most(&self) -> usize {
        self.block.saturating_add(self.tag)
    }
}

fn cipher(mechanism: &Mechanism) -> Option<Cipher> {
    match mechanism {
        Mechanism::Cipher(block, mode) => {
            let padded = match mode {
                Mode::Ecb { padding } | Mode::Cbc { padding, .. } => *padding == Padding::Pkcs7,
                _ => false,
            };
            Some(Cipher { block: Block::length(*block), padded, tag: mechanism.tag() })
        }
        Mechanism::ChaCha20 { .. } | Mechanism::ChaCha20Poly1305 { .. } => {
            Some(Cipher { block: 64, padded: false, tag: mechanism.tag() })
        }
        _ => None,
    }
}

/// Bytes of a signature, or of the block that RSA makes of anything.
fn output(mechanism: &Mechanism, shape: Shape) -> Option<usize> {
    match (mechanism, shape) {
        (
            Mechanism::Hmac { length, .. }
            | Mechanism::Cmac { length, .. }
            | Mechanism::CbcMac { length, .. }
            | Mechanism::TlsMac { length, .. }
            | Mechanism::Gmac { length, .. },
            _,
        ) => Some(*length),
        (_, Shape::Private(Pair::Rsa { bits }) | Shape::Public(Pair::Rsa { bits })) => Some(bits.div_ceil(8)),
        (_, Shape::Private(Pair::Quantum(set)) | Shape::Public(Pair::Quantum(set))) => Some(set.facts().output),
        (_, Shape::Private(Pair::Elliptic(curve)) | Shape::Public(Pair::Elliptic(curve))) => Some(match curve {
            Curve::Ed25519 => 64,
            Curve::Ed448 => 114,
            other => other.bits().div_ceil(8).saturating_mul(2),
        }),
        _ => None,
    }
}

/// Longer than any signature here.
const LONGEST_OUTPUT: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Family;

    fn aes(kind: Kind, mode: Mode) -> Operation {
        let shape = Shape::Symmetric { family: Family::Aes, bits: 256 };
        let prepared = Prepared { shape, output: None };
        Operation::with_key(kind, ObjectId::from_text("key"), Mechanism::Cipher(Block::Aes, mode), prepared, None)
    }

    fn cbc(padding: Padding) -> Mode {
        Mode::Cbc { iv: vec![0; 16], padding }
    }

    fn gcm() -> Mode {
        Mode::Gcm { nonce: vec![0; 12], additional: Vec::new(), tag: 16 }
    }

    #[test]
    fn an_output_is_as_long_as_its_mechanism_makes_it() {
        use Size::{AtMost, Exactly};
        for (why, kind, mode, input, expected) in [
            ("whole blocks", Kind::Encrypt, cbc(Padding::None), 32, Exactly(32)),
            ("a padded part of a block", Kind::Encrypt, cbc(Padding::Pkcs7), 17, Exactly(32)),
            ("a padded block", Kind::Encrypt, cbc(Padding::Pkcs7), 16, Exactly(32)),
            ("padding alone", Kind::Encrypt, cbc(Padding::Pkcs7), 0, Exactly(16)),
            ("who knows how much padding", Kind::Decrypt, cbc(Padding::Pkcs7), 32, AtMost(32)),
            ("a tag", Kind::Encrypt, gcm(), 5, Exactly(21)),
            ("a tag gone", Kind::Decrypt, gcm(), 21, Exactly(5)),
            ("less than a tag", Kind::Decrypt, gcm(), 5, Exactly(0)),
        ] {
            assert_eq!(aes(kind, mode).size(Stage::Whole, input), expected, "{why}");
        }
    }

    #[test]
    fn a_part_gives_no_more_than_was_held() {
        let mut operation = aes(Kind::Decrypt, gcm());
        assert_eq!(operation.size(Stage::Part, 10), Size::AtMost(10));
        operation.taken = 10;
        assert_eq!(operation.size(Stage::Part, 5), Size::AtMost(15));
        operation.given = 10;
        assert_eq!(operation.size(Stage::Last, 0), Size::AtMost(32));
    }

    #[test]
    fn a_signature_is_as_long_as_the_key_makes_it() {
        let length = |mechanism: Mechanism, pair: Pair| {
            let prepared = Prepared { shape: Shape::Private(pair), output: None };
            Operation::with_key(Kind::Sign, ObjectId::from_text("key"), mechanism, prepared, None)
                .size(Stage::Whole, 32)
        };
        let ecdsa = Mechanism::Ecdsa { hash: None, form: strongroom_kmip::mechanism::Form::Raw };
        assert_eq!(length(ecdsa, Pair::Elliptic(Curve::P521)), Size::Exactly(132));
        assert_eq!(length(Mechanism::Eddsa, Pair::Elliptic(Curve::Ed25519)), Size::Exactly(64));
        assert_eq!(length(Mechanism::RsaPkcs1, Pair::Rsa { bits: 2048 }), Size::Exactly(256));
    }

    #[test]
    fn a_counter_is_not_taken_round() {
        let mut operation = aes(Kind::Encrypt, Mode::Ctr { block: vec![0; 16] });
        operation.limit = Some(32);
        assert!(operation.takes(32));
        operation.taken = 1;
        assert!(!operation.takes(32));
    }
}
