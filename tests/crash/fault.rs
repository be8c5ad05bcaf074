//! A disk that fails: the store says what is wrong and takes nothing more.

use strongroom_tests::{Folder, Powerloss};

use crate::every_lasting_member;
use crate::round::{Chronicle, End, round};

/// Runs a scribe against a disk with a fault, and says what it was refused; holds what it was acknowledged against what
/// is there afterwards.
fn refusals(member: &str, fault: &'static str, from: &str) -> Vec<String> {
    let folder = Folder::new();
    let watch = Powerloss::build().watch(folder.path());
    let mut env = watch.env().to_vec();
    env.push((fault, from.into()));
    let lines = round(member, &folder.join("store"), &env, End::Refused);
    let (refused, others): (Vec<_>, Vec<_>) = lines.iter().cloned().partition(|line| line.starts_with("refused"));
    for writer in 0..6 {
        let (ack, refusal) = (format!("ack {writer} "), format!("refused {writer} "));
        let first = lines.iter().position(|line| line.starts_with(&refusal)).expect("every writer is refused");
        let later = lines.iter().skip(first).find(|line| line.starts_with(&ack));
        assert_eq!(later, None, "writer {writer} was acknowledged a batch after one was refused");
    }
    let mut chronicle = Chronicle::default();
    assert!(chronicle.follow(member, &others) > 0, "the fault came before the first batch: {lines:#?}");
    chronicle.follow(member, &round(member, &folder.join("store"), &[], End::ByItself));
    refused
}

#[test]
fn after_a_failed_sync_nothing_is_acknowledged() {
    every_lasting_member(|member| {
        let refused = refusals(member, "STRONGROOM_POWERLOSS_FAIL", "3");
        assert!(refused.iter().any(|line| line.contains("could not sync")), "{refused:#?}");
        assert!(refused.iter().any(|line| line.contains("stopped after a failed write")), "{refused:#?}");
    });
}

#[test]
fn a_full_disk_is_named_and_loses_nothing_acknowledged() {
    every_lasting_member(|member| {
        let refused = refusals(member, "STRONGROOM_POWERLOSS_FULL", "1000000");
        assert!(refused.iter().any(|line| line.contains("is full; free some space")), "{refused:#?}");
        assert!(refused.iter().any(|line| line.contains("stopped after a failed write")), "{refused:#?}");
    });
}
