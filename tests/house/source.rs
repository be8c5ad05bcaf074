//! The files that the laws are read from: the repository as it lies there, or a few made-up ones.

use std::fs;
use std::path::{Path, PathBuf};

use crate::scan::Scan;

/// One file of the repository.
pub(crate) struct Source {
    /// From the top of the repository, with `/` between the parts.
    pub path: String,
    /// Empty where the file is not text.
    pub text: String,
    /// The text taken apart, for Rust files.
    pub scan: Scan,
}

/// All files, in the order of their paths.
pub(crate) struct House {
    pub sources: Vec<Source>,
}

impl House {
    /// The repository, without what `.gitignore` names.
    pub(crate) fn real() -> House {
        let top = top();
        let ignored = read(&top.join(".gitignore"));
        let ignored: Vec<&str> = ignored.lines().map(|line| line.trim_end_matches('/')).collect();
        let mut found = Vec::new();
        walk(&top, "", &ignored, &mut found);
        found.sort();
        House::of(found.iter().map(|path| (path.as_str(), read(&top.join(path)))))
    }

    /// Made-up files, to try a rule on.
    pub(crate) fn made_up(files: &[(&str, &str)]) -> House {
        House::of(files.iter().map(|(path, text)| (*path, (*text).to_owned())))
    }

    fn of<'a>(files: impl Iterator<Item = (&'a str, String)>) -> House {
        let sources = files.map(|(path, text)| {
            let scan = if path.ends_with(".rs") { Scan::new(&text) } else { Scan::default() };
            Source { path: path.to_owned(), text, scan }
        });
        House { sources: sources.collect() }
    }

    /// The Rust files below one folder, or all of them for the empty name.
    pub(crate) fn rust<'a>(&'a self, below: &'a str) -> impl Iterator<Item = &'a Source> {
        self.sources.iter().filter(move |source| source.path.starts_with(below) && source.path.ends_with(".rs"))
    }

    /// Whether there is such a file, or a folder with files in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.sources.iter().any(|source| source.path == path || source.path.starts_with(&format!("{path}/")))
    }
}

impl Source {
    /// Whether the whole file is test code: it stands in a crate's `tests` folder, or is a file `tests.rs` beside its room.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs") || self.path.starts_with("fuzz/")
    }
}

/// The top of the repository, found from where this package lies.
fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies one level below the top").to_owned()
}

fn read(path: &Path) -> String {
    fs::read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

fn walk(folder: &Path, below: &str, ignored: &[&str], found: &mut Vec<String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if name == ".git" || ignored.contains(&name.as_str()) || ignored.contains(&format!("/{path}").as_str()) {
            continue;
        }
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&entry.path(), &path, ignored, found);
        } else {
            found.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Finding;
    use crate::finding::none;

    #[test]
    fn gitignore_has_only_the_plain_lines_that_the_walk_understands() {
        let ignored = read(&top().join(".gitignore"));
        none(
            (1..)
                .zip(ignored.lines())
                .filter(|(_, line)| line.contains(['*', '!', '?', '[', '#']) || line.trim_end() != *line)
                .map(|(line, _)| Finding::new(".gitignore", line, "write a plain name, or a path that begins with /"))
                .collect(),
        );
    }

    #[test]
    fn the_walk_finds_this_file_and_nothing_built() {
        let house = House::real();
        assert!(house.has("tests/house/source.rs"));
        assert!(!house.has("target"));
        assert!(house.rust("kmip/src").count() > 0);
    }
}
