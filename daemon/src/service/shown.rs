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
