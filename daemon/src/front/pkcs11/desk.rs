//! Where a call is served: the house behind it, the application and the user that it came from.

use std::{
    cell::Cell,
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, TryRecvError},
    },
    thread,
};

use strongroom_kmip::{
    attribute::RevocationReason,
    code::{self, ResultReason, RevocationReasonCode, State},
    mechanism::Mechanism,
    operation::{Ask as Kmip, Request},
    payload::{DestroyRequest, RevokeRequest},
    secret::Secret,
    version::V2_1,
};
use strongroom_pkcs11_wire::{AttributeType, Function, Rv, attribute::Value};

use super::{
    application::Application,
    guest::Guests,
    object,
    operation::Operation,
    pace::Pace,
    passing::{Leftovers, Seats},
    presence::Applications,
    refusal::{self, About, Failure},
    session::Standing,
};
use crate::{
    caller::{Caller, Front, Principal, Role, Scope},
    receipt::Receipt,
    service::{Ask, Derivation, Error, Instead, Object, ObjectId, PinError, Refusal, Seen, Service, Share, SlotView},
    wakeful::Room,
};

/// What all connections share.
pub struct House {
    /// What performs requests.
    pub service: Arc<Service>,
    /// The slots, as they were when somebody looked last.
    slots: Mutex<Arc<[Arc<SlotView>]>>,
    /// Who is there.
    pub applications: Applications,
    /// Who is there from afar.
    pub guests: Guests,
    /// Names this run of the daemon.
    pub run: [u8; 16],
    /// Who is awake.
    pub room: Room,
    /// Who is refused too often.
    pub pace: Pace,
    /// Whether what an earlier run left is gone.
    swept: Mutex<bool>,
}

/// Where a call is served.
pub struct Desk<'d> {
    /// What all connections share.
    pub house: &'d House,
    /// The application.
    pub application: &'d Application,
    /// The user.
    pub caller: &'d Caller,
    /// Whether the call has left a record.
    told: Cell<bool>,
}

/// The answer about the first of several objects, the others, and what was derived beside them.
type Shared<A> = (A, Vec<ObjectId>, Vec<u8>);

impl House {
    /// A house in which nobody is yet. `run` names this run of the daemon; sessions are numbered from `first`.
    pub fn new(service: Arc<Service>, run: [u8; 16], first: u64, seats: &Arc<Seats>) -> Self {
        let slots = Mutex::new(Arc::from([]));
        let turns = Arc::clone(service.turns());
        let applications = Applications::new(first, Arc::clone(seats), Arc::clone(&turns));
        Self {
            service,
            slots,
            applications,
            guests: Guests::new(Arc::clone(seats), turns),
            run,
            room: Room::default(),
            pace: Pace::default(),
            swept: Mutex::default(),
        }
    }

    /// Destroys what an earlier run left of sessions that are gone, once, before the first session is opened: no session
    /// object of this run is there yet.
    ///
    /// # Errors
    /// [`Rv::TOKEN_NOT_PRESENT`] while the vault is sealed, or when that could not be recorded.
    pub fn sweep(&self) -> Result<(), Rv> {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if *swept {
            return Ok(());
        }
        let caller = rounds();
        let passing = object::keep(AttributeType::TOKEN, &Value::Bool(false));
        let found = recorded(self.service.search(&caller, vec![passing.into_iter().collect()], None));
        let found = found.map_err(|failure| failure.rv(About::Token))?;
        self.end(&caller, &found.into_iter().map(|object| object.id.clone()).collect::<Vec<_>>());
        if self.service.is_sealed() {
            return Err(Rv::TOKEN_NOT_PRESENT);
        }
        *swept = true;
        Ok(())
    }

    /// The slots as they are now: operators make some and remove them while applications are there.
    pub fn slots(&self) -> Arc<[Arc<SlotView>]> {
        let mut known = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        *known = self.service.slot_views(&known);
        Arc::clone(&known)
    }

    /// The numbers of the slots.
    pub fn slot_numbers(&self) -> Vec<u64> {
        self.slots().iter().map(|view| view.number).collect()
    }

    /// The slot of this number, if there is one.
    pub fn slot(&self, number: usize) -> Option<Arc<SlotView>> {
        let number = u64::try_from(number).ok()?;
        self.slots().iter().find(|view| view.number == number).map(Arc::clone)
    }

    /// Whether any application, here or from afar, has a session with a slot.
    pub fn use_slot(&self, slot: usize) -> bool {
        self.applications.use_slot(slot) || self.guests.use_slot(slot)
    }

