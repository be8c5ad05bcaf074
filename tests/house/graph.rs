//! Which file imports which, inside one crate and through its door plates; no circles.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Finding;
use crate::path::{Kind, Mention, mentions};
use crate::source::{House, Source};

/// The folders that hold a crate's `lib.rs`, and the name by which others import it.
pub(crate) const CRATES: &[(&str, &str)] = &[
    ("kmip/src", "strongroom_kmip"),
    ("daemon/src", "strongroom"),
    ("pkcs11-module/src", "strongroom_pkcs11"),
    ("pkcs11-module/wire/src", "strongroom_pkcs11_wire"),
    ("tests/src", "strongroom_tests"),
    ("benches/src", "strongroom_benches"),
];

/// The files of one crate by module path, with what each mentions.
pub(crate) struct Graph<'a> {
    /// Module path, such as `vault::door`; empty for `lib.rs`.
    files: BTreeMap<Vec<String>, &'a Source>,
    mentions: BTreeMap<Vec<String>, Vec<Mention>>,
}

/// One file importing another.
pub(crate) struct Edge<'a> {
    pub from: &'a Source,
    pub to: &'a Source,
    /// Of the first mention, counted from 1.
    pub line: usize,
    /// The module path of the importing file.
    pub module: &'a [String],
    /// The module path that is imported.
    pub target: &'a [String],
}

impl<'a> Graph<'a> {
    /// Reads the crate that lies in `folder`; `main.rs` is another crate and stands aside.
    pub(crate) fn of(house: &'a House, folder: &str) -> Graph<'a> {
        let mut files = BTreeMap::new();
        for source in &house.sources {
            let Some(rest) = source.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else { continue };
            let Some(rest) = rest.strip_suffix(".rs").filter(|rest| *rest != "main" && !rest.starts_with("bin/"))
            else {
                continue;
            };
            let module = rest.trim_end_matches("mod").trim_end_matches('/').split('/');
            let module: Vec<String> = if rest == "lib" { Vec::new() } else { module.map(str::to_owned).collect() };
            files.insert(module, source);
        }
        let mentions = files
            .iter()
            .map(|(module, source)| {
                let below = files.keys().filter(|other| other.len() == module.len() + 1 && other.starts_with(module));
                let children: Vec<String> = below.filter_map(|child| child.last().cloned()).collect();
                (module.clone(), mentions(&source.scan, module, &children))
            })
            .collect();
        Graph { files, mentions }
    }

    /// Every file with the paths it mentions.
    pub(crate) fn mentioned(&self) -> impl Iterator<Item = (&'a Source, &[String], &Mention)> {
        self.mentions.iter().flat_map(|(module, mentions)| {
            mentions.iter().map(|mention| (self.files[module], module.as_slice(), mention))
        })
    }

    /// Which file imports which, once each. What a door plate passes on is imported from where it stands.
    pub(crate) fn edges(&self) -> Vec<Edge<'_>> {
        let mut seen = BTreeSet::new();
        let mut edges = Vec::new();
        for (module, mentions) in &self.mentions {
            let from = self.files[module];
            if is_door(from) {
                continue;
            }
            for mention in mentions {
                let mut targets = BTreeSet::new();
                self.resolve(&mention.segments, &mut targets, 0);
                for target in targets {
                    let (target, to) = self.files.get_key_value(&target).expect("resolve names files of this crate");
                    if target != module && !is_door(to) && seen.insert((module, target)) {
                        edges.push(Edge { from, to, line: mention.line, module, target });
                    }
                }
            }
        }
        edges
    }

    /// The files in which a path ends: through door plates, and through globs where nothing is named.
    fn resolve(&self, segments: &[String], found: &mut BTreeSet<Vec<String>>, depth: usize) {
        let Some(("crate", path)) = segments.split_first().map(|(first, path)| (first.as_str(), path)) else { return };
        let Some(module) =
            (0..=path.len()).rev().map(|length| &path[..length]).find(|path| self.files.contains_key(*path))
        else {
            return;
        };
        let source = self.files[module];
        if !is_door(source) || depth > self.files.len() {
            found.insert(module.to_vec());
            return;
        }
        let Some(name) = path.get(module.len()) else { return };
        let passed_on = || self.mentions[module].iter().filter(|mention| mention.kind == Kind::Reexport);
        let mut named = passed_on().filter(|mention| mention.alias == *name).peekable();
        if named.peek().is_some() {
            named.for_each(|mention| self.resolve(&mention.segments, found, depth + 1));
            return;
        }
        for mention in passed_on().filter(|mention| mention.alias == "*") {
            let folder = &mention.segments[..mention.segments.len() - 1];
            let mut globbed = BTreeSet::new();
            let inside: Vec<String> = folder.iter().chain([name]).cloned().collect();
            self.resolve(&inside, &mut globbed, depth + 1);
            globbed.retain(|file| declares(self.files[file], name));
            found.append(&mut globbed);
        }
    }
}

