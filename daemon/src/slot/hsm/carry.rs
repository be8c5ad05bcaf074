//! Keys that go from one token to another, in the worker: encrypted under a key that both have, by the tokens alone.

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki_sys::{CKO_PRIVATE_KEY, CKO_SECRET_KEY};

use super::{
    cargo::{Cargo, Leaving},
    codec::Plain,
    draft::{self, Leave, USES},
    message::{Answer, Parameter, Public, Reference, Step, Trouble},
    session::Lane,
    vendor::{self, Failure},
};

impl Lane {
    /// Which of the keys are there.
    pub(super) fn has(&self, keys: &[Reference]) -> Result<Answer, Failure> {
        let there = keys.iter().map(|key| match self.place(key) {
            // Of several nobody knows which is meant; none is asked for again.
            Ok(_) | Err(Failure(Trouble::SeveralKeys, _)) => Ok(true),
            Err(Failure(Trouble::NoKey, _)) => Ok(false),
            Err(failure) => Err(failure),
        });
        Ok(Answer::There { there: there.collect::<Result<_, _>>()? })
    }

    /// Encrypts a key for another token.
    pub(super) fn load(&self, key: &Reference, mechanism: u64, wrapper: &Plain) -> Result<Answer, Failure> {
        let (class, handle) = self.place(key)?;
        let (wrapping, _) = self.wrapper(wrapper)?;
        let mut wanted =
            vec![AttributeType::KeyType, AttributeType::Id, AttributeType::Label, AttributeType::WrapWithTrusted];
        wanted.extend(USES.iter().map(|(kind, _)| *kind));
        let said = self.session.get_attributes(handle, &wanted)?;
        let mut cargo = Cargo {
            class,
            kind: 0,
            id: Plain::default(),
            label: Plain::default(),
            uses: Vec::new(),
            trusted: said.contains(&Attribute::WrapWithTrusted(true)),
            wrapped: Plain::default(),
        };
        for attribute in said {
            match attribute {
                Attribute::KeyType(kind) => cargo.kind = kind.into(),
                Attribute::Id(bytes) => cargo.id = Plain(bytes),
                Attribute::Label(bytes) => cargo.label = Plain(bytes),
                other => cargo.uses.extend(
                    USES.iter().filter(|(_, attribute)| attribute(true) == other).map(|(kind, _)| u64::from(*kind)),
                ),
            }
        }
        let step = Step { number: mechanism, parameter: Parameter::None };
        cargo.wrapped =
            Plain(vendor::with(&step, |mechanism| Ok(self.session.wrap_key(mechanism, wrapping, handle)?))?);
        Ok(Answer::Loaded { cargo })
    }

    /// Takes a key that another token has encrypted. One that is there already stays as it is.
    pub(super) fn unload(&self, cargo: &Cargo, mechanism: u64, wrapper: &Plain) -> Result<Answer, Failure> {
        let key = Reference { class: cargo.class, id: cargo.id.clone(), label: Some(cargo.label.clone()) };
        let leave = if cargo.trusted { Leave::Trusted } else { Leave::Wrapped };
        let handle = match self.find(&key) {
            Err(Failure(Trouble::NoKey, _)) => {
                let (unwrapping, _) = self.wrapper(wrapper)?;
                let (step, draft) = (Step { number: mechanism, parameter: Parameter::None }, draft::unloaded(cargo)?);
                vendor::with(&step, |mechanism| {
                    Ok(self.session.unwrap_key(mechanism, unwrapping, &cargo.wrapped.0, &draft)?)
                })?
            }
            found => found?,
        };
        Ok(Answer::Made { public: Public::None, held: self.is_held(handle, leave)? })
    }

    /// What is known of the key that encrypts others.
    pub(super) fn describe_wrapper(&self, label: &Plain) -> Result<Answer, Failure> {
        let (wrapper, _) = self.wrapper(label)?;
        let check = self.session.get_attributes(wrapper, &[AttributeType::CheckValue])?;
        let check = check.into_iter().find_map(|attribute| match attribute {
            Attribute::CheckValue(bytes) => Some(Plain(bytes)),
            _ => None,
        });
        Ok(Answer::Wrapper { check: check.unwrap_or_default() })
    }

    /// How a new key may leave: under keys that the token trusts, where the one that encrypts is such a key.
    pub(super) fn leave(&self, leaving: &Leaving) -> Result<Leave, Failure> {
        match leaving {
            Leaving::Never => Ok(Leave::Never),
            Leaving::Wrapped { label } => Ok(self.wrapper(label)?.1),
        }
    }

    /// The one key of this label that encrypts others, and how it lets them leave.
    fn wrapper(&self, label: &Plain) -> Result<(ObjectHandle, Leave), Failure> {
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::Token(true),
            Attribute::Label(label.0.clone()),
            Attribute::Wrap(true),
            Attribute::Unwrap(true),
        ];
        let mut found = self.session.iter_objects(&template)?;
        let first = found.next().transpose()?.ok_or(Failure::from(Trouble::NoWrapper))?;
        if found.next().transpose()?.is_some() {
            return Err(Failure(Trouble::NoWrapper, "several keys of this label encrypt others".to_owned()));
        }
        drop(found);
        let said = self.session.get_attributes(first, &[AttributeType::Trusted])?;
        Ok((first, if said.contains(&Attribute::Trusted(true)) { Leave::Trusted } else { Leave::Wrapped }))
    }

    /// The class of a key, and where it is.
    fn place(&self, key: &Reference) -> Result<(u64, ObjectHandle), Failure> {
        if key.class != 0 {
            return Ok((key.class, self.find(key)?));
        }
        let of = |class| Reference { class, ..key.clone() };
        match (self.find(&of(CKO_PRIVATE_KEY)), self.find(&of(CKO_SECRET_KEY))) {
            (Ok(_), Ok(_)) => Err(Trouble::SeveralKeys.into()),
            (Ok(handle), Err(Failure(Trouble::NoKey, _))) => Ok((CKO_PRIVATE_KEY, handle)),
            (Err(Failure(Trouble::NoKey, _)), found) => Ok((CKO_SECRET_KEY, found?)),
            (Err(failure), _) | (_, Err(failure)) => Err(failure),
        }
    }
}
