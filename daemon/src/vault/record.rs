//! An object as the vault knows it, and the two rows it is kept in.
//!
//! The first row holds what may be looked at without touching a secret: owner, grants, kind and attributes. The
//! second holds the secret part alone and is read only when it is needed. Both are sealed.

use serde::{Deserialize, Serialize};
use strongroom_kmip::{
    attribute::{Set, Standard},
    code::{ObjectType, State},
    secret::Secret,
};

use super::{
    action::{Action, Level},
    error::Error,
    identifier::ObjectId,
    seal::{Place, Sealer},
    state,
};
use crate::{
    caller::Principal,
    clock::Time,
    memory::Locked,
    slot::{Family, Pair, Shape},
    store::Table,
};

/// What an object is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    /// A key that a slot holds or opens.
    Key(#[serde(with = "shape")] Shape),
    /// Bytes that are kept and given back: a certificate, secret data, an opaque object.
    Blob,
    /// Nothing any more; only attributes are left.
    Gone,
}

/// Everything about an object that is no secret.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Its identifier.
    pub id: ObjectId,
    /// Whose it is.
    pub owner: Principal,
    /// Who else may do what.
    pub grants: Vec<(Principal, Level)>,
    /// The slot that holds it.
    pub slot: String,
    /// What it is made of.
    pub body: Body,
    /// Its KMIP attributes.
    pub attributes: Set,
    /// Which object it was of all that were ever made here; later ones have larger numbers.
    pub born: u64,
    /// Counts its changes.
    pub generation: u64,
    /// The generation in which its secret part was last written.
    pub written: u64,
    /// Under whose name nonces are remembered that callers have chosen for its key: the first of all objects of that key.
    /// Nothing where it is the only one and has taken none.
    pub nonces: Option<ObjectId>,
    /// Whether nonces may have been forgotten that callers have chosen for its key: it came back out of a backup, and what
    /// was chosen after that is in none. Such a key takes no nonce any more that is not ours.
    pub forgot: bool,
}

/// An object, as it stood when somebody looked.
pub type Object = Meta;

impl AsRef<Self> for Meta {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Meta {
    /// What the principal was granted.
    pub fn granted(&self, principal: &Principal) -> Option<Level> {
        self.grants.iter().find(|(who, _)| who == principal).map(|&(_, level)| level)
    }

    /// What kind of object it is.
    pub fn object_type(&self) -> ObjectType {
        self.attributes.object_type().unwrap_or(ObjectType::OpaqueObject)
    }

    /// Where it stands in its life at `now`, or nothing for an object that has no life of its own.
    pub fn state(&self, now: Time) -> Option<State> {
        let stored = self.attributes.state()?;
        let (activation, deactivation) = (self.attributes.activation_date(), self.attributes.deactivation_date());
        Some(state::at(stored, activation, deactivation, now.seconds()))
    }

    /// Whether it is to stay inside: what is made of it must not tell of it.
    pub fn is_kept_closely(&self) -> bool {
        !self.is_public() && (self.attributes.sensitive() == Some(true) || self.attributes.extractable() == Some(false))
    }

    /// Whether its material is no secret: whoever may see the object may have it.
    pub fn is_public(&self) -> bool {
        matches!(self.body, Body::Key(Shape::Public(_))) || self.object_type() == ObjectType::Certificate
    }

    /// Whether only its attributes are left.
    pub fn is_destroyed(&self) -> bool {
        self.body == Body::Gone
    }

    /// Whether it was put away and not recovered since (KMIP 2.1 §4.5 Archive Date).
    pub fn is_archived(&self) -> bool {
        self.attributes.standard(Standard::ArchiveDate).is_some()
    }

    /// Whether it is at hand for this: what was put away can only be looked at and brought back.
    ///
    /// # Errors
    /// [`Error::Archived`].
    pub(super) fn at_hand(&self, action: Action) -> Result<(), Error> {
        let needed = matches!(action, Action::Use | Action::Read | Action::Change | Action::Live);
        if needed && self.is_archived() { Err(Error::Archived(self.id.clone())) } else { Ok(()) }
    }

