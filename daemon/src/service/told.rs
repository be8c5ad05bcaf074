//! What the end of the audit log told at the start, in little.

use std::collections::HashMap;

use strongroom_kmip::code::Operation;

use crate::{
    audit::{Event, Record},
    vault::ObjectId,
};

/// What the end of the log says of objects: the newest version that a call is said to have left or used, or that nothing of
/// the object stayed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told(pub(super) HashMap<ObjectId, Stand>);

/// How an object is said to stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    /// In this version, or a newer one.
    Version(u64),
    /// Not at all: nothing of it was kept.
    Gone,
}

impl Told {
    /// What these records say, oldest first.
    pub fn by(records: &[Record]) -> Self {
        let mut told = HashMap::new();
        let is = |record: &Record, operation: Operation| record.action == operation.to_string();
        for record in records {
            let Some(id) = record.object.as_deref().map(ObjectId::from_text) else { continue };
            let went_well = record.result == "success";
            // A change that was said to be prevented is settled. An object that is brought back is there in a version that
            // the log does not say.
            if record.action == Event::Reconcile.word() || (went_well && is(record, Operation::Import)) {
                told.remove(&id);
                continue;
            }
            if !went_well {
                continue;
            }
            // What is destroyed and leaves its attributes behind has a version; an object of a session has none.
            let gone =
                is(record, Operation::Obliterate) || (is(record, Operation::Destroy) && record.version.is_none());
            if let Some(stand) = if gone { Some(Stand::Gone) } else { record.version.map(Stand::Version) } {
                told.insert(id, stand);
            }
        }
        Self(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(action: &str, version: Option<u64>, result: &str) -> Record {
        let version = version.map_or(String::new(), |version| format!(",\"version\":{version}"));
        let line = format!(
            "{{\"log\":\"l\",\"boot\":\"b\",\"seq\":1,\"time\":\"t\",\"prev\":\"p\",\"gen\":1,\"caller\":\"c\",\
             \"action\":\"{action}\",\"object\":\"id\"{version},\"result\":\"{result}\"}}"
        );
        Record::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn the_last_record_of_an_object_says_how_it_stands() {
        let created = || record("Create", Some(1), "success");
        for (name, then, expected) in [
            ("a use", record("Encrypt", Some(2), "success"), Some(Stand::Version(2))),
            ("a refusal", record("Destroy", Some(2), "refused"), Some(Stand::Version(1))),
            ("its end", record("Destroy", Some(3), "success"), Some(Stand::Version(3))),
            ("the end of a session", record("Destroy", None, "success"), Some(Stand::Gone)),
            ("nothing stayed", record("Obliterate", Some(2), "success"), Some(Stand::Gone)),
            ("nothing was to stay", record("Obliterate", Some(2), "refused"), Some(Stand::Version(1))),
            ("it was brought back", record("Import", None, "success"), None),
            ("it was said to be prevented", record("reconcile", None, "failed"), None),
        ] {
            let told = Told::by(&[created(), then]);
            assert_eq!(told.0.get(&ObjectId::from_text("id")).copied(), expected, "{name}");
        }
    }
}
