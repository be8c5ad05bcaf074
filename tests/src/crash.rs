//! Crashes: a loss of power that takes everything which was not synced.
//!
//! [`Powerloss`] builds the model (`tests/crash/powerloss.c`); [`Powerloss::watch`] sets it on a folder; a program that
//! runs with [`Watch::env`] has what it syncs copied aside; once it is killed, [`Watch::restore`] leaves in the folder
//! what the disk would have. Any folder will do: several files, appends, renames, folders in folders.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use crate::build::top;
use crate::folder::Folder;
use crate::program::run;

/// What a program that is to be killed says: one line in one write, so that writers do not mix theirs and a kill leaves no
/// half line. Nobody listening means that the test is gone.
pub fn say(line: std::fmt::Arguments<'_>) {
    let line = format!("{line}\n");
    if io::stdout().lock().write_all(line.as_bytes()).is_err() {
        std::process::exit(1);
    }
}

/// Says why such a program ends by itself.
#[must_use]
pub fn fail(why: &str) -> ExitCode {
    say(format_args!("refused - {why}"));
    ExitCode::FAILURE
}

/// The model, built.
#[derive(Clone, Debug)]
pub struct Powerloss {
    library: PathBuf,
}

impl Powerloss {
    /// Builds the model with the C compiler, once per process.
    ///
    /// # Panics
    ///
    /// Where there is no C compiler (`make setup` installs one).
    #[must_use]
    pub fn build() -> Self {
        static BUILT: OnceLock<Folder> = OnceLock::new();
        let folder = BUILT.get_or_init(|| {
            let folder = Folder::new();
            let source = top().join("tests/crash/powerloss.c");
            let flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread", "-o"];
            let _ = run(Command::new("cc").args(flags).arg(folder.join(LIBRARY)).arg(source)).succeeds();
            folder
        });
        Self { library: folder.join(LIBRARY) }
    }

    /// Sets the model on a folder. What is in it now counts as safe on the disk.
    ///
    /// # Panics
    ///
    /// Where the folder cannot be read.
    #[must_use]
    pub fn watch(&self, folder: impl Into<PathBuf>) -> Watch {
        let watch = Watch { library: self.library.clone(), folder: folder.into(), shadow: Folder::new() };
        watch.adopt().unwrap_or_else(|error| panic!("cannot watch {}: {error}", watch.folder.display()));
        watch
    }
}

/// A folder and its shadow: what the disk would have of it.
#[derive(Debug)]
pub struct Watch {
    library: PathBuf,
    folder: PathBuf,
    shadow: Folder,
}

/// What a loss of power leaves of what was not synced. Each is something that a real disk may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Which names a folder has.
    pub names: Names,
    /// Which content a file has.
    pub pages: Pages,
}

/// Which names survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Those of the folder's last sync: a file made since is gone, one removed since is back.
    AsSynced,
    /// Those of the last moment: a journal may well have written them, before any of the files' content.
    AsTheyStood,
}

/// Which content survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// That of the file's last sync.
    AsSynced,
    /// Of each page, by the dice of this seed, that of the last sync or that of the last moment.
    Mixed(u64),
}

impl Loss {
    /// Nothing but what was synced.
    pub const PLAIN: Loss = Loss { names: Names::AsSynced, pages: Pages::AsSynced };
}

impl Watch {
    /// The environment under which a program is watched.
    #[must_use]
    pub fn env(&self) -> [(&'static str, OsString); 3] {
        [
            ("LD_PRELOAD", self.library.clone().into()),
            ("STRONGROOM_POWERLOSS_SHADOW", self.shadow.path().into()),
            ("STRONGROOM_POWERLOSS_ROOT", self.folder.clone().into()),
        ]
    }

    /// Puts into the folder what the loss leaves of it. Every watched program must be dead by now. To go on, watch anew:
    /// the files are others.
    ///
    /// # Panics
    ///
    /// Where the folder cannot be written.
    pub fn restore(self, loss: Loss) {
        self.try_restore(loss).unwrap_or_else(|error| panic!("cannot restore {}: {error}", self.folder.display()));
    }

    fn adopt(&self) -> io::Result<()> {
        let stood = Stood::read(&self.folder)?;
        for (id, entries) in &stood.folders {
            let mut listing = Vec::new();
            for entry in entries {
                listing.extend_from_slice(format!("{} {:o} ", entry.id, entry.mode).as_bytes());
                listing.extend_from_slice(entry.name.as_bytes());
                listing.push(0);
            }
            fs::write(self.shadow.join(&format!("d{id}")), listing)?;
        }
        for (id, path) in &stood.files {
            fs::copy(path, self.shadow.join(&format!("f{id}")))?;
        }
        Ok(())
    }

    fn try_restore(&self, loss: Loss) -> io::Result<()> {
        let stood = Stood::read(&self.folder)?;
        let seed = if let Pages::Mixed(seed) = loss.pages { seed } else { 0 };
        let mut restoring = Restoring { watch: self, stood: &stood, loss, dice: Dice::new(seed) };
        let fresh = self.folder.with_extension("restored");
        let seen = fs::symlink_metadata(&self.folder)?;
        restoring.folder(&identity(&seen), seen.mode(), &fresh)?;
        fs::remove_dir_all(&self.folder)?;
        fs::rename(fresh, &self.folder)
    }
}

/// A folder in the last moment.
struct Stood {
    /// By the identity of each folder: what is in it.
    folders: BTreeMap<String, Vec<Entry>>,
    /// By the identity of each file: where it is.
    files: BTreeMap<String, PathBuf>,
}

#[derive(Clone)]
struct Entry {
    id: String,
    mode: u32,
    name: OsString,
}

impl Stood {
    fn read(path: &Path) -> io::Result<Self> {
        let mut this = Self { folders: BTreeMap::new(), files: BTreeMap::new() };
        this.add(path)?;
        Ok(this)
    }

