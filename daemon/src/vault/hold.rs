//! Keys that their slot holds: made, kept and let go of so that neither the store nor the slot is left with one that the
//! other does not know.

use strongroom_kmip::secret::Secret;

use super::{
    change::Change,
    door::Vault,
    errand::{Errands, Standing},
    error::Error,
    identifier::ObjectId,
    record::{Body, Object},
    seal::Place,
    slots::Fitted,
    view::Content,
};
use crate::{
    chance,
    slot::{
        self, Condition, Derivation, Family, Form, Holding, Kept, Made, Material, Name, Pair, Recipe, Shape,
        group::Group,
    },
    store::{Batch, Table},
};

impl Vault {
    /// A new key or pair in a slot, kept by nobody yet.
    ///
    /// # Errors
    /// [`Error::Slot`], [`Error::NoSlot`].
    pub fn make(&self, slot: Option<&str>, recipe: &Recipe) -> Result<Made, Error> {
        let fitted = self.slot(slot)?;
        slot::policy::check_recipe(fitted.level, recipe)
            .map_err(|forbidden| slot::Error::Unsupported(forbidden.what))?;
        match fitted.slot.holding() {
            None => Ok(fitted.slot.make(recipe)?),
            Some(holding) => self.held(&fitted, holding, |name| holding.make(name, recipe)),
        }
    }

    /// A new pair in a group that the caller names, kept by nobody yet.
    ///
    /// # Errors
    /// [`Error::Slot`], [`Error::NoSlot`].
    pub fn make_in(&self, slot: Option<&str>, group: Group) -> Result<Made, Error> {
        let pair = Pair::Group { bits: group.bits() };
        slot::policy::check_recipe(self.slot(slot)?.level, &Recipe::Pair(pair))
            .map_err(|forbidden| slot::Error::Unsupported(forbidden.what))?;
        let number = Secret::new(chance::array::<{ slot::group::NUMBER }>(&*self.chance)?.to_vec());
        let private = self.take(slot, Shape::Private(pair), &Material::GroupPrivate { group, number })?;
        let public = self.give(slot, &private, Form::PublicKeyInfo)?;
        Ok(Made::Pair { private, public: self.take(slot, Shape::Public(pair), &public)? })
    }

    /// A key of this shape out of a password, kept by nobody yet.
    ///
    /// # Errors
    /// [`Error::Slot`], [`Error::NoSlot`].
    pub fn stretch(
        &self,
        slot: Option<&str>,
        password: Secret,
        derivation: &Derivation,
        shape: Shape,
    ) -> Result<Kept, Error> {
        let fitted = self.slot(slot)?;
        let Shape::Symmetric { family, bits } = shape else { return Err(slot::Error::Length.into()) };
        let recipe = Recipe::Symmetric { family, bits };
        slot::policy::check_password(fitted.level)
            .and_then(|()| slot::policy::check_recipe(fitted.level, &recipe))
            .map_err(|forbidden| slot::Error::Unsupported(forbidden.what))?;
        let base = Shape::Symmetric { family: Family::Hmac, bits: password.len().saturating_mul(8) };
        let length = match (family, bits) {
            (Family::TripleDes, ..=128) => 16,
            (Family::TripleDes, _) => 24,
            _ => bits.div_ceil(8),
        };
        let secret = fitted.slot.derive(&Kept { shape: base, held: password }, derivation, length)?;
        self.take(slot, shape, &Material::Raw(secret))
    }

    /// A key that was made elsewhere, checked by the slot.
    ///
    /// # Errors
    /// [`Error::Slot`], [`Error::NoSlot`].
    pub fn take(&self, slot: Option<&str>, shape: Shape, material: &Material) -> Result<Kept, Error> {
        let fitted = self.slot(slot)?;
        match fitted.slot.holding() {
            None => {
                let kept = fitted.slot.take(shape, material)?;
                if let Shape::Private(Pair::Group { .. }) | Shape::Public(Pair::Group { .. }) = shape {
                    slot::policy::check_group(fitted.level, &fitted.slot.give(&kept, Form::Numbers)?)
                        .map_err(|forbidden| slot::Error::Key(forbidden.what))?;
                }
                Ok(kept)
            }
            Some(holding) => self.held(&fitted, holding, |name| holding.take(name, shape, material)),
        }
    }

    /// A kept key in another form, before it became an object: its public half, its numbers.
    ///
    /// # Errors
    /// [`Error::Slot`], [`Error::NoSlot`].
    pub fn give(&self, slot: Option<&str>, kept: &Kept, form: Form) -> Result<Material, Error> {
        Ok(self.slot(slot)?.slot.give(kept, form)?)
    }

    /// Has a slot make a key that it holds, under a name that is written down first.
    fn held<T>(
        &self,
        fitted: &Fitted,
        holding: &dyn Holding,
        make: impl FnOnce(&Name) -> Result<T, slot::Error>,
    ) -> Result<T, Error> {
        // Nothing is asked of a slot that is away, so that nothing has to be cleared up after it.
        if holding.condition() != Condition::Usable {
            return Err(slot::Error::Absent.into());
        }
        let opened = self.opened()?;
        let name = Name(chance::array(&*self.chance)?);
        let (slot, key) = (fitted.slot.name(), holding.reference(&name));
        let row = Errands::row(slot, &key);
        let mut batch = Batch::new();
        let place = Place::setting(&row);
        let written = opened.hand_over(&*self.store, |sealer| {
            batch.put(Table::Setting, row.as_bytes(), sealer.close(&place, Errands::write(slot, &key).reveal())?);
            Ok(batch)
        })?;
        written.wait()?;
        opened.errands.enter(&row, slot, key, Standing::Making(self.clock.now()));
        let made = make(&name);
        if made.is_err() {
            opened.errands.due(&row);
        }
        Ok(made?)
    }

