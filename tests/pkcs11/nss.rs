//! NSS: modutil, certutil, pk12util and cmsutil.

use std::fs;
use std::path::{Path, PathBuf};

use strongroom_tests::{Outcome, run, skip_or_require};

use crate::bench::Bench;

struct Nss {
    bench: Bench,
    certutil: PathBuf,
}

impl Nss {
    /// A bench with an NSS database that has loaded the module.
    fn new() -> Option<Nss> {
        let (certutil, modutil) = (skip_or_require("certutil")?, skip_or_require("modutil")?);
        let bench = Bench::new()?;
        fs::create_dir(bench.path("nss")).expect("the bench's folder takes folders");
        fs::write(bench.path("pin"), format!("{}\n", bench.appliance.doors().pkcs11.user_pin))
            .expect("the bench's folder takes files");
        let nss = Nss { bench, certutil };
        let _ = nss.told(&nss.certutil, "-N --empty-password").succeeds();
        let module = nss.bench.appliance.doors().pkcs11.module.display().to_string();
        let _ = nss.told(&modutil, &format!("-add strongroom -libfile {module} -force")).succeeds();
        let listed = nss.told(&modutil, "-list").succeeds();
        assert!(listed.stdout.contains("pkcs11:token=dev;manufacturer=Strongroom"), "{listed}");
        Some(nss)
    }

    /// A tool of NSS on the database.
    fn told(&self, tool: &Path, words: &str) -> Outcome {
        let mut command = self.bench.appliance.customer(tool);
        // modutil knows its database by another word than all the others.
        let word = if tool.ends_with("modutil") { "-dbdir" } else { "-d" };
        command.arg(word).arg(format!("sql:{}", self.bench.path("nss").display())).args(words.split_whitespace());
        run(&mut command)
    }

    fn certutil(&self, words: &str) -> Outcome {
        let pin = self.bench.path("pin");
        self.told(&self.certutil, &format!("{words} -h dev -f {}", pin.display()))
    }
}

#[test]
fn certutil_makes_keys_requests_and_certificates_in_the_token() {
    let Some(nss) = Nss::new() else { return };
    nss.bench.pair("rsa:2048", "there", "01");
    fs::write(nss.bench.path("noise"), [7; 64]).expect("the bench's folder takes files");
    let noise = nss.bench.path("noise").display().to_string();
    for (kind, name) in [("-k rsa -g 2048", "rsa"), ("-k ec -q secp256r1", "elliptic")] {
        let _ = nss.certutil(&format!("-S -n {name} -s CN={name} -x -t ,, -z {noise} {kind}")).succeeds();
        let request = nss.bench.path(&format!("{name}.csr")).display().to_string();
        let _ = nss.certutil(&format!("-R -s CN={name} -z {noise} -o {request} {kind}")).succeeds();
        let _ = nss.bench.openssl(&format!("req -inform DER -in @{name}.csr -verify -noout")).succeeds();
        let shown = nss.certutil(&format!("-L -n dev:{name} -a")).succeeds();
        fs::write(nss.bench.path("shown.pem"), &shown.stdout).expect("the bench's folder takes files");
        let _ = nss.bench.openssl("verify -CAfile @shown.pem @shown.pem").succeeds();
    }
    let keys = nss.certutil("-K").succeeds();
    for name in ["there", "dev:rsa", "dev:elliptic"] {
        assert!(keys.stdout.contains(name), "{name}: {keys}");
    }
}

#[test]
fn pk12util_brings_a_pair_into_the_token_and_takes_none_out() {
    let Some(nss) = Nss::new() else { return };
    let Some(pk12util) = skip_or_require("pk12util") else { return };
    let made = "req -x509 -newkey rsa:2048 -nodes -keyout @p12.key -out @p12.crt -subj /CN=brought -days 3";
    let _ = nss.bench.openssl(made).succeeds();
    let _ = nss
        .bench
        .openssl("pkcs12 -export -inkey @p12.key -in @p12.crt -name brought -passout pass:pw -out @p12")
        .succeeds();
    fs::write(nss.bench.path("password"), "pw\n").expect("the bench's folder takes files");
    let at = |name: &str| nss.bench.path(name).display().to_string();
    let import = format!("-i {} -h dev -k {} -w {}", at("p12"), at("pin"), at("password"));
    let _ = nss.told(&pk12util, &import).succeeds();
    assert!(nss.certutil("-K").succeeds().stdout.contains("brought"));
    // The key signs, in the token.
    let _ = nss
        .bench
        .user("--sign --mechanism SHA256-RSA-PKCS --label brought --input-file @data --output-file @signed")
        .succeeds();
    let _ = nss.bench.openssl("x509 -in @p12.crt -pubkey -noout -out @p12.pub").succeeds();
    let _ = nss.bench.openssl("dgst -sha256 -verify @p12.pub -signature @signed @data").succeeds();
    let export = format!("-o {} -n dev:brought -k {} -w {}", at("out.p12"), at("pin"), at("password"));
    let _ = nss.told(&pk12util, &export).fails();
}

#[test]
fn cmsutil_signs_a_message_with_a_key_in_the_token() {
    let Some(nss) = Nss::new() else { return };
    let Some(cmsutil) = skip_or_require("cmsutil") else { return };
    let at = |name: &str| nss.bench.path(name).display().to_string();
    fs::write(at("noise"), [7; 64]).expect("the bench's folder takes files");
    fs::write(at("mail.cnf"), "subjectAltName = email:me@example.org\nkeyUsage = digitalSignature,keyEncipherment\n")
        .expect("the bench's folder takes files");
    let authority = "req -x509 -newkey rsa:2048 -nodes -keyout @authority.key -out @authority.crt -subj /CN=authority";
    let _ = nss.bench.openssl(authority).succeeds();
    let _ = nss.told(&nss.certutil, &format!("-A -n authority -t ,C, -a -i {}", at("authority.crt"))).succeeds();
    let request = format!("-R -s CN=me,E=me@example.org -z {} -k rsa -g 2048 -a -o {}", at("noise"), at("me.csr"));
    let _ = nss.certutil(&request).succeeds();
    let issue =
        "x509 -req -in @me.csr -CA @authority.crt -CAkey @authority.key -days 3 -extfile @mail.cnf -out @me.crt";
    let _ = nss.bench.openssl(issue).succeeds();
    let _ = nss.certutil(&format!("-A -n me -t ,, -a -i {}", at("me.crt"))).succeeds();
    let sign = format!("-S -N dev:me -f {} -H SHA256 -i {} -o {}", at("pin"), at("data"), at("signed"));
    let _ = nss.told(&cmsutil, &sign).succeeds();
    let check = "cms -verify -binary -inform DER -in @signed -out @read -CAfile @authority.crt";
    let _ = nss.bench.openssl(check).succeeds();
    assert_eq!(nss.bench.read("read"), nss.bench.read("data"));
}
