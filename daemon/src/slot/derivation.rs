//! How one secret is made out of another: what Derive Key and PKCS#11's derivations are translated into.

use strongroom_kmip::{
    mechanism::{Hash, Mechanism},
    secret::Secret,
};

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
    /// SP 800-108 §4.1: a counter of four bytes, then the data.
    Counter {
        /// The pseudorandom function.
        function: Function,
        /// Label and context, as the caller has put them together.
        data: Secret,
    },
    /// SP 800-108 §4.2: the last output, a counter of four bytes, then the data.
    Feedback {
        /// The pseudorandom function.
        function: Function,
        /// What stands for the output before the first.
        start: Vec<u8>,
        /// Label and context, as the caller has put them together.
        data: Secret,
    },
    /// SP 800-108 §4.3: a second chain over the data, a counter of four bytes, then the data.
    Pipeline {
        /// The pseudorandom function.
        function: Function,
        /// Label and context, as the caller has put them together.
        data: Secret,
    },
    /// HKDF (RFC 5869): extract, then expand.
    Hkdf {
        /// The hash of the HMAC.
        hash: Hash,
        /// The salt, possibly empty.
        salt: Secret,
        /// What the output is for, possibly empty.
        info: Secret,
    },
    /// Diffie and Hellman's agreement between a private key and this public one (SubjectPublicKeyInfo, DER): the
    /// x-coordinate of the common point (SP 800-56A §5.7.1.2), or what RFC 7748 makes.
    Agreement(Vec<u8>),
    /// The signing key of Amazon's Signature Version 4.
    Aws {
        /// The day, as eight digits.
        date: Secret,
        /// The region.
        region: Secret,
        /// The service.
        service: Secret,
    },
}

/// A pseudorandom function of SP 800-108.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// HMAC with this hash.
    Hmac(Hash),
    /// CMAC with the block cipher that the key is for.
    Cmac,
}

impl Derivation {
    /// The plain name, as messages and the audit log write it; no parameter is in it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pbkdf2 { .. } => "PBKDF2",
            Self::Digest(_) => "HASH",
            Self::Hmac { .. } => "HMAC",
            Self::Encrypt { .. } => "ENCRYPT",
            Self::Counter { .. } => "SP800-108-COUNTER",
            Self::Feedback { .. } => "SP800-108-FEEDBACK",
            Self::Pipeline { .. } => "SP800-108-PIPELINE",
            Self::Hkdf { .. } => "HKDF",
            Self::Agreement(_) => "ECDH",
            Self::Aws { .. } => "AWS-SIGV4",
        }
    }
}
