//! Profiles that every token here keeps (PKCS#11 Profiles 3.2): objects that nobody made and nobody can change. They are found by
//! whoever asks for objects of their class, or by their attribute.

use strongroom_pkcs11_wire::{
    Attribute, AttributeType,
    attribute::{Reveal, Value, Wanted},
    number::ObjectClass,
};

use super::attribute;
use crate::service::ObjectId;

/// A profile, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile(u64);

impl Profile {
    /// The profiles that a template asks for.
    pub fn asked(template: &[Attribute]) -> impl Iterator<Item = Self> {
        let profile = Value::Ulong(ObjectClass::PROFILE.0);
        let named = template.iter().any(|attribute| match attribute.kind {
            AttributeType::CLASS => attribute::same(&attribute.value, &profile),
            AttributeType::PROFILE_ID => true,
            _ => false,
        });
        ALL.iter().copied().filter(move |_| named).filter(|profile| profile.fits(template))
    }

    /// The profile behind a handle, if it is one's.
    pub fn of(id: &ObjectId) -> Option<Self> {
        ALL.iter().copied().find(|profile| profile.id() == *id)
    }

    /// What its handle stands for. No identifier of an object looks like it.
    pub fn id(self) -> ObjectId {
        ObjectId::from_text(&format!("profile/{}", self.0))
    }

    /// All that it says.
    pub fn attributes(self) -> Vec<Attribute> {
        let truth = |kind, value| Attribute::new(kind, Value::Bool(value));
        vec![
            Attribute::new(AttributeType::CLASS, Value::Ulong(ObjectClass::PROFILE.0)),
            truth(AttributeType::TOKEN, true),
            truth(AttributeType::PRIVATE, false),
            truth(AttributeType::MODIFIABLE, false),
            truth(AttributeType::COPYABLE, false),
            truth(AttributeType::DESTROYABLE, false),
            Attribute::bytes(AttributeType::LABEL, *b""),
            Attribute::bytes(AttributeType::UNIQUE_ID, self.id().as_str().as_bytes()),
            Attribute::new(AttributeType::PROFILE_ID, Value::Ulong(self.0)),
        ]
    }

    /// What it says to each question.
    pub fn reveal(self, wanted: &[Wanted]) -> Vec<Reveal> {
        let said = |kind| self.attributes().into_iter().find(|attribute| attribute.kind == kind);
        wanted.iter().map(|wanted| said(wanted.kind).map_or(Reveal::Invalid, Reveal::Value)).collect()
    }

    fn fits(self, template: &[Attribute]) -> bool {
        let own = self.attributes();
        let has = |wanted: &Attribute| {
            own.iter().any(|own| own.kind == wanted.kind && attribute::same(&own.value, &wanted.value))
        };
        template.iter().all(has)
    }
}

/// Baseline provider, extended provider, authentication token, public certificates token (`CKP_`).
const ALL: [Profile; 4] = [Profile(1), Profile(2), Profile(3), Profile(4)];
