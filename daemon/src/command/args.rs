//! What can be said on the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::migrate::{Export, Import};
pub(super) use super::{
    berth::Slot,
    safe::{Approval, Backup, BackupVerb, Restore},
    seat::{Operator, Quota, Rotation},
};

/// Keeps keys, secrets and certificates, and hands them to the tools people already use.
#[derive(Debug, Parser)]
#[command(
    name = "strongroom",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage.\n\
                  Try it: `strongroom dev` builds a complete appliance in ./strongroom-dev and says what to do with it."
)]
pub(super) struct Line {
    /// The configuration file; without one, every key has its default
    #[arg(long, short, global = true, value_name = "FILE", default_value = CONFIG)]
    pub(super) config: PathBuf,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a new appliance: store, audit log, seal, authority, server certificate
    Init(Init),
    /// Serve, as the configuration says
    Serve {
        /// Check the configuration and the files it names, and start nothing
        #[arg(long)]
        check: bool,
    },
    /// Build a complete appliance in one folder, with clients and a slot, and serve it on loopback
    Dev(Dev),
    /// Open the vault of a running daemon
    Unseal(Entry),
    /// Seal the vault of a running daemon: it forgets its keys and refuses every request
    Seal,
    /// Say how a running daemon is
    Status,
    /// Change what opens the vault, rotate its keys, deal recovery shares
    #[command(subcommand)]
    Operator(Operator),
    /// Register clients, list them, revoke them
    #[command(subcommand)]
    Client(Client),
    /// List, make, set and zeroise slots, set their PINs, open their tokens, adopt keys that are in them
    #[command(subcommand)]
    Slot(Slot),
    /// Say what programs on this host see of their tokens, and if nothing, why
    #[command(subcommand)]
    Pkcs11(Pkcs11),
    /// List and show keys and other objects, and grant them to others
    #[command(subcommand)]
    Key(Key),
    /// Make a backup of a running daemon, or verify one
    Backup(Backup),
    /// Make an appliance out of a backup and recovery shares, or bring one object back
    Restore(Restore),
    /// Look at requests that several operators must agree to, and agree or not
    #[command(subcommand)]
    Approval(Approval),
    /// Take keys, certificates and secrets from where they were kept before, as a client's own
    Import(Import),
    /// Write a client's keys and certificates into a file, as far as they may leave
    Export(Export),
    /// Verify and read the audit log
    #[command(subcommand)]
    Audit(Audit),
    /// Give an endpoint an object, look at KMIP messages
    #[command(subcommand)]
    Kmip(Kmip),
    /// Be the worker of a slot: only the daemon starts it
    #[command(hide = true)]
    SlotWorker,
    /// Write the manual pages of this program and its verbs into a folder
    #[command(hide = true)]
    Man {
        /// The folder
        dir: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct Init {
    /// Seal the vault with this key file; made with fresh random bytes if it is not there
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    pub(super) key_file: Option<PathBuf>,
    /// Seal the vault with the passphrase in this file; without either it is asked for
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// The name of the authority that is founded
    #[arg(long, default_value = "Strongroom authority")]
    pub(super) authority: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Pkcs11 {
    /// Print the URIs of the tokens that the PKCS#11 module shows on this host
    Uri,
    /// Go the module's way, step by step, and say where it ends
    Check,
}

#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The folder
    #[arg(long, value_name = "DIR", default_value = "strongroom-dev")]
    pub(super) dir: PathBuf,
    /// Where KMIP listens; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5696")]
    pub(super) kmip: SocketAddr,
    /// Where KMIP over HTTPS listens; without it, on the port after that of --kmip
    #[arg(long, value_name = "ADDR")]
    pub(super) https: Option<SocketAddr>,
    /// Where PKCS#11 listens for the module on other hosts; without it, nowhere
    #[arg(long, value_name = "ADDR")]
    pub(super) pkcs11: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(super) struct Entry {
    /// Read the passphrase from this file; without one it is asked for, or read from standard input
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// Use this key file in place of a passphrase
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    pub(super) key_file: Option<PathBuf>,
    /// Enter one share; it is asked for, or read from standard input
    #[arg(long, conflicts_with_all = ["passphrase_file", "key_file"])]
    pub(super) share: bool,
    /// Enter the share in this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["passphrase_file", "key_file", "share"])]
    pub(super) share_file: Option<PathBuf>,
    /// Open by keys in slots
    #[arg(long, conflicts_with_all = ["passphrase_file", "key_file", "share", "share_file"])]
    pub(super) slots: bool,
    /// Forget the shares, and what else was entered, that are not enough yet
    #[arg(long, conflicts_with_all = ["passphrase_file", "key_file", "share", "share_file", "slots"])]
    pub(super) forget: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Client {
    /// Register a client and write its certificate (and a new key, without --csr) into a folder
    Add {
        /// 1 to 64 of A-Z a-z 0-9 - _ .
        name: String,
        /// What it may do beyond its own objects
        #[arg(long, value_enum, default_value_t = Role::User)]
        role: Role,
        /// How many days the certificate is good for
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        /// The local user, by name or number, that is this client on the PKCS#11 socket
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// A certificate request (PKCS#10, PEM or DER), so that the key never leaves its owner
        #[arg(long, value_name = "FILE")]
        csr: Option<PathBuf>,
        /// Where NAME.pem, NAME.key and ca.pem are written
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
    },
    /// List the registered clients
    List,
    /// Say what a client's KMIP messages may show, or must, besides its certificate
    #[command(subcommand)]
    Credential(Credential),
    /// Give a client a bearer token, which it shows over HTTPS in place of a certificate; it is printed once
    Token {
        /// The client's name
        name: String,
        /// How many days the token is good for
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        /// End the token of this identifier (`client list` shows it), or all of the client's, in place of giving one
        #[arg(long, value_name = "ID|all", num_args = 0..=1, default_missing_value = "all", conflicts_with = "days")]
        revoke: Option<String>,
    },
    /// Revoke a client: refused from now on, also on connections that it has
    Revoke {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Credential {
    /// Register a username and its password, or a device, in place of what was registered under this name
    Add {
        /// The client's name
        client: String,
        /// The username; without one, a device
        #[arg(long, required_unless_present_any = ["serial", "id", "network", "machine", "media"],
              conflicts_with_all = ["serial", "id", "network", "machine", "media"])]
        username: Option<String>,
        /// The device's serial number
        #[arg(long, value_name = "TEXT")]
        serial: Option<String>,
        /// The device's identifier
        #[arg(long, value_name = "TEXT")]
        id: Option<String>,
        /// The identifier of the device's network
        #[arg(long, value_name = "TEXT")]
        network: Option<String>,
        /// The identifier of the device's machine
        #[arg(long, value_name = "TEXT")]
        machine: Option<String>,
        /// The identifier of the device's medium
        #[arg(long, value_name = "TEXT")]
        media: Option<String>,
        /// A file with the password; without one it is asked for, or read from standard input
        #[arg(long, value_name = "FILE", conflicts_with = "no_password")]
        password_file: Option<PathBuf>,
        /// There is no password
        #[arg(long)]
        no_password: bool,
        /// The password may be shown hashed (Hashed Password); then the appliance keeps what such a hash is made of
        #[arg(long, requires = "username")]
        hashed: bool,
        /// A password of the moment must be shown (One Time Password, by the clock); its key is printed once
        #[arg(long, requires = "username")]
        one_time: bool,
    },
    /// Take a credential away
    Remove {
        /// The client's name
        client: String,
        /// The username, or `device`
        name: String,
    },
    /// Say whether every message of the client must show a credential
    Require {
        /// The client's name
        client: String,
        /// Whether it must
        #[arg(value_enum)]
        answer: Answer,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Answer {
    /// It must
    Yes,
    /// It need not
    No,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Role {
    /// Makes objects and uses its own and those granted to it
    User,
    /// Changes every object's attributes and life, and uses none that it does not own
    Administrator,
    /// Reads attributes and the audit log, and changes nothing
    Auditor,
}

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// List objects, newest first
    List {
        /// How many to pass over
        #[arg(long, default_value_t = 0)]
        offset: usize,
        /// How many to list at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Show one object, without anything secret
    Show {
        /// Its identifier
        id: String,
    },
    /// Say what somebody else may do with an object
    Grant {
        /// Its identifier
        id: String,
        /// Who: client:NAME or uid:NUMBER
        #[arg(long, value_name = "WHO")]
        to: String,
        /// What; `none` takes the grant back
        #[arg(long, value_enum)]
        level: Level,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Level {
    /// Nothing any more
    None,
    /// Use it, without seeing it
    Use,
    /// Use it, and get it out as far as it may leave
    Read,
    /// All of that, and change and destroy it
    Manage,
}

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Check every line, chain and signature of the log
    Verify {
        /// The log's folder; the configuration's without one
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// The public key the log must be signed with, from a copy that was kept elsewhere
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Print the last records
    Tail {
        /// The log's folder; the configuration's without one
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// How many
        #[arg(long, short = 'n', default_value_t = 20)]
        lines: usize,
        /// Go on printing what is added
        #[arg(long, short)]
        follow: bool,
    },
    /// Prove to somebody without the log that a record is in it
    Prove {
        /// The record's number
        sequence: u64,
        /// The log's folder; the configuration's without one
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// The public key the log must be signed with, from a copy that was kept elsewhere
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Check that the log still begins with what an older checkpoint signs
    Consistency {
        /// The older checkpoint, from a copy that was kept elsewhere
        checkpoint: PathBuf,
        /// The log's folder; the configuration's without one
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// The public key the log must be signed with, from a copy that was kept elsewhere
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Print records as they stand in the log, one line of JSON each
    Export {
        /// The number of the first
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// The number after the last; all that there are without one
        #[arg(long)]
        to: Option<u64>,
        /// The log's folder; the configuration's without one
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Kmip {
    /// Give an endpoint an object of its client's (Put): it is sent as soon as the endpoint can be reached
    Put {
        /// The endpoint's name in the configuration
        endpoint: String,
        /// The object's identifier
        object: String,
    },
    /// Print a TTLV message, binary or in hexadecimal digits, for people to read
    Decode {
        /// The file; standard input without one
        file: Option<PathBuf>,
        /// Print key material, passwords and data too
        #[arg(long)]
        secrets: bool,
    },
}

/// Where the configuration is looked for.
pub(super) const CONFIG: &str = "/etc/strongroom/strongroom.toml";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn every_verb_and_every_argument_says_what_it_is() {
        fn silent(command: &clap::Command, path: &str, found: &mut Vec<String>) {
            let path = format!("{path} {}", command.get_name());
            if command.get_about().is_none() && command.get_name() != "help" {
                found.push(path.clone());
            }
            let arguments = command.get_arguments().filter(|argument| argument.get_help().is_none());
            found.extend(arguments.map(|argument| format!("{path} {}", argument.get_id())));
            command.get_subcommands().for_each(|verb| silent(verb, &path, found));
        }
        let mut found = Vec::new();
        silent(&Line::command(), "", &mut found);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn wrong_usage_is_refused() {
        for (name, line) in [
            ("no verb", "strongroom"),
            ("an unknown verb", "strongroom open"),
            ("an unknown role", "strongroom client add eve --role root"),
            ("nought days", "strongroom client add eve --days 0"),
            ("two ways to unseal", "strongroom unseal --key-file a --passphrase-file b"),
            ("no port", "strongroom dev --kmip localhost"),
            ("a missing name", "strongroom client revoke"),
            ("a token for nobody", "strongroom client token"),
            ("a token for ever", "strongroom client token alice --days 3651"),
            ("a token given and ended", "strongroom client token alice --days 9 --revoke all"),
        ] {
            let error = Line::try_parse_from(line.split(' ')).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{name}");
        }
    }
}
