//! Hash: a digest, in one go or in parts.

use strongroom_kmip::{
    code::Operation,
    payload::{HashRequest, HashResponse},
    secret::Secret,
    ttlv::Bytes,
};

use super::{
    call::Call,
    contract::Perform,
    parameters,
    refusal::Refusal,
    stream::{Part, Stream},
    working,
};

impl Perform for HashRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<HashResponse, Refusal> {
        let part = Part::of(self.correlation_value.as_ref(), self.init_indicator, self.final_indicator);
        let mut stream = match part.correlation {
            Some(correlation) => working::resume(call, correlation, Operation::Hash)?,
            None => Stream {
                owner: call.caller.principal.clone(),
                operation: Operation::Hash,
                object: None,
                mechanism: "digest",
                tag: 0,
                expected: None,
                share: call.streams.admit(&call.caller.principal, call.vault.now())?,
                work: call.vault.digest(parameters::digest(&self.cryptographic_parameters)?)?,
                fed: call.vault.now(),
            },
        };
        let data = self.data.as_ref().map(Secret::reveal);
        call.notes.input = data.and_then(|data| u64::try_from(data.len()).ok());
        if part.is_whole() && data.is_none() {
            return Err(Refusal::missing("Data"));
        }
        working::feed(call, &mut stream, data)?;
        if part.last || part.is_whole() {
            let digest = stream.work.finish()?;
            return Ok(HashResponse { data: Some(Bytes(digest.reveal().to_vec())), correlation_value: None });
        }
        Ok(HashResponse { data: None, correlation_value: Some(working::keep(call, stream, part)?) })
    }
}
