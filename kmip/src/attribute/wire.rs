//! How attributes stand on the wire: the only place that knows how KMIP 1.x, 2.x and 3.0 differ in it.
//!
//! KMIP 1.x writes `Attribute { Attribute Name, Attribute Index, Attribute Value }` and gathers them in
//! Template-Attributes; 2.x and 3.0 write each value under its own tag and gather them in Attributes. Reading accepts
//! either form whatever the version. Writing leaves out what the peer's version does not know; it never fails.

use super::{
    Kind, Link, Name, Standard, Vendor,
    index::Beginning,
    shape::split_up,
    table::{Attribute, Written},
};
use crate::{
    tag::Tag,
    ttlv::{Any, Field, Fields, Item, Kind as Type, Malformed, Value, Writer},
    version::{V2_0, Version},
};

/// One attribute with the index that KMIP 1.x gives to each of several instances.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    /// Which instance; where it is missing the first is meant, and KMIP 2.x has none.
    pub index: Option<i32>,
    /// The attribute.
    pub attribute: Attribute,
}

impl From<Attribute> for Instance {
    fn from(attribute: Attribute) -> Self {
        Self { index: None, attribute }
    }
}

impl Instance {
    /// Reads an attribute in either form.
    ///
    /// # Errors
    /// [`Malformed::Value`] of the Attribute Name when KMIP 1.x names an attribute that is not known,
    /// [`Malformed::Unexpected`] of the tag when KMIP 2.x does; others when the value is not the attribute's.
    pub fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        let mut only = Vec::with_capacity(1);
        Self::read_onto(item, &mut only)?;
        only.pop().ok_or(Malformed::Missing(Tag::Attribute))
    }

    /// Reads an attribute, in either form, onto the end of a list.
    fn read_onto(item: Item<'_, '_>, list: &mut Vec<Self>) -> Result<(), Malformed> {
        let tag = item.tag();
        if tag == Tag::Attribute {
            return Self::read_named(item, list);
        }
        if let Some(standard) = Standard::of_tag(tag) {
            return Self::read_value(standard, item, None, list);
        }
        let link_type = Link::type_of(tag).ok_or(Malformed::Unexpected(tag))?;
        let linked_object_identifier = Value::read(item)?;
        list.push(Attribute::Link(Link { link_type, linked_object_identifier }).into());
        Ok(())
    }

    /// Adds an attribute of the standard's to a list, which is spoilt when it cannot be read.
    fn read_value(
        standard: Standard,
        value: Item<'_, '_>,
        index: Option<i32>,
        list: &mut Vec<Self>,
    ) -> Result<(), Malformed> {
        list.push(Self { index, attribute: Attribute::Fresh(false) });
        match list.last_mut() {
            Some(place) => standard.read_to(&mut place.attribute, value),
            None => Ok(()),
        }
    }

    fn read_named(item: Item<'_, '_>, list: &mut Vec<Self>) -> Result<(), Malformed> {
        let mut fields = Fields::of(item)?;
        let vendor: Option<String> = Field::scan(Tag::VendorIdentification, &mut fields)?;
        let Some(name) = fields.take(Tag::AttributeName) else { return Err(Malformed::Missing(Tag::AttributeName)) };
        let spelled = name.text_bytes()?;
        let index: Option<i32> = Field::scan(Tag::AttributeIndex, &mut fields)?;
        let Some(value) = fields.take(Tag::AttributeValue) else { return Err(Malformed::Missing(Tag::AttributeValue)) };
        fields.finish()?;
        let kind = match vendor {
            Some(vendor) => Kind::vendor(&vendor, name.text()?),
            None => match Standard::spelled(spelled) {
                Some(standard) => return Self::read_value(standard, value, index, list),
                None => Kind::named(name.text()?),
            },
        };
        let Kind::Vendor { vendor, name } = kind else { return Err(Malformed::Value(Tag::AttributeName)) };
        list.push(Self { index, attribute: Attribute::Vendor(Vendor { vendor, name, value: Any::read(value)? }) });
        Ok(())
    }

    /// Writes the attribute as the peer's version has it, unless it does not.
    fn write(&self, to: &mut Writer) {
        if tagged(to.version()) {
            self.write_tagged(to);
        } else {
            self.attribute.write_named(self.index, to);
        }
    }

    fn write_tagged(&self, to: &mut Writer) {
        if self.attribute.fits(to.version()) {
            self.attribute.write_tagged(to);
        }
    }
}

