//! Join Split Key: the key or secret that parts make.

use std::sync::Arc;

use strongroom_kmip::{
    attribute::{Attribute, Linked, Set},
    code::{KeyFormatType, ObjectType, ResultReason, SecretDataType},
    identifier::UniqueIdentifier,
    object::{KeyBlock, KeyMaterial, KeyValue, Object as Managed, SecretData, SplitKey},
    payload::{JoinSplitKeyRequest, JoinSplitKeyResponse},
    secret::Secret,
};

use super::{call::Call, contract::Perform, create, creation, descent, material, parts, refusal::Refusal, register};
use crate::{
    sharing::{self, MOST_PARTS, Part},
    vault::{Action, Content, Form, Object, Released},
};

impl Perform for JoinSplitKeyRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<JoinSplitKeyResponse, Refusal> {
        let secret = self.object_type == ObjectType::SecretData;
        if !secret && !matches!(self.object_type, ObjectType::SymmetricKey | ObjectType::PrivateKey) {
            let message = format!("parts make no {}", self.object_type);
            return Err(Refusal::new(ResultReason::InvalidObjectType, message));
        }
        creation::place(call, self.protection_storage_masks.as_ref())?;
        let found = gather(call, &self.unique_identifier)?;
        let (whole, format) = join(&found, self.object_type)?;
        let sources: Vec<Arc<Object>> = found.iter().map(|(object, _)| Arc::clone(object)).collect();
        let mut set = creation::gather(call, self.object_type, &[self.attributes.as_ref()])?;
        describe(&mut set, &sources)?;
        descent::keep_time(&mut set, &sources, call.vault.now().seconds())?;
        descent::keep_close(&mut set, &sources)?;
        let content = if secret {
            creation::complete(call, &mut set, ObjectType::SecretData, whole.reveal(), Some(KeyFormatType::Opaque));
            let secret_data_type = self.secret_data_type.unwrap_or(SecretDataType::Password);
            let key_block = KeyBlock::of(KeyFormatType::Opaque, whole);
            Content::Blob(material::freeze(&Managed::from(SecretData { secret_data_type, key_block })))
        } else {
            let shape = material::shape(self.object_type, &set)
                .ok_or_else(|| Refusal::missing("Cryptographic Algorithm and Length of the key"))?;
            register::key(call, &KeyBlock::of(format, whole), shape, &mut set, self.object_type)?
        };
        descent::remember(&mut set, &sources);
        let id = create::add(call, content, &mut set)?;
        call.placeholder = Some(id.clone());
        call.notes.object = Some(id.clone());
        Ok(JoinSplitKeyResponse { unique_identifier: id.as_str().into(), attributes: None })
    }
}

/// A part, as an object and as what the object holds.
type Found = (Arc<Object>, SplitKey);

/// The parts that are named. Whoever joins them could as well read them.
fn gather(call: &mut Call<'_>, named: &[UniqueIdentifier]) -> Result<Vec<Found>, Refusal> {
    if named.is_empty() {
        return Err(Refusal::missing("Unique Identifier"));
    }
    if u32::try_from(named.len()).map_or(true, |count| count > MOST_PARTS) {
        return Err(Refusal::from(sharing::Error::Counts));
    }
    let mut found = Vec::new();
    for named in named {
        let id = call.subject(Some(named))?;
        let (object, permit) = call.see(&id, Action::Read)?;
        if object.object_type() != ObjectType::SplitKey {
            return Err(Refusal::new(ResultReason::InvalidObjectType, "only Split Keys are joined"));
        }
        if object.attributes.extractable() == Some(false) {
            return Err(Refusal::new(ResultReason::NotExtractable, "the part is not extractable"));
        }
        let Released::Blob(bytes) = call.view()?.release(&object, &permit, Form::Raw)? else {
            return Err(Refusal::new(ResultReason::InvalidObjectType, "only Split Keys are joined"));
        };
        let Managed::SplitKey(split) = material::thaw(&bytes)? else {
            return Err(Refusal::new(ResultReason::InvalidObjectType, "only Split Keys are joined"));
        };
        found.push((object, split));
    }
    Ok(found)
}

/// The bytes that the parts make, and their format.
fn join(found: &[Found], wanted: ObjectType) -> Result<(Secret, KeyFormatType), Refusal> {
    let (_, first) = found.first().ok_or_else(|| Refusal::from(sharing::Error::Parts))?;
    if found.iter().any(|(_, other)| !parts::together(first, other)) {
        return Err(Refusal::from(sharing::Error::Parts));
    }
    let method = parts::method(first.split_key_method, first.split_key_polynomial, first.prime_field_size.as_ref())?;
    let threshold = u32::try_from(first.split_key_threshold).map_err(|_| Refusal::from(sharing::Error::Parts))?;
    let pieces = found.iter().map(|(_, split)| piece(split)).collect::<Result<Vec<_>, _>>()?;
    // A raw key may begin with noughts, which a number over a prime field does not tell.
    let bits = found.iter().find_map(|(object, _)| object.attributes.length());
    let length = bits.and_then(|bits| usize::try_from(bits).ok()).map(|bits| bits.div_ceil(8));
    let length = length.filter(|_| wanted == ObjectType::SymmetricKey);
    Ok((sharing::join(&method, threshold, &pieces, length)?, first.key_block.key_format_type))
}

fn piece(split: &SplitKey) -> Result<Part, Refusal> {
    let number = u32::try_from(split.key_part_identifier).map_err(|_| Refusal::from(sharing::Error::Parts))?;
    match &split.key_block.key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => {
            Ok(Part { number, bytes: bytes.duplicate() })
        }
        Some(_) => Err(Refusal::unsupported("wrapped parts are not joined")),
        None => Err(Refusal::new(ResultReason::KeyValueNotPresent, "the server does not hold the part")),
    }
}

/// What the parts say of the key, where the request does not say it. It may not say that the key does more.
fn describe(set: &mut Set, sources: &[Arc<Object>]) -> Result<(), Refusal> {
    for object in sources {
        if let (Some(wanted), Some(own)) = (set.usage_mask(), object.attributes.usage_mask())
            && wanted.0 & !own.0 != 0
        {
            let message = "the Cryptographic Usage Mask is more than that of the parts";
            return Err(Refusal::new(ResultReason::InvalidAttributeValue, message));
        }
        let told = [
            object.attributes.algorithm().map(Attribute::CryptographicAlgorithm),
            object.attributes.length().map(Attribute::CryptographicLength),
            object.attributes.usage_mask().map(Attribute::CryptographicUsageMask),
            object.attributes.domain_parameters().cloned().map(Attribute::CryptographicDomainParameters),
        ];
        told.into_iter().flatten().for_each(|attribute| creation::default(set, attribute));
        set.put(Attribute::JoinedSplitKeyPartsLink(Linked::Identifier(object.id.as_str().to_owned())));
    }
    Ok(())
}
