//! What operators are shown of slots, objects, approvals and backups.

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

/// What an operator says of an emulated slot; what is not said stays, or is as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotTerms {
    /// Its mechanism policy: `strict`, `standard` or `legacy`.
    pub mechanisms: Option<String>,
    /// Derivations whose results may be kept less closely than their keys.
    pub open_derivations: Option<Vec<String>>,
    /// How it protects its keys besides by software.
    pub protection: Option<Vec<String>>,
    /// How many objects it may hold; nought for as many as there is room for.
    pub max_objects: Option<u64>,
    /// How short a new PIN may be, in bytes.
    pub shortest_pin: Option<usize>,
    /// Whether a registered client may log in without a PIN.
    pub protected_path: Option<bool>,
}

/// A slot.
#[derive(Debug, Serialize, Deserialize)]
pub struct SlotRow {
    /// What it is called.
    pub name: String,
    /// By what records and settings know it, whatever it is called.
    pub key: String,
    /// Where it comes from: `configured` or `made`.
    pub origin: String,
    /// Its number in PKCS#11.
    pub number: u64,
    /// How many objects it holds that are not destroyed; nothing while the vault is sealed.
    pub objects: Option<u64>,
    /// How many it may hold.
    pub max_objects: Option<u64>,
    /// What it is made of.
    pub maker: String,
    /// Its mechanism policy.
    pub mechanisms: String,
    /// Whether its token has PINs.
    pub initialised: Option<bool>,
    /// Whether the user's PIN is locked.
    pub locked: Option<bool>,
    /// Whether it can be worked with: `usable`, `probing` or `unfit`.
    pub condition: String,
    /// What is against it, in a word.
    pub why: Option<String>,
    /// The same as a sentence.
    pub advice: Option<String>,
    /// Since when it is being probed, in seconds since 1970.
    pub since: Option<i64>,
    /// Keys that have to go from it and could not be removed yet.
    pub leftovers: usize,
    /// Its tokens, where they are several that hold the same keys.
    #[serde(default)]
    pub members: Vec<MemberRow>,
}

/// One of several tokens of a slot.
#[derive(Debug, Serialize, Deserialize)]
pub struct MemberRow {
    /// Its name.
    pub name: String,
    /// Whether it can be worked with: `usable`, `probing` or `unfit`.
    pub condition: String,
    /// What is against it, or against keys of others coming to it, in a word.
    pub why: Option<String>,
    /// The same as a sentence.
    pub advice: Option<String>,
    /// Keys that it lacks and others have; nothing while that is being found out.
    pub lacking: Option<usize>,
    /// How many of these cannot come to it, because their token does not let them go.
    pub bound: usize,
}

/// An object, without anything secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct ObjectRow {
    /// Its identifier.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// Where it stands in its life.
    pub state: Option<String>,
    /// Its names.
    pub names: Vec<String>,
    /// Its algorithm.
    pub algorithm: Option<String>,
    /// Its length in bits.
    pub length: Option<i32>,
    /// Whose it is.
    pub owner: String,
    /// Its slot.
    pub slot: String,
    /// Who else may do what.
    pub grants: Vec<(String, String)>,
    /// When it was made or registered, in seconds since 1970.
    pub since: Option<i64>,
    /// The tokens that have its key now, where its slot is made of several.
    #[serde(default)]
    pub members: Vec<String>,
}
