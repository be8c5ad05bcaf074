//! Java: keytool, jarsigner, and a program on SunPKCS11.

use std::fs;
use std::path::PathBuf;

use strongroom_tests::{Outcome, run, skip_or_require, top};

use crate::bench::Bench;

struct Java {
    bench: Bench,
}

impl Java {
    fn new() -> Option<Java> {
        for tool in ["java", "keytool", "jarsigner"] {
            let _ = skip_or_require(tool)?;
        }
        let bench = Bench::new()?;
        let module = bench.appliance.doors().pkcs11.module.display().to_string();
        fs::write(bench.path("provider.cfg"), format!("name = strongroom\nlibrary = {module}\nslotListIndex = 0\n"))
            .expect("the bench's folder takes files");
        Some(Java { bench })
    }

    fn run(&self, tool: &str, words: &[&str]) -> Outcome {
        let program = skip_or_require(tool).unwrap_or_else(|| PathBuf::from(tool));
        let mut command = self.bench.appliance.customer(&program);
        run(command.args(words).current_dir(self.bench.appliance.folder()))
    }

    /// keytool or jarsigner on the token.
    fn store(&self, tool: &str, words: &[&str]) -> Outcome {
        let pin = self.bench.appliance.doors().pkcs11.user_pin.clone();
        let provider = if tool == "keytool" { "-addprovider" } else { "-addProvider" };
        let store =
            ["-keystore", "NONE", "-storetype", "PKCS11", provider, "SunPKCS11", "-providerArg", "provider.cfg"];
        self.run(tool, &[&store[..], &["-storepass", &pin], words].concat())
    }
}

#[test]
fn java_keeps_keys_in_the_token_signs_archives_and_programs_with_them() {
    let Some(java) = Java::new() else { return };
    for words in [
        &["-genkeypair", "-alias", "rsa", "-keyalg", "RSA", "-keysize", "2048", "-dname", "CN=rsa"][..],
        &["-genkeypair", "-alias", "elliptic", "-keyalg", "EC", "-groupname", "secp256r1", "-dname", "CN=elliptic"],
        &["-genseckey", "-alias", "secret", "-keyalg", "AES", "-keysize", "256"],
    ] {
        let _ = java.store("keytool", words).succeeds();
    }
    let listed = java.store("keytool", &["-list"]).succeeds();
    assert!(listed.stdout.contains("contains 3 entries"), "{listed}");
    let _ = java.run("jar", &["cf", "signed.jar", "data"]).succeeds();
    for alias in ["rsa", "elliptic"] {
        let _ = java.store("jarsigner", &["signed.jar", alias]).succeeds();
        let verified = java.run("jarsigner", &["-verify", "signed.jar"]).succeeds();
        assert!(verified.stdout.contains("jar verified"), "{verified}");
    }
    let program = top().join("tests/clients/Program.java").display().to_string();
    let pin = java.bench.appliance.doors().pkcs11.user_pin.clone();
    let told = java.run("java", &[&program, "provider.cfg", &pin]).succeeds();
    assert!(told.stdout.ends_with("all held\n"), "{told}");
    let _ = java.store("keytool", &["-delete", "-alias", "secret"]).succeeds();
}
