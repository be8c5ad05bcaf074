//! Proofs, anchors, and reading.

use std::fs;

use strongroom::audit::{Chain, Durability, Entry, Event, Proof, Refusal, Tail, consistency, export, prove, tree};

use crate::scene::{SEGMENT, Scene, copy, fill, head};

#[test]
fn every_line_is_proved_and_no_other() {
    let scene = Scene::closed(11);
    let chain = Chain::read(&scene.folder(), &scene.identity()).unwrap();
    let text = scene.text();
    for (number, line) in text.lines().enumerate() {
        let proof = prove(&scene.folder(), &scene.identity(), number as u64).unwrap();
        assert_eq!(proof.line, line);
        assert_eq!(proof.check(&chain).unwrap().size, 13);
        let other = Proof { line: line.replace("seq", "sep"), ..proof.clone() };
        assert_eq!(other.check(&chain), None, "another line");
        let moved = proof.text.replacen(&format!("index {number}"), &format!("index {}", number + 1), 1);
        assert_eq!(Proof { text: moved, ..proof.clone() }.check(&chain), None, "another place");
        let unsigned = proof.text.replace("generation 0", "generation 1");
        assert_eq!(Proof { text: unsigned, ..proof }.check(&chain), None, "another checkpoint");
    }
    let beyond = prove(&scene.folder(), &scene.identity(), 13);
    assert!(matches!(beyond, Err(Refusal::Beyond(13))));
}

#[test]
fn a_log_that_was_rolled_back_verifies_and_is_caught_by_an_anchor() {
    let scene = Scene::new();
    let (log, _) = scene.open();
    fill(&log, 3);
    let older = scene.copy("older");
    fill(&log, 4);
    let anchor = head(&log, 8);
    log.close().unwrap();
    drop(log);
    let proved = consistency(&scene.folder(), &scene.identity(), &anchor).unwrap();
    assert!(tree::extends(&proved.old.root, proved.old.size, &proved.new.root, proved.new.size, &proved.path));
    assert_eq!((proved.old.size, proved.new.size), (8, 9));
    // The older copy is sound in itself; nothing in the folder shows what is missing.
    scene.verify_in(&older).unwrap();
    let refused = consistency(&older, &scene.identity(), &anchor);
    assert!(matches!(refused, Err(Refusal::RolledBack { signed: 8 })), "{refused:?}");
}

#[test]
fn a_log_that_went_another_way_is_caught_by_an_anchor() {
    let scene = Scene::new();
    let (log, _) = scene.open();
    fill(&log, 2);
    let older = scene.copy("older");
    log.append(&Entry::event(Event::Heartbeat), Durability::Sync).wait().unwrap();
    let anchor = head(&log, 4);
    drop(log);
    // Whoever has the disk and the root key puts back the older copy, and the daemon goes on from there.
    copy(&older, &scene.folder());
    let (log, _) = scene.open();
    fill(&log, 2);
    log.close().unwrap();
    scene.verify().unwrap();
    let refused = consistency(&scene.folder(), &scene.identity(), &anchor);
    assert!(matches!(refused, Err(Refusal::RolledBack { signed: 4 })), "{refused:?}");
}

#[test]
fn an_anchor_that_the_log_never_signed_is_refused() {
    let (scene, other) = (Scene::closed(2), Scene::closed(2));
    let ours = fs::read_to_string(scene.folder().join("checkpoint")).unwrap();
    for (name, note) in [
        ("another log's", fs::read_to_string(other.folder().join("checkpoint")).unwrap()),
        ("changed", ours.replacen("generation 0", "generation 7", 1)),
        ("none", "nothing".to_owned()),
    ] {
        assert!(matches!(consistency(&scene.folder(), &scene.identity(), &note), Err(Refusal::Foreign)), "{name}");
    }
}

#[test]
fn the_tail_has_the_last_lines_and_those_that_come() {
    let scene = Scene::new();
    let mut options = scene.options();
    options.segment = 1200;
    let (log, _) = scene.open_with(options);
    fill(&log, 10);
    let mut tail = Tail::open(&scene.folder(), 3).unwrap();
    let seqs = |lines: Vec<String>| -> Vec<u64> {
        lines.iter().map(|line| strongroom::audit::Record::parse(line.as_bytes()).unwrap().sequence).collect()
    };
    assert_eq!(seqs(tail.more().unwrap()), [8, 9, 10]);
    assert!(tail.more().unwrap().is_empty());
    fill(&log, 7);
    assert_eq!(seqs(tail.more().unwrap()), (11..=17).collect::<Vec<u64>>());
    assert_eq!(seqs(Tail::open(&scene.folder(), 100).unwrap().more().unwrap()).len(), 18);
    assert!(Tail::open(&scene.folder(), 0).unwrap().more().unwrap().is_empty());
}

#[test]
fn an_export_is_the_lines_as_they_stand() {
    let scene = Scene::closed(6);
    let mut out = Vec::new();
    assert_eq!(export(&scene.folder(), 2, 5, &mut out).unwrap(), 3);
    let wanted: String = scene.text().split_inclusive('\n').skip(2).take(3).collect();
    assert_eq!(String::from_utf8(out).unwrap(), wanted);
    let mut all = Vec::new();
    export(&scene.folder(), 0, u64::MAX, &mut all).unwrap();
    assert_eq!(all, fs::read(scene.folder().join(SEGMENT)).unwrap());
}
