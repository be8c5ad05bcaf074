//! `restore`: an appliance out of a backup, on a machine that has none, or one object back into a running one.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufRead, IsTerminal},
    path::{Path, PathBuf},
    sync::Arc,
};

use strongroom_kmip::secret::Secret;

use super::{
    args::Restore,
    ask::{self, Times},
    backup::{Whose, hex, open, sync_folder, whose},
    daemon::Daemon,
    error::Error,
    init::{Key, folder, key_file},
    print::{self, Style},
};
use crate::{
    audit::{Record, Tail},
    backup::{Examined, Lock, Piece, Reader},
    certificate::{CERTIFICATE, PRIVATE_KEY, pem},
    chance::Chance,
    clock::SystemClock,
    config::{self, Secrecy, Settings},
    server::{House, daemon},
    service::{self, Order, Report, SEALED_FOR},
    sharing::{Gathering, Share},
    slot::software::{Random, Software},
    store::{self, Kind},
    vault::{Entered, Fitted, MechanismLevel, Object, ObjectId, PutBack, Refill, Vault, open_for},
};

pub(super) fn restore(settings: &Settings, running: &Daemon, wanted: &Restore) -> Result<(), Error> {
    let store = &settings.store.path;
    if wanted.object.is_none() && fs::read_dir(store).is_ok_and(|mut found| found.next().is_some()) {
        return Err(Error::Occupied(store.clone()));
    }
    let (file, examined) = open(&wanted.file)?;
    let whose = match &wanted.object {
        // The log here may be another appliance's, which is no fault: objects may move.
        Some(_) if wanted.dir.is_none() => Whose::Unknown,
        _ => whose(settings, wanted.dir.as_deref(), wanted.key.as_deref(), &examined)?,
    };
    match &wanted.object {
        Some(id) => one(running, &file, &examined, wanted, id),
        None => whole(settings, &file, &examined, whose, wanted, running.style),
    }
}

/// Everything, into nothing.
fn whole(
    settings: &Settings,
    file: &File,
    examined: &Examined,
    whose: Whose,
    wanted: &Restore,
    style: Style,
) -> Result<(), Error> {
    let path = &settings.store.path;
    let facts = &examined.header.facts;
    let last = last_record(&settings.audit.path)?;
    if let Some(last) = &last {
        if format!("strongroom/{}", last.log) != facts.appliance {
            return Err(Error::OtherLog(settings.audit.path.clone()));
        }
        if last.generation > facts.generation && !wanted.older {
            return Err(Error::Older { there: facts.generation, here: last.generation });
        }
    }
    if whose == Whose::Unknown && style == Style::Text {
        print::line("note: no audit log is here to say whose key signed this backup; its shares must say the rest")?;
    }
    let secret = gather(&examined.header.lock, wanted)?;
    let key = match &wanted.key_file {
        Some(path) => Key::File(key_file(path)?),
        None => Key::Passphrase(ask::secret(wanted.passphrase_file.as_deref(), "New passphrase", Times::Twice)?),
    };
    folder(&settings.state)?;
    let staging = staging(path);
    match fs::remove_dir_all(&staging) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(Error::File { action: "remove", path: staging, source });
        }
        _ => {}
    }
    let reader = Reader::open(file, examined, &secret)?;
    // Whatever was said of a generation, in the backup or in the log, is of one before the store's next.
    let since = last.map_or(0, |last| last.generation).max(facts.generation);
    let filled = fill(settings, &staging, since, reader, examined, &key, wanted)?;
    // Up to here there is nothing; from here on there is everything.
    match fs::remove_dir(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(Error::File { action: "remove", path: path.clone(), source });
        }
        _ => {}
    }
    let failed = |source| Error::File { action: "rename", path: staging.clone(), source };
    fs::rename(&staging, path).and_then(|()| sync_folder(path)).map_err(failed)?;
    // The first words of its log say where it comes from.
    let house = House::build(settings)?;
    let opened = house.service.order(&daemon(), key.order());
    house.close()?;
    opened?;
    if style == Style::Json {
        return print::json(&serde_json::json!({
            "objects": facts.objects, "rows": filled.rows, "unknown_nonces": filled.forgot, "generation": facts.generation, "held": facts.held,
            "sha256": hex(&examined.statement.digest),
        }));
    }
    print::line(&format!(
        "restored {} objects of generation {} into {}",
        facts.objects,
        facts.generation,
        path.display()
    ))?;
    for slot in facts.slots.iter().filter(|slot| !settings.slot.iter().any(|here| here.name == slot.name)) {
        print::line(&format!("WARNING slot {} ({}) is not in the configuration: add it", slot.name, slot.maker))?;
    }
    for held in &facts.held {
        print::line(&format!("key {} is in the token of slot {} alone; give the slot that token", held.id, held.slot))?;
    }
    if wanted.same_history {
        print::line("note: at your word no key was used after the backup; callers choose their nonces as before")?;
    } else if filled.forgot > 0 {
        print::line(&format!(
            "note: {} secret keys encrypt with nonces of the daemon's choosing alone from now on: which ones callers chose \
             after the backup nobody knows. Re-key where callers have to choose (docs/operations.md, Recovery)",
            filled.forgot
        ))?;
    }
    print::line("Next: strongroom serve, and strongroom backup as soon as it does")
}

