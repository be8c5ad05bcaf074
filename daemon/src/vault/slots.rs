//! The slots: those of the configuration, and those that operators have made, which are known while the vault is open.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use strongroom_kmip::code::ProtectionStorageMask;

use super::error::Error;
use crate::slot::{
    Slot,
    openness::{self, Openness},
    policy::Level,
    software::Software,
};

/// A slot, and what its operator lets it serve.
#[derive(Clone)]
pub struct Fitted {
    /// The slot. Records and settings know it by its name, which never changes; people may know it by another.
    pub slot: Arc<dyn Slot>,
    /// Its mechanism policy.
    pub level: Level,
    /// What it is called.
    pub name: String,
    /// Its number in PKCS#11, which never changes and is never given to another.
    pub number: u64,
    /// Its terms and its making, where an operator has made it.
    pub made: Option<Made>,
    /// How many objects it may hold.
    pub most: Option<u64>,
    openness: Openness,
    protection: ProtectionStorageMask,
}

/// What is kept of a slot that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// Its number in PKCS#11.
    pub number: u64,
    /// When it was made, in seconds since 1970.
    pub since: i64,
    /// What an operator has said of it.
    pub terms: Terms,
}

/// What an operator says of a slot that is made, in the words of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// What it is called.
    pub name: String,
    /// Its mechanism policy.
    pub mechanisms: String,
    /// Derivations whose results may be kept less closely than their keys.
    pub open_derivations: Vec<String>,
    /// How it protects its keys besides by software, in KMIP's words.
    pub protection: Vec<String>,
    /// How many objects it may hold.
    pub max_objects: Option<u64>,
    /// How short a new PIN may be, in bytes.
    pub shortest_pin: Option<usize>,
    /// Whether a registered client may log in without a PIN.
    pub protected_path: bool,
}

impl Fitted {
    /// A slot under this policy, called by its own name.
    pub fn new(slot: Arc<dyn Slot>, level: Level) -> Self {
        let name = slot.name().to_owned();
        let protection = match slot.holding() {
            Some(_) => ProtectionStorageMask::Hardware,
            None => ProtectionStorageMask::Software,
        };
        Self { slot, level, name, number: 0, made: None, most: None, openness: Openness::default(), protection }
    }

    /// The slot of this key that was made so.
    ///
    /// # Errors
    /// [`Error::Terms`] for what cannot be said of a slot.
    pub(super) fn made(key: &str, made: Made) -> Result<Self, Error> {
        let Made { number, terms, .. } = &made;
        let wrong = |why| Error::Terms { slot: terms.name.clone(), why };
        if !is_name(&terms.name) {
            return Err(wrong("a slot's name is 1 to 32 printable characters of ASCII, without spaces"));
        }
        let level = Level::ALL.into_iter().find(|level| level.name() == terms.mechanisms);
        let openness = Openness::of(&terms.open_derivations);
        let openness = openness.map_err(|_| wrong(unknown_derivation()))?;
        let mut protection = ProtectionStorageMask::Software;
        for word in &terms.protection {
            let bit = PROTECTIONS.iter().find(|(known, _)| known == word);
            let (_, bit) =
                bit.ok_or_else(|| wrong("there is no such way to protect keys; see `strongroom slot create --help`"))?;
            protection = protection | *bit;
        }
        if terms.max_objects == Some(0) {
            return Err(wrong("a slot that may hold nothing is of no use"));
        }
        Ok(Self {
            slot: Arc::new(Software::new(key)),
            level: level.ok_or_else(|| wrong("mechanisms are strict, standard or legacy"))?,
            name: terms.name.clone(),
            number: *number,
            most: terms.max_objects,
            openness,
            protection,
            made: Some(made),
        })
    }

    /// By what records and settings know it.
    pub fn key(&self) -> &str {
        self.slot.name()
    }

    /// Whether its keys are kept here, under a data key of its own.
    pub fn is_emulated(&self) -> bool {
        self.slot.holding().is_none()
    }

