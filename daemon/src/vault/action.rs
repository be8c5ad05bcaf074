//! What somebody may want with an object, and how much of it can be granted.

use std::fmt;

/// What somebody wants with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Learn that it is there, and its attributes.
    See,
    /// Have cryptography done with it.
    Use,
    /// Get its material out.
    Read,
    /// Change its attributes.
    Change,
    /// Activate, revoke or destroy it.
    Live,
    /// Put it away, or bring it back.
    Archive,
    /// Say who else may use it.
    Share,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 7] = [Self::See, Self::Use, Self::Read, Self::Change, Self::Live, Self::Archive, Self::Share];
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::See => "see",
            Self::Use => "use",
            Self::Read => "read",
            Self::Change => "change",
            Self::Live => "activate, revoke or destroy",
            Self::Archive => "archive or recover",
            Self::Share => "share",
        })
    }
}

/// What somebody is granted on an object that is another's. Each word holds the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// See it and have cryptography done with it.
    Use,
    /// Get its material out as well.
    Read,
    /// Change its attributes and its life as well.
    Manage,
}

impl Level {
    /// Every level, as commands spell it.
    pub const ALL: [Self; 3] = [Self::Use, Self::Read, Self::Manage];

    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::Read => "read",
            Self::Manage => "manage",
        }
    }

    /// The level of this word, or nothing.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }
}
