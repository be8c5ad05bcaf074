//! The tables of the README, written from the code's own tables. `UPDATE=1` writes them; otherwise they are held against
//! what the page says.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

use std::{fmt::Write as _, fs};

use strongroom::{
    service::{OBJECTS, SENT, SERVED, VERSIONS, profiles},
    slot::{Offer, Purpose, Slot, listing, policy::Level, software::Software},
};
use strongroom_kmip::{attribute::Standard, mechanism::Work};
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
    page.push_str("\n**Mechanisms** of a software slot, as PKCS#11 (`CKM_`) and KMIP or JOSE name their parts, and the strictest\n");
    page.push_str("policy (`strict`, `standard`, `legacy`) under which a slot serves any of it:\n\n");
    page.push_str("| mechanism | in PKCS#11 | key bits | for | policy |\n|---|---|---|---|---|\n");
    let slot = Software::new("readme");
    // The hashes of one mechanism, `Hmac(Sha256)`, share a row where nothing else tells them apart.
    let mut rows: Vec<(String, &str, String, Vec<&str>)> = Vec::new();
    for offer in slot.offers().iter() {
        let strictest = Level::ALL.into_iter().rev().find(|level| purposes_at(*level, offer)).unwrap();
        let bits = match listing::bits(strictest, offer) {
            (_, 0) => String::new(),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} to {most}"),
        };
        let facts = offer.mechanism.facts();
        let purposes: Vec<_> = offer.purposes.iter().map(|purpose| word(*purpose)).collect();
        let purposes = match facts.work {
            Work::Key | Work::Pair => "make".to_owned(),
            Work::Digest => "digest".to_owned(),
            _ => purposes.join(", "),
        };
        let known = format!("{bits} | {purposes} | {}", strictest.name());
        let whole = format!("{:?}", offer.mechanism);
        let name = whole.split('(').next().unwrap().to_owned();
        let names = facts.numbers.iter().map(|number| number.name);
        match rows.iter_mut().find(|(row, _, same, _)| *row == name && *same == known) {
            Some((.., all)) => all.extend(names),
            None => rows.push((name, facts.word, known, names.collect())),
        }
    }
    for (_, word, known, names) in rows {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        writeln!(page, "| {word} | {} | {known} |", names.join(", ")).unwrap();
    }
}

/// Whether a slot of that level serves any of an offer.
fn purposes_at(level: Level, offer: &Offer) -> bool {
    listing::purposes(level, offer).is_some()
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
