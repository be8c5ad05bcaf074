//! PKCS#8 and SubjectPublicKeyInfo around keys that the engine neither reads nor writes whole.

use strongroom_kmip::{
    mechanism::{Curve, Keys},
    secret::Secret,
};
use x509_parser::asn1_rs::{Any, FromDer};
use zeroize::Zeroizing;

use crate::slot::contract::{Error, Pair};

/// PKCS#8 (RFC 5958) around the bytes of a private key; `public` is named beside where the format has a place for it.
pub(super) fn private(pair: Pair, bytes: &Secret, public: &[u8]) -> Result<Secret, Error> {
    if let Pair::Quantum(_) = pair {
        return private_of(pair, bytes.reveal());
    }
    let inner = match inner(pair)? {
        Inner::Octets => Secret::new(wrap(OCTETS, bytes.reveal())),
        // The curve is named outside already.
        Inner::Sec1 => elliptic(bytes, &[], public),
    };
    private_of(pair, inner.reveal())
}

/// PKCS#8 around what stands in its octets.
pub(super) fn private_of(pair: Pair, inner: &[u8]) -> Result<Secret, Error> {
    let parts = [&[INTEGER, 1, 0][..], &algorithm(pair)?, &Zeroizing::new(wrap(OCTETS, inner))].concat();
    Ok(Secret::new(wrap(SEQUENCE, &Zeroizing::new(parts))))
}

/// The bytes of a private key in PKCS#8 that says it is one of that pair.
pub(super) fn read_private(pair: Pair, der: &[u8]) -> Result<Secret, Error> {
    let inner = inner_of(pair, der)?;
    match pair {
        // RFC 9909 §6: the bytes themselves.
        Pair::Quantum(_) => Ok(Secret::copy_of(&inner)),
        _ => match self::inner(pair)? {
            Inner::Octets => only(&inner, OCTETS).map(Secret::copy_of),
            Inner::Sec1 => read_sec1(&inner),
        },
    }
}

/// What stands in the octets of PKCS#8 that says it is of that pair.
pub(super) fn inner_of(pair: Pair, der: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let outer = only(der, SEQUENCE)?;
    let (version, rest) = next(outer, INTEGER)?;
    let (named, rest) = next(rest, SEQUENCE)?;
    // What may follow, attributes and the public key, says nothing that the private key does not.
    let (inner, _) = next(rest, OCTETS)?;
    if !matches!(version, [0 | 1]) || wrap(SEQUENCE, named) != algorithm(pair)? {
        return Err(Error::Key("it is of another kind than was said"));
    }
    Ok(Zeroizing::new(inner.to_vec()))
}

/// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) around the bytes of a public key.
pub(super) fn public(pair: Pair, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let bits = wrap(BITS, &[&[0], bytes].concat());
    Ok(wrap(SEQUENCE, &[algorithm(pair)?, bits].concat()))
}

/// The bytes of a public key in SubjectPublicKeyInfo that says it is one of that pair.
pub(super) fn read_public(pair: Pair, der: &[u8]) -> Result<Vec<u8>, Error> {
    let outer = only(der, SEQUENCE)?;
    let (named, rest) = next(outer, SEQUENCE)?;
    let bits = only(rest, BITS)?;
    match (bits.split_first(), wrap(SEQUENCE, named) == algorithm(pair)?) {
        (Some((0, bytes)), true) => Ok(bytes.to_vec()),
        (_, false) => Err(Error::Key("it is of another kind than was said")),
        _ => Err(UNREADABLE),
    }
}

/// ECPrivateKey (SEC 1 §C.4), with the curve's name and the public point.
pub(super) fn sec1(pair: Pair, number: &Secret, point: &[u8]) -> Result<Secret, Error> {
    Ok(elliptic(number, &wrap(PARAMETERS, curve(pair)?), point))
}

fn elliptic(number: &Secret, named: &[u8], point: &[u8]) -> Secret {
    let bits = wrap(BITS, &[&[0], point].concat());
    let number = Zeroizing::new(wrap(OCTETS, number.reveal()));
    let parts = [&[INTEGER, 1, 1][..], &number, named, &wrap(POINT, &bits)];
    Secret::new(wrap(SEQUENCE, &Zeroizing::new(parts.concat())))
}

