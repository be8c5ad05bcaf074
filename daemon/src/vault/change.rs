//! What one call writes: all of it or nothing, and visible to others only once it is durable.

use std::sync::{Arc, PoisonError};

use strongroom_kmip::secret::Secret;

use super::{
    claim::Claim,
    client::Client,
    errand::{Claimed, Errands, Standing},
    error::Error,
    flight::Flight,
    header,
    identifier::ObjectId,
    lodge::Stay,
    manifest::{self, Manifest},
    nonce::Nonces,
    opened::Opened,
    record::{Body, Object},
    seal::Place,
    slots::Fitted,
};
use crate::{
    receipt::Receipt,
    store::{self, Batch, Store, Table},
};

/// A change in the making. Dropping it undoes it.
pub struct Change {
    opened: Arc<Opened>,
    objects: Vec<Written>,
    pub(super) clients: Vec<Client>,
    settings: Vec<(String, Option<Secret>)>,
    /// Dropped before the claims are.
    pub(super) nonces: Nonces,
    claims: Vec<Claim>,
    /// The slots that it has to do with.
    stays: Vec<Stay>,
    /// Keys that their slot holds and that the change keeps.
    held: Vec<Claimed>,
    /// Keys that their slot holds and that the change lets go of: the slot's name, and what it takes to remove the key.
    parted: Vec<(String, Secret)>,
    effects: Vec<Effect>,
    /// What the vault is to be sealed with, as its row.
    pub(super) seal: Option<Vec<u8>>,
    /// Given up last: until then the vault is not opened anew.
    flight: Flight,
}

/// What happens in memory once a change is durable.
type Effect = Box<dyn FnOnce() + Send>;

/// An object as it is to be.
struct Written {
    object: Object,
    /// The generation that it replaces.
    before: Option<u64>,
    secret: Secretly,
}

impl Written {
    fn is_expunged(&self) -> bool {
        matches!(self.secret, Secretly::Expunge)
    }
}

/// What becomes of the secret part.
enum Secretly {
    Keep,
    Write(Secret),
    Erase,
    /// With everything else that was known of the object.
    Expunge,
}

impl Change {
    pub(super) fn new(opened: Arc<Opened>) -> Result<Self, Error> {
        let flight = opened.flights.begin().ok_or(Error::Sealed)?;
        Ok(Self {
            opened,
            objects: Vec::new(),
            clients: Vec::new(),
            settings: Vec::new(),
            nonces: Nonces::default(),
            claims: Vec::new(),
            stays: Vec::new(),
            held: Vec::new(),
            parted: Vec::new(),
            effects: Vec::new(),
            seal: None,
            flight,
        })
    }

    /// The open vault that it belongs to.
    pub(super) fn opened(&self) -> Arc<Opened> {
        Arc::clone(&self.opened)
    }

    /// Whether nothing would come of it.
    pub fn is_empty(&self) -> bool {
        self.writes_nothing() && self.effects.is_empty()
    }

    fn writes_nothing(&self) -> bool {
        let rows = self.objects.len() + self.clients.len() + self.settings.len() + self.nonces.len();
        rows == 0 && self.seal.is_none()
    }

    /// Whether it does nothing but remember nonces.
    pub fn only_spends(&self) -> bool {
        let others = [self.objects.len(), self.clients.len(), self.settings.len(), self.held.len(), self.parted.len()];
        others == [0; 5] && self.seal.is_none() && self.nonces.only_spends()
    }

