//! `init`, `serve` and the operator's orders, as on a production machine.

use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::{sys::signal::Signal, unistd::geteuid};
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use crate::appliance::{Daemon, Ended, Folder, program, run};

pub(crate) struct Site {
    pub(crate) folder: Folder,
    config: String,
}

impl Site {
    pub(crate) fn new(more: &str) -> Self {
        let folder = Folder::new();
        let text = format!(
            "state = {:?}\n[kmip]\nlisten = [\"127.0.0.1:0\"]\n[pkcs11]\nsocket = \"p.sock\"\n\
             [control]\nsocket = \"c.sock\"\n{more}",
            folder.at("state")
        );
        let config = folder.write("strongroom.toml", &text);
        Self { folder, config }
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Ended {
        run(&[&["--config", &self.config], arguments].concat(), input)
    }

    pub(crate) fn start(&self) -> Daemon {
        let control = self.folder.0.join("state/c.sock");
        let _ = fs::remove_file(&control);
        Daemon::start(&["--config", &self.config, "serve"], &control)
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.run(&["status", "--json"], b"").done()).unwrap()
    }
}

#[test]
fn an_appliance_is_made_once_and_opened_with_its_passphrase() {
    let site = Site::new("");
    let made = site.run(&["init"], b"correct horse\n").done();
    assert!(made.contains("Next:") && made.contains("strongroom unseal"), "{made}");
    assert!(site.run(&["init"], b"other\n").failed().contains("already"));
    let daemon = site.start();
    assert_eq!(site.status()["sealed"], Value::Bool(true));
    let sealed = site.run(&["client", "list"], b"").failed();
    assert!(sealed.contains("unseal"), "{sealed}");
    let wrong = site.run(&["unseal"], b"correct horse \n").failed();
    assert!(!wrong.contains("horse"), "{wrong}");
    site.run(&["unseal"], b"correct horse\n").done();
    assert_eq!(site.status()["sealed"], Value::Bool(false));
    let out = site.folder.at("clients");
    fs::create_dir(&out).unwrap();
    site.run(&["client", "add", "alice", "--out", &out], b"").done();
    assert_eq!(fs::metadata(format!("{out}/alice.key")).unwrap().permissions().mode() & 0o777, 0o600);
    let taken = site.run(&["client", "add", "alice", "--out", &out], b"").failed();
    assert!(taken.contains("taken"), "{taken}");
    site.run(&["client", "revoke", "alice"], b"").done();
    assert!(site.run(&["client", "list"], b"").done().contains("revoked"));
    site.run(&["seal"], b"").done();
    assert_eq!(site.status()["sealed"], Value::Bool(true));
    assert_eq!(daemon.stop(), Some(0));
    let verified = site.run(&["audit", "verify"], b"").done();
    assert!(verified.starts_with("sound"), "{verified}");
}

#[test]
fn a_key_file_opens_the_vault_at_the_start() {
    let site = Site::new("[seal]\nkey = \"unseal.key\"\n");
    let key = site.folder.at("state/unseal.key");
    fs::create_dir(site.folder.at("state")).unwrap();
    site.run(&["init", "--key-file", &key], b"").done();
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let checked = site.run(&["serve", "--check"], b"").done();
    assert!(checked.contains("in order"), "{checked}");
    let daemon = site.start();
    assert_eq!(site.status()["sealed"], Value::Bool(false));
    drop(daemon);
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    assert!(site.run(&["serve", "--check"], b"").failed().contains("chmod"));
    let _daemon = site.start();
    assert_eq!(site.status()["sealed"], Value::Bool(true), "a key that anybody could read opened the vault");
}

#[test]
fn a_client_may_keep_its_key_and_send_a_request() {
    let site = Site::new("[seal]\nkey = \"k\"\n");
    fs::create_dir(site.folder.at("state")).unwrap();
    site.run(&["init", "--key-file", &site.folder.at("state/k")], b"").done();
    let _daemon = site.start();
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let csr = site.folder.write("bob.csr", &request);
    let out = site.folder.0.display().to_string();
    let added = site.run(&["client", "add", "bob", "--csr", &csr, "--out", &out, "--json"], b"").done();
    let added: Value = serde_json::from_str(&added).unwrap();
    assert_eq!(added["key"], Value::Null);
    assert!(Path::new(added["certificate"].as_str().unwrap()).is_file());
    let nonsense = site.folder.write("eve.csr", "hello");
    assert!(site.run(&["client", "add", "eve", "--csr", &nonsense], b"").failed().contains("certificate request"));
}

#[test]
fn without_an_appliance_or_a_daemon_each_verb_says_what_to_do() {
    let site = Site::new("");
    fs::create_dir(site.folder.at("state")).unwrap();
    fs::set_permissions(site.folder.at("state"), Permissions::from_mode(0o700)).unwrap();
    assert!(site.run(&["status"], b"").failed().contains("no daemon listens"));
    assert!(site.run(&["serve"], b"").failed().contains("strongroom init"));
    assert!(site.run(&["init"], b"").failed().contains("empty"));
}

