//! Keys as other systems write them, in and out.
//!
//! A private key is kept as PKCS#8, a public one as SubjectPublicKeyInfo, a symmetric one as its bytes. Every form is
//! read by AWS-LC, whose parsers take DER only, and written again before it is kept, so that what is kept is canonical.

use openssl::{
    pkey::{Id, PKey, Private, Public},
    rsa::Rsa,
};
use strongroom_kmip::{mechanism::Curve, secret::Secret};
use x509_parser::asn1_rs::{Any, FromDer};

use super::{bare, dsa, info, lattice, number, point, xts};
use crate::slot::contract::{Error, Family, Form, Kept, Material, Pair, QuantumPrivate, Shape};

/// A key that was read, in the engine's own form.
pub(super) enum Parsed {
    Symmetric(Secret),
    Private(PKey<Private>),
    Public(PKey<Public>),
    /// A key that is kept bare, either half.
    Bare(Secret),
}

/// Reads a key and checks that it has that shape.
pub(super) fn take(shape: Shape, material: &Material) -> Result<Kept, Error> {
    let held = match shape {
        Shape::Symmetric { family, bits } => {
            let Material::Raw(bytes) = material else { return Err(FORM) };
            check_length(family, bits, bytes.len())?;
            if family == Family::AesXts {
                xts::check(bytes.reveal())?;
            }
            bytes.duplicate()
        }
        Shape::Private(pair) if bare::is_bare(pair) => bare::take_private(pair, material)?,
        Shape::Public(pair) if bare::is_bare(pair) => Secret::new(bare::take_public(pair, material)?),
        Shape::Private(pair) => {
            let key = read_private(material)?;
            check_pair(pair, pair_of_private(&key)?)?;
            check_length_of_pair(pair, 1024)?;
            write_private(&key)?
        }
        Shape::Public(pair) => {
            let key = read_public(material)?;
            check_pair(pair, pair_of_public(&key)?)?;
            check_length_of_pair(pair, 512)?;
            Secret::new(key.public_key_to_der().map_err(|_| ENGINE)?)
        }
    };
    Ok(Kept { shape, held })
}

/// Reads what was kept.
pub(super) fn open(kept: &Kept) -> Result<Parsed, Error> {
    let bytes = kept.held.reveal();
    match kept.shape {
        Shape::Symmetric { family, bits } => {
            check_length(family, bits, bytes.len())?;
            Ok(Parsed::Symmetric(kept.held.duplicate()))
        }
        Shape::Private(pair) if bare::is_bare(pair) => {
            bare::check_private(pair, &kept.held)?;
            Ok(Parsed::Bare(kept.held.duplicate()))
        }
        Shape::Public(pair) if bare::is_bare(pair) => Ok(Parsed::Bare(Secret::new(bare::canonical(pair, bytes)?))),
        Shape::Private(pair) => {
            let key = PKey::private_key_from_pkcs8(bytes).map_err(|_| UNREADABLE)?;
            check_pair(pair, pair_of_private(&key)?)?;
            check_length_of_pair(pair, 1024)?;
            Ok(Parsed::Private(key))
        }
        Shape::Public(pair) => {
            let key = PKey::public_key_from_der(bytes).map_err(|_| UNREADABLE)?;
            check_pair(pair, pair_of_public(&key)?)?;
            check_length_of_pair(pair, 512)?;
            Ok(Parsed::Public(key))
        }
    }
}

/// Writes what was kept in another form. A private key gives its public half in the forms of public keys.
pub(super) fn give(kept: &Kept, form: Form) -> Result<Material, Error> {
    match open(kept)? {
        Parsed::Symmetric(bytes) => match form {
            Form::Raw | Form::Numbers => Ok(Material::Raw(bytes)),
            Form::Pkcs8 | Form::Pkcs1 | Form::Sec1 | Form::PublicKeyInfo => Err(FORM),
        },
        Parsed::Private(key) => give_private(&key, form),
        Parsed::Public(key) => give_public(&key, form),
        Parsed::Bare(bytes) => match kept.shape {
            Shape::Private(pair) => bare::give_private(pair, &bytes, form),
            Shape::Public(pair) => bare::give_public(pair, bytes.reveal(), form),
            Shape::Symmetric { .. } => Err(FORM),
        },
    }
}

/// The bytes that are kept of a private key.
pub(super) fn write_private(key: &PKey<Private>) -> Result<Secret, Error> {
    match (key.private_key_to_pkcs8(), lattice::set_of_private(key)) {
        (Ok(der), _) => Ok(Secret::new(der)),
        // The engine writes seeds alone.
        (Err(_), Some(set)) => lattice::write_expanded(set, key),
        (Err(_), None) => Err(ENGINE),
    }
}

