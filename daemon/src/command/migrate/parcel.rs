//! One object on its way, and why one stays behind.

use strongroom_kmip::{
    attribute::{Attribute, Vendor},
    client,
    code::{CryptographicUsageMask, KeyFormatType, ObjectType},
    object::{KeyBlock, Object, PublicKey},
    secret::Secret,
    ttlv::{Any, Bytes},
};

/// One object on its way.
pub(super) struct Parcel {
    /// Where it comes from, unlike that of any other object of the same source: a file's name, a token's label and the object's
    /// own.
    pub(super) origin: String,
    /// The object.
    pub(super) object: Object,
    /// What is known of it.
    pub(super) attributes: Vec<Attribute>,
    /// What the halves of a pair and its certificates have in common, so that they are linked again.
    pub(super) bond: Option<Vec<u8>>,
    /// The public half of a private key, SubjectPublicKeyInfo, where it is known; for when it does not travel itself.
    pub(super) public: Option<Vec<u8>>,
    /// The identifier that it keeps.
    pub(super) identifier: Option<String>,
}

impl Parcel {
    /// An object with its attributes and nothing else.
    pub(super) fn new(origin: String, object: impl Into<Object>, attributes: Vec<Attribute>) -> Self {
        Self { origin, object: object.into(), attributes, bond: None, public: None, identifier: None }
    }

    /// What kind of object it is.
    pub(super) fn object_type(&self) -> ObjectType {
        self.object.object_type()
    }

    /// What it is called.
    pub(super) fn name(&self) -> Option<&str> {
        self.attributes.iter().find_map(|attribute| match attribute {
            Attribute::Name(name) => Some(name.value.as_str()),
            _ => None,
        })
    }

    /// The public half of a private key, as an object of its own.
    pub(super) fn half(&self) -> Option<Self> {
        let info = self.public.as_ref().filter(|_| self.object_type() == ObjectType::PrivateKey)?;
        let mut attributes: Vec<Attribute> = Vec::new();
        for attribute in &self.attributes {
            match attribute {
                // A Name is one object's alone; on the PKCS#11 side both halves are called the same.
                Attribute::Name(name) => attributes.push(cryptoki("CKA_LABEL", Any::text(&name.value))),
                Attribute::CryptographicUsageMask(mask) => {
                    attributes.push(Attribute::CryptographicUsageMask(opposite(*mask)));
                }
                Attribute::Sensitive(_) | Attribute::Extractable(_) => {}
                other => attributes.push(other.clone()),
            }
        }
        let block = KeyBlock::of(KeyFormatType::X_509, Secret::copy_of(info));
        let origin = format!("{}, public half", self.origin);
        Some(Self { bond: self.bond.clone(), ..Self::new(origin, PublicKey { key_block: block }, attributes) })
    }
}

/// What the public half of a pair is used for, whose private half is used for this.
pub(super) fn opposite(mask: CryptographicUsageMask) -> CryptographicUsageMask {
    use CryptographicUsageMask as M;
    let turned = [(M::Sign, M::Verify), (M::Decrypt, M::Encrypt), (M::UnwrapKey, M::WrapKey)];
    let mut public = M(0);
    for (own, others) in turned {
        if mask.contains(own) {
            public = public | others;
        }
    }
    if mask.contains(M::KeyAgreement) { public | M::KeyAgreement } else { public }
}

/// What PKCS#11 says of an object and KMIP has no word for.
pub(super) fn cryptoki(name: &str, value: Any) -> Attribute {
    Attribute::Vendor(Vendor { vendor: "PKCS11".to_owned(), name: name.to_owned(), value })
}

/// Bytes as the value of such an attribute.
pub(super) fn bytes(bytes: &[u8]) -> Any {
    Any::of(&Bytes(bytes.to_vec()))
}

/// Why an object stays where it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Left {
    /// Its token or server keeps it.
    #[error("it may not leave the place where it is")]
    Kept,
    /// It leaves wrapped only, and the token offers no wrapping that is known here.
    #[error("the token lets it out only wrapped, and offers no AES key wrap with padding (CKM_AES_KEY_WRAP_PAD)")]
    Unwrappable,
    /// It is of a kind that has no place here.
    #[error("{0} is not known here")]
    Kind(&'static str),
    /// It says something that cannot be.
    #[error("it cannot be read: {0}")]
    Damaged(&'static str),
    /// It is encrypted.
    #[error("its password is another, or it has one and none was given")]
    Password,
    /// The library refused.
    #[error("its token refuses: {0}")]
    Token(#[from] cryptoki::error::Error),
    /// One of the servers refused.
    #[error("{0}")]
    Server(#[from] client::Error),
}

/// Where objects come from: one after the other, each or the reason why it stays.
pub(super) trait Source {
    /// How many there are, as far as that is known at the start.
    fn expected(&self) -> usize;
    /// The next one.
    fn next(&mut self) -> Option<Result<Parcel, Stays>>;
}

/// An object that stays where it is.
#[derive(Debug)]
pub(super) struct Stays {
    /// Which.
    pub(super) origin: String,
    /// What kind it is, where that is known.
    pub(super) kind: Option<ObjectType>,
    /// Why.
    pub(super) why: Left,
}

/// What was read whole before the first is asked for.
pub(super) struct Read(pub(super) std::vec::IntoIter<Result<Parcel, Stays>>);

impl Source for Read {
    fn expected(&self) -> usize {
        self.0.len()
    }
    fn next(&mut self) -> Option<Result<Parcel, Stays>> {
        self.0.next()
    }
}
