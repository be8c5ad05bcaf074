//! Several tokens that hold the same keys, as one slot: calls go to those that can be worked with, a key that is made at one is
//! used at all, and what one cannot do another is asked for where nothing can have come of it yet.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use strongroom_kmip::{mechanism::Hash, secret::Secret};

use super::{
    engine::Hsm,
    joint::JointKey,
    key::NO_WRAPPER,
    offer,
    pool::{Shared, Token},
    presence::Row,
    reference::Held,
    settings::Settings,
};
use crate::{
    chance::{Chance, array},
    slot::{
        contract::{Error, Form, Holding, Kept, Key, Made, Material, Offer, Recipe, Running, Shape, Slot},
        derivation::{Derivation, Finish},
        holding::{Condition, Found, Member, Name, News, Why},
    },
};

/// A slot whose keys are in several tokens.
pub struct Cluster {
    shared: Arc<Shared>,
    offers: Mutex<Listing>,
    /// What was said of it last.
    told: Mutex<Option<Condition>>,
}

/// What all tokens offer, for the offers that they had when they were asked.
#[derive(Default)]
struct Listing {
    of: Vec<Arc<[Offer]>>,
    offers: Arc<[Offer]>,
}

impl Cluster {
    /// Begins to open the tokens, each by its settings and under its name. What needs no secret is done by `beside`.
    pub fn open(
        name: String,
        tokens: Vec<(String, Settings)>,
        wrapper: Option<String>,
        beside: &Arc<dyn Slot>,
    ) -> Self {
        let tokens =
            tokens.into_iter().map(|(name, settings)| Token::new(name, Hsm::open(settings, Arc::clone(beside))));
        let shared = Shared::new(name, tokens.collect(), Arc::clone(beside), wrapper);
        Self { shared: Arc::new(shared), offers: Mutex::default(), told: Mutex::default() }
    }

    fn random_name(&self) -> Result<Name, Error> {
        Ok(Name(array(self.shared.beside.chance())?))
    }

    /// Has one member make a key, and the others have it as soon as may be.
    fn made<T>(&self, name: &Name, mut make: impl FnMut(&Hsm) -> Result<T, Error>) -> Result<T, Error> {
        let key = Held::named(name, 0).errand();
        let mut refused = Error::Absent;
        for at in self.shared.order(Row::default()) {
            let Some(token) = self.shared.tokens.get(at) else { continue };
            let busy = token.begin();
            match make(&token.slot) {
                // It is known of these alone that nothing was made.
                Err(error) if error == NO_WRAPPER || error == Error::Full => refused = error,
                Err(error) => return Err(error),
                Ok(made) => {
                    drop(busy);
                    self.shared.presence.learn(key.reveal(), at, true);
                    self.shared.bring_from(at, &key);
                    return Ok(made);
                }
            }
        }
        Err(refused)
    }
}

impl Slot for Cluster {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn maker(&self) -> &str {
        "pkcs11"
    }

    /// What all of them offer: a key may be used at any.
    fn offers(&self) -> Arc<[Offer]> {
        let of: Vec<_> =
            self.shared.tokens.iter().map(|token| token.slot.offers()).filter(|offers| !offers.is_empty()).collect();
        let mut listing = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        let same =
            listing.of.len() == of.len() && listing.of.iter().zip(&of).all(|(one, other)| Arc::ptr_eq(one, other));
        if !same {
            *listing = Listing { offers: offer::common(&of), of };
        }
        Arc::clone(&listing.offers)
    }

    fn make(&self, recipe: &Recipe) -> Result<Made, Error> {
        Holding::make(self, &self.random_name()?, recipe)
    }

    fn take(&self, shape: Shape, material: &Material) -> Result<Kept, Error> {
        Holding::take(self, &self.random_name()?, shape, material)
    }

    fn give(&self, kept: &Kept, form: Form) -> Result<Material, Error> {
        self.shared.tokens.first().ok_or(Error::Absent)?.slot.give(kept, form)
    }

    fn open(&self, kept: &Kept) -> Result<Arc<dyn Key>, Error> {
        match Held::read(&kept.held) {
            None => self.shared.beside.open(kept),
            Some(held) => Ok(Arc::new(JointKey::new(&self.shared, &held, kept.shape))),
        }
    }

    // Public keys are here, also those of the token's pairs.
    fn encapsulate(&self, public: &Kept, finish: &Finish, length: usize) -> Result<(Vec<u8>, Secret), Error> {
        self.shared.beside.encapsulate(public, finish, length)
    }

    fn derive(&self, base: &Kept, derivation: &Derivation, length: usize) -> Result<Secret, Error> {
        match Held::read(&base.held) {
            None => self.shared.beside.derive(base, derivation, length),
            Some(held) => {
                self.shared.attempt(held.errand().reveal(), |_, token| token.derive(base, derivation, length))
            }
        }
    }

    fn digest(&self, hash: Hash) -> Result<Box<dyn Running>, Error> {
        self.shared.beside.digest(hash)
    }

    fn chance(&self) -> &dyn Chance {
        self.shared.beside.chance()
    }

    fn holding(&self) -> Option<&dyn Holding> {
        Some(self)
    }
}

impl Holding for Cluster {
    /// It works as long as one of them does.
    fn condition(&self) -> Condition {
        let all: Vec<_> = (0..self.shared.tokens.len()).map(|at| self.shared.condition(at)).collect();
        let first = |wanted: fn(&Condition) -> bool| all.iter().copied().find(wanted);
        first(|condition| *condition == Condition::Usable)
            .or(first(|condition| matches!(condition, Condition::Probing { .. })))
            .or(all.first().copied())
            .unwrap_or(Condition::Unfit(Why::NoToken))
    }