impl<T: Value> Written for T {
    fn write_under(&self, tag: Tag, to: &mut Writer) {
        self.write(tag, to);
    }
    fn suits(&self, version: Version) -> bool {
        Value::fits(self, version)
    }
    fn write_named(&self, standard: Standard, index: Option<i32>, to: &mut Writer) {
        let (row, version) = (standard.row(), to.version());
        if version.within(row.since, row.until) && Value::fits(self, version) {
            let Beginning(bytes, length) = standard.beginning();
            let start = to.begin_as(bytes, *length);
            write_index(index, to);
            self.write(Tag::AttributeValue, to);
            to.end(start);
        }
    }
}

impl Vendor {
    /// Writes it as an Attribute of KMIP 1.x, unless it has no name there.
    pub(super) fn write_named(&self, index: Option<i32>, to: &mut Writer) {
        let kind = Kind::vendor(&self.vendor, &self.name);
        if kind.fits(to.version()) {
            to.structure(Tag::Attribute, |to| {
                to.text(Tag::AttributeName, &kind.to_string());
                write_index(index, to);
                self.value.write(Tag::AttributeValue, to);
            });
        }
    }
}

#[inline]
fn write_index(index: Option<i32>, to: &mut Writer) {
    // A missing index means the first instance, and clients with but one expect none.
    if let Some(index) = index.filter(|&index| index != 0) {
        to.integer(Tag::AttributeIndex, index);
    }
}

impl Attribute {
    /// Writes the attribute under its own tag, as KMIP 2.x and 3.0 do.
    pub fn write_tagged(&self, to: &mut Writer) {
        match self {
            Self::Vendor(own) => to.structure(Tag::Attribute, |to| {
                to.text(Tag::VendorIdentification, &own.vendor);
                to.text(Tag::AttributeName, &own.name);
                own.value.write(Tag::AttributeValue, to);
            }),
            Self::Link(link) if split_up(to.version()) => {
                if let Some(tag) = Link::tag_of(link.link_type) {
                    link.linked_object_identifier.write(tag, to);
                }
            }
            other => {
                if let Some(standard) = other.standard() {
                    other.write_value(standard.tag(), to);
                }
            }
        }
    }
}

/// The attributes that a new object shall have: a Template-Attribute of KMIP 1.x, Attributes of 2.x, and their
/// variants for the two halves of a key pair. The row may name either tag. A missing one reads as an empty one; where
/// the difference matters the field is an `Option<Template>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// The Templates of KMIP 1.x whose attributes are wanted too.
    pub names: Vec<Name>,
    /// The attributes.
    pub attributes: Vec<Instance>,
}

impl Template {
    fn read_into(&mut self, item: Item<'_, '_>) -> Result<(), Malformed> {
        let mut fields = Fields::of(item)?;
        // No client names more as a rule, and what a peer sends is no reason to allocate much.
        if self.attributes.is_empty() {
            self.attributes = Vec::with_capacity(item.children().take(USUAL).count());
        }
        let templates = PAIRS.iter().any(|(old, _)| *old == item.tag());
        while let Some(field) = fields.take_any() {
            if templates && field.tag() == Tag::Name {
                self.names.push(Name::read(field)?);
            } else {
                Instance::read_onto(field, &mut self.attributes)?;
            }
        }
        Ok(())
    }

    fn write(&self, (old, new): (Tag, Tag), to: &mut Writer) {
        if tagged(to.version()) {
            return to.structure(new, |to| self.attributes.iter().for_each(|instance| instance.write_tagged(to)));
        }
        to.structure(old, |to| {
            self.names.iter().for_each(|name| name.write(Tag::Name, to));
            self.attributes.iter().for_each(|instance| instance.attribute.write_named(instance.index, to));
        });
    }
}

