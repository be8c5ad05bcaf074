//! How one secret is made out of another: what Derive Key and PKCS#11's derivations are translated into.

use strongroom_kmip::{
    mechanism::{Hash, Mechanism},
    secret::Secret,
};

use super::kept::{Kept, Pair, Shape};

/// A derivation, with everything it needs besides the key.
#[derive(Debug)]
pub enum Derivation {
    /// PBKDF2 (RFC 8018 §5.2) with HMAC; the key is the password.
    Pbkdf2 {
        /// The hash of the HMAC.
        hash: Hash,
        /// The salt.
        salt: Secret,
        /// How often.
        iterations: u32,
    },
    /// The digest of the key.
    Digest(Hash),
    /// As many bytes as wanted out of SHAKE (FIPS 202 §6.2) over the key.
    Shake(Shake),
    /// The HMAC of the data under the key.
    Hmac {
        /// The hash function.
        hash: Hash,
        /// The data.
        data: Secret,
    },
    /// The data, encrypted under the key.
    Encrypt {
        /// How.
        mechanism: Mechanism,
        /// The data.
        data: Secret,
    },
    /// SP 800-108: blocks of a pseudorandom function, each over fields that the caller has put in order.
    Chain {
        /// How blocks follow each other.
        method: Method,
        /// The pseudorandom function.
        function: Function,
        /// What each block is made over.
        fields: Vec<Field>,
    },
    /// HKDF (RFC 5869).
    Hkdf {
        /// Which of its two steps.
        step: Step,
        /// The hash of the HMAC.
        hash: Hash,
        /// The salt; as many noughts as the hash has bytes where it is empty.
        salt: Operand,
        /// What the output is for, possibly empty.
        info: Secret,
    },
    /// Diffie and Hellman's agreement between a private key and somebody's public one: the x-coordinate of the common
    /// point (SP 800-56A §5.7.1.2), what RFC 7748 makes, or the common number (SP 800-56A §5.7.1.1).
    Agreement {
        /// The other side's public key.
        peer: Peer,
        /// What becomes of the common secret.
        finish: Finish,
    },
    /// What a ciphertext of ML-KEM brings to whoever has this private key.
    Decapsulation(Vec<u8>),
    /// What is brought to whoever has the private half of this key, by a new ciphertext of ML-KEM, or by the public half of a
    /// new pair that agrees with this key; and what becomes of it.
    Encapsulation(Finish),
    /// The signing key of Amazon's Signature Version 4.
    Aws {
        /// The day, as eight digits.
        date: Secret,
        /// The region.
        region: Secret,
        /// The service.
        service: Secret,
    },
    /// The pseudorandom function of TLS 1.2 (RFC 5246 §5) under the key.
    Tls {
        /// The hash of the HMAC.
        hash: Hash,
        /// The label, without a nought behind it.
        label: Vec<u8>,
        /// The seed.
        seed: Secret,
    },
    /// The key and something else, one behind the other.
    Join {
        /// Which comes first.
        order: Order,
        /// The other.
        other: Operand,
    },
    /// The key and data, bit by bit, as far as the shorter goes.
    Xor(Secret),
    /// The key from this bit on, the highest of the first byte being nought; behind its last bit it begins again.
    Extract(usize),
}

/// What a derivation takes besides its key.
#[derive(Debug)]
pub enum Operand {
    /// Bytes.
    Bytes(Secret),
    /// Another key, which the request names second.
    Second,
    /// That key, once it was opened.
    Key(Kept),
}

/// Which comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The key that is derived from.
    KeyFirst,
    /// The other.
    KeyLast,
}

/// Which steps of HKDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Both: extract, then expand.
    Both,
    /// The pseudorandom key alone, which is as long as a digest.
    Extract,
    /// Expand alone: the key is the pseudorandom key.
    Expand,
}

/// An extendable function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shake {
    /// SHAKE128.
    Shake128,
    /// SHAKE256.
    Shake256,
}

/// A public key that one agrees with.
#[derive(Debug)]
pub enum Peer {
    /// SubjectPublicKeyInfo, DER.
    Info(Vec<u8>),
    /// The point or number alone, for the curve or group of the private key; a point compressed or not.
    Bare(Vec<u8>),
}

/// What becomes of a common secret.
#[derive(Debug)]
pub enum Finish {
    /// Its first bytes (KMIP).
    First,
    /// Its last bytes (PKCS#11 3.2 §6.3.19).
    Last,
    /// The key derivation function of ANSI X9.63: digests over the secret, a counter and what both sides know.
    X963(Hash, Vec<u8>),
    /// The one-step key derivation of SP 800-56C §4.1: digests over a counter, the secret and what both sides know.
    OneStep(Hash, Vec<u8>),
}

/// How the blocks of SP 800-108 follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// §4.1: each knows its number.
    Counter,
    /// §4.2: each knows the one before it; this stands for the one before the first.
    Feedback(Vec<u8>),
    /// §4.3: each knows its place in a second chain over the data.
    Pipeline,
}

