//! Keys that leave under another key, and keys that came under one.

use strongroom_kmip::{
    attribute::{CryptographicParameters, Kind, Listed},
    code::{BlockCipherMode, CryptographicUsageMask, EncodingOption, LinkType, ResultReason, WrappingMethod},
    identifier::UniqueIdentifier,
    mechanism::Mechanism,
    object::{
        EncryptionKeyInformation, KeyBlock, KeyMaterial, KeyValue, KeyWrappingData, KeyWrappingSpecification,
        MACSignatureKeyInformation, Object as Managed,
    },
    secret::Secret,
    ttlv::{Bytes, Limits, Tree, Writer},
};

use super::{
    call::Call,
    descent, get_attributes, guard,
    parameters::{self, Given},
    refusal::Refusal,
    working,
};
use crate::vault::{Action, Body, Family, Object, ObjectId, Purpose, Shape, Usable};

/// Wraps the key that is about to leave. A sensitive key fixes the role of the key it leaves under: what wraps it
/// decrypts nothing any more, or whoever may decrypt could have the sensitive key after all.
///
/// # Errors
/// [`Refusal`] for an object that is no key, for a way to wrap that is not served, and as policy, state and mask of the
/// wrapping key say.
pub fn wrap(
    call: &mut Call<'_>,
    object: &Object,
    managed: &mut Managed,
    specification: &KeyWrappingSpecification,
) -> Result<(), Refusal> {
    let order = Order::of(specification.wrapping_method)?;
    if managed.key_block_mut().ok_or_else(no_key)?.key_wrapping_data.is_some() {
        return Err(Refusal::new(ResultReason::KeyWrapTypeNotSupported, "the key came wrapped and leaves as it came"));
    }
    let attributes = enclosed(call, object, specification)?;
    let block = managed.key_block_mut().ok_or_else(no_key)?;
    let value = block.key_value.as_mut().ok_or_else(|| Refusal::missing("Key Value"))?;
    if let KeyValue::Plain { attributes: inside, .. } = value {
        *inside = attributes;
    }
    let encoded = encode(call, value, specification.encoding_option)?;
    let mut data = KeyWrappingData {
        wrapping_method: specification.wrapping_method,
        encryption_key_information: None,
        mac_signature_key_information: None,
        mac_signature: None,
        iv_counter_nonce: None,
        encoding_option: specification.encoding_option,
    };
    let mut sealed = None;
    if order.encrypts() {
        let key = needed(specification.encryption_key_information.as_ref())?;
        let usable = wrapping_key(call, &key.unique_identifier, Purpose::Wrap)?;
        guard::wraps(object, usable.object())?;
        let (mechanism, iv) = match call.mechanism.take() {
            Some(mechanism) => {
                working::spend(call, &usable, &mechanism)?;
                (mechanism, None)
            }
            None => {
                let parameters = parameters::of(key.cryptographic_parameters.clone(), usable.object());
                let iv = fresh(call, &parameters, usable.shape())?;
                (mechanism(&parameters, usable.shape(), iv.clone())?, iv)
            }
        };
        let wrapped = usable.work(&mechanism, encoded.reveal())?;
        if object.attributes.sensitive() == Some(true) {
            keep_apart(call, &usable)?;
        }
        call.notes.mechanism = Some(mechanism.name());
        data.encryption_key_information = Some(key.clone());
        data.iv_counter_nonce = iv.map(Bytes);
        sealed = Some(wrapped.reveal().to_vec());
    }
    if order.authenticates() {
        let key = specification.mac_signature_key_information.as_ref();
        let key = key.ok_or_else(|| Refusal::missing("MAC/Signature Key Information"))?;
        let covered = match (&sealed, order) {
            (Some(sealed), Order::EncryptThenAuthenticate) => sealed.as_slice(),
            _ => encoded.reveal(),
        };
        let usable = wrapping_key(call, &key.unique_identifier, Purpose::Sign)?;
        let mechanism = authentication(&usable, key)?;
        data.mac_signature = Some(Bytes(usable.work(&mechanism, covered)?.reveal().to_vec()));
        data.mac_signature_key_information = Some(MACSignatureKeyInformation {
            unique_identifier: key.unique_identifier.clone(),
            cryptographic_parameters: key.cryptographic_parameters.clone(),
        });
    }
    if let Some(sealed) = sealed {
        block.key_value = Some(KeyValue::Wrapped(Bytes(sealed)));
    }
    block.key_wrapping_data = Some(Box::new(data));
    Ok(())
}

