//! Plays all cases of a catalogue and says how each has ended.

use std::io::{self, Write};

use super::catalogue::Catalogue;
use super::exception::Exceptions;
use super::play::{Verdict, play};
use super::world::World;

/// How many cases have ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Every answer was the expected one.
    pub passed: usize,
    /// Some answer was not, or the case should not be on the list of exceptions.
    pub failed: usize,
    /// Not served, or on the list of exceptions.
    pub skipped: usize,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Talk {
    /// A line for each case.
    Verdicts,
    /// Every message as well.
    Messages,
}

/// Plays the catalogue.
///
/// # Errors
///
/// Where `out` cannot be written.
///
/// # Panics
///
/// As for [`World::start`].
pub fn run(catalogue: &Catalogue, exceptions: &Exceptions, talk: Talk, out: &mut dyn Write) -> io::Result<Report> {
    let mut report = Report::default();
    let mut world = World::start();
    for episode in &catalogue.episodes {
        let mut ready = world.sweep();
        for case in episode {
            let mut messages = String::new();
            let verdict = match &mut ready {
                Ok(()) => play(case, &mut world, &mut |message| {
                    messages.push_str(message);
                    messages.push('\n');
                }),
                Err(why) => Verdict::Fail(std::mem::take(why)),
            };
            if talk == Talk::Messages {
                writeln!(out, "--- {}\n{messages}", case.place)?;
            }
            let verdict = judged(verdict, exceptions.reason(&case.name));
            match verdict {
                Verdict::Pass => {
                    report.passed = report.passed.saturating_add(1);
                    writeln!(out, "pass {}", case.place)?;
                }
                Verdict::Fail(why) => {
                    report.failed = report.failed.saturating_add(1);
                    writeln!(out, "FAIL {}: {why}", case.place)?;
                }
                Verdict::Skip(why) => {
                    report.skipped = report.skipped.saturating_add(1);
                    writeln!(out, "skip {}: {why}", case.place)?;
                }
            }
        }
    }
    writeln!(out, "{} passed, {} failed, {} skipped", report.passed, report.failed, report.skipped)?;
    Ok(report)
}

/// What a verdict means for a case that may be on the list of exceptions.
fn judged(verdict: Verdict, exception: Option<&str>) -> Verdict {
    match (verdict, exception) {
        (Verdict::Fail(_), Some(reason)) => Verdict::Skip(reason.to_owned()),
        (Verdict::Pass, Some(_)) => Verdict::Fail("it passes: remove it from the list of exceptions".to_owned()),
        (Verdict::Skip(_), Some(_)) => {
            Verdict::Fail("it is not played: remove it from the list of exceptions".to_owned())
        }
        (verdict, None) => verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_excuses_a_failure_and_nothing_else() {
        let fail = Verdict::Fail("x".to_owned());
        assert_eq!(judged(fail.clone(), None), fail);
        assert_eq!(judged(fail, Some("its key")), Verdict::Skip("its key".to_owned()));
        assert!(matches!(judged(Verdict::Pass, Some("its key")), Verdict::Fail(_)));
        assert!(matches!(judged(Verdict::Skip(String::new()), Some("its key")), Verdict::Fail(_)));
        assert_eq!(judged(Verdict::Pass, None), Verdict::Pass);
    }
}
