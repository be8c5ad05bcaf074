//! The module on one host and the appliance on another, as far as loopback goes.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use strongroom_tests::{Appliance, Outcome, python, run, skip_or_require, top};

/// An appliance that is reached from afar, always under one address.
struct Distant {
    appliance: Appliance,
    port: u16,
}

impl Distant {
    fn start() -> Distant {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("loopback has a free port").port();
        Distant { appliance: Appliance::start_with(&["--pkcs11", &format!("0.0.0.0:{port}")]), port }
    }

    /// The module's configuration for a client, with some lines said otherwise.
    fn config(&self, name: &str, client: &str, changes: &[(&str, String)]) -> PathBuf {
        let (doors, papers) = (self.appliance.doors(), self.appliance.client(client));
        let text = |path: &Path| path.display().to_string();
        let mut said = vec![
            ("address", format!("tls://127.0.0.1:{}", self.port)),
            ("certificate", text(&papers.cert)),
            ("key", text(&papers.key)),
            ("ca", text(&doors.ca)),
            ("token", doors.pkcs11.token.clone()),
        ];
        for (key, value) in &mut said {
            if let Some((_, other)) = changes.iter().find(|(changed, _)| changed == key) {
                *value = other.clone();
            }
        }
        let lines: Vec<String> = said.iter().map(|(key, value)| format!("{key} = \"{value}\"\n")).collect();
        let path = self.appliance.folder().join(name);
        fs::write(&path, lines.concat()).expect("the folder takes files");
        path
    }

    fn tool(&self, config: &Path, words: &str) -> Option<Outcome> {
        let mut command = Command::new(skip_or_require("pkcs11-tool")?);
        let pkcs11 = &self.appliance.doors().pkcs11;
        command.env("STRONGROOM_PKCS11_CONFIG", config).env("STRONGROOM_PKCS11_DEBUG", "1");
        command.arg("--module").arg(&pkcs11.module).args(words.split_whitespace());
        Some(run(&mut command))
    }

    fn python(&self, script: &str) -> Option<Command> {
        let mut command = Command::new(python()?);
        let pkcs11 = &self.appliance.doors().pkcs11;
        command.env("STRONGROOM_PKCS11_CONFIG", self.config("remote.toml", "alice", &[]));
        command.arg(top().join("tests/clients").join(script));
        command.arg(&pkcs11.module).arg(&pkcs11.token).arg(&pkcs11.user_pin);
        Some(command)
    }
}

#[test]
fn a_program_works_from_afar_as_it_does_beside_the_daemon() {
    let distant = Distant::start();
    let Some(mut command) = distant.python("pkcs11.py") else { return };
    let told = run(&mut command).succeeds();
    assert!(told.stdout.ends_with("all held\n"), "{told}");
}

#[test]
fn a_fork_and_a_restart_of_the_daemon_lose_what_they_must_and_no_more() {
    let mut distant = Distant::start();
    let Some(mut command) = distant.python("remote.py") else { return };
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = piped.unwrap_or_else(|error| panic!("cannot start Python: {error}"));
    let mut told = BufReader::new(child.stdout.take().expect("it was piped"));
    let mut line = String::new();
    told.read_line(&mut line).expect("a pipe can be read");
    let mut said = String::new();
    if line == "ready\n" {
        distant.appliance.restart();
        let mut input = child.stdin.take().expect("it was piped");
        input.write_all(b"go on\n").expect("it waits for the line");
        told.read_to_string(&mut said).expect("a pipe can be read");
    }
    let mut trouble = String::new();
    let _ = child.stderr.take().map(|mut error| error.read_to_string(&mut trouble));
    let _ = child.wait();
    assert_eq!((line.as_str(), said.as_str()), ("ready\n", "all held\n"), "{trouble}");
}

#[test]
fn another_client_has_its_own_objects() {
    let distant = Distant::start();
    let pin = &distant.appliance.doors().pkcs11.user_pin;
    let (alice, bob) = (distant.config("alice.toml", "alice", &[]), distant.config("bob.toml", "bob", &[]));
    let make = format!("--login --pin {pin} --keygen --key-type AES:32 --label hers");
    let Some(made) = distant.tool(&alice, &make) else { return };
    let _ = made.succeeds();
    let list = format!("--login --pin {pin} --list-objects");
    for (config, sees) in [(&alice, true), (&bob, false)] {
        let Some(listed) = distant.tool(config, &list) else { return };
        assert_eq!(listed.succeeds().stdout.contains("hers"), sees);
    }
}

#[test]
fn what_is_not_right_is_said_and_nothing_is_reached() {
    let distant = Distant::start();
    let folder = distant.appliance.folder();
    let alice = distant.appliance.client("alice");
    let open = folder.join("open.key");
    fs::copy(&alice.key, &open).expect("the folder takes files");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let bob = distant.appliance.client("bob").key.display().to_string();
    let port = distant.port;
    for (name, key, value, says) in [
        ("a key that everybody may read", "key", open.display().to_string(), "everybody on this host"),
        ("a key of another certificate", "key", bob, "not the key of the certificate"),
        ("a key that is not there", "key", "/nonexistent".to_owned(), "cannot be read"),
        ("an authority that is none of the daemon's", "ca", alice.cert.display().to_string(), "do not trust"),
        ("a name that the daemon's certificate has not", "address", format!("tls://127.0.0.2:{port}"), "do not trust"),
        ("the port of KMIP", "address", format!("tls://{}", distant.appliance.doors().kmip), "do not trust"),
        ("a port where nobody is", "address", "tls://127.0.0.1:1".to_owned(), "cannot be reached"),
    ] {
        let config = distant.config("wrong.toml", "alice", &[(key, value)]);
        let Some(listed) = distant.tool(&config, "--list-slots") else { return };
        assert!(listed.stderr.contains(says), "{name}: {listed}");
        assert!(!listed.stdout.contains("token label"), "{name}: {listed}");
    }
}
