//! `strongroom dev`: a complete appliance, and the same one again.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::appliance::{Daemon, Folder, run};

fn start(folder: &Folder) -> (Daemon, Value) {
    let description = folder.0.join("dev/dev.json");
    let _ = fs::remove_file(&description);
    let daemon = Daemon::start(&["dev", "--dir", &folder.at("dev"), "--kmip", "127.0.0.1:0"], &description);
    let described = serde_json::from_slice(&fs::read(&description).unwrap()).unwrap();
    (daemon, described)
}

fn order(folder: &Folder, arguments: &[&str]) -> String {
    let config = folder.at("dev/strongroom.toml");
    run(&[&["--config", &config], arguments].concat(), b"").done()
}

#[test]
fn everything_that_is_described_is_there_and_secrets_are_their_owners_alone() {
    let folder = Folder::new();
    let (daemon, described) = start(&folder);
    let text = |path: &str| described.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no {path}"));
    let mode = |path: &str| fs::metadata(path).unwrap_or_else(|_| panic!("no {path}")).permissions().mode() & 0o777;
    let address: std::net::SocketAddr = text("/kmip").parse().unwrap();
    std::net::TcpStream::connect(address).unwrap();
    let https = text("/kmip_https").strip_prefix("https://").and_then(|rest| rest.strip_suffix("/kmip")).unwrap();
    std::net::TcpStream::connect(https).unwrap();
    let port = https.rsplit_once(':').unwrap().1;
    assert_eq!(text("/https"), format!("https://vault.localhost:{port}"));
    for name in ["alice", "bob", "auditor"] {
        let token = text(&format!("/clients/{name}/token"));
        assert!(token.starts_with("strongroom_") && token.len() == 54, "{name}'s token is {token:?}");
        assert_eq!(mode(&folder.at(&format!("dev/clients/{name}.token"))), 0o600, "{name}'s token");
        assert!(Path::new(text(&format!("/clients/{name}/cert"))).is_file());
        assert_eq!(mode(text(&format!("/clients/{name}/key"))), 0o600, "{name}'s key");
    }
    for path in ["/ca", "/pkcs11/config", "/audit/key"] {
        assert!(Path::new(text(path)).is_file(), "{path}");
    }
    for path in ["/pkcs11/token", "/pkcs11/user_pin", "/pkcs11/so_pin", "/pkcs11/module", "/socket"] {
        assert!(!text(path).is_empty(), "{path}");
    }
    assert_eq!(mode(text("/control")), 0o600);
    assert_eq!(described.pointer("/pid").and_then(Value::as_u64), Some(daemon.0.id().into()));
    for secret in ["dev/dev.json", "dev/unseal.key", "dev/user.pin", "dev/so.pin", "dev/tls/server.key"] {
        assert_eq!(mode(&folder.at(secret)), 0o600, "{secret}");
    }
    assert_eq!(mode(&folder.at("dev")), 0o700);
}

