//! The attributes of one object.

use zeroize::Zeroizing;

use super::{Identifier, Instance, Kind, Link, Listed, Multiplicity, Name, Standard, table::Attribute};
use crate::{
    code::{CryptographicAlgorithm, CryptographicUsageMask, LinkType, ObjectType, State},
    tag::Tag,
    ttlv::{Fields, Limits, Malformed, Tree, Writer},
    version::EVERY,
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
    attribute: Attribute,
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
        self.0.iter().map(|entry| &entry.attribute)
    }

    /// Every instance with its index, in the order in which they were set.
    pub fn indexed(&self) -> impl Iterator<Item = (i32, &Attribute)> {
        self.0.iter().map(|entry| (entry.index, &entry.attribute))
    }

    /// The kinds that there are, each once.
    pub fn kinds(&self) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for entry in &self.0 {
            let kind = entry.attribute.kind();
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
        self.0.push(Entry { index: next, attribute });
        Ok(next)
    }

    /// Sets a value: in place of the old one where the kind is given once, as one more where there may be many. A
    /// value that is there already stays.
    pub fn put(&mut self, attribute: Attribute) {
        let kind = attribute.kind();
        if kind.multiplicity() == Multiplicity::Many {
            if !self.all(&kind).any(|(_, known)| *known == attribute) {
                let next = self.all(&kind).map(|(index, _)| index.saturating_add(1)).max().unwrap_or(0);
                self.0.push(Entry { index: next, attribute });
            }
        } else if let Some(entry) = self.0.iter_mut().find(|entry| is(&entry.attribute, &kind)) {
            entry.attribute = attribute;
        } else {
            self.0.push(Entry { index: 0, attribute });
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
            Some(entry) => Ok(std::mem::replace(&mut entry.attribute, attribute)),
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
        Some(self.0.remove(place).attribute)
    }

    /// Removes the instance that has this value, and says whether there was one.
    pub fn remove_value(&mut self, attribute: &Attribute) -> bool {
        let before = self.0.len();
        self.0.retain(|entry| entry.attribute != *attribute);
        self.0.len() != before
    }

    /// Removes every instance of a kind, and returns them.
    pub fn remove_all(&mut self, kind: &Kind) -> Vec<Attribute> {
        self.0.extract_if(.., |entry| is(&entry.attribute, kind)).map(|entry| entry.attribute).collect()
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
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
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
        let mut entries: Vec<Entry> = Vec::new();
        let mut all = Fields::of(tree.root())?;
        while let Some(item) = all.take(Tag::Attribute) {
            let mut fields = Fields::of(item)?;
            let index = fields.take(Tag::AttributeIndex).ok_or(Malformed::Missing(Tag::AttributeIndex))?.integer()?;
            let value = fields.take_any().ok_or(Malformed::Missing(Tag::AttributeValue))?;
            let attribute = Instance::read(value)?.attribute;
            fields.finish()?;
            entries.push(Entry { index, attribute });
        }
        all.finish()?;
        Ok(Self(entries))
    }
}

/// One value, or each of several, of an attribute that is asked for often.
macro_rules! typed {
    ($($(#[$about:meta])* $name:ident: $variant:ident -> $kind:ty = |$value:ident| $read:expr;)*) => {
        impl Set {
            $($(#[$about])*
            pub fn $name(&self) -> Option<$kind> {
                self.0.iter().find_map(|entry| match &entry.attribute {
                    Attribute::$variant($value) => Some($read),
                    _ => None,
                })
            })*
        }
    };
}

typed! {
    /// The Unique Identifier.
    unique_identifier: UniqueIdentifier -> &str = |it| it.0.as_str();
    /// What the object is.
    object_type: ObjectType -> ObjectType = |it| *it;
    /// Where it stands in its life.
    state: State -> State = |it| *it;
    /// What the key is for.
    algorithm: CryptographicAlgorithm -> CryptographicAlgorithm = |it| *it;
    /// In bits.
    length: CryptographicLength -> i32 = |it| *it;
    /// What the key may be used for.
    usage_mask: CryptographicUsageMask -> CryptographicUsageMask = |it| *it;
    /// The first Cryptographic Parameters, which stand where a request gives none.
    parameters: CryptographicParameters -> &super::CryptographicParameters = |it| it;
    /// What a key pair was generated from.
    domain_parameters: CryptographicDomainParameters -> &super::CryptographicDomainParameters = |it| it;
    /// How much may still be protected.
    usage_limits: UsageLimits -> &super::UsageLimits = |it| it;
    /// When the object was made or registered, in seconds since 1970; so for all dates that follow.
    initial_date: InitialDate -> i64 = |it| it.0;
    /// From when on it is Active.
    activation_date: ActivationDate -> i64 = |it| it.0;
    /// From when on it may decrypt and verify.
    process_start_date: ProcessStartDate -> i64 = |it| it.0;
    /// Until when it may encrypt and sign.
    protect_stop_date: ProtectStopDate -> i64 = |it| it.0;
    /// From when on it is Deactivated.
    deactivation_date: DeactivationDate -> i64 = |it| it.0;
    /// When it was destroyed.
    destroy_date: DestroyDate -> i64 = |it| it.0;
    /// When it became known that it is compromised.
    compromise_date: CompromiseDate -> i64 = |it| it.0;
    /// When it changed last.
    last_change_date: LastChangeDate -> i64 = |it| it.0;
    /// Whether it leaves only wrapped.
    sensitive: Sensitive -> bool = |it| *it;
    /// Whether it was sensitive all its life.
    always_sensitive: AlwaysSensitive -> bool = |it| *it;
    /// Whether it leaves at all.
    extractable: Extractable -> bool = |it| *it;
    /// Whether it was never extractable all its life.
    never_extractable: NeverExtractable -> bool = |it| *it;
}

impl Set {
    /// Every Name.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.iter().filter_map(|entry| match &entry.attribute {
            Attribute::Name(name) => Some(name),
            _ => None,
        })
    }

    /// Every Object Group.
    pub fn object_groups(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|entry| match &entry.attribute {
            Attribute::ObjectGroup(group) => Some(group.as_str()),
            _ => None,
        })
    }

    /// Every Link.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.0.iter().filter_map(|entry| match &entry.attribute {
            Attribute::Link(link) => Some(link),
            _ => None,
        })
    }

    /// The Unique Identifier of the object at the other end of the first Link of this type.
    pub fn linked(&self, link_type: LinkType) -> Option<&str> {
        self.links().filter(|link| link.link_type == link_type).find_map(|link| match &link.linked_object_identifier {
            super::Linked::Identifier(identifier) => Some(identifier.as_str()),
            super::Linked::Name(_) | super::Linked::Placeholder(_) | super::Linked::Located(_) => None,
        })
    }

    /// Sets the Unique Identifier.
    pub fn identify(&mut self, identifier: &str) {
        self.put(Attribute::UniqueIdentifier(Identifier::from(identifier)));
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
        (_, Kind::Standard(standard)) => attribute.standard() == Some(*standard),
    }
}

fn instance(index: i32, attribute: &Attribute) -> Instance {
    Instance { index: Some(index), attribute: attribute.clone() }
}

/// A record holds what requests of a megabyte set, in a form a little longer.
const LIMITS: Limits = Limits { size: 16 << 20, depth: 32, items: 1 << 20, text: 1 << 20 };
