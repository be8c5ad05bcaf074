//! Encrypting, decrypting, digesting: what these and signing have in common, and their functions.

use strongroom_kmip::{
    attribute::CryptographicParameters,
    code,
    payload::{DecryptRequest, EncryptRequest, HashRequest, MACRequest, SignRequest, SignatureVerifyRequest},
    secret::Secret,
    ttlv,
};
use strongroom_pkcs11_wire::{
    AttributeType, Mechanism, MechanismType, Rv,
    attribute::Value,
    call::{answer, request},
    number::{KeyType, MechanismFlags, ObjectClass},
    value::{Output, Room, Wiped},
};

use super::{
    contract::Serve,
    release::{self, Withheld},
    slot,
};
use crate::{
    front::pkcs11::{
        desk::Desk,
        mechanism::{self, Named},
        object::{self, View},
        operation::{Consent, Kind, Operation, Size, Stage, Tool},
        refusal::About,
        translate::{self, Translated},
    },
    service::{Object, ObjectId, Offered, Prepared, Purpose},
};

/// Begins an operation with a key, or ends the one under way when there is no mechanism.
///
/// # Errors
/// What is against it.
pub fn begin(desk: &Desk<'_>, kind: Kind, session: u64, mechanism: Option<Mechanism>, key: u64) -> Result<(), Rv> {
    let Some(asked) = mechanism else { return end(desk, kind, session) };
    if desk.application.with(session, |session| session.is_active(kind) || session.has_messages(kind))? {
        return Err(Rv::OPERATION_ACTIVE);
    }
    let Ready { key, way, prepared, asks, term, .. } = ready(desk, kind, session, &asked, key)?;
    let limit = way.limit(kind);
    let mut operation = Operation::with_key(kind, key, way.mechanism, prepared, limit).within(term);
    if asks {
        operation.consent = Consent::Awaited;
    }
    desk.application.with(session, |session| session.begin(operation))?
}

/// A key and a mechanism that fit each other and the work.
pub struct Ready {
    /// The key.
    pub key: ObjectId,
    /// The mechanism.
    pub named: Named,
    /// The same with its parameter.
    pub way: Translated,
    /// What is known of the key.
    pub prepared: Prepared,
    /// Whether the key wants to see the PIN before each use.
    pub asks: bool,
    /// The session's term.
    pub term: u64,
}

/// Whether a key can be worked with so, now. A refusal is recorded.
///
/// # Errors
/// What is against it.
pub fn ready(desk: &Desk<'_>, kind: Kind, session: u64, asked: &Mechanism, key: u64) -> Result<Ready, Rv> {
    let (standing, id) = desk.application.object(session, key, Rv::KEY_HANDLE_INVALID)?;
    let (purpose, flag, recorded) = role(kind);
    let here = desk.house.slot(standing.slot).and_then(|view| slot::info(&view, asked.kind));
    here.filter(|info| info.flags.has(flag)).ok_or(Rv::MECHANISM_INVALID)?;
    let named = mechanism::named(asked.kind).ok_or(Rv::MECHANISM_INVALID)?;
    let way = translate::translate(named, &asked.parameter)?;
    let service = &desk.house.service;
    let refused = |refusal| desk.refuse(recorded, &id, refusal, About::Key);
    let prepared = service.prepare(desk.caller, &id, purpose, &way.mechanism).map_err(refused)?;
    if !mechanism::suits(named.offered, prepared.shape) {
        return Err(desk.deny(recorded, &id, Rv::KEY_TYPE_INCONSISTENT));
    }
    let object = service.glance(desk.caller, &id).map_err(refused)?;
    if let Err(rv) = allowed(&object, asked.kind, named.offered) {
        return Err(desk.deny(recorded, &id, rv));
    }
    if !recovers(&object, kind) {
        return Err(desk.deny(recorded, &id, Rv::KEY_FUNCTION_NOT_PERMITTED));
    }
    Ok(Ready { key: id, named, way, prepared, asks: object::asks_each_time(&object), term: standing.term })
}

/// Ends what is under way, if anything is (PKCS#11 3.2 §5.8.2).
fn end(desk: &Desk<'_>, kind: Kind, session: u64) -> Result<(), Rv> {
    if let Some(operation) = desk.application.with(session, |session| session.take(kind))? {
        desk.abandon(&operation);
    }
    Ok(())
}

