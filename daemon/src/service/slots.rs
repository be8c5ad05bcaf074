//! Emulated slots that operators make, set, empty and remove, and the slots as operators are shown them.

use std::sync::Arc;

use strongroom_kmip::code::ResultReason;

use super::{
    adopt,
    order::Report,
    pins::{self, PinRules},
    refusal::Refusal,
    registry::Service,
    shown::{SlotRow, SlotTerms},
    token,
};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Who},
    caller::Caller,
    vault::{Change, Condition, Fitted, MechanismLevel, Terms},
};

impl Service {
    /// Makes a slot.
    pub(super) fn make_slot(&self, name: String, said: SlotTerms, change: &mut Change) -> Result<Report, Refusal> {
        let mut terms = Terms {
            name,
            mechanisms: MechanismLevel::default().name().to_owned(),
            open_derivations: Vec::new(),
            protection: Vec::new(),
            max_objects: None,
            shortest_pin: None,
            protected_path: false,
        };
        say(&mut terms, said)?;
        let fitted = self.vault.make_slot(change, terms)?;
        Ok(Report::Slot(Box::new(self.slot_row(&fitted))))
    }

    /// Says something else of a slot that was made.
    pub(super) fn set_slot(&self, slot: &str, said: SlotTerms, change: &mut Change) -> Result<Report, Refusal> {
        let mut fits = Ok(());
        let fitted = self.vault.alter_slot(change, slot, |terms| fits = say(terms, said))?;
        fits?;
        Ok(Report::Slot(Box::new(self.slot_row(&fitted))))
    }

    /// Calls a slot that was made otherwise.
    pub(super) fn rename_slot(&self, slot: &str, name: String, change: &mut Change) -> Result<Report, Refusal> {
        let fitted = self.vault.alter_slot(change, slot, |terms| terms.name = name)?;
        Ok(Report::Slot(Box::new(self.slot_row(&fitted))))
    }

    /// Destroys everything in a slot, and its PINs. Says how many objects that were.
    pub(super) fn zeroise(&self, slot: &str, change: &mut Change) -> Result<usize, Refusal> {
        let key = self.vault.slot_called(slot)?.key().to_owned();
        let count = self.empty_slot(&key, change)?;
        self.forget_pins(&key, change)?;
        Ok(count)
    }

    /// Destroys everything in the slot of this key, and ends what is under way with it: that has a key in hand that is no
    /// more. Says how many objects that were.
    pub(super) fn empty_slot(&self, key: &str, change: &mut Change) -> Result<usize, Refusal> {
        let gone = self.vault.zeroise(change, key)?;
        let (count, streams) = (gone.len(), Arc::clone(&self.streams));
        change.afterwards(move || streams.forget(&gone));
        Ok(count)
    }

    /// Removes a slot that was made.
    pub(super) fn remove_slot(&self, slot: &str, change: &mut Change) -> Result<Report, Refusal> {
        let key = self.slot_key(slot);
        self.vault.remove_slot(change, slot)?;
        self.forget_pins(&key, change)?;
        Ok(Report::Done)
    }

    /// Takes the rows away of what slots have lost. What cannot be done now is done later.
    pub(super) fn clear_slots(&self, caller: &Caller) -> Result<(), Refusal> {
        while let Some((change, count, slot)) = self.vault.clear()? {
            let mut entry = Entry::new(Who::Known(caller), audit::Action::Event(Event::Removed), Outcome::Success);
            entry.count = u64::try_from(count).ok();
            entry.object = Some(audit::Object { id: &slot, version: None });
            let settled = self.settle(&entry, Durability::Sync, Some(change)).wait();
            settled.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        }
        Ok(())
    }

    /// By what records know the slot that an operator calls so.
    pub(super) fn slot_key(&self, name: &str) -> String {
        self.vault.slot_called(name).map_or_else(|_| name.to_owned(), |fitted| fitted.key().to_owned())
    }

