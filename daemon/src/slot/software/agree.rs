//! Agreement between a private key and somebody's public one, and what is made of the common secret.

use openssl::{
    derive::Deriver,
    pkey::{PKey, Public},
};
use strongroom_kmip::{
    mechanism::{Curve, Hash, Keys},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::bytes::{UNFIT, cut};
use super::encoding::{self, Parsed};
use super::finite::{self, Theirs};
use super::hash::Digesting;
use super::{bare, goldilocks, info, point};
use crate::slot::contract::{Error, Form, Kept, Made, Material, Pair, Shape};
use crate::slot::derivation::{Finish, Peer};

/// So many bytes of what both sides, and nobody else, can make.
pub(super) fn agree(base: &Kept, peer: &Peer, finish: &Finish, length: usize) -> Result<Secret, Error> {
    let secret = common(base, peer)?;
    match finish {
        Finish::First => cut(&secret, length),
        Finish::Last => {
            let all = secret.reveal();
            let from = all.len().checked_sub(length).ok_or(Error::Length)?;
            all.get(from..).map(Secret::copy_of).ok_or(Error::Length)
        }
        Finish::X963(hash, shared) => {
            digests(*hash, length, |counter| [secret.reveal(), &counter.to_be_bytes(), shared].map(<[u8]>::to_vec))
        }
        Finish::OneStep(hash, shared) => {
            digests(*hash, length, |counter| [&counter.to_be_bytes(), secret.reveal(), shared].map(<[u8]>::to_vec))
        }
    }
}

/// So many bytes of what a new pair and a public key agree on, and the point or number of the new public half, as long as all of
/// its kind are.
pub(super) fn bring(public: &Kept, fresh: Made, finish: &Finish, length: usize) -> Result<(Vec<u8>, Secret), Error> {
    let Made::Pair { private, public: ours } = fresh else { return Err(UNFIT) };
    let Material::PublicKeyInfo(theirs) = encoding::give(public, Form::PublicKeyInfo)? else { return Err(UNFIT) };
    let brings = match encoding::give(&ours, Form::Numbers)? {
        Material::EllipticPublic { point, .. } => point,
        Material::GroupPublic { group, number } => {
            let digits: Vec<u8> = number.into_iter().skip_while(|byte| *byte == 0).collect();
            let noughts = group.bits().div_ceil(8).checked_sub(digits.len()).ok_or(ENGINE)?;
            [vec![0; noughts], digits].concat()
        }
        _ => return Err(UNFIT),
    };
    Ok((brings, agree(&private, &Peer::Info(theirs), finish, length)?))
}

/// The common secret, whole.
fn common(base: &Kept, peer: &Peer) -> Result<Secret, Error> {
    if let (Shape::Private(Pair::Group { .. }), Parsed::Bare(own)) = (base.shape, encoding::open(base)?) {
        return finite::agree(
            &own,
            match peer {
                Peer::Info(info) => Theirs::Info(info),
                Peer::Bare(number) => Theirs::Number(number),
            },
        );
    }
    let Shape::Private(Pair::Elliptic(curve)) = base.shape else { return Err(UNFIT) };
    if curve.keys() == Keys::Edwards {
        return Err(STRANGER);
    }
    let own = match encoding::open(base)? {
        Parsed::Private(own) => own,
        Parsed::Bare(number) if curve == Curve::X448 => {
            let theirs = match peer {
                Peer::Info(info) => info::read_public(Pair::Elliptic(curve), info).map_err(|_| STRANGER)?,
                Peer::Bare(bytes) if bytes.len() == curve.length() => bytes.clone(),
                Peer::Bare(_) => return Err(BARE),
            };
            return goldilocks::x448(number.reveal(), &theirs)?.ok_or(NOTHING);
        }
        Parsed::Bare(number) => point::private(curve, &number)?,
        _ => return Err(UNFIT),
    };
    let theirs: PKey<Public> = match peer {
        Peer::Info(info) => {
            let theirs = match bare::is_bare(Pair::Elliptic(curve)) {
                true => point::public(curve, &info::read_public(Pair::Elliptic(curve), info).map_err(|_| STRANGER)?)?,
                false => PKey::public_key_from_der(info).map_err(|_| STRANGER)?,
            };
            if !bare::is_bare(Pair::Elliptic(curve)) && encoding::pair_of_public(&theirs)? != Pair::Elliptic(curve) {
                return Err(STRANGER);
            }
            point::check(&theirs)?;
            theirs
        }
        Peer::Bare(bytes) => {
            let theirs = point::public(curve, bytes).map_err(|_| BARE)?;
            point::check(&theirs).map_err(|_| BARE)?;
            theirs
        }
    };
    let mut deriver = Deriver::new(&own).map_err(|_| ENGINE)?;
    deriver.set_peer(&theirs).map_err(|_| STRANGER)?;
    // A point of small order makes nought of every key, which the engine refuses.
    let secret = deriver.derive_to_vec().map_err(|_| NOTHING)?;
    Ok(Secret::new(secret))
}

/// Digests of what `input` makes of a counter that begins with one, as many as it takes.
fn digests(hash: Hash, length: usize, input: impl Fn(u32) -> [Vec<u8>; 3]) -> Result<Secret, Error> {
    let mut out = Zeroizing::new(Vec::with_capacity(length.saturating_add(hash.length())));
    let mut counter = 0_u32;
    while out.len() < length {
        counter = counter.checked_add(1).ok_or(Error::Length)?;
        let mut digesting = Digesting::new(hash)?;
        for part in Zeroizing::new(input(counter)).iter() {
            digesting.add(part)?;
        }
        out.extend_from_slice(&digesting.end()?);
    }
    cut(&Secret::copy_of(&out), length)
}

const BARE: Error = Error::Parameter("public key");
const NOTHING: Error = Error::Key("it agrees on no secret");
const STRANGER: Error = Error::Key("it is no public key of the same curve");
const ENGINE: Error = Error::Engine("an agreement");
