//! From a deriving mechanism with its parameter to the derivation that a slot understands.

use strongroom_kmip::{
    mechanism::{Block, Hash, Keys, Mechanism as Way, Mode, Padding},
    secret::Secret,
};
use strongroom_pkcs11_wire::{
    MechanismType, Rv,
    mechanism::{Chain, ChainField, Ecdh, Mechanism, Parameter},
    number::Derivation as Kdf,
};

use super::der;
use crate::service::{
    Derivation, End, Field, Finish, Function, MOST_KEYS, Method, Number, Operand, Pair, Peer, Sequence as Order, Shake,
    Shape, Step, Sum,
};

/// A derivation, and what the application named besides its base key.
#[derive(Debug)]
pub struct Asked {
    /// The derivation.
    pub derivation: Derivation,
    /// The handle of the second key, if it takes one.
    pub second: Option<u64>,
    /// What is made of it.
    pub cut: Cut,
}

/// What is made of a derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// One key.
    One,
    /// A key for each template, of blocks of so many bytes that are its own.
    Several(usize),
    /// What protects a connection of TLS.
    Protection(Protection),
}

/// What protects a connection of TLS 1.2 (RFC 5246 §6.3), in bytes: of each there is one for the client and one for the
/// server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// A key of MACs, nought where the cipher authenticates.
    pub mac: usize,
    /// A key of the cipher, nought where there is none.
    pub key: usize,
    /// An initialisation vector, nought where none comes of this.
    pub iv: usize,
}

impl Protection {
    /// The handles in the places that the standard's structure has for them, with none where nothing was made.
    pub fn placed(self, keys: &[u64]) -> Vec<u64> {
        let mut keys = keys.iter().copied();
        let mut two = |length: usize| [0; 2].map(|none| if length > 0 { keys.next().unwrap_or(none) } else { none });
        [two(self.mac), two(self.key)].concat()
    }
}

/// Translates a mechanism that derives from a key of this shape.
///
/// # Errors
/// [`Rv::MECHANISM_INVALID`] for one that derives nothing, [`Rv::MECHANISM_PARAM_INVALID`] for a parameter that cannot
/// be.
pub fn asked(asked: &Mechanism, base: Shape) -> Result<Asked, Rv> {
    type M = MechanismType;
    let parameter = &asked.parameter;
    let one = |derivation| Ok(Asked { derivation, second: None, cut: Cut::One });
    let data = || match parameter {
        Parameter::Data(given) => Ok(Secret::copy_of(&given.data)),
        _ => Err(Rv::MECHANISM_PARAM_INVALID),
    };
    match asked.kind {
        M::ECDH1_DERIVE | M::ECDH1_COFACTOR_DERIVE => one(agreement(parameter, base)?),
        M::DH_PKCS_DERIVE => match parameter {
            Parameter::Iv(given) if !given.iv.is_empty() => {
                one(Derivation::Agreement { peer: Peer::Bare(given.iv.to_vec()), finish: Finish::Last })
            }
            _ => Err(Rv::MECHANISM_PARAM_INVALID),
        },
        M::HKDF_DERIVE | M::HKDF_DATA => hkdf(parameter),
        M::SP800_108_COUNTER_KDF => chain(parameter, Method::Counter),
        M::SP800_108_FEEDBACK_KDF => match parameter {
            Parameter::Chain(given) => chain(parameter, Method::Feedback(given.start.to_vec())),
            _ => Err(Rv::MECHANISM_PARAM_INVALID),
        },
        M::SP800_108_DOUBLE_PIPELINE_KDF => chain(parameter, Method::Pipeline),
        M::CONCATENATE_BASE_AND_KEY => match parameter {
            Parameter::Number(given) => {
                let derivation = Derivation::Join { order: Order::KeyFirst, other: Operand::Second };
                Ok(Asked { derivation, second: Some(given.number), cut: Cut::One })
            }
            _ => Err(Rv::MECHANISM_PARAM_INVALID),
        },
        M::CONCATENATE_BASE_AND_DATA => {
            one(Derivation::Join { order: Order::KeyFirst, other: Operand::Bytes(data()?) })
        }
        M::CONCATENATE_DATA_AND_BASE => one(Derivation::Join { order: Order::KeyLast, other: Operand::Bytes(data()?) }),
        M::XOR_BASE_AND_DATA => one(Derivation::Xor(data()?)),
        M::EXTRACT_KEY_FROM_KEY => match parameter {
            Parameter::Number(given) => {
                one(Derivation::Extract(usize::try_from(given.number).map_err(|_| Rv::MECHANISM_PARAM_INVALID)?))
            }
            _ => Err(Rv::MECHANISM_PARAM_INVALID),
        },
        M::AES_ECB_ENCRYPT_DATA => one(ecb(Block::Aes, data()?)?),
        M::DES3_ECB_ENCRYPT_DATA => one(ecb(Block::TripleDes, data()?)?),
        M::DES3_CBC_ENCRYPT_DATA => match parameter {
            Parameter::SmallCbcData(given) => one(cbc(Block::TripleDes, &given.iv, &given.data)?),
            _ => Err(Rv::MECHANISM_PARAM_INVALID),
        },
        M::AES_CBC_ENCRYPT_DATA => match parameter {
            Parameter::CbcData(given) => one(cbc(Block::Aes, &given.iv, &given.data)?),
            _ => Err(Rv::MECHANISM_PARAM_INVALID),
        },
        M::SHAKE_128_KEY_DERIVATION => one(nothing(parameter, Derivation::Shake(Shake::Shake128))?),
        M::SHAKE_256_KEY_DERIVATION => one(nothing(parameter, Derivation::Shake(Shake::Shake256))?),
        M::TLS12_MASTER_KEY_DERIVE_DH | M::TLS12_EXTENDED_MASTER_KEY_DERIVE_DH | M::TLS_KDF | M::TLS12_KDF => {
            one(tls(parameter)?)
        }
        M::TLS12_KEY_AND_MAC_DERIVE | M::TLS12_KEY_SAFE_DERIVE => protection(asked.kind, parameter),
        kind => match Hash::of_derivation(kind.0) {
            Some(hash) => one(nothing(parameter, Derivation::Digest(hash))?),
            None => Err(Rv::MECHANISM_INVALID),
        },
    }
}

