//! Derive Key: a key or a secret out of keys and secrets.

use std::{iter, sync::Arc};

use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Link, Set},
    code::{
        BlockCipherMode, DerivationMethod, KeyFormatType, LinkType, ObjectType, OpaqueDataType, ResultReason,
        SecretDataType,
    },
    mechanism::Hash,
    object::{KeyBlock, KeyMaterial, KeyValue, Object as Managed, OpaqueObject, SecretData},
    payload::{DerivationParameters, DeriveKeyRequest, DeriveKeyResponse},
    secret::Secret,
};

use super::{
    call::{Call, Instead},
    contract::Perform,
    create, creation, descent, guard, material,
    parameters::{self, Given},
    refusal::Refusal,
    usage::Part,
};
use crate::vault::{
    Action, Base, Content, Derivation, Family, Finish, Form, Function, Kept, Material, Method, Object, ObjectId,
    Operand, Peer, Purpose, Shape, Step,
};

impl Perform for DeriveKeyRequest {
    fn perform(self, call: &mut Call<'_>) -> Result<DeriveKeyResponse, Refusal> {
        let share = call.share.take().unwrap_or_default();
        let is_data = self.object_type == ObjectType::OpaqueObject && share.data.is_some();
        if !is_data && !matches!(self.object_type, ObjectType::SymmetricKey | ObjectType::SecretData) {
            let message = format!("a {} cannot be derived", self.object_type);
            return Err(Refusal::new(ResultReason::InvalidObjectType, message));
        }
        if self.unique_identifier.is_empty() || self.unique_identifier.len() > MOST_BASES {
            return Err(Refusal::invalid("something is derived from one or two objects"));
        }
        let mut bases = Vec::new();
        for named in &self.unique_identifier {
            let id = call.subject(Some(named))?;
            let base = call.view()?.base(call.caller, &id)?;
            guard::uses(call.seen, base.object(), Purpose::Derive)?;
            call.count(&id, Purpose::Derive, Part::First)?;
            let bytes = secret_data(&base)?;
            bases.push((base, bytes));
        }
        let wanted = iter::once(self.attributes.as_ref()).chain(share.others.iter().map(Some));
        let sets = wanted.map(|wanted| creation::gather(call, self.object_type, &[wanted]));
        let sets = sets.collect::<Result<Vec<Set>, Refusal>>()?;
        let lengths = match share.data {
            Some((length, _)) => vec![length],
            None => sets.iter().map(length).collect::<Result<Vec<usize>, Refusal>>()?,
        };
        let pieces = share.lay(&lengths)?;
        let said = call.derivation.take();
        let ((base, bytes), others) = match (&said, bases.as_slice()) {
            // A front that knows the derivation names the key first.
            (Some(_), [key, others @ ..]) => (key, others.first()),
            _ => chosen(&bases)?,
        };
        let closely = |(base, _): &Source| base.object().is_kept_closely();
        // What is short can be guessed, and tells so much of what it was made of.
        if lengths.iter().any(|length| *length < SHORTEST) && bases.iter().any(closely) {
            return Err(Refusal::invalid(
                "nothing shorter than 112 bits is derived from what is sensitive or unextractable",
            ));
        }
        if let (DerivationMethod::ENCRYPT, Some((data, _))) = (self.derivation_method, others) {
            readable(call, data.object())?;
        }
        let derivation = match said {
            Some(said) => completed(said, others)?,
            None => derivation(call, self.derivation_method, self.derivation_parameters, base, others)?,
        };
        if derivation.is_whole() && bases.iter().any(closely) && pieces.whole < whole(&bases) {
            return Err(Refusal::invalid("of what is sensitive or unextractable all goes into what is derived"));
        }
        let shape = match base.content() {
            Content::Key(kept) => kept.shape,
            Content::Blob(_) => Shape::Symmetric { family: Family::Hmac, bits: 0 },
        };
        call.notes.mechanism = Some(derivation.name_from(shape));
        let open = |(base, _): &Source| call.vault.derives_openly(&base.object().slot, &derivation, shape);
        let openly = bases.iter().all(open);
        // What is given out beside the keys is of the same making: whoever chooses where it is cut could have any of it.
        if share.beside > 0 && !openly && bases.iter().any(closely) {
            let message = "of what is derived from something sensitive or unextractable nothing is given out";
            return Err(Refusal::new(ResultReason::NotExtractable, message));
        }
        if share.beside > 0 && call.guards_export {
            return Err(Refusal::held("where people approve what leaves, nothing is given out beside derived keys"));
        }
        let secret = match derivation {
            Derivation::Encapsulation(finish) => {
                let (ciphertext, secret) = base.encapsulate(&finish, pieces.whole)?;
                call.instead = Some(Instead::Beside(ciphertext));
                secret
            }
            derivation => base.derive(bytes.as_ref(), &derivation, pieces.whole)?,
        };
        let sources: Vec<Arc<Object>> = bases.iter().map(|(base, _)| base.shared()).collect();
        let (secrets, beside) = pieces.cut(&secret)?;
        let made = sets.into_iter().zip(secrets);
        let made = made.map(|(set, secret)| keep(call, (self.object_type, share.data), set, secret, &sources, openly));
        let made = made.collect::<Result<Vec<ObjectId>, Refusal>>()?;
        let Some((id, others)) = made.split_first() else {
            return Err(Refusal::invalid("nothing was to be derived"));
        };
        if !beside.is_empty() {
            call.notes.output = u64::try_from(beside.len()).ok();
        }
        call.notes.others = others.iter().map(ToString::to_string).collect();
        if !others.is_empty() || !beside.is_empty() {
            call.instead = Some(Instead::Shared(others.to_vec(), beside));
        }
        call.placeholder = Some(id.clone());
        call.notes.object = Some(id.clone());
        call.notes.count = u64::try_from(made.len()).ok();
        Ok(DeriveKeyResponse { unique_identifier: id.as_str().into(), attributes: None })
    }
}

