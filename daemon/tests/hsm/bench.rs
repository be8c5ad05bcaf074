//! A SoftHSM2 token of a test's own, and a slot over it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use strongroom::{
    clock::SystemClock,
    slot::{
        Condition, Slot,
        hsm::{Choice, Network, Settings},
        registry,
    },
};
use strongroom_kmip::secret::Secret;

/// A folder that is removed when it is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("strongroom-hsm-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A token of SoftHSM2.
pub(crate) struct Token {
    pub(crate) folder: Folder,
    pub(crate) library: PathBuf,
}

impl Token {
    /// A fresh one called `label`, or nothing where SoftHSM2 is not installed; a machine that builds for others has it.
    pub(crate) fn new(label: &str) -> Option<Self> {
        let library = LIBRARIES.iter().map(PathBuf::from).find(|path| path.exists());
        if library.is_none() {
            assert!(std::env::var_os("CI").is_none(), "SoftHSM2 is not installed");
        }
        let token = Self { folder: Folder::new(), library: library? };
        fs::create_dir(token.folder.0.join("tokens")).unwrap();
        let tokens = token.folder.0.join("tokens");
        let text =
            format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
        fs::write(token.conf(), text).unwrap();
        token.initialise(label);
        Some(token)
    }

    pub(crate) fn initialise(&self, label: &str) {
        self.util(&["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "87654321"]);
    }

    /// What says of each token that it is one, as it is now.
    pub(crate) fn heads(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let folders = fs::read_dir(self.folder.0.join("tokens")).unwrap();
        let heads = folders.map(|folder| folder.unwrap().path().join("token.object"));
        heads.map(|head| (head.clone(), fs::read(head).unwrap())).collect()
    }

    /// Puts back what SoftHSM2 has lost: it empties that file at each login before it writes it, so that a process that
    /// is killed in between leaves a token that is none.
    pub(crate) fn mend(&self, heads: &[(PathBuf, Vec<u8>)]) {
        for (head, whole) in heads {
            if fs::metadata(head).is_ok_and(|now| now.len() < whole.len() as u64) {
                let fresh = self.folder.0.join("fresh");
                fs::write(&fresh, whole).unwrap();
                fs::rename(fresh, head).unwrap();
            }
        }
    }

    fn conf(&self) -> PathBuf {
        self.folder.0.join("softhsm2.conf")
    }

    /// Runs `softhsm2-util`.
    pub(crate) fn util(&self, arguments: &[&str]) {
        let mut command = Command::new("softhsm2-util");
        command.args(arguments).env("SOFTHSM2_CONF", self.conf()).stdout(Stdio::null());
        assert!(command.status().unwrap().success(), "{arguments:?}");
    }

    /// Runs `pkcs11-tool` on the token, logged in, past us; what it says.
    pub(crate) fn tool(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("pkcs11-tool");
        command.arg("--module").arg(&self.library).args(["--login", "--pin", PIN]).args(arguments);
        let output = command.env("SOFTHSM2_CONF", self.conf()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// How many objects of one type are in the token.
    pub(crate) fn objects(&self, kind: &str) -> usize {
        let said = self.tool(&["--list-objects", "--type", kind]);
        said.lines().filter(|line| line.contains("Object;")).count()
    }

    /// What a slot over it is made of.
    pub(crate) fn settings(&self, label: &str) -> Settings {
        Settings {
            paths: vec![self.folder.0.clone()],
            environment: vec![("SOFTHSM2_CONF".to_owned(), self.conf().display().to_string())],
            ..settings(&self.library, label)
        }
    }

    /// A usable slot over it.
    pub(crate) fn slot(&self, label: &str) -> Arc<dyn Slot> {
        usable(registry::token(self.settings(label)))
    }
}

/// What a slot over a library is made of.
pub(crate) fn settings(library: &Path, label: &str) -> Settings {
    Settings {
        name: "hsm".to_owned(),
        library: library.to_owned(),
        choice: Choice::Label(label.to_owned()),
        pin: Box::new(|| Some(Secret::copy_of(PIN.as_bytes()))),
        deadline: Duration::from_secs(5),
        wrap_with: None,
        sessions: 4,
        network: Network::None,
        processes: false,
        paths: Vec::new(),
        environment: Vec::new(),
        program: PathBuf::from(env!("CARGO_BIN_EXE_strongroom")),
        clock: Arc::new(SystemClock),
    }
}

/// The slot, once it is usable.
#[track_caller]
pub(crate) fn usable(slot: Arc<dyn Slot>) -> Arc<dyn Slot> {
    until(&*slot, |condition| condition == Condition::Usable);
    slot
}

/// Says that it is over when it is dropped, so that no thread works on for a test that has failed.
pub(crate) struct Ending<'a>(pub(crate) &'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits for a condition of the slot.
#[track_caller]
pub(crate) fn until(slot: &dyn Slot, wanted: impl Fn(Condition) -> bool) {
    let (begun, holding) = (Instant::now(), slot.holding().unwrap());
    while !wanted(holding.condition()) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", holding.condition());
        sleep(Duration::from_millis(5));
    }
}

pub(crate) const PIN: &str = "12345678";
const LIBRARIES: &[&str] = &["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
