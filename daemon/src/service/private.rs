//! What a key that was unwrapped says of itself: how long a secret is, and what a private key in PKCS#8 is.

use strongroom_kmip::{
    attribute::{Attribute, CryptographicDomainParameters, Set},
    code::{CryptographicAlgorithm, KeyFormatType, RecommendedCurve},
    object::{KeyMaterial, KeyValue, Object},
};

use super::refusal::Refusal;

/// Puts the length of a secret, or algorithm and length of a private key, among the attributes.
///
/// # Errors
/// [`Refusal`] for bytes that are no key, and where the attributes say something else.
pub fn describe(set: &mut Set, object: &Object) -> Result<(), Refusal> {
    let Some(block) = object.key_block() else { return Ok(()) };
    let Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) = &block.key_value else { return Ok(()) };
    let said = match (object, block.key_format_type) {
        (Object::SymmetricKey(_), _) => vec![length(bytes.len().checked_mul(8).ok_or_else(unfit)?)?],
        (_, KeyFormatType::PKCS_8) => info(bytes.reveal()).ok_or_else(unfit)?,
        _ => Vec::new(),
    };
    for attribute in said {
        match set.get(&attribute.kind()) {
            Some(given) if *given != attribute => return Err(unfit()),
            Some(_) => {}
            None => set.put(attribute),
        }
    }
    Ok(())
}

/// Puts what a private key in PKCS#8 is among the attributes that say nothing of it. Where they say something else, the slot
/// does not take it.
pub fn fill(set: &mut Set, bytes: &[u8]) {
    for attribute in info(bytes).unwrap_or_default() {
        if set.get(&attribute.kind()).is_none() {
            set.put(attribute);
        }
    }
}

/// Algorithm, length and curve of a PrivateKeyInfo (RFC 5208 §5).
fn info(bytes: &[u8]) -> Option<Vec<Attribute>> {
    let (SEQUENCE, body, []) = element(bytes)? else { return None };
    let (INTEGER, _, rest) = element(body)? else { return None };
    let (SEQUENCE, algorithm, rest) = element(rest)? else { return None };
    let (OCTET_STRING, key, _) = element(rest)? else { return None };
    let (OBJECT_IDENTIFIER, name, parameters) = element(algorithm)? else { return None };
    match name {
        RSA => {
            let (SEQUENCE, numbers, _) = element(key)? else { return None };
            let (INTEGER, _, rest) = element(numbers)? else { return None };
            let (INTEGER, modulus, _) = element(rest)? else { return None };
            let first = modulus.iter().position(|byte| *byte != 0)?;
            let magnitude = modulus.get(first..)?;
            let zeros = usize::try_from(magnitude.first()?.leading_zeros()).ok()?;
            let bits = magnitude.len().checked_mul(8)?.checked_sub(zeros)?;
            Some(vec![Attribute::CryptographicAlgorithm(CryptographicAlgorithm::RSA), length(bits).ok()?])
        }
        EC => {
            let (OBJECT_IDENTIFIER, curve, _) = element(parameters)? else { return None };
            let &(_, code, bits) = CURVES.iter().find(|(known, ..)| *known == curve)?;
            let parameters = CryptographicDomainParameters { qlength: None, recommended_curve: Some(code) };
            Some(vec![
                Attribute::CryptographicAlgorithm(CryptographicAlgorithm::EC),
                length(bits).ok()?,
                Attribute::CryptographicDomainParameters(parameters),
            ])
        }
        ED25519 => Some(vec![Attribute::CryptographicAlgorithm(CryptographicAlgorithm::Ed25519), length(256).ok()?]),
        _ => None,
    }
}

/// The first element of DER: tag, content, what follows. Only definite lengths of up to three bytes.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7F => (usize::from(first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x0F))?;
            (digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn length(bits: usize) -> Result<Attribute, Refusal> {
    i32::try_from(bits).map(Attribute::CryptographicLength).map_err(|_| unfit())
}

fn unfit() -> Refusal {
    Refusal::invalid("what was unwrapped is not the key that it is said to be")
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1];
const EC: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1];
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];
const CURVES: &[(&[u8], RecommendedCurve, usize)] = &[
    (&[0x2B, 0x81, 4, 0, 0x21], RecommendedCurve::P_224, 224),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7], RecommendedCurve::P_256, 256),
    (&[0x2B, 0x81, 4, 0, 0x22], RecommendedCurve::P_384, 384),
    (&[0x2B, 0x81, 4, 0, 0x23], RecommendedCurve::P_521, 521),
    (&[0x2B, 0x81, 4, 0, 0x0A], RecommendedCurve::SECP256K1, 256),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_private_key_is_none() {
        for (name, bytes) in [
            ("nothing", &[][..]),
            ("cut short", &[SEQUENCE, 3, INTEGER]),
            ("a length of four bytes", &[SEQUENCE, 0x84, 0, 0, 0, 0]),
            ("a length without end", &[SEQUENCE, 0x80, 0, 0]),
            ("something behind", &[SEQUENCE, 0, 0]),
            ("no algorithm", &[SEQUENCE, 3, INTEGER, 1, 0]),
        ] {
            assert!(info(bytes).is_none(), "{name}");
        }
    }

    #[test]
    fn an_rsa_key_is_as_long_as_its_modulus() {
        let modulus = [&[INTEGER, 3, 0, 0x81, 1][..]].concat();
        let numbers = [&[INTEGER, 1, 0][..], &modulus].concat();
        let key = [&[SEQUENCE, 8][..], &numbers].concat();
        let algorithm = [&[SEQUENCE, 11, OBJECT_IDENTIFIER, 9][..], RSA].concat();
        let body = [&[INTEGER, 1, 0][..], &algorithm, &[OCTET_STRING, 10], &key].concat();
        let whole = [&[SEQUENCE, u8::try_from(body.len()).unwrap()][..], &body].concat();
        assert!(info(&whole).unwrap().contains(&Attribute::CryptographicLength(16)));
    }
}
