//! How a step is said in KMIP.

use strongroom_kmip::{
    attribute::{
        Attribute, CryptographicParameters, Listed, Name, One, Reference, References, RevocationReason, Standard,
        Template, UsageLimits,
    },
    code::{BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask as Mask, ObjectType, UsageLimitsUnit},
    identifier::UniqueIdentifier,
    operation::Request,
    payload::*,
    secret::Secret,
    ttlv::DateTime,
};

use super::{
    step::{MOST, Step, Wish},
    thing::LIMIT,
    walk::Walk,
};

impl Walk<'_> {
    /// The request that says a step, unless there is nothing to say it of.
    pub(super) fn request(&self, step: Step) -> Option<Request> {
        let id = |which: usize| self.things.get(which).map(|thing| Some(UniqueIdentifier::from(thing.id.as_str())));
        Some(match step {
            Step::Create(_) | Step::ReKey(_) if self.things.len() == MOST => return None,
            Step::Create(wish) => CreateRequest {
                object_type: ObjectType::SymmetricKey,
                attributes: Template {
                    names: Vec::new(),
                    attributes: self.wished(wish).into_iter().map(Into::into).collect(),
                },
                protection_storage_masks: None,
            }
            .into(),
            Step::Activate(which) => ActivateRequest { unique_identifier: id(which)? }.into(),
            Step::Revoke(which, code) => RevokeRequest {
                unique_identifier: id(which)?,
                revocation_reason: RevocationReason { revocation_reason_code: code, revocation_message: None },
                compromise_occurrence_date: None,
            }
            .into(),
            Step::Destroy(which) => DestroyRequest { unique_identifier: id(which)? }.into(),
            Step::Get(which) => GetRequest { unique_identifier: id(which)?, ..GetRequest::default() }.into(),
            Step::Export(which) => ExportRequest { unique_identifier: id(which)?, ..ExportRequest::default() }.into(),
            Step::Look(which) => {
                GetAttributesRequest { unique_identifier: id(which)?, attribute_reference: References(vec![]) }.into()
            }
            Step::Encrypt(which) => EncryptRequest {
                unique_identifier: id(which)?,
                data: Some(Secret::copy_of(PLAIN)),
                ..EncryptRequest::default()
            }
            .into(),
            Step::Seal(which, nonce) => EncryptRequest {
                unique_identifier: id(which)?,
                cryptographic_parameters: Some(CryptographicParameters {
                    block_cipher_mode: Some(BlockCipherMode::GCM),
                    tag_length: Some(16),
                    ..CryptographicParameters::default()
                }),
                data: Some(Secret::copy_of(PLAIN)),
                iv_counter_nonce: Some(vec![nonce; 12].into()),
                ..EncryptRequest::default()
            }
            .into(),
            Step::Decrypt(which) => {
                let sealed = self.things.get(which)?.sealed.clone()?;
                DecryptRequest {
                    unique_identifier: id(which)?,
                    data: Some(sealed.data.into()),
                    iv_counter_nonce: sealed.nonce.map(Into::into),
                    authenticated_encryption_tag: sealed.tag.map(Into::into),
                    ..DecryptRequest::default()
                }
                .into()
            }
            Step::Rename(which, name) => ModifyAttributeRequest {
                unique_identifier: id(which)?,
                current_attribute: None,
                new_attribute: One(self.name(name).into()),
            }
            .into(),
            Step::Note(which, Some(value)) => set(id(which)?, Attribute::Comment(value.to_string())),
            Step::Note(which, None) => DeleteAttributeRequest {
                unique_identifier: id(which)?,
                attribute_name: None,
                attribute_index: None,
                current_attribute: None,
                attribute_reference: Some(Reference(Standard::Comment.into())),
            }
            .into(),
            Step::Schedule(which, after) => set(id(which)?, Attribute::DeactivationDate(DateTime(self.now() + after))),
            Step::Archive(which) => ArchiveRequest { unique_identifier: id(which)? }.into(),
            Step::Recover(which) => RecoverRequest { unique_identifier: id(which)? }.into(),
            Step::Lease(which) => ObtainLeaseRequest { unique_identifier: id(which)? }.into(),
            Step::Allocate(which, count) => {
                GetUsageAllocationRequest { unique_identifier: id(which)?, usage_limits_count: count }.into()
            }
            Step::ReKey(which) => ReKeyRequest {
                unique_identifier: id(which)?,
                offset: None,
                attributes: None,
                protection_storage_masks: None,
            }
            .into(),
            Step::Locate(name, state, storage) => {
                let filters = [Some(self.name(name)), state.map(Attribute::State)];
                LocateRequest {
                    storage_status_mask: storage,
                    attributes: Listed(filters.into_iter().flatten().map(Into::into).collect()),
                    ..LocateRequest::default()
                }
                .into()
            }
        })
    }

    fn wished(&self, wish: Wish) -> Vec<Attribute> {
        let now = self.now();
        let mut attributes = vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(MASKS[usize::from(wish.mask)]),
            Attribute::Sensitive(wish.sensitive),
            Attribute::Extractable(wish.extractable),
            self.name(wish.name),
        ];
        attributes.extend(wish.activation.map(|after| Attribute::ActivationDate(DateTime(now + after))));
        let end = wish.activation.and(wish.life);
        attributes.extend(end.map(|after| Attribute::DeactivationDate(DateTime(now + after))));
        if wish.limited {
            attributes.push(Attribute::UsageLimits(limits(LIMIT)));
        }
        attributes
    }

    pub(super) fn name(&self, name: u8) -> Attribute {
        Attribute::Name(Name::text(&format!("{} {name}", self.number)))
    }
}

/// The limits of a key that may still be used so often.
pub(super) fn limits(left: i64) -> UsageLimits {
    UsageLimits {
        usage_limits_total: LIMIT,
        usage_limits_count: Some(left),
        usage_limits_unit: UsageLimitsUnit::Object,
    }
}

fn set(unique_identifier: Option<UniqueIdentifier>, attribute: Attribute) -> Request {
    SetAttributeRequest { unique_identifier, new_attribute: One(attribute.into()) }.into()
}

/// Uses that a key may be made for.
pub(super) const MASKS: [Mask; 4] = [Mask(0), Mask::Encrypt, Mask::Decrypt, Mask(Mask::Encrypt.0 | Mask::Decrypt.0)];

pub(super) const PLAIN: &[u8] = b"sixteen bytes it";
