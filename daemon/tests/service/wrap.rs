//! Keys that leave under another key.

use strongroom::{caller::Caller, service::Order};
use strongroom_kmip::{
    attribute::Attribute,
    attribute::{CryptographicParameters, Template},
    code::{
        BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, DigitalSignatureAlgorithm, EncodingOption,
        KeyFormatType, KeyWrapType, ObjectType, ResultReason, WrappingMethod,
    },
    object::{
        EncryptionKeyInformation, KeyBlock, KeyMaterial, KeyValue, KeyWrappingData, KeyWrappingSpecification,
        MACSignatureKeyInformation, Object, SymmetricKey,
    },
    payload::{
        ActivateRequest, CreateKeyPairRequest, CreateRequest, EncryptRequest, GetRequest, ImportRequest,
        RegisterRequest,
    },
    secret::Secret,
};

use crate::house::{House, aes, alice, bob, operator};

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
        key_wrapping_specification: specification,
        ..GetRequest::default()
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
        data: Some(Secret::copy_of(b"data")),
        ..EncryptRequest::default()
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

/// A key of HMAC-SHA-256 that makes and checks MACs, activated.
fn mac_key(house: &House) -> String {
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::HMAC_SHA256),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::MACGenerate | CryptographicUsageMask::MACVerify),
    ];
    let request = CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: attributes.into_iter().collect(),
        protection_storage_masks: None,
    };
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    id
}

/// A Get that wraps under both keys, in this way, with these attributes.
fn both(id: &str, under: &str, mac: &str, wrapping_method: WrappingMethod, names: &[&str]) -> GetRequest {
    let specification = KeyWrappingSpecification {
        wrapping_method,
        encryption_key_information: Some(information(under)),
        mac_signature_key_information: Some(MACSignatureKeyInformation {
            unique_identifier: mac.into(),
            cryptographic_parameters: None,
        }),
        attribute_name: names.iter().map(|name| (*name).to_owned()).collect(),
        encoding_option: None,
    };
    GetRequest { key_wrapping_specification: Some(Box::new(specification)), ..get(id, None) }
}

fn import(id: &str, object: Object, attributes: &[Attribute]) -> ImportRequest {
    ImportRequest {
        unique_identifier: id.into(),
        object_type: object.object_type(),
        replace_existing: None,
        key_wrap_type: Some(KeyWrapType::NotWrapped),
        attributes: attributes.iter().cloned().collect(),
        object,
    }
}

const METHODS: [(&str, WrappingMethod); 3] = [
    ("MAC alone", WrappingMethod::MACSign),
    ("MAC over what is encrypted", WrappingMethod::EncryptThenMACSign),
    ("MAC under the encryption", WrappingMethod::MACSignThenEncrypt),
];

fn mask() -> Attribute {
    Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt)
}

#[test]
fn a_key_that_is_authenticated_comes_back_only_as_it_left() {
    let house = House::new();
    let (under, mac) = (wrapping_key(&house), mac_key(&house));
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let key = plain(&house.ask(&alice(), get(&id, None)).unwrap().object);
    for (name, method) in METHODS {
        let wrapped = || house.ask(&alice(), both(&id, &under, &mac, method, &[])).unwrap().object;
        house.ask(&alice(), import(&format!("sound-{}", method.0), wrapped(), &[mask()])).unwrap();
        let back = house.ask(&alice(), get(&format!("sound-{}", method.0), None)).unwrap().object;
        assert_eq!(plain(&back), key, "{name}");
        let mut bent = wrapped();
        let data = bent.key_block_mut().unwrap().key_wrapping_data.as_mut().unwrap();
        data.mac_signature.as_mut().unwrap().0[3] ^= 1;
        let refused = house.ask(&alice(), import("bent", bent, &[mask()])).unwrap_err();
        assert_eq!(refused.reason, ResultReason::CryptographicFailure, "{name}");
        let mut bare = wrapped();
        bare.key_block_mut().unwrap().key_wrapping_data.as_mut().unwrap().mac_signature = None;
        let refused = house.ask(&alice(), import("bare", bare, &[mask()])).unwrap_err();
        assert_eq!(refused.reason, ResultReason::MissingData, "{name}");
    }
}

#[test]
fn a_sensitive_key_does_not_leave_under_a_mac_alone() {
    let house = House::new();
    let (under, mac) = (wrapping_key(&house), mac_key(&house));
    let request = key(CryptographicUsageMask::Encrypt, &[Attribute::Sensitive(true)]);
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    let open = house.ask(&alice(), both(&id, &under, &mac, WrappingMethod::MACSign, &[])).unwrap_err();
    assert_eq!(open.reason, ResultReason::Sensitive);
    assert!(house.ask(&alice(), both(&id, &under, &mac, WrappingMethod::EncryptThenMACSign, &[])).is_ok());
}

