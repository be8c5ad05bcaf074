//! Preludes: the call that begins an operation, kept back when it is the one that began the last operation in its session,
//! and sent together with the call that goes on with it. Signing with the same key again takes one round trip so, and so does
//! encrypting with it, each message with a nonce of its own.
//!
//! Only what went well just before is kept back, and only while nothing happened that could change its outcome in this
//! application: a login or logout, a change to an object, the end of a session. What still goes wrong is what the call
//! that goes on answers.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use strongroom_pkcs11_wire::{Function, Rv};

/// How old everything is: nothing is kept back that went well in an earlier age.
#[derive(Debug, Default)]
pub(crate) struct Age(AtomicU64);

impl Age {
    /// Begins the next age.
    pub(crate) fn next(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// This age.
    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The prelude of a session.
#[derive(Debug, Default)]
pub(crate) struct Prelude(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The frame that began an operation last, or will.
    frame: Vec<u8>,
    /// The same without what each message has of its own.
    likeness: Vec<u8>,
    /// The function that ends it in one go.
    whole: Option<Function>,
    /// How long its output is, once that was said. It is the same for all data.
    length: Option<u32>,
    age: u64,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing is known of the frame.
    #[default]
    Unknown,
    /// It was sent, and an operation is under way.
    Begun,
    /// The operation that it began has ended well in one go.
    Proven,
    /// It is kept back.
    Waiting,
}

impl Prelude {
    /// Keeps this frame back if one of its likeness just went well. False when it must be sent.
    pub(crate) fn keeps_back(&self, frame: &[u8], likeness: &[u8], age: u64) -> bool {
        let mut state = self.state();
        let keeps = state.stage == Stage::Proven && state.age == age && state.likeness == likeness;
        if keeps {
            state.frame.clear();
            state.frame.extend_from_slice(frame);
            state.stage = Stage::Waiting;
        }
        keeps
    }

    /// A frame of this likeness was sent and has begun an operation, which `whole` may end in one go.
    pub(crate) fn begun(&self, likeness: Vec<u8>, age: u64, whole: Function) {
        let (whole, stage) = (Some(whole), Stage::Begun);
        *self.state() = State { frame: Vec::new(), likeness, whole, length: None, age, stage };
    }

    /// This function has ended an operation well, in one go.
    pub(crate) fn ended(&self, whole: Function) {
        let mut state = self.state();
        if state.stage == Stage::Begun && state.whole == Some(whole) {
            state.stage = Stage::Proven;
        }
    }

    /// The output of this function is so long, whatever its data, for the operation that is under way.
    pub(crate) fn measured(&self, whole: Function, length: u32) {
        let mut state = self.state();
        if state.stage == Stage::Begun && state.whole == Some(whole) {
            state.length = Some(length);
        }
    }

    /// How long the output of this function will be for the operation whose frame is kept back, where that is known.
    pub(crate) fn length(&self, whole: Function) -> Option<u32> {
        let state = self.state();
        state.length.filter(|_| state.stage == Stage::Waiting && state.whole == Some(whole))
    }

    /// The frame that is kept back, to be sent with the call that goes on.
    pub(crate) fn send_along(&self) -> Option<Vec<u8>> {
        let mut state = self.state();
        if state.stage != Stage::Waiting {
            return None;
        }
        state.stage = Stage::Begun;
        Some(state.frame.clone())
    }

    /// The frame that is kept back, to be sent before something else is said in the session; after that nothing is known of
    /// it.
    pub(crate) fn interrupt(&self) -> Option<Vec<u8>> {
        let mut state = self.state();
        let waits = state.stage == Stage::Waiting;
        state.stage = Stage::Unknown;
        waits.then(|| std::mem::take(&mut state.frame))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call that goes on answers when what was to begin the operation went wrong: of the codes that PKCS#11 3.2 allows
/// for both, the same; of others, that the function failed.
pub(crate) fn late(rv: Rv) -> Rv {
    match rv {
        Rv::DEVICE_ERROR
        | Rv::DEVICE_MEMORY
        | Rv::DEVICE_REMOVED
        | Rv::GENERAL_ERROR
        | Rv::HOST_MEMORY
        | Rv::SESSION_CLOSED
        | Rv::SESSION_HANDLE_INVALID
        | Rv::USER_NOT_LOGGED_IN => rv,
        _ => Rv::FUNCTION_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGN: Function = Function::Sign;

    #[test]
    fn only_what_just_went_well_is_kept_back() {
        let prelude = Prelude::default();
        assert!(!prelude.keeps_back(b"a", b"a", 0), "nothing went before");
        prelude.begun(b"a".to_vec(), 0, SIGN);
        assert!(!prelude.keeps_back(b"a", b"a", 0), "the operation has not ended");
        prelude.ended(Function::Digest);
        assert!(!prelude.keeps_back(b"a", b"a", 0), "another operation has ended");
        prelude.ended(SIGN);
        assert!(!prelude.keeps_back(b"b", b"b", 0), "it was another");
        assert!(!prelude.keeps_back(b"a", b"a", 1), "it was in another age");
        assert!(prelude.keeps_back(b"a", b"a", 0));
        assert!(!prelude.keeps_back(b"a", b"a", 0), "it is kept back already");
        assert_eq!(prelude.send_along().as_deref(), Some(&b"a"[..]));
        assert_eq!(prelude.send_along(), None, "it is sent once");
        prelude.ended(SIGN);
        assert!(prelude.keeps_back(b"a", b"a", 0), "it went well again");
    }

    #[test]
    fn what_is_said_in_between_brings_it_out_and_ends_the_memory() {
        let prelude = Prelude::default();
        let proven = || {
            prelude.begun(b"a".to_vec(), 0, SIGN);
            prelude.ended(SIGN);
        };
        proven();
        assert!(prelude.keeps_back(b"a", b"a", 0));
        assert_eq!(prelude.interrupt().as_deref(), Some(&b"a"[..]));
        prelude.ended(SIGN);
        assert!(!prelude.keeps_back(b"a", b"a", 0));
        proven();
        assert_eq!(prelude.interrupt(), None);
        assert!(!prelude.keeps_back(b"a", b"a", 0));
    }

    #[test]
    fn what_each_message_has_of_its_own_is_sent_as_it_is_said_now() {
        let prelude = Prelude::default();
        prelude.begun(b"n".to_vec(), 0, SIGN);
        prelude.ended(SIGN);
        assert!(!prelude.keeps_back(b"o2", b"o", 0), "it is not alike");
        assert!(prelude.keeps_back(b"n2", b"n", 0));
        assert_eq!(prelude.send_along().as_deref(), Some(&b"n2"[..]));
        prelude.ended(SIGN);
        assert!(prelude.keeps_back(b"n3", b"n", 0));
        assert_eq!(prelude.interrupt().as_deref(), Some(&b"n3"[..]));
    }

    #[test]
    fn a_length_is_known_of_what_is_kept_back_and_of_nothing_else() {
        let prelude = Prelude::default();
        prelude.measured(SIGN, 64);
        prelude.begun(b"a".to_vec(), 0, SIGN);
        prelude.measured(Function::Digest, 32);
        prelude.measured(SIGN, 64);
        assert_eq!(prelude.length(SIGN), None, "the operation is the daemon's");
        prelude.ended(SIGN);
        assert!(prelude.keeps_back(b"a", b"a", 0));
        assert_eq!(prelude.length(SIGN), Some(64));
        assert_eq!(prelude.length(Function::Digest), None, "another function");
        assert_eq!(prelude.send_along().as_deref(), Some(&b"a"[..]), "a question brings nothing out");
        assert_eq!(prelude.length(SIGN), None, "it was sent");
        prelude.begun(b"b".to_vec(), 0, SIGN);
        prelude.ended(SIGN);
        assert!(prelude.keeps_back(b"b", b"b", 0));
        assert_eq!(prelude.length(SIGN), None, "it was said of another operation");
    }

    #[test]
    fn a_late_failure_is_called_what_both_calls_may_answer() {
        for (why, rv, expected) in [
            ("a key that is gone", Rv::KEY_HANDLE_INVALID, Rv::FUNCTION_FAILED),
            ("a mechanism that is gone", Rv::MECHANISM_INVALID, Rv::FUNCTION_FAILED),
            ("a session that is gone", Rv::SESSION_HANDLE_INVALID, Rv::SESSION_HANDLE_INVALID),
            ("a vault that was sealed", Rv::DEVICE_REMOVED, Rv::DEVICE_REMOVED),
        ] {
            assert_eq!(late(rv), expected, "{why}");
        }
    }
}
