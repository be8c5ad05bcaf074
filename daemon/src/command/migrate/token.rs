//! A token behind a PKCS#11 library. The library is loaded into this program, which ends soon after, and not into the daemon.

use std::{collections::BTreeSet, path::Path};

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded as _};
use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error as Refusal, RvError},
    mechanism::{Mechanism, MechanismType},
    object::{Attribute, AttributeInfo, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::{Session, UserType},
    types::RawAuthPin,
};
use cryptoki_sys::{
    CKA_APPLICATION, CKA_CERTIFICATE_TYPE, CKA_CLASS, CKA_COEFFICIENT, CKA_DECRYPT, CKA_DERIVE, CKA_EC_PARAMS,
    CKA_EC_POINT, CKA_ENCRYPT, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_EXTRACTABLE, CKA_ID, CKA_KEY_TYPE, CKA_LABEL,
    CKA_MODULUS, CKA_PRIME_1, CKA_PRIME_2, CKA_PRIVATE_EXPONENT, CKA_PUBLIC_EXPONENT, CKA_SENSITIVE, CKA_SIGN,
    CKA_UNWRAP, CKA_VALUE, CKA_VERIFY, CKA_WRAP,
};
use strongroom_kmip::{code::ObjectType, secret::Secret};
use zeroize::Zeroizing;

use super::{
    card::{Card, Fact},
    error::Error,
    parcel::{Left, Parcel, Source, Stays},
};
use crate::{
    chance,
    slot::{hsm, software::Random},
};

/// A token whose user is logged in.
pub(super) struct Token {
    session: Session,
    label: String,
    handles: std::vec::IntoIter<(ObjectHandle, Option<u64>)>,
    wrapping: Option<Wrapping>,
    origins: Origins,
    _context: Pkcs11,
}

/// A key of ours in the token, for this session, under which others come out.
struct Wrapping {
    key: ObjectHandle,
    bytes: Secret,
}

