//! Signature Verify: whether a signature fits data, or a digest of them.

use strongroom_kmip::{
    code::Operation,
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
    working,
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