/// Whether a symmetric key may have so many bits, and as many bytes hold them.
pub(super) fn check_length(family: Family, bits: usize, bytes: usize) -> Result<(), Error> {
    let whole = bytes.checked_mul(8) == Some(bits);
    match family {
        Family::Aes if !matches!(bits, 128 | 192 | 256) => Err(Error::Key("AES takes 128, 192 or 256 bits")),
        Family::AesXts if bits != 512 => Err(Error::Key("AES-XTS takes 512 bits")),
        Family::ChaCha20 if bits != 256 => Err(Error::Key("ChaCha20 takes 256 bits")),
        Family::TripleDes => match (bits, bytes) {
            (112 | 128, 16) | (168 | 192, 24) => Ok(()),
            _ => Err(Error::Key("Triple DES takes two or three keys of eight bytes")),
        },
        _ if bytes == 0 => Err(Error::Key("there is nothing in it")),
        _ if bytes > LONGEST_SECRET => Err(Error::Key("it is longer than any key is")),
        _ if !whole => Err(Error::Key("its length is another than was said")),
        _ => Ok(()),
    }
}

fn read_private(material: &Material) -> Result<PKey<Private>, Error> {
    match material {
        Material::Pkcs8(der) => {
            alone(der.reveal())?;
            number::complete(PKey::private_key_from_pkcs8(der.reveal()).map_err(|_| UNREADABLE)?)
        }
        Material::Pkcs1Private(der) => {
            alone(der.reveal())?;
            let key = Rsa::private_key_from_der(der.reveal()).map_err(|_| UNREADABLE)?;
            number::complete(PKey::from_rsa(key).map_err(|_| ENGINE)?)
        }
        Material::Sec1(der) => {
            alone(der.reveal())?;
            let key = openssl::ec::EcKey::private_key_from_der(der.reveal()).map_err(|_| UNREADABLE)?;
            PKey::from_ec_key(key).map_err(|_| ENGINE)
        }
        Material::RsaPrivate(numbers) => number::private(numbers),
        Material::EllipticPrivate { curve, number } => point::private(*curve, number),
        Material::QuantumPrivate(key) => lattice::private(key.set, key.seed.as_ref(), key.expanded.as_ref()),
        Material::Raw(_)
        | Material::PublicKeyInfo(_)
        | Material::Pkcs1Public(_)
        | Material::RsaPublic { .. }
        | Material::QuantumPublic { .. }
        | Material::GroupPrivate { .. }
        | Material::GroupPublic { .. }
        | Material::DsaPublic(_)
        | Material::EllipticPublic { .. } => Err(FORM),
    }
}

fn read_public(material: &Material) -> Result<PKey<Public>, Error> {
    let key = match material {
        Material::PublicKeyInfo(der) => {
            alone(der)?;
            PKey::public_key_from_der(der).map_err(|_| UNREADABLE)?
        }
        Material::Pkcs1Public(der) => {
            alone(der)?;
            let key = Rsa::public_key_from_der_pkcs1(der).map_err(|_| UNREADABLE)?;
            PKey::from_rsa(key).map_err(|_| ENGINE)?
        }
        Material::RsaPublic { modulus, exponent } => number::public(modulus, exponent)?,
        Material::EllipticPublic { curve, point } => point::public(*curve, point)?,
        Material::QuantumPublic { set, bytes } => lattice::public(*set, bytes)?,
        Material::DsaPublic(numbers) => dsa::public(numbers)?,
        Material::Raw(_)
        | Material::Pkcs8(_)
        | Material::Pkcs1Private(_)
        | Material::Sec1(_)
        | Material::RsaPrivate(_)
        | Material::QuantumPrivate(_)
        | Material::GroupPrivate { .. }
        | Material::GroupPublic { .. }
        | Material::EllipticPrivate { .. } => return Err(FORM),
    };
    point::check(&key)?;
    dsa::check(&key)?;
    Ok(key)
}

fn give_private(key: &PKey<Private>, form: Form) -> Result<Material, Error> {
    let pair = pair_of_private(key)?;
    match (form, pair) {
        (_, Pair::Group { .. } | Pair::Dsa { .. }) => Err(FORM),
        (Form::Pkcs8, _) => Ok(Material::Pkcs8(write_private(key)?)),
        (Form::Pkcs1, Pair::Rsa { .. }) => {
            let der = key.rsa().and_then(|key| key.private_key_to_der()).map_err(|_| ENGINE)?;
            Ok(Material::Pkcs1Private(Secret::new(der)))
        }
        (Form::Numbers, Pair::Rsa { .. }) => {
            Ok(Material::RsaPrivate(number::private_of(&key.rsa().map_err(|_| ENGINE)?)))
        }
        (Form::Sec1, Pair::Elliptic(Curve::Ed25519 | Curve::X25519)) => Err(FORM),
        (Form::Sec1, Pair::Elliptic(_)) => {
            let der = key.ec_key().and_then(|key| key.private_key_to_der()).map_err(|_| ENGINE)?;
            Ok(Material::Sec1(Secret::new(der)))
        }
        (Form::Numbers, Pair::Elliptic(curve)) => {
            Ok(Material::EllipticPrivate { curve, number: point::number_of(curve, key)? })
        }
        (Form::Numbers, Pair::Quantum(set)) => {
            let (seed, expanded) = lattice::numbers(set, key)?;
            Ok(Material::QuantumPrivate(QuantumPrivate { set, seed, expanded: Some(expanded) }))
        }
        (Form::PublicKeyInfo, Pair::Quantum(set)) => {
            Ok(Material::PublicKeyInfo(info::public(pair, &lattice::public_of(set, key)?)?))
        }
        (Form::PublicKeyInfo, _) => Ok(Material::PublicKeyInfo(key.public_key_to_der().map_err(|_| ENGINE)?)),
        (Form::Pkcs1, Pair::Elliptic(_) | Pair::Quantum(_))
        | (Form::Sec1, Pair::Rsa { .. } | Pair::Quantum(_))
        | (Form::Raw, _) => Err(FORM),
    }
}

