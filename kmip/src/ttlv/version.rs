//! Protocol versions on the wire (KMIP 2.1 §9.20 Protocol Version).

use super::{Field, Fields, Item, Kind, Malformed, Value, Writer, writer::head};
use crate::{tag::Tag, version::Version};

impl Value for Version {
    fn write(&self, tag: Tag, to: &mut Writer) {
        // Every message has one, so all of it is written in one go.
        let value = |value: i32| u64::from(value.cast_unsigned()) << 32;
        to.words([head(tag, Kind::Structure, 32), MAJOR, value(self.major), MINOR, value(self.minor)]);
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        if let Some(version) = usual(item) {
            return Ok(version);
        }
        let mut fields = Fields::of(item)?;
        let major = Field::scan(Tag::ProtocolVersionMajor, &mut fields)?;
        let minor = Field::scan(Tag::ProtocolVersionMinor, &mut fields)?;
        fields.finish()?;
        Ok(Self::new(major, minor))
    }
}

/// The version, when it is written as everybody does: one look at all of it.
fn usual(item: Item<'_, '_>) -> Option<Version> {
    let ([_, major, high, minor, low], []) = item.encoded().as_chunks() else { return None };
    let value = |word: &[u8; 8]| word.first_chunk().map(|value| i32::from_be_bytes(*value));
    let usual = item.kind() == Kind::Structure && [*major, *minor] == [MAJOR, MINOR].map(u64::to_be_bytes);
    if usual { Some(Version::new(value(high)?, value(low)?)) } else { None }
}

/// How the two numbers begin.
const MAJOR: u64 = head(Tag::ProtocolVersionMajor, Kind::Integer, 4);
const MINOR: u64 = head(Tag::ProtocolVersionMinor, Kind::Integer, 4);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ttlv::{Limits, Tree},
        version::V2_1,
    };

    #[test]
    fn a_version_is_read_in_whatever_way_it_is_written() {
        let (major, minor) = (Tag::ProtocolVersionMajor, Tag::ProtocolVersionMinor);
        type Write = fn(&mut Writer, Tag, Tag);
        let cases: [(&str, Write, Result<Version, Malformed>); 6] = [
            ("major and minor", |to, a, b| (to.integer(a, 2), to.integer(b, 1)).1, Ok(V2_1)),
            ("minor and major", |to, a, b| (to.integer(b, 1), to.integer(a, 2)).1, Ok(V2_1)),
            ("negative numbers", |to, a, b| (to.integer(a, -2), to.integer(b, -1)).1, Ok(Version::new(-2, -1))),
            ("major alone", |to, a, _| to.integer(a, 2), Err(Malformed::Missing(minor))),
            ("major twice", |to, a, _| (to.integer(a, 2), to.integer(a, 1)).1, Err(Malformed::Missing(minor))),
            (
                "an Enumeration",
                |to, a, b| (to.integer(a, 2), to.enumeration(b, 1)).1,
                Err(Malformed::Type(minor, Kind::Integer)),
            ),
        ];
        for (name, write, expected) in cases {
            let mut to = Writer::new(V2_1);
            to.structure(Tag::ProtocolVersion, |to| write(to, major, minor));
            let tree = Tree::read(to.as_bytes(), &Limits::default()).unwrap();
            assert_eq!(Version::read(tree.root()), expected, "{name}");
        }
    }

    #[test]
    fn bytes_that_look_like_a_version_are_none() {
        let mut inside = Writer::new(V2_1);
        V2_1.write(Tag::ProtocolVersion, &mut inside);
        let mut to = Writer::new(V2_1);
        to.byte_string(Tag::ProtocolVersion, &inside.as_bytes()[8..]);
        let tree = Tree::read(to.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(Version::read(tree.root()), Err(Malformed::Type(Tag::ProtocolVersion, Kind::Structure)));
    }
}