    /// The objects that it writes.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectId> {
        self.objects.iter().map(|written| &written.object.id)
    }

    /// What it makes of objects: each as it stands, unless it is new, and as it is to be.
    pub fn differences(&self) -> impl Iterator<Item = (Option<Arc<Object>>, &Object)> {
        let stays = self.objects.iter().filter(|written| !written.is_expunged());
        stays.map(|written| {
            let before = written.before.and_then(|_| self.opened.object(&written.object.id).ok());
            (before, &written.object)
        })
    }

    /// The objects of which it lets nothing stay, as they stand.
    pub fn ended(&self) -> impl Iterator<Item = Arc<Object>> {
        self.expunged().filter_map(|id| self.opened.object(id).ok())
    }

    /// The objects that were there before and that it changes or takes away, as they are to be.
    pub fn altered(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().filter(|written| written.before.is_some()).map(|written| &written.object)
    }

    /// The objects as they are to be.
    pub(super) fn pending(&self) -> impl Iterator<Item = Arc<Object>> {
        self.objects.iter().filter(|written| !written.is_expunged()).map(|written| Arc::new(written.object.clone()))
    }

    /// The object as it is to be, if the change writes it.
    ///
    /// # Errors
    /// [`Error::Unknown`] for one that the change lets nothing stay of.
    pub(super) fn written(&self, id: &ObjectId) -> Result<Option<&Object>, Error> {
        match self.objects.iter().rev().find(|written| written.object.id == *id) {
            Some(written) if written.is_expunged() => Err(Error::Unknown(id.clone())),
            found => Ok(found.map(|written| &written.object)),
        }
    }

    /// The same, for what is not told of it to be put right.
    pub(super) fn written_mut(&mut self, id: &ObjectId) -> Option<&mut Object> {
        self.objects.iter_mut().rev().find(|written| written.object.id == *id).map(|written| &mut written.object)
    }

    /// The objects of which it lets nothing stay.
    pub(super) fn expunged(&self) -> impl Iterator<Item = &ObjectId> {
        self.objects.iter().filter(|written| written.is_expunged()).map(|written| &written.object.id)
    }

    /// The secret part that the change writes for an object.
    pub(super) fn secret(&self, id: &ObjectId) -> Option<&Secret> {
        self.objects.iter().find(|written| written.object.id == *id).and_then(|written| match &written.secret {
            Secretly::Write(secret) => Some(secret),
            Secretly::Keep | Secretly::Erase | Secretly::Expunge => None,
        })
    }

    /// Claims a name that stands for no object: whoever claims it next waits until this change is kept or dropped.
    ///
    /// # Errors
    /// [`Error::Busy`].
    pub fn seize(&mut self, what: &str) -> Result<(), Error> {
        self.claim_name(ObjectId::from_text(what))
    }

    pub(super) fn claim_name(&mut self, claim: ObjectId) -> Result<(), Error> {
        if !self.claims.iter().any(|held| *held.object() == claim) {
            let taken = self.opened.claims.take(&claim);
            self.claims.push(taken.ok_or(Error::Busy(claim))?);
        }
        Ok(())
    }

    /// Writes a sealed setting, or removes it.
    pub fn put_setting(&mut self, name: &str, value: Option<Secret>) {
        self.settings.push((name.to_owned(), value));
    }

    /// Lets something happen in memory once the change is durable, and never if it is dropped. It must not wait.
    pub fn afterwards(&mut self, effect: impl FnOnce() + Send + 'static) {
        self.effects.push(Box::new(effect));
    }

    /// What the change makes of a setting, if it touches it.
    pub(super) fn setting(&self, name: &str) -> Option<Option<&Secret>> {
        self.settings.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
    }

    pub(super) fn next_birth(&self) -> u64 {
        self.opened.next_birth()
    }

    /// Keeps a key that its slot holds.
    pub(super) fn keep_held(&mut self, held: Claimed) {
        self.held.push(held);
    }

    /// Lets go of a key that its slot holds: it is removed once the change is durable.
    pub(super) fn part(&mut self, slot: &str, key: Secret) {
        self.parted.push((slot.to_owned(), key));
    }

    /// Has to do with a slot until the change is kept or dropped: meanwhile nobody empties it.
    ///
    /// # Errors
    /// [`Error::Busy`] while somebody does.
    pub(super) fn stay(&mut self, slot: &str) -> Result<&mut Stay, Error> {
        let known = self.stays.iter().position(|stay| stay.slot() == slot);
        let at = match known {
            Some(at) => at,
            None => {
                self.stays.push(self.opened.lodges.of(slot).enter(slot)?);
                self.stays.len().saturating_sub(1)
            }
        };
        self.stays.get_mut(at).ok_or(Error::Broken("staying in a slot"))
    }

    /// Is about to add an object to a slot.
    ///
    /// # Errors
    /// [`Error::Full`], or as for [`stay`](Self::stay).
    pub(super) fn admit(&mut self, fitted: &Fitted) -> Result<(), Error> {
        let opened = self.opened();
        let stay = self.stay(fitted.key())?;
        let there = opened.index.read().unwrap_or_else(PoisonError::into_inner).living(fitted.key());
        stay.admit(there, fitted.most)
    }

    pub(super) fn add(&mut self, object: Object, secret: Secret) {
        self.objects.push(Written { object, before: None, secret: Secretly::Write(secret) });
    }

    /// Claims an identifier, whether or not there is an object of it, and gives the newest form of the object.
    pub(super) fn reserve(&mut self, id: &ObjectId) -> Result<Option<Object>, Error> {
        match self.written(id) {
            Ok(None) => {}
            Ok(Some(written)) => return Ok(Some(written.clone())),
            Err(_) => return Ok(None),
        }
        if !self.claims.iter().any(|claim| claim.object() == id) {
            self.claims.push(self.opened.claims.take(id).ok_or_else(|| Error::Busy(id.clone()))?);
        }
        if let Ok(object) = self.opened.object(id) {
            self.stay(&object.slot)?;
        }
        match self.opened.object(id) {
            Ok(object) => Ok(Some((*object).clone())),
            Err(Error::Unknown(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds an object under an identifier that was given: in place of a claimed one, where there was one.
    pub(super) fn install(&mut self, mut object: Object, secret: Secret, old: Option<&Object>) {
        let secret = Secretly::Write(secret);
        let Some(old) = old else { return self.objects.push(Written { object, before: None, secret }) };
        if object.nonces.is_none() {
            self.forget(old);
        }
        let place = self.objects.iter_mut().find(|written| written.object.id == old.id);
        object.generation = match &place {
            Some(written) => written.object.generation,
            None => old.generation.saturating_add(1),
        };
        // Nothing that was sealed, or opened and kept at hand, under the old generation fits the new secret.
        object.written = object.generation;
        match place {
            Some(written) => (written.object, written.secret) = (object, secret),
            None => self.objects.push(Written { object, before: Some(old.generation), secret }),
        }
    }

    /// The newest form of an object, which nobody else may change from now on.
    pub(super) fn claim(&mut self, id: &ObjectId) -> Result<Object, Error> {
        if let Some(written) = self.written(id)? {
            return Ok(written.clone());
        }
        // Whether it is there is asked first, so that nobody waits for what does not exist.
        let slot = self.opened.object(id)?.slot.clone();
        self.stay(&slot)?;
        if !self.claims.iter().any(|claim| claim.object() == id) {
            self.claims.push(self.opened.claims.take(id).ok_or_else(|| Error::Busy(id.clone()))?);
        }
        Ok((*self.opened.object(id)?).clone())
    }

    /// Puts a claimed object's new form in.
    pub(super) fn replace(&mut self, mut object: Object) {
        let secret = if object.body == Body::Gone { Secretly::Erase } else { Secretly::Keep };
        if object.body == Body::Gone {
            self.forget(&object);
            object.nonces = None;
        }
        if let Some(written) = self.objects.iter_mut().find(|written| written.object.id == object.id) {
            object.generation = written.object.generation;
            written.object = object;
            if matches!(secret, Secretly::Erase) {
                written.secret = secret;
            }
            return;
        }
        let before = object.generation;
        object.generation = before.saturating_add(1);
        self.objects.push(Written { object, before: Some(before), secret });
    }

    /// Lets nothing of a claimed object stay.
    pub(super) fn expunge(&mut self, object: Object) {
        self.forget(&object);
        // What the store holds is what the first change to it found; what this change made, the store never saw.
        let found = self.objects.iter().find(|written| written.object.id == object.id);
        let before = found.map_or(Some(object.generation), |written| written.before);
        self.objects.retain(|written| written.object.id != object.id);
        if before.is_some() {
            self.objects.push(Written { object, before, secret: Secretly::Expunge });
        }
    }

    /// Hands the change over, and lets whom `wake` wakes make it durable.
    pub(super) fn commit(mut self, store: &dyn Store, wake: fn(&dyn Store)) -> store::Receipt {
        if self.writes_nothing() {
            self.make_visible();
            return Receipt::ready(Ok(store.generation()));
        }
        match self.hand_over(store) {
            Ok(receipt) => {
                wake(store);
                self.publish(receipt)
            }
            Err(Error::Store(error)) => Receipt::ready(Err(error)),
            Err(error) => {
                log::error!("a change could not be written: {error}");
                Receipt::ready(Err(store::Error::Failed))
            }
        }
    }

    /// Writes the batch. The manifest is held from its reckoning until the batch stands in the queue, so that the
    /// store sees manifests in their order.
    fn hand_over(&mut self, store: &dyn Store) -> Result<store::Receipt, Error> {
        let opened = self.opened();
        let _open = opened.gate.read().unwrap_or_else(PoisonError::into_inner);
        let mut batch = self.batch()?;
        self.nonces.hand_over(&mut batch, store, &opened.sealer, &opened.shelf)?;
        if self.objects.is_empty() {
            return Ok(store.enter(batch));
        }
        let mut current = opened.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Manifest::clone(&current);
        for Written { object, before, secret } in &self.objects {
            if let Some(before) = before {
                next.strike(&object.id, *before);
            }
            if !matches!(secret, Secretly::Expunge) {
                next.enter(&object.id, object.generation);
            }
        }
        batch.put(Table::Setting, manifest::KEY, next.seal(&opened.sealer)?);
        let receipt = store.enter(batch);
        if !receipt.is_ready() {
            *current = next;
            return Ok(receipt);
        }
        // Answered at once: either a full queue refused it, or the store was that quick.
        let generation = receipt.wait()?;
        *current = next;
        Ok(Receipt::ready(Ok(generation)))
    }

    /// All that it writes.
    fn batch(&self) -> Result<Batch, Error> {
        let (mut batch, sealer) = (Batch::new(), &self.opened.sealer);
        for Written { object, secret, .. } in &self.objects {
            let (meta_row, secret_row) = Object::rows(&object.id);
            match secret {
                Secretly::Expunge => batch.remove(Table::Object, meta_row),
                _ => batch.put(Table::Object, meta_row, object.close(sealer)?),
            }
            match secret {
                Secretly::Keep => {}
                Secretly::Write(secret) => {
                    let own = self.opened.lodges.key(&object.slot);
                    batch.put(Table::Object, secret_row, object.close_secret(secret, sealer, own.as_deref())?);
                }
                Secretly::Erase | Secretly::Expunge => batch.remove(Table::Object, secret_row),
            }
        }
        for client in &self.clients {
            batch.put(Table::Client, client.row(), client.close(sealer)?);
        }
        for (name, value) in &self.settings {
            match value {
                Some(value) => {
                    batch.put(Table::Setting, name.as_bytes(), sealer.close(&Place::setting(name), value.reveal())?);
                }
                None => batch.remove(Table::Setting, name.as_bytes()),
            }
        }
        if let Some(row) = &self.seal {
            batch.put(Table::Setting, header::ROW, row.clone());
        }
        for held in &self.held {
            batch.remove(Table::Setting, held.row.as_bytes());
        }
        // A key that is made and let go of in one change has its errand still.
        for (slot, key) in &self.parted {
            let row = Errands::row(slot, key);
            let errand = sealer.close(&Place::setting(&row), Errands::write(slot, key).reveal())?;
            batch.put(Table::Setting, row, errand);
        }
        Ok(batch)
    }

    /// Lets others see the change once it is durable, then gives the claims up.
    pub(super) fn publish(self, receipt: store::Receipt) -> store::Receipt {
        let (promise, outer) = Receipt::pair();
        receipt.then(move |answer| {
            if answer.is_ok() {
                self.make_visible();
            }
            promise.keep(answer);
        });
        outer
    }

    fn make_visible(self) {
        let Self { opened, objects, clients, nonces, claims, stays, held, parted, effects, flight, .. } = self;
        held.into_iter().for_each(Claimed::keep);
        for (slot, key) in parted {
            opened.errands.enter(&Errands::row(&slot, &key), &slot, key, Standing::Due);
        }
        // Before anybody sees what came in another's place.
        nonces.keep(&opened.shelf);
        {
            let mut index = opened.index.write().unwrap_or_else(PoisonError::into_inner);
            for Written { object, secret, .. } in objects {
                if !matches!(secret, Secretly::Keep) {
                    opened.forget(&object.id);
                }
                match secret {
                    Secretly::Expunge => index.strike(&object.id),
                    _ => index.enter(object),
                }
            }
        }
        {
            let mut known = opened.clients.write().unwrap_or_else(PoisonError::into_inner);
            clients.into_iter().for_each(|client| known.enter(client));
        }
        effects.into_iter().for_each(|effect| effect());
        drop((claims, stays, flight));
    }
}