/// Bytes of what is asked for.
fn length(set: &Set) -> Result<usize, Refusal> {
    let bits = set.length().ok_or_else(|| Refusal::missing("Cryptographic Length"))?;
    let length = usize::try_from(bits).ok().filter(|bits| bits.is_multiple_of(8)).map(|bits| bits / 8);
    length.ok_or_else(|| Refusal::invalid("something is derived in whole bytes"))
}

/// Adds what was derived from these objects to what the call writes.
fn keep(
    call: &mut Call<'_>,
    (object, data): (ObjectType, Option<(usize, OpaqueDataType)>),
    mut set: Set,
    secret: Secret,
    sources: &[Arc<Object>],
    openly: bool,
) -> Result<ObjectId, Refusal> {
    if data.is_some() {
        // Data are read by whoever sees them; what is kept closely does not become such.
        set.put(Attribute::Sensitive(false));
        set.put(Attribute::Extractable(true));
    }
    match openly {
        true => descent::inherit(&mut set, sources),
        false => descent::keep_close(&mut set, sources)?,
    }
    for source in sources {
        set.put(Attribute::Link(Link::to(LinkType::DerivationBaseObjectLink, source.id.as_str())));
    }
    let content = match (object, data) {
        (_, Some((_, kind))) => opaque(call, &mut set, kind, secret),
        (ObjectType::SymmetricKey, _) => symmetric(call, &mut set, secret)?,
        _ => secret_of(call, &mut set, secret),
    };
    descent::remember(&mut set, sources);
    let id = create::add(call, content, &mut set)?;
    for source in sources {
        descent::has_derived(call, &source.id, &id)?;
    }
    Ok(id)
}

/// A base, and its bytes where it is Secret Data.
type Source = (Base, Option<Secret>);