/// Whether a specification hides the key: a key that only carries a MAC or a signature stands in the open.
pub fn hides(specification: &KeyWrappingSpecification) -> bool {
    Order::of(specification.wrapping_method).is_ok_and(Order::encrypts)
}

/// What came of unwrapping.
#[derive(Default)]
pub struct Unwrapped {
    /// What the key was encrypted with; nothing where it stood in the open.
    pub under: Option<Usable>,
    /// Whether it came hidden, and with a signature that the caller cannot make: what was wrapped with it is somebody else's
    /// word. A MAC says nothing of the kind: whoever checks it can make it.
    pub vouched: bool,
}

/// Unwraps a key that was registered wrapped; one that was not stays as it is. A MAC or a signature on it is checked.
///
/// # Errors
/// [`Refusal`] as for [`wrap`], when the wrapping key does not fit, and when a MAC or a signature does not.
pub fn unwrap(call: &mut Call<'_>, managed: &mut Managed) -> Result<Unwrapped, Refusal> {
    let Some(block) = managed.key_block_mut() else { return Ok(Unwrapped::default()) };
    let Some(data) = block.key_wrapping_data.take() else { return Ok(Unwrapped::default()) };
    let order = Order::of(data.wrapping_method)?;
    if !order.encrypts() {
        let value = block.key_value.as_ref().ok_or_else(|| Refusal::missing("Key Value"))?;
        let covered = encode(call, value, data.encoding_option)?;
        return authentic(call, &data, covered.reveal()).map(|_| Unwrapped::default());
    }
    let wrapped = match &block.key_value {
        Some(KeyValue::Wrapped(bytes)) => bytes.0.as_slice(),
        // Clients of KMIP 1.x put the wrapped bytes where the plain ones would be.
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => bytes.reveal(),
        Some(KeyValue::Plain { .. }) | None => return Err(Refusal::missing("Key Value")),
    };
    let mut by = By::Nobody;
    if order == Order::EncryptThenAuthenticate {
        by = authentic(call, &data, wrapped)?;
    }
    let key = needed(data.encryption_key_information.as_ref())?;
    let usable = wrapping_key(call, &key.unique_identifier, Purpose::Unwrap)?;
    let mechanism = match call.mechanism.take() {
        Some(mechanism) => mechanism,
        None => {
            let parameters = parameters::of(key.cryptographic_parameters.clone(), usable.object());
            let iv = data.iv_counter_nonce.as_ref().map(|iv| iv.0.clone());
            mechanism(&parameters, usable.shape(), iv)?
        }
    };
    let bytes = usable.work(&mechanism, wrapped)?;
    call.notes.mechanism = Some(mechanism.name());
    if order == Order::AuthenticateThenEncrypt {
        by = authentic(call, &data, bytes.reveal())?;
    }
    block.key_value = Some(decode(block, bytes, data.encoding_option)?);
    Ok(Unwrapped { under: Some(usable), vouched: by == By::Another })
}

/// What is done to a key, and in which order (KMIP 2.1 §11.62).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Encrypt,
    Authenticate,
    EncryptThenAuthenticate,
    AuthenticateThenEncrypt,
}

impl Order {
    fn of(method: WrappingMethod) -> Result<Self, Refusal> {
        match method {
            WrappingMethod::Encrypt => Ok(Self::Encrypt),
            WrappingMethod::MACSign => Ok(Self::Authenticate),
            WrappingMethod::EncryptThenMACSign => Ok(Self::EncryptThenAuthenticate),
            WrappingMethod::MACSignThenEncrypt => Ok(Self::AuthenticateThenEncrypt),
            other => Err(Refusal::unsupported(format!("keys are not wrapped by {other}"))),
        }
    }

