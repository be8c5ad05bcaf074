//! One session with the token, in the worker, with one owner: every question of the protocol as calls of PKCS#11.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use cryptoki::{
    context::Pkcs11,
    mechanism::{
        Mechanism,
        elliptic_curve::{EcKdf, Ecdh1DeriveParams},
    },
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
    slot::Slot,
};
use cryptoki_sys::CKO_PRIVATE_KEY;
use strongroom_kmip::secret::Secret;

use super::{
    codec::Plain,
    draft::{self, Leave, Name, Uses},
    message::{Answer, Ask, Making, Public, Reference, Step, Trouble, Using},
    vendor::{self, Failure},
};

/// Where keys are, as they were found last; shared by all lanes.
#[derive(Default)]
pub(super) struct Handles(HashMap<Place, ObjectHandle>);

/// The class, identifier and label of a key.
type Place = (u64, Vec<u8>, Option<Vec<u8>>);

/// A session and what it knows.
pub(super) struct Lane {
    pub(super) session: Session,
    pub(super) context: Pkcs11,
    pub(super) slot: Slot,
    /// The token's serial number, where it can be read.
    pub(super) serial: Option<String>,
    pub(super) handles: Arc<Mutex<Handles>>,
}

impl Lane {
    /// Answers a question about keys.
    ///
    /// # Errors
    /// [`Failure`], as the token says.
    pub(super) fn answer(&self, ask: &Ask) -> Result<Answer, Failure> {
        match ask {
            Ask::Make { id, label, making, leaving } => {
                self.make(&Name { id, label, leave: self.leave(leaving)? }, making)
            }
            Ask::Bring { id, label, brought, leaving } => {
                let name = Name { id, label, leave: self.leave(leaving)? };
                let create = |uses| Ok(self.session.create_object(&draft::brought(&name, brought, uses)?)?);
                let key = leniently(create)?;
                Ok(Answer::Made { public: Public::None, held: self.is_held(key, name.leave)? })
            }
            Ask::Copy { of, id, label } => {
                let new = [Attribute::Id(id.0.clone()), Attribute::Label(label.0.clone()), Attribute::Token(true)];
                let copy = self.on(of, |key| Ok(self.session.copy_object(key, &new)?))?;
                Ok(Answer::Made { public: Public::None, held: self.is_held(copy, Leave::Wrapped)? })
            }
            Ask::Remove { key } => self.remove(key),
            Ask::Work { using, key, step, data } => self.on(key, |handle| self.work(using, handle, step, data)),
            Ask::Agree { key, point, length } => self.on(key, |handle| self.agree(handle, &point.0, *length)),
            Ask::List => self.list(),
            Ask::Probe => self.probe(),
            Ask::Has { keys } => self.has(keys),
            Ask::Load { key, mechanism, wrapper } => self.load(key, *mechanism, wrapper),
            Ask::Unload { cargo, mechanism, wrapper } => self.unload(cargo, *mechanism, wrapper),
            Ask::Wrapper { label } => self.describe_wrapper(label),
            Ask::Open { .. } => Err(Trouble::Unsupported.into()),
        }
    }

    /// Whether the token is still there and still the same.
    fn probe(&self) -> Result<Answer, Failure> {
        if let Some(serial) = &self.serial {
            let info = self.context.get_token_info(self.slot)?;
            if info.serial_number() != serial || !info.token_initialized() {
                return Err(Failure(Trouble::Gone, "another token is in its place".to_owned()));
            }
        }
        self.session.get_session_info()?;
        Ok(Answer::Done)
    }

    fn make(&self, name: &Name<'_>, making: &Making) -> Result<Answer, Failure> {
        let mechanism = draft::maker(making)?;
        if let Making::Secret { mechanism: number, kind, length } = making {
            let create = |uses| {
                let draft = draft::secret(name, *number, *kind, *length, uses)?;
                Ok(self.session.generate_key(&mechanism, &draft)?)
            };
            let key = leniently(create)?;
            return Ok(Answer::Made { public: Public::None, held: self.is_held(key, name.leave)? });
        }
        let create = |uses| {
            let (public, private) = draft::pair(name, making, uses)?;
            Ok(self.session.generate_key_pair(&mechanism, &public, &private)?)
        };
        let (public, private) = leniently(create)?;
        Ok(Answer::Made { public: self.public(public)?, held: self.is_held(private, name.leave)? })
    }

    /// The numbers of a public key, or of a private RSA key.
    pub(super) fn public(&self, key: ObjectHandle) -> Result<Public, Failure> {
        let (mut modulus, mut exponent, mut point) = (None, None, None);
        let wanted = [AttributeType::Modulus, AttributeType::PublicExponent, AttributeType::EcPoint];
        for attribute in self.session.get_attributes(key, &wanted)? {
            match attribute {
                Attribute::Modulus(bytes) if !bytes.is_empty() => modulus = Some(Plain(bytes)),
                Attribute::PublicExponent(bytes) if !bytes.is_empty() => exponent = Some(Plain(bytes)),
                Attribute::EcPoint(bytes) if !bytes.is_empty() => point = Some(Plain(bytes)),
                _ => {}
            }
        }
        Ok(match (modulus, exponent, point) {
            (Some(modulus), Some(exponent), _) => Public::Rsa { modulus, exponent },
            (_, _, Some(point)) => Public::Point { point },
            _ => Public::None,
        })
    }

