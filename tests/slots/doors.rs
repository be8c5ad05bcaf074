//! One key life in a token, through PKCS#11, KMIP and the operator's command line.

use std::thread::sleep;
use std::time::{Duration, Instant};

use strongroom_kmip::attribute::{Attribute, CryptographicParameters, RevocationReason, Template};
use strongroom_kmip::code::{
    BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, ObjectType, PaddingMethod, ProtectionStorageMask,
    RevocationReasonCode,
};
use strongroom_kmip::payload::{
    ActivateRequest, CreateRequest, DecryptRequest, DestroyRequest, EncryptRequest, GetRequest, ProtectionStorageMasks,
    RevokeRequest,
};
use strongroom_kmip::secret::Secret;
use strongroom_kmip::ttlv::Bytes;
use strongroom_kmip::version::V2_1;
use strongroom_tests::connect;

use crate::bench::Bench;

/// Waits until so many objects of a type are in the token: what has to go goes a moment after the answer.
#[track_caller]
pub(crate) fn left(bench: &Bench, kind: &str, count: usize) {
    let begun = Instant::now();
    while bench.objects(kind) != count {
        assert!(begun.elapsed() < Duration::from_secs(10), "{} of {kind} are left", bench.objects(kind));
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn pkcs11_makes_uses_and_destroys_keys_in_the_token() {
    let Some(mut bench) = Bench::new() else { return };
    for (kind, id, mechanism) in
        [("rsa:2048", "01", "SHA256-RSA-PKCS"), ("EC:prime256v1", "02", "ECDSA-SHA256 -f openssl")]
    {
        let _ = bench.user(&format!("--keypairgen --key-type {kind} --label k{id} --id {id}")).succeeds();
        let _ = bench.user(&format!("--read-object --type pubkey --id {id} -o @{id}.der")).succeeds();
        let _ = bench.openssl(&format!("pkey -pubin -inform DER -in @{id}.der -out @{id}.pem")).succeeds();
        let _ = bench.user(&format!("--sign -m {mechanism} --id {id} -i @data -o @signature")).succeeds();
        let told = bench.openssl(&format!("dgst -sha256 -verify @{id}.pem -signature @signature @data")).succeeds();
        assert!(told.stdout.contains("Verified OK"), "{kind}: {told}");
    }
    let _ = bench.user("--keygen --key-type AES:32 --label aes --id 03").succeeds();
    let cipher = "-m AES-CBC --iv 00112233445566778899aabbccddeeff --id 03";
    let _ = bench.user(&format!("--encrypt {cipher} -i @data -o @box")).succeeds();
    assert_eq!((bench.objects("privkey"), bench.objects("secrkey")), (2, 1));
    bench.appliance.restart();
    bench.wait("usable");
    let _ = bench.user(&format!("--decrypt {cipher} -i @box -o @back")).succeeds();
    assert_eq!(std::fs::read(bench.path("back")).expect("pkcs11-tool wrote it"), [7; 32]);
    let _ = bench.user("--sign -m SHA256-RSA-PKCS --id 01 -i @data -o @signature").succeeds();
    for (kind, id) in [("privkey", "01"), ("pubkey", "01"), ("privkey", "02"), ("pubkey", "02"), ("secrkey", "03")] {
        let _ = bench.user(&format!("--delete-object --type {kind} --id {id}")).succeeds();
    }
    left(&bench, "privkey", 0);
    left(&bench, "pubkey", 0);
    left(&bench, "secrkey", 0);
    let log = bench.strongroom("audit verify").succeeds().stdout;
    assert!(!log.is_empty());
}

#[test]
fn kmip_sends_a_key_to_the_token_by_its_protection_storage_mask() {
    let Some(bench) = Bench::new() else { return };
    let mut line = connect(bench.appliance.doors(), "alice", V2_1).expect("a line");
    let attributes = Template {
        names: Vec::new(),
        attributes: [
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt),
        ]
        .into_iter()
        .map(Into::into)
        .collect(),
    };
    let request = CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes,
        protection_storage_masks: Some(ProtectionStorageMasks {
            protection_storage_mask: vec![ProtectionStorageMask::OffSystem, ProtectionStorageMask::Hardware],
        }),
    };
    let id = line.ask(request).expect("a key").unique_identifier;
    assert_eq!(bench.objects("secrkey"), 1);
    let named = || Some(id.0.as_str().into());
    let _ = line.ask(ActivateRequest { unique_identifier: named() }).expect("active");
    let parameters = || CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::CBC),
        padding_method: Some(PaddingMethod::PKCS5),
        ..CryptographicParameters::default()
    };
    let sealed = line.ask(EncryptRequest {
        unique_identifier: named(),
        cryptographic_parameters: Some(parameters()),
        data: Some(Secret::copy_of(&[7; 20])),
        iv_counter_nonce: Some(Bytes(vec![1; 16])),
        ..EncryptRequest::default()
    });
    let sealed = sealed.expect("sealed").data.expect("a ciphertext");
    let opened = line.ask(DecryptRequest {
        unique_identifier: named(),
        cryptographic_parameters: Some(parameters()),
        data: Some(sealed),
        iv_counter_nonce: Some(Bytes(vec![1; 16])),
        ..DecryptRequest::default()
    });
    assert_eq!(opened.expect("opened").data.expect("a plaintext").reveal(), [7; 20]);
    let get = GetRequest { unique_identifier: named(), ..GetRequest::default() };
    let refused = line.ask(get).expect_err("a key in a token does not leave").to_string();
    assert!(refused.contains("Not Extractable"), "{refused}");
    let reason = RevocationReason {
        revocation_reason_code: RevocationReasonCode::CessationOfOperation,
        revocation_message: None,
    };
    let revoke =
        RevokeRequest { unique_identifier: named(), revocation_reason: reason, compromise_occurrence_date: None };
    let _ = line.ask(revoke).expect("revoked");
    let _ = line.ask(DestroyRequest { unique_identifier: named() }).expect("destroyed");
    left(&bench, "secrkey", 0);
}

