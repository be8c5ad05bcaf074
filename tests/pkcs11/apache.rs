//! Apache with its key in the appliance.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use strongroom_tests::{find, free_port, run, skip_or_require, until};

use crate::engine::{Engine, Server};

#[test]
fn apache_serves_with_a_key_in_the_appliance() {
    let Some(engine) = Engine::new() else { return };
    let beside = || Some(PathBuf::from("/usr/sbin/apache2")).filter(|at| at.is_file());
    let Some(apache) = find("apache2").or_else(beside).or_else(|| skip_or_require("apache2")) else { return };
    let Some(curl) = skip_or_require("curl") else { return };
    engine.bench.pair("rsa:2048", "rsa", "01");
    engine.certify("rsa");
    let (port, at) = (free_port(), |name: &str| engine.bench.path(name).display().to_string());
    let module = |name: &str| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
    let text = format!(
        "{}{}{}ServerRoot {root}\nPidFile {root}/pid\nMutex file:{root}\nServerName localhost\nErrorLog {root}/log\n\
         Listen 127.0.0.1:{port}\nDocumentRoot {root}\nUser nobody\nGroup nogroup\nSSLCryptoDevice pkcs11\n\
         <VirtualHost 127.0.0.1:{port}>\nSSLEngine on\nSSLCertificateFile {}\n\
         SSLCertificateKeyFile \"pkcs11:token=dev;object=rsa;type=private\"\n</VirtualHost>\n",
        module("mpm_event"),
        module("authz_core"),
        module("ssl"),
        at("rsa.crt"),
        root = at("apache"),
    );
    fs::create_dir(at("apache")).expect("the bench's folder takes folders");
    fs::write(at("apache.conf"), text).expect("the bench's folder takes files");
    let mut command = engine.command_of(&apache);
    // One process: those that it would fork belong to another user, whom the socket of this appliance does not serve.
    command.args(["-X", "-f", &at("apache.conf")]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Server(command.spawn().unwrap_or_else(|error| panic!("cannot start Apache: {error}")));
    until(|| {
        let mut client = Command::new(&curl);
        client.args(["-sS", "--cacert", &at("rsa.crt"), "--resolve", &format!("localhost:{port}:127.0.0.1")]);
        // There is no page, which is said over the connection all the same.
        let told = run(client.arg(format!("https://localhost:{port}/")));
        told.code == Some(0) && told.stdout.contains("<html>")
    });
}
