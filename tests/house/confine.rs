//! What may stand in a few named places only: unsafe code, async code, and asking the system for time or chance.

use crate::finding::Finding;
use crate::source::House;

/// Where `unsafe` may stand. A folder ends in `/`.
const UNSAFE: &[&str] = &["pkcs11-module/src/ffi/", "daemon/src/memory.rs"];

/// At most one file below this folder may have `unsafe` too.
const ONE_UNSAFE: &str = "daemon/src/slot/software/";

/// Where the daemon may be asynchronous.
const ASYNC: &[&str] = &["daemon/src/front/", "daemon/src/rounds/", "daemon/src/server.rs", "daemon/src/main.rs"];

/// Words of asynchronous code.
const ASYNC_WORDS: &[&str] = &["async", "await", "tokio", "tokio_rustls", "futures"];

/// Where the daemon may ask the system. The last one is a slot's random source.
const ASKING: &[&str] = &[
    "daemon/src/clock.rs",
    "daemon/src/server.rs",
    "daemon/src/main.rs",
    "daemon/src/command/",
    "daemon/src/slot/software/random.rs",
];

/// How the system is asked for the time, the environment or randomness.
const QUESTIONS: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "OffsetDateTime::now_utc",
    "OffsetDateTime::now_local",
    "env::var",
    "env::var_os",
    "env::vars",
    "env::args",
    "env::current_dir",
    "getrandom",
    "rand_bytes",
    "SystemRandom",
    "thread_rng",
    "rand::fill",
    "rand::random",
];

fn stands_in(path: &str, places: &[&str]) -> bool {
    places.iter().any(|place| if place.ends_with('/') { path.starts_with(place) } else { path == *place })
}

/// Where a word stands in the line by itself.
fn word_at(line: &str, word: &str) -> Option<usize> {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .map(|(at, _)| at)
        .find(|at| !line[..*at].ends_with(part_of_word) && !line[at + word.len()..].starts_with(part_of_word))
}

/// Unsafe code stands in its three rooms.
pub(crate) fn rooms_of_unsafe(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut first: Option<&str> = None;
    for source in house.rust("").filter(|source| !stands_in(&source.path, UNSAFE)) {
        for (line, code) in source.scan.lines() {
            if word_at(code, "unsafe").is_none() {
                continue;
            }
            if source.path.starts_with(ONE_UNSAFE) && *first.get_or_insert(&source.path) == source.path {
                continue;
            }
            found.push(Finding::new(
                &source.path,
                line,
                "unsafe outside its rooms; find a safe crate, or move the call into pkcs11-module/src/ffi, \
                 daemon/src/memory.rs or the one file below daemon/src/slot/software",
            ));
        }
    }
    found
}

/// Each unsafe block and implementation says above itself who promises what.
pub(crate) fn safety_comments(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in house.rust("") {
        let lines: Vec<&str> = source.scan.code.split('\n').collect();
        for (index, code) in lines.iter().enumerate() {
            let mut rest = *code;
            while let Some(at) = word_at(rest, "unsafe") {
                rest = &rest[at + "unsafe".len()..];
                let next = rest.trim_start();
                let follows =
                    if next.is_empty() { lines.get(index + 1).map_or("", |line| line.trim_start()) } else { next };
                let promised = || {
                    let above = (0..index).rev();
                    // The statement may begin a few lines above the word; the comment stands over its beginning.
                    let mut comment = above.skip_while(|at| {
                        let line = lines[*at].trim_end();
                        !line.trim().is_empty() && !line.ends_with([';', '{', '}'])
                    });
                    std::iter::once(&source.scan.comments[index])
                        .chain(comment.by_ref().map_while(|at| {
                            let text = &source.scan.comments[at];
                            (lines[at].trim().is_empty() && !text.is_empty()).then_some(text)
                        }))
                        .any(|text| text.contains("SAFETY:"))
                };
                if (follows.starts_with('{') || follows.starts_with("impl")) && !promised() {
                    found.push(Finding::new(&source.path, index + 1, "write `// SAFETY:` above it: who promises what"));
                }
            }
        }
    }
    found
}

/// Service and below are plain functions.
pub(crate) fn async_below_front(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in house.rust("").filter(|source| is_inner(&source.path) && !stands_in(&source.path, ASYNC)) {
        for (line, code) in source.scan.lines() {
            for word in ASYNC_WORDS.iter().filter(|word| word_at(code, word).is_some()) {
                let advice =
                    format!("`{word}` below the front; make it a plain function and let the front wait for it");
                found.push(Finding::new(&source.path, line, advice));
            }
        }
    }
    found
}

/// The code that is the house itself; the tests, benchmarks and fuzz targets around it wait as they like.
fn is_inner(path: &str) -> bool {
    ["kmip/src/", "daemon/src/", "pkcs11-module/"].iter().any(|folder| path.starts_with(folder))
}