#[test]
fn keys_that_were_in_the_token_before_are_adopted_and_work() {
    let Some(bench) = Bench::new() else { return };
    let _ = bench.past("--keypairgen --key-type EC:prime256v1 --label elder --id 0a").succeeds();
    let _ = bench.past("--keypairgen --key-type rsa:2048 --label other --id 0b").succeeds();
    let adopted = bench.strongroom("slot adopt hsm --owner alice --label elder").succeeds().stdout;
    assert_eq!(adopted.lines().count(), 2, "{adopted}");
    let again = bench.strongroom("slot adopt hsm --owner alice --label elder");
    assert!(again.stderr.contains("no such key"), "{again}");
    let _ = bench.past("--read-object --type pubkey --id 0a -o @elder.der").succeeds();
    let _ = bench.openssl("pkey -pubin -inform DER -in @elder.der -out @elder.pem").succeeds();
    let said = bench.user("--list-objects --type privkey").succeeds().stdout;
    assert!(said.contains("elder") && !said.contains("other"), "{said}");
    let _ = bench.user("--sign -m ECDSA-SHA256 -f openssl --label elder -i @data -o @signature").succeeds();
    let told = bench.openssl("dgst -sha256 -verify @elder.pem -signature @signature @data").succeeds();
    assert!(told.stdout.contains("Verified OK"), "{told}");
}

#[test]
fn keys_that_nothing_tells_from_others_are_left_where_they_are_and_said_so() {
    let Some(bench) = Bench::new() else { return };
    for words in [
        "--key-type AES:32",
        "--key-type AES:16",
        "--key-type AES:32 --label twin --id 0c",
        "--key-type AES:16 --label twin --id 0c",
    ] {
        let _ = bench.past(&format!("--keygen {words}")).succeeds();
    }
    let none = bench.strongroom("slot adopt hsm --owner alice").fails();
    assert!(none.stderr.contains("4 keys in the token have neither a label nor a CKA_ID"), "{none}");
    let _ = bench.past("--keygen --key-type AES:32 --label told --id 0d").succeeds();
    let said = bench.strongroom("slot adopt hsm --owner alice").succeeds().stdout;
    assert!(said.lines().count() == 2 && said.contains("note: 4 keys"), "{said}");
    let objects = bench.user("--list-objects --type secrkey").succeeds().stdout;
    assert!(objects.contains("told") && !objects.contains("twin"), "{objects}");
    let _ = bench.user("--delete-object --type secrkey --label told").succeeds();
    left(&bench, "secrkey", 4);
}
