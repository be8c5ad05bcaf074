//! The four ways to change an attribute, and the one question that comes before each: may a client do that, now?

use strongroom_kmip::{
    attribute::{Attribute, By, Change, Kind, Multiplicity, Rule, Set, Standard},
    code::{ObjectType, ResultReason, State},
    version::{V2_1, Version},
};

use super::{ask::Seen, guard, refusal::Refusal, usage};
use crate::{clock::Time, vault::Object};

pub use super::guard::Way;

/// Whether a client may do this with an attribute of this object in its present state.
///
/// # Errors
/// [`Refusal`] with the reason that the standard's table has.
pub fn check(
    (version, seen): (Version, Seen),
    now: Time,
    object: &Object,
    kind: &Kind,
    way: Way,
) -> Result<(), Refusal> {
    if matches!(kind, Kind::Unknown(_)) {
        return Err(Refusal::new(ResultReason::AttributeNotFound, format!("there is no attribute {kind}")));
    }
    guard::changes(seen, object, kind, way)?;
    let Some(row) = kind.row() else { return Ok(()) };
    if way == Way::Add && !row.objects.include(object.object_type(), version) {
        let object = object.object_type();
        return Err(Refusal::new(ResultReason::InvalidAttribute, format!("a {object} has no {kind}")));
    }
    if way == Way::Modify && has_come(object, row.standard, now) {
        return Err(Refusal::new(ResultReason::AttributeReadOnly, format!("{kind} has come and stays as it is")));
    }
    allowed(row.rule, way, object.state(now), usage::is_used(object)).map_err(|reason| {
        let reason = match reason {
            // KMIP 2.0 has the reason, but not among those that Modify Attribute may give (§6.1.33.1).
            ResultReason::WrongKeyLifecycleState if version < V2_1 => ResultReason::PermissionDenied,
            reason => reason,
        };
        Refusal::new(reason, format!("{kind} cannot be changed so now"))
    })
}

/// Whether the value is one that an object can have: a link is of one type, and what an application says is there.
fn sound(attribute: &Attribute) -> Result<(), Refusal> {
    match attribute {
        Attribute::Link(link) if link.link_type.text().is_none() => {
            Err(Refusal::new(ResultReason::InvalidAttributeValue, "a Link has a Link Type of the standard's"))
        }
        // What applications call an object is theirs to say: no namespace has data of the server's making (KMIP 2.1 §4.4),
        // and so Query tells of none.
        Attribute::ApplicationSpecificInformation(own) if own.application_data.is_none() => {
            let message = format!("the server makes no Application Data for {:?}", own.application_namespace);
            Err(Refusal::new(ResultReason::ApplicationNamespaceNotSupported, message))
        }
        _ => Ok(()),
    }
}

/// Whether a client may give a new object this attribute.
///
/// # Errors
/// [`Refusal`] with the reason that the standard's table has.
pub fn born(attribute: &Attribute, object: ObjectType, version: Version) -> Result<(), Refusal> {
    let kind = attribute.kind();
    sound(attribute)?;
    guard::born(attribute)?;
    let Some(row) = kind.row() else { return Ok(()) };
    // A client that says what the object is says nothing wrong.
    let said_twice = matches!(attribute, Attribute::ObjectType(code) if *code == object);
    if row.rule.create == By::Server && !said_twice {
        return Err(Refusal::new(ResultReason::ReadOnlyAttribute, format!("only the server sets {kind}")));
    }
    if !row.objects.include(object, version) {
        return Err(Refusal::new(ResultReason::InvalidAttribute, format!("a {object} has no {kind}")));
    }
    Ok(())
}

/// Whether a date that opens or closes what a key may be used for has come (KMIP 2.1 §4.40 and §4.41).
fn has_come(object: &Object, standard: Standard, now: Time) -> bool {
    let date = match standard {
        Standard::ProcessStartDate => object.attributes.process_start_date(),
        Standard::ProtectStopDate => object.attributes.protect_stop_date(),
        _ => None,
    };
    date.is_some_and(|date| date <= now.seconds())
}

