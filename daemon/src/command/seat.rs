//! What can be said on the command line about the seal.

use std::{path::PathBuf, str::FromStr};

use clap::{Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(super) enum Operator {
    /// Change what opens the vault. Several things named together are needed together
    Rekey {
        /// A new passphrase, which is asked for
        #[arg(long, required_unless_present_any = ["passphrase_file", "key_file", "shares", "slot"])]
        passphrase: bool,
        /// The new passphrase in this file
        #[arg(long, value_name = "FILE", conflicts_with = "passphrase")]
        passphrase_file: Option<PathBuf>,
        /// This key file; made with fresh random bytes if it is not there
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
        /// Shares: M of N, 2 to 32
        #[arg(long, value_name = "M/N")]
        shares: Option<Quota>,
        /// The holder of a share, as often as there are shares; else they are numbered
        #[arg(long = "label", value_name = "NAME", requires = "shares")]
        holders: Vec<String>,
        /// A key that is made in this slot, over an HSM, and never leaves it
        #[arg(long, value_name = "NAME")]
        slot: Option<String>,
        /// Let what opens the vault already go on doing so
        #[arg(long)]
        add: bool,
        /// Write each share into a file NAME.share in this folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Exchange a key without stopping
    Rotate {
        /// Which one
        #[arg(value_enum)]
        what: Rotation,
    },
    /// Seal the vault of a running daemon: it forgets its keys and refuses every request
    Seal,
    /// Deal a new recovery key in shares: enough of them open the backups that are made from then on
    GenerateRecovery {
        /// M of N, 2 to 32
        #[arg(long, value_name = "M/N", default_value = "3/5")]
        shares: Quota,
        /// The holder of a share, as often as there are shares; else they are numbered
        #[arg(long = "label", value_name = "NAME")]
        holders: Vec<String>,
        /// Write each share into a file NAME.share in this folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Remove one of the ways to open the vault, by its number in `status`; the last that is known to work stays
    RemoveWay {
        /// Its number
        number: u32,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Rotation {
    /// The root key, which opens the data keys
    Root,
    /// The data key, which seals what is stored; everything is resealed while the daemon serves
    Data,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) needed: u8,
    pub(super) dealt: u8,
}

impl FromStr for Quota {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "M/N, as in 3/5: 2 at least and 32 at most, and no more needed than there are";
        let (needed, dealt) = text.split_once('/').ok_or(wrong)?;
        let (needed, dealt) = (needed.parse().map_err(|_| wrong)?, dealt.parse().map_err(|_| wrong)?);
        let fits = needed >= 2 && needed <= dealt && dealt <= 32;
        if fits { Ok(Self { needed, dealt }) } else { Err(wrong) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_some_of_as_many() {
        assert_eq!("3/5".parse(), Ok(Quota { needed: 3, dealt: 5 }));
        for (name, text) in [
            ("one number", "3"),
            ("one of many", "1/5"),
            ("more than there are", "6/5"),
            ("too many", "2/33"),
            ("a sign", "-2/5"),
            ("more than a byte", "2/300"),
            ("words", "two/three"),
        ] {
            assert!(text.parse::<Quota>().is_err(), "{name}");
        }
    }
}
