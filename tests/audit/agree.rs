//! The verifier in Python, which was written from docs/audit-format.md and shares no code with ours, says the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom::audit::Damage;
use strongroom_tests::{skip_or_require, top};

use crate::damage::{DEEDS, ROWS, long, rewrite};
use crate::scene::{SEGMENT, Scene};

/// What ours says, as the other says it, without the words for what is wrong.
fn ours(scene: &Scene, folder: &Path) -> String {
    match scene.verify_in(folder) {
        Ok(report) => format!("ok {} {} {}", report.lines, report.signed, report.epochs),
        Err(Damage::Found { file, line, .. }) => format!("{file}:{line}"),
        Err(Damage::Disk { file, error }) => panic!("{file}: {error}"),
    }
}

/// What the other says of each folder.
fn theirs(python: &Path, scene: &Scene, folders: &[PathBuf]) -> Vec<String> {
    let script = top().join("tests/audit/verify.py");
    let output = Command::new(python).arg(script).arg(scene.key()).args(folders).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), folders.len(), "{}", String::from_utf8_lossy(&output.stderr));
    text.lines()
        .map(|line| {
            let (_, said) = line.split_once(": ").unwrap();
            said.split(": ").next().unwrap().to_owned()
        })
        .collect()
}

fn agree(scene: &Scene, folders: &[PathBuf]) {
    let Some(python) = skip_or_require("python3") else { return };
    let wanted: Vec<String> = folders.iter().map(|folder| ours(scene, folder)).collect();
    assert_eq!(theirs(&python, scene, folders), wanted);
}

#[test]
fn both_believe_good_logs() {
    for scene in [Scene::closed(0), Scene::closed(9), long()] {
        let said = ours(&scene, &scene.folder());
        assert!(said.starts_with("ok "), "{said}");
        agree(&scene, &[scene.folder()]);
    }
}

#[test]
fn both_name_the_same_line_of_a_damaged_log() {
    let scene = Scene::closed(6);
    let copies: Vec<PathBuf> = ROWS
        .iter()
        .enumerate()
        .map(|(number, (_, change, _, _))| {
            let copy = scene.copy(&format!("row{number}"));
            rewrite(&copy, *change);
            copy
        })
        .collect();
    agree(&scene, &copies);
}

#[test]
fn both_name_the_same_file_of_a_damaged_folder() {
    let (scene, other) = (long(), long());
    let copies: Vec<PathBuf> = DEEDS
        .iter()
        .enumerate()
        .map(|(number, (_, change, _))| {
            let copy = scene.copy(&format!("deed{number}"));
            change(&copy, &other.folder());
            copy
        })
        .collect();
    agree(&scene, &copies);
}

#[test]
fn both_find_flipped_bytes_in_every_file() {
    let scene = Scene::closed(6);
    let mut copies = Vec::new();
    for file in [SEGMENT, "checkpoint", "epochs"] {
        let good = fs::read(scene.folder().join(file)).unwrap();
        for at in (0..good.len()).step_by(good.len() / 40) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 7);
            let copy = scene.copy(&format!("{file}{at}"));
            fs::write(copy.join(file), bad).unwrap();
            copies.push(copy);
        }
    }
    agree(&scene, &copies);
}

#[test]
fn both_pass_over_an_unfinished_end() {
    let scene = Scene::closed(6);
    let torn = scene.copy("torn");
    let text = fs::read_to_string(torn.join(SEGMENT)).unwrap();
    fs::write(torn.join(SEGMENT), text + "{\"log\":").unwrap();
    let headless = scene.copy("headless");
    fs::write(headless.join("checkpoint"), "").unwrap();
    let noughts = scene.copy("noughts");
    fs::write(noughts.join("checkpoint"), [0; 300]).unwrap();
    let history = scene.copy("history");
    let text = fs::read_to_string(history.join("epochs")).unwrap();
    fs::write(history.join("epochs"), format!("{text}{}", &text[..300])).unwrap();
    agree(&scene, &[torn, headless, noughts, history]);
}