/// Whether the key's own list of mechanisms, where it has one, has this one, and whether the key is of a type for it.
fn allowed(object: &Object, kind: MechanismType, offered: Offered) -> Result<(), Rv> {
    if !object::allows(object, kind) {
        return Err(Rv::MECHANISM_INVALID);
    }
    match object::kept(object, AttributeType::KEY_TYPE) {
        Some(Value::Ulong(said)) if !mechanism::suits_type(offered, KeyType(said)) => Err(Rv::KEY_TYPE_INCONSISTENT),
        _ => Ok(()),
    }
}

/// Whether the key may be used with recovery, where it is to be: KMIP knows no bit for that, so PKCS#11's own word counts.
fn recovers(object: &Object, kind: Kind) -> bool {
    let attribute = match kind {
        Kind::SignRecover => AttributeType::SIGN_RECOVER,
        Kind::VerifyRecover => AttributeType::VERIFY_RECOVER,
        _ => return true,
    };
    !matches!(object::kept(object, attribute), Some(Value::Bool(false)))
}

/// What a kind of operation is for, and under which name it is recorded.
pub fn purpose(kind: Kind) -> (Purpose, code::Operation) {
    let (purpose, _, recorded) = role(kind);
    (purpose, recorded)
}

fn role(kind: Kind) -> (Purpose, MechanismFlags, code::Operation) {
    match kind {
        Kind::Encrypt => (Purpose::Encrypt, MechanismFlags::ENCRYPT, code::Operation::Encrypt),
        Kind::Decrypt => (Purpose::Decrypt, MechanismFlags::DECRYPT, code::Operation::Decrypt),
        Kind::Digest => (Purpose::Sign, MechanismFlags::DIGEST, code::Operation::Hash),
        Kind::Sign => (Purpose::Sign, MechanismFlags::SIGN, code::Operation::Sign),
        Kind::Verify => (Purpose::Verify, MechanismFlags::VERIFY, code::Operation::SignatureVerify),
        Kind::SignRecover => (Purpose::Sign, MechanismFlags::SIGN_RECOVER, code::Operation::Sign),
        Kind::VerifyRecover => (Purpose::Verify, MechanismFlags::VERIFY_RECOVER, code::Operation::SignatureVerify),
    }
}

/// Takes an operation out of its session, to go on with it.
///
/// # Errors
/// [`Rv::OPERATION_NOT_INITIALIZED`]; [`Rv::OPERATION_ACTIVE`] when all data are to be worked on at once and parts were
/// given already, which ends the operation; [`Rv::USER_NOT_LOGGED_IN`] when its key has not seen the PIN, which ends it too.
pub fn take(desk: &Desk<'_>, kind: Kind, session: u64, stage: Stage) -> Result<Operation, Rv> {
    let taken = desk.application.with(session, |session| session.take(kind))?;
    let operation = taken.ok_or(Rv::OPERATION_NOT_INITIALIZED)?;
    if operation.consent == Consent::Awaited {
        desk.abandon(&operation);
        return Err(Rv::USER_NOT_LOGGED_IN);
    }
    if stage == Stage::Whole && operation.stream.is_some() {
        desk.abandon(&operation);
        return Err(Rv::OPERATION_ACTIVE);
    }
    Ok(operation)
}

/// The same, to give it a part of its data; where the mechanism knows none, that is [`Rv::OPERATION_NOT_INITIALIZED`] and ends
/// the operation.
pub fn take_for_part(desk: &Desk<'_>, kind: Kind, session: u64) -> Result<Operation, Rv> {
    let operation = take(desk, kind, session, Stage::Part)?;
    if operation.takes_all_at_once() {
        desk.abandon(&operation);
        return Err(Rv::OPERATION_NOT_INITIALIZED);
    }
    Ok(operation)
}

/// Puts an operation back that goes on.
///
/// # Errors
/// [`Rv::SESSION_HANDLE_INVALID`] when its session was closed meanwhile, [`Rv::USER_NOT_LOGGED_IN`] after a logout,
/// [`Rv::DEVICE_MEMORY`] when too much waits for room; it is then over.
pub fn put_back(desk: &Desk<'_>, session: u64, operation: Operation) -> Result<(), Rv> {
    let stream = operation.stream.clone();
    let over = |_: &Rv| stream.iter().for_each(|stream| desk.house.service.abandon(stream));
    desk.application.put_back(session, operation).inspect_err(over)
}

