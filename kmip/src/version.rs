//! Protocol versions: every row of every table says since which one it is spoken.

use std::fmt;

/// A protocol version as a request header names it (KMIP 2.1 §8.1 Protocol Version).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The major number; a server refuses one it does not know.
    pub major: i32,
    /// The minor number.
    pub minor: i32,
}

impl Version {
    /// Every version of the protocol that a table row may name, oldest first.
    pub const ALL: [Self; 8] = [V1_0, V1_1, V1_2, V1_3, V1_4, V2_0, V2_1, V3_0];

    /// The version `major.minor`, whether or not there is such a version.
    pub const fn new(major: i32, minor: i32) -> Self {
        Self { major, minor }
    }

    /// Whether `self` stands in `since..until`; without `until` the row was never withdrawn. [`EVERY`] stands in all.
    pub const fn within(self, since: Self, until: Option<Self>) -> bool {
        !self.before(since)
            && match until {
                Some(until) => self.before(until) || !self.before(EVERY),
                None => true,
            }
    }

    const fn before(self, other: Self) -> bool {
        self.rank() < other.rank()
    }

    /// Both numbers as one that is greater the newer the version is: every field that is written asks.
    const fn rank(self) -> u64 {
        const SIGN: u32 = 1 << 31;
        ((self.major.cast_unsigned() ^ SIGN) as u64) << 32 | (self.minor.cast_unsigned() ^ SIGN) as u64
    }
}

/// KMIP 1.0, October 2010.
pub const V1_0: Version = Version::new(1, 0);
/// KMIP 1.1, January 2013.
pub const V1_1: Version = Version::new(1, 1);
/// KMIP 1.2, May 2015.
pub const V1_2: Version = Version::new(1, 2);
/// KMIP 1.3, December 2016.
pub const V1_3: Version = Version::new(1, 3);
/// KMIP 1.4, November 2017.
pub const V1_4: Version = Version::new(1, 4);
/// KMIP 2.0, October 2019.
pub const V2_0: Version = Version::new(2, 0);
/// KMIP 2.1, December 2020.
pub const V2_1: Version = Version::new(2, 1);
/// KMIP 3.0.
pub const V3_0: Version = Version::new(3, 0);

/// No version a peer speaks, but all of them at once: what is written for it leaves out nothing, neither what is newer
/// than a peer nor what a later version withdrew. Records in the store are written for it.
pub const EVERY: Version = Version::new(i32::MAX, i32::MAX);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_spoken_from_its_first_version_until_its_last() {
        assert!(V1_2.within(V1_2, None));
        assert!(V2_0.within(V1_2, None));
        assert!(!V1_1.within(V1_2, None));
        assert!(V1_4.within(V1_0, Some(V2_0)));
        assert!(!V2_0.within(V1_0, Some(V2_0)));
        assert!(EVERY.within(V1_0, Some(V2_0)));
        assert!(EVERY.within(V3_0, None));
    }
}
