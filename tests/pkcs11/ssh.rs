//! OpenSSH: keys in the token for users, through the module and through the agent.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use strongroom_tests::{Outcome, free_port, run, skip_or_require, until};

use crate::bench::Bench;

/// A bench with OpenSSH on it.
pub(crate) struct Ssh {
    bench: Arc<Bench>,
    keygen: PathBuf,
}

impl Ssh {
    /// A bench with an elliptic pair in the token, its public half as ssh writes it, and a program that tells the PIN.
    fn new() -> Option<Ssh> {
        let bench = Bench::new()?;
        bench.pair("EC:prime256v1", "elliptic", "02");
        Ssh::on(&Arc::new(bench))
    }

    /// The same, on a bench whose token has such a pair.
    pub(crate) fn on(bench: &Arc<Bench>) -> Option<Ssh> {
        let (keygen, bench) = (skip_or_require("ssh-keygen")?, Arc::clone(bench));
        let asked = bench.path("askpass");
        fs::write(&asked, format!("#!/bin/sh\necho {}\n", bench.appliance.doors().pkcs11.user_pin))
            .expect("the bench's folder takes files");
        fs::set_permissions(&asked, fs::Permissions::from_mode(0o700)).expect("our own file");
        let ssh = Ssh { bench, keygen };
        let listed = ssh.told(&ssh.keygen, &["-D", &ssh.module()]).succeeds();
        let line = listed.stdout.lines().find(|line| line.starts_with("ecdsa-sha2-nistp256 "));
        let line = line.unwrap_or_else(|| panic!("no elliptic key: {listed}"));
        fs::write(ssh.bench.path("key.pub"), format!("{line}\n")).expect("the bench's folder takes files");
        Some(ssh)
    }

    fn module(&self) -> String {
        let module = &self.bench.appliance.doors().pkcs11.module;
        fs::canonicalize(module).unwrap_or_else(|_| module.clone()).display().to_string()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = self.bench.appliance.customer(program);
        command
            .env("SSH_ASKPASS", self.bench.path("askpass"))
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("DISPLAY", "none");
        command
    }

    fn told(&self, program: &Path, words: &[&str]) -> Outcome {
        run(self.command(program).args(words))
    }

    fn path(&self, name: &str) -> String {
        self.bench.path(name).display().to_string()
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Its children, such as the agent's helper, end with it on SIGTERM.
        if let Ok(number) = i32::try_from(self.0.id()) {
            let _ = kill(Pid::from_raw(number), Signal::SIGTERM);
        }
        let _ = self.0.wait();
    }
}

/// An agent that may load the module.
pub(crate) struct Agent<'s> {
    ssh: &'s Ssh,
    add: PathBuf,
    socket: String,
    _process: Running,
}

