//! Decrypt: in one go or in parts. Every failure looks alike.

use strongroom_kmip::{
    attribute::CryptographicParameters,
    code::Operation,
    payload::{DecryptRequest, DecryptResponse},
    secret::Secret,
};

use super::{
    call::Call,
    contract::Perform,
    parameters::{self, Given},
    refusal::Refusal,
    stream::{Part, Stream},
    working,
};
use crate::vault::{Purpose, SlotError, Usable};

impl Perform for DecryptRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<DecryptResponse, Refusal> {
        let part = Part::of(self.correlation_value.as_ref(), self.init_indicator, self.final_indicator);
        let data = self.data.as_ref().map(|data| data.0.as_slice());
        let tag = self.authenticated_encryption_tag.as_ref().map(|tag| tag.0.clone());
        call.notes.input = data.and_then(|data| u64::try_from(data.len()).ok());
        if let Some(correlation) = part.correlation {
            let mut stream = working::resume(call, correlation, Operation::Decrypt)?;
            stream.expected = tag.or(stream.expected);
            return go_on(call, stream, part, data);
        }
        let given = Given {
            iv: self.iv_counter_nonce.map(|bytes| bytes.0),
            additional: self.authenticated_encryption_additional_data.map(|bytes| bytes.0).unwrap_or_default(),
        };
        let tag_length = tag.as_ref().map(Vec::len);
        let translate = |_: &Call<'_>, usable: &Usable, parameters: CryptographicParameters| {
            // A tag decides nothing about its own length: whoever cuts it short would have less to guess.
            if tag_length.is_some_and(|length| parameters::tag_length(&parameters, usable.shape()) != Ok(length)) {
                return Err(SlotError::Undecryptable.into());
            }
            parameters::cipher(&parameters, usable.shape(), given)
        };
        let named = self.unique_identifier.as_ref();
        let tool = working::tool(call, named, Purpose::Decrypt, self.cryptographic_parameters, translate)?;
        if part.is_whole() {
            let data = data.ok_or_else(|| Refusal::missing("Data"))?;
            let out = match &tag {
                Some(tag) => tool.usable.work(&tool.mechanism, &[data, tag].concat())?,
                None => tool.usable.work(&tool.mechanism, data)?,
            };
            call.notes.output = u64::try_from(out.len()).ok();
            call.placeholder = Some(tool.id.clone());
            return Ok(DecryptResponse {
                unique_identifier: tool.id.as_str().into(),
                data: Some(out),
                correlation_value: None,
            });
        }
        let mut stream = tool.begin(call, Operation::Decrypt)?;
        stream.expected = tag;
        go_on(call, stream, part, data)
    }
}

fn go_on(
    call: &mut Call<'_>,
    mut stream: Stream,
    part: Part<'_>,
    data: Option<&[u8]>,
) -> Result<DecryptResponse, Refusal> {
    let mut ready: Secret = working::feed(call, &mut stream, data)?;
    let id = stream.object.clone();
    let mut correlation_value = None;
    if part.last {
        if let Some(tag) = stream.expected.take() {
            ready = working::join(&ready, working::feed(call, &mut stream, Some(&tag))?);
        }
        ready = working::join(&ready, stream.work.finish()?);
    } else {
        correlation_value = Some(working::keep(call, stream, part)?);
    }
    call.placeholder.clone_from(&id);
    Ok(DecryptResponse {
        unique_identifier: working::identifier(id.as_ref()),
        data: working::some(ready),
        correlation_value,
    })
}
