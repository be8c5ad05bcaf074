//! What is entered until it is enough to unseal: shares one by one, and what is needed together with them.
//!
//! What is entered on an open vault opens nothing anew. It is a rehearsal: it shows that somebody holds what a new way takes,
//! and only then may the new way take the place of others.

use std::sync::{Arc, MutexGuard, PoisonError};

use strongroom_kmip::secret::Secret;

use super::{
    door::Vault,
    entry::{Entry, WayRow, factor_row},
    error::Error,
    factor::{self, Factor, Key, Price},
    header::{self, Header, Standing, Way},
    opened::{Findings, Held, Opened},
    seal::Root,
};
use crate::{caller::Principal, slot::Condition, store::Table};

/// What came of an entry.
#[derive(Debug)]
pub enum Entered {
    /// The vault is open.
    Open {
        /// What is wrong with the store.
        findings: Findings,
        /// The new way that was shown to be held.
        proves: Option<u32>,
    },
    /// More is needed.
    Waiting,
}

impl Entered {
    /// What is wrong with the store, once the vault is open.
    pub fn findings(self) -> Option<Findings> {
        match self {
            Self::Open { findings, .. } => Some(findings),
            Self::Waiting => None,
        }
    }
}

impl Vault {
    /// Takes what somebody enters to unseal, and opens the vault once it is enough. What was entered before stays when
    /// this is wrong. After a while without an entry all of it is forgotten.
    ///
    /// # Errors
    /// [`Error::Share`] for a share that is not taken, [`Error::WrongKey`] for anything else that opens nothing.
    pub fn enter(&self, key: Key) -> Result<Entered, Error> {
        self.enter_by(&Principal::Daemon, key)
    }

    /// The same for somebody, who may not enter two shares where different operators are to.
    ///
    /// # Errors
    /// As for [`enter`](Self::enter); [`Error::SameHand`].
    pub fn enter_by(&self, who: &Principal, key: Key) -> Result<Entered, Error> {
        let mut entry = self.entry();
        let header = self.header()?.ok_or(NO_ROOT)?;
        let kind = match &key {
            Key::Passphrase(_) => Kind::Passphrase,
            Key::File(_) => Kind::File,
            Key::Share(_) => Kind::Shares,
            Key::Slots => Kind::Slot,
        };
        match key {
            Key::Passphrase(phrase) => entry.passphrase = Some(phrase),
            Key::File(bytes) => entry.file = Some(known_file(bytes, &header)?),
            Key::Share(share) => entry.share(share, who, self.hands, &header)?,
            Key::Slots => {}
        }
        entry.last = Some(self.clock.now());
        let (mut waiting, mut broken) = (false, None);
        // A way that is new goes first: what it shares with an older one is to prove it.
        let mut ways: Vec<&Way> = header.ways.iter().filter(|way| way.is_of(kind)).collect();
        ways.sort_by_key(|way| way.standing == Standing::Proven);
        for way in ways {
            let opened = match self.outputs(way, &entry) {
                Ok(Some(outputs)) => way.open(&outputs),
                Ok(None) => {
                    waiting = true;
                    continue;
                }
                Err(error) => Err(error),
            };
            match opened {
                Ok(root) => {
                    let number = (way.standing != Standing::Proven).then_some(way.number);
                    let all_proven = header.ways.iter().all(|way| way.standing == Standing::Proven);
                    if number.is_some() || all_proven {
                        *entry = Entry::default();
                    }
                    let findings = self.open_with(root, &header)?;
                    return Ok(Entered::Open { findings, proves: number });
                }
                Err(Error::WrongKey) => {}
                Err(error) => broken = Some(error),
            }
        }
        if waiting {
            return Ok(Entered::Waiting);
        }
        // A passphrase is known to be wrong only once everything is there that it belongs to.
        entry.passphrase = None;
        Err(broken.unwrap_or(Error::WrongKey))
    }

    /// Forgets what was entered; whether there was anything.
    pub fn forget_entries(&self) -> bool {
        let mut entry = self.entry();
        let some = !entry.is_empty();
        *entry = Entry::default();
        some
    }

    /// The ways to unseal, with what was entered for each.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Damaged`], [`Error::Format`].
    pub fn ways(&self) -> Result<Vec<WayRow>, Error> {
        let entry = self.entry();
        let Some(header) = self.header()? else { return Ok(Vec::new()) };
        let row = |way: &Way| WayRow {
            number: way.number,
            proven: way.standing == Standing::Proven,
            factors: way.factors.iter().map(|factor| factor_row(factor, &entry)).collect(),
        };
        Ok(header.ways.iter().map(row).collect())
    }

