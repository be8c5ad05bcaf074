//! The module as it stands between `C_Initialize` and `C_Finalize`: which sessions the application has, which tokens it may
//! see, and one call to the daemon for each call of the application.

use std::{
    collections::HashMap,
    sync::{Arc, Condvar, Mutex, PoisonError, RwLock},
    time::Duration,
};

use strongroom_pkcs11_wire::{
    AttributeType, Function, Mechanism, Rv,
    attribute::{Reveal, Wanted},
    call::{self, Ask, Found, TokenInfo, request},
    codec,
    number::{SessionFlags, TokenFlags, UserType},
    value::{Wiped, padded},
};

use crate::{
    config::{Config, Place},
    prelude::{self, Age, Prelude},
    recall::Recall,
    remote::{Error, Next, Remote, Repeat},
    source::Source,
    spare::{self, Spare},
    trace,
};

/// The module, present.
#[derive(Debug)]
pub(crate) struct Module {
    remote: Remote,
    /// The label of the only token to show.
    token: Option<[u8; 32]>,
    /// Where the user's PIN is that applications need not give.
    pin: Option<Source>,
    sessions: RwLock<HashMap<u64, Arc<Session>>>,
    age: Age,
    /// The slots that hold the token to show, and the epoch in which that was found out.
    shown: Mutex<Option<(u64, Vec<u64>)>>,
    recall: Recall,
    spare: Spare,
    /// Whether `C_Finalize` was called.
    finished: Mutex<bool>,
    ended: Condvar,
}

/// Whether somebody waits until something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Until the module is finished.
    Endless,
    /// Not at all.
    None,
}

/// What the module keeps of a session; the rest is the daemon's.
#[derive(Debug)]
struct Session {
    slot: u64,
    epoch: u64,
    prelude: Prelude,
}

impl Module {
    /// A module for the application that `nonce` and `process` name. The daemon is not called yet.
    pub(crate) fn new(config: &Config, place: Place, nonce: [u8; 16], process: u64) -> Self {
        let patience = config.patience();
        Self {
            token: config.token.as_deref().map(padded),
            pin: config.pin_source.clone().map(Source::new),
            remote: Remote::new(place, patience, nonce, process),
            sessions: RwLock::default(),
            age: Age::default(),
            shown: Mutex::default(),
            recall: Recall::default(),
            spare: Spare::default(),
            finished: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Tells the daemon, if it is there, that this application is done.
    pub(crate) fn finish(&self) {
        *self.finished.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.ended.notify_all();
        self.remote.part(&|to| call::write_request(&request::Finalize {}, to));
        self.remote.hang_up();
    }

    /// A slot whose token came or went.
    ///
    /// # Errors
    /// [`Rv::NO_EVENT`] when none did and nobody waits; [`Rv::CRYPTOKI_NOT_INITIALIZED`] when the module was finished
    /// meanwhile.
    pub(crate) fn slot_event(&self, patience: Patience) -> Result<u64, Rv> {
        loop {
            // A daemon that is not there has nothing to tell; when it comes back, it tells what has changed.
            match self.exchange(None, Repeat::Harmless, &request::WaitForSlotEvent {}) {
                Ok((_, answer)) => {
                    if let Some(slot) = answer?.slot
                        && self.visible(slot).is_ok()
                    {
                        return Ok(slot);
                    }
                }
                Err(Error::Absent(_) | Error::Lost) => {}
                Err(error) => return Err(complain(&error)),
            }
            if patience == Patience::None {
                return Err(Rv::NO_EVENT);
            }
            let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
            let slept = self.ended.wait_timeout_while(finished, PAUSE, |finished| !*finished);
            if *slept.unwrap_or_else(PoisonError::into_inner).0 {
                return Err(Rv::CRYPTOKI_NOT_INITIALIZED);
            }
        }
    }

    /// What becomes of a question about a function that goes on by itself: no session here has one (PKCS#11 3.2 §5.21).
    ///
    /// # Errors
    /// [`Rv::OPERATION_NOT_INITIALIZED`], in a session that is there.
    pub(crate) fn asynchronous(&self, session: u64, is_nameless: bool) -> Result<(), Rv> {
        if is_nameless {
            return Err(Rv::ARGUMENTS_BAD);
        }
        self.session(session)?;
        Err(Rv::OPERATION_NOT_INITIALIZED)
    }

    /// The slots the application may see. Without a daemon there are none, which is no error.
    pub(crate) fn slots(&self, token_present: bool) -> Result<Vec<u64>, Rv> {
        let slots = match self.exchange(None, Repeat::Harmless, &request::GetSlotList { token_present }) {
            Ok((_, answer)) => answer?.slots,
            Err(Error::Absent(error)) => {
                trace::say(format_args!("no slots: {}", Error::Absent(error)));
                return Ok(Vec::new());
            }
            Err(error) => return Err(complain(&error)),
        };
        match self.token {
            None => Ok(slots),
            Some(label) => self.choose(slots, label),
        }
    }

    /// A call about a slot.
    pub(crate) fn on_slot<R: Ask>(&self, slot: u64, request: &R) -> Result<R::Answer, Rv> {
        self.visible(slot)?;
        self.ask(None, Repeat::Harmless, request)
    }

    /// A call about a slot that must not be made twice.
    pub(crate) fn on_slot_once<R: Ask>(&self, slot: u64, request: &R) -> Result<R::Answer, Rv> {
        self.visible(slot)?;
        self.forget();
        self.ask(None, Repeat::Never, request)
    }

    /// Opens a session.
    pub(crate) fn open(&self, slot: u64, flags: SessionFlags) -> Result<u64, Rv> {
        self.visible(slot)?;
        let request = request::OpenSession { slot, flags };
        let (epoch, answer) = self.exchange(None, Repeat::Harmless, &request).map_err(|error| complain(&error))?;
        let session = answer?.session;
        let opened = Arc::new(Session { slot, epoch, prelude: Prelude::default() });
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).insert(session, opened);
        Ok(session)
    }

    /// Closes a session.
    pub(crate) fn close(&self, session: u64) -> Result<(), Rv> {
        let outcome = self.in_session(session, &request::CloseSession { session });
        self.forget();
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).remove(&session);
        outcome.map(|_| ())
    }