    fn encrypts(self) -> bool {
        self != Self::Authenticate
    }

    fn authenticates(self) -> bool {
        self != Self::Encrypt
    }
}

/// The attributes that are to be wrapped with the key: those that are asked for, and that the object has.
fn enclosed(
    call: &Call<'_>,
    object: &Object,
    specification: &KeyWrappingSpecification,
) -> Result<Option<Listed>, Refusal> {
    if specification.attribute_name.is_empty() {
        return Ok(None);
    }
    if specification.encoding_option == Some(EncodingOption::NoEncoding) {
        return Err(encoding_refused());
    }
    let kinds: Vec<Kind> = specification.attribute_name.iter().map(|name| Kind::named(name)).collect();
    Ok(Some(get_attributes::known(call, object).select(&kinds)))
}

/// Who has authenticated a key that came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// Nobody in particular: the caller may have made it, with a key that it can use or has brought itself.
    Nobody,
    /// Somebody whose public key another has put here, and whose private key is not the caller's to use.
    Another,
}

/// Checks the MAC or the signature that came with a key, and says whose it is.
fn authentic(call: &mut Call<'_>, data: &KeyWrappingData, covered: &[u8]) -> Result<By, Refusal> {
    let key = data.mac_signature_key_information.as_ref();
    let key = key.ok_or_else(|| Refusal::missing("MAC/Signature Key Information"))?;
    let given = data.mac_signature.as_ref().ok_or_else(|| Refusal::missing("MAC/Signature"))?;
    let usable = wrapping_key(call, &key.unique_identifier, Purpose::Verify)?;
    let mechanism = authentication(&usable, key)?;
    if usable.verify(&mechanism, covered, &given.0)? {
        let foreign = usable.object().owner != call.caller.principal && matches!(usable.shape(), Shape::Public(_));
        let signs = match descent::linked(usable.object(), LinkType::PrivateKeyLink) {
            Some(private) => call.view()?.see(call.caller, &private, Action::Use).is_ok(),
            None => false,
        };
        return Ok(if foreign && !signs { By::Another } else { By::Nobody });
    }
    Err(Refusal::new(ResultReason::CryptographicFailure, "the MAC or signature on the key does not fit"))
}

fn authentication(usable: &Usable, key: &MACSignatureKeyInformation) -> Result<Mechanism, Refusal> {
    let parameters = parameters::of(key.cryptographic_parameters.clone(), usable.object());
    match usable.shape() {
        Shape::Symmetric { .. } => parameters::mac(&parameters, usable.shape(), usable.object().attributes.algorithm()),
        Shape::Private(_) | Shape::Public(_) => parameters::signature(&parameters, usable.shape(), false),
    }
}

/// What a value is wrapped as: its bytes alone, or all of it as TTLV.
fn encode(call: &Call<'_>, value: &KeyValue, option: Option<EncodingOption>) -> Result<Secret, Refusal> {
    match (option, value) {
        (
            Some(EncodingOption::NoEncoding),
            KeyValue::Plain { material: KeyMaterial::Bytes(bytes), attributes: None },
        ) => Ok(bytes.duplicate()),
        (None | Some(EncodingOption::TTLVEncoding), KeyValue::Plain { .. }) => {
            let mut writer = Writer::new(call.version);
            value.write(&mut writer);
            Ok(Secret::copy_of(writer.as_bytes()))
        }
        _ => Err(encoding_refused()),
    }
}

fn decode(block: &KeyBlock, bytes: Secret, option: Option<EncodingOption>) -> Result<KeyValue, Refusal> {
    match option {
        Some(EncodingOption::NoEncoding) => Ok(KeyValue::plain(KeyMaterial::Bytes(bytes))),
        None | Some(EncodingOption::TTLVEncoding) => {
            let tree = Tree::read(bytes.reveal(), &Limits::default()).map_err(|_| encoding_refused())?;
            KeyValue::read(tree.root(), block.key_format_type).map_err(|_| encoding_refused())
        }
        Some(_) => Err(encoding_refused()),
    }
}

