//! What a rule found, and how it is told.

use std::fmt::{Display, Formatter, Result};

/// One breach of a law: where it is, and what to do about it.
#[derive(Debug)]
pub(crate) struct Finding {
    /// Path from the top of the repository.
    pub file: String,
    /// Counted from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// A sentence that says what to do.
    pub advice: String,
}

impl Finding {
    pub(crate) fn new(file: &str, line: usize, advice: impl Into<String>) -> Finding {
        Finding { file: file.into(), line, advice: advice.into() }
    }
}

impl Display for Finding {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        write!(out, "{}:{}: {}", self.file, self.line, self.advice)
    }
}

/// Fails with every finding on a line of its own.
#[track_caller]
pub(crate) fn none(found: Vec<Finding>) {
    let told: Vec<String> = found.iter().map(Finding::to_string).collect();
    assert!(told.is_empty(), "\n{}\n", told.join("\n"));
}

/// Fails unless the findings are exactly at these `file:line` places, in order; `case` names the row of the table.
#[track_caller]
pub(crate) fn exactly(case: &str, found: &[Finding], places: &[&str]) {
    let told: Vec<String> = found.iter().map(|finding| format!("{}:{}", finding.file, finding.line)).collect();
    assert_eq!(told, places, "{case}: {found:?}");
}