    /// Closes all sessions with a slot.
    pub(crate) fn close_all(&self, slot: u64) -> Result<(), Rv> {
        self.visible(slot)?;
        self.ask(None, Repeat::Harmless, &request::CloseAllSessions { slot })?;
        self.forget();
        self.sessions.write().unwrap_or_else(PoisonError::into_inner).retain(|_, session| session.slot != slot);
        Ok(())
    }

    /// A call in a session.
    pub(crate) fn in_session<R: Ask>(&self, session: u64, request: &R) -> Result<R::Answer, Rv> {
        let session = self.session(session)?;
        let prelude = session.prelude.interrupt();
        self.after(&session, prelude, request)
    }

    /// A call that begins an operation with a mechanism, which the function `whole` may end in one go. It may be kept back
    /// until then.
    pub(crate) fn begin<R: Ask>(
        &self,
        session: u64,
        whole: Function,
        mechanism: Option<Mechanism>,
        request: impl Fn(Option<Mechanism>) -> R,
    ) -> Result<(), Rv> {
        let session = self.session(session)?;
        let age = self.age.now();
        let frame = |request: &R| {
            let mut frame = Vec::new();
            call::write_request(request, &mut frame).map(|()| frame).map_err(|_| Rv::DATA_LEN_RANGE)
        };
        let likeness = mechanism.as_ref().and_then(Mechanism::likeness).map(|likeness| frame(&request(Some(likeness))));
        let (request, likeness) = (request(mechanism), likeness.transpose()?);
        let frame = frame(&request)?;
        if session.prelude.keeps_back(&frame, likeness.as_deref().unwrap_or(&frame), age) {
            return Ok(());
        }
        let prelude = session.prelude.interrupt();
        self.after(&session, prelude, &request)?;
        session.prelude.begun(likeness.unwrap_or(frame), age, whole);
        Ok(())
    }

    /// A call that ends an operation in one go, unless its answer only says how much room that takes.
    pub(crate) fn whole<R: Ask>(
        &self,
        session: u64,
        request: &R,
        ends: impl FnOnce(&R::Answer) -> bool,
    ) -> Result<R::Answer, Rv> {
        let session = self.session(session)?;
        let prelude = session.prelude.send_along();
        let answer = self.after(&session, prelude, request)?;
        if ends(&answer) {
            session.prelude.ended(R::FUNCTION);
        }
        Ok(answer)
    }

    /// How long the output of what was kept back in a session will be, where that was said before.
    pub(crate) fn length(&self, session: u64, whole: Function) -> Result<Option<u32>, Rv> {
        Ok(self.session(session)?.prelude.length(whole))
    }

    /// The output of the operation under way in a session is so long, whatever its data.
    pub(crate) fn measured(&self, session: u64, whole: Function, length: u32) -> Result<(), Rv> {
        self.session(session)?.prelude.measured(whole, length);
        Ok(())
    }

