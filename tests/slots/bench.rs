//! An appliance with a second slot: a token of a vendor's.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use strongroom_tests::{Appliance, Outcome, Token, Vendor, run, skip_or_require};

/// An appliance whose slot `hsm` is a token of a vendor's, and the tools to look at both.
pub(crate) struct Bench {
    pub(crate) appliance: Appliance,
    tool: PathBuf,
    openssl: PathBuf,
    token: Token,
}

impl Bench {
    /// A bench over SoftHSM2, where that, pkcs11-tool and OpenSSL are installed.
    pub(crate) fn new() -> Option<Bench> {
        Bench::over(Vendor::named("SoftHSM2"))
    }

    /// A bench over a token of this vendor, where that, pkcs11-tool and OpenSSL are installed.
    pub(crate) fn over(vendor: &Vendor) -> Option<Bench> {
        let tool = skip_or_require("pkcs11-tool")?;
        let openssl = skip_or_require("openssl")?;
        let token = vendor.start()?;
        let appliance = Appliance::start();
        let mut bench = Bench { appliance, tool, openssl, token };
        fs::write(bench.path("token-pin"), &bench.token.pin).expect("the bench's folder takes files");
        fs::write(bench.path("pin"), PIN).expect("and others");
        fs::write(bench.path("so-pin"), SO_PIN).expect("and others");
        fs::write(bench.path("data"), [7; 32]).expect("and others");
        let secrets = ["token-pin", "pin", "so-pin"].map(|name| bench.path(name));
        let _ = run(Command::new("chmod").arg("600").args(secrets)).succeeds();
        let table = bench.token.table("hsm", &bench.path("token-pin"));
        let configuration = bench.appliance.dir().join("strongroom.toml");
        let file = OpenOptions::new().append(true).open(configuration);
        file.and_then(|mut file| file.write_all(table.as_bytes())).expect("the appliance has a configuration");
        let socket = bench.appliance.doors().socket.clone();
        fs::write(bench.path("pkcs11.toml"), format!("socket = \"{}\"\ntoken = \"hsm\"\n", socket.display()))
            .expect("and others");
        bench.appliance.restart();
        bench.wait("usable");
        let [pin, so_pin] = ["pin", "so-pin"].map(|name| bench.path(name).display().to_string());
        let _ = bench.strongroom(&format!("slot init hsm --so-pin-file {so_pin} --user-pin-file {pin}")).succeeds();
        Some(bench)
    }

    /// The path of a file on the bench.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.appliance.folder().join(name)
    }

    /// Waits until the slot is in this condition.
    #[track_caller]
    pub(crate) fn wait(&self, condition: &str) {
        let begun = Instant::now();
        loop {
            let said = self.strongroom("slot list").succeeds().stdout;
            let row = said.lines().find(|line| line.starts_with("hsm ")).unwrap_or_default();
            if row.split_whitespace().any(|word| word.trim_end_matches(':') == condition) {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "the slot is not {condition}: {said}");
            sleep(Duration::from_millis(50));
        }
    }

    /// The daemon's command line.
    pub(crate) fn strongroom(&self, words: &str) -> Outcome {
        let mut command = self.appliance.strongroom();
        run(command.arg("--config").arg(self.appliance.dir().join("strongroom.toml")).args(words.split_whitespace()))
    }

    /// pkcs11-tool through our module, logged in to the slot `hsm`. Words that begin with `@` name files on the bench.
    pub(crate) fn user(&self, words: &str) -> Outcome {
        self.user_of("hsm", words)
    }

    /// The same, in the slot of this name: `hsm` or `dev`.
    pub(crate) fn user_of(&self, slot: &str, words: &str) -> Outcome {
        let doors = self.appliance.doors();
        let (configuration, pin) = match slot {
            "hsm" => (self.path("pkcs11.toml"), PIN),
            _ => (doors.pkcs11.config.clone(), doors.pkcs11.user_pin.as_str()),
        };
        let mut command = Command::new(&self.tool);
        command.env("STRONGROOM_PKCS11_CONFIG", configuration).arg("--module").arg(&doors.pkcs11.module);
        run(command.args(["--login", "--pin", pin]).args(self.words(words)))
    }

    /// pkcs11-tool on the token itself, past us; once more where the daemon's worker has its files just now.
    pub(crate) fn past(&self, words: &str) -> Outcome {
        let Token { label, pin, .. } = &self.token;
        let begun = Instant::now();
        loop {
            let mut command = self.token.tool();
            let ended = run(command.args(["--token-label", label, "--login", "--pin", pin]).args(self.words(words)));
            // tpm2-pkcs11 gives up at once where another process writes.
            if !ended.stderr.contains("database is locked") || begun.elapsed() > Duration::from_secs(10) {
                return ended;
            }
            sleep(Duration::from_millis(100));
        }
    }

    /// How many objects of one type are in the token.
    #[track_caller]
    pub(crate) fn objects(&self, kind: &str) -> usize {
        let said = self.past(&format!("--list-objects --type {kind}")).succeeds().stdout;
        said.lines().filter(|line| line.contains("Object;")).count()
    }

    /// OpenSSL. Words that begin with `@` name files on the bench.
    pub(crate) fn openssl(&self, words: &str) -> Outcome {
        run(Command::new(&self.openssl).args(self.words(words)))
    }

    fn words(&self, words: &str) -> Vec<String> {
        let placed = |word: &str| match word.split_once('@') {
            Some((before, name)) => format!("{before}{}", self.path(name).display()),
            None => word.to_owned(),
        };
        words.split_whitespace().map(placed).collect()
    }
}

const PIN: &str = "12345678";
const SO_PIN: &str = "87654321";
