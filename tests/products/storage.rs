//! Disk arrays, file servers and backup: Synology DSM, Veeam, VAST, NetApp ONTAP, Dell and HPE arrays, Ceph.

use rustls::HandshakeKind;
use strongroom_tests::Appliance;

use crate::{
    peer::{ACTIVE, PRE_ACTIVE, Peer},
    phrase::*,
    wire::{Item, Value, enumeration, integer, structure, text},
    word::*,
};

#[test]
fn synology_keeps_the_keys_of_its_volumes() {
    let appliance = Appliance::start();
    let mut nas = Peer::new(&appliance, (1, 2));
    let versions = nas.ask(DISCOVER_VERSIONS, []);
    assert!(versions.every(PROTOCOL_VERSION).len() >= 7);
    let functions: Vec<Item> = (1..=6).map(|function| enumeration(QUERY_FUNCTION, function)).collect();
    let told = nas.ask(QUERY, functions);
    let operations: Vec<u32> = told.every(OPERATION).into_iter().map(Item::number).collect();
    for needed in [LOCATE, REGISTER, ACTIVATE, MODIFY_ATTRIBUTE, GET_ATTRIBUTES, GET, REVOKE, DESTROY] {
        assert!(operations.contains(&needed), "{needed:x}");
    }
    assert!(nas.locate([named("synology-volume1")]).is_empty());
    let attributes = [mask(0), words("Operation Policy Name", "default"), named("synology-volume1")];
    let secret = b"3f1a6f0d9a8e4c5db7c2f0e1d2c3b4a5";
    let key = nas.make(REGISTER, register(SECRET_DATA_OBJECT, attributes, secret_data(secret)));
    let renamed = |name: &str| vec![text(UNIQUE_IDENTIFIER, &key), named(name)];
    // It renames before it activates, and after.
    nas.ask(MODIFY_ATTRIBUTE, renamed("synology-volume1-new"));
    assert_eq!(nas.state(&key), PRE_ACTIVE);
    nas.ask(ACTIVATE, id(&key));
    nas.ask(MODIFY_ATTRIBUTE, renamed("synology-volume2"));
    assert!(nas.locate([named("synology-volume1")]).is_empty());
    assert_eq!(nas.locate([named("synology-volume2")]), [key.as_str()]);
    assert_eq!(nas.value(&key, "Operation Policy Name"), Value::Text("default".to_owned()));
    assert_eq!(nas.material(&key), secret);
    assert_eq!(nas.refused(DESTROY, id(&key)), PERMISSION_DENIED);
    nas.ask(REVOKE, revoke(&key));
    nas.ask(DESTROY, id(&key));
    assert!(nas.locate([named("synology-volume2")]).is_empty());
}

#[test]
fn veeam_pairs_its_keys_by_their_links_over_resumed_sessions() {
    let appliance = Appliance::start();
    let mut backup = Peer::new(&appliance, (1, 4)).once_each();
    assert!(backup.locate([named("veeam-kms-public")]).is_empty());
    let common =
        [attribute("Cryptographic Algorithm", enumeration(0, 4)), attribute("Cryptographic Length", integer(0, 2048))];
    let made = backup.ask(
        CREATE_KEY_PAIR,
        [
            structure(COMMON_TEMPLATE_ATTRIBUTE, common),
            structure(PRIVATE_KEY_TEMPLATE_ATTRIBUTE, [named("veeam-kms-private"), mask(DECRYPTS)]),
            structure(PUBLIC_KEY_TEMPLATE_ATTRIBUTE, [named("veeam-kms-public"), mask(ENCRYPTS)]),
        ],
    );
    let (private, public) =
        (made.at(PRIVATE_KEY_UNIQUE_IDENTIFIER).text(), made.at(PUBLIC_KEY_UNIQUE_IDENTIFIER).text());
    for (key, other, link) in [(&public, &private, PRIVATE_KEY_LINK), (&private, &public, PUBLIC_KEY_LINK)] {
        backup.ask(ACTIVATE, id(key));
        let told = backup.ask(GET_ATTRIBUTES, ask_for(key, &["Link"]));
        assert_eq!((told.at(LINK_TYPE).number(), told.at(LINKED_OBJECT_IDENTIFIER).text()), (link, other.clone()));
        let got = backup.ask(GET, id(key));
        // It takes no attributes inside the key value.
        assert_eq!(got.at(KEY_VALUE).items().len(), 1, "{got:x?}");
    }
    assert_eq!(backup.locate([named("veeam-kms-public"), object_type(PUBLIC_KEY_OBJECT)]), [public.as_str()]);
    assert_eq!(backup.handshake, Some(HandshakeKind::Resumed));
    for key in [&private, &public] {
        backup.ask(REVOKE, revoke(key));
        backup.ask(DESTROY, id(key));
    }
}