impl Field for Option<Template> {
    #[inline]
    fn emit(&self, tag: Tag, to: &mut Writer) {
        if let Some(template) = self {
            template.write(pair(tag), to);
        }
    }
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        let (old, new) = pair(tag);
        let mut found = None;
        while let Some(item) = from.take(old).or_else(|| from.take(new)) {
            found.get_or_insert_with(Template::default).read_into(item)?;
        }
        Ok(found)
    }
}

impl Field for Template {
    #[inline]
    fn emit(&self, tag: Tag, to: &mut Writer) {
        self.write(pair(tag), to);
    }
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        Option::<Self>::scan(tag, from).map(Option::unwrap_or_default)
    }
}

impl FromIterator<Attribute> for Template {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        Self { names: Vec::new(), attributes: attributes.into_iter().map(Instance::from).collect() }
    }
}

/// The attributes of an object, or those that Locate looks for: a run of Attribute items in KMIP 1.x, one Attributes
/// structure in 2.x. The row may name either tag. Reading takes a Template-Attribute for it too, because there are
/// clients whose Locate sends one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed(pub Vec<Instance>);

impl Listed {
    fn write(&self, tag: Tag, to: &mut Writer) {
        if !tagged(to.version()) {
            return self.0.iter().for_each(|instance| instance.write(to));
        }
        let tag = if tag == Tag::Attribute { Tag::Attributes } else { pair(tag).1 };
        to.structure(tag, |to| self.0.iter().for_each(|instance| instance.write(to)));
    }
}

impl Field for Option<Listed> {
    fn emit(&self, tag: Tag, to: &mut Writer) {
        if let Some(listed) = self {
            listed.write(tag, to);
        }
    }
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        let mut found = None;
        while let Some(item) = from.take(Tag::Attribute) {
            Instance::read_onto(item, found.get_or_insert_with(Vec::new))?;
        }
        let structure = if tag == Tag::Attribute { Tag::Attributes } else { tag };
        if let Some(template) = Option::<Template>::scan(structure, from)? {
            let found = found.get_or_insert_with(Vec::new);
            found.extend(template.names.into_iter().map(|name| Attribute::Name(name).into()));
            found.extend(template.attributes);
        }
        Ok(found.map(Listed))
    }
}

impl Field for Listed {
    fn emit(&self, tag: Tag, to: &mut Writer) {
        self.write(tag, to);
    }
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        Option::<Self>::scan(tag, from).map(Option::unwrap_or_default)
    }
}

impl FromIterator<Attribute> for Listed {
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        Self(attributes.into_iter().map(Instance::from).collect())
    }
}

/// A single attribute: an Attribute of KMIP 1.x, in 2.x a structure that holds it. A row that names New Attribute or
/// Attribute stands for both; Current Attribute stands for itself and is not written for KMIP 1.x.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct One(pub Instance);

impl Field for Option<One> {
    fn emit(&self, tag: Tag, to: &mut Writer) {
        let Some(One(instance)) = self else { return };
        if !instance.attribute.fits(to.version()) {
            return;
        }
        if tagged(to.version()) {
            let tag = if tag == Tag::Attribute { Tag::NewAttribute } else { tag };
            to.structure(tag, |to| instance.write(to));
        } else if tag != Tag::CurrentAttribute {
            instance.write(to);
        }
    }
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        let holder = if tag == Tag::Attribute { Tag::NewAttribute } else { tag };
        if let Some(item) = from.take(holder) {
            let mut fields = Fields::of(item)?;
            let only = fields.take_any().ok_or(Malformed::Missing(holder))?;
            let instance = Instance::read(only)?;
            fields.finish()?;
            return Ok(Some(One(instance)));
        }
        if tag == Tag::CurrentAttribute {
            return Ok(None);
        }
        from.take(Tag::Attribute).map(|item| Instance::read(item).map(One)).transpose()
    }
}

