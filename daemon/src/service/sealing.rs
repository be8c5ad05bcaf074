//! Orders about the seal: unsealing in one step or several, other ways to unseal, rotation, recovery shares.

use std::sync::{PoisonError, atomic::Ordering};

use strongroom_kmip::{code::ResultReason, secret::Secret};

use super::{
    order::Report,
    refusal::Refusal,
    registry::Service,
    seal::{Dealt, FactorRow, SealStatus, ShareRow, WayRow},
};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Who},
    caller::Caller,
    sharing::{Label, Share, Unfit},
    vault::{self, Change, Entered, Hands, Others, Resealed, Rotating, UnsealKey, Wanted},
};

/// A new way to unseal, as it was ordered.
pub(super) struct Rekey {
    pub(super) passphrase: Secret,
    pub(super) key: Secret,
    pub(super) threshold: u8,
    pub(super) labels: Vec<String>,
    pub(super) slot: Option<String>,
    pub(super) stay: bool,
}

impl Service {
    /// Takes what was entered; what it shows to be held is noted in the change.
    pub(super) fn open(
        &self,
        operator: &Caller,
        key: UnsealKey,
        change: impl FnOnce(&Self, u32) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Entered::Open { findings, proves } = self.vault.enter_by(&operator.principal, key)? else { return Ok(()) };
        self.by_slots.store(false, Ordering::Relaxed);
        // What was under way goes on; beginning it anew would do it twice.
        if !findings.again {
            for damage in &findings.damaged {
                log::error!("{damage}");
            }
            if findings.rolled_back {
                log::error!("the store holds other records than it should: it was changed behind the daemon's back");
            }
            self.unlock_log();
            self.tell_restored();
            if let Some(told) = self.told.lock().unwrap_or_else(PoisonError::into_inner).take() {
                self.reconcile(&told);
            }
            self.recall();
            self.resume();
            self.collect();
        }
        proves.map_or(Ok(()), |number| change(self, number))
    }

    /// A share, as it was entered.
    pub(super) fn read_share(line: &Secret) -> Result<UnsealKey, Refusal> {
        Ok(UnsealKey::Share(Share::read(line.reveal()).map_err(vault::Error::Share)?))
    }

    /// Adds a way to unseal, or puts it in the place of the others.
    pub(super) fn rekey(&self, rekey: Rekey, change: &mut Change) -> Result<Report, Refusal> {
        let Rekey { passphrase, key, threshold, labels, slot, stay } = rekey;
        let mut wanted = Vec::new();
        if !passphrase.is_empty() {
            wanted.push(Wanted::Passphrase(passphrase));
        }
        if !key.is_empty() {
            wanted.push(Wanted::File(key));
        }
        wanted.extend(slot.map(Wanted::Slot));
        let operators = self.approvals.officers();
        if self.vault.hands() == Hands::Different && usize::from(threshold) > operators {
            let why = format!(
                "{threshold} different operators would have to enter a share each, and the configuration has {operators}; \
                 see `hands` in [seal]"
            );
            return Err(Refusal::invalid(&why));
        }
        if threshold > 0 || !labels.is_empty() {
            wanted.push(Wanted::Shares { threshold, labels: parse_labels(labels)? });
        }
        let made = self.vault.rekey(change, wanted, if stay { Others::Stay } else { Others::Go })?;
        Ok(Report::Shares(dealt(Some(made.way), made.proven, &made.shares)))
    }

    /// Exchanges a key.
    pub(super) fn rotate(&self, what: &str, change: &mut Change) -> Result<Report, Refusal> {
        let what = match what {
            "root" => Rotating::Root,
            "data" => Rotating::Data,
            _ => return Err(Refusal::invalid("what is rotated is root or data")),
        };
        self.vault.rotate(change, what)?;
        Ok(Report::Done)
    }

    /// Deals recovery shares, for backups that are made from now on.
    pub(super) fn make_recovery(
        &self,
        threshold: u8,
        labels: Vec<String>,
        change: &mut Change,
    ) -> Result<Report, Refusal> {
        let shares = self.vault.make_recovery(change, threshold, &parse_labels(labels)?)?;
        Ok(Report::Shares(dealt(None, true, &shares)))
    }

