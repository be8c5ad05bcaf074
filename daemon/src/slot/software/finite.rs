//! Keys of Diffie and Hellman's agreement over the numbers below a prime (PKCS #3, SP 800-56A), kept as their group and
//! their own number.

use openssl::{
    bn::{BigNum, BigNumContext, BigNumRef},
    error::ErrorStack,
};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::info::{self, INTEGER, OCTETS, SEQUENCE, next, only};
use super::native;
use crate::chance::Chance;
use crate::slot::contract::{Error, Form, Kept, Made, Material, Pair, Shape};
use crate::slot::group::{self, Group};

/// A key of either half: its group, and its number.
struct Numbers {
    group: Group,
    number: Secret,
}

/// A new private key of the usual group with a prime of so many bits.
pub(super) fn make(bits: usize, chance: &dyn Chance) -> Result<Secret, Error> {
    let group = Group::usual(bits).ok_or(Error::Unsupported("making a key of that length"))?;
    let mut number = Zeroizing::new(vec![0; group::NUMBER]);
    chance.fill(&mut number)?;
    Ok(Numbers { group, number: Secret::new(std::mem::take(&mut *number)) }.keep())
}

/// A new pair of the group of a public key.
pub(super) fn beside(public: &Kept, chance: &dyn Chance) -> Result<Made, Error> {
    let Numbers { group, .. } = Numbers::kept(public.held.reveal())?;
    let pair = Pair::Group { bits: group.bits() };
    let mut number = Zeroizing::new(vec![0; group::NUMBER]);
    chance.fill(&mut number)?;
    let private = Numbers { group, number: Secret::new(std::mem::take(&mut *number)) }.keep();
    let public = Secret::new(public_of(&private)?);
    Ok(Made::Pair {
        private: Kept { shape: Shape::Private(pair), held: private },
        public: Kept { shape: Shape::Public(pair), held: public },
    })
}

/// Reads a private key and checks that it is one; the result is kept.
pub(super) fn take_private(bits: usize, material: &Material) -> Result<Secret, Error> {
    let numbers = match material {
        Material::GroupPrivate { group, number } => Numbers { group: group.clone(), number: number.duplicate() },
        Material::Pkcs8(der) => read_pkcs8(der.reveal())?,
        _ => return Err(FORM),
    };
    numbers.sound(bits)?;
    numbers.check_private()?;
    Ok(numbers.keep())
}

/// Reads a public key and checks that it is one; the result is kept.
pub(super) fn take_public(bits: usize, material: &Material) -> Result<Vec<u8>, Error> {
    let numbers = match material {
        Material::GroupPublic { group, number } => Numbers { group: group.clone(), number: Secret::copy_of(number) },
        Material::PublicKeyInfo(der) => read_info(der)?,
        _ => return Err(FORM),
    };
    numbers.sound(bits)?;
    numbers.check_public()?;
    Ok(numbers.keep().reveal().to_vec())
}

/// Whether what was kept is still a private key of so many bits.
pub(super) fn check_private(bits: usize, held: &Secret) -> Result<(), Error> {
    let numbers = Numbers::kept(held.reveal())?;
    if numbers.group.bits() == bits { numbers.check_private() } else { Err(LENGTH) }
}

/// What was kept of a public key of so many bits, if it still is one.
pub(super) fn canonical(bits: usize, held: &[u8]) -> Result<Vec<u8>, Error> {
    let numbers = Numbers::kept(held)?;
    if numbers.group.bits() != bits {
        return Err(LENGTH);
    }
    numbers.check_public()?;
    Ok(held.to_vec())
}

/// What is kept of the public half of a private key.
pub(super) fn public_of(private: &Secret) -> Result<Vec<u8>, Error> {
    let numbers = Numbers::kept(private.reveal())?;
    let number = numbers.power(&numbers.group.base)?;
    Ok(Numbers { group: numbers.group, number }.keep().reveal().to_vec())
}

