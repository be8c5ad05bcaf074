//! Every damage is found, and named by file and line.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use strongroom::audit::{Damage, Fault};

use crate::scene::{SEGMENT, Scene, copy};

/// The file and the line that the damage names.
fn place(damage: Damage) -> (String, u64) {
    match damage {
        Damage::Found { file, line, .. } => (file, line),
        Damage::Disk { file, error } => panic!("{file}: {error}"),
    }
}

/// Flips a bit and answers what verifying says.
fn flipped(scene: &Scene, file: &str, at: usize, bit: u8) -> Result<(String, u64), String> {
    let path = scene.folder().join(file);
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    bad[at] ^= 1 << bit;
    fs::write(&path, bad).unwrap();
    let found = scene.verify().map(|report| format!("{report:?}"));
    fs::write(&path, good).unwrap();
    match found {
        Ok(report) => Err(report),
        Err(damage) => Ok(place(damage)),
    }
}

#[test]
fn every_flipped_byte_of_a_log_is_found_and_its_line_named() {
    let scene = Scene::closed(6);
    let text = scene.text().into_bytes();
    let mut line = 1;
    for (at, byte) in text.iter().enumerate() {
        for bit in [at % 8, (at + 3) % 8] {
            let found = flipped(&scene, SEGMENT, at, u8::try_from(bit).unwrap());
            assert_eq!(found, Ok((SEGMENT.to_owned(), line)), "byte {at}, bit {bit}");
        }
        line += u64::from(*byte == b'\n');
    }
    scene.verify().unwrap();
}

#[test]
fn every_flipped_byte_of_what_is_signed_is_found() {
    let scene = Scene::closed(6);
    for file in ["checkpoint", "epochs"] {
        let length = fs::read(scene.folder().join(file)).unwrap().len();
        for at in 0..length {
            let found = flipped(&scene, file, at, u8::try_from(at % 8).unwrap());
            // A history whose last note was spoilt does not reach the checkpoint's epoch.
            let named = found.is_ok_and(|(named, _)| named == file || named == "checkpoint");
            assert!(named, "{file}, byte {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_byte_of_any_log_is_found_and_its_line_named(
        records in 0_usize..30,
        segment in 500_u64..6000,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..8), 12),
    ) {
        let scene = Scene::closed_with(records, |options| options.segment = segment);
        let mut files: Vec<String> = fs::read_dir(scene.folder())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".log"))
            .collect();
        files.sort();
        for (file, at, bit) in flips {
            let file = file.get(&files);
            let text = fs::read(scene.folder().join(file)).unwrap();
            let at = at.index(text.len());
            let line = 1 + text[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
            prop_assert_eq!(flipped(&scene, file, at, bit), Ok((file.clone(), line)), "byte {}", at);
        }
    }
}