/// What is derived from, and what else was named: Secret Data beside a key are data (KMIP 2.1 §7.12).
fn chosen(bases: &[Source]) -> Result<(&Source, Option<&Source>), Refusal> {
    match bases {
        [one] => Ok((one, None)),
        [data @ (_, Some(_)), key @ (_, None)] => Ok((key, Some(data))),
        [key, other] => match (key.0.content(), other.0.content()) {
            (Content::Key(first), Content::Key(second)) => match (first.shape, second.shape) {
                (Shape::Public(_), Shape::Private(_)) => Ok((other, Some(key))),
                _ => Ok((key, Some(other))),
            },
            _ => Ok((key, Some(other))),
        },
        _ => Err(Refusal::invalid("something is derived from one or two objects")),
    }
}

/// The derivation with the key that was named second in its place.
fn completed(mut said: Derivation, other: Option<&Source>) -> Result<Derivation, Refusal> {
    match (other, said.takes_second()) {
        (None, false) => Ok(said),
        (Some((base, bytes)), true) => {
            match (base.content(), bytes) {
                (Content::Key(kept), _) => said.put_second(kept),
                (Content::Blob(_), Some(bytes)) => {
                    let shape = Shape::Symmetric { family: Family::Hmac, bits: bytes.len().saturating_mul(8) };
                    said.put_second(&Kept { shape, held: bytes.duplicate() });
                }
                (Content::Blob(_), None) => return Err(Refusal::invalid("only keys and secrets are derived from")),
            }
            Ok(said)
        }
        (None, true) => Err(Refusal::missing("Unique Identifier of the second key")),
        (Some(_), false) => Err(Refusal::invalid("this is derived from one key")),
    }
}

/// Bytes of everything that is derived from.
fn whole(bases: &[Source]) -> usize {
    let length = |(base, bytes): &Source| match (base.content(), bytes) {
        (Content::Key(Kept { shape: Shape::Symmetric { bits, .. }, .. }), _) => bits.div_ceil(8),
        (_, bytes) => bytes.as_ref().map_or(0, Secret::len),
    };
    bases.iter().map(length).fold(0, usize::saturating_add)
}

/// Whoever has something encrypted and may decrypt it has it: that takes the right to read it.
fn readable(call: &mut Call<'_>, data: &Object) -> Result<(), Refusal> {
    call.see(&data.id, Action::Read)?;
    if data.attributes.extractable() == Some(false) {
        return Err(Refusal::new(ResultReason::NotExtractable, "the data to encrypt are not extractable"));
    }
    Ok(())
}

/// The bytes of Secret Data; nothing for a key that a slot works with.
fn secret_data(base: &Base) -> Result<Option<Secret>, Refusal> {
    let Content::Blob(bytes) = base.content() else { return Ok(None) };
    let managed = material::thaw(bytes)?;
    let value = match &managed {
        Managed::SecretData(secret) => secret.key_block.key_value.as_ref(),
        _ => return Err(Refusal::new(ResultReason::InvalidObjectType, "nothing is derived from such an object")),
    };
    match value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => Ok(Some(bytes.duplicate())),
        Some(_) => Err(Refusal::unsupported("nothing is derived from a wrapped secret")),
        None => Err(Refusal::new(ResultReason::KeyValueNotPresent, "the server does not hold the secret")),
    }
}

