//! A share of a key as its holder keeps it: one line of text.
//!
//! ```text
//! strongroom-share:1:unseal:1f0c…:2:3:alice:ABCDE-FGHIJ-…:KLMNOP
//! ```
//!
//! The fields: version, what the key is for, the set it belongs to, its number, how many are needed, who holds it, the
//! bytes, and a checksum of everything before it. Whether a share is true is not its own word but its [`Roster`]'s.
//!
//! [`Roster`]: super::Roster

use std::{fmt, str};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::letters;

/// What the key is for that a share is of. A share for one is none for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Opens the vault.
    Unseal,
    /// Opens backups.
    Recovery,
}

impl Purpose {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unseal => "unseal",
            Self::Recovery => "recovery",
        }
    }
}

/// Which shares belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetId(pub(super) [u8; 8]);

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Who holds a share, as the operator calls them: 1 to 32 of `A-Z a-z 0-9 . _ @ -`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

impl Label {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Label {
    type Error = Unfit;

    fn try_from(text: String) -> Result<Self, Unfit> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
        let fits = (1..=LONGEST_LABEL).contains(&text.len()) && text.bytes().all(plain);
        if fits { Ok(Self(text)) } else { Err(Unfit::Field("holder")) }
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

/// A share.
#[derive(Debug)]
pub struct Share {
    /// What the key is for.
    pub purpose: Purpose,
    /// The set it belongs to.
    pub set: SetId,
    /// Which one of the set, from 1.
    pub number: u8,
    /// How many of the set make the key.
    pub threshold: u8,
    /// Who holds it.
    pub label: Label,
    pub(super) bytes: Secret,
}

/// Why a share is not taken. None of this spoils those that were taken before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is something else.
    #[error("this is no share: a share is one line that begins with `{PREFIX}:`")]
    NoShare,
    /// Made by a later version of this program.
    #[error("this share is of another version of this program; this one reads version {VERSION}")]
    Version,
    /// A field cannot be read.
    #[error("the {0} of this share cannot be read; copy it again")]
    Field(&'static str),
    /// A group of letters is not as it was written.
    #[error("group {0} of the letters of this share is mistyped")]
    Group(usize),
    /// The line as a whole is not as it was written.
    #[error("this share is mistyped: its last six letters do not fit what is before them")]
    Checksum,
    /// A share for something else.
    #[error("this share is for {is}, and one for {wanted} is needed", is = .is.word(), wanted = .wanted.word())]
    Purpose {
        /// What it is for.
        is: Purpose,
        /// What is needed.
        wanted: Purpose,
    },
    /// Of another appliance, or of shares that were replaced.
    #[error("share {number} of {label} is of another set ({set}); those that are needed are of set {wanted}")]
    Foreign {
        /// Which one.
        number: u8,
        /// Whose.
        label: Label,
        /// Its set.
        set: SetId,
        /// The set that is needed.
        wanted: SetId,
    },
    /// It was changed since it was dealt, or somebody made it up.
    #[error("share {number} of {label} is not the one that was dealt: it was altered or made up")]
    Forged {
        /// Which one it says it is.
        number: u8,
        /// Whose it says it is.
        label: Label,
    },
    /// It was taken already.
    #[error("share {number} of {label} was entered already; another one is needed")]
    Repeated {
        /// Which one.
        number: u8,
        /// Whose.
        label: Label,
    },
    /// The shares were all taken and are true, and yet make nothing.
    #[error("the shares do not make a key")]
    Nothing,
}

impl Share {
    /// The line that its holder keeps.
    pub fn write(&self) -> Secret {
        let mut text = self.head();
        text.push_str(&letters::write(&self.bytes));
        let sum = checksum(text.as_bytes());
        text.push(':');
        text.push_str(&sum);
        Secret::copy_of(text.as_bytes())
    }