#[test]
fn attributes_are_wrapped_with_the_key_where_asked_and_cannot_be_contradicted() {
    let house = House::new();
    let (under, mac) = (wrapping_key(&house), mac_key(&house));
    let request = key(CryptographicUsageMask::Encrypt, &[Attribute::Extractable(true)]);
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    let names = ["Cryptographic Usage Mask", "Extractable"];
    let wrapped =
        || house.ask(&alice(), both(&id, &under, &mac, WrappingMethod::EncryptThenMACSign, &names)).unwrap().object;
    let looser = house.ask(&alice(), import("looser", wrapped(), &[mask()])).unwrap_err();
    assert_eq!(looser.reason, ResultReason::InvalidAttributeValue);
    house.ask(&alice(), import("same", wrapped(), &[])).unwrap();
    let request = strongroom_kmip::payload::GetAttributesRequest {
        unique_identifier: Some("same".into()),
        attribute_reference: strongroom_kmip::attribute::References(vec![]),
    };
    let told = house.ask(&alice(), request).unwrap().attributes.0;
    let expected = Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt);
    assert!(told.iter().any(|instance| instance.attribute == expected));
    let mut bare = both(&id, &under, &mac, WrappingMethod::Encrypt, &names);
    bare.key_wrapping_specification.as_mut().unwrap().encoding_option = Some(EncodingOption::NoEncoding);
    let refused = house.ask(&alice(), bare).unwrap_err();
    assert_eq!(refused.reason, ResultReason::EncodingOptionError, "bare bytes have no room for attributes");
}

#[test]
fn a_key_leaves_under_gcm_with_a_fresh_nonce() {
    let house = House::new();
    let under = wrapping_key(&house);
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let key = plain(&house.ask(&alice(), get(&id, None)).unwrap().object);
    let wrapped = || {
        let mut request = get(&id, Some((&under, None)));
        let specification = request.key_wrapping_specification.as_mut().unwrap();
        let parameters = specification.encryption_key_information.as_mut().unwrap();
        parameters.cryptographic_parameters.as_mut().unwrap().block_cipher_mode = Some(BlockCipherMode::GCM);
        house.ask(&alice(), request).unwrap().object
    };
    let nonce = |object: &Object| {
        object.key_block().unwrap().key_wrapping_data.as_ref().unwrap().iv_counter_nonce.clone().unwrap()
    };
    let (one, other) = (wrapped(), wrapped());
    assert_eq!(nonce(&one).0.len(), 12);
    assert_ne!(nonce(&one), nonce(&other));
    house.ask(&alice(), import("back", one, &[mask()])).unwrap();
    assert_eq!(plain(&house.ask(&alice(), get("back", None)).unwrap().object), key);
    let mut lost = other;
    lost.key_block_mut().unwrap().key_wrapping_data.as_mut().unwrap().iv_counter_nonce = None;
    assert!(house.ask(&alice(), import("lost", lost, &[mask()])).is_err());
}

/// What is told of an object that is imported with the claim that it was always sensitive and never extractable.
fn believed(house: &House, id: &str, object: Object) -> [bool; 3] {
    let claims = [
        mask(),
        Attribute::Sensitive(true),
        Attribute::AlwaysSensitive(true),
        Attribute::Extractable(false),
        Attribute::NeverExtractable(true),
    ];
    house.ask(&alice(), import(id, object, &claims)).unwrap();
    let request = strongroom_kmip::payload::GetAttributesRequest {
        unique_identifier: Some(id.into()),
        attribute_reference: strongroom_kmip::attribute::References(vec![]),
    };
    let told = house.ask(&alice(), request).unwrap().attributes.0;
    [Attribute::Sensitive(true), Attribute::AlwaysSensitive(true), Attribute::NeverExtractable(true)]
        .map(|claim| told.iter().any(|instance| instance.attribute == claim))
}

