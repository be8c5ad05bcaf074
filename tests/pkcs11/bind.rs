//! BIND, which reaches the token through OpenSSL's provider: zones signed with keys in the appliance, by its tools and by its
//! server, and verified by programs that know nothing of it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use strongroom_tests::{Outcome, free_port, run, skip_or_require, unpacked, until};

use crate::engine::Server;
use crate::provider::Provider;

/// A bench with a zone on it.
struct Bind {
    provider: Provider,
    /// Where the libraries of this BIND are.
    libraries: PathBuf,
}

impl Bind {
    fn new() -> Option<Bind> {
        let libraries = unpacked("sbin/named")?.parent()?.parent()?.join("lib");
        let provider = Provider::new()?;
        fs::write(provider.bench.path("zone"), ZONE).expect("the bench's folder takes files");
        Some(Bind { provider, libraries })
    }

    /// One of BIND's programs, working on the bench.
    fn command(&self, file: &str) -> Command {
        let program = unpacked(file).expect("it was unpacked with the server");
        let mut command = self.provider.command_of(&program);
        command.env("LD_LIBRARY_PATH", &self.libraries).current_dir(self.provider.bench.appliance.folder());
        command
    }

    fn told(&self, tool: &str, words: &str) -> Outcome {
        run(self.command(&format!("bin/{tool}")).args(words.split_whitespace()))
    }

    /// What Debian's own BIND says of a signed zone, without provider and token.
    fn verified(&self, words: &str) -> Option<Outcome> {
        let mut command = Command::new(skip_or_require("dnssec-verify")?);
        command.args(["-o", "example"]).args(words.split_whitespace());
        Some(run(command.current_dir(self.provider.bench.appliance.folder())))
    }
}

#[test]
fn a_zone_is_signed_with_keys_in_the_appliance_and_a_changed_one_does_not_verify() {
    let Some(bind) = Bind::new() else { return };
    for (algorithm, kind, zone, key) in
        [("ECDSAP256SHA256", "EC:prime256v1", "11", "12"), ("RSASHA256", "rsa:2048", "13", "14")]
    {
        for (id, role) in [(zone, ""), (key, "-f KSK")] {
            bind.provider.bench.pair(kind, &format!("{algorithm}-{id}"), id);
            let label = format!("pkcs11:token=dev;object={algorithm}-{id}");
            fs::create_dir_all(bind.provider.bench.path(algorithm)).expect("the bench's folder takes folders");
            let _ = bind
                .told("dnssec-keyfromlabel", &format!("-a {algorithm} -K {algorithm} {role} -l {label} example"))
                .succeeds();
        }
        let _ = bind.told("dnssec-signzone", &format!("-S -K {algorithm} -o example -f signed zone")).succeeds();
        let Some(verified) = bind.verified("signed") else { return };
        let _ = verified.succeeds();
        let signed = String::from_utf8(bind.provider.bench.read("signed")).expect("a zone is text");
        assert!(signed.contains("192.0.2.2"), "{signed}");
        fs::write(bind.provider.bench.path("forged"), signed.replace("192.0.2.2", "192.0.2.3"))
            .expect("the bench's folder takes files");
        let _ = bind.verified("forged").expect("it has run above").fails();
    }
}

#[test]
fn a_server_makes_its_keys_in_the_token_and_signs_the_zone_that_it_serves() {
    let (Some(bind), Some(dig)) = (Bind::new(), skip_or_require("dig")) else { return };
    let (bench, port) = (&bind.provider.bench, free_port());
    let at = bench.appliance.folder().display();
    let text = format!(
        "options {{ directory \"{at}\"; pid-file none; session-keyfile none; listen-on port {port} {{ 127.0.0.1; }};\n\
         listen-on-v6 {{ none; }}; recursion no; dnssec-validation no; allow-transfer {{ 127.0.0.1; }}; }};\ncontrols {{ }};\n\
         key-store \"token\" {{ directory \".\"; pkcs11-uri \"pkcs11:token=dev;pin-source=file:{at}/pin\"; }};\n\
         dnssec-policy \"kept\" {{ keys {{ csk key-store \"token\" lifetime unlimited algorithm ecdsap256sha256; }}; }};\n\
         zone \"example\" {{ type primary; file \"zone\"; dnssec-policy \"kept\"; inline-signing yes; }};\n",
    );
    fs::write(bench.path("named.conf"), text).expect("the bench's folder takes files");
    let mut command = bind.command("sbin/named");
    command.args(["-g", "-c"]).arg(bench.path("named.conf")).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(fs::File::create(bench.path("named.log")).expect("the bench's folder takes files"));
    let _server = Server(command.spawn().unwrap_or_else(|error| panic!("cannot start named: {error}")));
    let mut verified = None;
    until(|| {
        let mut command = Command::new(&dig);
        let served = run(command.args(["@127.0.0.1", "-p", &port.to_string(), "axfr", "example"])).stdout;
        fs::write(bench.path("served"), &served).expect("the bench's folder takes files");
        // One key signs all, so its role is not asked for.
        verified = served.contains("DNSKEY").then(|| bind.verified("-z served")).flatten();
        verified.as_ref().is_some_and(|told| told.code == Some(0))
    });
    let listed = bench.user("--list-objects --type privkey").succeeds();
    assert!(listed.stdout.contains("label:      example.-kept.-"), "{listed}");
}

const ZONE: &str = "\
$TTL 3600
@ IN SOA ns.example. admin.example. 1 3600 600 86400 3600
  IN NS ns
ns IN A 192.0.2.1
www IN A 192.0.2.2
";