    /// Under whose name nonces of its key are remembered, once there are any.
    pub fn remembers(&self) -> &ObjectId {
        self.nonces.as_ref().unwrap_or(&self.id)
    }

    /// The row that holds all this.
    ///
    /// # Errors
    /// [`Error`] when sealing fails.
    pub fn close(&self, sealer: &Sealer) -> Result<Vec<u8>, Error> {
        let head = Head {
            owner: self.owner.to_string(),
            grants: self.grants.iter().map(|(who, level)| (who.to_string(), *level)).collect(),
            slot: self.slot.clone(),
            body: self.body,
            written: self.written,
            born: self.born,
            nonces: self.nonces.is_some(),
            forgot: self.forgot,
            first: self.nonces.as_ref().filter(|first| **first != self.id).map(ToString::to_string),
        };
        let head = serde_json::to_vec(&head).map_err(|_| Error::Broken("writing a record"))?;
        let mut plain = Vec::new();
        plain.extend_from_slice(&(head.len() as u64).to_be_bytes());
        plain.extend_from_slice(&head);
        plain.extend_from_slice(&self.attributes.encode());
        let mut row = self.generation.to_be_bytes().to_vec();
        row.extend_from_slice(&sealer.close(&self.place(Self::META, self.generation), &plain)?);
        Ok(row)
    }

    /// Reads the row of `id` back.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it does not fit its seal or says nothing sensible.
    pub fn open(id: ObjectId, row: &[u8], sealer: &Sealer) -> Result<Self, Error> {
        let damaged = || Error::Damaged(format!("object/{id}"));
        let (generation, sealed) = row.split_first_chunk::<8>().ok_or_else(damaged)?;
        let generation = u64::from_be_bytes(*generation);
        let place = Place { table: OBJECT, key: id.as_str(), part: Self::META, generation };
        let plain = sealer.open(&place, sealed)?;
        let (length, rest) = plain.reveal().split_first_chunk::<8>().ok_or_else(damaged)?;
        let length = usize::try_from(u64::from_be_bytes(*length)).map_err(|_| damaged())?;
        let (head, attributes) = rest.split_at_checked(length).ok_or_else(damaged)?;
        let head: Head = serde_json::from_slice(head).map_err(|_| damaged())?;
        let attributes = Set::decode(attributes).map_err(|_| damaged())?;
        let owner = head.owner.parse().map_err(|_| damaged())?;
        let grants = head
            .grants
            .into_iter()
            .map(|(who, level)| who.parse().map(|who| (who, level)))
            .collect::<Result<_, _>>()
            .map_err(|_| damaged())?;
        Ok(Self {
            owner,
            grants,
            slot: head.slot,
            body: head.body,
            attributes,
            born: head.born,
            generation,
            written: head.written,
            forgot: head.forgot,
            nonces: head.first.map(|first| ObjectId::from_text(&first)).or_else(|| head.nonces.then(|| id.clone())),
            id,
        })
    }

    /// The row of the secret part; `own` is the data key of its slot.
    ///
    /// # Errors
    /// [`Error`] when sealing fails.
    pub(super) fn close_secret(
        &self,
        secret: &Secret,
        sealer: &Sealer,
        own: Option<&Locked>,
    ) -> Result<Vec<u8>, Error> {
        sealer.close_in(&self.place(Self::SECRET, self.written), secret.reveal(), own)
    }

    /// Reads the secret part back.
    ///
    /// # Errors
    /// [`Error::Damaged`] when it does not fit its seal.
    pub(super) fn open_secret(&self, row: &[u8], sealer: &Sealer, own: Option<&Locked>) -> Result<Secret, Error> {
        sealer.open_in(&self.place(Self::SECRET, self.written), row, own)
    }

