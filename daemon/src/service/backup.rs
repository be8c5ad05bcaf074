//! A backup, made while everything else is served.

use std::{io::Write, ops::ControlFlow, sync::Arc};

use strongroom_kmip::{code::ResultReason, secret::Secret};

use super::{order::Report, refusal::Refusal, registry::Service, shown::BackupRow};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Who},
    backup::{self, Facts, HeldKey, Lock, SignedBy, SlotFact, Statement, Writer},
    caller::{Caller, Role},
    chance, store,
    vault::{self, Vault},
};

impl Service {
    /// Makes a backup and writes it to `to` while it is made. It returns once the log tells of it; before that, what was
    /// written is worth nothing.
    ///
    /// # Errors
    /// [`Refusal`], with a sentence for the operator.
    pub fn back_up(&self, operator: &Caller, to: &mut dyn Write) -> Result<Report, Refusal> {
        let outcome = match operator.role {
            Role::Administrator => self.write_backup(to),
            Role::User | Role::Auditor => {
                Err(Refusal::new(ResultReason::PermissionDenied, "only root and the daemon's own user make backups"))
            }
        };
        let said = outcome.as_ref().map_or_else(super::registry::refused, |_| Outcome::Success);
        let mut entry = Entry::new(Who::Known(operator), audit::Action::Event(Event::Backup), said);
        if let Ok(row) = &outcome {
            entry.object = Some(audit::Object { id: &row.sha256, version: Some(row.generation) });
            (entry.output, entry.count) = (Some(row.bytes), Some(row.objects));
        }
        let settled = self.settle(&entry, Durability::Sync, None).wait();
        settled.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        outcome.map(Report::Backup)
    }

    fn write_backup(&self, to: &mut dyn Write) -> Result<BackupRow, Refusal> {
        let none = || {
            let message = "there is no recovery key to seal a backup for; run `strongroom operator generate-recovery`";
            Refusal::new(ResultReason::ItemNotFound, message)
        };
        let vault::Recovery { roster: shares, recipient } = self.vault.recovery()?.ok_or_else(none)?;
        let whole = self.vault.whole()?;
        // The log is written before the store: whatever is in the snapshot is under the head that is signed now.
        self.log.sign().map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        let head = self.log.head().map(|head| head.note.to_string()).unwrap_or_default();
        let slot = |fitted: &Arc<vault::Fitted>| SlotFact {
            name: fitted.key().to_owned(),
            maker: fitted.slot.maker().to_owned(),
        };
        let held = |(id, slot): &(vault::ObjectId, String)| HeldKey { id: id.to_string(), slot: slot.clone() };
        let facts = Facts {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            appliance: self.log.origin(),
            time: self.vault.now().seconds(),
            generation: whole.generation(),
            objects: whole.objects()?,
            // Those that were made are among the rows.
            slots: self.vault.slots().iter().filter(|fitted| fitted.made.is_none()).map(slot).collect(),
            held: whole.held().iter().map(held).collect(),
            head,
        };
        let key = chance::array::<32>(self.vault.chance()).map_err(vault::Error::from)?;
        let key = Secret::new(key.to_vec());
        let wrapped = recipient.seal(SEALED_FOR, key.reveal(), self.vault.chance())?;
        let (generation, objects, count) = (facts.generation, facts.objects, facts.held.len());
        let mut writer = Writer::begin(to, facts, Lock { shares, key: wrapped }, &key, whole.ring())?;
        let mut written = Ok(());
        let walked = whole.rows(&mut |table, key, value| {
            written = writer.row(table, key, value);
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        written?;
        let damaged = match walked {
            Err(vault::Error::Store(error @ store::Error::Damaged { .. })) => Some(error.to_string()),
            other => other.map(|()| None)?,
        };
        let (_, statement) = writer.finish(|statement| self.sign_backup(statement))?;
        let Statement { appliance, bytes, digest } = statement;
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(BackupRow { appliance, generation, objects, held: count, bytes, sha256, damaged })
    }

    fn sign_backup(&self, statement: &Statement) -> Option<SignedBy> {
        let audit::Vouched { epoch, key, time, signature } =
            self.log.vouch(|epoch, time| statement.text(epoch, time))?;
        Some(SignedBy { epoch, key, time, signature })
    }
}

/// Leaves word in a restored vault of where it comes from, for the log that it will have.
///
/// # Errors
/// [`Refusal`], when the vault is sealed or the store fails.
pub fn mark_restored(vault: &Vault, facts: &Facts, digest: &str) -> Result<(), Refusal> {
    let size = facts.head.lines().nth(1).unwrap_or("0");
    let word = format!("{digest} {}@{size}", facts.appliance);
    let mut change = vault.begin()?;
    change.put_setting(RESTORED, Some(Secret::new(format!("{} {word}", facts.generation).into_bytes())));
    vault.commit(change).wait().map_err(vault::Error::Store)?;
    Ok(())
}

impl Service {
    /// Says in the log which backup the vault was restored from, and at which head of which log; once.
    pub(super) fn tell_restored(&self) {
        let told = || -> Result<(), Refusal> {
            let Some(word) = self.vault.setting(RESTORED)? else { return Ok(()) };
            let word = String::from_utf8_lossy(word.reveal()).into_owned();
            let (generation, word) = word.split_once(' ').unwrap_or(("", &word));
            let mut entry = Entry::event(Event::Restore);
            entry.object = Some(audit::Object { id: word, version: generation.parse().ok() });
            let mut change = self.vault.begin()?;
            change.put_setting(RESTORED, None);
            let settled = self.settle(&entry, Durability::Sync, Some(change)).wait();
            settled.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))
        };
        if let Err(error) = told() {
            log::error!("the log does not say yet where this appliance was restored from: {error}");
        }
    }
}

impl From<backup::Error> for Refusal {
    fn from(error: backup::Error) -> Self {
        let reason = match error {
            backup::Error::Disk(_) | backup::Error::Broken(_) | backup::Error::Large(_) => ResultReason::GeneralFailure,
            _ => ResultReason::InvalidField,
        };
        Self::new(reason, error.to_string())
    }
}

/// The setting that says, until the log does, where a restored vault comes from.
const RESTORED: &str = "restored";
/// What a backup's key is sealed together with.
pub const SEALED_FOR: &[u8] = b"strongroom backup 1";
