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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        codec::{Wire, Writer},
        mechanism::MechanismType,
    };

    fn gcm(nonce: &[u8], aad: &[u8], tag_bits: u64) -> Option<Vec<u8>> {
        let bits = nonce.len() as u64 * 8;
        let parameter = Gcm { iv: Bytes(nonce.to_vec()), iv_bits: bits, aad: Bytes(aad.to_vec()), tag_bits };
        written(MechanismType::AES_GCM, Parameter::Gcm(parameter))
    }

    fn iv(kind: MechanismType, iv: &[u8]) -> Option<Vec<u8>> {
        written(kind, Parameter::Iv(Iv { iv: Bytes(iv.to_vec()) }))
    }

    fn written(kind: MechanismType, parameter: Parameter) -> Option<Vec<u8>> {
        let likeness = Mechanism { kind, parameter }.likeness()?;
        let mut bytes = Vec::new();
        likeness.write(&mut Writer::new(&mut bytes));
        Some(bytes)
    }

    #[test]
    fn messages_differ_in_their_nonces_and_in_nothing_that_matters() {
        let one = gcm(b"nonce nonce1", b"a", 128);
        assert!(one.is_some());
        for (name, other, alike) in [
            ("another nonce", gcm(b"nonce nonce2", b"a", 128), true),
            ("other data beside it", gcm(b"nonce nonce1", b"b", 128), true),
            ("a longer nonce", gcm(b"nonce nonce 1", b"a", 128), false),
            ("more data beside it", gcm(b"nonce nonce1", b"ab", 128), false),
            ("a shorter tag", gcm(b"nonce nonce1", b"a", 96), false),
        ] {
            assert_eq!(other == one, alike, "{name}");
        }
        assert_eq!(iv(MechanismType::AES_CBC, &[1; 16]), iv(MechanismType::AES_CBC, &[2; 16]));
        assert_ne!(iv(MechanismType::AES_CBC, &[1; 16]), iv(MechanismType::AES_CBC_PAD, &[1; 16]));
        assert_eq!(written(MechanismType::ECDSA, Parameter::None), None);
    }
}