    /// The keys of its two rows.
    pub fn rows(id: &ObjectId) -> (Vec<u8>, Vec<u8>) {
        let key = |prefix: &[u8]| [prefix, id.as_str().as_bytes()].concat();
        (key(META_ROW), key(SECRET_ROW))
    }

    /// The identifier, if this is the key of a first row.
    pub fn id_of_row(key: &[u8]) -> Option<ObjectId> {
        id(key, META_ROW)
    }

    /// The identifier, if this is the key of a second row.
    pub(super) fn id_of_secret(key: &[u8]) -> Option<ObjectId> {
        id(key, SECRET_ROW)
    }

    /// The part of an object that its first row holds.
    pub(super) const META: &'static str = "meta";
    /// The part that its second row holds.
    pub(super) const SECRET: &'static str = "secret";

    fn place<'a>(&'a self, part: &'a str, generation: u64) -> Place<'a> {
        Place { table: OBJECT, key: self.id.as_str(), part, generation }
    }
}

fn id(key: &[u8], prefix: &[u8]) -> Option<ObjectId> {
    let id = key.strip_prefix(prefix)?;
    std::str::from_utf8(id).ok().map(ObjectId::from_text)
}

/// The part of the first row that is no attribute.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    owner: String,
    grants: Vec<(String, Level)>,
    slot: String,
    body: Body,
    written: u64,
    born: u64,
    #[serde(default)]
    nonces: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    forgot: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<String>,
}

/// How a [`Shape`] is spelled in a row.
mod shape {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use super::{Family, Pair, Shape};
    use strongroom_kmip::mechanism::{Curve, ParameterSet};

    pub(super) fn serialize<S: Serializer>(shape: &Shape, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&match shape {
            Shape::Symmetric { family, bits } => format!("symmetric {family:?} {bits}"),
            Shape::Private(Pair::Rsa { bits }) => format!("private RSA {bits}"),
            Shape::Private(Pair::Group { bits }) => format!("private DH {bits}"),
            Shape::Public(Pair::Group { bits }) => format!("public DH {bits}"),
            Shape::Private(Pair::Dsa { bits }) => format!("private DSA {bits}"),
            Shape::Public(Pair::Dsa { bits }) => format!("public DSA {bits}"),
            Shape::Private(Pair::Elliptic(curve)) => format!("private {curve:?} 0"),
            Shape::Public(Pair::Rsa { bits }) => format!("public RSA {bits}"),
            Shape::Public(Pair::Elliptic(curve)) => format!("public {curve:?} 0"),
            Shape::Private(Pair::Quantum(set)) => format!("private {set:?} 0"),
            Shape::Public(Pair::Quantum(set)) => format!("public {set:?} 0"),
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Shape, D::Error> {
        let text = String::deserialize(from)?;
        parse(&text).ok_or_else(|| D::Error::custom("no such kind of key"))
    }

    fn parse(text: &str) -> Option<Shape> {
        let mut words = text.split(' ');
        let (class, kind, bits) = (words.next()?, words.next()?, words.next()?.parse().ok()?);
        let pair = || match kind {
            "RSA" => Some(Pair::Rsa { bits }),
            "DH" => Some(Pair::Group { bits }),
            "DSA" => Some(Pair::Dsa { bits }),
            _ => {
                let curve = Curve::ALL.into_iter().find(|curve| format!("{curve:?}") == kind).map(Pair::Elliptic);
                let set = || ParameterSet::ALL.iter().find(|set| format!("{set:?}") == kind);
                curve.or_else(|| set().copied().map(Pair::Quantum))
            }
        };
        match class {
            "symmetric" => {
                let family = Family::ALL.into_iter().find(|family| format!("{family:?}") == kind)?;
                Some(Shape::Symmetric { family, bits })
            }
            "private" => pair().map(Shape::Private),
            "public" => pair().map(Shape::Public),
            _ => None,
        }
    }
}

const OBJECT: &str = Table::Object.name();
const META_ROW: &[u8] = b"m/";
const SECRET_ROW: &[u8] = b"s/";
