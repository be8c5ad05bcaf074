//! What two uses of a mechanism have in common when each is for a message of its own.

use super::parameter::{Ccm, Gcm, Iv, Mechanism, Parameter, Poly1305};
use crate::value::Bytes;

impl Mechanism {
    /// The mechanism without what each message has of its own, the nonce and what is authenticated beside it, of which only
    /// the lengths stay; nothing for a mechanism that takes neither. Whether work can begin with a key depends on the rest
    /// alone.
    #[must_use]
    pub fn likeness(&self) -> Option<Self> {
        let blank = |bytes: &Bytes| Bytes(vec![0; bytes.len()]);
        let parameter = match &self.parameter {
            Parameter::Iv(given) => Parameter::Iv(Iv { iv: blank(&given.iv) }),
            Parameter::Gcm(given) => Parameter::Gcm(Gcm { iv: blank(&given.iv), aad: blank(&given.aad), ..*given }),
            Parameter::Ccm(given) => {
                Parameter::Ccm(Ccm { nonce: blank(&given.nonce), aad: blank(&given.aad), ..*given })
            }
            Parameter::Poly1305(given) => {
                Parameter::Poly1305(Poly1305 { nonce: blank(&given.nonce), aad: blank(&given.aad) })
            }
            _ => return None,
        };
        Some(Self { kind: self.kind, parameter })
    }
}
