//! Exchanging the root key and the data keys without stopping.
//!
//! Another root key takes one row. Another data key seals whatever is written from then on; a round reseals the rest, some
//! rows at a time, and only when no row needs the older key any more, it goes. A crash leaves a ring with all the keys that
//! rows may need, and the round begins again.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{Arc, PoisonError},
};

use super::{
    change::Change,
    chunk::Name,
    door::Vault,
    error::Error,
    header, manifest,
    opened::{Held, Opened},
    record::Object,
    round::{Round, Row},
    seal::{Place, Root, data_key},
};
use crate::{
    memory::Locked,
    store::{Batch, Table},
};

/// What is exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotating {
    /// The root key.
    Root,
    /// The data key.
    Data,
}

/// How far the round has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resealed {
    /// There is nothing to do.
    Nothing,
    /// Rows were resealed; so many are left, as far as is known.
    Some {
        /// Rows that older keys seal.
        left: usize,
    },
    /// No row needs an older key any more: they can be let go of.
    All,
}

impl Vault {
    /// Exchanges the root key, or begins to exchange the data key.
    ///
    /// # Errors
    /// [`Error::Busy`] while another change of the seal is under way, [`Error::Broken`] when earlier rotations have to end
    /// first.
    pub fn rotate(&self, change: &mut Change, what: Rotating) -> Result<(), Error> {
        change.seize_seal()?;
        let Held { root, header, ring } = change.opened().held().clone();
        let held = match what {
            Rotating::Root => {
                let next = Root::new(&*self.chance)?;
                let header = header.rooted(&root, &next, &ring, &*self.chance)?;
                Held { root: Arc::new(next), header, ring }
            }
            Rotating::Data => {
                let ring = ring.next(&*self.chance)?;
                let header = header.next(header.ways.clone(), &root, &ring, &*self.chance)?;
                Held { root, header, ring }
            }
        };
        change.put_seal(held)
    }

    /// Lets the older data keys go, once no row needs them.
    ///
    /// # Errors
    /// [`Error::Busy`] while another change of the seal is under way; also when the data key was exchanged again.
    pub fn retire(&self, change: &mut Change) -> Result<(), Error> {
        change.seize_seal()?;
        let opened = change.opened();
        let Held { root, header, ring } = opened.held().clone();
        if !matches!(self.older_rows(&opened, ring.number())?, (rows, 0) if rows.is_empty()) {
            return Err(Error::Broken("letting a data key go: rows need it still"));
        }
        let ring = ring.newest();
        let header = header.next(header.ways.clone(), &root, &ring, &*self.chance)?;
        change.put_seal(Held { root, header, ring })
    }

    /// How many rows an exchange of the data key has still to reseal; nothing when none is under way.
    pub fn rotating(&self) -> Option<usize> {
        let opened = self.opened().ok()?;
        let round = opened.round.lock().unwrap_or_else(PoisonError::into_inner);
        let left = round.rows.len().saturating_add(round.more).saturating_add(round.damaged.len());
        opened.held().ring.has_older().then_some(left)
    }

    /// Reseals some rows that older data keys seal. Requests go on meanwhile; a change waits for a sync of the disk at most.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Store`].
    pub fn reseal(&self) -> Result<Resealed, Error> {
        let opened = self.opened()?;
        let ring = opened.held().ring.clone();
        if !ring.has_older() {
            if opened.sealer.has_older() {
                // Whoever read a row before it was resealed has opened it by now.
                opened.settle_ring(&ring)?;
                *opened.round.lock().unwrap_or_else(PoisonError::into_inner) = Round::default();
            }
            return Ok(Resealed::Nothing);
        }
        let Some(_flight) = opened.flights.begin() else { return Err(Error::Sealed) };
        let mut round = opened.round.lock().unwrap_or_else(PoisonError::into_inner);
        if round.stuck {
            return Ok(Resealed::Nothing);
        }
        if round.rows.is_empty() {
            (round.rows, round.more) = self.older_rows(&opened, ring.number())?;
            let Round { rows, damaged, .. } = &mut *round;
            rows.retain(|row| !damaged.contains(row));
            if rows.is_empty() && damaged.is_empty() {
                return Ok(Resealed::All);
            }
            if rows.is_empty() {
                log::error!("{} rows cannot be resealed, since they are damaged; their data key stays", damaged.len());
                round.stuck = true;
                return Ok(Resealed::Nothing);
            }
        }
        let some = round.rows.len().min(AT_ONCE);
        let rows: Vec<_> = round.rows.drain(..some).collect();
        let receipt = {
            // Nobody hands a change over until these rows, as they stand now, are queued in their new form.
            let _alone = opened.gate.write().unwrap_or_else(PoisonError::into_inner);
            self.store.commit(Batch::new()).wait()?;
            let mut batch = Batch::new();
            for (table, key) in rows {
                let Some(row) = self.store.get(table, &key)? else { continue };
                if sealed(table, &key, &row).and_then(data_key) == Some(ring.number()) {
                    continue;
                }
                if table == Table::Object && is_going(&opened, &key) {
                    continue;
                }
                match again(&opened, table, &key, &row) {
                    Ok(row) => batch.put(table, key, row),
                    Err(error) => {
                        log::error!("{error}");
                        round.damaged.insert((table, key));
                    }
                }
            }
            self.store.commit(batch)
        };
        receipt.wait()?;
        Ok(Resealed::Some { left: round.rows.len().saturating_add(round.more) })
    }