    fn add(&mut self, path: &Path) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            let seen = entry.metadata()?;
            let id = identity(&seen);
            if seen.is_dir() {
                self.add(&entry.path())?;
            } else if seen.is_file() {
                self.files.insert(id.clone(), entry.path());
            } else {
                // A socket or the like is of no use after a restart.
                continue;
            }
            entries.push(Entry { id, mode: seen.mode(), name: entry.file_name() });
        }
        self.folders.insert(identity(&fs::symlink_metadata(path)?), entries);
        Ok(())
    }
}

struct Restoring<'a> {
    watch: &'a Watch,
    stood: &'a Stood,
    loss: Loss,
    dice: Dice,
}

impl Restoring<'_> {
    fn folder(&mut self, id: &str, mode: u32, to: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(to)?;
        for entry in self.names(id)? {
            let to = to.join(&entry.name);
            if entry.mode & S_IFMT == S_IFDIR {
                self.folder(&entry.id, entry.mode, &to)?;
            } else {
                fs::write(&to, self.content(&entry.id)?)?;
                fs::set_permissions(&to, Permissions::from_mode(entry.mode & 0o7777))?;
            }
        }
        fs::set_permissions(to, Permissions::from_mode(mode & 0o7777))
    }

    fn names(&self, id: &str) -> io::Result<Vec<Entry>> {
        if self.loss.names == Names::AsTheyStood
            && let Some(entries) = self.stood.folders.get(id)
        {
            return Ok(entries.clone());
        }
        let listing = self.kept('d', id)?;
        Ok(listing.split(|byte| *byte == 0).filter_map(parse).collect())
    }

    fn content(&mut self, id: &str) -> io::Result<Vec<u8>> {
        let synced = self.kept('f', id)?;
        let (Pages::Mixed(_), Some(path)) = (self.loss.pages, self.stood.files.get(id)) else { return Ok(synced) };
        let last = fs::read(path)?;
        let length = if self.dice.roll(2) == 0 { synced.len() } else { last.len() };
        let mut mixed = vec![0; length];
        for (start, page) in (0..).step_by(PAGE).zip(mixed.chunks_mut(PAGE)) {
            let from = if self.dice.roll(2) == 0 { &synced } else { &last };
            let from = from.get(start..).unwrap_or_default();
            page.iter_mut().zip(from).for_each(|(byte, from)| *byte = *from);
        }
        Ok(mixed)
    }

    /// What the shadow has; what was never synced is empty.
    fn kept(&self, kind: char, id: &str) -> io::Result<Vec<u8>> {
        match fs::read(self.watch.shadow.join(&format!("{kind}{id}"))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }
}

fn parse(line: &[u8]) -> Option<Entry> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let id = String::from_utf8(words.next()?.to_vec()).ok()?;
    let mode = u32::from_str_radix(std::str::from_utf8(words.next()?).ok()?, 8).ok()?;
    Some(Entry { id, mode, name: OsStr::from_bytes(words.next()?).to_owned() })
}

/// Inode and time of birth, as the C side spells them.
fn identity(seen: &fs::Metadata) -> String {
    let born = seen.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    format!("{}-{}-{}", seen.ino(), born.as_secs(), born.subsec_nanos())
}

/// Chance that can be had again: the same seed rolls the same numbers.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // The multiplier spreads small seeds; zero would roll nothing but zeros.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `sides`, which is at least one.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % sides.max(1)
    }
}

const LIBRARY: &str = "libpowerloss.so";

/// What a disk writes at once.
const PAGE: usize = 4096;

const S_IFMT: u32 = 0o170_000;
const S_IFDIR: u32 = 0o040_000;