    /// Reads the line, with spaces around it. Letters may be of either case.
    ///
    /// # Errors
    /// [`Unfit`], with what is wrong with it.
    pub fn read(line: &[u8]) -> Result<Self, Unfit> {
        if line.len() > LONGEST {
            return Err(Unfit::NoShare);
        }
        let mut fields = line.trim_ascii().split(|byte| *byte == b':');
        let mut text = |what| fields.next().ok_or(Unfit::Field(what));
        if !text("prefix")?.eq_ignore_ascii_case(PREFIX.as_bytes()) {
            return Err(Unfit::NoShare);
        }
        if text("version")? != VERSION.as_bytes() {
            return Err(Unfit::Version);
        }
        let purpose = text("purpose")?;
        let purpose = [Purpose::Unseal, Purpose::Recovery]
            .into_iter()
            .find(|known| purpose.eq_ignore_ascii_case(known.word().as_bytes()))
            .ok_or(Unfit::Field("purpose"))?;
        let set = set_id(text("set")?).ok_or(Unfit::Field("set"))?;
        let number = small(text("number")?).ok_or(Unfit::Field("number"))?;
        let threshold = small(text("threshold")?).ok_or(Unfit::Field("threshold"))?;
        let label = str::from_utf8(text("holder")?).map_err(|_| Unfit::Field("holder"))?;
        let label = Label::try_from(label.to_owned())?;
        let (letters, sum) = (text("letters")?, text("checksum")?);
        if fields.next().is_some() {
            return Err(Unfit::Field("end"));
        }
        let bytes = letters::read(letters, LENGTH).map_err(|group| match group {
            0 => Unfit::Field("letters"),
            group => Unfit::Group(group),
        })?;
        let share = Self { purpose, set, number, threshold, label, bytes };
        let mut canonical = share.head();
        canonical.push_str(&letters::write(&share.bytes));
        let fits = Secret::copy_of(checksum(canonical.as_bytes()).as_bytes());
        if fits.same_as(&sum.to_ascii_uppercase()) { Ok(share) } else { Err(Unfit::Checksum) }
    }

    /// What a roster keeps of it. It tells nothing of the bytes, which are as good as random.
    pub(super) fn commitment(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(b"strongroom share\0");
        context.update(self.head().as_bytes());
        context.update(self.bytes.reveal());
        let mut sum = [0; 32];
        sum.copy_from_slice(context.finish().as_ref());
        sum
    }

    /// All fields but the last two, with a colon behind them.
    fn head(&self) -> Zeroizing<String> {
        let Self { purpose, set, number, threshold, label, .. } = self;
        let mut text = Zeroizing::new(String::with_capacity(LONGEST));
        let head = format!("{PREFIX}:{VERSION}:{}:{set}:{number}:{threshold}:{label}:", purpose.word());
        text.push_str(&head);
        text
    }
}

/// Thirty bits of a digest, as letters.
fn checksum(text: &[u8]) -> Zeroizing<String> {
    let mut context = Context::new(&SHA256);
    context.update(b"strongroom share checksum\0");
    context.update(text);
    let sum = context.finish();
    let letters = letters::write(&Secret::copy_of(sum.as_ref()));
    Zeroizing::new(letters.chars().filter(|letter| *letter != '-').take(CHECKSUM).collect())
}

fn set_id(digits: &[u8]) -> Option<SetId> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let pairs: &[[u8; 2]; 8] = pairs.try_into().ok()?;
    let mut set = [0; 8];
    for (byte, pair) in set.iter_mut().zip(pairs) {
        if !pair.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        *byte = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(SetId(set))
}

/// 1 to 32, in the one way that it is written.
fn small(digits: &[u8]) -> Option<u8> {
    let number: u8 = str::from_utf8(digits).ok()?.parse().ok()?;
    ((1..=MOST).contains(&number) && number.to_string().as_bytes() == digits).then_some(number)
}

const PREFIX: &str = "strongroom-share";
const VERSION: &str = "1";
/// Bytes of the keys that are shared, and so of a share.
pub(super) const LENGTH: usize = 32;
/// A ceremony with more people than this has other problems.
pub(super) const MOST: u8 = 32;
const LONGEST_LABEL: usize = 32;
/// Letters of the checksum.
const CHECKSUM: usize = 6;
/// Longer than any share, so that a text with one never grows.
const LONGEST: usize = 512;
