//! The few bytes of DER that PKCS#11 puts around points and numbers, and what stands in a public key of our own making.

use strongroom_kmip::mechanism::{Curve, Keys};

/// One element of DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'d> {
    /// What it is.
    pub tag: u8,
    /// It with its tag and length.
    pub whole: &'d [u8],
    /// What stands in it.
    pub content: &'d [u8],
    /// What follows it.
    pub rest: &'d [u8],
}

/// The first element; nothing when the bytes are no definite-length DER with a tag of one byte.
pub fn first(bytes: &[u8]) -> Option<Element<'_>> {
    let (&tag, after) = bytes.split_first()?;
    let (&short, after) = after.split_first()?;
    let (length, after) = match short {
        0..=0x7F => (usize::from(short), after),
        0x81..=0x84 => {
            let (digits, after) = after.split_at_checked(usize::from(short & 0x7F))?;
            let length =
                digits.iter().fold(0_usize, |sum, digit| sum.saturating_mul(256).saturating_add((*digit).into()));
            (length, after)
        }
        _ => return None,
    };
    let (content, rest) = after.split_at_checked(length)?;
    let whole = bytes.get(..bytes.len().checked_sub(rest.len())?)?;
    Some(Element { tag, whole, content, rest })
}

/// An element of this tag around `content`.
pub fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    match content.len() {
        0..=0x7F => bytes.extend(length.last()),
        _ => {
            let digits: Vec<u8> = length.into_iter().skip_while(|digit| *digit == 0).collect();
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or(4));
            bytes.extend(digits);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// What an OCTET STRING holds, or the bytes themselves when they are none: applications write points either way.
pub fn unwrapped(bytes: &[u8]) -> &[u8] {
    match first(bytes) {
        Some(Element { tag: OCTET_STRING, content, rest: [], .. }) => content,
        _ => bytes,
    }
}

/// A point of a curve, which applications write bare or as an OCTET STRING. A bare one may look like the other: its length
/// tells.
pub fn point(curve: Curve, bytes: &[u8]) -> &[u8] {
    let field = curve.length();
    let bare = match curve.keys() {
        Keys::Weierstrass => {
            [field.saturating_mul(2).saturating_add(1), field.saturating_add(1)].contains(&bytes.len())
        }
        _ => bytes.len() == field,
    };
    if bare { bytes } else { unwrapped(bytes) }
}

/// The curve that `CKA_EC_PARAMS` names, by its object identifier or by its name.
pub fn curve(parameters: &[u8]) -> Option<Curve> {
    let named = |name: &[u8]| NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|&(_, curve)| curve);
    let found = CURVES.iter().find(|(_, known)| *known == parameters).map(|&(curve, _)| curve);
    found.or_else(|| match first(parameters) {
        Some(Element { tag: PRINTABLE_STRING, content, rest: [], .. }) => named(content),
        _ => None,
    })
}

/// The public numbers of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// RSA; both without leading noughts.
    Rsa {
        /// The modulus.
        modulus: Vec<u8>,
        /// The public exponent.
        exponent: Vec<u8>,
    },
    /// A curve of Weierstrass's form.
    Elliptic {
        /// The curve, as `CKA_EC_PARAMS` has it.
        parameters: Vec<u8>,
        /// The point, uncompressed.
        point: Vec<u8>,
    },
    /// Diffie and Hellman's agreement; all without leading noughts.
    Group {
        /// The prime.
        prime: Vec<u8>,
        /// The base.
        base: Vec<u8>,
        /// The public number.
        value: Vec<u8>,
    },
    /// DSA; all without leading noughts.
    Dsa {
        /// The prime.
        prime: Vec<u8>,
        /// The prime that is the group's order.
        order: Vec<u8>,
        /// The base.
        base: Vec<u8>,
        /// The public number.
        value: Vec<u8>,
    },
    /// Ed25519 and X25519.
    Twisted {
        /// The curve, as `CKA_EC_PARAMS` has it.
        parameters: Vec<u8>,
        /// The bytes of the key.
        point: Vec<u8>,
    },
}

