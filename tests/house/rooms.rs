//! Who may use whom: the table of rooms, and the rule that reads it.

use crate::finding::Finding;
use crate::graph::{CRATES, Graph};
use crate::source::House;

/// One room of the daemon: a file or folder directly below `daemon/src`, or a crate of the vocabulary.
struct Room {
    name: &'static str,
    /// Imports lead to lower floors only. The ground (0) knows nobody.
    floor: u8,
    /// The other rooms that it may use.
    may: May,
}

/// Which rooms a room may use.
enum May {
    /// All on lower floors.
    Below,
    /// These.
    Only(&'static [&'static str]),
}

impl Room {
    fn may(&self, to: &str) -> bool {
        match self.may {
            May::Below => room(to).is_some_and(|to| to.floor < self.floor),
            May::Only(rooms) => rooms.contains(&to),
        }
    }
}

/// The rooms of the daemon, top down. `kmip` and `wire` are the crates `strongroom-kmip` and `strongroom-pkcs11-wire`.
const ROOMS: &[Room] = &[
    Room { name: "command", floor: 8, may: May::Below },
    Room { name: "server", floor: 7, may: May::Below },
    Room { name: "config", floor: 6, may: May::Below },
    Room {
        name: "front",
        floor: 5,
        may: May::Only(&["service", "caller", "clock", "chance", "receipt", "memory", "wakeful", "kmip", "wire"]),
    },
    Room {
        name: "rounds",
        floor: 5,
        may: May::Only(&["service", "certificate", "caller", "clock", "chance", "receipt", "kmip"]),
    },
    Room {
        name: "service",
        floor: 4,
        may: May::Only(&[
            "vault",
            "audit",
            "backup",
            "certificate",
            "sharing",
            "store",
            "caller",
            "clock",
            "chance",
            "receipt",
            "memory",
            "kmip",
        ]),
    },
    Room {
        name: "vault",
        floor: 3,
        may: May::Only(&["slot", "sharing", "store", "caller", "clock", "chance", "receipt", "memory", "kmip"]),
    },
    Room { name: "slot", floor: 2, may: May::Only(&["clock", "chance", "memory", "wakeful", "kmip"]) },
    Room {
        name: "audit",
        floor: 2,
        may: May::Only(&["caller", "clock", "chance", "receipt", "slate", "memory", "kmip"]),
    },
    Room { name: "backup", floor: 2, may: May::Only(&["sharing", "chance", "kmip"]) },
    Room { name: "certificate", floor: 1, may: May::Only(&["clock", "chance"]) },
    Room { name: "sharing", floor: 1, may: May::Only(&["chance", "kmip"]) },
    Room { name: "store", floor: 1, may: May::Only(&["receipt", "slate"]) },
    Room { name: "caller", floor: 1, may: May::Only(&["kmip"]) },
    Room { name: "memory", floor: 1, may: May::Only(&["kmip"]) },
    Room { name: "wakeful", floor: 1, may: May::Only(&["clock", "wire"]) },
    Room { name: "sandbox", floor: 1, may: May::Only(&[]) },
    Room { name: "clock", floor: 0, may: May::Only(&[]) },
    Room { name: "chance", floor: 0, may: May::Only(&[]) },
    Room { name: "receipt", floor: 0, may: May::Only(&[]) },
    Room { name: "slate", floor: 0, may: May::Only(&[]) },
    Room { name: "kmip", floor: 0, may: May::Only(&[]) },
    Room { name: "wire", floor: 0, may: May::Only(&[]) },
];

/// What only some parts of the house may use, though the table allows it to their rooms.
const NARROWED: &[(&str, &[&str])] = &[("wire", &["daemon/src/front/pkcs11", "daemon/src/wakeful.rs"])];

/// Members of one room that do not know each other.
const STRANGERS: &[(&str, &[&str])] = &[
    ("front", &["kmip", "pkcs11", "rest", "control", "console", "metrics"]),
    ("slot", &["software", "hsm"]),
    ("store", &["sled", "postgres", "memory"]),
];

/// Which of our crates each crate may use in what it ships; the daemon's rooms are told apart by the table above.
const CUSTOMERS: &[(&str, &[&str])] = &[
    ("kmip/src", &[]),
    ("daemon/src", &["strongroom_kmip", "strongroom_pkcs11_wire"]),
    ("pkcs11-module/src", &["strongroom_pkcs11_wire"]),
    ("pkcs11-module/wire/src", &[]),
];

/// The name under which a room's table row knows one of our crates.
fn crate_room(name: &str) -> Option<&'static str> {
    match name {
        "strongroom_kmip" => Some("kmip"),
        "strongroom_pkcs11_wire" => Some("wire"),
        _ => None,
    }
}

fn room(name: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| room.name == name)
}

