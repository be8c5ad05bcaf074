//! What every store promises, in the words that the rooms above use.

use std::fmt;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use crate::receipt::{self, Abandoned};

/// The answer to a commit that is still to come: the generation with which the change became durable.
pub type Receipt = receipt::Receipt<u64, Error>;

/// Is shown the key and the value of a row, and says whether it wants the next.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<()> + 'a;

/// A keeper of rows.
///
/// Rows live in [tables](Table), in the order of their keys. All changes go through one writer, which makes many of them
/// durable together; reading sees what is durable or about to be.
pub trait Store: Send + Sync {
    /// The value of one row, or `None` if there is no such row.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] where the row cannot be read back as it was written, [`Error::Failed`] after a failed write.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// Shows a table's rows to `visit` in the order of their keys, until it breaks.
    ///
    /// The walk is not a snapshot: a row that is written meanwhile may be seen as it was or as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] where rows cannot be read; it names the key before them, and is given only after every row
    /// that *can* be read has been shown.
    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), Error>;

    /// The same, from a key on.
    ///
    /// # Errors
    ///
    /// As for [`walk`](Store::walk).
    fn walk_from(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        self.walk(table, &mut |key, value| if key < from { ControlFlow::Continue(()) } else { visit(key, value) })
    }

    /// Hands a change to the writer: all of it is kept or nothing. The receipt says when it is durable.
    ///
    /// Batches of one thread are applied in the order in which they were handed over. The receipt answers
    /// [`Error::Busy`] at once when the queue is full, and [`Error::Failed`] once a write has failed.
    fn commit(&self, batch: Batch) -> Receipt;

    /// Hands a change over as [`commit`](Store::commit) does, for whoever holds what others wait for: nobody is told of it,
    /// and nothing becomes of it, before [`write`](Store::write) or the next commit.
    fn enter(&self, batch: Batch) -> Receipt {
        self.commit(batch)
    }

    /// Makes durable what was handed over: on this thread where nobody else is at it and changes come one by one, which
    /// saves waking the writer and being woken by it; else the writer does it. May take as long as a write to the disk does.
    fn write(&self) {}

    /// Lets rows be asked for with the next group: once, and after whatever changes the group has. It never waits, and nobody is
    /// told of it before something is committed, written or [jotted](Store::jot).
    fn gather(&self, from: Arc<dyn Gather>);

    /// Hands over a note of which it is enough that it survives the process when it is answered; a loss of power may take it
    /// within some ten milliseconds. Then what was [gathered](Store::gather) before has been made durable, and stands for it:
    /// its rows are there only if the process ended before that, from the next start on. The answer is there at once, save
    /// where much comes together. It overtakes changes that are not answered yet, so it must not touch their rows.
    fn jot(&self, note: Batch) -> Receipt {
        self.commit(note)
    }

    /// Wakes the writer for what was handed over, and never waits.
    fn ring(&self) {}

    /// The rows as they stand now, for as long as the answer is held. Changes go on meanwhile and wait for nobody.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] where two snapshots are held already, [`Error::Failed`] after a failed write.
    fn snapshot(&self) -> Result<Box<dyn Snapshot>, Error>;

    /// How many groups of changes have become durable since the store was made. Kept in the store; it never falls.
    fn generation(&self) -> u64;

    /// Makes durable what is queued and takes nothing more. Closing twice does no harm.
    ///
    /// # Errors
    ///
    /// Whatever kept the last changes from becoming durable.
    fn close(&self) -> Result<(), Error>;
}

/// Something that changes in memory and whose rows are asked for once for each group.
pub trait Gather: Send + Sync {
    /// The rows for everything that has changed since the last time. They are durable with the group that is being made: what
    /// gives them is let go of when they can be read.
    ///
    /// # Errors
    ///
    /// [`Error`] where they cannot be made; then nothing more is kept.
    fn rows(&self) -> Result<Batch, Error>;
}

/// The rows of a store as they stood at one generation.
pub trait Snapshot: Send + Sync {
    /// The generation: everything that became durable up to it is shown, and nothing later.
    fn generation(&self) -> u64;

    /// Shows a table's rows to `visit` in the order of their keys, until it breaks.
    ///
    /// # Errors
    ///
    /// [`Error::Overtaken`] where so much was changed since that nobody can tell any more; what was shown is then worth
    /// nothing. [`Error::Damaged`] as [`Store::walk`] has it.
    fn walk(&self, table: Table, visit: &mut Visit<'_>) -> Result<(), Error>;
}

/// A change to one row.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    /// The table the row is in.
    pub table: Table,
    /// The row's key; at most [`Batch::LONGEST_KEY`] bytes.
    pub key: Vec<u8>,
    /// The new value of at most [`Batch::LONGEST_VALUE`] bytes, or `None` to remove the row.
    pub value: Option<Vec<u8>>,
}

/// Changes that are kept all together or not at all. Of two changes to one row the later one counts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch {
    writes: Vec<Write>,
}

