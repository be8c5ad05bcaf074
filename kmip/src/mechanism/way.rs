//! A way of using a key with everything it needs: the parameters of every mechanism, typed.

use std::fmt;

use super::hash::Hash;

/// A block cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    /// AES with 128, 192 or 256 bits; blocks of 16 bytes.
    Aes,
    /// Triple DES with two or three keys; blocks of 8 bytes. For old data only.
    TripleDes,
}

impl Block {
    /// Bytes of a block.
    pub const fn length(self) -> usize {
        match self {
            Self::Aes => 16,
            Self::TripleDes => 8,
        }
    }
}

/// What fills the last block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Padding {
    /// Nothing: the data must be whole blocks.
    None,
    /// PKCS#7 (KMIP calls it PKCS5).
    Pkcs7,
}

/// How blocks follow each other.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Each block on its own.
    Ecb {
        /// What fills the last block.
        padding: Padding,
    },
    /// Cipher block chaining.
    Cbc {
        /// One block.
        iv: Vec<u8>,
        /// What fills the last block.
        padding: Padding,
    },
    /// Counter mode.
    Ctr {
        /// The first counter block.
        block: Vec<u8>,
    },
    /// Cipher block chaining of data that are no whole blocks: the last two ciphertext blocks change places, always, and
    /// the last is cut (CBC-CS3 of the addendum to SP 800-38A).
    Cts {
        /// One block.
        iv: Vec<u8>,
    },
    /// Cipher feedback over whole blocks (CFB128, CFB64).
    Cfb {
        /// One block.
        iv: Vec<u8>,
    },
    /// Cipher feedback over bytes.
    Cfb8 {
        /// One block.
        iv: Vec<u8>,
    },
    /// Cipher feedback over half blocks (CFB64).
    Cfb64 {
        /// One block.
        iv: Vec<u8>,
    },
    /// Cipher feedback over bits.
    Cfb1 {
        /// One block.
        iv: Vec<u8>,
    },
    /// Output feedback.
    Ofb {
        /// One block.
        iv: Vec<u8>,
    },
    /// Galois counter mode; the tag follows the ciphertext.
    Gcm {
        /// Twelve bytes, unless an old peer insists on others.
        nonce: Vec<u8>,
        /// What is authenticated and not encrypted.
        additional: Vec<u8>,
        /// Bytes of the tag.
        tag: usize,
    },
    /// Counter with CBC-MAC (SP 800-38C); the tag follows the ciphertext.
    Ccm {
        /// 7 to 13 bytes; a longer one leaves less room for the length of the data.
        nonce: Vec<u8>,
        /// What is authenticated and not encrypted.
        additional: Vec<u8>,
        /// Bytes of the tag.
        tag: usize,
    },
    /// XTS (SP 800-38E), of one data unit.
    Xts {
        /// The number of the data unit: 16 bytes, the lowest first.
        tweak: Vec<u8>,
    },
}

/// What a signature is made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The data, to be hashed first.
    Message,
    /// A digest that was taken already.
    Digest,
}

/// A side of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Side {
    Server,
    Client,
}

/// How ML-DSA and SLH-DSA sign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Signing {
    /// The context, 255 bytes at most.
    pub context: Vec<u8>,
    /// The hash of the message, where that is signed in its place, and whether it was taken already.
    pub digest: Option<(Prehash, Input)>,
    /// Whether the same message gets the same signature each time.
    pub deterministic: bool,
}

/// What a message is hashed with before it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prehash {
    /// A hash function.
    Hash(Hash),
    /// 32 bytes of SHAKE128.
    Shake128,
    /// 64 bytes of SHAKE256.
    Shake256,
}

impl Prehash {
    /// Bytes of the digest.
    pub const fn length(self) -> usize {
        match self {
            Self::Hash(hash) => hash.length(),
            Self::Shake128 => 32,
            Self::Shake256 => 64,
        }
    }
}

/// How a signature of ECDSA or DSA is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// r and s, each as long as the order of the curve or group (PKCS#11, JOSE).
    Raw,
    /// A DER sequence of two integers (KMIP, X.509).
    Der,
}