/// The numbers in a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
pub fn numbers(info: &[u8]) -> Option<Numbers> {
    let outer = first(info)?;
    let algorithm = first(outer.content)?;
    let name = first(algorithm.content)?;
    let bits = first(algorithm.rest)?;
    let (_, key) = bits.content.split_first()?;
    if name.whole == RSA {
        let modulus = first(first(key)?.content)?;
        let exponent = first(modulus.rest)?;
        return Some(Numbers::Rsa { modulus: magnitude(modulus.content), exponent: magnitude(exponent.content) });
    }
    if name.whole == AGREEMENT {
        let prime = first(first(name.rest)?.content)?;
        let base = first(prime.rest)?;
        let [prime, base, value] = [prime, base, first(key)?].map(|number| magnitude(number.content));
        return Some(Numbers::Group { prime, base, value });
    }
    if name.whole == DSA {
        let prime = first(first(name.rest)?.content)?;
        let order = first(prime.rest)?;
        let base = first(order.rest)?;
        let [prime, order, base, value] = [prime, order, base, first(key)?].map(|number| magnitude(number.content));
        return Some(Numbers::Dsa { prime, order, base, value });
    }
    let point = key.to_vec();
    if name.whole == ELLIPTIC {
        return Some(Numbers::Elliptic { parameters: first(name.rest)?.whole.to_vec(), point });
    }
    Some(Numbers::Twisted { parameters: name.whole.to_vec(), point })
}

/// The SubjectPublicKeyInfo in a certificate (RFC 5280 §4.1).
pub fn certified(certificate: &[u8]) -> Option<&[u8]> {
    let first_field = first(first(first(certificate)?.content)?.content)?;
    // The version is left out of certificates of the first one.
    let serial = if first_field.tag == VERSION { first(first_field.rest)? } else { first_field };
    let algorithm = first(serial.rest)?;
    let issuer = first(algorithm.rest)?;
    let validity = first(issuer.rest)?;
    let subject = first(validity.rest)?;
    first(subject.rest).map(|info| info.whole)
}

