//! Obliterate: nothing of an object stays, its attributes neither; the audit log alone remembers it (KMIP 3.0).

use strongroom_kmip::{
    code::State,
    payload::{ObliterateRequest, ObliterateResponse},
};

use super::{call::Call, contract::Perform, refusal::Refusal};
use crate::vault::{self, Action, Event};

impl Perform for ObliterateRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<ObliterateResponse, Refusal> {
        let id = call.subject(self.unique_identifier.as_ref())?;
        call.see(&id, Action::Live)?;
        let (now, notes) = (call.vault.now(), call.notes.clone());
        // What could not be destroyed now cannot go without a trace either. Asked of the object as it is claimed: it may
        // have been activated since it was looked at.
        call.edit(&id, Action::Live, |object| match object.state(now) {
            Some(state) if !vault::is_destroyed(state) && vault::after(state, Event::Destroy).is_none() => {
                Err(Refusal::from(vault::Error::State { object: object.id.clone(), state }))
            }
            _ => Ok(()),
        })?;
        call.notes = notes;
        call.notes.after = Some(State::Destroyed);
        let (vault, caller) = (call.vault, call.caller);
        vault.expunge(call.change()?, caller, &id)?;
        Ok(ObliterateResponse { unique_identifier: id.as_str().into() })
    }
}
