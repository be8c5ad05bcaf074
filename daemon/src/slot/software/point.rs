//! Elliptic keys as numbers and points, and the checks that AWS-LC leaves to whoever calls it.

use openssl::{
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcGroupRef, EcKey, EcPoint, EcPointRef, PointConversionForm},
    error::ErrorStack,
    nid::Nid,
    pkey::{Id, PKey, Private, Public},
};
use strongroom_kmip::{
    mechanism::{Curve, Keys},
    secret::Secret,
};

use super::nameless;
use crate::slot::contract::Error;

/// The curve's name in the engine; nothing for the curves that have no such groups.
pub(super) fn group(curve: Curve) -> Result<EcGroup, Error> {
    let name = match curve {
        Curve::P224 => Nid::SECP224R1,
        Curve::P256 => Nid::X9_62_PRIME256V1,
        Curve::P384 => Nid::SECP384R1,
        Curve::P521 => Nid::SECP521R1,
        Curve::Secp256k1 => Nid::SECP256K1,
        Curve::P192 | Curve::BrainpoolP256r1 | Curve::BrainpoolP384r1 | Curve::BrainpoolP512r1 => {
            return nameless::group(curve);
        }
        Curve::Ed25519 | Curve::Ed448 | Curve::X25519 | Curve::X448 => {
            return Err(Error::Unsupported("a group of that curve"));
        }
    };
    EcGroup::from_curve_name(name).map_err(|_| ENGINE)
}

/// The curve that a group is.
pub(super) fn curve_of(group: &EcGroupRef) -> Result<Curve, Error> {
    match group.curve_name() {
        Some(Nid::SECP224R1) => Ok(Curve::P224),
        Some(Nid::X9_62_PRIME256V1) => Ok(Curve::P256),
        Some(Nid::SECP384R1) => Ok(Curve::P384),
        Some(Nid::SECP521R1) => Ok(Curve::P521),
        Some(Nid::SECP256K1) => Ok(Curve::Secp256k1),
        _ => Err(Error::Key("its curve is not worked with here")),
    }
}

/// A private key from its number; the point is computed.
pub(super) fn private(curve: Curve, number: &Secret) -> Result<PKey<Private>, Error> {
    if curve.keys() == Keys::Weierstrass {
        if number.len() > curve.length() {
            return Err(NUMBER_LENGTH);
        }
        return scalar(&group(curve)?, number).map_err(|_| Error::Key("its number is not below the curve's order"));
    }
    if number.len() != curve.length() {
        return Err(NUMBER_LENGTH);
    }
    let id = bare(curve)?;
    PKey::private_key_from_raw_bytes(number.reveal(), id).map_err(|_| ENGINE)
}

fn scalar(group: &EcGroup, number: &Secret) -> Result<PKey<Private>, ErrorStack> {
    let mut context = BigNumContext::new()?;
    let number = BigNum::from_slice(number.reveal())?;
    let mut point = EcPoint::new(group)?;
    point.mul_generator2(group, &number, &mut context)?;
    let key = EcKey::from_private_components(group, &number, &point)?;
    key.check_key()?;
    PKey::from_ec_key(key)
}

/// A public key from its point.
pub(super) fn public(curve: Curve, bytes: &[u8]) -> Result<PKey<Public>, Error> {
    if curve.keys() == Keys::Weierstrass {
        return on_curve(&group(curve)?, bytes).map_err(|_| OFF);
    }
    if bytes.len() != curve.length() {
        return Err(Error::Key("its point has a wrong length"));
    }
    let id = bare(curve)?;
    PKey::public_key_from_raw_bytes(bytes, id).map_err(|_| OFF)
}

/// The curves whose keys the engine reads as bare bytes.
fn bare(curve: Curve) -> Result<Id, Error> {
    match curve {
        Curve::Ed25519 => Ok(Id::ED25519),
        Curve::X25519 => Ok(Id::X25519),
        _ => Err(Error::Unsupported("a key of that curve")),
    }
}

fn on_curve(group: &EcGroup, bytes: &[u8]) -> Result<PKey<Public>, ErrorStack> {
    let mut context = BigNumContext::new()?;
    let point = EcPoint::from_bytes(group, bytes, &mut context)?;
    let key = EcKey::from_public_key(group, &point)?;
    key.check_key()?;
    PKey::from_ec_key(key)
}

