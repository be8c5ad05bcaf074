//! What is said of slots that hold their keys themselves, as an HSM does: how they stand, and which keys are in them.

use std::fmt;

use super::kept::Kept;
use crate::clock::Time;

/// The name of a key in a slot: random, so that no two keys of anybody's have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name(pub [u8; 16]);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A key that is in the slot.
#[derive(Debug)]
pub struct Found {
    /// What the slot calls it.
    pub label: String,
    /// The slot's identifier for it.
    pub id: Vec<u8>,
    /// How the slot holds it.
    pub held: Held,
    /// Whether it has neither, or both in common with another: to work with one, or to remove it, could be to do so with
    /// another.
    pub alike: bool,
    /// The key or, of a pair, its private half.
    pub key: Kept,
    /// The public half of a pair.
    pub public: Option<Kept>,
}

/// A change of condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Which of several tokens it is; nothing where it is the slot.
    pub member: Option<String>,
    /// How it stands now.
    pub condition: Condition,
}

/// One of several tokens that hold the same keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub condition: Condition,
    /// What keeps keys of others from coming to it.
    pub hindrance: Option<Why>,
    /// How many keys it lacks that others have; nothing until it was found out since the token was opened.
    pub lacking: Option<usize>,
    /// How many of these cannot come, because their token does not let them go.
    pub bound: usize,
}

/// How a slot holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It can never leave.
    Fast,
    /// The slot would let it out.
    Loosely,
    /// Not at all: it is no secret.
    Not,
}

/// Whether a slot can be worked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It is being found out; requests are refused until it is.
    Probing {
        /// Since when.
        since: Time,
        /// What ended the time before.
        after: Option<Why>,
    },
    /// It works.
    Usable,
    /// It does not work, for this reason.
    Unfit(Why),
}

impl Condition {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Probing { .. } => "probing",
            Self::Usable => "usable",
            Self::Unfit(_) => "unfit",
        }
    }

    /// What is against it.
    pub const fn why(self) -> Option<Why> {
        match self {
            Self::Probing { after, .. } => after,
            Self::Usable => None,
            Self::Unfit(why) => Some(why),
        }
    }
}

/// Declares the reasons with their words in the log and their sentences.
macro_rules! reasons {
    ($($(#[$about:meta])* $why:ident = $word:literal, $sentence:literal;)*) => {
        /// Why a slot cannot be worked with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Why {
            $($(#[$about])* $why,)*
        }

        impl Why {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$why),*];

            /// The word that log and reports have for it.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$why => $word,)*
                }
            }
        }

        impl fmt::Display for Why {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$why => $sentence,)*
                })
            }
        }
    };
}

reasons! {
    /// There is no such library.
    NoLibrary = "no-library", "its library is not there or cannot be loaded; see `library`";
    /// It is no PKCS#11 library.
    NotCryptoki = "not-pkcs11", "its library is not of PKCS#11 2 or 3";
    /// It refuses to start.
    NotStarted = "not-started", "its library does not start";
    /// There is no such token.
    NoToken = "no-token", "its library has no such token; is it plugged in?";
    /// There are several.
    SeveralTokens = "several-tokens", "several of its library's tokens fit; name one by `serial`";
    /// The token was never initialised.
    Uninitialised = "uninitialised", "its token is not initialised";
    /// The token wants a PIN.
    NoPin = "no-pin", "its token wants a PIN; enter it with `strongroom slot login`";
    /// The PIN is wrong. It was tried once, and is not tried again.
    WrongPin = "wrong-pin", "its PIN is wrong and is not tried again; enter the right one with `strongroom slot login`";
    /// Somebody entered a wrong PIN before.
    PinAtRisk = "pin-at-risk",
        "a wrong PIN was entered before, and another may lock the token; if the PIN is right, run `strongroom slot login`";
    /// The token is locked.
    PinLocked = "pin-locked", "its token is locked after too many wrong PINs; the vendor's tools unlock it";
    /// The token went away, or another came in its place.
    TokenGone = "token-gone", "its token went away, or is another one now";
    /// No sessions.
    NoSession = "no-session", "its token has no session left for us";
    /// A call took too long.
    Silent = "silent", "its library did not answer in time and was stopped";
    /// The worker died.
    Died = "died", "its worker process died";
    /// Answers that cannot be.
    Garbage = "garbage", "its library answers what cannot be";
    /// The device failed.
    Device = "device", "its token reports a fault";
    /// The library did what the sandbox forbids.
    Trespass = "trespass", "its library started a program or reached for another process and was stopped; is it the vendor's?";
    /// The sandbox could not be built.
    NotConfined = "not-confined", "its library cannot be confined; see `paths`";
    /// The system starts no worker.
    NoProcess = "no-process", "the system starts no worker process for it";
    /// Two members of a cluster are one.
    SameToken = "same-token", "it is the same token as a member before it; name another one, or name it once";
    /// The key that encrypts keys on their way is missing.
    NoWrapper = "no-wrapping-key", "it has no key, or several, of the name in `wrap_with` that may wrap and unwrap";
    /// It is another one.
    OtherWrapper = "other-wrapping-key", "its key of the name in `wrap_with` is another one than that of the members before it";
    /// No mechanism for it.
    NoWrapping = "no-wrapping", "it and the other members have no AES key wrap in common";
}

impl Why {
    /// Whether trying again by itself could do harm, or could not help: an operator has to act first.
    pub const fn lasts(self) -> bool {
        matches!(self, Self::NoPin | Self::WrongPin | Self::PinAtRisk | Self::PinLocked)
    }
}
