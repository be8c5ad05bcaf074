//! What the vault keeps of a key that a token holds: where it is, and its public half, which is read without the token.

use strongroom_kmip::secret::Secret;

use super::{
    codec::{Input, Output, Plain, Wire, messages},
    message::Reference,
};
use crate::slot::holding::Name;

messages! {
    /// A key in the token, as the vault keeps it.
    struct Held {
        /// Where it is.
        key: Reference;
        /// Its public half as SubjectPublicKeyInfo; empty where there is none.
        public: Plain;
    }
}

impl Held {
    /// A key that is made here.
    pub(super) fn named(name: &Name, class: u64) -> Self {
        let key = Reference { class, id: Plain(name.0.to_vec()), label: None };
        Self { key, public: Plain::default() }
    }

    /// As the vault keeps it.
    pub(super) fn to_secret(&self) -> Secret {
        let mut output = Output::new();
        output.bytes(MARK);
        self.put(&mut output);
        Secret::copy_of(&output.done())
    }

    /// What it takes to remove the key: its name, whatever its class.
    pub(super) fn errand(&self) -> Secret {
        let key = Reference { class: 0, id: self.key.id.clone(), label: self.key.label.clone() };
        Self { key, public: Plain::default() }.to_secret()
    }

    /// What the vault kept, or nothing where that is no reference.
    pub(super) fn read(held: &Secret) -> Option<Self> {
        Input::whole(held.reveal().strip_prefix(MARK)?)
    }
}

/// The words that a key made here is labelled with: whose it is, and which.
pub(super) fn label(name: &Name) -> Plain {
    label_of(&name.0)
}

/// The same, by the identifier of a key.
pub(super) fn label_of(id: &[u8]) -> Plain {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    Plain(format!("strongroom {hex}").into_bytes())
}

/// No key's bytes begin so: those of public keys, which stand beside references, begin with a DER sequence.
const MARK: &[u8] = b"held in token 1\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_back_and_nothing_else_is() {
        let held = Held { public: Plain(vec![0x30, 0]), ..Held::named(&Name([7; 16]), 3) };
        let read = Held::read(&held.to_secret()).unwrap();
        assert_eq!((read.key.class, read.key.id.0, read.public.0), (3, vec![7; 16], vec![0x30, 0]));
        for bytes in [&b""[..], b"0\x82", MARK, &[MARK, &[0; 7]].concat()] {
            assert!(Held::read(&Secret::copy_of(bytes)).is_none());
        }
    }
}
