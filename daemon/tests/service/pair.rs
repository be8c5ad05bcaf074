//! Key pairs that wrap: what one half did decides what the other may do.

use strongroom::caller::Caller;
use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Link, Template},
    code::{
        CryptographicAlgorithm, CryptographicUsageMask as Mask, EncodingOption, HashingAlgorithm, LinkType, ObjectType,
        PaddingMethod, ResultReason, WrappingMethod,
    },
    object::{EncryptionKeyInformation, KeyWrappingSpecification},
    payload::{
        ActivateRequest, CreateKeyPairRequest, CreateRequest, DecryptRequest, EncryptRequest, ExportRequest,
        GetRequest, RegisterRequest,
    },
    secret::Secret,
};

use crate::house::{House, alice, bob};

fn template(attributes: impl IntoIterator<Item = Attribute>) -> Template {
    attributes.into_iter().collect()
}

/// An RSA pair of alice's that wraps and works with data, activated: private, public.
pub(crate) fn pair(house: &House) -> (String, String) {
    let common = [Attribute::CryptographicAlgorithm(CryptographicAlgorithm::RSA), Attribute::CryptographicLength(2048)];
    let request = CreateKeyPairRequest {
        common_attributes: Some(template(common)),
        private_key_attributes: Some(template([Attribute::CryptographicUsageMask(Mask::Decrypt | Mask::UnwrapKey)])),
        public_key_attributes: Some(template([Attribute::CryptographicUsageMask(Mask::Encrypt | Mask::WrapKey)])),
        ..CreateKeyPairRequest::default()
    };
    let made = house.ask(&alice(), request).unwrap();
    let ids = (made.private_key_unique_identifier.0, made.public_key_unique_identifier.0);
    for id in [&ids.0, &ids.1] {
        house.ask(&alice(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    }
    ids
}

fn oaep() -> CryptographicParameters {
    CryptographicParameters {
        padding_method: Some(PaddingMethod::OAEP),
        hashing_algorithm: Some(HashingAlgorithm::SHA_256),
        ..CryptographicParameters::default()
    }
}

fn encrypt(house: &House, id: &str) -> Result<Secret, ResultReason> {
    let request = EncryptRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(oaep()),
        data: Some(Secret::copy_of(b"data")),
        ..EncryptRequest::default()
    };
    house
        .ask(&alice(), request)
        .map(|answer| Secret::copy_of(&answer.data.unwrap().0))
        .map_err(|refusal| refusal.reason)
}

fn decrypt(house: &House, id: &str, data: &Secret) -> Result<Secret, ResultReason> {
    let request = DecryptRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(oaep()),
        data: Some(strongroom_kmip::ttlv::Bytes(data.reveal().to_vec())),
        ..DecryptRequest::default()
    };
    house.ask(&alice(), request).map(|answer| answer.data.unwrap()).map_err(|refusal| refusal.reason)
}

/// Lets a new AES key of the owner's, sensitive or not, leave under a public key.
fn wrap(house: &House, owner: &Caller, under: &str, sensitive: bool) {
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(Mask::Encrypt),
        Attribute::Sensitive(sensitive),
    ];
    let request = CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: template(attributes),
        protection_storage_masks: None,
    };
    let id = house.ask(owner, request).unwrap().unique_identifier.0;
    let get = GetRequest {
        unique_identifier: Some(id.as_str().into()),
        key_wrapping_specification: Some(Box::new(KeyWrappingSpecification {
            wrapping_method: WrappingMethod::Encrypt,
            encryption_key_information: Some(EncryptionKeyInformation {
                unique_identifier: under.into(),
                cryptographic_parameters: Some(oaep()),
            }),
            mac_signature_key_information: None,
            attribute_name: Vec::new(),
            encoding_option: Some(EncodingOption::NoEncoding),
        })),
        ..GetRequest::default()
    };
    house.ask(owner, get).unwrap();
}

const FORBIDDEN: ResultReason = ResultReason::IncompatibleCryptographicUsageMask;

#[test]
fn a_pair_that_has_wrapped_a_sensitive_key_decrypts_nothing_with_its_other_half() {
    let house = House::new();
    let (private, public) = pair(&house);
    let data = encrypt(&house, &public).unwrap();
    wrap(&house, &alice(), &public, false);
    assert_eq!(decrypt(&house, &private, &data).unwrap().reveal(), b"data", "nothing sensitive was touched yet");
    wrap(&house, &alice(), &public, true);
    assert_eq!(decrypt(&house, &private, &data).err(), Some(FORBIDDEN));
    assert_eq!(encrypt(&house, &public).err(), Some(FORBIDDEN));
}

/// Registers alice's public key once more, for its owner, as the half of that private key.
fn once_more(house: &House, public: &str, private: &str, owner: &Caller) -> String {
    let export = ExportRequest { unique_identifier: Some(public.into()), ..ExportRequest::default() };
    let object = house.ask(&alice(), export).unwrap().object.unwrap();
    let attributes = [
        Attribute::CryptographicUsageMask(Mask::Encrypt | Mask::WrapKey),
        Attribute::Link(Link::to(LinkType::PrivateKeyLink, private)),
    ];
    let request = RegisterRequest {
        object_type: ObjectType::PublicKey,
        attributes: template(attributes),
        object,
        protection_storage_masks: None,
    };
    let id = house.ask(owner, request).unwrap().unique_identifier.0;
    house.ask(owner, ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    id
}

#[test]
fn a_public_half_that_was_registered_once_more_fixes_the_private_half_too() {
    let house = House::new();
    let (private, public) = pair(&house);
    let data = encrypt(&house, &public).unwrap();
    let again = once_more(&house, &public, &private, &alice());
    wrap(&house, &alice(), &again, true);
    assert_eq!(decrypt(&house, &private, &data).err(), Some(FORBIDDEN));
}

#[test]
fn nobody_takes_a_use_from_anothers_key_by_pointing_at_it() {
    let house = House::new();
    let (private, public) = pair(&house);
    let data = encrypt(&house, &public).unwrap();
    let own = once_more(&house, &public, &private, &bob());
    wrap(&house, &bob(), &own, true);
    assert_eq!(decrypt(&house, &private, &data).unwrap().reveal(), b"data");
}
