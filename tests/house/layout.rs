//! What stands where: the top level, the units, the fuzz targets, the workspace.

use crate::finding::Finding;
use crate::source::House;

/// All that may stand at the top, beside files that begin with a dot.
const TOP: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Makefile",
    "README.md",
    "benches",
    "clippy.toml",
    "daemon",
    "deny.toml",
    "docs",
    "fuzz",
    "kmip",
    "pkcs11-module",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "systemd",
    "tests",
];

/// The units that a package installs.
const UNITS: &[&str] = &[
    "strongroom.service",
    "strongroom-kmip-https.socket",
    "strongroom-pkcs11-tls.socket",
    "strongroom-kmip.socket",
    "strongroom-pkcs11.socket",
    "strongroom-control.socket",
    "sysusers.conf",
    "tmpfiles.conf",
];

/// Nothing but the rooms and the papers of the house stands at the top.
pub(crate) fn strays(house: &House) -> Vec<Finding> {
    house
        .sources
        .iter()
        .filter(|source| {
            let first = source.path.split('/').next().unwrap_or_default();
            !first.starts_with('.') && !TOP.contains(&first)
        })
        .map(|source| Finding::new(&source.path, 0, "does not belong at the top; put it into the room that it serves"))
        .collect()
}

/// Every unit is there, and nothing that `make install` would not know of.
pub(crate) fn units(house: &House) -> Vec<Finding> {
    let missing = UNITS.iter().map(|unit| format!("systemd/{unit}")).filter(|unit| !house.has(unit));
    let missing = missing.map(|unit| Finding::new(&unit, 0, "this unit is missing"));
    let present = house.sources.iter().filter_map(|source| Some((source, source.path.strip_prefix("systemd/")?)));
    let strange = present.filter(|(_, name)| !UNITS.contains(name)).map(|(source, _)| {
        Finding::new(&source.path, 0, "is not installed; add it to the Makefile and to tests/house/layout.rs")
    });
    missing.chain(strange).collect()
}

/// Every fuzz target has its row in `fuzz/Cargo.toml`, and every row its file.
pub(crate) fn fuzz_targets(house: &House) -> Vec<Finding> {
    let manifest = "fuzz/Cargo.toml";
    let Some(rows) = house.sources.iter().find(|source| source.path == manifest) else {
        return vec![Finding::new(manifest, 0, "the fuzz targets are missing")];
    };
    let rows: Vec<&str> =
        rows.text.lines().filter_map(|line| line.strip_prefix("path = \"")?.strip_suffix('"')).collect();
    let files: Vec<&str> =
        house.rust("fuzz/fuzz_targets/").filter_map(|source| source.path.strip_prefix("fuzz/")).collect();
    let unlisted = files
        .iter()
        .filter(|file| !rows.contains(file))
        .map(|file| Finding::new(&format!("fuzz/{file}"), 0, "never runs; give it a [[bin]] row in fuzz/Cargo.toml"));
    let missing = rows
        .iter()
        .filter(|row| !files.contains(row))
        .map(|row| Finding::new(manifest, 0, format!("names {row}, which is not there")));
    unlisted.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{exactly, none};

    #[test]
    fn the_top_level_holds_only_what_belongs_there() {
        none(strays(&House::real()));
    }

    #[test]
    fn every_systemd_unit_is_there_and_installed() {
        none(units(&House::real()));
    }

    #[test]
    fn a_stray_at_the_top_is_found() {
        let house =
            House::made_up(&[("notes.txt", ""), (".editorconfig", ""), ("kmip/src/tag.rs", ""), ("tools/x.sh", "")]);
        exactly("strays", &strays(&house), &["notes.txt:0", "tools/x.sh:0"]);
    }

    #[test]
    fn a_missing_or_unknown_unit_is_found() {
        let mut files: Vec<String> = UNITS.iter().skip(1).map(|unit| format!("systemd/{unit}")).collect();
        files.push("systemd/extra.timer".to_owned());
        let files: Vec<(&str, &str)> = files.iter().map(|file| (file.as_str(), "")).collect();
        exactly("units", &units(&House::made_up(&files)), &["systemd/strongroom.service:0", "systemd/extra.timer:0"]);
    }

    #[test]
    fn a_fuzz_target_without_a_row_is_found() {
        let rows =
            "[[bin]]\nname = \"ttlv\"\npath = \"fuzz_targets/ttlv.rs\"\n\n[[bin]]\npath = \"fuzz_targets/gone.rs\"\n";
        let house = House::made_up(&[
            ("fuzz/Cargo.toml", rows),
            ("fuzz/fuzz_targets/ttlv.rs", ""),
            ("fuzz/fuzz_targets/wire.rs", ""),
        ]);
        exactly("fuzz", &fuzz_targets(&house), &["fuzz/fuzz_targets/wire.rs:0", "fuzz/Cargo.toml:0"]);
        exactly("none", &fuzz_targets(&House::made_up(&[])), &["fuzz/Cargo.toml:0"]);
    }
}
