//! Create: a new symmetric key, made by a slot.

use strongroom_kmip::{
    attribute::{Attribute, RNGParameters, Set},
    code::KeyFormatType,
    code::{DRBGAlgorithm, ObjectType, RNGAlgorithm, ResultReason, SecretDataType},
    object::{KeyBlock, Object, SecretData},
    payload::{CreateRequest, CreateResponse},
    secret::Secret,
    ttlv::DateTime,
};

use super::{call::Call, contract::Perform, creation, material, refusal::Refusal, rules};
use crate::vault::{Content, Form, Made, New, ObjectId};

impl Perform for CreateRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<CreateResponse, Refusal> {
        creation::place(call, self.protection_storage_masks.as_ref())?;
        let mut set = creation::gather(call, self.object_type, &[Some(&self.attributes)])?;
        let id = match self.object_type {
            ObjectType::SymmetricKey => symmetric(call, &mut set)?,
            ObjectType::SecretData => secret_data(call, &mut set)?,
            other => {
                return Err(Refusal::new(ResultReason::InvalidObjectType, format!("a {other} cannot be created")));
            }
        };
        call.placeholder = Some(id.clone());
        call.notes.object = Some(id.clone());
        Ok(CreateResponse { object_type: self.object_type, unique_identifier: id.as_str().into(), attributes: None })
    }
}

fn symmetric(call: &mut Call<'_>, set: &mut Set) -> Result<ObjectId, Refusal> {
    if set.algorithm().is_none() {
        return Err(Refusal::missing("Cryptographic Algorithm"));
    }
    if set.length().is_none() {
        return Err(Refusal::missing("Cryptographic Length"));
    }
    let shape = material::shape(ObjectType::SymmetricKey, set)
        .ok_or_else(|| Refusal::invalid("no slot makes keys of this Cryptographic Algorithm"))?;
    creation::masked(call.version, set, shape)?;
    safe_enough(set)?;
    let kept = match (call.password.take(), call.derivation.take()) {
        (Some(password), Some(derivation)) => {
            call.notes.mechanism = Some(derivation.name());
            call.vault.stretch(call.slot.as_deref(), password, &derivation, shape)?
        }
        _ => {
            let Made::One(kept) = call.vault.make(call.slot.as_deref(), &material::recipe(shape))? else {
                let message = "the slot made a pair where one key was asked for";
                return Err(Refusal::new(ResultReason::GeneralFailure, message));
            };
            newborn(call, set);
            kept
        }
    };
    let shown = creation::shown(call, call.slot.as_deref(), &kept, Form::Raw)?;
    creation::describe(set, kept.shape);
    creation::complete_held(
        call,
        set,
        ObjectType::SymmetricKey,
        shown.as_ref().map(material::bytes),
        Some(KeyFormatType::Raw),
    );
    add(call, Content::Key(kept), set)
}

/// A seed or a password: random bytes that no slot works with (KMIP 1.4 §4.1).
fn secret_data(call: &mut Call<'_>, set: &mut Set) -> Result<ObjectId, Refusal> {
    let bits = set.length().ok_or_else(|| Refusal::missing("Cryptographic Length"))?;
    let length = usize::try_from(bits / 8).ok().filter(|length| (1..=LONGEST_SECRET).contains(length));
    let length = length.ok_or_else(|| Refusal::invalid("a secret has 8 to 65,536 bits"))?;
    let mut bytes = vec![0; length];
    call.vault.chance().fill(&mut bytes).map_err(|dry| Refusal::from(crate::vault::Error::from(dry)))?;
    let bytes = Secret::new(bytes);
    newborn(call, set);
    creation::complete(call, set, ObjectType::SecretData, bytes.reveal(), Some(KeyFormatType::Opaque));
    let object = Object::from(SecretData {
        secret_data_type: SecretDataType::Password,
        key_block: KeyBlock::of(KeyFormatType::Opaque, bytes),
    });
    add(call, Content::Blob(material::freeze(&object)), set)
}

/// Adds the finished object to what the call writes.
pub(super) fn add(call: &mut Call<'_>, content: Content, set: &mut Set) -> Result<ObjectId, Refusal> {
    let slot = call.slot.clone();
    add_to(call, slot.as_deref(), content, set)
}

/// The same, in the slot of this name.
pub(super) fn add_to(
    call: &mut Call<'_>,
    slot: Option<&str>,
    content: Content,
    set: &mut Set,
) -> Result<ObjectId, Refusal> {
    rules::hold(call, set)?;
    let fitted = call.vault.slot(slot)?;
    let slot = fitted.key().to_owned();
    if fitted.is_emulated() {
        set.put(Attribute::ProtectionStorageMask(fitted.protection()));
    }
    let (vault, caller) = (call.vault, call.caller);
    (call.notes.after, call.notes.generation) = (set.state(), Some(1));
    let attributes = std::mem::take(set);
    Ok(vault.add(call.change()?, caller, New { slot, content, attributes })?)
}

/// A client that asks for a key that is safe against quantum computers gets none that is not (KMIP 2.0 §4.44).
pub(super) fn safe_enough(set: &Set) -> Result<(), Refusal> {
    let asked = set.iter().any(|attribute| matches!(attribute, Attribute::QuantumSafe(true)));
    let symmetric = set.length().is_some_and(|bits| bits >= QUANTUM_SAFE_BITS);
    if asked && !symmetric {
        return Err(Refusal::new(ResultReason::GeneralFailure, "this key would not be safe against quantum computers"));
    }
    Ok(())
}

/// Says of an object that it was made here and now, and from which randomness.
pub(super) fn newborn(call: &Call<'_>, set: &mut Set) {
    set.put(Attribute::RandomNumberGenerator(generator()));
    set.put(Attribute::OriginalCreationDate(DateTime(call.vault.now().seconds())));
}

/// The generator behind every key: AWS-LC's CTR_DRBG with AES-256 (SP 800-90A).
pub(super) fn generator() -> RNGParameters {
    RNGParameters {
        rng_algorithm: RNGAlgorithm::DRBG,
        cryptographic_algorithm: Some(strongroom_kmip::code::CryptographicAlgorithm::AES),
        cryptographic_length: Some(256),
        hashing_algorithm: None,
        drbg_algorithm: Some(DRBGAlgorithm::CTR),
        recommended_curve: None,
        fips186_variation: None,
        prediction_resistance: None,
    }
}

/// More bytes than any password or seed has.
const LONGEST_SECRET: usize = 8192;
/// A symmetric key of this length keeps 128 bits against Grover's search.
const QUANTUM_SAFE_BITS: i32 = 256;
