//! Keys that leave under another key, and keys that come under one.

use strongroom_kmip::{
    attribute::Attribute as Kmip,
    code::{self, EncodingOption, KeyFormatType, ResultReason, WrappingMethod},
    mechanism::{Mechanism as Way, Work},
    object::{
        EncryptionKeyInformation, KeyBlock, KeyValue, KeyWrappingData, KeyWrappingSpecification, Object as Managed,
        PrivateKey, SymmetricKey,
    },
    payload::{GetRequest, RegisterRequest},
    secret::Secret,
    ttlv::Bytes,
};
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::Value,
    call::{Message, answer, request},
    mechanism::Parameter,
    number::{KeyType, MechanismFlags, ObjectClass},
    value::{Bytes as Plain, Output, Wiped},
};

use super::{contract::Serve, create, sealing, slot};
use crate::{
    front::pkcs11::{
        attribute,
        desk::Desk,
        mechanism,
        object::{self, View},
        refusal::{About, Failure},
        session::Standing,
        template::{self, Wishes},
        translate,
    },
    service::{Object, ObjectId, Offered, Purpose, Shape},
};

impl Serve for request::WrapKey {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::WrapKey), Rv> {
        let under = Under::of(desk, self.session, self.wrapping)?;
        let (way, offered) = way(desk, &under, &self.mechanism, MechanismFlags::WRAP)?;
        let wrapped =
            match wrap(desk, self.session, &under, (way, offered), self.key, |length| self.room.check(length))? {
                Ok(wrapped) => wrapped,
                Err((rv, output)) => return Ok((rv, answer::WrapKey { output })),
            };
        Ok((Rv::OK, answer::WrapKey { output: Output::Bytes(Wiped::from(&wrapped[..])) }))
    }
}

impl Serve for request::WrapKeyAuthenticated {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::WrapKeyAuthenticated), Rv> {
        let under = Under::of(desk, self.session, self.wrapping)?;
        let nonce = sealing::nonce(desk, &self.message, None)?;
        let (way, offered) = sealed(desk, &under, self.mechanism, &self.message, &nonce, MechanismFlags::WRAP)?;
        let tag = way.tag();
        let room = |length: usize| self.room.check(length.saturating_sub(tag));
        let wrapped = match wrap(desk, self.session, &under, (way, offered), self.key, room)? {
            Ok(wrapped) => wrapped,
            Err((rv, output)) => {
                let nothing = Plain::default;
                return Ok((rv, answer::WrapKeyAuthenticated { output, nonce: nothing(), tag: nothing() }));
            }
        };
        let (output, tag) = sealing::split(&Secret::new(wrapped), tag)?;
        Ok((Rv::OK, answer::WrapKeyAuthenticated { output, nonce: Plain(nonce), tag }))
    }
}

impl Serve for request::UnwrapKey {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::UnwrapKey), Rv> {
        let handle = Rv::UNWRAPPING_KEY_HANDLE_INVALID;
        let (standing, id) = desk.application.object(self.session, self.unwrapping, handle)?;
        let under = Under { standing, id };
        let ways = way(desk, &under, &self.mechanism, MechanismFlags::UNWRAP)?;
        let key = unwrap(desk, self.session, &under, ways, self.wrapped.to_vec(), self.template)?;
        Ok((Rv::OK, answer::UnwrapKey { key }))
    }
}

impl Serve for request::UnwrapKeyAuthenticated {
    fn serve(self, desk: &Desk<'_>) -> Result<(Rv, answer::UnwrapKeyAuthenticated), Rv> {
        let handle = Rv::UNWRAPPING_KEY_HANDLE_INVALID;
        let (standing, id) = desk.application.object(self.session, self.unwrapping, handle)?;
        let under = Under { standing, id };
        let ways = sealed(desk, &under, self.mechanism, &self.message, &self.message.nonce, MechanismFlags::UNWRAP)?;
        if self.tag.len() != ways.0.tag() {
            return Err(Rv::MECHANISM_PARAM_INVALID);
        }
        let wrapped = [&self.wrapped[..], &self.tag[..]].concat();
        let key = unwrap(desk, self.session, &under, ways, wrapped, self.template)?;
        Ok((Rv::OK, answer::UnwrapKeyAuthenticated { key }))
    }
}

