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
        let (object, _) = call.see(&id, Action::Live)?;
        // What could not be destroyed now cannot go without a trace either.
        if let Some(state) = object.state(call.vault.now())
            && !vault::is_destroyed(state)
            && vault::after(state, Event::Destroy).is_none()
        {
            return Err(vault::Error::State { object: id, state }.into());
        }
        call.notes.after = Some(State::Destroyed);
        let (vault, caller) = (call.vault, call.caller);
        vault.expunge(call.change()?, caller, &id)?;
        Ok(ObliterateResponse { unique_identifier: id.as_str().into() })
    }
}
