//! What a front asks: a request, and what it knows besides.

use strongroom_kmip::{mechanism::Mechanism, operation::Request, secret::Secret, version::Version};

use super::share::Share;
use crate::vault::{Derivation, ObjectId};

/// A request, and what the front knows besides.
pub struct Ask {
    /// The request.
    pub request: Request,
    /// The version that the peer speaks.
    pub version: Version,
    /// The mechanism, where the front knows it better than Cryptographic Parameters say it.
    pub mechanism: Option<Mechanism>,
    /// The derivation, where the front knows it better than Derivation Parameters say it.
    pub derivation: Option<Derivation>,
    /// How a derivation is shared out among several keys.
    pub share: Option<Share>,
    /// What a new key is derived from, where that is a password and no object.
    pub password: Option<Secret>,
    /// Which rules of PKCS#11 the front has seen to.
    pub seen: Seen,
    /// The slot that a new object goes to; without one, the first.
    pub slot: Option<String>,
    /// The object that earlier items of the batch made or found.
    pub placeholder: Option<ObjectId>,
    /// The peer's own name for the message.
    pub correlation: Option<String>,
    /// The number of the message, from [`Service::number`].
    pub number: u64,
    /// The place of the item in its batch, from nought.
    pub item: u32,
}

/// Which rules of PKCS#11 a front has seen to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// None: it does not know them.
    #[default]
    Nothing,
    /// Those of a user: it asks for the PIN where a key wants it, and fills in templates.
    User,
    /// The same, and the caller has shown the PIN of the token's security officer.
    Officer,
}

impl Ask {
    /// A request by itself.
    pub fn new(request: impl Into<Request>, version: Version, number: u64) -> Self {
        let request = request.into();
        Self {
            request,
            version,
            mechanism: None,
            derivation: None,
            share: None,
            password: None,
            seen: Seen::Nothing,
            slot: None,
            placeholder: None,
            correlation: None,
            number,
            item: 0,
        }
    }
}