    /// What the slot is called that records know so.
    pub(super) fn slot_name(&self, key: &str) -> String {
        self.vault.slot(Some(key)).map_or_else(|_| key.to_owned(), |fitted| fitted.name.clone())
    }

    /// What a slot asks of its PINs.
    pub(super) fn pin_rules(&self, key: &str) -> PinRules {
        let usual = self.pins.rules(key);
        let made =
            self.vault.slot(Some(key)).ok().and_then(|fitted| fitted.made.as_ref().map(|made| made.terms.clone()));
        made.map_or(usual, |terms| PinRules {
            shortest: terms.shortest_pin.unwrap_or(usual.shortest),
            protected_path: terms.protected_path,
        })
    }

    /// Forgets the PINs of a slot, what was tried of them, and what its token is called.
    fn forget_pins(&self, key: &str, change: &mut Change) -> Result<(), Refusal> {
        let mut rows = vec![token::setting(key)];
        let guests = pins::settings(key);
        self.vault.settings(&mut |name, _| rows.extend(name.starts_with(&guests).then(|| name.to_owned())))?;
        rows.iter().for_each(|row| change.put_setting(row, None));
        self.end_turn(key, change)
    }

    /// Lets every login to a slot end with a change: the PINs that it was under are no more.
    pub(super) fn end_turn(&self, key: &str, change: &mut Change) -> Result<(), Refusal> {
        let (turns, number) = (Arc::clone(self.turns()), self.vault.slot(Some(key))?.number);
        change.afterwards(move || turns.end(number));
        Ok(())
    }

    /// The slots, as operators are shown them.
    pub(super) fn slots(&self) -> Vec<SlotRow> {
        self.vault.slots().iter().map(|fitted| self.slot_row(fitted)).collect()
    }

    fn slot_row(&self, fitted: &Fitted) -> SlotRow {
        let token = self.token_for(None, fitted.key()).ok();
        let condition = adopt::condition(fitted);
        SlotRow {
            name: fitted.name.clone(),
            key: fitted.key().to_owned(),
            origin: if fitted.made.is_some() { "made" } else { "configured" }.to_owned(),
            number: fitted.number,
            objects: self.vault.living_in(fitted.key()).ok(),
            max_objects: fitted.most,
            maker: fitted.slot.maker().to_owned(),
            mechanisms: fitted.level.name().to_owned(),
            initialised: token.as_ref().map(|token| token.initialised),
            locked: token.as_ref().map(|token| token.user_locked),
            condition: condition.word().to_owned(),
            why: condition.why().map(|why| why.word().to_owned()),
            advice: condition.why().map(|why| why.to_string()),
            since: match condition {
                Condition::Probing { since, .. } => Some(since.seconds()),
                Condition::Usable | Condition::Unfit(_) => None,
            },
            leftovers: self.vault.errands(fitted.key()),
            members: adopt::members(fitted),
        }
    }
}

/// What is said takes the place of what was.
fn say(terms: &mut Terms, said: SlotTerms) -> Result<(), Refusal> {
    let SlotTerms { mechanisms, open_derivations, protection, max_objects, shortest_pin, protected_path } = said;
    if shortest_pin.is_some_and(|shortest| !(pins::SHORTEST..=pins::LONGEST).contains(&shortest)) {
        let message = format!("the shortest PIN has {} to {} bytes", pins::SHORTEST, pins::LONGEST);
        return Err(Refusal::invalid(message));
    }
    terms.mechanisms = mechanisms.unwrap_or_else(|| terms.mechanisms.clone());
    terms.open_derivations = open_derivations.unwrap_or_else(|| terms.open_derivations.clone());
    terms.protection = protection.unwrap_or_else(|| terms.protection.clone());
    terms.max_objects = max_objects.map_or(terms.max_objects, |most| Some(most).filter(|most| *most > 0));
    terms.shortest_pin = shortest_pin.or(terms.shortest_pin);
    terms.protected_path = protected_path.unwrap_or(terms.protected_path);
    Ok(())
}