/// The key that another one is wrapped under.
struct Under {
    standing: Standing,
    id: ObjectId,
}

impl Under {
    fn of(desk: &Desk<'_>, session: u64, wrapping: u64) -> Result<Self, Rv> {
        let found = desk.application.object(session, wrapping, Rv::WRAPPING_KEY_HANDLE_INVALID);
        found.map(|(standing, id)| Self { standing, id })
    }
}

/// Wraps a key. `room` is asked before, where the length is known, and after; what it refuses is the answer.
fn wrap(
    desk: &Desk<'_>,
    session: u64,
    under: &Under,
    (way, offered): (Way, Offered),
    key: u64,
    room: impl Fn(usize) -> Result<(), (Rv, Output)>,
) -> Result<Result<Vec<u8>, (Rv, Output)>, Rv> {
    let (handle, wrapping) = (Rv::WRAPPING_KEY_HANDLE_INVALID, &under.id);
    let (_, id) = desk.application.object(session, key, Rv::KEY_HANDLE_INVALID)?;
    let prepared = desk.house.service.prepare(desk.caller, wrapping, Purpose::Wrap, &way);
    let prepared = prepared.map_err(|refusal| match desk.refuse(GET, wrapping, refusal, About::Key) {
        Rv::KEY_HANDLE_INVALID => handle,
        Rv::MECHANISM_INVALID => Rv::WRAPPING_KEY_TYPE_INCONSISTENT,
        rv => rv,
    })?;
    if !mechanism::suits(offered, prepared.shape) {
        return Err(desk.deny(GET, wrapping, Rv::WRAPPING_KEY_TYPE_INCONSISTENT));
    }
    let seen = desk.house.service.glance(desk.caller, &id);
    let key = seen.map_err(|refusal| desk.refuse(GET, &id, refusal, About::Key))?;
    let own = desk.house.service.glance(desk.caller, wrapping);
    let format = wrappable(desk, &key, own.as_deref().ok()).map_err(|rv| desk.deny(GET, &id, rv))?;
    if let Ok(own) = own {
        let view = View::new(&key, &desk.house.service, desk.caller);
        let wanted = object::template(&own, AttributeType::WRAP_TEMPLATE);
        if !wanted.iter().all(|attribute| attribute::fits(&view, attribute.kind, &attribute.value)) {
            return Err(desk.deny(GET, &id, Rv::KEY_HANDLE_INVALID));
        }
    }
    // Where the length is known beforehand, a question for it lets nothing out.
    if let Some(length) = length(&way, prepared.shape, &key)
        && let Err(short) = room(length)
    {
        return Ok(Err(short));
    }
    let request = GetRequest {
        unique_identifier: Some(id.as_str().into()),
        key_format_type: Some(format),
        key_wrap_type: None,
        key_compression_type: None,
        key_wrapping_specification: Some(Box::new(KeyWrappingSpecification {
            wrapping_method: WrappingMethod::Encrypt,
            encryption_key_information: Some(said(wrapping)),
            mac_signature_key_information: None,
            attribute_name: Vec::new(),
            encoding_option: Some(EncodingOption::NoEncoding),
        })),
    };
    let got = desk.ask_with(request, Some(way)).map_err(|failure| match &failure {
        Failure::Refused(refusal) => match refusal.reason {
            ResultReason::NotExtractable | ResultReason::Sensitive => Rv::KEY_UNEXTRACTABLE,
            ResultReason::WrappingObjectNotFound => handle,
            // Whole blocks alone, or more than the wrapping key can hold.
            ResultReason::InvalidField | ResultReason::CryptographicFailure => Rv::KEY_SIZE_RANGE,
            ResultReason::EncodingOptionError | ResultReason::KeyFormatTypeNotSupported => Rv::KEY_NOT_WRAPPABLE,
            _ => failure.rv(About::Key),
        },
        Failure::Unrecorded(_) => failure.rv(About::Key),
    })?;
    let Some(KeyValue::Wrapped(wrapped)) = got.object.key_block().and_then(|block| block.key_value.as_ref()) else {
        return Err(Rv::DEVICE_ERROR);
    };
    Ok(room(wrapped.0.len()).map(|()| wrapped.0.clone()))
}

