//! One of every kind of object and of every way to write a key.

use strongroom_kmip::{
    attribute::Listed,
    code::*,
    object::*,
    secret::Secret,
    ttlv::{BigInteger, Bytes},
    version::{V1_2, V2_0, Version},
};

use crate::samples::{attributes, bytes, parameters};

pub(crate) fn raw(algorithm: CryptographicAlgorithm) -> KeyBlock {
    KeyBlock {
        cryptographic_algorithm: Some(algorithm),
        cryptographic_length: Some(256),
        ..KeyBlock::of(KeyFormatType::Raw, Secret::copy_of(&[9; 32]))
    }
}

fn transparent(key_format_type: KeyFormatType, material: KeyMaterial) -> KeyBlock {
    KeyBlock { key_value: Some(KeyValue::plain(material)), ..KeyBlock::of(key_format_type, Secret::copy_of(&[])) }
}

fn number(value: u8) -> BigInteger {
    BigInteger(Secret::copy_of(&[0, 0, 0, 0, 0, 0, value, 1]))
}

/// One of every kind of object and of every way to write a key.
pub(crate) fn objects(version: Version) -> Vec<Object> {
    let wrapped = KeyWrappingData {
        wrapping_method: WrappingMethod::Encrypt,
        encryption_key_information: Some(EncryptionKeyInformation {
            unique_identifier: "kek".into(),
            cryptographic_parameters: parameters(),
        }),
        mac_signature_key_information: None,
        mac_signature: bytes(),
        iv_counter_nonce: bytes(),
        encoding_option: Some(EncodingOption::NoEncoding),
    };
    let travelling: Listed = attributes().into_iter().collect();
    let mut objects: Vec<Object> = vec![
        Certificate { certificate_type: CertificateType::X_509, certificate_value: Bytes(vec![0x30; 100]) }.into(),
        SymmetricKey { key_block: raw(CryptographicAlgorithm::AES) }.into(),
        SymmetricKey {
            key_block: KeyBlock {
                key_value: Some(KeyValue::Plain {
                    material: KeyMaterial::Bytes(Secret::copy_of(&[7; 16])),
                    attributes: Some(travelling),
                }),
                ..raw(CryptographicAlgorithm::AES)
            },
        }
        .into(),
        SymmetricKey {
            key_block: KeyBlock {
                key_value: Some(KeyValue::Wrapped(Bytes(vec![3; 40]))),
                key_wrapping_data: Some(Box::new(wrapped)),
                ..raw(CryptographicAlgorithm::AES)
            },
        }
        .into(),
        SymmetricKey {
            key_block: transparent(
                KeyFormatType::TransparentSymmetricKey,
                KeyMaterial::SymmetricKey(TransparentSymmetricKey { key: Secret::copy_of(&[1; 16]) }),
            ),
        }
        .into(),
        PrivateKey {
            key_block: transparent(
                KeyFormatType::TransparentRSAPrivateKey,
                KeyMaterial::RSAPrivateKey(TransparentRSAPrivateKey {
                    modulus: number(1),
                    private_exponent: Some(number(2)),
                    public_exponent: Some(number(3)),
                    p: Some(number(4)),
                    q: Some(number(5)),
                    prime_exponent_p: Some(number(6)),
                    prime_exponent_q: Some(number(7)),
                    crt_coefficient: Some(number(8)),
                }),
            ),
        }
        .into(),
        PublicKey {
            key_block: transparent(
                KeyFormatType::TransparentRSAPublicKey,
                KeyMaterial::RSAPublicKey(TransparentRSAPublicKey { modulus: number(1), public_exponent: number(2) }),
            ),
        }
        .into(),
        PrivateKey {
            key_block: transparent(
                KeyFormatType::TransparentDSAPrivateKey,
                KeyMaterial::DSAPrivateKey(TransparentDSAPrivateKey {
                    p: number(1),
                    q: number(2),
                    g: number(3),
                    x: number(4),
                }),
            ),
        }
        .into(),
        PublicKey {
            key_block: transparent(
                KeyFormatType::TransparentDHPublicKey,
                KeyMaterial::DHPublicKey(TransparentDHPublicKey {
                    p: number(1),
                    q: None,
                    g: number(3),
                    j: Some(number(5)),
                    y: number(4),
                }),
            ),
        }
        .into(),
        SplitKey {
            split_key_parts: 5,
            key_part_identifier: 1,
            split_key_threshold: 3,
            split_key_method: SplitKeyMethod::XOR,
            split_key_polynomial: None,
            prime_field_size: Some(number(1)),
            key_block: raw(CryptographicAlgorithm::AES),
        }
        .into(),
        SecretData {
            secret_data_type: SecretDataType::Password,
            key_block: KeyBlock::of(KeyFormatType::Opaque, Secret::copy_of(b"hunter2")),
        }
        .into(),
        OpaqueObject { opaque_data_type: OpaqueDataType(0x8000_0001), opaque_data_value: Secret::copy_of(b"opaque") }
            .into(),
    ];
    if version < V2_0 {
        let key = TransparentECPrivateKey { recommended_curve: RecommendedCurve::P_256, d: number(1) };
        let key_block = transparent(KeyFormatType::TransparentECDSAPrivateKey, KeyMaterial::ECPrivateKey(key));
        objects.push(PrivateKey { key_block }.into());
        objects.push(Template { attributes: attributes().into_iter().collect() }.into());
    } else {
        let key = TransparentECPublicKey { recommended_curve: RecommendedCurve::P_256, q_string: Bytes(vec![4; 65]) };
        let key_block = transparent(KeyFormatType::TransparentECPublicKey, KeyMaterial::ECPublicKey(key));
        objects.push(PublicKey { key_block }.into());
        let request = CertificateRequest {
            certificate_request_type: CertificateRequestType::PKCS_10,
            certificate_request_value: Bytes(vec![0x30; 40]),
        };
        objects.push(request.into());
    }
    if version >= V1_2 {
        let key_block = KeyBlock::of(KeyFormatType::Raw, Secret::copy_of(b"-----BEGIN PGP"));
        objects.push(PGPKey { pgp_key_version: 4, key_block }.into());
    }
    objects
}
