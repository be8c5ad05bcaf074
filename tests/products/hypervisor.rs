//! Virtual machines and network appliances: vSphere's key providers, Nutanix, FortiOS.

use std::{io::Write, process::Stdio};

use strongroom_tests::Appliance;

use crate::{
    peer::{ACTIVE, Peer},
    phrase::*,
    wire::{Item, Value, enumeration, integer, text},
    word::*,
};

#[test]
fn vsphere_makes_a_key_for_each_machine_and_asks_for_its_state() {
    let appliance = Appliance::start();
    let mut vcenter = Peer::new(&appliance, (1, 1));
    vcenter
        .ask(QUERY, [enumeration(QUERY_FUNCTION, 1), enumeration(QUERY_FUNCTION, 2), enumeration(QUERY_FUNCTION, 3)]);
    vcenter.ask(DISCOVER_VERSIONS, []);
    let own = [words("x-Product_Version", "8.0.3 build-24022515"), words("x-Vendor", "VMware, Inc.")];
    let key = vcenter.make(CREATE, create(own.into_iter().chain([words("x-Product", "VMware vSphere")])));
    vcenter.ask(ADD_ATTRIBUTE, [text(UNIQUE_IDENTIFIER, &key), words("x-Component", "vm-1017")]);
    vcenter.ask(ACTIVATE, id(&key));
    assert_eq!(vcenter.state(&key), ACTIVE);
    assert_eq!(vcenter.material(&key).len(), 32);
    assert_eq!(vcenter.value(&key, "x-Component"), Value::Text("vm-1017".to_owned()));
    assert_eq!(vcenter.locate([words("x-Component", "vm-1017")]), [key.as_str()]);
    // Hosts of the cluster ask over connections of their own.
    let mut host = Peer::new(&appliance, (1, 1)).once_each();
    let same = vcenter.material(&key);
    for _ in 0..5 {
        assert_eq!(host.material(&key), same);
    }
    assert_eq!(host.refused(GET, id("11111111-2222-4333-8444-555555555555")), ITEM_NOT_FOUND);
}

#[test]
fn nutanix_registers_gets_and_destroys() {
    let appliance = Appliance::start();
    let mut cluster = Peer::new(&appliance, (1, 0));
    let attributes = [mask(ENCRYPT_AND_DECRYPT), named("nutanix-disk-12")];
    let key = cluster.make(REGISTER, register(SYMMETRIC_KEY_OBJECT, attributes, symmetric_key(&[9; 32])));
    assert_eq!(cluster.material(&key), [9; 32]);
    cluster.ask(DESTROY, id(&key));
    assert_eq!(cluster.refused(GET, id(&key)), ITEM_NOT_FOUND);
}

/// FortiOS wraps what it looks for in a Template-Attribute, as Create has it.
fn fortinet(name: &str) -> [Item; 2] {
    [integer(MAXIMUM_ITEMS, 1), template([named(name)])]
}

#[test]
fn fortios_shows_a_password_besides_and_looks_for_names_inside_a_template() {
    let appliance = Appliance::start();
    let mut order = appliance.strongroom();
    order.arg("--config").arg(appliance.dir().join("strongroom.toml"));
    order.args(["client", "credential", "add", "alice", "--username", "fortigate"]);
    let mut order = order.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the command is built");
    order.stdin.take().expect("it was piped").write_all(b"open sesame\n").expect("it reads");
    assert!(order.wait().expect("it ends").success());
    for version in [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4)] {
        let mut gate = Peer::new(&appliance, version).saying(credential("fortigate", "open sesame"));
        let (name, other) = (format!("forti-{version:?}"), format!("forti-other-{version:?}"));
        let key = gate.make(CREATE, create([named(&name)]));
        gate.make(CREATE, create([named(&other)]));
        assert_eq!(gate.locate(fortinet(&name)), [key.as_str()], "{version:?}");
        assert!(gate.locate(fortinet("forti-none")).is_empty(), "{version:?}");
        gate.ask(ACTIVATE, id(&key));
        assert_eq!(gate.material(&key).len(), 32);
        let mut wrong = Peer::new(&appliance, version).saying(credential("fortigate", "open barley"));
        assert_eq!(wrong.refused(GET, id(&key)), AUTHENTICATION_NOT_SUCCESSFUL);
        let mut stranger = Peer::of(&appliance, "bob", version).saying(credential("fortigate", "open sesame"));
        assert_eq!(stranger.refused(GET, id(&key)), AUTHENTICATION_NOT_SUCCESSFUL);
        gate.ask(REVOKE, revoke(&key));
        gate.ask(DESTROY, id(&key));
    }
}
