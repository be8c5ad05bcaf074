//! OpenSSL with its PKCS#11 engine: the private key stays in the appliance.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use strongroom_tests::{Outcome, free_port, openssl_engine, run, skip_or_require};

use crate::bench::{Bench, configured};

/// A bench with the engine's configuration on it.
pub(crate) struct Engine {
    pub(crate) bench: Arc<Bench>,
    openssl: PathBuf,
    configuration: PathBuf,
}

impl Engine {
    pub(crate) fn new() -> Option<Engine> {
        openssl_engine()?;
        let openssl = skip_or_require("openssl")?;
        let bench = Bench::new()?;
        let pkcs11 = &bench.appliance.doors().pkcs11;
        let configuration = bench.path("engine.cnf");
        let text = format!(
            "openssl_conf = init\n[init]\nengines = engines\n[engines]\npkcs11 = pkcs11\n[pkcs11]\n\
             engine_id = pkcs11\nMODULE_PATH = {}\nPIN = {}\ninit = 1\n\
             [req]\ndistinguished_name = name\n[name]\n",
            pkcs11.module.display(),
            pkcs11.user_pin,
        );
        fs::write(&configuration, text).expect("the bench's folder takes files");
        Some(Engine { bench: Arc::new(bench), openssl, configuration })
    }

    fn command(&self) -> Command {
        self.command_of(&self.openssl)
    }

    /// OpenSSL with the engine and a key in the appliance, which the last of these words asks for. Words that begin with `@`
    /// name files on the bench.
    fn with_key(&self, words: &str, name: &str) -> Outcome {
        let mut command = self.command();
        for word in words.split(' ') {
            match word.strip_prefix('@') {
                Some(file) => command.arg(self.bench.path(file)),
                None => command.arg(word),
            };
        }
        run(command.arg(key(name)))
    }

    /// A program that finds the engine, the module and the appliance.
    pub(crate) fn command_of(&self, program: &Path) -> Command {
        let mut command = configured(program, &self.configuration);
        command.env("STRONGROOM_PKCS11_CONFIG", &self.bench.appliance.doors().pkcs11.config);
        command
    }

    /// A self-signed certificate for the key of this name.
    #[track_caller]
    pub(crate) fn certify(&self, name: &str) {
        let mut command = self.command();
        command.args(["req", "-x509", "-new", "-engine", "pkcs11", "-keyform", "engine", "-key", &key(name)]);
        command.args(["-subj", "/CN=localhost", "-sha256", "-days", "3", "-out"]);
        let _ = run(command.arg(self.bench.path(&format!("{name}.crt")))).succeeds();
    }
}

fn key(name: &str) -> String {
    format!("pkcs11:token=dev;object={name};type=private")
}

/// A server that ends with the test.
pub(crate) struct Server(pub(crate) Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_request_and_a_certificate_are_signed_in_the_appliance() {
    let Some(engine) = Engine::new() else { return };
    engine.bench.pair("rsa:2048", "rsa", "01");
    engine.bench.pair("EC:prime256v1", "elliptic", "02");
    for name in ["rsa", "elliptic"] {
        let mut command = engine.command();
        command.args(["req", "-new", "-engine", "pkcs11", "-keyform", "engine", "-key", &key(name)]);
        command.args(["-subj", "/CN=x", "-sha256", "-out"]).arg(engine.bench.path("request.pem"));
        let _ = run(&mut command).succeeds();
        let _ = engine.bench.openssl("req -verify -noout -in @request.pem").succeeds();
        engine.certify(name);
        let _ = engine.bench.openssl(&format!("verify -CAfile @{name}.crt @{name}.crt")).succeeds();
    }
}

#[test]
fn a_message_is_signed_and_decrypted_in_the_appliance() {
    let Some(engine) = Engine::new() else { return };
    engine.bench.pair("rsa:2048", "rsa", "01");
    engine.bench.pair("EC:prime256v1", "elliptic", "02");
    for name in ["rsa", "elliptic"] {
        engine.certify(name);
        let sign = "cms -sign -binary -nodetach -md sha256 -engine pkcs11 -keyform engine -in @data -out @signed";
        let _ = engine.with_key(&format!("{sign} -signer @{name}.crt -inkey"), name).succeeds();
        let check = "cms -verify -binary -purpose any -in @signed -out @read";
        let _ = engine.bench.openssl(&format!("{check} -CAfile @{name}.crt")).succeeds();
        assert_eq!(engine.bench.read("read"), engine.bench.read("data"), "{name}");
    }
    let _ = engine.bench.openssl("cms -encrypt -binary -aes256 -in @data -out @hidden @rsa.crt").succeeds();
    let decrypt = "cms -decrypt -binary -engine pkcs11 -keyform engine -recip @rsa.crt -in @hidden -out @shown -inkey";
    let _ = engine.with_key(decrypt, "rsa").succeeds();
    assert_eq!(engine.bench.read("shown"), engine.bench.read("data"));
}

#[test]
fn a_tls_server_has_its_key_in_the_appliance() {
    let Some(engine) = Engine::new() else { return };
    engine.bench.pair("rsa:2048", "rsa", "01");
    engine.bench.pair("EC:prime256v1", "elliptic", "02");
    for name in ["rsa", "elliptic"] {
        engine.certify(name);
        let port = free_port();
        let mut command = engine.command();
        command.args(["s_server", "-engine", "pkcs11", "-keyform", "engine", "-key", &key(name), "-quiet", "-cert"]);
        command.arg(engine.bench.path(&format!("{name}.crt"))).args(["-accept", &format!("127.0.0.1:{port}")]);
        let server = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let _server = Server(server.unwrap_or_else(|error| panic!("cannot start s_server: {error}")));
        for version in ["-tls1_2", "-tls1_3"] {
            let told = greeted(&engine.openssl, &engine.bench.path(&format!("{name}.crt")), port, version);
            assert!(told.contains("Verification: OK"), "{name} {version}: {told}");
        }
    }
}

/// What s_client, which trusts this certificate, says of the server, once it is there.
pub(crate) fn greeted(openssl: &Path, certificate: &Path, port: u16, version: &str) -> String {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let mut command = Command::new(openssl);
        command.args(["s_client", version, "-brief", "-verify_return_error", "-connect", &format!("127.0.0.1:{port}")]);
        command.arg("-CAfile").arg(certificate);
        let client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut client = client.unwrap_or_else(|error| panic!("cannot start s_client: {error}"));
        if let Some(mut input) = client.stdin.take() {
            let _ = input.write_all(b"Q\n");
        }
        let mut told = String::new();
        if let Some(mut error) = client.stderr.take() {
            let _ = error.read_to_string(&mut told);
        }
        let _ = client.wait();
        if told.contains("CONNECTION ESTABLISHED") || Instant::now() > until {
            return told;
        }
        sleep(Duration::from_millis(50));
    }
}
