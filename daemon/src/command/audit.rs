//! `audit verify|tail|prove|consistency|export`. All read the folder themselves: an auditor needs no daemon.

use std::{
    io::{self, BufWriter},
    path::Path,
    thread,
    time::Duration,
};

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
        Audit::Prove { sequence, dir, key } => prove(dir.as_deref().unwrap_or(usual), key.as_deref(), *sequence, style),
        Audit::Consistency { checkpoint, dir, key } => {
            consistency(dir.as_deref().unwrap_or(usual), key.as_deref(), checkpoint, style)
        }
        Audit::Export { from, to, dir } => export(dir.as_deref().unwrap_or(usual), *from, to.unwrap_or(u64::MAX)),
    }
}

fn verify(folder: &Path, key: Option<&Path>, style: Style) -> Result<(), Error> {
    let identity = identity(folder, key)?;
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

fn prove(folder: &Path, key: Option<&Path>, sequence: u64, style: Style) -> Result<(), Error> {
    let proof = audit::prove(folder, &identity(folder, key)?, sequence)?;
    match style {
        Style::Json => print::json(&serde_json::json!({ "line": proof.line, "proof": proof.text })),
        Style::Text => print::whole(&proof.text),
    }
}

fn consistency(folder: &Path, key: Option<&Path>, checkpoint: &Path, style: Style) -> Result<(), Error> {
    let note = config::read(checkpoint, Secrecy::Public)?;
    let note = String::from_utf8_lossy(note.reveal());
    let tie = audit::consistency(folder, &identity(folder, key)?, &note)?;
    let (old, new) = (tie.old.size, tie.new.size);
    match style {
        Style::Json => print::json(&serde_json::json!({ "old": old, "new": new, "path": tie.encoded() })),
        Style::Text => print::line(&format!("sound: the {new} signed lines begin with the {old} of that checkpoint")),
    }
}

fn export(folder: &Path, from: u64, to: u64) -> Result<(), Error> {
    match audit::export(folder, from, to, &mut BufWriter::new(io::stdout().lock())) {
        // Whoever reads has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other.map(|_| ())?),
    }
}

/// The log's public key: the one that was kept elsewhere, or else the one beside the log.
pub(super) fn identity(folder: &Path, key: Option<&Path>) -> Result<Identity, Error> {
    let own = folder.join(IDENTITY);
    let path = key.unwrap_or(&own);
    let text = config::read(path, Secrecy::Public)?;
    let text = std::str::from_utf8(text.reveal()).ok();
    text.and_then(Identity::parse).ok_or_else(|| Error::NoIdentity(path.to_owned()))
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
