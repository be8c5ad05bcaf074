//! A `mod.rs` is a door plate: what the room is, and what it passes on. So is a `lib.rs` of what is shipped.

use crate::finding::Finding;
use crate::source::{House, Source};

/// Door plates hold documentation, attributes, `mod` and `use`, nothing else.
pub(crate) fn logic_in_doors(house: &House) -> Vec<Finding> {
    house.rust("").filter(|source| is_plate(source)).filter_map(first_logic).collect()
}

/// The helpers of tests and benchmarks need no door.
fn is_plate(source: &Source) -> bool {
    let shipped = ["kmip/", "daemon/", "pkcs11-module/"].iter().any(|folder| source.path.starts_with(folder));
    source.path.ends_with("/mod.rs") || (shipped && source.path.ends_with("/lib.rs"))
}

/// The first statement of a file that does not belong on a door plate.
fn first_logic(source: &Source) -> Option<Finding> {
    let code = &source.scan.code;
    let mut at = 0;
    while at < code.len() {
        let rest = &code[at..];
        let first = rest.chars().next()?;
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let line = source.scan.line_of(at);
        if first == '#' {
            let open = at + rest.find('[')?;
            at = crate::scan::closing(code, open, '[', ']')?;
            continue;
        }
        let end = rest.find(';').map_or(code.len(), |end| at + end);
        let words: Vec<&str> = code[at..end].split_whitespace().collect();
        let seen = words.iter().position(|word| !(word.starts_with("pub") || word.ends_with(')')));
        let plain = seen.and_then(|seen| words.get(seen)).is_some_and(|word| matches!(*word, "mod" | "use" | "extern"));
        // `mod x {` would hide a room in the plate.
        let inline = words.contains(&"mod") && words.iter().any(|word| word.contains('{'));
        if (!plain || inline) && !source.scan.is_test(line) {
            return Some(Finding::new(
                &source.path,
                line,
                "a door plate holds no logic; move this into a file of its own",
            ));
        }
        at = if inline { crate::scan::closing(code, at + rest.find('{')?, '{', '}')? } else { end + 1 };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{exactly, none};

    #[test]
    fn door_plates_hold_no_logic() {
        none(logic_in_doors(&House::real()));
    }

    #[test]
    fn logic_in_a_door_plate_is_found() {
        let rows: &[(&str, &str, &str, &[&str])] = &[
            (
                "documentation, mod and use",
                "daemon/src/vault/mod.rs",
                "//! The vault.\nmod door;\npub mod seal;\n\npub use door::{Door,\n Key};\npub(crate) use seal::Seal;\n",
                &[],
            ),
            (
                "attributes",
                "kmip/src/lib.rs",
                "#![forbid(unsafe_code)]\n#[macro_use]\nmod schema;\n#[cfg(test)]\nmod tests;\n",
                &[],
            ),
            ("a function", "daemon/src/vault/mod.rs", "mod door;\nfn f() {}\n", &["daemon/src/vault/mod.rs:2"]),
            (
                "a type",
                "daemon/src/vault/mod.rs",
                "mod door;\npub(crate) struct Vault;\n",
                &["daemon/src/vault/mod.rs:2"],
            ),
            ("a constant", "kmip/src/lib.rs", "mod a;\n/// x\npub const A: u8 = 1;\n", &["kmip/src/lib.rs:3"]),
            ("a macro", "kmip/src/lib.rs", "macro_rules! m { () => { mod x; } }\n", &["kmip/src/lib.rs:1"]),
            ("a room in the plate", "kmip/src/lib.rs", "mod a { fn f() {} }\n", &["kmip/src/lib.rs:1"]),
            (
                "a test in the plate",
                "kmip/src/lib.rs",
                "mod a;\n#[cfg(test)]\nmod tests { fn f() { g(); } }\nmod b;\n",
                &[],
            ),
            ("any other file", "kmip/src/tag.rs", "fn f() {}", &[]),
            ("the library of the tests", "tests/src/lib.rs", "fn f() {}", &[]),
        ];
        for (name, file, source, places) in rows {
            exactly(name, &logic_in_doors(&House::made_up(&[(file, source)])), places);
        }
    }
}
