//! What new objects must be, and what they are where a client does not say: the rules that Set Constraints and Set
//! Defaults leave behind.
//!
//! An administrator's rules are the house's and hold for everybody; anybody else's hold for what that client itself makes.
//! So no client can keep another from working.

use strongroom_kmip::{
    attribute::{Attribute, Instance, Listed, Set},
    code::{ObjectType, ResultReason},
    payload::{Constraint, Constraints, DefaultsInformation, ObjectDefaults, ObjectGroups},
    secret::Secret,
    tag::Tag,
    ttlv::{Limits, Tree, Value, Writer},
    version::EVERY,
};

use super::{alter, call::Call, refusal::Refusal};
use crate::{caller::Role, vault};

/// The constraints that hold for the caller: the house's, then its own.
///
/// # Errors
/// [`Refusal`] when the vault cannot be read.
pub fn constraints(call: &Call<'_>) -> Result<Constraints, Refusal> {
    let mut constraint = Vec::new();
    for scope in scopes(call, CONSTRAINTS) {
        constraint.extend(load::<Constraints>(call, &scope)?.into_iter().flat_map(|rules| rules.constraint));
    }
    Ok(Constraints { constraint })
}

/// The defaults that hold for the caller: its own, then the house's; the first that gives an attribute has the word.
///
/// # Errors
/// [`Refusal`] when the vault cannot be read.
pub fn defaults(call: &Call<'_>) -> Result<DefaultsInformation, Refusal> {
    let mut object_defaults = Vec::new();
    for scope in scopes(call, DEFAULTS).into_iter().rev() {
        object_defaults
            .extend(load::<DefaultsInformation>(call, &scope)?.into_iter().flat_map(|rules| rules.object_defaults));
    }
    Ok(DefaultsInformation { object_defaults })
}

/// Puts constraints in the place of the caller's, or of the house's.
///
/// # Errors
/// [`Refusal`] for constraints that are too many, or about objects that there are not.
pub fn constrain(call: &mut Call<'_>, constraints: Option<Constraints>) -> Result<(), Refusal> {
    for rule in constraints.iter().flat_map(|rules| &rules.constraint) {
        known(rule.object_types.iter().flat_map(|types| &types.object_type))?;
    }
    keep(call, CONSTRAINTS, Tag::Constraints, constraints.filter(|rules| !rules.constraint.is_empty()).as_ref())
}

/// Puts defaults in the place of the caller's, or of the house's.
///
/// # Errors
/// [`Refusal`] for defaults that are too many, about objects that there are not, or that no client could ask for.
pub fn settle(call: &mut Call<'_>, defaults: Option<DefaultsInformation>) -> Result<(), Refusal> {
    for rule in defaults.iter().flat_map(|rules| &rules.object_defaults) {
        let types = types(rule);
        known(types.iter())?;
        for Instance { attribute, .. } in &rule.attributes.0 {
            let refused = types.iter().find_map(|object| alter::born(attribute, *object, call.version).err());
            if let Some(refusal) = refused {
                return Err(Refusal::invalid(refusal.message));
            }
        }
    }
    keep(call, DEFAULTS, Tag::DefaultsInformation, defaults.filter(|rules| !rules.object_defaults.is_empty()).as_ref())
}

/// Removes the caller's own rules.
///
/// # Errors
/// [`Refusal`] when the vault is sealed.
pub fn clear(call: &mut Call<'_>) -> Result<(), Refusal> {
    keep::<Constraints>(call, CONSTRAINTS, Tag::Constraints, None)?;
    keep::<DefaultsInformation>(call, DEFAULTS, Tag::DefaultsInformation, None)
}

/// Gives a new object the attributes that it lacks and that defaults have for it.
///
/// # Errors
/// [`Refusal`] when the vault cannot be read.
pub fn fill(call: &Call<'_>, object: ObjectType, set: &mut Set) -> Result<(), Refusal> {
    for rule in &defaults(call)?.object_defaults {
        if !types(rule).contains(&object)
            || (rule.object_groups.is_some() && !grouped(set, rule.object_groups.as_ref()))
        {
            continue;
        }
        // All values of an attribute, or none: what the client said is not added to.
        let missing: Vec<_> =
            rule.attributes.0.iter().filter(|instance| set.get(&instance.attribute.kind()).is_none()).collect();
        missing.into_iter().for_each(|instance| set.put(instance.attribute.clone()));
    }
    Ok(())
}

