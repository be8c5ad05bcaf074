//! What the log keeps, and what it survives.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use strongroom::audit::{
    Action, Durability, Entry, Error, Event, Fault, Log, OpenError, Outcome, Reason, Sequence, Unsigned, Who, verify,
};

use crate::scene::{SEGMENT, Scene, Word, alice, fill, signed};

#[test]
fn a_log_is_opened_filled_and_closed_and_says_so() {
    let scene = Scene::new();
    let (log, found) = scene.open();
    assert!(found.clean && found.last.is_empty() && found.torn.is_none());
    let caller = alice();
    assert_eq!(log.append(&signed(&caller), Durability::Sync).wait(), Ok(Sequence(1)));
    assert_eq!(log.append(&signed(&caller), Durability::Written).wait(), Ok(Sequence(2)));
    assert_eq!(log.close(), Ok(()));
    assert_eq!(log.close(), Ok(()), "closing twice");
    assert_eq!(log.append(&signed(&caller), Durability::Sync).wait(), Err(Error::Closed));
    assert_eq!(log.head().unwrap().size, 4);
    assert_eq!(scene.actions(), ["start", "Sign", "Sign", "stop"]);
    drop(log);
    let report = scene.verify().unwrap();
    assert_eq!((report.lines, report.signed, report.closed, report.torn), (4, 4, true, false));
    let (log, found) = scene.open();
    assert!(found.clean);
    assert_eq!(found.last.len(), 4);
    assert_eq!(found.checkpoint.unwrap().size, 4);
    assert_eq!(log.append(&signed(&caller), Durability::Sync).wait(), Ok(Sequence(5)));
}

#[test]
fn many_threads_leave_no_gap_and_no_double() {
    let scene = Scene::new();
    let (log, _) = scene.open();
    let caller = alice();
    let given = thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let (log, caller) = (&log, &caller);
                let durability = [Durability::Sync, Durability::Written][worker % 2];
                let append = move |_| log.append(&signed(caller), durability).wait().unwrap().0;
                scope.spawn(move || (0..50).map(append).collect::<Vec<u64>>())
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<BTreeSet<u64>>()
    });
    assert_eq!(given, (1..=400).collect());
    log.close().unwrap();
    assert_eq!(scene.verify().unwrap().signed, 402);
}

#[test]
fn a_log_whose_daemon_died_goes_on_where_it_was() {
    let scene = Scene::new();
    let (log, _) = scene.open();
    fill(&log, 3);
    // Dropped, not closed: there is no stop record, as after a kill.
    drop(log);
    assert!(!scene.verify().unwrap().closed);
    let (log, found) = scene.open();
    assert!(!found.clean);
    assert_eq!(found.last.len(), 4);
    log.close().unwrap();
    let start = &scene.records()[4];
    assert_eq!((start.action.as_str(), start.result.as_str()), ("start", "failed"));
    assert_eq!(start.reason.as_deref(), Some("not-stopped"));
    scene.verify().unwrap();
}

#[test]
fn what_a_crash_tore_is_moved_aside_and_recorded() {
    for (name, tail) in [
        ("half a line", "{\"log\":\"00"),
        ("noughts, as a file system may leave them", "\0\0\0\0\0\0"),
        ("a line that does not follow, and one more", "{\"seq\":9}\n{\"seq\":10}\n"),
    ] {
        let scene = Scene::closed(2);
        let before = scene.text();
        OpenOptions::new().append(true).open(scene.folder().join(SEGMENT)).unwrap().write_all(tail.as_bytes()).unwrap();
        let (log, found) = scene.open();
        let torn = found.torn.unwrap();
        assert_eq!(torn.file, "torn.000000000004", "{name}");
        assert_eq!(fs::read_to_string(scene.folder().join(&torn.file)).unwrap(), tail, "{name}");
        log.close().unwrap();
        assert!(scene.text().starts_with(&before), "{name}");
        assert_eq!(scene.actions()[4..], ["torn", "start", "stop"], "{name}");
        let record = &scene.records()[4];
        assert_eq!((record.object.as_deref(), record.count), (Some(torn.file.as_str()), Some(tail.len() as u64)));
        scene.verify().unwrap();
    }
}

