//! Protocol versions on the wire (KMIP 2.1 §9.20 Protocol Version).

use super::{Field, Fields, Item, Malformed, Value, Writer};
use crate::{tag::Tag, version::Version};

impl Value for Version {
    fn write(&self, tag: Tag, to: &mut Writer) {
        to.structure(tag, |to| {
            to.integer(Tag::ProtocolVersionMajor, self.major);
            to.integer(Tag::ProtocolVersionMinor, self.minor);
        });
    }
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        let mut fields = Fields::of(item)?;
        let major = Field::scan(Tag::ProtocolVersionMajor, &mut fields)?;
        let minor = Field::scan(Tag::ProtocolVersionMinor, &mut fields)?;
        fields.finish()?;
        Ok(Self::new(major, minor))
    }
}
