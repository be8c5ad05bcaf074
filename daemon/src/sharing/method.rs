//! The methods by which secrets are split and joined.

use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    binary::{Field, Octets, Pairs},
    error::Error,
    part::{Part, Polynomial},
    prime::Prime,
};
use crate::chance::Chance;

/// How a secret is split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// All parts together, by exclusive or.
    Xor,
    /// A polynomial for each byte, over GF(2^8).
    Octets(Polynomial),
    /// A polynomial for each two bytes, over GF(2^16) as an extension of that GF(2^8).
    Pairs(Polynomial),
    /// One polynomial, over the integers modulo this prime; unsigned, most significant byte first.
    Prime(Vec<u8>),
}

/// Splits a secret into `parts` parts of which any `threshold` make it again.
///
/// # Errors
/// [`Error::Counts`], [`Error::Length`], [`Error::Prime`], [`Error::Chance`].
pub fn split(
    secret: &Secret,
    method: &Method,
    parts: u32,
    threshold: u32,
    chance: &dyn Chance,
) -> Result<Vec<Part>, Error> {
    if threshold < 2 || threshold > parts || parts > MOST_PARTS {
        return Err(Error::Counts);
    }
    if secret.is_empty() || secret.len() > LONGEST_SECRET {
        return Err(Error::Length);
    }
    match method {
        Method::Xor if threshold != parts => Err(Error::Counts),
        Method::Xor => xor(secret, parts, chance),
        Method::Octets(polynomial) => Octets::new(*polynomial).split(secret, parts, threshold, chance),
        Method::Pairs(polynomial) => Pairs::new(*polynomial).split(secret, parts, threshold, chance),
        Method::Prime(prime) => Prime::new(prime)?.split(secret, parts, threshold, chance),
    }
}

/// The secret that parts make. Where there are more than needed, all of them must agree. A secret over a prime field is
/// a number; `length` says how many bytes it has where those may begin with noughts.
///
/// # Errors
/// [`Error::Parts`] for too few parts, for one that is there twice, and for parts that contradict each other.
pub fn join(method: &Method, threshold: u32, parts: &[Part], length: Option<usize>) -> Result<Secret, Error> {
    let threshold = usize::try_from(threshold).map_err(|_| Error::Parts)?;
    let twice = parts.iter().enumerate().any(|(place, part)| {
        part.number == 0 || parts.iter().skip(place.saturating_add(1)).any(|other| other.number == part.number)
    });
    let (needed, more) = parts.split_at_checked(threshold).ok_or(Error::Parts)?;
    let size = needed.first().map_or(0, |part| part.bytes.len());
    if twice || threshold < 2 || size == 0 || parts.iter().any(|part| part.bytes.len() != size) {
        return Err(Error::Parts);
    }
    match method {
        Method::Xor if !more.is_empty() => Err(Error::Parts),
        Method::Xor => {
            let mut whole = Zeroizing::new(vec![0; size]);
            needed.iter().for_each(|part| add(&mut whole, part.bytes.reveal()));
            Ok(Secret::copy_of(&whole))
        }
        Method::Octets(polynomial) => Octets::new(*polynomial).join(needed, more),
        Method::Pairs(polynomial) => Pairs::new(*polynomial).join(needed, more),
        Method::Prime(prime) => Prime::new(prime)?.join(needed, more, length),
    }
}

fn xor(secret: &Secret, parts: u32, chance: &dyn Chance) -> Result<Vec<Part>, Error> {
    let mut last = Zeroizing::new(secret.reveal().to_vec());
    let mut made = Vec::new();
    for number in 1..parts {
        let mut bytes = Zeroizing::new(vec![0; secret.len()]);
        chance.fill(&mut bytes)?;
        add(&mut last, &bytes);
        made.push(Part { number, bytes: Secret::copy_of(&bytes) });
    }
    made.push(Part { number: parts, bytes: Secret::copy_of(&last) });
    Ok(made)
}

fn add(to: &mut [u8], other: &[u8]) {
    to.iter_mut().zip(other).for_each(|(to, other)| *to ^= other);
}

