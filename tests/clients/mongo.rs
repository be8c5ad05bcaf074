//! libmongocrypt, with which every MongoDB driver asks a KMIP server for its master keys.

use std::process::Command;

use strongroom_tests::{Appliance, python, run, top};

#[test]
fn mongodb_drivers_find_their_master_keys_in_both_modes() {
    let Some(python) = python() else { return };
    let appliance = Appliance::start();
    let mut command = Command::new(python);
    command.arg(top().join("tests/clients/mongo.py")).arg(appliance.dir().join("dev.json"));
    let told = run(&mut command).succeeds();
    assert_eq!(told.stdout, "all held\n", "{told}");
}
