//! Signing and verifying; with a symmetric key it is a MAC.

use strongroom_kmip::{
    code::ValidityIndicator,
    payload::{MACVerifyRequest, SignatureVerifyRequest},
    secret::Secret,
    ttlv,
};
use strongroom_pkcs11_wire::{
    Rv,
    call::{answer, request},
    value::{Bytes, Wiped},
};

use super::{
    contract::Serve,
    work::{self, Step},
};
use crate::front::pkcs11::{
    desk::Desk,
    operation::{Kind, Operation, Stage},
    refusal::About,
};

impl Serve for request::SignInit {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SignInit), Rv> {
        work::begin(desk, Kind::Sign, self.session, self.mechanism, self.key)?;
        Ok((Rv::OK, answer::SignInit {}))
    }
}

impl Serve for request::Sign {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::Sign), Rv> {
        let (rv, output) = work::go_on(desk, Kind::Sign, Stage::Whole, self.session, self.data, self.room)?;
        Ok((rv, answer::Sign { output }))
    }
}

impl Serve for request::SignUpdate {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SignUpdate), Rv> {
        work::feed(desk, Kind::Sign, self.session, self.data)?;
        Ok((Rv::OK, answer::SignUpdate {}))
    }
}

impl Serve for request::SignFinal {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SignFinal), Rv> {
        let nothing = Wiped::new(Vec::new());
        let (rv, output) = work::go_on(desk, Kind::Sign, Stage::Last, self.session, nothing, self.room)?;
        Ok((rv, answer::SignFinal { output }))
    }
}

impl Serve for request::VerifyInit {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifyInit), Rv> {
        work::begin(desk, Kind::Verify, self.session, self.mechanism, self.key)?;
        Ok((Rv::OK, answer::VerifyInit {}))
    }
}

impl Serve for request::Verify {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::Verify), Rv> {
        without_proof(desk, self.session)?;
        end(desk, self.session, Stage::Whole, Some(self.data), &self.signature)?;
        Ok((Rv::OK, answer::Verify {}))
    }
}

impl Serve for request::VerifyUpdate {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifyUpdate), Rv> {
        without_proof(desk, self.session)?;
        feed(desk, self.session, self.data)?;
        Ok((Rv::OK, answer::VerifyUpdate {}))
    }
}

impl Serve for request::VerifyFinal {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifyFinal), Rv> {
        without_proof(desk, self.session)?;
        end(desk, self.session, Stage::Last, None, &self.signature)?;
        Ok((Rv::OK, answer::VerifyFinal {}))
    }
}

impl Serve for request::VerifySignatureInit {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifySignatureInit), Rv> {
        let is_begun = self.mechanism.is_some();
        work::begin(desk, Kind::Verify, self.session, self.mechanism, self.key)?;
        if is_begun {
            let mut operation = work::take(desk, Kind::Verify, self.session, Stage::Part)?;
            // One of another length is no signature, and nothing begins.
            if operation.signature_length().is_some_and(|length| length != self.signature.len()) {
                return Err(Rv::SIGNATURE_LEN_RANGE);
            }
            operation.proof = Some(self.signature);
            work::put_back(desk, self.session, operation)?;
        }
        Ok((Rv::OK, answer::VerifySignatureInit {}))
    }
}

impl Serve for request::VerifySignature {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifySignature), Rv> {
        end_with_proof(desk, self.session, Stage::Whole, Some(self.data))?;
        Ok((Rv::OK, answer::VerifySignature {}))
    }
}

impl Serve for request::VerifySignatureUpdate {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifySignatureUpdate), Rv> {
        with_proof(desk, self.session)?;
        feed(desk, self.session, self.data)?;
        Ok((Rv::OK, answer::VerifySignatureUpdate {}))
    }
}

impl Serve for request::VerifySignatureFinal {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifySignatureFinal), Rv> {
        end_with_proof(desk, self.session, Stage::Last, None)?;
        Ok((Rv::OK, answer::VerifySignatureFinal {}))
    }
}

