//! The main job, as `make demo` shows it: if a step does not hold, the demonstration ends there and says so.

use std::process::Command;

use strongroom_tests::{built, openssl_engine, python, run, skip_or_require, top};

#[test]
fn the_main_job_holds_from_kmip_to_the_log() {
    let programs = ["pkcs11-tool", "openssl"].map(skip_or_require);
    let (Some(_), Some(_), [Some(_), Some(_)]) = (python(), openssl_engine(), programs) else { return };
    let daemon = built("strongroom");
    let folder = daemon.parent().expect("a program stands in a folder");
    let told = run(Command::new(top().join("tests/clients/demo.sh")).arg(folder)).succeeds();
    assert!(told.stdout.contains("Everything held."), "{told}");
}
