//! The table of faults: whatever a vendor's library does, the daemon serves on, the slot says how it stands, and nothing is
//! lost.

use std::{fs, path::PathBuf, time::Duration};

use strongroom::slot::{
    Condition, Error, Slot, Why,
    hsm::{Choice, Settings},
    registry,
};
use strongroom_kmip::secret::Secret;

use crate::bench::{Folder, PIN, until, usable};
use crate::misbehaving::{Misbehaving, made, ready, signed};

/// What becomes of a call, and of the slot, while a library misbehaves.
struct Row {
    name: &'static str,
    fault: &'static str,
    call: Error,
    /// What ended the worker, where the fault did.
    after: Option<Why>,
}

const fn row(name: &'static str, fault: &'static str, call: Error, after: Option<Why>) -> Row {
    Row { name, fault, call, after }
}

const CALLS: &[Row] = &[
    row("it crashes in a call", "crash", Error::Absent, Some(Why::Died)),
    row("it ends the process in a call", "exit", Error::Absent, Some(Why::Died)),
    row("it hangs for ever in a call", "hang", Error::Absent, Some(Why::Silent)),
    row("it writes far past the end", "scribble", Error::Absent, Some(Why::Died)),
    row("it says that the device was removed", "gone", Error::Absent, Some(Why::Died)),
    row("it says that it failed", "device", Error::Absent, None),
    row("it claims a length beyond all memory", "huge", Error::Absent, Some(Why::Died)),
    row("it gives a signature that is too short", "short", Error::Parameter("length"), None),
    row("the key was deleted behind our back", "deleted", Error::Vanished, None),
];

#[test]
fn a_fault_in_a_call_is_that_calls_alone_and_afterwards_all_is_as_it_was() {
    for Row { name, fault, call, after } in CALLS {
        let library = Misbehaving::new();
        let (slot, kept, mac) = ready(&library);
        let other = Misbehaving::new();
        let (neighbour, theirs, their_mac) = ready(&other);
        slot.holding().unwrap().news();
        library.told(fault);
        assert_eq!(signed(&*slot, &kept).unwrap_err(), *call, "{name}");
        assert!(signed(&*neighbour, &theirs).unwrap().same_as(their_mac.reveal()), "{name}: another slot");
        if let Some(why) = after {
            until(&*slot, |_| slot.holding().unwrap().news().iter().any(|told| told.condition.why() == Some(*why)));
        }
        library.told("");
        let slot = usable(slot);
        // A worker that died is not asked before the slot is usable again, which it may be only just.
        until(&*slot, |_| signed(&*slot, &kept).is_ok_and(|again| again.same_as(mac.reveal())));
        assert_eq!(library.keys(), 1, "{name}");
    }
}

#[test]
fn a_library_that_cannot_be_worked_with_is_named_and_tried_again() {
    for (name, fault, why) in [
        ("it does not start", "no-start", Why::NotStarted),
        ("it is of another standard", "version", Why::NotCryptoki),
        ("it has no token", "no-token", Why::NoToken),
        ("it has two that fit", "several", Why::SeveralTokens),
        ("its token is blank", "blank", Why::Uninitialised),
        ("it gives no session", "no-sessions", Why::NoSession),
        ("its list of mechanisms has no end", "mechanisms", Why::Garbage),
    ] {
        let library = Misbehaving::new();
        library.told(fault);
        let slot = library.slot();
        until(&*slot, |condition| condition == Condition::Unfit(why));
        assert_eq!(made(&*slot).unwrap_err(), Error::Absent, "{name}");
        library.told("");
        assert!(made(&*usable(slot)).is_ok(), "{name}");
    }
    for (name, fault, why) in
        [("it has no functions", "no-list", Why::Died), ("it hangs at start", "slow-start", Why::Silent)]
    {
        let library = Misbehaving::new();
        library.told(fault);
        let slot = library.slot();
        until(&*slot, |condition| matches!(condition, Condition::Probing { after: Some(after), .. } if after == why));
        library.told("");
        assert!(made(&*usable(slot)).is_ok(), "{name}");
    }
}

