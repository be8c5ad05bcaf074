//! What attributes are called.

use std::fmt;

use super::{
    shape::{Link, split_up},
    table::{Attribute, Multiplicity, Row, Standard},
};
use crate::{
    code::LinkType,
    tag::Tag,
    ttlv::Value,
    version::{V2_0, Version},
};

/// Which attribute is meant, without a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One of the standard's.
    Standard(Standard),
    /// Links of one type, which are an attribute of their own in KMIP 3.0; before, all types are one attribute.
    Link(LinkType),
    /// A vendor's, or a client's own.
    Vendor {
        /// Who defined it; `x` for a client's and `y` for a server's of KMIP 1.x.
        vendor: String,
        /// Its name among that vendor's.
        name: String,
    },
    /// Something that no row names, as the peer wrote it. No object has such an attribute.
    Unknown(String),
}

impl Kind {
    /// The attribute of this vendor and name.
    pub fn vendor(vendor: &str, name: &str) -> Self {
        Self::Vendor { vendor: vendor.to_owned(), name: name.to_owned() }
    }

    /// The attribute that KMIP 1.x calls by this name.
    pub fn named(name: &str) -> Self {
        if let Some(standard) = Standard::named(name) {
            return Self::Standard(standard);
        }
        for vendor in CUSTOM {
            if let Some(own) = name.strip_prefix(vendor).and_then(|rest| rest.strip_prefix('-')) {
                return Self::vendor(vendor, own);
            }
        }
        Self::Unknown(name.to_owned())
    }

    /// The attribute that KMIP 2.x and 3.0 call by this tag.
    pub fn tagged(tag: Tag) -> Self {
        match Standard::of_tag(tag) {
            Some(standard) => Self::Standard(standard),
            None => Link::type_of(tag).map_or_else(|| Self::Unknown(tag.to_string()), Self::Link),
        }
    }

    /// The standard's attribute, if it is one.
    pub fn standard(&self) -> Option<Standard> {
        match self {
            Self::Standard(standard) => Some(*standard),
            Self::Link(_) => Some(Standard::Link),
            Self::Vendor { .. } | Self::Unknown(_) => None,
        }
    }

    /// What the standard says about it; nothing about attributes that are not its own.
    pub fn row(&self) -> Option<&'static Row> {
        self.standard().map(Standard::row)
    }

    /// How many instances an object may have: as many as it likes of attributes that are not the standard's.
    pub fn multiplicity(&self) -> Multiplicity {
        self.row().map_or(Multiplicity::Many, |row| row.multiplicity)
    }

    /// Whether a peer of this version has a name for it.
    pub fn fits(&self, version: Version) -> bool {
        match self {
            Self::Standard(Standard::Link) => !split_up(version),
            Self::Standard(standard) => {
                let row = standard.row();
                version.within(row.since, row.until)
            }
            Self::Link(link_type) => split_up(version) && Link::tag_of(*link_type).is_some(),
            Self::Vendor { vendor, .. } => vendor_fits(vendor, version),
            Self::Unknown(_) => false,
        }
    }
}

impl Attribute {
    /// Which attribute it is; for a link of whatever type the one that KMIP 1.x and 2.x have.
    pub fn kind(&self) -> Kind {
        match self.parts() {
            Ok((standard, _)) => Kind::Standard(standard),
            Err(own) => Kind::vendor(&own.vendor, &own.name),
        }
    }

    /// Which attribute a peer of this version takes it for.
    pub fn kind_for(&self, version: Version) -> Kind {
        match self {
            Self::Link(link) if split_up(version) => Kind::Link(link.link_type),
            other => other.kind(),
        }
    }

    /// Whether a peer of this version knows the attribute and can understand its value.
    pub fn fits(&self, version: Version) -> bool {
        match self.parts() {
            Ok((standard, value)) => {
                let row = standard.row();
                version.within(row.since, row.until) && value.suits(version)
            }
            Err(own) => vendor_fits(&own.vendor, version) && Value::fits(&own.value, version),
        }
    }
}

impl From<Standard> for Kind {
    fn from(standard: Standard) -> Self {
        Self::Standard(standard)
    }
}

impl From<&Attribute> for Kind {
    fn from(attribute: &Attribute) -> Self {
        attribute.kind()
    }
}

/// As KMIP 1.x writes it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(standard) => f.write_str(standard.name()),
            Self::Link(link_type) => write!(f, "{link_type}"),
            Self::Vendor { vendor, name } => write!(f, "{vendor}-{name}"),
            Self::Unknown(name) => f.write_str(name),
        }
    }
}

fn vendor_fits(vendor: &str, version: Version) -> bool {
    version >= V2_0 || CUSTOM.contains(&vendor)
}

/// The vendors that KMIP 1.x writes as prefixes: the client's attributes and the server's.
const CUSTOM: [&str; 2] = ["x", "y"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::{V1_0, V1_1, V1_4, V2_1};

    #[test]
    fn a_name_of_1_x_and_a_tag_of_2_x_mean_the_same_attribute() {
        assert_eq!(Kind::named("Cryptographic Length"), Kind::tagged(Tag::CryptographicLength));
        assert_eq!(Kind::named("X.509 Certificate Subject"), Kind::tagged(Tag::X_509CertificateSubject));
        assert_eq!(Kind::named("x-ID"), Kind::vendor("x", "ID"));
        assert_eq!(Kind::named("y-a-b"), Kind::vendor("y", "a-b"));
        assert_eq!(Kind::named("x-ID").to_string(), "x-ID");
    }

    #[test]
    fn what_no_row_names_is_unknown_and_is_not_guessed() {
        for name in ["cryptographic length", "CryptographicLength", "", "z-ID", "xID", "Key Material", "Name "] {
            assert_eq!(Kind::named(name), Kind::Unknown(name.to_owned()), "{name}");
        }
        assert_eq!(Kind::tagged(Tag::KeyMaterial), Kind::Unknown("Key Material".to_owned()));
        assert_eq!(Kind::tagged(Tag(0x54_0001)), Kind::Unknown("0x540001".to_owned()));
    }

    #[test]
    fn a_peer_is_told_no_attribute_newer_than_its_version() {
        let fresh = Kind::from(Standard::Fresh);
        assert!(!fresh.fits(V1_0));
        assert!(fresh.fits(V1_1));
        let policy = Kind::from(Standard::OperationPolicyName);
        assert!(policy.fits(V1_4));
        assert!(!policy.fits(V2_0));
        assert!(Kind::vendor("x", "ID").fits(V1_0));
        assert!(!Kind::vendor("acme.com", "ID").fits(V1_4));
        assert!(Kind::vendor("acme.com", "ID").fits(V2_1));
        assert!(!Kind::Unknown("ID".to_owned()).fits(V2_1));
    }
}
