//! Cryptography through the service: in one go and in parts.

use proptest::prelude::*;
use strongroom::service::{Ask, Order, Together};
use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Listed, RevocationReason, Standard},
    code::{
        BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, ObjectType, PaddingMethod, ResultReason,
        RevocationReasonCode,
    },
    object::{KeyMaterial, KeyValue},
    operation::Request,
    payload::{
        ActivateRequest, CreateRequest, DecryptRequest, DestroyRequest, EncryptRequest, EncryptResponse, ExportRequest,
        ImportRequest, MACRequest, RNGRetrieveRequest, RevokeRequest,
    },
    secret::Secret,
    ttlv::{Bytes, DateTime},
    version::V2_1,
};

use crate::house::{House, alice, bob, operator};

fn encrypt(id: &str, mode: BlockCipherMode, padding: Option<PaddingMethod>, data: &[u8]) -> EncryptRequest {
    EncryptRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(parameters(mode, padding)),
        data: Some(Secret::copy_of(data)),
        ..EncryptRequest::default()
    }
}

fn parameters(mode: BlockCipherMode, padding: Option<PaddingMethod>) -> CryptographicParameters {
    CryptographicParameters {
        block_cipher_mode: Some(mode),
        padding_method: padding,
        ..CryptographicParameters::default()
    }
}

fn decrypt(
    id: &str,
    mode: BlockCipherMode,
    padding: Option<PaddingMethod>,
    sealed: &EncryptResponse,
) -> DecryptRequest {
    DecryptRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(parameters(mode, padding)),
        data: sealed.data.clone(),
        iv_counter_nonce: sealed.iv_counter_nonce.clone(),
        authenticated_encryption_tag: sealed.authenticated_encryption_tag.clone(),
        ..DecryptRequest::default()
    }
}

#[test]
fn what_is_encrypted_is_decrypted_in_every_mode() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    for (mode, padding, data) in [
        (BlockCipherMode::ECB, None, &[1u8; 32][..]),
        (BlockCipherMode::ECB, Some(PaddingMethod::PKCS5), b"seven b"),
        (BlockCipherMode::CBC, None, &[2; 48]),
        (BlockCipherMode::CBC, Some(PaddingMethod::PKCS5), b""),
        (BlockCipherMode::CTR, None, b"any length"),
        (BlockCipherMode::CFB, None, b"any length"),
        (BlockCipherMode::OFB, None, b"any length"),
        (BlockCipherMode::GCM, None, b"with a tag"),
        (BlockCipherMode::CCM, None, b"with a tag"),
        (BlockCipherMode::CCM, None, b""),
    ] {
        let sealed = house.ask(&alice(), encrypt(&id, mode, padding, data)).unwrap();
        assert_eq!(sealed.iv_counter_nonce.is_some(), mode != BlockCipherMode::ECB, "{mode}");
        let authenticates = [BlockCipherMode::GCM, BlockCipherMode::CCM].contains(&mode);
        assert_eq!(sealed.authenticated_encryption_tag.is_some(), authenticates, "{mode}");
        let opened = house.ask(&alice(), decrypt(&id, mode, padding, &sealed)).unwrap();
        assert!(opened.data.unwrap_or_else(|| Secret::copy_of(&[])).same_as(data), "{mode}");
    }
}

#[test]
fn two_keys_of_aes_in_one_are_for_xts_alone() {
    let house = House::new();
    let mut wide = crate::house::aes("disk");
    let attributes = &mut wide.attributes.attributes;
    attributes.retain(|attribute| !format!("{attribute:?}").contains("CryptographicLength"));
    attributes.push(Attribute::CryptographicLength(512).into());
    let id = house.ask(&alice(), wide).unwrap().unique_identifier.0;
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(id.as_str().into()) }).unwrap();
    let sealed = house.ask(&alice(), encrypt(&id, BlockCipherMode::XTS, None, &[3; 37])).unwrap();
    assert_eq!(sealed.data.as_ref().unwrap().0.len(), 37);
    let opened = house.ask(&alice(), decrypt(&id, BlockCipherMode::XTS, None, &sealed)).unwrap();
    assert!(opened.data.unwrap().same_as(&[3; 37]));
    let other = house.ask(&alice(), encrypt(&id, BlockCipherMode::CBC, None, &[3; 32])).unwrap_err();
    assert_eq!(other.reason, ResultReason::BadCryptographicParameters);
    let narrow = house.aes(&alice(), "narrow");
    assert!(house.ask(&alice(), encrypt(&narrow, BlockCipherMode::XTS, None, &[3; 32])).is_err(), "one key of AES");
}