/// A way of using a key, with everything it needs besides the key and the data.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// A block cipher.
    Cipher(Block, Mode),
    /// ChaCha20 (RFC 8439; an 8-byte nonce is the original's with a 64-bit counter).
    ChaCha20 {
        /// 8 or 12 bytes.
        nonce: Vec<u8>,
        /// The number of the first block.
        counter: u64,
    },
    /// ChaCha20-Poly1305 (RFC 8439); the tag follows the ciphertext.
    ChaCha20Poly1305 {
        /// 12 bytes.
        nonce: Vec<u8>,
        /// What is authenticated and not encrypted.
        additional: Vec<u8>,
        /// Bytes of tag: the first of the 16 that there are.
        tag: usize,
    },
    /// RSA PKCS#1 v1.5 over the bytes as they are (RFC 8017 §7.2): encryption, or a signature over a DigestInfo, or
    /// anything else, that the caller made.
    RsaPkcs1,
    /// RSA PKCS#1 v1.5 signature over a DigestInfo that names the hash (RFC 8017 §8.2).
    RsaPkcs1Hashed {
        /// The hash named by the signature.
        hash: Hash,
        /// What is signed.
        input: Input,
    },
    /// RSA-PSS (RFC 8017 §8.1).
    RsaPss {
        /// The hash named by the signature.
        hash: Hash,
        /// The hash inside MGF1.
        mask: Hash,
        /// Bytes of salt. Without a length a signature gets as many as its hash has, and one that is checked may have
        /// any number.
        salt: Option<usize>,
        /// What is signed.
        input: Input,
    },
    /// RSA-OAEP (RFC 8017 §7.1).
    RsaOaep {
        /// The hash of the label.
        hash: Hash,
        /// The hash inside MGF1.
        mask: Hash,
        /// The label, mostly empty.
        label: Vec<u8>,
    },
    /// A new AES key under RSA-OAEP, and the data under that key by AES key wrap with padding: for keys of any length only
    /// (PKCS#11 3.2 §6.1.22).
    RsaAesWrap {
        /// Bits of the AES key.
        bits: usize,
        /// The hash of the label.
        hash: Hash,
        /// The hash inside MGF1.
        mask: Hash,
        /// The label, mostly empty.
        label: Vec<u8>,
    },
    /// RSA without any padding, over exactly as many bytes as the modulus has.
    RsaRaw,
    /// ECDSA.
    Ecdsa {
        /// What the data are hashed with first; nothing when they are a digest already.
        hash: Option<Hash>,
        /// How the signature is written.
        form: Form,
    },
    /// DSA (FIPS 186-4 §4): signatures of old data are verified, and none are made.
    Dsa {
        /// What the data are hashed with first; nothing when they are a digest already.
        hash: Option<Hash>,
        /// How the signature is written.
        form: Form,
    },
    /// Pure EdDSA (RFC 8032).
    Eddsa,
    /// EdDSA in a context: Ed25519ctx and Ed448 over messages, Ed25519ph and Ed448ph over their digests.
    EddsaContext {
        /// Whether the message is hashed first, by the curve's own hash.
        input: Input,
        /// The context, 255 bytes at most.
        context: Vec<u8>,
    },
    /// ML-DSA (FIPS 204).
    MlDsa(Signing),
    /// SLH-DSA (FIPS 205).
    SlhDsa(Signing),
    /// HMAC.
    Hmac {
        /// The hash function.
        hash: Hash,
        /// Bytes that are kept of the result, from the left.
        length: usize,
    },
    /// CMAC (SP 800-38B).
    Cmac {
        /// The block cipher.
        block: Block,
        /// Bytes that are kept of the result, from the left.
        length: usize,
    },
    /// The MAC of FIPS 113: the last block of CBC, without what would keep one message's from telling another's. For old data
    /// only.
    CbcMac {
        /// The block cipher.
        block: Block,
        /// Bytes that are kept of the result, from the left.
        length: usize,
    },
    /// What closes a handshake of TLS 1.2 (RFC 5246 §7.4.9): its pseudorandom function over the digest of the messages.
    TlsMac {
        /// The hash of the pseudorandom function.
        hash: Hash,
        /// Whose message it is.
        side: Side,
        /// Bytes of it.
        length: usize,
    },
    /// GMAC with AES (SP 800-38D): the tag of GCM over data that are not encrypted.
    Gmac {
        /// Twelve bytes, unless an old peer insists on others.
        nonce: Vec<u8>,
        /// Bytes that are kept of the tag, from the left.
        length: usize,
    },
    /// AES key wrap (RFC 3394), for keys only.
    KeyWrap,
    /// AES key wrap with padding (RFC 5649), for keys only.
    KeyWrapPadded,
}

impl Mechanism {
    /// The plain name, as messages and the audit log write it; no parameter is in it.
    pub const fn name(&self) -> &'static str {
        match self.offered() {
            Some(offered) => offered.facts().word,
            None => "a mode that its cipher has not",
        }
    }
}

impl Mechanism {
    /// The nonce that must not come twice under one key, for what breaks when it does: an attacker could then forge.
    pub fn nonce(&self) -> Option<&[u8]> {
        match self {
            Self::Cipher(_, Mode::Gcm { nonce, .. } | Mode::Ccm { nonce, .. })
            | Self::ChaCha20Poly1305 { nonce, .. }
            | Self::Gmac { nonce, .. } => Some(nonce),
            _ => None,
        }
    }

    /// Bytes of the tag that follows what it encrypts; nought where none does.
    pub const fn tag(&self) -> usize {
        match self {
            Self::Cipher(_, Mode::Gcm { tag, .. } | Mode::Ccm { tag, .. }) | Self::ChaCha20Poly1305 { tag, .. } => *tag,
            _ => 0,
        }
    }
}

impl fmt::Debug for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