/// Goes on with an operation that gives an output: the two-call rule (PKCS#11 3.2 §5.2), and the work.
///
/// # Errors
/// What is against it; the operation is then over.
pub fn go_on(
    desk: &Desk<'_>,
    kind: Kind,
    stage: Stage,
    session: u64,
    data: Wiped,
    room: Room,
) -> Result<(Rv, Output), Rv> {
    let mut operation = take(desk, kind, session, stage)?;
    let began = operation.stream.is_some() || operation.waiting.is_some() || stage == Stage::Part;
    let output = match operation.waiting.take() {
        Some((waiting, output)) if waiting == stage => output,
        Some(_) => {
            desk.abandon(&operation);
            return Err(Rv::FUNCTION_FAILED);
        }
        None => {
            let size = operation.size(stage, data.len());
            let short = room.check(size.bytes());
            if let Err(answer) = short
                && (room == Room::Query || matches!(size, Size::Exactly(_)))
            {
                put_back(desk, session, operation)?;
                return Ok(answer);
            }
            if !operation.takes(data.len()) {
                return Err(Rv::DATA_LEN_RANGE);
            }
            let length = data.len();
            let output = perform(desk, &mut operation, stage, Some(Secret::new(data.into_vec())))?;
            operation.taken = operation.taken.saturating_add(length);
            output
        }
    };
    if let Err(answer) = room.check(output.len()) {
        // What can be done again is not kept; the rest of a stream cannot.
        if began {
            operation.waiting = Some((stage, output));
        } else {
            operation.taken = 0;
        }
        put_back(desk, session, operation)?;
        return Ok(answer);
    }
    operation.given = operation.given.saturating_add(output.len());
    if stage == Stage::Part {
        put_back(desk, session, operation)?;
    }
    Ok((Rv::OK, Output::Bytes(Wiped::from(output.reveal()))))
}

/// Goes on with an operation that takes a part of its data and gives nothing yet.
///
/// # Errors
/// What is against it; the operation is then over.
pub fn feed(desk: &Desk<'_>, kind: Kind, session: u64, data: Wiped) -> Result<(), Rv> {
    let mut operation = take_for_part(desk, kind, session)?;
    perform(desk, &mut operation, Stage::Part, Some(Secret::new(data.into_vec())))?;
    put_back(desk, session, operation)
}

