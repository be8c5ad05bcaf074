//! What an object that is made of others has from them: links, and how closely it is kept.

use std::sync::Arc;

use strongroom_kmip::{
    attribute::{Attribute, Kind, Link, Linked, Set, Standard},
    code::{LinkType, ResultReason},
    ttlv::DateTime,
};

use super::{alter, call::Call, refusal::Refusal};
use crate::vault::{Action, Object, ObjectId};

/// Keeps what is made of these objects as closely as the closest of them: what could not leave does not leave by being
/// made into something else.
///
/// # Errors
/// [`Refusal`] when the request asks for less.
pub fn keep_close(set: &mut Set, sources: &[Arc<Object>]) -> Result<(), Refusal> {
    let sensitive = sources.iter().any(|object| object.attributes.sensitive() == Some(true));
    let locked_in = sources.iter().any(|object| object.attributes.extractable() == Some(false));
    let loosens = (sensitive && set.sensitive() == Some(false)) || (locked_in && set.extractable() == Some(true));
    if loosens {
        let message = "what is made of a sensitive or unextractable object is so too";
        return Err(Refusal::new(ResultReason::InvalidAttributeValue, message));
    }
    inherit(set, sources);
    Ok(())
}

/// Keeps what is made of these objects as closely as the closest of them, where nobody has said how closely.
pub fn inherit(set: &mut Set, sources: &[Arc<Object>]) {
    let any = |says: fn(&Object) -> bool| sources.iter().any(|object| says(object));
    if set.sensitive().is_none() && any(|object| object.attributes.sensitive() == Some(true)) {
        set.put(Attribute::Sensitive(true));
    }
    if set.extractable().is_none() && any(|object| object.attributes.extractable() == Some(false)) {
        set.put(Attribute::Extractable(false));
    }
}

/// Lets what is made of these objects be used no longer than they, and no sooner.
///
/// # Errors
/// [`Refusal`] when their dates do not go together.
pub fn keep_time(set: &mut Set, sources: &[Arc<Object>], now: i64) -> Result<(), Refusal> {
    for own in sources.iter().map(|source| &source.attributes) {
        let later = |wanted: Option<i64>, own: Option<i64>| own.filter(|own| wanted.is_none_or(|wanted| wanted < *own));
        let sooner =
            |wanted: Option<i64>, own: Option<i64>| own.filter(|own| wanted.is_none_or(|wanted| wanted > *own));
        let dates = [
            // A time that has come binds nobody any more: what is made begins when it is activated.
            later(set.activation_date(), own.activation_date().filter(|date| *date > now))
                .map(|date| Attribute::ActivationDate(DateTime(date))),
            later(set.process_start_date(), own.process_start_date().filter(|date| *date > now))
                .map(|date| Attribute::ProcessStartDate(DateTime(date))),
            sooner(set.protect_stop_date(), own.protect_stop_date())
                .map(|date| Attribute::ProtectStopDate(DateTime(date))),
            sooner(set.deactivation_date(), own.deactivation_date())
                .map(|date| Attribute::DeactivationDate(DateTime(date))),
        ];
        dates.into_iter().flatten().for_each(|date| set.put(date));
    }
    alter::dates_in_order(set)
}

/// Says of a finished object that it was always sensitive, or never extractable, only where that is true of everything
/// that it was made of.
pub fn remember(set: &mut Set, sources: &[Arc<Object>]) {
    let said = |object: &Object, standard: Standard| {
        matches!(
            object.attributes.standard(standard),
            Some(Attribute::AlwaysSensitive(true) | Attribute::NeverExtractable(true))
        )
    };
    let secret = || sources.iter().filter(|object| !object.is_public());
    if !secret().all(|object| said(object, Standard::AlwaysSensitive)) {
        set.put(Attribute::AlwaysSensitive(false));
    }
    if !secret().all(|object| said(object, Standard::NeverExtractable)) {
        set.put(Attribute::NeverExtractable(false));
    }
}

/// Links an object to one that was derived from it. It keeps the newest of those links; every derived object keeps its
/// own link back.
///
/// # Errors
/// [`Refusal`], as the policy says.
pub fn has_derived(call: &mut Call<'_>, base: &ObjectId, derived: &ObjectId) -> Result<(), Refusal> {
    let notes = call.notes.clone();
    let edited = call.edit(base, Action::Use, |object| {
        let set = &mut object.attributes;
        let kind = Kind::from(Standard::Link);
        let children: Vec<i32> = set
            .all(&kind)
            .filter(|(_, link)| matches!(link, Attribute::Link(link) if link.link_type == LinkType::DerivedKeyLink))
            .map(|(index, _)| index)
            .collect();
        let spare = children.len().saturating_sub(MOST_CHILDREN.saturating_sub(1));
        children.iter().take(spare).for_each(|index| drop(set.remove(&kind, *index)));
        set.put(Attribute::Link(Link::to(LinkType::DerivedKeyLink, derived.as_str())));
        Ok(())
    });
    call.notes = notes;
    edited
}

/// The object at the other end of the first link of this type.
pub fn linked(object: &Object, wanted: LinkType) -> Option<ObjectId> {
    link_of(&object.attributes, wanted)
}

/// The same, of attributes alone.
pub fn link_of(set: &Set, wanted: LinkType) -> Option<ObjectId> {
    set.links().filter(|link| link.link_type == wanted).find_map(target)
}

/// The object at the other end.
pub fn target(link: &Link) -> Option<ObjectId> {
    match &link.linked_object_identifier {
        Linked::Identifier(identifier) => Some(ObjectId::from_text(identifier)),
        _ => None,
    }
}

/// A record is written whole each time: it must not grow with every session key that is derived from one key.
const MOST_CHILDREN: usize = 1024;
