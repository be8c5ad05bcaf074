//! Keys that leave under trusted keys alone, and what else a key says that binds whoever comes by another door.

use strongroom::{
    caller::{Caller, Front, Principal, Role, Scope},
    service::Ask,
};
use strongroom_kmip::{
    attribute::{Attribute as Kept, CryptographicParameters, Kind, One, Reference, Template, Vendor},
    code::{
        AdjustmentType, BlockCipherMode, CryptographicAlgorithm, DerivationMethod, EncodingOption, HashingAlgorithm,
        ObjectType, ResultReason, WrappingMethod,
    },
    object::{EncryptionKeyInformation, KeyWrappingSpecification},
    operation::Ask as Kmip,
    payload::{
        AdjustAttributeRequest, CreateRequest, DeleteAttributeRequest, DerivationParameters, DeriveKeyRequest,
        EncryptRequest, GetRequest, LocateRequest, SetAttributeRequest, SignRequest,
    },
    secret::Secret,
    ttlv::Any,
    version::V2_1,
};
use strongroom_pkcs11_wire::{
    Attribute, AttributeType, Mechanism, MechanismType, Rv,
    attribute::Value,
    call::request,
    number::UserType,
    value::{Output, Room},
};

use crate::house::{Client, House, OFFICER, P256, RW, lasting_aes, lasts, truth};

/// Asks over KMIP what the user of the socket could ask there.
fn over_kmip<A: Kmip>(house: &House, request: A) -> Result<A::Answer, ResultReason> {
    let caller = Caller {
        principal: Principal::User(nix::unistd::getuid().as_raw()),
        role: Role::User,
        front: Front::Kmip,
        from: "a test".to_owned(),
        scope: Scope::Everything,
    };
    let answer = house.service.answer(&caller, Ask::new(request, V2_1, 1));
    answer.receipt.wait().unwrap();
    answer.outcome.map(|response| A::answer(response).unwrap()).map_err(|refusal| refusal.reason)
}

/// The identifier of what was made last.
fn newest(house: &House) -> String {
    let everything = LocateRequest { attributes: [].into_iter().collect(), ..LocateRequest::default() };
    over_kmip(house, everything).unwrap().unique_identifier.remove(0).0
}

fn wrapped(id: &str, under: &str) -> GetRequest {
    GetRequest {
        unique_identifier: Some(id.into()),
        key_wrapping_specification: Some(Box::new(KeyWrappingSpecification {
            wrapping_method: WrappingMethod::Encrypt,
            encryption_key_information: Some(EncryptionKeyInformation {
                unique_identifier: under.into(),
                cryptographic_parameters: None,
            }),
            mac_signature_key_information: None,
            attribute_name: Vec::new(),
            encoding_option: Some(EncodingOption::NoEncoding),
        })),
        ..GetRequest::default()
    }
}

/// An attribute of PKCS#11's as KMIP has it.
fn kept(name: &str, value: Any) -> Kept {
    Kept::Vendor(Vendor { vendor: "PKCS11".to_owned(), name: name.to_owned(), value })
}

fn set(house: &House, id: &str, attribute: Kept) -> Result<(), ResultReason> {
    let new_attribute = One(attribute.into());
    over_kmip(house, SetAttributeRequest { unique_identifier: Some(id.into()), new_attribute }).map(|_| ())
}

fn trust(client: &mut Client, session: u64, object: u64) -> Result<(), Rv> {
    let template = vec![truth(AttributeType::TRUSTED, true)];
    client.ask(request::SetAttributeValue { session, object, template }).map(|_| ())
}

fn wrap(client: &mut Client, session: u64, wrapping: u64, key: u64) -> Result<Output, Rv> {
    let mechanism = Mechanism::plain(MechanismType::AES_KEY_WRAP);
    client
        .ask(request::WrapKey { session, mechanism, wrapping, key, room: Room::Bytes(64) })
        .map(|wrapped| wrapped.output)
}

