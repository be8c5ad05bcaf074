//! One round: a scribe, or a clerk, that writes until it is ended, and what its lines say.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use strongroom_tests::Dice;

/// How a scribe ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// Killed, so long after it was started: while it opens the store.
    Opening(Duration),
    /// Killed, so long after it was ready: while it writes.
    Writing(Duration),
    /// It writes nothing and closes the store.
    ByItself,
    /// It writes until it is refused.
    Refused,
    /// It writes [`FEW`] batches and closes the store.
    AfterFew,
}

impl End {
    /// Most often while it writes.
    pub(crate) fn killed(dice: &mut Dice) -> End {
        if dice.roll(6) == 0 {
            End::Opening(Duration::from_micros(dice.roll(25_000)))
        } else {
            End::killed_while_writing(dice)
        }
    }

    pub(crate) fn killed_while_writing(dice: &mut Dice) -> End {
        End::Writing(Duration::from_micros(5_000 + dice.roll(40_000)))
    }
}

/// Runs a scribe and hears all that it said.
pub(crate) fn round(member: &str, store: &Path, env: &[(&str, OsString)], end: End) -> Vec<String> {
    let mut scribe = Command::new(env!("CARGO_BIN_EXE_scribe"));
    scribe.arg(member).arg(store);
    play(scribe, env, end)
}

/// Runs a program that is told how many writers it has and how much each writes, and hears all that it said.
pub(crate) fn play(mut program: Command, env: &[(&str, OsString)], end: End) -> Vec<String> {
    let (writers, batches) = match end {
        End::ByItself => (0, 0),
        End::AfterFew => (2, FEW / 2),
        End::Opening(_) | End::Writing(_) | End::Refused => (6, usize::MAX),
    };
    let mut scribe = program
        .args([writers.to_string(), batches.to_string()])
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = scribe.stdout.take().unwrap();
    let (ready, is_ready) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut lines = Vec::new();
        for line in BufReader::new(stdout).lines() {
            let line = line.unwrap();
            if line == "ready" {
                let _ = ready.send(());
            }
            lines.push(line);
        }
        lines
    });
    match end {
        End::Opening(after) => {
            thread::sleep(after);
            scribe.kill().unwrap();
        }
        End::Writing(after) => {
            // Without this line it has ended by itself, or hangs; what it said tells which.
            if is_ready.recv_timeout(PATIENCE).is_ok() {
                thread::sleep(after);
            }
            scribe.kill().unwrap();
        }
        End::ByItself | End::Refused | End::AfterFew => {}
    }
    scribe.wait().unwrap();
    reader.join().unwrap()
}

/// What a store must have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chronicle {
    batches: [u64; 8],
    generation: u64,
    notes: Vec<String>,
}

impl Chronicle {
    /// Holds what a scribe found against what was acknowledged before, takes down what it was acknowledged, and says how
    /// many batches that were.
    pub(crate) fn follow(&mut self, round: &str, lines: &[String]) -> u64 {
        self.note(round.to_owned());
        let mut acknowledged = 0;
        for line in lines {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                ["found", generation] => {
                    let generation = number(generation);
                    let before = self.generation;
                    assert!(generation >= before, "the generation fell from {before} to {generation}: {self:#?}");
                    self.generation = generation;
                }
                ["state", writer, batch] => {
                    let (writer, batch) = (index(writer), number(batch));
                    let before = self.batches[writer];
                    assert!(batch >= before, "writer {writer} was acknowledged {before}, but has {batch}: {self:#?}");
                    self.batches[writer] = batch;
                }
                ["ack", writer, batch, generation] => {
                    let writer = index(writer);
                    self.batches[writer] = self.batches[writer].max(number(batch));
                    self.generation = self.generation.max(number(generation));
                    acknowledged += 1;
                }
                ["ready"] => {}
                _ => panic!("{line}: {self:#?}"),
            }
        }
        acknowledged
    }

    /// How many of the acknowledged batches a scribe did not find.
    pub(crate) fn lost(&self, lines: &[String]) -> u64 {
        let mut found = [0; 8];
        for line in lines {
            if let ["state", writer, batch] = line.split(' ').collect::<Vec<_>>()[..] {
                found[index(writer)] = number(batch);
            }
        }
        self.batches.iter().zip(found).map(|(acknowledged, found)| acknowledged.saturating_sub(found)).sum()
    }

    /// Remembers what happened, to be told where a claim fails.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

fn number(word: &str) -> u64 {
    word.parse().unwrap()
}

fn index(word: &str) -> usize {
    word.parse().unwrap()
}

/// Opening a store takes a few hundredths of a second; this is for a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

/// A short round, for what is run at every step.
pub(crate) const FEW: usize = 8;
