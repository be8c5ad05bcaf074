//! Parts of a key: which method they are made by, and what each is as an object.

use strongroom_kmip::{
    code::{ResultReason, SplitKeyMethod, SplitKeyPolynomial},
    object::SplitKey,
    ttlv::BigInteger,
    version::{V2_0, Version},
};

use super::refusal::Refusal;
use crate::sharing::{self, Method, Polynomial};

/// The method of sharing.
///
/// # Errors
/// [`Refusal`] for a method that is not served, or a prime field without its prime.
pub fn method(
    method: SplitKeyMethod,
    polynomial: Option<SplitKeyPolynomial>,
    prime: Option<&BigInteger>,
) -> Result<Method, Refusal> {
    let polynomial = || match polynomial {
        None | Some(SplitKeyPolynomial::Polynomial_285) => Ok(Polynomial::P285),
        Some(SplitKeyPolynomial::Polynomial_283) => Ok(Polynomial::P283),
        Some(_) => Err(unsupported("this Split Key Polynomial is not served")),
    };
    match method {
        SplitKeyMethod::XOR => Ok(Method::Xor),
        SplitKeyMethod::PolynomialSharingGF2_8 => Ok(Method::Octets(polynomial()?)),
        SplitKeyMethod::PolynomialSharingGF2_16 => Ok(Method::Pairs(polynomial()?)),
        SplitKeyMethod::PolynomialSharingPrimeField => {
            let prime = prime.ok_or_else(|| Refusal::missing("Prime Field Size"))?;
            let prime = prime.magnitude().ok_or_else(|| Refusal::invalid("Prime Field Size is negative"))?;
            Ok(Method::Prime(prime.to_vec()))
        }
        _ => Err(unsupported("this Split Key Method is not served")),
    }
}

/// The polynomial that a peer of this version means without naming it: KMIP 1.x builds GF(2^16) over the field of AES,
/// 2.x over the other one (KMIP 1.4 §2.2.5, 2.0 §13.1). Of GF(2^8) alone the text says nothing; the published cases of
/// all versions have the other one.
pub fn polynomial(version: Version, method: SplitKeyMethod) -> Option<SplitKeyPolynomial> {
    match method {
        SplitKeyMethod::PolynomialSharingGF2_8 => Some(SplitKeyPolynomial::Polynomial_285),
        SplitKeyMethod::PolynomialSharingGF2_16 if version < V2_0 => Some(SplitKeyPolynomial::Polynomial_283),
        SplitKeyMethod::PolynomialSharingGF2_16 => Some(SplitKeyPolynomial::Polynomial_285),
        _ => None,
    }
}

/// Whether two parts are of one split.
pub fn together(one: &SplitKey, other: &SplitKey) -> bool {
    one.split_key_parts == other.split_key_parts
        && one.split_key_threshold == other.split_key_threshold
        && one.split_key_method == other.split_key_method
        && one.split_key_polynomial == other.split_key_polynomial
        && prime(one) == prime(other)
        && one.key_block.key_format_type == other.key_block.key_format_type
}

fn prime(split: &SplitKey) -> Option<&[u8]> {
    split.prime_field_size.as_ref().and_then(BigInteger::magnitude)
}

impl From<sharing::Error> for Refusal {
    fn from(error: sharing::Error) -> Self {
        let reason = match error {
            sharing::Error::Counts | sharing::Error::Length => ResultReason::InvalidField,
            sharing::Error::Prime => ResultReason::BadCryptographicParameters,
            sharing::Error::Parts => ResultReason::CryptographicFailure,
            sharing::Error::Chance(_) | sharing::Error::Engine => {
                log::error!("{error}");
                ResultReason::GeneralFailure
            }
        };
        Self::new(reason, error.to_string())
    }
}

fn unsupported(what: &str) -> Refusal {
    Refusal::new(ResultReason::UnsupportedCryptographicParameters, what)
}