/// Whether the file only declares and passes on what others hold.
pub(crate) fn is_door(source: &Source) -> bool {
    source.path.ends_with("/mod.rs") || source.path.ends_with("/lib.rs")
}

/// Whether the file has a public item of this name.
fn declares(source: &Source, name: &str) -> bool {
    const ITEMS: &[&str] = &["struct", "enum", "trait", "type", "fn", "const", "static", "union", "macro_rules!"];
    let mut before = "";
    source.scan.code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '!').filter(|word| !word.is_empty()).any(
        |word| {
            let declared = word == name && ITEMS.contains(&before);
            before = word;
            declared
        },
    )
}

/// No file imports itself by way of others. Names one circle for each file that begins one.
pub(crate) fn circles(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for (folder, _) in CRATES {
        let graph = Graph::of(house, folder);
        let edges = graph.edges();
        let mut next: BTreeMap<&str, Vec<(&str, usize)>> = BTreeMap::new();
        for edge in &edges {
            next.entry(&edge.from.path).or_default().push((&edge.to.path, edge.line));
        }
        let mut done = BTreeSet::new();
        for start in next.keys() {
            let mut way = Vec::new();
            if let Some(circle) = circle(start, &next, &mut way, &mut done) {
                let (file, line) = circle[0];
                let told: Vec<&str> = circle.iter().map(|(file, _)| *file).chain([file]).collect();
                found.push(Finding::new(
                    file,
                    line,
                    format!("a circle of imports; let the lower file not know the upper one: {}", told.join(" -> ")),
                ));
            }
        }
    }
    found
}

/// Walks on from `at`; answers the circle it runs into, each file with the line of its import of the next.
fn circle<'a>(
    at: &'a str,
    next: &BTreeMap<&'a str, Vec<(&'a str, usize)>>,
    way: &mut Vec<(&'a str, usize)>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<(&'a str, usize)>> {
    if let Some(begin) = way.iter().position(|(file, _)| *file == at) {
        return Some(way[begin..].to_vec());
    }
    if done.contains(at) {
        return None;
    }
    for (to, line) in next.get(at).into_iter().flatten() {
        way.push((at, *line));
        let found = circle(to, next, way, done);
        way.pop();
        if found.is_some() {
            done.insert(at);
            return found;
        }
    }
    done.insert(at);
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{exactly, none};

    #[test]
    fn no_file_imports_itself_by_way_of_others() {
        none(circles(&House::real()));
    }

    /// Name, files, and where a circle must be found.
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

    const ROWS: &[Row<'_>] = &[
        (
            "two files that import each other",
            &[
                ("daemon/src/vault/door.rs", "\nuse crate::vault::seal::Seal;"),
                ("daemon/src/vault/seal.rs", "use super::door::Door;"),
            ],
            &["daemon/src/vault/door.rs:2"],
        ),
        (
            "three files, one by a path in the code",
            &[
                ("kmip/src/a.rs", "use crate::b::B;"),
                ("kmip/src/b.rs", "fn f() -> crate::c::C {}"),
                ("kmip/src/c.rs", "use crate::{d, a::A};"),
                ("kmip/src/d.rs", ""),
            ],
            &["kmip/src/a.rs:1"],
        ),
        (
            "through a door plate that passes a name on",
            &[
                ("daemon/src/slot/mod.rs", "mod mac;\nmod rsa;\npub use mac::Mac;\npub use rsa::*;"),
                ("daemon/src/slot/mac.rs", "use crate::slot::Rsa;\npub struct Mac;"),
                ("daemon/src/slot/rsa.rs", "use crate::slot;\npub struct Rsa(slot::Mac);"),
            ],
            &["daemon/src/slot/mac.rs:1"],
        ),
        (
            "a parent and its child",
            &[
                ("kmip/src/ttlv.rs", "mod reader;\nuse reader::Reader;"),
                ("kmip/src/ttlv/reader.rs", "use super::Item;"),
            ],
            &["kmip/src/ttlv.rs:2"],
        ),
        (
            "members that share a contract",
            &[
                ("daemon/src/store/mod.rs", "mod contract;\nmod sled;\npub use contract::Store;\npub use sled::Sled;"),
                ("daemon/src/store/contract.rs", "pub trait Store {}"),
                ("daemon/src/store/sled.rs", "use super::Store;\npub struct Sled;"),
                ("daemon/src/store/registry.rs", "use super::{Sled, Store};"),
            ],
            &[],
        ),
        (
            "a test may look back",
            &[
                ("kmip/src/a.rs", "use crate::b::B;"),
                ("kmip/src/b.rs", "#[cfg(test)]\nmod tests {\n use crate::a::A;\n}"),
            ],
            &[],
        ),
        (
            "the command line imports the library, not the other way round",
            &[("daemon/src/main.rs", "use strongroom::server;"), ("daemon/src/server.rs", "fn main() {}")],
            &[],
        ),
    ];

    #[test]
    fn circles_are_found_and_stairs_are_not() {
        for (name, files, places) in ROWS {
            exactly(name, &circles(&House::made_up(files)), places);
        }
    }
}
