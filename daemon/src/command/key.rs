//! `key list|show|grant`.

use super::{
    args::{Key, Level},
    daemon::Daemon,
    error::Error,
    print::{self, Style},
};
use crate::service::{ObjectRow, Order, Report};

pub(super) fn key(daemon: &Daemon, verb: &Key) -> Result<(), Error> {
    match verb {
        Key::List { offset, limit } => list(daemon, *offset, *limit),
        Key::Show { id } => {
            let report = daemon.send(Order::KeyShow { id: id.clone() })?;
            match (daemon.style, report) {
                (Style::Json, report) => print::json(&report),
                (Style::Text, Report::Object(object)) => show(&object),
                (Style::Text, _) => Err(Error::OtherReport),
            }
        }
        Key::Grant { id, to, level } => {
            let level = word(*level);
            let order = Order::KeyGrant { id: id.clone(), to: to.clone(), level: level.map(str::to_owned) };
            let report = daemon.send(order)?;
            match daemon.style {
                Style::Json => print::json(&report),
                Style::Text => print::line(&match level {
                    Some(level) => format!("{to} may {level} {id}"),
                    None => format!("{to} may do nothing with {id} any more"),
                }),
            }
        }
    }
}

const fn word(level: Level) -> Option<&'static str> {
    match level {
        Level::None => None,
        Level::Use => Some("use"),
        Level::Read => Some("read"),
        Level::Manage => Some("manage"),
    }
}

fn list(daemon: &Daemon, offset: usize, maximum: usize) -> Result<(), Error> {
    let report = daemon.send(Order::KeyList { offset, maximum })?;
    if daemon.style == Style::Json {
        return print::json(&report);
    }
    let Report::Objects { objects, total } = report else { return Err(Error::OtherReport) };
    let shown = objects.len();
    let rows: Vec<_> = objects
        .into_iter()
        .map(|object| {
            let kind = kind(&object);
            let name = object.names.into_iter().next();
            [object.id, kind, print::or_dash(object.state), object.owner, object.slot, print::or_dash(name)]
        })
        .collect();
    print::table(["IDENTIFIER", "KIND", "STATE", "OWNER", "SLOT", "NAME"], &rows)?;
    if shown < total { print::line(&format!("{shown} of {total}; see --offset and --limit")) } else { Ok(()) }
}

fn show(object: &ObjectRow) -> Result<(), Error> {
    print::line(&format!("identifier  {}", object.id))?;
    print::line(&format!("kind        {}", kind(object)))?;
    print::line(&format!("state       {}", print::or_dash(object.state.as_deref())))?;
    for name in &object.names {
        print::line(&format!("name        {name}"))?;
    }
    print::line(&format!("owner       {}", object.owner))?;
    let at = if object.members.is_empty() { String::new() } else { format!(" at {}", object.members.join(", ")) };
    print::line(&format!("slot        {}{at}", object.slot))?;
    for (who, level) in &object.grants {
        print::line(&format!("granted     {who} may {level} it"))?;
    }
    print::line(&format!("since       {}", print::or_dash(object.since.map(print::date))))
}

fn kind(object: &ObjectRow) -> String {
    let length = object.length.map(|bits| format!(" {bits}")).unwrap_or_default();
    match &object.algorithm {
        Some(algorithm) => format!("{}, {algorithm}{length}", object.kind),
        None => object.kind.clone(),
    }
}
