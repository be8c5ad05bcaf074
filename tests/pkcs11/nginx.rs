//! nginx with its key in the appliance: loaded by the master, used by workers that it forked, over a reload.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use strongroom_tests::{find, free_port, run, skip_or_require, until};

use crate::engine::Engine;

struct Nginx(Child);

impl Nginx {
    fn signal(&self, signal: Signal) {
        let number = i32::try_from(self.0.id()).expect("Linux numbers processes below 2^22");
        kill(Pid::from_raw(number), signal).expect("nginx runs");
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.signal(Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

#[test]
fn forked_workers_serve_with_a_key_in_the_appliance() {
    let Some(engine) = Engine::new() else { return };
    let Some(nginx) =
        find("nginx").or_else(|| Some(Path::new("/usr/sbin/nginx").to_path_buf()).filter(|at| at.is_file()))
    else {
        let _ = skip_or_require("nginx");
        return;
    };
    let Some(curl) = skip_or_require("curl") else { return };
    engine.bench.pair("rsa:2048", "rsa", "01");
    engine.certify("rsa");
    let (port, at) = (free_port(), |name: &str| engine.bench.path(name).display().to_string());
    // Workers of a master that is root leave for another user, whom the socket of this appliance does not serve.
    let user = if geteuid().is_root() { "user root;\n" } else { "" };
    let text = format!(
        "{user}daemon off;\nworker_processes 3;\npid {pid};\nerror_log {log} info;\nenv STRONGROOM_PKCS11_CONFIG;\n\
         env OPENSSL_CONF;\nevents {{ worker_connections 64; }}\nhttp {{\n access_log off;\n client_body_temp_path {temp};\n\
         proxy_temp_path {temp};\n fastcgi_temp_path {temp};\n uwsgi_temp_path {temp};\n scgi_temp_path {temp};\n\
         server {{\n  listen 127.0.0.1:{port} ssl;\n  ssl_certificate {certificate};\n\
         ssl_certificate_key \"engine:pkcs11:pkcs11:token=dev;object=rsa;type=private\";\n\
         ssl_session_tickets off;\n  location / {{ return 200 \"$pid\\n\"; }}\n }}\n}}\n",
        pid = at("nginx.pid"),
        log = at("nginx.log"),
        temp = at("temp"),
        certificate = at("rsa.crt"),
    );
    fs::write(at("nginx.conf"), text).expect("the bench's folder takes files");
    let mut command = engine.command_of(&nginx);
    command.args(["-c", &at("nginx.conf"), "-e", &at("nginx.log")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Nginx(command.spawn().unwrap_or_else(|error| panic!("cannot start nginx: {error}")));

    let greeted = || {
        let mut client = Command::new(&curl);
        client.args(["-sS", "--cacert", &at("rsa.crt"), "--resolve", &format!("localhost:{port}:127.0.0.1")]);
        run(client.arg(format!("https://localhost:{port}/")))
    };
    until(|| greeted().code == Some(0));
    let serve = || -> Vec<String> { (0..12).map(|_| greeted().succeeds().stdout).collect() };
    let before = serve();
    server.signal(Signal::SIGHUP);
    until(|| greeted().succeeds().stdout != before[0] && serve().iter().all(|worker| !before.contains(worker)));
    let log = fs::read_to_string(at("nginx.log")).unwrap_or_default();
    let bad: Vec<&str> =
        log.lines().filter(|line| ["[crit]", "[alert]", "[emerg]"].iter().any(|mark| line.contains(mark))).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}