#[test]
fn parameters_that_ccm_cannot_have_are_refused() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    for (why, nonce, tag) in [
        ("no nonce", 0, 16),
        ("a short nonce", 6, 16),
        ("a long nonce", 14, 16),
        ("no tag", 12, 0),
        ("an odd tag", 12, 13),
        ("a long tag", 12, 17),
        ("a tag below the policy", 12, 8),
    ] {
        let mut request = with_nonce(&id, BlockCipherMode::CCM, &vec![7; nonce]);
        request.cryptographic_parameters.as_mut().unwrap().tag_length = Some(tag);
        assert!(house.ask(&alice(), request).is_err(), "{why}");
    }
    assert!(house.ask(&alice(), with_nonce(&id, BlockCipherMode::CCM, &[7; 12])).is_ok());
    assert!(house.ask(&alice(), with_nonce(&id, BlockCipherMode::CCM, &[7; 12])).is_err(), "its nonce was spent");
}

#[test]
fn a_tag_that_does_not_fit_gives_no_plaintext() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let mut sealed = house.ask(&alice(), encrypt(&id, BlockCipherMode::GCM, None, b"plain")).unwrap();
    sealed.authenticated_encryption_tag.as_mut().unwrap().0[0] ^= 1;
    let refusal = house.ask(&alice(), decrypt(&id, BlockCipherMode::GCM, None, &sealed)).unwrap_err();
    assert_eq!(refusal.reason, ResultReason::CryptographicFailure);
}

#[test]
fn a_stream_is_its_owners_alone_and_ends_once() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let mut first = encrypt(&id, BlockCipherMode::ECB, None, &[1; 16]);
    first.init_indicator = Some(true);
    let value = house.ask(&alice(), first).unwrap().correlation_value.unwrap();
    let last = |value: &Bytes| {
        let mut last = encrypt(&id, BlockCipherMode::ECB, None, &[2; 16]);
        (last.correlation_value, last.final_indicator) = (Some(value.clone()), Some(true));
        last
    };
    assert_eq!(house.ask(&bob(), last(&value)).unwrap_err().reason, ResultReason::InvalidCorrelationValue);
    assert_eq!(house.ask(&alice(), last(&value)).unwrap().data.unwrap().0.len(), 16);
    assert!(house.ask(&alice(), last(&value)).is_err(), "the stream has ended");
}

fn with_nonce(id: &str, mode: BlockCipherMode, nonce: &[u8]) -> EncryptRequest {
    let mut request = encrypt(id, mode, None, &[1; 16]);
    request.iv_counter_nonce = Some(Bytes(nonce.to_vec()));
    request
}

#[test]
fn a_nonce_of_the_clients_choosing_is_taken_once_under_one_key() {
    let house = House::new();
    let (id, other) = (house.aes(&alice(), "k"), house.aes(&alice(), "other"));
    let gcm = |id: &str, nonce: &[u8]| house.ask(&alice(), with_nonce(id, BlockCipherMode::GCM, nonce));
    assert!(gcm(&id, &[7; 12]).is_ok());
    let again = gcm(&id, &[7; 12]).unwrap_err();
    assert_eq!(again.reason, ResultReason::BadCryptographicParameters);
    assert!(gcm(&id, &[8; 12]).is_ok(), "another nonce");
    assert!(gcm(&other, &[7; 12]).is_ok(), "another key");
    house.vault.seal();
    house.vault.enter(strongroom::vault::UnsealKey::File(Secret::new(vec![7; 32]))).unwrap();
    assert!(gcm(&id, &[7; 12]).is_err(), "what is remembered outlasts the opening of the vault");
    assert!(gcm(&id, &[8; 12]).is_err());
    assert!(gcm(&id, &[9; 12]).is_ok());
}

#[test]
fn a_nonce_is_spent_by_what_leaves_and_by_nothing_else() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let mut begun = with_nonce(&id, BlockCipherMode::GCM, &[7; 12]);
    begun.init_indicator = Some(true);
    let mut wrong = with_nonce(&id, BlockCipherMode::GCM, &[7; 12]);
    wrong.cryptographic_parameters.as_mut().unwrap().tag_length = Some(5);
    assert!(house.ask(&alice(), wrong).is_err());
    assert!(house.ask(&bob(), with_nonce(&id, BlockCipherMode::GCM, &[7; 12])).is_err());
    assert!(house.ask(&alice(), begun).is_ok(), "refused requests spend nothing");
    assert!(house.ask(&alice(), with_nonce(&id, BlockCipherMode::GCM, &[7; 12])).is_err(), "a stream spends its nonce");
    for _ in 0..2 {
        let cbc = with_nonce(&id, BlockCipherMode::CBC, &[7; 16]);
        assert!(house.ask(&alice(), cbc).is_ok(), "an initialisation vector is no nonce");
    }
}

