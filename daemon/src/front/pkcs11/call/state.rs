//! Saving what is under way, and going on with it. What an application gets is a ticket: the state itself stays here, with
//! the application that saved it and the token that it was saved in, so nobody can read, change or make one up.
//!
//! Digests, MACs and signatures can be saved. A cipher cannot: two that go on from one place would encrypt with one keystream,
//! or say of two texts where they are alike. Nor can work with a key whose uses are counted.

use strongroom_pkcs11_wire::{
    Rv,
    call::{answer, request},
    value::{Output, Wiped},
};

use super::{contract::Serve, work};
use crate::front::pkcs11::{
    desk::Desk,
    operation::{Kind, Operation, Tool},
    refusal::{About, Failure},
    session::{Saved, Ticket},
};

impl Serve for request::GetOperationState {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GetOperationState), Rv> {
        let standing = desk.application.standing(self.session)?;
        let found = desk.application.with(self.session, |session| session.branches())?;
        let mut operations = found.ok_or(Rv::STATE_UNSAVEABLE)?;
        if operations.is_empty() {
            return Err(Rv::OPERATION_NOT_INITIALIZED);
        }
        if operations.iter().any(|operation| is_counted(desk, operation)) {
            return Err(Rv::STATE_UNSAVEABLE);
        }
        if let Err((rv, output)) = self.room.check(Ticket::LENGTH) {
            return Ok((rv, answer::GetOperationState { output }));
        }
        go_on(desk, &mut operations, Rv::STATE_UNSAVEABLE)?;
        let (ticket, forgotten) = desk.application.save(Saved { slot: standing.slot, operations });
        forgotten.iter().for_each(|operation| desk.abandon(operation));
        let output = Output::Bytes(Wiped::from(&ticket.to_bytes(desk.house.run)[..]));
        Ok((Rv::OK, answer::GetOperationState { output }))
    }
}

impl Serve for request::SetOperationState {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SetOperationState), Rv> {
        let standing = desk.application.standing(self.session)?;
        let ticket = Ticket::from_bytes(&self.state, desk.house.run).ok_or(Rv::SAVED_STATE_INVALID)?;
        let found = desk.application.saved(ticket, standing.slot).ok_or(Rv::SAVED_STATE_INVALID)?;
        let mut operations = found;
        // Nothing that encrypts or decrypts was ever saved.
        if self.encryption != 0 {
            return Err(Rv::KEY_NOT_NEEDED);
        }
        for operation in &operations {
            may_go_on(desk, operation)?;
        }
        if self.authentication != 0 {
            let (_, given) = desk.application.object(self.session, self.authentication, Rv::KEY_HANDLE_INVALID)?;
            let keys: Vec<_> = operations.iter().filter_map(Operation::key).collect();
            if keys.is_empty() {
                return Err(Rv::KEY_NOT_NEEDED);
            }
            if !keys.contains(&&given) {
                return Err(Rv::KEY_CHANGED);
            }
        }
        go_on(desk, &mut operations, Rv::SAVED_STATE_INVALID)?;
        let replaced = desk.application.with(self.session, |session| session.replace(operations, standing.term))?;
        let (said, ended) =
            replaced.map_or_else(|unused| (Err(Rv::USER_NOT_LOGGED_IN), unused), |ended| (Ok(()), ended));
        ended.iter().for_each(|operation| desk.abandon(operation));
        said?;
        Ok((Rv::OK, answer::SetOperationState {}))
    }
}

/// Gives each operation that has begun a stream of its own. When one of them cannot have it, none has.
fn go_on(desk: &Desk<'_>, operations: &mut [Operation], otherwise: Rv) -> Result<(), Rv> {
    let mut made = Vec::new();
    for operation in operations.iter_mut() {
        let Some(stream) = operation.stream.take() else { continue };
        let branched = match desk.house.service.branch(desk.caller, &stream) {
            Ok(branched) => branched.ok_or(otherwise),
            Err(refusal) => Err(Failure::Refused(refusal).rv(About::Data)),
        };
        match branched {
            Ok(own) => {
                made.push(own.clone());
                operation.stream = Some(own);
            }
            Err(rv) => {
                made.iter().for_each(|stream| desk.house.service.abandon(stream));
                return Err(rv);
            }
        }
    }
    Ok(())
}

/// Whether the key says how often it may be used.
fn is_counted(desk: &Desk<'_>, operation: &Operation) -> bool {
    let Some(key) = operation.key() else { return false };
    let protects = matches!(operation.kind, Kind::Sign | Kind::SignRecover);
    let object = desk.house.service.glance(desk.caller, key);
    protects && object.is_ok_and(|object| object.attributes.usage_limits().is_some())
}

/// Whether the application may still work with the key, as if it began now.
fn may_go_on(desk: &Desk<'_>, operation: &Operation) -> Result<(), Rv> {
    let Tool::Key { id, mechanism, .. } = &operation.tool else { return Ok(()) };
    let (purpose, recorded) = work::purpose(operation.kind);
    match desk.house.service.prepare(desk.caller, id, purpose, mechanism) {
        Ok(_) => Ok(()),
        Err(refusal) => Err(desk.refuse(recorded, id, refusal, About::Key)),
    }
}
