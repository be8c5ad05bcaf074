//! Reading and writing of requests, against kmip-ttlv with types made for exactly these two requests.
//!
//! Ours reads any request of any version into the types that the service works on; theirs reads one operation of one
//! version. Both get bytes and give typed values, and the other way round.

use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters},
    code::{BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, ObjectType, PaddingMethod},
    message::RequestMessage,
    operation::Request,
    payload::{CreateRequest, EncryptRequest},
    secret::Secret,
    ttlv::{Bytes, Limits, Tree},
    version::V1_2,
};

use crate::measure::compare;

/// Prints the section.
pub(crate) fn run() {
    let limits = Limits::default();
    let read =
        |bytes: &[u8]| RequestMessage::read(&Tree::read(bytes, &limits).expect("ours wrote it")).expect("the same");

    let message = RequestMessage::of(V1_2, [create()]);
    let bytes = message.write();
    let theirs: theirs::CreateMessage = kmip_ttlv::from_slice(&bytes).expect("they read what we wrote");
    assert_eq!(&kmip_ttlv::to_vec(&theirs).expect("they write what they read"), &*bytes, "both write the same");
    compare(|| read(&bytes), || kmip_ttlv::from_slice::<theirs::CreateMessage>(&bytes))
        .print("ttlv: decode Create", THEM);
    compare(|| message.write(), || kmip_ttlv::to_vec(&theirs)).print("ttlv: encode Create", THEM);

    for (name, size) in [("1 KiB", 1 << 10), ("64 KiB", 64 << 10)] {
        let message = RequestMessage::of(V1_2, [encrypt(size)]);
        let bytes = message.write();
        let theirs: theirs::EncryptMessage = kmip_ttlv::from_slice(&bytes).expect("they read what we wrote");
        assert_eq!(&kmip_ttlv::to_vec(&theirs).expect("they write what they read"), &*bytes, "both write the same");
        compare(|| read(&bytes), || kmip_ttlv::from_slice::<theirs::EncryptMessage>(&bytes))
            .print(&format!("ttlv: decode Encrypt {name}"), THEM);
        compare(|| message.write(), || kmip_ttlv::to_vec(&theirs)).print(&format!("ttlv: encode Encrypt {name}"), THEM);
    }
}

fn create() -> Request {
    let attributes = [
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(256),
        Attribute::CryptographicUsageMask(CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt),
    ];
    CreateRequest {
        object_type: ObjectType::SymmetricKey,
        attributes: attributes.into_iter().collect(),
        protection_storage_masks: None,
    }
    .into()
}

fn encrypt(size: usize) -> Request {
    EncryptRequest {
        unique_identifier: Some("49a1ca88-6bea-4fb2-b450-7e58802c3038".into()),
        cryptographic_parameters: Some(CryptographicParameters {
            block_cipher_mode: Some(BlockCipherMode::CBC),
            padding_method: Some(PaddingMethod::PKCS5),
            ..CryptographicParameters::default()
        }),
        data: Some(Secret::new(vec![0x5A; size])),
        iv_counter_nonce: Some(Bytes(vec![7; 16])),
        correlation_value: None,
        init_indicator: None,
        final_indicator: None,
        authenticated_encryption_additional_data: None,
    }
    .into()
}

/// The same requests as kmip-ttlv wants them: the tags in names, one type for every shape.
mod theirs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

    macro_rules! transparent {
        ($($name:ident($kind:ty) = $tag:literal;)*) => {
            $(
                #[derive(Deserialize, Serialize)]
                #[serde(rename = $tag)]
                struct $name($kind);
            )*
        };
    }

    macro_rules! structures {
        ($($seen:vis $name:ident = $tag:literal { $($field:ident: $kind:ty = $inner:literal),* })*) => {
            $(
                #[derive(Deserialize, Serialize)]
                #[serde(rename = $tag)]
                $seen struct $name {
                    $(#[serde(rename = $inner)] $field: $kind,)*
                }
            )*
        };
    }

    macro_rules! enumerations {
        ($($name:ident = $tag:literal { $($code:ident = $number:literal),* })*) => {
            $(
                #[derive(Deserialize, Serialize)]
                #[serde(rename = $tag)]
                enum $name {
                    $(#[serde(rename = $number)] $code,)*
                }
            )*
        };
    }

    transparent! {
        Major(i32) = "Transparent:0x42006A";
        Minor(i32) = "Transparent:0x42006B";
        BatchCount(i32) = "Transparent:0x42000D";
        Name(String) = "Transparent:0x42000A";
        UniqueIdentifier(String) = "Transparent:0x420094";
        Data(Octets) = "Transparent:0x4200C2";
        Nonce(Octets) = "Transparent:0x42003D";
    }

    structures! {
        pub(super) CreateMessage = "0x420078" { header: Header = "0x420077", item: CreateItem = "0x42000F" }
        pub(super) EncryptMessage = "0x420078" { header: Header = "0x420077", item: EncryptItem = "0x42000F" }
        Header = "0x420077" { version: Version = "0x420069", count: BatchCount = "0x42000D" }
        Version = "0x420069" { major: Major = "0x42006A", minor: Minor = "0x42006B" }
        CreateItem = "0x42000F" { operation: Operation = "0x42005C", payload: Create = "0x420079" }
        EncryptItem = "0x42000F" { operation: Operation = "0x42005C", payload: Encrypt = "0x420079" }
        Create = "0x420079" { object_type: ObjectType = "0x420057", attributes: TemplateAttribute = "0x420091" }
        TemplateAttribute = "0x420091" { attributes: Vec<Attribute> = "0x420008" }
        Attribute = "0x420008" { name: Name = "0x42000A", value: Value = "0x42000B" }
        Encrypt = "0x420079" {
            identifier: UniqueIdentifier = "0x420094", parameters: Parameters = "0x42002B",
            data: Data = "0x4200C2", nonce: Nonce = "0x42003D"
        }
        Parameters = "0x42002B" { mode: Mode = "0x420011", padding: Padding = "0x42005F" }
    }

    enumerations! {
        Operation = "0x42005C" { Create = "0x00000001", Encrypt = "0x0000001F" }
        ObjectType = "0x420057" { SymmetricKey = "0x00000002" }
        Algorithm = "0x420028" { Aes = "0x00000003" }
        Mode = "0x420011" { Cbc = "0x00000001" }
        Padding = "0x42005F" { Pkcs5 = "0x00000003" }
    }

    #[derive(Deserialize, Serialize)]
    #[serde(rename(deserialize = "0x42000B", serialize = "Override:0x42000B"))]
    enum Value {
        #[serde(rename(deserialize = "if 0x42000A==Cryptographic Algorithm", serialize = "Transparent"))]
        Algorithm(Algorithm),
        #[serde(rename(deserialize = "if type==Integer", serialize = "Transparent"))]
        Integer(i32),
    }

    /// Bytes; serde takes a plain `Vec<u8>` for a list of numbers.
    struct Octets(Vec<u8>);

    impl Serialize for Octets {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_bytes(&self.0)
        }
    }

    impl<'de> Deserialize<'de> for Octets {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Take;
            impl Visitor<'_> for Take {
                type Value = Octets;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("bytes")
                }
                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Octets, E> {
                    Ok(Octets(bytes.to_vec()))
                }
                fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Octets, E> {
                    Ok(Octets(bytes))
                }
            }
            from.deserialize_byte_buf(Take)
        }
    }
}

const THEM: &str = "kmip-ttlv";
