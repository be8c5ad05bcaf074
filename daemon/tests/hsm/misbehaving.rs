//! The library that misbehaves as it is told, and a slot over it.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::{Arc, OnceLock},
    time::Duration,
};

use strongroom::slot::{Error, Kept, Made, Purpose, Recipe, Slot, contract::Family, hsm::Settings, registry};
use strongroom_kmip::{
    mechanism::{Hash, Mechanism},
    secret::Secret,
};

use crate::bench::{Folder, settings, usable};

/// The library, with a token of its own that outlives its workers.
pub(crate) struct Misbehaving(Folder);

impl Misbehaving {
    /// One that behaves, for now.
    pub(crate) fn new() -> Self {
        Self(Folder::new())
    }

    /// Has it misbehave so from now on; with no word it behaves.
    pub(crate) fn told(&self, fault: &str) {
        // Renamed into place: nobody reads half a word.
        fs::write(self.0.0.join("fresh"), fault).unwrap();
        fs::rename(self.0.0.join("fresh"), self.0.0.join("fault")).unwrap();
    }

    /// How often somebody tried to log in.
    pub(crate) fn logins(&self) -> usize {
        fs::read(self.0.0.join("logins")).map_or(0, |tries| tries.len())
    }

    /// How often the library got at something that is none of its business.
    pub(crate) fn escapes(&self) -> usize {
        fs::read(self.0.0.join("escapes")).map_or(0, |escapes| escapes.len())
    }

    /// How many keys there are.
    pub(crate) fn keys(&self) -> usize {
        let bytes = fs::read(self.0.0.join("keys")).unwrap_or_default();
        bytes.chunks(16).filter(|name| name.iter().any(|byte| *byte != 0)).count()
    }

    /// What a slot over it is made of.
    pub(crate) fn settings(&self) -> Settings {
        let folder = self.0.0.display().to_string();
        Settings {
            deadline: Duration::from_secs(2),
            paths: vec![self.0.0.clone()],
            environment: vec![("MISBEHAVING".to_owned(), folder)],
            ..settings(&library(), "token")
        }
    }

    /// A slot over it that waits to be usable or not.
    pub(crate) fn slot(&self) -> Arc<dyn Slot> {
        registry::token(self.settings())
    }
}

/// The library, compiled once.
fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY
        .get_or_init(|| {
            let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/misbehaving/misbehaving.c");
            let library = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("misbehaving.so");
            let fresh = library.with_extension(std::process::id().to_string());
            let options = ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-override-init"];
            let compiled = Command::new("cc").args(options).arg("-o").arg(&fresh).arg(source).status().unwrap();
            assert!(compiled.success());
            fs::rename(&fresh, &library).unwrap();
            library
        })
        .clone()
}

/// A new key, if the slot makes one.
pub(crate) fn made(slot: &dyn Slot) -> Result<Kept, Error> {
    match slot.make(&Recipe::Symmetric { family: Family::Hmac, bits: 256 })? {
        Made::One(kept) => Ok(kept),
        Made::Pair { .. } => panic!("a pair"),
    }
}

/// What the key makes of some data.
pub(crate) fn signed(slot: &dyn Slot, kept: &Kept) -> Result<Secret, Error> {
    slot.open(kept)?.work(Purpose::Sign, &Mechanism::Hmac { hash: Hash::Sha256, length: 32 }, b"data")
}

/// A usable slot with a key in it, and what that key makes of some data.
pub(crate) fn ready(library: &Misbehaving) -> (Arc<dyn Slot>, Kept, Secret) {
    let slot = usable(library.slot());
    let kept = made(&*slot).unwrap();
    let mac = signed(&*slot, &kept).unwrap();
    (slot, kept, mac)
}
