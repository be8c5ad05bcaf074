//! Saving what is under way, which is refused: the state of a cipher or a MAC is as good as its key, and stays inside.

use strongroom_pkcs11_wire::{
    Rv,
    call::{answer, request},
};

use super::contract::Serve;
use crate::front::pkcs11::{desk::Desk, operation::Kind};

impl Serve for request::GetOperationState {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::GetOperationState), Rv> {
        let is_busy =
            desk.application.with(self.session, |session| Kind::ALL.iter().any(|kind| session.is_active(*kind)))?;
        Err(if is_busy { Rv::STATE_UNSAVEABLE } else { Rv::OPERATION_NOT_INITIALIZED })
    }
}

impl Serve for request::SetOperationState {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SetOperationState), Rv> {
        desk.application.standing(self.session)?;
        // No state was ever saved here.
        Err(Rv::SAVED_STATE_INVALID)
    }
}