    /// Lets a change keep what was made, where its slot holds it.
    ///
    /// # Errors
    /// [`Error::Busy`] when it took so long that the key is being removed again.
    pub(super) fn hold(&self, change: &mut Change, object: &Object, secret: &Secret) -> Result<(), Error> {
        let Some(key) = self.held_by(object, secret)? else { return Ok(()) };
        let row = Errands::row(&object.slot, &key);
        // What was there before us has no errand.
        if let Some(claimed) = self.opened()?.errands.claim(&row)? {
            change.keep_held(claimed);
        }
        Ok(())
    }

    /// Lets a change let go of an object's key, where its slot holds it.
    pub(super) fn part(&self, change: &mut Change, object: &Object) -> Result<(), Error> {
        if !matches!(object.body, Body::Key(_)) {
            return Ok(());
        }
        let Content::Key(kept) = self.with(Some(change))?.content(object)? else { return Ok(()) };
        if let Some(key) = self.held_by(object, &kept.held)? {
            change.part(&object.slot, key);
        }
        Ok(())
    }

    /// What a copy of an object is made of: another key in the slot, where the slot holds it.
    pub(super) fn copied(&self, object: &Object, content: Content) -> Result<Content, Error> {
        let fitted = self.slot(Some(&object.slot))?;
        match (content, fitted.slot.holding()) {
            (Content::Key(kept), Some(holding)) if holding.errand(&kept.held).is_some() => {
                Ok(Content::Key(self.held(&fitted, holding, |name| holding.copy(name, &kept))?))
            }
            (content, _) => Ok(content),
        }
    }

    /// What it takes to remove an object's key, where its slot holds it. A slot that is not configured any more holds
    /// nothing that we could remove.
    fn held_by(&self, object: &Object, secret: &Secret) -> Result<Option<Secret>, Error> {
        if !matches!(object.body, Body::Key(_)) {
            return Ok(None);
        }
        let Ok(fitted) = self.slot(Some(&object.slot)) else { return Ok(None) };
        Ok(fitted.slot.holding().and_then(|holding| holding.errand(secret)))
    }

    /// Does the errands that are due, and says how many are done. What a slot does not let be done now is done later.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Store`].
    pub fn run_errands(&self) -> Result<usize, Error> {
        let opened = self.opened()?;
        let mut done = 0usize;
        for task in opened.errands.take(self.clock.now()) {
            let fitted = self.slot(Some(&task.slot)).ok();
            let Some(holding) = fitted.as_ref().and_then(|fitted| fitted.slot.holding()) else {
                opened.errands.due(&task.row);
                continue;
            };
            if holding.condition() != Condition::Usable {
                opened.errands.due(&task.row);
                continue;
            }
            if let Err(error) = holding.remove(&task.key) {
                // One token of several that is away for a day is told of once, when it goes.
                if error != slot::Error::Absent {
                    log::warn!("slot {}: a key that has to go could not be removed yet: {error}", task.slot);
                }
                opened.errands.due(&task.row);
                continue;
            }
            let mut batch = Batch::new();
            batch.remove(Table::Setting, task.row.as_bytes());
            opened.hand_over(&*self.store, |_| Ok(batch))?.wait()?;
            opened.errands.forget(&task.row);
            done = done.saturating_add(1);
        }
        Ok(done)
    }

    /// What it takes to remove each key that a slot holds for an object.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Damaged`].
    pub fn held_in(&self, slot: &str) -> Result<Vec<Secret>, Error> {
        let view = self.with(None)?;
        let mut keys = Vec::new();
        for object in view.objects_in(slot) {
            match view.content(&object) {
                Ok(Content::Key(kept)) => keys.extend(self.held_by(&object, &kept.held)?),
                Ok(Content::Blob(_)) => {}
                // Destroyed since the list was made: its key goes, or is gone. What is there still is damaged, and its key
                // is not nobody's.
                Err(Error::Use { .. }) if self.is_gone(&object.id)? => {}
                Err(Error::Use { object, .. }) => return Err(Error::Damaged(object.to_string())),
                Err(error) => return Err(error),
            }
        }
        Ok(keys)
    }

    /// Whether an object is destroyed or not there at all, once the change to it that is under way has ended.
    fn is_gone(&self, id: &ObjectId) -> Result<bool, Error> {
        let opened = self.opened()?;
        let _claim = opened.claims.take(id).ok_or_else(|| Error::Busy(id.clone()))?;
        match opened.object(id) {
            Ok(object) => Ok(object.is_destroyed()),
            Err(Error::Unknown(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The tokens that have an object's key, where its slot is made of several.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Damaged`].
    pub fn whereabouts(&self, object: &Object) -> Result<Vec<String>, Error> {
        let Content::Key(kept) = self.with(None)?.content(object)? else { return Ok(Vec::new()) };
        let Some(key) = self.held_by(object, &kept.held)? else { return Ok(Vec::new()) };
        let fitted = self.slot(Some(&object.slot))?;
        Ok(fitted.slot.holding().map(|holding| holding.whereabouts(&key)).unwrap_or_default())
    }

    /// How many keys of a slot have to go still.
    pub fn errands(&self, slot: &str) -> usize {
        self.opened().map_or(0, |opened| opened.errands.count(slot))
    }
}