#[test]
fn the_security_officer_alone_says_which_keys_are_trusted() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mut template = lasting_aes("wrapping");
    template.extend([truth(AttributeType::WRAP, true), truth(AttributeType::PRIVATE, false)]);
    let wrapping = client.aes(session, template).unwrap();
    let under = newest(&house);
    let mut template = lasting_aes("trusting");
    template.extend([truth(AttributeType::EXTRACTABLE, true), truth(AttributeType::WRAP_WITH_TRUSTED, true)]);
    let trusting = client.aes(session, template).unwrap();
    let id = newest(&house);
    assert_eq!(trust(&mut client, session, wrapping), Err(Rv::ATTRIBUTE_READ_ONLY), "the user says so");
    let said = || kept("CKA_TRUSTED", Any::of(&true));
    assert_eq!(set(&house, &under, said()), Err(ResultReason::PermissionDenied), "KMIP says so");
    let born = CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: Template {
            names: Vec::new(),
            attributes: [
                Kept::CryptographicAlgorithm(CryptographicAlgorithm::AES),
                Kept::CryptographicLength(256),
                said(),
            ]
            .map(Into::into)
            .to_vec(),
        },
        protection_storage_masks: None,
    };
    assert_eq!(over_kmip(&house, born).err(), Some(ResultReason::PermissionDenied), "a key says so of itself");
    let template = vec![truth(AttributeType::TRUSTED, true)];
    assert_eq!(client.aes(session, template).err(), Some(Rv::ATTRIBUTE_VALUE_INVALID), "a template says so");
    assert_eq!(wrap(&mut client, session, wrapping, trusting).err(), Some(Rv::KEY_NOT_WRAPPABLE));

    let mut officer = house.attach(2);
    let desk = officer.session(RW);
    officer.log_in(desk, UserType::SO, OFFICER).unwrap();
    let seen = officer.find(desk, vec![Attribute::bytes(AttributeType::LABEL, *b"wrapping")]);
    trust(&mut officer, desk, seen[0]).unwrap();
    assert!(wrap(&mut client, session, wrapping, trusting).is_ok());
    assert!(over_kmip(&house, wrapped(&id, &under)).is_ok(), "through KMIP too");
    assert_eq!(set(&house, &under, kept("CKA_TRUSTED", Any::of(&false))), Err(ResultReason::PermissionDenied));
    let copy = request::CopyObject { session, object: wrapping, template: Vec::new() };
    let copy = client.ask(copy).unwrap().copy;
    assert_eq!(wrap(&mut client, session, copy, trusting).err(), Some(Rv::KEY_NOT_WRAPPABLE), "a copy is another key");
}

#[test]
fn what_pkcs_11_has_said_of_a_key_once_and_for_all_is_not_unsaid_through_kmip() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mut template = lasting_aes("bound");
    let inner = || Value::Template(vec![truth(AttributeType::SENSITIVE, true)]);
    template.extend([
        Attribute::new(AttributeType::UNWRAP_TEMPLATE, inner()),
        Attribute::new(AttributeType::DERIVE_TEMPLATE, inner()),
        Attribute::new(AttributeType::ALLOWED_MECHANISMS, Value::Ulongs(vec![MechanismType::AES_GCM.0])),
        truth(AttributeType::MODIFIABLE, false),
        truth(AttributeType::DESTROYABLE, false),
    ]);
    client.aes(session, template).unwrap();
    let id = newest(&house);
    let nothing = || Any::of(&strongroom_kmip::ttlv::Bytes(Vec::new()));
    for (name, value) in [
        ("CKA_UNWRAP_TEMPLATE", nothing()),
        ("CKA_DERIVE_TEMPLATE", nothing()),
        ("CKA_ALLOWED_MECHANISMS", nothing()),
        ("CKA_MODIFIABLE", Any::of(&true)),
        ("CKA_DESTROYABLE", Any::of(&true)),
        ("CKA_TOKEN", Any::of(&false)),
        ("CKA_PRIVATE", Any::of(&false)),
        ("CKA_KEY_TYPE", Any::of(&0_i64)),
    ] {
        assert_eq!(set(&house, &id, kept(name, value)), Err(ResultReason::AttributeReadOnly), "{name} is set");
        let kind = Kind::Vendor { vendor: "PKCS11".to_owned(), name: name.to_owned() };
        let delete = DeleteAttributeRequest {
            unique_identifier: Some(id.as_str().into()),
            attribute_name: None,
            attribute_index: None,
            current_attribute: None,
            attribute_reference: Some(Reference(kind)),
        };
        assert!(over_kmip(&house, delete).is_err(), "{name} is deleted");
    }
    for (name, value) in [("CKA_LABEL", Any::text("new")), ("CKA_WRAP_WITH_TRUSTED", Any::of(&true))] {
        assert_eq!(set(&house, &id, kept(name, value)), Ok(()), "{name} may be set");
    }
    assert_eq!(
        set(&house, &id, kept("CKA_WRAP_WITH_TRUSTED", Any::of(&false))),
        Err(ResultReason::AttributeReadOnly),
        "and stays"
    );
}

fn sign(id: &str) -> SignRequest {
    SignRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(CryptographicParameters {
            hashing_algorithm: Some(HashingAlgorithm::SHA_256),
            ..CryptographicParameters::default()
        }),
        data: Some(Secret::copy_of(b"data")),
        ..SignRequest::default()
    }
}

#[test]
fn a_key_that_wants_to_see_a_pin_each_time_is_not_used_where_none_is_shown() {
    let house = House::new();
    let (mut client, session) = house.user();
    for (name, more, expected) in [
        ("it wants none", vec![], None),
        ("it wants one", vec![truth(AttributeType::ALWAYS_AUTHENTICATE, true)], Some(ResultReason::PermissionDenied)),
    ] {
        let public = vec![Attribute::bytes(AttributeType::EC_PARAMS, P256), lasts()];
        let private = more.into_iter().chain([lasts(), truth(AttributeType::SIGN, true)]).collect();
        let mechanism = Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN);
        client.ask(request::GenerateKeyPair { session, mechanism, public, private }).unwrap();
        assert_eq!(over_kmip(&house, sign(&private_of(&house))).err(), expected, "{name}");
    }
}

