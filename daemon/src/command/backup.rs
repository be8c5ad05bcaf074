//! `backup` and `backup verify`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{
    args::{Backup, BackupVerb},
    audit::identity,
    daemon::Daemon,
    error::Error,
    print::{self, Style},
};
use crate::{
    audit::Chain,
    backup::{self, Examined},
    config::Settings,
    service::{BackupRow, Report},
};

pub(super) fn backup(settings: &Settings, daemon: &Daemon, wanted: &Backup) -> Result<(), Error> {
    match (&wanted.verb, &wanted.to) {
        (Some(BackupVerb::Verify { file, dir, key }), _) => {
            let (_, examined) = open(file)?;
            let whose = whose(settings, dir.as_deref(), key.as_deref(), &examined)?;
            report(&examined, whose, daemon.style)
        }
        (None, Some(to)) => make(daemon, to),
        (None, None) => Err(Error::Nowhere),
    }
}

/// Whether somebody here could say that a backup is of the appliance that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The appliance's audit log knows the key that signed it.
    Known,
    /// There is no audit log to ask.
    Unknown,
}

/// A whole backup.
pub(super) fn open(path: &Path) -> Result<(File, Examined), Error> {
    let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let examined = backup::examine(&mut BufReader::with_capacity(1 << 20, &file))?;
    Ok((file, examined))
}

/// Asks the audit log in a folder, by default the configuration's, whether a backup is its appliance's.
pub(super) fn whose(
    settings: &Settings,
    dir: Option<&Path>,
    key: Option<&Path>,
    examined: &Examined,
) -> Result<Whose, Error> {
    let folder = dir.unwrap_or(&settings.audit.path);
    if dir.is_none() && key.is_none() && !folder.join("log.pub").exists() {
        return Ok(Whose::Unknown);
    }
    let (pinned, facts, by) = (identity(folder, key)?, &examined.header.facts, &examined.by);
    if pinned.origin != facts.appliance {
        return Err(Error::Foreign { is: facts.appliance.clone(), log: pinned.origin });
    }
    // Where nobody names a folder, the one of this machine may hold no log, or another appliance's.
    let is_here = || identity(folder, None).is_ok_and(|own| own.origin == pinned.origin);
    let (last, known) = if dir.is_some() || is_here() {
        let chain = Chain::read(folder, &pinned)?;
        (chain.ended(), chain.has(by.epoch, &by.key))
    } else {
        (0, by.epoch == 0 && by.key == pinned.key)
    };
    match known {
        true => Ok(Whose::Known),
        // Whoever makes one up can say any epoch.
        false if by.epoch > last => Err(Error::Unproven(by.epoch)),
        false => Err(Error::Forged),
    }
}

fn report(examined: &Examined, whose: Whose, style: Style) -> Result<(), Error> {
    let (facts, by) = (&examined.header.facts, &examined.by);
    let shares = &examined.header.lock.shares;
    let holders: Vec<&str> = shares.labels().map(|label| label.as_str()).collect();
    if style == Style::Json {
        return print::json(&serde_json::json!({
            "appliance": facts.appliance, "known": whose == Whose::Known, "version": facts.version,
            "time": facts.time, "signed": by.time, "epoch": by.epoch, "generation": facts.generation,
            "objects": facts.objects, "slots": facts.slots, "held": facts.held,
            "shares": { "set": shares.set().to_string(), "needed": shares.threshold(), "holders": holders },
            "bytes": examined.statement.bytes, "sha256": hex(&examined.statement.digest), "head": facts.head,
        }));
    }
    print::line("whole: every byte is as it was signed")?;
    print::line(&format!("appliance   {}", facts.appliance))?;
    print::line(&format!("of          {}, signed {} in epoch {}", print::date(facts.time), by.time, by.epoch))?;
    print::line(&format!("generation  {}", facts.generation))?;
    print::line(&format!("objects     {}", facts.objects))?;
    print::line(&format!("sha256      {}", hex(&examined.statement.digest)))?;
    print::line(&format!("opens with  {} shares of set {}: {}", shares.threshold(), shares.set(), holders.join(", ")))?;
    for held in &facts.held {
        print::line(&format!("not in it   key {}: the token of slot {} holds it", held.id, held.slot))?;
    }
    match whose {
        Whose::Known => print::line("signed by   a key that the appliance's audit log vouches for"),
        Whose::Unknown => print::line(
            "note        there is no audit log here to say whose key signed it; name a copy of its folder with --dir",
        ),
    }
}

fn make(daemon: &Daemon, to: &Path) -> Result<(), Error> {
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| Error::File { action, path, source }
    };
    if fs::symlink_metadata(to).is_ok() {
        return Err(Error::Taken(to.to_owned()));
    }
    let part = part(to);
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &part)(error)),
        _ => {}
    }
    let made =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).map_err(failed("make", &part))?;
    let received = receive(daemon, made).and_then(|row| {
        // Read back from the file before it gets its name: what cannot be verified is no backup.
        open(&part)?;
        Ok(row)
    });
    let row = received.inspect_err(|_| drop(fs::remove_file(&part)))?;
    fs::rename(&part, to).map_err(failed("rename", &part))?;
    sync_folder(to).map_err(failed("sync", to))?;
    if daemon.style == Style::Json {
        return print::json(&Report::Backup(row));
    }
    print::line(&format!("{}: {} objects, generation {}", to.display(), row.objects, row.generation))?;
    print::line(&format!("sha256 {}", row.sha256))?;
    if row.held > 0 {
        print::line(&format!("{} keys are held by tokens and are not in it; `backup verify` names them", row.held))?;
    }
    row.damaged.map_or(Ok(()), |damage| print::line(&format!("WARNING not in it: {damage}")))
}

fn receive(daemon: &Daemon, file: File) -> Result<BackupRow, Error> {
    let mut to = BufWriter::with_capacity(1 << 20, file);
    let report = daemon.receive(&mut to)?;
    to.flush()?;
    to.get_ref().sync_all()?;
    match report {
        Report::Backup(row) => Ok(row),
        _ => Err(Error::OtherReport),
    }
}

/// The name of a file that is not finished.
fn part(to: &Path) -> PathBuf {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    to.with_file_name(name)
}

/// Lets the disk have the name of a file.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