    /// Tidies up after applications, as they come, until no more can come. Each in its turn, and not all of it at once: who leaves
    /// a key is not behind one that leaves thousands. What is left at the end is for the next run's sweep.
    pub fn bury(&self, gone: &Receiver<Leftovers>) {
        let mut waiting = VecDeque::new();
        loop {
            let next = if waiting.is_empty() { gone.recv().ok() } else { None };
            waiting.extend(next);
            loop {
                match gone.try_recv() {
                    Ok(left) => waiting.push_back(left),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            let Some(mut left) = waiting.pop_front() else { continue };
            let more = left.objects.split_off(left.objects.len().min(AT_ONCE));
            self.tidy(left);
            if !more.is_empty() {
                waiting.push_back(Leftovers { objects: more, operations: Vec::new() });
            }
        }
    }

    /// Destroys what is left of sessions that have ended.
    pub fn tidy(&self, leftovers: Leftovers) {
        let caller = rounds();
        let mut left = leftovers.objects;
        left.retain(|id| self.service.glance(&caller, id).is_ok());
        self.end(&caller, &left);
        leftovers.operations.iter().for_each(|operation| self.abandon(operation));
    }

    /// Destroys objects of sessions. Many are asked for before the first is waited for: what is written of them goes to the
    /// disk together, so that thousands take no longer than a few.
    fn end(&self, caller: &Caller, objects: &[ObjectId]) {
        for some in objects.chunks(AT_ONCE) {
            let ended: Vec<_> = some.iter().map(|id| self.service.expunge(caller, id)).collect();
            for (id, said) in some.iter().zip(ended) {
                if let Err(failure) = recorded(said) {
                    log::warn!("the session object {id} could not be destroyed: {:?}", failure.rv(About::Object));
                }
            }
        }
    }

    fn abandon(&self, operation: &Operation) {
        if let Some(stream) = &operation.stream {
            self.service.abandon(stream);
        }
    }
}

impl<'d> Desk<'d> {
    /// A place for one call.
    pub fn new(house: &'d House, application: &'d Application, caller: &'d Caller) -> Self {
        Self { house, application, caller, told: Cell::new(false) }
    }
}

impl Desk<'_> {
    /// Refuses a function: a call that has left no record yet leaves one now. Whoever is refused too often waits.
    pub fn reject(&self, function: Function, rv: Rv) -> Rv {
        if self.told.get() {
            return rv;
        }
        let word = rv.name().unwrap_or("CKR_GENERAL_ERROR");
        let recorded = self.house.service.rejected(self.caller, &function.to_string(), word);
        // A call that comes through KMIP waits on a thread that other clients wait for too; its own front bounds it.
        if matches!(self.caller.front, Front::Pkcs11 | Front::Pkcs11Tls) {
            thread::sleep(self.house.pace.refused(&self.caller.principal, self.house.service.now()));
        }
        match recorded.wait() {
            Ok(()) => rv,
            Err(error) => Failure::Unrecorded(error).rv(About::Token),
        }
    }

    /// What came of a PIN: it is recorded, whatever it is.
    ///
    /// # Errors
    /// What PKCS#11 calls it.
    pub fn pin<T>(&self, said: Result<T, PinError>) -> Result<T, Rv> {
        self.told.set(true);
        said.map_err(|error| refusal::pin(&error))
    }

    /// A request, with what this front has seen to.
    fn asking(&self, request: impl Into<Request>) -> Ask {
        Ask { seen: Seen::User, ..Ask::new(request, V2_1, self.house.service.number()) }
    }

    fn put<R: Kmip>(&self, ask: Ask) -> Result<R::Answer, Failure> {
        self.told.set(true);
        put::<R>(&self.house.service, self.caller, ask)
    }

    /// Asks the service, and waits until the call is recorded.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn ask<R: Kmip>(&self, request: R) -> Result<R::Answer, Failure> {
        self.put::<R>(self.asking(request))
    }

    /// Waits until everything that was answered so far is on the disk.
    ///
    /// # Errors
    /// [`Rv::DEVICE_ERROR`].
    pub fn firm(&self) -> Result<(), Rv> {
        self.house.service.firm().map_err(|_| Rv::DEVICE_ERROR)
    }

