//! OpenSSH: keys in the token for users, through the module and through the agent.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use strongroom_tests::{Outcome, free_port, run, skip_or_require, until};

use crate::bench::Bench;

struct Ssh {
    bench: Bench,
    keygen: PathBuf,
}

impl Ssh {
    /// A bench with an elliptic pair in the token, its public half as ssh writes it, and a program that tells the PIN.
    fn new() -> Option<Ssh> {
        let keygen = skip_or_require("ssh-keygen")?;
        let bench = Bench::new()?;
        bench.pair("EC:prime256v1", "elliptic", "02");
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

#[test]
fn the_agent_signs_and_logs_in_with_a_key_in_the_token() {
    let Some(ssh) = Ssh::new() else { return };
    let (Some(agent), Some(add)) = (skip_or_require("ssh-agent"), skip_or_require("ssh-add")) else { return };
    let socket = ssh.path("agent.sock");
    let mut command = ssh.command(&agent);
    command.args(["-D", "-a", &socket, "-P", &ssh.module()]).stdin(Stdio::null()).stdout(Stdio::null());
    let _agent = Running(command.spawn().unwrap_or_else(|error| panic!("cannot start ssh-agent: {error}")));
    until(|| Path::new(&socket).exists());
    let with_agent =
        |program: &Path, words: &[&str]| run(ssh.command(program).env("SSH_AUTH_SOCK", &socket).args(words));
    let _ = with_agent(&add, &["-s", &ssh.module()]).succeeds();

    fs::write(ssh.path("message"), "hello\n").expect("the bench's folder takes files");
    let (key, message) = (ssh.path("key.pub"), ssh.path("message"));
    let _ = with_agent(&ssh.keygen, &["-Y", "sign", "-f", &key, "-n", "file", &message]).succeeds();
    let public = fs::read_to_string(&key).expect("written above");
    fs::write(ssh.path("allowed"), format!("me {public}")).expect("the bench's folder takes files");
    let mut verify = Command::new(&ssh.keygen);
    verify.args(["-Y", "check-novalidate", "-n", "file", "-s", &ssh.path("message.sig")]);
    let signed = fs::File::open(&message).expect("written above");
    let status = verify.stdin(signed).stdout(Stdio::null()).status().expect("ssh-keygen has run before");
    assert!(status.success(), "the signature verifies");

    let Some(server) = Server::start(&ssh) else { return };
    let through_agent = server.login(&ssh, &["-o", &format!("IdentityAgent={socket}")]);
    assert_eq!(through_agent.succeeds().stdout, "logged in\n");
}

#[test]
fn a_login_uses_the_module_itself() {
    let Some(ssh) = Ssh::new() else { return };
    let Some(server) = Server::start(&ssh) else { return };
    let told = server.login(&ssh, &["-o", "IdentityAgent=none", "-I", &ssh.module()]);
    assert_eq!(told.succeeds().stdout, "logged in\n");
    assert!(ssh.bench.appliance.log().is_empty() || !ssh.bench.appliance.log().contains("panicked"));
}

/// An sshd on a loopback port that lets in whoever holds the token's key.
struct Server {
    _daemon: Running,
    port: u16,
}

impl Server {
    fn start(ssh: &Ssh) -> Option<Server> {
        let sshd = skip_or_require("sshd")?;
        let host = ssh.path("host");
        let _ = run(Command::new(&ssh.keygen).args(["-q", "-t", "ed25519", "-N", "", "-f", &host])).succeeds();
        let port = free_port();
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {host}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PidFile none\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
            ssh.path("key.pub"),
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
