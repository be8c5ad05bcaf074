//! Keys that leave under another key.

use strongroom_kmip::{
    attribute::Attribute,
    attribute::{CryptographicParameters, Template},
    code::{
        BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, EncodingOption, KeyFormatType, KeyWrapType,
        ObjectType, ResultReason, WrappingMethod,
    },
    object::{
        EncryptionKeyInformation, KeyBlock, KeyMaterial, KeyValue, KeyWrappingData, KeyWrappingSpecification, Object,
        SymmetricKey,
    },
    payload::{ActivateRequest, CreateRequest, EncryptRequest, GetRequest, RegisterRequest},
    secret::Secret,
};

use crate::house::{House, aes, alice, bob};

fn get(id: &str, under: Option<(&str, Option<EncodingOption>)>) -> GetRequest {
    let specification = under.map(|(key, encoding_option)| {
        Box::new(KeyWrappingSpecification {
            wrapping_method: WrappingMethod::Encrypt,
            encryption_key_information: Some(information(key)),
            mac_signature_key_information: None,
            attribute_name: Vec::new(),
            encoding_option,
        })
    });
    GetRequest {
        unique_identifier: Some(id.into()),
        key_format_type: None,
        key_wrap_type: None,
        key_compression_type: None,
        key_wrapping_specification: specification,
    }
}

fn information(key: &str) -> EncryptionKeyInformation {
    let parameters = CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::NISTKeyWrap),
        ..CryptographicParameters::default()
    };
    EncryptionKeyInformation { unique_identifier: key.into(), cryptographic_parameters: Some(parameters) }
}

fn key(mask: CryptographicUsageMask, more: &[Attribute]) -> CreateRequest {
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(mask),
    ];
    let attributes = attributes.into_iter().chain(more.iter().cloned()).map(Into::into).collect();
    CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: Template { names: Vec::new(), attributes },
        protection_storage_masks: None,
    }
}

/// A key that wraps, unwraps and encrypts, activated.
fn wrapping_key(house: &House) -> String {
    let mask = CryptographicUsageMask::WrapKey | CryptographicUsageMask::UnwrapKey | CryptographicUsageMask::Encrypt;
    let id = house.ask(&alice(), key(mask, &[])).unwrap().unique_identifier.0;
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    id
}

fn plain(object: &Object) -> Vec<u8> {
    match &object.key_block().unwrap().key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => bytes.reveal().to_vec(),
        other => panic!("no plain bytes: {other:?}"),
    }
}

#[test]
fn what_leaves_wrapped_comes_back_and_unwraps_to_the_same_key() {
    let house = House::new();
    let under = wrapping_key(&house);
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let bytes = plain(&house.ask(&alice(), get(&id, None)).unwrap().object);
    for option in [None, Some(EncodingOption::NoEncoding), Some(EncodingOption::TTLVEncoding)] {
        let wrapped = house.ask(&alice(), get(&id, Some((&under, option)))).unwrap().object;
        let block = wrapped.key_block().unwrap();
        assert_eq!(block.key_wrapping_data.as_ref().unwrap().encoding_option, option);
        let Some(KeyValue::Wrapped(sealed)) = &block.key_value else { panic!("not wrapped: {option:?}") };
        let register = RegisterRequest {
            object_type: ObjectType::SymmetricKey,
            attributes: Template {
                names: Vec::new(),
                attributes: vec![Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt).into()],
            },
            object: SymmetricKey {
                key_block: KeyBlock {
                    key_value: Some(KeyValue::Wrapped(sealed.clone())),
                    cryptographic_algorithm: Some(CryptographicAlgorithm::AES),
                    cryptographic_length: Some(256),
                    key_wrapping_data: Some(Box::new(KeyWrappingData {
                        wrapping_method: WrappingMethod::Encrypt,
                        encryption_key_information: Some(information(&under)),
                        mac_signature_key_information: None,
                        mac_signature: None,
                        iv_counter_nonce: None,
                        encoding_option: option,
                    })),
                    ..KeyBlock::of(KeyFormatType::Raw, Secret::copy_of(&[]))
                },
            }
            .into(),
            protection_storage_masks: None,
        };
        let again = house.ask(&alice(), register).unwrap().unique_identifier.0;
        let open = GetRequest { key_wrap_type: Some(KeyWrapType::NotWrapped), ..get(&again, None) };
        assert_eq!(plain(&house.ask(&alice(), open).unwrap().object), bytes, "{option:?}");
    }
}

#[test]
fn a_key_that_wraps_a_sensitive_one_encrypts_nothing_any_more() {
    let house = House::new();
    let under = wrapping_key(&house);
    let encrypt = || EncryptRequest {
        unique_identifier: Some(under.as_str().into()),
        cryptographic_parameters: None,
        data: Some(Secret::copy_of(b"data")),
        iv_counter_nonce: None,
        correlation_value: None,
        init_indicator: None,
        final_indicator: None,
        authenticated_encryption_additional_data: None,
    };
    house.ask(&alice(), encrypt()).unwrap();
    let sensitive = key(CryptographicUsageMask::Encrypt, &[Attribute::Sensitive(true)]);
    let id = house.ask(&alice(), sensitive).unwrap().unique_identifier.0;
    assert_eq!(house.ask(&alice(), get(&id, None)).unwrap_err().reason, ResultReason::Sensitive);
    house.ask(&alice(), get(&id, Some((&under, None)))).unwrap();
    let refusal = house.ask(&alice(), encrypt()).unwrap_err();
    assert_eq!(refusal.reason, ResultReason::IncompatibleCryptographicUsageMask);
    house.ask(&alice(), get(&id, Some((&under, None)))).unwrap();
}

#[test]
fn what_may_not_be_wrapped_or_wrap_is_refused_by_its_reason() {
    let house = House::new();
    let under = wrapping_key(&house);
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let fixed = key(CryptographicUsageMask::Encrypt, &[Attribute::Extractable(false)]);
    let fixed = house.ask(&alice(), fixed).unwrap().unique_identifier.0;
    let mine = house.ask(&bob(), aes("b")).unwrap().unique_identifier.0;
    let idle = house.aes(&alice(), "idle");
    let rows = [
        ("a key that never leaves", &alice(), &fixed, under.as_str(), ResultReason::NotExtractable),
        ("under nothing", &alice(), &id, "nothing", ResultReason::WrappingObjectNotFound),
        ("under another's key", &bob(), &mine, under.as_str(), ResultReason::WrappingObjectNotFound),
        (
            "under a key that does not wrap",
            &alice(),
            &id,
            idle.as_str(),
            ResultReason::IncompatibleCryptographicUsageMask,
        ),
    ];
    for (name, caller, id, under, reason) in rows {
        assert_eq!(house.ask(caller, get(id, Some((under, None)))).unwrap_err().reason, reason, "{name}");
    }
}
