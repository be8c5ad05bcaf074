//! Keys that move in from a SoftHSM2 token, from files and from other KMIP servers, and out again into files that OpenSSL reads.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use strongroom_kmip::{
    attribute::{Attribute, Template},
    code::{CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType},
    object::{KeyBlock, SymmetricKey},
    payload::RegisterRequest,
    secret::Secret,
    version::{V1_2, V2_1},
};
use strongroom_tests::{Appliance, Outcome, PyKmip, built, connect, key::get, run, skip_or_require};

/// An appliance, and a place for the files of a test.
struct Bench {
    appliance: Appliance,
}

impl Bench {
    fn new() -> Self {
        Self { appliance: Appliance::start() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.appliance.folder().join(name)
    }

    /// A file that only its owner reads.
    fn secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("the folder takes files");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the folder takes files");
        path
    }

    fn alice(&self) -> PathBuf {
        self.appliance.client("alice").cert.with_extension("")
    }

    /// `import` from there, as alice.
    fn import(&self, source: &str) -> Command {
        let mut command = self.appliance.strongroom();
        command.args(["--json", "import", source, "--to", &self.appliance.doors().kmip, "--as"]).arg(self.alice());
        command
    }

    /// `export` into a file, as alice.
    fn export(&self, file: &Path) -> Command {
        let mut command = self.appliance.strongroom();
        command.args(["--json", "export"]).arg(file).args(["--from", &self.appliance.doors().kmip, "--as"]);
        command.arg(self.alice());
        command
    }

    /// `openssl`, in the folder of the test.
    fn openssl(&self, arguments: &str) -> Option<Outcome> {
        let mut command = Command::new(skip_or_require("openssl")?);
        command.current_dir(self.appliance.folder()).args(arguments.split(' '));
        Some(run(&mut command).succeeds())
    }

    /// A SoftHSM2 token `old` with an RSA pair that never leaves, an EC pair and an AES key that do.
    fn token(&self) -> Option<PathBuf> {
        let util = skip_or_require("softhsm2-util")?;
        let tool = skip_or_require("pkcs11-tool")?;
        let folder = self.path("tokens");
        fs::create_dir(&folder).expect("the folder takes files");
        let conf = self.path("softhsm2.conf");
        fs::write(&conf, format!("directories.tokendir = {}\n", folder.display())).expect("the folder takes files");
        let initialise = ["--init-token", "--free", "--label", "old", "--pin", "1234", "--so-pin", "123456"];
        let _ = run(Command::new(util).args(initialise).env("SOFTHSM2_CONF", &conf)).succeeds();
        for arguments in [
            "--keypairgen --key-type rsa:2048 --label signer --id 01 --usage-sign",
            "--keypairgen --key-type EC:prime256v1 --label curve --id 02 --usage-sign --extractable",
            "--keygen --key-type aes:32 --label box --id 03 --extractable",
        ] {
            let mut command = Command::new(&tool);
            command.env("SOFTHSM2_CONF", &conf).arg("--module").arg(softhsm());
            command.args(["--token-label", "old", "--login", "--pin", "1234"]).args(arguments.split(' '));
            let _ = run(&mut command).succeeds();
        }
        Some(conf)
    }
}

fn softhsm() -> &'static str {
    let known = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
    known.into_iter().find(|path| Path::new(path).exists()).unwrap_or(known[0])
}

/// The rows of a report: origin, and what became of it.
fn rows(outcome: &Outcome) -> Vec<(String, String)> {
    let rows: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (text(row, "origin"), text(row, "result"))).collect()
}

/// The identifier of what came from there.
fn id(outcome: &Outcome, origin: &str) -> String {
    let rows: Vec<Value> = serde_json::from_str(&outcome.stdout).expect("a report is JSON");
    let row = rows.iter().find(|row| row["origin"] == origin).unwrap_or_else(|| panic!("no {origin}: {outcome}"));
    row["id"].as_str().expect("what moved in has an identifier").to_owned()
}

fn all(rows: &[(String, String)], result: &str) -> bool {
    !rows.is_empty() && rows.iter().all(|(_, found)| found == result)
}

