//! A key whose policy, state, mask and slot all allow one purpose; only the door makes one.

use std::sync::Arc;

use strongroom_kmip::{
    code::{CryptographicUsageMask, State},
    mechanism::Mechanism,
    secret::Secret,
};

use super::{error::Error, guard, record::Object, state};
use crate::{
    clock::Time,
    slot::{self, Key, Purpose, Running, Shape, policy::Level},
};

/// A key that may be used for one purpose, now.
pub struct Usable {
    pub(super) object: Arc<Object>,
    pub(super) key: Arc<dyn Key>,
    pub(super) shape: Shape,
    pub(super) purpose: Purpose,
    pub(super) level: Level,
}

/// Work under way in a slot.
pub type Work = Box<dyn Running>;

impl Usable {
    /// The object that the key belongs to.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// What kind of key it is.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Works in one go.
    ///
    /// # Errors
    /// [`Error::Slot`], as the slot or its policy says.
    pub fn work(&self, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        self.fits(mechanism)?;
        Ok(self.key.work(self.purpose, mechanism, data)?)
    }

    /// Checks a signature or MAC in one go; whether it fits.
    ///
    /// # Errors
    /// [`Error::Slot`], as the slot or its policy says.
    pub fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<bool, Error> {
        self.fits(mechanism)?;
        match self.key.verify(mechanism, data, signature) {
            Ok(()) => Ok(true),
            Err(slot::Error::Mismatch) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What was signed, out of a signature that holds it; nothing when it is no signature of this key.
    ///
    /// # Errors
    /// [`Error::Slot`], as the slot or its policy says.
    pub fn recover(&self, mechanism: &Mechanism, signature: &[u8]) -> Result<Option<Secret>, Error> {
        self.fits(mechanism)?;
        match self.key.recover(mechanism, signature) {
            Ok(data) => Ok(Some(data)),
            Err(slot::Error::Mismatch) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Starts work in parts.
    ///
    /// # Errors
    /// [`Error::Slot`], as the slot or its policy says.
    pub fn begin(&self, mechanism: &Mechanism) -> Result<Work, Error> {
        self.fits(mechanism)?;
        Ok(self.key.begin(self.purpose, mechanism)?)
    }

    /// Bytes of the result, where the key alone decides them.
    pub fn output_length(&self, mechanism: &Mechanism) -> Option<usize> {
        self.key.output_length(self.purpose, mechanism)
    }

    /// Whether the key's own list of mechanisms, where it has one, and the slot's mechanism policy let it be used so.
    ///
    /// # Errors
    /// [`Error::Use`], as list or policy says.
    pub fn fits(&self, mechanism: &Mechanism) -> Result<(), Error> {
        if !guard::allows(&self.object.attributes, mechanism) {
            let why = "its own list of mechanisms does not have this one";
            return Err(Error::Use { object: self.object.id.clone(), why });
        }
        self.permitted(mechanism)
    }

    /// Whether the slot's mechanism policy lets the key be used so.
    ///
    /// # Errors
    /// [`Error::Use`], as the policy says.
    pub fn permitted(&self, mechanism: &Mechanism) -> Result<(), Error> {
        slot::policy::check(self.level, self.purpose, mechanism, self.shape).map_err(|forbidden| {
            log::info!("{}: {forbidden}", self.object.id);
            Error::Use { object: self.object.id.clone(), why: forbidden.what }
        })
    }
}

/// Whether the object's life and mask allow the purpose at `now`.
///
/// # Errors
/// [`Error::State`] or [`Error::Use`] with what is against it.
pub(super) fn check(object: &Object, purpose: Purpose, shape: Shape, now: Time) -> Result<(), Error> {
    let stored = object.state(now).unwrap_or(State::PreActive);
    if !state::allows(stored, purpose) {
        return Err(Error::State { object: object.id.clone(), state: stored });
    }
    let refuse = |why| Err(Error::Use { object: object.id.clone(), why });
    // A pair that may agree on keys may derive them: KMIP has a bit for each and one operation for both.
    let agrees = purpose == Purpose::Derive && !matches!(shape, Shape::Symmetric { .. });
    let agrees = agrees && mask(object).contains(CryptographicUsageMask::KeyAgreement);
    if !agrees && !mask(object).contains(needed(purpose, shape)) {
        return refuse("its Cryptographic Usage Mask does not allow this use");
    }
    let (start, stop) = (object.attributes.process_start_date(), object.attributes.protect_stop_date());
    match purpose {
        Purpose::Encrypt | Purpose::Sign | Purpose::Wrap | Purpose::Derive
            if stop.is_some_and(|stop| stop <= now.seconds()) =>
        {
            refuse("its Protect Stop Date has come")
        }
        Purpose::Decrypt | Purpose::Verify | Purpose::Unwrap if start.is_some_and(|start| start > now.seconds()) => {
            refuse("its Process Start Date has not come")
        }
        _ => Ok(()),
    }
}

fn mask(object: &Object) -> CryptographicUsageMask {
    object.attributes.usage_mask().unwrap_or(CryptographicUsageMask(0))
}

fn needed(purpose: Purpose, shape: Shape) -> CryptographicUsageMask {
    let symmetric = matches!(shape, Shape::Symmetric { .. });
    match (purpose, symmetric) {
        (Purpose::Encrypt, _) => CryptographicUsageMask::Encrypt,
        (Purpose::Decrypt, _) => CryptographicUsageMask::Decrypt,
        (Purpose::Sign, false) => CryptographicUsageMask::Sign,
        (Purpose::Sign, true) => CryptographicUsageMask::MACGenerate,
        (Purpose::Verify, false) => CryptographicUsageMask::Verify,
        (Purpose::Verify, true) => CryptographicUsageMask::MACVerify,
        (Purpose::Wrap, _) => CryptographicUsageMask::WrapKey,
        (Purpose::Unwrap, _) => CryptographicUsageMask::UnwrapKey,
        (Purpose::Derive, _) => CryptographicUsageMask::DeriveKey,
    }
}
