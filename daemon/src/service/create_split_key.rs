//! Create Split Key: the parts of a key that is there, or of a new one of which only the parts are kept.

use std::sync::Arc;

use strongroom_kmip::{
    attribute::{Attribute, Linked, Set},
    code::{KeyFormatType, ObjectType, ResultReason},
    object::{KeyBlock, KeyMaterial, KeyValue, Object as Managed, SplitKey},
    payload::{CreateSplitKeyRequest, CreateSplitKeyResponse},
    secret::Secret,
    ttlv::BigInteger,
};

use super::{call::Call, contract::Perform, copy, create, creation, descent, get, material, parts, refusal::Refusal};
use crate::{
    sharing::{self, Method},
    vault::{Action, Body, Content, Form, Made, Material, Object, ObjectId, Released},
};

impl Perform for CreateSplitKeyRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<CreateSplitKeyResponse, Refusal> {
        if self.object_type != ObjectType::SplitKey {
            let message = format!("a key is split into Split Keys, not into a {}", self.object_type);
            return Err(Refusal::new(ResultReason::InvalidObjectType, message));
        }
        let polynomial = self.split_key_polynomial.or(parts::polynomial(call.version, self.split_key_method));
        let method = parts::method(self.split_key_method, polynomial, self.prime_field_size.as_ref())?;
        let count = u32::try_from(self.split_key_parts).map_err(|_| Refusal::invalid("Split Key Parts is negative"))?;
        let threshold =
            u32::try_from(self.split_key_threshold).map_err(|_| Refusal::invalid("Split Key Threshold is negative"))?;
        let mut set = creation::gather(call, ObjectType::SplitKey, &[self.attributes.as_ref()])?;
        if set.names().next().is_some() && count > 1 {
            return Err(Refusal::new(ResultReason::NonUniqueNameAttribute, "not every part can have the same Name"));
        }
        let whole = match &self.unique_identifier {
            Some(named) => {
                let id = call.subject(Some(named))?;
                existing(call, &id, &mut set)?
            }
            None => fresh(call, &mut set)?,
        };
        let made = sharing::split(&whole.bytes, &method, count, threshold, call.vault.chance())?;
        let mut ids = Vec::new();
        for part in made {
            let number = i32::try_from(part.number).map_err(|_| Refusal::from(sharing::Error::Counts))?;
            let mut own = set.clone();
            creation::complete(call, &mut own, ObjectType::SplitKey, part.bytes.reveal(), Some(whole.format));
            descent::remember(&mut own, whole.source.as_slice());
            let key_block = KeyBlock {
                cryptographic_algorithm: set.algorithm(),
                cryptographic_length: set.length(),
                ..KeyBlock::of(whole.format, part.bytes)
            };
            let object = Managed::from(SplitKey {
                split_key_parts: self.split_key_parts,
                key_part_identifier: number,
                split_key_threshold: self.split_key_threshold,
                split_key_method: self.split_key_method,
                split_key_polynomial: polynomial,
                prime_field_size: prime(&method),
                key_block,
            });
            ids.push(create::add(call, Content::Blob(material::freeze(&object)), &mut own)?);
        }
        call.placeholder = ids.first().cloned();
        call.notes.object = whole.source.map(|source| source.id.clone()).or(ids.first().cloned());
        Ok(CreateSplitKeyResponse {
            unique_identifier: ids.iter().map(|id| id.as_str().into()).collect(),
            attributes: None,
        })
    }
}

fn prime(method: &Method) -> Option<BigInteger> {
    match method {
        Method::Prime(prime) => Some(BigInteger::positive(prime)),
        Method::Xor | Method::Octets(_) | Method::Pairs(_) => None,
    }
}

/// What is split.
struct Whole {
    bytes: Secret,
    format: KeyFormatType,
    source: Option<Arc<Object>>,
}

