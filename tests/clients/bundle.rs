//! PKCS#12 files of OpenSSL's, registered over KMIP and given back.

use std::{fs, path::Path, process::Command};

use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters, Link, Template},
    code::{CryptographicUsageMask, DigitalSignatureAlgorithm, KeyFormatType, LinkType, ObjectType, SecretDataType},
    object::{KeyBlock, KeyMaterial, KeyValue, Object, PrivateKey, SecretData},
    payload::{GetRequest, RegisterRequest, SignRequest},
    secret::Secret,
    ttlv::DateTime,
    version::V2_1,
};
use strongroom_tests::{Appliance, Line, Outcome, connect, run, skip_or_require};

/// Lets OpenSSL do this in the folder, if there is one.
fn openssl(folder: &Path, words: &str) -> Option<Outcome> {
    let program = skip_or_require("openssl")?;
    Some(run(Command::new(program).current_dir(folder).args(words.split_whitespace())).succeeds())
}

fn register(object_type: ObjectType, attributes: Vec<Attribute>, object: impl Into<Object>) -> RegisterRequest {
    let attributes: Template = attributes.into_iter().collect();
    RegisterRequest { object_type, attributes, object: object.into(), protection_storage_masks: None }
}

fn given(line: &mut Line, id: &str, format: KeyFormatType) -> Vec<u8> {
    let get = GetRequest {
        unique_identifier: Some(id.into()),
        key_format_type: Some(format),
        key_wrap_type: None,
        key_compression_type: None,
        key_wrapping_specification: None,
    };
    let object = line.ask(get).expect("the key leaves").object;
    match object.key_block().and_then(|block| block.key_value.as_ref()) {
        Some(KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. }) => bytes.reveal().to_vec(),
        other => panic!("no plain bytes: {other:?}"),
    }
}

/// Has OpenSSL make a key of this kind with a certificate, brings them in one file and checks what a client has then.
fn brought(kind: &str, make: &str, algorithm: DigitalSignatureAlgorithm) {
    let appliance = Appliance::start();
    let folder = &appliance.dir();
    let Some(_) = openssl(folder, make) else { return };
    openssl(folder, "req -x509 -new -key key.pem -subj /CN=shop -days 2 -out certificate.pem");
    openssl(folder, "pkcs12 -export -inkey key.pem -in certificate.pem -name shop -passout pass:secret -out file.p12");
    openssl(folder, "pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der");
    let mut line = connect(appliance.doors(), "alice", V2_1).expect("the appliance answers");
    let (active, mask) = (Attribute::ActivationDate(DateTime(0)), Attribute::CryptographicUsageMask);
    let key_block = KeyBlock::of(KeyFormatType::Opaque, Secret::copy_of(b"secret"));
    let password = SecretData { secret_data_type: SecretDataType::Password, key_block };
    let attributes = vec![active.clone(), mask(CryptographicUsageMask::DeriveKey)];
    let password = line.ask(register(ObjectType::SecretData, attributes, password)).expect("a password is kept");
    let file = fs::read(folder.join("file.p12")).expect("OpenSSL wrote a file");
    let key = PrivateKey { key_block: KeyBlock::of(KeyFormatType::PKCS_12, Secret::new(file)) };
    let link = Attribute::Link(Link::to(LinkType::PKCS_12PasswordLink, &password.unique_identifier.0));
    let attributes = vec![active, mask(CryptographicUsageMask::Sign), link];
    let id = line.ask(register(ObjectType::PrivateKey, attributes, key)).expect(kind).unique_identifier.0;

    let pkcs8 = fs::read(folder.join("key.der")).expect("OpenSSL wrote the key");
    assert_eq!(given(&mut line, &id, KeyFormatType::PKCS_8), pkcs8, "{kind}");

    let sign = SignRequest {
        unique_identifier: Some(id.as_str().into()),
        cryptographic_parameters: Some(CryptographicParameters {
            digital_signature_algorithm: Some(algorithm),
            ..CryptographicParameters::default()
        }),
        data: Some(Secret::copy_of(b"message")),
        ..SignRequest::default()
    };
    let signature = line.ask(sign).expect("the key signs").signature_data.expect("there is a signature");
    fs::write(folder.join("message"), b"message").expect("the folder takes files");
    fs::write(folder.join("signature"), signature.0).expect("the folder takes files");
    openssl(folder, "x509 -in certificate.pem -noout -pubkey -out public.pem");
    openssl(folder, "dgst -sha256 -verify public.pem -signature signature message");

    let again = given(&mut line, &id, KeyFormatType::PKCS_12);
    fs::write(folder.join("again.p12"), again).expect("the folder takes files");
    openssl(folder, "pkcs12 -in again.p12 -passin pass:secret -nodes -out again.pem");
    let text = fs::read_to_string(folder.join("again.pem")).expect("OpenSSL opened the file");
    for part in ["friendlyName: shop", "BEGIN CERTIFICATE", "BEGIN PRIVATE KEY"] {
        assert!(text.contains(part), "{kind}: no {part}: {text}");
    }
}

#[test]
fn a_file_of_openssl_is_a_key_that_signs_and_leaves_in_a_file_that_openssl_opens() {
    for (kind, make, algorithm) in [
        (
            "EC",
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem",
            DigitalSignatureAlgorithm::ECDSAWithSHA256,
        ),
        (
            "RSA",
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem",
            DigitalSignatureAlgorithm::SHA_256WithRSAEncryption,
        ),
    ] {
        brought(kind, make, algorithm);
    }
}
