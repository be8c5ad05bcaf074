//! Reading and writing of requests, against kmip-ttlv with serde types that hold as much.
//!
//! Both sides get bytes of any operation that is served and give typed values, and the other way round. Ours does so
//! for every version and every object; theirs has the fields of these two requests, all that a header may have, and a
//! variant for each of the other operations.
//!
//! Both begin with a slice and end with values of their own, and the other way round with a vector of their own; both copy
//! the data. Ours besides wipes the data that it has read and all that it has written, as it does when it serves: at
//! 64 KiB copying and wiping are nearly all there is, so the ratio is that of memory and not of an encoding.

use strongroom_kmip::{
    attribute::{Attribute, CryptographicParameters},
    code::{BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, ObjectType, Operation, PaddingMethod},
    message::RequestMessage,
    operation::Request,
    payload::{CreateRequest, EncryptRequest},
    secret::Secret,
    tag::Tag,
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
    let theirs: theirs::Message = kmip_ttlv::from_slice(&bytes).expect("they read what we wrote");
    assert_eq!(&kmip_ttlv::to_vec(&theirs).expect("they write what they read"), &*bytes, "both write the same");
    compare(|| read(&bytes), || kmip_ttlv::from_slice::<theirs::Message>(&bytes)).print("ttlv: decode Create", THEM);
    compare(|| message.write(), || kmip_ttlv::to_vec(&theirs)).print("ttlv: encode Create", THEM);

    for (name, size) in [("1 KiB", 1 << 10), ("64 KiB", 64 << 10)] {
        let message = RequestMessage::of(V1_2, [encrypt(size)]);
        let bytes = message.write();
        let theirs: theirs::Message = kmip_ttlv::from_slice(&bytes).expect("they read what we wrote");
        assert_eq!(&kmip_ttlv::to_vec(&theirs).expect("they write what they read"), &*bytes, "both write the same");
        compare(|| read(&bytes), || kmip_ttlv::from_slice::<theirs::Message>(&bytes))
            .print(&format!("ttlv: decode Encrypt {name}"), THEM);
        compare(|| message.write(), || kmip_ttlv::to_vec(&theirs)).print(&format!("ttlv: encode Encrypt {name}"), THEM);
    }
    batches();
}

/// What an item takes to read in a batch of a hundred and in one of a thousand, which is more than is served in one
/// message: what counts is that it is the same.
fn batches() {
    let times = [100, 1000].map(|items| {
        let bytes = RequestMessage::of(V1_2, (0..items).map(|_| create())).write();
        let read = || {
            let tree = Tree::read(&bytes, &LONG).expect("ours wrote it");
            let items = tree.root().children().filter(|item| item.tag() == Tag::BatchItem);
            let payloads = items.flat_map(|item| item.children().find(|part| part.tag() == Tag::RequestPayload));
            // None is kept: what a megabyte of them costs is what the system takes for its pages, over and over again.
            payloads.filter(|payload| Request::read(Operation::Create, *payload).is_ok()).count()
        };
        assert_eq!(read(), items, "every item is read");
        compare(read, || ()).ours / u32::try_from(items).expect("few")
    });
    let [hundred, thousand] = times;
    let ratio = thousand.as_secs_f64() / hundred.as_secs_f64();
    say!("ttlv: decode an item of a batch of 100 {hundred:?}, of 1,000 {thousand:?}: {ratio:.2} times");
}

const LONG: Limits = Limits { size: 1 << 24, depth: 32, items: 1 << 20, text: 64 << 10 };

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
        ..EncryptRequest::default()
    }
    .into()
}

