//! A private or secret key that a token holds, ready to work.

use std::sync::Arc;

use strongroom_kmip::{
    mechanism::{Curve, Form, Mechanism},
    secret::{Secret, Wiped},
};

use super::{
    gather::{Gathered, Hashed},
    keeper::{Keeper, Patience},
    message::{Answer, Ask, Reference, Trouble, Using},
    offer::{self, Plan, UNSUPPORTED},
};
use crate::slot::contract::{Error, Key, Pair, Purpose, Running, Shape, Slot};

/// A key in a token. Whether the token is there is found out when it is used.
#[derive(Clone)]
pub(super) struct TokenKey {
    pub(super) keeper: Arc<Keeper>,
    /// What hashes.
    pub(super) beside: Arc<dyn Slot>,
    pub(super) key: Reference,
    pub(super) shape: Shape,
}

impl Key for TokenKey {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        let plan = self.plan(purpose, mechanism)?;
        let Some(hash) = plan.first else { return self.run(purpose, mechanism, plan, data) };
        let mut digest = self.beside.digest(hash)?;
        digest.update(data)?;
        self.run(purpose, mechanism, plan, digest.finish()?.reveal())
    }

    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        let (Mechanism::Hmac { .. } | Mechanism::Cmac { .. }) = mechanism else { return Err(UNSUPPORTED) };
        // Made again and held against it here, in constant time: what a token says of it would have to be believed.
        let plan = self.plan(Purpose::Sign, mechanism)?;
        let own = self.run(Purpose::Sign, mechanism, plan, data)?;
        if own.same_as(signature) { Ok(()) } else { Err(Error::Mismatch) }
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        let macs = matches!(mechanism, Mechanism::Hmac { .. } | Mechanism::Cmac { .. });
        let needed = if purpose == Purpose::Verify && macs { Purpose::Sign } else { purpose };
        let plan = self.plan(needed, mechanism)?;
        Ok(match plan.first {
            Some(hash) => {
                let digest = self.beside.digest(hash)?;
                let (key, mechanism) = (self.clone(), mechanism.clone());
                let sign = Box::new(move |digest: &[u8]| key.run(Purpose::Sign, &mechanism, plan, digest));
                Box::new(Hashed { sign, digest })
            }
            None => {
                Box::new(Gathered { key: self.clone(), purpose, mechanism: mechanism.clone(), data: Wiped::default() })
            }
        })
    }

    fn output_length(&self, purpose: Purpose, mechanism: &Mechanism) -> Option<usize> {
        if purpose != Purpose::Sign {
            return None;
        }
        match (self.shape, mechanism) {
            (Shape::Private(Pair::Rsa { bits }), _) => Some(bits.div_ceil(8)),
            (Shape::Private(Pair::Elliptic(Curve::Ed25519)), _) => Some(64),
            (Shape::Private(Pair::Elliptic(curve)), Mechanism::Ecdsa { form: Form::Raw, .. }) => {
                Some(curve.bits().div_ceil(8).saturating_mul(2))
            }
            (_, Mechanism::Hmac { length, .. } | Mechanism::Cmac { length, .. }) => Some(*length),
            _ => None,
        }
    }
}