impl Token {
    /// Opens the one token that `choice` means, in the library `module`.
    ///
    /// # Errors
    /// [`Error`]: what is wrong with library, token or PIN. A wrong PIN is tried once.
    pub(super) fn open(module: &Path, choice: &hsm::Choice, pin: &Secret) -> Result<Self, Error> {
        let context = Pkcs11::new(module)?;
        match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Refusal::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(error.into()),
        }
        let mut meant = None;
        for slot in context.get_slots_with_token()? {
            let Ok(info) = context.get_token_info(slot) else { continue };
            if choice.means(slot, &info) && meant.replace((slot, info)).is_some() {
                return Err(Error::NoToken);
            }
        }
        let (slot, info) = meant.ok_or(Error::NoToken)?;
        let session = context.open_rw_session(slot)?;
        if info.login_required() {
            match session.login_with_raw(UserType::User, &RawAuthPin::new(Box::new(pin.reveal().to_vec()))) {
                Ok(()) | Err(Refusal::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
                Err(Refusal::Pkcs11(RvError::PinIncorrect | RvError::PinLenRange | RvError::PinInvalid, _)) => {
                    return Err(Error::WrongPin);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let mut handles = Vec::new();
        for handle in session.find_objects(&[Attribute::Token(true)])? {
            handles.push((handle, class(&session, handle)));
        }
        // The private half of a pair goes before the public one, and takes the Name that both have here.
        handles.sort_by_key(|(_, class)| std::cmp::Reverse(*class));
        let offered = context.get_mechanism_info(slot, MechanismType::AES_KEY_WRAP_PAD).is_ok();
        let wrapping = if offered { wrapping(&session) } else { None };
        let (label, origins) = (info.label().trim_end().to_owned(), Origins::default());
        Ok(Self { session, label, handles: handles.into_iter(), wrapping, origins, _context: context })
    }

    /// What the token says of an object.
    fn card(&self, handle: ObjectHandle) -> Result<Card, Left> {
        let mut card = Card::default();
        let kinds: Vec<AttributeType> = READ.iter().filter_map(|kind| AttributeType::try_from(*kind).ok()).collect();
        // Asked one by one, as not every library answers for the rest where one is missing.
        let infos = self.session.get_attribute_info(handle, &kinds)?;
        for (kind, info) in kinds.iter().zip(infos) {
            if let AttributeInfo::Available(_) = info
                && let Ok(read) = self.session.get_attributes(handle, &[*kind])
            {
                let number = cryptoki_sys::CK_ATTRIBUTE_TYPE::from(*kind);
                card.facts.extend(read.into_iter().next().and_then(fact).map(|fact| (number, fact)));
            }
        }
        Ok(card)
    }

    /// Has the token wrap what it does not show.
    fn unwrapped(&self, handle: ObjectHandle, card: &Card) -> Result<Option<Secret>, Left> {
        let secret = match card.kind() {
            Some(ObjectType::SymmetricKey) => CKA_VALUE,
            Some(ObjectType::PrivateKey) if card.facts.contains_key(&CKA_PRIVATE_EXPONENT) => CKA_PRIVATE_EXPONENT,
            Some(ObjectType::PrivateKey) => CKA_VALUE,
            _ => return Ok(None),
        };
        if matches!(card.facts.get(&secret), Some(Fact::Bytes(bytes)) if !bytes.is_empty()) {
            return Ok(None);
        }
        if !card.is(CKA_EXTRACTABLE) {
            return Err(Left::Kept);
        }
        let wrapping = self.wrapping.as_ref().ok_or(Left::Unwrappable)?;
        let wrapped = match self.session.wrap_key(&Mechanism::AesKeyWrapPad, wrapping.key, handle) {
            Ok(wrapped) => wrapped,
            Err(Refusal::Pkcs11(RvError::KeyUnextractable | RvError::KeyNotWrappable, _)) => return Err(Left::Kept),
            Err(error) => return Err(error.into()),
        };
        let kek = AesKek::new(&AES_256, wrapping.bytes.reveal()).map_err(|_| UNOPENED)?;
        let mut room = Zeroizing::new(vec![0; wrapped.len()]);
        kek.unwrap_with_padding(&wrapped, &mut room).map(|bytes| Some(Secret::copy_of(bytes))).map_err(|_| UNOPENED)
    }

    fn parcel(&mut self, handle: ObjectHandle) -> Result<Parcel, Stays> {
        let nameless = |why| Stays { origin: format!("{}: {handle}", self.label), kind: None, why };
        let mut card = self.card(handle).map_err(nameless)?;
        let origin = self.origins.unlike(format!("{}: {}", self.label, card.title()));
        let kind = card.kind();
        let stays = |why| Stays { origin: origin.clone(), kind, why };
        card.unwrapped = self.unwrapped(handle, &card).map_err(stays)?;
        card.parcel(origin.clone()).map_err(stays)
    }
}

impl Source for Token {
    fn expected(&self) -> usize {
        self.handles.len()
    }
    fn next(&mut self) -> Option<Result<Parcel, Stays>> {
        let (handle, _) = self.handles.next()?;
        Some(self.parcel(handle))
    }
}

/// Origins, each unlike the others.
#[derive(Default)]
pub(super) struct Origins(BTreeSet<String>);

impl Origins {
    /// This one, with a number behind it where it was there before.
    pub(super) fn unlike(&mut self, origin: String) -> String {
        let mut own = origin.clone();
        let mut place = 1;
        while !self.0.insert(own.clone()) {
            place += 1;
            own = format!("{origin} #{place}");
        }
        own
    }
}

fn class(session: &Session, handle: ObjectHandle) -> Option<u64> {
    match session.get_attributes(handle, &[AttributeType::Class]).ok()?.into_iter().next()? {
        Attribute::Class(class) => Some(*class),
        _ => None,
    }
}

/// Puts a key of ours into the token, for this session only.
fn wrapping(session: &Session) -> Option<Wrapping> {
    let bytes = Secret::copy_of(&chance::array::<32>(&Random::default()).ok()?);
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(false),
        Attribute::Wrap(true),
        Attribute::Value(bytes.reveal().to_vec()),
    ];
    let key = session.create_object(&template).ok()?;
    Some(Wrapping { key, bytes })
}

fn fact(attribute: Attribute) -> Option<Fact> {
    use Attribute as A;
    Some(match attribute {
        A::Class(class) => Fact::Number(*class),
        A::KeyType(kind) => Fact::Number(*kind),
        A::CertificateType(kind) => Fact::Number(*kind),
        A::Sensitive(truth)
        | A::Extractable(truth)
        | A::Encrypt(truth)
        | A::Decrypt(truth)
        | A::Wrap(truth)
        | A::Unwrap(truth)
        | A::Sign(truth)
        | A::Verify(truth)
        | A::Derive(truth) => Fact::Truth(truth),
        A::Label(bytes)
        | A::Application(bytes)
        | A::Id(bytes)
        | A::Value(bytes)
        | A::Modulus(bytes)
        | A::PublicExponent(bytes)
        | A::PrivateExponent(bytes)
        | A::Prime1(bytes)
        | A::Prime2(bytes)
        | A::Exponent1(bytes)
        | A::Exponent2(bytes)
        | A::Coefficient(bytes)
        | A::EcParams(bytes)
        | A::EcPoint(bytes) => Fact::Bytes(Secret::new(bytes)),
        _ => return None,
    })
}

/// What is read of an object, where it has it.
const READ: &[u64] = &[
    CKA_CLASS,
    CKA_KEY_TYPE,
    CKA_CERTIFICATE_TYPE,
    CKA_LABEL,
    CKA_APPLICATION,
    CKA_ID,
    CKA_SENSITIVE,
    CKA_EXTRACTABLE,
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_SIGN,
    CKA_VERIFY,
    CKA_DERIVE,
    CKA_VALUE,
    CKA_MODULUS,
    CKA_PUBLIC_EXPONENT,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME_1,
    CKA_PRIME_2,
    CKA_EXPONENT_1,
    CKA_EXPONENT_2,
    CKA_COEFFICIENT,
    CKA_EC_PARAMS,
    CKA_EC_POINT,
];

const UNOPENED: Left = Left::Damaged("what the token wrapped does not unwrap");
