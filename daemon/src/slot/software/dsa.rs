//! DSA (FIPS 186-4 §4): signatures of old data are verified. Nothing is signed, and no private key is taken.

use std::sync::Arc;

use openssl::{
    bn::{BigNum, BigNumContext, BigNumRef},
    dsa::{Dsa, DsaSig},
    error::ErrorStack,
    pkey::{Id, PKey, Public},
    pkey_ctx::PkeyCtx,
};
use strongroom_kmip::{
    mechanism::{Form, Hash, Mechanism},
    secret::Secret,
};

use super::gather::{Gather, Hashed, NO_SIGNATURE};
use super::{hash, offer};
use crate::slot::contract::{DsaPublic, Error, Key, Pair, Purpose, Running, Shape};

/// The public half.
#[derive(Clone)]
pub(super) struct PublicDsa {
    shape: Shape,
    key: Arc<PKey<Public>>,
    /// Bytes of the group's order, and so of each half of a signature.
    half: usize,
}

impl PublicDsa {
    pub(super) fn new(bits: usize, key: PKey<Public>) -> Result<Self, Error> {
        let half = usize::try_from(key.dsa().map_err(|_| ENGINE)?.q().num_bytes()).map_err(|_| ENGINE)?;
        Ok(Self { shape: Shape::Public(Pair::Dsa { bits }), key: Arc::new(key), half })
    }

    fn check(&self, digest: &[u8], form: Form, signature: &[u8]) -> Result<(), Error> {
        let der = match form {
            Form::Der => strict(signature)?,
            Form::Raw => {
                let (r, s) = signature.split_at_checked(self.half).ok_or(Error::Mismatch)?;
                if s.len() != self.half {
                    return Err(Error::Mismatch);
                }
                let numbers = BigNum::from_slice(r).and_then(|r| Ok((r, BigNum::from_slice(s)?)));
                let (r, s) = numbers.map_err(|_| ENGINE)?;
                DsaSig::from_private_components(r, s).and_then(|parsed| parsed.to_der()).map_err(|_| ENGINE)?
            }
        };
        if !(1..=LONGEST_DIGEST).contains(&digest.len()) {
            return Err(Error::Length);
        }
        let mut context = PkeyCtx::new(&self.key).map_err(|_| ENGINE)?;
        context.verify_init().map_err(|_| ENGINE)?;
        match context.verify(digest, &der) {
            Ok(true) => Ok(()),
            _ => Err(Error::Mismatch),
        }
    }
}

impl Key for PublicDsa {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, _data: &[u8]) -> Result<Secret, Error> {
        offer::allow(self.shape, purpose, mechanism)?;
        Err(NO_SIGNATURE)
    }

    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        offer::allow(self.shape, Purpose::Verify, mechanism)?;
        match mechanism {
            Mechanism::Dsa { hash: Some(hash), form } => self.check(&hash::digest(*hash, data)?, *form, signature),
            Mechanism::Dsa { hash: None, form } => self.check(data, *form, signature),
            _ => Err(offer::UNSUPPORTED),
        }
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(self.shape, purpose, mechanism)?;
        match hashed(mechanism) {
            Some((hash, after)) => Hashed::begin(self.clone(), purpose, hash, after),
            None => Ok(Gather::begin(self.clone(), purpose, mechanism, LONGEST_DIGEST)),
        }
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

/// A public key of these numbers; whether it is sound is for [`check`] to say.
pub(super) fn public(numbers: &DsaPublic) -> Result<PKey<Public>, Error> {
    let all = [&numbers.prime, &numbers.order, &numbers.base, &numbers.number];
    // Before anything is computed with them: a nought in front is one byte more.
    if all.iter().any(|number| number.len() > MOST / 8 + 1) {
        return Err(LENGTH);
    }
    let number = |bytes: &[u8]| BigNum::from_slice(bytes);
    let key = || -> Result<_, ErrorStack> {
        let [prime, order, base, own] = all.map(|bytes| number(bytes));
        PKey::from_dsa(Dsa::from_public_components(prime?, order?, base?, own?)?)
    };
    key().map_err(|_| UNSOUND)
}

