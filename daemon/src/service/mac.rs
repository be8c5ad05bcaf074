//! MAC: a message authentication code.

use strongroom_kmip::{
    code::Operation,
    payload::{MACRequest, MACResponse},
    secret::Secret,
    ttlv::Bytes,
};

use super::{call::Call, contract::Perform, parameters, refusal::Refusal, stream::Part, working};
use crate::vault::Purpose;

impl Perform for MACRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<MACResponse, Refusal> {
        let part = Part::of(self.correlation_value.as_ref(), self.init_indicator, self.final_indicator);
        let data = self.data.as_ref().map(Secret::reveal);
        call.notes.input = data.and_then(|data| u64::try_from(data.len()).ok());
        let mut stream = match part.correlation {
            Some(correlation) => working::resume(call, correlation, Operation::MAC)?,
            None => {
                let named = self.unique_identifier.as_ref();
                let tool =
                    working::tool(call, named, Purpose::Sign, self.cryptographic_parameters, |_, key, given| {
                        parameters::mac(&given, key.shape(), key.object().attributes.algorithm())
                    })?;
                working::spend(call, &tool.usable, &tool.mechanism)?;
                if part.is_whole() {
                    let data = data.ok_or_else(|| Refusal::missing("Data"))?;
                    let mac = tool.usable.work(&tool.mechanism, data)?;
                    call.placeholder = Some(tool.id.clone());
                    return Ok(MACResponse {
                        unique_identifier: tool.id.as_str().into(),
                        mac_data: Some(Bytes(mac.reveal().to_vec())),
                        correlation_value: None,
                    });
                }
                tool.begin(call, Operation::MAC)?
            }
        };
        working::feed(call, &mut stream, data)?;
        let id = stream.object.clone();
        let (mac_data, correlation_value) = if part.last {
            (Some(Bytes(stream.work.finish()?.reveal().to_vec())), None)
        } else {
            (None, Some(working::keep(call, stream, part)?))
        };
        call.placeholder.clone_from(&id);
        Ok(MACResponse { unique_identifier: working::identifier(id.as_ref()), mac_data, correlation_value })
    }
}
