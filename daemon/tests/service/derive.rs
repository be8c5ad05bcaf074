//! Keys and secrets that are made of others.

use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Link, References, Template},
    code::{
        BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, DerivationMethod, HashingAlgorithm,
        KeyFormatType, LinkType, ObjectType, ResultReason, SecretDataType,
    },
    object::{KeyBlock, KeyMaterial, KeyValue, Object, SecretData, SymmetricKey},
    operation::Ask as Asks,
    payload::{
        CreateRequest, DerivationParameters, DeriveKeyRequest, GetAttributesRequest, GetRequest, RegisterRequest,
        RevokeRequest,
    },
    secret::Secret,
    ttlv::{Bytes, DateTime},
    version::V2_1,
};

use strongroom::{
    service::{Ask, Order, Report, SlotTerms},
    vault::{Grant, Level, ObjectId},
};

use crate::house::{House, NOON, alice, bob, operator};

const DERIVES: CryptographicUsageMask = CryptographicUsageMask::DeriveKey;

fn template(attributes: Vec<Attribute>) -> Template {
    attributes.into_iter().collect()
}

/// An active AES key of the bytes 0, 1, 2 and so on.
fn key(house: &House, mask: CryptographicUsageMask, more: &[Attribute]) -> String {
    let key_block = KeyBlock::of(KeyFormatType::Raw, Secret::new((0..16).collect()));
    let mut attributes = vec![
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(128),
        Attribute::CryptographicUsageMask(mask),
        Attribute::ActivationDate(DateTime(NOON - 1)),
    ];
    attributes.extend_from_slice(more);
    register(house, ObjectType::SymmetricKey, attributes, SymmetricKey { key_block }.into())
}

fn secret(house: &House, bytes: &[u8]) -> String {
    let key_block = KeyBlock::of(KeyFormatType::Opaque, Secret::copy_of(bytes));
    let attributes = vec![Attribute::CryptographicUsageMask(DERIVES), Attribute::ActivationDate(DateTime(NOON - 1))];
    let object = SecretData { secret_data_type: SecretDataType::Password, key_block };
    register(house, ObjectType::SecretData, attributes, object.into())
}

fn register(house: &House, object_type: ObjectType, attributes: Vec<Attribute>, object: Object) -> String {
    let request =
        RegisterRequest { object_type, attributes: template(attributes), object, protection_storage_masks: None };
    house.ask(&alice(), request).unwrap().unique_identifier.0
}

fn given(data: &[&[u8]]) -> DerivationParameters {
    DerivationParameters {
        cryptographic_parameters: Some(CryptographicParameters {
            hashing_algorithm: Some(HashingAlgorithm::SHA_256),
            ..CryptographicParameters::default()
        }),
        initialization_vector: None,
        derivation_data: data.iter().map(|data| Secret::copy_of(data)).collect(),
        salt: None,
        iteration_count: None,
    }
}

fn derive(ids: &[&str], method: DerivationMethod, parameters: DerivationParameters, bits: i32) -> DeriveKeyRequest {
    DeriveKeyRequest {
        object_type: ObjectType::SymmetricKey,
        unique_identifier: ids.iter().map(|id| (*id).into()).collect(),
        derivation_method: method,
        derivation_parameters: parameters,
        attributes: Some(template(vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(bits),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt),
        ])),
    }
}

fn get(house: &House, id: &str) -> Result<Vec<u8>, ResultReason> {
    let request = GetRequest { unique_identifier: Some(id.into()), ..GetRequest::default() };
    let object = house.ask(&alice(), request).map_err(|refusal| refusal.reason)?.object;
    match &object.key_block().unwrap().key_value {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => Ok(bytes.reveal().to_vec()),
        other => panic!("no plain bytes: {other:?}"),
    }
}

