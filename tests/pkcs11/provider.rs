//! OpenSSL with its PKCS#11 provider: URIs take the place of key files, and the private key stays in the appliance.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use strongroom_tests::{Outcome, free_port, run, skip_or_require, unpacked};

use crate::bench::{Bench, configured};
use crate::engine::{Server, greeted};

/// A bench with the provider's configuration on it.
pub(crate) struct Provider {
    pub(crate) bench: Arc<Bench>,
    openssl: PathBuf,
}

impl Provider {
    /// With the user's PIN in a file that the configuration names.
    pub(crate) fn new() -> Option<Provider> {
        let (module, openssl) = (unpacked("lib/ossl-modules/pkcs11.so")?, skip_or_require("openssl")?);
        let bench = Bench::new()?;
        let pkcs11 = &bench.appliance.doors().pkcs11;
        fs::write(bench.path("pin"), &pkcs11.user_pin).expect("the bench's folder takes files");
        let text = |pin: String| {
            format!(
                "openssl_conf = init\n[init]\nproviders = providers\n[providers]\ndefault = own\npkcs11 = token\n\
                 [own]\nactivate = 1\n[token]\nmodule = {}\npkcs11-module-path = {}\n{pin}\
                 pkcs11-module-encode-provider-uri-to-pem = true\nactivate = 1\n\
                 [req]\ndistinguished_name = name\n[name]\n",
                module.display(),
                pkcs11.module.display(),
            )
        };
        let pin = format!("pkcs11-module-token-pin = file:{}\n", bench.path("pin").display());
        fs::write(bench.path("provider.cnf"), text(pin)).expect("the bench's folder takes files");
        fs::write(bench.path("pinless.cnf"), text(String::new())).expect("the bench's folder takes files");
        Some(Provider { bench: Arc::new(bench), openssl })
    }

    /// A program that finds the provider, the module, the appliance and the PIN.
    pub(crate) fn command_of(&self, program: &Path) -> Command {
        self.command_under("provider.cnf", program)
    }

    fn command_under(&self, configuration: &str, program: &Path) -> Command {
        let mut command = configured(program, &self.bench.path(configuration));
        command.env("STRONGROOM_PKCS11_CONFIG", &self.bench.appliance.doors().pkcs11.config);
        command
    }

    /// OpenSSL with the provider. A word `NAME` after `@` is a file of the bench, and after `%` the private key of this label.
    fn openssl(&self, words: &str) -> Outcome {
        self.openssl_under("provider.cnf", words)
    }

    fn openssl_under(&self, configuration: &str, words: &str) -> Outcome {
        let mut command = self.command_under(configuration, &self.openssl);
        for word in words.split_whitespace() {
            match (word.strip_prefix('@'), word.strip_prefix('%')) {
                (Some(file), _) => command.arg(self.bench.path(file)),
                (_, Some(name)) => command.arg(key(name)),
                _ => command.arg(word),
            };
        }
        run(&mut command)
    }

    /// A pair that OpenSSL makes in the token, and `NAME.key`, which names it.
    #[track_caller]
    pub(crate) fn make(&self, name: &str, kind: &str) {
        let made = format!("genpkey -propquery ?provider=pkcs11 -algorithm {kind} -out @{name}.key");
        let _ = self.openssl(&format!("{made} -pkeyopt pkcs11_uri:pkcs11:token=dev;object={name}")).succeeds();
    }

    /// A self-signed certificate for the key of this name.
    #[track_caller]
    pub(crate) fn certify(&self, name: &str) {
        let words = "req -x509 -new -subj /CN=localhost -sha256 -days 3";
        let _ = self.openssl(&format!("{words} -key %{name} -out @{name}.crt")).succeeds();
    }
}

fn key(name: &str) -> String {
    format!("pkcs11:token=dev;object={name};type=private")
}

#[test]
fn what_the_token_signs_verifies_without_it_and_the_other_way_round() {
    let Some(provider) = Provider::new() else { return };
    let bench = &provider.bench;
    bench.pair("rsa:2048", "rsa", "01");
    bench.pair("EC:prime256v1", "elliptic", "02");
    let _ = bench.user("--keypairgen --key-type EC:edwards25519 --label edwards --id 03").succeeds();
    let _ = provider.openssl("pkey -pubout -in %edwards -out @edwards.pem").succeeds();
    let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest";
    for (name, key, sign, verify) in [
        ("PKCS #1", "rsa", "dgst -sha256 -out @sig -sign", "dgst -sha256 -signature @sig -verify"),
        (
            "PSS",
            "rsa",
            &format!("dgst -sha384 {pss} -out @sig -sign"),
            &format!("dgst -sha384 {pss} -signature @sig -verify"),
        ),
        ("ECDSA", "elliptic", "dgst -sha256 -out @sig -sign", "dgst -sha256 -signature @sig -verify"),
    ] {
        let _ = provider.openssl(&format!("{sign} %{key} @data")).succeeds();
        let told = bench.openssl(&format!("{verify} @{key}.pem @data")).succeeds();
        assert_eq!(told.stdout, "Verified OK\n", "{name}");
        let _ = provider.openssl(&format!("{verify} pkcs11:token=dev;object={key};type=public @data")).succeeds();
        fs::write(bench.path("other"), "another message").expect("the bench's folder takes files");
        let told = bench.openssl(&format!("{verify} @{key}.pem @other")).fails();
        assert_eq!(told.stdout, "Verification failure\n", "{name}");
    }
    let _ = provider.openssl("pkeyutl -sign -rawin -in @data -out @sig -inkey %edwards").succeeds();
    let _ = bench.openssl("pkeyutl -verify -rawin -in @data -sigfile @sig -pubin -inkey @edwards.pem").succeeds();
}