impl Batch {
    /// Keys are identifiers and digests of a few dozen bytes; what is longer is kept under its digest. The limit also
    /// keeps 256 keys well inside one page of the store's index.
    pub const LONGEST_KEY: usize = 255;

    /// 16 MiB: far beyond any request.
    pub const LONGEST_VALUE: usize = 16 << 20;

    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a row, whether or not it was there.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.push(Write { table, key: key.into(), value: Some(value.into()) });
    }

    /// Removes a row, if it is there.
    pub fn remove(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.writes.push(Write { table, key: key.into(), value: None });
    }

    /// Adds the changes of another batch after those of this one.
    pub fn append(&mut self, mut later: Batch) {
        self.writes.append(&mut later.writes);
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// The changes, in order.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }
}

/// Values are sealed, but a log is no place for them all the same.
impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "put {} ({} bytes)", self.table, value.len()),
            None => write!(f, "remove {}", self.table),
        }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.writes).finish()
    }
}

/// One row per table: its variant, the number it has on disk for ever, and its name.
macro_rules! tables {
    ($($(#[doc = $meaning:literal])+ $table:ident = $number:literal, $name:literal;)+) => {
        /// A named keyspace. The list is closed: a table is added by a row here, and its number is never used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Table {
            $($(#[doc = $meaning])+ $table,)+
        }

        impl Table {
            /// Every table.
            pub const ALL: &[Table] = &[$(Table::$table),+];

            /// The name, as messages and backups spell it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Table::$table => $name,)+
                }
            }

            /// The table of this number.
            #[must_use]
            pub fn numbered(number: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|table| table.number() == number)
            }

            /// The number that stands for the table on disk. Zero belongs to the store itself.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self {
                    $(Table::$table => $number,)+
                }
            }
        }
    };
}

tables! {
    /// Managed objects, sealed, by unique identifier.
    Object = 1, "object";
    /// Registered clients, by identifier.
    Client = 2, "client";
    /// What the daemon keeps about itself: the sealed root key, counters.
    Setting = 3, "setting";
    /// Slots and their tokens.
    Slot = 4, "slot";
    /// Nonces that callers have chosen, sealed, by key.
    Nonce = 5, "nonce";
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why the store would not.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The queue to the writer is full.
    #[error("the store has as many changes waiting as it may hold; try again")]
    Busy,
    /// Too much was changed while somebody looked at the rows as they had stood.
    #[error("more was changed meanwhile than could be set aside; try again when less is changed")]
    Overtaken,
    /// An earlier write failed; nobody knows what the disk holds until it is read again.
    #[error("the store stopped after a failed write; see the log for why, then restart the daemon")]
    Failed,
    /// The store was closed, or its writer ended, before the change was durable.
    #[error("the store is closed")]
    Closed,
    /// No room on the file system.
    #[error("the disk under {path} is full; free some space, then restart the daemon", path = .0.display())]
    Full(PathBuf),
    /// The operating system refused.
    #[error("the store could not {action} {path}: {source}", path = .path.display())]
    Disk {
        /// What was tried: `open`, `write to`, `sync`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// Rows that do not read back as they were written.
    #[error("rows of table {table} are damaged, from key {from} on; restore them from a backup")]
    Damaged {
        /// Whose rows.
        table: Table,
        /// The first key that cannot be read, or from which on keys cannot be read, in hexadecimal.
        from: String,
    },
    /// The files as a whole do not read back.
    #[error("the store in {path} is damaged; restore it from a backup", path = .0.display())]
    Unreadable(PathBuf),
    /// Made by a later version of this program, or not a store at all.
    #[error("{path} holds a store of another version of this program; this one reads version {reads}", path = .path.display())]
    Version {
        /// The store's folder.
        path: PathBuf,
        /// The version that this program reads and writes.
        reads: u32,
    },
    /// Another process has it open.
    #[error("another process has the store in {path} open; stop it first", path = .0.display())]
    Taken(PathBuf),
    /// Others could change the files behind our back.
    #[error("{path} {why}; the store's folder must be ours alone (mode 0700)", path = .path.display())]
    Exposed {
        /// The folder or file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The writer could not be started.
    #[error("the system has no thread left for the store's writer: {0}")]
    Thread(Arc<io::Error>),
    /// A change that no store takes.
    #[error("a key in table {table} is {length} bytes long; at most {longest} are kept", longest = Batch::LONGEST_KEY)]
    Key {
        /// Whose key.
        table: Table,
        /// Its length in bytes.
        length: usize,
    },
    /// Another change that no store takes.
    #[error("a value for table {table} is too large; at most {longest} bytes are kept", longest = Batch::LONGEST_VALUE)]
    Value {
        /// Whose value.
        table: Table,
    },
}

impl From<Abandoned> for Error {
    fn from(_: Abandoned) -> Self {
        Self::Closed
    }
}
