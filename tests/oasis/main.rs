//! The OASIS KMIP test cases, where they lie beside the repository.

use std::path::PathBuf;

use strongroom_tests::oasis::{Catalogue, rehearse, unserved};
use strongroom_tests::{skip, top};

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
