//! An appliance with a second slot: a SoftHSM2 token.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use strongroom_tests::{Appliance, Outcome, run, skip_or_require};

/// An appliance whose slot `hsm` is a token of SoftHSM2, and the tools to look at both.
pub(crate) struct Bench {
    pub(crate) appliance: Appliance,
    tool: PathBuf,
    openssl: PathBuf,
    library: &'static Path,
}

impl Bench {
    /// A bench, where SoftHSM2, pkcs11-tool and OpenSSL are installed.
    pub(crate) fn new() -> Option<Bench> {
        let tool = skip_or_require("pkcs11-tool")?;
        let openssl = skip_or_require("openssl")?;
        let util = skip_or_require("softhsm2-util")?;
        let library = LIBRARIES.iter().map(Path::new).find(|path| path.is_file())?;
        let appliance = Appliance::start();
        let mut bench = Bench { appliance, tool, openssl, library };
        let tokens = bench.path("tokens");
        fs::create_dir(&tokens).expect("the bench's folder takes folders");
        fs::write(bench.conf(), format!("directories.tokendir = {}\n", tokens.display())).expect("and files");
        let _ = run(Command::new(util)
            .args(["--init-token", "--free", "--label", "vendor", "--pin", PIN, "--so-pin", PIN])
            .env("SOFTHSM2_CONF", bench.conf()))
        .succeeds();
        fs::write(bench.path("pin"), PIN).expect("and files");
        fs::write(bench.path("data"), [7; 32]).expect("and files");
        fs::write(bench.path("so-pin"), SO_PIN).expect("and files");
        let _ = run(Command::new("chmod").arg("600").args([bench.path("pin"), bench.path("so-pin")])).succeeds();
        let table = format!(
            "[[slot]]\nname = \"hsm\"\nkind = \"pkcs11\"\nlibrary = \"{}\"\ntoken = \"vendor\"\npin_file = \"{}\"\n\
             deadline = 5\nenvironment = {{ SOFTHSM2_CONF = \"{}\" }}\n",
            library.display(),
            bench.path("pin").display(),
            bench.conf().display()
        );
        let configuration = bench.appliance.dir().join("strongroom.toml");
        let file = OpenOptions::new().append(true).open(configuration);
        file.and_then(|mut file| file.write_all(table.as_bytes())).expect("the appliance has a configuration");
        let socket = bench.appliance.doors().socket.clone();
        fs::write(bench.path("pkcs11.toml"), format!("socket = \"{}\"\ntoken = \"hsm\"\n", socket.display()))
            .expect("and files");
        bench.appliance.restart();
        bench.wait("usable");
        let [pin, so_pin] = ["pin", "so-pin"].map(|name| bench.path(name).display().to_string());
        let _ = bench.strongroom(&format!("slot init hsm --so-pin-file {so_pin} --user-pin-file {pin}")).succeeds();
        Some(bench)
    }

    fn conf(&self) -> PathBuf {
        self.path("softhsm2.conf")
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

    /// pkcs11-tool on the token itself, past us.
    pub(crate) fn past(&self, words: &str) -> Outcome {
        let mut command = Command::new(&self.tool);
        command.arg("--module").arg(self.library).env("SOFTHSM2_CONF", self.conf());
        run(command.args(["--login", "--pin", PIN]).args(self.words(words)))
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
const LIBRARIES: &[&str] = &["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
