//! Java: keytool, jarsigner, and a program on SunPKCS11.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use strongroom_tests::{Outcome, run, skip_or_require, top};

use crate::bench::Bench;

/// A bench with Java on it.
pub(crate) struct Java {
    bench: Arc<Bench>,
}

impl Java {
    /// With SunPKCS11's configuration on the bench.
    pub(crate) fn on(bench: &Arc<Bench>) -> Option<Java> {
        for tool in ["java", "keytool", "jarsigner"] {
            let _ = skip_or_require(tool)?;
        }
        let bench = Arc::clone(bench);
        let module = bench.appliance.doors().pkcs11.module.display().to_string();
        fs::write(bench.path("provider.cfg"), format!("name = strongroom\nlibrary = {module}\nslotListIndex = 0\n"))
            .expect("the bench's folder takes files");
        Some(Java { bench })
    }

    /// A pair with a certificate of its own, made by keytool.
    pub(crate) fn pair(&self, alias: &str, kind: &[&str]) {
        let words = ["-genkeypair", "-alias", alias, "-dname", &format!("CN={alias}")];
        let _ = self.store("keytool", &[&words[..], kind].concat()).succeeds();
    }

    /// A program of ours on SunPKCS11, with the user's PIN.
    pub(crate) fn program(&self, name: &str, words: &[&str]) -> Outcome {
        let program = top().join("tests/clients").join(name).display().to_string();
        let pin = &self.bench.appliance.doors().pkcs11.user_pin;
        self.run("java", &[&[program.as_str(), "provider.cfg", pin], words].concat())
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
    let Some(bench) = Bench::new() else { return };
    let Some(java) = Java::on(&Arc::new(bench)) else { return };
    java.pair("rsa", &["-keyalg", "RSA", "-keysize", "2048"]);
    java.pair("elliptic", &["-keyalg", "EC", "-groupname", "secp256r1"]);
    let secret = ["-genseckey", "-alias", "secret", "-keyalg", "AES", "-keysize", "256"];
    let _ = java.store("keytool", &secret).succeeds();
    let listed = java.store("keytool", &["-list"]).succeeds();
    assert!(listed.stdout.contains("contains 3 entries"), "{listed}");
    let _ = java.run("jar", &["cf", "signed.jar", "data"]).succeeds();
    for alias in ["rsa", "elliptic"] {
        let _ = java.store("jarsigner", &["signed.jar", alias]).succeeds();
        let verified = java.run("jarsigner", &["-verify", "signed.jar"]).succeeds();
        assert!(verified.stdout.contains("jar verified"), "{verified}");
    }
    let told = java.program("Program.java", &[]).succeeds();
    assert!(told.stdout.ends_with("all held\n"), "{told}");
    let _ = java.store("keytool", &["-delete", "-alias", "secret"]).succeeds();
}
