//! What was entered to unseal and is not enough yet.

use strongroom_kmip::secret::Secret;

use super::{error::Error, factor::Factor, header::Header};
use crate::{
    caller::Principal,
    clock::Time,
    sharing::{Gathering, Label, SetId, Share},
};

/// A way to unseal, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayRow {
    /// Its number.
    pub number: u32,
    /// Whether somebody has shown that they hold what it takes.
    pub proven: bool,
    /// What has to be entered.
    pub factors: Vec<FactorRow>,
}

/// One thing that has to be entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorRow {
    /// `passphrase`, `key file`, `shares` or `slot`.
    pub kind: &'static str,
    /// How many entries it takes.
    pub needed: usize,
    /// How many were made.
    pub entered: usize,
    /// Whose shares were entered, or whose there are when none were; the slot.
    pub names: Vec<String>,
}

/// Who may enter the shares of one set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hands {
    /// Whoever has them, one after the other.
    #[default]
    Any,
    /// Different operators: nobody enters two.
    Different,
}

/// What was entered and was not enough yet.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) passphrase: Option<Secret>,
    pub(super) file: Option<Secret>,
    gatherings: Vec<Gathering>,
    /// Who has entered whose share of which set.
    hands: Vec<(SetId, Principal, Label)>,
    pub(super) last: Option<Time>,
}

impl Entry {
    /// Whether nothing was entered.
    pub(super) fn is_empty(&self) -> bool {
        self.passphrase.is_none()
            && self.file.is_none()
            && self.gatherings.iter().all(|gathering| gathering.count() == 0)
    }

    /// Forgets what nobody has added to for a while. A clock that was set back lets it be forgotten as well.
    pub(super) fn expire(&mut self, now: Time) {
        let fresh = |last: Time| (0..LASTS).contains(&now.0.saturating_sub(last.0));
        if !self.last.is_some_and(fresh) {
            *self = Self::default();
        }
    }

    /// The shares of a set that were entered.
    pub(super) fn gathering(&self, set: SetId) -> Option<&Gathering> {
        self.gatherings.iter().find(|gathering| gathering.roster().set() == set)
    }

    /// Takes a share for one of the ways from somebody.
    pub(super) fn share(&mut self, share: Share, who: &Principal, hands: Hands, header: &Header) -> Result<(), Error> {
        let rosters = || {
            header.ways.iter().flat_map(|way| &way.factors).filter_map(|factor| match factor {
                Factor::Shares(roster) => Some(roster),
                _ => None,
            })
        };
        let own = rosters().find(|roster| roster.set() == share.set);
        let Some(roster) = own.or_else(|| rosters().next()) else { return Err(Error::WrongKey) };
        roster.check(&share)?;
        if self.gathering(roster.set()).is_none() {
            self.gatherings.push(Gathering::new(roster.clone()));
        }
        let gathering = self.gatherings.iter_mut().find(|gathering| gathering.roster().set() == share.set);
        let gathering = gathering.ok_or(Error::WrongKey)?;
        let (set, number, label) = (share.set, share.number, share.label.clone());
        let before = self.hands.iter().find(|(known, by, theirs)| *known == set && by == who && *theirs != label);
        if let Some((_, _, other)) = before.filter(|_| hands == Hands::Different) {
            return Err(Error::SameHand { number, label, who: who.clone(), other: other.clone() });
        }
        gathering.take(share)?;
        self.hands.push((set, who.clone(), label));
        Ok(())
    }
}

impl FactorRow {
    /// Whether something has to be entered still.
    pub(super) fn is_missing(&self) -> bool {
        self.entered < self.needed
    }
}

/// How it stands with a factor.
pub(super) fn factor_row(factor: &Factor, entry: &Entry) -> FactorRow {
    let kind = factor.word();
    let one = |there: bool| FactorRow { kind, needed: 1, entered: usize::from(there), names: Vec::new() };
    match factor {
        Factor::Passphrase { .. } => one(entry.passphrase.is_some()),
        Factor::File { .. } => one(entry.file.is_some()),
        // A slot is asked when everything else is there.
        Factor::Slot { slot, .. } => FactorRow { names: vec![slot.clone()], ..one(true) },
        Factor::Shares(roster) => {
            let name = |label: &Label| label.to_string();
            let gathering = entry.gathering(roster.set()).filter(|gathering| gathering.count() > 0);
            let names =
                gathering.map_or_else(|| roster.labels().map(name).collect(), |some| some.labels().map(name).collect());
            let entered = gathering.map_or(0, Gathering::count);
            FactorRow { kind, needed: roster.threshold().into(), entered, names }
        }
    }
}

/// Milliseconds after which entries are forgotten that nobody adds to: people come from several rooms, not from several days.
const LASTS: i64 = 15 * 60 * 1000;
