//! A token made anew by its security officer (C_InitToken): what was in its slot goes as an operator's zeroise takes it.

use strongroom_kmip::secret::Secret;

use super::{
    guard,
    quorum::Guarded,
    refusal::Refusal,
    registry::Service,
    token::{Closing, Pin, PinError, PinOf, Token, may_found, setting},
};
use crate::{audit::Event, caller::Caller, vault::Change};

impl Service {
    /// Makes a token anew (PKCS#11 3.2 C_InitToken): under the security officer's PIN, without a PIN of the user's, with this
    /// label, and with nothing in it, whoever the objects in its slot belong to. An emulated slot gets another data key.
    /// Where several people must agree to `zeroise` they are asked, and nothing happens before they have; where they must agree
    /// to `destroy` alone, they are asked for that as long as there is something to destroy.
    ///
    /// A token that never was is given its security officer by whoever governs the machine or the appliance, and by nobody
    /// else: who comes first would be the security officer of all. Nobody has entered a PIN for what is in its slot by then,
    /// so that has to be nothing.
    ///
    /// # Errors
    /// [`PinError`].
    pub fn init_token(&self, caller: &Caller, slot: &str, pin: &Secret, label: Vec<u8>) -> Result<(), PinError> {
        let mut emptied = false;
        let outcome = self.setting_pins(caller, slot, Event::TokenInit, || {
            let (officer, mut change) = match self.load(slot)? {
                Some(_) => {
                    let tried = self.try_pin(caller, slot, PinOf::SecurityOfficer, pin)?;
                    if tried.outcome.is_err() {
                        return Ok(Closing::of(tried.change, tried.outcome));
                    }
                    emptied = true;
                    (tried.token.officer, tried.change)
                }
                None if !may_found(caller) => return Err(PinError::Unfounded),
                None if self.vault.living_in(slot)? > 0 => return Err(PinError::Occupied),
                None => {
                    let officer = Pin::new(pin, self.pin_rules(slot).shortest, self.vault.chance())?;
                    (officer, self.vault.begin()?)
                }
            };
            // What fails from here on drops the change, and with it all that it would have done.
            if emptied {
                self.may_empty(slot)?;
            }
            let token = Token { officer, user: None, label: Some(label.clone()) };
            change.put_setting(&setting(slot), Some(token.to_secret()?));
            self.end_turn(slot, &mut change)?;
            let (name, exact) = (self.slot_name(slot), [b"C_InitToken", slot.as_bytes(), &label].join(&0));
            let shown = format!("C_InitToken: everything in slot {name} is destroyed, and its user's PIN");
            let guarded = self.emptying(slot)?;
            let passed = self.hold_order(caller, Some(guarded), Some(&name), (&shown, &exact))?;
            // Others wait for the slot from here on, and no longer than it takes.
            let count = if emptied { self.empty(slot, guarded, &mut change)? } else { None };
            passed.map_or(Ok(()), |id| self.spend_approval(&id, &mut change))?;
            Ok(Closing { change, said: Ok(()), count })
        });
        match &outcome {
            Ok(()) if emptied => {
                if let Err(refusal) = self.clear_slots(caller) {
                    log::warn!("what is left of a token that was made anew goes later: {refusal}");
                }
            }
            Ok(()) => {}
            // PKCS#11 has no place for a sentence.
            Err(error) => log::warn!("C_InitToken for slot {} was refused: {error}", self.slot_name(slot)),
        }
        outcome
    }

    /// Whether everything in a slot may go.
    fn may_empty(&self, slot: &str) -> Result<(), PinError> {
        if !self.vault.slot(Some(slot))?.is_emulated() {
            return if self.vault.living_in(slot)? > 0 { Err(PinError::Elsewhere) } else { Ok(()) };
        }
        if self.vault.some_in(slot, guard::lasts)? { Err(PinError::Lasting) } else { Ok(()) }
    }

    /// What several people agree to who let a slot be emptied. Who guards the end of each object guards that of all.
    fn emptying(&self, slot: &str) -> Result<Guarded, PinError> {
        let alone = self.approvals.quorum.rule(Guarded::Zeroise).is_none();
        Ok(if alone && self.vault.living_in(slot)? > 0 { Guarded::Destroy } else { Guarded::Zeroise })
    }

    /// Destroys what is in a slot, all of it or nothing, once `guarded` has been asked for. Says how many objects that were.
    fn empty(&self, slot: &str, guarded: Guarded, change: &mut Change) -> Result<Option<u64>, PinError> {
        let emulated = self.vault.slot(Some(slot))?.is_emulated();
        let count = if emulated { u64::try_from(self.empty_slot(slot, change)?).ok() } else { None };
        // Asked again when nobody else can bring an object any more.
        self.may_empty(slot)?;
        if self.emptying(slot)? != guarded {
            return Err(Refusal::held("something came into the slot meanwhile; ask again").into());
        }
        Ok(count)
    }
}