#[test]
fn a_log_that_tears_twice_at_one_line_keeps_both_ends() {
    let scene = Scene::closed(0);
    let journal = fs::read(scene.folder().join("journal")).unwrap();
    for tail in ["one", "two"] {
        let text = scene.text();
        let lines: String = text.split_inclusive('\n').take(2).collect();
        fs::write(scene.folder().join(SEGMENT), lines + tail).unwrap();
        // As it was, too: it would know of the lines that the first start added.
        fs::write(scene.folder().join("journal"), &journal).unwrap();
        // Never unlocked: the checkpoint stays where it was.
        drop(Log::open(scene.options()).unwrap());
    }
    assert_eq!(fs::read_to_string(scene.folder().join("torn.000000000002")).unwrap(), "one");
    assert_eq!(fs::read_to_string(scene.folder().join("torn.000000000002.1")).unwrap(), "two");
}

#[test]
fn a_log_that_does_not_fit_its_checkpoint_is_not_opened_and_the_line_is_named() {
    let scene = Scene::closed(6);
    let good = scene.text();
    for (name, text, line, fault) in [
        ("changed", good.replacen("\"seq\":3", "\"seq\":4", 1), 4, Fault::Sequence),
        ("shortened", good.split_inclusive('\n').take(5).collect(), 6, Fault::Short),
        ("half of a line cut off", good[..good.len() - 10].to_owned(), 8, Fault::Torn),
        ("unreadable", good.replacen("client:alice", "client:al\u{0}ce", 1), 2, Fault::Unreadable),
    ] {
        fs::write(scene.folder().join(SEGMENT), text).unwrap();
        let Err(OpenError::Damaged { file, line: found, fault: why }) = Log::open(scene.options()) else {
            panic!("{name}: was opened");
        };
        assert_eq!((file.as_str(), found, why), (SEGMENT, line, fault), "{name}");
    }
}

#[test]
fn a_log_whose_signed_files_are_gone_or_foreign_is_not_opened() {
    let other = Scene::closed(1);
    for (name, file, bytes) in [
        ("no identity", "log.pub", None),
        ("another identity", "log.pub", Some(fs::read(other.key()).unwrap())),
        ("another log's checkpoint", "checkpoint", Some(fs::read(other.folder().join("checkpoint")).unwrap())),
        ("a checkpoint that is none", "checkpoint", Some(b"signed\n\n- me\n".to_vec())),
        ("another log's epochs", "epochs", Some(fs::read(other.folder().join("epochs")).unwrap())),
        ("no lines", SEGMENT, None),
        ("another log's lines", SEGMENT, Some(fs::read(other.folder().join(SEGMENT)).unwrap())),
    ] {
        let scene = Scene::closed(1);
        let path = scene.folder().join(file);
        match bytes {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        assert!(Log::open(scene.options()).is_err(), "{name}");
    }
}

#[test]
fn a_checkpoint_lost_with_the_power_is_replaced_by_the_end_of_the_last_epoch() {
    for (name, damage) in [
        ("empty", fs::File::create as fn(std::path::PathBuf) -> std::io::Result<fs::File>),
        ("noughts", |path| fs::write(&path, [0; 300]).and_then(|()| fs::File::open(path))),
        ("missing", |path| fs::remove_file(&path).and_then(|()| fs::File::open("/dev/null"))),
    ] {
        let scene = Scene::closed(12);
        damage(scene.folder().join("checkpoint")).unwrap();
        let report = scene.verify().unwrap();
        assert!(report.headless && report.signed < report.lines, "{name}");
        let (log, found) = scene.open();
        assert!(found.torn.is_none(), "{name}");
        log.close().unwrap();
        assert_eq!(scene.verify().unwrap().signed, 16, "{name}");
    }
}

#[test]
fn an_unfinished_end_of_the_history_is_cut_off() {
    let scene = Scene::closed(12);
    let path = scene.folder().join("epochs");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], &whole[..whole.len() / 9]].concat()).unwrap();
    let (log, _) = scene.open();
    log.close().unwrap();
    assert!(fs::read(&path).unwrap().starts_with(&whole));
    scene.verify().unwrap();
}