/// Asks the service for the next step of an operation.
///
/// # Errors
/// What is against it.
pub fn perform(desk: &Desk<'_>, operation: &mut Operation, stage: Stage, data: Option<Secret>) -> Result<Secret, Rv> {
    let about = match operation.kind {
        Kind::Decrypt => About::Ciphertext,
        Kind::VerifyRecover => About::Signature,
        _ => About::Data,
    };
    // The end of what never began is the whole of nothing.
    let stage = if stage == Stage::Last && operation.stream.is_none() { Stage::Whole } else { stage };
    let step = Step::of(operation, stage);
    let fail = |failure: crate::front::pkcs11::refusal::Failure| failure.rv(about);
    let (output, stream) = match (&operation.tool, operation.kind) {
        (Tool::Hash(hash), _) => {
            let code = hash.facts().code.ok_or(Rv::MECHANISM_INVALID)?;
            let answer = desk.ask(HashRequest {
                cryptographic_parameters: CryptographicParameters {
                    hashing_algorithm: Some(code),
                    ..CryptographicParameters::default()
                },
                data,
                correlation_value: step.stream,
                init_indicator: step.first,
                final_indicator: step.last,
            });
            let answer = answer.map_err(fail)?;
            (answer.data.map(|data| Secret::new(data.0)), answer.correlation_value)
        }
        (Tool::Key { .. }, Kind::Encrypt) => {
            let request = EncryptRequest {
                unique_identifier: step.key,
                cryptographic_parameters: None,
                data,
                iv_counter_nonce: None,
                correlation_value: step.stream,
                init_indicator: step.first,
                final_indicator: step.last,
                authenticated_encryption_additional_data: None,
            };
            let answer = desk.ask_with(request, step.mechanism).map_err(fail)?;
            let mut output = answer.data.map(|data| data.0).unwrap_or_default();
            output.extend(answer.authenticated_encryption_tag.into_iter().flat_map(|tag| tag.0));
            (Some(Secret::new(output)), answer.correlation_value)
        }
        (Tool::Key { .. }, Kind::Decrypt) => {
            let request = DecryptRequest {
                unique_identifier: step.key,
                cryptographic_parameters: None,
                data: data.map(|data| ttlv::Bytes(data.reveal().to_vec())),
                iv_counter_nonce: None,
                correlation_value: step.stream,
                init_indicator: step.first,
                final_indicator: step.last,
                authenticated_encryption_additional_data: None,
                authenticated_encryption_tag: None,
            };
            let answer = desk.ask_with(request, step.mechanism).map_err(fail)?;
            (answer.data, answer.correlation_value)
        }
        (Tool::Key { .. }, Kind::VerifyRecover) => {
            let request = SignatureVerifyRequest {
                unique_identifier: step.key,
                cryptographic_parameters: None,
                data: None,
                digested_data: None,
                signature_data: data.map(|signature| ttlv::Bytes(signature.reveal().to_vec())),
                correlation_value: step.stream,
                init_indicator: step.first,
                final_indicator: step.last,
            };
            let answer = desk.ask_with(request, step.mechanism).map_err(fail)?;
            (Some(answer.data.ok_or(Rv::SIGNATURE_INVALID)?), None)
        }
        (Tool::Key { .. }, _) if operation.is_mac() => {
            let request = MACRequest {
                unique_identifier: step.key,
                cryptographic_parameters: None,
                data,
                correlation_value: step.stream,
                init_indicator: step.first,
                final_indicator: step.last,
            };
            let answer = desk.ask_with(request, step.mechanism).map_err(fail)?;
            (answer.mac_data.map(|mac| Secret::new(mac.0)), answer.correlation_value)
        }
        (Tool::Key { .. }, _) => {
            let request = SignRequest {
                unique_identifier: step.key,
                cryptographic_parameters: None,
                data,
                digested_data: None,
                correlation_value: step.stream,
                init_indicator: step.first,
                final_indicator: step.last,
            };
            let answer = desk.ask_with(request, step.mechanism).map_err(fail)?;
            (answer.signature_data.map(|signature| Secret::new(signature.0)), answer.correlation_value)
        }
    };
    operation.stream = stream;
    Ok(output.unwrap_or_else(|| Secret::copy_of(&[])))
}

/// What a request says of where it stands in an operation.
pub struct Step {
    /// The key, in the first request.
    pub key: Option<strongroom_kmip::identifier::UniqueIdentifier>,
    /// The mechanism, in the first request.
    pub mechanism: Option<strongroom_kmip::mechanism::Mechanism>,
    /// The stream, in those that follow.
    pub stream: Option<ttlv::Bytes>,
    /// Whether it opens a stream.
    pub first: Option<bool>,
    /// Whether it ends one.
    pub last: Option<bool>,
}

impl Step {
    /// The next step of an operation.
    pub fn of(operation: &mut Operation, stage: Stage) -> Self {
        let stream = operation.stream.take();
        let begins = stream.is_none();
        let (key, mechanism) = match &operation.tool {
            Tool::Key { id, mechanism, .. } if begins => (Some(id.as_str().into()), Some(mechanism.clone())),
            _ => (None, None),
        };
        let first = (begins && stage == Stage::Part).then_some(true);
        let last = (!begins && stage == Stage::Last).then_some(true);
        Self { key, mechanism, stream, first, last }
    }
}

