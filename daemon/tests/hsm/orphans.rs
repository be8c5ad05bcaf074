//! A slot and the store change at different moments, and either may fail: no key is lost, and none is left behind.

use std::{
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use strongroom::slot::{Error, hsm::Settings, registry};
use strongroom_kmip::code::{ProtectionStorageMask, ResultReason};

use crate::bench::{Ending, Token, until, usable};
use crate::house::House;
use crate::misbehaving::Misbehaving;

const HARDWARE: ProtectionStorageMask = ProtectionStorageMask::Hardware;

#[test]
fn a_slot_that_fails_is_refused_shown_and_written_down_while_others_serve_on() {
    let library = Misbehaving::new();
    let slot = usable(library.slot());
    let house = House::over(slot.clone());
    let (held, soft) = (house.hmac(HARDWARE).unwrap(), house.hmac(ProtectionStorageMask::Software).unwrap());
    let before = house.mac(&held).unwrap();
    house.attend();
    library.told("crash");
    assert_eq!(house.mac(&held).unwrap_err().reason, ResultReason::GeneralFailure);
    assert!(house.mac(&soft).is_ok());
    // The worker's death may not be noticed yet.
    until(&*slot, |_| {
        house.attend();
        let told = house.told("\"slot-changed\"");
        told.iter().any(|line| line.contains("\"reason\":\"died\"") && line.contains("\"object\":\"hsm\""))
    });
    library.told("");
    usable(slot);
    assert_eq!(house.mac(&held).unwrap(), before);
    assert_eq!(house.row(), ("usable".to_owned(), None, 0));
}

#[test]
fn a_key_whose_making_was_never_answered_is_removed() {
    let library = Misbehaving::new();
    let slot = usable(library.slot());
    let house = House::over(slot.clone());
    library.told("crash-after");
    assert_eq!(house.hmac(HARDWARE).unwrap_err().reason, ResultReason::GeneralFailure);
    assert_eq!((library.keys(), house.row().2), (1, 1));
    library.told("");
    // The worker's death may not be noticed yet; what cannot be done now is done the next time.
    until(&*slot, |_| {
        house.attend();
        house.row().2 == 0
    });
    assert_eq!(library.keys(), 0);
    assert_eq!(house.told("\"removed\"").len(), 1);
}

#[test]
fn a_destroyed_key_that_its_token_does_not_let_go_is_removed_later() {
    let library = Misbehaving::new();
    let slot = usable(library.slot());
    let house = House::over(slot);
    let id = house.hmac(HARDWARE).unwrap();
    library.told("sticky");
    house.destroy(&id).unwrap();
    house.attend();
    assert_eq!((library.keys(), house.row().2), (1, 1));
    library.told("");
    house.attend();
    assert_eq!((library.keys(), house.row().2), (0, 0));
}

#[test]
fn a_key_that_was_deleted_behind_our_back_is_told_by_name_and_can_be_destroyed() {
    let library = Misbehaving::new();
    let slot = usable(library.slot());
    let house = House::over(slot);
    let id = house.hmac(HARDWARE).unwrap();
    library.told("deleted");
    let refusal = house.mac(&id).unwrap_err();
    assert_eq!(refusal.reason, ResultReason::KeyValueNotPresent);
    assert_eq!(refusal.message, Error::Vanished.to_string());
    house.destroy(&id).unwrap();
    house.attend();
    assert_eq!(house.row().2, 0);
}

#[test]
fn a_hundred_kills_of_the_worker_under_load_lose_no_key_and_leave_none_behind() {
    let Some(token) = Token::new("one") else { return };
    // A name of its own, by which its workers are known among all processes.
    let program = token.folder.0.join("worker-of-this-test");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_strongroom"), &program).unwrap();
    let slot = usable(registry::token(Settings { program: program.clone(), ..token.settings("one") }));
    let house = House::over(slot.clone());
    let heads = token.heads();
    let (over, kept) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let refused = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for caller in 0..4 {
            let (house, over, kept, refused) = (&house, &over, &kept, &refused);
            scope.spawn(move || {
                let (mine, times) = house.bustle(over, 4 + caller);
                kept.lock().unwrap().extend(mine);
                refused.fetch_add(times, Ordering::Relaxed);
            });
        }
        let attending = scope.spawn(|| house.attend_until(&over));
        let ending = Ending(&over);
        for round in 0..100u64 {
            until(&*slot, |condition| {
                token.mend(&heads);
                condition == strongroom::slot::Condition::Usable
            });
            sleep(Duration::from_millis(round * 7919 % 60));
            worker(&program).into_iter().for_each(|worker| {
                let _ = kill(worker, Signal::SIGKILL);
            });
        }
        drop(ending);
        attending.join().unwrap();
    });
    token.mend(&heads);
    usable(slot);
    let begun = Instant::now();
    while house.row().2 > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{} keys are left over", house.row().2);
        house.attend();
    }
    let kept = kept.into_inner().unwrap();
    assert!(kept.iter().all(|id| house.mac(id).is_ok()), "a key that was acknowledged is lost");
    // A key whose Activate was refused was acknowledged nowhere, and is an object all the same.
    let held = house.vault.held_in("hsm").unwrap().len();
    assert!(held >= kept.len());
    let there = token.tool(&["--list-objects", "--type", "secrkey"]);
    // SoftHSM2 writes an object in several steps: what it was killed over has no identifier yet and no value.
    assert_eq!(there.matches("  ID:").count(), held, "a key is orphaned in the token: {there}");
    assert!(refused.into_inner() > 0, "no kill was noticed");
}

/// The processes of this program that run.
pub(crate) fn worker(program: &Path) -> Vec<Pid> {
    let wanted = program.display().to_string();
    let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let ours = |number: &i32| {
        let line = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).next() == Some(wanted.as_bytes())
    };
    numbers.filter(ours).map(Pid::from_raw).collect()
}
