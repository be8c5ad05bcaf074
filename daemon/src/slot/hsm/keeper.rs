//! The keeper of one worker: starts it, looks after it, kills it when it fails, starts another after a while. It is the
//! one thread that changes the slot's condition.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use strongroom_kmip::secret::Secret;

use super::{
    message::{Answer, Ask, Bounds, Sockets, Token, Trouble},
    process::{Broken, Process},
    settings::{Network, Settings},
};
use crate::slot::{
    contract::Error,
    holding::{Condition, Why},
};

/// Looks after one worker.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    settings: Settings,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    condition: Condition,
    news: Vec<Condition>,
    open: Option<Open>,
    /// What the token was when it was open last: what it offers is known while it is away.
    token: Option<Arc<Token>>,
    /// How often it was opened.
    openings: u64,
    /// A PIN that an operator entered.
    pin: Option<Secret>,
    order: Order,
}

#[derive(Clone)]
struct Open {
    process: Arc<Process>,
    token: Arc<Token>,
}

/// What an operator, or the end of the daemon, wants of the keeper.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Nothing,
    Retry,
    Stop,
}

impl Keeper {
    /// Begins to look after a worker.
    pub(super) fn start(settings: Settings) -> Self {
        let condition = Condition::Probing { since: settings.clock.now(), after: None };
        let name = format!("slot {}", settings.name);
        let (news, order) = (Vec::new(), Order::Nothing);
        let state = State { condition, news, open: None, token: None, openings: 0, pin: None, order };
        let shared = Arc::new(Shared { settings, state: Mutex::new(state), changed: Condvar::new() });
        let kept = Arc::clone(&shared);
        let thread = thread::Builder::new().name(name).spawn(move || kept.keep());
        if thread.is_err() {
            shared.turn(Condition::Unfit(Why::NoProcess), "the system gives no thread");
        }
        Self { shared, thread: Mutex::new(thread.ok()) }
    }

    pub(super) fn condition(&self) -> Condition {
        self.shared.state().condition
    }

    pub(super) fn news(&self) -> Vec<Condition> {
        std::mem::take(&mut self.shared.state().news)
    }

    /// The token as it was when it was open last.
    pub(super) fn token(&self) -> Option<Arc<Token>> {
        self.shared.state().token.clone()
    }

    /// How often it was opened: what was known of its keys may have changed since the time before.
    pub(super) fn openings(&self) -> u64 {
        self.shared.state().openings
    }

    pub(super) fn retry(&self, pin: Option<Secret>) {
        {
            let mut state = self.shared.state();
            state.order = Order::Retry;
            if pin.is_some() {
                state.pin = pin;
            }
        }
        self.shared.changed.notify_all();
    }

    /// Asks the worker.
    ///
    /// # Errors
    /// [`Error::Absent`] while the slot is not usable, and when this call ends that. What the token has against the call is
    /// an [`Answer::Failed`].
    pub(super) fn ask(&self, ask: &Ask, patience: Patience) -> Result<Answer, Error> {
        let open = self.shared.state().open.clone().ok_or(Error::Absent)?;
        let deadline = match patience {
            Patience::Usual => self.shared.settings.deadline,
            Patience::Long => self.shared.settings.deadline.saturating_mul(LONGER),
        };
        match open.process.ask(ask, deadline) {
            Ok(Answer::Failed { trouble: Trouble::Gone, word }) => {
                log::warn!("slot {}: the session is over: {word:?}", self.shared.settings.name);
                open.process.give_up(Broken::Ended);
                Err(Error::Absent)
            }
            Ok(answer) => Ok(answer),
            Err(Broken::TooLong) => Err(Error::Length),
            Err(Broken::Silent | Broken::Ended | Broken::Babbled | Broken::Busy) => Err(Error::Absent),
        }
    }

