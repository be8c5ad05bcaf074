//! Answers about the server itself: their shape is compared, because no two servers are the same.

use std::collections::BTreeSet;

use strongroom_kmip::code::ObjectType;
use strongroom_kmip::operation::SERVED;
use strongroom_kmip::tag::Tag;
use strongroom_kmip::ttlv::Item;

use super::difference::Difference;
use super::objects::find;

/// An answer to Query: everything that the case lists and this server has is there, nothing is there twice, and each
/// part of the answer that the case has is there with the fields that it has.
pub(super) fn answer(expected: Item<'_, '_>, came: Item<'_, '_>) -> Result<(), Difference> {
    listed(expected, came, Tag::Operation, |code| SERVED.iter().any(|operation| operation.0 == code))?;
    listed(expected, came, Tag::ObjectType, |code| OBJECTS.iter().any(|object| object.0 == code))?;
    for wanted in expected.children().filter(|item| ![Tag::Operation, Tag::ObjectType].contains(&item.tag())) {
        let mut got = came.children().filter(|item| item.tag() == wanted.tag());
        let missing = match wanted.tag() {
            // A server need not say that it has been validated by nobody, or how it lays its own attributes out.
            Tag::ValidationInformation | Tag::ApplicationNamespace | Tag::ExtensionInformation => None,
            Tag::CapabilityInformation => {
                let first = got.next().ok_or_else(|| Difference::missing(wanted))?;
                wanted.children().find(|field| find(first, field.tag()).is_none())
            }
            Tag::RNGParameters => field(wanted, got, Tag::RNGAlgorithm),
            Tag::ProfileInformation => field(wanted, got, Tag::ProfileName),
            _ => got.next().is_none().then_some(wanted),
        };
        if let Some(missing) = missing {
            return Err(Difference::missing(missing));
        }
    }
    let known: BTreeSet<u32> = expected.children().map(|item| item.tag().0).chain(UNASKED.map(|tag| tag.0)).collect();
    match came.children().find(|item| !known.contains(&item.tag().0)) {
        Some(surplus) => Err(Difference::surplus(surplus)),
        None => Ok(()),
    }
}

/// An answer to Discover Versions: those that the case lists, in its order; more are permitted.
pub(super) fn versions(expected: Item<'_, '_>, came: Item<'_, '_>) -> Result<(), Difference> {
    let mut rest = came.children();
    for wanted in expected.children() {
        if !rest.any(|got| got.encoded() == wanted.encoded()) {
            return Err(Difference::missing(wanted));
        }
    }
    Ok(())
}

/// Every code under `tag` that the case lists and that `ours` knows is there, and none is there twice.
fn listed(expected: Item<'_, '_>, came: Item<'_, '_>, tag: Tag, ours: impl Fn(u32) -> bool) -> Result<(), Difference> {
    let mut codes = BTreeSet::new();
    for got in came.children().filter(|item| item.tag() == tag) {
        if !codes.insert(got.enumeration().unwrap_or_default()) {
            return Err(Difference::surplus(got));
        }
    }
    let wanted = expected.children().filter(|item| item.tag() == tag);
    let mut missing = wanted.filter(|item| item.enumeration().is_ok_and(|code| ours(code) && !codes.contains(&code)));
    missing.next().map_or(Ok(()), |missing| Err(Difference::missing(missing)))
}

/// What is missing where some structure must be there, each with the field `tag`.
fn field<'t, 'a>(wanted: Item<'t, 'a>, mut got: impl Iterator<Item = Item<'t, 'a>>, tag: Tag) -> Option<Item<'t, 'a>> {
    let first = got.next().is_some_and(|first| find(first, tag).is_some());
    (!first || got.any(|next| find(next, tag).is_none())).then_some(wanted)
}

/// The objects that are kept for clients.
const OBJECTS: [ObjectType; 7] = [
    ObjectType::Certificate,
    ObjectType::SymmetricKey,
    ObjectType::PublicKey,
    ObjectType::PrivateKey,
    ObjectType::SecretData,
    ObjectType::OpaqueObject,
    ObjectType::PGPKey,
];

/// What recorded answers leave out because the recorded server had none of it.
const UNASKED: [Tag; 3] = [Tag::ApplicationNamespace, Tag::AttestationType, Tag::ExtensionInformation];
