//! The tables of the README, written from the code's own tables. `UPDATE=1` writes them; otherwise they are held against
//! what the page says.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

use std::{fmt::Write as _, fs};

use strongroom::{
    service::{OBJECTS, SENT, SERVED, VERSIONS, profiles},
    slot::{Purpose, Slot, software::Software},
};
use strongroom_kmip::attribute::Standard;
use strongroom_tests::top;

#[test]
fn the_tables_of_the_readme_are_those_of_the_code() {
    let path = top().join("README.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(FIRST).unwrap();
    let (_, after) = rest.split_once(LAST).unwrap();
    let (start, _) = rest.split_once('\n').unwrap();
    let written = format!("{before}{FIRST}{start}\n{}{LAST}{after}", tables());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &written).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap();
    assert!(page == written, "run UPDATE=1 cargo test -p strongroom-tests --test readme");
}

fn tables() -> String {
    let mut page = String::new();
    operations(&mut page);
    objects(&mut page);
    attributes(&mut page);
    told(&mut page);
    mechanisms(&mut page);
    page.push('\n');
    page
}

fn operations(page: &mut String) {
    page.push_str(
        "\n**KMIP operations**, over TLS, and as TTLV, XML and JSON over HTTPS, by protocol version:\n\n| operation |",
    );
    VERSIONS.iter().rev().for_each(|version| write!(page, " {version} |").unwrap());
    page.push_str("\n|---|");
    VERSIONS.iter().for_each(|_| page.push_str("---|"));
    page.push('\n');
    for operation in SERVED.iter().chain(SENT) {
        let to_endpoints = if SENT.contains(operation) { " (to endpoints)" } else { "" };
        write!(page, "| {operation}{to_endpoints} |").unwrap();
        let (since, until) = operation.spoken().unwrap();
        for version in VERSIONS.iter().rev() {
            page.push_str(if version.within(since, until) { " yes |" } else { " |" });
        }
        page.push('\n');
    }
}

fn objects(page: &mut String) {
    let names: Vec<_> = OBJECTS.iter().map(ToString::to_string).collect();
    write!(page, "\n**KMIP objects**: {}.\n", names.join(", ")).unwrap();
}

/// Attributes, gathered by the versions that have them.
fn attributes(page: &mut String) {
    page.push_str(
        "\n**KMIP attributes**, by the versions that have them; vendor and custom attributes beside them:\n\n",
    );
    page.push_str("| versions | attributes |\n|---|---|\n");
    let newest = VERSIONS.first().unwrap();
    let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
    for row in Standard::ROWS {
        let last = VERSIONS.iter().find(|version| version.within(row.since, row.until)).unwrap_or(newest);
        let versions = if last == newest { format!("{} on", row.since) } else { format!("{} to {last}", row.since) };
        match rows.iter_mut().find(|(known, _)| *known == versions) {
            Some((_, names)) => names.push(row.name),
            None => rows.push((versions, vec![row.name])),
        }
    }
    rows.sort();
    rows.iter().for_each(|(versions, names)| writeln!(page, "| {versions} | {} |", names.join(", ")).unwrap());
}

/// Profiles, as Query tells them.
fn told(page: &mut String) {
    page.push_str("\n**KMIP profiles**, as Query tells them over HTTPS (over TLS without those of the encodings):\n\n");
    page.push_str("| asked in | profiles |\n|---|---|\n");
    for version in VERSIONS.iter().rev() {
        let names: Vec<String> = profiles(*version, true).map(|profile| profile.to_string()).collect();
        if !names.is_empty() {
            writeln!(page, "| {version} | {} |", names.join(", ")).unwrap();
        }
    }
}

fn mechanisms(page: &mut String) {
    page.push_str("\n**Mechanisms** of a software slot; its policy (`strict`, `standard`, `legacy`) says which of them it serves:\n\n");
    page.push_str("| mechanism | key bits | for |\n|---|---|---|\n");
    let slot = Software::new("readme");
    let mut rows: Vec<(String, String, Vec<String>)> = Vec::new();
    for offer in slot.offers() {
        let bits = match offer.bits {
            (_, 0) => String::new(),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        let purposes: Vec<_> = offer.purposes.iter().map(|purpose| word(*purpose)).collect();
        let known = format!("{bits} | {}", purposes.join(", "));
        // `Hmac(Sha256)`: the hashes of one mechanism share its row.
        let whole = format!("{:?}", offer.mechanism);
        let (name, hash) = whole.split_once('(').unwrap_or((&whole, ""));
        let hash = hash.trim_end_matches(')').to_owned();
        match rows.iter_mut().find(|(row, same, _)| row == name && *same == known) {
            Some((_, _, hashes)) => hashes.push(hash),
            None => rows.push((name.to_owned(), known, vec![hash])),
        }
    }
    for (name, known, hashes) in rows {
        let with = if hashes == [""] { String::new() } else { format!(" with {}", hashes.join(", ")) };
        writeln!(page, "| {name}{with} | {known} |").unwrap();
    }
}

fn word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Encrypt => "encrypt",
        Purpose::Decrypt => "decrypt",
        Purpose::Sign => "sign",
        Purpose::Verify => "verify",
        Purpose::Wrap => "wrap",
        Purpose::Unwrap => "unwrap",
        Purpose::Derive => "derive",
    }
}

const FIRST: &str = "<!-- tables:";
const LAST: &str = "<!-- end of tables -->";
