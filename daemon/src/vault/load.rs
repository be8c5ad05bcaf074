//! Reading every record of a store. Nearly all of the time goes into unsealing and decoding, so that is done on as many threads
//! as the machine has; one more reads the rows, and one enters what came of them.

use std::{
    num::NonZero,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel, sync_channel},
    },
    thread,
};

use strongroom_kmip::attribute::Pool;

use super::{
    error::Error,
    identifier::ObjectId,
    index::{Index, Values},
    manifest::Manifest,
    record::Object,
    seal::Sealer,
};
use crate::store::{self, Store, Table};

/// What the records of a store say together.
pub(super) struct Loaded {
    pub(super) index: Index,
    pub(super) counted: Manifest,
    /// The number of the youngest object.
    pub(super) born: u64,
    /// The records that do not fit their seal, in their order, and then what the store could not read.
    pub(super) damaged: Vec<String>,
}

/// Rows that are read together, with their place among all.
type Chunk = (usize, Vec<(ObjectId, Vec<u8>)>);

/// What came of a chunk.
struct Part {
    place: usize,
    objects: Vec<(Arc<Object>, Vec<u64>)>,
    counted: Manifest,
    damaged: Vec<String>,
}

/// Reads every record that fits its seal. The others are named.
///
/// # Errors
/// [`Error::Store`] where nothing can be read; [`Error::Broken`] where the index was not made.
pub(super) fn objects(store: &dyn Store, sealer: &Sealer) -> Result<Loaded, Error> {
    let index = Index::default();
    let values = index.values().clone();
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_THREADS);
    let (chunks, taken) = sync_channel::<Chunk>(threads.saturating_mul(2));
    let (taken, (done, parts)) = (Mutex::new(taken), channel());
    let (walked, entered) = thread::scope(|scope| {
        for _ in 0..threads {
            let (done, taken, values) = (done.clone(), &taken, &values);
            scope.spawn(move || decode(taken, &done, sealer, values));
        }
        drop(done);
        let entering = scope.spawn(move || enter(index, &parts));
        let mut place = 0;
        let mut rows = Vec::with_capacity(ROWS);
        let walked = walk(store, Table::Object, &mut |key, row| {
            let Some(id) = Object::id_of_row(key) else { return };
            rows.push((id, row.to_vec()));
            if rows.len() >= ROWS {
                // Somebody takes chunks for as long as there are any.
                let _ = chunks.send((place, std::mem::replace(&mut rows, Vec::with_capacity(ROWS))));
                place = place.saturating_add(1);
            }
        });
        let _ = chunks.send((place, rows));
        drop(chunks);
        (walked, entering.join())
    });
    let mut loaded = entered.map_err(|_| Error::Broken("reading the store"))?;
    loaded.damaged.extend(walked?);
    Ok(loaded)
}

/// Shows every readable row. What cannot be read is no error: it is told.
pub(super) fn walk(
    store: &dyn Store,
    table: Table,
    visit: &mut dyn FnMut(&[u8], &[u8]),
) -> Result<Option<String>, Error> {
    let outcome = store.walk(table, &mut |key, row| {
        visit(key, row);
        ControlFlow::Continue(())
    });
    match outcome {
        Ok(()) => Ok(None),
        Err(error @ store::Error::Damaged { .. }) => Ok(Some(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// A thread that opens records until there are no more. It goes on to the end even if nobody wants them: the one who reads the
/// rows waits for it.
fn decode(taken: &Mutex<Receiver<Chunk>>, done: &Sender<Part>, sealer: &Sealer, values: &Values) {
    let mut pool = Pool::default();
    loop {
        let next = taken.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((place, rows)) = next else { return };
        let objects = Vec::with_capacity(rows.len());
        let mut part = Part { place, objects, counted: Manifest::default(), damaged: Vec::new() };
        for (id, row) in rows {
            // A record on which the decoder fails is a record that cannot be read, and no reason to read none.
            let opened = catch_unwind(AssertUnwindSafe(|| Object::open(id.clone(), &row, sealer)));
            match opened.unwrap_or_else(|_| Err(Error::Damaged(format!("object/{id}")))) {
                Ok(mut object) => {
                    object.attributes.share(&mut pool);
                    part.counted.enter(&object.id, object.generation);
                    let found = values.of(&object);
                    part.objects.push((Arc::new(object), found));
                }
                Err(error) => part.damaged.push(error.to_string()),
            }
        }
        let _ = done.send(part);
    }
}

/// The thread that makes the index.
fn enter(index: Index, parts: &Receiver<Part>) -> Loaded {
    let mut loaded = Loaded { index, counted: Manifest::default(), born: 0, damaged: Vec::new() };
    let mut damaged = Vec::new();
    for Part { place, objects, counted, damaged: found } in parts {
        loaded.counted.merge(&counted);
        damaged.extend(found.into_iter().map(|what| (place, what)));
        for (object, values) in objects {
            loaded.born = loaded.born.max(object.born);
            loaded.index.enter_with(object, values);
        }
    }
    damaged.sort_by_key(|(place, _)| *place);
    loaded.damaged = damaged.into_iter().map(|(_, what)| what).collect();
    loaded
}

/// Rows that go from one thread to another together: some hundred kilobytes.
const ROWS: usize = 256;
/// More of them wait for the one who reads the rows.
const MOST_THREADS: usize = 8;