/// A key that is there: whoever may read it may split it, and its parts are kept as closely as itself.
fn existing(call: &mut Call<'_>, id: &ObjectId, set: &mut Set) -> Result<Whole, Refusal> {
    let (object, permit) = call.see(id, Action::Read)?;
    if object.is_destroyed() {
        return Err(Refusal::new(ResultReason::ObjectDestroyed, "the object is destroyed"));
    }
    if object.attributes.extractable() == Some(false) {
        return Err(Refusal::new(ResultReason::NotExtractable, "the object is not extractable"));
    }
    copy::may_double(&object.attributes)?;
    get::untrusting(&object)?;
    let (bytes, format) = match object.body {
        Body::Key(shape) => {
            let format = material::default_format(shape);
            match call.view()?.release(&object, &permit, material::form(format, shape)?)? {
                Released::Key(
                    Material::Raw(bytes)
                    | Material::Pkcs8(bytes)
                    | Material::Pkcs1Private(bytes)
                    | Material::Sec1(bytes),
                ) => (bytes, format),
                Released::Key(_) | Released::Blob(_) => return Err(unsplittable()),
            }
        }
        Body::Blob => match call.view()?.release(&object, &permit, Form::Raw)? {
            Released::Blob(bytes) => secret_data(&material::thaw(&bytes)?)?,
            Released::Key(_) => return Err(unsplittable()),
        },
        Body::Gone => return Err(unsplittable()),
    };
    // What the key says of itself goes before what the request says (KMIP 2.1 §6.1.10).
    let told = [
        object.attributes.algorithm().map(Attribute::CryptographicAlgorithm),
        object.attributes.length().map(Attribute::CryptographicLength),
        object.attributes.usage_mask().map(Attribute::CryptographicUsageMask),
        object.attributes.domain_parameters().cloned().map(Attribute::CryptographicDomainParameters),
        Some(Attribute::SplitKeyBaseLink(Linked::Identifier(id.as_str().to_owned()))),
    ];
    told.into_iter().flatten().for_each(|attribute| set.put(attribute));
    descent::keep_time(set, &[Arc::clone(&object)], call.vault.now().seconds())?;
    descent::keep_close(set, &[Arc::clone(&object)])?;
    Ok(Whole { bytes, format, source: Some(object) })
}

fn secret_data(managed: &Managed) -> Result<(Secret, KeyFormatType), Refusal> {
    let Managed::SecretData(secret) = managed else { return Err(unsplittable()) };
    match &secret.key_block.key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => {
            Ok((bytes.duplicate(), secret.key_block.key_format_type))
        }
        Some(_) => Err(unsplittable()),
        None => Err(Refusal::new(ResultReason::KeyValueNotPresent, "the server does not hold the secret")),
    }
}

/// A new key, of which only the parts are kept.
fn fresh(call: &Call<'_>, set: &mut Set) -> Result<Whole, Refusal> {
    if set.algorithm().is_none() {
        return Err(Refusal::missing("Cryptographic Algorithm"));
    }
    if set.length().is_none() {
        return Err(Refusal::missing("Cryptographic Length"));
    }
    let shape = material::shape(ObjectType::SymmetricKey, set)
        .ok_or_else(|| Refusal::invalid("no slot makes keys of this Cryptographic Algorithm to be split"))?;
    creation::masked(call.version, set, shape)?;
    let made = call.vault.make(call.slot.as_deref(), &material::recipe(shape))?;
    let Made::One(kept) = made else { return Err(unsplittable()) };
    let Material::Raw(bytes) = call.vault.give(call.slot.as_deref(), &kept, Form::Raw)? else {
        return Err(unsplittable());
    };
    create::newborn(call, set);
    Ok(Whole { bytes, format: KeyFormatType::Raw, source: None })
}

fn unsplittable() -> Refusal {
    Refusal::new(ResultReason::InvalidObjectType, "only keys and secrets that are here in the plain are split")
}