fn give_public(key: &PKey<Public>, form: Form) -> Result<Material, Error> {
    let pair = pair_of_public(key)?;
    match (form, pair) {
        (_, Pair::Group { .. }) => Err(FORM),
        (Form::PublicKeyInfo, _) => Ok(Material::PublicKeyInfo(key.public_key_to_der().map_err(|_| ENGINE)?)),
        (Form::Pkcs1, Pair::Rsa { .. }) => {
            let der = key.rsa().and_then(|key| key.public_key_to_der_pkcs1()).map_err(|_| ENGINE)?;
            Ok(Material::Pkcs1Public(der))
        }
        (Form::Numbers, Pair::Rsa { .. }) => {
            let key = key.rsa().map_err(|_| ENGINE)?;
            Ok(Material::RsaPublic { modulus: key.n().to_vec(), exponent: key.e().to_vec() })
        }
        (Form::Numbers, Pair::Elliptic(curve)) => {
            Ok(Material::EllipticPublic { curve, point: point::point_of(curve, key)? })
        }
        (Form::Numbers, Pair::Quantum(set)) => {
            Ok(Material::QuantumPublic { set, bytes: key.raw_public_key().map_err(|_| ENGINE)? })
        }
        (Form::Numbers, Pair::Dsa { .. }) => Ok(Material::DsaPublic(dsa::numbers(key)?)),
        (Form::Raw | Form::Pkcs8 | Form::Sec1, _)
        | (Form::Pkcs1, Pair::Elliptic(_) | Pair::Quantum(_) | Pair::Dsa { .. }) => Err(FORM),
    }
}

/// What kind of private key the engine read.
pub(super) fn pair_of_private(key: &PKey<Private>) -> Result<Pair, Error> {
    match key.id() {
        Id::EC => point::curve_of(key.ec_key().map_err(|_| ENGINE)?.group()).map(Pair::Elliptic),
        id => plain_pair(id, key.bits()).or_else(|error| lattice::set_of_private(key).map(Pair::Quantum).ok_or(error)),
    }
}

/// What kind of public key the engine read.
pub(super) fn pair_of_public(key: &PKey<Public>) -> Result<Pair, Error> {
    match key.id() {
        Id::EC => point::curve_of(key.ec_key().map_err(|_| ENGINE)?.group()).map(Pair::Elliptic),
        Id::DSA => dsa::pair_of(key),
        id => plain_pair(id, key.bits()).or_else(|error| lattice::set_of(key).map(Pair::Quantum).ok_or(error)),
    }
}

fn plain_pair(id: Id, bits: u32) -> Result<Pair, Error> {
    match id {
        Id::RSA => Ok(Pair::Rsa { bits: usize::try_from(bits).map_err(|_| ENGINE)? }),
        Id::ED25519 => Ok(Pair::Elliptic(Curve::Ed25519)),
        Id::X25519 => Ok(Pair::Elliptic(Curve::X25519)),
        _ => Err(Error::Key("its algorithm is not worked with here")),
    }
}

fn check_pair(expected: Pair, found: Pair) -> Result<(), Error> {
    match (expected, found) {
        (Pair::Rsa { bits: expected }, Pair::Rsa { bits: found }) if expected != found => {
            Err(Error::Key("its modulus has another length than was said"))
        }
        (expected, found) if expected != found => Err(Error::Key("it is of another kind than was said")),
        _ => Ok(()),
    }
}

/// Refuses moduli that are shorter or longer than any that are worked with. Old signatures are verified with shorter keys
/// than anything is made with.
fn check_length_of_pair(pair: Pair, least: usize) -> Result<(), Error> {
    match pair {
        Pair::Rsa { bits } if !(least..=8192).contains(&bits) => {
            Err(Error::Key("RSA takes 1024 to 8192 bits here, and 512 to verify"))
        }
        _ => Ok(()),
    }
}

/// Refuses anything behind the one DER value. What is in it is for the engine to judge.
fn alone(der: &[u8]) -> Result<(), Error> {
    match Any::from_der(der) {
        Ok(([], _)) => Ok(()),
        Ok(_) => Err(Error::Key("something stands behind its end")),
        Err(_) => Err(UNREADABLE),
    }
}

/// The longest symmetric key or kept secret, in bytes.
const LONGEST_SECRET: usize = 4096;

const FORM: Error = Error::Unsupported("this form for such a key");
const UNREADABLE: Error = Error::Key("it does not parse, or its parts contradict each other");
const ENGINE: Error = Error::Engine("writing a key");
