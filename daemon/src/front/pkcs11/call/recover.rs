//! Signing so that the data can be had back from the signature, and having them back.

use strongroom_pkcs11_wire::{
    Rv,
    call::{answer, request},
    value::Wiped,
};

use super::{contract::Serve, work};
use crate::front::pkcs11::{
    desk::Desk,
    operation::{Kind, Stage},
};

impl Serve for request::SignRecoverInit {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SignRecoverInit), Rv> {
        work::begin(desk, Kind::SignRecover, self.session, self.mechanism, self.key)?;
        Ok((Rv::OK, answer::SignRecoverInit {}))
    }
}

impl Serve for request::SignRecover {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SignRecover), Rv> {
        let (rv, output) = work::go_on(desk, Kind::SignRecover, Stage::Whole, self.session, self.data, self.room)?;
        Ok((rv, answer::SignRecover { output }))
    }
}

impl Serve for request::VerifyRecoverInit {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifyRecoverInit), Rv> {
        work::begin(desk, Kind::VerifyRecover, self.session, self.mechanism, self.key)?;
        Ok((Rv::OK, answer::VerifyRecoverInit {}))
    }
}

impl Serve for request::VerifyRecover {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifyRecover), Rv> {
        let operation = work::take(desk, Kind::VerifyRecover, self.session, Stage::Whole)?;
        if operation.signature_length().is_some_and(|length| length != self.signature.len()) {
            return Err(Rv::SIGNATURE_LEN_RANGE);
        }
        work::put_back(desk, self.session, operation)?;
        let signature = Wiped::new(self.signature.0);
        let (rv, output) = work::go_on(desk, Kind::VerifyRecover, Stage::Whole, self.session, signature, self.room)?;
        Ok((rv, answer::VerifyRecover { output }))
    }
}
