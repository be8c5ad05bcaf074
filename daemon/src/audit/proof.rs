//! Proofs for somebody who does not have the log: that a record is in it, and that it begins with what was signed earlier.

use std::path::Path;

use super::chain::Chain;
use super::checkpoint::{Checkpoint, Identity, Note};
use super::damage::Damage;
use super::text::{base64, from_base64};
use super::tree::{Gather, Hash, consistency as consistency_spans, extends, includes, inclusion, leaf};
use super::verify::walk;

/// A record and the proof that it is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The line, without its newline.
    pub line: String,
    /// The proof, as C2SP tlog-proof writes it, with the checkpoint it leads to.
    pub text: String,
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The log itself is damaged.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// There is no such line, or no checkpoint signs it yet.
    #[error("the last checkpoint signs {0} lines, and so none with that number")]
    Beyond(u64),
    /// What was handed in is no checkpoint, or not this log's.
    #[error("that is not a checkpoint signed by this log")]
    Foreign,
    /// The log does not have what it once signed.
    #[error(
        "the log was rolled back or rewritten: it signed {signed} lines, of which the ones here are not the same or not there"
    )]
    RolledBack {
        /// How many lines the older checkpoint signs.
        signed: u64,
    },
}

/// Proves that the line with this number is in the log.
///
/// # Errors
/// [`Refusal::Beyond`] where there is no such line, [`Refusal::Damaged`] where the log is not sound.
pub fn prove(folder: &Path, identity: &Identity, sequence: u64) -> Result<Proof, Refusal> {
    let chain = Chain::read(folder, identity)?;
    let (size, note) = last(&chain);
    let spans = inclusion(sequence, size).ok_or(Refusal::Beyond(size))?;
    let mut gather = Gather::new(spans);
    let mut found = Vec::new();
    walk(folder, &chain, &mut |index, line, hash| {
        if index == sequence {
            found = line.to_vec();
        }
        gather.push(index, hash);
    })?;
    let path: String = gather.roots().iter().map(|hash| base64(hash) + "\n").collect();
    let text = format!("{PROOF}\nindex {sequence}\n{path}\n{note}");
    Ok(Proof { line: String::from_utf8(found).unwrap_or_default(), text })
}

impl Proof {
    /// The checkpoint that the proof leads to, if it proves its line and the chain believes the checkpoint.
    pub fn check(&self, chain: &Chain) -> Option<Checkpoint> {
        let (head, note) = self.text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let index = lines.next().filter(|first| *first == PROOF).and_then(|_| lines.next())?;
        let index = index.strip_prefix("index ")?.parse().ok()?;
        let path: Vec<Hash> = lines.map(|line| from_base64(line)?.try_into().ok()).collect::<Option<_>>()?;
        let note = Note::parse(note)?;
        let Checkpoint { root, size, .. } = note.checkpoint;
        let proved = includes(&root, size, index, leaf(self.line.as_bytes()), &path);
        (proved && chain.believes(&note)).then_some(note.checkpoint)
    }
}

/// An older checkpoint, and what ties the present one to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// The older checkpoint.
    pub old: Checkpoint,
    /// The present one.
    pub new: Checkpoint,
    /// The RFC 6962 consistency proof between the two.
    pub path: Vec<Hash>,
}

impl Consistency {
    /// The proof's hashes in Base 64.
    pub fn encoded(&self) -> Vec<String> {
        self.path.iter().map(|hash| base64(hash)).collect()
    }
}

/// Proves that the log still begins with what an older checkpoint of it signs: one that an anchor kept.
///
/// # Errors
/// [`Refusal::RolledBack`] where it does not, [`Refusal::Foreign`] where `note` is not a checkpoint of this log.
pub fn consistency(folder: &Path, identity: &Identity, note: &str) -> Result<Consistency, Refusal> {
    let chain = Chain::read(folder, identity)?;
    let old = Note::parse(note).ok_or(Refusal::Foreign)?;
    let rolled_back = Refusal::RolledBack { signed: old.checkpoint.size };
    // An epoch that the log has not reached: it, too, was rolled back, or somebody made the note up.
    let ahead = old.checkpoint.origin == identity.origin && old.checkpoint.epoch > chain.ended();
    if ahead {
        return Err(rolled_back);
    }
    if !chain.believes(&old) {
        return Err(Refusal::Foreign);
    }
    let (size, present) = last(&chain);
    let Some(spans) = consistency_spans(old.checkpoint.size, size) else { return Err(rolled_back) };
    let mut gather = Gather::new(spans);
    walk(folder, &chain, &mut |index, _, hash| gather.push(index, hash))?;
    let path = gather.roots();
    let new = Note::parse(present).ok_or(Refusal::Foreign)?.checkpoint;
    if !extends(&old.checkpoint.root, old.checkpoint.size, &new.root, new.size, &path) {
        return Err(rolled_back);
    }
    Ok(Consistency { old: old.checkpoint, new, path })
}

/// How many lines the last believed note signs, and the note.
fn last(chain: &Chain) -> (u64, &str) {
    chain.last.as_ref().map_or((0, ""), |(checkpoint, note)| (checkpoint.size, note.as_str()))
}

const PROOF: &str = "c2sp.org/tlog-proof@v1";
