//! A token made anew by its security officer (C_InitToken): what was in its slot goes as an operator's zeroise takes it.

use strongroom_kmip::secret::Secret;

use super::{
    guard,
    quorum::Guarded,
    registry::Service,
    token::{Closing, Pin, PinError, PinOf, Token, may_found, setting},
};
use crate::{audit::Event, caller::Caller, vault::Change};

impl Service {
    /// Makes a token anew (PKCS#11 3.2 C_InitToken): under the security officer's PIN, without a PIN of the user's, with this
    /// label, and with nothing in it, whoever the objects in its slot belong to. An emulated slot gets another data key.
    /// Where several people must agree to `zeroise` they are asked, and nothing happens before they have.
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
            let count = if emptied { self.empty(slot, &mut change)? } else { None };
            let token = Token { officer, user: None, label: Some(label.clone()) };
            change.put_setting(&setting(slot), Some(token.to_secret()?));
            let (name, exact) = (self.slot_name(slot), [b"C_InitToken", slot.as_bytes(), &label].join(&0));
            let shown = format!("C_InitToken: everything in slot {name} is destroyed, and its user's PIN");
            let passed = self.hold_order(caller, Some(Guarded::Zeroise), Some(&name), (&shown, &exact))?;
            passed.map_or(Ok(()), |id| self.spend_approval(&id, &mut change))?;
            Ok(Closing { change, said: Ok(()), count })
        });
        match &outcome {
            Ok(()) if emptied => {
                // Work under way has a key in hand that is no more.
                self.streams.clear();
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

    /// Destroys what is in a slot, all of it or nothing. Says how many objects that were.
    fn empty(&self, slot: &str, change: &mut Change) -> Result<Option<u64>, PinError> {
        let living = self.vault.living_in(slot)?;
        if !self.vault.slot(Some(slot))?.is_emulated() {
            return if living > 0 { Err(PinError::Elsewhere) } else { Ok(None) };
        }
        let count = self.vault.zeroise(change, slot)?;
        // Asked when nobody else can bring one any more.
        if self.vault.some_in(slot, guard::lasts)? {
            return Err(PinError::Lasting);
        }
        Ok(u64::try_from(count).ok())
    }
}