#[test]
fn a_token_of_softhsm2_moves_in_whole_from_its_folder_and_its_keys_sign_as_before() {
    let bench = Bench::new();
    let Some(conf) = bench.token() else { return };
    let tool = skip_or_require("pkcs11-tool").unwrap();
    fs::write(bench.path("data"), b"signed before and after").unwrap();
    let sign = |command: &mut Command, pin: &str, out: &str| {
        command.current_dir(bench.appliance.folder()).args(["--login", "--pin", pin, "--sign", "--id", "01"]);
        command.args(["--mechanism", "SHA256-RSA-PKCS", "--input-file", "data", "--output-file", out]);
        let _ = run(command).succeeds();
    };
    let mut before = Command::new(&tool);
    before.env("SOFTHSM2_CONF", &conf).args(["--module", softhsm(), "--token-label", "old"]);
    sign(&mut before, "1234", "before.sig");

    let source = format!("softhsm2:{}", bench.path("tokens").display());
    let pin = bench.secret("pin", "1234\n");
    let dry = run(bench.import(&source).args(["--dry-run", "--pin-file"]).arg(&pin)).succeeds();
    assert!(all(&rows(&dry), "would"), "{dry}");
    let first = run(bench.import(&source).arg("--pin-file").arg(&pin)).succeeds();
    assert_eq!(rows(&first).len(), 5, "{first}");
    assert!(all(&rows(&first), "imported"), "{first}");
    let again = run(bench.import(&source).arg("--pin-file").arg(&pin)).succeeds();
    assert!(all(&rows(&again), "there"), "{again}");
    assert_eq!(id(&first, "old: private key signer 01"), id(&again, "old: private key signer 01"));

    let module = built("libstrongroom_pkcs11.so");
    let mut after = bench.appliance.customer(&tool);
    after.arg("--module").arg(module);
    sign(&mut after, &bench.appliance.doors().pkcs11.user_pin, "after.sig");
    assert_eq!(fs::read(bench.path("before.sig")).unwrap(), fs::read(bench.path("after.sig")).unwrap());

    // What never left the token leaves us no more than it left the token.
    let signer = id(&first, "old: private key signer 01");
    let refused = run(bench.export(&bench.path("out.pem")).args(["--object", &signer])).fails();
    assert!(!bench.path("out.pem").exists(), "{refused}");
}

#[test]
fn through_its_library_a_token_gives_what_it_lets_out_and_the_rest_is_named() {
    let bench = Bench::new();
    let Some(conf) = bench.token() else { return };
    let pin = bench.secret("pin", "1234");
    let mut command = bench.import("pkcs11:token=old");
    command.env("SOFTHSM2_CONF", &conf).args(["--module", softhsm(), "--pin-file"]).arg(&pin);
    let report = bench.path("report.json");
    let outcome = run(command.arg("--report").arg(&report)).fails();
    let mut left: Vec<_> = rows(&outcome);
    left.retain(|(_, result)| result == "left");
    assert_eq!(left, [("old: private key signer 01".to_owned(), "left".to_owned())], "{outcome}");
    assert_eq!(rows(&outcome).iter().filter(|(_, result)| result == "imported").count(), 4, "{outcome}");
    assert_eq!(fs::read_to_string(&report).unwrap().trim(), outcome.stdout.trim());
}

#[test]
fn what_cannot_be_a_source_is_refused_and_changes_nothing() {
    let bench = Bench::new();
    let Some(conf) = bench.token() else { return };
    let (pin, wrong) = (bench.secret("pin", "1234"), bench.secret("wrong", "4321"));
    fs::create_dir(bench.path("empty")).unwrap();
    let folder = |name: &str| format!("softhsm2:{}", bench.path(name).display());
    let path = |name: &str| bench.path(name).display().to_string();
    let rows: [(&str, String, &Path, &str); 8] = [
        ("a wrong PIN of a folder", folder("tokens"), &wrong, "the PIN is not the one"),
        ("a wrong PIN of a token", "pkcs11:token=old".to_owned(), &wrong, "the PIN is not the one"),
        ("a token that is not there", "pkcs11:token=new".to_owned(), &pin, "no such token"),
        ("a URI that names none", "pkcs11:".to_owned(), &pin, "names the token"),
        ("a folder without a token", folder("empty"), &pin, "no token of SoftHSM2"),
        ("a folder without keys", path("empty"), &pin, "holds no key"),
        ("a file that is not there", path("nowhere"), &pin, "is no source"),
        ("another scheme", "vault://here".to_owned(), &pin, "is no source"),
    ];
    for (name, source, pin, expected) in rows {
        let mut command = bench.import(&source);
        command.env("SOFTHSM2_CONF", &conf).args(["--module", softhsm(), "--pin-file"]).arg(pin);
        let outcome = run(&mut command).fails();
        assert!(outcome.stderr.contains(expected), "{name}: {outcome}");
    }
    let listed = run(bench.export(&bench.path("out.pem")).arg("--all")).fails();
    assert!(listed.stderr.contains("nothing that was asked for"), "{listed}");
}

