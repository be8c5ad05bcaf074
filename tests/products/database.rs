//! Databases: MongoDB at rest, Percona Server, pg_tde, MySQL Enterprise, EDB, IRIS, Oracle, Db2, Scylla, OpenBao's seal.

use strongroom_tests::Appliance;

use crate::{
    peer::{ACTIVE, Peer},
    phrase::*,
    wire::{Item, Value, boolean, bytes, enumeration, integer, structure, text},
    word::*,
};

/// libkmip announces how long an answer it can take.
fn libkmip<'a>(appliance: &'a Appliance, version: (i32, i32)) -> Peer<'a> {
    Peer::new(appliance, version).once_each().saying(integer(MAXIMUM_RESPONSE_SIZE, 8192))
}

#[test]
fn mongod_makes_its_master_key_and_polls_its_state() {
    let appliance = Appliance::start();
    for version in [(1, 0), (1, 2)] {
        let mut mongod = libkmip(&appliance, version);
        let created = mongod.make(CREATE, create([]));
        let attributes = [mask(ENCRYPT_AND_DECRYPT)];
        let registered = mongod.make(REGISTER, register(SYMMETRIC_KEY_OBJECT, attributes, symmetric_key(&[3; 32])));
        for key in [created, registered] {
            mongod.ask(ACTIVATE, id(&key));
            assert_eq!(mongod.material(&key).len(), 32);
            for _ in 0..3 {
                assert_eq!(mongod.state(&key), ACTIVE);
            }
            mongod.ask(REVOKE, revoke(&key));
            // This is what makes the node shut down: it must not be told Active.
            assert_eq!(mongod.state(&key), Value::Enumeration(3));
        }
    }
}

#[test]
fn perconas_keyring_groups_its_keys_and_pages_through_them() {
    let appliance = Appliance::start();
    let mut server = Peer::new(&appliance, (1, 4));
    let group = || words("Object Group", "percona-server-1");
    let mut made = Vec::new();
    for number in 0..5u8 {
        let attributes = [mask(ENCRYPT_AND_DECRYPT), named(&format!("innodb-{number}")), group()];
        let key = server.make(REGISTER, register(SYMMETRIC_KEY_OBJECT, attributes, symmetric_key(&[number; 32])));
        server.ask(ACTIVATE, id(&key));
        made.insert(0, key);
    }
    let attributes = [mask(0), named("percona-secret"), group()];
    let secret = server.make(REGISTER, register(SECRET_DATA_OBJECT, attributes, secret_data(b"a secret")));
    server.ask(ACTIVATE, id(&secret));
    let mut found = Vec::new();
    for offset in [0, 2, 4, 6] {
        let page =
            [integer(MAXIMUM_ITEMS, 2), integer(OFFSET_ITEMS, offset), group(), object_type(SYMMETRIC_KEY_OBJECT)];
        found.extend(server.locate(page));
    }
    assert_eq!(found, made);
    assert_eq!(server.locate([group(), object_type(SECRET_DATA_OBJECT)]), [secret.as_str()]);
    let told = server.ask(GET_ATTRIBUTES, ask_for(&secret, &["Name"]));
    assert_eq!(told.at(NAME_VALUE).text(), "percona-secret");
    assert_eq!(server.material(&secret), b"a secret");
    for key in made.iter().chain([&secret]) {
        server.ask(REVOKE, revoke(key));
        server.ask(DESTROY, id(key));
    }
    assert!(server.locate([group()]).is_empty());
}

#[test]
fn pg_tde_registers_a_principal_key_and_finds_it_by_name() {
    let appliance = Appliance::start();
    let mut postgres = libkmip(&appliance, (1, 0));
    let attributes = [mask(ENCRYPT_AND_DECRYPT), named("tde-principal-key")];
    let key = postgres.make(REGISTER, register(SYMMETRIC_KEY_OBJECT, attributes, symmetric_key(&[4; 16])));
    let look = || [integer(MAXIMUM_ITEMS, 2), named("tde-principal-key"), object_type(SYMMETRIC_KEY_OBJECT)];
    assert_eq!(postgres.locate(look()), [key.as_str()]);
    assert_eq!(postgres.material(&key), [4; 16]);
    let mut bob = Peer::of(&appliance, "bob", (1, 0));
    assert!(bob.locate(look()).is_empty());
}

#[test]
fn mysql_has_its_keys_made_and_finds_them() {
    let appliance = Appliance::start();
    let mut keyring = Peer::new(&appliance, (1, 1));
    let group = || words("Object Group", "MYSQL");
    let key = keyring.make(CREATE, create([named("INNODBKey-1"), group(), words("x-key-owner", "root@localhost")]));
    keyring.ask(ACTIVATE, id(&key));
    assert_eq!(keyring.locate([group(), named("INNODBKey-1")]), [key.as_str()]);
    assert_eq!(keyring.locate([group()]), [key.as_str()]);
    assert_eq!(keyring.value(&key, "x-key-owner"), Value::Text("root@localhost".to_owned()));
    assert_eq!(keyring.material(&key).len(), 32);
    keyring.ask(REVOKE, revoke(&key));
    keyring.ask(DESTROY, id(&key));
    assert!(keyring.locate([group()]).is_empty());
}

