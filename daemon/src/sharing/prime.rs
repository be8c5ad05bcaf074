//! One polynomial over the integers modulo a prime.
//!
//! Places, weights and the prime are public and may be computed with at leisure; what depends on the secret is added and
//! doubled limb by limb, always all of them.

use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{error::Error, part::Part};
use crate::chance::Chance;

/// The field of the integers modulo a prime.
pub(super) struct Prime {
    prime: BigNum,
    /// The same, least significant limb first.
    limbs: Vec<u64>,
    /// Bytes of the prime, and of every part.
    length: usize,
}

/// A number of as many limbs as the prime, smaller than it.
type Number = Zeroizing<Vec<u64>>;

impl Prime {
    /// The field, if it is one.
    pub(super) fn new(bytes: &[u8]) -> Result<Self, Error> {
        let start = bytes.iter().position(|byte| *byte != 0).ok_or(Error::Prime)?;
        let bytes = bytes.get(start..).filter(|bytes| bytes.len() <= LONGEST_PRIME).ok_or(Error::Prime)?;
        let prime = BigNum::from_slice(bytes).map_err(|_| Error::Engine)?;
        let mut context = BigNumContext::new().map_err(|_| Error::Engine)?;
        if prime.num_bits() < 9 || !prime.is_prime(ROUNDS, &mut context).map_err(|_| Error::Engine)? {
            return Err(Error::Prime);
        }
        Ok(Self { prime, limbs: limbs(bytes, bytes.len().div_ceil(8)), length: bytes.len() })
    }

    pub(super) fn split(
        &self,
        secret: &Secret,
        parts: u32,
        threshold: u32,
        chance: &dyn Chance,
    ) -> Result<Vec<Part>, Error> {
        // Every number that has the secret's bits must be smaller than the prime (KMIP 2.0 §13.1).
        let bits = i32::try_from(secret.len().saturating_mul(8)).map_err(|_| Error::Length)?;
        if bits >= self.prime.num_bits() {
            return Err(Error::Prime);
        }
        let mut polynomial = Vec::new();
        for _ in 1..threshold {
            polynomial.push(self.random(chance)?);
        }
        polynomial.push(Zeroizing::new(limbs(secret.reveal(), self.limbs.len())));
        let made = (1..=parts).map(|number| {
            let nought = Zeroizing::new(vec![0; self.limbs.len()]);
            let place = number.to_be_bytes();
            let value = polynomial.iter().fold(nought, |sum, next| self.sum(&self.product(&sum, &place), next));
            Part { number, bytes: self.write(&value) }
        });
        Ok(made.collect())
    }

    pub(super) fn join(&self, needed: &[Part], more: &[Part], length: Option<usize>) -> Result<Secret, Error> {
        for part in more {
            if !part.bytes.same_as(self.at(part.number, needed)?.reveal()) {
                return Err(Error::Parts);
            }
        }
        let whole = self.at(0, needed)?;
        let start = match length {
            Some(length) => self.length.checked_sub(length).ok_or(Error::Parts)?,
            // How long a number is, is no more than its length tells.
            None => whole.reveal().iter().position(|byte| *byte != 0).ok_or(Error::Parts)?,
        };
        let (noughts, rest) = whole.reveal().split_at_checked(start).ok_or(Error::Parts)?;
        if noughts.iter().fold(0, |sum, byte| sum | byte) != 0 {
            return Err(Error::Parts);
        }
        Ok(Secret::copy_of(rest))
    }

    /// The value of the polynomial through these parts at a place (Lagrange).
    fn at(&self, place: u32, parts: &[Part]) -> Result<Secret, Error> {
        let mut sum: Number = Zeroizing::new(vec![0; self.limbs.len()]);
        for part in parts {
            if part.bytes.len() != self.length {
                return Err(Error::Parts);
            }
            let value = Zeroizing::new(limbs(part.bytes.reveal(), self.limbs.len()));
            let (_, borrow) = self.minus_prime(&value);
            // A value that the field does not have was not made by splitting.
            if borrow == 0 {
                return Err(Error::Parts);
            }
            let weight = self.weight(place, part.number, parts).map_err(|_| Error::Engine)?;
            sum = self.sum(&sum, &self.product(&value, &weight.to_vec()));
        }
        Ok(self.write(&sum))
    }

    /// What the part of this number weighs among those parts.
    fn weight(&self, place: u32, own: u32, parts: &[Part]) -> Result<BigNum, openssl::error::ErrorStack> {
        let mut context = BigNumContext::new()?;
        let (mut above, mut below) = (BigNum::from_u32(1)?, BigNum::from_u32(1)?);
        for other in parts.iter().map(|part| part.number).filter(|other| *other != own) {
            let (ahead, apart) = (self.between(other, place)?, self.between(other, own)?);
            above = self.times(&above, &ahead, &mut context)?;
            below = self.times(&below, &apart, &mut context)?;
        }
        let mut inverse = BigNum::new()?;
        inverse.mod_inverse(&below, &self.prime, &mut context)?;
        self.times(&above, &inverse, &mut context)
    }