/// Checks the point of a public key, however it was read: on the curve and not at infinity; for the Edwards curve, a
/// point that exists and is not of small order, under which anyone's signatures would fit.
pub(super) fn check(key: &PKey<Public>) -> Result<(), Error> {
    match key.id() {
        Id::EC => {
            let key = key.ec_key().map_err(|_| ENGINE)?;
            if key.public_key().is_infinity(key.group()) {
                return Err(Error::Key("its point is at infinity"));
            }
            key.check_key().map_err(|_| OFF)
        }
        Id::ED25519 => {
            let bytes = key.raw_public_key().map_err(|_| ENGINE)?;
            if on_edwards(&bytes).map_err(|_| ENGINE)? { Ok(()) } else { Err(OFF) }
        }
        _ => Ok(()),
    }
}

/// RFC 8032 §5.1.3: y is below p, and x² = (y² - 1) / (d y² + 1) has a root. With u and v for numerator and denominator,
/// u v is then a square, or nought for the points that must not be; the points of order eight have a y with
/// d y⁴ + 2 y² = 1.
fn on_edwards(bytes: &[u8]) -> Result<bool, ErrorStack> {
    let mut context = BigNumContext::new()?;
    let prime = BigNum::from_dec_str(PRIME)?;
    let d = BigNum::from_dec_str(D)?;
    let one = BigNum::from_u32(1)?;
    let mut big: Vec<u8> = bytes.iter().rev().copied().collect();
    if let Some(first) = big.first_mut() {
        *first &= 0x7f;
    }
    let y = BigNum::from_slice(&big)?;
    let mut half = BigNum::new()?;
    half.rshift1(&prime)?;
    let (mut square, mut u, mut dy, mut v, mut uv, mut power) =
        (BigNum::new()?, BigNum::new()?, BigNum::new()?, BigNum::new()?, BigNum::new()?, BigNum::new()?);
    square.mod_sqr(&y, &prime, &mut context)?;
    u.mod_sub(&square, &one, &prime, &mut context)?;
    dy.mod_mul(&d, &square, &prime, &mut context)?;
    v.mod_add(&dy, &one, &prime, &mut context)?;
    uv.mod_mul(&u, &v, &prime, &mut context)?;
    power.mod_exp(&uv, &half, &prime, &mut context)?;
    // Order eight: (d y² + 2) y² = 1.
    let (mut sum, mut eighth) = (BigNum::new()?, BigNum::new()?);
    sum.mod_add(&v, &one, &prime, &mut context)?;
    eighth.mod_mul(&sum, &square, &prime, &mut context)?;
    // y = 0 is of order four, y = 1 and y = -1, where u is nought, of order one and two.
    Ok(y < prime && y.num_bits() > 0 && power == one && eighth != one)
}

/// The number of a private key, as long as the curve's order.
pub(super) fn number_of(curve: Curve, key: &PKey<Private>) -> Result<Secret, Error> {
    if key.id() != Id::EC {
        return Ok(Secret::new(key.raw_private_key().map_err(|_| ENGINE)?));
    }
    let width = i32::try_from(curve.length()).map_err(|_| ENGINE)?;
    let number = key.ec_key().and_then(|key| key.private_key().to_vec_padded(width)).map_err(|_| ENGINE)?;
    Ok(Secret::new(number))
}

/// The point of a public key, uncompressed.
pub(super) fn point_of(curve: Curve, key: &PKey<Public>) -> Result<Vec<u8>, Error> {
    match curve.keys() {
        Keys::Edwards | Keys::Montgomery => key.raw_public_key().map_err(|_| ENGINE),
        _ => {
            let key = key.ec_key().map_err(|_| ENGINE)?;
            bytes(key.group(), key.public_key())
        }
    }
}

/// The bytes of a point, uncompressed.
pub(super) fn bytes(group: &EcGroupRef, point: &EcPointRef) -> Result<Vec<u8>, Error> {
    let mut context = BigNumContext::new().map_err(|_| ENGINE)?;
    point.to_bytes(group, PointConversionForm::UNCOMPRESSED, &mut context).map_err(|_| ENGINE)
}

/// 2^255 - 19.
const PRIME: &str = "57896044618658097711785492504343953926634992332820282019728792003956564819949";

/// The d of RFC 8032 §5.1.
const D: &str = "37095705934669439343138083508754565189542113879843219016388785533085940283555";

const NUMBER_LENGTH: Error = Error::Key("its number has a wrong length");
const OFF: Error = Error::Key("its point is not one of the curve's");
const ENGINE: Error = Error::Engine("an elliptic key");
