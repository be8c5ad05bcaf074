//! Logging in and out, and the PINs.

use std::{sync::atomic::Ordering, thread, time::Duration};

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
    let (house, pin) = (desk.house, pin.map(|pin| Secret::new(pin.into_vec())));
    loop {
        let anew = house.anew.load(Ordering::SeqCst);
        desk.pin(match &pin {
            Some(pin) => house.service.check_pin(desk.caller, &slot, of, pin),
            None => house.service.check_peer(desk.caller, &slot, of),
        })?;
        // Another thread may have logged in or closed the session meanwhile; the rules are asked again.
        desk.application.log_in(session, user)?;
        if house.anew.load(Ordering::SeqCst) == anew {
            return Ok(());
        }
        // A token was made anew after the PIN was looked at: it may have another one by now, or none.
        desk.application.leave(standing.slot).into_iter().for_each(|left| desk.tidy(left));
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
        log_out_all(desk.house, place);
        Ok((Rv::OK, answer::InitToken {}))
    }
}

/// Logs out whoever came to a token after it was looked whether somebody had, and before it was made anew. Who enters a PIN
/// at this moment and is not logged in yet sees it by the count.
fn log_out_all(house: &House, place: usize) {
    house.anew.fetch_add(1, Ordering::SeqCst);
    let left = house.applications.leave(place).into_iter().chain(house.guests.leave(place));
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
        let standing = desk.application.standing(self.session)?;
        if standing.user != Some(UserType::SO) {
            return Err(Rv::USER_NOT_LOGGED_IN);
        }
        let (slot, new) = (key(desk, standing.slot)?, entered(self.pin)?);
        desk.pin(desk.house.service.set_user_pin(desk.caller, &slot, &new))?;
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
