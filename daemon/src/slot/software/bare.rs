//! Keys that are kept as bare bytes, because the engine neither reads nor writes them whole: what they are made of, how
//! they come in, and how they are given out.

use strongroom_kmip::{
    mechanism::{Curve, Keys},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::goldilocks::{self, PrivateGoldilocks, PublicGoldilocks};
use super::stateless::{self, PublicStateless};
use super::{finite, info, point};
use crate::chance::Chance;
use crate::slot::contract::{Error, Form, Material, Pair, QuantumPrivate};

/// Whether keys of that pair are kept so.
pub(super) fn is_bare(pair: Pair) -> bool {
    match pair {
        Pair::Rsa { .. } | Pair::Dsa { .. } => false,
        Pair::Group { .. } => true,
        Pair::Quantum(set) => set.facts().keys == Keys::SlhDsa,
        Pair::Elliptic(curve) => matches!(
            curve,
            Curve::P192
                | Curve::Ed448
                | Curve::X448
                | Curve::BrainpoolP256r1
                | Curve::BrainpoolP384r1
                | Curve::BrainpoolP512r1
        ),
    }
}

/// The bytes of a new private key.
pub(super) fn make(pair: Pair, chance: &dyn Chance) -> Result<Secret, Error> {
    if let Pair::Quantum(set) = pair {
        return stateless::make(set, chance);
    }
    if let Pair::Group { bits } = pair {
        return finite::make(bits, chance);
    }
    let Pair::Elliptic(curve) = pair else { return Err(FORM) };
    let mut bytes = Zeroizing::new(vec![0; curve.length()]);
    for _ in 0..MOST_TRIES {
        chance.fill(&mut bytes)?;
        let secret = Secret::copy_of(&bytes);
        // A number that is not below the order of its curve is drawn again (FIPS 186-5 §A.2.2); every other is as likely.
        if check_private(pair, &secret).is_ok() {
            return Ok(secret);
        }
    }
    Err(Error::Engine("making a key"))
}

/// Reads a private key.
pub(super) fn take_private(pair: Pair, material: &Material) -> Result<Secret, Error> {
    if let Pair::Group { bits } = pair {
        return finite::take_private(bits, material);
    }
    let bytes = match material {
        Material::Pkcs8(der) => info::read_private(pair, der.reveal())?,
        Material::Sec1(der) if is_weierstrass(pair) => info::read_sec1(der.reveal())?,
        Material::EllipticPrivate { curve, number } if Pair::Elliptic(*curve) == pair => number.duplicate(),
        Material::QuantumPrivate(key) if Pair::Quantum(key.set) == pair => {
            key.expanded.as_ref().filter(|_| key.seed.is_none()).ok_or(FORM)?.duplicate()
        }
        _ => return Err(FORM),
    };
    let bytes = padded(pair, bytes)?;
    check_private(pair, &bytes)?;
    if let Pair::Quantum(set) = pair {
        stateless::sound(set, &bytes)?;
    }
    Ok(bytes)
}

/// Reads a public key.
pub(super) fn take_public(pair: Pair, material: &Material) -> Result<Vec<u8>, Error> {
    if let Pair::Group { bits } = pair {
        return finite::take_public(bits, material);
    }
    let bytes = match material {
        Material::PublicKeyInfo(der) => info::read_public(pair, der)?,
        Material::EllipticPublic { curve, point } if Pair::Elliptic(*curve) == pair => point.clone(),
        Material::QuantumPublic { set, bytes } if Pair::Quantum(*set) == pair => bytes.clone(),
        _ => return Err(FORM),
    };
    canonical(pair, &bytes)
}

/// The public bytes of a private key.
pub(super) fn public_of(pair: Pair, private: &Secret) -> Result<Vec<u8>, Error> {
    match pair {
        Pair::Elliptic(Curve::Ed448) => Ok(PrivateGoldilocks::new(private.reveal())?.public()),
        Pair::Elliptic(Curve::X448) => goldilocks::x448_public(private.reveal()),
        Pair::Elliptic(curve) => {
            let key = point::private(curve, private)?;
            let key = key.ec_key().map_err(|_| ENGINE)?;
            point::bytes(key.group(), key.public_key())
        }
        Pair::Group { .. } => finite::public_of(private),
        Pair::Quantum(set) => stateless::public_of(set, private),
        Pair::Rsa { .. } | Pair::Dsa { .. } => Err(FORM),
    }
}

/// Writes a private key, or the public half of it.
pub(super) fn give_private(pair: Pair, private: &Secret, form: Form) -> Result<Material, Error> {
    if let Pair::Group { .. } = pair {
        return finite::give_private(private, form);
    }
    let public = public_of(pair, private)?;
    match (form, pair) {
        (Form::Pkcs8, _) => Ok(Material::Pkcs8(info::private(pair, private, &public)?)),
        (Form::Sec1, pair) if is_weierstrass(pair) => Ok(Material::Sec1(info::sec1(pair, private, &public)?)),
        (Form::Numbers, Pair::Elliptic(curve)) => Ok(Material::EllipticPrivate { curve, number: private.duplicate() }),
        (Form::Numbers, Pair::Quantum(set)) => {
            let expanded = Some(private.duplicate());
            Ok(Material::QuantumPrivate(QuantumPrivate { set, seed: None, expanded }))
        }
        (Form::PublicKeyInfo, _) => give_public(pair, &public, form),
        _ => Err(FORM),
    }
}

/// Writes a public key.
pub(super) fn give_public(pair: Pair, public: &[u8], form: Form) -> Result<Material, Error> {
    match (form, pair) {
        (form, Pair::Group { .. }) => finite::give_public(public, form),
        (Form::PublicKeyInfo, _) => Ok(Material::PublicKeyInfo(info::public(pair, public)?)),
        (Form::Numbers, Pair::Quantum(set)) => Ok(Material::QuantumPublic { set, bytes: public.to_vec() }),
        (Form::Numbers, Pair::Elliptic(curve)) => Ok(Material::EllipticPublic { curve, point: public.to_vec() }),
        _ => Err(FORM),
    }
}

/// Whether bytes are a private key of that pair.
pub(super) fn check_private(pair: Pair, bytes: &Secret) -> Result<(), Error> {
    if let Pair::Quantum(set) = pair {
        return stateless::check(set, bytes);
    }
    if let Pair::Group { bits } = pair {
        return finite::check_private(bits, bytes);
    }
    let Pair::Elliptic(curve) = pair else { return Err(FORM) };
    if bytes.len() != curve.length() {
        return Err(Error::Key("its number has a wrong length"));
    }
    if is_weierstrass(pair) { point::private(curve, bytes).map(|_| ()) } else { Ok(()) }
}

/// The bytes of a public key in their one form, if they are one.
pub(super) fn canonical(pair: Pair, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    match pair {
        Pair::Elliptic(Curve::Ed448) => PublicGoldilocks::new(bytes).map(|_| bytes.to_vec()),
        Pair::Elliptic(Curve::X448) if bytes.len() == Curve::X448.length() => Ok(bytes.to_vec()),
        Pair::Elliptic(Curve::X448) => Err(Error::Key("its point has a wrong length")),
        Pair::Elliptic(curve) => {
            let key = point::public(curve, bytes)?;
            point::check(&key)?;
            point::point_of(curve, &key)
        }
        Pair::Group { bits } => finite::canonical(bits, bytes),
        Pair::Quantum(set) => PublicStateless::new(set, bytes).map(|_| bytes.to_vec()),
        Pair::Rsa { .. } | Pair::Dsa { .. } => Err(FORM),
    }
}

fn is_weierstrass(pair: Pair) -> bool {
    matches!(pair, Pair::Elliptic(curve) if curve.keys() == Keys::Weierstrass)
}

/// A number may come without its leading noughts.
fn padded(pair: Pair, bytes: Secret) -> Result<Secret, Error> {
    match pair {
        Pair::Elliptic(curve) if is_weierstrass(pair) => {
            let missing = curve.length().checked_sub(bytes.len());
            let missing = missing.ok_or(Error::Key("its number has a wrong length"))?;
            Ok(Secret::new([vec![0; missing].as_slice(), bytes.reveal()].concat()))
        }
        _ => Ok(bytes),
    }
}

/// Of the orders of these curves none is below half of what its bytes can say, so that this many tries do not fail.
const MOST_TRIES: usize = 256;

const FORM: Error = Error::Unsupported("this form for such a key");
const ENGINE: Error = Error::Engine("a key");
