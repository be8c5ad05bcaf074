//! The audit log: what was acknowledged is in it after a crash, in its place, and all of it verifies. A kill needs the journal
//! for nothing; a loss of power takes the end of the log's own file, and the journal gives it back.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use strongroom::audit::{checkpoint::Identity, export, verify};
use strongroom_tests::{Dice, Folder, Loss, Powerloss, run};

use crate::round::{End, FEW, play};
use crate::{LIFE, dice, loss, setting};

/// What a log must have.
#[derive(Clone, Debug, Default)]
struct Book {
    /// By the record's place: whose it is, and its number.
    acknowledged: BTreeMap<u64, (String, String)>,
    /// How many lines were put back.
    restored: u64,
    notes: Vec<String>,
}

impl Book {
    /// Takes down what a clerk said, and how many records it was acknowledged.
    fn follow(&mut self, round: &str, lines: &[String]) -> u64 {
        self.notes.push(round.to_owned());
        let mut acknowledged = 0;
        for line in lines {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["found", restored, _] => self.restored += restored.parse::<u64>().unwrap(),
                ["ack", sequence, writer, number] => {
                    let words = (writer.to_owned(), number.to_owned());
                    let before = self.acknowledged.insert(sequence.parse().unwrap(), words);
                    assert_eq!(before, None, "one place was acknowledged twice: {line}: {self:#?}");
                    acknowledged += 1;
                }
                ["ready"] => {}
                _ => panic!("{line}: {:#?}", self.notes),
            }
        }
        acknowledged
    }

    /// How many of the acknowledged records are not where they were said to be.
    fn lost(&self, folder: &Path) -> usize {
        let mut text = Vec::new();
        export(folder, 0, u64::MAX, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let is_there = |sequence: u64, (writer, number): &(String, String)| {
            let line = usize::try_from(sequence).ok().and_then(|index| lines.get(index));
            line.is_some_and(|line| line.contains(&format!("\"correlation\":\"{writer} {number} ")))
        };
        self.acknowledged.iter().filter(|(sequence, words)| !is_there(**sequence, words)).count()
    }

    /// Has a clerk open and close the log, and looks at all of it.
    fn holds(&mut self, folder: &Path) {
        let lines = clerk(folder, LARGE, &[], End::ByItself);
        self.follow("opened and closed", &lines);
        verifies(folder, &self.notes);
        assert_eq!(self.lost(folder), 0, "acknowledged records are not there: {:#?}", self.notes);
    }
}

fn verifies(folder: &Path, notes: &[String]) {
    let identity = Identity::parse(&fs::read_to_string(folder.join("log.pub")).unwrap()).unwrap();
    let report = verify(folder, &identity, &mut |_| {}).unwrap_or_else(|damage| panic!("{damage}: {notes:#?}"));
    assert!(report.closed && report.lines == report.signed, "{report}: {notes:#?}");
}

fn clerk(log: &Path, journal: u64, env: &[(&str, OsString)], end: End) -> Vec<String> {
    let mut clerk = Command::new(env!("CARGO_BIN_EXE_clerk"));
    clerk.arg(log).arg(journal.to_string());
    play(clerk, env, end)
}

/// Small journals are full again and again, and some rounds are too much for them; large ones have much to give back. One
/// that is found in another size is made anew.
fn size(dice: &mut Dice) -> u64 {
    [16_384, 32_768, LARGE][usize::try_from(dice.roll(3)).unwrap()]
}

const LARGE: u64 = 512 * 1024;
const LITTLE: u64 = 16_384;

#[test]
fn a_kill_takes_no_acknowledged_record_and_needs_no_journal() {
    let rounds = setting("STRONGROOM_CRASH_KILLS", 200);
    let (mut dice, mut acknowledged) = (dice(10), 0);
    for life in 0..rounds.div_ceil(LIFE) {
        let (folder, mut book) = (Folder::new(), Book::default());
        let log = folder.join("audit");
        for turn in life * LIFE..rounds.min((life + 1) * LIFE) {
            acknowledged +=
                book.follow(&format!("round {turn}"), &clerk(&log, size(&mut dice), &[], End::killed(&mut dice)));
        }
        book.holds(&log);
        assert_eq!(book.restored, 0, "a kill took lines: {:#?}", book.notes);
    }
    println!("the log: {rounds} kills, {acknowledged} acknowledged records, none lost");
    assert!(acknowledged > rounds * 2, "the rounds wrote next to nothing");
}