    /// How it stands with the seal.
    pub(super) fn seal_status(&self) -> SealStatus {
        let ways = self.vault.ways().unwrap_or_else(|error| {
            log::error!("{error}");
            Vec::new()
        });
        let recovery = self.vault.recovery().ok().flatten();
        SealStatus {
            ways: ways.into_iter().map(way_row).collect(),
            resealing: self.vault.rotating(),
            recovery: recovery.map(|known| FactorRow {
                kind: "shares".to_owned(),
                needed: known.roster.threshold().into(),
                entered: 0,
                names: known.roster.labels().map(Label::to_string).collect(),
            }),
        }
    }

    /// Lets keys in slots open the vault as soon as those slots can be worked with. An operator who seals it ends that.
    pub fn await_slots(&self) {
        self.by_slots.store(true, Ordering::Relaxed);
    }

    /// What is to be done about the seal by itself: opening by slots, and resealing what older data keys seal. Whether
    /// there is more to do at once.
    pub fn tend(&self, daemon: &Caller) -> bool {
        if self.is_sealed() {
            self.try_slots(daemon);
            return false;
        }
        match self.vault.reseal() {
            Ok(Resealed::Nothing) | Err(vault::Error::Sealed) => false,
            Ok(Resealed::Some { .. }) => true,
            Ok(Resealed::All) => {
                if let Err(refusal) = self.let_go(daemon) {
                    log::error!("an older data key stays for now: {refusal}");
                }
                false
            }
            Err(error) => {
                log::error!("rows could not be resealed: {error}");
                false
            }
        }
    }

    fn try_slots(&self, daemon: &Caller) {
        if !self.by_slots.load(Ordering::Relaxed) || !self.vault.slots_are_ready() {
            return;
        }
        self.by_slots.store(false, Ordering::Relaxed);
        if let Err(refusal) = self.order(daemon, super::Order::UnsealSlots) {
            log::error!("the vault stays sealed: {refusal}");
        }
    }

    /// Ends the exchange of a data key: nothing is sealed by the older ones any more, the log's own key included.
    fn let_go(&self, daemon: &Caller) -> Result<(), Refusal> {
        if !self.unlock_log() {
            return Err(Refusal::new(ResultReason::GeneralFailure, "the audit log's key is not resealed"));
        }
        let mut change = self.vault.begin()?;
        self.vault.retire(&mut change)?;
        let entry = Entry::new(Who::Known(daemon), audit::Action::Event(Event::Retired), Outcome::Success);
        let settled = self.settle(&entry, Durability::Sync, Some(change)).wait();
        settled.map_err(|error| Refusal::new(ResultReason::GeneralFailure, error.to_string()))?;
        log::info!("every row is sealed by the new data key; the older ones are gone");
        Ok(())
    }
}

fn parse_labels(labels: Vec<String>) -> Result<Vec<Label>, Refusal> {
    let parse = |label: String| {
        Label::try_from(label)
            .map_err(|_: Unfit| Refusal::invalid("a holder is named by 1 to 32 of A-Z a-z 0-9 . _ @ -"))
    };
    let labels: Vec<Label> = labels.into_iter().map(parse).collect::<Result<_, _>>()?;
    let twice = |at: usize, label: &Label| labels.iter().take(at).any(|other| other == label);
    match labels.iter().enumerate().any(|(at, label)| twice(at, label)) {
        true => Err(Refusal::invalid("two holders have the same name")),
        false => Ok(labels),
    }
}

fn dealt(way: Option<u32>, proven: bool, shares: &[Share]) -> Dealt {
    let row = |share: &Share| ShareRow {
        number: share.number,
        holder: share.label.to_string(),
        share: String::from_utf8_lossy(share.write().reveal()).into_owned(),
    };
    let threshold = shares.first().map(|share| share.threshold);
    Dealt { way, proven, threshold, shares: shares.iter().map(row).collect() }
}

fn way_row(way: vault::WayRow) -> WayRow {
    let factor = |factor: vault::FactorRow| FactorRow {
        kind: factor.kind.to_owned(),
        needed: factor.needed,
        entered: factor.entered,
        names: factor.names,
    };
    WayRow { number: way.number, proven: way.proven, factors: way.factors.into_iter().map(factor).collect() }
}