fn attributes(house: &House, id: &str) -> Vec<Attribute> {
    let request = GetAttributesRequest { unique_identifier: Some(id.into()), attribute_reference: References(vec![]) };
    let listed = house.ask(&alice(), request).unwrap().attributes.0;
    listed.into_iter().map(|instance| instance.attribute).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn data_come_as_bytes_or_as_a_secret_beside_the_key() {
    let house = House::new();
    let (base, data) = (key(&house, DERIVES, &[]), secret(&house, b"label\0context"));
    let cmac = |data: &[&[u8]]| DerivationParameters {
        cryptographic_parameters: Some(CryptographicParameters {
            block_cipher_mode: Some(BlockCipherMode::CMAC),
            ..CryptographicParameters::default()
        }),
        ..given(data)
    };
    let counter = DerivationMethod::NIST800_108_C;
    for (name, request) in [
        ("as bytes", derive(&[&base], counter, cmac(&[b"label\0context"]), 256)),
        ("as a secret", derive(&[&base, &data], counter, cmac(&[]), 256)),
        ("as a secret named first", derive(&[&data, &base], counter, cmac(&[]), 256)),
    ] {
        let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
        let expected = "042226feaeda38b74d524e5778eac4bf3532e39ce7c2552c025c69c9d0b56d7b";
        assert_eq!(hex(&get(&house, &id).unwrap()), expected, "{name}");
    }
}

#[test]
fn a_password_becomes_a_key() {
    let house = House::new();
    let parameters = DerivationParameters {
        cryptographic_parameters: None,
        salt: Some(Secret::copy_of(b"salt")),
        iteration_count: Some(4096),
        ..given(&[])
    };
    let base = secret(&house, b"password");
    let id = house.ask(&alice(), derive(&[&base], DerivationMethod::PBKDF2, parameters, 128)).unwrap();
    assert_eq!(hex(&get(&house, &id.unique_identifier.0).unwrap()), "4b007901b765489abead49d926f721d0");
}

#[test]
fn base_and_derived_lead_to_each_other() {
    let house = House::new();
    let base = key(&house, DERIVES, &[]);
    let request = DeriveKeyRequest {
        object_type: ObjectType::SecretData,
        attributes: Some(template(vec![Attribute::CryptographicLength(104)])),
        ..derive(&[&base], DerivationMethod::HKDF, given(&[]), 0)
    };
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    assert_eq!(get(&house, &id).unwrap().len(), 13);
    let up = Attribute::Link(Link::to(LinkType::DerivationBaseObjectLink, &base));
    let down = Attribute::Link(Link::to(LinkType::DerivedKeyLink, &id));
    assert!(attributes(&house, &id).contains(&up));
    assert!(attributes(&house, &base).contains(&down));
}

#[test]
fn what_is_made_of_a_closely_kept_key_is_kept_as_closely() {
    let house = House::new();
    for (name, own, refused) in [
        ("sensitive", Attribute::Sensitive(true), ResultReason::Sensitive),
        ("not extractable", Attribute::Extractable(false), ResultReason::NotExtractable),
    ] {
        let base = key(&house, DERIVES, &[own]);
        let request = || derive(&[&base], DerivationMethod::HMAC, given(&[b"x"]), 128);
        let id = house.ask(&alice(), request()).unwrap().unique_identifier.0;
        assert_eq!(get(&house, &id).unwrap_err(), refused, "{name}");
        for loose in [Attribute::Sensitive(false), Attribute::Extractable(true)] {
            let mut request = request();
            request.attributes.as_mut().unwrap().attributes.push(loose.into());
            let outcome = house.ask(&alice(), request).map(|made| get(&house, &made.unique_identifier.0));
            assert!(!matches!(outcome, Ok(Ok(_))), "{name}");
        }
    }
    let open = key(&house, DERIVES, &[]);
    let mut request = derive(&[&open], DerivationMethod::HMAC, given(&[b"x"]), 128);
    request.attributes.as_mut().unwrap().attributes.push(Attribute::Sensitive(true).into());
    let id = house.ask(&alice(), request).unwrap().unique_identifier.0;
    assert!(attributes(&house, &id).contains(&Attribute::AlwaysSensitive(false)), "its base was not always so");
}

#[test]
fn a_slot_speaks_for_its_own_keys_alone_when_it_lets_what_they_make_be_kept_less_closely() {
    let house = House::new();
    let terms = SlotTerms { open_derivations: Some(vec!["SP800-108-COUNTER".to_owned()]), ..SlotTerms::default() };
    let order = Order::SlotMake { name: "open".to_owned(), terms };
    let Ok(Report::Slot(slot)) = house.service.order(&operator(), order) else { panic!("no slot") };
    let create = CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: template(vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(DERIVES),
            Attribute::ActivationDate(DateTime(NOON - 1)),
            Attribute::Sensitive(true),
        ]),
        protection_storage_masks: None,
    };
    let ask = Ask { slot: Some(slot.key), ..Ask::new(create, V2_1, house.service.number()) };
    let answer = house.service.answer(&alice(), ask);
    answer.receipt.wait().unwrap();
    let base = <CreateRequest as Asks>::answer(answer.outcome.unwrap()).unwrap().unique_identifier.0;
    let key_block = KeyBlock::of(KeyFormatType::Opaque, Secret::copy_of(b"guess me"));
    let attributes = vec![
        Attribute::CryptographicUsageMask(DERIVES),
        Attribute::ActivationDate(DateTime(NOON - 1)),
        Attribute::Sensitive(true),
    ];
    let object = SecretData { secret_data_type: SecretDataType::Password, key_block };
    let data = register(&house, ObjectType::SecretData, attributes, object.into());
    let parameters = |data: &[&[u8]]| {
        let mut parameters = given(data);
        parameters.cryptographic_parameters.as_mut().unwrap().block_cipher_mode = Some(BlockCipherMode::CMAC);
        parameters
    };
    let readable = |ids: &[&str], data: &[&[u8]]| {
        let mut request = derive(ids, DerivationMethod::NIST800_108_C, parameters(data), 256);
        let loose = [Attribute::Sensitive(false), Attribute::Extractable(true)];
        request.attributes.as_mut().unwrap().attributes.extend(loose.map(Into::into));
        house.ask(&alice(), request).is_ok_and(|made| get(&house, &made.unique_identifier.0).is_ok())
    };
    assert!(readable(&[&base], &[b"data"]), "its own key");
    assert!(!readable(&[&base, &data], &[]), "a secret of another slot");
}