#[test]
fn vast_posts_its_requests_watches_the_keys_of_its_tenants_and_renews_them() {
    let appliance = Appliance::start();
    let mut vast = Peer::new(&appliance, (1, 4)).posting();
    vast.ask(DISCOVER_VERSIONS, []);
    let key = vast.make(CREATE, create([]));
    for attribute in [named("vast-tenant-7"), words("Object Group", "vast"), words("Operation Policy Name", "default")]
    {
        vast.ask(ADD_ATTRIBUTE, [text(UNIQUE_IDENTIFIER, &key), attribute]);
    }
    vast.ask(ACTIVATE, id(&key));
    assert_eq!(vast.locate([words("Object Group", "vast")]), [key.as_str()]);
    assert_eq!(vast.material(&key).len(), 32);
    for _ in 0..3 {
        assert_eq!(vast.state(&key), ACTIVE);
    }
    let renewed = vast.make(RE_KEY, id(&key));
    assert_ne!(vast.material(&renewed), vast.material(&key));
    // The name and the group go to the new key; the old one still opens what it sealed.
    assert_eq!(vast.locate([named("vast-tenant-7")]), [renewed.as_str()]);
    for key in [&key, &renewed] {
        if vast.state(key) == ACTIVE {
            vast.ask(REVOKE, revoke(key));
        }
        vast.ask(DESTROY, id(key));
    }
}

#[test]
fn ontap_finds_its_keys_by_attributes_of_its_own() {
    let appliance = Appliance::start();
    let mut filer = Peer::new(&appliance, (1, 1));
    let node = |node: &str| words("x-NETAPP-NodeId", node);
    let attributes = [mask(0), named("ontap-svm-1"), node("c0a80101"), words("x-NETAPP-KeyId", "00000001")];
    let key = filer.make(REGISTER, register(SECRET_DATA_OBJECT, attributes, secret_data(b"an authentication key")));
    let other = filer.make(
        REGISTER,
        register(SYMMETRIC_KEY_OBJECT, [mask(ENCRYPT_AND_DECRYPT), node("c0a80102")], symmetric_key(&[5; 32])),
    );
    assert_eq!(filer.locate([node("c0a80101")]), [key.as_str()]);
    assert_eq!(filer.locate([node("c0a80102"), object_type(SYMMETRIC_KEY_OBJECT)]), [other.as_str()]);
    assert!(filer.locate([node("c0a80102"), words("x-NETAPP-KeyId", "00000001")]).is_empty());
    assert!(filer.locate([node("c0a801")]).is_empty());
    assert_eq!(filer.material(&key), b"an authentication key");
    filer.ask(DESTROY, id(&key));
    assert!(filer.locate([node("c0a80101")]).is_empty());
}

#[test]
fn arrays_of_dell_and_hpe_do_what_the_standard_profile_asks() {
    let appliance = Appliance::start();
    for version in [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4)] {
        let mut array = Peer::new(&appliance, version);
        let name = format!("array-{version:?}");
        let key = array.make(CREATE, create([named(&name)]));
        array.ask(ACTIVATE, id(&key));
        assert_eq!(array.locate([named(&name), object_type(SYMMETRIC_KEY_OBJECT)]), [key.as_str()]);
        assert_eq!(array.material(&key).len(), 32);
        array.ask(REVOKE, revoke(&key));
        array.ask(DESTROY, id(&key));
        assert_eq!(array.refused(GET, id(&key)), ITEM_NOT_FOUND, "{name}");
    }
}

#[test]
fn ceph_makes_a_key_for_each_bucket() {
    let appliance = Appliance::start();
    let mut gateway = Peer::new(&appliance, (1, 0));
    let key = gateway.make(CREATE, create([named("bucket-1")]));
    assert_eq!(gateway.locate([named("bucket-1")]), [key.as_str()]);
    assert_eq!(gateway.material(&key).len(), 32);
    let told = gateway.ask(GET_ATTRIBUTE_LIST, id(&key));
    let names: Vec<String> = told.every(ATTRIBUTE_NAME).into_iter().map(Item::text).collect();
    assert!(names.contains(&"Name".to_owned()) && names.contains(&"State".to_owned()), "{names:?}");
    let told = gateway.ask(GET_ATTRIBUTES, id(&key));
    assert_eq!(told.every(ATTRIBUTE_NAME).into_iter().filter(|name| name.text() == "Name").count(), 1);
    gateway.ask(DESTROY, id(&key));
    assert!(gateway.locate([named("bucket-1")]).is_empty());
}

const ENCRYPTS: i32 = 0x04;
const DECRYPTS: i32 = 0x08;
const PUBLIC_KEY_LINK: u32 = 0x102;
const PRIVATE_KEY_LINK: u32 = 0x103;
