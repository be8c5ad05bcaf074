//! Which verbs are served, and what happens around each: open the call, perform it, write the log, commit, answer.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError, Weak, atomic::AtomicBool},
};

use strongroom_kmip::{
    code::{Operation, ResultReason},
    message::ResponseItem,
    operation::{Request, Response},
    version::Version,
};

use super::{
    ask::Ask,
    attempt::Attempts,
    call::{Call, Instead, Notes},
    contract::Perform,
    cryptoki::Cryptoki,
    keeper::Keeper,
    later::Later,
    outbox::Queue,
    pace::{is_mere_use, is_slow},
    petition::Approvals,
    pins::Pins,
    pool::Pool,
    quorum::Guarded,
    refusal::Refusal,
    stream::Streams,
    ticket::Tickets,
    told::Told,
    trial::Tests,
    turn::Turns,
};
use crate::{
    audit::{self, Durability, Entry, Event, Log, Outcome, Reason, Record, Who},
    caller::Caller,
    receipt::{Abandoned, Receipt},
    store,
    vault::{Change, ObjectId, Vault},
};

/// Performs requests. Everything a front may ask of the house goes through here.
pub struct Service {
    pub(super) vault: Arc<Vault>,
    pub(super) log: Arc<Log>,
    pub(super) streams: Arc<Streams>,
    pub(super) tickets: Arc<Tickets>,
    pub(super) attempts: Attempts,
    /// The interoperability tests under way; nothing unless the daemon runs in conformance mode.
    tests: Option<Tests>,
    pub(super) later: Arc<Later>,
    /// How durable the record of a mere use must be before its answer.
    uses: Durability,
    /// What the log told at the start, until the store can be held against it.
    pub(super) told: Mutex<Option<Told>>,
    /// The front that serves PKCS#11, while there is one.
    cryptoki: Mutex<Option<Weak<dyn Cryptoki>>>,
    /// Held from reading a token's PINs until they are written again: no two tries count as one.
    pub(super) pins: Pins,
    /// Whether keys in slots open the vault once they can.
    pub(super) by_slots: AtomicBool,
    /// How long logins to tokens last.
    turns: Arc<Turns>,
    /// What waits for the word of several people.
    pub(super) approvals: Arc<Approvals>,
    /// What waits to be told to clients.
    pub(super) outbox: Vec<Arc<Queue>>,
}

/// What came of a request. Nothing of it may leave before the receipt has resolved.
pub struct Answer {
    /// The answer or the refusal.
    pub outcome: Result<Response, Refusal>,
    /// The object that later items of the batch may mean without naming it.
    pub placeholder: Option<ObjectId>,
    /// What is answered instead, to a Poll.
    pub instead: Option<Instead>,
    /// Resolves once record and change are as durable as they must be. If it fails, the request has failed.
    pub receipt: Receipt<(), Error>,
}

/// What a peer of this version is told of an item.
pub fn item(
    operation: Operation,
    version: Version,
    outcome: Result<Response, Refusal>,
    instead: Option<Instead>,
) -> ResponseItem {
    match (outcome, instead) {
        (Err(refusal), _) => ResponseItem::failure(Some(operation), refusal.told(operation, version), refusal.message),
        (Ok(_), Some(Instead::Pending(value))) => ResponseItem::pending(operation, value),
        (Ok(_), Some(Instead::Answer(item))) => *item,
        (Ok(response), None | Some(Instead::Beside(_) | Instead::Shared(..))) => ResponseItem::success(response),
    }
}