#[test]
fn a_request_a_certificate_and_a_message_are_signed_and_decrypted_in_the_appliance() {
    let Some(provider) = Provider::new() else { return };
    let bench = &provider.bench;
    bench.pair("rsa:2048", "rsa", "01");
    bench.pair("EC:prime256v1", "elliptic", "02");
    for name in ["rsa", "elliptic"] {
        let _ = provider.openssl(&format!("req -new -subj /CN=x -key %{name} -out @request")).succeeds();
        let _ = bench.openssl("req -verify -noout -in @request").succeeds();
        provider.certify(name);
        let _ = bench.openssl(&format!("verify -CAfile @{name}.crt @{name}.crt")).succeeds();
        let sign = "cms -sign -binary -nodetach -md sha256 -in @data -out @signed";
        let _ = provider.openssl(&format!("{sign} -signer @{name}.crt -inkey %{name}")).succeeds();
        let check = "cms -verify -binary -purpose any -in @signed -out @read";
        let _ = bench.openssl(&format!("{check} -CAfile @{name}.crt")).succeeds();
        assert_eq!(bench.read("read"), bench.read("data"), "{name}");
    }
    fs::write(bench.path("short"), "a short secret").expect("the bench's folder takes files");
    for digest in ["sha1", "sha256"] {
        // What is not said here comes to the token as nought, which is no digest.
        let digests = format!("-pkeyopt rsa_oaep_md:{digest} -pkeyopt rsa_mgf1_md:{digest}");
        let padding = format!("-pkeyopt rsa_padding_mode:oaep {digests}");
        let hide = format!("pkeyutl -encrypt {padding} -pubin -inkey @rsa.pem -in @short -out @hidden");
        let _ = bench.openssl(&hide).succeeds();
        let _ = provider.openssl(&format!("pkeyutl -decrypt {padding} -inkey %rsa -in @hidden -out @shown")).succeeds();
        assert_eq!(bench.read("shown"), bench.read("short"), "{digest}");
    }
    for padding in ["", "-keyopt rsa_padding_mode:oaep"] {
        let hide = format!("cms -encrypt -binary -aes256 -in @data -out @hidden -recip @rsa.crt {padding}");
        let _ = bench.openssl(&hide).succeeds();
        let _ = provider.openssl("cms -decrypt -binary -recip @rsa.crt -in @hidden -out @shown -inkey %rsa").succeeds();
        assert_eq!(bench.read("shown"), bench.read("data"), "{padding}");
    }
}

#[test]
fn a_key_that_openssl_makes_is_made_in_the_token_and_its_file_is_a_name() {
    let Some(provider) = Provider::new() else { return };
    for (name, kind) in
        [("rsa", "RSA -pkeyopt rsa_keygen_bits:2048"), ("elliptic", "EC -pkeyopt ec_paramgen_curve:P-256")]
    {
        provider.make(name, kind);
        let file = String::from_utf8(provider.bench.read(&format!("{name}.key"))).expect("PEM is text");
        assert!(file.starts_with("-----BEGIN PKCS#11 PROVIDER URI-----\n"), "{file}");
        let _ = provider.openssl(&format!("req -new -subj /CN=x -key @{name}.key -out @request")).succeeds();
        let _ = provider.bench.openssl("req -verify -noout -in @request").succeeds();
    }
    let listed = provider.bench.user("--list-objects --type privkey").succeeds();
    assert_eq!(listed.stdout.matches("sensitive, always sensitive, never extractable, local").count(), 2, "{listed}");
}

#[test]
fn a_tls_server_has_its_key_in_the_appliance() {
    let Some(provider) = Provider::new() else { return };
    provider.bench.pair("rsa:2048", "rsa", "01");
    provider.bench.pair("EC:prime256v1", "elliptic", "02");
    for name in ["rsa", "elliptic"] {
        provider.certify(name);
        let (port, certificate) = (free_port(), provider.bench.path(&format!("{name}.crt")));
        let mut command = provider.command_of(&provider.openssl);
        command.args(["s_server", "-quiet", "-key", &key(name), "-accept", &format!("127.0.0.1:{port}"), "-cert"]);
        command.arg(&certificate).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let _server = Server(command.spawn().unwrap_or_else(|error| panic!("cannot start s_server: {error}")));
        for version in ["-tls1_2", "-tls1_3"] {
            let told = greeted(&provider.openssl, &certificate, port, version);
            assert!(told.contains("Verification: OK"), "{name} {version}: {told}");
        }
    }
}

#[test]
fn a_pin_comes_from_where_the_uri_says_and_a_wrong_one_opens_nothing() {
    let Some(provider) = Provider::new() else { return };
    provider.bench.pair("EC:prime256v1", "elliptic", "02");
    fs::write(provider.bench.path("wrong"), "00000000").expect("the bench's folder takes files");
    let signed = |pin: &str| {
        let source = format!("{}?pin-source=file:{}", key("elliptic"), provider.bench.path(pin).display());
        let _ = fs::remove_file(provider.bench.path("sig"));
        provider.openssl_under("pinless.cnf", &format!("dgst -sha256 -out @sig -sign {source} @data"))
    };
    let _ = signed("wrong").fails();
    let _ = signed("pin").succeeds();
    let _ = provider.bench.openssl("dgst -sha256 -signature @sig -verify @elliptic.pem @data").succeeds();
}