#[test]
fn files_of_every_form_move_in_and_openssl_reads_what_moves_out() {
    let bench = Bench::new();
    let folder = bench.path("files");
    fs::create_dir(&folder).unwrap();
    for arguments in [
        "req -x509 -newkey rsa:2048 -nodes -keyout files/web.pem -out files/web.crt -subj /CN=web",
        "ecparam -name prime256v1 -genkey -noout -out shop.key",
        "req -x509 -key shop.key -out shop.crt -subj /CN=shop",
        "pkcs12 -export -inkey shop.key -in shop.crt -out files/shop.p12 -passout pass:secret -name shop",
        "genpkey -algorithm ed25519 -out files/edwards.pem",
        "genrsa -aes256 -passout pass:another -out files/locked.pem 2048",
    ] {
        if bench.openssl(arguments).is_none() {
            return;
        }
    }
    // RFC 7517 appendix A.3.
    fs::write(folder.join("box.jwk"), r#"{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg","kid":"box"}"#)
        .unwrap();
    fs::write(folder.join("notes.txt"), "nothing of interest").unwrap();
    let password = bench.secret("password", "secret\n");
    let source = folder.display().to_string();
    let outcome = run(bench.import(&source).arg("--password-file").arg(&password)).fails();
    let mut left = rows(&outcome);
    left.retain(|(_, result)| result != "imported");
    assert_eq!(left, [("locked.pem".to_owned(), "left".to_owned())], "{outcome}");
    for origin in ["box.jwk", "edwards.pem", "web.pem", "web.pem, public half", "shop.p12#key", "shop.p12#1"] {
        let _ = id(&outcome, origin);
    }

    // The key and its certificate were linked, and so leave together.
    let (key, certificate) = (id(&outcome, "shop.p12#key"), id(&outcome, "shop.p12#1"));
    let objects = ["--object", &key, "--object", &certificate];
    let bundle = bench.path("out.p12");
    let _ = run(bench.export(&bundle).args(objects).arg("--password-file").arg(&password)).succeeds();
    assert_eq!(fs::metadata(&bundle).unwrap().permissions().mode() & 0o777, 0o600);
    let Some(_) = bench.openssl("pkcs12 -in out.p12 -passin pass:secret -nodes -legacy -out out.txt") else { return };
    let out = fs::read_to_string(bench.path("out.txt")).unwrap();
    assert!(
        out.contains("friendlyName: shop") && out.contains("BEGIN CERTIFICATE") && out.contains("PRIVATE KEY"),
        "{out}"
    );
    let again = run(bench.export(&bundle).args(objects).arg("--password-file").arg(&password)).fails();
    assert!(again.stderr.contains("is there already"), "{again}");

    let _ = run(bench.export(&bench.path("out.pem")).args(["--object", &key])).succeeds();
    bench.openssl("pkey -in shop.key -outform DER -out one.der");
    bench.openssl("pkey -in out.pem -outform DER -out other.der");
    assert_eq!(fs::read(bench.path("one.der")).unwrap(), fs::read(bench.path("other.der")).unwrap());

    // A set of JSON Web Keys comes back as it went.
    let set = bench.path("out.jwk");
    let _ = run(bench.export(&set).arg("--all")).fails();
    let other = Bench::new();
    let back = run(&mut other.import(&set.display().to_string())).succeeds();
    assert!(all(&rows(&back), "imported"), "{back}");
    let again = other.path("again.jwk");
    let _ = run(other.export(&again).arg("--all")).succeeds();
    assert_eq!(keys(&set), keys(&again));
}

/// The private and secret numbers of a set.
fn keys(path: &Path) -> Vec<String> {
    let set: Value = serde_json::from_str(&fs::read_to_string(path).expect("it was written")).expect("it is JSON");
    let number = |key: &Value| key["d"].as_str().or(key["k"].as_str()).map(str::to_owned);
    let mut keys: Vec<String> = set["keys"].as_array().expect("it is there").iter().filter_map(number).collect();
    keys.sort();
    keys
}

const KEY: &[u8; 32] = b"a key from another server, 32 by";

fn register() -> RegisterRequest {
    let mut block = KeyBlock::of(KeyFormatType::Raw, Secret::copy_of(KEY));
    (block.cryptographic_algorithm, block.cryptographic_length) = (Some(CryptographicAlgorithm::AES), Some(256));
    let mask = CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt;
    let attributes = vec![Attribute::CryptographicUsageMask(mask).into()];
    RegisterRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: Template { names: Vec::new(), attributes },
        object: SymmetricKey { key_block: block }.into(),
        protection_storage_masks: None,
    }
}