/// Unwraps a key and makes an object of it.
fn unwrap(
    desk: &Desk<'_>,
    session: u64,
    under: &Under,
    (way, offered): (Way, Offered),
    wrapped: Vec<u8>,
    template: Vec<Attribute>,
) -> Result<u64, Rv> {
    let (handle, unwrapping) = (Rv::UNWRAPPING_KEY_HANDLE_INVALID, &under.id);
    let prepared = desk.house.service.prepare(desk.caller, unwrapping, Purpose::Unwrap, &way);
    let prepared = prepared.map_err(|refusal| match desk.refuse(REGISTER, unwrapping, refusal, About::Key) {
        Rv::KEY_HANDLE_INVALID => handle,
        Rv::MECHANISM_INVALID => Rv::UNWRAPPING_KEY_TYPE_INCONSISTENT,
        rv => rv,
    })?;
    if !mechanism::suits(offered, prepared.shape) {
        return Err(desk.deny(REGISTER, unwrapping, Rv::UNWRAPPING_KEY_TYPE_INCONSISTENT));
    }
    if !can_be(&way, prepared.shape, wrapped.len()) {
        return Err(desk.deny(REGISTER, unwrapping, Rv::WRAPPED_KEY_LEN_RANGE));
    }
    let own = desk.house.service.glance(desk.caller, unwrapping);
    let own = own.map_err(|refusal| desk.refuse(REGISTER, unwrapping, refusal, About::Key))?;
    // What comes out may be read by whoever may read the new key: it is a use like any other.
    if object::asks_each_time(&own) {
        return Err(desk.deny(REGISTER, unwrapping, Rv::USER_NOT_LOGGED_IN));
    }
    let template = template::joined(template, object::template(&own, AttributeType::UNWRAP_TEMPLATE))?;
    let wishes = Wishes::of(Wishes::class_of(&template)?, &template)?;
    // What the key is made of comes out of the wrapping alone.
    wishes.without(&[AttributeType::VALUE, AttributeType::MODULUS, AttributeType::PRIVATE_EXPONENT])?;
    create::may_make(under.standing, &wishes)?;
    let key = create::key_type(&wishes)?;
    let (object, mut attributes) = coming(&wishes, key, unwrapping, wrapped)?;
    attributes.extend(wishes.attributes(Some(key), desk.house.service.now())?);
    let request = RegisterRequest {
        object_type: object.object_type(),
        attributes: create::template(attributes),
        object,
        protection_storage_masks: None,
    };
    let made = desk.ask_for(under.standing.slot, request, way).map_err(|failure| match &failure {
        Failure::Refused(refusal) => match refusal.reason {
            ResultReason::CryptographicFailure => Rv::WRAPPED_KEY_INVALID,
            ResultReason::InvalidField | ResultReason::InvalidMessage => Rv::WRAPPED_KEY_LEN_RANGE,
            _ => failure.rv(About::Template),
        },
        Failure::Unrecorded(_) => failure.rv(About::Template),
    })?;
    create::settle(desk, session, under.standing, &wishes, &made.unique_identifier.0)
}

