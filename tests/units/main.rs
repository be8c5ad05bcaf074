//! The systemd units, read by systemd itself.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use strongroom_tests::{Folder, run, skip_or_require, top};

/// The sockets that the service inherits, by which name, and whether it starts with them always.
const SOCKETS: &[(&str, &str, bool)] = &[
    ("strongroom-kmip.socket", "kmip", true),
    ("strongroom-kmip-https.socket", "kmip-https", false),
    ("strongroom-pkcs11-tls.socket", "pkcs11-tls", false),
    ("strongroom-pkcs11.socket", "pkcs11", true),
    ("strongroom-control.socket", "control", true),
];

/// How exposed `systemd-analyze security` may find the service, from 0 (not at all) to 10.
const EXPOSURE: &str = "3.5";

fn unit(name: &str) -> String {
    fs::read_to_string(top().join("systemd").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The units in a folder where the daemon's program is one that exists.
fn staged() -> (Folder, Vec<PathBuf>) {
    let folder = Folder::new();
    let names = SOCKETS.iter().map(|(name, ..)| *name).chain(["strongroom.service"]);
    let paths = names
        .map(|name| {
            let path = folder.join(name);
            fs::write(&path, unit(name).replace("/usr/bin/strongroom", "/bin/true")).expect("the folder is fresh");
            path
        })
        .collect();
    (folder, paths)
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let Some(analyze) = skip_or_require("systemd-analyze") else { return };
    let (_folder, paths) = staged();
    let outcome = run(Command::new(analyze).arg("verify").args(paths)).succeeds();
    assert_eq!(outcome.stderr.trim(), "", "{outcome}");
}

#[test]
fn the_service_stays_hardened() {
    let Some(analyze) = skip_or_require("systemd-analyze") else { return };
    let (_folder, paths) = staged();
    let service = paths.iter().filter(|path| path.ends_with("strongroom.service"));
    let tenths = EXPOSURE.replace('.', "");
    let threshold = format!("--threshold={tenths}");
    let _ = run(Command::new(analyze).args(["security", "--offline=true", &threshold]).args(service)).succeeds();
}

#[test]
fn every_socket_is_handed_over_by_its_name() {
    let service = unit("strongroom.service");
    for (name, descriptor, always) in SOCKETS {
        let text = unit(name);
        assert!(text.contains(&format!("FileDescriptorName={descriptor}\n")), "{name} names its socket {descriptor}");
        assert!(text.contains("Service=strongroom.service\n"), "{name} belongs to the service");
        let required = service.lines().any(|line| line.starts_with("Requires=") && line.contains(name));
        assert_eq!(required, *always, "whether the service requires {name}");
    }
}
