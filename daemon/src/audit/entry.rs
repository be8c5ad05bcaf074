//! One record of the log before it has its place in it.
//!
//! An entry is made of closed types, numbers and identifiers. Nothing in it can hold key material, a PIN or a payload;
//! the few texts that come from a peer are cut to 256 bytes and escaped.

use strongroom_kmip::code::{Operation, ResultReason, State};

use super::text::{push_escaped, push_hex, push_number, push_time};
use super::tree::Hash;
use crate::caller::{Caller, Front, Principal};
use crate::clock::Time;

/// What is to be remembered of one call or event. Begin with [`Entry::new`] and fill in what is known.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Who asked.
    pub who: Who<'a>,
    /// What for.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
    /// On what.
    pub object: Option<Object<'a>>,
    /// The identifiers of what was made besides it.
    pub others: &'a [String],
    /// The object's state before the call.
    pub before: Option<State>,
    /// The object's state after it.
    pub after: Option<State>,
    /// With which mechanism, by the name of `strongroom_kmip::mechanism::Mechanism`.
    pub mechanism: Option<&'static str>,
    /// The request's number within this run of the daemon; the items of one batch share it.
    pub request: Option<u64>,
    /// The item's place in its batch, from 0.
    pub item: Option<u32>,
    /// The client's own name for the request (KMIP Client Correlation Value).
    pub correlation: Option<&'a str>,
    /// SHA-256 of the public key (SPKI) that a peer showed.
    pub key: Option<[u8; 32]>,
    /// Bytes of data that came in to be worked on.
    pub input: Option<u64>,
    /// Bytes of data that went out.
    pub output: Option<u64>,
    /// How many objects were found or changed.
    pub count: Option<u64>,
}

impl<'a> Entry<'a> {
    /// The least that a record says.
    pub const fn new(who: Who<'a>, action: Action, outcome: Outcome) -> Self {
        Self {
            who,
            action,
            outcome,
            object: None,
            others: &[],
            before: None,
            after: None,
            mechanism: None,
            request: None,
            item: None,
            correlation: None,
            key: None,
            input: None,
            output: None,
            count: None,
        }
    }

    /// Something that the daemon did by itself and that went well.
    pub const fn event(event: Event) -> Self {
        Self::new(Who::Daemon, Action::Event(event), Outcome::Success)
    }
}

/// Who asked.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// A proved caller.
    Known(&'a Caller),
    /// A peer that proved nothing: a refused handshake, a failed login.
    Stranger {
        /// The door it knocked at.
        front: Front,
        /// Where from: an address and port, or `pid 123`.
        from: &'a str,
    },
    /// The daemon itself.
    Daemon,
}

/// What a call was on.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// Its unique identifier, or a client's name. It may be a peer's own words, naming nothing.
    pub id: &'a str,
    /// Which version of it the call left behind (or used), where it has versions.
    pub version: Option<u64>,
}

/// What a call was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A KMIP operation, whichever front it came through.
    Operation(Operation),
    /// Anything else that happens to the daemon.
    Event(Event),
}

/// What came of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// The caller may not, or the request is not acceptable.
    Refused(Reason),
    /// It should have been done and could not.
    Failed(Reason),
}

/// Why a call was not done. Never what a library said in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// As the KMIP answer said.
    Kmip(ResultReason),
    /// As the PKCS#11 answer said, `CKR_…`, or one of the daemon's own fixed words.
    Named(&'static str),
}