/// What is done to the lines of a log of eight, and the line and fault that verifying names.
pub(crate) type Row = (&'static str, fn(&mut Vec<String>), u64, Fault);

pub(crate) const ROWS: &[Row] = &[
    ("first removed", |lines| drop(lines.remove(0)), 1, Fault::Sequence),
    ("middle removed", |lines| drop(lines.remove(4)), 5, Fault::Sequence),
    ("last removed", |lines| drop(lines.pop()), 7, Fault::Short),
    ("all but the first removed", |lines| lines.truncate(1), 1, Fault::Short),
    ("all removed", Vec::clear, 0, Fault::Short),
    ("doubled", |lines| lines.insert(3, lines[3].clone()), 5, Fault::Sequence),
    ("last doubled", |lines| lines.push(lines[7].clone()), 9, Fault::Sequence),
    ("neighbours swapped", |lines| lines.swap(2, 3), 3, Fault::Sequence),
    ("ends swapped", |lines| lines.swap(0, 7), 1, Fault::Sequence),
    ("inserted", |lines| lines.insert(3, "{\"seq\":3}".into()), 4, Fault::Unreadable),
    ("an empty line", |lines| lines.insert(3, String::new()), 4, Fault::Unreadable),
    ("a space at the end", |lines| lines[3].push(' '), 4, Fault::Changed),
    ("a member twice", |lines| lines[3].insert_str(1, "\"seq\":3,"), 4, Fault::Unreadable),
    ("a member more", |lines| lines[3].insert_str(1, "\"more\":3,"), 4, Fault::Changed),
    ("not ASCII", |lines| lines[3] = lines[3].replace("alice", "al\u{ef}ce"), 4, Fault::Unreadable),
    ("another caller", |lines| lines[4] = lines[4].replace("alice", "alicf"), 5, Fault::Changed),
    ("another caller where an epoch ends", |lines| lines[5] = lines[5].replace("alice", "alicf"), 6, Fault::Root),
    ("another caller in the last line", |lines| lines[7] = lines[7].replace("daemon", "daemom"), 8, Fault::Root),
    ("another log's id", |lines| lines[3].replace_range(8..12, "0000"), 4, Fault::Foreign),
    ("a longer line than there is", |lines| lines[3].push_str(&" ".repeat(20_000)), 4, Fault::Unreadable),
    ("nested beyond reason", |lines| lines[3] = "[".repeat(10_000), 4, Fault::Unreadable),
];

/// Writes the lines of a log anew after `change`.
pub(crate) fn rewrite(folder: &Path, change: fn(&mut Vec<String>)) {
    let path = folder.join(SEGMENT);
    let mut lines: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

#[test]
fn lines_that_are_not_what_they_were_are_found() {
    let scene = Scene::closed(6);
    assert_eq!(scene.records().len(), 8);
    for (name, change, line, fault) in ROWS {
        let copy = scene.copy("copy");
        rewrite(&copy, *change);
        let Err(Damage::Found { file, line: found, fault: why }) = scene.verify_in(&copy) else {
            panic!("{name}: not found");
        };
        assert_eq!((file.as_str(), found, why), (SEGMENT, *line, *fault), "{name}");
    }
}

/// What is done to a folder that holds a log, with another log's folder at hand, and the file that verifying names.
pub(crate) type Deed = (&'static str, fn(&Path, &Path), &'static str);

pub(crate) const DEEDS: &[Deed] = &[
    ("a file gone", |own, _| fs::remove_file(own.join(SEGMENT)).unwrap(), "000000000004.log"),
    (
        "a file renamed",
        |own, _| fs::rename(own.join("000000000004.log"), own.join("000000000005.log")).unwrap(),
        "000000000005.log",
    ),
    ("the last file gone", remove_last, "000000000020.log"),
    ("another log's lines", |own, other| take(own, other, SEGMENT), SEGMENT),
    ("another log's checkpoint", |own, other| take(own, other, "checkpoint"), "checkpoint"),
    ("another log's epochs", |own, other| take(own, other, "epochs"), "epochs"),
    ("no epochs", |own, _| fs::remove_file(own.join("epochs")).unwrap(), "checkpoint"),
    ("the first epoch gone", |own, _| notes(own, |notes| drop(notes.remove(0))), "epochs"),
    ("a middle epoch gone", |own, _| notes(own, |notes| drop(notes.remove(2))), "epochs"),
    ("the last epoch gone", |own, _| notes(own, |notes| drop(notes.pop())), "checkpoint"),
    ("epochs swapped", |own, _| notes(own, |notes| notes.swap(1, 2)), "epochs"),
    ("an epoch twice", |own, _| notes(own, |notes| notes.insert(1, notes[1].clone())), "epochs"),
    ("nothing signed", unsign, "checkpoint"),
    ("the whole of another log", |own, other| copy(other, own), "epochs"),
];

fn take(own: &Path, other: &Path, name: &str) {
    fs::copy(other.join(name), own.join(name)).unwrap();
}

fn remove_last(own: &Path, _: &Path) {
    fs::remove_file(own.join("000000000024.log")).unwrap();
}

fn unsign(own: &Path, _: &Path) {
    fs::remove_file(own.join("epochs")).unwrap();
    fs::remove_file(own.join("checkpoint")).unwrap();
}

fn notes(own: &Path, change: fn(&mut Vec<String>)) {
    let path = own.join("epochs");
    let text = fs::read_to_string(&path).unwrap();
    let parts: Vec<&str> = text.split_terminator("\n\n").collect();
    let mut notes: Vec<String> = parts.chunks(2).map(|note| format!("{}\n\n", note.join("\n\n"))).collect();
    change(&mut notes);
    fs::write(&path, notes.concat()).unwrap();
}

/// A log of several files, four lines in each.
pub(crate) fn long() -> Scene {
    Scene::closed_with(25, |options| options.segment = 1250)
}

#[test]
fn files_that_are_not_what_they_were_are_found() {
    let (scene, other) = (long(), long());
    for (name, change, wanted) in DEEDS {
        let copy = scene.copy("copy");
        change(&copy, &other.folder());
        let Err(Damage::Found { file, .. }) = scene.verify_in(&copy) else {
            panic!("{name}: not found");
        };
        assert_eq!(file, *wanted, "{name}");
    }
}

#[test]
fn another_identity_believes_nothing() {
    let (scene, other) = (Scene::closed(1), Scene::closed(1));
    let found = strongroom::audit::verify(&scene.folder(), &other.identity(), &mut |_| {});
    assert!(matches!(found, Err(Damage::Found { fault: Fault::Foreign, .. })));
    // The right name with another key.
    let forged = strongroom::audit::checkpoint::Identity { key: other.identity().key, ..scene.identity() };
    let found = strongroom::audit::verify(&scene.folder(), &forged, &mut |_| {});
    assert!(matches!(found, Err(Damage::Found { fault: Fault::Signature, .. })));
}
