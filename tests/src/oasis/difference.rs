//! The first place where an answer is not what the case expects.

use std::fmt;

use strongroom_kmip::print::{Secrets, pretty};
use strongroom_kmip::ttlv::Item;

/// Where, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    path: Vec<String>,
    expected: String,
    came: String,
}

impl Difference {
    /// At this very item.
    pub(super) fn new(expected: impl Into<String>, came: impl Into<String>) -> Difference {
        Difference { path: Vec::new(), expected: expected.into(), came: came.into() }
    }

    /// Between two items.
    pub(super) fn between(expected: Item<'_, '_>, came: Item<'_, '_>) -> Difference {
        Difference::new(shown(expected), shown(came))
    }

    /// An item that did not come.
    pub(super) fn missing(expected: Item<'_, '_>) -> Difference {
        Difference::new(shown(expected), "nothing")
    }

    /// An item that should not have come.
    pub(super) fn surplus(came: Item<'_, '_>) -> Difference {
        Difference::new("nothing", shown(came))
    }

    /// The same, seen from the item around it.
    pub(super) fn within(mut self, place: impl Into<String>) -> Difference {
        self.path.push(place.into());
        self
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in self.path.iter().rev() {
            write!(f, "{place}: ")?;
        }
        write!(f, "expected {}, got {}", self.expected, self.came)
    }
}

/// An item in one line. Nothing in a published case is secret.
pub(super) fn shown(item: Item<'_, '_>) -> String {
    let text = pretty(item, Secrets::Shown);
    let line = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST { line } else { line.chars().take(LONGEST).chain("…".chars()).collect() }
}

/// A line for a person; `--verbose` shows the whole message.
const LONGEST: usize = 160;