/// Why an answer must not leave although the request went well.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The record could not be written.
    #[error(transparent)]
    Audit(#[from] audit::Error),
    /// The change could not be written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The daemon is stopping.
    #[error(transparent)]
    Abandoned(#[from] Abandoned),
}

/// A request that was performed, as the audit log will tell of it.
pub(super) struct Done {
    pub(super) operation: Operation,
    pub(super) said: Outcome,
    pub(super) placeholder: Option<ObjectId>,
    pub(super) instead: Option<Instead>,
    number: u64,
    item: u32,
    correlation: Option<String>,
    notes: Notes,
}

impl Done {
    /// A request of which nothing was performed.
    pub(super) fn refused(operation: Operation, refusal: &Refusal, number: u64) -> Self {
        let (said, notes) = (refused(refusal), Notes::default());
        Self { operation, said, placeholder: None, instead: None, number, item: 0, correlation: None, notes }
    }

    /// The same, about this object.
    pub(super) fn about(mut self, object: ObjectId) -> Self {
        self.notes.object = Some(object);
        self
    }

    /// The record of it, with that outcome.
    pub(super) fn entry<'d>(&'d self, caller: &'d Caller, said: Outcome) -> Entry<'d> {
        let mut entry = Entry::new(Who::Known(caller), audit::Action::Operation(self.operation), said);
        entry.request = Some(self.number);
        entry.item = Some(self.item);
        entry.correlation = self.correlation.as_deref();
        note(&mut entry, &self.notes);
        entry
    }
}

/// Names the operations that are served; a row without a handler does not compile.
macro_rules! serves {
    ($($name:ident),* $(,)?; to clients: $($sent:ident),*) => {
        /// The operations that are served.
        pub const SERVED: &[Operation] = &[$(Operation::$name),*];

        /// The operations that are asked of clients, at endpoints that an operator configures. They are nobody's to ask of us.
        pub const SENT: &[Operation] = &[$(Operation::$sent),*];

        fn perform(call: &mut Call<'_>, request: Request) -> Result<Response, Refusal> {
            match request {
                $(Request::$name(ask) => Perform::perform(ask, call).map(Response::$name),)*
                $(Request::$sent(_) => Err(Refusal::only_for_clients()),)*
            }
        }
    };
}

serves! {
    Create, CreateKeyPair, Register, Locate, Get, GetAttributes, GetAttributeList, AddAttribute, ModifyAttribute,
    DeleteAttribute, Activate, Revoke, Destroy, Query, DiscoverVersions, Encrypt, Decrypt, Sign, SignatureVerify, MAC,
    MACVerify, RNGRetrieve, Hash, SetAttribute, Login, Logout, DelegatedLogin,
    ReKey, ReKeyKeyPair, DeriveKey, CreateSplitKey, JoinSplitKey, Import, Export,
    Archive, Recover, Obliterate, Deactivate, Check, ObtainLease, GetUsageAllocation, AdjustAttribute,
    SetConstraints, GetConstraints, SetDefaults, ReProvision, Ping, Log, RNGSeed, Interop,
    PKCS_11,
    Poll, Cancel, Process, QueryAsynchronousRequests,
    Certify, ReCertify, Validate,
    CreateUser, CreateGroup, CreateCredential, SetEndpointRole;
    to clients: Notify, Put
}

impl Service {
    /// A service over a vault and a log. `uses` says how durable the record of a mere use is before its answer.
    pub fn new(vault: Arc<Vault>, log: Arc<Log>, uses: Durability) -> Self {
        Self {
            vault,
            log,
            streams: Arc::default(),
            tickets: Arc::default(),
            attempts: Attempts::default(),
            tests: None,
            later: Arc::new(Later::new(Arc::new(Pool::new(SEATS, EACH)))),
            uses,
            told: Mutex::default(),
            cryptoki: Mutex::default(),
            pins: Pins::default(),
            by_slots: AtomicBool::new(false),
            turns: Arc::default(),
            approvals: Arc::default(),
            outbox: Vec::new(),
        }
    }

    /// In conformance mode, with the operation that opens and closes interoperability tests.
    #[must_use]
    pub fn conforming(mut self) -> Self {
        self.tests = Some(Tests::default());
        self
    }

    /// How long logins to tokens last.
    pub fn turns(&self) -> &Arc<Turns> {
        &self.turns
    }

    /// Takes in what the end of the log told at the start. The store is held against it when the vault opens.
    pub fn remember(&self, records: &[Record]) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(Told::by(records));
    }

    /// Lets the PKCS#11 operation reach the front that serves PKCS#11, in place of an earlier one.
    pub fn reach(&self, cryptoki: Weak<dyn Cryptoki>) {
        *self.cryptoki.lock().unwrap_or_else(PoisonError::into_inner) = Some(cryptoki);
    }

    /// That front, while there is one.
    pub(super) fn cryptoki(&self) -> Option<Arc<dyn Cryptoki>> {
        self.cryptoki.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Weak::upgrade)
    }

    /// A number for a message that has just come in.
    pub fn number(&self) -> u64 {
        self.tickets.number()
    }

    /// The time now, as everything here knows it.
    pub fn now(&self) -> crate::clock::Time {
        self.vault.now()
    }

    /// Performs a request.
    pub fn answer(&self, caller: &Caller, ask: Ask) -> Answer {
        let (outcome, done, change) = self.attempt(caller, ask, None);
        let change = change.filter(|_| outcome.is_ok());
        // The nonces that a use spends are as durable as its record.
        let durability = match change.as_ref().is_none_or(Change::only_spends) {
            true => self.durability(done.operation, outcome.is_ok()),
            false => Durability::Sync,
        };
        let receipt = self.settle(&done.entry(caller, done.said), durability, change);
        Answer { outcome, placeholder: done.placeholder, instead: done.instead, receipt }
    }

    /// Performs a request on top of a change that is not kept yet, and neither records nor keeps anything. What is slow
    /// waits for a seat.
    pub(super) fn attempt(
        &self,
        caller: &Caller,
        ask: Ask,
        earlier: Option<Change>,
    ) -> (Result<Response, Refusal>, Done, Option<Change>) {
        let seat = is_slow(&ask.request).then(|| self.later.pool().enter(&caller.principal)).transpose();
        match seat {
            Ok(seat) => {
                let attempted = self.attempt_seated(caller, ask, earlier);
                drop(seat);
                attempted
            }
            Err(refusal) => {
                let done = Done::refused(ask.request.operation(), &refusal, ask.number);
                (Err(refusal), done, earlier)
            }
        }
    }

    /// The same for whoever has a seat.
    pub(super) fn attempt_seated(
        &self,
        caller: &Caller,
        ask: Ask,
        earlier: Option<Change>,
    ) -> (Result<Response, Refusal>, Done, Option<Change>) {
        let operation = ask.request.operation();
        let about = (ask.version, ask.slot.as_deref(), ask.mechanism.as_ref());
        let watched = self.approvals.watch(caller, &ask.request, about);
        let mut call = Call::new(&self.vault, &self.streams, &self.tickets, &self.later, caller, ask.version);
        call.number = ask.number;
        call.tests = self.tests.as_ref();
        call.mechanism = ask.mechanism;
        call.derivation = ask.derivation;
        call.share = ask.share;
        call.password = ask.password;
        call.seen = ask.seen;
        call.slot = ask.slot.as_deref().map(Arc::from);
        call.placeholder = ask.placeholder;
        call.cryptoki = self.cryptoki();
        call.guards_export = self.approvals.guards(caller, Guarded::Export);
        call.turns = self.turned(caller).is_some();
        call.adopt(earlier);
        // A panic is a fault of ours; it must cost this request and nothing else.
        let outcome = catch_unwind(AssertUnwindSafe(|| perform(&mut call, ask.request))).unwrap_or_else(|_| {
            log::error!("{operation} panicked; the request is refused");
            Err(Refusal::new(ResultReason::GeneralFailure, "the server failed"))
        });
        let outcome = outcome.and_then(|response| self.hold_back(&mut call, watched, response));
        let (change, placeholder, notes, instead) = call.into_parts();
        let said = match &outcome {
            Ok(_) => Outcome::Success,
            Err(refusal) => refused(refusal),
        };
        let (number, item, correlation) = (ask.number, ask.item, ask.correlation);
        (outcome, Done { operation, said, placeholder, instead, number, item, correlation, notes }, change)
    }

    /// Records a batch item, or a whole message, that could not be read.
    pub fn refuse(
        &self,
        caller: &Caller,
        operation: Operation,
        reason: ResultReason,
        number: u64,
    ) -> Receipt<(), Error> {
        let outcome = Outcome::Refused(Reason::Kmip(reason));
        let mut entry = Entry::new(Who::Known(caller), audit::Action::Operation(operation), outcome);
        entry.request = Some(number);
        self.settle(&entry, Durability::Sync, None)
    }

    /// Whether the vault is sealed.
    pub fn is_sealed(&self) -> bool {
        self.vault.is_sealed()
    }

    /// Whether the log has failed, and so nothing can be answered any more.
    pub fn has_failed(&self) -> bool {
        self.log.has_failed()
    }

    /// Lets the log begin to sign, which it can once the vault is open; whether it does. Its key is sealed anew.
    pub(super) fn unlock_log(&self) -> bool {
        let keeper = self.vault.audit_sealer().map(|sealer| Arc::new(Keeper::new(sealer)));
        let keeper = keeper.map_err(|error| error.to_string());
        let unlocked = keeper.and_then(|keeper| self.log.unlock(keeper).map_err(|error| error.to_string()));
        unlocked.inspect_err(|error| log::error!("the audit log cannot sign: {error}")).is_ok()
    }

    /// Writes the record, then the change; the receipt resolves when both are as durable as they must be.
    pub(super) fn settle(
        &self,
        entry: &Entry<'_>,
        durability: Durability,
        mut change: Option<Change>,
    ) -> Receipt<(), Error> {
        if let Some(change) = &mut change {
            self.announce(entry, change);
        }
        let recorded = self.log.append(entry, durability);
        let Some(mut change) = change else {
            return recorded.map(|answer| answer.map(|_| ()).map_err(Error::Audit));
        };
        let (promise, receipt) = Receipt::pair();
        self.tickets.end_with(&mut change);
        let (vault, log) = (Arc::clone(&self.vault), Arc::clone(&self.log));
        // Whoever keeps the log's promises does not wait for the store as well.
        let commit = match durability {
            Durability::Written if change.only_spends() => Vault::jot,
            _ if recorded.is_ready() => Vault::commit,
            _ => Vault::hand_over,
        };
        recorded.then(move |answer| match answer {
            Err(error) => promise.keep(Err(error.into())),
            Ok(_) => {
                let ids: Vec<_> = change.objects().cloned().collect();
                commit(&vault, change).then(move |answer| {
                    match &answer {
                        Ok(generation) => log.set_generation(*generation),
                        Err(_) => ids.iter().for_each(|id| prevented(&log, id)),
                    }
                    promise.keep(answer.map(|_| ()).map_err(Error::Store));
                });
            }
        });
        receipt
    }

    /// Waits until everything that requests have changed so far is on the disk, what they have spent included.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn firm(&self) -> Result<(), Error> {
        self.vault.firm().wait().map(|_| ()).map_err(Error::Store)
    }

    /// How durable the record of an operation must be before its answer, given whether it went well.
    pub(super) fn durability(&self, operation: Operation, went_well: bool) -> Durability {
        if is_mere_use(operation) && went_well { self.uses } else { Durability::Sync }
    }
}