#[test]
fn only_root_and_the_daemons_own_user_give_orders() {
    if !geteuid().is_root() {
        // Another user can be had by root alone.
        return;
    }
    let site = Site::new("");
    site.run(&["init"], b"pass\n").done();
    let _daemon = site.start();
    for path in [".", "state", "strongroom.toml", "state/c.sock"] {
        fs::set_permissions(site.folder.at(path), Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(site.folder.at("state/c.sock"), Permissions::from_mode(0o666)).unwrap();
    // The program may lie where another user cannot reach it; it need not be told to run: the socket is asked by hand.
    let script = format!(
        "import socket;s=socket.socket(socket.AF_UNIX);s.connect({:?});\
         s.sendall(b'\"status\"\\n');print(s.recv(1000).decode())",
        site.folder.at("state/c.sock")
    );
    let Ok(output) = Command::new("python3").args(["-c", &script]).uid(65534).env_clear().output() else { return };
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        assert!(said.contains("refused") && said.contains("only root"), "{said}");
    }
}

#[test]
fn sockets_from_systemd_are_taken_and_readiness_is_told() {
    let site = Site::new("[seal]\nkey = \"k\"\n");
    fs::create_dir(site.folder.at("state")).unwrap();
    site.run(&["init", "--key-file", &site.folder.at("state/k")], b"").done();
    let (notify, control) = (site.folder.at("notify"), site.folder.at("inherited.sock"));
    let heard = std::os::unix::net::UnixDatagram::bind(&notify).unwrap();
    heard.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // What systemd does: open sockets as 3 and 4, say so in the environment, become the daemon.
    let script = format!(
        "import os,socket\n\
         a=socket.socket();a.bind(('127.0.0.1',0));a.listen()\n\
         b=socket.socket(socket.AF_UNIX);b.bind({control:?});b.listen()\n\
         a2=os.dup(a.fileno());b2=os.dup(b.fileno())\n\
         os.dup2(a2,3);os.dup2(b2,4)\n\
         e={{'LISTEN_FDS':'2','LISTEN_PID':str(os.getpid()),'LISTEN_FDNAMES':'kmip:control',\
         'NOTIFY_SOCKET':{notify:?},'WATCHDOG_USEC':'3000000','WATCHDOG_PID':str(os.getpid())}}\n\
         os.execve({program:?},['strongroom','--config',{config:?},'serve'],e)\n",
        program = program().get_program(),
        config = site.config,
    );
    let started = Command::new("python3").args(["-c", &script]).stdout(Stdio::null()).spawn();
    // Without Python there is nobody to play systemd.
    let Ok(child) = started else { return };
    let daemon = Daemon(child);
    let mut told = String::new();
    let begun = Instant::now();
    while !(told.contains("READY=1") && told.contains("WATCHDOG=1")) && begun.elapsed() < Duration::from_secs(30) {
        let mut bytes = [0; 1024];
        let length = heard.recv(&mut bytes).unwrap();
        told.push_str(&String::from_utf8_lossy(&bytes[..length]));
        told.push('\n');
    }
    assert!(told.contains("READY=1") && told.contains("WATCHDOG=1"), "{told}");
    let other = site.folder.write("other.toml", &fs::read_to_string(&site.config).unwrap().replace("c.sock", &control));
    let status = run(&["--config", &other, "status"], b"").done();
    assert!(status.contains("open"), "{status}");
    daemon.signal(Signal::SIGHUP);
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_log_that_cannot_be_written_stops_the_daemon() {
    let site = Site::new("[seal]\nkey = \"k\"\n");
    fs::create_dir(site.folder.at("state")).unwrap();
    site.run(&["init", "--key-file", &site.folder.at("state/k")], b"").done();
    // No file may grow beyond 640 KiB: to the daemon that is a full disk. The signal is ignored, the error stays.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1280; exec {:?} --config {:?} serve",
        program().get_program().to_str().unwrap(),
        site.config
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut daemon = Daemon(command.spawn().unwrap());
    let begun = Instant::now();
    let code = loop {
        if let Some(status) = daemon.0.try_wait().unwrap() {
            break status.code();
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "the daemon serves on without a log");
        let Ok(mut orders) = UnixStream::connect(site.folder.at("state/c.sock")) else { continue };
        // Each order leaves a line in the log.
        while orders.write_all(b"\"slot_list\"\n").is_ok() && matches!(orders.read(&mut [0; 4096]), Ok(1..)) {}
    };
    assert_eq!(code, Some(1));
    let mut said = String::new();
    daemon.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("stopped, because"), "{said}");
    let verified = site.run(&["audit", "verify"], b"").done();
    assert!(verified.starts_with("sound"), "{verified}");
}
