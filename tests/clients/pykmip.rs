//! PyKMIP: its high and its low client, every operation they have, over every version that they speak.

use std::process::Command;

use strongroom_tests::{Appliance, python, run, top};

#[test]
fn pykmip_is_served_in_every_version_it_speaks() {
    let Some(python) = python() else { return };
    let appliance = Appliance::start();
    let mut command = Command::new(python);
    command.args(["-B", "-W", "ignore"]).arg(top().join("tests/clients/pykmip")).arg(appliance.dir().join("dev.json"));
    let told = run(&mut command).succeeds();
    assert!(told.stdout.ends_with(" held\n"), "{told}");
}
