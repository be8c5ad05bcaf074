//! A key in shares: dealt to holders once, taken one by one later.
//!
//! A [`Roster`] stays where the key is needed. It tells no share and nothing of the key, but knows each true share when
//! it sees it; so a wrong one is refused by name, and those that were taken before stay.

use serde::{Deserialize, Serialize};
use strongroom_kmip::secret::Secret;

use super::{
    error::Error,
    method::{Method, join, split},
    part::{Part, Polynomial},
    share::{LENGTH, Label, MOST, Purpose, SetId, Share, Unfit},
};
use crate::chance::{self, Chance};

/// Who holds the shares of a key, and how many of them make it. It may be kept in the open; whoever can change it can
/// keep true shares from being taken, and nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    purpose: Purpose,
    set: SetId,
    threshold: u8,
    holders: Vec<Holder>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holder {
    label: Label,
    /// What its true share hashes to.
    commitment: [u8; 32],
}

impl Roster {
    /// Deals a key of 32 bytes in shares, one for each label, of which any `threshold` make it again.
    ///
    /// # Errors
    /// [`Error::Length`] for another key, [`Error::Counts`] unless 2 ≤ threshold ≤ labels ≤ 32, [`Error::Chance`].
    pub fn deal(
        key: &Secret,
        purpose: Purpose,
        threshold: u8,
        labels: &[Label],
        chance: &dyn Chance,
    ) -> Result<(Self, Vec<Share>), Error> {
        if key.len() != LENGTH {
            return Err(Error::Length);
        }
        let count = u8::try_from(labels.len()).ok().filter(|count| *count <= MOST).ok_or(Error::Counts)?;
        let set = SetId(chance::array(chance)?);
        let parts = split(key, &METHOD, count.into(), threshold.into(), chance)?;
        let mut shares = Vec::with_capacity(parts.len());
        for (Part { number, bytes }, label) in parts.into_iter().zip(labels) {
            let number = u8::try_from(number).map_err(|_| Error::Counts)?;
            shares.push(Share { purpose, set, number, threshold, label: label.clone(), bytes });
        }
        let holder = |share: &Share| Holder { label: share.label.clone(), commitment: share.commitment() };
        let holders = shares.iter().map(holder).collect();
        Ok((Self { purpose, set, threshold, holders }, shares))
    }

    /// The set that its shares are of.
    pub fn set(&self) -> SetId {
        self.set
    }

    /// How many shares make the key.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// Who holds them, by number from 1.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        self.holders.iter().map(|holder| &holder.label)
    }

    /// Whether a share is of this set and true.
    ///
    /// # Errors
    /// [`Unfit::Purpose`], [`Unfit::Foreign`], [`Unfit::Forged`].
    pub fn check(&self, share: &Share) -> Result<(), Unfit> {
        let Share { purpose, set, number, label, .. } = share;
        let (set, number) = (*set, *number);
        if *purpose != self.purpose {
            return Err(Unfit::Purpose { is: *purpose, wanted: self.purpose });
        }
        if set != self.set {
            return Err(Unfit::Foreign { number, label: label.clone(), set, wanted: self.set });
        }
        let place = usize::from(number).checked_sub(1);
        let holder = place.and_then(|place| self.holders.get(place));
        match holder.is_some_and(|holder| holder.commitment == share.commitment()) {
            true => Ok(()),
            false => Err(Unfit::Forged { number, label: label.clone() }),
        }
    }
}

/// Shares on their way to being enough.
#[derive(Debug)]
pub struct Gathering {
    roster: Roster,
    taken: Vec<Share>,
}

impl Gathering {
    /// None yet.
    pub fn new(roster: Roster) -> Self {
        Self { roster, taken: Vec::new() }
    }

    /// Takes a true share that it does not have.
    ///
    /// # Errors
    /// [`Unfit`], by name; those that were taken stay.
    pub fn take(&mut self, share: Share) -> Result<(), Unfit> {
        self.roster.check(&share)?;
        if self.taken.iter().any(|taken| taken.number == share.number) {
            return Err(Unfit::Repeated { number: share.number, label: share.label });
        }
        self.taken.push(share);
        Ok(())
    }

    /// Whose shares they are.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Whose shares were taken, in their order.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        self.taken.iter().map(|share| &share.label)
    }

    /// How many were taken.
    pub fn count(&self) -> usize {
        self.taken.len()
    }

    /// The key, once there are enough.
    ///
    /// # Errors
    /// [`Unfit::Nothing`] when they make none; a roster that was tampered with does that.
    pub fn key(&self) -> Result<Option<Secret>, Unfit> {
        if self.taken.len() < usize::from(self.roster.threshold) {
            return Ok(None);
        }
        let part = |share: &Share| Part { number: share.number.into(), bytes: share.bytes.duplicate() };
        let parts: Vec<Part> = self.taken.iter().map(part).collect();
        join(&METHOD, self.roster.threshold.into(), &parts, Some(LENGTH)).map(Some).map_err(|_| Unfit::Nothing)
    }
}