    /// Whether a way takes a key in a slot, and all of its slots can be worked with.
    pub fn slots_are_ready(&self) -> bool {
        let Ok(Some(header)) = self.header() else { return false };
        header.ways.iter().any(|way| {
            let mut slots = way.factors.iter().filter_map(|factor| match factor {
                Factor::Slot { slot, .. } => Some(slot),
                _ => None,
            });
            let usable = |name: &String| {
                let fitted = self.slot(Some(name)).ok();
                let holding = fitted.as_ref().and_then(|fitted| fitted.slot.holding());
                holding.is_some_and(|holding| holding.condition() == Condition::Usable)
            };
            let first = slots.next();
            first.is_some_and(usable) && slots.all(usable)
        })
    }

    /// What was entered and is still fresh.
    fn entry(&self) -> MutexGuard<'_, Entry> {
        let mut entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        entry.expire(self.clock.now());
        entry
    }

    /// The header: that of the open vault, which was proved true, or what stands in the store.
    fn header(&self) -> Result<Option<Header>, Error> {
        if let Ok(opened) = self.opened() {
            return Ok(Some(opened.held().header.clone()));
        }
        let row = self.store.get(Table::Setting, header::ROW.as_bytes())?;
        row.map(|row| Header::read(&row)).transpose()
    }

    /// The outputs of a way's factors, or nothing while one is missing.
    fn outputs(&self, way: &Way, entry: &Entry) -> Result<Option<Vec<Secret>>, Error> {
        let mut outputs = Vec::with_capacity(way.factors.len());
        // What costs nothing to know is asked first.
        if way.factors.iter().any(|factor| factor_row(factor, entry).is_missing()) {
            return Ok(None);
        }
        for factor in &way.factors {
            let output = match factor {
                Factor::Passphrase { salt, memory_kib, passes } => {
                    let price = Price { memory_kib: *memory_kib, passes: *passes };
                    entry.passphrase.as_ref().map(|phrase| factor::stretch(phrase, salt, price)).transpose()?
                }
                Factor::File { salt, .. } => entry.file.as_ref().map(|bytes| factor::file(bytes, salt)).transpose()?,
                Factor::Shares(roster) => match entry.gathering(roster.set()) {
                    Some(gathering) => gathering.key()?,
                    None => None,
                },
                Factor::Slot { .. } => self.ask_slot(factor)?,
            };
            let Some(output) = output else { return Ok(None) };
            outputs.push(output);
        }
        Ok(Some(outputs))
    }

    /// Opens the vault with its root key.
    fn open_with(&self, root: Root, header: &Header) -> Result<Findings, Error> {
        let mut flights = self.unsealing.lock().unwrap_or_else(PoisonError::into_inner);
        // What is open already goes on: changes under way belong to it.
        if let Ok(opened) = self.opened() {
            return Ok(Findings { again: true, ..opened.findings.clone() });
        }
        let ring = header.ring(&root)?;
        // What was begun before the vault was sealed is finished first: the store is read with all of it.
        if !flights.wait() {
            return Err(Error::Broken("unsealing: a change from before the sealing has not ended; try again"));
        }
        // So are the rows of nonces, which the store asks for later.
        self.firm().wait()?;
        let held = Held { root: Arc::new(root), header: header.clone(), ring };
        let opened = Opened::load(held, &*self.store, &self.chance)?;
        self.recall_slots(&opened)?;
        *flights = Arc::clone(&opened.flights);
        let findings = opened.findings.clone();
        self.let_in(opened);
        Ok(findings)
    }
}

/// What kind of thing was entered.
#[derive(Clone, Copy)]
enum Kind {
    Passphrase,
    File,
    Shares,
    Slot,
}

impl Way {
    fn is_of(&self, kind: Kind) -> bool {
        self.factors.iter().any(|factor| kind.is_of(factor))
    }
}

impl Kind {
    fn is_of(self, factor: &Factor) -> bool {
        matches!(
            (self, factor),
            (Self::Passphrase, Factor::Passphrase { .. })
                | (Self::File, Factor::File { .. })
                | (Self::Shares, Factor::Shares(_))
                | (Self::Slot, Factor::Slot { .. })
        )
    }
}

/// A key file, if a way takes it.
fn known_file(bytes: Secret, header: &Header) -> Result<Secret, Error> {
    for factor in header.ways.iter().flat_map(|way| &way.factors) {
        if let Factor::File { salt, check } = factor
            && factor::check(&factor::file(&bytes, salt)?)? == *check
        {
            return Ok(bytes);
        }
    }
    Err(Error::WrongKey)
}

const NO_ROOT: Error = Error::Broken("unsealing: there is no root key; run `strongroom init`");