/// A number without leading noughts.
pub fn magnitude(number: &[u8]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// Bits of a number, from the highest that is set.
pub fn bits(number: &[u8]) -> usize {
    let magnitude = magnitude(number);
    let unused = magnitude.first().map_or(0, |byte| byte.leading_zeros());
    magnitude.len().saturating_mul(8).saturating_sub(usize::try_from(unused).unwrap_or(0))
}

/// The tag of a certificate's version.
const VERSION: u8 = 0xA0;
/// The tag of INTEGER.
pub const INTEGER: u8 = 0x02;
/// The tag of OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
const PRINTABLE_STRING: u8 = 0x13;

const RSA: &[u8] = &[0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1];
/// dhKeyAgreement (PKCS #3 §9).
const AGREEMENT: &[u8] = &[0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 3, 1];
/// id-dsa (RFC 3279 §2.3.2).
const DSA: &[u8] = &[0x06, 7, 0x2A, 0x86, 0x48, 0xCE, 0x38, 4, 1];
const ELLIPTIC: &[u8] = &[0x06, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1];

const CURVES: &[(Curve, &[u8])] = &[
    (Curve::P256, &[0x06, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7]),
    (Curve::P384, &[0x06, 5, 0x2B, 0x81, 4, 0, 0x22]),
    (Curve::P521, &[0x06, 5, 0x2B, 0x81, 4, 0, 0x23]),
    (Curve::P192, &[0x06, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 1]),
    (Curve::P224, &[0x06, 5, 0x2B, 0x81, 4, 0, 0x21]),
    (Curve::Secp256k1, &[0x06, 5, 0x2B, 0x81, 4, 0, 0x0A]),
    (Curve::Ed25519, &[0x06, 3, 0x2B, 0x65, 0x70]),
    (Curve::X25519, &[0x06, 3, 0x2B, 0x65, 0x6E]),
    (Curve::Ed448, &[0x06, 3, 0x2B, 0x65, 0x71]),
    (Curve::X448, &[0x06, 3, 0x2B, 0x65, 0x6F]),
    (Curve::BrainpoolP256r1, &[0x06, 9, 0x2B, 0x24, 3, 3, 2, 8, 1, 1, 7]),
    (Curve::BrainpoolP384r1, &[0x06, 9, 0x2B, 0x24, 3, 3, 2, 8, 1, 1, 11]),
    (Curve::BrainpoolP512r1, &[0x06, 9, 0x2B, 0x24, 3, 3, 2, 8, 1, 1, 13]),
    // The identifier that GnuPG gave Ed25519 before the standards did; OpenSC asks by it.
    (Curve::Ed25519, &[0x06, 9, 0x2B, 6, 1, 4, 1, 0xDA, 0x47, 0x0F, 1]),
];

const NAMES: &[(&str, Curve)] = &[
    ("edwards25519", Curve::Ed25519),
    ("edwards448", Curve::Ed448),
    ("curve25519", Curve::X25519),
    ("curve448", Curve::X448),
    ("brainpoolP256r1", Curve::BrainpoolP256r1),
    ("brainpoolP384r1", Curve::BrainpoolP384r1),
    ("brainpoolP512r1", Curve::BrainpoolP512r1),
    ("secp192r1", Curve::P192),
    ("secp224r1", Curve::P224),
    ("secp256r1", Curve::P256),
    ("secp384r1", Curve::P384),
    ("secp521r1", Curve::P521),
    ("secp256k1", Curve::Secp256k1),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_comes_out_again() {
        for length in [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0x1_0000] {
            let content = vec![7; length];
            let bytes = wrap(OCTET_STRING, &content);
            let element = first(&bytes).unwrap();
            assert_eq!((element.tag, element.content, element.rest), (OCTET_STRING, &content[..], &[][..]), "{length}");
            assert_eq!(unwrapped(&bytes), content, "{length}");
        }
    }

    #[test]
    fn bytes_that_are_no_element_are_no_element() {
        for (why, bytes) in [
            ("nothing", &[][..]),
            ("a tag alone", &[4]),
            ("fewer bytes than it says", &[4, 2, 1]),
            ("a length without end", &[4, 0x80, 1, 0, 0]),
            ("a length of nine bytes", &[4, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
            ("more than there is memory", &[4, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 0]),
        ] {
            assert_eq!(first(bytes), None, "{why}");
        }
    }

    #[test]
    fn a_point_is_read_with_or_without_its_wrapping() {
        // The second looks like an OCTET STRING of 63 bytes.
        for second in [65, 63] {
            let mut bare = vec![4; 65];
            bare[1] = second;
            assert_eq!(point(Curve::P256, &bare), bare);
            assert_eq!(point(Curve::P256, &wrap(OCTET_STRING, &bare)), bare);
        }
        let mut bare = vec![30; 32];
        bare[0] = 4;
        assert_eq!(point(Curve::X25519, &bare), bare);
        assert_eq!(point(Curve::X25519, &wrap(OCTET_STRING, &bare)), bare);
    }

    #[test]
    fn a_curve_is_known_by_number_and_by_name() {
        let name = |text: &str| wrap(PRINTABLE_STRING, text.as_bytes());
        assert_eq!(curve(&[0x06, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7]), Some(Curve::P256));
        assert_eq!(curve(&name("edwards25519")), Some(Curve::Ed25519));
        assert_eq!(curve(&name("Edwards25519")), None);
        assert_eq!(curve(&[0x06, 1, 0x2A]), None);
        assert_eq!(curve(&[]), None);
    }

    #[test]
    fn a_public_key_gives_its_numbers() {
        let rsa = wrap(0x30, &[wrap(INTEGER, &[0, 0x80, 1]), wrap(INTEGER, &[1, 0, 1])].concat());
        let algorithm = wrap(0x30, &[RSA, &[5, 0]].concat());
        let info = wrap(0x30, &[algorithm, wrap(3, &[vec![0], rsa].concat())].concat());
        let expected = Numbers::Rsa { modulus: vec![0x80, 1], exponent: vec![1, 0, 1] };
        assert_eq!(numbers(&info), Some(expected));
        for length in 0..info.len() {
            assert_eq!(numbers(&info[..length]), None, "{length}");
        }
    }
}