/// What stands in the input of a block of SP 800-108.
#[derive(Debug)]
pub enum Field {
    /// What the method goes by: the number of the block, written so, or the block of its chain.
    Iteration(Number),
    /// The number of the block.
    Counter(Number),
    /// How many bits are derived.
    Length(Number, Sum),
    /// Label, context and whatever else.
    Data(Operand),
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// In so many bytes, eight at most.
    pub bytes: usize,
    /// Which of them comes first.
    pub end: End,
}

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum End {
    Big,
    Little,
}

/// What counts as derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// What is used.
    Keys,
    /// All of the blocks.
    Blocks,
    /// So many bits, where the keys that are cut from it know better.
    Bits(u64),
}

/// A pseudorandom function of SP 800-108.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// HMAC with this hash.
    Hmac(Hash),
    /// CMAC with the block cipher that the key is for.
    Cmac,
}

impl Number {
    /// Four bytes, the highest first.
    pub const USUAL: Self = Self { bytes: 4, end: End::Big };
}

impl Finish {
    /// The hash that it rests on, where it takes one.
    pub const fn hash(&self) -> Option<Hash> {
        match self {
            Self::First | Self::Last => None,
            Self::X963(hash, _) | Self::OneStep(hash, _) => Some(*hash),
        }
    }
}

impl Derivation {
    /// SP 800-108 as KMIP has it (KMIP 2.1 §6.1.18): a counter of four bytes, then the data, behind what the method goes
    /// by.
    pub fn chain(method: Method, function: Function, data: Secret) -> Self {
        let data = Field::Data(Operand::Bytes(data));
        let fields = match method {
            Method::Counter => vec![Field::Iteration(Number::USUAL), data],
            Method::Feedback(_) | Method::Pipeline => {
                vec![Field::Iteration(Number::USUAL), Field::Counter(Number::USUAL), data]
            }
        };
        Self::Chain { method, function, fields }
    }

    /// The hash that it rests on, where it names one.
    pub const fn hash(&self) -> Option<Hash> {
        match self {
            Self::Pbkdf2 { hash, .. }
            | Self::Digest(hash)
            | Self::Hmac { hash, .. }
            | Self::Hkdf { hash, .. }
            | Self::Tls { hash, .. }
            | Self::Chain { function: Function::Hmac(hash), .. } => Some(*hash),
            Self::Agreement { finish, .. } | Self::Encapsulation(finish) => finish.hash(),
            _ => None,
        }
    }

    /// The plain name, as messages and the audit log write it; no parameter is in it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pbkdf2 { .. } => "PBKDF2",
            Self::Digest(_) => "HASH",
            Self::Shake(_) => "SHAKE",
            Self::Hmac { .. } => "HMAC",
            Self::Encrypt { .. } => "ENCRYPT",
            Self::Chain { method: Method::Counter, .. } => "SP800-108-COUNTER",
            Self::Chain { method: Method::Feedback(_), .. } => "SP800-108-FEEDBACK",
            Self::Chain { method: Method::Pipeline, .. } => "SP800-108-PIPELINE",
            Self::Hkdf { .. } => "HKDF",
            Self::Agreement { .. } => "ECDH",
            Self::Decapsulation(_) | Self::Encapsulation(_) => "ML-KEM",
            Self::Aws { .. } => "AWS-SIGV4",
            Self::Tls { .. } => "TLS-PRF",
            Self::Join { .. } => "CONCATENATE",
            Self::Xor(_) => "XOR",
            Self::Extract(_) => "EXTRACT",
        }
    }

    /// The same, for a key of this shape: an agreement is called by what is agreed with.
    pub const fn name_from(&self, base: Shape) -> &'static str {
        match (self, base) {
            (Self::Agreement { .. }, Shape::Private(Pair::Group { .. }))
            | (Self::Encapsulation(_), Shape::Public(Pair::Group { .. })) => "DH",
            (Self::Encapsulation(_), Shape::Public(Pair::Elliptic(_))) => "ECDH",
            _ => self.name(),
        }
    }

    /// Whether what is derived tells of the key it was derived from, piece by piece: with such derivations whoever may
    /// use what comes out finds out what went in (Clulow, *On the security of PKCS#11*, 2003).
    pub const fn is_reversible(&self) -> bool {
        matches!(self, Self::Join { other: Operand::Bytes(_), .. } | Self::Xor(_) | Self::Extract(_))
    }

    /// Whether all of what goes in must come out: what is cut off could leave few enough bits to guess.
    pub const fn is_whole(&self) -> bool {
        matches!(self, Self::Join { .. })
    }

    /// Whether the request names another key.
    pub fn takes_second(&self) -> bool {
        match self {
            Self::Hkdf { salt: Operand::Second, .. } | Self::Join { other: Operand::Second, .. } => true,
            Self::Chain { fields, .. } => fields.iter().any(|field| matches!(field, Field::Data(Operand::Second))),
            _ => false,
        }
    }

    /// Puts the key in its place that the request named second.
    pub fn put_second(&mut self, key: &Kept) {
        let places: Vec<&mut Operand> = match self {
            Self::Hkdf { salt, .. } => vec![salt],
            Self::Join { other, .. } => vec![other],
            Self::Chain { fields, .. } => fields
                .iter_mut()
                .filter_map(|field| match field {
                    Field::Data(operand) => Some(operand),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        for place in places {
            if matches!(place, Operand::Second) {
                *place = Operand::Key(Kept { shape: key.shape, held: key.held.duplicate() });
            }
        }
    }
}