/// AES-256 as KMIP 2.0 asks for it: attributes by their tags, in one structure.
fn aes_of_2_0(name: &str) -> Vec<Item> {
    let attributes = [
        enumeration(CRYPTOGRAPHIC_ALGORITHM, 3),
        integer(CRYPTOGRAPHIC_LENGTH, 256),
        integer(CRYPTOGRAPHIC_USAGE_MASK, ENCRYPT_AND_DECRYPT),
        name_value(name),
    ];
    vec![enumeration(OBJECT_TYPE, SYMMETRIC_KEY_OBJECT), structure(ATTRIBUTES, attributes)]
}

#[test]
fn edb_has_its_data_key_encrypted_and_keeps_the_vector_apart() {
    let appliance = Appliance::start();
    for version in [(2, 0), (2, 1)] {
        let mut postgres = Peer::new(&appliance, version);
        let key = postgres.make(CREATE, aes_of_2_0(&format!("edb-{version:?}")));
        postgres.ask(ACTIVATE, id(&key));
        let how = |more: Vec<Item>| {
            let how = [
                enumeration(BLOCK_CIPHER_MODE, 1),
                enumeration(PADDING_METHOD, 3),
                enumeration(CRYPTOGRAPHIC_ALGORITHM, 3),
            ];
            structure(CRYPTOGRAPHIC_PARAMETERS, how.into_iter().chain(more).collect::<Vec<_>>())
        };
        let data_key = [0x5A; 64];
        let sealed = postgres
            .ask(ENCRYPT, [text(UNIQUE_IDENTIFIER, &key), how(vec![boolean(RANDOM_IV, true)]), bytes(DATA, &data_key)]);
        let (vector, data) = (sealed.at(IV_COUNTER_NONCE).bytes(), sealed.at(DATA).bytes());
        assert_eq!((vector.len(), data.len()), (16, 80));
        let open = [text(UNIQUE_IDENTIFIER, &key), how(vec![]), bytes(DATA, &data), bytes(IV_COUNTER_NONCE, &vector)];
        assert_eq!(postgres.ask(DECRYPT, open).at(DATA).bytes(), data_key);
    }
}

#[test]
fn iris_makes_and_gets_its_key_in_2_0() {
    let appliance = Appliance::start();
    let mut iris = Peer::new(&appliance, (2, 0));
    let key = iris.make(CREATE, aes_of_2_0("iris-database"));
    iris.ask(ACTIVATE, id(&key));
    assert_eq!(iris.material(&key).len(), 32);
    assert_eq!(iris.locate([structure(ATTRIBUTES, [name_value("iris-database")])]), [key.as_str()]);
    assert!(iris.locate([structure(ATTRIBUTES, [name_value("iris")])]).is_empty());
    assert_eq!(iris.refused(GET, id("nobody")), OBJECT_NOT_FOUND);
}

#[test]
fn oracles_kit_registers_all_kinds_of_objects() {
    let appliance = Appliance::start();
    let mut wallet = Peer::new(&appliance, (1, 1));
    let opaque =
        structure(OPAQUE_OBJECT, [enumeration(OPAQUE_DATA_TYPE, 0x8000_0000), bytes(OPAQUE_DATA_VALUE, b"wallet")]);
    let pem = std::fs::read_to_string(&appliance.client("bob").cert).expect("it is there");
    let certificate = structure(CERTIFICATE, [enumeration(CERTIFICATE_TYPE, 1), bytes(CERTIFICATE_VALUE, &der(&pem))]);
    let objects = [
        ("tde master key", SYMMETRIC_KEY_OBJECT, symmetric_key(&[6; 32]), KEY_MATERIAL, vec![6; 32]),
        ("password", SECRET_DATA_OBJECT, secret_data(b"tiger"), KEY_MATERIAL, b"tiger".to_vec()),
        ("wallet", OPAQUE_DATA_OBJECT, opaque, OPAQUE_DATA_VALUE, b"wallet".to_vec()),
        ("certificate", CERTIFICATE_OBJECT, certificate, CERTIFICATE_VALUE, der(&pem)),
    ];
    for (name, kind, object, tag, expected) in objects {
        let mut attributes = vec![named(name), words("x-OKV-wallet", "hr")];
        if kind != OPAQUE_DATA_OBJECT {
            attributes.push(mask(0));
        }
        let key = wallet.make(REGISTER, register(kind, attributes, object));
        assert_eq!(wallet.ask(GET, id(&key)).at(tag).bytes(), expected, "{name}");
        assert_eq!(wallet.locate([named(name)]), [key.as_str()], "{name}");
        wallet.ask(DESTROY, id(&key));
    }
    assert!(wallet.locate([words("x-OKV-wallet", "hr")]).is_empty());
    let model = register(TEMPLATE_OBJECT, [named("hr template")], structure(TEMPLATE, aes()));
    wallet.make(REGISTER, model);
    let key =
        wallet.make(CREATE, [enumeration(OBJECT_TYPE, SYMMETRIC_KEY_OBJECT), template([name_value("hr template")])]);
    assert_eq!(wallet.value(&key, "Cryptographic Length"), Value::Integer(256));
    wallet.ask(ACTIVATE, id(&key));
    let renewed = wallet.make(RE_KEY, id(&key));
    assert_ne!(wallet.material(&renewed), wallet.material(&key));
}