/// Declares the daemon's own events with their words in the log.
macro_rules! events {
    ($($(#[$about:meta])* $event:ident = $word:literal;)*) => {
        /// What happens to the daemon besides KMIP operations.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Event {
            $($(#[$about])* $event,)*
        }

        impl Event {
            /// Every event.
            pub const ALL: &'static [Self] = &[$(Self::$event),*];

            /// The word the log has for it.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$event => $word,)*
                }
            }
        }
    };
}

events! {
    /// The log was opened; the reason says whether it had been closed.
    Start = "start";
    /// The log was closed in good order.
    Stop = "stop";
    /// The vault was opened, or somebody tried to.
    Unseal = "unseal";
    /// The vault was closed.
    Seal = "seal";
    /// What was entered to unseal was forgotten by order.
    Forgotten = "forgotten";
    /// The ways to unseal were changed, or somebody tried to.
    Rekeyed = "rekeyed";
    /// The root key was exchanged, or an exchange of the data key began; the object says which.
    Rotated = "rotated";
    /// An exchange of the data key has ended: the older ones are gone.
    Retired = "retired";
    /// Recovery shares for backups were dealt.
    RecoverySet = "recovery-set";
    /// The log's own signing began or could not begin.
    Sign = "sign";
    /// The end of the log was damaged by a crash and was moved aside; the object names the file.
    Torn = "torn";
    /// Lines that a loss of power had taken from the end of the log were put back from the journal; the count is theirs.
    Restored = "restored";
    /// Something in the log did not come to be in the store.
    Reconcile = "reconcile";
    /// The daemon is alive.
    Heartbeat = "heartbeat";
    /// A peer's TLS handshake was refused.
    TlsRefused = "tls-refused";
    /// A connection was closed because what came over it could not be read.
    Unreadable = "unreadable";
    /// A login, to a PKCS#11 token or with a KMIP credential, or an attempt at one.
    Login = "login";
    /// A message was taken that is answered later; the count is that of its items.
    Submitted = "submitted";
    /// What was kept to be answered later was removed: messages that are done, answers past their time; the count is theirs.
    Swept = "swept";
    /// A function of PKCS#11 was refused before it came to any object; the object names the function.
    Rejected = "rejected";
    /// The end of a login.
    Logout = "logout";
    /// A PKCS#11 token was initialised.
    TokenInit = "token-init";
    /// A PIN was set or changed.
    PinSet = "pin-set";
    /// A slot came to be usable, or is not any more; the reason says why.
    SlotChanged = "slot-changed";
    /// A slot was made.
    SlotMade = "slot-made";
    /// What is said of a slot that was made was changed, or what it is called.
    SlotSet = "slot-set";
    /// Everything in a slot was destroyed; the count says how many objects.
    Zeroised = "zeroised";
    /// A slot that was made was removed.
    SlotRemoved = "slot-removed";
    /// An operator had a slot's token opened again.
    SlotLogin = "slot-login";
    /// Keys that were in a slot's token became objects.
    Adopted = "adopted";
    /// Keys that had to go were removed from slots, or the rows of what a slot has lost; the count says how many.
    Removed = "removed";
    /// Keys were brought, encrypted, to tokens of a slot that lacked them; the count says how many.
    Spread = "spread";
    /// A client was registered.
    ClientAdded = "client-added";
    /// A client's message credentials were set, taken away, or made compulsory.
    CredentialSet = "credential-set";
    /// A client's registration was withdrawn.
    ClientRevoked = "client-revoked";
    /// A client was given a bearer token; the object names both.
    BearerIssued = "bearer-issued";
    /// A bearer token of a client, or all of them, was ended.
    BearerRevoked = "bearer-revoked";
    /// A peer over HTTPS showed neither a certificate nor a bearer token that is good, or those of two clients.
    BearerRefused = "bearer-refused";
    /// A principal was granted the use of an object.
    Granted = "granted";
    /// A grant was withdrawn.
    GrantRevoked = "grant-revoked";
    /// A call was held back until several people agree to it; the object names the request, its kind and what it is on.
    ApprovalAsked = "approval-asked";
    /// An operator agreed to a call that was held back.
    Approved = "approved";
    /// An operator did not agree.
    Denied = "denied";
    /// A call was let through that enough people had agreed to.
    ApprovalUsed = "approval-used";
    /// Certificates, policy or configuration were read anew.
    Reload = "reload";
    /// A backup was made.
    Backup = "backup";
    /// A backup was restored.
    Restore = "restore";
    /// The operator looked at the daemon or its objects through the control socket.
    Inspect = "inspect";
    /// A key may open and check from now on: its Process Start Date has come.
    ProcessStart = "process-start";
    /// A key may protect no longer: its Protect Stop Date has come.
    ProtectStop = "protect-stop";
    /// The operator let an object be given to an endpoint.
    Pushed = "pushed";
    /// A Notify or Put was delivered to an endpoint, or could not be.
    Delivered = "delivered";
    /// A Notify or Put will never be delivered.
    Dropped = "dropped";
    /// A stored object could not be read back.
    Damaged = "damaged";
}

/// What the log adds to an entry: its place.
pub(super) struct Place {
    pub(super) sequence: u64,
    pub(super) time: Time,
    pub(super) previous: Hash,
    pub(super) generation: u64,
}

/// What stands first in every line of one run.
pub(super) fn opening(log: &[u8; 16], boot: &[u8; 16]) -> String {
    let mut text = String::from("{\"log\":\"");
    push_hex(&mut text, log);
    text.push_str("\",\"boot\":\"");
    push_hex(&mut text, boot);
    text.push_str("\",\"seq\":");
    text
}

impl Place {
    /// Appends the members that give a line its place, after [`opening`].
    pub(super) fn write(&self, line: &mut String) {
        push_number(line, self.sequence);
        line.push_str(",\"time\":\"");
        push_time(line, self.time);
        line.push_str("\",\"prev\":\"");
        push_hex(line, &self.previous);
        line.push_str("\",\"gen\":");
        push_number(line, self.generation);
    }
}

impl Entry<'_> {
    /// Appends what the entry itself says and the end of the line, without the newline.
    pub(super) fn write(&self, line: &mut String) {
        self.who.write(line);
        match self.action {
            Action::Operation(operation) => match operation.text() {
                Some(text) => fixed(line, "action", text),
                None => {
                    line.push_str(",\"action\":\"0x");
                    push_hex(line, &operation.0.to_be_bytes());
                    line.push('"');
                }
            },
            Action::Event(event) => fixed(line, "action", event.word()),
        }
        if let Some(object) = self.object {
            foreign(line, "object", object.id);
            number(line, "version", object.version);
        }
        for (at, other) in self.others.iter().enumerate() {
            line.push_str(if at == 0 { ",\"others\":[\"" } else { "\",\"" });
            push_escaped(line, other);
        }
        if !self.others.is_empty() {
            line.push_str("\"]");
        }
        let (result, reason) = match self.outcome {
            Outcome::Success => ("success", None),
            Outcome::Refused(reason) => ("refused", Some(reason)),
            Outcome::Failed(reason) => ("failed", Some(reason)),
        };
        fixed(line, "result", result);
        match reason {
            Some(Reason::Kmip(reason)) => fixed(line, "reason", reason.text().unwrap_or("General Failure")),
            Some(Reason::Named(name)) => foreign(line, "reason", name),
            None => {}
        }
        for (name, state) in [("before", self.before), ("after", self.after)] {
            if let Some(text) = state.and_then(State::text) {
                fixed(line, name, text);
            }
        }
        if let Some(mechanism) = self.mechanism {
            foreign(line, "mechanism", mechanism);
        }
        number(line, "request", self.request);
        number(line, "item", self.item.map(u64::from));
        if let Some(correlation) = self.correlation {
            foreign(line, "correlation", correlation);
        }
        if let Some(key) = &self.key {
            line.push_str(",\"key\":\"");
            push_hex(line, key);
            line.push('"');
        }
        number(line, "in", self.input);
        number(line, "out", self.output);
        number(line, "count", self.count);
        line.push('}');
    }
}

