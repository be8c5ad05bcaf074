//! The two halves of a key pair, where what one did decides what the other may do.

use std::sync::{Arc, PoisonError};

use strongroom_kmip::{
    attribute::{Attribute, Link, Linked},
    code::{CryptographicUsageMask, LinkType},
    ttlv::DateTime,
};

use super::{
    change::Change,
    door::Vault,
    error::Error,
    identifier::ObjectId,
    record::{Body, Object},
    usable::Usable,
};
use crate::slot::Shape;

impl Vault {
    /// Takes uses from a key that is at hand, and from the other half of its pair: what is encrypted with one half is
    /// decrypted with the other. Whether the caller reaches that half is not asked. What only says of itself that it is a
    /// half is left alone where it is somebody else's: nobody takes a use from a key by pointing at it.
    ///
    /// # Errors
    /// [`Error`], when one of them is being changed or cannot be read; then none is changed.
    pub fn narrow(&self, change: &mut Change, usable: &Usable, uses: CryptographicUsageMask) -> Result<(), Error> {
        let loses = |object: &Object| object.attributes.usage_mask().filter(|mask| mask.0 & uses.0 != 0);
        let mut halves = vec![Arc::clone(&usable.object)];
        halves.extend(other_halves(change, &usable.object));
        let mut ids: Vec<ObjectId> =
            halves.iter().filter(|object| loses(object).is_some()).map(|object| object.id.clone()).collect();
        // Always in the same order, so that two calls do not wait for each other.
        ids.sort();
        ids.dedup();
        for id in ids {
            let mut object = change.claim(&id)?;
            if let Some(mask) = loses(&object) {
                let left = CryptographicUsageMask(mask.0 & !uses.0);
                object.attributes.put(Attribute::CryptographicUsageMask(left));
                object.attributes.put(Attribute::LastChangeDate(DateTime(self.now().seconds())));
                change.replace(object);
            }
        }
        Ok(())
    }
}

/// The objects that are the other half: those that point at this one, and the one that it points at if the owner is the same.
fn other_halves(change: &Change, object: &Object) -> Vec<Arc<Object>> {
    let (there, back) = match object.body {
        Body::Key(Shape::Public(_)) => (LinkType::PrivateKeyLink, LinkType::PublicKeyLink),
        Body::Key(Shape::Private(_)) => (LinkType::PublicKeyLink, LinkType::PrivateKeyLink),
        _ => return Vec::new(),
    };
    let link = Attribute::Link(Link::to(back, object.id.as_str()));
    let points = |other: &&Arc<Object>| other.attributes.iter().any(|attribute| *attribute == link);
    let opened = change.opened();
    let mut halves: Vec<Arc<Object>> = {
        let index = opened.index.read().unwrap_or_else(PoisonError::into_inner);
        index.having(&link).filter(points).cloned().collect()
    };
    halves.extend(change.pending().filter(|other| points(&other)));
    let named = object.attributes.iter().filter_map(|attribute| match attribute {
        Attribute::Link(Link { link_type, linked_object_identifier: Linked::Identifier(id) })
            if *link_type == there =>
        {
            let id = ObjectId::from_text(id);
            let written = change.written(&id).ok()?.cloned().map(Arc::new);
            written.or_else(|| opened.object(&id).ok())
        }
        _ => None,
    });
    halves.extend(named.filter(|other| other.owner == object.owner));
    halves
}