/// The bytes of the key that an appliance has under this identifier.
fn bytes(appliance: &Appliance, id: &str) -> Vec<u8> {
    get(&mut connect(appliance.doors(), "alice", V2_1).expect("the appliance answers"), id).expect("it is there")
}

#[test]
fn objects_of_another_kmip_server_keep_their_identifiers() {
    let old = Appliance::start();
    let bench = Bench::new();
    let from = old.client("alice").cert.with_extension("");
    let pykmip = PyKmip::start(&old, old.folder());
    for (name, version, address) in [
        ("Strongroom", V2_1, Some(old.doors().kmip.clone())),
        ("PyKMIP", V1_2, pykmip.as_ref().map(|server| server.address.clone())),
    ] {
        let Some(address) = address else { continue };
        let doors = strongroom_tests::Doors { kmip: address.clone(), ..old.doors().clone() };
        let made = connect(&doors, "alice", version).unwrap().ask(register()).unwrap().unique_identifier.0;
        let import = || {
            let mut command = bench.import(&format!("kmip://{address}"));
            command.arg("--from-as").arg(&from);
            run(&mut command)
        };
        let dry =
            run(bench.import(&format!("kmip://{address}")).arg("--dry-run").arg("--from-as").arg(&from)).succeeds();
        assert!(all(&rows(&dry), "would"), "{name}: {dry}");
        let first = import().succeeds();
        assert!(all(&rows(&first), "imported"), "{name}: {first}");
        assert_eq!(id(&first, &format!("{address}: {made}")), made, "{name}");
        assert_eq!(bytes(&bench.appliance, &made), KEY, "{name}");
        let again = import().succeeds();
        assert!(all(&rows(&again), "there"), "{name}: {again}");
    }
}

#[test]
fn objects_move_on_to_a_server_that_gives_identifiers_of_its_own() {
    let bench = Bench::new();
    let Some(server) = PyKmip::start(&bench.appliance, bench.appliance.folder()) else { return };
    let doors = bench.appliance.doors();
    let made = connect(doors, "alice", V2_1).unwrap().ask(register()).unwrap().unique_identifier.0;
    let move_on = || {
        let mut command = bench.appliance.strongroom();
        command.args(["--json", "import", &format!("kmip://{}", doors.kmip), "--from-as"]).arg(bench.alice());
        run(command.args(["--to", &server.address, "--as"]).arg(bench.alice())).succeeds()
    };
    let outcome = move_on();
    let own = id(&outcome, &format!("{}: {made}", doors.kmip));
    assert_ne!(own, made);
    let theirs = strongroom_tests::Doors { kmip: server.address.clone(), ..doors.clone() };
    let mut line = connect(&theirs, "alice", V1_2).unwrap();
    assert_eq!(get(&mut line, &own).expect("it is there"), KEY);
}