/// Every part is an object of its own, and GF(2^8) has no more places.
pub const MOST_PARTS: u32 = 255;

/// Far longer than any key: an RSA key of 16,384 bits takes nine kilobytes.
const LONGEST_SECRET: usize = 16 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chance::Dry;

    /// Chance that gives the same bytes again and again.
    struct Fixed(&'static [u8]);

    impl Chance for Fixed {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
            bytes.iter_mut().zip(self.0.iter().cycle()).for_each(|(byte, given)| *byte = *given);
            Ok(())
        }
    }

    struct Empty;

    impl Chance for Empty {
        fn fill(&self, _: &mut [u8]) -> Result<(), Dry> {
            Err(Dry)
        }
    }

    fn secret(bytes: &[u8]) -> Secret {
        Secret::copy_of(bytes)
    }

    fn part(number: u32, hex: &str) -> Part {
        let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        Part { number, bytes: Secret::new((0..hex.len()).step_by(2).map(digit).collect()) }
    }

    /// 2^521 - 1.
    fn mersenne() -> Vec<u8> {
        let mut prime = vec![0xFF; 66];
        prime[0] = 0x01;
        prime
    }

    fn methods() -> [(&'static str, Method); 6] {
        [
            ("XOR", Method::Xor),
            ("GF(2^8) of AES", Method::Octets(Polynomial::P283)),
            ("GF(2^8)", Method::Octets(Polynomial::P285)),
            ("GF(2^16) of AES", Method::Pairs(Polynomial::P283)),
            ("GF(2^16)", Method::Pairs(Polynomial::P285)),
            ("prime field", Method::Prime(mersenne())),
        ]
    }

    fn pick(made: &[Part], numbers: &[u32]) -> Vec<Part> {
        let one = |number: &u32| {
            let part = made.iter().find(|part| part.number == *number).unwrap();
            Part { number: part.number, bytes: part.bytes.duplicate() }
        };
        numbers.iter().map(one).collect()
    }

    #[test]
    fn the_parts_that_oasis_publishes_make_its_key() {
        // KMIP test cases 1.4, TC-SJ-2: four parts of which two are needed.
        let parts = [
            part(1, "66C46A7754F94DE420C7B1A7FFF5EC56"),
            part(2, "CF93D1E2A7E593CD5B8D6247F4E5D49C"),
            part(3, "A855B891F61AD9217240D8EC061E37DA"),
            part(4, "803DBAD55CDD329FAD19D99AE2C5A415"),
        ];
        let method = Method::Octets(Polynomial::P285);
        let whole: Vec<u8> = (1..=16).collect();
        for (name, numbers) in [("first and third", &[1, 3][..]), ("last two", &[3, 4]), ("all", &[1, 2, 3, 4])] {
            assert_eq!(join(&method, 2, &pick(&parts, numbers), None).unwrap().reveal(), whole, "{name}");
        }
    }

    #[test]
    fn any_parts_that_are_enough_make_the_secret_and_fewer_do_not() {
        let whole: Vec<u8> = (100..132).collect();
        for (name, method) in methods().into_iter().filter(|(_, method)| *method != Method::Xor) {
            let made = split(&secret(&whole), &method, 5, 3, &Fixed(&[0x5A, 0xC3, 0x11])).unwrap();
            for numbers in [[1, 2, 3], [5, 3, 1], [2, 4, 5]] {
                let joined = join(&method, 3, &pick(&made, &numbers), Some(32)).unwrap();
                assert_eq!(joined.reveal(), whole, "{name}: {numbers:?}");
            }
            assert_eq!(join(&method, 3, &pick(&made, &[1, 2]), Some(32)).unwrap_err(), Error::Parts, "{name}");
            let fewer = join(&method, 2, &pick(&made, &[1, 2]), Some(32));
            assert!(fewer.is_err() || fewer.unwrap().reveal() != whole, "{name}");
        }
    }

    #[test]
    fn xor_takes_every_part() {
        let made = split(&secret(b"key"), &Method::Xor, 3, 3, &Fixed(&[7, 9])).unwrap();
        assert_eq!(join(&Method::Xor, 3, &made, None).unwrap().reveal(), b"key");
        assert_eq!(join(&Method::Xor, 3, &pick(&made, &[1, 2]), None).unwrap_err(), Error::Parts);
        assert_eq!(split(&secret(b"key"), &Method::Xor, 3, 2, &Fixed(&[7])).unwrap_err(), Error::Counts);
    }

    #[test]
    fn parts_that_contradict_each_other_make_nothing() {
        for (name, method) in methods().into_iter().filter(|(_, method)| *method != Method::Xor) {
            let mut made = split(&secret(&[9; 16]), &method, 4, 2, &Fixed(&[0x21, 0x7F])).unwrap();
            let mut bent = made[3].bytes.reveal().to_vec();
            bent[15] ^= 1;
            made[3].bytes = Secret::new(bent);
            assert_eq!(join(&method, 2, &made, Some(16)).unwrap_err(), Error::Parts, "{name}");
        }
    }

    #[test]
    fn parts_that_cannot_belong_together_are_refused() {
        let method = Method::Octets(Polynomial::P285);
        for (name, parts) in [
            ("none", vec![]),
            ("one", vec![part(1, "00")]),
            ("the same twice", vec![part(1, "00"), part(1, "00")]),
            ("number nought", vec![part(0, "00"), part(1, "00")]),
            ("different lengths", vec![part(1, "00"), part(2, "0000")]),
            ("empty", vec![part(1, ""), part(2, "")]),
            ("a place that the field does not have", vec![part(1, "00"), part(256, "00")]),
        ] {
            assert_eq!(join(&method, 2, &parts, None).unwrap_err(), Error::Parts, "{name}");
        }
    }

    #[test]
    fn counts_and_lengths_that_cannot_be_are_refused() {
        let octets = Method::Octets(Polynomial::P285);
        for (name, parts, threshold) in
            [("one is enough", 3, 1), ("none", 0, 0), ("more than there are", 2, 3), ("too many", 256, 2)]
        {
            let made = split(&secret(b"key"), &octets, parts, threshold, &Fixed(&[1]));
            assert_eq!(made.unwrap_err(), Error::Counts, "{name}");
        }
        for (name, method, bytes, why) in [
            ("nothing", octets.clone(), &b""[..], Error::Length),
            ("half a pair", Method::Pairs(Polynomial::P285), b"odd", Error::Length),
            ("longer than the prime", Method::Prime(mersenne()), &[0xFF; 66], Error::Prime),
            ("no prime", Method::Prime(vec![0xFF; 66]), b"key", Error::Prime),
            ("one", Method::Prime(vec![1]), b"key", Error::Prime),
            ("no number", Method::Prime(vec![]), b"key", Error::Prime),
            ("a prime beyond measure", Method::Prime(vec![0xFF; 4096]), b"key", Error::Prime),
        ] {
            assert_eq!(split(&secret(bytes), &method, 3, 2, &Fixed(&[1])).unwrap_err(), why, "{name}");
        }
    }

    #[test]
    fn without_chance_nothing_is_split() {
        for (name, method) in methods() {
            assert_eq!(split(&secret(&[1; 16]), &method, 2, 2, &Empty).unwrap_err(), Error::Chance(Dry), "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn what_is_split_is_joined(
            bytes in proptest::collection::vec(any::<u8>(), 1..32usize),
            threshold in 2u32..6,
            spare in 0u32..4,
            which in 0usize..6,
        ) {
            let (_, method) = methods().into_iter().nth(which).unwrap();
            let whole = [bytes.clone(), bytes].concat();
            let parts = if method == Method::Xor { threshold } else { threshold + spare };
            let chance = crate::slot::software::Random::default();
            let mut made = split(&secret(&whole), &method, parts, threshold, &chance).unwrap();
            made.reverse();
            let joined = join(&method, threshold, &made, Some(whole.len())).unwrap();
            prop_assert_eq!(joined.reveal(), &whole[..]);
        }
    }
}