/// How a key is wrapped by a mechanism that authenticates, if the slot does it.
fn sealed(
    desk: &Desk<'_>,
    under: &Under,
    kind: MechanismType,
    message: &Message,
    nonce: &[u8],
    flag: MechanismFlags,
) -> Result<(Way, Offered), Rv> {
    let offered = mechanism::named(kind).ok_or(Rv::MECHANISM_INVALID)?.offered;
    if offered.facts().work != Work::Sealing {
        return Err(Rv::MECHANISM_INVALID);
    }
    let parameter = sealing::parameter(offered, message, nonce)?;
    way(desk, under, &Mechanism { kind, parameter }, flag)
}

/// How a key is wrapped, if the slot does it.
fn way(desk: &Desk<'_>, under: &Under, asked: &Mechanism, flag: MechanismFlags) -> Result<(Way, Offered), Rv> {
    let own = desk.house.service.glance(desk.caller, &under.id);
    if own.is_ok_and(|own| !object::allows(&own, asked.kind)) {
        return Err(desk.deny(
            if flag == MechanismFlags::WRAP { GET } else { REGISTER },
            &under.id,
            Rv::MECHANISM_INVALID,
        ));
    }
    let here = desk.house.slot(under.standing.slot).and_then(|view| slot::info(&view, asked.kind));
    here.filter(|info| info.flags.has(flag)).ok_or(Rv::MECHANISM_INVALID)?;
    let named = mechanism::named(asked.kind).ok_or(Rv::MECHANISM_INVALID)?;
    let way = match named.offered {
        Offered::AesKeyWrap => standard_iv(&asked.parameter, &KW_IV, Way::KeyWrap)?,
        Offered::AesKeyWrapPadded => standard_iv(&asked.parameter, &KWP_IV, Way::KeyWrapPadded)?,
        _ => translate::translate(named, &asked.parameter)?.mechanism,
    };
    Ok((way, named.offered))
}

/// An application may say the initial value that everybody uses, and no other (PKCS#11 3.2 §6.16).
fn standard_iv(parameter: &Parameter, standard: &[u8], way: Way) -> Result<Way, Rv> {
    match parameter {
        Parameter::Iv(given) if given.iv[..] == *standard => Ok(way),
        other => translate::nothing(other, way),
    }
}

/// In which form a key leaves, if it may.
fn wrappable(desk: &Desk<'_>, key: &Object, wrapping: Option<&Object>) -> Result<KeyFormatType, Rv> {
    let view = View::new(key, &desk.house.service, desk.caller);
    let says = |object, kind| matches!(object::kept(object, kind), Some(Value::Bool(true)));
    let trusted = wrapping.is_some_and(|wrapping| says(wrapping, AttributeType::TRUSTED));
    if says(key, AttributeType::WRAP_WITH_TRUSTED) && !trusted {
        return Err(Rv::KEY_NOT_WRAPPABLE);
    }
    if key.attributes.extractable() == Some(false) {
        return Err(Rv::KEY_UNEXTRACTABLE);
    }
    match view.class() {
        Some(ObjectClass::SECRET_KEY) => Ok(KeyFormatType::Raw),
        Some(ObjectClass::PRIVATE_KEY) => Ok(KeyFormatType::PKCS_8),
        _ => Err(Rv::KEY_NOT_WRAPPABLE),
    }
}

/// How long the wrapped form of a secret key is.
fn length(way: &Way, under: Shape, key: &Object) -> Option<usize> {
    let sealing = way.tag();
    let bits = usize::try_from(key.attributes.length()?).ok()?;
    match object::class(key) {
        Some(ObjectClass::SECRET_KEY) => {}
        // Asking must not spend the nonce that the answer needs: a little more than the key can be.
        Some(ObjectClass::PRIVATE_KEY) if sealing > 0 => return bits.div_ceil(8).checked_mul(5)?.checked_add(160),
        _ => return None,
    }
    // Triple DES says its length without the parity bits.
    let bytes = if object::is_triple(key) && bits % 56 == 0 { bits / 7 } else { bits.div_ceil(8) };
    match (way, under) {
        (Way::KeyWrap | Way::KeyWrapPadded, _) => bytes.checked_next_multiple_of(8)?.checked_add(8),
        (Way::RsaAesWrap { .. }, Shape::Public(crate::service::Pair::Rsa { bits })) => {
            bits.div_ceil(8).checked_add(bytes.checked_next_multiple_of(8)?.checked_add(8)?)
        }
        (_, Shape::Public(crate::service::Pair::Rsa { bits })) => Some(bits.div_ceil(8)),
        _ if sealing > 0 => bytes.checked_add(sealing),
        _ => None,
    }
}