/// The private key that was made last.
fn private_of(house: &House) -> String {
    let private = LocateRequest {
        attributes: [Kept::ObjectType(ObjectType::PrivateKey)].into_iter().collect(),
        ..LocateRequest::default()
    };
    over_kmip(house, private).unwrap().unique_identifier.remove(0).0
}

#[test]
fn templates_and_lists_of_a_key_bind_those_who_come_through_kmip() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mut template = lasting_aes("base");
    let inner = Value::Template(vec![truth(AttributeType::SENSITIVE, true)]);
    template.extend([truth(AttributeType::DERIVE, true), Attribute::new(AttributeType::DERIVE_TEMPLATE, inner)]);
    client.aes(session, template).unwrap();
    let derive = DeriveKeyRequest {
        object_type: ObjectType::SymmetricKey,
        unique_identifier: vec![newest(&house).as_str().into()],
        derivation_method: DerivationMethod::HASH,
        derivation_parameters: DerivationParameters {
            cryptographic_parameters: Some(CryptographicParameters {
                hashing_algorithm: Some(HashingAlgorithm::SHA_256),
                ..CryptographicParameters::default()
            }),
            initialization_vector: None,
            derivation_data: Vec::new(),
            salt: None,
            iteration_count: None,
        },
        attributes: Some(Template {
            names: Vec::new(),
            attributes: [Kept::CryptographicAlgorithm(CryptographicAlgorithm::AES), Kept::CryptographicLength(256)]
                .map(Into::into)
                .to_vec(),
        }),
    };
    assert_eq!(over_kmip(&house, derive).err(), Some(ResultReason::PermissionDenied), "a template");

    let mut template = lasting_aes("listing");
    let listed = Value::Ulongs(vec![MechanismType::AES_CBC_PAD.0]);
    template.push(Attribute::new(AttributeType::ALLOWED_MECHANISMS, listed));
    client.aes(session, template).unwrap();
    let id = newest(&house);
    for (name, mode, fine) in [("listed", BlockCipherMode::CBC, true), ("not listed", BlockCipherMode::CTR, false)] {
        let encrypt = EncryptRequest {
            unique_identifier: Some(id.as_str().into()),
            cryptographic_parameters: Some(CryptographicParameters {
                block_cipher_mode: Some(mode),
                padding_method: fine.then_some(strongroom_kmip::code::PaddingMethod::PKCS5),
                ..CryptographicParameters::default()
            }),
            data: Some(Secret::copy_of(b"data")),
            iv_counter_nonce: Some(strongroom_kmip::ttlv::Bytes(vec![0; 16])),
            ..EncryptRequest::default()
        };
        assert_eq!(over_kmip(&house, encrypt).is_ok(), fine, "{name}");
    }
}

#[test]
fn a_key_that_trusts_few_does_not_leave_under_another_through_kmip_either() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mut template = lasting_aes("trusting");
    template.extend([
        truth(AttributeType::EXTRACTABLE, true),
        truth(AttributeType::SENSITIVE, false),
        truth(AttributeType::WRAP_WITH_TRUSTED, true),
    ]);
    client.aes(session, template).unwrap();
    let id = newest(&house);
    let mut template = lasting_aes("wrapping");
    template.extend([truth(AttributeType::WRAP, true), truth(AttributeType::UNWRAP, true)]);
    client.aes(session, template).unwrap();
    let under = newest(&house);
    assert_ne!(id, under);
    let wrapped = || wrapped(&id, &under);
    assert_eq!(over_kmip(&house, wrapped()).err(), Some(ResultReason::KeyWrapTypeNotSupported));
    let kind = || Kind::Vendor { vendor: "PKCS11".to_owned(), name: "CKA_WRAP_WITH_TRUSTED".to_owned() };
    let negate = AdjustAttributeRequest {
        unique_identifier: Some(id.as_str().into()),
        attribute_reference: Reference(kind()),
        adjustment_type: AdjustmentType::Negate,
        adjustment_value: None,
    };
    assert_eq!(over_kmip(&house, negate).err(), Some(ResultReason::AttributeReadOnly), "it is not turned round");
    let delete = DeleteAttributeRequest {
        unique_identifier: Some(id.as_str().into()),
        attribute_name: None,
        attribute_index: None,
        current_attribute: None,
        attribute_reference: Some(Reference(kind())),
    };
    assert_eq!(over_kmip(&house, delete).err(), Some(ResultReason::AttributeReadOnly), "nor taken away");
    assert_eq!(over_kmip(&house, wrapped()).err(), Some(ResultReason::KeyWrapTypeNotSupported));
}
