//! What can be said to `import` and `export`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::command) struct Import {
    /// kmip://HOST:PORT, pkcs11:token=LABEL, softhsm2:FOLDER, or a file or folder of PEM, PKCS#12, DER and JWK
    pub(super) source: String,
    /// The appliance
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:5696")]
    pub(super) to: String,
    /// The client that is to own the objects: FILE.pem and FILE.key, as `client add` writes them
    #[arg(long = "as", value_name = "FILE", required_unless_present = "dry_run")]
    pub(super) identity: Option<PathBuf>,
    /// The authority of the appliance's certificate; without it, the ca.pem beside the client's
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// With kmip://: the client that owns the objects there
    #[arg(long = "from-as", value_name = "FILE")]
    pub(super) from_identity: Option<PathBuf>,
    /// With kmip://: the authority of that server's certificate
    #[arg(long, value_name = "FILE")]
    pub(super) from_ca: Option<PathBuf>,
    /// With pkcs11: the library of the token
    #[arg(long, value_name = "FILE")]
    pub(super) module: Option<PathBuf>,
    /// A file with the PIN of the token's user; asked for without one
    #[arg(long, value_name = "FILE")]
    pub(super) pin_file: Option<PathBuf>,
    /// A file with the password of encrypted files
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// Say what would be done, and do nothing; with --as also what is there already
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Write what became of each object into this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::command) struct Export {
    /// The file: PKCS#12 if it ends in .p12 or .pfx, a JSON Web Key Set if in .jwk, .jwks or .json, else PEM
    pub(super) file: PathBuf,
    /// An object's identifier; may be said several times
    #[arg(long, value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub(super) object: Vec<String>,
    /// Every object that the client sees
    #[arg(long)]
    pub(super) all: bool,
    /// The appliance
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:5696")]
    pub(super) from: String,
    /// The client: FILE.pem and FILE.key, as `client add` writes them
    #[arg(long = "as", value_name = "FILE")]
    pub(super) identity: PathBuf,
    /// The authority of the appliance's certificate; without it, the ca.pem beside the client's
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// A file with the password of a PKCS#12 file; asked for without one
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
}
