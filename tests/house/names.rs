//! Names that say nothing.

use crate::finding::Finding;
use crate::source::House;

/// Words that no file and no type is called by, alone or within a longer name.
const EMPTY: &[&str] =
    &["util", "utils", "utility", "utilities", "helper", "helpers", "common", "manager", "managers", "impl", "misc"];

/// Words that say nothing as the last of a type's name; the standards have some of their own, so only the daemon is asked.
const EMPTY_ENDS: &[&str] = &["data", "info"];

/// Where the daemon speaks the words of PKCS#11.
const STANDARD: &str = "daemon/src/front/pkcs11/";

/// What introduces a type.
const DECLARES: &[&str] = &["struct", "enum", "trait", "type", "union"];

/// Files, folders and types are called what the operator would call them.
pub(crate) fn empty_names(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for source in &house.sources {
        let parts = source.path.split('/').map(|part| part.split('.').next().unwrap_or(part));
        for part in parts.filter(|part| part.split(['_', '-']).any(|word| EMPTY.contains(&word))) {
            found.push(Finding::new(&source.path, 0, format!("`{part}` says nothing; name the trade it does")));
        }
        for (line, code) in source.scan.lines() {
            let mut before = "";
            for word in code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()) {
                if DECLARES.contains(&before) && is_empty(&source.path, word) {
                    found.push(Finding::new(&source.path, line, format!("`{word}` says nothing; name what it is")));
                }
                before = word;
            }
        }
    }
    found
}

fn is_empty(path: &str, name: &str) -> bool {
    let words = words(name);
    let ends = path.starts_with("daemon/src/") && !path.starts_with(STANDARD);
    words.iter().any(|word| EMPTY.contains(&word.as_str()))
        || (ends && words.last().is_some_and(|word| EMPTY_ENDS.contains(&word.as_str())))
}

/// `KeyManager` is `key` and `manager`.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::<String>::new();
    for character in name.chars() {
        if character.is_uppercase() || words.is_empty() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(character.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{exactly, none};

    #[test]
    fn files_and_types_are_called_what_they_are() {
        none(empty_names(&House::real()));
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        let rows: &[(&str, &str, &str, &[&str])] = &[
            ("a file", "kmip/src/util.rs", "", &["kmip/src/util.rs:0"]),
            ("a part of a file's name", "kmip/src/key_helper.rs", "", &["kmip/src/key_helper.rs:0"]),
            ("a folder", "daemon/src/common/key.rs", "", &["daemon/src/common/key.rs:0"]),
            ("a type", "daemon/src/vault/door.rs", "\npub struct KeyManager;", &["daemon/src/vault/door.rs:2"]),
            (
                "a type that ends in nothing",
                "daemon/src/vault/door.rs",
                "enum KeyInfo {}",
                &["daemon/src/vault/door.rs:1"],
            ),
            ("a word of a standard", "pkcs11-module/wire/src/call.rs", "struct TokenInfo;", &[]),
            ("a word within a word", "daemon/src/vault/door.rs", "struct Implicit;\nstruct Database;", &[]),
            ("a use of somebody else's type", "daemon/src/vault/door.rs", "fn f(x: DeviceInfo) {}", &[]),
        ];
        for (name, file, source, places) in rows {
            exactly(name, &empty_names(&House::made_up(&[(file, source)])), places);
        }
    }
}
