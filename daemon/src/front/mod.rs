//! Who knocks: the doors through which calls come in.
//!
//! A front reads what its peer sends, proves who that is, says it in KMIP's words and asks the service. It decides nothing
//! about keys, sees neither vault nor slots, and sends no answer before the service's receipt for it has come.

mod contract;
mod listen;
mod tls;

pub use contract::{Crew, Doorkeeper, Fingerprint, Limits, Phase, Recognition, Stop, Stopper};
pub use listen::{Listening, Place, Places, accept, bind, bind_local};
pub use tls::{Credentials, Error as TlsError, Tls, Turned};
