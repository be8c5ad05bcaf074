//! Encrypt: in one go or in parts, with a nonce of ours where the request brings none.

use strongroom_kmip::{
    attribute::CryptographicParameters,
    code::Operation,
    mechanism::Mechanism,
    payload::{EncryptRequest, EncryptResponse},
    secret::Secret,
    ttlv::Bytes,
};

use super::{
    call::Call,
    contract::Perform,
    parameters::{self, Given},
    refusal::Refusal,
    stream::Part,
    working::{self, Tool},
};
use crate::vault::{Purpose, Usable};

impl Perform for EncryptRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<EncryptResponse, Refusal> {
        let part = Part::of(self.correlation_value.as_ref(), self.init_indicator, self.final_indicator);
        let data = self.data.as_ref().map(Secret::reveal);
        call.notes.input = data.and_then(|data| u64::try_from(data.len()).ok());
        if let Some(correlation) = part.correlation {
            let stream = working::resume(call, correlation, Operation::Encrypt)?;
            return go_on(call, stream, part, data, None);
        }
        let mut nonce = None;
        let additional = self.authenticated_encryption_additional_data.map(|bytes| bytes.0).unwrap_or_default();
        let given = self.iv_counter_nonce.map(|bytes| bytes.0);
        let translate = |call: &Call<'_>, usable: &Usable, parameters: CryptographicParameters| {
            let iv = match given {
                Some(iv) => Some(iv),
                None => {
                    nonce = fresh_nonce(call, usable, &parameters)?;
                    nonce.clone()
                }
            };
            parameters::cipher(&parameters, usable.shape(), Given { iv, additional })
        };
        let named = self.unique_identifier.as_ref();
        let tool = working::tool(call, named, Purpose::Encrypt, self.cryptographic_parameters, translate)?;
        if nonce.is_none() {
            working::spend(call, &tool.usable, &tool.mechanism)?;
        }
        if part.is_whole() {
            return whole(call, &tool, data.ok_or_else(|| Refusal::missing("Data"))?, nonce);
        }
        let stream = tool.begin(call, Operation::Encrypt)?;
        go_on(call, stream, part, data, nonce)
    }
}

/// A nonce that the server chose, for a mode that takes one.
fn fresh_nonce(
    call: &Call<'_>,
    usable: &Usable,
    parameters: &CryptographicParameters,
) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(length) = parameters::iv_length(parameters, usable.shape()) else { return Ok(None) };
    if length > LONGEST_NONCE {
        return Err(Refusal::invalid("IV Length is more than any mode takes"));
    }
    let mut nonce = vec![0; length];
    call.vault.chance().fill(&mut nonce).map_err(crate::vault::Error::from)?;
    Ok(Some(nonce))
}

fn whole(call: &mut Call<'_>, tool: &Tool, data: &[u8], nonce: Option<Vec<u8>>) -> Result<EncryptResponse, Refusal> {
    let out = tool.usable.work(&tool.mechanism, data)?;
    let (data, tag) = apart(&tool.mechanism, &out)?;
    call.notes.output = u64::try_from(data.len()).ok();
    call.placeholder = Some(tool.id.clone());
    Ok(EncryptResponse {
        unique_identifier: tool.id.as_str().into(),
        data: Some(Bytes(data.to_vec())),
        iv_counter_nonce: nonce.map(Bytes),
        correlation_value: None,
        authenticated_encryption_tag: tag,
    })
}

fn go_on(
    call: &mut Call<'_>,
    mut stream: super::stream::Stream,
    part: Part<'_>,
    data: Option<&[u8]>,
    nonce: Option<Vec<u8>>,
) -> Result<EncryptResponse, Refusal> {
    let ready = working::feed(call, &mut stream, data)?;
    let id = stream.object.clone();
    let mut answer = EncryptResponse {
        unique_identifier: working::identifier(id.as_ref()),
        data: None,
        iv_counter_nonce: nonce.map(Bytes),
        correlation_value: None,
        authenticated_encryption_tag: None,
    };
    if part.last {
        let length = stream.tag;
        let out = working::join(&ready, stream.work.finish()?);
        let (data, tag) = split(&out, length)?;
        answer.data = (!data.is_empty()).then(|| Bytes(data.to_vec()));
        answer.authenticated_encryption_tag = tag;
    } else {
        answer.data = working::some(ready).map(|ready| Bytes(ready.reveal().to_vec()));
        answer.correlation_value = Some(working::keep(call, stream, part)?);
    }
    call.placeholder = id;
    Ok(answer)
}

fn apart<'o>(mechanism: &Mechanism, out: &'o Secret) -> Result<(&'o [u8], Option<Bytes>), Refusal> {
    split(out, mechanism.tag())
}

/// Ciphertext and tag, which a slot gives in one piece and KMIP answers in two.
fn split(out: &Secret, tag: usize) -> Result<(&[u8], Option<Bytes>), Refusal> {
    if tag == 0 {
        return Ok((out.reveal(), None));
    }
    let short = || Refusal::new(strongroom_kmip::code::ResultReason::GeneralFailure, "the slot gave no whole tag");
    let at = out.len().checked_sub(tag).ok_or_else(short)?;
    let (data, tag) = out.reveal().split_at_checked(at).ok_or_else(short)?;
    Ok((data, Some(Bytes(tag.to_vec()))))
}

/// AWS-LC takes no longer ones.
const LONGEST_NONCE: usize = 256;
