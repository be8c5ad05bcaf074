//! What can be said of slots on the command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};

use crate::service::SlotTerms;

#[derive(Debug, Subcommand)]
pub(super) enum Slot {
    /// List the slots
    List,
    /// Make an emulated slot, which every front serves at once
    Create {
        /// What it is called: 1 to 32 printable characters
        name: String,
        #[command(flatten)]
        words: SlotWords,
    },
    /// Say something else of a slot that was made
    Set {
        /// The slot's name
        slot: String,
        #[command(flatten)]
        words: SlotWords,
    },
    /// Call a slot that was made otherwise; its objects, its PINs and its number in PKCS#11 stay
    Rename {
        /// The slot's name
        slot: String,
        /// What it is to be called
        name: String,
    },
    /// Destroy the data key of an emulated slot, and with it all objects in it and its PINs
    Zeroise {
        /// The slot's name
        slot: String,
        /// Do not ask for the name again
        #[arg(long)]
        yes: bool,
    },
    /// Remove a slot that was made and has nothing in it
    Remove {
        /// The slot's name
        slot: String,
    },
    /// Open the token behind a slot again, after its PIN was wrong or a wrong one was entered elsewhere
    Login {
        /// The slot's name
        slot: String,
        /// A file with the PIN; asked for without one
        #[arg(long, value_name = "FILE")]
        pin_file: Option<PathBuf>,
        /// Use the PIN of the configuration
        #[arg(long, conflicts_with = "pin_file")]
        configured: bool,
    },
    /// Let keys that are in the token behind a slot already appear as a client's objects
    Adopt {
        /// The slot's name
        slot: String,
        /// The client that is to own them
        #[arg(long, value_name = "CLIENT")]
        owner: String,
        /// Only those with this label
        #[arg(long)]
        label: Option<String>,
        /// Only those with this identifier, in hexadecimal digits
        #[arg(long, value_name = "HEX")]
        id: Option<String>,
    },
    /// Set the PINs of a slot's token; what it holds stays
    Init {
        /// The slot's name
        slot: String,
        /// A file with the security officer's PIN; asked for without one
        #[arg(long, value_name = "FILE")]
        so_pin_file: Option<PathBuf>,
        /// A file with the user's PIN; asked for without one
        #[arg(long, value_name = "FILE")]
        user_pin_file: Option<PathBuf>,
    },
}

/// What is said of an emulated slot; what is not said stays as it is.
#[derive(Clone, Debug, Args)]
pub(super) struct SlotWords {
    /// Which mechanisms it serves: strict, standard or legacy [a new slot: standard]
    #[arg(long, value_name = "POLICY")]
    mechanisms: Option<String>,
    /// Derivations whose results may be kept less closely than their keys, with commas between; "" for none
    #[arg(long, value_name = "NAMES")]
    open_derivations: Option<String>,
    /// How it protects its keys besides by software, as KMIP's Protection Storage Masks say it: on-system, off-system,
    /// hypervisor, container, on-premises, off-premises, self-managed, outsourced, validated, same-jurisdiction
    #[arg(long, value_name = "WORDS")]
    protection: Option<String>,
    /// How many objects it may hold; 0 for as many as there is room for
    #[arg(long, value_name = "NUMBER")]
    max_objects: Option<u64>,
    /// How short a new PIN may be, in bytes
    #[arg(long, value_name = "BYTES")]
    shortest_pin: Option<usize>,
    /// Whether a registered client may log in without a PIN, by what proves who it is
    #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
    protected_path: Option<bool>,
}

impl From<&SlotWords> for SlotTerms {
    fn from(words: &SlotWords) -> Self {
        let list = |text: &Option<String>| {
            let words = text.as_ref()?.split(',').map(str::trim).filter(|word| !word.is_empty());
            Some(words.map(str::to_owned).collect())
        };
        Self {
            mechanisms: words.mechanisms.clone(),
            open_derivations: list(&words.open_derivations),
            protection: list(&words.protection),
            max_objects: words.max_objects,
            shortest_pin: words.shortest_pin,
            protected_path: words.protected_path,
        }
    }
}
