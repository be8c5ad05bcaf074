//! TLS as clients in the field use it: without a server name, resuming sessions, and with certificates from several
//! authorities in one file.

use std::{fs, path::Path, process::Command};

use rustls::{ClientConfig, HandshakeKind, client::Resumption};
use strongroom_tests::{Appliance, run, skip_or_require};

use crate::{peer::Peer, phrase::*, word::*};

#[test]
fn no_server_name_is_needed_and_any_is_taken() {
    let appliance = Appliance::start();
    for sends in [false, true] {
        let mut peer = Peer::new(&appliance, (1, 2)).secured(|config| config.enable_sni = sends);
        assert!(peer.locate([]).is_empty());
    }
    let mut named = Peer::new(&appliance, (1, 2)).under("localhost");
    assert!(named.locate([]).is_empty());
}

#[test]
fn sessions_are_resumed_over_both_versions_of_tls_and_stay_the_same_clients() {
    let appliance = Appliance::start();
    let mut alice = Peer::new(&appliance, (1, 2));
    let key = alice.make(CREATE, create([]));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let over = |client: &str| {
            strongroom_tests::papers_over(appliance.doors(), client, &[version]).expect("the appliance wrote them")
        };
        let mut alice = Peer::new(&appliance, (1, 2)).once_each().secured(|config| *config = over("alice"));
        let mut bob = Peer::of(&appliance, "bob", (1, 2)).once_each().secured(|config| *config = over("bob"));
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            assert_eq!(alice.material(&key).len(), 32);
            assert_eq!(bob.refused(GET, id(&key)), ITEM_NOT_FOUND);
            let shaken = |kind: Option<HandshakeKind>| kind.map(|kind| kind == HandshakeKind::Resumed);
            assert_eq!(shaken(alice.handshake), Some(expected == HandshakeKind::Resumed), "{version:?}");
            assert_eq!(shaken(bob.handshake), Some(expected == HandshakeKind::Resumed), "{version:?}");
        }
    }
    let mut fresh =
        Peer::new(&appliance, (1, 2)).once_each().secured(|config| config.resumption = Resumption::disabled());
    for _ in 0..2 {
        assert_eq!(fresh.material(&key).len(), 32);
        assert_ne!(fresh.handshake, Some(HandshakeKind::Resumed));
    }
}

fn openssl(folder: &Path, words: &str) -> Option<()> {
    let _ =
        run(Command::new(skip_or_require("openssl")?).current_dir(folder).args(words.split_whitespace())).succeeds();
    Some(())
}

#[test]
fn every_authority_of_a_bundle_is_trusted_and_not_the_first_alone() {
    let mut appliance = Appliance::start();
    let folder = appliance.folder().join("authorities");
    fs::create_dir(&folder).expect("the folder is the test's own");
    let mut alice = Peer::new(&appliance, (1, 2));
    let key = alice.make(CREATE, create([]));
    drop(alice);
    let papers = appliance.client("alice").clone();
    let request = format!("req -new -key {} -subj /CN=alice -out alice.csr", papers.key.display());
    if openssl(&folder, &request).is_none() {
        return;
    }
    fs::write(folder.join("extensions"), "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n").expect("as above");
    for name in ["first", "second", "third", "fourth"] {
        let found = format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
        );
        let issue = format!(
            "x509 -req -in alice.csr -CA {name}.pem -CAkey {name}.key -CAcreateserial -days 2 -extfile extensions -out alice-{name}.pem"
        );
        openssl(&folder, &found).expect("it was there a moment ago");
        openssl(&folder, &issue).expect("it was there a moment ago");
    }
    let bundle: String = ["first", "second", "third"]
        .map(|name| fs::read_to_string(folder.join(format!("{name}.pem"))).expect("openssl wrote it"))
        .concat();
    fs::write(folder.join("bundle.pem"), bundle).expect("the folder is the test's own");
    let config = appliance.dir().join("strongroom.toml");
    let text = fs::read_to_string(&config).expect("dev wrote it");
    let trusted = format!("[kmip]\ntrusted = [\"{}\"]\n", folder.join("bundle.pem").display());
    assert!(text.contains("[kmip]\n"), "{text}");
    fs::write(&config, text.replacen("[kmip]\n", &trusted, 1)).expect("it is the test's own");
    appliance.restart();
    for (name, served) in [("first", true), ("second", true), ("third", true), ("fourth", false)] {
        let mut doors = appliance.doors().clone();
        doors.clients.get_mut("alice").expect("she is there").cert = folder.join(format!("alice-{name}.pem"));
        let papers: ClientConfig = strongroom_tests::papers(&doors, "alice").expect("they can be read");
        let mut alice = Peer::new(&appliance, (1, 2)).secured(|config| *config = papers);
        let message = alice.message(vec![crate::peer::item(GET, id(&key))]);
        let answered = alice.answered(&message);
        assert_eq!(answered, served, "{name}");
    }
}
