//! Signature Verify: whether a signature fits data, or a digest of them.

use strongroom_kmip::{
    code::Operation,
    mechanism::Mechanism,
    payload::{SignatureVerifyRequest, SignatureVerifyResponse},
    secret::Secret,
};

use super::{
    call::Call,
    checking::{self, Claim},
    contract::Perform,
    parameters,
    refusal::Refusal,
    stream::Part,
    working::{self, Tool},
};
use crate::vault::Purpose;

impl Perform for SignatureVerifyRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<SignatureVerifyResponse, Refusal> {
        let digested = self.digested_data.is_some();
        let claim = Claim {
            part: Part::of(self.correlation_value.as_ref(), self.init_indicator, self.final_indicator),
            data: self.digested_data.as_ref().or(self.data.as_ref()).map(Secret::reveal),
            proof: self.signature_data.as_ref(),
        };
        let (named, given) = (self.unique_identifier.as_ref(), self.cryptographic_parameters);
        if let (None, true, Some(signature)) = (claim.data, claim.part.is_whole(), claim.proof) {
            let tool = working::tool(call, named, Purpose::Verify, given, |_, key, given| {
                parameters::signature(&given, key.shape(), digested)
            })?;
            return recover(call, &tool, &signature.0);
        }
        let verdict = checking::check(call, Operation::SignatureVerify, &claim, |call| {
            working::tool(call, named, Purpose::Verify, given, |_, key, given| {
                parameters::signature(&given, key.shape(), digested)
            })
        })?;
        Ok(SignatureVerifyResponse {
            unique_identifier: working::identifier(verdict.id.as_ref()),
            validity_indicator: verdict.validity,
            data: None,
            correlation_value: verdict.correlation,
        })
    }
}

/// Gives back what was signed, where the signature holds it (KMIP 2.1 §6.1.60, Data).
fn recover(call: &mut Call<'_>, tool: &Tool, signature: &[u8]) -> Result<SignatureVerifyResponse, Refusal> {
    if !matches!(tool.mechanism, Mechanism::RsaPkcs1 | Mechanism::RsaRaw) {
        return Err(Refusal::missing("Data"));
    }
    let data = tool.usable.recover(&tool.mechanism, signature)?;
    call.placeholder = Some(tool.id.clone());
    Ok(SignatureVerifyResponse {
        unique_identifier: working::identifier(Some(&tool.id)),
        validity_indicator: Some(checking::said(data.is_some())),
        data,
        correlation_value: None,
    })
}
