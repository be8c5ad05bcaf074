//! The test-suites that python-pkcs11 and the cryptoki crate publish with themselves, run against the module.
//!
//! What does not pass stands in `tests/clients/suites/NAME.txt`, a line each: the test's name, a colon, and why. A test that
//! fails and has no line fails here; so does a line whose test passes. The slot is a legacy one: the suites use short keys
//! and old hashes, and read what they derive from sensitive keys.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_tests::{Appliance, Outcome, python, run, skip, top};

/// An appliance whose slot does what old data need.
fn legacy() -> Appliance {
    let mut appliance = Appliance::start();
    let config = appliance.dir().join("strongroom.toml");
    appliance.kill();
    let text = fs::read_to_string(&config).expect("`dev` writes its configuration");
    let changed = text.replace("name = \"dev\"", "name = \"dev\"\nmechanisms = \"legacy\"\nopen_derivations = [\"ECDH\", \"DH\", \"ML-KEM\", \"SP800-108-COUNTER\", \"SP800-108-FEEDBACK\", \"SP800-108-PIPELINE\"]");
    assert_ne!(text, changed, "the configuration has the slot");
    fs::write(&config, changed).expect("it is ours");
    appliance.restart();
    appliance
}

/// How each test of a suite ended, with what it said.
type Results = BTreeMap<String, (bool, String)>;

/// Holds the results against the file of exceptions.
#[track_caller]
fn judge(name: &str, results: &Results, skipped: usize, least: usize) {
    let file = top().join(format!("tests/clients/suites/{name}.txt"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
    let excepted: BTreeMap<&str, &str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{name}: no reason in `{line}`")))
        .collect();
    let failed = |passed: bool| results.iter().filter(move |(_, result)| result.0 == passed);
    let new: Vec<String> = failed(false)
        .filter(|(test, _)| !excepted.contains_key(test.as_str()))
        .map(|(test, (_, why))| format!("{test}: {why}"))
        .collect();
    let gone: Vec<&str> =
        excepted.keys().copied().filter(|test| results.get(*test).is_none_or(|(passed, _)| *passed)).collect();
    let passed = failed(true).count();
    skip(&format!(
        "{name}: {passed} passed, {} failed for the reasons in {name}.txt, {skipped} skipped by the suite",
        excepted.len()
    ));
    assert!(new.is_empty(), "these fail:\n{}", new.join("\n"));
    assert!(gone.is_empty(), "these no longer fail, so their lines go: {gone:?}");
    assert!(passed >= least, "only {passed} ran");
}

#[test]
fn the_suite_of_python_pkcs11_passes() {
    let Some(python) = python() else { return };
    let suite = top().join(".venv/suites/python-pkcs11");
    assert!(suite.join("tests").is_dir(), "run `make setup`");
    let appliance = legacy();
    let pkcs11 = &appliance.doors().pkcs11;
    let mut command = appliance.customer(&python);
    // Without the folder of the script in its path, where a file is called as the package is.
    command.args(["-B", "-P"]).arg(top().join("tests/clients/suite.py")).arg(suite);
    command.env("PKCS11_MODULE", &pkcs11.module).env("PKCS11_TOKEN_LABEL", &pkcs11.token);
    command.env("PKCS11_TOKEN_PIN", &pkcs11.user_pin).env("PKCS11_TOKEN_SO_PIN", &pkcs11.so_pin);
    let told = run(&mut command).succeeds();
    let (mut results, mut skipped) = (Results::new(), 0);
    for line in told.stdout.lines() {
        let mut words = line.split('\t');
        match (words.next(), words.next(), words.next()) {
            (Some("skipped"), ..) => skipped += 1,
            (Some(outcome @ ("passed" | "failed")), Some(test), Some(why)) => {
                let _ = results.insert(test.to_owned(), (outcome == "passed", why.to_owned()));
            }
            _ => {}
        }
    }
    judge("python-pkcs11", &results, skipped, 100);
}

#[test]
fn the_suite_of_cryptoki_passes() {
    let manifest = top().join("target/suites/cryptoki/Cargo.toml");
    if !manifest.is_file() {
        assert!(std::env::var_os("REQUIRE_CLIENTS").is_none_or(|value| value != "1"), "run `make setup`");
        return skip("the sources of the cryptoki crate are not in target/suites (make setup)");
    }
    let appliance = legacy();
    let pkcs11 = &appliance.doors().pkcs11;
    // The suite makes the token anew with PINs and a label of its own, so the module must not choose it by its label.
    let config = appliance.folder().join("any.toml");
    fs::write(&config, format!("socket = {:?}\n", appliance.doors().socket)).expect("the folder is ours");
    let as_officer = |words: &[&str]| {
        let tool = strongroom_tests::skip_or_require("pkcs11-tool").expect("required with the suite");
        run(Command::new(tool).env("STRONGROOM_PKCS11_CONFIG", &config).arg("--module").arg(&pkcs11.module).args(words))
    };
    let _ = as_officer(&[
        "--login",
        "--login-type",
        "so",
        "--so-pin",
        &pkcs11.so_pin,
        "--change-pin",
        "--new-pin",
        "abcdef654321",
    ])
    .succeeds();
    let mut results = Results::new();
    let mut skipped = 0;
    for (suite, options) in SUITES {
        let told = suite_of_cryptoki(&manifest, &config, &pkcs11.module, suite, options);
        for line in told.stdout.lines() {
            let Some((test, outcome)) = line.strip_prefix("test ").and_then(|line| line.split_once(" ... ")) else {
                continue;
            };
            match outcome {
                "ok" | "FAILED" => {
                    let why = if outcome == "ok" { String::new() } else { reason(&told.stdout, test) };
                    let _ = results.insert(test.to_owned(), (outcome == "ok", why));
                }
                _ => skipped += 1,
            }
        }
    }
    judge("cryptoki", &results, skipped, 60);
}

/// The files of the suite. One test waits for ever where `C_WaitForSlotEvent` waits, as the standard has it.
const SUITES: [(&str, &[&str]); 6] = [
    ("allowed_mechanisms", &[]),
    ("basic", &["--skip", "wait_for_slot_event"]),
    ("ml_dsa", &[]),
    ("ml_kem", &[]),
    ("slh_dsa", &[]),
    ("wycheproof", &[]),
];

fn suite_of_cryptoki(manifest: &Path, config: &Path, module: &Path, suite: &str, options: &[&str]) -> Outcome {
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    let mut command = Command::new(cargo);
    command.args(["test", "--quiet", "--locked", "--offline", "--test", suite, "--manifest-path"]).arg(manifest);
    command.args(["--target-dir"]).arg(top().join("target/suites/build"));
    command.args(["--", "--test-threads", "1", "--format", "pretty"]).args(options);
    command.env("STRONGROOM_PKCS11_CONFIG", config).env("TEST_PKCS11_MODULE", module);
    run(&mut command)
}

/// What a test said when it failed.
fn reason(told: &str, test: &str) -> String {
    let head = format!("---- {test} stdout ----");
    let said = told.split_once(&head).map_or("", |(_, after)| after);
    let said = said.split_once("\n---- ").map_or(said, |(before, _)| before);
    said.lines()
        .filter(|line| line.contains("panicked") || line.contains("Err") || line.contains("assert"))
        .collect::<Vec<_>>()
        .join(" ")
}
