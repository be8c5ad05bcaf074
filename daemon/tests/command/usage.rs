//! Wrong usage, help, and what needs no daemon.

use crate::appliance::{Folder, run};

#[test]
fn wrong_usage_exits_with_2_and_failure_with_1() {
    for (name, arguments) in [
        ("nothing", &[][..]),
        ("an unknown verb", &["open"]),
        ("an unknown option", &["status", "--loud"]),
        ("a missing name", &["client", "revoke"]),
    ] {
        let ended = run(arguments, b"");
        assert_eq!(ended.code, Some(2), "{name}");
        assert!(ended.complains.contains("Usage:"), "{name}: {}", ended.complains);
    }
    let missing = run(&["--config", "/nowhere/strongroom.toml", "status"], b"").failed();
    assert!(missing.contains("cannot read /nowhere/strongroom.toml"), "{missing}");
}

#[test]
fn help_reads_as_it_did() {
    let mut help = run(&["--help"], b"").done();
    for verb in [
        "init", "serve", "dev", "unseal", "client", "slot", "pkcs11", "key", "backup", "restore", "approval", "audit",
        "kmip",
    ] {
        help.push_str(&format!("\n## {verb}\n\n"));
        help.push_str(&run(&[verb, "--help"], b"").done());
    }
    let kept = include_str!("help.txt");
    assert!(help == kept, "the help has changed; if it is meant to, put this into tests/command/help.txt:\n{help}");
}

#[test]
fn a_wrong_configuration_is_named_by_line() {
    let folder = Folder::new();
    for (name, text, says) in [
        ("a misspelt key", "[kmip]\nlisen = []\n", "strongroom.toml:2: unknown key `lisen`; did you mean `listen`?"),
        ("no TOML", "[kmip\n", "strongroom.toml:1: "),
        ("a limit of nought", "[limits]\n\nthreads = 0\n", "strongroom.toml:3: `threads` must be 1 to 512"),
    ] {
        let config = folder.write("strongroom.toml", text);
        let failed = run(&["--config", &config, "serve", "--check"], b"").failed();
        assert!(failed.contains(says), "{name}: {failed}");
    }
}

#[test]
fn a_message_is_decoded_without_a_daemon() {
    let message = b"420078 01 00000010 42000B 02 00000004 0000002A 00000000";
    let shown = run(&["kmip", "decode"], message).done();
    assert!(shown.starts_with("Request Message\n"), "{shown}");
    assert!(run(&["kmip", "decode"], b"hello").failed().contains("neither"));
    assert!(run(&["kmip", "decode"], b"42007801000000FF").failed().contains("no KMIP message"));
}