/// The field of AES.
const METHOD: Method = Method::Octets(Polynomial::P283);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chance::Dry;

    /// A stream of bytes that depends on a seed alone.
    struct Stream(std::sync::Mutex<u64>);

    impl Chance for Stream {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
            let mut state = self.0.lock().unwrap();
            for byte in bytes {
                *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = state.to_be_bytes()[0];
            }
            Ok(())
        }
    }

    fn labels(count: u8) -> Vec<Label> {
        (1..=count).map(|number| Label::try_from(format!("holder-{number}@hq")).unwrap()).collect()
    }

    fn dealt(seed: u64, threshold: u8, count: u8) -> (Secret, Roster, Vec<Share>) {
        let chance = Stream(std::sync::Mutex::new(seed));
        let key = Secret::copy_of(&chance::array::<32>(&chance).unwrap());
        let (roster, shares) = Roster::deal(&key, Purpose::Unseal, threshold, &labels(count), &chance).unwrap();
        (key, roster, shares)
    }

    fn copy(share: &Share) -> Share {
        Share::read(share.write().reveal()).unwrap()
    }

    fn line(share: &Share) -> String {
        String::from_utf8(share.write().reveal().to_vec()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_m_of_n_shares_make_the_key_and_fewer_make_none(
            seed: u64, (count, threshold) in (2u8..=32).prop_flat_map(|count| (Just(count), 2..=count)), turn in 0usize..32
        ) {
            let (key, roster, mut shares) = dealt(seed, threshold, count);
            shares.rotate_left(turn % usize::from(count));
            let mut gathering = Gathering::new(roster);
            for share in shares.iter().take(usize::from(threshold)) {
                prop_assert!(gathering.key().unwrap().is_none());
                gathering.take(copy(share)).unwrap();
            }
            prop_assert!(gathering.key().unwrap().unwrap().same_as(key.reveal()));
        }
    }

    #[test]
    fn fewer_shares_than_needed_fit_every_secret_equally_often() {
        // Exact, over all polynomials of degree two for one byte: for each secret, the pair of shares at two places takes
        // each of its 65,536 values exactly once.
        for secret in [0x00, 0x01, 0x53, 0xFF] {
            let mut seen = vec![0u8; 1 << 16];
            for (high, low) in (0..=255u8).flat_map(|high| (0..=255u8).map(move |low| (high, low))) {
                let parts = split(&Secret::copy_of(&[secret]), &METHOD, 3, 3, &Two(high, low)).unwrap();
                let [one, _, three] = &parts[..] else { panic!("three parts") };
                seen[usize::from(one.bytes.reveal()[0]) << 8 | usize::from(three.bytes.reveal()[0])] += 1;
            }
            assert!(seen.iter().all(|times| *times == 1), "{secret:#x}");
        }
    }

    /// The two coefficients of a polynomial.
    struct Two(u8, u8);

    impl Chance for Two {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), Dry> {
            bytes.copy_from_slice(&[self.0, self.1]);
            Ok(())
        }
    }

    #[test]
    fn wrong_shares_are_refused_by_name_and_spoil_nothing() {
        let (key, roster, shares) = dealt(1, 3, 5);
        let (_, _, others) = dealt(2, 3, 5);
        let (set, wanted, label) = (others[3].set, roster.set(), labels(5));
        let altered = |edit: &dyn Fn(&mut Share)| {
            let mut share = copy(&shares[2]);
            edit(&mut share);
            copy(&share)
        };
        let forged = |number, label: &Label| Unfit::Forged { number, label: label.clone() };
        let mut gathering = Gathering::new(roster);
        gathering.take(copy(&shares[0])).unwrap();
        for (name, share, why) in [
            ("of another set", copy(&others[3]), Unfit::Foreign { number: 4, label: label[3].clone(), set, wanted }),
            ("another's bytes", altered(&|share| share.bytes = shares[3].bytes.duplicate()), forged(3, &label[2])),
            ("another's number", altered(&|share| share.number = 4), forged(4, &label[2])),
            ("a number beyond", altered(&|share| share.number = 9), forged(9, &label[2])),
            ("another's name", altered(&|share| share.label = label[0].clone()), forged(3, &label[0])),
            ("another threshold", altered(&|share| share.threshold = 2), forged(3, &label[2])),
            (
                "for recovery",
                altered(&|share| share.purpose = Purpose::Recovery),
                Unfit::Purpose { is: Purpose::Recovery, wanted: Purpose::Unseal },
            ),
            ("twice", copy(&shares[0]), Unfit::Repeated { number: 1, label: label[0].clone() }),
        ] {
            assert_eq!(gathering.take(share), Err(why), "{name}");
            assert_eq!(gathering.count(), 1, "{name}");
        }
        gathering.take(copy(&shares[4])).unwrap();
        gathering.take(copy(&shares[1])).unwrap();
        assert!(gathering.key().unwrap().unwrap().same_as(key.reveal()));
        assert_eq!(
            gathering.labels().map(Label::as_str).collect::<Vec<_>>(),
            ["holder-1@hq", "holder-5@hq", "holder-2@hq"]
        );
    }

    #[test]
    fn every_letter_that_is_mistyped_is_noticed() {
        let (_, _, shares) = dealt(3, 2, 3);
        let line = line(&shares[1]);
        assert!(line.starts_with("strongroom-share:1:unseal:") && line.contains(":2:2:holder-2@hq:"), "{line}");
        for at in 0..line.len() {
            for other in [b'A', b'Q', b'9', b':', b'-', b' '] {
                let mut bytes = line.clone().into_bytes();
                bytes[at] = other;
                if !bytes.eq_ignore_ascii_case(line.as_bytes()) {
                    let read = Share::read(&bytes).map(|_| ());
                    assert!(read.is_err(), "{} at {at}", char::from(other));
                }
            }
        }
        assert!(Share::read(format!("  {}\r\n", line.to_lowercase()).as_bytes()).is_ok());
    }

    #[test]
    fn what_is_no_share_is_named_for_what_it_lacks() {
        let (_, _, shares) = dealt(3, 2, 3);
        let line = line(&shares[1]);
        let with = |place: usize, field: &str| {
            let mut fields: Vec<&str> = line.split(':').collect();
            fields[place] = field;
            fields.join(":")
        };
        for (name, line, why) in [
            ("nothing", String::new(), Unfit::NoShare),
            ("a passphrase", "correct horse".to_owned(), Unfit::NoShare),
            ("a long line", "x".repeat(10_000), Unfit::NoShare),
            ("only the prefix", "strongroom-share".to_owned(), Unfit::Field("version")),
            ("a later version", with(1, "2"), Unfit::Version),
            ("an unknown purpose", with(2, "signing"), Unfit::Field("purpose")),
            ("a short set", with(3, "00"), Unfit::Field("set")),
            ("a set of no digits", with(3, "+f+f+f+f+f+f+f+f"), Unfit::Field("set")),
            ("number nought", with(4, "0"), Unfit::Field("number")),
            ("a number with noughts", with(4, "02"), Unfit::Field("number")),
            ("a signed number", with(4, "+2"), Unfit::Field("number")),
            ("a large threshold", with(5, "33"), Unfit::Field("threshold")),
            ("no holder", with(6, ""), Unfit::Field("holder")),
            ("a holder with a space", with(6, "a b"), Unfit::Field("holder")),
            ("another holder", with(6, "mallory"), Unfit::Checksum),
            ("few letters", with(7, "AAAAA"), Unfit::Field("letters")),
            ("another checksum", with(8, "AAAAAA"), Unfit::Checksum),
            ("something behind it", format!("{line}:x"), Unfit::Field("end")),
        ] {
            assert_eq!(Share::read(line.as_bytes()).map(|_| ()), Err(why), "{name}");
        }
    }

    #[test]
    fn printing_a_share_shows_no_byte_of_it() {
        let (_, _, shares) = dealt(3, 2, 3);
        let shown = format!("{:?}", shares[0]);
        assert!(shown.contains("Secret(32 bytes)") && shown.contains("holder-1@hq"), "{shown}");
    }

    #[test]
    fn what_cannot_be_dealt_is_refused() {
        let chance = Stream(std::sync::Mutex::new(1));
        let deal = |length: usize, threshold, count| {
            let key = Secret::new(vec![1; length]);
            Roster::deal(&key, Purpose::Recovery, threshold, &labels(count), &chance).map(|_| ()).unwrap_err()
        };
        for (name, refused, why) in [
            ("a short key", deal(31, 2, 3), Error::Length),
            ("one is enough", deal(32, 1, 3), Error::Counts),
            ("more than there are", deal(32, 4, 3), Error::Counts),
            ("one holder", deal(32, 1, 1), Error::Counts),
            ("too many", deal(32, 2, 33), Error::Counts),
        ] {
            assert_eq!(refused, why, "{name}");
        }
    }
}
