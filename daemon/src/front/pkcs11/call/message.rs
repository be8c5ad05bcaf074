//! Messages, one after the other with one key: what the key and the mechanism are is said once, the nonce and the tag with
//! each message (PKCS#11 3.2 §5.11 to §5.18).

use strongroom_kmip::secret::Secret;
use strongroom_pkcs11_wire::{
    Mechanism, MechanismType, Rv,
    call::{Message, answer, request},
    mechanism::{Ccm, Gcm, Parameter, Poly1305},
    value::{Bytes, Output, Room, Wiped},
};

use super::{contract::Serve, sealing, sign, work};
use crate::{
    front::pkcs11::{
        desk::Desk,
        mechanism,
        operation::{Kind, Operation, Stage},
        session::Messages,
        translate,
    },
    service::Offered,
};

/// Begins to work on messages; without a mechanism, ends it.
fn begin(desk: &Desk<'_>, kind: Kind, session: u64, asked: Option<Mechanism>, key: u64) -> Result<(), Rv> {
    let Some(asked) = asked else { return finish(desk, kind, session).map(|_| ()) };
    if desk.application.with(session, |session| session.is_active(kind) || session.has_messages(kind))? {
        return Err(Rv::OPERATION_ACTIVE);
    }
    let ready = work::ready(desk, kind, session, &asked, key)?;
    // One PIN is for one use, and messages are many.
    if ready.asks {
        return Err(Rv::KEY_FUNCTION_NOT_PERMITTED);
    }
    let own = matches!(kind, Kind::Encrypt | Kind::Decrypt);
    let (way, tag) = ((!own).then_some(ready.way.mechanism), 0);
    let messages = Messages {
        key: ready.key,
        named: ready.named,
        way,
        prepared: ready.prepared,
        tag,
        counter: 0,
        in_parts: false,
        term: ready.term,
    };
    desk.application.with(session, |session| session.begin_messages(kind, messages))?
}

/// Ends work on messages; whether there was any.
fn finish(desk: &Desk<'_>, kind: Kind, session: u64) -> Result<bool, Rv> {
    let (there, operation) = desk.application.with(session, |session| {
        let there = session.take_messages(kind).is_some();
        (there, if there { session.take(kind) } else { None })
    })?;
    if let Some(operation) = operation {
        desk.abandon(&operation);
    }
    Ok(there)
}

fn finished(desk: &Desk<'_>, kind: Kind, session: u64) -> Result<(), Rv> {
    if finish(desk, kind, session)? { Ok(()) } else { Err(Rv::OPERATION_NOT_INITIALIZED) }
}

/// Works on a message. While it does, the session has the operation on the message and nothing else of its kind.
fn on<T>(
    desk: &Desk<'_>,
    kind: Kind,
    session: u64,
    work: impl FnOnce(&mut Messages) -> Result<T, Rv>,
) -> Result<T, Rv> {
    let messages = desk.application.with(session, |session| session.take_messages(kind))?;
    let mut messages = messages.ok_or(Rv::OPERATION_NOT_INITIALIZED)?;
    let outcome = work(&mut messages);
    if outcome.is_err() && messages.in_parts {
        // A part that fails ends its message.
        messages.in_parts = desk.application.with(session, |session| session.is_active(kind))?;
    }
    desk.application.with(session, |session| session.put_messages(kind, messages))??;
    outcome
}

/// Refuses what does not go with a message in parts, or takes one that is not there.
fn parts(messages: &Messages, expected: bool) -> Result<(), Rv> {
    match (messages.in_parts, expected) {
        (true, false) => Err(Rv::OPERATION_ACTIVE),
        (false, true) => Err(Rv::OPERATION_NOT_INITIALIZED),
        _ => Ok(()),
    }
}

/// The operation on a message that says its nonce itself; it remembers how long the tag is.
fn sealed(kind: Kind, messages: &mut Messages, said: &Message, nonce: &[u8]) -> Result<Operation, Rv> {
    let way = translate::translate(messages.named, &sealing::parameter(messages.named.offered, said, nonce)?)?;
    messages.tag = usize::try_from(said.tag_bits / 8).map_err(|_| Rv::MECHANISM_PARAM_INVALID)?;
    let limit = way.limit(kind);
    let operation = Operation::with_key(kind, messages.key.clone(), way.mechanism, messages.prepared, limit);
    Ok(operation.within(messages.term))
}

