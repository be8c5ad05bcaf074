//! RSA keys as numbers: what is missing is computed, what contradicts itself is refused.
//!
//! Reading a key happens once, when it is taken, and is not in constant time; the key's later work is.

use openssl::{
    bn::{BigNum, BigNumContext, BigNumRef},
    error::ErrorStack,
    pkey::{Id, PKey, Private, Public},
    rsa::{Rsa, RsaPrivateKeyBuilder},
};
use strongroom_kmip::secret::Secret;

use crate::slot::contract::{Error, RsaPrivate};

/// A private key from as many of its numbers as are there.
pub(super) fn private(numbers: &RsaPrivate) -> Result<PKey<Private>, Error> {
    let given = Given {
        n: some(Some(&numbers.modulus).filter(|modulus| !modulus.is_empty()).map(Vec::as_slice))?,
        e: some(numbers.public_exponent.as_deref())?,
        d: secret(numbers.private_exponent.as_ref())?,
        p: secret(numbers.p.as_ref())?,
        q: secret(numbers.q.as_ref())?,
        dp: secret(numbers.dp.as_ref())?,
        dq: secret(numbers.dq.as_ref())?,
        qinv: secret(numbers.qinv.as_ref())?,
    };
    sound(&given.fill().map_err(|_| CONTRADICTION)??)
}

/// A private key with every number in place, from one that was read and may lack some.
pub(super) fn complete(key: PKey<Private>) -> Result<PKey<Private>, Error> {
    if key.id() != Id::RSA {
        return Ok(key);
    }
    let rsa = key.rsa().map_err(|_| ENGINE)?;
    if rsa.p().is_some() && rsa.iqmp().is_some() { sound(&rsa) } else { private(&private_of(&rsa)) }
}

/// The numbers of a private key.
pub(super) fn private_of(key: &Rsa<Private>) -> RsaPrivate {
    let secret = |number: &BigNumRef| Secret::new(number.to_vec());
    RsaPrivate {
        modulus: key.n().to_vec(),
        public_exponent: Some(key.e().to_vec()).filter(|exponent| !exponent.is_empty()),
        private_exponent: Some(secret(key.d())),
        p: key.p().map(secret),
        q: key.q().map(secret),
        dp: key.dmp1().map(secret),
        dq: key.dmq1().map(secret),
        qinv: key.iqmp().map(secret),
    }
}

/// A public key from its numbers. The engine checks them when it reads what it wrote.
pub(super) fn public(modulus: &[u8], exponent: &[u8]) -> Result<PKey<Public>, Error> {
    let (modulus, exponent) = (number(modulus)?, number(exponent)?);
    Rsa::from_public_components(modulus, exponent)
        .and_then(|key| PKey::public_key_from_der(&key.public_key_to_der()?))
        .map_err(|_| Error::Key("its modulus or public exponent cannot be one"))
}

/// The engine's own check, and one that it leaves out: that the factors are primes.
fn sound(key: &Rsa<Private>) -> Result<PKey<Private>, Error> {
    if !matches!(key.check_key(), Ok(true)) {
        return Err(CONTRADICTION);
    }
    let mut context = BigNumContext::new().map_err(|_| ENGINE)?;
    for factor in [key.p(), key.q()] {
        if !factor.ok_or(CONTRADICTION)?.is_prime(ROUNDS, &mut context).map_err(|_| ENGINE)? {
            return Err(Error::Key("a factor of its modulus is no prime"));
        }
    }
    PKey::from_rsa(key.to_owned()).map_err(|_| ENGINE)
}

/// The numbers of a private key that are there.
struct Given {
    n: Option<BigNum>,
    e: Option<BigNum>,
    d: Option<BigNum>,
    p: Option<BigNum>,
    q: Option<BigNum>,
    dp: Option<BigNum>,
    dq: Option<BigNum>,
    qinv: Option<BigNum>,
}

impl Given {
    /// Computes the rest. An error of the engine means that some number has no inverse, or is nought.
    fn fill(self) -> Result<Result<Rsa<Private>, Error>, ErrorStack> {
        let mut context = BigNumContext::new()?;
        let one = BigNum::from_u32(1)?;
        let Some((p, q)) = self.factors(&mut context)? else {
            return Ok(Err(Error::Key("its numbers are too few, or contradict each other")));
        };
        let mut n = BigNum::new()?;
        n.checked_mul(&p, &q, &mut context)?;
        if self.n.is_some_and(|given| given != n) {
            return Ok(Err(Error::Key("its modulus is not the product of its factors")));
        }
        let (mut below_p, mut below_q) = (BigNum::new()?, BigNum::new()?);
        below_p.checked_sub(&p, &one)?;
        below_q.checked_sub(&q, &one)?;
        let totient = least_common_multiple(&below_p, &below_q, &mut context)?;
        let inverse = |number: &BigNumRef, context: &mut BigNumContext| {
            let mut inverse = BigNum::new()?;
            inverse.mod_inverse(number, &totient, context)?;
            Ok::<_, ErrorStack>(inverse)
        };
        let (e, d) = match (self.e, self.d) {
            (Some(e), Some(d)) => (e, d),
            (Some(e), None) => {
                let d = inverse(&e, &mut context)?;
                (e, d)
            }
            (None, Some(d)) => (inverse(&d, &mut context)?, d),
            (None, None) => return Ok(Err(Error::Key("neither of its exponents is there"))),
        };
        let remainder = |modulus: &BigNumRef, context: &mut BigNumContext| {
            let mut remainder = BigNum::new()?;
            remainder.nnmod(&d, modulus, context)?;
            Ok::<_, ErrorStack>(remainder)
        };
        let dp = self.dp.map_or_else(|| remainder(&below_p, &mut context), Ok)?;
        let dq = self.dq.map_or_else(|| remainder(&below_q, &mut context), Ok)?;
        let qinv = match self.qinv {
            Some(given) => given,
            None => {
                let mut qinv = BigNum::new()?;
                qinv.mod_inverse(&q, &p, &mut context)?;
                qinv
            }
        };
        let key = RsaPrivateKeyBuilder::new(n, e, d)?.set_factors(p, q)?.set_crt_params(dp, dq, qinv)?.build();
        Ok(Ok(key))
    }