/// Whether a finished object is as the constraints want it. Constraints about its groups stand above those about all.
///
/// # Errors
/// [`Refusal`] with what it should be.
pub fn hold(call: &Call<'_>, set: &Set) -> Result<(), Refusal> {
    let object = set.object_type();
    let about = |rule: &&Constraint| match (&rule.object_types, object) {
        (Some(types), Some(object)) => types.object_type.contains(&object),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let Constraints { constraint } = constraints(call)?;
    let (special, general): (Vec<_>, Vec<_>) = constraint
        .iter()
        .filter(about)
        .filter(|rule| rule.object_groups.is_none() || grouped(set, rule.object_groups.as_ref()))
        .partition(|rule| rule.object_groups.is_some());
    let holding = if special.is_empty() { general } else { special };
    holding.iter().filter_map(|rule| rule.attributes.as_ref()).try_for_each(|wanted| met(set, wanted))
}

/// Whether each attribute that is wanted has one of the values that are.
fn met(set: &Set, Listed(wanted): &Listed) -> Result<(), Refusal> {
    for Instance { attribute, .. } in wanted {
        let kind = attribute.kind();
        let values = || wanted.iter().map(|instance| &instance.attribute).filter(|other| other.kind() == kind);
        let fits = |has: &Attribute| match has {
            // What a key may be used for is bounded by the mask that is wanted.
            Attribute::CryptographicUsageMask(mask) => {
                values().any(|value| matches!(value, Attribute::CryptographicUsageMask(most) if most.contains(*mask)))
            }
            has => values().any(|value| value == has),
        };
        let mut there = set.all(&kind).map(|(_, has)| has).peekable();
        if there.peek().is_none() || !there.all(fits) {
            let message = format!("the {kind} of the object is not one that the constraints allow");
            return Err(Refusal::new(ResultReason::ConstraintViolation, message));
        }
    }
    Ok(())
}

fn grouped(set: &Set, groups: Option<&ObjectGroups>) -> bool {
    groups.is_some_and(|groups| set.object_groups().any(|group| groups.object_group.iter().any(|name| name == group)))
}

fn types(rule: &ObjectDefaults) -> Vec<ObjectType> {
    let several = rule.object_types.iter().flat_map(|types| types.object_type.iter().copied());
    rule.object_type.into_iter().chain(several).collect()
}

fn known<'t>(mut types: impl Iterator<Item = &'t ObjectType>) -> Result<(), Refusal> {
    match types.find(|object| object.text().is_none()) {
        Some(object) => Err(Refusal::new(ResultReason::InvalidObjectType, format!("there is no Object Type {object}"))),
        None => Ok(()),
    }
}

/// The settings that hold for the caller: the house's, and its own where it has some.
fn scopes(call: &Call<'_>, name: &str) -> Vec<String> {
    [name.to_owned()].into_iter().chain((call.caller.role != Role::Administrator).then(|| own(call, name))).collect()
}

/// The setting that the caller writes.
fn own(call: &Call<'_>, name: &str) -> String {
    match call.caller.role {
        Role::Administrator => name.to_owned(),
        Role::User | Role::Auditor => format!("{name}/{}", call.caller.principal),
    }
}

fn load<T: Value>(call: &Call<'_>, setting: &str) -> Result<Option<T>, Refusal> {
    let Some(bytes) = call.view()?.setting(setting)? else { return Ok(None) };
    let broken = |_| Refusal::from(vault::Error::Damaged(format!("setting/{setting}")));
    let tree = Tree::read(bytes.reveal(), &Limits::default()).map_err(broken)?;
    T::read(tree.root()).map(Some).map_err(broken)
}

fn keep<T: Value>(call: &mut Call<'_>, name: &str, tag: Tag, rules: Option<&T>) -> Result<(), Refusal> {
    if call.caller.role == Role::Auditor {
        return Err(Refusal::new(ResultReason::PermissionDenied, "an auditor changes nothing"));
    }
    let bytes = rules.map(|rules| {
        let mut to = Writer::new(EVERY);
        rules.write(tag, &mut to);
        to.into_bytes()
    });
    if bytes.as_ref().is_some_and(|bytes| bytes.len() > LARGEST) {
        return Err(Refusal::invalid("the rules take more than 16 KiB"));
    }
    let setting = own(call, name);
    call.change()?.put_setting(&setting, bytes.map(|bytes| Secret::copy_of(&bytes)));
    Ok(())
}

/// The settings' names.
const CONSTRAINTS: &str = "constraints";
const DEFAULTS: &str = "defaults";
/// What every creation reads must be small.
const LARGEST: usize = 16 << 10;