    /// A call in a session after what was kept back of it.
    fn after<R: Ask>(&self, session: &Session, prelude: Option<Vec<u8>>, request: &R) -> Result<R::Answer, Rv> {
        let (mut begun, mut outcome) = (prelude.is_none(), Err(Rv::DEVICE_ERROR));
        let ask = |to: &mut Vec<u8>| {
            to.extend_from_slice(prelude.as_deref().unwrap_or_default());
            call::write_request(request, to)
        };
        let mut failed = None;
        let mut tell = |rv: Rv, body: &[u8]| -> Result<Next, codec::Error> {
            if begun {
                outcome = said::<R>(rv, body)?;
                return Ok(Next::Done);
            }
            begun = true;
            failed = Some(rv).filter(|rv| *rv != Rv::OK);
            Ok(Next::Frame)
        };
        let talked = self.remote.exchange(Some(session.epoch), Repeat::Never, &ask, &mut tell);
        talked.map_err(|error| complain(&error))?;
        match (failed, outcome) {
            // What goes on with an operation that did not begin has nothing to say of its own.
            (Some(rv), Err(Rv::OPERATION_NOT_INITIALIZED)) => Err(prelude::late(rv)),
            (_, outcome) => outcome,
        }
    }

    /// Nothing that was remembered holds any more.
    fn forget(&self) {
        self.recall.clear();
        self.age.next();
    }

    /// What the token in a slot is. Where the PIN comes from a file, applications need not ask anybody for it.
    pub(crate) fn token(&self, slot: u64) -> Result<TokenInfo, Rv> {
        let mut info = self.on_slot(slot, &request::GetTokenInfo { slot })?.info;
        if self.pin.is_some() {
            info.flags |= TokenFlags::PROTECTED_AUTHENTICATION_PATH;
        }
        Ok(info)
    }

    /// The PIN that a user logs in with who gave this one, or none.
    pub(crate) fn pin(&self, user: UserType, given: Option<Wiped>) -> Result<Option<Wiped>, Rv> {
        match (&self.pin, given) {
            (Some(source), None) if user == UserType::USER => source.read().map(Some).map_err(|error| {
                trace::say(format_args!("{error}"));
                Rv::FUNCTION_FAILED
            }),
            (_, given) => Ok(given),
        }
    }

    /// A call in a session after which nothing remembered of any object holds: login, logout, a new PIN.
    pub(crate) fn forgetting<R: Ask>(&self, session: u64, request: &R) -> Result<R::Answer, Rv> {
        let outcome = self.in_session(session, request);
        self.forget();
        outcome
    }

    /// A call in a session that changes one object.
    pub(crate) fn changing<R: Ask>(&self, session: u64, object: u64, request: &R) -> Result<R::Answer, Rv> {
        let slot = self.session(session)?.slot;
        let outcome = self.in_session(session, request);
        self.recall.forget((slot, object));
        self.age.next();
        outcome
    }

    /// What attributes of an object say, from memory where it reaches. As many answers as questions, in their order.
    pub(crate) fn attributes(&self, session: u64, object: u64, wanted: Vec<Wanted>) -> Result<Vec<Reveal>, Rv> {
        let slot = self.session(session)?.slot;
        if let Some(revealed) = self.recall.answer((slot, object), &wanted) {
            return Ok(revealed);
        }
        let kinds: Vec<AttributeType> = wanted.iter().map(|wanted| wanted.kind).collect();
        let request = request::GetAttributeValue { session, object, wanted };
        let revealed = self.in_session(session, &request)?.revealed;
        let answers = kinds.len() == revealed.len()
            && kinds.iter().zip(&revealed).all(|(kind, reveal)| match reveal {
                Reveal::Value(attribute) => attribute.kind == *kind,
                Reveal::Sensitive | Reveal::Invalid | Reveal::Length(_) => true,
            });
        if answers { Ok(revealed) } else { Err(Rv::DEVICE_ERROR) }
    }

    /// The next objects of a search, at most so many.
    pub(crate) fn find(&self, session: u64, most: u32) -> Result<Vec<u64>, Rv> {
        let slot = self.session(session)?.slot;
        let found: Vec<Found> = self.in_session(session, &request::FindObjects { session, most })?.found;
        if u32::try_from(found.len()).map_or(true, |count| count > most) {
            return Err(Rv::DEVICE_ERROR);
        }
        let objects = found.iter().map(|found| found.object).collect();
        self.recall.learn(slot, found);
        Ok(objects)
    }