/// Writes a private key, or the public half of it.
pub(super) fn give_private(private: &Secret, form: Form) -> Result<Material, Error> {
    let Numbers { group, number } = Numbers::kept(private.reveal())?;
    match form {
        Form::Pkcs8 => {
            let inner = Zeroizing::new(integer(number.reveal()));
            let octets = Zeroizing::new(info::wrap(OCTETS, &inner));
            let parts = Zeroizing::new([&[INTEGER, 1, 0][..], &algorithm(&group), &octets].concat());
            Ok(Material::Pkcs8(Secret::new(info::wrap(SEQUENCE, &parts))))
        }
        Form::Numbers => Ok(Material::GroupPrivate { group, number }),
        Form::PublicKeyInfo => give_public(&public_of(private)?, form),
        _ => Err(FORM),
    }
}

/// Writes a public key.
pub(super) fn give_public(public: &[u8], form: Form) -> Result<Material, Error> {
    let Numbers { group, number } = Numbers::kept(public)?;
    match form {
        Form::PublicKeyInfo => {
            let bits = info::wrap(info::BITS, &[vec![0], integer(number.reveal())].concat());
            Ok(Material::PublicKeyInfo(info::wrap(SEQUENCE, &[algorithm(&group), bits].concat())))
        }
        Form::Numbers => Ok(Material::GroupPublic { group, number: number.reveal().to_vec() }),
        _ => Err(FORM),
    }
}

/// The common number of a private key and somebody's public one in the same group, as long as the prime
/// (SP 800-56A §5.7.1.1); the other side comes as its number alone, or with its group.
pub(super) fn agree(private: &Secret, theirs: Theirs<'_>) -> Result<Secret, Error> {
    let own = Numbers::kept(private.reveal())?;
    let theirs = match theirs {
        Theirs::Number(number) => {
            let magnitude = number.iter().copied().skip_while(|byte| *byte == 0).collect();
            Numbers { group: own.group.clone(), number: Secret::new(magnitude) }
        }
        Theirs::Info(der) => read_info(der).map_err(|_| STRANGER)?,
    };
    if theirs.group != own.group {
        return Err(STRANGER);
    }
    theirs.check_public().map_err(|_| Error::Parameter("public key"))?;
    own.power(theirs.number.reveal())
}

