//! What takes the place of an older object: Re-key, Re-key Key Pair and Re-certify (KMIP 2.1 tables 303 to 309).

use std::sync::Arc;

use strongroom_kmip::{
    attribute::{Attribute, By, Kind, Link, Objects, Set, Standard, Template},
    code::{LinkType, ObjectType, ResultReason},
    ttlv::{DateTime, Interval},
};

use super::{alter, call::Call, creation, guard, refusal::Refusal};
use crate::vault::{Action, Object, ObjectId};

/// The object that is to be replaced. Whoever may change it may have it replaced; the replacement belongs to its owner.
///
/// # Errors
/// [`Refusal`] for an object of another type, or one of which nothing is left.
pub fn predecessor(call: &mut Call<'_>, id: &ObjectId, wanted: ObjectType) -> Result<Arc<Object>, Refusal> {
    let (object, _) = call.see(id, Action::Change)?;
    if object.object_type() != wanted {
        return Err(Refusal::new(ResultReason::InvalidObjectType, format!("the object is no {wanted}")));
    }
    if object.is_destroyed() {
        return Err(Refusal::new(ResultReason::ObjectDestroyed, "the object is destroyed"));
    }
    Ok(object)
}

/// Takes its Names from an object, for its replacement to have them.
///
/// # Errors
/// [`Refusal`], as the policy says.
pub fn unname(call: &mut Call<'_>, id: &ObjectId) -> Result<(), Refusal> {
    call.edit(id, Action::Change, |object| {
        object.attributes.remove_all(&Kind::from(Standard::Name));
        Ok(())
    })
}

/// The attributes of the replacement: the old object's, then what the request wants. The old object must have given its
/// Names up.
///
/// # Errors
/// [`Refusal`] for attributes that a client may not set, for a replacement of another kind than what it replaces, and
/// for dates out of order.
pub fn attributes(
    call: &mut Call<'_>,
    old: &Object,
    offset: Option<Interval>,
    templates: &[Option<&Template>],
) -> Result<Set, Refusal> {
    let handed_on = |attribute: &&Attribute| {
        attribute.standard().is_none_or(|standard| !OWN.contains(&standard) && !of_certificate(standard))
    };
    let mut set: Set = old.attributes.iter().filter(handed_on).cloned().collect();
    guard::forget(&mut set);
    if let Some(Interval(offset)) = offset {
        shift(&mut set, call.vault.now().seconds().saturating_add(i64::from(offset)));
    }
    let wanted = creation::gather(call, old.object_type(), templates)?;
    for attribute in wanted.iter() {
        let kind = attribute.kind();
        let fixed = kind.standard().is_some_and(|standard| KIND.contains(&standard));
        if fixed && set.get(&kind).is_some_and(|own| own != attribute) {
            return Err(Refusal::invalid(format!("a replacement has the {kind} of what it replaces")));
        }
        alter::tightens(old, attribute)?;
        set.put(attribute.clone());
    }
    for attribute in set.all(&Kind::from(Standard::UsageLimits)).map(|(_, limits)| limits.clone()).collect::<Vec<_>>() {
        if let Attribute::UsageLimits(mut limits) = attribute {
            limits.usage_limits_count = Some(limits.usage_limits_total);
            set.put(Attribute::UsageLimits(limits));
        }
    }
    alter::dates_in_order(&set)?;
    Ok(set)
}

/// Ties the two objects to each other, and gives the new one to the owner of the old.
///
/// # Errors
/// [`Refusal`], as the policy says.
pub fn succeed(call: &mut Call<'_>, old: &Object, new: &ObjectId) -> Result<(), Refusal> {
    call.edit(&old.id, Action::Change, |object| {
        relink(&mut object.attributes, LinkType::ReplacementObjectLink, new);
        Ok(())
    })?;
    let (owner, grants) = (old.owner.clone(), old.grants.clone());
    call.adjust(new, |object| {
        relink(&mut object.attributes, LinkType::ReplacedObjectLink, &old.id);
        object.owner = owner;
        object.grants = grants;
    })
}

/// Lets the one link of this type lead to another object.
pub fn relink(set: &mut Set, link_type: LinkType, to: &ObjectId) {
    let old: Vec<Attribute> = set
        .iter()
        .filter(|attribute| matches!(attribute, Attribute::Link(link) if link.link_type == link_type))
        .cloned()
        .collect();
    for link in &old {
        set.remove_value(link);
    }
    set.put(Attribute::Link(Link::to(link_type, to.as_str())));
}

/// Moves the dates so that the replacement becomes active then (KMIP 2.1 table 303).
fn shift(set: &mut Set, activation: i64) {
    let old = set.activation_date();
    set.put(Attribute::ActivationDate(DateTime(activation)));
    let Some(old) = old else { return };
    let moved = |date: i64| DateTime(date.saturating_add(activation.saturating_sub(old)));
    let later = [
        set.process_start_date().map(|date| Attribute::ProcessStartDate(moved(date))),
        set.protect_stop_date().map(|date| Attribute::ProtectStopDate(moved(date))),
        set.deactivation_date().map(|date| Attribute::DeactivationDate(moved(date))),
    ];
    later.into_iter().flatten().for_each(|date| set.put(date));
}

/// Whether the server reads it out of a certificate.
fn of_certificate(standard: Standard) -> bool {
    let row = standard.row();
    row.objects == Objects::Certificates && row.rule.create == By::Server
}

/// What belongs to one object alone and is set anew for its replacement, or not at all.
const OWN: &[Standard] = &[
    Standard::UniqueIdentifier,
    Standard::ShortUniqueIdentifier,
    Standard::ObjectType,
    Standard::State,
    Standard::InitialDate,
    Standard::DestroyDate,
    Standard::CompromiseOccurrenceDate,
    Standard::CompromiseDate,
    Standard::RevocationReason,
    Standard::DeactivationReason,
    Standard::ArchiveDate,
    Standard::LastChangeDate,
    Standard::OriginalCreationDate,
    Standard::RandomNumberGenerator,
    Standard::Digest,
    Standard::Link,
    Standard::Fresh,
    Standard::LeaseTime,
    Standard::KeyFormatType,
    Standard::KeyValuePresent,
    Standard::KeyValueLocation,
    Standard::AlwaysSensitive,
    Standard::NeverExtractable,
    Standard::RotateDate,
    Standard::RotateGeneration,
    Standard::RotateLatest,
    Standard::CertifyCounter,
    Standard::DecryptCounter,
    Standard::EncryptCounter,
    Standard::SignCounter,
    Standard::SignatureVerifyCounter,
    Standard::DigitalSignatureAlgorithm,
];

/// What makes a key the kind of key that it is.
const KIND: &[Standard] =
    &[Standard::CryptographicAlgorithm, Standard::CryptographicLength, Standard::CryptographicDomainParameters];