/// A message in one go.
fn whole(desk: &Desk<'_>, mut operation: Operation, data: Secret) -> Result<Secret, Rv> {
    if !operation.takes(data.len()) {
        return Err(Rv::DATA_LEN_RANGE);
    }
    work::perform(desk, &mut operation, Stage::Whole, Some(data))
}

/// The last part of a message: refused while there is too little room, otherwise the end of the operation.
fn last(
    desk: &Desk<'_>,
    kind: Kind,
    session: u64,
    messages: &mut Messages,
    data: &[u8],
    tag: &[u8],
    room: Room,
) -> Result<Result<Secret, (Rv, Output)>, Rv> {
    let mut operation = work::take(desk, kind, session, Stage::Part)?;
    // What the last part gave must be fetched first.
    if operation.waiting.is_some() || tag.len() != if kind == Kind::Decrypt { messages.tag } else { 0 } {
        desk.abandon(&operation);
        return Err(Rv::FUNCTION_FAILED);
    }
    let most = operation.taken.saturating_add(data.len()).saturating_sub(operation.given);
    if let Err(answer) = room.check(most) {
        work::put_back(desk, session, operation)?;
        return Ok(Err(answer));
    }
    messages.in_parts = false;
    if !operation.takes(data.len().saturating_add(tag.len())) {
        desk.abandon(&operation);
        return Err(Rv::DATA_LEN_RANGE);
    }
    work::perform(desk, &mut operation, Stage::Last, Some(Secret::new([data, tag].concat()))).map(Ok)
}

/// What a message that does not decrypt is called (PKCS#11 3.2 §5.1.6).
fn unsound(rv: Rv) -> Rv {
    if rv == Rv::ENCRYPTED_DATA_INVALID { Rv::AEAD_DECRYPT_FAILED } else { rv }
}

/// A mechanism whose parameter comes with each message, with one that only tries whether the key fits.
fn tried(kind: Option<MechanismType>) -> Result<Option<Mechanism>, Rv> {
    let Some(kind) = kind else { return Ok(None) };
    let (iv, aad) = (Bytes(vec![0; 12]), Bytes::default());
    let parameter = match mechanism::named(kind).map(|named| named.offered) {
        Some(Offered::AesGcm) => Parameter::Gcm(Gcm { iv, iv_bits: 0, aad, tag_bits: 128 }),
        Some(Offered::AesCcm) => Parameter::Ccm(Ccm { data_length: 0, nonce: iv, aad, tag_length: 16 }),
        Some(Offered::ChaCha20Poly1305) => Parameter::Poly1305(Poly1305 { nonce: iv, aad }),
        _ => return Err(Rv::MECHANISM_INVALID),
    };
    Ok(Some(Mechanism { kind, parameter }))
}

impl Serve for request::MessageEncryptInit {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::MessageEncryptInit), Rv> {
        begin(desk, Kind::Encrypt, self.session, tried(self.mechanism)?, self.key)?;
        Ok((Rv::OK, answer::MessageEncryptInit {}))
    }
}

impl Serve for request::EncryptMessage {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::EncryptMessage), Rv> {
        on(desk, Kind::Encrypt, self.session, |messages| {
            parts(messages, false)?;
            if let Err((rv, output)) = self.room.check(self.data.len()) {
                return Ok((rv, answer::EncryptMessage { output, nonce: Bytes::default(), tag: Bytes::default() }));
            }
            let nonce = sealing::nonce(desk, &self.message, Some(&mut messages.counter))?;
            let operation = sealed(Kind::Encrypt, messages, &self.message, &nonce)?;
            let sealed = whole(desk, operation, Secret::new(self.data.into_vec()))?;
            sealing::keep(desk, messages.counter)?;
            let (output, tag) = sealing::split(&sealed, messages.tag)?;
            Ok((Rv::OK, answer::EncryptMessage { output, nonce: Bytes(nonce), tag }))
        })
    }
}