fn allowed(rule: Rule, way: Way, state: Option<State>, used: bool) -> Result<(), ResultReason> {
    let change = match way {
        Way::Add if rule.add == By::Server => return Err(ResultReason::AttributeReadOnly),
        Way::Add => return Ok(()),
        Way::Modify => rule.modify,
        Way::Delete => rule.delete,
    };
    let state = state.unwrap_or(State::PreActive);
    match change {
        Change::Always => Ok(()),
        Change::Unused if used => Err(ResultReason::AttributeReadOnly),
        Change::Unused => Ok(()),
        Change::Never => Err(ResultReason::AttributeReadOnly),
        Change::PreActive if state == State::PreActive => Ok(()),
        Change::Active if matches!(state, State::PreActive | State::Active) => Ok(()),
        Change::PreActive | Change::Active => Err(ResultReason::WrongKeyLifecycleState),
    }
}

/// What follows from a new value besides itself: dates that have come, sensitivity that was or was not always so.
///
/// # Errors
/// [`Refusal`] for a value that the object cannot have.
pub fn consequences(now: Time, object: &mut Object, attribute: &Attribute) -> Result<(), Refusal> {
    sound(attribute)?;
    match attribute {
        Attribute::ActivationDate(date)
            if date.0 <= now.seconds() && object.attributes.state() == Some(State::PreActive) =>
        {
            object.attributes.put(Attribute::State(State::Active));
        }
        Attribute::UsageLimits(limits) => object.attributes.put(Attribute::UsageLimits(usage::fresh(limits)?)),
        Attribute::Sensitive(false) => object.attributes.put(Attribute::AlwaysSensitive(false)),
        Attribute::Extractable(true) => object.attributes.put(Attribute::NeverExtractable(false)),
        _ => {}
    }
    // An object that was activated after its Deactivation Date can still be given a name.
    let dated = matches!(
        attribute,
        Attribute::ActivationDate(_)
            | Attribute::ProcessStartDate(_)
            | Attribute::ProtectStopDate(_)
            | Attribute::DeactivationDate(_)
    );
    if dated { dates_in_order(&object.attributes) } else { Ok(()) }
}

/// Sensitivity is only ever tightened: what could once not leave must not be talked into leaving.
///
/// # Errors
/// [`Refusal`].
pub fn tightens(object: &Object, attribute: &Attribute) -> Result<(), Refusal> {
    sound(attribute)?;
    guard::tightens(object, attribute)?;
    let loosens = match attribute {
        Attribute::Sensitive(false) => object.attributes.sensitive() == Some(true),
        Attribute::Extractable(true) => object.attributes.extractable() == Some(false),
        _ => false,
    };
    if loosens {
        let message = format!("{} can only be tightened", attribute.kind());
        return Err(Refusal::new(ResultReason::AttributeReadOnly, message));
    }
    Ok(())
}

/// Whether the dates of an object stand in the order of its life.
///
/// # Errors
/// [`Refusal`].
pub fn dates_in_order(set: &Set) -> Result<(), Refusal> {
    let before = |first: Option<i64>, second: Option<i64>| match (first, second) {
        (Some(first), Some(second)) => first <= second,
        _ => true,
    };
    let sound = before(set.activation_date(), set.deactivation_date())
        && before(set.process_start_date(), set.protect_stop_date())
        && before(set.activation_date(), set.process_start_date())
        && before(set.protect_stop_date(), set.deactivation_date());
    if sound {
        return Ok(());
    }
    Err(Refusal::new(ResultReason::InvalidAttributeValue, "the dates of the object would not stand in their order"))
}

/// Whether an attribute that has its only value may be set once more by Add: no.
///
/// # Errors
/// [`Refusal`].
pub fn single(object: &Object, attribute: &Attribute) -> Result<(), Refusal> {
    let kind = attribute.kind();
    if kind.multiplicity() == Multiplicity::One && object.attributes.get(&kind).is_some() {
        let message = format!("the object has a {kind} and may have only one");
        return Err(Refusal::new(ResultReason::AttributeSingleValued, message));
    }
    Ok(())
}