#[test]
fn what_is_described_is_what_was_agreed_and_nothing_else() {
    let folder = Folder::new();
    let (_daemon, described) = start(&folder);
    let keys = |path: &str| {
        let object =
            described.pointer(path).and_then(Value::as_object).unwrap_or_else(|| panic!("no object at {path}"));
        object.keys().map(String::as_str).collect::<Vec<_>>()
    };
    for (path, expected) in [
        ("", vec!["audit", "ca", "clients", "control", "https", "kmip", "kmip_https", "pid", "pkcs11", "socket"]),
        ("/clients", vec!["alice", "auditor", "bob"]),
        ("/clients/alice", vec!["cert", "key", "token"]),
        ("/clients/bob", vec!["cert", "key", "token"]),
        ("/clients/auditor", vec!["cert", "key", "token"]),
        ("/pkcs11", vec!["config", "module", "so_pin", "token", "user_pin"]),
        ("/audit", vec!["dir", "key"]),
    ] {
        let mut found = keys(path);
        found.sort_unstable();
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn a_client_that_was_revoked_is_described_without_a_token_and_the_others_are_served() {
    let folder = Folder::new();
    let (daemon, _) = start(&folder);
    order(&folder, &["client", "revoke", "bob"]);
    assert_eq!(daemon.stop(), Some(0));
    fs::remove_file(folder.at("dev/clients/bob.token")).unwrap();
    let (_daemon, described) = start(&folder);
    assert_eq!(described["clients"]["bob"]["token"], Value::Null);
    assert!(described["clients"]["alice"]["token"].is_string());
}

#[test]
fn running_it_again_serves_the_same_data_also_after_a_kill() {
    let folder = Folder::new();
    let (daemon, first) = start(&folder);
    let clients = order(&folder, &["client", "list"]);
    assert!(clients.contains("alice") && clients.contains("bob") && clients.contains("auditor"), "{clients}");
    assert_eq!(daemon.stop(), Some(0));
    let (daemon, second) = start(&folder);
    assert_eq!(first["clients"], second["clients"]);
    assert_eq!(first["pkcs11"], second["pkcs11"]);
    assert_eq!(order(&folder, &["client", "list"]), clients);
    daemon.signal(Signal::SIGKILL);
    drop(daemon);
    let (daemon, _) = start(&folder);
    assert_eq!(order(&folder, &["client", "list"]), clients);
    let status: Value = serde_json::from_str(&order(&folder, &["--json", "status"])).unwrap();
    assert_eq!(status["sealed"], Value::Bool(false), "{status}");
    assert_eq!(daemon.stop(), Some(0));
    let verified = order(&folder, &["audit", "verify"]);
    assert!(verified.starts_with("sound"), "{verified}");
}

#[test]
fn a_daemon_that_was_just_made_gives_back_what_that_has_taken() {
    let folder = Folder::new();
    let (daemon, _) = start(&folder);
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.0.id())).unwrap();
    let held = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let held: u64 = held.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    assert!(held < MOST_HELD << 10, "{held} KiB that are no file's");
}

#[test]
fn two_daemons_do_not_share_a_folder() {
    let folder = Folder::new();
    let (_daemon, _) = start(&folder);
    let refused = run(&["dev", "--dir", &folder.at("dev"), "--kmip", "127.0.0.1:0"], b"").failed();
    assert!(refused.contains("another process"), "{refused}");
}

#[test]
fn the_log_is_exported_proved_and_held_against_what_was_kept_of_it() {
    let folder = Folder::new();
    let (daemon, _) = start(&folder);
    let anchor = folder.at("anchor");
    fs::copy(folder.at("dev/audit/checkpoint"), &anchor).unwrap();
    daemon.stop();
    let log = fs::read_to_string(folder.at("dev/audit/000000000000.log")).unwrap();
    assert_eq!(order(&folder, &["audit", "export"]), log);
    let second = order(&folder, &["audit", "export", "--from", "1", "--to", "2"]);
    assert_eq!(second.trim_end(), log.lines().nth(1).unwrap());
    let proof = order(&folder, &["audit", "prove", "1"]);
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\nindex 1\n"), "{proof}");
    assert!(order(&folder, &["audit", "consistency", &anchor]).starts_with("sound"));
    let config = folder.at("dev/strongroom.toml");
    run(&["--config", &config, "audit", "prove", "1000000"], b"").failed();
    let changed = fs::read_to_string(&anchor).unwrap().replacen("generation ", "generation 1", 1);
    fs::write(&anchor, changed).unwrap();
    run(&["--config", &config, "audit", "consistency", &anchor], b"").failed();
}

#[test]
fn a_flipped_byte_in_the_log_is_named_by_file_and_line() {
    let folder = Folder::new();
    let (daemon, _) = start(&folder);
    let tail = order(&folder, &["audit", "tail", "-n", "3"]);
    assert_eq!(tail.lines().count(), 3, "{tail}");
    daemon.stop();
    let log = folder.at("dev/audit/000000000000.log");
    let mut bytes = fs::read(&log).unwrap();
    let second = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    let at = second + bytes[second..].windows(6).position(|window| window == b"\"time\"").unwrap() + 12;
    bytes[at] ^= 1;
    fs::write(&log, bytes).unwrap();
    let config = folder.at("dev/strongroom.toml");
    let found = run(&["--config", &config, "audit", "verify"], b"").failed();
    assert!(found.contains("000000000000.log:"), "{found}");
}

/// MiB that a daemon holds at rest. The PINs of its token alone have taken 19 for a moment; the store has tables of 20, which it
/// touches all of without optimisation, and hardly any of with it.
const MOST_HELD: u64 = if cfg!(debug_assertions) { 32 } else { 8 };