impl Who<'_> {
    fn write(&self, line: &mut String) {
        match self {
            Self::Known(caller) => {
                match &caller.principal {
                    Principal::Client(name) => {
                        line.push_str(",\"caller\":\"client:");
                        push_escaped(line, name.as_str());
                        line.push('"');
                    }
                    Principal::User(uid) => {
                        line.push_str(",\"caller\":\"uid:");
                        push_number(line, u64::from(*uid));
                        line.push('"');
                    }
                    Principal::Operator => fixed(line, "caller", "operator"),
                    Principal::Officer(name) => {
                        line.push_str(",\"caller\":\"operator:");
                        push_escaped(line, name.as_str());
                        line.push('"');
                    }
                    Principal::Daemon => fixed(line, "caller", "daemon"),
                }
                fixed(line, "role", caller.role.word());
                fixed(line, "front", caller.front.word());
                foreign(line, "from", &caller.from);
            }
            Self::Stranger { front, from } => {
                fixed(line, "caller", "stranger");
                fixed(line, "front", front.word());
                foreign(line, "from", from);
            }
            Self::Daemon => fixed(line, "caller", "daemon"),
        }
    }
}

/// A member whose value is one of ours and needs no escape.
fn fixed(line: &mut String, name: &str, value: &str) {
    name_member(line, name);
    line.push('"');
    line.push_str(value);
    line.push('"');
}

/// A member whose value may be anybody's words.
fn foreign(line: &mut String, name: &str, value: &str) {
    name_member(line, name);
    line.push('"');
    push_escaped(line, value);
    line.push('"');
}

fn number(line: &mut String, name: &str, value: Option<u64>) {
    if let Some(value) = value {
        name_member(line, name);
        push_number(line, value);
    }
}

fn name_member(line: &mut String, name: &str) {
    line.push_str(",\"");
    line.push_str(name);
    line.push_str("\":");
}