    /// The factors: given, divided out, or found from both exponents.
    fn factors(&self, context: &mut BigNumContext) -> Result<Option<(BigNum, BigNum)>, ErrorStack> {
        match (&self.p, &self.q, &self.n) {
            (Some(p), Some(q), _) => Ok(Some((copy(p)?, copy(q)?))),
            (Some(p), None, Some(n)) => divide(n, p, context)?.map(|q| Ok((copy(p)?, q))).transpose(),
            (None, Some(q), Some(n)) => divide(n, q, context)?.map(|p| Ok((p, copy(q)?))).transpose(),
            (None, None, Some(n)) => {
                let Some(d) = &self.d else { return Ok(None) };
                if let Some(e) = &self.e {
                    return factor(n, e, d, context);
                }
                for usual in USUAL_EXPONENTS {
                    let usual = BigNum::from_u32(usual)?;
                    let found = factor(n, &usual, d, context)?;
                    if found.is_some() {
                        return Ok(found);
                    }
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }
}

/// `n / p`, when that is a whole number.
fn divide(n: &BigNumRef, p: &BigNumRef, context: &mut BigNumContext) -> Result<Option<BigNum>, ErrorStack> {
    let (mut quotient, mut remainder) = (BigNum::new()?, BigNum::new()?);
    quotient.div_rem(&mut remainder, n, p, context)?;
    Ok((remainder.num_bits() == 0).then_some(quotient))
}

/// The factors of `n`, larger first, from both exponents (SP 800-56B, appendix C.1, with small primes as bases).
fn factor(
    n: &BigNumRef,
    e: &BigNumRef,
    d: &BigNumRef,
    context: &mut BigNumContext,
) -> Result<Option<(BigNum, BigNum)>, ErrorStack> {
    let one = BigNum::from_u32(1)?;
    let (mut last, mut odd) = (BigNum::new()?, BigNum::new()?);
    last.checked_sub(n, &one)?;
    odd.checked_mul(e, d, context)?;
    odd.sub_word(1)?;
    let mut twos = 0usize;
    while odd.num_bits() > 0 && odd.is_even() {
        let mut half = BigNum::new()?;
        half.rshift1(&odd)?;
        odd = half;
        twos = twos.saturating_add(1);
    }
    for base in BASES {
        let (base, mut x) = (BigNum::from_u32(base)?, BigNum::new()?);
        x.mod_exp(&base, &odd, n, context)?;
        for _ in 0..twos {
            if x == one || x == last {
                break;
            }
            let mut square = BigNum::new()?;
            square.mod_sqr(&x, n, context)?;
            if square == one {
                let mut p = BigNum::new()?;
                x.sub_word(1)?;
                p.gcd(&x, n, context)?;
                return Ok(divide(n, &p, context)?.map(|q| if p > q { (p, q) } else { (q, p) }));
            }
            x = square;
        }
    }
    Ok(None)
}

fn copy(number: &BigNumRef) -> Result<BigNum, ErrorStack> {
    number.to_owned()
}

fn least_common_multiple(a: &BigNumRef, b: &BigNumRef, context: &mut BigNumContext) -> Result<BigNum, ErrorStack> {
    let (mut divisor, mut product, mut multiple) = (BigNum::new()?, BigNum::new()?, BigNum::new()?);
    divisor.gcd(a, b, context)?;
    product.checked_mul(a, b, context)?;
    multiple.checked_div(&product, &divisor, context)?;
    Ok(multiple)
}

fn some(bytes: Option<&[u8]>) -> Result<Option<BigNum>, Error> {
    bytes.map(number).transpose()
}

fn secret(bytes: Option<&Secret>) -> Result<Option<BigNum>, Error> {
    some(bytes.map(Secret::reveal))
}

/// A number of an RSA key, which is above nought.
fn number(bytes: &[u8]) -> Result<BigNum, Error> {
    if bytes.len() > LONGEST {
        return Err(Error::Key("one of its numbers is longer than any modulus here"));
    }
    let number = BigNum::from_slice(bytes).map_err(|_| ENGINE)?;
    if number.num_bits() == 0 { Err(Error::Key("one of its numbers is nought")) } else { Ok(number) }
}

/// Bytes of the longest modulus, with one that a signed encoding may have in front.
const LONGEST: usize = 1025;

/// Rounds of Miller and Rabin: a composite passes one in four times at most, by luck of the engine's own bases.
const ROUNDS: i32 = 20;

/// The public exponents that are in use; a key that names none has one of them.
const USUAL_EXPONENTS: [u32; 5] = [65_537, 3, 17, 5, 257];

/// Each finds the factors at least every second time.
const BASES: [u32; 24] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89];

const CONTRADICTION: Error = Error::Key("its numbers contradict each other");
const ENGINE: Error = Error::Engine("an RSA key");