    /// Exactly so many random bytes.
    pub(crate) fn random(&self, session: u64, length: usize) -> Result<Wiped, Rv> {
        let epoch = self.session(session)?.epoch;
        match self.spare.take(length, epoch) {
            spare::Source::Here(random) => Ok(random),
            spare::Source::Fetch(fetched) => {
                let fetched = self.fetch_random(session, fetched)?;
                Ok(self.spare.leave(fetched, length, epoch))
            }
        }
    }

    /// Stirs a seed in. What was fetched before comes from before.
    pub(crate) fn seed(&self, session: u64, seed: Wiped) -> Result<(), Rv> {
        self.spare.clear();
        self.in_session(session, &request::SeedRandom { session, seed }).map(|_| ())
    }

    fn fetch_random(&self, session: u64, length: usize) -> Result<Wiped, Rv> {
        let mut all = Vec::with_capacity(length.min(codec::LARGEST_DATA));
        while all.len() < length {
            let next = length.saturating_sub(all.len()).min(codec::LARGEST_DATA);
            let length = u32::try_from(next).map_err(|_| Rv::DATA_LEN_RANGE)?;
            let random = self.in_session(session, &request::GenerateRandom { session, length })?.random;
            if random.len() != next {
                return Err(Rv::DEVICE_ERROR);
            }
            all.extend_from_slice(random.reveal());
        }
        Ok(Wiped::new(all))
    }

    fn session(&self, session: u64) -> Result<Arc<Session>, Rv> {
        let known = self.sessions.read().unwrap_or_else(PoisonError::into_inner).get(&session).cloned();
        known.filter(|session| session.epoch == self.remote.epoch()).ok_or(Rv::SESSION_HANDLE_INVALID)
    }

    /// Of these slots, those whose token has the label that is shown.
    fn choose(&self, slots: Vec<u64>, label: [u8; 32]) -> Result<Vec<u64>, Rv> {
        let mut chosen = Vec::new();
        for slot in slots {
            match self.ask(None, Repeat::Harmless, &request::GetTokenInfo { slot }) {
                Ok(answer) if answer.info.label == label => chosen.push(slot),
                Ok(_) | Err(Rv::TOKEN_NOT_PRESENT | Rv::TOKEN_NOT_RECOGNIZED | Rv::SLOT_ID_INVALID) => {}
                Err(rv) => return Err(rv),
            }
        }
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some((self.remote.epoch(), chosen.clone()));
        Ok(chosen)
    }

    /// Refuses a slot that is not shown, just as one that is not there.
    fn visible(&self, slot: u64) -> Result<(), Rv> {
        if self.token.is_none() {
            return Ok(());
        }
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let slots = match shown {
            Some((epoch, slots)) if epoch == self.remote.epoch() => slots,
            _ => self.slots(true)?,
        };
        if slots.contains(&slot) { Ok(()) } else { Err(Rv::SLOT_ID_INVALID) }
    }

    fn ask<R: Ask>(&self, bound: Option<u64>, repeat: Repeat, request: &R) -> Result<R::Answer, Rv> {
        match self.exchange(bound, repeat, request) {
            Ok((_, answer)) => answer,
            Err(error) => Err(complain(&error)),
        }
    }

    /// There and back: the epoch, and the answer or the refusal.
    fn exchange<R: Ask>(
        &self,
        bound: Option<u64>,
        repeat: Repeat,
        request: &R,
    ) -> Result<(u64, Result<R::Answer, Rv>), Error> {
        let mut outcome = Err(Rv::DEVICE_ERROR);
        let ask = |to: &mut Vec<u8>| call::write_request(request, to);
        let mut tell = |rv: Rv, body: &[u8]| -> Result<Next, codec::Error> {
            outcome = said::<R>(rv, body)?;
            Ok(Next::Done)
        };
        let epoch = self.remote.exchange(bound, repeat, &ask, &mut tell)?;
        Ok((epoch, outcome))
    }
}

/// The answer or the refusal in a frame.
fn said<R: Ask>(rv: Rv, body: &[u8]) -> Result<Result<R::Answer, Rv>, codec::Error> {
    Ok(match call::read_answer::<R>(rv, body)? {
        // An answer that does not fit still says how long it is; `Output` makes the return value from that.
        Some(answer) if rv == Rv::OK || rv == Rv::BUFFER_TOO_SMALL => Ok(answer),
        Some(_) | None => Err(rv),
    })
}

fn complain(error: &Error) -> Rv {
    trace::say(format_args!("{error}"));
    error.rv()
}

/// How often the daemon is asked while somebody waits for a slot event.
const PAUSE: Duration = Duration::from_millis(200);
