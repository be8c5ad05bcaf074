//! Logging in and out, and the PINs.

use std::{thread, time::Duration};

use strongroom_kmip::secret::Secret;
use strongroom_pkcs11_wire::{
    Rv,
    call::{answer, request},
    number::UserType,
    value::Wiped,
};

use super::contract::Serve;
use crate::{
    front::pkcs11::desk::{Desk, House},
    service::PinOf,
};

impl Serve for request::Login {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::Login), Rv> {
        log_in(desk, self.session, self.user, self.pin)?;
        Ok((Rv::OK, answer::Login {}))
    }
}

impl Serve for request::LoginUser {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::LoginUser), Rv> {
        // A token has one user, who has no name; any other is nobody whose PIN could be right.
        if self.name.is_some_and(|name| !name.is_empty()) {
            desk.application.may_log_in(self.session, self.user)?;
            return Err(Rv::PIN_INCORRECT);
        }
        log_in(desk, self.session, self.user, self.pin)?;
        Ok((Rv::OK, answer::LoginUser {}))
    }
}

fn log_in(desk: &Desk<'_>, session: u64, user: UserType, pin: Option<Wiped>) -> Result<(), Rv> {
    let of = match user {
        UserType::USER => PinOf::User,
        UserType::SO => PinOf::SecurityOfficer,
        UserType::CONTEXT_SPECIFIC => return consent(desk, session, pin),
        _ => return Err(Rv::USER_TYPE_INVALID),
    };
    let standing = desk.application.may_log_in(session, user)?;
    let slot = key(desk, standing.slot)?;
    let (service, pin) = (&desk.house.service, pin.map(|pin| Secret::new(pin.into_vec())));
    loop {
        let turn = service.turns().of(standing.slot);
        desk.expire();
        desk.pin(match &pin {
            Some(pin) => service.check_pin(desk.caller, &slot, of, pin),
            None => service.check_peer(desk.caller, &slot, of),
        })?;
        // Another thread may have logged in or closed the session meanwhile; the rules are asked again. And the PINs may have
        // been set aside after this one was looked at: it may be another one by now, or none.
        if desk.application.log_in(session, user, turn)? {
            return Ok(());
        }
    }
}

/// Shows the PIN to the key of the operation that waits for it.
fn consent(desk: &Desk<'_>, session: u64, pin: Option<Wiped>) -> Result<(), Rv> {
    let standing = desk.application.standing(session)?;
    if !desk.application.with(session, |session| session.awaits_consent())? {
        return Err(Rv::OPERATION_NOT_INITIALIZED);
    }
    if !standing.is_user() {
        return Err(Rv::USER_NOT_LOGGED_IN);
    }
    let (service, slot) = (&desk.house.service, key(desk, standing.slot)?);
    desk.pin(match pin {
        Some(pin) => service.check_pin(desk.caller, &slot, PinOf::User, &Secret::new(pin.into_vec())),
        None => service.check_peer(desk.caller, &slot, PinOf::User),
    })?;
    desk.application.with(session, |session| session.consent())
}

impl Serve for request::Logout {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::Logout), Rv> {
        desk.tidy(desk.application.log_out(self.session)?);
        Ok((Rv::OK, answer::Logout {}))
    }
}

impl Serve for request::InitToken {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::InitToken), Rv> {
        let (place, slot) = desk.slot(self.slot)?;
        if is_used(desk, place) {
            return Err(Rv::SESSION_EXISTS);
        }
        let service = &desk.house.service;
        desk.pin(service.init_token(desk.caller, &slot.key, &entered(self.pin)?, self.label.to_vec()))?;
        log_out_all(desk.house);
        Ok((Rv::OK, answer::InitToken {}))
    }
}

/// Clears up after whoever came to a token after it was looked whether somebody had, and before it was made anew: logged in
/// they are no more since then.
fn log_out_all(house: &House) {
    let left = house.applications.expire().into_iter().chain(house.guests.expire());
    left.for_each(|left| house.tidy(left));
}

/// Whether somebody has a session with the token. The sessions of a process that has just ended go a moment after it, and
/// are waited for.
fn is_used(desk: &Desk<'_>, place: usize) -> bool {
    for _ in 0..LOOKS {
        if !desk.house.use_slot(place) {
            return false;
        }
        thread::sleep(PAUSE);
    }
    desk.house.use_slot(place)
}

/// How often a used token is looked at again, and how long between: a second in all.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

impl Serve for request::InitPIN {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::InitPIN), Rv> {
        let service = &desk.house.service;
        let place = desk.application.standing(self.session)?.slot;
        let turn = service.turns().of(place);
        // Looked at after the turn: whoever is logged in now is so for this turn or a later one.
        if !desk.application.standing(self.session)?.is_officer() {
            return Err(Rv::USER_NOT_LOGGED_IN);
        }
        let (slot, new) = (key(desk, place)?, entered(self.pin)?);
        desk.pin(service.set_user_pin(desk.caller, &slot, turn, &new))?;
        Ok((Rv::OK, answer::InitPIN {}))
    }
}

impl Serve for request::SetPIN {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SetPIN), Rv> {
        let standing = desk.application.standing(self.session)?;
        if !standing.is_writable() {
            return Err(Rv::SESSION_READ_ONLY);
        }
        // Without a login it is the user's PIN that is changed (PKCS#11 3.2 §5.5.9).
        let of = if standing.user == Some(UserType::SO) { PinOf::SecurityOfficer } else { PinOf::User };
        let (slot, old, new) = (key(desk, standing.slot)?, entered(self.old)?, entered(self.new)?);
        desk.pin(desk.house.service.change_pin(desk.caller, &slot, of, &old, &new))?;
        Ok((Rv::OK, answer::SetPIN {}))
    }
}

fn key(desk: &Desk<'_>, slot: usize) -> Result<String, Rv> {
    desk.house.slot(slot).map(|slot| slot.key.clone()).ok_or(Rv::SLOT_ID_INVALID)
}

/// A PIN that must be said: who the caller is stands in for one that is known, not for one that is to be set.
fn entered(pin: Option<Wiped>) -> Result<Secret, Rv> {
    pin.map(|pin| Secret::new(pin.into_vec())).ok_or(Rv::ARGUMENTS_BAD)
}
