//! What stands last in the file: what the whole before it hashes to, signed by the appliance's audit log.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

use super::text::{from_hex, hex};

/// What an appliance signs of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The origin of the audit log that signs.
    pub appliance: String,
    /// How many bytes stand before.
    pub bytes: u64,
    /// Their SHA-256.
    pub digest: [u8; 32],
}

/// Who signed a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// The epoch of the audit log whose key signed.
    pub epoch: u64,
    /// Its public key.
    pub key: [u8; 32],
    /// When, as RFC 3339 writes it.
    pub time: String,
    /// The signature.
    pub signature: [u8; 64],
}

impl Statement {
    /// The text that is signed. It begins as no checkpoint does.
    pub fn text(&self, epoch: u64, time: &str) -> String {
        format!(
            "{MARK}\nappliance {}\nepoch {epoch}\ntime {time}\nbytes {}\nsha256 {}\n",
            self.appliance,
            self.bytes,
            hex(&self.digest)
        )
    }

    /// The end of the file.
    pub(super) fn write(&self, by: &SignedBy) -> String {
        format!("{}key {}\nsignature {}\n", self.text(by.epoch, &by.time), hex(&by.key), hex(&by.signature))
    }

    /// Reads the end of a file, in its one spelling.
    pub(super) fn parse(text: &str) -> Option<(Self, SignedBy)> {
        let mut lines = text.split('\n');
        let mut next = |name: &str| lines.next()?.strip_prefix(name);
        next(MARK).filter(|rest| rest.is_empty())?;
        let appliance = next("appliance ")?.to_owned();
        let epoch = next("epoch ")?.parse().ok()?;
        let time = next("time ")?.to_owned();
        let bytes = next("bytes ")?.parse().ok()?;
        let digest = array(next("sha256 ")?)?;
        let (key, signature) = (array(next("key ")?)?, array(next("signature ")?)?);
        let statement = Self { appliance, bytes, digest };
        let by = SignedBy { epoch, key, time, signature };
        (statement.write(&by) == text).then_some((statement, by))
    }

    /// Whether it is signed by the key that it names.
    pub(super) fn is_signed(&self, by: &SignedBy) -> bool {
        let text = self.text(by.epoch, &by.time);
        UnparsedPublicKey::new(&ED25519, &by.key).verify(text.as_bytes(), &by.signature).is_ok()
    }
}

fn array<const N: usize>(text: &str) -> Option<[u8; N]> {
    from_hex(text)?.try_into().ok()
}

const MARK: &str = "strongroom backup ends 1";
/// Far more than a statement has.
pub(super) const LONGEST: u64 = 4096;
