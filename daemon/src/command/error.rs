//! Why a command came to nothing.

use std::{io, path::PathBuf};

use super::migrate;
use crate::{audit, backup, chance::Dry, config, front::control, server, service::Refusal, sharing, store, vault};

/// Why a command came to nothing: what is printed before it exits with 1.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Control(#[from] control::Error),
    #[error(transparent)]
    Server(#[from] server::Error),
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Vault(#[from] vault::Error),
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Chance(#[from] Dry),
    #[error("cannot {action} {path}: {source}", path = .path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("the terminal or standard input gives nothing: {0}")]
    Input(io::Error),
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
    #[error("cannot write the answer as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the two entries differ; nothing was done")]
    Mistyped,
    #[error("an empty entry opens nothing; nothing was done")]
    Empty,
    #[error("this is not the name of {0}; nothing was done")]
    NotConfirmed(String),
    #[error("there is an appliance in {} already; nothing was done", .0.display())]
    Initialised(PathBuf),
    #[error(transparent)]
    Backup(#[from] backup::Error),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Share(#[from] sharing::Unfit),
    #[error("say where the backup is to go: --to FILE")]
    Nowhere,
    #[error("{} is there already; a backup never takes the place of a file", .0.display())]
    Taken(PathBuf),
    #[error("this is a backup of {is}, and this audit log is of {log}")]
    Foreign { is: String, log: String },
    #[error(
        "the backup names the appliance, but its audit log never had the key that signed it: somebody else made it"
    )]
    Forged,
    #[error(
        "the backup is whole and names the appliance; whether its audit log signed it in epoch {0} is not known here: a copy \
         of the log's file epochs, made after the backup, says so. Name its folder with --dir"
    )]
    Unproven(u64),
    #[error("{} holds a store already; nothing was done. Single objects come back with --object", .0.display())]
    Occupied(PathBuf),
    #[error("{} is the log of another appliance than the backup's; move it away first", .0.display())]
    OtherLog(PathBuf),
    #[error(
        "the log here tells of generation {here}, the backup is of {there}: what was changed in between would be lost; --older says so be it"
    )]
    Older { there: u64, here: u64 },
    #[error("{needed} shares are needed, and {given} were given; nothing was done")]
    TooFew { needed: u8, given: usize },
    #[error("these shares make a key, but not one that opens this backup")]
    NotOpened,
    #[error("the backup is whole, and yet what is in it does not fit together; use another one")]
    Incomplete,
    #[error("{0} is not in the backup")]
    NotInBackup(String),
    #[error("there is no user {0:?} on this machine")]
    NoUser(String),
    #[error("{} is no certificate request in PEM or DER form", .0.display())]
    NoRequest(PathBuf),
    #[error("the worker of a slot is started by the daemon alone: {0}")]
    Worker(io::Error),
    #[error("the daemon reported something else than was asked; is it of the same version?")]
    OtherReport,
    #[error("this is no KMIP message: {0}")]
    NoMessage(strongroom_kmip::ttlv::Malformed),
    #[error("this is neither binary TTLV nor hexadecimal digits")]
    NoDigits,
    #[error(transparent)]
    Damage(#[from] audit::Damage),
    #[error(transparent)]
    Unproved(#[from] audit::Refusal),
    #[error("{} is no public key of an audit log", .0.display())]
    NoIdentity(PathBuf),
    #[error("programs on this host see no token; `strongroom pkcs11 check` says why")]
    NoToken,
    #[error("programs on this host see no token, or not as they should, because of each FAULT above")]
    Faulty,
    #[error(transparent)]
    Migrate(#[from] migrate::Error),
    #[error("say with --from-as which client of that server you are")]
    NoIdentityThere,
    #[error("{} was started but its files are not complete; remove the folder and start again", .0.display())]
    HalfMade(PathBuf),
}