#[test]
fn what_is_no_library_is_named() {
    let folder = Folder::new();
    let text = folder.0.join("text.so");
    fs::write(&text, "not a library").unwrap();
    for (name, path, why) in [
        ("missing", folder.0.join("missing.so"), Why::NoLibrary),
        ("text", text, Why::NoLibrary),
        ("another library", PathBuf::from("libm.so.6"), Why::NotCryptoki),
    ] {
        let library = Misbehaving::new();
        let slot = registry::token(Settings { library: path, ..library.settings() });
        until(&*slot, |condition| condition == Condition::Unfit(why));
        assert_eq!(made(&*slot).unwrap_err(), Error::Absent, "{name}");
    }
}

#[test]
fn a_wrong_pin_is_tried_once_and_never_again_until_an_operator_enters_another() {
    let library = Misbehaving::new();
    library.told("wrong-pin");
    let slot = library.slot();
    until(&*slot, |condition| condition == Condition::Unfit(Why::WrongPin));
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!((library.logins(), made(&*slot).unwrap_err()), (1, Error::Absent));
    // Another daemon, or this one started anew, is told by the token that somebody was wrong.
    library.told("tried");
    let later = library.slot();
    until(&*later, |condition| condition == Condition::Unfit(Why::PinAtRisk));
    assert_eq!(library.logins(), 1);
    later.holding().unwrap().retry(Some(Secret::copy_of(PIN.as_bytes())));
    assert!(made(&*usable(later)).is_ok());
    assert_eq!(library.logins(), 2);
    library.told("");
    slot.holding().unwrap().retry(None);
    assert!(made(&*usable(slot)).is_ok());
    assert_eq!(library.logins(), 3);
}

#[test]
fn a_token_that_is_locked_or_wants_a_pin_waits_for_the_operator() {
    let library = Misbehaving::new();
    library.told("locked");
    let slot = library.slot();
    until(&*slot, |condition| condition == Condition::Unfit(Why::PinLocked));
    let without = registry::token(Settings { pin: Box::new(|| None), ..library.settings() });
    until(&*without, |condition| condition == Condition::Unfit(Why::NoPin));
    library.told("");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((library.logins(), without.holding().unwrap().condition()), (1, Condition::Unfit(Why::NoPin)));
    without.holding().unwrap().retry(Some(Secret::copy_of(PIN.as_bytes())));
    usable(without);
}

#[test]
fn a_token_that_goes_or_is_exchanged_is_noticed_without_a_call() {
    for (name, fault) in [("it is pulled out", "removed"), ("another is in its place", "another")] {
        let library = Misbehaving::new();
        let (slot, kept, mac) = ready(&library);
        slot.holding().unwrap().news();
        library.told(fault);
        until(&*slot, |condition| condition != Condition::Usable);
        let first = slot.holding().unwrap().news().first().and_then(|news| news.condition.why());
        assert_eq!(first, Some(Why::TokenGone), "{name}");
        library.told("");
        let slot = usable(slot);
        until(&*slot, |_| signed(&*slot, &kept).is_ok_and(|again| again.same_as(mac.reveal())));
    }
}

#[test]
fn a_token_without_room_or_that_would_let_keys_out_makes_none() {
    let library = Misbehaving::new();
    let (slot, kept, mac) = ready(&library);
    for (fault, error) in [
        ("full", Error::Full),
        ("handles", Error::Key("its token has several of its name")),
        ("open", Error::Key("its token would let it leave")),
    ] {
        library.told(fault);
        let outcome = match fault {
            "handles" => signed(&*usable(library.slot()), &kept).map(|_| ()),
            _ => made(&*slot).map(|_| ()),
        };
        assert_eq!(outcome.unwrap_err(), error, "{fault}");
    }
    library.told("");
    assert!(signed(&*slot, &kept).unwrap().same_as(mac.reveal()));
}

#[test]
fn a_token_with_two_sessions_is_worked_with_through_one() {
    let library = Misbehaving::new();
    library.told("sessions");
    let (slot, kept, mac) = ready(&library);
    let slot: &dyn Slot = &*slot;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| assert!(signed(slot, &kept).unwrap().same_as(mac.reveal()))));
        }
    });
}

#[test]
fn a_token_is_found_by_serial_and_by_uri() {
    let library = Misbehaving::new();
    let by = |choice| usable(registry::token(Settings { choice, ..library.settings() }));
    by(Choice::Serial("1".to_owned()));
    by(Choice::from_uri("pkcs11:token=token;manufacturer=nobody;model=model;serial=1").unwrap());
    let none = registry::token(Settings { choice: Choice::Serial("9".to_owned()), ..library.settings() });
    until(&*none, |condition| condition == Condition::Unfit(Why::NoToken));
}
