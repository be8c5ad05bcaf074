//! Node: pkcs11js and graphene-pk11.

use strongroom_tests::{Appliance, node, run, top};

#[test]
fn a_node_program_works_with_keys_as_c_has_them_and_as_objects() {
    let Some((node, packages)) = node() else { return };
    let appliance = Appliance::start();
    let pkcs11 = &appliance.doors().pkcs11;
    let mut command = appliance.customer(&node);
    command.env("NODE_PATH", packages).arg(top().join("tests/clients/node/program.js"));
    command.arg(&pkcs11.module).arg(&pkcs11.token).arg(&pkcs11.user_pin);
    let told = run(&mut command).succeeds();
    assert!(told.stdout.ends_with("all held\n"), "{told}");
}