impl<'s> Agent<'s> {
    pub(crate) fn start(ssh: &'s Ssh) -> Option<Agent<'s>> {
        let (program, add) = (skip_or_require("ssh-agent")?, skip_or_require("ssh-add")?);
        let socket = ssh.path("agent.sock");
        let mut command = ssh.command(&program);
        command.args(["-D", "-a", &socket, "-P", &ssh.module()]).stdin(Stdio::null()).stdout(Stdio::null());
        let process = Running(command.spawn().unwrap_or_else(|error| panic!("cannot start ssh-agent: {error}")));
        until(|| Path::new(&socket).exists());
        Some(Agent { ssh, add, socket, _process: process })
    }

    /// Loads the module, in a process of its own.
    pub(crate) fn add(&self) {
        let _ = self.told(&self.add, &["-s", &self.ssh.module()]).succeeds();
    }

    /// Ends that process.
    pub(crate) fn remove(&self) {
        let _ = self.told(&self.add, &["-e", &self.ssh.module()]).succeeds();
    }

    /// Signs a file of this name on the bench; the signature is one to ssh-keygen.
    pub(crate) fn signs(&self, name: &str) {
        let (key, message, signature) =
            (self.ssh.path("key.pub"), self.ssh.path(name), self.ssh.path(&format!("{name}.sig")));
        fs::write(&message, "hello\n").expect("the bench's folder takes files");
        let _ = fs::remove_file(&signature);
        let _ = self.told(&self.ssh.keygen, &["-Y", "sign", "-f", &key, "-n", "file", &message]).succeeds();
        let mut verify = Command::new(&self.ssh.keygen);
        verify.args(["-Y", "check-novalidate", "-n", "file", "-s", &signature]);
        let signed = fs::File::open(&message).expect("written above");
        let status = verify.stdin(signed).stdout(Stdio::null()).status().expect("ssh-keygen has run before");
        assert!(status.success(), "the signature verifies");
    }

    fn told(&self, program: &Path, words: &[&str]) -> Outcome {
        run(self.ssh.command(program).env("SSH_AUTH_SOCK", &self.socket).args(words))
    }
}

#[test]
fn the_agent_signs_and_logs_in_with_a_key_in_the_token() {
    let Some(ssh) = Ssh::new() else { return };
    let Some(agent) = Agent::start(&ssh) else { return };
    agent.add();
    agent.signs("message");
    let Some(server) = Server::start(&ssh, Host::File) else { return };
    let through_agent = server.login(&ssh, &["-o", &format!("IdentityAgent={}", agent.socket)]);
    assert_eq!(through_agent.succeeds().stdout, "logged in\n");
}

#[test]
fn a_login_uses_the_module_itself() {
    let Some(ssh) = Ssh::new() else { return };
    let Some(server) = Server::start(&ssh, Host::File) else { return };
    let told = server.login(&ssh, &["-o", "IdentityAgent=none", "-I", &ssh.module()]);
    assert_eq!(told.succeeds().stdout, "logged in\n");
    assert!(ssh.bench.appliance.log().is_empty() || !ssh.bench.appliance.log().contains("panicked"));
}

#[test]
fn a_host_shows_its_key_through_an_agent() {
    let Some(ssh) = Ssh::new() else { return };
    let Some(agent) = Agent::start(&ssh) else { return };
    agent.add();
    let Some(server) = Server::start(&ssh, Host::Agent(&agent.socket)) else { return };
    let public = fs::read_to_string(ssh.path("key.pub")).expect("it was written with the bench");
    let known = format!("[127.0.0.1]:{} {public}", server.port);
    fs::write(ssh.path("known"), known).expect("the bench's folder takes files");
    let (known, user) = (format!("UserKnownHostsFile={}", ssh.path("known")), ssh.path("file"));
    let words = ["-o", "StrictHostKeyChecking=yes", "-o", &known, "-o", "IdentityAgent=none", "-i", &user];
    assert_eq!(server.login(&ssh, &words).succeeds().stdout, "logged in\n");
}

/// Where the key is that an sshd shows.
enum Host<'a> {
    /// In a file; the token's key is a user's.
    File,
    /// In the token, behind an agent at this socket; a user's key is in the file.
    Agent(&'a str),
}

/// An sshd on a loopback port.
struct Server {
    _daemon: Running,
    port: u16,
}

impl Server {
    fn start(ssh: &Ssh, host: Host<'_>) -> Option<Server> {
        let sshd = skip_or_require("sshd")?;
        let (file, token) = (ssh.path("file"), ssh.path("key.pub"));
        let _ = run(Command::new(&ssh.keygen).args(["-q", "-t", "ed25519", "-N", "", "-f", &file])).succeeds();
        let (host, users) = match host {
            Host::File => (file, token),
            Host::Agent(socket) => (format!("{token}\nHostKeyAgent {socket}"), format!("{file}.pub")),
        };
        let port = free_port();
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {users}\nStrictModes no\nUsePAM no\n\
             PidFile none\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
        );
        fs::write(ssh.path("sshd.conf"), text).expect("the bench's folder takes files");
        // Where sshd runs as root it asks for this folder, which a service manager makes elsewhere.
        let _ = fs::create_dir_all("/run/sshd");
        let mut command = Command::new(sshd);
        command.args(["-D", "-e", "-f", &ssh.path("sshd.conf")]).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(ssh.path("sshd.log")).expect("the bench's folder takes files"));
        let daemon = command.spawn().unwrap_or_else(|error| panic!("cannot start sshd: {error}"));
        let server = Server { _daemon: Running(daemon), port };
        until(|| fs::read_to_string(ssh.path("sshd.log")).is_ok_and(|log| log.contains("listening")));
        Some(server)
    }

    fn login(&self, ssh: &Ssh, words: &[&str]) -> Outcome {
        let program = skip_or_require("ssh").expect("it comes with ssh-keygen");
        let mut command = ssh.command(&program);
        command.args(["-F", "none", "-p", &self.port.to_string()]).args(words);
        command.args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]);
        run(command.args(["127.0.0.1", "echo", "logged in"]))
    }
}