impl Serve for request::EncryptMessageBegin {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::EncryptMessageBegin), Rv> {
        on(desk, Kind::Encrypt, self.session, |messages| {
            parts(messages, false)?;
            let nonce = sealing::nonce(desk, &self.message, Some(&mut messages.counter))?;
            let operation = sealed(Kind::Encrypt, messages, &self.message, &nonce)?;
            desk.application.with(self.session, |session| session.begin(operation))??;
            messages.in_parts = true;
            Ok((Rv::OK, answer::EncryptMessageBegin { nonce: Bytes(nonce) }))
        })
    }
}

impl Serve for request::EncryptMessageNext {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::EncryptMessageNext), Rv> {
        on(desk, Kind::Encrypt, self.session, |messages| {
            parts(messages, true)?;
            let nothing = Bytes::default();
            if !self.last {
                let given = work::go_on(desk, Kind::Encrypt, Stage::Part, self.session, self.data, self.room)?;
                sealing::keep(desk, messages.counter)?;
                return Ok((given.0, answer::EncryptMessageNext { output: given.1, tag: nothing }));
            }
            match last(desk, Kind::Encrypt, self.session, messages, self.data.reveal(), &[], self.room)? {
                Err((rv, output)) => Ok((rv, answer::EncryptMessageNext { output, tag: nothing })),
                Ok(sealed) => {
                    sealing::keep(desk, messages.counter)?;
                    let (output, tag) = sealing::split(&sealed, messages.tag)?;
                    Ok((Rv::OK, answer::EncryptMessageNext { output, tag }))
                }
            }
        })
    }
}

impl Serve for request::MessageDecryptInit {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::MessageDecryptInit), Rv> {
        begin(desk, Kind::Decrypt, self.session, tried(self.mechanism)?, self.key)?;
        Ok((Rv::OK, answer::MessageDecryptInit {}))
    }
}

impl Serve for request::DecryptMessage {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DecryptMessage), Rv> {
        on(desk, Kind::Decrypt, self.session, |messages| {
            parts(messages, false)?;
            if let Err((rv, output)) = self.room.check(self.data.len()) {
                return Ok((rv, answer::DecryptMessage { output }));
            }
            let operation = sealed(Kind::Decrypt, messages, &self.message, &self.message.nonce)?;
            if self.tag.len() != messages.tag {
                return Err(Rv::MECHANISM_PARAM_INVALID);
            }
            let data = Secret::new([self.data.reveal(), &self.tag].concat());
            let plain = whole(desk, operation, data).map_err(unsound)?;
            Ok((Rv::OK, answer::DecryptMessage { output: Output::Bytes(Wiped::from(plain.reveal())) }))
        })
    }
}

impl Serve for request::DecryptMessageBegin {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DecryptMessageBegin), Rv> {
        on(desk, Kind::Decrypt, self.session, |messages| {
            parts(messages, false)?;
            let operation = sealed(Kind::Decrypt, messages, &self.message, &self.message.nonce)?;
            desk.application.with(self.session, |session| session.begin(operation))??;
            messages.in_parts = true;
            Ok((Rv::OK, answer::DecryptMessageBegin {}))
        })
    }
}

impl Serve for request::DecryptMessageNext {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::DecryptMessageNext), Rv> {
        on(desk, Kind::Decrypt, self.session, |messages| {
            parts(messages, true)?;
            let Some(tag) = &self.tag else {
                let given = work::go_on(desk, Kind::Decrypt, Stage::Part, self.session, self.data, self.room)?;
                return Ok((given.0, answer::DecryptMessageNext { output: given.1 }));
            };
            let plain = last(desk, Kind::Decrypt, self.session, messages, self.data.reveal(), tag, self.room);
            match plain.map_err(unsound)? {
                Err((rv, output)) => Ok((rv, answer::DecryptMessageNext { output })),
                Ok(plain) => {
                    Ok((Rv::OK, answer::DecryptMessageNext { output: Output::Bytes(Wiped::from(plain.reveal())) }))
                }
            }
        })
    }
}

/// Puts the operation on a message that is signed or verified into the session, unless one is there already.
fn open(desk: &Desk<'_>, kind: Kind, session: u64, messages: &Messages) -> Result<(), Rv> {
    if desk.application.with(session, |session| session.is_active(kind))? {
        return Ok(());
    }
    let way = messages.way.clone().ok_or(Rv::MECHANISM_INVALID)?;
    let operation = Operation::with_key(kind, messages.key.clone(), way, messages.prepared, None);
    desk.application.with(session, |session| session.begin(operation.within(messages.term)))?
}

