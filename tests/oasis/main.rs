//! The OASIS KMIP test cases, where they lie beside the repository.

use std::path::PathBuf;

use strongroom_tests::oasis::{Catalogue, Exceptions, Talk, rehearse, run, unserved};
use strongroom_tests::{skip, top};

#[test]
fn every_served_oasis_case_passes() {
    let Some(cases) = cases() else { return };
    let exceptions = Exceptions::read(&top().join("tests/oasis/exceptions.txt")).expect("the list is well-formed");
    let mut text = Vec::new();
    let report = run(&cases, &exceptions, Talk::Verdicts, &mut text).expect("a buffer can be written");
    let text = String::from_utf8_lossy(&text);
    let failed: Vec<&str> = text.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert!(report.failed == 0 && report.passed > 0, "{report:?}\n{}", failed.join("\n"));
}

#[test]
fn every_served_oasis_message_is_understood() {
    let Some(cases) = cases() else { return };
    let failed: Vec<String> = cases
        .episodes
        .iter()
        .flatten()
        .filter(|case| unserved(case).is_none())
        .filter_map(|case| rehearse(case).err().map(|why| format!("{}: {why}", case.place)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn cases() -> Option<Catalogue> {
    let folder: PathBuf = top().join("../shared/kmip/testcases");
    if !folder.is_dir() {
        skip("no OASIS test cases beside the repository");
        return None;
    }
    Some(Catalogue::read(&folder).expect("the cases can be read"))
}