#[test]
fn a_key_without_the_right_or_the_life_for_it_is_no_base() {
    let house = House::new();
    let encrypts = key(&house, CryptographicUsageMask::Encrypt, &[]);
    let revoked = key(&house, DERIVES, &[]);
    let reason = strongroom_kmip::attribute::RevocationReason {
        revocation_reason_code: strongroom_kmip::code::RevocationReasonCode::CessationOfOperation,
        revocation_message: None,
    };
    let revoke = RevokeRequest {
        unique_identifier: Some(revoked.as_str().into()),
        revocation_reason: reason,
        compromise_occurrence_date: None,
    };
    house.ask(&alice(), revoke).unwrap();
    let good = key(&house, DERIVES, &[]);
    let hmac = |id: &str| derive(&[id], DerivationMethod::HMAC, given(&[b"x"]), 128);
    for (name, request, reason) in [
        ("no right", hmac(&encrypts), ResultReason::IncompatibleCryptographicUsageMask),
        ("revoked", hmac(&revoked), ResultReason::WrongKeyLifecycleState),
        ("not there", hmac("none"), ResultReason::ItemNotFound),
        ("none at all", derive(&[], DerivationMethod::HMAC, given(&[b"x"]), 128), ResultReason::InvalidField),
        (
            "three",
            derive(&[&good, &good, &good], DerivationMethod::HMAC, given(&[b"x"]), 128),
            ResultReason::InvalidField,
        ),
    ] {
        assert_eq!(house.ask(&alice(), request).unwrap_err().reason, reason, "{name}");
    }
    assert_eq!(house.ask(&bob(), hmac(&good)).unwrap_err().reason, ResultReason::ItemNotFound);
}

#[test]
fn requests_that_lack_something_or_say_it_twice_are_refused() {
    use DerivationMethod as D;
    let house = House::new();
    let (base, data) = (key(&house, DERIVES, &[]), secret(&house, b"data"));
    let nothing = || DerivationParameters { cryptographic_parameters: None, ..given(&[]) };
    let mode = |mode, data: &[&[u8]]| DerivationParameters {
        cryptographic_parameters: Some(CryptographicParameters {
            block_cipher_mode: Some(mode),
            ..CryptographicParameters::default()
        }),
        ..given(data)
    };
    let certificate =
        DeriveKeyRequest { object_type: ObjectType::Certificate, ..derive(&[&base], D::HMAC, given(&[b"x"]), 128) };
    let salted = DerivationParameters { salt: Some(Secret::copy_of(b"salt")), ..given(&[]) };
    let negative =
        DerivationParameters { salt: Some(Secret::copy_of(b"salt")), iteration_count: Some(-1), ..given(&[]) };
    let with_iv = DerivationParameters {
        initialization_vector: Some(Bytes(vec![1; 3])),
        ..mode(BlockCipherMode::CBC, &[&[0; 16]])
    };
    for (name, request, reason) in [
        ("no data", derive(&[&base], D::HMAC, given(&[]), 128), ResultReason::MissingData),
        ("data twice", derive(&[&base], D::HMAC, given(&[b"x", b"y"]), 128), ResultReason::InvalidField),
        ("data both ways", derive(&[&base, &data], D::HMAC, given(&[b"x"]), 128), ResultReason::InvalidField),
        ("data for a hash", derive(&[&base], D::HASH, given(&[b"x"]), 128), ResultReason::InvalidField),
        ("a hash of no name", derive(&[&base], D::HASH, nothing(), 128), ResultReason::MissingData),
        ("longer than a hash", derive(&[&base], D::HASH, given(&[]), 512), ResultReason::InvalidField),
        ("no salt", derive(&[&data], D::PBKDF2, given(&[]), 128), ResultReason::MissingData),
        ("no iterations", derive(&[&data], D::PBKDF2, salted, 128), ResultReason::MissingData),
        ("negative iterations", derive(&[&data], D::PBKDF2, negative, 128), ResultReason::InvalidField),
        ("bits over", derive(&[&base], D::HMAC, given(&[b"x"]), 127), ResultReason::InvalidField),
        ("no AES key", derive(&[&base], D::HMAC, given(&[b"x"]), 136), ResultReason::InvalidField),
        ("a certificate", certificate, ResultReason::InvalidObjectType),
        (
            "GCM, whose nonce would come again",
            derive(&[&base], D::ENCRYPT, mode(BlockCipherMode::GCM, &[b"x"]), 128),
            ResultReason::UnsupportedCryptographicParameters,
        ),
        ("a short IV", derive(&[&base], D::ENCRYPT, with_iv, 128), ResultReason::BadCryptographicParameters),
        ("two symmetric keys", derive(&[&base, &base], D::AsymmetricKey, given(&[]), 128), ResultReason::InvalidField),
        (
            "Amazon's without region",
            derive(&[&data], D::AWSSignatureVersion4, given(&[b"x"]), 128),
            ResultReason::MissingData,
        ),
        (
            "an unknown method",
            derive(&[&base], DerivationMethod(99), given(&[b"x"]), 128),
            ResultReason::FeatureNotSupported,
        ),
    ] {
        assert_eq!(house.ask(&alice(), request).unwrap_err().reason, reason, "{name}");
    }
}