impl Field for One {
    fn emit(&self, tag: Tag, to: &mut Writer) {
        Some(self.clone()).emit(tag, to);
    }
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        Option::<Self>::scan(tag, from)?.ok_or(Malformed::Missing(tag))
    }
}

/// Which attribute is meant: an Attribute Name of KMIP 1.x, an Attribute Reference of 2.x. The row may name either
/// tag. What no row names reads as [`Kind::Unknown`], so that the service can say which of its reasons applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(pub Kind);

impl Reference {
    fn read(item: Item<'_, '_>) -> Result<Self, Malformed> {
        match item.kind() {
            Type::Enumeration => Ok(Self(Kind::tagged(Tag(item.enumeration()?)))),
            Type::Structure => {
                let mut fields = Fields::of(item)?;
                let vendor: Option<String> = Field::scan(Tag::VendorIdentification, &mut fields)?;
                let name: String = Field::scan(Tag::AttributeName, &mut fields)?;
                fields.finish()?;
                Ok(Self(vendor.map_or_else(|| Kind::named(&name), |vendor| Kind::vendor(&vendor, &name))))
            }
            _ => item.text().map(|name| Self(Kind::named(name))),
        }
    }

    fn write(kind: &Kind, to: &mut Writer) {
        if !kind.fits(to.version()) {
            return;
        }
        match kind {
            _ if !tagged(to.version()) => to.text(Tag::AttributeName, &kind.to_string()),
            Kind::Standard(standard) => to.enumeration(Tag::AttributeReference, standard.tag().0),
            Kind::Link(link_type) => {
                if let Some(tag) = Link::tag_of(*link_type) {
                    to.enumeration(Tag::AttributeReference, tag.0);
                }
            }
            Kind::Vendor { vendor, name } => to.structure(Tag::AttributeReference, |to| {
                to.text(Tag::VendorIdentification, vendor);
                to.text(Tag::AttributeName, name);
            }),
            Kind::Unknown(_) => {}
        }
    }

    fn take(from: &mut Fields<'_, '_>) -> Result<Option<Self>, Malformed> {
        let item = from.take(Tag::AttributeReference).or_else(|| from.take(Tag::AttributeName));
        item.map(Self::read).transpose()
    }
}

impl Field for Option<Reference> {
    fn emit(&self, _tag: Tag, to: &mut Writer) {
        if let Some(Reference(kind)) = self {
            Reference::write(kind, to);
        }
    }
    fn scan(_tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        Reference::take(from)
    }
}

impl Field for Reference {
    fn emit(&self, _tag: Tag, to: &mut Writer) {
        Self::write(&self.0, to);
    }
    fn scan(tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        Self::take(from)?.ok_or(Malformed::Missing(tag))
    }
}

/// Which attributes are meant: a run of [`Reference`]s.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References(pub Vec<Kind>);

impl Field for References {
    fn emit(&self, _tag: Tag, to: &mut Writer) {
        self.0.iter().for_each(|kind| Reference::write(kind, to));
    }
    fn scan(_tag: Tag, from: &mut Fields<'_, '_>) -> Result<Self, Malformed> {
        let mut kinds = Vec::new();
        while let Some(Reference(kind)) = Reference::take(from)? {
            kinds.push(kind);
        }
        Ok(Self(kinds))
    }
}

/// Whether a peer of this version writes attributes under their own tags.
pub(super) fn tagged(version: Version) -> bool {
    version >= V2_0
}

/// So many attributes a new object is given in one go.
const USUAL: usize = 8;

/// What KMIP 1.x and what 2.x call the same field.
#[inline]
fn pair(tag: Tag) -> (Tag, Tag) {
    PAIRS.iter().copied().find(|(old, new)| *old == tag || *new == tag).unwrap_or((tag, tag))
}

const PAIRS: [(Tag, Tag); 4] = [
    (Tag::TemplateAttribute, Tag::Attributes),
    (Tag::CommonTemplateAttribute, Tag::CommonAttributes),
    (Tag::PrivateKeyTemplateAttribute, Tag::PrivateKeyAttributes),
    (Tag::PublicKeyTemplateAttribute, Tag::PublicKeyAttributes),
];
