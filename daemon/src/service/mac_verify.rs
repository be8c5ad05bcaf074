//! MAC Verify: whether a message authentication code fits data.

use strongroom_kmip::{
    code::Operation,
    payload::{MACVerifyRequest, MACVerifyResponse},
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

impl Perform for MACVerifyRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<MACVerifyResponse, Refusal> {
        let claim = Claim {
            part: Part::of(self.correlation_value.as_ref(), self.init_indicator, self.final_indicator),
            data: self.data.as_ref().map(Secret::reveal),
            proof: self.mac_data.as_ref(),
        };
        let (named, given) = (self.unique_identifier.as_ref(), self.cryptographic_parameters);
        let verdict = checking::check(call, Operation::MACVerify, &claim, |call| {
            working::tool(call, named, Purpose::Verify, given, |_, key, given| {
                parameters::mac(&given, key.shape(), key.object().attributes.algorithm())
            })
        })?;
        Ok(MACVerifyResponse {
            unique_identifier: working::identifier(verdict.id.as_ref()),
            validity_indicator: verdict.validity,
            correlation_value: verdict.correlation,
        })
    }
}
