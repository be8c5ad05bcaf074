//! The attributes that keys get in the token: made and brought keys never leave but to the other tokens of their cluster, and
//! carry our identifier.

use cryptoki::{
    mechanism::{Mechanism, MechanismType},
    object::{Attribute, AttributeType, KeyType, ObjectClass},
    types::Ulong,
};
use cryptoki_sys::{CK_ATTRIBUTE_TYPE, CKK_AES, CKK_DES2, CKK_DES3, CKM_DES2_KEY_GEN, CKO_PRIVATE_KEY};
use strongroom_kmip::secret::Secret;

use super::{
    cargo::Cargo,
    codec::Plain,
    message::{Brought, Making, Trouble},
    vendor::Failure,
};

/// Our identifier and the words that make it one, and whether what has it stays where it is.
pub(super) struct Name<'a> {
    pub(super) id: &'a Plain,
    pub(super) label: &'a Plain,
    pub(super) leave: Leave,
}

/// Whether a key may leave its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// It never does.
    Never,
    /// Encrypted under a key that wraps.
    Wrapped,
    /// Encrypted under a key that the token's security officer has marked as trusted, and under no other.
    Trusted,
}

impl Leave {
    fn attributes(self) -> Vec<Attribute> {
        match self {
            Self::Never => vec![Attribute::Extractable(false)],
            Self::Wrapped => vec![Attribute::Extractable(true)],
            Self::Trusted => vec![Attribute::Extractable(true), Attribute::WrapWithTrusted(true)],
        }
    }
}

/// What may be done with a key. Which of it is done, the daemon decides; the token is told what its kind of key can do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Uses {
    /// All that this kind of key can do.
    All,
    /// What every token knows, for those that refuse a template with more.
    Plain,
}

/// The mechanism that makes a key.
///
/// # Errors
/// [`Trouble::Unsupported`].
pub(super) fn maker(making: &Making) -> Result<Mechanism<'static>, Failure> {
    let number = match making {
        Making::Secret { mechanism, .. } | Making::Elliptic { mechanism, .. } => *mechanism,
        Making::Rsa { .. } => return Ok(Mechanism::RsaPkcsKeyPairGen),
    };
    let kind = MechanismType::try_from(number).map_err(|_| Failure::from(Trouble::Unsupported))?;
    [
        Mechanism::AesKeyGen,
        Mechanism::GenericSecretKeyGen,
        Mechanism::Des2KeyGen,
        Mechanism::Des3KeyGen,
        Mechanism::EccKeyPairGen,
        Mechanism::EccEdwardsKeyPairGen,
        Mechanism::EccMontgomeryKeyPairGen,
    ]
    .into_iter()
    .find(|mechanism| mechanism.mechanism_type() == kind)
    .ok_or(Trouble::Unsupported.into())
}

/// The template of a secret key to be made.
///
/// # Errors
/// [`Trouble::Unsupported`] for a type that cryptoki does not know.
pub(super) fn secret(
    name: &Name<'_>,
    mechanism: u64,
    kind: u64,
    length: Option<u32>,
    uses: Uses,
) -> Result<Vec<Attribute>, Failure> {
    let mut draft = held(name, ObjectClass::SECRET_KEY, kind)?;
    draft.extend(length.map(|length| Attribute::ValueLen(Ulong::new(length.into()))));
    // The type follows from the mechanism where there is one type only; some tokens take it amiss when it is said again.
    if mechanism == CKM_DES2_KEY_GEN {
        draft.retain(|attribute| !matches!(attribute, Attribute::KeyType(_)));
    }
    draft.extend(secret_uses(kind, uses));
    Ok(draft)
}

/// The templates of a pair to be made: the public half's, the private half's.
///
/// # Errors
/// [`Trouble::Unsupported`] for a type that cryptoki does not know.
pub(super) fn pair(name: &Name<'_>, making: &Making, uses: Uses) -> Result<(Vec<Attribute>, Vec<Attribute>), Failure> {
    let mut public = vec![
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::Token(true),
        Attribute::Id(name.id.0.clone()),
        Attribute::Label(name.label.0.clone()),
        Attribute::Private(false),
    ];
    let private = match making {
        Making::Rsa { bits } => {
            public.extend([
                Attribute::KeyType(KeyType::RSA),
                Attribute::ModulusBits(Ulong::new((*bits).into())),
                Attribute::PublicExponent(vec![1, 0, 1]),
                Attribute::Verify(true),
                Attribute::Encrypt(true),
            ]);
            let mut private = held(name, ObjectClass::PRIVATE_KEY, KeyType::RSA.into())?;
            private.extend(rsa_uses(uses));
            private
        }
        Making::Elliptic { kind, parameters, .. } => {
            let agrees = *kind == u64::from(KeyType::EC_MONTGOMERY);
            public.extend([Attribute::KeyType(key_type(*kind)?), Attribute::EcParams(parameters.0.clone())]);
            public.extend((!agrees).then_some(Attribute::Verify(true)));
            let mut private = held(name, ObjectClass::PRIVATE_KEY, *kind)?;
            private.extend(elliptic_uses(*kind, uses));
            private
        }
        Making::Secret { .. } => return Err(Trouble::Unsupported.into()),
    };
    Ok((public, private))
}