fn derivation(
    call: &Call<'_>,
    method: DerivationMethod,
    mut given: DerivationParameters,
    base: &Base,
    other: Option<&Source>,
) -> Result<Derivation, Refusal> {
    let explicit = std::mem::take(&mut given.derivation_data);
    let own = parameters::of(given.cryptographic_parameters.take(), base.object());
    let hash = parameters::hash(&own)?;
    let of_key = base.object().attributes.algorithm().and_then(Hash::of_mac);
    let keyed = of_key.or(hash).ok_or_else(|| Refusal::missing("Hashing Algorithm"));
    let salt = given.salt.take().unwrap_or_else(|| Secret::copy_of(&[]));
    if method == DerivationMethod::AsymmetricKey {
        return agreement(call, &explicit, other);
    }
    let implicit = match other {
        None => None,
        Some((_, Some(bytes))) => Some(bytes.duplicate()),
        Some(_) => return Err(Refusal::invalid("beside the key, only Secret Data are derived from")),
    };
    let data = Input { explicit, implicit };
    match method {
        DerivationMethod::PBKDF2 => {
            data.none()?;
            let iterations = given.iteration_count.ok_or_else(|| Refusal::missing("Iteration Count"))?;
            let iterations = u32::try_from(iterations).map_err(|_| Refusal::invalid("Iteration Count is negative"))?;
            if salt.is_empty() {
                return Err(Refusal::missing("Salt"));
            }
            // RFC 8018's own default, and what a client means that names none.
            Ok(Derivation::Pbkdf2 { hash: of_key.or(hash).unwrap_or(Hash::Sha1), salt, iterations })
        }
        DerivationMethod::HASH => {
            data.none()?;
            Ok(Derivation::Digest(hash.ok_or_else(|| Refusal::missing("Hashing Algorithm"))?))
        }
        DerivationMethod::HMAC => Ok(Derivation::Hmac { hash: keyed?, data: data.one()? }),
        DerivationMethod::ENCRYPT => {
            let Content::Key(kept) = base.content() else {
                return Err(Refusal::new(ResultReason::InvalidObjectType, "only a key encrypts"));
            };
            let iv = given.initialization_vector.map(|iv| iv.0);
            encryption(&own, kept.shape, iv, data.one()?)
        }
        DerivationMethod::NIST800_108_C => Ok(Derivation::chain(Method::Counter, function(&own, keyed)?, data.one()?)),
        DerivationMethod::NIST800_108_F => {
            let start = given.initialization_vector.map(|iv| iv.0).unwrap_or_default();
            Ok(Derivation::chain(Method::Feedback(start), function(&own, keyed)?, data.one()?))
        }
        DerivationMethod::NIST800_108_DPI => {
            Ok(Derivation::chain(Method::Pipeline, function(&own, keyed)?, data.one()?))
        }
        DerivationMethod::HKDF => {
            let info = data.optional()?.unwrap_or_else(|| Secret::copy_of(&[]));
            let salt = Operand::Bytes(salt);
            Ok(Derivation::Hkdf { step: Step::Both, hash: hash.unwrap_or(Hash::Sha256), salt, info })
        }
        DerivationMethod::AWSSignatureVersion4 => data.aws(),
        _ => Err(Refusal::unsupported("this Derivation Method is not served")),
    }
}

/// The data of a derivation: those that the request brings, or Secret Data that it names, never both.
struct Input {
    explicit: Vec<Secret>,
    implicit: Option<Secret>,
}

impl Input {
    fn optional(self) -> Result<Option<Secret>, Refusal> {
        match (<[Secret; 1]>::try_from(self.explicit), self.implicit) {
            (Ok([data]), None) => Ok(Some(data)),
            (Err(none), implicit) if none.is_empty() => Ok(implicit),
            (Err(_), _) => Err(Refusal::invalid("this method takes Derivation Data once")),
            (Ok(_), Some(_)) => Err(Refusal::invalid("Derivation Data are given twice: as bytes and as Secret Data")),
        }
    }

    fn one(self) -> Result<Secret, Refusal> {
        self.optional()?.ok_or_else(|| Refusal::missing("Derivation Data"))
    }

    fn none(self) -> Result<(), Refusal> {
        match self.optional()? {
            None => Ok(()),
            Some(_) => Err(Refusal::invalid("this method takes a key or a secret and no Derivation Data")),
        }
    }

    fn aws(self) -> Result<Derivation, Refusal> {
        let [date, region, service] = <[Secret; 3]>::try_from(self.explicit)
            .map_err(|_| Refusal::missing("Derivation Data for date, region and service"))?;
        if self.implicit.is_some() {
            return Err(Refusal::invalid("this method derives from one secret"));
        }
        Ok(Derivation::Aws { date, region, service })
    }
}

