//! What the journal gives back after a loss of power, and what it does not hide.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom::audit::{Durability, Entry, Event, Fault, Found, Log, OpenError, Options};

use crate::scene::{SEGMENT, Scene, Word, fill, head};

/// A log at work, and a copy of its folder made while it was: seven lines, all signed and in the journal, of which only the
/// first is known to be on the disk in the log's own file. The checkpoint that signs only this one is there as `older`.
struct Outage {
    scene: Scene,
    log: Log,
    folder: PathBuf,
}

fn outage() -> Outage {
    let scene = Scene::new();
    let (log, _) = scene.open_with(Options { epoch_records: 1000, ..scene.options() });
    let older = head(&log, 1);
    fill(&log, 6);
    head(&log, 7);
    let folder = scene.copy("outage");
    fs::write(folder.join("older"), &*older).unwrap();
    Outage { scene, log, folder }
}

impl Outage {
    fn open(&self) -> Result<(Log, Found), OpenError> {
        Log::open(Options { folder: self.folder.clone(), ..self.scene.options() })
    }

    fn text(&self) -> String {
        fs::read_to_string(self.folder.join(SEGMENT)).unwrap()
    }
}

/// The first `count` lines, and something behind them.
fn cut(folder: &Path, count: usize, tail: &str) {
    let path = folder.join(SEGMENT);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.split_inclusive('\n').take(count).collect::<String>() + tail).unwrap();
}

/// Changes a line.
fn change(folder: &Path, index: usize) {
    let path = folder.join(SEGMENT);
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().split_inclusive('\n').map(str::to_owned).collect();
    lines[index] = lines[index].replacen("2027-01-15", "2026-01-15", 1);
    fs::write(&path, lines.concat()).unwrap();
}

/// Damages the last entry with lines in the journal, as a loss of power in the middle of its write does.
fn tear(folder: &Path) {
    let path = folder.join("journal");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.windows(7).rposition(|part| part == b"\"seq\":6").unwrap();
    bytes[last] = 0;
    fs::write(&path, bytes).unwrap();
}

/// As it was before the last lines were signed.
fn unsigned(folder: &Path) {
    fs::rename(folder.join("older"), folder.join("checkpoint")).unwrap();
}