/// The functions that go on with one kind of operation and give an output.
macro_rules! ciphers {
    ($($kind:ident: $init:ident, $whole:ident, $part:ident, $last:ident;)*) => {
        $(
            impl Serve for request::$init {
                fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::$init), Rv> {
                    begin(desk, Kind::$kind, self.session, self.mechanism, self.key)?;
                    Ok((Rv::OK, answer::$init {}))
                }
            }

            impl Serve for request::$whole {
                fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::$whole), Rv> {
                    let given = go_on(desk, Kind::$kind, Stage::Whole, self.session, self.data, self.room)?;
                    Ok((given.0, answer::$whole { output: given.1 }))
                }
            }

            impl Serve for request::$part {
                fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::$part), Rv> {
                    let given = go_on(desk, Kind::$kind, Stage::Part, self.session, self.data, self.room)?;
                    Ok((given.0, answer::$part { output: given.1 }))
                }
            }

            impl Serve for request::$last {
                fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::$last), Rv> {
                    let nothing = Wiped::new(Vec::new());
                    let given = go_on(desk, Kind::$kind, Stage::Last, self.session, nothing, self.room)?;
                    Ok((given.0, answer::$last { output: given.1 }))
                }
            }
        )*
    };
}

ciphers! {
    Encrypt: EncryptInit, Encrypt, EncryptUpdate, EncryptFinal;
    Decrypt: DecryptInit, Decrypt, DecryptUpdate, DecryptFinal;
}

impl Serve for request::DigestInit {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DigestInit), Rv> {
        let Some(asked) = self.mechanism else {
            return end(desk, Kind::Digest, self.session).map(|()| (Rv::OK, answer::DigestInit {}));
        };
        let standing = desk.application.standing(self.session)?;
        let here = desk.house.slot(standing.slot).and_then(|view| slot::info(&view, asked.kind));
        here.filter(|info| info.flags.has(MechanismFlags::DIGEST)).ok_or(Rv::MECHANISM_INVALID)?;
        let operation = Operation::digest(translate::digest(&asked)?);
        desk.application.with(self.session, |session| session.begin(operation))??;
        Ok((Rv::OK, answer::DigestInit {}))
    }
}

impl Serve for request::Digest {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::Digest), Rv> {
        let (rv, output) = go_on(desk, Kind::Digest, Stage::Whole, self.session, self.data, self.room)?;
        Ok((rv, answer::Digest { output }))
    }
}

impl Serve for request::DigestUpdate {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DigestUpdate), Rv> {
        feed(desk, Kind::Digest, self.session, self.data)?;
        Ok((Rv::OK, answer::DigestUpdate {}))
    }
}

impl Serve for request::DigestKey {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DigestKey), Rv> {
        if !desk.application.with(self.session, |session| session.is_active(Kind::Digest))? {
            return Err(Rv::OPERATION_NOT_INITIALIZED);
        }
        let value = value_of(desk, self.session, self.key);
        match value {
            Ok(value) => feed(desk, Kind::Digest, self.session, Wiped::from(value.reveal()))?,
            Err(rv) => {
                end(desk, Kind::Digest, self.session)?;
                return Err(rv);
            }
        }
        Ok((Rv::OK, answer::DigestKey {}))
    }
}

/// The value of a secret key that may leave: the digest of another says more about it than it may.
fn value_of(desk: &Desk<'_>, session: u64, key: u64) -> Result<Secret, Rv> {
    let (_, id) = desk.application.object(session, key, Rv::KEY_HANDLE_INVALID)?;
    let seen = desk.house.service.glance(desk.caller, &id);
    let object = seen.map_err(|refusal| desk.refuse(code::Operation::Get, &id, refusal, About::Key))?;
    let view = View::new(&object, &desk.house.service, desk.caller);
    if view.class() != Some(ObjectClass::SECRET_KEY) {
        return Err(desk.deny(code::Operation::Get, &id, Rv::KEY_INDIGESTIBLE));
    }
    match release::release(desk, &view) {
        Ok(material) => material.attribute(AttributeType::VALUE).ok_or(Rv::KEY_INDIGESTIBLE),
        Err(Withheld::Sensitive) => Err(desk.deny(code::Operation::Get, &id, Rv::KEY_INDIGESTIBLE)),
        Err(Withheld::Failure(failure)) => Err(match failure.rv(About::Key) {
            Rv::ATTRIBUTE_SENSITIVE => Rv::KEY_INDIGESTIBLE,
            rv => rv,
        }),
    }
}

impl Serve for request::DigestFinal {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DigestFinal), Rv> {
        let nothing = Wiped::new(Vec::new());
        let (rv, output) = go_on(desk, Kind::Digest, Stage::Last, self.session, nothing, self.room)?;
        Ok((rv, answer::DigestFinal { output }))
    }
}
