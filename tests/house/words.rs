//! Words that do not belong into what is committed.

use crate::finding::Finding;
use crate::source::{House, Source};

/// Code that gives up instead of answering, and what to do instead.
const GIVING_UP: &[(&str, &str)] = &[
    (".unwrap()", "answer an error, or `expect` with the reason that the next line proves"),
    (".unwrap_err()", "answer an error"),
    ("todo!", "finish it"),
    ("unimplemented!", "finish it, or answer the standard's error for it"),
];

/// Settings that point a package client at somebody's own registry.
const REGISTRIES: &[&str] = &["index-url", "replace-with", "[registries", "proxy.golang", "registry-index"];

/// The only place that locked crates come from.
const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// Shipped code neither panics by shortcut nor leaves work for later.
pub(crate) fn giving_up(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in house.rust("").filter(|source| !source.is_test() || source.path.starts_with("tests/src/")) {
        for (line, code) in source.scan.shipped() {
            for (word, advice) in GIVING_UP.iter().filter(|(word, _)| code.contains(word)) {
                found.push(Finding::new(&source.path, line, format!("`{word}`: {advice}")));
            }
        }
    }
    found
}

/// A test that does not run says why.
pub(crate) fn silent_ignores(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in house.rust("") {
        for (line, code) in source.scan.lines() {
            if code.split_whitespace().collect::<String>().contains("#[ignore]") {
                found.push(Finding::new(&source.path, line, "say why it does not run: #[ignore = \"…\"]"));
            }
        }
    }
    found
}

/// Nothing tells on which machine, or behind which registry, it was made.
pub(crate) fn machine_traces(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in &house.sources {
        if source.path == "Cargo.lock" {
            let lines = (1..).zip(source.text.lines());
            let strange = lines.filter(|(_, line)| line.starts_with("source = ") && *line != CRATES_IO);
            found.extend(strange.map(|(line, _)| Finding::new(&source.path, line, "crates come from crates.io only")));
            continue;
        }
        for (line, text) in (1..).zip(source.text.lines()) {
            if let Some(path) = machine_path(text) {
                found.push(Finding::new(
                    &source.path,
                    line,
                    format!("`{path}` is a path of one machine; find it at run time"),
                ));
            }
            for word in REGISTRIES.iter().filter(|word| text.contains(*word) && !is_this(source)) {
                found.push(Finding::new(
                    &source.path,
                    line,
                    format!("`{word}` names a registry; leave that to the machine"),
                ));
            }
        }
    }
    found
}

/// The file that lists the words.
fn is_this(source: &Source) -> bool {
    source.path == "tests/house/words.rs"
}

/// The folder at the root of some developer's machine that a line mentions.
fn machine_path(line: &str) -> Option<&'static str> {
    // Written in pieces, so that this file does not find itself.
    const FOLDERS: &[&str] =
        &[concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/"), concat!("/", "Users/")];
    FOLDERS.iter().copied().find(|folder| {
        line.match_indices(folder).any(|(at, _)| {
            !line[..at].ends_with(|before: char| {
                before.is_alphanumeric() || matches!(before, '.' | '/' | '_' | '-' | '}' | ')' | '$')
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{exactly, none};

    #[test]
    fn shipped_code_does_not_give_up() {
        none(giving_up(&House::real()));
    }

    #[test]
    fn every_ignored_test_says_why() {
        none(silent_ignores(&House::real()));
    }

    #[test]
    fn nothing_tells_on_which_machine_it_was_made() {
        none(machine_traces(&House::real()));
    }

    #[test]
    fn giving_up_is_found() {
        let rows: &[(&str, &str, &str, &[&str])] = &[
            ("unwrap", "kmip/src/tag.rs", "fn f() {\n x.unwrap();\n}", &["kmip/src/tag.rs:2"]),
            ("work left for later", "daemon/src/audit/log.rs", "fn f() { todo!() }", &["daemon/src/audit/log.rs:1"]),
            ("unwrap with a default", "kmip/src/tag.rs", "x.unwrap_or(1); x.unwrap_or_default();", &[]),
            ("in a test", "kmip/src/tag.rs", "#[cfg(test)]\nmod tests { fn f() { x.unwrap() } }", &[]),
            ("in an end-to-end test", "tests/clients/openssl.rs", "x.unwrap()", &[]),
            ("in what end-to-end tests share", "tests/src/lib.rs", "x.unwrap()", &["tests/src/lib.rs:1"]),
            ("in a comment", "kmip/src/tag.rs", "// never .unwrap()", &[]),
        ];
        for (name, file, source, places) in rows {
            exactly(name, &giving_up(&House::made_up(&[(file, source)])), places);
        }
    }

    #[test]
    fn an_ignored_test_without_a_reason_is_found() {
        let house =
            House::made_up(&[("a.rs", "#[test]\n#[ignore]\nfn f() {}\n#[ignore = \"needs an HSM\"]\nfn g() {}")]);
        exactly("ignored", &silent_ignores(&house), &["a.rs:2"]);
    }

    #[test]
    fn traces_of_a_machine_are_found() {
        let home = concat!("see /", "home/someone/x");
        let root = concat!("cd \"/", "root/x\"");
        let rows: &[(&str, &str, &str, &[&str])] = &[
            ("a home folder", "README.md", home, &["README.md:1"]),
            ("a root folder in a string", "a.rs", root, &["a.rs:1"]),
            ("a folder of that name inside another", "README.md", "see docs/work/x and https://x.org/home/y", &[]),
            (
                "a registry",
                ".cargo/config.toml",
                "[source.crates-io]\nreplace-with = \"ours\"",
                &[".cargo/config.toml:2"],
            ),
            ("a locked crate from elsewhere", "Cargo.lock", "source = \"git+https://x.org/y\"\n", &["Cargo.lock:1"]),
            ("a locked crate from crates.io", "Cargo.lock", CRATES_IO, &[]),
        ];
        for (name, file, source, places) in rows {
            exactly(name, &machine_traces(&House::made_up(&[(file, source)])), places);
        }
    }
}
