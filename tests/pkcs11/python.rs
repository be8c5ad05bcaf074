//! python-pkcs11, which asks for more of the standard than the command-line tools do.

use strongroom_tests::{Appliance, python, run, top};

#[test]
fn a_python_program_works_with_keys_of_every_kind() {
    let Some(python) = python() else { return };
    let appliance = Appliance::start();
    let pkcs11 = &appliance.doors().pkcs11;
    let mut command = appliance.customer(&python);
    command.arg(top().join("tests/clients/pkcs11.py")).arg(&pkcs11.module).arg(&pkcs11.token).arg(&pkcs11.user_pin);
    let told = run(&mut command).succeeds();
    assert!(told.stdout.ends_with("all held\n"), "{told}");
}

#[test]
fn functions_that_no_tool_calls_are_there_all_the_same() {
    let Some(python) = python() else { return };
    let appliance = Appliance::start();
    let pkcs11 = &appliance.doors().pkcs11;
    let mut command = appliance.customer(&python);
    command.arg(top().join("tests/clients/functions.py")).arg(&pkcs11.module).arg(&pkcs11.user_pin);
    let told = run(&mut command).succeeds();
    assert!(told.stdout.ends_with("all held\n"), "{told}");
}
