//! Certificates: an authority of our own, what it issues, and reading what others bring.
//!
//! Keys are handed in as PKCS#8 and made elsewhere; this room never sees a slot or the vault, keeps no list of what it
//! issued, and decides about nobody's rights. Who a certificate belongs to is what its public key's fingerprint says, never
//! the name written into it.

mod authority;
mod ber;
mod bundle;
mod error;
mod issue;
mod lent;
mod passphrase;
mod path;
mod pem;
mod plan;
mod request;
mod signer;
mod unbundle;

pub use authority::Authority;
pub use bundle::{Contents, bundle};
pub use error::{Error, Unopened};
pub use issue::{Issued, Span, Wanted};
pub use lent::{Lent, Signature};
pub use passphrase::Age;
pub use path::{Verdict, check, is_root, validity};
pub use pem::{CERTIFICATE, PRIVATE_KEY, pem, unpem};
pub use plan::{Plan, common_name};
pub use request::{Fingerprint, certificate_key, fingerprint, key_of_pair, request_key};
pub use unbundle::{Parcel, unbundle};
