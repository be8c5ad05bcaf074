//! Slots and tokens: which there are, and what each can do.

use aws_lc_rs::digest::{SHA256, digest};
use strongroom_pkcs11_wire::{
    MechanismType, Rv,
    call::{SlotInfo, TokenInfo, UNAVAILABLE, answer, request},
    number::{SlotFlags, TokenFlags},
    value::{Version, padded},
};

use super::contract::Serve;
use crate::{
    front::pkcs11::{
        application::MOST_SESSIONS,
        desk::Desk,
        mechanism,
        refusal::{self, About},
    },
    service::{LONGEST_PIN, SlotView, TokenState},
};

impl Serve for request::GetSlotList {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GetSlotList), Rv> {
        // While the vault is sealed, no slot has a token in it.
        let hidden = self.token_present && desk.house.service.is_sealed();
        let slots = match hidden {
            true => Vec::new(),
            false => desk.house.slots().iter().map(|slot| slot.number).collect(),
        };
        Ok((Rv::OK, answer::GetSlotList { slots }))
    }
}

impl Serve for request::GetSlotInfo {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GetSlotInfo), Rv> {
        let (_, slot) = desk.slot(self.slot)?;
        let sealed = desk.house.service.is_sealed();
        let description = match sealed {
            true => padded(&format!("{}: sealed, run `strongroom unseal`", slot.name)),
            false => padded(&format!("{} ({})", slot.name, slot.maker)),
        };
        // A token comes and goes as the vault is unsealed and sealed.
        let mut flags = SlotFlags::REMOVABLE_DEVICE;
        if !sealed {
            flags |= SlotFlags::TOKEN_PRESENT;
        }
        if slot.maker != "software" {
            flags |= SlotFlags::HW_SLOT;
        }
        let info =
            SlotInfo { description, manufacturer: padded(MAKER), flags, hardware: NO_HARDWARE, firmware: firmware() };
        Ok((Rv::OK, answer::GetSlotInfo { info }))
    }
}

impl Serve for request::WaitForSlotEvent {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::WaitForSlotEvent), Rv> {
        let present = !desk.house.service.is_sealed();
        let slot = desk.application.slot_event(&desk.house.slot_numbers(), present);
        Ok((Rv::OK, answer::WaitForSlotEvent { slot }))
    }
}

impl Serve for request::GetTokenInfo {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GetTokenInfo), Rv> {
        let (place, slot) = desk.slot(self.slot)?;
        let state =
            desk.house.service.token(desk.caller, &slot.key).map_err(|refusal| refusal::rv(&refusal, About::Token))?;
        let (sessions, rw_sessions) = desk.application.count(place);
        let most = u64::try_from(MOST_SESSIONS).unwrap_or(u64::MAX);
        let info = TokenInfo {
            label: label(&slot, &state),
            manufacturer: padded(MAKER),
            model: padded(MAKER),
            serial: serial(&slot),
            flags: flags(&state),
            most_sessions: most,
            sessions,
            most_rw_sessions: most,
            rw_sessions,
            longest_pin: u64::try_from(LONGEST_PIN).unwrap_or(u64::MAX),
            shortest_pin: u64::try_from(state.rules.shortest).unwrap_or(0),
            public_memory: UNAVAILABLE,
            free_public_memory: UNAVAILABLE,
            private_memory: UNAVAILABLE,
            free_private_memory: UNAVAILABLE,
            hardware: NO_HARDWARE,
            firmware: firmware(),
            time: [b' '; 16],
        };
        Ok((Rv::OK, answer::GetTokenInfo { info }))
    }
}

impl Serve for request::GetMechanismList {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GetMechanismList), Rv> {
        let (_, slot) = desk.slot(self.slot)?;
        let offers = slot.offers();
        let usable = offers.iter().filter(|served| mechanism::info(served).is_some());
        let mut mechanisms: Vec<_> = usable.flat_map(|served| mechanism::kinds(served.mechanism)).collect();
        mechanisms.sort();
        Ok((Rv::OK, answer::GetMechanismList { mechanisms }))
    }
}

impl Serve for request::GetMechanismInfo {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GetMechanismInfo), Rv> {
        let (_, slot) = desk.slot(self.slot)?;
        let info = info(&slot, self.mechanism).ok_or(Rv::MECHANISM_INVALID)?;
        Ok((Rv::OK, answer::GetMechanismInfo { info }))
    }
}

/// What a slot says of a mechanism that it has.
pub fn info(slot: &SlotView, kind: MechanismType) -> Option<strongroom_pkcs11_wire::call::MechanismInfo> {
    let named = mechanism::named(kind)?;
    slot.offers().iter().find(|served| served.mechanism == named.offered).and_then(mechanism::info)
}

fn label(slot: &SlotView, state: &TokenState) -> [u8; 32] {
    let said = state.label.as_deref().and_then(|label| label.try_into().ok());
    said.unwrap_or_else(|| padded(&slot.name))
}

fn flags(state: &TokenState) -> TokenFlags {
    let mut flags = TokenFlags::RNG | TokenFlags::LOGIN_REQUIRED;
    for (set, flag) in [
        (state.initialised, TokenFlags::TOKEN_INITIALIZED),
        (state.user_initialised, TokenFlags::USER_PIN_INITIALIZED),
        (state.user_tried, TokenFlags::USER_PIN_COUNT_LOW),
        (state.user_last_try, TokenFlags::USER_PIN_FINAL_TRY),
        (state.user_locked, TokenFlags::USER_PIN_LOCKED),
        (state.officer_tried, TokenFlags::SO_PIN_COUNT_LOW),
        (state.officer_locked, TokenFlags::SO_PIN_LOCKED),
        (state.rules.protected_path, TokenFlags::PROTECTED_AUTHENTICATION_PATH),
    ] {
        if set {
            flags |= flag;
        }
    }
    flags
}

/// A number that stays the same as long as there is the slot.
fn serial(slot: &SlotView) -> [u8; 16] {
    let hash = digest(&SHA256, slot.key.as_bytes());
    let digits: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    padded(&digits)
}

fn firmware() -> Version {
    let part = |text: &str| text.parse().unwrap_or(0);
    Version { major: part(env!("CARGO_PKG_VERSION_MAJOR")), minor: part(env!("CARGO_PKG_VERSION_MINOR")) }
}

const MAKER: &str = "Strongroom";
const NO_HARDWARE: Version = Version { major: 0, minor: 0 };
