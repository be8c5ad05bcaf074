//! What can be said on the command line about approvals, backups and recovery.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(super) enum Approval {
    /// List the requests, oldest first
    List,
    /// Show a request in full
    Show {
        /// Its identifier
        id: String,
    },
    /// Agree to a request, as the operator that your user is in the configuration
    Approve {
        /// Its identifier
        id: String,
    },
    /// Do not agree: nobody can agree to it any more
    Deny {
        /// Its identifier
        id: String,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Backup {
    /// The file; it must not be there yet
    #[arg(long, value_name = "FILE", required = true)]
    pub(super) to: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) verb: Option<BackupVerb>,
}

#[derive(Debug, Subcommand)]
pub(super) enum BackupVerb {
    /// Say whether a backup is whole, whose it is and of when, without opening it
    Verify {
        /// The backup
        file: PathBuf,
        /// The audit log of its appliance, or a copy; the configuration's without one
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// The public key that log must be signed with, from a copy that was kept elsewhere
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    pub(super) file: PathBuf,
    /// Bring this object alone back, into the running daemon
    #[arg(long, value_name = "ID")]
    pub(super) object: Option<String>,
    /// Let what is older take the place of what is newer
    #[arg(long)]
    pub(super) older: bool,
    /// No key was used after the backup: callers go on choosing their nonces
    #[arg(long, conflicts_with_all = ["object", "older"])]
    pub(super) same_history: bool,
    /// A file with a recovery share, as often as shares are needed; without any they are asked for, one by one
    #[arg(long, value_name = "FILE")]
    pub(super) share_file: Vec<PathBuf>,
    /// Seal the new vault with this key file; made with fresh random bytes if it is not there
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    pub(super) key_file: Option<PathBuf>,
    /// Seal the new vault with the passphrase in this file; without either it is asked for
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// The audit log of the backup's appliance, or a copy; the configuration's without one
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
    /// The public key that log must be signed with, from a copy that was kept elsewhere
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
}
