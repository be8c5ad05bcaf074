//! `init`: a new appliance.

use std::{
    fs::{self, DirBuilder},
    io::ErrorKind,
    os::unix::fs::DirBuilderExt,
    path::Path,
};

use strongroom_kmip::secret::Secret;

use super::{
    args::Init,
    ask::{self, Times},
    error::Error,
    print::{self, Style},
};
use crate::{
    certificate::{CERTIFICATE, PRIVATE_KEY, pem},
    chance,
    config::{self, Secrecy, Settings},
    server::{House, daemon},
    service::Order,
    vault::UnsealKey,
};

pub(super) fn init(settings: &Settings, wanted: &Init, style: Style) -> Result<(), Error> {
    folder(&settings.state)?;
    if settings.store.path.exists() {
        let house = House::build(settings)?;
        let made = house.vault.is_initialised()?;
        house.close()?;
        if made {
            return Err(Error::Initialised(settings.state.clone()));
        }
    }
    let key = match &wanted.key_file {
        Some(path) => Key::File(key_file(path)?),
        None => Key::Passphrase(ask::secret(wanted.passphrase_file.as_deref(), "New passphrase", Times::Twice)?),
    };
    let house = make(settings, &key, &wanted.authority)?;
    house.close()?;
    if style == Style::Json {
        return print::json(&serde_json::json!({
            "state": settings.state, "store": settings.store.path, "audit": settings.audit.path,
            "certificate": settings.kmip.certificate, "authority": settings.kmip.authority,
        }));
    }
    let shown = |what: &str, path: &Path| print::line(&format!("{what:20} {}", path.display()));
    shown("store", &settings.store.path)?;
    shown("audit log", &settings.audit.path)?;
    shown("server certificate", &settings.kmip.certificate)?;
    shown("authority", &settings.kmip.authority)?;
    print::line("\nNext:")?;
    print::line("  strongroom serve                  start the daemon (or: systemctl enable --now strongroom)")?;
    if let Some(path) = &wanted.key_file {
        print::line(&format!("  strongroom unseal --key-file {}", path.display()))?;
    } else {
        print::line("  strongroom unseal                 open the vault with the passphrase")?;
    }
    print::line("  strongroom client add NAME        register a client and get its certificate")?;
    print::line("Keep what opens the vault in a safe place as well: without it nobody can open it, ever.")
}

/// What a new vault is sealed with.
pub(super) enum Key {
    /// A passphrase.
    Passphrase(Secret),
    /// The bytes of a key file.
    File(Secret),
}

impl Key {
    pub(super) fn entry(&self) -> UnsealKey {
        match self {
            Self::Passphrase(secret) => UnsealKey::Passphrase(secret.duplicate()),
            Self::File(secret) => UnsealKey::File(secret.duplicate()),
        }
    }

    pub(super) fn order(&self) -> Order {
        match self {
            Self::Passphrase(secret) => Order::Unseal { passphrase: secret.duplicate() },
            Self::File(secret) => Order::UnsealFile { key: secret.duplicate() },
        }
    }
}

/// Makes store, log, seal, authority and server certificate. The vault is open.
pub(super) fn make(settings: &Settings, key: &Key, authority: &str) -> Result<House, Error> {
    let house = House::build(settings)?;
    house.vault.initialise(&[key.entry()])?;
    house.service.order(&daemon(), key.order())?;
    let founded = house.service.found_authority(&daemon(), authority, &settings.kmip.names)?;
    let kmip = &settings.kmip;
    for path in [&kmip.certificate, &kmip.key, &kmip.authority] {
        path.parent().map_or(Ok(()), folder)?;
    }
    config::create(&kmip.key, Secrecy::Secret, pem(PRIVATE_KEY, founded.server_key.reveal()).as_bytes())?;
    config::create(&kmip.certificate, Secrecy::Public, pem(CERTIFICATE, &founded.server).as_bytes())?;
    config::create(&kmip.authority, Secrecy::Public, pem(CERTIFICATE, &founded.authority).as_bytes())?;
    Ok(house)
}

/// The bytes of a key file, made with fresh ones if it is not there.
pub(super) fn key_file(path: &Path) -> Result<Secret, Error> {
    if !path.exists() {
        let bytes = Secret::copy_of(&chance::array::<32>(&crate::slot::software::Random::default())?);
        config::create(path, Secrecy::Secret, bytes.reveal())?;
    }
    Ok(config::read(path, Secrecy::Secret)?)
}

/// Makes a folder for its owner alone, unless it is there.
pub(super) fn folder(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::File { action: "make", path: path.to_owned(), source };
    match DirBuilder::new().mode(0o700).recursive(true).create(path) {
        Ok(()) => Ok(()),
        Err(error)
            if error.kind() == ErrorKind::AlreadyExists && fs::metadata(path).is_ok_and(|found| found.is_dir()) =>
        {
            Ok(())
        }
        Err(source) => Err(failed(source)),
    }
}
