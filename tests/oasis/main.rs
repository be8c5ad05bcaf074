//! The OASIS KMIP test cases, where they lie beside the repository.

use std::path::PathBuf;

use strongroom::service::SERVED;
use strongroom_kmip::code::Operation;
use strongroom_tests::oasis::{Catalogue, Exceptions, Talk, rehearse, run, undone, undone_by_hand, unserved};
use strongroom_tests::{skip, top};

#[test]
fn every_served_oasis_case_passes() {
    let Some(cases) = cases() else { return };
    let exceptions = exceptions();
    let mut text = Vec::new();
    let report = run(&cases, &exceptions, Talk::Verdicts, &mut text).expect("a buffer can be written");
    let text = String::from_utf8_lossy(&text);
    let failed: Vec<&str> = text.lines().filter(|line| line.starts_with("FAIL")).collect();
    assert!(report.failed == 0 && report.passed > 0, "{report:?}\n{}", failed.join("\n"));
}

#[test]
fn whatever_is_undone_leaves_nothing_behind() {
    let Some(cases) = cases() else { return };
    let by_hand = undone_by_hand().expect("nothing is kept of a batch that is undone");
    let mut undone = undone(&cases).expect("nothing is kept of a batch that is undone");
    undone.extend(by_hand);
    let untried: Vec<_> =
        SERVED.iter().filter(|operation| !undone.contains(operation) && !ELSEWHERE.contains(operation)).collect();
    assert!(untried.is_empty(), "no case has {untried:?}; try by hand that they can be undone, and name them here");
}

/// What changes nothing that is kept (that Login, Logout and Cancel can be undone is tried in `daemon/tests/front`), or takes
/// more than a batch to begin with.
const ELSEWHERE: &[Operation] = &[
    Operation::Logout,
    Operation::Poll,
    Operation::Cancel,
    Operation::Process,
    Operation::Log,
    Operation::Interop,
    Operation::PKCS_11,
    Operation::SetEndpointRole,
    Operation::Validate,
    Operation::Certify,
    Operation::ReCertify,
    Operation::GetUsageAllocation,
    Operation::AdjustAttribute,
    Operation::SetDefaults,
    Operation::ReProvision,
];

#[test]
fn every_served_oasis_message_is_understood() {
    let Some(cases) = cases() else { return };
    let exceptions = exceptions();
    let failed: Vec<String> = cases
        .episodes
        .iter()
        .flatten()
        .filter(|case| unserved(case).is_none() && exceptions.reason(&case.name).is_none())
        .filter_map(|case| rehearse(case).err().map(|why| format!("{}: {why}", case.place)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn exceptions() -> Exceptions {
    Exceptions::read(&top().join("tests/oasis/exceptions.txt")).expect("the list is well-formed")
}

fn cases() -> Option<Catalogue> {
    let folder: PathBuf = top().join("../shared/kmip/testcases");
    if !folder.is_dir() {
        skip("no OASIS test cases beside the repository");
        return None;
    }
    Some(Catalogue::read(&folder).expect("the cases can be read"))
}
