//! A line of the log, read back.

use serde::Deserialize;

use super::text::from_hex;
use super::tree::Hash;

/// What a line says. Members that this version does not know are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// The log's id.
    pub log: String,
    /// Which run of the daemon wrote it.
    pub boot: String,
    /// The line's place in the log, from 0 and without gaps.
    #[serde(rename = "seq")]
    pub sequence: u64,
    /// When, as RFC 3339 writes it.
    pub time: String,
    /// SHA-256 of the line before, in hexadecimal; of no line before: noughts.
    #[serde(rename = "prev")]
    pub previous: String,
    /// The store's generation when it was written.
    #[serde(rename = "gen")]
    pub generation: u64,
    /// Who asked.
    pub caller: String,
    /// What it may do beyond its own objects.
    #[serde(default)]
    pub role: Option<String>,
    /// Through which door.
    #[serde(default)]
    pub front: Option<String>,
    /// Where from.
    #[serde(default)]
    pub from: Option<String>,
    /// A KMIP operation's name, or a word for something else.
    pub action: String,
    /// On what.
    #[serde(default)]
    pub object: Option<String>,
    /// Which version of it.
    #[serde(default)]
    pub version: Option<u64>,
    /// The identifiers of what was made besides it.
    #[serde(default)]
    pub others: Vec<String>,
    /// `success`, `refused` or `failed`.
    pub result: String,
    /// Why not.
    #[serde(default)]
    pub reason: Option<String>,
    /// The object's state before.
    #[serde(default)]
    pub before: Option<String>,
    /// The object's state after.
    #[serde(default)]
    pub after: Option<String>,
    /// With which mechanism.
    #[serde(default)]
    pub mechanism: Option<String>,
    /// The request's number within the run.
    #[serde(default)]
    pub request: Option<u64>,
    /// The item's place in its batch.
    #[serde(default)]
    pub item: Option<u64>,
    /// The client's own name for the request.
    #[serde(default)]
    pub correlation: Option<String>,
    /// SHA-256 of the public key that a peer showed.
    #[serde(default)]
    pub key: Option<String>,
    /// Bytes that came in.
    #[serde(default, rename = "in")]
    pub input: Option<u64>,
    /// Bytes that went out.
    #[serde(default, rename = "out")]
    pub output: Option<u64>,
    /// How many objects.
    #[serde(default)]
    pub count: Option<u64>,
}

impl Record {
    /// Reads a line, given without its newline; nothing where it is not one.
    pub fn parse(line: &[u8]) -> Option<Self> {
        // The log is plain ASCII without controls: nothing in it moves a terminal's cursor.
        if line.len() > LONGEST || !line.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return None;
        }
        serde_json::from_slice(line).ok()
    }

    /// The hash of the line before.
    pub fn link(&self) -> Option<Hash> {
        from_hex(&self.previous)
    }
}

/// No line of the log is longer: each of its few texts is cut to 256 bytes, which escapes make six times as long.
pub(super) const LONGEST: usize = 16 * 1024;