/// Whether a wrapped key can be so long.
fn can_be(way: &Way, under: Shape, bytes: usize) -> bool {
    match (way, under) {
        (Way::KeyWrap, _) => bytes >= 24 && bytes.is_multiple_of(8),
        (Way::KeyWrapPadded, _) => bytes >= 16 && bytes.is_multiple_of(8),
        (Way::RsaAesWrap { .. }, Shape::Private(crate::service::Pair::Rsa { bits })) => {
            bytes.checked_sub(bits.div_ceil(8)).is_some_and(|rest| rest >= 16 && rest.is_multiple_of(8))
        }
        (_, Shape::Private(crate::service::Pair::Rsa { bits })) => bytes == bits.div_ceil(8),
        _ => true,
    }
}

/// The object that is in a wrapping, and what is known of it before it is unwrapped.
fn coming(
    wishes: &Wishes<'_>,
    key: KeyType,
    unwrapping: &ObjectId,
    wrapped: Vec<u8>,
) -> Result<(Managed, Vec<Kmip>), Rv> {
    let block = |format| {
        let mut block = KeyBlock::of(format, Secret::copy_of(&[]));
        block.key_value = Some(KeyValue::Wrapped(Bytes(wrapped)));
        block.key_wrapping_data = Some(Box::new(KeyWrappingData {
            wrapping_method: WrappingMethod::Encrypt,
            encryption_key_information: Some(said(unwrapping)),
            mac_signature_key_information: None,
            mac_signature: None,
            iv_counter_nonce: None,
            encoding_option: Some(EncodingOption::NoEncoding),
        }));
        block
    };
    match wishes.class {
        ObjectClass::SECRET_KEY => {
            let mut attributes = vec![Kmip::CryptographicAlgorithm(create::algorithm(key)?)];
            attributes.extend(create::said_type(key));
            if let Some(length) = wishes.number(AttributeType::VALUE_LEN) {
                let length = usize::try_from(length).map_err(|_| Rv::ATTRIBUTE_VALUE_INVALID)?;
                attributes.push(Kmip::CryptographicLength(create::bits(length)?));
            }
            Ok((SymmetricKey { key_block: block(KeyFormatType::Raw) }.into(), attributes))
        }
        ObjectClass::PRIVATE_KEY => {
            let algorithm = match key {
                KeyType::RSA => code::CryptographicAlgorithm::RSA,
                KeyType::EC => code::CryptographicAlgorithm::EC,
                KeyType::EC_EDWARDS => code::CryptographicAlgorithm::Ed25519,
                _ => return Err(Rv::ATTRIBUTE_VALUE_INVALID),
            };
            let attributes = vec![Kmip::CryptographicAlgorithm(algorithm)];
            Ok((PrivateKey { key_block: block(KeyFormatType::PKCS_8) }.into(), attributes))
        }
        _ => Err(Rv::TEMPLATE_INCONSISTENT),
    }
}

fn said(key: &ObjectId) -> EncryptionKeyInformation {
    EncryptionKeyInformation { unique_identifier: key.as_str().into(), cryptographic_parameters: None }
}

const GET: code::Operation = code::Operation::Get;
const REGISTER: code::Operation = code::Operation::Register;
/// RFC 3394 §2.2.3.1 and RFC 5649 §3.
const KW_IV: [u8; 8] = [0xA6; 8];
const KWP_IV: [u8; 4] = [0xA6, 0x59, 0x59, 0xA6];