/// What befalls the folder, how many lines there are afterwards, and how many of them were put back; whether something was
/// moved aside.
type Row = (&'static str, fn(&Path), usize, u64, bool);

const ROWS: &[Row] = &[
    ("a kill, which takes nothing", |_| {}, 7, 0, false),
    ("the last line lost", |folder| cut(folder, 6, ""), 7, 1, false),
    ("all lines lost but the one that was on the disk", |folder| cut(folder, 1, ""), 7, 6, false),
    ("half of a line left", |folder| cut(folder, 4, "{\"log\":"), 7, 3, true),
    ("noughts left in their place", |folder| cut(folder, 2, &"\0".repeat(1500)), 7, 5, true),
    ("a kill between the log and the journal", tear, 7, 0, false),
    (
        "a loss of power in the middle of the journal's entry, which was not answered",
        |folder| {
            tear(folder);
            cut(folder, 6, "");
            unsigned(folder);
        },
        6,
        0,
        false,
    ),
    (
        "no journal, as a log from before has none",
        |folder| fs::remove_file(folder.join("journal")).unwrap(),
        7,
        0,
        false,
    ),
    ("a journal that was being made", |folder| fs::write(folder.join("journal"), [0; 5000]).unwrap(), 7, 0, false),
];

#[test]
fn what_a_loss_of_power_takes_is_put_back_and_said() {
    for (name, befall, lines, restored, torn) in ROWS {
        let outage = outage();
        let before = outage.text();
        befall(&outage.folder);
        let (log, found) = outage.open().unwrap();
        assert_eq!((found.last.len(), found.restored, found.torn.is_some()), (*lines, *restored, *torn), "{name}");
        log.unlock(Arc::new(Word(0x5a))).unwrap();
        log.close().unwrap();
        outage.scene.verify_in(&outage.folder).unwrap();
        let after = outage.text();
        let kept: String = before.split_inclusive('\n').take(*lines).collect();
        assert!(after.starts_with(&kept), "{name}");
        let told = after.split_inclusive('\n').find(|line| line.contains("\"action\":\"restored\""));
        assert_eq!(told.is_some(), *restored > 0, "{name}");
        assert!(told.is_none_or(|line| line.contains(&format!("\"count\":{restored}"))), "{name}");
    }
}

/// What somebody does to the folder, and the file, line and fault that opening names.
type Deed = (&'static str, fn(&Path, &Path), &'static str, u64, Fault);

const DEEDS: &[Deed] = &[
    ("cut behind the journal's back", |own, _| cut(own, 0, ""), SEGMENT, 1, Fault::Short),
    ("cut, with something in its place", |own, _| cut(own, 0, "{\"log\":"), SEGMENT, 1, Fault::Torn),
    ("the last line changed", |own, _| change(own, 6), SEGMENT, 7, Fault::Journal),
    ("a line changed", |own, _| change(own, 3), SEGMENT, 4, Fault::Journal),
    (
        "a line changed and those behind it cut",
        |own, _| {
            change(own, 3);
            cut(own, 4, "");
        },
        SEGMENT,
        4,
        Fault::Journal,
    ),
    (
        "another appliance's journal",
        |own, other| drop(fs::copy(other.join("journal"), own.join("journal"))),
        "journal",
        1,
        Fault::Foreign,
    ),
];

#[test]
fn the_journal_hides_nothing_that_was_done_to_the_log() {
    let other = Scene::closed(2);
    for (name, deed, file, line, fault) in DEEDS {
        let outage = outage();
        deed(&outage.folder, &other.folder());
        let before = outage.text();
        let Err(OpenError::Damaged { file: named, line: found, fault: why }) = outage.open() else {
            panic!("{name}: was opened");
        };
        assert_eq!((named.as_str(), found, why), (*file, *line, *fault), "{name}");
        assert_eq!(outage.text(), before, "{name}: the evidence is as it was");
    }
}

#[test]
fn a_closed_log_that_is_cut_or_changed_behind_an_older_checkpoint_is_not_opened() {
    for (name, deed, line, fault) in [
        ("cut", (|folder| cut(folder, 7, "")) as fn(&Path), 8, Fault::Short),
        ("changed", |folder| change(folder, 6), 7, Fault::Journal),
    ] {
        let outage = outage();
        outage.log.close().unwrap();
        for file in [SEGMENT, "journal"] {
            fs::copy(outage.scene.folder().join(file), outage.folder.join(file)).unwrap();
        }
        unsigned(&outage.folder);
        deed(&outage.folder);
        let Err(OpenError::Damaged { line: found, fault: why, .. }) = outage.open() else {
            panic!("{name}: was opened")
        };
        assert_eq!((found, why), (line, fault), "{name}");
    }
}

/// With the smallest of journals, which is full again and again.
#[test]
fn wherever_a_log_is_cut_it_is_whole_again_or_its_damage_is_named() {
    let scene = Scene::new();
    let (log, _) = scene.open_with(Options { epoch_records: 1000, journal: 0, ..scene.options() });
    let mut restored = 0;
    for records in 1..12 {
        fill(&log, 1);
        // Lines that found no room in the journal are vouched for by the note that comes after them.
        drop(head(&log, records as u64 + 1));
        let mut whole = false;
        for count in 0..=records + 1 {
            let folder = scene.copy("cut");
            cut(&folder, count, "");
            match Log::open(Options { folder, ..scene.options() }) {
                Ok((_, found)) => {
                    assert_eq!(found.last.len(), records + 1, "{records} records, cut after line {count}");
                    restored += found.restored;
                    whole = true;
                }
                Err(OpenError::Damaged { line, fault: Fault::Short, .. }) => {
                    assert!(!whole && line == count as u64 + 1, "{records} records, cut after line {count}");
                }
                Err(error) => panic!("{records} records, cut after line {count}: {error}"),
            }
        }
        assert!(whole);
    }
    assert!(restored > 10, "{restored}");
}

#[test]
fn a_round_that_is_too_much_for_the_journal_is_durable_all_the_same() {
    let scene = Scene::new();
    let (log, _) = scene.open_with(Options { journal: 0, epoch_records: 100_000, ..scene.options() });
    let waiting: Vec<_> = (0..2000).map(|_| log.append(&Entry::event(Event::Heartbeat), Durability::Sync)).collect();
    assert!(waiting.into_iter().all(|receipt| receipt.wait().is_ok()));
    let folder = scene.copy("after");
    let (_, found) = Log::open(Options { folder, ..scene.options() }).unwrap();
    assert_eq!(found.last.len(), 2001);
}
