//! The attributes of one object.

use std::sync::Arc;

use super::{Instance, Kind, Listed, Multiplicity, Pool, Standard, table::Attribute};
use crate::{
    secret::Wiped,
    tag::Tag,
    ttlv::{Fields, Limits, Malformed, Tree, Writer},
    version::{EVERY, Version},
};

/// The attributes of one object, in the order in which they were set.
///
/// Each instance has an index, unique among those of its kind, which stays with it when others are removed
/// (KMIP 1.4 §2.1.1). No kind that the table gives once is there twice, and no value twice in one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    index: i32,
    /// Objects by the hundred thousand have the same algorithm, length and state.
    attribute: Arc<Attribute>,
}

impl Entry {
    fn new(index: i32, attribute: Attribute) -> Self {
        Self { index, attribute: Arc::new(attribute) }
    }
}

/// Why an attribute was not taken into a [`Set`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The object may have one value and has one.
    #[error("the object has a {0} already and may have only one")]
    Single(Kind),
    /// The object has this very value.
    #[error("the object has this {0} already")]
    Same(Kind),
    /// There is no such instance.
    #[error("the object has no such {0}")]
    Missing(Kind),
}

impl Set {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many instances there are of all kinds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every instance, in the order in which they were set.
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter().map(|entry| &*entry.attribute)
    }

    /// Every instance with its index, in the order in which they were set.
    pub fn indexed(&self) -> impl Iterator<Item = (i32, &Attribute)> {
        self.0.iter().map(|entry| (entry.index, &*entry.attribute))
    }

    /// The kinds that there are, each once, as a peer of this version tells them apart.
    pub fn kinds(&self, version: Version) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for entry in &self.0 {
            let kind = entry.attribute.kind_for(version);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    /// The first instance of a kind.
    pub fn get(&self, kind: &Kind) -> Option<&Attribute> {
        self.all(kind).next().map(|(_, attribute)| attribute)
    }

    /// The first instance of one of the standard's attributes.
    pub fn standard(&self, standard: Standard) -> Option<&Attribute> {
        self.get(&Kind::Standard(standard))
    }

    /// Every instance of a kind with its index.
    pub fn all<'s, 'k>(&'s self, kind: &'k Kind) -> impl Iterator<Item = (i32, &'s Attribute)> + use<'s, 'k> {
        self.indexed().filter(move |(_, attribute)| is(attribute, kind))
    }

    /// The instance of a kind that has this index; KMIP means index 0 where it names none.
    pub fn at(&self, kind: &Kind, index: i32) -> Option<&Attribute> {
        self.all(kind).find(|(found, _)| *found == index).map(|(_, attribute)| attribute)
    }

    /// Adds an instance and says which index it has.
    ///
    /// # Errors
    /// [`Refused::Single`] when the kind is given once and is there, [`Refused::Same`] when the very value is there.
    pub fn add(&mut self, attribute: Attribute) -> Result<i32, Refused> {
        let kind = attribute.kind();
        let mut next = 0;
        for (index, known) in self.all(&kind) {
            if kind.multiplicity() == Multiplicity::One {
                return Err(Refused::Single(kind.clone()));
            }
            if *known == attribute {
                return Err(Refused::Same(kind.clone()));
            }
            next = next.max(index.saturating_add(1));
        }
        self.0.push(Entry::new(next, attribute));
        Ok(next)
    }

    /// Sets a value: in place of the old one where the kind is given once, as one more where there may be many. A
    /// value that is there already stays.
    pub fn put(&mut self, attribute: Attribute) {
        let kind = attribute.kind();
        if kind.multiplicity() == Multiplicity::Many {
            if !self.all(&kind).any(|(_, known)| *known == attribute) {
                let next = self.all(&kind).map(|(index, _)| index.saturating_add(1)).max().unwrap_or(0);
                self.0.push(Entry::new(next, attribute));
            }
        } else if let Some(entry) = self.0.iter_mut().find(|entry| is(&entry.attribute, &kind)) {
            entry.attribute = Arc::new(attribute);
        } else {
            self.0.push(Entry::new(0, attribute));
        }
    }

    /// Puts a value in the place of the instance of the same kind that has this index, and returns the old value.
    ///
    /// # Errors
    /// [`Refused::Missing`] when there is no such instance, [`Refused::Same`] when another instance has the value.
    pub fn replace(&mut self, index: i32, attribute: Attribute) -> Result<Attribute, Refused> {
        let kind = attribute.kind();
        if self.all(&kind).any(|(other, known)| other != index && *known == attribute) {
            return Err(Refused::Same(kind));
        }
        match self.0.iter_mut().find(|entry| entry.index == index && is(&entry.attribute, &kind)) {
            Some(entry) => Ok(Arc::unwrap_or_clone(std::mem::replace(&mut entry.attribute, Arc::new(attribute)))),
            None => Err(Refused::Missing(kind)),
        }
    }

    /// Puts `new` in the place of the instance whose value is `current`, as KMIP 2.x names instances.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn exchange(&mut self, current: &Attribute, new: Attribute) -> Result<Attribute, Refused> {
        let place = self.indexed().find(|(_, known)| *known == current).map(|(index, _)| index);
        match place.filter(|_| current.kind() == new.kind()) {
            Some(index) => self.replace(index, new),
            None => Err(Refused::Missing(current.kind())),
        }
    }

    /// Removes the instance of a kind that has this index, and returns it; the others keep their indices.
    pub fn remove(&mut self, kind: &Kind, index: i32) -> Option<Attribute> {
        let place = self.0.iter().position(|entry| entry.index == index && is(&entry.attribute, kind))?;
        Some(Arc::unwrap_or_clone(self.0.remove(place).attribute))
    }

    /// Removes the instance that has this value, and says whether there was one.
    pub fn remove_value(&mut self, attribute: &Attribute) -> bool {
        let before = self.0.len();
        self.0.retain(|entry| *entry.attribute != *attribute);
        self.0.len() != before
    }

    /// Removes every instance of a kind, and returns them.
    pub fn remove_all(&mut self, kind: &Kind) -> Vec<Attribute> {
        let gone = self.0.extract_if(.., |entry| is(&entry.attribute, kind));
        gone.map(|entry| Arc::unwrap_or_clone(entry.attribute)).collect()
    }

    /// Gives back the memory that it has beyond what it holds, and shares with other sets what they have too.
    pub fn share(&mut self, pool: &mut Pool) {
        self.0.shrink_to_fit();
        self.0.iter_mut().for_each(|entry| pool.take(&mut entry.attribute));
    }

    /// All instances, to be written.
    pub fn listed(&self) -> Listed {
        Listed(self.indexed().map(|(index, attribute)| instance(index, attribute)).collect())
    }

    /// The instances of these kinds, to be written, in the order in which they are asked for.
    pub fn select(&self, kinds: &[Kind]) -> Listed {
        let all = kinds.iter().flat_map(|kind| self.all(kind));
        Listed(all.map(|(index, attribute)| instance(index, attribute)).collect())
    }

    /// All of it as bytes for the store, whatever the version.
    pub fn encode(&self) -> Wiped {
        let mut to = Writer::new(EVERY);
        to.structure(Tag::Attributes, |to| {
            for entry in &self.0 {
                to.structure(Tag::Attribute, |to| {
                    to.integer(Tag::AttributeIndex, entry.index);
                    entry.attribute.write_tagged(to);
                });
            }
        });
        to.into_bytes()
    }

    /// What [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let tree = Tree::read(bytes, &LIMITS)?;
        if tree.root().tag() != Tag::Attributes {
            return Err(Malformed::Unexpected(tree.root().tag()));
        }
        // As many as there are: a store of objects has a set for each.
        let mut entries: Vec<Entry> = Vec::with_capacity(tree.root().children().count());
        let mut all = Fields::of(tree.root())?;
        while let Some(item) = all.take(Tag::Attribute) {
            let mut fields = Fields::of(item)?;
            let index = fields.take(Tag::AttributeIndex).ok_or(Malformed::Missing(Tag::AttributeIndex))?.integer()?;
            let value = fields.take_any().ok_or(Malformed::Missing(Tag::AttributeValue))?;
            let attribute = Instance::read(value)?.attribute;
            fields.finish()?;
            entries.push(Entry::new(index, attribute));
        }
        all.finish()?;
        Ok(Self(entries))
    }
}

