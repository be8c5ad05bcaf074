//! Managed objects as they travel: keys in their blocks, certificates, secrets (KMIP 2.1 §2 and §3).
//!
//! What is read here has the shape of the standard and nothing more is known of it: whether key material fits its
//! algorithm is for others to find out.

mod key;
mod managed;
mod material;
mod wrapping;

pub use key::{KeyBlock, KeyValue};
pub use managed::{
    Certificate, CertificateRequest, Object, OpaqueObject, PGPKey, PrivateKey, PublicKey, SecretData, SplitKey,
    SymmetricKey, Template,
};
pub use material::{
    KeyMaterial, TransparentDHPrivateKey, TransparentDHPublicKey, TransparentDSAPrivateKey, TransparentDSAPublicKey,
    TransparentECPrivateKey, TransparentECPublicKey, TransparentRSAPrivateKey, TransparentRSAPublicKey,
    TransparentSymmetricKey,
};
pub use wrapping::{EncryptionKeyInformation, KeyWrappingData, KeyWrappingSpecification, MACSignatureKeyInformation};