    fn news(&self) -> Vec<News> {
        let mut all = Vec::new();
        for token in &self.shared.tokens {
            all.extend(token.slot.news().into_iter().map(|news| News { member: Some(token.name.clone()), ..news }));
        }
        let (condition, mut told) = (self.condition(), self.told.lock().unwrap_or_else(PoisonError::into_inner));
        let before = told.replace(condition);
        // That it is being opened at first is no news.
        let begins = before.is_none() && matches!(condition, Condition::Probing { after: None, .. });
        if before != Some(condition) && !begins {
            all.push(News { member: None, condition });
        }
        all
    }

    /// Tries those again that cannot be worked with.
    fn retry(&self, pin: Option<Secret>) {
        for (_, token) in self.shared.tokens.iter().enumerate().filter(|(at, _)| !self.shared.is_usable(*at)) {
            token.slot.retry(pin.as_ref().map(Secret::duplicate));
        }
    }

    fn make(&self, name: &Name, recipe: &Recipe) -> Result<Made, Error> {
        self.made(name, |token| Holding::make(token, name, recipe))
    }

    fn take(&self, name: &Name, shape: Shape, material: &Material) -> Result<Kept, Error> {
        self.made(name, |token| Holding::take(token, name, shape, material))
    }

    fn copy(&self, name: &Name, kept: &Kept) -> Result<Kept, Error> {
        let Some(held) = Held::read(&kept.held) else {
            return Ok(Kept { shape: kept.shape, held: kept.held.duplicate() });
        };
        let (of, key) = (held.errand(), Held::named(name, 0).errand());
        // A copy may have been made where the answer did not come; it is removed by its name like every other.
        let (at, copy) = self.shared.attempt(of.reveal(), |at, token| Ok((at, token.copy(name, kept)?)))?;
        self.shared.presence.learn(key.reveal(), at, true);
        self.shared.bring_from(at, &key);
        Ok(copy)
    }

    fn reference(&self, name: &Name) -> Secret {
        Held::named(name, 0).errand()
    }

    fn errand(&self, held: &Secret) -> Option<Secret> {
        Held::read(held).map(|held| held.errand())
    }

    /// Removes the key everywhere; a member that is away is asked again.
    fn remove(&self, errand: &Secret) -> Result<(), Error> {
        let mut result = Ok(());
        for token in &self.shared.tokens {
            if let Err(error) = token.slot.remove(errand) {
                result = Err(error);
            }
        }
        if result.is_ok() {
            self.shared.presence.forget(errand.reveal());
        }
        result
    }

    /// The keys of all that can be worked with, each once, but for the one that encrypts others on their way.
    fn found(&self) -> Result<Vec<Found>, Error> {
        let (mut all, mut strangers) = (Vec::<Found>::new(), HashSet::new());
        let mut asked = false;
        for (at, token) in self.shared.tokens.iter().enumerate().filter(|(at, _)| self.shared.is_usable(*at)) {
            let (found, strange) = match token.slot.look_through() {
                Err(Error::Absent) => continue,
                found => found?,
            };
            asked = true;
            strangers.extend(strange);
            let (before, mut met) = (all.len(), HashSet::new());
            // The key that encrypts others is nobody's to use.
            for found in found.into_iter().filter(|found| self.shared.wrapper.as_ref() != Some(&found.label)) {
                let Some(key) = token.slot.errand(&found.key.held) else { continue };
                self.shared.presence.learn(key.reveal(), at, true);
                let namesake = |one: &Found| one.id == found.id && one.label == found.label;
                let same = |one: &Found| namesake(one) && one.key.shape == found.key.shape;
                match all.iter().take(before).position(same) {
                    Some(known) if met.insert(known) => {
                        if let Some(known) = all.get_mut(known) {
                            known.alike |= found.alike;
                        }
                    }
                    // Two of one name in one token are two, and so is what is another key elsewhere.
                    _ => {
                        let others = all.iter_mut().take(before).filter(|one| namesake(one));
                        let is_told = others.map(|one| one.alike = true).count() == 0;
                        all.push(Found { alike: found.alike || !is_told, ..found });
                    }
                }
            }
        }
        // What cannot be worked with here has names too.
        for found in &mut all {
            found.alike |= strangers.contains(&(found.id.clone(), found.label.clone()));
        }
        // What is adopted now is brought to the others soon.
        self.shared.hurry();
        if asked { Ok(all) } else { Err(Error::Absent) }
    }

    fn members(&self) -> Vec<Member> {
        let row = |(at, token): (usize, &Token)| {
            let (lacking, bound) = self.shared.presence.lacking(at);
            let (hindrance, condition) = (*token.hindrance(), self.shared.condition(at));
            let known = condition == Condition::Usable && token.is_known();
            Member { name: token.name.clone(), condition, hindrance, lacking: known.then_some(lacking), bound }
        };
        self.shared.tokens.iter().enumerate().map(row).collect()
    }

    fn member(&self, name: &str) -> Option<&dyn Holding> {
        let token = self.shared.tokens.iter().find(|token| token.name == name)?;
        Some(&token.slot)
    }

    fn whereabouts(&self, errand: &Secret) -> Vec<String> {
        let has = |at: &usize| self.shared.look(*at, &[errand]).is_ok_and(|there| there == [true]);
        let at = (0..self.shared.tokens.len()).filter(|at| self.shared.is_usable(*at)).filter(has);
        at.filter_map(|at| self.shared.tokens.get(at)).map(|token| token.name.clone()).collect()
    }

    fn is_scattered(&self) -> bool {
        self.shared.is_due()
    }

    fn spread(&self, keys: &[Secret]) -> usize {
        self.shared.spread(keys)
    }

    fn close(&self) {
        self.shared.tokens.iter().for_each(|token| token.slot.close());
    }
}
