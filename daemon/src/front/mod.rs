//! Who knocks: the doors through which calls come in.
//!
//! A front reads what its peer sends, proves who that is, says it in KMIP's words and asks the service. It decides nothing
//! about keys, sees neither vault nor slots, and sends no answer before the service's receipt for it has come.

mod contract;
pub mod control;
pub mod kmip;
mod listen;
mod patience;
pub mod pkcs11;
mod stagger;
pub mod tell;
mod tls;

pub use contract::{Crew, Fingerprint, Limits, Member, Phase, Stop, Stopper};
pub use listen::{Listening, Place, Places, accept, bind, bind_local};
pub use tls::{Credentials, Error as TlsError, Tls};
