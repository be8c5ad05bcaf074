//! Sessions, and the end of an application.

use strongroom_pkcs11_wire::{
    Rv,
    call::{SessionInfo, answer, request},
    number::{MechanismFlags, SessionFlags},
};

use super::contract::Serve;
use crate::front::pkcs11::{desk::Desk, operation::Kind};

impl Serve for request::Finalize {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::Finalize), Rv> {
        desk.tidy(desk.application.end());
        Ok((Rv::OK, answer::Finalize {}))
    }
}

impl Serve for request::OpenSession {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::OpenSession), Rv> {
        let (slot, _) = desk.slot(self.slot)?;
        if !self.flags.has(SessionFlags::SERIAL_SESSION) {
            return Err(Rv::SESSION_PARALLEL_NOT_SUPPORTED);
        }
        if self.flags.has(SessionFlags::ASYNC_SESSION) {
            return Err(Rv::SESSION_ASYNC_NOT_SUPPORTED);
        }
        if desk.house.service.is_sealed() {
            return Err(Rv::TOKEN_NOT_PRESENT);
        }
        desk.house.sweep()?;
        let session = desk.house.applications.number();
        desk.application.open(session, slot, self.flags)?;
        Ok((Rv::OK, answer::OpenSession { session }))
    }
}

impl Serve for request::CloseSession {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::CloseSession), Rv> {
        desk.tidy(desk.application.close(self.session)?);
        Ok((Rv::OK, answer::CloseSession {}))
    }
}

impl Serve for request::CloseAllSessions {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::CloseAllSessions), Rv> {
        let (slot, _) = desk.slot(self.slot)?;
        desk.tidy(desk.application.close_all(slot));
        Ok((Rv::OK, answer::CloseAllSessions {}))
    }
}

impl Serve for request::GetSessionInfo {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GetSessionInfo), Rv> {
        let standing = desk.application.standing(self.session)?;
        let slot = u64::try_from(standing.slot).unwrap_or(u64::MAX);
        let info = SessionInfo { slot, state: standing.state(), flags: standing.flags, device_error: 0 };
        Ok((Rv::OK, answer::GetSessionInfo { info }))
    }
}

impl Serve for request::SessionCancel {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SessionCancel), Rv> {
        let ended = desk.application.with(self.session, |session| {
            if self.flags.has(MechanismFlags::FIND_OBJECTS) {
                session.search = None;
            }
            let named = MESSAGES.iter().filter(|(flag, _)| self.flags.has(*flag));
            let mut ended: Vec<_> =
                named.filter_map(|(_, kind)| session.take_messages(*kind).and_then(|_| session.take(*kind))).collect();
            let named = CANCELS.iter().filter(|(flag, _)| self.flags.has(*flag));
            ended.extend(named.filter_map(|(_, kind)| session.take(*kind)));
            ended
        })?;
        ended.iter().for_each(|operation| desk.abandon(operation));
        Ok((Rv::OK, answer::SessionCancel {}))
    }
}

const CANCELS: [(MechanismFlags, Kind); 7] = [
    (MechanismFlags::ENCRYPT, Kind::Encrypt),
    (MechanismFlags::DECRYPT, Kind::Decrypt),
    (MechanismFlags::DIGEST, Kind::Digest),
    (MechanismFlags::SIGN, Kind::Sign),
    (MechanismFlags::VERIFY, Kind::Verify),
    (MechanismFlags::SIGN_RECOVER, Kind::SignRecover),
    (MechanismFlags::VERIFY_RECOVER, Kind::VerifyRecover),
];

const MESSAGES: [(MechanismFlags, Kind); 4] = [
    (MechanismFlags::MESSAGE_ENCRYPT, Kind::Encrypt),
    (MechanismFlags::MESSAGE_DECRYPT, Kind::Decrypt),
    (MechanismFlags::MESSAGE_SIGN, Kind::Sign),
    (MechanismFlags::MESSAGE_VERIFY, Kind::Verify),
];