/// A password, and how a key is made of it (PKCS#11 3.2 §6.33.4).
///
/// # Errors
/// [`Rv::MECHANISM_PARAM_INVALID`] for a parameter that cannot be.
pub fn password(parameter: &Parameter) -> Result<(Secret, Derivation), Rv> {
    let Parameter::Password(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let hash = PRFS.iter().find(|(known, _)| *known == given.function).map(|(_, hash)| *hash);
    let iterations = u32::try_from(given.iterations).ok().filter(|iterations| *iterations > 0);
    match (hash, iterations) {
        (Some(hash), Some(iterations)) if given.source == SALT_SPECIFIED && !given.salt.is_empty() => {
            let salt = Secret::copy_of(&given.salt);
            Ok((Secret::copy_of(given.password.reveal()), Derivation::Pbkdf2 { hash, salt, iterations }))
        }
        _ => Err(Rv::MECHANISM_PARAM_INVALID),
    }
}

/// Bytes that a derivation gives of itself, where the template says nothing; nothing where it gives as many as wanted.
/// `lengths` are those of the base key and of the second one, in bytes.
pub fn natural(derivation: &Derivation, base: Shape, lengths: [usize; 2]) -> Option<usize> {
    let [own, second] = lengths;
    match derivation {
        Derivation::Agreement { finish: Finish::First | Finish::Last, .. }
        | Derivation::Encapsulation(Finish::First | Finish::Last) => match base {
            Shape::Private(Pair::Elliptic(curve)) | Shape::Public(Pair::Elliptic(curve)) => Some(curve.length()),
            Shape::Private(Pair::Group { bits }) | Shape::Public(Pair::Group { bits }) => Some(bits.div_ceil(8)),
            // FIPS 203 §8.
            Shape::Public(Pair::Quantum(_)) => Some(32),
            _ => None,
        },
        Derivation::Digest(hash) | Derivation::Hkdf { step: Step::Extract, hash, .. } => Some(hash.length()),
        // FIPS 203 §8.
        Derivation::Decapsulation(_) => Some(32),
        // FIPS 202: as strong as the function is.
        Derivation::Shake(Shake::Shake128) => Some(32),
        Derivation::Shake(Shake::Shake256) => Some(64),
        Derivation::Encrypt { data, .. } => Some(data.len()),
        Derivation::Join { other: Operand::Bytes(data), .. } => own.checked_add(data.len()),
        Derivation::Join { .. } => own.checked_add(second),
        Derivation::Xor(data) => Some(own.min(data.len())),
        Derivation::Tls { label, .. } if MASTER.contains(&label.as_slice()) => Some(48),
        _ => None,
    }
}

fn agreement(parameter: &Parameter, base: Shape) -> Result<Derivation, Rv> {
    let Parameter::Ecdh(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let Shape::Private(Pair::Elliptic(curve)) = base else { return Err(Rv::KEY_TYPE_INCONSISTENT) };
    let peer = Peer::Bare(der::point(curve, &given.public).to_vec());
    Ok(Derivation::Agreement { peer, finish: finish(given)? })
}

fn finish(given: &Ecdh) -> Result<Finish, Rv> {
    match KDFS.iter().find(|(known, ..)| *known == given.derivation) {
        Some((_, hash, Kind::X963)) => Ok(Finish::X963(*hash, given.shared.to_vec())),
        Some((_, hash, Kind::OneStep)) => Ok(Finish::OneStep(*hash, given.shared.to_vec())),
        None if given.derivation == Kdf::NULL && given.shared.is_empty() => Ok(Finish::Last),
        None => Err(Rv::MECHANISM_PARAM_INVALID),
    }
}

/// What becomes of a secret that a ciphertext brings, and how many bytes the ciphertext has, for a mechanism that says nothing of
/// the other side's key, as C_EncapsulateKey and C_DecapsulateKey take it.
///
/// # Errors
/// [`Rv::MECHANISM_INVALID`] for one that brings nothing, [`Rv::MECHANISM_PARAM_INVALID`] for a parameter that cannot be.
pub fn brought(asked: &Mechanism, key: Shape) -> Result<(Finish, usize), Rv> {
    type M = MechanismType;
    let (Shape::Public(pair) | Shape::Private(pair)) = key else { return Err(Rv::KEY_TYPE_INCONSISTENT) };
    match (asked.kind, &asked.parameter, pair) {
        (M::ML_KEM, Parameter::None, Pair::Quantum(set)) => Ok((Finish::First, set.facts().output)),
        (M::DH_PKCS_DERIVE, Parameter::None, Pair::Group { bits }) => Ok((Finish::Last, bits.div_ceil(8))),
        (M::ECDH1_DERIVE | M::ECDH1_COFACTOR_DERIVE, Parameter::Ecdh(given), Pair::Elliptic(curve))
            if given.public.is_empty() =>
        {
            // A point stands there with both its numbers, behind a byte that says so.
            let point = if curve.keys() == Keys::Montgomery { 0 } else { curve.length().saturating_add(1) };
            Ok((finish(given)?, curve.length().saturating_add(point)))
        }
        (M::ML_KEM | M::DH_PKCS_DERIVE | M::ECDH1_DERIVE | M::ECDH1_COFACTOR_DERIVE, ..) => {
            Err(Rv::MECHANISM_PARAM_INVALID)
        }
        _ => Err(Rv::MECHANISM_INVALID),
    }
}

/// The derivation that has the secret which a ciphertext brings to whoever has this private key.
pub fn bringing(key: Shape, finish: Finish, ciphertext: Vec<u8>) -> Derivation {
    match key {
        Shape::Private(Pair::Quantum(_)) => Derivation::Decapsulation(ciphertext),
        _ => Derivation::Agreement { peer: Peer::Bare(ciphertext), finish },
    }
}

fn hkdf(parameter: &Parameter) -> Result<Asked, Rv> {
    let Parameter::Hkdf(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let step = match (given.extract, given.expand) {
        (true, true) => Step::Both,
        (true, false) => Step::Extract,
        (false, true) => Step::Expand,
        (false, false) => return Err(Rv::MECHANISM_PARAM_INVALID),
    };
    let hash = Hash::of_digest(given.hash.0).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    let empty = || Operand::Bytes(Secret::copy_of(&[]));
    // Without an extraction there is nothing to salt.
    let (salt, second) = match given.salt_type {
        _ if step == Step::Expand => (empty(), None),
        SALT_NULL => (empty(), None),
        SALT_DATA => (Operand::Bytes(Secret::copy_of(&given.salt)), None),
        SALT_KEY => (Operand::Second, Some(given.salt_key)),
        _ => return Err(Rv::MECHANISM_PARAM_INVALID),
    };
    let info = Secret::copy_of(if step == Step::Extract { &[] } else { &given.info });
    Ok(Asked { derivation: Derivation::Hkdf { step, hash, salt, info }, second, cut: Cut::One })
}

fn chain(parameter: &Parameter, method: Method) -> Result<Asked, Rv> {
    let Parameter::Chain(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let Chain { function, fields, others, .. } = given;
    // One key more is asked for beside them.
    if others.len() >= MOST_KEYS {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    let function = match *function {
        MechanismType::AES_CMAC => Function::Cmac,
        // Some applications name the HMAC, as the standard's table has it, others its hash.
        kind => Function::Hmac(Hash::of_hmac(kind.0).or(Hash::of_digest(kind.0)).ok_or(Rv::MECHANISM_PARAM_INVALID)?),
    };
    let mut second = None;
    let mut read = Vec::with_capacity(fields.len());
    for given in fields {
        read.push(match given.kind {
            // But for the counter's own method, the iteration is a block and has no format.
            ITERATION if method != Method::Counter && given.width != 0 => return Err(Rv::MECHANISM_PARAM_INVALID),
            ITERATION if method != Method::Counter => Field::Iteration(Number::USUAL),
            ITERATION => Field::Iteration(number(given)?),
            COUNTER => Field::Counter(number(given)?),
            LENGTH => Field::Length(number(given)?, sum(given.sum)?),
            ARRAY => Field::Data(Operand::Bytes(Secret::copy_of(&given.data))),
            // One other key; the same as often as wanted.
            KEY if second.is_none_or(|second| second == given.key) => {
                second = Some(given.key);
                Field::Data(Operand::Second)
            }
            _ => return Err(Rv::MECHANISM_PARAM_INVALID),
        });
    }
    let segment = match function {
        Function::Hmac(hash) => hash.length(),
        // Another key than one of AES makes no CMAC here.
        Function::Cmac => Block::Aes.length(),
    };
    let cut = if others.is_empty() { Cut::One } else { Cut::Several(segment) };
    Ok(Asked { derivation: Derivation::Chain { method, function, fields: read }, second, cut })
}

fn number(given: &ChainField) -> Result<Number, Rv> {
    let bytes = usize::try_from(given.width / 8).ok().filter(|_| matches!(given.width, 8 | 16 | 24 | 32 | 64));
    let end = if given.little { End::Little } else { End::Big };
    Ok(Number { bytes: bytes.ok_or(Rv::MECHANISM_PARAM_INVALID)?, end })
}

fn sum(said: u64) -> Result<Sum, Rv> {
    match said {
        1 => Ok(Sum::Keys),
        2 => Ok(Sum::Blocks),
        _ => Err(Rv::MECHANISM_PARAM_INVALID),
    }
}

/// Says how many bits are derived for keys of these lengths, in bytes, that have no block in common.
pub fn totalled(derivation: &mut Derivation, lengths: &[usize], segment: usize) {
    let Derivation::Chain { fields, .. } = derivation else { return };
    for field in fields {
        let Field::Length(_, sum) = field else { continue };
        let counted = |length: &usize| match sum {
            Sum::Blocks => length.div_ceil(segment).saturating_mul(segment),
            _ => *length,
        };
        let bits = lengths.iter().map(counted).fold(0, usize::saturating_add).saturating_mul(8);
        *sum = Sum::Bits(u64::try_from(bits).unwrap_or(u64::MAX));
    }
}

fn protection(kind: MechanismType, parameter: &Parameter) -> Result<Asked, Rv> {
    let Parameter::Protection(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    let bytes = |bits: u64| {
        let bytes = usize::try_from(bits / 8).ok().filter(|bytes| bits.is_multiple_of(8) && *bytes <= LONGEST_PIECE);
        bytes.ok_or(Rv::MECHANISM_PARAM_INVALID)
    };
    // The safe one makes no initialisation vectors, whatever is said of them.
    let iv = if kind == MechanismType::TLS12_KEY_SAFE_DERIVE { 0 } else { bytes(given.iv_bits)? };
    let parts = Protection { mac: bytes(given.mac_bits)?, key: bytes(given.key_bits)?, iv };
    if parts.mac == 0 && parts.key == 0 {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    let derivation = prf(given.hash, b"key expansion", &given.seed)?;
    Ok(Asked { derivation, second: None, cut: Cut::Protection(parts) })
}

fn tls(parameter: &Parameter) -> Result<Derivation, Rv> {
    let Parameter::Tls(given) = parameter else { return Err(Rv::MECHANISM_PARAM_INVALID) };
    prf(given.hash, &given.label, &given.seed)
}

fn prf(hash: MechanismType, label: &[u8], seed: &[u8]) -> Result<Derivation, Rv> {
    let hash = Hash::of_digest(hash.0).ok_or(Rv::MECHANISM_PARAM_INVALID)?;
    // RFC 5246 §5 has no weaker hash.
    if matches!(hash, Hash::Sha1 | Hash::Sha224) || label.is_empty() || seed.is_empty() {
        return Err(Rv::MECHANISM_PARAM_INVALID);
    }
    Ok(Derivation::Tls { hash, label: label.to_vec(), seed: Secret::copy_of(seed) })
}

fn ecb(block: Block, data: Secret) -> Result<Derivation, Rv> {
    let mechanism = Way::Cipher(block, Mode::Ecb { padding: Padding::None });
    Ok(Derivation::Encrypt { mechanism, data: whole_blocks(block, data)? })
}

fn cbc(block: Block, iv: &[u8], data: &[u8]) -> Result<Derivation, Rv> {
    let mechanism = Way::Cipher(block, Mode::Cbc { iv: iv.to_vec(), padding: Padding::None });
    Ok(Derivation::Encrypt { mechanism, data: whole_blocks(block, Secret::copy_of(data))? })
}

fn whole_blocks(block: Block, data: Secret) -> Result<Secret, Rv> {
    let whole = !data.is_empty() && data.len().is_multiple_of(block.length());
    if whole { Ok(data) } else { Err(Rv::MECHANISM_PARAM_INVALID) }
}

fn nothing(parameter: &Parameter, derivation: Derivation) -> Result<Derivation, Rv> {
    super::translate::nothing(parameter, derivation)
}

/// What a key derivation function begins with.
#[derive(Clone, Copy)]
enum Kind {
    X963,
    OneStep,
}

const KDFS: [(Kdf, Hash, Kind); 18] = [
    (Kdf::SHA1_KDF, Hash::Sha1, Kind::X963),
    (Kdf::SHA224_KDF, Hash::Sha224, Kind::X963),
    (Kdf::SHA256_KDF, Hash::Sha256, Kind::X963),
    (Kdf::SHA384_KDF, Hash::Sha384, Kind::X963),
    (Kdf::SHA512_KDF, Hash::Sha512, Kind::X963),
    (Kdf::SHA3_224_KDF, Hash::Sha3_224, Kind::X963),
    (Kdf::SHA3_256_KDF, Hash::Sha3_256, Kind::X963),
    (Kdf::SHA3_384_KDF, Hash::Sha3_384, Kind::X963),
    (Kdf::SHA3_512_KDF, Hash::Sha3_512, Kind::X963),
    (Kdf::SHA1_KDF_SP800, Hash::Sha1, Kind::OneStep),
    (Kdf::SHA224_KDF_SP800, Hash::Sha224, Kind::OneStep),
    (Kdf::SHA256_KDF_SP800, Hash::Sha256, Kind::OneStep),
    (Kdf::SHA384_KDF_SP800, Hash::Sha384, Kind::OneStep),
    (Kdf::SHA512_KDF_SP800, Hash::Sha512, Kind::OneStep),
    (Kdf::SHA3_224_KDF_SP800, Hash::Sha3_224, Kind::OneStep),
    (Kdf::SHA3_256_KDF_SP800, Hash::Sha3_256, Kind::OneStep),
    (Kdf::SHA3_384_KDF_SP800, Hash::Sha3_384, Kind::OneStep),
    (Kdf::SHA3_512_KDF_SP800, Hash::Sha3_512, Kind::OneStep),
];

/// The labels of the two master secrets (RFC 5246 §8.1, RFC 7627 §4), which have 48 bytes.
const MASTER: [&[u8]; 2] = [b"master secret", b"extended master secret"];

/// In bytes; the MACs and ciphers of TLS 1.2 have no longer keys.
const LONGEST_PIECE: usize = 64;

/// `CKZ_SALT_SPECIFIED`: there is no other.
const SALT_SPECIFIED: u64 = 1;

/// `CKP_PKCS5_PBKD2_HMAC_SHA1` and so on.
const PRFS: [(u64, Hash); 7] = [
    (1, Hash::Sha1),
    (3, Hash::Sha224),
    (4, Hash::Sha256),
    (5, Hash::Sha384),
    (6, Hash::Sha512),
    (7, Hash::Sha512_224),
    (8, Hash::Sha512_256),
];

/// `CKF_HKDF_SALT_NULL`, `_DATA` and `_KEY`.
const SALT_NULL: u64 = 1;
const SALT_DATA: u64 = 2;
const SALT_KEY: u64 = 4;

/// `CK_SP800_108_ITERATION_VARIABLE` and so on.
const ITERATION: u64 = 1;
const COUNTER: u64 = 2;
const LENGTH: u64 = 3;
const ARRAY: u64 = 4;
const KEY: u64 = 5;
