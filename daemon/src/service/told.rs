//! What the end of the audit log told at the start, in little.

use std::collections::HashMap;

use crate::{
    audit::{Event, Record},
    vault::ObjectId,
};

/// What the end of the log says of objects: the newest version that a call is said to have left or used.
#[derive(Debug, Default)]
pub struct Told(pub(super) HashMap<ObjectId, u64>);

impl Told {
    /// What these records say, oldest first.
    pub fn by(records: &[Record]) -> Self {
        let mut told = HashMap::new();
        for record in records {
            let Some(id) = record.object.as_deref().map(ObjectId::from_text) else { continue };
            // A change that was said to be prevented is settled.
            if record.action == Event::Reconcile.word() {
                told.remove(&id);
            } else if let Some(version) = record.version.filter(|_| record.result == "success") {
                told.insert(id, version);
            }
        }
        Self(told)
    }
}