fn needed(key: Option<&EncryptionKeyInformation>) -> Result<&EncryptionKeyInformation, Refusal> {
    key.ok_or_else(|| Refusal::missing("Encryption Key Information"))
}

/// The key that wraps or authenticates; a signature is checked with the public half of the key that is named. What the
/// log says of the call stays about the key that is wrapped.
fn wrapping_key(call: &mut Call<'_>, named: &UniqueIdentifier, purpose: Purpose) -> Result<Usable, Refusal> {
    let UniqueIdentifier::Identifier(identifier) = named else {
        return Err(Refusal::invalid("a wrapping key is named by its Unique Identifier"));
    };
    let mut id = ObjectId::from_text(&identifier.0);
    let notes = call.notes.clone();
    if purpose == Purpose::Verify
        && let Ok((object, _)) = call.see(&id, Action::See)
        && let (Body::Key(Shape::Private(_)), Some(public)) =
            (object.body, descent::linked(&object, LinkType::PublicKeyLink))
    {
        id = public;
    }
    let usable = call.usable(&id, purpose);
    call.notes = notes;
    usable.map_err(|refusal| match refusal.reason {
        ResultReason::ItemNotFound => Refusal {
            reason: ResultReason::WrappingObjectNotFound,
            message: "there is no such wrapping key".to_owned(),
            ..refusal
        },
        _ => refusal,
    })
}

fn mechanism(parameters: &CryptographicParameters, shape: Shape, iv: Option<Vec<u8>>) -> Result<Mechanism, Refusal> {
    match (shape, parameters.block_cipher_mode) {
        (Shape::Symmetric { family: Family::Aes, .. }, None | Some(BlockCipherMode::NISTKeyWrap)) => {
            Ok(Mechanism::KeyWrap)
        }
        (Shape::Symmetric { family: Family::Aes, .. }, Some(BlockCipherMode::AESKeyWrapPadding)) => {
            Ok(Mechanism::KeyWrapPadded)
        }
        // Whether a cipher that does not authenticate may wrap is for the slot's policy to say.
        _ => parameters::cipher(parameters, shape, Given { iv, additional: Vec::new() }),
    }
}

/// The nonce or initialisation vector of a cipher that is no key wrap.
fn fresh(call: &Call<'_>, parameters: &CryptographicParameters, shape: Shape) -> Result<Option<Vec<u8>>, Refusal> {
    let plain = matches!(
        parameters.block_cipher_mode,
        None | Some(BlockCipherMode::NISTKeyWrap | BlockCipherMode::AESKeyWrapPadding)
    );
    let length = if plain { None } else { parameters::iv_length(parameters, shape) };
    let Some(length) = length.filter(|length| *length <= LONGEST_IV) else { return Ok(None) };
    let mut iv = vec![0; length];
    call.vault.chance().fill(&mut iv).map_err(crate::vault::Error::from)?;
    Ok(Some(iv))
}

/// Takes from a key that wraps or has unwrapped a sensitive one the right to encrypt and decrypt, and from the other half
/// of its pair.
///
/// # Errors
/// [`Refusal`], when one of them is being changed.
pub fn keep_apart(call: &mut Call<'_>, usable: &Usable) -> Result<(), Refusal> {
    let vault = call.vault;
    let data = CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt;
    Ok(vault.narrow(call.change()?, usable, data)?)
}

fn no_key() -> Refusal {
    Refusal::new(ResultReason::InvalidObjectType, "only a key is wrapped")
}

fn encoding_refused() -> Refusal {
    Refusal::new(ResultReason::EncodingOptionError, "the Encoding Option does not fit the key")
}

/// No cipher takes a longer initialisation vector.
const LONGEST_IV: usize = 256;