impl Serve for request::MessageSignInit {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::MessageSignInit), Rv> {
        begin(desk, Kind::Sign, self.session, self.mechanism, self.key)?;
        Ok((Rv::OK, answer::MessageSignInit {}))
    }
}

impl Serve for request::SignMessage {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SignMessage), Rv> {
        on(desk, Kind::Sign, self.session, |messages| {
            parts(messages, false)?;
            open(desk, Kind::Sign, self.session, messages)?;
            let given = work::go_on(desk, Kind::Sign, Stage::Whole, self.session, self.data, self.room)?;
            Ok((given.0, answer::SignMessage { output: given.1 }))
        })
    }
}

impl Serve for request::SignMessageBegin {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SignMessageBegin), Rv> {
        on(desk, Kind::Sign, self.session, |messages| {
            parts(messages, false)?;
            open(desk, Kind::Sign, self.session, messages)?;
            messages.in_parts = true;
            Ok((Rv::OK, answer::SignMessageBegin {}))
        })
    }
}

impl Serve for request::SignMessageNext {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::SignMessageNext), Rv> {
        on(desk, Kind::Sign, self.session, |messages| {
            parts(messages, true)?;
            if let Some(room) = self.room {
                // A signature that has no room takes no data yet: they come again.
                let operation = work::take(desk, Kind::Sign, self.session, Stage::Last)?;
                let short = room.check(operation.size(Stage::Last, 0).bytes());
                work::put_back(desk, self.session, operation)?;
                if let Err((rv, output)) = short {
                    return Ok((rv, answer::SignMessageNext { output }));
                }
            }
            if self.room.is_none() || !self.data.is_empty() {
                work::feed(desk, Kind::Sign, self.session, self.data)?;
            }
            let nothing = || Wiped::new(Vec::new());
            let Some(room) = self.room else {
                return Ok((Rv::OK, answer::SignMessageNext { output: Output::Bytes(nothing()) }));
            };
            messages.in_parts = false;
            let given = work::go_on(desk, Kind::Sign, Stage::Last, self.session, nothing(), room)?;
            Ok((given.0, answer::SignMessageNext { output: given.1 }))
        })
    }
}

impl Serve for request::MessageVerifyInit {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::MessageVerifyInit), Rv> {
        begin(desk, Kind::Verify, self.session, self.mechanism, self.key)?;
        Ok((Rv::OK, answer::MessageVerifyInit {}))
    }
}

impl Serve for request::VerifyMessage {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifyMessage), Rv> {
        on(desk, Kind::Verify, self.session, |messages| {
            parts(messages, false)?;
            open(desk, Kind::Verify, self.session, messages)?;
            sign::end(desk, self.session, Stage::Whole, Some(self.data), &self.signature)?;
            Ok((Rv::OK, answer::VerifyMessage {}))
        })
    }
}

impl Serve for request::VerifyMessageBegin {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifyMessageBegin), Rv> {
        on(desk, Kind::Verify, self.session, |messages| {
            parts(messages, false)?;
            open(desk, Kind::Verify, self.session, messages)?;
            messages.in_parts = true;
            Ok((Rv::OK, answer::VerifyMessageBegin {}))
        })
    }
}

impl Serve for request::VerifyMessageNext {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::VerifyMessageNext), Rv> {
        on(desk, Kind::Verify, self.session, |messages| {
            parts(messages, true)?;
            if self.signature.is_none() || !self.data.is_empty() {
                sign::feed(desk, self.session, self.data)?;
            }
            if let Some(signature) = &self.signature {
                messages.in_parts = false;
                sign::end(desk, self.session, Stage::Last, None, signature)?;
            }
            Ok((Rv::OK, answer::VerifyMessageNext {}))
        })
    }
}

/// The functions that end work on messages.
macro_rules! finals {
    ($($name:ident: $kind:ident;)*) => {
        $(impl Serve for request::$name {
            fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::$name), Rv> {
                finished(desk, Kind::$kind, self.session)?;
                Ok((Rv::OK, answer::$name {}))
            }
        })*
    };
}

finals! {
    MessageEncryptFinal: Encrypt;
    MessageDecryptFinal: Decrypt;
    MessageSignFinal: Sign;
    MessageVerifyFinal: Verify;
}
