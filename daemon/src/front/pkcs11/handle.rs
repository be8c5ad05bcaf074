//! The handles that an application was given. None is ever used again.

use std::collections::HashMap;

use crate::service::ObjectId;

/// The handles of an application.
#[derive(Debug, Default)]
pub struct Handles {
    all: HashMap<u64, Handle>,
    of: HashMap<ObjectId, u64>,
    last: u64,
}

/// What a handle stands for.
#[derive(Debug)]
pub struct Handle {
    /// The slot of the object.
    pub slot: usize,
    /// The object.
    pub id: ObjectId,
    /// Whether it ends with the login.
    pub private: bool,
}

impl Handles {
    /// The handle of an object, new or known.
    pub fn of(&mut self, slot: usize, id: &ObjectId, private: bool) -> u64 {
        if let Some(handle) = self.of.get(id) {
            return *handle;
        }
        self.last = self.last.saturating_add(1);
        self.of.insert(id.clone(), self.last);
        self.all.insert(self.last, Handle { slot, id: id.clone(), private });
        self.last
    }

    /// What a handle stands for.
    pub fn get(&self, handle: u64) -> Option<&Handle> {
        self.all.get(&handle)
    }

    /// Forgets an object.
    pub fn forget(&mut self, id: &ObjectId) {
        if let Some(handle) = self.of.remove(id) {
            self.all.remove(&handle);
        }
    }

    /// Forgets what ends with a login.
    pub fn forget_private(&mut self, slot: usize) {
        let of = &mut self.of;
        self.all.retain(|_, handle| {
            let stays = handle.slot != slot || !handle.private;
            if !stays {
                of.remove(&handle.id);
            }
            stays
        });
    }
}
