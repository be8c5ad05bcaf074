//! The desk: where lines get their place, and where work is left for the writer.

use std::mem;
use std::sync::Arc;

use super::before::Before;
use super::contract::{Error, Sequence};
use super::medium::{Hold, Segment};
use super::tree::{Hash, Range};
use crate::receipt::Promise;

/// Where lines get their place.
pub(super) struct Desk {
    pub(super) next: u64,
    pub(super) previous: Hash,
    pub(super) tree: Range,
    pub(super) segment: Arc<dyn Segment>,
    /// Bytes in the segment.
    pub(super) length: u64,
    /// Segments that are full and not yet durable.
    pub(super) full: Vec<Arc<dyn Segment>>,
    /// What stood before segments begun since the last round.
    pub(super) begun: Vec<Before>,
    /// A line under way; kept for its room.
    pub(super) line: String,
    /// The lines that are not durable, for the journal.
    pub(super) fresh: Fresh,
    /// Whether something was written that is not durable.
    pub(super) dirty: bool,
    /// Whether something was signed that the checkpoint's file does not have.
    pub(super) unpublished: bool,
    pub(super) waiting: Vec<(Sequence, Promise<Sequence, Error>)>,
    pub(super) errands: Vec<Promise<(), Error>>,
    pub(super) tick: bool,
    pub(super) turn: bool,
    pub(super) state: State,
    /// So many more lines that must be durable are left to the writer: whoever comes alone is served faster by its own
    /// thread, and whoever comes together by one write for all of them.
    pub(super) crowded: u8,
    /// Whether a caller makes lines durable on its own thread now.
    pub(super) alone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Closing,
    Closed,
    Failed,
}

/// What the writer does at once.
pub(super) struct Round {
    pub(super) segment: Arc<dyn Segment>,
    pub(super) full: Vec<Arc<dyn Segment>>,
    pub(super) begun: Vec<Before>,
    pub(super) fresh: Fresh,
    pub(super) dirty: bool,
    pub(super) tree: Range,
    pub(super) waiting: Vec<(Sequence, Promise<Sequence, Error>)>,
    pub(super) errands: Vec<Promise<(), Error>>,
    pub(super) hold: Hold,
    pub(super) turn: bool,
    pub(super) closing: bool,
}

/// Lines, each with its newline, as long as they are few enough for one entry of the journal.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    bytes: Vec<u8>,
    count: u64,
    many: bool,
}

impl Fresh {
    /// Adds a line; forgets all of them where they become more bytes than `most`.
    pub(super) fn push(&mut self, line: &[u8], most: usize) {
        self.many = self.many || self.bytes.len().saturating_add(line.len()) > most;
        if self.many {
            self.bytes.clear();
        } else {
            self.bytes.extend_from_slice(line);
            self.count = self.count.saturating_add(1);
        }
    }

    /// All the lines there were and their number, or nothing where they were too many.
    pub(super) fn lines(&self) -> Option<(&[u8], u64)> {
        (!self.many).then_some((self.bytes.as_slice(), self.count))
    }
}

impl Desk {
    pub(super) fn new(next: u64, previous: Hash, tree: Range, segment: Arc<dyn Segment>, length: u64) -> Self {
        Self {
            next,
            previous,
            tree,
            segment,
            length,
            full: Vec::new(),
            begun: Vec::new(),
            line: String::new(),
            fresh: Fresh::default(),
            dirty: false,
            unpublished: false,
            waiting: Vec::new(),
            errands: Vec::new(),
            tick: false,
            turn: false,
            state: State::Running,
            // How callers come is not known yet.
            crowded: CROWDED,
            alone: false,
        }
    }

    /// Whether nobody but the caller wants lines durable now, as far as one can tell, and one entry of the journal takes all
    /// there are.
    pub(super) fn is_lone(&self) -> bool {
        self.crowded == 0 && self.waiting.is_empty() && self.full.is_empty() && self.fresh.lines().is_some()
    }

    /// Learns whether those who want lines durable come together.
    pub(super) fn learn(&mut self, together: bool) {
        self.crowded = if together { CROWDED } else { self.crowded.saturating_sub(1) };
    }

    /// Leaves a promise that is kept once the writer has been through.
    pub(super) fn errand(&mut self, promise: Promise<(), Error>) {
        if self.state == State::Running {
            self.errands.push(promise);
        }
    }

    pub(super) fn close(&mut self) {
        if self.state == State::Running {
            self.state = State::Closing;
        }
    }

    /// Whether somebody waits.
    pub(super) fn is_urgent(&self) -> bool {
        !self.waiting.is_empty() || !self.errands.is_empty() || self.tick || self.state != State::Running
    }

    /// Everything that is to be done now; the desk has none of it any more.
    pub(super) fn round(&mut self) -> Round {
        let (tick, turn) = (mem::take(&mut self.tick), mem::take(&mut self.turn));
        let closing = self.state != State::Running;
        self.unpublished = false;
        Round {
            segment: Arc::clone(&self.segment),
            full: mem::take(&mut self.full),
            begun: mem::take(&mut self.begun),
            fresh: mem::take(&mut self.fresh),
            dirty: mem::take(&mut self.dirty),
            tree: self.tree.clone(),
            waiting: mem::take(&mut self.waiting),
            errands: mem::take(&mut self.errands),
            hold: if tick || turn || closing { Hold::Firm } else { Hold::Loose },
            turn,
            closing,
        }
    }
}

/// So many rounds must have served one caller each before a caller goes without the writer again.
const CROWDED: u8 = 32;
