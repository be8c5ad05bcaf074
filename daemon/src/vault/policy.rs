//! Who may do what with which object: the one place that says yes.

use super::{
    action::{Action, Level},
    error::Error,
    identifier::ObjectId,
    record::Meta,
};
use crate::caller::{Caller, Principal, Role};

/// The policy's word that one action on one object is allowed. Nobody else makes one.
#[derive(Debug)]
pub struct Permit {
    object: ObjectId,
    action: Action,
}

impl Permit {
    /// Whether this is the permit for that.
    pub fn covers(&self, object: &ObjectId, action: Action) -> bool {
        self.object == *object && self.action == action
    }
}

/// Asks for an action.
///
/// # Errors
/// [`Error::Forbidden`], which must look to the caller as if there were no such object.
pub fn permit(caller: &Caller, object: &Meta, action: Action) -> Result<Permit, Error> {
    if allowed(caller, object, action) {
        return Ok(Permit { object: object.id.clone(), action });
    }
    Err(Error::Forbidden { who: caller.principal.clone(), action, object: object.id.clone() })
}

/// Whether the caller would get the permit.
pub fn allowed(caller: &Caller, object: &Meta, action: Action) -> bool {
    if caller.principal == Principal::Daemon || caller.principal == object.owner {
        return true;
    }
    by_role(caller.role, action) || object.granted(&caller.principal).is_some_and(|level| by_grant(level, action))
}

fn by_role(role: Role, action: Action) -> bool {
    match role {
        Role::User => false,
        Role::Administrator => matches!(action, Action::See | Action::Change | Action::Live | Action::Share),
        Role::Auditor => action == Action::See,
    }
}

fn by_grant(level: Level, action: Action) -> bool {
    match action {
        Action::See | Action::Use => true,
        Action::Read => level >= Level::Read,
        Action::Change | Action::Live => level >= Level::Manage,
        Action::Share => false,
    }
}

/// Whether the caller may make new objects at all.
pub fn may_create(caller: &Caller) -> bool {
    caller.role != Role::Auditor
}