    /// The way from one place to another, modulo the prime.
    fn between(&self, from: u32, to: u32) -> Result<BigNum, openssl::error::ErrorStack> {
        let (mut context, mut way) = (BigNumContext::new()?, BigNum::new()?);
        way.mod_sub(&*BigNum::from_u32(from)?, &*BigNum::from_u32(to)?, &self.prime, &mut context)?;
        Ok(way)
    }

    fn times(
        &self,
        one: &BigNumRef,
        other: &BigNumRef,
        context: &mut BigNumContext,
    ) -> Result<BigNum, openssl::error::ErrorStack> {
        let mut product = BigNum::new()?;
        product.mod_mul(one, other, &self.prime, context)?;
        Ok(product)
    }

    /// A number below the prime, each as likely as any other.
    fn random(&self, chance: &dyn Chance) -> Result<Number, Error> {
        let unused = u32::try_from(self.length.saturating_mul(8))
            .ok()
            .and_then(|bits| bits.checked_sub(self.prime.num_bits().unsigned_abs()))
            .ok_or(Error::Prime)?;
        let mut bytes = Zeroizing::new(vec![0; self.length]);
        for _ in 0..MOST_DRAWS {
            chance.fill(&mut bytes)?;
            if let Some(first) = bytes.first_mut() {
                *first &= 0xFFu8.checked_shr(unused).unwrap_or(0);
            }
            let number = Zeroizing::new(limbs(&bytes, self.limbs.len()));
            if self.minus_prime(&number).1 == 1 {
                return Ok(number);
            }
        }
        Err(Error::Chance(crate::chance::Dry))
    }

    /// The product with a public number, most significant byte first.
    fn product(&self, number: &Number, public: &[u8]) -> Number {
        let mut result: Number = Zeroizing::new(vec![0; self.limbs.len()]);
        for bit in public.iter().flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1)) {
            result = self.sum(&result, &result);
            if bit == 1 {
                result = self.sum(&result, number);
            }
        }
        result
    }

    fn sum(&self, one: &Number, other: &Number) -> Number {
        let mut carry = 0;
        let added = one.iter().zip(other.iter()).map(|(one, other)| {
            let (sum, first) = one.overflowing_add(*other);
            let (sum, second) = sum.overflowing_add(carry);
            carry = u64::from(first | second);
            sum
        });
        let added: Number = Zeroizing::new(added.collect());
        let (reduced, borrow) = self.minus_prime(&added);
        // The sum stands for itself where it is smaller than the prime: nothing carried out, something borrowed.
        let keep = 0u64.wrapping_sub(borrow & (carry ^ 1));
        let chosen = added.iter().zip(reduced.iter()).map(|(added, reduced)| (added & keep) | (reduced & !keep));
        Zeroizing::new(chosen.collect())
    }

    /// The number less the prime, and whether that went below nought.
    fn minus_prime(&self, number: &Number) -> (Number, u64) {
        let mut borrow = 0;
        let difference = number.iter().zip(&self.limbs).map(|(number, prime)| {
            let (rest, first) = number.overflowing_sub(*prime);
            let (rest, second) = rest.overflowing_sub(borrow);
            borrow = u64::from(first | second);
            rest
        });
        let difference = Zeroizing::new(difference.collect());
        (difference, borrow)
    }

    fn write(&self, number: &Number) -> Secret {
        let bytes: Zeroizing<Vec<u8>> =
            Zeroizing::new(number.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect());
        let spare = bytes.len().saturating_sub(self.length);
        Secret::copy_of(bytes.get(spare..).unwrap_or_default())
    }
}

/// Bytes, most significant first, as so many limbs, least significant first.
fn limbs(bytes: &[u8], count: usize) -> Vec<u64> {
    let mut limbs = Vec::with_capacity(count.max(bytes.len().div_ceil(8)));
    limbs.extend(bytes.rchunks(8).map(|chunk| chunk.iter().fold(0, |limb, byte| (limb << 8) | u64::from(*byte))));
    limbs.resize(count, 0);
    limbs
}

/// A key of 2048 bits, and what a prime above it needs. A larger prime takes long to be told from a composite.
const LONGEST_PRIME: usize = 264;

/// One in 2^128 composites passes as many rounds of Miller and Rabin.
const ROUNDS: i32 = 64;

/// At least every second draw is below the prime.
const MOST_DRAWS: usize = 128;