/// Refuses to go on with a verification whose signature came first as if it came last.
fn without_proof(desk: &Desk<'_>, session: u64) -> Result<(), Rv> {
    if desk.application.with(session, |session| session.has_proof())? { Err(NOT_BEGUN) } else { Ok(()) }
}

/// Refuses to go on with a verification as if its signature came first.
fn with_proof(desk: &Desk<'_>, session: u64) -> Result<(), Rv> {
    if desk.application.with(session, |session| session.has_proof())? { Ok(()) } else { Err(NOT_BEGUN) }
}

/// Ends a verification.
///
/// # Errors
/// [`Rv::SIGNATURE_INVALID`], and what else is against it.
pub fn end(desk: &Desk<'_>, session: u64, stage: Stage, data: Option<Wiped>, signature: &Bytes) -> Result<(), Rv> {
    let mut operation = work::take(desk, Kind::Verify, session, stage)?;
    check(desk, &mut operation, stage, data, Some(signature))
}

/// Ends a verification whose signature came first.
fn end_with_proof(desk: &Desk<'_>, session: u64, stage: Stage, data: Option<Wiped>) -> Result<(), Rv> {
    with_proof(desk, session)?;
    let mut operation = work::take(desk, Kind::Verify, session, stage)?;
    let proof = operation.proof.take();
    check(desk, &mut operation, stage, data, proof.as_ref())
}

/// Goes on with a verification that takes a part of its data.
///
/// # Errors
/// What is against it; the verification is then over.
pub fn feed(desk: &Desk<'_>, session: u64, data: Wiped) -> Result<(), Rv> {
    let mut operation = work::take_for_part(desk, Kind::Verify, session)?;
    check(desk, &mut operation, Stage::Part, Some(data), None)?;
    work::put_back(desk, session, operation)
}

/// What a verification is called that was not begun so: with its signature first, or last.
const NOT_BEGUN: Rv = Rv::OPERATION_NOT_INITIALIZED;

/// Asks the service for the next step of a verification.
fn check(
    desk: &Desk<'_>,
    operation: &mut Operation,
    stage: Stage,
    data: Option<Wiped>,
    signature: Option<&Bytes>,
) -> Result<(), Rv> {
    if let (Some(length), Some(signature)) = (operation.signature_length(), signature)
        && signature.len() != length
    {
        desk.abandon(operation);
        return Err(Rv::SIGNATURE_LEN_RANGE);
    }
    // The end of what never began is the whole of nothing.
    let begun = operation.stream.is_some();
    let stage = if stage == Stage::Last && !begun { Stage::Whole } else { stage };
    let data = data.map(|data| Secret::new(data.into_vec()));
    let data = if stage == Stage::Whole { Some(data.unwrap_or_else(|| Secret::copy_of(&[]))) } else { data };
    let proof = signature.map(|signature| ttlv::Bytes(signature.to_vec()));
    let step = Step::of(operation, stage);
    let (validity, stream) = if operation.is_mac() {
        let request = MACVerifyRequest {
            unique_identifier: step.key,
            cryptographic_parameters: None,
            data,
            mac_data: proof,
            correlation_value: step.stream,
            init_indicator: step.first,
            final_indicator: step.last,
        };
        let answer = desk.ask_with(request, step.mechanism).map_err(|failure| failure.rv(About::Signature))?;
        (answer.validity_indicator, answer.correlation_value)
    } else {
        let request = SignatureVerifyRequest {
            unique_identifier: step.key,
            cryptographic_parameters: None,
            data,
            digested_data: None,
            signature_data: proof,
            correlation_value: step.stream,
            init_indicator: step.first,
            final_indicator: step.last,
        };
        let answer = desk.ask_with(request, step.mechanism).map_err(|failure| failure.rv(About::Signature))?;
        (answer.validity_indicator, answer.correlation_value)
    };
    operation.stream = stream;
    match (stage, validity) {
        (Stage::Part, _) | (_, Some(ValidityIndicator::Valid)) => Ok(()),
        _ => Err(Rv::SIGNATURE_INVALID),
    }
}
