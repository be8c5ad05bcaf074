//! `audit verify|tail`. Both read the folder themselves: an auditor needs no daemon.

use std::{path::Path, thread, time::Duration};

use super::{
    args::Audit,
    error::Error,
    print::{self, Style},
};
use crate::{
    audit::{self, Record, Tail, checkpoint::Identity},
    config::{self, Secrecy, Settings},
};

pub(super) fn audit(settings: &Settings, verb: &Audit, style: Style) -> Result<(), Error> {
    let usual = &settings.audit.path;
    match verb {
        Audit::Verify { dir, key } => verify(dir.as_deref().unwrap_or(usual), key.as_deref(), style),
        Audit::Tail { dir, lines, follow } => tail(dir.as_deref().unwrap_or(usual), *lines, *follow, style),
    }
}

fn verify(folder: &Path, key: Option<&Path>, style: Style) -> Result<(), Error> {
    let own = folder.join(IDENTITY);
    let path = key.unwrap_or(&own);
    let text = config::read(path, Secrecy::Public)?;
    let text = std::str::from_utf8(text.reveal()).ok();
    let identity = text.and_then(Identity::parse).ok_or_else(|| Error::NoIdentity(path.to_owned()))?;
    let report = audit::verify(folder, &identity, &mut |_| {})?;
    if style == Style::Json {
        return print::json(&serde_json::json!({
            "log": report.origin, "lines": report.lines, "signed": report.signed, "epochs": report.epochs,
            "first": report.first, "last": report.last, "closed": report.closed, "headless": report.headless,
            "torn": report.torn,
        }));
    }
    print::line(&format!("sound: every line, chain and signature fits\n{report}"))?;
    if key.is_none() {
        print::line("note        the key is the one beside the log; keep a copy elsewhere and name it with --key")?;
    }
    Ok(())
}

fn tail(folder: &Path, count: usize, follow: bool, style: Style) -> Result<(), Error> {
    let failed = |source| Error::File { action: "read", path: folder.to_owned(), source };
    let mut tail = Tail::open(folder, count).map_err(failed)?;
    loop {
        for line in tail.more().map_err(failed)? {
            match style {
                Style::Json => print::line(&line)?,
                Style::Text => print::line(&sentence(&line))?,
            }
        }
        if !follow {
            return Ok(());
        }
        thread::sleep(GLANCE);
    }
}

/// A record for people: when, who, what, on what, and how it ended.
fn sentence(line: &str) -> String {
    let Some(record) = Record::parse(line.as_bytes()) else { return line.to_owned() };
    let object = record.object.map(|object| format!(" {object}")).unwrap_or_default();
    let reason = record.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!(
        "{} {:>6}  {:<16} {}{object}: {}{reason}",
        record.time, record.sequence, record.caller, record.action, record.result
    )
}

/// The log's public key, beside it.
const IDENTITY: &str = "log.pub";
/// How often a log that is followed is looked at.
const GLANCE: Duration = Duration::from_millis(200);
