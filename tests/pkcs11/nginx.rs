//! nginx with its key in the appliance: loaded by the master, used by workers that it forked, over a reload.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use strongroom_tests::{Outcome, find, free_port, run, skip_or_require, until};

use crate::bench::Bench;
use crate::engine::Engine;
use crate::provider::Provider;

/// An nginx that serves with the key `rsa` of a bench, and tells every client which worker it is. Ends with the test.
pub(crate) struct Nginx {
    master: Child,
    bench: Arc<Bench>,
    curl: PathBuf,
    port: u16,
}

impl Nginx {
    /// Starts it with the engine, and waits until it serves.
    pub(crate) fn start(engine: &Arc<Engine>) -> Option<Nginx> {
        let nginx = nginx()?;
        engine.bench.pair("rsa:2048", "rsa", "01");
        engine.certify("rsa");
        let key = "engine:pkcs11:pkcs11:token=dev;object=rsa;type=private";
        Nginx::serve(&engine.bench, engine.command_of(&nginx), key)
    }

    /// Three workers, with the certificate `rsa.crt` of the bench and a key that nginx knows by this name.
    fn serve(bench: &Arc<Bench>, mut command: Command, key: &str) -> Option<Nginx> {
        let curl = skip_or_require("curl")?;
        let (port, at) = (free_port(), |name: &str| bench.path(name).display().to_string());
        // Workers of a master that is root leave for another user, whom the socket of this appliance does not serve.
        let user = if geteuid().is_root() { "user root;\n" } else { "" };
        let text = format!(
            "{user}daemon off;\nworker_processes 3;\npid {pid};\nerror_log {log} info;\nenv STRONGROOM_PKCS11_CONFIG;\n\
         env OPENSSL_CONF;\nevents {{ worker_connections 64; }}\nhttp {{\n access_log off;\n client_body_temp_path {temp};\n\
         proxy_temp_path {temp};\n fastcgi_temp_path {temp};\n uwsgi_temp_path {temp};\n scgi_temp_path {temp};\n\
         server {{\n  listen 127.0.0.1:{port} ssl;\n  ssl_certificate {certificate};\n\
         ssl_certificate_key \"{key}\";\n\
         ssl_session_tickets off;\n  location / {{ return 200 \"$pid\\n\"; }}\n }}\n}}\n",
            pid = at("nginx.pid"),
            log = at("nginx.log"),
            temp = at("temp"),
            certificate = at("rsa.crt"),
        );
        fs::write(at("nginx.conf"), text).expect("the bench's folder takes files");
        command.args(["-c", &at("nginx.conf"), "-e", &at("nginx.log")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let master = command.spawn().unwrap_or_else(|error| panic!("cannot start nginx: {error}"));
        let nginx = Nginx { master, bench: Arc::clone(bench), curl, port };
        until(|| nginx.greeted().code == Some(0));
        Some(nginx)
    }

    /// One client, with a connection of its own; it says which worker answered.
    pub(crate) fn greeted(&self) -> Outcome {
        let mut client = Command::new(&self.curl);
        client.arg("-sS").arg("--cacert").arg(self.bench.path("rsa.crt"));
        client.args(["--resolve", &format!("localhost:{}:127.0.0.1", self.port)]);
        run(client.arg(format!("https://localhost:{}/", self.port)))
    }

    /// Lets the master fork new workers, and the old ones finish.
    pub(crate) fn reload(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// What is worse than a warning in its log.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = fs::read_to_string(self.bench.path("nginx.log")).unwrap_or_default();
        let bad = |line: &&str| ["[crit]", "[alert]", "[emerg]"].iter().any(|mark| line.contains(mark));
        log.lines().filter(bad).map(str::to_owned).collect()
    }

    fn signal(&self, signal: Signal) {
        let number = i32::try_from(self.master.id()).expect("Linux numbers processes below 2^22");
        kill(Pid::from_raw(number), signal).expect("nginx runs");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
        let _ = self.master.wait();
    }
}

/// The program, where it is installed.
fn nginx() -> Option<PathBuf> {
    let beside = || Some(PathBuf::from("/usr/sbin/nginx")).filter(|at| at.is_file());
    find("nginx").or_else(beside).or_else(|| skip_or_require("nginx"))
}

#[test]
fn forked_workers_serve_with_a_key_in_the_appliance() {
    let Some(engine) = Engine::new() else { return };
    let Some(nginx) = Nginx::start(&Arc::new(engine)) else { return };
    serves_over_a_reload(&nginx);
}

#[test]
fn a_file_that_names_the_key_to_the_provider_is_a_file_of_a_key_to_nginx() {
    let (Some(provider), Some(nginx)) = (Provider::new(), nginx()) else { return };
    provider.make("rsa", "RSA -pkeyopt rsa_keygen_bits:2048");
    provider.certify("rsa");
    let (command, key) = (provider.command_of(&nginx), provider.bench.path("rsa.key"));
    let Some(nginx) = Nginx::serve(&provider.bench, command, &key.display().to_string()) else { return };
    serves_over_a_reload(&nginx);
}

fn serves_over_a_reload(nginx: &Nginx) {
    let serve = || -> Vec<String> { (0..12).map(|_| nginx.greeted().succeeds().stdout).collect() };
    let before = serve();
    nginx.reload();
    until(|| nginx.greeted().succeeds().stdout != before[0] && serve().iter().all(|worker| !before.contains(worker)));
    assert!(nginx.complaints().is_empty(), "{:#?}", nginx.complaints());
}