    /// How it protects its keys.
    pub fn protection(&self) -> ProtectionStorageMask {
        self.protection
    }

    /// What whoever derives in it may keep less closely than its key.
    pub fn openness(&self) -> &Openness {
        &self.openness
    }

    /// The slot with what an operator lets whoever derives in it keep less closely than its key.
    #[must_use]
    pub fn with_openness(self, openness: Openness) -> Self {
        Self { openness, ..self }
    }

    /// The slot with room for so many objects.
    #[must_use]
    pub fn with_most(self, most: Option<u64>) -> Self {
        Self { most, ..self }
    }
}

/// All slots, in the order of their numbers.
pub(super) type All = Arc<[Arc<Fitted>]>;

/// The list of slots.
pub(super) struct Slots(RwLock<All>);

impl Slots {
    /// The slots of the configuration, which are numbered by their places.
    pub(super) fn new(configured: Vec<Fitted>) -> Self {
        let numbered = (0..).zip(configured).map(|(number, fitted)| Arc::new(Fitted { number, ..fitted }));
        Self(RwLock::new(numbered.collect()))
    }

    /// All of them.
    pub(super) fn all(&self) -> All {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a slot in, in the place of the one of its key.
    pub(super) fn put(&self, fitted: Fitted) {
        self.turn(|all| {
            let others = all.iter().filter(|known| known.key() != fitted.key()).map(Arc::clone);
            let mut next: Vec<_> = others.collect();
            next.push(Arc::new(fitted));
            next.sort_by_key(|known| known.number);
            next
        });
    }

    /// Takes a slot out.
    pub(super) fn remove(&self, key: &str) {
        self.turn(|all| all.iter().filter(|known| known.key() != key).map(Arc::clone).collect());
    }

    /// Puts these in the place of all that were made.
    pub(super) fn put_made(&self, made: Vec<Fitted>) {
        self.turn(|all| {
            let mut next: Vec<_> = all.iter().filter(|known| known.made.is_none()).map(Arc::clone).collect();
            next.extend(made.into_iter().map(Arc::new));
            next.sort_by_key(|known| known.number);
            next
        });
    }

    fn turn(&self, next: impl FnOnce(&[Arc<Fitted>]) -> Vec<Arc<Fitted>>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let turned = next(&all);
        *all = turned.into();
    }
}

/// The slot of this key; without one, the first.
///
/// # Errors
/// [`Error::NoSlot`].
pub(super) fn find(slots: &[Arc<Fitted>], key: Option<&str>) -> Result<Arc<Fitted>, Error> {
    let found = match key {
        Some(key) => slots.iter().find(|fitted| fitted.key() == key),
        None => slots.first(),
    };
    found.map(Arc::clone).ok_or_else(|| Error::NoSlot(key.unwrap_or("at all").to_owned()))
}

/// What a slot can be called.
fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.chars().all(|c| c.is_ascii_graphic())
}

fn unknown_derivation() -> &'static str {
    const { assert!(openness::NAMES.len() == 8, "the sentence below names them all") };
    "open derivations are ECDH, DH, ML-KEM, HKDF, SP800-108-COUNTER, SP800-108-FEEDBACK, SP800-108-PIPELINE, TLS-PRF"
}

/// What an operator can say of how a slot protects its keys, besides that it is software (KMIP 2.1 §12.2).
pub const PROTECTIONS: [(&str, ProtectionStorageMask); 10] = [
    ("on-system", ProtectionStorageMask::OnSystem),
    ("off-system", ProtectionStorageMask::OffSystem),
    ("hypervisor", ProtectionStorageMask::Hypervisor),
    ("container", ProtectionStorageMask::Container),
    ("on-premises", ProtectionStorageMask::OnPremises),
    ("off-premises", ProtectionStorageMask::OffPremises),
    ("self-managed", ProtectionStorageMask::SelfManaged),
    ("outsourced", ProtectionStorageMask::Outsourced),
    ("validated", ProtectionStorageMask::Validated),
    ("same-jurisdiction", ProtectionStorageMask::SameJurisdiction),
];