#[test]
fn what_an_import_says_of_the_past_is_believed_of_nobody_who_could_have_made_it_up() {
    let house = House::new();
    let (under, mac) = (wrapping_key(&house), mac_key(&house));
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let open = house.ask(&alice(), get(&id, None)).unwrap().object;
    assert_eq!(believed(&house, "open", open), [true, false, false], "in the open");
    let wrapped = house.ask(&alice(), get(&id, Some((&under, None)))).unwrap().object;
    assert_eq!(believed(&house, "wrapped", wrapped), [true, false, false], "encrypted alone");
    for (name, method) in METHODS {
        let wrapped = house.ask(&alice(), both(&id, &under, &mac, method, &[])).unwrap().object;
        assert_eq!(believed(&house, &format!("mac-{}", method.0), wrapped), [true, false, false], "{name}");
    }
    let (private, public) = signer(&house);
    let method = WrappingMethod::EncryptThenMACSign;
    let signed = house.ask(&alice(), both(&id, &under, &private, method, &[])).unwrap().object;
    assert_eq!(believed(&house, "own", signed), [true, false, false], "signed with a pair that is here");
    for (name, brought, expected) in [
        ("checked with a public key of the importer's", &alice(), [true, false, false]),
        ("checked with a public key that another has brought", &bob(), [true, true, true]),
    ] {
        let verifies = foreign(&house, brought, &public);
        let mut signed = house.ask(&alice(), both(&id, &under, &private, method, &[])).unwrap().object;
        let data = signed.key_block_mut().unwrap().key_wrapping_data.as_mut().unwrap();
        data.mac_signature_key_information.as_mut().unwrap().unique_identifier = verifies.as_str().into();
        assert_eq!(believed(&house, &format!("signed-{verifies}"), signed), expected, "{name}");
    }
}

/// A pair of alice's that signs, activated.
fn signer(house: &House) -> (String, String) {
    let mask = |mask| Some([Attribute::CryptographicUsageMask(mask)].into_iter().collect::<Template>());
    let common = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::RSA),
        Attribute::CryptographicLength(2048),
        Attribute::CryptographicParameters(Box::new(signs())),
    ];
    let request = CreateKeyPairRequest {
        common_attributes: Some(common.iter().cloned().collect()),
        private_key_attributes: mask(CryptographicUsageMask::Sign),
        public_key_attributes: mask(CryptographicUsageMask::Verify),
        ..CreateKeyPairRequest::default()
    };
    let made = house.ask(&alice(), request).unwrap();
    let (private, public) = (made.private_key_unique_identifier.0, made.public_key_unique_identifier.0);
    for id in [&private, &public] {
        house.ask(&alice(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    }
    (private, public)
}

/// Alice's public key as somebody brings it who has it from elsewhere, and lets alice use it, activated.
fn foreign(house: &House, by: &Caller, public: &str) -> String {
    let object = house.ask(&alice(), get(public, None)).unwrap().object;
    let attributes = [
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Verify),
        Attribute::CryptographicParameters(Box::new(signs())),
    ];
    let register = RegisterRequest {
        object_type: ObjectType::PublicKey,
        attributes: attributes.into_iter().collect(),
        object,
        protection_storage_masks: None,
    };
    let id = house.ask(by, register).unwrap().unique_identifier.0;
    house.ask(by, ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    let grant = Order::KeyGrant { id: id.clone(), to: "client:alice".to_owned(), level: Some("use".to_owned()) };
    house.service.order(&operator(), grant).unwrap();
    id
}

fn signs() -> CryptographicParameters {
    CryptographicParameters {
        digital_signature_algorithm: Some(DigitalSignatureAlgorithm::SHA_256WithRSAEncryption),
        ..CryptographicParameters::default()
    }
}

#[test]
fn a_key_that_has_unwrapped_a_sensitive_one_for_an_import_decrypts_nothing_any_more() {
    let house = House::new();
    let under = wrapping_key(&house);
    let id = house.ask(&alice(), aes("k")).unwrap().unique_identifier.0;
    let wrapped = || house.ask(&alice(), get(&id, Some((&under, None)))).unwrap().object;
    let may = || {
        let request = strongroom_kmip::payload::GetAttributesRequest {
            unique_identifier: Some(under.as_str().into()),
            attribute_reference: strongroom_kmip::attribute::References(vec![]),
        };
        let told = house.ask(&alice(), request).unwrap().attributes.0;
        let all = told.iter().find_map(|instance| match instance.attribute {
            Attribute::CryptographicUsageMask(mask) => Some(mask.contains(CryptographicUsageMask::Encrypt)),
            _ => None,
        });
        all.unwrap()
    };
    house.ask(&alice(), import("plain", wrapped(), &[mask()])).unwrap();
    assert!(may());
    house.ask(&alice(), import("secret", wrapped(), &[mask(), Attribute::Sensitive(true)])).unwrap();
    assert!(!may());
}