/// Somebody's public key.
pub(super) enum Theirs<'a> {
    /// Its number, for the group of the private key.
    Number(&'a [u8]),
    /// SubjectPublicKeyInfo, DER.
    Info(&'a [u8]),
}

impl Numbers {
    /// What [`keep`](Self::keep) wrote.
    fn kept(bytes: &[u8]) -> Result<Self, Error> {
        let (prime, rest) = next(only(bytes, SEQUENCE)?, INTEGER)?;
        let (base, rest) = next(rest, INTEGER)?;
        let number = only(rest, INTEGER)?;
        Ok(Self { group: Group::of(prime, base), number: Secret::copy_of(number) })
    }

    fn keep(&self) -> Secret {
        let number = Zeroizing::new(integer(self.number.reveal()));
        let parts = Zeroizing::new([integer(&self.group.prime), integer(&self.group.base), number.to_vec()].concat());
        Secret::new(info::wrap(SEQUENCE, &parts))
    }

    /// Whether the group is one: of a standard's, or below a prime of which half, without one, is prime too, so that there
    /// are no small groups inside it.
    fn sound(&self, bits: usize) -> Result<(), Error> {
        if self.group.bits() != bits || !group::BITS.contains(&bits) {
            return Err(LENGTH);
        }
        if self.group.name().is_some() || self.is_safe().map_err(|_| ENGINE)? {
            return Ok(());
        }
        Err(Error::Key("its group is none of RFC 7919 and RFC 3526, and its prime no safe one"))
    }

    fn is_safe(&self) -> Result<bool, ErrorStack> {
        let (prime, base) = (self.prime()?, BigNum::from_slice(&self.group.base)?);
        let mut context = BigNumContext::new()?;
        let mut half = BigNum::new()?;
        half.rshift1(&prime)?;
        let within = is_within(&base, &prime)?;
        Ok(within && prime.is_prime(ROUNDS, &mut context)? && half.is_prime(ROUNDS, &mut context)?)
    }

    /// Whether the number is a public one: in a group without small ones inside, all but the two ends are (SP 800-56A
    /// §5.6.2.3.2).
    fn check_public(&self) -> Result<(), Error> {
        let prime = self.prime().map_err(|_| ENGINE)?;
        let number = secret(&self.number)?;
        if is_within(&number, &prime).map_err(|_| ENGINE)? { Ok(()) } else { Err(OUTSIDE) }
    }

    fn check_private(&self) -> Result<(), Error> {
        let number = secret(&self.number)?;
        let mut half = BigNum::new().map_err(|_| ENGINE)?;
        self.prime().and_then(|prime| half.rshift1(&prime)).map_err(|_| ENGINE)?;
        if number.num_bits() > 0 && *number < half { Ok(()) } else { Err(OUTSIDE) }
    }

    /// A number to the power of this one, as long as the prime, in time that tells nothing of it.
    fn power(&self, of: &[u8]) -> Result<Secret, Error> {
        let power = native::power(of, self.number.reveal(), &self.group.prime);
        let mut power = power.ok_or(Error::Key("it agrees on no secret"))?;
        Ok(Secret::new(std::mem::take(&mut *power)))
    }

    fn prime(&self) -> Result<BigNum, ErrorStack> {
        BigNum::from_slice(&self.group.prime)
    }
}

/// Whether a number is above one and below the prime without one.
fn is_within(number: &BigNumRef, prime: &BigNumRef) -> Result<bool, ErrorStack> {
    let mut last = prime.to_owned()?;
    last.sub_word(1)?;
    Ok(number.num_bits() > 1 && *number < *last)
}

/// A number that is wiped.
struct Wiped(BigNum);

impl std::ops::Deref for Wiped {
    type Target = BigNumRef;

    fn deref(&self) -> &BigNumRef {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.clear();
    }
}

fn secret(number: &Secret) -> Result<Wiped, Error> {
    if number.len() > LONGEST {
        return Err(OUTSIDE);
    }
    BigNum::from_slice(number.reveal()).map(Wiped).map_err(|_| ENGINE)
}

/// AlgorithmIdentifier of PKCS #3 §9.
fn algorithm(group: &Group) -> Vec<u8> {
    let parameters = info::wrap(SEQUENCE, &[integer(&group.prime), integer(&group.base)].concat());
    info::wrap(SEQUENCE, &[AGREEMENT, &parameters].concat())
}

/// The group that an AlgorithmIdentifier names.
fn read_algorithm(named: &[u8]) -> Result<Group, Error> {
    let parameters = named.strip_prefix(AGREEMENT).ok_or(Error::Key("it is of another kind than was said"))?;
    let (prime, rest) = next(only(parameters, SEQUENCE)?, INTEGER)?;
    // The length of private numbers may follow.
    let (base, _) = next(rest, INTEGER)?;
    Ok(Group::of(prime, base))
}

fn read_pkcs8(der: &[u8]) -> Result<Numbers, Error> {
    let (_, rest) = next(only(der, SEQUENCE)?, INTEGER)?;
    let (named, rest) = next(rest, SEQUENCE)?;
    let (inner, _) = next(rest, OCTETS)?;
    Ok(Numbers { group: read_algorithm(named)?, number: Secret::copy_of(only(inner, INTEGER)?) })
}

fn read_info(der: &[u8]) -> Result<Numbers, Error> {
    let (named, rest) = next(only(der, SEQUENCE)?, SEQUENCE)?;
    let number = match only(rest, info::BITS)?.split_first() {
        Some((0, inner)) => only(inner, INTEGER)?,
        _ => return Err(OUTSIDE),
    };
    Ok(Numbers { group: read_algorithm(named)?, number: Secret::copy_of(number) })
}

/// INTEGER, which is signed: a number whose first bit is set gets a nought in front.
fn integer(number: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
    if bytes.first().is_none_or(|byte| *byte >= 0x80) {
        bytes.insert(0, 0);
    }
    info::wrap(INTEGER, &bytes)
}

/// dhKeyAgreement, 1.2.840.113549.1.3.1.
const AGREEMENT: &[u8] = &[0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 3, 1];

/// Bytes of the longest number, with the nought that a signed encoding may have in front.
const LONGEST: usize = 513;

/// Rounds of Miller and Rabin: a composite passes one in four times at most.
const ROUNDS: i32 = 32;

const FORM: Error = Error::Unsupported("this form for such a key");
const LENGTH: Error = Error::Key("its prime has another length than was said, or one that is not worked with");
const OUTSIDE: Error = Error::Key("its number is none of its group");
const STRANGER: Error = Error::Key("it is no public key of the same group");
const ENGINE: Error = Error::Engine("a key of Diffie and Hellman's");
