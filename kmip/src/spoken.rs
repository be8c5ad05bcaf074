//! What a version does not know: the law that nothing newer than a peer's version, or withdrawn before it, is sent to it.

use std::fmt;

use crate::{
    attribute::Kind as Name,
    code,
    tag::Tag,
    text::children_about,
    ttlv::{Item, Kind},
    version::{V2_0, V3_0, Version},
};

/// Something in a message that a version does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unspoken {
    /// A tag.
    Tag(Tag),
    /// A type of item, under this tag.
    Kind(Tag, Kind),
    /// A code of an enumeration, under this tag.
    Code(Tag, u32),
    /// Bits of a mask, under this tag.
    Bits(Tag, i32),
    /// The name of an attribute.
    Attribute(String),
}

impl fmt::Display for Unspoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, "the tag {tag}"),
            Self::Kind(tag, kind) => write!(f, "{} under {tag}", kind.name()),
            Self::Code(tag, code) => write!(f, "{code:#x} under {tag}"),
            Self::Bits(tag, bits) => write!(f, "the bits {bits:#x} under {tag}"),
            Self::Attribute(name) => write!(f, "the attribute {name:?}"),
        }
    }
}

/// The first thing in a message that a peer of this version does not know. Tags and codes without a row are a vendor's
/// and nobody's to judge.
pub fn unspoken(message: Item<'_, '_>, version: Version) -> Option<Unspoken> {
    judge(message, message.tag(), version)
}

fn judge(item: Item<'_, '_>, about: Tag, version: Version) -> Option<Unspoken> {
    let (tag, kind) = (item.tag(), item.kind());
    if tag.spoken().is_some_and(|(since, until)| !version.within(since, until)) {
        return Some(Unspoken::Tag(tag));
    }
    let since = match kind {
        Kind::DateTimeExtended => Some(V2_0),
        Kind::Identifier | Kind::Reference | Kind::NameReference => Some(V3_0),
        _ => None,
    };
    if since.is_some_and(|since| version < since) {
        return Some(Unspoken::Kind(tag, kind));
    }
    match kind {
        Kind::Structure => children_about(item).find_map(|(child, about)| judge(child, about, version)),
        Kind::Enumeration => {
            let number = item.enumeration().ok()?;
            let (since, until) = code::spoken(about, number)?;
            (!version.within(since, until)).then_some(Unspoken::Code(about, number))
        }
        Kind::Integer => {
            let bits = item.integer().ok()?;
            let unknown = bits & !code::spoken_bits(about, bits, version);
            (unknown != 0).then_some(Unspoken::Bits(about, unknown))
        }
        Kind::TextString if tag == Tag::AttributeName && version < V2_0 => {
            let name = item.text().ok()?;
            (!Name::named(name).fits(version)).then(|| Unspoken::Attribute(name.to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::{CryptographicUsageMask, ObjectType},
        ttlv::{Limits, Tree, Writer},
        version::{V1_0, V1_2, V1_4},
    };

    #[test]
    fn what_a_version_does_not_know_is_found_wherever_it_stands() {
        let found = |version, write: &dyn Fn(&mut Writer)| {
            let mut to = Writer::new(V3_0);
            to.structure(Tag::ResponsePayload, |to| to.structure(Tag::Attribute, |to| write(to)));
            let tree = Tree::read(to.as_bytes(), &Limits::default()).unwrap();
            unspoken(tree.root(), version)
        };
        let pgp = |to: &mut Writer| to.enumeration(Tag::ObjectType, ObjectType::PGPKey.0);
        assert_eq!(found(V1_0, &pgp), Some(Unspoken::Code(Tag::ObjectType, ObjectType::PGPKey.0)));
        assert_eq!(found(V1_2, &pgp), None);
        let fresh = |to: &mut Writer| to.text(Tag::AttributeName, "Fresh");
        assert_eq!(found(V1_0, &fresh), Some(Unspoken::Attribute("Fresh".to_owned())));
        assert_eq!(found(V1_2, &fresh), None);
        let bits = CryptographicUsageMask::Unrestricted.0;
        let named = |to: &mut Writer| {
            to.text(Tag::AttributeName, "Cryptographic Usage Mask");
            to.integer(Tag::AttributeValue, bits | 1);
        };
        assert_eq!(found(V1_4, &named), Some(Unspoken::Bits(Tag::CryptographicUsageMask, bits)));
        let description = |to: &mut Writer| to.text(Tag::Description, "");
        assert_eq!(found(V1_2, &description), Some(Unspoken::Tag(Tag::Description)));
        let group = |to: &mut Writer| to.text(Tag::ObjectGroup, "");
        assert_eq!(found(V3_0, &group), Some(Unspoken::Tag(Tag::ObjectGroup)));
        let identifier = |to: &mut Writer| to.text_like(Tag::UniqueIdentifier, Kind::Identifier, "one");
        assert_eq!(found(V2_0, &identifier), Some(Unspoken::Kind(Tag::UniqueIdentifier, Kind::Identifier)));
        let own = |to: &mut Writer| to.integer(Tag(0x54_0001), 1);
        assert_eq!(found(V1_0, &own), None);
    }
}