/// The same requests as kmip-ttlv wants them: the tags in names, one type for every shape.
mod theirs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};

    /// What is not there must not be written; serde asks that of every field.
    trait Absent {
        fn absent(&self) -> bool {
            false
        }
    }

    impl<T> Absent for Option<T> {
        fn absent(&self) -> bool {
            self.is_none()
        }
    }

    impl<T> Absent for Vec<T> {}
    impl Absent for Payload {}
    impl Absent for Value {}

    /// Written by themselves, plain values have no tag.
    macro_rules! transparent {
        ($($name:ident($kind:ty) = $tag:literal;)*) => {
            $(
                #[derive(Deserialize, Serialize)]
                #[serde(rename = $tag)]
                struct $name($kind);
                impl Absent for $name {}
            )*
        };
    }

    macro_rules! structures {
        ($($seen:vis $name:ident = $tag:literal { $($field:ident: $kind:tt $(<$of:ident>)? = $inner:literal),* })*) => {
            $(
                #[derive(Deserialize, Serialize)]
                #[serde(rename = $tag)]
                $seen struct $name {
                    $(#[serde(rename = $inner, skip_serializing_if = "Absent::absent")] $field: $kind $(<$of>)?,)*
                }
                impl Absent for $name {}
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
                impl Absent for $name {}
            )*
        };
    }

    macro_rules! payloads {
        ($($name:ident($kind:ident) = $when:literal;)*) => {
            #[derive(Deserialize, Serialize)]
            #[serde(rename(deserialize = "0x420079", serialize = "Override:0x420079"))]
            enum Payload {
                $(#[serde(rename(deserialize = $when, serialize = "Transparent"))] $name($kind),)*
            }
        };
    }

    transparent! {
        Size(i32) = "Transparent:0x420050";
        Client(String) = "Transparent:0x420105";
        Server(String) = "Transparent:0x420106";
        Later(bool) = "Transparent:0x420007";
        Attest(bool) = "Transparent:0x4200D3";
        GoingOn(i32) = "Transparent:0x42000E";
        Ordered(bool) = "Transparent:0x420010";
        Count(i32) = "Transparent:0x42000D";
        Major(i32) = "Transparent:0x42006A";
        Minor(i32) = "Transparent:0x42006B";
        Name(String) = "Transparent:0x42000A";
        Index(i32) = "Transparent:0x420009";
        Identifier(String) = "Transparent:0x420094";
        Data(Octets) = "Transparent:0x4200C2";
        Nonce(Octets) = "Transparent:0x42003D";
        Stream(Octets) = "Transparent:0x4200D6";
        First(bool) = "Transparent:0x4200D7";
        Last(bool) = "Transparent:0x4200D8";
        Additional(Octets) = "Transparent:0x4200FE";
        Hash(i32) = "Transparent:0x420038";
        Role(i32) = "Transparent:0x420083";
        Signature(i32) = "Transparent:0x4200AE";
        Random(bool) = "Transparent:0x4200C5";
        Iv(i32) = "Transparent:0x4200CD";
        Tag(i32) = "Transparent:0x4200CE";
        Fixed(i32) = "Transparent:0x4200CF";
        Field(i32) = "Transparent:0x4200D2";
        Counter(i32) = "Transparent:0x4200D0";
        Initial(i32) = "Transparent:0x4200D1";
    }

    structures! {
        pub(super) Message = "0x420078" { header: Header = "0x420077", item: Vec<Item> = "0x42000F" }
        Header = "0x420077" {
            version: Version = "0x420069", size: Option<Size> = "0x420050", client: Option<Client> = "0x420105",
            server: Option<Server> = "0x420106", later: Option<Later> = "0x420007", attest: Option<Attest> = "0x4200D3",
            going_on: Option<GoingOn> = "0x42000E", ordered: Option<Ordered> = "0x420010", count: Count = "0x42000D"
        }
        Version = "0x420069" { major: Major = "0x42006A", minor: Minor = "0x42006B" }
        Item = "0x42000F" { operation: Operation = "0x42005C", payload: Payload = "0x420079" }
        Create = "0x420079" { object_type: ObjectType = "0x420057", attributes: TemplateAttribute = "0x420091" }
        TemplateAttribute = "0x420091" { attributes: Vec<Attribute> = "0x420008" }
        Attribute = "0x420008" { name: Name = "0x42000A", index: Option<Index> = "0x420009", value: Value = "0x42000B" }
        Encrypt = "0x420079" {
            identifier: Option<Identifier> = "0x420094", parameters: Option<Parameters> = "0x42002B",
            data: Option<Data> = "0x4200C2", nonce: Option<Nonce> = "0x42003D",
            stream: Option<Stream> = "0x4200D6", first: Option<First> = "0x4200D7", last: Option<Last> = "0x4200D8",
            additional: Option<Additional> = "0x4200FE"
        }
        Parameters = "0x42002B" {
            mode: Option<Mode> = "0x420011", padding: Option<Padding> = "0x42005F", hash: Option<Hash> = "0x420038",
            role: Option<Role> = "0x420083", signature: Option<Signature> = "0x4200AE", algorithm: Option<Algorithm> = "0x420028",
            random: Option<Random> = "0x4200C5", iv: Option<Iv> = "0x4200CD", tag: Option<Tag> = "0x4200CE",
            fixed: Option<Fixed> = "0x4200CF", field: Option<Field> = "0x4200D2", counter: Option<Counter> = "0x4200D0",
            initial: Option<Initial> = "0x4200D1"
        }
        Subject = "0x420079" { identifier: Option<Identifier> = "0x420094" }
    }

    enumerations! {
        Operation = "0x42005C" {
            Create = "0x00000001", CreateKeyPair = "0x00000002", Register = "0x00000003", Locate = "0x00000008", Get = "0x0000000A", GetAttributes = "0x0000000B", GetAttributeList = "0x0000000C", AddAttribute = "0x0000000D", ModifyAttribute = "0x0000000E", DeleteAttribute = "0x0000000F", Activate = "0x00000012", Revoke = "0x00000013", Destroy = "0x00000014", Query = "0x00000018", DiscoverVersions = "0x0000001E", Encrypt = "0x0000001F", Decrypt = "0x00000020", Sign = "0x00000021", SignatureVerify = "0x00000022", Mac = "0x00000023", MacVerify = "0x00000024", RngRetrieve = "0x00000025", Hash = "0x00000027", SetAttribute = "0x00000031"
        }
        ObjectType = "0x420057" { SymmetricKey = "0x00000002" }
        Algorithm = "0x420028" { Aes = "0x00000003" }
        Mode = "0x420011" { Cbc = "0x00000001" }
        Padding = "0x42005F" { Pkcs5 = "0x00000003" }
    }

    payloads! {
        Create(Create) = "if 0x42005C==0x00000001"; CreateKeyPair(Subject) = "if 0x42005C==0x00000002"; Register(Subject) = "if 0x42005C==0x00000003"; Locate(Subject) = "if 0x42005C==0x00000008"; Get(Subject) = "if 0x42005C==0x0000000A"; GetAttributes(Subject) = "if 0x42005C==0x0000000B"; GetAttributeList(Subject) = "if 0x42005C==0x0000000C"; AddAttribute(Subject) = "if 0x42005C==0x0000000D"; ModifyAttribute(Subject) = "if 0x42005C==0x0000000E"; DeleteAttribute(Subject) = "if 0x42005C==0x0000000F"; Activate(Subject) = "if 0x42005C==0x00000012"; Revoke(Subject) = "if 0x42005C==0x00000013"; Destroy(Subject) = "if 0x42005C==0x00000014"; Query(Subject) = "if 0x42005C==0x00000018"; DiscoverVersions(Subject) = "if 0x42005C==0x0000001E"; Encrypt(Encrypt) = "if 0x42005C==0x0000001F"; Decrypt(Subject) = "if 0x42005C==0x00000020"; Sign(Subject) = "if 0x42005C==0x00000021"; SignatureVerify(Subject) = "if 0x42005C==0x00000022"; Mac(Subject) = "if 0x42005C==0x00000023"; MacVerify(Subject) = "if 0x42005C==0x00000024"; RngRetrieve(Subject) = "if 0x42005C==0x00000025"; Hash(Subject) = "if 0x42005C==0x00000027"; SetAttribute(Subject) = "if 0x42005C==0x00000031";
    }

    #[derive(Deserialize, Serialize)]
    #[serde(rename(deserialize = "0x42000B", serialize = "Override:0x42000B"))]
    enum Value {
        #[serde(rename(deserialize = "if 0x42000A==Cryptographic Algorithm", serialize = "Transparent"))]
        Algorithm(Algorithm),
        #[serde(rename(deserialize = "if type==Integer", serialize = "Transparent"))]
        Integer(i32),
        #[serde(rename(deserialize = "if type==TextString", serialize = "Transparent"))]
        Text(String),
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