#[test]
fn a_key_that_came_in_anothers_place_remembers_its_nonces_and_not_the_others() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let spend = || with_nonce(&id, BlockCipherMode::GCM, &[7; 12]);
    house.ask(&alice(), spend()).unwrap();
    let caller = alice();
    for (name, other, expected) in [("the same key", false, false), ("another", true, true), ("it again", true, false)]
    {
        let mut together = Together::new(&house.service, &caller);
        together.perform(Ask::new(Request::from(import(&house, &id, other)), V2_1, house.service.number())).unwrap();
        let spent = together.perform(Ask::new(Request::from(spend()), V2_1, house.service.number()));
        assert_eq!(spent.is_ok(), expected, "{name}");
        together.keep().unwrap();
        assert!(house.ask(&alice(), spend()).is_err(), "after {name}");
    }
}

/// An Import of a key over itself, or of another of its kind.
fn import(house: &House, id: &str, other: bool) -> ImportRequest {
    let export = ExportRequest { unique_identifier: Some(id.into()), ..ExportRequest::default() };
    let exported = house.ask(&alice(), export).unwrap();
    let mut object = exported.object.unwrap();
    if other {
        let material = KeyMaterial::Bytes(Secret::new(vec![9; 32]));
        object.key_block_mut().unwrap().key_value = Some(KeyValue::Plain { material, attributes: None });
    }
    // Of another key, the old one's digest says nothing.
    let attributes =
        exported.attributes.0.into_iter().filter(|instance| instance.attribute.standard() != Some(Standard::Digest));
    ImportRequest {
        unique_identifier: exported.unique_identifier,
        object_type: exported.object_type,
        replace_existing: Some(true),
        key_wrap_type: None,
        attributes: Listed(attributes.collect()),
        object,
    }
}

#[test]
fn old_data_and_conformance_runs_take_any_nonce() {
    let house = House::of(strongroom::slot::policy::Level::Legacy);
    let id = house.aes(&alice(), "k");
    for _ in 0..2 {
        assert!(house.ask(&alice(), with_nonce(&id, BlockCipherMode::GCM, &[7; 12])).is_ok());
    }
}

#[test]
fn open_streams_are_counted() {
    let house = House::new();
    let id = house.aes(&alice(), "k");
    let begin = || {
        let mut first = encrypt(&id, BlockCipherMode::ECB, None, &[1; 16]);
        first.init_indicator = Some(true);
        house.ask(&alice(), first)
    };
    assert!((0..256).all(|_| begin().is_ok()));
    assert_eq!(begin().unwrap_err().reason, ResultReason::ServerLimitExceeded);
    house.clock.advance(301_000);
    assert!(begin().is_ok(), "streams that nobody feeds are given up");
}