/// Every import leads where the table allows.
pub(crate) fn imports(house: &House) -> Vec<Finding> {
    let mut found = Vec::new();
    for (folder, allowed) in CUSTOMERS {
        let graph = Graph::of(house, folder);
        for (source, module, mention) in graph.mentioned() {
            let first = mention.segments.first().map(String::as_str).unwrap_or_default();
            let ours = CRATES.iter().any(|(_, name)| *name == first);
            if ours && !allowed.contains(&first) {
                found.push(Finding::new(&source.path, mention.line, format!("{folder} stands without {first}")));
                continue;
            }
            if *folder != "daemon/src" {
                continue;
            }
            let Some(from) = module.first() else { continue };
            let to = match crate_room(first) {
                Some(to) => to,
                None if first == "crate" => match mention.segments.get(1) {
                    Some(to) if to != from => to,
                    _ => continue,
                },
                None => continue,
            };
            let narrowed = NARROWED.iter().find(|(room, _)| *room == to);
            let part = |parts: &[&str]| parts.iter().any(|part| source.path.starts_with(part));
            let inside = narrowed.is_none_or(|(_, parts)| part(parts) || from == "server");
            let allowed = room(from).is_some_and(|room| room.may(to)) && inside;
            if !allowed {
                let advice =
                    format!("{from} may not use {to}; ask a room that may, or change the table in DESIGN's words");
                found.push(Finding::new(&source.path, mention.line, advice));
            }
        }
        if *folder == "daemon/src" {
            found.extend(strangers(&graph));
        }
    }
    found.extend(house.rust("daemon/src").filter_map(|source| {
        let name = source.path.strip_prefix("daemon/src/")?.split('/').next()?.trim_end_matches(".rs");
        let known = matches!(name, "lib" | "main") || room(name).is_some();
        (!known).then(|| Finding::new(&source.path, 0, "this room has no floor; give it a row in tests/house/rooms.rs"))
    }));
    found
}

/// Members import each other's contract at most, never each other.
fn strangers(graph: &Graph<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for edge in graph.edges() {
        let ([room, from, ..], [other, to, ..]) = (edge.module, edge.target) else { continue };
        let both = STRANGERS.iter().find(|(name, members)| {
            name == room && room == other && members.contains(&from.as_str()) && members.contains(&to.as_str())
        });
        if both.is_some() && from != to {
            let advice =
                format!("{room}/{from} and {room}/{to} do not know each other; put what they share in the contract");
            found.push(Finding::new(&edge.from.path, edge.line, advice));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{exactly, none};

    #[test]
    fn every_import_leads_where_the_table_allows() {
        none(imports(&House::real()));
    }

    #[test]
    fn the_table_itself_leads_down_only() {
        for from in ROOMS {
            let May::Only(rooms) = from.may else { continue };
            for name in rooms {
                let to = room(name).unwrap_or_else(|| panic!("{name}, which {} may use, has no row", from.name));
                assert!(
                    to.floor < from.floor,
                    "{} on floor {} may use {name} on floor {}",
                    from.name,
                    from.floor,
                    to.floor
                );
            }
        }
    }

    /// Name, file, source, and the lines that must be found.
    type Row<'a> = (&'a str, &'a str, &'a str, &'a [&'a str]);

    const ROWS: &[Row<'_>] = &[
        ("vault opens a slot", "daemon/src/vault/door.rs", "use crate::slot::Slot;", &[]),
        (
            "service asks a slot itself",
            "daemon/src/service/sign.rs",
            "\nuse crate::slot::Slot;",
            &["daemon/src/service/sign.rs:2"],
        ),
        (
            "store reads KMIP",
            "daemon/src/store/sled.rs",
            "use strongroom_kmip::tag::Tag;",
            &["daemon/src/store/sled.rs:1"],
        ),
        (
            "vault looks up",
            "daemon/src/vault/find.rs",
            "fn f(x: crate::front::Listen) {}",
            &["daemon/src/vault/find.rs:1"],
        ),
        (
            "vault looks up by super",
            "daemon/src/vault/find.rs",
            "use super::super::service::Call;",
            &["daemon/src/vault/find.rs:1"],
        ),
        (
            "a room imported whole",
            "daemon/src/audit/log.rs",
            "use crate::{caller, vault};",
            &["daemon/src/audit/log.rs:1"],
        ),
        (
            "front/pkcs11 speaks the wire",
            "daemon/src/front/pkcs11/session.rs",
            "use strongroom_pkcs11_wire::rv::Rv;",
            &[],
        ),
        (
            "front/kmip speaks the wire",
            "daemon/src/front/kmip/session.rs",
            "use strongroom_pkcs11_wire::rv::Rv;",
            &["daemon/src/front/kmip/session.rs:1"],
        ),
        (
            "the module knows KMIP",
            "pkcs11-module/src/remote.rs",
            "use strongroom_kmip::tag::Tag;",
            &["pkcs11-module/src/remote.rs:1"],
        ),
        ("the module knows its wire", "pkcs11-module/src/remote.rs", "use strongroom_pkcs11_wire::rv::Rv;", &[]),
        ("the vocabulary knows the daemon", "kmip/src/tag.rs", "use strongroom::vault::Door;", &["kmip/src/tag.rs:1"]),
        ("a room without a floor", "daemon/src/attic.rs", "", &["daemon/src/attic.rs:0"]),
        ("a room's own files", "daemon/src/vault/door.rs", "use crate::vault::seal::Seal;\nuse super::state;", &[]),
        ("another crate", "daemon/src/vault/door.rs", "use zeroize::Zeroize;", &[]),
        ("a test in a low room", "daemon/src/slot/mac.rs", "#[cfg(test)]\nmod tests { use crate::vault::Door; }", &[]),
    ];

    #[test]
    fn imports_up_are_found_and_imports_down_are_not() {
        for (name, file, source, places) in ROWS {
            exactly(name, &imports(&House::made_up(&[(file, source)])), places);
        }
    }

    #[test]
    fn members_of_a_room_do_not_know_each_other() {
        let files = [
            (
                "daemon/src/front/kmip/session.rs",
                "use crate::front::pkcs11::object::Handle;\nuse crate::front::tls::Peer;",
            ),
            ("daemon/src/front/pkcs11/object.rs", "pub struct Handle;"),
            ("daemon/src/front/tls.rs", "pub struct Peer;"),
        ];
        exactly("front", &imports(&House::made_up(&files)), &["daemon/src/front/kmip/session.rs:1"]);
    }
}
