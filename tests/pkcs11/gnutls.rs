//! GnuTLS's p11tool.

use std::process::Command;

use strongroom_tests::{Outcome, run, skip_or_require};

use crate::bench::Bench;

fn p11tool(bench: &Bench, words: &[&str]) -> Option<Outcome> {
    let tool = skip_or_require("p11tool")?;
    let pkcs11 = &bench.appliance.doors().pkcs11;
    let mut command: Command = bench.appliance.customer(&tool);
    command.env("GNUTLS_PIN", &pkcs11.user_pin).arg("--provider").arg(&pkcs11.module).args(words);
    Some(run(&mut command))
}

#[test]
fn tokens_and_objects_are_listed_and_exported() {
    let Some(bench) = Bench::new() else { return };
    bench.pair("rsa:2048", "rsa", "01");
    bench.pair("EC:prime256v1", "elliptic", "02");
    let _ = bench.user("--keypairgen --key-type EC:edwards25519 --label edwards --id 03").succeeds();
    let Some(tokens) = p11tool(&bench, &["--list-tokens"]) else { return };
    assert!(tokens.stdout.contains("Label: dev"), "{tokens}");
    let Some(all) = p11tool(&bench, &["--login", "--list-all", "pkcs11:token=dev"]) else { return };
    for line in [
        "Private key (RSA-2048)",
        "Public key (RSA-2048)",
        "Private key (EC/ECDSA-SECP256R1)",
        "Public key (EdDSA (Ed25519))",
        "CKA_PRIVATE; CKA_NEVER_EXTRACTABLE; CKA_SENSITIVE",
    ] {
        assert!(all.stdout.contains(line), "{line}: {all}");
    }
    for name in ["rsa", "elliptic"] {
        let object = format!("pkcs11:token=dev;object={name};type=public");
        let Some(exported) = p11tool(&bench, &["--login", "--export", &object]) else { return };
        let expected = bench.read(&format!("{name}.pem"));
        assert_eq!(exported.stdout.trim(), String::from_utf8_lossy(&expected).trim(), "{name}");
    }
    let private = "pkcs11:token=dev;object=elliptic;type=private";
    let Some(signed) = p11tool(&bench, &["--login", "--test-sign", private]) else { return };
    assert_eq!(signed.code, Some(0), "{signed}");
}