/// Clock and chance are given.
pub(crate) fn questions(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in house.rust("daemon/src/").chain(house.rust("kmip/src/")) {
        if stands_in(&source.path, ASKING) || source.is_test() {
            continue;
        }
        for (line, code) in source.scan.shipped() {
            for word in QUESTIONS.iter().filter(|word| word_at(code, word).is_some()) {
                let advice =
                    format!("`{word}` asks the system; take a clock, a value or a source of chance as an argument");
                found.push(Finding::new(&source.path, line, advice));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{exactly, none};

    #[test]
    fn unsafe_code_stands_in_its_rooms_only() {
        none(rooms_of_unsafe(&House::real()));
    }

    #[test]
    fn every_unsafe_block_says_who_promises_what() {
        none(safety_comments(&House::real()));
    }

    #[test]
    fn async_stops_at_the_front() {
        none(async_below_front(&House::real()));
    }

    #[test]
    fn clock_and_chance_are_given() {
        none(questions(&House::real()));
    }

    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

    #[test]
    fn stray_unsafe_is_found() {
        let rows: &[Row<'_>] = &[
            ("in the ffi room", &[("pkcs11-module/src/ffi/memory.rs", "unsafe fn f() {}")], &[]),
            ("in the arena", &[("daemon/src/memory.rs", "unsafe { f() }")], &[]),
            (
                "elsewhere in the module",
                &[("pkcs11-module/src/remote.rs", "\nunsafe { f() }")],
                &["pkcs11-module/src/remote.rs:2"],
            ),
            (
                "in a test",
                &[("kmip/src/tag.rs", "#[cfg(test)]\nmod tests { fn f() { unsafe { g() } } }")],
                &["kmip/src/tag.rs:2"],
            ),
            (
                "in a comment, a string, a longer word",
                &[("kmip/src/tag.rs", "#![deny(unsafe_code)] // unsafe\n\"unsafe\"")],
                &[],
            ),
            (
                "a second file of the software slot",
                &[
                    ("daemon/src/slot/software/engine.rs", "unsafe { f() }\nunsafe { g() }"),
                    ("daemon/src/slot/software/mac.rs", "unsafe { f() }"),
                ],
                &["daemon/src/slot/software/mac.rs:1"],
            ),
        ];
        for (name, files, places) in rows {
            exactly(name, &rooms_of_unsafe(&House::made_up(files)), places);
        }
    }

    #[test]
    fn unsafe_without_a_promise_is_found() {
        let rows: &[(&str, &str, &[&str])] = &[
            (
                "a comment right above",
                "fn f() {\n// SAFETY: the caller keeps it alive\n// for us.\nunsafe { g() }\n}",
                &[],
            ),
            ("a comment above the statement", "fn f() {\n// SAFETY: x\nlet a =\n    unsafe { g() };\n}", &[]),
            ("nothing", "fn f() {\nunsafe { g() }\n}", &["a.rs:2"]),
            ("another comment", "fn f() {\n// fast\nunsafe { g() }\n}", &["a.rs:3"]),
            (
                "the promise of the block before",
                "fn f() {\n// SAFETY: x\nunsafe { g() };\nunsafe { h() };\n}",
                &["a.rs:4"],
            ),
            ("a promise too far up", "// SAFETY: x\n\nfn f() {\nunsafe { g() }\n}", &["a.rs:4"]),
            ("an implementation", "struct S;\nunsafe impl Send for S {}", &["a.rs:2"]),
            ("a function that passes the duty on", "unsafe fn f() {}", &[]),
        ];
        for (name, source, places) in rows {
            exactly(name, &safety_comments(&House::made_up(&[("a.rs", source)])), places);
        }
    }

    #[test]
    fn async_in_a_low_room_is_found() {
        let rows: &[Row<'_>] = &[
            ("in the front", &[("daemon/src/front/listen.rs", "async fn f() { g().await }")], &[]),
            ("in the server", &[("daemon/src/server.rs", "use tokio::runtime::Runtime;")], &[]),
            (
                "in a service",
                &[("daemon/src/service/sign.rs", "fn f() {}\nasync fn g() {}")],
                &["daemon/src/service/sign.rs:2"],
            ),
            (
                "in the module",
                &[("pkcs11-module/src/remote.rs", "use tokio::net;")],
                &["pkcs11-module/src/remote.rs:1"],
            ),
            ("in the tests around the house", &[("tests/src/lib.rs", "async fn g() {}")], &[]),
            ("a longer word", &[("daemon/src/audit/log.rs", "let awaited = 1;")], &[]),
        ];
        for (name, files, places) in rows {
            exactly(name, &async_below_front(&House::made_up(files)), places);
        }
    }

    #[test]
    fn asking_the_system_is_found() {
        let rows: &[Row<'_>] = &[
            ("the clock itself", &[("daemon/src/clock.rs", "Instant::now()")], &[]),
            (
                "the time",
                &[("daemon/src/audit/entry.rs", "\nlet t = std::time::SystemTime::now();")],
                &["daemon/src/audit/entry.rs:2"],
            ),
            ("the environment", &[("daemon/src/config.rs", "env::var(x)")], &["daemon/src/config.rs:1"]),
            (
                "chance",
                &[("daemon/src/vault/seal.rs", "openssl::rand::rand_bytes(&mut b)")],
                &["daemon/src/vault/seal.rs:1"],
            ),
            (
                "in a test",
                &[("daemon/src/vault/seal.rs", "#[cfg(test)]\nmod tests { fn f() { Instant::now(); } }")],
                &[],
            ),
            ("in a comment", &[("daemon/src/vault/seal.rs", "// Instant::now is not asked")], &[]),
        ];
        for (name, files, places) in rows {
            exactly(name, &questions(&House::made_up(files)), places);
        }
    }
}