/// The bytes of the first block of a PEM file.
fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().skip(1).take_while(|line| !line.starts_with('-')).collect();
    let six = body.bytes().filter(|letter| *letter != b'=').map(|letter| {
        let place = LETTERS.iter().position(|known| *known == letter).expect("base64");
        u32::try_from(place).expect("below 64")
    });
    let (mut read, mut sum, mut bits) = (Vec::new(), 0u32, 0);
    for value in six {
        sum = sum << 6 | value;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            read.push(u8::try_from(sum >> bits & 0xFF).expect("one byte"));
        }
    }
    read
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[test]
fn db2_brings_its_master_key_over_tls_1_2() {
    let appliance = Appliance::start();
    let only = |config: &mut rustls::ClientConfig| {
        let papers = strongroom_tests::papers_over(appliance.doors(), "alice", &[&rustls::version::TLS12]);
        *config = papers.expect("the appliance wrote its clients' papers");
    };
    let mut db2 = Peer::new(&appliance, (1, 1)).secured(only);
    let name = || named("DB2_SYSGEN_db2inst1_SAMPLE_2026-11-22");
    let attributes = [mask(ENCRYPT_AND_DECRYPT), name()];
    let key = db2.make(REGISTER, register(SYMMETRIC_KEY_OBJECT, attributes, symmetric_key(&[8; 32])));
    assert_eq!(db2.line().conn.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_2));
    assert_eq!(db2.locate([name()]), [key.as_str()]);
    assert_eq!(db2.material(&key), [8; 32]);
}

#[test]
fn scylla_and_hpe_go_the_whole_way() {
    let appliance = Appliance::start();
    for version in [(1, 1), (1, 2), (1, 3), (1, 4)] {
        let mut node = Peer::new(&appliance, version);
        node.ask(DISCOVER_VERSIONS, []);
        let name = format!("system-key-{version:?}");
        let key = node.make(CREATE, create([named(&name)]));
        node.ask(ACTIVATE, id(&key));
        assert_eq!(node.locate([named(&name)]), [key.as_str()]);
        let attributes = [mask(ENCRYPT_AND_DECRYPT), words("x-origin", "file")];
        let brought = node.make(REGISTER, register(SYMMETRIC_KEY_OBJECT, attributes, symmetric_key(&[2; 16])));
        assert_eq!((node.material(&key).len(), node.material(&brought)), (32, vec![2; 16]));
        let renewed = node.make(RE_KEY, id(&key));
        assert_ne!(node.material(&renewed), node.material(&key));
        node.ask(REVOKE, revoke(&key));
        node.ask(DESTROY, id(&key));
    }
    let mut old = Peer::new(&appliance, (1, 0));
    assert_eq!(old.refused(DISCOVER_VERSIONS, []), OPERATION_NOT_SUPPORTED);
}

#[test]
fn openbao_seals_its_root_key_with_gcm() {
    let appliance = Appliance::start();
    let mut bao = Peer::new(&appliance, (1, 4));
    let key = bao.make(CREATE, create([named("openbao-unseal")]));
    bao.ask(ACTIVATE, id(&key));
    let how = || {
        structure(
            CRYPTOGRAPHIC_PARAMETERS,
            [enumeration(BLOCK_CIPHER_MODE, 9), enumeration(CRYPTOGRAPHIC_ALGORITHM, 3), integer(TAG_LENGTH, 16)],
        )
    };
    let nonce = [7; 12];
    let sealed = bao.ask(
        ENCRYPT,
        [text(UNIQUE_IDENTIFIER, &key), how(), bytes(DATA, b"the root key"), bytes(IV_COUNTER_NONCE, &nonce)],
    );
    let (data, tag) = (sealed.at(DATA).bytes(), sealed.at(AUTHENTICATED_ENCRYPTION_TAG).bytes());
    assert_eq!((data.len(), tag.len()), (12, 16));
    let open = |tag: &[u8]| {
        let sealed = [bytes(DATA, &data), bytes(IV_COUNTER_NONCE, &nonce), bytes(AUTHENTICATED_ENCRYPTION_TAG, tag)];
        [text(UNIQUE_IDENTIFIER, &key), how()].into_iter().chain(sealed).collect::<Vec<_>>()
    };
    assert_eq!(bao.ask(DECRYPT, open(&tag)).at(DATA).bytes(), b"the root key");
    bao.refused(DECRYPT, open(&[0; 16]));
    bao.refused(DECRYPT, open(&tag[..12]));
}
