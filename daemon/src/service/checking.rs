//! What Signature Verify and MAC Verify have in common: one answer, Valid or Invalid, in one go or in parts.

use strongroom_kmip::{
    code::{Operation, ValidityIndicator},
    ttlv::Bytes,
};

use super::{
    call::Call,
    refusal::Refusal,
    stream::Part,
    working::{self, Tool},
};
use crate::vault::{ObjectId, SlotError};

/// What is to be checked against what.
pub struct Claim<'r> {
    /// Where in a stream the request stands.
    pub part: Part<'r>,
    /// The data.
    pub data: Option<&'r [u8]>,
    /// The signature or MAC; it may come with the first part or with the last.
    pub proof: Option<&'r Bytes>,
}

/// What came of it.
pub struct Verdict {
    /// The object.
    pub id: Option<ObjectId>,
    /// Whether it fits, once all is there.
    pub validity: Option<ValidityIndicator>,
    /// Under which value to go on.
    pub correlation: Option<Bytes>,
}

/// Checks a claim with the key that `tool` takes.
///
/// # Errors
/// [`Refusal`]; a signature that does not fit is no error.
pub fn check(
    call: &mut Call<'_>,
    operation: Operation,
    claim: &Claim<'_>,
    tool: impl FnOnce(&mut Call<'_>) -> Result<Tool, Refusal>,
) -> Result<Verdict, Refusal> {
    call.notes.input = claim.data.and_then(|data| u64::try_from(data.len()).ok());
    let missing = || Refusal::missing("Signature Data or MAC Data");
    let mut stream = match claim.part.correlation {
        Some(correlation) => working::resume(call, correlation, operation)?,
        None => {
            let tool = tool(call)?;
            if claim.part.is_whole() {
                let data = claim.data.ok_or_else(|| Refusal::missing("Data"))?;
                let fits = tool.usable.verify(&tool.mechanism, data, &claim.proof.ok_or_else(missing)?.0)?;
                call.placeholder = Some(tool.id.clone());
                return Ok(Verdict { id: Some(tool.id), validity: Some(said(fits)), correlation: None });
            }
            tool.begin(call, operation)?
        }
    };
    if let Some(proof) = claim.proof {
        stream.expected = Some(proof.0.clone());
    }
    working::feed(call, &mut stream, claim.data)?;
    let id = stream.object.clone();
    call.placeholder.clone_from(&id);
    if !claim.part.last {
        let correlation = Some(working::keep(call, stream, claim.part)?);
        return Ok(Verdict { id, validity: None, correlation });
    }
    let proof = stream.expected.ok_or_else(missing)?;
    let fits = match stream.work.finish_against(&proof) {
        Ok(()) => true,
        Err(SlotError::Mismatch) => false,
        Err(error) => return Err(error.into()),
    };
    Ok(Verdict { id, validity: Some(said(fits)), correlation: None })
}

/// The word for it.
pub fn said(fits: bool) -> ValidityIndicator {
    if fits { ValidityIndicator::Valid } else { ValidityIndicator::Invalid }
}