    /// Asks as the token's security officer, whose PIN the application has shown.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn ask_as_officer<R: Kmip>(&self, request: R) -> Result<R::Answer, Failure> {
        self.put::<R>(Ask { seen: Seen::Officer, ..self.asking(request) })
    }

    /// Asks for work with a mechanism.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn ask_with<R: Kmip>(&self, request: R, mechanism: Option<Mechanism>) -> Result<R::Answer, Failure> {
        let ask = self.asking(request);
        self.put::<R>(Ask { mechanism, ..ask })
    }

    /// Asks for a new object in a slot.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn ask_in<R: Kmip>(&self, slot: usize, request: R) -> Result<R::Answer, Failure> {
        let slot = self.house.slot(slot).map(|slot| slot.key.clone());
        let ask = self.asking(request);
        self.put::<R>(Ask { slot, ..ask })
    }

    /// Asks for a new object in a slot, by work with a mechanism.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn ask_for<R: Kmip>(&self, slot: usize, request: R, mechanism: Mechanism) -> Result<R::Answer, Failure> {
        let slot = self.house.slot(slot).map(|slot| slot.key.clone());
        let ask = self.asking(request);
        self.put::<R>(Ask { slot, mechanism: Some(mechanism), ..ask })
    }

    /// Asks for a new object in a slot, by a derivation.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn ask_derived<R: Kmip>(&self, slot: usize, request: R, derivation: Derivation) -> Result<R::Answer, Failure> {
        let slot = self.house.slot(slot).map(|slot| slot.key.clone());
        let ask = self.asking(request);
        self.put::<R>(Ask { slot, derivation: Some(derivation), ..ask })
    }

    /// Asks for a new object in a slot, made of a password.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn ask_spoken<R: Kmip>(
        &self,
        slot: usize,
        request: R,
        password: Secret,
        derivation: Derivation,
    ) -> Result<R::Answer, Failure> {
        let slot = self.house.slot(slot).map(|slot| slot.key.clone());
        let ask = self.asking(request);
        self.put::<R>(Ask { slot, password: Some(password), derivation: Some(derivation), ..ask })
    }

    /// Asks for a new object in a slot, by a derivation that has something to say beside it.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn ask_beside<R: Kmip>(
        &self,
        slot: usize,
        request: R,
        derivation: Derivation,
    ) -> Result<(R::Answer, Vec<u8>), Failure> {
        let slot = self.house.slot(slot).map(|slot| slot.key.clone());
        match self.put_beside::<R>(Ask { slot, derivation: Some(derivation), ..self.asking(request) })? {
            (said, Some(Instead::Beside(beside))) => Ok((said, beside)),
            _ => Err(odd()),
        }
    }

    /// Asks for new objects in a slot, by a derivation that is shared out: the answer about the first, the others, and what
    /// was derived beside them.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn ask_shared<R: Kmip>(
        &self,
        slot: usize,
        request: R,
        derivation: Derivation,
        share: Share,
    ) -> Result<Shared<R::Answer>, Failure> {
        let slot = self.house.slot(slot).map(|slot| slot.key.clone());
        let ask = Ask { slot, derivation: Some(derivation), share: Some(share), ..self.asking(request) };
        match self.put_beside::<R>(ask)? {
            (said, Some(Instead::Shared(others, beside))) => Ok((said, others, beside)),
            (said, None) => Ok((said, Vec::new(), Vec::new())),
            _ => Err(odd()),
        }
    }

    /// Asks the service, waits until the call is recorded, and gives what came instead or beside the answer too.
    fn put_beside<R: Kmip>(&self, ask: Ask) -> Result<(R::Answer, Option<Instead>), Failure> {
        self.told.set(true);
        put_beside::<R>(&self.house.service, self.caller, ask)
    }

    /// What the service answers on its own, once it is recorded.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn recorded<T>(&self, said: (Result<T, Refusal>, Receipt<(), Error>)) -> Result<T, Failure> {
        self.told.set(true);
        recorded(said)
    }

    /// The slot of this number.
    ///
    /// # Errors
    /// [`Rv::SLOT_ID_INVALID`].
    pub fn slot(&self, number: u64) -> Result<(usize, Arc<SlotView>), Rv> {
        let number = usize::try_from(number).map_err(|_| Rv::SLOT_ID_INVALID)?;
        self.house.slot(number).map(|slot| (number, slot)).ok_or(Rv::SLOT_ID_INVALID)
    }

    /// The object behind a handle, in the slot of a session.
    ///
    /// # Errors
    /// [`Rv::SESSION_HANDLE_INVALID`], [`Rv::OBJECT_HANDLE_INVALID`].
    pub fn object(&self, session: u64, handle: u64) -> Result<(Standing, ObjectId), Rv> {
        self.application.object(session, handle, Rv::OBJECT_HANDLE_INVALID)
    }

    /// Whether an object can be seen by the application as it stands.
    pub fn sees(&self, standing: Standing, object: &Object) -> bool {
        let here = self.house.slot(standing.slot).is_some_and(|slot| slot.key == object.slot);
        let known = object::class(object).is_some();
        let open = standing.is_user() || !object::is_private(object);
        here && known && open && (object::is_lasting(object) || self.application.owns(&object.id))
    }

    /// The handle of an object.
    pub fn handle(&self, standing: Standing, object: &Object) -> u64 {
        self.application.handle(standing.slot, &object.id, object::is_private(object))
    }

    /// Destroys an object for good.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn destroy(&self, object: &Object) -> Result<(), Failure> {
        self.told.set(true);
        destroy(&self.house.service, self.caller, object)
    }

    /// Logs the application out where its PIN has been set aside since.
    pub fn expire(&self) {
        self.application.expire().into_iter().for_each(|left| self.tidy(left));
    }

    /// Tidies up after sessions that were closed.
    pub fn tidy(&self, leftovers: Leftovers) {
        self.house.tidy(leftovers);
    }

    /// Lets go of an operation that nobody will end.
    pub fn abandon(&self, operation: &Operation) {
        self.house.abandon(operation);
    }

    /// Records that this front itself refuses something, and says so.
    pub fn deny(&self, operation: code::Operation, id: &ObjectId, rv: Rv) -> Rv {
        self.told.set(true);
        let word = rv.name().unwrap_or("CKR_GENERAL_ERROR");
        match self.house.service.denied(self.caller, operation, id, word).wait() {
            Ok(()) => rv,
            Err(error) => Failure::Unrecorded(error).rv(About::Object),
        }
    }

    /// Records a use that is refused before it could be asked for, and says what it is called.
    pub fn refuse(&self, operation: code::Operation, id: &ObjectId, refusal: Refusal, about: About) -> Rv {
        self.told.set(true);
        let receipt = self.house.service.refused(self.caller, operation, Some(id), &refusal);
        match receipt.wait() {
            Ok(()) => Failure::Refused(refusal).rv(about),
            Err(error) => Failure::Unrecorded(error).rv(about),
        }
    }
}

