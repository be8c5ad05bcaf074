//! Every call on the wire: one row with the fields of the request and the fields of the answer.
//!
//! The requests stand in [`request`], the answers in [`answer`], under the name of the function. Fields are named as the
//! standard names the parameters. A request names its answer ([`Ask`]), so neither side can mix them up.
//!
//! Longer than 500 lines: it is one table.

use crate::{
    Function, Rv,
    attribute::{AttributeType, Reveal, Template, Wanted},
    codec::{self, Error, Reader, Wire},
    mechanism::{Mechanism, MechanismType},
    number::{Generator, MechanismFlags, Protocol, SessionFlags, SessionState, SlotFlags, TokenFlags, UserType},
    table::structure,
    value::{Bytes, Output, Room, Version, Wiped},
};

/// A request that knows its number and its answer.
pub trait Ask: Wire {
    /// The number at the head of the frame.
    const FUNCTION: Function;
    /// What comes back.
    type Answer: Wire;
}

/// Makes the requests, the answers, the enum over the requests and what decodes them, from one table.
macro_rules! calls {
    ($($(#[$about:meta])* $name:ident { $($ask:ident: $ask_kind:ty),* } => { $($back:ident: $back_kind:ty),* };)*) => {
        /// What the module asks, a structure per function.
        #[allow(missing_docs, reason = "fields are the parameters of the standard's function of the same name")]
        pub mod request {
            use super::*;
            $(structure! { $(#[$about])* $name { $($ask: $ask_kind),* } })*
        }

        /// What the daemon answers, a structure per function.
        #[allow(missing_docs, reason = "fields are the outputs of the standard's function of the same name")]
        pub mod answer {
            use super::*;
            $(structure! { #[doc = concat!("The answer to [`request::", stringify!($name), "`].")]
                           $name { $($back: $back_kind),* } })*
        }

        $(impl Ask for request::$name {
            const FUNCTION: Function = Function::$name;
            type Answer = answer::$name;
        })*

        /// Any request.
        #[derive(Debug)]
        pub enum Request { $($(#[$about])* $name(request::$name),)* }

        impl Request {
            /// Every function that is a call on this wire.
            pub const SERVED: &'static [Function] = &[$(Function::$name),*];

            /// Which function is asked for.
            pub const fn function(&self) -> Function {
                match self { $(Self::$name(_) => Function::$name,)* }
            }

            /// Reads the request in the body of a frame whose head is `function`.
            ///
            /// # Errors
            /// [`Error::Function`] when that is no call on this wire, else what is wrong with the body.
            pub fn read(function: Function, body: &[u8]) -> Result<Self, Error> {
                let mut from = Reader::new(body);
                let request = match function {
                    $(Function::$name => Self::$name(Wire::read(&mut from)?),)*
                    other => return Err(Error::Function(other.0)),
                };
                from.end()?;
                Ok(request)
            }

            /// Appends the frame of this request.
            ///
            /// # Errors
            /// [`Error::Length`] when it would be too long; `to` is then as it was.
            pub fn write(&self, to: &mut Vec<u8>) -> Result<(), Error> {
                match self { $(Self::$name(ask) => write_request(ask, to),)* }
            }
        }

        /// Whether a body is the answer to a function; what it says is not kept.
        ///
        /// # Errors
        /// [`Error::Function`] when that is no call on this wire, else what is wrong with the body.
        pub fn check_answer(function: Function, rv: Rv, body: &[u8]) -> Result<(), Error> {
            match function {
                $(Function::$name => read_answer::<request::$name>(rv, body).map(|_| ()),)*
                other => Err(Error::Function(other.0)),
            }
        }

        #[cfg(test)]
        pub(crate) mod rows {
            use super::*;
            use crate::sample::{Sample, Source};

            /// A sample of every request in its frame, and of every answer.
            pub(crate) fn samples(source: &mut Source) -> Vec<(Function, Vec<u8>, Vec<u8>)> {
                vec![$({
                    let (mut ask, mut back) = (Vec::new(), Vec::new());
                    write_request(&request::$name::sample(source), &mut ask).unwrap();
                    write_answer::<request::$name>(Rv::OK, &answer::$name::sample(source), &mut back).unwrap();
                    (Function::$name, ask, back)
                },)*]
            }

            /// Reads the answer to a function and writes it again.
            pub(crate) fn answer_again(function: Function, rv: Rv, body: &[u8]) -> Result<Vec<u8>, Error> {
                let mut bytes = Vec::new();
                match function {
                    $(Function::$name => match read_answer::<request::$name>(rv, body)? {
                        Some(back) => write_answer::<request::$name>(rv, &back, &mut bytes)?,
                        None => write_refusal(rv, &mut bytes),
                    },)*
                    other => return Err(Error::Function(other.0)),
                }
                Ok(bytes)
            }
        }
    };
}

calls! {
    /// The first call on every connection: which application this is. Sessions, logins and operations belong to the
    /// application, whichever of its connections a call comes on; they end when its last connection is closed and does
    /// not come back within the daemon's grace, or with `C_Finalize`. The answer names the run of the daemon, so
    /// that the module knows when everything was lost.
    Attach { protocol: Protocol, nonce: [u8; 16], process: u64 } => { protocol: Protocol, daemon: [u8; 16] };

    /// The application is done: everything it had is ended.
    Finalize {} => {};

    /// Which slots there are.
    GetSlotList { token_present: bool } => { slots: Vec<u64> };
    /// What a slot is.
    GetSlotInfo { slot: u64 } => { info: SlotInfo };
    /// What the token in a slot is.
    GetTokenInfo { slot: u64 } => { info: TokenInfo };
    /// Which mechanisms a token has.
    GetMechanismList { slot: u64 } => { mechanisms: Vec<MechanismType> };
    /// What a mechanism is good for.
    GetMechanismInfo { slot: u64, mechanism: MechanismType } => { info: MechanismInfo };
    /// Makes a token anew.
    InitToken { slot: u64, pin: Option<Wiped>, label: [u8; 32] } => {};
    /// Sets the user's PIN, by the security officer.
    InitPIN { session: u64, pin: Option<Wiped> } => {};
    /// Changes the PIN of whoever is logged in.
    SetPIN { session: u64, old: Option<Wiped>, new: Option<Wiped> } => {};

    /// Opens a session.
    OpenSession { slot: u64, flags: SessionFlags } => { session: u64 };
    /// Closes a session.
    CloseSession { session: u64 } => {};
    /// Closes all sessions of the application with a slot.
    CloseAllSessions { slot: u64 } => {};
    /// What a session is.
    GetSessionInfo { session: u64 } => { info: SessionInfo };
    /// Ends what is under way in a session. The flags are those of a mechanism.
    SessionCancel { session: u64, flags: MechanismFlags } => {};
    /// A slot whose token came or went since this was asked last, or since the application is there.
    WaitForSlotEvent {} => { slot: Option<u64> };
    /// Saves what is under way in a session.
    GetOperationState { session: u64, room: Room } => { output: Output };
    /// Goes on with what was saved.
    SetOperationState { session: u64, state: Bytes, encryption: u64, authentication: u64 } => {};
    /// Logs the application in. No PIN means the protected path.
    Login { session: u64, user: UserType, pin: Option<Wiped> } => {};
    /// Logs the application in under a name.
    LoginUser { session: u64, user: UserType, pin: Option<Wiped>, name: Option<Bytes> } => {};
    /// Logs the application out.
    Logout { session: u64 } => {};

    /// Makes an object from a template.
    CreateObject { session: u64, template: Template } => { object: u64 };
    /// Copies an object.
    CopyObject { session: u64, object: u64, template: Template } => { copy: u64 };
    /// Destroys an object.
    DestroyObject { session: u64, object: u64 } => {};
    /// How much of the token an object takes.
    GetObjectSize { session: u64, object: u64 } => { size: u64 };
    /// What attributes say. The answer has as many entries as were wanted, in their order, and [`Rv::OK`]: the
    /// module makes the return value from the entries and the caller's room.
    GetAttributeValue { session: u64, object: u64, wanted: Vec<Wanted> } => { revealed: Vec<Reveal> };
    /// Changes attributes.
    SetAttributeValue { session: u64, object: u64, template: Template } => {};
    /// Begins a search.
    FindObjectsInit { session: u64, template: Template } => {};
    /// Goes on with a search, with at most so many objects.
    FindObjects { session: u64, most: u32 } => { found: Vec<Found> };
    /// Ends a search.
    FindObjectsFinal { session: u64 } => {};

    /// Begins to encrypt; without a mechanism, ends what is under way (PKCS#11 3.0 and later).
    EncryptInit { session: u64, mechanism: Option<Mechanism>, key: u64 } => {};
    /// Encrypts all there is.
    Encrypt { session: u64, data: Wiped, room: Room } => { output: Output };
    /// Encrypts a part.
    EncryptUpdate { session: u64, data: Wiped, room: Room } => { output: Output };
    /// Ends encrypting.
    EncryptFinal { session: u64, room: Room } => { output: Output };
    /// Begins to decrypt.
    DecryptInit { session: u64, mechanism: Option<Mechanism>, key: u64 } => {};
    /// Decrypts all there is.
    Decrypt { session: u64, data: Wiped, room: Room } => { output: Output };
    /// Decrypts a part.
    DecryptUpdate { session: u64, data: Wiped, room: Room } => { output: Output };
    /// Ends decrypting.
    DecryptFinal { session: u64, room: Room } => { output: Output };
    /// Begins to digest.
    DigestInit { session: u64, mechanism: Option<Mechanism> } => {};
    /// Digests all there is.
    Digest { session: u64, data: Wiped, room: Room } => { output: Output };
    /// Digests a part.
    DigestUpdate { session: u64, data: Wiped } => {};
    /// Digests the value of a key.
    DigestKey { session: u64, key: u64 } => {};
    /// Ends digesting.
    DigestFinal { session: u64, room: Room } => { output: Output };
    /// Begins to sign.
    SignInit { session: u64, mechanism: Option<Mechanism>, key: u64 } => {};
    /// Signs all there is.
    Sign { session: u64, data: Wiped, room: Room } => { output: Output };
    /// Signs a part.
    SignUpdate { session: u64, data: Wiped } => {};
    /// Ends signing.
    SignFinal { session: u64, room: Room } => { output: Output };
    /// Begins to sign so that the data can be had back from the signature.
    SignRecoverInit { session: u64, mechanism: Option<Mechanism>, key: u64 } => {};
    /// Signs so.
    SignRecover { session: u64, data: Wiped, room: Room } => { output: Output };
    /// Begins to verify.
    VerifyInit { session: u64, mechanism: Option<Mechanism>, key: u64 } => {};
    /// Verifies all there is.
    Verify { session: u64, data: Wiped, signature: Bytes } => {};
    /// Verifies a part.
    VerifyUpdate { session: u64, data: Wiped } => {};
    /// Ends verifying.
    VerifyFinal { session: u64, signature: Bytes } => {};

    /// Begins to have data back from a signature.
    VerifyRecoverInit { session: u64, mechanism: Option<Mechanism>, key: u64 } => {};
    /// Verifies a signature and gives what was signed.
    VerifyRecover { session: u64, signature: Bytes, room: Room } => { output: Output };

    /// Begins to verify a signature that is there before the data.
    VerifySignatureInit { session: u64, mechanism: Option<Mechanism>, key: u64, signature: Bytes } => {};
    /// Verifies it with all there is.
    VerifySignature { session: u64, data: Wiped } => {};
    /// Verifies it with a part.
    VerifySignatureUpdate { session: u64, data: Wiped } => {};
    /// Ends verifying it.
    VerifySignatureFinal { session: u64 } => {};
    /// Digests and encrypts a part.
    DigestEncryptUpdate { session: u64, data: Wiped, room: Room } => { output: Output };
    /// Decrypts a part and digests what that gives.
    DecryptDigestUpdate { session: u64, data: Wiped, room: Room } => { output: Output };
    /// Signs and encrypts a part.
    SignEncryptUpdate { session: u64, data: Wiped, room: Room } => { output: Output };
    /// Decrypts a part and verifies what that gives.
    DecryptVerifyUpdate { session: u64, data: Wiped, room: Room } => { output: Output };

    /// Begins to encrypt messages; without a mechanism, ends it. What the mechanism's parameter says is said of each message.
    MessageEncryptInit { session: u64, mechanism: Option<MechanismType>, key: u64 } => {};
    /// Encrypts a message.
    EncryptMessage { session: u64, message: Message, data: Wiped, room: Room }
        => { output: Output, nonce: Bytes, tag: Bytes };
    /// Begins a message that is encrypted in parts.
    EncryptMessageBegin { session: u64, message: Message } => { nonce: Bytes };
    /// Encrypts a part of a message.
    EncryptMessageNext { session: u64, data: Wiped, room: Room, last: bool } => { output: Output, tag: Bytes };
    /// Ends encrypting messages.
    MessageEncryptFinal { session: u64 } => {};
    /// Begins to decrypt messages; without a mechanism, ends it.
    MessageDecryptInit { session: u64, mechanism: Option<MechanismType>, key: u64 } => {};
    /// Decrypts a message.
    DecryptMessage { session: u64, message: Message, tag: Bytes, data: Wiped, room: Room } => { output: Output };
    /// Begins a message that is decrypted in parts.
    DecryptMessageBegin { session: u64, message: Message } => {};
    /// Decrypts a part of a message; the tag comes with the last.
    DecryptMessageNext { session: u64, data: Wiped, room: Room, tag: Option<Bytes> } => { output: Output };
    /// Ends decrypting messages.
    MessageDecryptFinal { session: u64 } => {};
    /// Begins to sign messages; without a mechanism, ends it.
    MessageSignInit { session: u64, mechanism: Option<Mechanism>, key: u64 } => {};
    /// Signs a message.
    SignMessage { session: u64, data: Wiped, room: Room } => { output: Output };
    /// Begins a message that is signed in parts.
    SignMessageBegin { session: u64 } => {};
    /// Takes a part of a message; the last gives the signature.
    SignMessageNext { session: u64, data: Wiped, room: Option<Room> } => { output: Output };
    /// Ends signing messages.
    MessageSignFinal { session: u64 } => {};
    /// Begins to verify messages; without a mechanism, ends it.
    MessageVerifyInit { session: u64, mechanism: Option<Mechanism>, key: u64 } => {};
    /// Verifies a message.
    VerifyMessage { session: u64, data: Wiped, signature: Bytes } => {};
    /// Begins a message that is verified in parts.
    VerifyMessageBegin { session: u64 } => {};
    /// Takes a part of a message; the signature comes with the last.
    VerifyMessageNext { session: u64, data: Wiped, signature: Option<Bytes> } => {};
    /// Ends verifying messages.
    MessageVerifyFinal { session: u64 } => {};

    /// Makes a secret key.
    GenerateKey { session: u64, mechanism: Mechanism, template: Template } => { key: u64 };
    /// Makes a key pair.
    GenerateKeyPair { session: u64, mechanism: Mechanism, public: Template, private: Template }
        => { public: u64, private: u64 };
    /// Wraps a key.
    WrapKey { session: u64, mechanism: Mechanism, wrapping: u64, key: u64, room: Room } => { output: Output };
    /// Unwraps a key.
    UnwrapKey { session: u64, mechanism: Mechanism, unwrapping: u64, wrapped: Bytes, template: Template }
        => { key: u64 };
    /// Wraps a key with a mechanism that authenticates, which is said as for a message.
    WrapKeyAuthenticated {
        session: u64, mechanism: MechanismType, message: Message, wrapping: u64, key: u64, room: Room
    } => { output: Output, nonce: Bytes, tag: Bytes };
    /// Unwraps such a key.
    UnwrapKeyAuthenticated {
        session: u64, mechanism: MechanismType, message: Message, tag: Bytes, unwrapping: u64, wrapped: Bytes,
        template: Template
    } => { key: u64 };
    /// Derives a key.
    DeriveKey { session: u64, mechanism: Mechanism, base: u64, template: Template } => { key: u64 };
    /// Derives several keys at once.
    DeriveKeys { session: u64, mechanism: Mechanism, base: u64, template: Template }
        => { keys: Vec<u64>, beside: Bytes };
    /// Makes a key for whoever has the private half of this one, and the ciphertext that brings it there.
    EncapsulateKey { session: u64, mechanism: Mechanism, public: u64, template: Template, room: Room }
        => { output: Output, key: u64 };
    /// Makes the key that a ciphertext brings.
    DecapsulateKey { session: u64, mechanism: Mechanism, private: u64, template: Template, ciphertext: Bytes }
        => { key: u64 };
    /// Mixes a seed in.
    SeedRandom { session: u64, seed: Wiped } => {};
    /// Gives random bytes; exactly so many.
    GenerateRandom { session: u64, length: u32 } => { random: Wiped };
}

structure! {
    /// What is said of one encrypted message (`CK_GCM_MESSAGE_PARAMS` and the like).
    Message {
        /// The mechanism whose structure it came in.
        of: MechanismType,
        /// The nonce, or the room for one and its fixed beginning.
        nonce: Bytes,
        /// How many bits of the nonce are fixed.
        fixed_bits: u64,
        /// Who makes the rest of it.
        generator: Generator,
        /// The length of the tag in bits.
        tag_bits: u64,
        /// The length of the data in bytes, where the mechanism must know it first.
        data_length: u64,
        /// What is authenticated but not encrypted.
        aad: Bytes,
    }
}

structure! {
    /// `CK_SLOT_INFO`. Texts are padded with spaces ([`crate::value::padded`]).
    SlotInfo {
        /// What the slot is.
        description: [u8; 64],
        /// Who made it.
        manufacturer: [u8; 32],
        /// What it can.
        flags: SlotFlags,
        /// Of the hardware.
        hardware: Version,
        /// Of the firmware.
        firmware: Version,
    }
}

structure! {
    /// `CK_TOKEN_INFO`. Texts are padded with spaces ([`crate::value::padded`]); [`UNAVAILABLE`] is a number not told.
    TokenInfo {
        /// The name of the token.
        label: [u8; 32],
        /// Who made it.
        manufacturer: [u8; 32],
        /// What it is.
        model: [u8; 16],
        /// Which one it is.
        serial: [u8; 16],
        /// What it can, and what became of its PINs.
        flags: TokenFlags,
        /// How many sessions one application may have; 0 is no limit.
        most_sessions: u64,
        /// How many it has.
        sessions: u64,
        /// How many read/write sessions one application may have; 0 is no limit.
        most_rw_sessions: u64,
        /// How many it has.
        rw_sessions: u64,
        /// The longest PIN, in bytes.
        longest_pin: u64,
        /// The shortest PIN, in bytes.
        shortest_pin: u64,
        /// Memory for public objects, in bytes.
        public_memory: u64,
        /// How much of it is free.
        free_public_memory: u64,
        /// Memory for private objects, in bytes.
        private_memory: u64,
        /// How much of it is free.
        free_private_memory: u64,
        /// Of the hardware.
        hardware: Version,
        /// Of the firmware.
        firmware: Version,
        /// The token's clock as `YYYYMMDDhhmmss00`, where it has one.
        time: [u8; 16],
    }
}

structure! {
    /// `CK_MECHANISM_INFO`.
    MechanismInfo {
        /// The smallest key, in bits or bytes as the mechanism says.
        smallest_key: u64,
        /// The largest key.
        largest_key: u64,
        /// What the mechanism is for.
        flags: MechanismFlags,
    }
}

structure! {
    /// `CK_SESSION_INFO`.
    SessionInfo {
        /// The slot it is with.
        slot: u64,
        /// What it may do.
        state: SessionState,
        /// How it was opened.
        flags: SessionFlags,
        /// What the device says besides.
        device_error: u64,
    }
}

structure! {
    /// An object that a search found, with what the module may remember of it: attributes that anyone who sees the object
    /// may know, and that few calls change.
    Found {
        /// Its handle.
        object: u64,
        /// What it says about itself.
        public: Template,
        /// Attributes that it certainly has not, so that nobody need ask.
        absent: Vec<AttributeType>,
    }
}

/// `CK_UNAVAILABLE_INFORMATION` on the wire.
pub const UNAVAILABLE: u64 = u64::MAX;

/// Appends the frame of a request.
///
/// # Errors
/// [`Error::Length`] when it would be too long; `to` is then as it was.
pub fn write_request<R: Ask>(request: &R, to: &mut Vec<u8>) -> Result<(), Error> {
    codec::frame(head(R::FUNCTION.0), to, |to| request.write(to))
}

/// Appends the frame of an answer with its values, which travel with [`Rv::OK`] and with [`Rv::BUFFER_TOO_SMALL`].
///
/// # Errors
/// [`Error::Length`] when it would be too long; `to` is then as it was.
pub fn write_answer<R: Ask>(rv: Rv, answer: &R::Answer, to: &mut Vec<u8>) -> Result<(), Error> {
    codec::frame(head(rv.0), to, |to| answer.write(to))
}

/// Appends the frame of an answer without values: a refusal. A refusal that says [`Rv::OK`] is a general error.
pub fn write_refusal(rv: Rv, to: &mut Vec<u8>) {
    let rv = if rv == Rv::OK { Rv::GENERAL_ERROR } else { rv };
    for half in [HEAD_ONLY, head(rv.0)] {
        to.extend_from_slice(&half.to_be_bytes());
    }
}

/// Reads the answer in the body of a frame whose head is `rv`; nothing when it is a refusal without values.
///
/// # Errors
/// What is wrong with the body. [`Rv::OK`] without the values it promises is [`Error::Short`].
pub fn read_answer<R: Ask>(rv: Rv, body: &[u8]) -> Result<Option<R::Answer>, Error> {
    let mut from = Reader::new(body);
    if rv != Rv::OK && from.is_empty() {
        return Ok(None);
    }
    let answer = Wire::read(&mut from)?;
    from.end()?;
    Ok(Some(answer))
}

/// Function numbers and return values take four bytes on the wire; one that needs more is a vendor's that we lack.
fn head(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The length of a frame that is only a head.
const HEAD_ONLY: u32 = 4;