impl FromIterator<Attribute> for Set {
    /// Each value once; of a kind that is given once, the last.
    fn from_iter<I: IntoIterator<Item = Attribute>>(attributes: I) -> Self {
        let mut set = Self::new();
        attributes.into_iter().for_each(|attribute| set.put(attribute));
        set
    }
}

/// Whether an attribute is of a kind, without making a kind of it.
fn is(attribute: &Attribute, kind: &Kind) -> bool {
    match (attribute, kind) {
        (Attribute::Vendor(own), Kind::Vendor { vendor, name }) => own.vendor == *vendor && own.name == *name,
        (Attribute::Vendor(_), _) | (_, Kind::Vendor { .. } | Kind::Unknown(_)) => false,
        (Attribute::Link(link), Kind::Link(link_type)) => link.link_type == *link_type,
        (_, Kind::Link(_)) => false,
        (_, Kind::Standard(standard)) => attribute.standard() == Some(*standard),
    }
}

fn instance(index: i32, attribute: &Attribute) -> Instance {
    Instance { index: Some(index), attribute: attribute.clone() }
}

/// A record holds what requests of a megabyte set, in a form a little longer.
const LIMITS: Limits = Limits { size: 16 << 20, depth: 32, items: 1 << 20, text: 1 << 20 };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        attribute::{ApplicationSpecificInformation, Link, Name, Vendor},
        code::{CryptographicUsageMask, LinkType, State},
        ttlv::Any,
        version::{V2_1, V3_0},
    };

    fn name(text: &str) -> Attribute {
        Attribute::Name(Name::text(text))
    }

    const NAME: Kind = Kind::Standard(Standard::Name);

    #[test]
    fn an_index_stays_with_its_instance_when_others_go() {
        let mut set = Set::new();
        assert_eq!(set.add(name("a")), Ok(0));
        assert_eq!(set.add(name("b")), Ok(1));
        assert_eq!(set.add(name("c")), Ok(2));
        assert_eq!(set.remove(&NAME, 1), Some(name("b")));
        assert_eq!(set.at(&NAME, 2), Some(&name("c")));
        assert_eq!(set.at(&NAME, 1), None);
        assert_eq!(set.remove(&NAME, 1), None);
        assert_eq!(set.add(name("d")), Ok(3));
        assert_eq!(set.get(&NAME), Some(&name("a")));
    }

    #[test]
    fn what_is_given_once_is_not_added_twice() {
        let mut set = Set::new();
        assert_eq!(set.add(Attribute::CryptographicLength(128)), Ok(0));
        let length = Kind::from(Standard::CryptographicLength);
        assert_eq!(set.add(Attribute::CryptographicLength(256)), Err(Refused::Single(length.clone())));
        assert_eq!(set.length(), Some(128));
        set.put(Attribute::CryptographicLength(256));
        assert_eq!(set.length(), Some(256));
        assert_eq!(set.all(&length).count(), 1);
    }

    #[test]
    fn the_same_value_is_not_there_twice() {
        let mut set = Set::new();
        set.add(name("a")).unwrap();
        set.add(name("b")).unwrap();
        assert_eq!(set.add(name("a")), Err(Refused::Same(NAME)));
        assert_eq!(set.replace(1, name("a")), Err(Refused::Same(NAME)));
        assert_eq!(set.replace(1, name("b")), Ok(name("b")));
        set.put(name("a"));
        assert_eq!(set.names().count(), 2);
    }

    #[test]
    fn a_value_is_replaced_only_where_there_is_one() {
        let mut set = Set::new();
        assert_eq!(set.replace(0, name("a")), Err(Refused::Missing(NAME)));
        set.add(name("a")).unwrap();
        assert_eq!(set.replace(1, name("b")), Err(Refused::Missing(NAME)));
        assert_eq!(set.replace(0, name("b")), Ok(name("a")));
        assert_eq!(set.exchange(&name("a"), name("c")), Err(Refused::Missing(NAME)));
        assert_eq!(set.exchange(&name("b"), Attribute::Sensitive(true)), Err(Refused::Missing(NAME)));
        assert_eq!(set.exchange(&name("b"), name("c")), Ok(name("b")));
        assert!(!set.remove_value(&name("b")));
        assert!(set.remove_value(&name("c")));
        assert!(set.is_empty());
    }

    #[test]
    fn attributes_of_different_vendors_are_different_attributes() {
        let own = |vendor: &str, value: &str| {
            Attribute::Vendor(Vendor { vendor: vendor.to_owned(), name: "ID".to_owned(), value: Any::text(value) })
        };
        let mut set: Set = [own("x", "1"), own("y", "1"), own("x", "2"), own("x", "1")].into_iter().collect();
        assert_eq!(set.all(&Kind::vendor("x", "ID")).count(), 2);
        assert_eq!(set.all(&Kind::vendor("y", "ID")).count(), 1);
        assert_eq!(set.remove_all(&Kind::vendor("x", "ID")).len(), 2);
        assert_eq!(set.kinds(V2_1), [Kind::vendor("y", "ID")]);
        assert_eq!(set.get(&Kind::Unknown("ID".to_owned())), None);
    }

    #[test]
    fn links_are_one_attribute_until_each_type_is_its_own() {
        let link = |link_type| Attribute::Link(Link::to(link_type, "two"));
        let set: Set = [link(LinkType::NextLink), link(LinkType::PreviousLink)].into_iter().collect();
        assert_eq!(set.kinds(V2_1), [Kind::Standard(Standard::Link)]);
        assert_eq!(set.kinds(V3_0), [Kind::Link(LinkType::NextLink), Kind::Link(LinkType::PreviousLink)]);
        assert_eq!(set.select(&[Kind::Link(LinkType::NextLink)]).0.len(), 1);
        assert_eq!(set.select(&[Kind::Standard(Standard::Link)]).0.len(), 2);
        assert_eq!(set.select(&[Kind::Link(LinkType::ChildLink)]).0.len(), 0);
    }

    #[test]
    fn what_is_asked_for_comes_in_the_order_of_asking() {
        let set: Set = [name("a"), Attribute::State(State::Active), name("b")].into_iter().collect();
        let listed = set.select(&[Standard::State.into(), NAME, Standard::Digest.into()]);
        let found: Vec<Attribute> = listed.0.into_iter().map(|instance| instance.attribute).collect();
        assert_eq!(found, [Attribute::State(State::Active), name("a"), name("b")]);
    }

    #[test]
    fn the_store_keeps_what_only_some_versions_say() {
        let information =
            ApplicationSpecificInformation { application_namespace: "a".to_owned(), application_data: None };
        let mut set: Set = [
            name("a"),
            Attribute::OperationPolicyName("default".to_owned()),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Export | CryptographicUsageMask::FPEEncrypt),
            Attribute::ObjectGroup("group".to_owned()),
            Attribute::Link(Link::to(LinkType(0x8000_0001), "two")),
            Attribute::EncryptCounter(3),
            Attribute::ApplicationSpecificInformation(information),
            name("b"),
        ]
        .into_iter()
        .collect();
        set.remove(&NAME, 0);
        assert_eq!(Set::decode(&set.encode()), Ok(set));
    }

    #[test]
    fn bytes_that_are_no_record_are_refused() {
        let good: Set = [name("a"), Attribute::State(State::Active)].into_iter().collect();
        let bytes = good.encode();
        for length in 0..bytes.len() {
            assert!(Set::decode(&bytes[..length]).is_err(), "{length}");
        }
        let mut to = Writer::new(EVERY);
        to.structure(Tag::TemplateAttribute, |_| {});
        assert_eq!(Set::decode(to.as_bytes()), Err(Malformed::Unexpected(Tag::TemplateAttribute)));
        let mut to = Writer::new(EVERY);
        to.structure(Tag::Attributes, |to| to.enumeration(Tag::State, 2));
        assert_eq!(Set::decode(to.as_bytes()), Err(Malformed::Unexpected(Tag::State)));
    }
}