fn put<R: Kmip>(service: &Service, caller: &Caller, ask: Ask) -> Result<R::Answer, Failure> {
    put_beside::<R>(service, caller, ask).map(|(answer, _)| answer)
}

fn put_beside<R: Kmip>(service: &Service, caller: &Caller, ask: Ask) -> Result<(R::Answer, Option<Instead>), Failure> {
    let answer = service.answer(caller, ask);
    answer.receipt.wait().map_err(Failure::Unrecorded)?;
    let response = answer.outcome.map_err(Failure::Refused)?;
    Ok((R::answer(response).ok_or_else(odd)?, answer.instead))
}

fn odd() -> Failure {
    Failure::Refused(Refusal::new(ResultReason::GeneralFailure, "the service answered something else"))
}

fn recorded<T>((outcome, receipt): (Result<T, Refusal>, Receipt<(), Error>)) -> Result<T, Failure> {
    receipt.wait().map_err(Failure::Unrecorded)?;
    outcome.map_err(Failure::Refused)
}

/// Destroys an object for good. KMIP wants an active one revoked first; an application knows no such step.
fn destroy(service: &Service, caller: &Caller, object: &Object) -> Result<(), Failure> {
    if !object::is_lasting(object) {
        return recorded(service.expunge(caller, &object.id));
    }
    let id = || Some(object.id.as_str().into());
    if object.state(service.now()) == Some(State::Active) {
        let revocation_reason = RevocationReason {
            revocation_reason_code: RevocationReasonCode::CessationOfOperation,
            revocation_message: None,
        };
        let revoke = RevokeRequest { unique_identifier: id(), revocation_reason, compromise_occurrence_date: None };
        put::<RevokeRequest>(service, caller, Ask::new(revoke, V2_1, service.number()))?;
    }
    let request = DestroyRequest { unique_identifier: id() };
    put::<DestroyRequest>(service, caller, Ask::new(request, V2_1, service.number())).map(|_| ())
}

/// The daemon itself, which ends what nobody else is there to end.
fn rounds() -> Caller {
    Caller {
        principal: Principal::Daemon,
        role: Role::Administrator,
        front: Front::Rounds,
        from: "the end of a session".to_owned(),
        scope: Scope::Everything,
    }
}

/// How many calls of the house's own may wait for the disk at a time. The store has room for not many more, which is for others.
const AT_ONCE: usize = 32;
