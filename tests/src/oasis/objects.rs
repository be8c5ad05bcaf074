//! What a replay knows of the server's objects: enough to say which values only the server can know.

use std::collections::BTreeSet;

use strongroom_kmip::code::{ObjectType, Operation};
use strongroom_kmip::tag::Tag;
use strongroom_kmip::ttlv::Item;

/// Objects by their unique identifiers.
#[derive(Debug, Clone, Default)]
pub(super) struct Objects {
    generated: BTreeSet<String>,
    asymmetric: BTreeSet<String>,
}

impl Objects {
    /// Takes note of what an exchange has made.
    pub(super) fn learn(&mut self, request: Item<'_, '_>, came: Item<'_, '_>) {
        let asked = request.children().filter(|item| item.tag() == Tag::BatchItem);
        let answered = came.children().filter(|item| item.tag() == Tag::BatchItem);
        for (asked, answered) in asked.zip(answered) {
            let operation = code(asked, Tag::Operation).map(Operation);
            let made = find(answered, Tag::ResponsePayload);
            let ids = made.into_iter().flat_map(|made| made.children()).filter(|item| IDS.contains(&item.tag()));
            let ids = ids.filter_map(|item| item.any_text().ok()).map(str::to_owned);
            let kind = find(asked, Tag::RequestPayload).and_then(|payload| code(payload, Tag::ObjectType));
            match operation {
                Some(Operation::Create | Operation::CreateSplitKey) => self.generated.extend(ids),
                Some(Operation::CreateKeyPair) => {
                    let ids: Vec<String> = ids.collect();
                    self.generated.extend(ids.iter().cloned());
                    self.asymmetric.extend(ids);
                }
                Some(Operation::Register)
                    if [ObjectType::PublicKey, ObjectType::PrivateKey].map(|kind| Some(kind.0)).contains(&kind) =>
                {
                    self.asymmetric.extend(ids);
                }
                _ => {}
            }
        }
    }

    /// Whether the server made its key material.
    pub(super) fn is_generated(&self, id: &str) -> bool {
        self.generated.contains(id)
    }

    /// Whether it is a half of a key pair.
    pub(super) fn is_asymmetric(&self, id: &str) -> bool {
        self.asymmetric.contains(id)
    }
}

/// The first item under a tag in a structure.
pub(super) fn find<'t, 'a>(structure: Item<'t, 'a>, tag: Tag) -> Option<Item<'t, 'a>> {
    structure.children().find(|item| item.tag() == tag)
}

/// The code under a tag in a structure.
pub(super) fn code(structure: Item<'_, '_>, tag: Tag) -> Option<u32> {
    find(structure, tag)?.enumeration().ok()
}

const IDS: [Tag; 3] = [Tag::UniqueIdentifier, Tag::PrivateKeyUniqueIdentifier, Tag::PublicKeyUniqueIdentifier];