#[test]
fn a_loss_of_power_takes_no_acknowledged_record() {
    let rounds = setting("STRONGROOM_CRASH_OUTAGES", 60);
    let powerloss = Powerloss::build();
    let (mut dice, mut acknowledged, mut restored) = (dice(11), 0, 0);
    for life in 0..rounds.div_ceil(LIFE) {
        let (folder, mut book) = (Folder::new(), Book::default());
        let log = folder.join("audit");
        for turn in life * LIFE..rounds.min((life + 1) * LIFE) {
            let watch = powerloss.watch(folder.path());
            let lines = clerk(&log, size(&mut dice), &watch.env(), End::killed(&mut dice));
            acknowledged += book.follow(&format!("round {turn}"), &lines);
            let loss = loss(turn, &mut dice);
            book.notes.push(format!("after {loss:?}"));
            watch.restore(loss);
        }
        book.holds(&log);
        restored += book.restored;
    }
    println!("the log: {rounds} losses of power, {acknowledged} acknowledged records, {restored} put back, none lost");
    assert!(acknowledged > rounds * 2, "the rounds wrote next to nothing");
    assert!(restored > 0, "the journal was of no use");
}

/// The control: were the journal's writes not durable, the model would show it.
#[test]
fn without_durable_writes_to_the_journal_records_are_lost() {
    let powerloss = Powerloss::build();
    let (mut dice, mut acknowledged, mut lost) = (dice(12), 0, 0);
    for _ in 0..10 {
        let (folder, mut book) = (Folder::new(), Book::default());
        let log = folder.join("audit");
        let watch = powerloss.watch(folder.path());
        let mut blind = watch.env().to_vec();
        blind.push(("STRONGROOM_POWERLOSS_BLIND", OsString::from("dsync")));
        let lines = clerk(&log, LARGE, &blind, End::killed_while_writing(&mut dice));
        acknowledged += book.follow("blind", &lines);
        watch.restore(Loss::PLAIN);
        lost += book.lost(&log);
    }
    println!("the log without durable writes: {lost} of {acknowledged} acknowledged records lost");
    assert!(acknowledged > 0 && lost > 0, "{lost} of {acknowledged}: the model does not bite");
}

/// A disk that fails under the journal, or under the log's own file: nothing is acknowledged after it, and nothing is lost.
#[test]
fn a_failing_or_full_disk_stops_the_log_and_loses_nothing_acknowledged() {
    for (name, fault, from) in
        [("a failing disk", "STRONGROOM_POWERLOSS_FAIL", "9"), ("a full disk", "STRONGROOM_POWERLOSS_FULL", "200000")]
    {
        let (folder, mut book) = (Folder::new(), Book::default());
        let log = folder.join("audit");
        let watch = Powerloss::build().watch(folder.path());
        let mut env = watch.env().to_vec();
        env.push((fault, from.into()));
        let lines = clerk(&log, LARGE, &env, End::Refused);
        let (refused, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.starts_with("refused"));
        assert!(refused.iter().any(|line| line.contains("could not be written")), "{name}: {refused:#?}");
        assert!(book.follow(name, &others) > 0, "{name}: the fault came before the first record");
        watch.restore(Loss::PLAIN);
        book.holds(&log);
    }
}

#[test]
fn a_crash_at_any_step_takes_no_acknowledged_record() {
    let powerloss = Powerloss::build();
    let mut dice = dice(13);
    for openings in 0..3 {
        let (ready, mut before) = (Folder::new(), Book::default());
        for _ in 0..openings {
            before.follow("made ready", &clerk(&ready.join("audit"), LITTLE, &[], End::AfterFew));
        }
        let (mut step, mut finished) = (0, false);
        while !finished {
            step += 1;
            let (folder, mut book) = (Folder::new(), before.clone());
            let _ = run(Command::new("cp").arg("-a").arg(ready.join(".")).arg(folder.path())).succeeds();
            let log = folder.join("audit");
            book.notes.push(format!("opened {openings} times, then a crash at step {step}"));
            let watch = powerloss.watch(folder.path());
            let mut env = watch.env().to_vec();
            env.push(("STRONGROOM_POWERLOSS_KILL", step.to_string().into()));
            let lines = clerk(&log, LITTLE, &env, End::AfterFew);
            // Every third record is not waited for.
            finished = book.follow("the crash", &lines) == (FEW - FEW / 2 / 3 * 2) as u64;
            if step % 3 > 0 {
                let loss = loss(step, &mut dice);
                book.notes.push(format!("{loss:?}"));
                watch.restore(loss);
            }
            let watch = powerloss.watch(folder.path());
            let lines = clerk(&log, LITTLE, &watch.env(), End::ByItself);
            book.follow("afterwards", &lines);
            verifies(&log, &book.notes);
            assert_eq!(book.lost(&log), 0, "acknowledged records are not there: {:#?}", book.notes);
        }
        println!("the log: opened {openings} times, then a crash at each of {step} steps, nothing lost");
        assert!(step > 20, "the steps were not counted");
    }
}