/// The pseudorandom function of SP 800-108: HMAC, unless the parameters say CMAC.
fn function(own: &CryptographicParameters, keyed: Result<Hash, Refusal>) -> Result<Function, Refusal> {
    match own.block_cipher_mode {
        Some(BlockCipherMode::CMAC) => Ok(Function::Cmac),
        _ => keyed.map(Function::Hmac),
    }
}

/// Encryption as a derivation. A mode that authenticates would use its nonce twice where the same is derived twice.
fn encryption(
    own: &CryptographicParameters,
    shape: Shape,
    iv: Option<Vec<u8>>,
    data: Secret,
) -> Result<Derivation, Refusal> {
    let plain = matches!(
        own.block_cipher_mode,
        Some(
            BlockCipherMode::ECB
                | BlockCipherMode::CBC
                | BlockCipherMode::CFB
                | BlockCipherMode::OFB
                | BlockCipherMode::CTR
        )
    );
    if !plain {
        let message = "a key is derived by encryption in ECB, CBC, CFB, OFB or CTR, named in the request";
        return Err(Refusal::new(ResultReason::UnsupportedCryptographicParameters, message));
    }
    let iv = iv.or_else(|| parameters::iv_length(own, shape).map(|length| vec![0; length]));
    let mechanism = parameters::cipher(own, shape, Given { iv, additional: Vec::new() })?;
    Ok(Derivation::Encrypt { mechanism, data })
}

/// Key agreement with the public key that was named beside the private one.
fn agreement(call: &Call<'_>, data: &[Secret], other: Option<&Source>) -> Result<Derivation, Refusal> {
    let public = match other.map(|(base, _)| (base, base.content())) {
        Some((base, Content::Key(kept))) if matches!(kept.shape, Shape::Public(_)) && data.is_empty() => {
            call.vault.give(Some(&base.object().slot), kept, Form::PublicKeyInfo)?
        }
        _ => return Err(Refusal::invalid("keys are agreed on between a private and a public key, without other data")),
    };
    match public {
        Material::PublicKeyInfo(info) => Ok(Derivation::Agreement { peer: Peer::Info(info), finish: Finish::First }),
        _ => Err(Refusal::new(ResultReason::GeneralFailure, "the slot gave no public key")),
    }
}

fn symmetric(call: &Call<'_>, set: &mut Set, secret: Secret) -> Result<Content, Refusal> {
    if set.algorithm().is_none() {
        return Err(Refusal::missing("Cryptographic Algorithm"));
    }
    let shape = material::shape(ObjectType::SymmetricKey, set)
        .ok_or_else(|| Refusal::invalid("no slot has keys of this Cryptographic Algorithm"))?;
    creation::masked(call.version, set, shape)?;
    let material = Material::Raw(secret);
    let kept = call.vault.take(call.slot.as_deref(), shape, &material)?;
    creation::describe(set, kept.shape);
    let bytes = material::bytes(&material);
    creation::complete(call, set, ObjectType::SymmetricKey, bytes, Some(KeyFormatType::Raw));
    Ok(Content::Key(kept))
}

fn secret_of(call: &Call<'_>, set: &mut Set, secret: Secret) -> Content {
    creation::complete(call, set, ObjectType::SecretData, secret.reveal(), Some(KeyFormatType::Opaque));
    let key_block = KeyBlock::of(KeyFormatType::Opaque, secret);
    let object = Managed::from(SecretData { secret_data_type: SecretDataType::Seed, key_block });
    Content::Blob(material::freeze(&object))
}

fn opaque(call: &Call<'_>, set: &mut Set, kind: OpaqueDataType, secret: Secret) -> Content {
    set.put(Attribute::OpaqueDataType(kind));
    creation::complete(call, set, ObjectType::OpaqueObject, secret.reveal(), Some(KeyFormatType::Opaque));
    let object = Managed::from(OpaqueObject { opaque_data_type: kind, opaque_data_value: secret });
    Content::Blob(material::freeze(&object))
}

/// Bytes, at least, of what is derived from something that is kept closely: as strong as the weakest key that is served.
const SHORTEST: usize = 14;

/// A key and the data, or the two keys of an agreement.
const MOST_BASES: usize = 2;