/// The template of a key that was made elsewhere.
///
/// # Errors
/// [`Trouble::Unsupported`] for a type that cryptoki does not know.
pub(super) fn brought(name: &Name<'_>, brought: &Brought, uses: Uses) -> Result<Vec<Attribute>, Failure> {
    let number = |secret: &Secret| secret.reveal().to_vec();
    match brought {
        Brought::Secret { kind, value } => {
            let mut draft = held(name, ObjectClass::SECRET_KEY, *kind)?;
            draft.push(Attribute::Value(number(value)));
            draft.extend(secret_uses(*kind, uses));
            Ok(draft)
        }
        Brought::Rsa { modulus, exponent, private, p, q, dp, dq, qinv } => {
            let mut draft = held(name, ObjectClass::PRIVATE_KEY, KeyType::RSA.into())?;
            draft.extend([
                Attribute::Modulus(modulus.0.clone()),
                Attribute::PublicExponent(exponent.0.clone()),
                Attribute::PrivateExponent(number(private)),
                Attribute::Prime1(number(p)),
                Attribute::Prime2(number(q)),
                Attribute::Exponent1(number(dp)),
                Attribute::Exponent2(number(dq)),
                Attribute::Coefficient(number(qinv)),
            ]);
            draft.extend(rsa_uses(uses));
            Ok(draft)
        }
        Brought::Elliptic { kind, parameters, number: value } => {
            let mut draft = held(name, ObjectClass::PRIVATE_KEY, *kind)?;
            draft.extend([Attribute::EcParams(parameters.0.clone()), Attribute::Value(number(value))]);
            draft.extend(elliptic_uses(*kind, uses));
            Ok(draft)
        }
    }
}

/// The template of a secret of this session, whose value is read or wrapped and which goes right after.
pub(super) fn passing(length: Option<u32>, value: Option<&Secret>) -> Vec<Attribute> {
    let mut draft = vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
    ];
    draft.extend(length.map(|length| Attribute::ValueLen(Ulong::new(length.into()))));
    draft.extend(value.map(|value| Attribute::Value(value.reveal().to_vec())));
    draft
}

/// What every key of ours has in common.
fn held(name: &Name<'_>, class: ObjectClass, kind: u64) -> Result<Vec<Attribute>, Failure> {
    let mut draft = vec![
        Attribute::Class(class),
        Attribute::KeyType(key_type(kind)?),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
    ];
    draft.extend(name.leave.attributes());
    draft.extend([Attribute::Id(name.id.0.clone()), Attribute::Label(name.label.0.clone())]);
    Ok(draft)
}

/// The template of a key that another token of the cluster has encrypted: as it is there.
///
/// # Errors
/// [`Trouble::Unsupported`] for a type that cryptoki does not know.
pub(super) fn unloaded(cargo: &Cargo) -> Result<Vec<Attribute>, Failure> {
    let leave = if cargo.trusted { Leave::Trusted } else { Leave::Wrapped };
    let class = if cargo.class == CKO_PRIVATE_KEY { ObjectClass::PRIVATE_KEY } else { ObjectClass::SECRET_KEY };
    let mut draft = held(&Name { id: &cargo.id, label: &cargo.label, leave }, class, cargo.kind)?;
    draft.extend(cargo.uses.iter().filter_map(|wanted| {
        let known = USES.iter().find(|(kind, _)| CK_ATTRIBUTE_TYPE::from(*kind) == *wanted);
        known.map(|(_, attribute)| attribute(true))
    }));
    Ok(draft)
}

/// A use of a key: what its attribute is called, and the attribute.
type Use = (AttributeType, fn(bool) -> Attribute);

/// What a key may be used for, as its token says it.
pub(super) const USES: &[Use] = &[
    (AttributeType::Encrypt, Attribute::Encrypt),
    (AttributeType::Decrypt, Attribute::Decrypt),
    (AttributeType::Sign, Attribute::Sign),
    (AttributeType::Verify, Attribute::Verify),
    (AttributeType::Wrap, Attribute::Wrap),
    (AttributeType::Unwrap, Attribute::Unwrap),
    (AttributeType::Derive, Attribute::Derive),
];

fn key_type(kind: u64) -> Result<KeyType, Failure> {
    KeyType::try_from(kind).map_err(|_| Trouble::Unsupported.into())
}

fn secret_uses(kind: u64, uses: Uses) -> Vec<Attribute> {
    let cipher = [CKK_AES, CKK_DES2, CKK_DES3].contains(&kind);
    let mut draft = match cipher {
        true => vec![Attribute::Encrypt(true), Attribute::Decrypt(true)],
        false => vec![Attribute::Sign(true), Attribute::Verify(true)],
    };
    if uses == Uses::All && cipher {
        draft.extend([Attribute::Sign(true), Attribute::Verify(true), Attribute::Wrap(true), Attribute::Unwrap(true)]);
    }
    draft
}

fn rsa_uses(uses: Uses) -> Vec<Attribute> {
    let mut draft = vec![Attribute::Sign(true), Attribute::Decrypt(true)];
    draft.extend((uses == Uses::All).then_some(Attribute::Unwrap(true)));
    draft
}

fn elliptic_uses(kind: u64, uses: Uses) -> Vec<Attribute> {
    let derive = Attribute::Derive(true);
    match kind {
        kind if kind == u64::from(KeyType::EC_MONTGOMERY) => vec![derive],
        kind if kind == u64::from(KeyType::EC) && uses == Uses::All => vec![Attribute::Sign(true), derive],
        _ => vec![Attribute::Sign(true)],
    }
}
