//! An appliance on the workbench, and files to try it with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_tests::{Appliance, Outcome, run, skip_or_require};

/// An appliance, pkcs11-tool and OpenSSL.
pub(crate) struct Bench {
    pub(crate) appliance: Appliance,
    tool: PathBuf,
    openssl: PathBuf,
}

impl Bench {
    /// A bench with both tools, where they are installed.
    pub(crate) fn new() -> Option<Bench> {
        let tool = skip_or_require("pkcs11-tool")?;
        let openssl = skip_or_require("openssl")?;
        let bench = Bench { appliance: Appliance::start(), tool, openssl };
        // pkcs11-tool writes no object of more than 5,000 bytes.
        fs::write(bench.path("data"), (0_u32..1000).flat_map(u32::to_be_bytes).collect::<Vec<u8>>())
            .expect("the bench's folder takes files");
        Some(bench)
    }

    /// The path of a file on the bench.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.appliance.folder().join(name)
    }

    /// The bytes of a file on the bench.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("cannot read {name}: {error}"))
    }

    /// pkcs11-tool with the module, before anybody logs in. Words that begin with `@` name files on the bench.
    pub(crate) fn stranger(&self, words: &str) -> Outcome {
        run(&mut self.command(words))
    }

    /// pkcs11-tool with the module, about to be run.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = self.appliance.customer(&self.tool);
        command.arg("--module").arg(&self.appliance.doors().pkcs11.module).args(self.words(words));
        command
    }

    /// The same, logged in.
    pub(crate) fn user(&self, words: &str) -> Outcome {
        self.stranger(&format!("--login --pin {} {words}", self.appliance.doors().pkcs11.user_pin))
    }

    /// OpenSSL without the module. Words that begin with `@` name files on the bench.
    pub(crate) fn openssl(&self, words: &str) -> Outcome {
        run(Command::new(&self.openssl).args(self.words(words)))
    }

    /// A pair in the token, and its public half as `NAME.pem` on the bench.
    #[track_caller]
    pub(crate) fn pair(&self, kind: &str, name: &str, id: &str) {
        let _ = self.user(&format!("--keypairgen --key-type {kind} --label {name} --id {id}")).succeeds();
        let _ = self.user(&format!("--read-object --type pubkey --id {id} -o @{name}.der")).succeeds();
        let _ = self.openssl(&format!("pkey -pubin -inform DER -in @{name}.der -out @{name}.pem")).succeeds();
    }

    fn words(&self, words: &str) -> Vec<String> {
        let placed = |word: &str| match word.split_once('@') {
            Some((before, name)) => format!("{before}{}", self.path(name).display()),
            None => word.to_owned(),
        };
        words.split_whitespace().map(placed).collect()
    }
}

/// A program that takes the engine's configuration from a file.
pub(crate) fn configured(program: &Path, configuration: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("OPENSSL_CONF", configuration);
    command
}