/// What came out of a backup.
struct Filled {
    rows: u64,
    /// Keys of which nobody knows any more which nonces they have had.
    forgot: u64,
}

/// Builds the store beside its place, and looks whether it opens.
fn fill(
    settings: &Settings,
    staging: &Path,
    since: u64,
    mut reader: Reader<&File>,
    examined: &Examined,
    key: &Key,
    wanted: &Restore,
) -> Result<Filled, Error> {
    let Some(Piece::Root(ring)) = reader.piece()? else { return Err(Error::Incomplete) };
    let store = store::open(&store::Settings { since, ..store::Settings::new(Kind::Sled, staging) })?;
    let mut refill = Refill::new(&*store);
    let mut rows = 0u64;
    while let Some(piece) = reader.piece()? {
        let Piece::Row { table, key, value } = piece else { return Err(Error::Incomplete) };
        refill.row(table, key, value)?;
        rows = rows.saturating_add(1);
    }
    refill.flush()?;
    let level = MechanismLevel::Standard;
    let slots = vec![Fitted::new(Arc::new(Software::new("restore")), level)];
    let chance = Arc::new(Random::default());
    let vault = Vault::new(Arc::clone(&store), slots, Arc::new(SystemClock), chance);
    vault.restore(&[key.entry()], &ring)?;
    let Entered::Open { findings, .. } = vault.enter(key.entry())? else { return Err(Error::Incomplete) };
    let counted = vault.count()?;
    if findings.rolled_back || u64::try_from(counted).ok() != Some(examined.header.facts.objects) {
        return Err(Error::Incomplete);
    }
    let forgot = if wanted.same_history { 0 } else { vault.forget_nonces()? };
    service::mark_restored(&vault, &examined.header.facts, &hex(&examined.statement.digest))?;
    certificates(settings, &vault)?;
    vault.seal();
    store.close()?;
    Ok(Filled { rows, forgot })
}

/// A certificate for the server on this machine, from the appliance's own authority, where there is none yet.
fn certificates(settings: &Settings, vault: &Vault) -> Result<(), Error> {
    let kmip = &settings.kmip;
    if kmip.certificate.exists() && kmip.key.exists() && kmip.authority.exists() {
        return Ok(());
    }
    let founded = service::server_certificate(vault, &kmip.names)?;
    // All of them go before one comes, and each comes whole: three that are there belong together, whenever this ends.
    for path in [&kmip.certificate, &kmip.key, &kmip.authority] {
        path.parent().map_or(Ok(()), folder)?;
        remove(path)?;
    }
    place(&kmip.key, Secrecy::Secret, &pem(PRIVATE_KEY, founded.server_key.reveal()))?;
    place(&kmip.certificate, Secrecy::Public, &pem(CERTIFICATE, &founded.server))?;
    place(&kmip.authority, Secrecy::Public, &pem(CERTIFICATE, &founded.authority))
}