#[test]
fn a_line_that_nobody_waits_for_is_signed_soon() {
    let scene = Scene::new();
    let (log, _) = scene.open();
    log.append(&signed(&alice()), Durability::Written).wait().unwrap();
    let since = Instant::now();
    while log.head().unwrap().size < 2 {
        // Ten milliseconds are promised; a machine that is busy with other tests may take longer to run the writer.
        assert!(since.elapsed() < Duration::from_secs(5));
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn an_epoch_ends_when_its_time_is_up_even_if_nothing_happened() {
    let scene = Scene::new();
    let (log, _) = scene.open();
    let ended = || scene.verify().unwrap().epochs;
    assert_eq!(ended(), 1, "unlocking ends the epoch whose key lay on the disk");
    scene.clock.advance(59_999);
    log.tick();
    // A record that is waited for stands behind the tick.
    let wait = || log.append(&Entry::event(Event::Heartbeat), Durability::Sync).wait().unwrap();
    wait();
    assert_eq!(ended(), 1);
    scene.clock.advance(1);
    log.tick();
    let since = Instant::now();
    while ended() < 2 {
        assert!(since.elapsed() < Duration::from_secs(5));
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(log.close(), Ok(()));
}

#[test]
fn a_daemon_that_is_alive_says_so_every_five_minutes() {
    let scene = Scene::new();
    let (log, _) = scene.open();
    for seconds in [0, 299, 1, 299, 2, -1000, 0] {
        scene.clock.advance(seconds * 1000);
        log.tick();
    }
    log.close().unwrap();
    assert_eq!(scene.actions(), ["start", "heartbeat", "heartbeat", "heartbeat", "stop"]);
}

#[test]
fn an_epoch_ends_after_as_many_records_as_it_may_have() {
    let scene = Scene::closed(20);
    let report = scene.verify().unwrap();
    assert_eq!((report.lines, report.epochs), (22, 5));
}

#[test]
fn the_key_of_no_epoch_stands_on_the_disk_in_clear_or_twice() {
    let scene = Scene::new();
    let (log, _) = scene.open();
    let key = || fs::read(scene.folder().join("epoch.key")).unwrap();
    let first = key();
    assert!(!first.windows(10).any(|part| part == b"strongroom"), "sealed");
    fill(&log, 6);
    log.close().unwrap();
    assert_ne!(key(), first, "replaced at the epoch's end");
    assert!(!scene.folder().join("epoch.key.next").exists());
}

#[test]
fn a_sealed_daemon_logs_and_signs_once_it_is_unsealed() {
    let scene = Scene::closed(3);
    let (log, _) = Log::open(scene.options()).unwrap();
    let why = Outcome::Failed(Reason::Named("wrong-passphrase"));
    let refused = Entry::new(Who::Daemon, Action::Event(Event::Unseal), why);
    log.append(&refused, Durability::Sync).wait().unwrap();
    assert_eq!(log.head(), None);
    let report = scene.verify().unwrap();
    assert_eq!((report.lines, report.signed), (7, 5), "chained, not yet signed");
    assert!(matches!(log.unlock(Arc::new(Word(0x33))), Err(Unsigned::Foreign)), "another root key");
    assert_eq!(log.head(), None);
    log.unlock(Arc::new(Word(0x5a))).unwrap();
    assert_eq!(scene.verify().unwrap().signed, 7);
    log.lock().unwrap();
    log.append(&Entry::event(Event::Seal), Durability::Sync).wait().unwrap();
    assert_eq!(scene.verify().unwrap().signed, 7, "sealed again");
    log.unlock(Arc::new(Word(0x5a))).unwrap();
    log.close().unwrap();
    assert_eq!(scene.verify().unwrap().signed, 9);
}

#[test]
fn a_daemon_that_never_had_a_key_logs_and_gets_its_identity_later() {
    let scene = Scene::new();
    let (log, _) = Log::open(scene.options()).unwrap();
    fill(&log, 2);
    drop(log);
    assert!(!scene.key().exists());
    let (log, found) = scene.open();
    assert_eq!(found.last.len(), 3, "the lines from before are the log's own");
    log.close().unwrap();
    assert_eq!(scene.verify().unwrap().signed, 5);
}

#[test]
fn an_old_copy_of_the_key_is_of_no_use() {
    let scene = Scene::new();
    let (log, _) = scene.open();
    let old = fs::read(scene.folder().join("epoch.key")).unwrap();
    fill(&log, 6);
    log.close().unwrap();
    drop(log);
    fs::write(scene.folder().join("epoch.key"), old).unwrap();
    let (log, _) = Log::open(scene.options()).unwrap();
    assert!(matches!(log.unlock(Arc::new(Word(0x5a))), Err(Unsigned::Foreign)));
}

#[test]
fn a_crash_between_two_keys_leaves_the_one_that_is_vouched_for() {
    let scene = Scene::closed(3);
    let (key, next) = (scene.folder().join("epoch.key"), scene.folder().join("epoch.key.next"));
    fs::rename(&key, &next).unwrap();
    fs::write(&key, b"the key of the epoch before").unwrap();
    let (log, _) = scene.open();
    log.close().unwrap();
    assert!(!next.exists());
    scene.verify().unwrap();
}

#[test]
fn a_log_goes_on_over_many_files_and_starts_without_reading_them_all() {
    let scene = Scene::closed_with(40, |options| options.segment = 2000);
    let segments = || {
        let names = fs::read_dir(scene.folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.ends_with(".log")).count()
    };
    assert!(segments() > 5);
    assert_eq!(scene.verify().unwrap().lines, 42);
    // Opening reads what it must; verifying reads everything.
    let first = scene.folder().join(SEGMENT);
    let text = fs::read_to_string(&first).unwrap();
    fs::write(&first, text.replacen("alice", "allce", 1)).unwrap();
    let (log, found) = scene.open();
    assert!(found.last.len() < 42);
    log.close().unwrap();
    assert!(scene.verify().is_err());
    fs::write(&first, text).unwrap();
    assert_eq!(scene.verify().unwrap().lines, 44);
}

#[test]
fn a_wrong_note_about_a_file_costs_time_and_nothing_else() {
    let scene = Scene::closed_with(40, |options| options.segment = 2000);
    for file in fs::read_dir(scene.folder()).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|kind| kind == "before") {
            let text = fs::read_to_string(&file).unwrap();
            fs::write(&file, text.replace('a', "b")).unwrap();
        }
    }
    let (log, found) = scene.open();
    assert_eq!(found.last.len(), 42);
    log.close().unwrap();
    assert_eq!(scene.verify().unwrap().lines, 44);
}

#[test]
fn the_log_is_its_owners_alone_and_one_daemons_at_a_time() {
    let scene = Scene::new();
    let (log, _) = scene.open();
    assert_eq!(fs::metadata(scene.folder()).unwrap().permissions().mode() & 0o777, 0o700);
    for file in fs::read_dir(scene.folder()).unwrap().map(Result::unwrap) {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
    assert!(matches!(Log::open(scene.options()), Err(OpenError::Locked(_))));
    drop(log);
    scene.open();
}

#[test]
fn symbolic_links_are_not_followed() {
    let scene = Scene::closed(1);
    let path = scene.folder().join(SEGMENT);
    let elsewhere = scene.folder().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    assert!(matches!(Log::open(scene.options()), Err(OpenError::Disk { .. })));
    assert!(verify(&scene.folder(), &scene.identity(), &mut |_| {}).is_err());
}

#[test]
fn generations_are_in_the_lines_and_never_fall() {
    let scene = Scene::new();
    let (log, _) = scene.open();
    for generation in [3, 9, 5] {
        log.set_generation(generation);
        log.append(&Entry::event(Event::Heartbeat), Durability::Sync).wait().unwrap();
    }
    log.close().unwrap();
    let told: Vec<u64> = scene.records().iter().map(|record| record.generation).collect();
    assert_eq!(told, [0, 3, 9, 9, 9]);
    assert_eq!(scene.verify().unwrap().checkpoint.unwrap().generation, 9);
}