/// The number in an ECPrivateKey.
pub(super) fn read_sec1(der: &[u8]) -> Result<Secret, Error> {
    let (version, rest) = next(only(der, SEQUENCE)?, INTEGER)?;
    let (number, _) = next(rest, OCTETS)?;
    if version == [1] { Ok(Secret::copy_of(number)) } else { Err(UNREADABLE) }
}

/// What stands in PKCS#8's octets.
enum Inner {
    /// Octets once more (RFC 8410 §7).
    Octets,
    /// ECPrivateKey (RFC 5915).
    Sec1,
}

fn inner(pair: Pair) -> Result<Inner, Error> {
    match pair {
        Pair::Elliptic(Curve::Ed448 | Curve::X448) => Ok(Inner::Octets),
        Pair::Elliptic(curve) if curve.keys() == Keys::Weierstrass => Ok(Inner::Sec1),
        _ => Err(FORM),
    }
}

/// AlgorithmIdentifier.
fn algorithm(pair: Pair) -> Result<Vec<u8>, Error> {
    match pair {
        Pair::Elliptic(Curve::Ed448) => Ok(wrap(SEQUENCE, &[0x06, 3, 0x2B, 0x65, 0x71])),
        Pair::Elliptic(Curve::X448) => Ok(wrap(SEQUENCE, &[0x06, 3, 0x2B, 0x65, 0x6F])),
        Pair::Quantum(set) => {
            let facts = set.facts();
            let arc = if facts.keys == Keys::MlKem { 4 } else { 3 };
            Ok(wrap(SEQUENCE, &[0x06, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, arc, facts.identifier]))
        }
        _ => Ok(wrap(SEQUENCE, &[EC_PUBLIC_KEY, curve(pair)?].concat())),
    }
}

/// The object identifier of a curve (RFC 5639 §4.1, RFC 5480 §2.1.1.1).
fn curve(pair: Pair) -> Result<&'static [u8], Error> {
    match pair {
        Pair::Elliptic(Curve::P192) => Ok(&[0x06, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 1]),
        Pair::Elliptic(Curve::BrainpoolP256r1) => Ok(&[0x06, 9, 0x2B, 0x24, 3, 3, 2, 8, 1, 1, 7]),
        Pair::Elliptic(Curve::BrainpoolP384r1) => Ok(&[0x06, 9, 0x2B, 0x24, 3, 3, 2, 8, 1, 1, 11]),
        Pair::Elliptic(Curve::BrainpoolP512r1) => Ok(&[0x06, 9, 0x2B, 0x24, 3, 3, 2, 8, 1, 1, 13]),
        _ => Err(FORM),
    }
}

/// An element of DER.
pub(super) fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let digits = content.len().to_be_bytes();
    let digits: Vec<u8> = digits.into_iter().skip_while(|digit| *digit == 0).collect();
    let mut whole = Vec::with_capacity(content.len().saturating_add(10));
    whole.push(tag);
    match (content.len(), digits.as_slice()) {
        (0, _) => whole.push(0),
        (..=0x7F, [length]) => whole.push(*length),
        (_, digits) => {
            whole.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            whole.extend_from_slice(digits);
        }
    }
    whole.extend_from_slice(content);
    whole
}

/// The content of the element that begins the bytes, which must have this tag, and what follows it.
pub(super) fn next(bytes: &[u8], tag: u8) -> Result<(&[u8], &[u8]), Error> {
    let (rest, element) = Any::from_der(bytes).map_err(|_| UNREADABLE)?;
    if bytes.first() == Some(&tag) { Ok((element.data, rest)) } else { Err(UNREADABLE) }
}

/// The content of the one element that the bytes are.
pub(super) fn only(bytes: &[u8], tag: u8) -> Result<&[u8], Error> {
    match next(bytes, tag)? {
        (content, []) => Ok(content),
        _ => Err(Error::Key("something stands behind its end")),
    }
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BITS: u8 = 0x03;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const SEQUENCE: u8 = 0x30;
const PARAMETERS: u8 = 0xA0;
const POINT: u8 = 0xA1;

const EC_PUBLIC_KEY: &[u8] = &[0x06, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1];

const FORM: Error = Error::Unsupported("this form for such a key");
const UNREADABLE: Error = Error::Key("it does not parse, or its parts contradict each other");
