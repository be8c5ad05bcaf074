//! Values that leave fields out: what Locate looks for need not say everything (KMIP 2.1 §6.1.28).

use super::{Link, table::Attribute};
use crate::{
    code::LinkType,
    tag::Tag,
    ttlv::{Item, Kind, Limits, Tree, Writer},
    version::EVERY,
};

impl Link {
    /// Links of whatever type: what a request means that gives no Link Type.
    pub const ANY: LinkType = LinkType(0);
}

impl Attribute {
    /// Whether a value of this attribute may leave fields out, and so stand for many.
    pub fn is_partial(&self) -> bool {
        match self {
            Self::Link(link) => link.link_type == Link::ANY,
            Self::CryptographicParameters(_)
            | Self::CryptographicDomainParameters(_)
            | Self::Digest(_)
            | Self::ApplicationSpecificInformation(_)
            | Self::RandomNumberGenerator(_)
            | Self::RevocationReason(_)
            | Self::DeactivationReason(_)
            | Self::CertificateIdentifier(_)
            | Self::CertificateSubject(_)
            | Self::CertificateIssuer(_)
            | Self::X_509CertificateSubject(_)
            | Self::X_509CertificateIssuer(_) => true,
            _ => false,
        }
    }

    /// Whether `value` has every field that this one gives.
    pub fn stands_for(&self, value: &Self) -> bool {
        if self == value {
            return true;
        }
        if !self.is_partial() || self.kind() != value.kind() {
            return false;
        }
        match (self, value) {
            (Self::Link(some), Self::Link(link)) => some.linked_object_identifier == link.linked_object_identifier,
            _ => {
                let (asked, there) = (written(self), written(value));
                let read = |bytes| Tree::read(bytes, &Limits::default()).ok();
                read(&asked).zip(read(&there)).is_some_and(|(asked, there)| within(asked.root(), there.root()))
            }
        }
    }
}

fn written(attribute: &Attribute) -> crate::secret::Wiped {
    let mut to = Writer::new(EVERY);
    attribute.write_value(Tag::AttributeValue, &mut to);
    to.into_bytes()
}

fn within(asked: Item<'_, '_>, there: Item<'_, '_>) -> bool {
    if asked.kind() != Kind::Structure || there.kind() != Kind::Structure {
        return asked.encoded() == there.encoded();
    }
    asked.children().all(|field| there.children().any(|other| other.tag() == field.tag() && within(field, other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attribute::{ApplicationSpecificInformation, CryptographicParameters, Name},
        code::{BlockCipherMode, HashingAlgorithm},
    };

    fn parameters(mode: Option<BlockCipherMode>, hash: Option<HashingAlgorithm>) -> Attribute {
        Attribute::CryptographicParameters(Box::new(CryptographicParameters {
            block_cipher_mode: mode,
            hashing_algorithm: hash,
            ..CryptographicParameters::default()
        }))
    }

    #[test]
    fn a_value_stands_for_those_that_have_all_of_its_fields() {
        let gcm = Some(BlockCipherMode::GCM);
        let whole = parameters(gcm, Some(HashingAlgorithm::SHA_256));
        let information = |data: Option<&str>| {
            Attribute::ApplicationSpecificInformation(ApplicationSpecificInformation {
                application_namespace: "ssl".to_owned(),
                application_data: data.map(str::to_owned),
            })
        };
        let link = |link_type, to: &str| Attribute::Link(Link::to(link_type, to));
        for (why, asked, there, expected) in [
            ("the same", whole.clone(), whole.clone(), true),
            ("a part", parameters(gcm, None), whole.clone(), true),
            ("nothing", parameters(None, None), whole.clone(), true),
            ("another value", parameters(Some(BlockCipherMode::CBC), None), whole.clone(), false),
            ("more", whole.clone(), parameters(gcm, None), false),
            ("a namespace alone", information(None), information(Some("a")), true),
            ("other data", information(Some("b")), information(Some("a")), false),
            ("a link of any type", link(Link::ANY, "x"), link(LinkType::NextLink, "x"), true),
            ("a link of any type to another", link(Link::ANY, "y"), link(LinkType::NextLink, "x"), false),
            ("a link of another type", link(LinkType::ParentLink, "x"), link(LinkType::NextLink, "x"), false),
            ("another attribute", Attribute::Name(Name::text("x")), whole, false),
        ] {
            assert_eq!(asked.stands_for(&there), expected, "{why}");
        }
    }
}
