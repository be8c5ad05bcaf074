//! A note beside each segment about what stood before it.

use super::text::{base64, from_base64, from_hex, hex};
use super::tree::{Hash, Range};

/// What stood before a segment: saves reading all segments at a start. The checkpoint says whether it is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Before {
    pub(super) previous: Hash,
    pub(super) tree: Range,
}

impl Before {
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.tree.size(), hex(&self.previous));
        for peak in self.tree.peaks() {
            text.push_str(&base64(peak));
            text.push('\n');
        }
        text
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let size = lines.next()?.parse().ok()?;
        let previous = from_hex(lines.next()?)?;
        let peaks = lines.map(|line| from_base64(line)?.try_into().ok()).collect::<Option<_>>()?;
        Some(Self { previous, tree: Range::from_peaks(size, peaks)? })
    }
}

/// The name of the note beside the segment that begins with this sequence.
pub(super) fn before_name(start: u64) -> String {
    format!("{start:012}.before")
}