/// Says that a change which the log tells of did not come to be.
fn prevented(log: &Log, id: &ObjectId) {
    let mut entry = Entry::event(Event::Reconcile);
    entry.outcome = Outcome::Failed(Reason::Named("prevented"));
    entry.object = Some(audit::Object { id: id.as_str(), version: None });
    drop(log.append(&entry, Durability::Written));
}

pub(super) fn refused(refusal: &Refusal) -> Outcome {
    let reason = if refusal.hidden { ResultReason::PermissionDenied } else { refusal.reason };
    match reason {
        ResultReason::GeneralFailure => Outcome::Failed(Reason::Kmip(reason)),
        reason => Outcome::Refused(Reason::Kmip(reason)),
    }
}

fn note<'n>(entry: &mut Entry<'n>, notes: &'n Notes) {
    entry.object = notes.object.as_ref().map(|id| audit::Object { id: id.as_str(), version: notes.generation });
    entry.others = &notes.others;
    entry.before = notes.before;
    entry.after = notes.after;
    entry.mechanism = notes.mechanism;
    entry.input = notes.input;
    entry.output = notes.output;
    entry.count = notes.count;
}

/// Pieces of slow work at the same time: the system shares the processors between them, so that nobody waits for the end of
/// somebody else's.
const SEATS: usize = 8;
/// Of one client's. Its others wait for these, and leave the processors to those of other clients.
const EACH: usize = 2;