/// The numbers of a public key.
pub(super) fn numbers(key: &PKey<Public>) -> Result<DsaPublic, Error> {
    let key = key.dsa().map_err(|_| ENGINE)?;
    Ok(DsaPublic {
        prime: key.p().to_vec(),
        order: key.q().to_vec(),
        base: key.g().to_vec(),
        number: key.pub_key().to_vec(),
    })
}

/// What kind of key the engine read.
pub(super) fn pair_of(key: &PKey<Public>) -> Result<Pair, Error> {
    let bits = key.dsa().map_err(|_| ENGINE)?.p().num_bits();
    Ok(Pair::Dsa { bits: usize::try_from(bits).map_err(|_| ENGINE)? })
}

/// Whether a key of DSA is one: both primes are, the smaller divides the greater without one, and the base and the key are
/// of the group that has it as its order (FIPS 186-4 §A.1.1.3, §A.2.2; SP 800-89 §5.3.1). Other keys are not looked at.
pub(super) fn check(key: &PKey<Public>) -> Result<(), Error> {
    if key.id() != Id::DSA {
        return Ok(());
    }
    let key = key.dsa().map_err(|_| ENGINE)?;
    let (p, q) = (key.p(), key.q());
    // The lengths first: they bound what everything after them costs.
    let bits = |number: &BigNumRef| usize::try_from(number.num_bits()).unwrap_or(usize::MAX);
    if !(LEAST..=MOST).contains(&bits(p)) || !ORDERS.contains(&bits(q)) {
        return Err(LENGTH);
    }
    let sound = || -> Result<bool, ErrorStack> {
        let mut context = BigNumContext::new()?;
        let (mut last, mut rest, mut power) = (p.to_owned()?, BigNum::new()?, BigNum::new()?);
        last.sub_word(1)?;
        rest.nnmod(&last, q, &mut context)?;
        let mut sound = rest.num_bits() == 0 && p.is_bit_set(0) && q.is_bit_set(0);
        for member in [key.g(), key.pub_key()] {
            let within = !member.is_negative() && member.num_bits() > 1 && *member < *last;
            if !sound || !within {
                return Ok(false);
            }
            power.mod_exp(member, q, p, &mut context)?;
            sound = power.num_bits() == 1;
        }
        Ok(sound && q.is_prime(ROUNDS, &mut context)? && p.is_prime(ROUNDS, &mut context)?)
    };
    if sound().map_err(|_| ENGINE)? { Ok(()) } else { Err(UNSOUND) }
}

/// A signature in DER and in nothing that only looks like it.
fn strict(signature: &[u8]) -> Result<Vec<u8>, Error> {
    let again = DsaSig::from_der(signature).and_then(|parsed| parsed.to_der()).map_err(|_| Error::Mismatch)?;
    if again == signature { Ok(again) } else { Err(Error::Mismatch) }
}

/// The hash that data go through first, and the mechanism for the digest.
fn hashed(mechanism: &Mechanism) -> Option<(Hash, Mechanism)> {
    match *mechanism {
        Mechanism::Dsa { hash: Some(hash), form } => Some((hash, Mechanism::Dsa { hash: None, form })),
        _ => None,
    }
}

/// Bits of the shortest and the longest prime (FIPS 186-4 §4.2).
const LEAST: usize = 1024;
const MOST: usize = 3072;

/// Bits that the order of the group may have (FIPS 186-4 §4.2).
const ORDERS: [usize; 3] = [160, 224, 256];

/// Rounds of Miller and Rabin: a composite passes one in four times at most.
const ROUNDS: i32 = 32;

/// More than any hash gives; what is longer is a message by mistake.
const LONGEST_DIGEST: usize = 1024;

const LENGTH: Error = Error::Key("DSA takes primes of 1024 to 3072 bits, and orders of 160, 224 or 256");
const UNSOUND: Error = Error::Key("its numbers are no group of DSA, or its own is none of it");
const ENGINE: Error = Error::Engine("DSA");
