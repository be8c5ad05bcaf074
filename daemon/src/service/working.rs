//! What Encrypt, Decrypt, Sign, MAC and the checks have in common: work in one go, or in parts.

use strongroom_kmip::{
    attribute::CryptographicParameters,
    code::{Operation, ResultReason},
    identifier::UniqueIdentifier,
    mechanism::Mechanism,
    secret::Secret,
    ttlv::Bytes,
};

use super::{
    call::Call,
    refusal::Refusal,
    stream::{Part, Stream},
    usage,
};
use crate::vault::{ObjectId, Purpose, Spent, Usable};

/// A key and how to use it.
pub struct Tool {
    /// The object.
    pub id: ObjectId,
    /// The key.
    pub usable: Usable,
    /// How.
    pub mechanism: Mechanism,
}

/// Takes the key that a request means, and finds the mechanism: the front's own where it knows one, otherwise what
/// `translate` makes of the request's Cryptographic Parameters or the key's.
///
/// # Errors
/// [`Refusal`], as policy, state and mask say, or `translate`.
pub fn tool(
    call: &mut Call<'_>,
    named: Option<&UniqueIdentifier>,
    purpose: Purpose,
    parameters: Option<CryptographicParameters>,
    translate: impl FnOnce(&Call<'_>, &Usable, CryptographicParameters) -> Result<Mechanism, Refusal>,
) -> Result<Tool, Refusal> {
    let id = call.subject(named)?;
    let usable = call.usable(&id, purpose)?;
    let mechanism = match call.mechanism.take() {
        Some(mechanism) => mechanism,
        None => {
            let parameters = super::parameters::of(parameters, usable.object());
            translate(call, &usable, parameters)?
        }
    };
    call.notes.mechanism = Some(mechanism.name());
    Ok(Tool { id, usable, mechanism })
}

impl Tool {
    /// Begins a stream with this key.
    ///
    /// # Errors
    /// [`Refusal`], as the slot says.
    pub fn begin(self, call: &Call<'_>, operation: Operation) -> Result<Stream, Refusal> {
        Ok(Stream {
            owner: call.caller.principal.clone(),
            operation,
            object: Some(self.id),
            mechanism: self.mechanism.name(),
            tag: self.mechanism.tag(),
            expected: None,
            share: call.streams.admit(&call.caller.principal, call.vault.now())?,
            work: self.usable.begin(&self.mechanism)?,
            fed: call.vault.now(),
        })
    }
}

/// Remembers the nonce of an authenticated encryption that was not of our choosing, which may not come again under its
/// key.
///
/// # Errors
/// [`Refusal`] for one that was used, and for a key that has had more of them than are remembered.
pub fn spend(call: &mut Call<'_>, usable: &Usable, mechanism: &Mechanism) -> Result<(), Refusal> {
    let Some(nonce) = mechanism.nonce() else { return Ok(()) };
    let vault = call.vault;
    match vault.spend(call.change()?, usable, nonce)? {
        Spent::Fresh => Ok(()),
        Spent::Again => Err(Refusal::new(
            ResultReason::BadCryptographicParameters,
            "this nonce was used with this key; leave it out for the server to choose one",
        )),
        Spent::Forgotten => Err(Refusal::new(
            ResultReason::BadCryptographicParameters,
            "this key came back out of a backup, and nonces that were chosen for it meanwhile are not known; leave the \
             nonce out for the server to choose one, or re-key",
        )),
        Spent::Full => Err(Refusal::new(
            ResultReason::ServerLimitExceeded,
            "this key has had as many nonces of its callers' choosing as are remembered; let the server choose, or re-key",
        )),
    }
}

/// Goes on with the stream that a request names. Whether its key may still be used so is asked anew for each part.
///
/// # Errors
/// [`Refusal`] when there is none, or it is another's, and as policy, state and mask of the key say now; then the stream is
/// over.
pub fn resume(call: &mut Call<'_>, correlation: &Bytes, operation: Operation) -> Result<Stream, Refusal> {
    let stream = call.streams.take(correlation, &call.caller.principal, operation, call.vault.now())?;
    call.notes.object.clone_from(&stream.object);
    call.notes.mechanism = Some(stream.mechanism);
    if let (Some(id), Some(purpose)) = (stream.object.clone(), purpose(operation)) {
        call.view()?.usable(call.caller, &id, purpose)?;
        if matches!(purpose, Purpose::Encrypt | Purpose::Sign) {
            call.count(&id, purpose, usage::Part::Further)?;
        }
    }
    Ok(stream)
}

/// What an operation that goes on uses its key for, if it has one.
fn purpose(operation: Operation) -> Option<Purpose> {
    match operation {
        Operation::Encrypt => Some(Purpose::Encrypt),
        Operation::Decrypt => Some(Purpose::Decrypt),
        Operation::Sign | Operation::MAC => Some(Purpose::Sign),
        Operation::SignatureVerify | Operation::MACVerify => Some(Purpose::Verify),
        _ => None,
    }
}

/// Feeds a stream; an error ends it.
///
/// # Errors
/// [`Refusal`], as the slot says.
pub fn feed(call: &Call<'_>, stream: &mut Stream, data: Option<&[u8]>) -> Result<Secret, Refusal> {
    stream.feed(data.unwrap_or_default(), call.vault.now())
}

/// Keeps a stream for its next part, under the value it had or a new one.
///
/// # Errors
/// [`Refusal`] when the caller has too many open.
pub fn keep(call: &Call<'_>, stream: Stream, part: Part<'_>) -> Result<Bytes, Refusal> {
    match part.correlation {
        Some(value) => {
            call.streams.resume(value, stream);
            Ok(value.clone())
        }
        None => call.streams.open(stream, call.vault.chance()),
    }
}

/// The object's identifier for an answer; a stream that has none began without one.
pub fn identifier(id: Option<&ObjectId>) -> strongroom_kmip::identifier::Identifier {
    id.map_or("", ObjectId::as_str).into()
}

/// What was ready, unless nothing was.
pub fn some(data: Secret) -> Option<Secret> {
    (!data.is_empty()).then_some(data)
}

/// Two pieces of output as one.
pub fn join(first: &Secret, second: Secret) -> Secret {
    if first.is_empty() { second } else { Secret::new([first.reveal(), second.reveal()].concat()) }
}