    /// Whether the key leaves no otherwise than it may.
    pub(super) fn is_held(&self, key: ObjectHandle, leave: Leave) -> Result<bool, Failure> {
        let wanted = [AttributeType::Sensitive, AttributeType::Extractable, AttributeType::WrapWithTrusted];
        let said = self.session.get_attributes(key, &wanted)?;
        let stays = said.contains(&Attribute::Extractable(false));
        let may = match leave {
            Leave::Never => stays,
            Leave::Wrapped => true,
            Leave::Trusted => stays || said.contains(&Attribute::WrapWithTrusted(true)),
        };
        Ok(may && said.contains(&Attribute::Sensitive(true)))
    }

    fn work(&self, using: &Using, key: ObjectHandle, step: &Step, data: &Secret) -> Result<Answer, Failure> {
        let data = data.reveal();
        let bytes = vendor::with(step, |mechanism| {
            Ok(match using {
                Using::Encrypt => self.session.encrypt(mechanism, key, data)?,
                Using::Decrypt => self.session.decrypt(mechanism, key, data)?,
                Using::Sign => self.session.sign(mechanism, key, data)?,
                Using::Wrap => {
                    let draft = draft::passing(None, Some(&Secret::copy_of(data)));
                    self.passing(self.session.create_object(&draft)?, |passing| {
                        Ok(self.session.wrap_key(mechanism, key, passing)?)
                    })?
                }
                Using::Unwrap => {
                    let draft = draft::passing(None, None);
                    let passing = self.session.unwrap_key(mechanism, key, data, &draft)?;
                    self.passing(passing, |passing| self.value(passing))?
                }
            })
        })?;
        Ok(Answer::Bytes { bytes: Secret::new(bytes) })
    }

    fn agree(&self, key: ObjectHandle, point: &[u8], length: u32) -> Result<Answer, Failure> {
        let mechanism = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(EcKdf::null(), point));
        let passing = self.session.derive_key(&mechanism, key, &draft::passing(Some(length), None))?;
        let bytes = self.passing(passing, |passing| self.value(passing))?;
        Ok(Answer::Bytes { bytes: Secret::new(bytes) })
    }

    /// Does something with an object of this session, which goes whatever comes of it.
    fn passing<T>(
        &self,
        passing: ObjectHandle,
        act: impl FnOnce(ObjectHandle) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let result = act(passing);
        let _ = self.session.destroy_object(passing);
        result
    }

    fn value(&self, key: ObjectHandle) -> Result<Vec<u8>, Failure> {
        let said = self.session.get_attributes(key, &[AttributeType::Value])?;
        let value = said.into_iter().find_map(|attribute| match attribute {
            Attribute::Value(bytes) => Some(bytes),
            _ => None,
        });
        value.ok_or(Trouble::Unsupported.into())
    }

    /// Does something with a key. A handle may have gone stale; then the key is looked for once more.
    fn on<T>(&self, key: &Reference, act: impl Fn(ObjectHandle) -> Result<T, Failure>) -> Result<T, Failure> {
        let known = self.handles.lock().unwrap_or_else(PoisonError::into_inner).0.get(&place(key)).copied();
        if let Some(handle) = known {
            match act(handle) {
                Err(Failure(Trouble::NoKey, _)) => self.forget(key),
                result => return result,
            }
        }
        let handle = self.find(key)?;
        {
            let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
            if handles.0.len() >= MOST_HANDLES {
                handles.0.clear();
            }
            handles.0.insert(place(key), handle);
        }
        act(handle)
    }

    pub(super) fn forget(&self, key: &Reference) {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).0.remove(&place(key));
    }

    pub(super) fn find(&self, key: &Reference) -> Result<ObjectHandle, Failure> {
        if is_nameless(key) {
            return Err(Trouble::SeveralKeys.into());
        }
        let class = if key.class == CKO_PRIVATE_KEY { ObjectClass::PRIVATE_KEY } else { ObjectClass::SECRET_KEY };
        let mut template = vec![Attribute::Class(class), Attribute::Token(true), Attribute::Id(key.id.0.clone())];
        template.extend(key.label.as_ref().map(|label| Attribute::Label(label.0.clone())));
        let mut found = self.session.iter_objects(&template)?;
        let first = found.next().transpose()?.ok_or(Failure::from(Trouble::NoKey))?;
        match found.next().transpose()? {
            Some(_) => Err(Trouble::SeveralKeys.into()),
            None => Ok(first),
        }
    }
}

/// Whether nothing tells a key from any other that has no name either.
pub(super) fn is_nameless(key: &Reference) -> bool {
    key.id.0.is_empty() && key.label.as_ref().is_none_or(|label| label.0.is_empty())
}

fn place(key: &Reference) -> Place {
    (key.class, key.id.0.clone(), key.label.as_ref().map(|label| label.0.clone()))
}

/// Tries with all uses, and with the plain ones where the token refuses the template.
fn leniently<T>(create: impl Fn(Uses) -> Result<T, Failure>) -> Result<T, Failure> {
    match create(Uses::All) {
        Err(Failure(Trouble::Template, _)) => create(Uses::Plain),
        result => result,
    }
}

/// A handle with its name takes some hundred bytes.
const MOST_HANDLES: usize = 16_384;
