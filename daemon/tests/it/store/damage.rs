//! Damage is named, never a panic, and never passes for the truth.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};

use strongroom::store::{Batch, Error, Settings, Table, open};

use super::{every_lasting_member, put, rows};

const ROWS: u32 = 600;

fn expected() -> BTreeMap<Vec<u8>, Vec<u8>> {
    (0..ROWS)
        .map(|index| {
            let size = if index % 50 == 0 { 9000 } else { 300 };
            (index.wrapping_mul(0x9E37_79B9).to_be_bytes().to_vec(), vec![index as u8; size])
        })
        .collect()
}

/// A store with all expected rows, half of them written since it was last opened.
fn fill(settings: &Settings) {
    let rows: Vec<_> = expected().into_iter().collect();
    for half in rows.chunks(rows.len() / 2) {
        let store = open(settings).unwrap();
        for few in half.chunks(20) {
            let mut batch = Batch::new();
            few.iter().for_each(|(key, value)| batch.put(Table::Object, key.clone(), value.clone()));
            store.commit(batch).wait().unwrap();
        }
    }
}

/// Does something to each file of a store that is filled, of which there is a whole copy.
fn each_file(work: impl Fn(&Settings, &Path, &Path)) {
    every_lasting_member(|settings| {
        fill(settings);
        let whole = settings.folder.with_extension("whole");
        copy(&settings.folder, &whole);
        for file in files(&whole) {
            work(settings, &whole, &file);
        }
    });
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// How much of a damaged store is served.
#[derive(Debug)]
enum Served {
    All,
    Some { missing: usize },
    Nothing,
}

/// Opens and reads a store that may be damaged, and holds it to the law: what it shows is right, and what it does not
/// show it names.
fn serve(settings: &Settings, case: &str) -> Served {
    let store = match open(settings) {
        Ok(store) => store,
        Err(Error::Unreadable(_) | Error::Version { .. }) => return Served::Nothing,
        Err(other) => panic!("{case}: {other}"),
    };
    let expected = expected();
    let (seen, end) = rows(&*store, Table::Object);
    for (key, value) in &seen {
        assert!(expected.get(key) == Some(value), "{case}: a wrong row {key:?}");
    }
    for (key, value) in &expected {
        match store.get(Table::Object, key) {
            Ok(found) => assert!(found.as_ref() == Some(value), "{case}: a wrong value of {key:?}"),
            Err(Error::Damaged { .. }) => assert!(end.is_err(), "{case}: the walk hid damage"),
            Err(other) => panic!("{case}: {other}"),
        }
    }
    let missing = expected.len() - seen.len();
    match end {
        Ok(()) if missing == 0 => {
            store.commit(put(Table::Object, b"new", b"new")).wait().unwrap();
            Served::All
        }
        Err(Error::Damaged { table: Table::Object, .. }) => Served::Some { missing },
        other => panic!("{case}: {missing} rows missing, and {other:?}"),
    }
}

#[test]
fn a_flipped_bit_is_harmless_or_named() {
    every_lasting_member(|settings| {
        fill(settings);
        // Opened since it was written, so that pages are damaged, and not only the end of a log.
        drop(open(settings).unwrap());
        let whole = settings.folder.with_extension("whole");
        copy(&settings.folder, &whole);
        let (mut all, mut some, mut nothing) = (0, 0, 0);
        for file in files(&whole) {
            let name = file.file_name().unwrap();
            let length = fs::metadata(&file).unwrap().len();
            for step in 0..length.min(64) {
                copy(&whole, &settings.folder);
                let at = length * step / length.min(64) + (length / 128).min(11);
                let mut byte = [0];
                let damaged = fs::OpenOptions::new().read(true).write(true).open(settings.folder.join(name)).unwrap();
                damaged.read_exact_at(&mut byte, at).unwrap();
                damaged.write_all_at(&[byte[0] ^ 0x10], at).unwrap();
                match serve(settings, &format!("byte {at} of {}", name.display())) {
                    Served::All => all += 1,
                    Served::Some { missing } => {
                        assert!(missing < 60, "{missing} rows went with one byte");
                        some += 1;
                    }
                    Served::Nothing => nothing += 1,
                }
            }
        }
        assert!(
            all > 0 && some > 0 && nothing > 0,
            "{all} {some} {nothing}: the damage did not hit every kind of place"
        );
    });
}

#[test]
fn a_file_cut_short_is_harmless_or_named() {
    each_file(|settings, whole, file| {
        let name = file.file_name().unwrap();
        let length = fs::metadata(file).unwrap().len();
        for keep in [0, 1, length / 3, length * 2 / 3, length.saturating_sub(1)] {
            copy(whole, &settings.folder);
            let cut = fs::OpenOptions::new().write(true).open(settings.folder.join(name)).unwrap();
            cut.set_len(keep).unwrap();
            serve(settings, &format!("{} cut to {keep} bytes", name.display()));
        }
    });
}

#[test]
fn a_file_that_is_gone_is_harmless_or_named() {
    each_file(|settings, whole, file| {
        copy(whole, &settings.folder);
        fs::remove_file(settings.folder.join(file.file_name().unwrap())).unwrap();
        serve(settings, &format!("without {}", file.display()));
    });
}

#[test]
fn a_file_of_something_else_is_named() {
    each_file(|settings, whole, file| {
        copy(whole, &settings.folder);
        fs::write(settings.folder.join(file.file_name().unwrap()), "It was a bright cold day in April. ".repeat(99))
            .unwrap();
        serve(settings, &format!("prose in {}", file.display()));
    });
}

#[test]
fn a_store_that_was_never_finished_is_made_anew_and_nothing_is_thrown_away() {
    every_lasting_member(|settings| {
        fill(settings);
        fs::write(settings.folder.join("mark"), []).unwrap();
        fs::write(settings.folder.join("conf"), [0; 62]).unwrap();
        let database = fs::read(settings.folder.join("db")).unwrap();
        let store = open(settings).unwrap();
        assert_eq!(store.generation(), 0);
        assert!(rows(&*store, Table::Object).0.is_empty());
        store.commit(put(Table::Object, b"a", b"1")).wait().unwrap();
        assert!(fs::read(settings.folder.join("unfinished").join("db")).unwrap() == database);
        drop(store);
        assert_eq!(open(settings).unwrap().generation(), 1);
    });
}

#[test]
fn a_snapshot_that_was_being_made_when_the_power_went_is_no_damage() {
    every_lasting_member(|settings| {
        for content in [&b""[..], b"half a snapshot"] {
            let _ = fs::remove_dir_all(&settings.folder);
            fill(settings);
            let unfinished = settings.folder.join("snap.7FFFFFFFFFFFFFFF.generating");
            fs::write(unfinished, content).unwrap();
            assert!(matches!(serve(settings, "an unfinished snapshot"), Served::All));
        }
    });
}
