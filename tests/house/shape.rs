//! How long a file may be.

use crate::finding::Finding;
use crate::source::House;

/// A file that one can hold in one's head; 400 is the time to think of splitting it.
const LONGEST: usize = 500;

/// What the first comment of a longer file begins a line with, followed by the reason.
const EXCUSE: &str = "//! Longer than 500 lines:";

/// Files stay short, or say at their head why not.
pub(crate) fn long_files(house: &House) -> Vec<Finding> {
    let code = [".rs", ".sh", ".py"];
    house
        .sources
        .iter()
        .filter(|source| code.iter().any(|end| source.path.ends_with(end)))
        .filter(|source| source.text.lines().count() > LONGEST)
        .filter(|source| {
            let head = source.text.lines().take_while(|line| line.starts_with("//!"));
            !head.filter_map(|line| line.strip_prefix(EXCUSE)).any(|reason| reason.trim().len() > 10)
        })
        .map(|source| {
            let advice = format!(
                "{} lines; split it along the sentence that says what it is about (a table says `{EXCUSE} …` at its head)",
                source.text.lines().count()
            );
            Finding::new(&source.path, 0, advice)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{exactly, none};

    #[test]
    fn files_stay_under_500_lines_or_say_why() {
        none(long_files(&House::real()));
    }

    #[test]
    fn a_long_file_without_a_reason_is_found() {
        let long = "x();\n".repeat(501);
        let excused = format!("//! The tags.\n//!\n{EXCUSE} one table, a row for each tag.\n{long}");
        let empty = format!("{EXCUSE}\n{long}");
        let late = format!("fn f() {{}}\n{EXCUSE} one table, a row for each tag.\n{long}");
        let rows: &[(&str, &str, &str, &[&str])] = &[
            ("500 lines", "a.rs", &"x();\n".repeat(500), &[]),
            ("501 lines", "a.rs", &long, &["a.rs:0"]),
            ("with a reason", "a.rs", &excused, &[]),
            ("with an empty reason", "a.rs", &empty, &["a.rs:0"]),
            ("with a reason in the wrong place", "a.rs", &late, &["a.rs:0"]),
            ("a script", "a.py", &long, &["a.py:0"]),
            ("a page", "a.md", &long, &[]),
        ];
        for (name, file, source, places) in rows {
            exactly(name, &long_files(&House::made_up(&[(file, source)])), places);
        }
    }
}
