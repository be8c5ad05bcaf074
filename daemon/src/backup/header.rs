//! What stands first in the file, in the open: whose backup it is, of when, and who can open it.

use serde::{Deserialize, Serialize};

use super::{
    error::{Error, VERSION},
    text,
};
use crate::sharing::Roster;

/// What can be read without any key. It is authenticated with every chunk and by the signature at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// What the appliance says of itself.
    pub facts: Facts,
    /// Who can open it.
    pub lock: Lock,
}

/// Who can open a backup: whoever has enough of these shares, which make the key that its own key is sealed for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Who holds the shares.
    pub shares: Roster,
    /// The backup's key, sealed for the key that they make.
    #[serde(with = "text")]
    pub key: Vec<u8>,
}

/// What an appliance says of itself when a backup is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The version of the program.
    pub version: String,
    /// The origin of its audit log, which is the appliance's own name.
    pub appliance: String,
    /// When the backup was begun, in seconds since 1970.
    pub time: i64,
    /// The store's generation: everything up to it is in the backup, and nothing later.
    pub generation: u64,
    /// How many objects there are.
    pub objects: u64,
    /// The slots that objects lie in. A restored appliance needs slots of these names.
    pub slots: Vec<SlotFact>,
    /// Keys that a token holds. They are in no backup: only what is known of them is.
    pub held: Vec<HeldKey>,
    /// The head of the audit log: a signed checkpoint that covers every change in the backup.
    pub head: String,
}

/// A slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlotFact {
    /// Its name.
    pub name: String,
    /// What it is made of.
    pub maker: String,
}

/// A key that a token holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldKey {
    /// The object.
    pub id: String,
    /// The slot over the token.
    pub slot: String,
}

impl Header {
    /// The header as it stands in the file.
    pub(super) fn write(&self) -> Result<Vec<u8>, Error> {
        let json = serde_json::to_vec(self).map_err(|_| Error::Broken("writing the header"))?;
        let length = u32::try_from(json.len()).ok().filter(|length| *length <= LONGEST);
        let length = length.ok_or(Error::Large("the list of slots and keys"))?;
        Ok([MAGIC, VERSION.to_string().as_bytes(), b"\n", &length.to_be_bytes(), &json].concat())
    }

    /// Reads the JSON of a header.
    pub(super) fn parse(json: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(json).map_err(|_| Error::Damaged("its header"))
    }
}

/// What every backup begins with; the version follows, and a newline.
pub(super) const MAGIC: &[u8] = b"strongroom backup ";
/// Room for the names of a hundred thousand keys in tokens.
pub(super) const LONGEST: u32 = 16 << 20;
