//! GnuTLS: p11tool, and a TLS server.

use std::fs;
use std::process::{Command, Stdio};

use strongroom_tests::{Outcome, free_port, run, skip, skip_or_require, until};

use crate::bench::Bench;
use crate::engine::{Engine, Server};

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

#[test]
fn a_program_finds_the_token_by_itself_where_p11_kit_knows_the_module() {
    let (Some(tool), Some(unshare)) = (skip_or_require("p11tool"), skip_or_require("unshare")) else { return };
    let apart = ["--map-root-user", "--mount"];
    if run(Command::new(&unshare).args(apart).arg("true")).code != Some(0) {
        return skip("no namespaces may be made here, in which p11-kit is to know the module");
    }
    let Some(bench) = Bench::new() else { return };
    bench.pair("EC:prime256v1", "elliptic", "02");
    let pkcs11 = &bench.appliance.doors().pkcs11;
    // As `make install` registers it; it stands alone there, for this program only.
    let folder = bench.path("modules");
    let line = format!("module: {}\n", fs::canonicalize(&pkcs11.module).expect("it is built").display());
    fs::create_dir(&folder).and_then(|()| fs::write(folder.join("strongroom.module"), line)).expect("it is ours");
    let mut command = bench.appliance.customer(&unshare);
    command.env("GNUTLS_PIN", &pkcs11.user_pin).args(apart);
    command.args(["sh", "-c", "mount --bind \"$0\" /usr/share/p11-kit/modules && exec \"$@\""]).arg(&folder).arg(&tool);
    let signed = run(command.args(["--login", "--test-sign", "pkcs11:token=dev;object=elliptic;type=private"]));
    assert_eq!(signed.code, Some(0), "{signed}");
}

#[test]
fn a_server_has_its_key_in_the_appliance() {
    let (Some(serve), Some(client)) = (skip_or_require("gnutls-serv"), skip_or_require("gnutls-cli")) else { return };
    let Some(engine) = Engine::new() else { return };
    let pkcs11 = &engine.bench.appliance.doors().pkcs11;
    engine.bench.pair("rsa:2048", "rsa", "01");
    engine.bench.pair("EC:prime256v1", "elliptic", "02");
    for (name, signed) in [("rsa", "RSA-PSS"), ("elliptic", "ECDSA-SECP256R1")] {
        engine.certify(name);
        let (port, certificate) = (free_port().to_string(), engine.bench.path(&format!("{name}.crt")));
        let mut command = engine.bench.appliance.customer(&serve);
        command.env("GNUTLS_PIN", &pkcs11.user_pin).arg("--provider").arg(&pkcs11.module).args(["--port", &port]);
        command.arg("--x509certfile").arg(&certificate);
        command.args(["--x509keyfile", &format!("pkcs11:token=dev;object={name};type=private")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = command.spawn().unwrap_or_else(|error| panic!("cannot start gnutls-serv: {error}"));
        let _server = Server(server);
        let mut told = None;
        until(|| {
            let mut command = Command::new(&client);
            command.arg("--x509cafile").arg(&certificate).args(["--port", &port, "localhost"]);
            let outcome = run(&mut command);
            let met = outcome.code == Some(0);
            told = Some(outcome);
            met
        });
        let told = told.expect("it was asked");
        assert!(told.stdout.contains("The certificate is trusted") && told.stdout.contains(signed), "{name}: {told}");
    }
}
