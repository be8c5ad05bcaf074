//! Crashes: writers are killed, or lose their power, in the middle of everything; what was acknowledged is still there,
//! no batch is torn, and the generation never goes back. Over every store whose rows outlive the process, and over the log.
//!
//! `STRONGROOM_CRASH_KILLS` and `STRONGROOM_CRASH_OUTAGES` set the rounds, `STRONGROOM_CRASH_SEED` another course.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

mod fault;
mod log;
mod model;
mod round;
mod step;

use std::env;
use std::ffi::OsString;
use std::process::Command;

use strongroom::store::{Batch, Keeps, MEMBERS, Settings, Table, open};
use strongroom_tests::{Dice, Folder, Loss, Names, Pages, Powerloss};

use crate::round::{Chronicle, End, play, round};

/// After so many rounds the store is made anew, so that making one is interrupted too.
const LIFE: u64 = 20;

fn every_lasting_member(claim: impl Fn(&str)) {
    MEMBERS.iter().filter(|member| member.keeps == Keeps::OnDisk).for_each(|member| claim(member.name));
}

fn setting(name: &str, usual: u64) -> u64 {
    env::var(name).map_or(usual, |value| value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

fn dice(salt: u64) -> Dice {
    Dice::new(setting("STRONGROOM_CRASH_SEED", 1).wrapping_add(salt))
}

#[test]
fn a_kill_loses_nothing_acknowledged_and_tears_nothing() {
    let rounds = setting("STRONGROOM_CRASH_KILLS", 200);
    every_lasting_member(|member| {
        let mut dice = dice(0);
        let mut acknowledged = 0;
        for life in 0..rounds.div_ceil(LIFE) {
            let folder = Folder::new();
            let mut chronicle = Chronicle::default();
            for turn in life * LIFE..rounds.min((life + 1) * LIFE) {
                let lines = round(member, &folder.join("store"), &[], End::killed(&mut dice));
                acknowledged += chronicle.follow(&format!("{member}, round {turn}"), &lines);
            }
            let lines = round(member, &folder.join("store"), &[], End::ByItself);
            chronicle.follow(&format!("{member}, after its last round"), &lines);
        }
        println!("{member}: {rounds} kills, {acknowledged} acknowledged batches, none lost, none torn");
        assert!(acknowledged > rounds * 2, "the rounds wrote next to nothing");
    });
}

#[test]
fn a_kill_loses_nothing_jotted() {
    let rounds = setting("STRONGROOM_CRASH_KILLS", 200) / 4;
    let jots = [("STRONGROOM_SCRIBE_JOTS", OsString::from("1"))];
    every_lasting_member(|member| {
        let (mut dice, folder, mut chronicle) = (dice(5), Folder::new(), Chronicle::default());
        let mut acknowledged = 0;
        for turn in 0..rounds {
            let lines = round(member, &folder.join("store"), &jots, End::killed(&mut dice));
            acknowledged += chronicle.follow(&format!("{member}, round {turn}"), &lines);
        }
        let lines = round(member, &folder.join("store"), &[], End::ByItself);
        chronicle.follow(&format!("{member}, after its last round"), &lines);
        println!("{member}: {rounds} kills, {acknowledged} batches acknowledged or jotted, none lost, none torn");
        assert!(acknowledged > rounds * 2, "the rounds wrote next to nothing");
    });
}

#[test]
fn no_kill_lets_a_spent_nonce_come_again() {
    let rounds = setting("STRONGROOM_CRASH_KILLS", 200) / 4;
    let (mut dice, mut acknowledged) = (dice(6), 0);
    for life in 0..rounds.div_ceil(LIFE) {
        let (folder, mut chronicle) = (Folder::new(), Chronicle::default());
        for turn in life * LIFE..rounds.min((life + 1) * LIFE) {
            acknowledged += chronicle.follow(&format!("round {turn}"), &spend(&folder, End::killed(&mut dice)));
        }
        chronicle.follow("after the last round", &spend(&folder, End::ByItself));
    }
    println!("{rounds} kills, {acknowledged} nonces spent, none of them forgotten");
    assert!(acknowledged > rounds * 10, "the rounds spent next to nothing");
}

/// Runs a spender and hears all that it said.
fn spend(folder: &Folder, end: End) -> Vec<String> {
    let mut spender = Command::new(env!("CARGO_BIN_EXE_spender"));
    spender.arg(folder.join("store"));
    play(spender, &[], end)
}

#[test]
fn a_loss_of_power_loses_nothing_acknowledged_and_tears_nothing() {
    let rounds = setting("STRONGROOM_CRASH_OUTAGES", 60);
    let powerloss = Powerloss::build();
    every_lasting_member(|member| {
        let mut dice = dice(1);
        let mut acknowledged = 0;
        for life in 0..rounds.div_ceil(LIFE) {
            let folder = Folder::new();
            let mut chronicle = Chronicle::default();
            for turn in life * LIFE..rounds.min((life + 1) * LIFE) {
                let watch = powerloss.watch(folder.path());
                let lines = round(member, &folder.join("store"), &watch.env(), End::killed(&mut dice));
                let loss = loss(turn, &mut dice);
                acknowledged += chronicle.follow(&format!("{member}, round {turn}"), &lines);
                chronicle.note(format!("after {loss:?}"));
                watch.restore(loss);
            }
            let lines = round(member, &folder.join("store"), &[], End::ByItself);
            chronicle.follow(&format!("{member}, after its last round"), &lines);
        }
        println!("{member}: {rounds} losses of power, {acknowledged} acknowledged batches, none lost, none torn");
        assert!(acknowledged > rounds * 2, "the rounds wrote next to nothing");
    });
}

/// Every kind of loss in turn.
fn loss(turn: u64, dice: &mut Dice) -> Loss {
    let names = if turn.is_multiple_of(2) { Names::AsSynced } else { Names::AsTheyStood };
    let pages = if turn % 4 < 2 { Pages::AsSynced } else { Pages::Mixed(dice.roll(u64::MAX)) };
    Loss { names, pages }
}

/// The control: were a group answered before the disk has it, the model would show it.
#[test]
fn without_its_journal_on_the_disk_the_model_loses_what_was_acknowledged() {
    let powerloss = Powerloss::build();
    every_lasting_member(|member| {
        let mut dice = dice(2);
        let (mut acknowledged, mut lost) = (0, 0);
        for _ in 0..5 {
            let folder = Folder::new();
            let watch = powerloss.watch(folder.path());
            let mut blind = watch.env().to_vec();
            blind.push(("STRONGROOM_POWERLOSS_BLIND", OsString::from("dsync")));
            let lines = round(member, &folder.join("store"), &blind, End::killed_while_writing(&mut dice));
            watch.restore(Loss::PLAIN);
            let mut chronicle = Chronicle::default();
            acknowledged += chronicle.follow(member, &lines);
            lost += chronicle.lost(&round(member, &folder.join("store"), &[], End::ByItself));
        }
        println!("{member} without O_DSYNC: {lost} of {acknowledged} acknowledged batches lost");
        assert!(acknowledged > 0 && lost > acknowledged / 2, "{lost} of {acknowledged}: the model does not bite");
    });
}

/// The other control: were a batch torn, the scribe would see it.
#[test]
fn a_row_of_another_batch_is_seen() {
    every_lasting_member(|member| {
        let folder = Folder::new();
        let lines = round(member, &folder.join("store"), &[], End::killed_while_writing(&mut dice(3)));
        Chronicle::default().follow(member, &lines);
        let kind = MEMBERS.iter().find(|known| known.name == member).unwrap().kind;
        let store = open(&Settings::new(kind, folder.join("store"))).unwrap();
        let mut batch = Batch::new();
        batch.put(Table::Client, b"r\0\x01", 1_u64.to_be_bytes());
        store.commit(batch).wait().unwrap();
        drop(store);
        let lines = round(member, &folder.join("store"), &[], End::ByItself);
        assert!(lines.iter().any(|line| line.starts_with("torn 0 ")), "{lines:?}");
    });
}
