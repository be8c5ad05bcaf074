//! Who may do what with which object: the one place that says yes.

use strongroom_kmip::attribute::Attribute;

use super::{
    action::{Action, Level},
    error::Error,
    identifier::ObjectId,
    record::Meta,
};
use crate::caller::{Caller, Principal, Role, Scope};

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

/// What was found under an identifier, where the call may touch it at all. Whether an object is there that the call may not
/// touch, nobody learns.
///
/// # Errors
/// [`Error::Beyond`], or what was found to be wrong.
pub fn reached<T: AsRef<Meta>>(caller: &Caller, id: &ObjectId, found: Result<T, Error>) -> Result<T, Error> {
    let reaches = match (&caller.scope, &found) {
        (Scope::Everything, _) => true,
        (Scope::Only { objects, .. }, Err(_)) => objects.iter().any(|named| named == id.as_str()),
        (Scope::Only { .. }, Ok(object)) => in_scope(caller, object.as_ref()),
    };
    if reaches { found } else { Err(Error::Beyond(id.clone())) }
}

fn in_scope(caller: &Caller, object: &Meta) -> bool {
    let Scope::Only { objects, groups } = &caller.scope else { return true };
    let in_group = |attribute: &Attribute| match attribute {
        Attribute::ObjectGroup(group) => groups.contains(group),
        _ => false,
    };
    objects.iter().any(|named| named == object.id.as_str()) || object.attributes.iter().any(in_group)
}

/// Whether the caller would get the permit.
pub fn allowed(caller: &Caller, object: &Meta, action: Action) -> bool {
    if !in_scope(caller, object) {
        return false;
    }
    if caller.principal == Principal::Daemon || caller.principal == object.owner {
        return true;
    }
    by_role(caller.role, action) || object.granted(&caller.principal).is_some_and(|level| by_grant(level, action))
}

fn by_role(role: Role, action: Action) -> bool {
    match role {
        Role::User => false,
        Role::Administrator => {
            matches!(action, Action::See | Action::Change | Action::Live | Action::Archive | Action::Share)
        }
        Role::Auditor => action == Action::See,
    }
}

fn by_grant(level: Level, action: Action) -> bool {
    match action {
        Action::See | Action::Use => true,
        Action::Read => level >= Level::Read,
        Action::Change | Action::Live | Action::Archive => level >= Level::Manage,
        Action::Share => false,
    }
}

/// Whether the caller may make new objects at all.
pub fn may_create(caller: &Caller) -> bool {
    caller.role != Role::Auditor && caller.scope == Scope::Everything
}
