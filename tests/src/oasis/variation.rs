//! What may differ from the recorded answer although the server does all that is asked: the permitted test case
//! variations of the KMIP Profiles, as far as they concern one value.

use strongroom_kmip::code::Operation;
use strongroom_kmip::tag::Tag;
use strongroom_kmip::ttlv::Item;

use super::objects::{Objects, code, find};

/// What is known about the batch item whose answer is looked at.
pub(super) struct Scope<'a> {
    /// What was asked for.
    pub(super) operation: Option<Operation>,
    /// The object that it was about.
    object: Option<String>,
    /// Whether the request names the attributes that it wants.
    pub(super) chosen: bool,
    objects: &'a Objects,
}

/// How far a value may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freedom {
    /// Not at all.
    None,
    /// It is the server's own, of the same length.
    Length,
    /// It is the server's own.
    Any,
}

impl<'a> Scope<'a> {
    /// The scope of a batch item.
    pub(super) fn of(asked: Item<'_, '_>, answered: Item<'_, '_>, objects: &'a Objects) -> Scope<'a> {
        let payload = find(asked, Tag::RequestPayload);
        let named = [find(answered, Tag::ResponsePayload), payload];
        let object = named.into_iter().flatten().find_map(|payload| find(payload, Tag::UniqueIdentifier));
        let names = [Tag::AttributeName, Tag::AttributeReference];
        Scope {
            operation: code(asked, Tag::Operation).map(Operation),
            object: object.and_then(|id| id.any_text().ok()).map(str::to_owned),
            chosen: payload.is_some_and(|payload| names.iter().any(|&tag| find(payload, tag).is_some())),
            objects,
        }
    }

    /// Whether the server has made the object's key material itself.
    pub(super) fn generated(&self) -> bool {
        self.object.as_deref().is_some_and(|id| self.objects.is_generated(id))
    }

    /// How far the value of an item may differ.
    pub(super) fn freedom(&self, item: Item<'_, '_>) -> Freedom {
        let asymmetric = self.object.as_deref().is_some_and(|id| self.objects.is_asymmetric(id));
        match (item.tag(), self.operation) {
            (Tag::KeyMaterial | Tag::KeyValue, Some(Operation::Get | Operation::Put)) if self.generated() => {
                if asymmetric {
                    Freedom::Any
                } else {
                    Freedom::Length
                }
            }
            (Tag::DigestValue, _) if self.generated() => Freedom::Length,
            (Tag::KeyFormatType, Some(Operation::GetAttributes)) if self.generated() => Freedom::Any,
            (tag, Some(Operation::Encrypt | Operation::Sign | Operation::MAC)) if OUTPUTS.contains(&tag) => {
                // Paddings and signatures of public key algorithms are random; everything else is a function of the key.
                match (self.generated(), asymmetric) {
                    (_, true) => Freedom::Any,
                    (true, false) => Freedom::Length,
                    (false, false) => Freedom::None,
                }
            }
            (Tag::Data, Some(Operation::RNGRetrieve)) => Freedom::Length,
            // What the library is called and made by.
            (Tag::PKCS_11OutputParameters, _) => Freedom::Length,
            _ => Freedom::None,
        }
    }
}

/// Whether an item that the case does not expect may come all the same.
pub(super) fn tolerated(item: Item<'_, '_>) -> bool {
    match item.tag() {
        Tag::TemplateAttribute | Tag::LocatedItems | Tag::ResultMessage => true,
        Tag::AttributeIndex => item.integer() == Ok(0),
        _ => false,
    }
}

/// Whether an attribute that the case expects may be left out: a server may or may not put objects into groups of its own.
pub(super) fn optional(item: Item<'_, '_>) -> bool {
    let name = if item.tag() == Tag::AttributeName { Some(item) } else { find(item, Tag::AttributeName) };
    item.tag() == Tag::ObjectGroup || name.is_some_and(|name| name.text() == Ok("Object Group"))
}

/// Whether a variable stands for something new in every answer rather than for one value throughout the case.
pub(super) fn fleeting(variable: &str) -> bool {
    // Both halves of a key pair have the case's one digest.
    variable.starts_with("CORRELATION_VALUE") || variable == "DIGEST_VALUE"
}

/// Variables that a request may use although no answer shows them by name: they are the last value under the tag.
pub(super) const IMPLICIT: [(Tag, &str); 1] = [(Tag::MACData, "MAC_DATA")];

/// How many seconds a point in time may be away from the case's idea of it.
pub(super) const LATE: u64 = 120;

/// Where the outcome of cryptography stands.
const OUTPUTS: [Tag; 5] =
    [Tag::Data, Tag::SignatureData, Tag::MACData, Tag::IVCounterNonce, Tag::AuthenticatedEncryptionTag];
