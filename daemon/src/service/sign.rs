//! Sign: over data, or over a digest that was taken already.

use strongroom_kmip::{
    code::Operation,
    payload::{SignRequest, SignResponse},
    secret::Secret,
    ttlv::Bytes,
};

use super::{call::Call, contract::Perform, parameters, refusal::Refusal, stream::Part, working};
use crate::vault::Purpose;

impl Perform for SignRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<SignResponse, Refusal> {
        let part = Part::of(self.correlation_value.as_ref(), self.init_indicator, self.final_indicator);
        let digested = self.digested_data.is_some();
        let data = self.digested_data.as_ref().or(self.data.as_ref()).map(Secret::reveal);
        call.notes.input = data.and_then(|data| u64::try_from(data.len()).ok());
        let mut stream = match part.correlation {
            Some(correlation) => working::resume(call, correlation, Operation::Sign)?,
            None => {
                let named = self.unique_identifier.as_ref();
                let tool =
                    working::tool(call, named, Purpose::Sign, self.cryptographic_parameters, |_, key, given| {
                        parameters::signature(&given, key.shape(), digested)
                    })?;
                if part.is_whole() {
                    let data = data.ok_or_else(|| Refusal::missing("Data or Digested Data"))?;
                    let signature = tool.usable.work(&tool.mechanism, data)?;
                    call.placeholder = Some(tool.id.clone());
                    return Ok(SignResponse {
                        unique_identifier: tool.id.as_str().into(),
                        signature_data: Some(Bytes(signature.reveal().to_vec())),
                        correlation_value: None,
                    });
                }
                tool.begin(call, Operation::Sign)?
            }
        };
        working::feed(call, &mut stream, data)?;
        let id = stream.object.clone();
        let (signature_data, correlation_value) = if part.last {
            (Some(Bytes(stream.work.finish()?.reveal().to_vec())), None)
        } else {
            (None, Some(working::keep(call, stream, part)?))
        };
        call.placeholder.clone_from(&id);
        Ok(SignResponse { unique_identifier: working::identifier(id.as_ref()), signature_data, correlation_value })
    }
}
