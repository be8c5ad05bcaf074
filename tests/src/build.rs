//! Finds what cargo has built, and refuses to test what is older than its sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The top of the repository.
///
/// # Panics
///
/// Never: this package lies one level below it.
#[must_use]
pub fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package's folder is not the root of the file system")
}

/// The path of a program or library that cargo built in the same profile as the running test, such as `strongroom` or
/// `libstrongroom_pkcs11.so`.
///
/// # Panics
///
/// Where it is missing, or older than a source it was built from.
#[must_use]
#[track_caller]
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has an executable");
    // A test lies in `deps`, beside which the finished programs are; a benchmark or the runner is one of these.
    let path = test.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.exists());
    let Some(path) = path else { panic!("{name} is not built; run `cargo build --workspace` first") };
    if let Some(newer) = newer_source(&path) {
        panic!("{name} is older than {}; run `cargo build --workspace` first", newer.display());
    }
    path
}

/// The first source, of those that cargo names beside the program, that was changed after the program was built.
fn newer_source(program: &Path) -> Option<PathBuf> {
    let built = changed(program)?;
    let listed = fs::read_to_string(program.with_extension("d")).ok()?;
    let (_, sources) = listed.split_once(": ")?;
    sources.split_whitespace().map(PathBuf::from).find(|source| changed(source).is_some_and(|time| time > built))
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