    /// Rows that older data keys seal, and how many there are besides. None is sealed so afterwards.
    fn older_rows(&self, opened: &Opened, newest: u32) -> Result<(VecDeque<Row>, usize), Error> {
        {
            // What was sealed before the newest key came is in the store when this has ended.
            let _alone = opened.gate.write().unwrap_or_else(PoisonError::into_inner);
            self.store.commit(Batch::new()).wait()?;
        }
        let (mut rows, mut more) = (VecDeque::new(), 0usize);
        for &table in Table::ALL {
            self.store.walk(table, &mut |key, row| {
                let number = sealed(table, key, row).and_then(data_key);
                if number.is_some_and(|number| number != newest) {
                    match rows.len() < COLLECTED {
                        true => rows.push_back((table, key.to_vec())),
                        false => more = more.saturating_add(1),
                    }
                }
                ControlFlow::Continue(())
            })?;
        }
        Ok((rows, more))
    }
}

/// Whether a row is of an object that its slot has lost, and goes anyway.
fn is_going(opened: &Opened, key: &[u8]) -> bool {
    let id = Object::id_of_row(key).or_else(|| Object::id_of_secret(key));
    id.is_some_and(|id| opened.object(&id).is_err() && opened.lodges.is_leftover(&id))
}

/// The sealed part of a row; nothing for the one row that stands in the open.
fn sealed<'r>(table: Table, key: &[u8], row: &'r [u8]) -> Option<&'r [u8]> {
    match table {
        Table::Setting if key == header::ROW.as_bytes() => None,
        Table::Object if Object::id_of_row(key).is_some() => row.split_first_chunk::<8>().map(|(_, sealed)| sealed),
        _ => Some(row),
    }
}

/// The row, sealed by the newest key for the same place.
fn again(opened: &Opened, table: Table, key: &[u8], row: &[u8]) -> Result<Vec<u8>, Error> {
    let damaged = || Error::Damaged(format!("{}/{}", table.name(), String::from_utf8_lossy(key)));
    let sealed = sealed(table, key, row).ok_or_else(damaged)?;
    let before = row.get(..row.len().saturating_sub(sealed.len())).ok_or_else(damaged)?;
    let anew_in = |place: &Place<'_>, own: Option<&Locked>| {
        let plain = opened.sealer.open_in(place, sealed, own)?;
        Ok([before, &opened.sealer.close_in(place, plain.reveal(), own)?].concat())
    };
    let anew = |place: &Place<'_>| anew_in(place, None);
    let text = |key| std::str::from_utf8(key).map_err(|_| damaged());
    match table {
        Table::Object => {
            let (part, id, generation, own) = match (Object::id_of_row(key), Object::id_of_secret(key)) {
                (Some(id), _) => {
                    let (generation, _) = row.split_first_chunk::<8>().ok_or_else(damaged)?;
                    (Object::META, id, u64::from_be_bytes(*generation), None)
                }
                (None, Some(id)) => {
                    let object = opened.object(&id)?;
                    (Object::SECRET, id, object.written, opened.lodges.key(&object.slot))
                }
                (None, None) => return Err(damaged()),
            };
            anew_in(&Place { table: table.name(), key: id.as_str(), part, generation }, own.as_deref())
        }
        Table::Client => anew(&super::client::place(text(key)?)),
        Table::Setting if key == manifest::KEY.as_bytes() => anew(&manifest::PLACE),
        Table::Setting => anew(&Place::setting(text(key)?)),
        Table::Nonce => {
            let (id, name) = Name::of_row(key).ok_or_else(damaged)?;
            anew(&name.place(id, &name.part()))
        }
        Table::Slot => Err(damaged()),
    }
}

/// Rows that are resealed in one go: a few milliseconds' work.
const AT_ONCE: usize = 128;
/// Rows that are looked up in one walk through the store; their names take two megabytes at most.
const COLLECTED: usize = 32_768;
