//! What operators are shown of approvals and backups.

use serde::{Deserialize, Serialize};

/// A request for approval, as operators are shown it.
#[derive(Debug, Serialize, Deserialize)]
pub struct ApprovalRow {
    /// Its identifier.
    pub id: String,
    /// What kind of call it is.
    pub operation: String,
    /// Who asks.
    pub by: String,
    /// Through which door.
    pub front: String,
    /// From where.
    pub from: String,
    /// On what.
    pub object: Option<String>,
    /// The request, in full and without secrets.
    pub request: String,
    /// How many operators must approve.
    pub needed: usize,
    /// Who has approved, and when, in seconds since 1970.
    pub approved: Vec<(String, i64)>,
    /// Who has denied it, and when.
    pub denied: Option<(String, i64)>,
    /// When it was asked for.
    pub since: i64,
    /// Until when it is good.
    pub until: i64,
    /// How it stands: `waiting`, `approved`, `denied`, `expired`.
    pub state: String,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRow {
    /// The name of the appliance: the origin of its audit log.
    pub appliance: String,
    /// The store's generation: everything up to it is in the backup.
    pub generation: u64,
    /// How many objects are in it.
    pub objects: u64,
    /// How many keys of these a token holds, so that they are not in it.
    pub held: usize,
    /// Its length in bytes but for the signature.
    pub bytes: u64,
    /// Its SHA-256, likewise, in hexadecimal.
    pub sha256: String,
    /// What could not be read and is not in it.
    pub damaged: Option<String>,
}