    /// Ends the worker and its keeper.
    pub(super) fn close(&self) {
        let open = {
            let mut state = self.shared.state();
            state.order = Order::Stop;
            state.open.clone()
        };
        self.shared.changed.notify_all();
        if let Some(open) = open {
            open.process.give_up(Broken::Ended);
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            log::error!("slot {}: its keeper ended in a panic", self.shared.settings.name);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.close();
    }
}

/// How long a call may take.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// As the configuration says.
    Usual,
    /// Longer: a large RSA key is being made.
    Long,
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self) {
        let mut pause = FIRST_PAUSE;
        while !self.stopped() {
            let after = match self.open() {
                Ok(open) => {
                    self.turn(Condition::Usable, "");
                    let why = self.look_after(&open);
                    let end = open.process.bury();
                    let why = if end.trespass { Why::Trespass } else { why };
                    self.state().open = None;
                    if self.stopped() {
                        return;
                    }
                    if open.process.was_useful() {
                        pause = FIRST_PAUSE;
                    }
                    self.probing(why, &end.how);
                    why
                }
                Err(why) => why,
            };
            pause = match self.wait((!after.lasts()).then_some(pause)) {
                Order::Nothing | Order::Stop => pause.saturating_mul(2).min(LONGEST_PAUSE),
                Order::Retry => FIRST_PAUSE,
            };
        }
    }

    /// Starts a worker and has it open the token.
    fn open(&self) -> Result<Open, Why> {
        let settings = &self.settings;
        let (entered, dare) = {
            let mut state = self.state();
            let dare = state.order == Order::Retry;
            if dare {
                state.order = Order::Nothing;
            }
            (state.pin.as_ref().map(Secret::duplicate), dare)
        };
        let ask = Ask::Open {
            library: settings.library.to_string_lossy().into_owned(),
            choice: settings.choice.chosen(),
            pin: entered.or_else(|| (settings.pin)()),
            dare,
            bounds: Bounds {
                sockets: match settings.network {
                    Network::None => Sockets::None,
                    Network::Local => Sockets::Local,
                    Network::Any => Sockets::Any,
                },
                processes: settings.processes,
                paths: settings.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
            },
            lanes: u32::try_from(settings.sessions).unwrap_or(1),
        };
        let opening = settings.deadline.saturating_mul(OPENING);
        let (process, opened) = match Process::start(settings, &ask, opening) {
            Ok(started) => started,
            Err(error) => {
                self.turn(Condition::Unfit(Why::NoProcess), &error.to_string());
                return Err(Why::NoProcess);
            }
        };
        match opened {
            Ok(Answer::Opened { token, lanes }) => {
                process.narrow(usize::try_from(lanes).unwrap_or(0));
                let open = Open { process: Arc::new(process), token: Arc::new(token) };
                let mut state = self.state();
                state.token = Some(Arc::clone(&open.token));
                state.openings = state.openings.saturating_add(1);
                state.open = Some(open.clone());
                Ok(open)
            }
            Ok(Answer::Failed { trouble, word }) => {
                let why = unfit(&trouble);
                if why == Why::WrongPin {
                    self.state().pin = None;
                }
                self.turn(Condition::Unfit(why), &word);
                Err(why)
            }
            Ok(_) => {
                self.turn(Condition::Unfit(Why::Garbage), "an answer to something else");
                Err(Why::Garbage)
            }
            Err(broken) => {
                let end = process.bury();
                let why = if end.trespass { Why::Trespass } else { ended(broken) };
                self.probing(why, &end.how);
                Err(why)
            }
        }
    }

    /// Waits as long as the worker does its work, and says what ended it.
    fn look_after(&self, open: &Open) -> Why {
        loop {
            if let Some(broken) = open.process.watch(LOOK) {
                return ended(broken);
            }
            match open.process.ask(&Ask::Probe, self.settings.deadline) {
                Ok(Answer::Done) | Err(Broken::Busy) => {}
                Ok(Answer::Failed { trouble, word }) => {
                    log::warn!("slot {}: {word:?}", self.settings.name);
                    open.process.give_up(Broken::Ended);
                    return match trouble {
                        Trouble::Gone => Why::TokenGone,
                        trouble => unfit(&trouble),
                    };
                }
                Ok(_) | Err(Broken::Babbled | Broken::TooLong) => return Why::Garbage,
                Err(broken) => return ended(broken),
            }
            if self.state().order != Order::Nothing {
                // A retry of what works is a fresh start.
                open.process.give_up(Broken::Ended);
                return Why::TokenGone;
            }
        }
    }

    fn stopped(&self) -> bool {
        self.state().order == Order::Stop
    }

    /// Waits for the pause, or without one until there is an order.
    fn wait(&self, pause: Option<Duration>) -> Order {
        let state = self.state();
        let idle = |state: &mut State| state.order == Order::Nothing;
        let state = match pause {
            Some(pause) => {
                self.changed.wait_timeout_while(state, pause, idle).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
        };
        state.order
    }

    fn probing(&self, why: Why, detail: &str) {
        let since = match self.state().condition {
            Condition::Probing { since, .. } => since,
            Condition::Usable | Condition::Unfit(_) => self.settings.clock.now(),
        };
        self.turn(Condition::Probing { since, after: Some(why) }, detail);
    }

    /// Takes the slot into another condition, with a word in the log and among the news where it is another.
    fn turn(&self, condition: Condition, detail: &str) {
        let mut state = self.state();
        if state.condition == condition {
            return;
        }
        state.condition = condition;
        if state.news.len() < MOST_NEWS {
            state.news.push(condition);
        }
        drop(state);
        let name = &self.settings.name;
        match (condition, condition.why()) {
            (Condition::Usable, _) => log::info!("slot {name} is usable"),
            (_, Some(why)) => log::error!("slot {name} is {}: {why} ({detail:?})", condition.word()),
            (_, None) => log::info!("slot {name} is {}", condition.word()),
        }
    }
}

fn ended(broken: Broken) -> Why {
    match broken {
        Broken::Silent | Broken::Busy => Why::Silent,
        Broken::Ended => Why::Died,
        Broken::Babbled | Broken::TooLong => Why::Garbage,
    }
}

fn unfit(trouble: &Trouble) -> Why {
    match trouble {
        Trouble::NoLibrary => Why::NoLibrary,
        Trouble::NotCryptoki => Why::NotCryptoki,
        Trouble::NotStarted => Why::NotStarted,
        Trouble::NoToken => Why::NoToken,
        Trouble::SeveralTokens => Why::SeveralTokens,
        Trouble::Uninitialised => Why::Uninitialised,
        Trouble::NoPin => Why::NoPin,
        Trouble::WrongPin => Why::WrongPin,
        Trouble::PinAtRisk => Why::PinAtRisk,
        Trouble::PinLocked => Why::PinLocked,
        Trouble::Gone => Why::TokenGone,
        Trouble::NoSession => Why::NoSession,
        Trouble::Garbage => Why::Garbage,
        Trouble::NotConfined => Why::NotConfined,
        _ => Why::Device,
    }
}

/// Between a worker's end and the next one, at first.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// And at most: an operator who plugs a token in waits no longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Between two looks whether the token is still there.
const LOOK: Duration = Duration::from_secs(2);
/// How many times longer a library may take to start.
const OPENING: u32 = 3;
/// How many times longer the making of a key may take.
const LONGER: u32 = 6;
/// Changes that nobody has asked for yet: those that come later say the same.
const MOST_NEWS: usize = 64;