impl TokenKey {
    /// How the token does it, if it does.
    fn plan(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Plan, Error> {
        let plan = offer::plan(self.shape, mechanism)?;
        let using = using(purpose, mechanism)?;
        // A token that was never seen is asked; it answers for itself.
        let known = self.keeper.token().is_none_or(|token| offer::has(&token, plan.step.number, using.bit()));
        let private = matches!(self.shape, Shape::Private(_));
        let fits = match purpose {
            Purpose::Sign => true,
            Purpose::Decrypt | Purpose::Unwrap => plan.digest.is_none(),
            Purpose::Encrypt | Purpose::Wrap => !private,
            Purpose::Verify | Purpose::Derive => false,
        };
        if known && fits { Ok(plan) } else { Err(UNSUPPORTED) }
    }

    /// Signs what has been hashed already by the hash of the mechanism.
    pub(super) fn sign_digest(&self, mechanism: &Mechanism, digest: &[u8]) -> Result<Secret, Error> {
        let plan = self.plan(Purpose::Sign, mechanism)?;
        self.run(Purpose::Sign, mechanism, plan, digest)
    }

    fn run(&self, purpose: Purpose, mechanism: &Mechanism, plan: Plan, data: &[u8]) -> Result<Secret, Error> {
        if plan.digest.is_some_and(|length| length != data.len()) {
            return Err(Error::Length);
        }
        let data = match plan.prefix.as_slice() {
            [] => Secret::copy_of(data),
            prefix => Secret::new([prefix, data].concat()),
        };
        let using = using(purpose, mechanism)?;
        let ask = Ask::Work { using, key: self.key.clone(), step: plan.step, data };
        let bytes = match self.keeper.ask(&ask, Patience::Usual)? {
            Answer::Bytes { bytes } => bytes,
            answer => return Err(refused(&answer, purpose)),
        };
        finished(mechanism, self.shape, bytes)
    }
}

/// What the token gave, as the mechanism has it.
fn finished(mechanism: &Mechanism, shape: Shape, bytes: Secret) -> Result<Secret, Error> {
    match (mechanism, shape) {
        (Mechanism::Hmac { length, .. } | Mechanism::Cmac { length, .. }, _) => {
            bytes.reveal().get(..*length).map(Secret::copy_of).ok_or(Error::Parameter("length"))
        }
        (Mechanism::Ecdsa { form, .. }, Shape::Private(Pair::Elliptic(curve))) => {
            let half = curve.bits().div_ceil(8);
            if bytes.len() != half.saturating_mul(2) {
                return Err(ABSURD);
            }
            Ok(match form {
                Form::Raw => bytes,
                Form::Der => Secret::new(der(bytes.reveal(), half)),
            })
        }
        (_, Shape::Private(Pair::Rsa { bits })) if bytes.len() > bits.div_ceil(8) => Err(ABSURD),
        _ => Ok(bytes),
    }
}

/// A signature as a DER sequence of two integers (RFC 3279 §2.2.3).
fn der(raw: &[u8], half: usize) -> Vec<u8> {
    let (r, s) = raw.split_at_checked(half).unwrap_or((raw, &[]));
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count().min(number.len().saturating_sub(1));
        let number = number.get(zeros..).unwrap_or_default();
        let sign = number.first().is_some_and(|byte| *byte >= 0x80);
        let length = number.len().saturating_add(usize::from(sign));
        // No number of a curve is as long as 127 bytes.
        let mut out = vec![0x02, u8::try_from(length).unwrap_or(0)];
        out.extend(sign.then_some(0));
        out.extend_from_slice(number);
        out
    };
    let body = [integer(r), integer(s)].concat();
    let mut out = vec![0x30];
    match u8::try_from(body.len()).unwrap_or(u8::MAX) {
        short @ 0..=0x7f => out.push(short),
        long => out.extend([0x81, long]),
    }
    out.extend_from_slice(&body);
    out
}

fn using(purpose: Purpose, mechanism: &Mechanism) -> Result<Using, Error> {
    let wraps = matches!(mechanism, Mechanism::KeyWrap | Mechanism::KeyWrapPadded);
    match purpose {
        Purpose::Sign => Ok(Using::Sign),
        Purpose::Encrypt if !wraps => Ok(Using::Encrypt),
        Purpose::Decrypt if !wraps => Ok(Using::Decrypt),
        Purpose::Wrap => Ok(if wraps { Using::Wrap } else { Using::Encrypt }),
        Purpose::Unwrap => Ok(if wraps { Using::Unwrap } else { Using::Decrypt }),
        Purpose::Encrypt | Purpose::Decrypt | Purpose::Verify | Purpose::Derive => Err(UNSUPPORTED),
    }
}

/// What a token's refusal is called here.
pub(super) fn refused(answer: &Answer, purpose: Purpose) -> Error {
    let Answer::Failed { trouble, word } = answer else { return ABSURD };
    log::info!("a token did not do it: {word:?}");
    // Why a decryption fails is nobody's business.
    let opens = matches!(purpose, Purpose::Decrypt | Purpose::Unwrap);
    if opens && matches!(trouble, Trouble::Undecryptable | Trouble::Length | Trouble::Device | Trouble::Template) {
        return Error::Undecryptable;
    }
    match trouble {
        Trouble::Unsupported | Trouble::Template => Error::Unsupported("this with such a key; its token refuses it"),
        Trouble::Parameter => Error::Parameter("parameter"),
        Trouble::Length | Trouble::Undecryptable => Error::Length,
        Trouble::NoKey => Error::Vanished,
        Trouble::NoWrapper => NO_WRAPPER,
        Trouble::SeveralKeys => Error::Key("its token has several of its name"),
        Trouble::Full | Trouble::NoSession => Error::Full,
        Trouble::Garbage => ABSURD,
        _ => Error::Absent,
    }
}

/// A key that could not go to the other tokens is not made.
pub(super) const NO_WRAPPER: Error = Error::Unsupported("keys for all of its tokens; one has no key of `wrap_with`");
const ABSURD: Error = Error::Engine("a token, which answers what cannot be");
