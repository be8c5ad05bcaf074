//! What has changed of an object, as a server tells it unasked.

use super::{Attribute, Instance, Kind, Listed, Reference, References, Template, wire::tagged};
use crate::{
    tag::Tag,
    ttlv::{Field, Fields, Item, Malformed, Writer},
};

/// Attributes with their new values, and those that the object has no more (KMIP 1.4 §5.1 and 2.1 §6.2.2). KMIP 1.x writes
/// one that is gone as an Attribute without a value, 2.x as an Attribute Reference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// What has another value, or is new.
    pub attributes: Vec<Instance>,
    /// What is gone: in KMIP 1.x this instance of the kind, in 2.x, which has no indices, all of the kind.
    pub deleted: Vec<(Kind, Option<i32>)>,
}

impl Changed {
    /// Whether nothing has.
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty() && self.deleted.is_empty()
    }

    /// The attributes that have another value.
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter().map(|instance| &instance.attribute)
    }

    fn read_named(&mut self, item: Item<'_, '_>) -> Result<(), Malformed> {
        if item.children().any(|child| child.tag() == Tag::AttributeValue) {
            self.attributes.push(Instance::read(item)?);
            return Ok(());
        }
        let mut fields = Fields::of(item)?;
        let name: String = Field::scan(Tag::AttributeName, &mut fields)?;
        let index: Option<i32> = Field::scan(Tag::AttributeIndex, &mut fields)?;
        fields.finish()?;
        self.deleted.push((Kind::named(&name), index));
        Ok(())
    }
}

impl Field for Changed {
    fn emit(&self, _tag: Tag, to: &mut Writer) {
        if !self.attributes.is_empty() {
            Listed(self.attributes.clone()).emit(Tag::Attributes, to);
        }
        let version = to.version();
        if tagged(version) {
            return References(self.deleted.iter().map(|(kind, _)| kind.clone()).collect())
                .emit(Tag::AttributeReference, to);
        }
        for (kind, index) in self.deleted.iter().filter(|(kind, _)| kind.fits(version)) {
            to.structure(Tag::Attribute, |to| {
                to.text(Tag::AttributeName, &kind.to_string());
                if let Some(index) = index.filter(|index| *index != 0) {
                    to.integer(Tag::AttributeIndex, index);
                }
            });
        }
    }

    fn scan(_tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        let mut found = Self::default();
        while let Some(item) = from.take(Tag::Attribute) {
            found.read_named(item)?;
        }
        let tagged: Option<Template> = Field::scan(Tag::Attributes, from)?;
        found.attributes.extend(tagged.into_iter().flat_map(|template| template.attributes));
        while let Some(Reference(kind)) = Field::scan(Tag::AttributeReference, from)? {
            found.deleted.push((kind, None));
        }
        Ok(found)
    }
}