/// Makes a file that is there whole or not at all.
fn place(path: &Path, secrecy: Secrecy, text: &str) -> Result<(), Error> {
    let unfinished = staging(path);
    remove(&unfinished)?;
    config::create(&unfinished, secrecy, text.as_bytes())?;
    let renamed = fs::rename(&unfinished, path).and_then(|()| sync_folder(path));
    renamed.map_err(|source| Error::File { action: "rename", path: unfinished, source })
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(Error::File { action: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// One object, into a running appliance.
fn one(running: &Daemon, file: &File, examined: &Examined, wanted: &Restore, id: &str) -> Result<(), Error> {
    let secret = gather(&examined.header.lock, wanted)?;
    let mut reader = Reader::open(file, examined, &secret)?;
    let Some(Piece::Root(ring)) = reader.piece()? else { return Err(Error::Incomplete) };
    let (first, second) = Object::rows(&ObjectId::from_text(id));
    let chance: Arc<dyn Chance> = Arc::new(Random::default());
    let (mut meta, mut content, mut slot_keys) = (None, None, HashMap::new());
    while let Some(piece) = reader.piece()? {
        match piece {
            Piece::Row { table, key, value } if table == store::Table::Object.number() => {
                if key == first {
                    meta = Some(value);
                } else if key == second {
                    content = Some(value);
                }
            }
            Piece::Row { table, key, value } if table == store::Table::Setting.number() => {
                slot_keys.extend(PutBack::slot_of_key(&key).map(|slot| (slot.to_owned(), value)));
            }
            _ => {}
        }
    }
    let meta = Secret::new(meta.ok_or_else(|| Error::NotInBackup(id.to_owned()))?);
    let content = Secret::new(content.unwrap_or_default());
    let slot = PutBack::slot(&ring, &ObjectId::from_text(id), &meta, &chance)?;
    let own = Secret::new(slot_keys.remove(&slot).unwrap_or_default());
    let order = Order::PutBack { id: id.to_owned(), ring, meta, content, own, older: wanted.older };
    let report = running.send(order)?;
    match (running.style, report) {
        (Style::Json, report) => print::json(&report),
        (Style::Text, Report::PutBack { id }) => print::line(&format!("{id} is back as it was in the backup")),
        (Style::Text, _) => Err(Error::OtherReport),
    }
}

/// Takes shares one by one until there are enough, and opens the backup's key.
fn gather(lock: &Lock, wanted: &Restore) -> Result<Secret, Error> {
    let mut gathering = Gathering::new(lock.shares.clone());
    for path in &wanted.share_file {
        gathering.take(Share::read(config::line(&config::read(path, Secrecy::Secret)?).reveal())?)?;
    }
    let terminal = io::stdin().is_terminal();
    let needed = lock.shares.threshold();
    loop {
        if let Some(key) = gathering.key()? {
            return open_for(&key, SEALED_FOR, &lock.key).map_err(|_| Error::NotOpened);
        }
        let missing = || Error::TooFew { needed, given: gathering.count() };
        if !wanted.share_file.is_empty() {
            return Err(missing());
        }
        if terminal {
            let labels: Vec<&str> = lock.shares.labels().map(|label| label.as_str()).collect();
            let number = gathering.count().saturating_add(1);
            let prompt = format!("Share {number} of {needed} (of {})", labels.join(", "));
            let line = ask::secret(None, &prompt, Times::Once)?;
            // A wrong one is named and spoils nothing.
            if let Err(unfit) = Share::read(line.reveal()).and_then(|share| gathering.take(share)) {
                print::line(&format!("{unfit}"))?;
            }
        } else {
            let line = stdin_line()?.ok_or_else(missing)?;
            gathering.take(Share::read(line.reveal())?)?;
        }
    }
}

/// The next line of standard input, or nothing at its end.
fn stdin_line() -> Result<Option<Secret>, Error> {
    let mut line = zeroize::Zeroizing::new(Vec::with_capacity(4096));
    let read = io::stdin().lock().read_until(b'\n', &mut line).map_err(Error::Input)?;
    let text = line.strip_suffix(b"\n").unwrap_or(&line);
    Ok((read > 0).then(|| Secret::copy_of(text)))
}

/// The last line of a log that is there already.
fn last_record(folder: &Path) -> Result<Option<Record>, Error> {
    if !folder.join("log.pub").exists() {
        return Ok(None);
    }
    let failed = |source| Error::File { action: "read", path: folder.to_owned(), source };
    let lines = Tail::open(folder, 1).and_then(|mut tail| tail.more()).map_err(failed)?;
    Ok(lines.last().and_then(|line| Record::parse(line.as_bytes())))
}

/// Where a store or a file is made before it gets its name.
fn staging(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".restoring");
    path.with_file_name(name)
}
