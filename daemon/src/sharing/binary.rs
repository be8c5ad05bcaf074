//! Polynomials over GF(2^8) and GF(2^16), a byte or two at a time.

use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    error::Error,
    part::{Part, Polynomial},
};
use crate::chance::Chance;

/// A binary field whose elements are a few bytes.
pub(super) trait Field {
    /// Bytes of an element.
    const WIDTH: usize;

    /// The product, in time that depends on neither factor.
    fn product(&self, one: u16, other: u16) -> u16;

    /// The inverse; nought for nought.
    fn inverse(&self, element: u16) -> u16;

    /// Evaluates a fresh polynomial for each element of the secret at the places 1 to `parts`.
    fn split(&self, secret: &Secret, parts: u32, threshold: u32, chance: &dyn Chance) -> Result<Vec<Part>, Error> {
        if !secret.len().is_multiple_of(Self::WIDTH) {
            return Err(Error::Length);
        }
        let above = usize::try_from(threshold.saturating_sub(1)).map_err(|_| Error::Counts)?;
        let mut polynomials = Vec::new();
        for constant in secret.reveal().chunks(Self::WIDTH) {
            let mut random = Zeroizing::new(vec![0; above.saturating_mul(Self::WIDTH)]);
            chance.fill(&mut random)?;
            // Highest power first, the secret last.
            let all = random.chunks(Self::WIDTH).chain([constant]).map(element);
            polynomials.push(Zeroizing::new(all.collect::<Vec<u16>>()));
        }
        (1..=parts)
            .map(|number| {
                let place = self.place(number)?;
                let mut bytes = Zeroizing::new(Vec::with_capacity(secret.len()));
                for polynomial in &polynomials {
                    let value = polynomial.iter().fold(0, |sum, next| self.product(sum, place) ^ next);
                    write::<Self>(&mut bytes, value);
                }
                Ok(Part { number, bytes: Secret::copy_of(&bytes) })
            })
            .collect()
    }

    /// The value at nought of the polynomials through `needed`; those through `more` must be the same.
    fn join(&self, needed: &[Part], more: &[Part]) -> Result<Secret, Error> {
        let whole = self.at(0, needed)?;
        for part in more {
            let expected = self.at(self.place(part.number)?, needed)?;
            if !part.bytes.same_as(expected.reveal()) {
                return Err(Error::Parts);
            }
        }
        Ok(whole)
    }

    /// The value of the polynomials through these parts at a place (Lagrange). Places are no secrets; values are.
    fn at(&self, place: u16, parts: &[Part]) -> Result<Secret, Error> {
        let length = parts.first().map_or(0, |part| part.bytes.len());
        if !length.is_multiple_of(Self::WIDTH) {
            return Err(Error::Parts);
        }
        let mut sums = Zeroizing::new(vec![0u16; length / Self::WIDTH]);
        for part in parts {
            let own = self.place(part.number)?;
            let mut weight = 1;
            for other in parts.iter().filter(|other| other.number != part.number) {
                let other = self.place(other.number)?;
                weight = self.product(weight, self.product(place ^ other, self.inverse(own ^ other)));
            }
            let values = part.bytes.reveal().chunks(Self::WIDTH).map(element);
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum ^= self.product(weight, value));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(length));
        sums.iter().for_each(|sum| write::<Self>(&mut bytes, *sum));
        Ok(Secret::copy_of(&bytes))
    }

    /// The element that is this place.
    fn place(&self, number: u32) -> Result<u16, Error> {
        let most = if Self::WIDTH == 1 { u32::from(u8::MAX) } else { u32::from(u16::MAX) };
        u16::try_from(number).ok().filter(|_| number <= most).ok_or(Error::Parts)
    }
}

/// GF(2^8).
pub(super) struct Octets {
    /// The polynomial without its highest power.
    reduction: u8,
}

impl Octets {
    pub(super) fn new(polynomial: Polynomial) -> Self {
        Self {
            reduction: match polynomial {
                Polynomial::P283 => 0x1B,
                Polynomial::P285 => 0x1D,
            },
        }
    }

    fn times(&self, one: u8, other: u8) -> u8 {
        let (mut product, mut one) = (0, one);
        for bit in 0..8 {
            product ^= one & 0u8.wrapping_sub((other >> bit) & 1);
            one = (one << 1) ^ (self.reduction & 0u8.wrapping_sub(one >> 7));
        }
        product
    }

    /// The 254th power, which is the inverse.
    fn inverted(&self, element: u8) -> u8 {
        let (mut power, mut result) = (element, 1);
        for _ in 1..8 {
            power = self.times(power, power);
            result = self.times(result, power);
        }
        result
    }
}

impl Field for Octets {
    const WIDTH: usize = 1;

    fn product(&self, one: u16, other: u16) -> u16 {
        let ([_, one], [_, other]) = (one.to_be_bytes(), other.to_be_bytes());
        u16::from(self.times(one, other))
    }

    fn inverse(&self, element: u16) -> u16 {
        let [_, element] = element.to_be_bytes();
        u16::from(self.inverted(element))
    }
}

/// GF(2^16), as GF(2^8)[y] / (y^2 + y + m): the two bytes are u and v of uy + v.
pub(super) struct Pairs(Octets);

impl Pairs {
    pub(super) fn new(polynomial: Polynomial) -> Self {
        Self(Octets::new(polynomial))
    }
}

impl Field for Pairs {
    const WIDTH: usize = 2;

    fn product(&self, one: u16, other: u16) -> u16 {
        let ([r, s], [u, v]) = (one.to_be_bytes(), other.to_be_bytes());
        let (ru, sv) = (self.0.times(r, u), self.0.times(s, v));
        // (ry + s)(uy + v) = ((r + s)(u + v) + sv)y + (rum + sv). The standard prints m at the other product; with the
        // polynomial that it gives, and the inverse that it gives, m belongs here.
        u16::from_be_bytes([self.0.times(r ^ s, u ^ v) ^ sv, self.0.times(ru, M) ^ sv])
    }

    fn inverse(&self, element: u16) -> u16 {
        let [u, v] = element.to_be_bytes();
        let norm = self.0.times(u ^ v, v) ^ self.0.times(M, self.0.times(u, u));
        let norm = self.0.inverted(norm);
        u16::from_be_bytes([self.0.times(u, norm), self.0.times(u ^ v, norm)])
    }
}

fn element(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| (sum << 8) | u16::from(*byte))
}

fn write<F: Field + ?Sized>(to: &mut Vec<u8>, value: u16) {
    let [high, low] = value.to_be_bytes();
    if F::WIDTH > 1 {
        to.push(high);
    }
    to.push(low);
}

/// x^5 + x^4 + x^3 + x.
const M: u8 = 0x3A;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_fips_197() {
        let field = Octets::new(Polynomial::P283);
        for (one, other, product) in [(0x57, 0x83, 0xC1), (0x57, 0x13, 0xFE), (0x53, 0xCA, 0x01)] {
            assert_eq!(field.product(one, other), product, "{one:#x} by {other:#x}");
        }
    }

    #[test]
    fn everything_but_nought_has_an_inverse() {
        for polynomial in [Polynomial::P283, Polynomial::P285] {
            let (octets, pairs) = (Octets::new(polynomial), Pairs::new(polynomial));
            for element in 1..=0xFF {
                assert_eq!(octets.product(element, octets.inverse(element)), 1, "{polynomial:?} {element:#x}");
            }
            for element in 1..=0xFFFF {
                assert_eq!(pairs.product(element, pairs.inverse(element)), 1, "{polynomial:?} {element:#x}");
            }
        }
    }
}