#[test]
fn a_base_keeps_a_bounded_number_of_links() {
    let house = House::new();
    let base = key(&house, DERIVES, &[]);
    let ids: Vec<String> = (0..1030)
        .map(|_| {
            let request = derive(&[&base], DerivationMethod::HMAC, given(&[b"x"]), 128);
            house.ask(&alice(), request).unwrap().unique_identifier.0
        })
        .collect();
    let links: Vec<Attribute> =
        attributes(&house, &base).into_iter().filter(|attribute| matches!(attribute, Attribute::Link(_))).collect();
    assert_eq!(links.len(), 1024);
    let link = |id: &str| Attribute::Link(Link::to(LinkType::DerivedKeyLink, id));
    assert!(links.contains(&link(&ids[1029])) && links.contains(&link(&ids[6])));
    assert!(!links.contains(&link(&ids[5])));
}

#[test]
fn nothing_short_enough_to_guess_is_derived_from_what_is_kept_closely() {
    let house = House::new();
    let base = key(&house, DERIVES, &[Attribute::Sensitive(true)]);
    for (bits, allowed) in [(8, false), (104, false), (112, true)] {
        let request = DeriveKeyRequest {
            object_type: ObjectType::SecretData,
            attributes: Some(template(vec![Attribute::CryptographicLength(bits)])),
            ..derive(&[&base], DerivationMethod::HMAC, given(&[b"x"]), 0)
        };
        assert_eq!(house.ask(&alice(), request).is_ok(), allowed, "{bits}");
    }
}

#[test]
fn secret_data_are_encrypted_into_a_key_only_for_whoever_may_read_them() {
    let house = House::new();
    let data = secret(&house, &[7; 16]);
    let encrypts = |house: &House, caller: &strongroom::caller::Caller, base: &str| {
        let mut request = derive(&[base, &data], DerivationMethod::ENCRYPT, given(&[]), 128);
        let own = request.derivation_parameters.cryptographic_parameters.as_mut().unwrap();
        own.block_cipher_mode = Some(BlockCipherMode::ECB);
        house.ask(caller, request)
    };
    let base = key(&house, DERIVES, &[]);
    assert!(encrypts(&house, &alice(), &base).is_ok(), "the owner may read them");
    for (id, to) in [(&data, Level::Use), (&base, Level::Use)] {
        let mut change = house.vault.begin().unwrap();
        let grant = Grant { to: bob().principal, level: Some(to) };
        house.vault.share(&mut change, &alice(), &ObjectId::from_text(id), grant).unwrap();
        house.vault.commit(change).wait().unwrap();
    }
    let refused = encrypts(&house, &bob(), &base).unwrap_err();
    assert_eq!(refused.reason, ResultReason::ItemNotFound, "whoever may use them may not have them");
    let hmac = derive(&[&base, &data], DerivationMethod::HMAC, given(&[]), 128);
    assert!(house.ask(&bob(), hmac).is_ok(), "what shows nothing of them needs no more than their use");
}