#[test]
fn random_bytes_come_in_the_length_asked_for_and_no_other() {
    let house = House::new();
    assert_eq!(house.ask(&alice(), RNGRetrieveRequest { data_length: 32 }).unwrap().data.len(), 32);
    for length in [0, -1, i32::MIN, 65_537, i32::MAX] {
        assert!(house.ask(&alice(), RNGRetrieveRequest { data_length: length }).is_err(), "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn parts_give_what_one_go_gives(data in proptest::collection::vec(any::<u8>(), 1..200), cut in 0usize..200) {
        let house = House::new();
        let id = house.aes(&alice(), "k");
        let iv = Some(Bytes(vec![9; 16]));
        let pkcs5 = Some(PaddingMethod::PKCS5);
        let mut whole = encrypt(&id, BlockCipherMode::CBC, pkcs5, &data);
        whole.iv_counter_nonce = iv.clone();
        let expected = house.ask(&alice(), whole).unwrap().data.unwrap().0;
        let (head, tail) = data.split_at(cut.min(data.len()));
        let mut first = encrypt(&id, BlockCipherMode::CBC, pkcs5, head);
        (first.iv_counter_nonce, first.init_indicator) = (iv, Some(true));
        let first = house.ask(&alice(), first).unwrap();
        let mut last = encrypt(&id, BlockCipherMode::CBC, pkcs5, tail);
        (last.correlation_value, last.final_indicator) = (first.correlation_value, Some(true));
        let last = house.ask(&alice(), last).unwrap();
        let parts = [first.data.unwrap_or_default().0, last.data.unwrap_or_default().0].concat();
        prop_assert_eq!(parts, expected);
    }
}

#[test]
fn a_cmac_is_made_in_one_go_and_in_parts_and_checked() {
    let house = House::new();
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(128),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::MACGenerate | CryptographicUsageMask::MACVerify),
        Attribute::ActivationDate(DateTime(1)),
    ];
    let create = CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: attributes.into_iter().collect(),
        protection_storage_masks: None,
    };
    let id = house.ask(&alice(), create).unwrap().unique_identifier.0;
    let mac = |data: &[u8], tag_length, stream: Option<&Bytes>, last| MACRequest {
        unique_identifier: Some(id.as_str().into()),
        cryptographic_parameters: Some(CryptographicParameters {
            tag_length,
            ..parameters(BlockCipherMode::CMAC, None)
        }),
        data: Some(Secret::copy_of(data)),
        correlation_value: stream.cloned(),
        init_indicator: Some(stream.is_none() && last == Some(false)),
        final_indicator: last,
    };
    let whole = house.ask(&alice(), mac(b"first second", None, None, None)).unwrap().mac_data.unwrap();
    assert_eq!(whole.0.len(), 16);
    let stream = house.ask(&alice(), mac(b"first ", None, None, Some(false))).unwrap().correlation_value.unwrap();
    let parts = house.ask(&alice(), mac(b"second", None, Some(&stream), Some(true))).unwrap().mac_data.unwrap();
    assert_eq!(parts, whole);
    let short = house.ask(&alice(), mac(b"first second", Some(12), None, None)).unwrap().mac_data.unwrap();
    assert_eq!(short.0, whole.0[..12]);
    for (name, length) in [("none", 0), ("more than a block", 17), ("negative", -1), ("too few for the policy", 8)] {
        assert!(house.ask(&alice(), mac(b"data", Some(length), None, None)).is_err(), "{name}");
    }
}

/// Begins to decrypt what alice has encrypted, with the first half of it, and gives a way to go on with the second.
fn half_opened(house: &House, id: &str) -> DecryptRequest {
    let sealed = house.ask(&alice(), encrypt(id, BlockCipherMode::CTR, None, &[7; 64])).unwrap();
    let Some(Bytes(data)) = sealed.data.clone() else { panic!("no data") };
    let first = DecryptRequest {
        data: Some(Bytes(data[..32].to_vec())),
        init_indicator: Some(true),
        ..decrypt(id, BlockCipherMode::CTR, None, &sealed)
    };
    let correlation_value = house.ask(&alice(), first).unwrap().correlation_value;
    assert!(correlation_value.is_some());
    DecryptRequest {
        data: Some(Bytes(data[32..].to_vec())),
        correlation_value,
        final_indicator: Some(true),
        ..decrypt(id, BlockCipherMode::CTR, None, &sealed)
    }
}

#[test]
fn work_in_parts_goes_on_only_while_its_key_may_be_used() {
    let house = House::new();
    let key = house.aes(&alice(), "k");
    let id = || Some(key.as_str().into());
    let open = half_opened(&house, house.aes(&alice(), "open").as_str());
    assert!(house.ask(&alice(), open).unwrap().data.unwrap().same_as(&[7; 32]), "the control");
    let rest = half_opened(&house, house.aes(&alice(), "sealed").as_str());
    house.service.order(&operator(), Order::Seal).unwrap();
    house.service.order(&operator(), Order::UnsealFile { key: Secret::new(vec![7; 32]) }).unwrap();
    assert_eq!(
        house.ask(&alice(), rest).unwrap_err().reason,
        ResultReason::InvalidCorrelationValue,
        "sealed meanwhile"
    );
    let rest = half_opened(&house, &key);
    let reason = RevocationReasonCode::CessationOfOperation;
    let revocation_reason = RevocationReason { revocation_reason_code: reason, revocation_message: None };
    let revoke = RevokeRequest { unique_identifier: id(), revocation_reason, compromise_occurrence_date: None };
    house.ask(&alice(), revoke).unwrap();
    house.ask(&alice(), DestroyRequest { unique_identifier: id() }).unwrap();
    assert_eq!(house.ask(&alice(), rest).unwrap_err().reason, ResultReason::ObjectDestroyed, "destroyed meanwhile");
}
