//! strongSwan's pki: certificates and requests with keys in the token.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use strongroom_tests::{Outcome, run, skip_or_require};

use crate::bench::Bench;

struct Pki {
    bench: Bench,
    program: PathBuf,
}

impl Pki {
    fn new() -> Option<Pki> {
        let program = skip_or_require("pki")?;
        let bench = Bench::new()?;
        let pkcs11 = &bench.appliance.doors().pkcs11;
        let text = format!(
            "pki {{\n load = random x509 pem pkcs1 pkcs8 pkcs11 pubkey sha1 sha2 gmp\n}}\n\
             libstrongswan {{\n plugins {{\n  pkcs11 {{\n   modules {{\n    strongroom {{\n     path = {}\n    }}\n   }}\n  }}\n }}\n}}\n",
            pkcs11.module.display(),
        );
        fs::write(bench.path("strongswan.conf"), text).expect("the bench's folder takes files");
        fs::write(bench.path("pin"), format!("{}\n", pkcs11.user_pin)).expect("the bench's folder takes files");
        Some(Pki { bench, program })
    }

    /// What it writes, in PEM. It asks for the PIN on its standard input.
    fn told(&self, words: &str) -> Outcome {
        let mut command: Command = self.bench.appliance.customer("sh".as_ref());
        command.env("STRONGSWAN_CONF", self.bench.path("strongswan.conf"));
        command.args(["-c", "exec \"$@\" < \"$0\""]).arg(self.bench.path("pin")).arg(&self.program);
        for word in words.split_whitespace() {
            match word.strip_prefix('@') {
                Some(file) => command.arg(self.bench.path(file)),
                None => command.arg(word),
            };
        }
        run(command.args(["--outform", "pem"]))
    }

    #[track_caller]
    fn makes(&self, words: &str, file: &str) {
        let told = self.told(words).succeeds();
        fs::write(self.bench.path(file), told.stdout).expect("the bench's folder takes files");
    }
}

#[test]
fn an_authority_whose_key_is_in_the_token_certifies_itself_and_others() {
    let Some(pki) = Pki::new() else { return };
    let bench = &pki.bench;
    for (kind, key, id) in [("rsa", "rsa:2048", "11"), ("ecdsa", "EC:prime256v1", "12")] {
        bench.pair(key, kind, id);
        pki.makes(&format!("--self --ca --type {kind} --keyid {id} --dn CN={kind}"), "authority.crt");
        let _ = bench.openssl("verify -CAfile @authority.crt @authority.crt").succeeds();
        pki.makes(&format!("--req --type {kind} --keyid {id} --dn CN=asks"), "asks.csr");
        let _ = bench.openssl("req -in @asks.csr -verify -noout").succeeds();
    }
    // Of an authority that it reads from a file, it knows an elliptic key by its OpenSSL plugin alone, another package.
    pki.makes("--self --ca --type rsa --keyid 11 --dn CN=rsa", "authority.crt");
    let _ =
        bench.openssl("req -new -newkey rsa:2048 -nodes -keyout @leaf.key -subj /CN=leaf -out @leaf.csr").succeeds();
    pki.makes("--issue --type pkcs10 --in @leaf.csr --cacert @authority.crt --dn CN=leaf --cakeyid 11", "leaf.crt");
    let _ = bench.openssl("verify -CAfile @authority.crt @leaf.crt").succeeds();
}
