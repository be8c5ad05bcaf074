//! What an operator may order through the control socket, and what is reported back.

use serde::{Deserialize, Serialize};
use strongroom_kmip::secret::Secret;

/// An order.
#[derive(Debug)]
pub enum Order {
    /// How the daemon is.
    Status,
    /// Open the vault with a passphrase.
    Unseal {
        /// What the operator entered.
        passphrase: Secret,
    },
    /// Open the vault with a key file.
    UnsealFile {
        /// Its bytes.
        key: Secret,
    },
    /// Seal the vault.
    Seal,
    /// Register a client and issue a certificate for it.
    ClientAdd {
        /// Its name.
        name: String,
        /// Its role: `user`, `administrator` or `auditor`.
        role: String,
        /// How many days the certificate is good for.
        days: u32,
        /// The local user that is this client on the PKCS#11 socket.
        user: Option<u32>,
        /// A PKCS#10 request, DER; without one a key pair is made and handed out once.
        csr: Option<Vec<u8>>,
    },
    /// The registered clients.
    ClientList,
    /// Revoke a client.
    ClientRevoke {
        /// Its name.
        name: String,
    },
    /// The slots.
    SlotList,
    /// Set the PINs of a slot's token.
    TokenInit {
        /// The slot.
        slot: String,
        /// The security officer's PIN.
        so_pin: Secret,
        /// The user's PIN.
        user_pin: Secret,
    },
    /// Every object, newest first.
    KeyList {
        /// How many to pass over.
        offset: usize,
        /// How many to name at most.
        maximum: usize,
    },
    /// One object.
    KeyShow {
        /// Its identifier.
        id: String,
    },
    /// Say what somebody may do with an object.
    KeyGrant {
        /// Its identifier.
        id: String,
        /// Who: `client:bob`, `uid:1000`.
        to: String,
        /// `use`, `read` or `manage`; nothing takes the grant back.
        level: Option<String>,
    },
}

/// What is reported back. It is what `--json` prints.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "report")]
pub enum Report {
    /// It was done, and there is nothing more to say.
    Done,
    /// How the daemon is.
    Status(Status),
    /// A registered client with its new certificate.
    Client(NewClient),
    /// The registered clients.
    Clients {
        /// By name.
        clients: Vec<ClientRow>,
    },
    /// The slots.
    Slots {
        /// In their order.
        slots: Vec<SlotRow>,
    },
    /// Objects.
    Objects {
        /// Newest first.
        objects: Vec<ObjectRow>,
        /// How many there are in all.
        total: usize,
    },
    /// One object.
    Object(ObjectRow),
}

/// How the daemon is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Whether the vault is sealed.
    pub sealed: bool,
    /// How many objects there are, while it is not.
    pub objects: Option<usize>,
    /// How many groups of changes the store has made durable.
    pub generation: u64,
    /// Records that do not fit their seal, by name.
    pub damaged: Vec<String>,
    /// Whether records are missing or older than they were.
    pub rolled_back: bool,
    /// Lines of the audit log that are signed.
    pub audit_size: Option<u64>,
    /// The slots.
    pub slots: Vec<SlotRow>,
}

/// A registered client with its new certificate.
#[derive(Serialize, Deserialize)]
pub struct NewClient {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Its certificate, PEM.
    pub certificate: String,
    /// Its private key, PKCS#8 PEM; nothing when it came with a request. It is handed out once and kept nowhere.
    pub key: Option<String>,
    /// The authority's certificate, PEM.
    pub authority: String,
}

impl std::fmt::Debug for NewClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewClient({})", self.name)
    }
}

/// A registered client.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClientRow {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: String,
    /// Whether it was revoked.
    pub revoked: bool,
    /// The local user that is this client.
    pub user: Option<u32>,
    /// When it was registered, in seconds since 1970.
    pub since: i64,
    /// SHA-256 of each of its public keys, in hex.
    pub keys: Vec<String>,
}

/// A slot.
#[derive(Debug, Serialize, Deserialize)]
pub struct SlotRow {
    /// Its name.
    pub name: String,
    /// What it is made of.
    pub maker: String,
    /// Its mechanism policy.
    pub mechanisms: String,
    /// Whether its token has PINs.
    pub initialised: Option<bool>,
    /// Whether the user's PIN is locked.
    pub locked: Option<bool>,
}

/// An object, without anything secret.
#[derive(Debug, Serialize, Deserialize)]
pub struct ObjectRow {
    /// Its identifier.
    pub id: String,
    /// What it is.
    pub kind: String,
    /// Where it stands in its life.
    pub state: Option<String>,
    /// Its names.
    pub names: Vec<String>,
    /// Its algorithm.
    pub algorithm: Option<String>,
    /// Its length in bits.
    pub length: Option<i32>,
    /// Whose it is.
    pub owner: String,
    /// Its slot.
    pub slot: String,
    /// Who else may do what.
    pub grants: Vec<(String, String)>,
    /// When it was made or registered, in seconds since 1970.
    pub since: Option<i64>,
}
