//! What an operator may order through the control socket, and what is reported back.

use serde::{Deserialize, Serialize};
use strongroom_kmip::{message::Device, secret::Secret};

use super::{
    seal::{Dealt, SealStatus},
    shown::{ApprovalRow, BackupRow, ObjectRow, SlotRow, SlotTerms},
};
use zeroize::Zeroize;

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
    /// Enter one share of those that open the vault.
    UnsealShare {
        /// The line that its holder keeps.
        share: Secret,
    },
    /// Open the vault by keys in slots.
    UnsealSlots,
    /// Forget what was entered to unseal and is not enough yet.
    UnsealForget,
    /// Seal the vault.
    Seal,
    /// Add a way to unseal that takes all of these together, or put it in the place of the others.
    Rekey {
        /// A passphrase; empty for none.
        passphrase: Secret,
        /// The bytes of a key file; empty for none.
        key: Secret,
        /// How many shares; nought for none.
        threshold: u8,
        /// Who gets one.
        labels: Vec<String>,
        /// The slot that is to have a key for it.
        slot: Option<String>,
        /// Whether the other ways stay.
        stay: bool,
    },
    /// Remove a way to unseal.
    WayRemove {
        /// Its number.
        number: u32,
    },
    /// Exchange a key without stopping.
    Rotate {
        /// `root` or `data`.
        what: String,
    },
    /// Deal recovery shares for backups.
    RecoveryMake {
        /// How many open a backup.
        threshold: u8,
        /// Who gets one.
        labels: Vec<String>,
    },
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
    /// Register a message credential for a client, in place of the one of the same name.
    CredentialAdd {
        /// The client's name.
        client: String,
        /// The username; without one it is a device's.
        username: Option<String>,
        /// What the device shows.
        device: DeviceRow,
        /// The password; empty for none.
        password: Secret,
        /// Whether the password may be shown hashed.
        hashed: bool,
        /// Whether a password of the moment has to be shown.
        one_time: bool,
    },
    /// Take a message credential away.
    CredentialRemove {
        /// The client's name.
        client: String,
        /// The username, or `device`.
        name: String,
    },
    /// Say whether a client's messages must show a credential.
    CredentialRequire {
        /// The client's name.
        client: String,
        /// Whether they must.
        strict: bool,
    },
    /// Give a client a bearer token.
    BearerIssue {
        /// The client's name.
        client: String,
        /// How many days it is good for.
        days: u32,
    },
    /// End bearer tokens of a client.
    BearerRevoke {
        /// The client's name.
        client: String,
        /// Which; nothing ends all.
        id: Option<String>,
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
    /// Make an emulated slot.
    SlotMake {
        /// What it is called.
        name: String,
        /// What is said of it.
        terms: SlotTerms,
    },
    /// Say something else of a slot that was made.
    SlotSet {
        /// The slot.
        slot: String,
        /// What is said otherwise.
        terms: SlotTerms,
    },
    /// Call a slot that was made otherwise.
    SlotRename {
        /// The slot.
        slot: String,
        /// What it is to be called.
        name: String,
    },
    /// Destroy everything in an emulated slot, and its PINs.
    SlotZeroise {
        /// The slot.
        slot: String,
    },
    /// Remove a slot that was made and has nothing in it.
    SlotRemove {
        /// The slot.
        slot: String,
    },
    /// Try to open a slot's token again, also where a wrong PIN stands against that.
    SlotLogin {
        /// The slot.
        slot: String,
        /// The PIN; empty for that of the configuration.
        pin: Secret,
    },
    /// Let keys of a slot's token that were there before appear as objects of a client.
    SlotAdopt {
        /// The slot.
        slot: String,
        /// Those with this label; without one, any.
        label: Option<String>,
        /// Those with this identifier, in hex; without one, any.
        id: Option<String>,
        /// The client that is to own them.
        owner: String,
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
    /// A backup of everything; it comes over the socket.
    Backup,
    /// Put an object back that a backup has.
    PutBack {
        /// Its identifier.
        id: String,
        /// The backup's ring of data keys.
        ring: Secret,
        /// The row of what is known of it.
        meta: Secret,
        /// The row of its secret part; empty for what was destroyed.
        content: Secret,
        /// The row of its slot's data key; empty where there is none.
        own: Secret,
        /// Whether it may take the place of what is there.
        older: bool,
    },
    /// What waits for the word of several people.
    ApprovalList,
    /// One of these requests, in full.
    ApprovalShow {
        /// Its identifier.
        id: String,
    },
    /// Agree to it.
    ApprovalGive {
        /// Its identifier.
        id: String,
    },
    /// Do not agree to it.
    ApprovalDeny {
        /// Its identifier.
        id: String,
    },
    /// Give an endpoint an object of its client's.
    KmipPut {
        /// The endpoint's name.
        endpoint: String,
        /// The object's identifier.
        id: String,
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
    /// A message credential was registered.
    Credential {
        /// The key of its one-time passwords in base 32, as authenticators take it; it is handed out once.
        one_time_key: Option<String>,
    },
    /// A bearer token was given.
    Bearer(NewBearer),
    /// Shares were dealt, or a way to unseal was added without any.
    Shares(Dealt),
    /// The slots.
    Slots {
        /// In their order.
        slots: Vec<SlotRow>,
    },
    /// A slot was made or changed.
    Slot(Box<SlotRow>),
    /// A slot was emptied.
    Zeroised {
        /// How many objects were destroyed.
        objects: usize,
    },
    /// Keys of a slot became objects.
    Adopted {
        /// Their identifiers.
        ids: Vec<String>,
        /// Which did not, and why.
        note: Option<String>,
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
    /// A backup was made.
    Backup(BackupRow),
    /// An object was put back.
    PutBack {
        /// Its identifier.
        id: String,
    },
    /// Requests that wait, or waited, for the word of several people.
    Approvals {
        /// Oldest first.
        approvals: Vec<ApprovalRow>,
    },
    /// One of them.
    Approval(Box<ApprovalRow>),
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
    /// The ways to unseal, and what is being done about the seal.
    pub seal: SealStatus,
    /// The slots.
    pub slots: Vec<SlotRow>,
    /// The endpoints that clients are told at.
    pub endpoints: Vec<EndpointRow>,
}

/// An endpoint that a client is told at.
#[derive(Debug, Serialize, Deserialize)]
pub struct EndpointRow {
    /// Its name.
    pub name: String,
    /// Whose objects it is told of.
    pub client: String,
    /// Where it is; nothing where the client turns a connection of its own around.
    pub address: Option<String>,
    /// What waits to be delivered.
    pub waiting: usize,
    /// When something was delivered last, in seconds since 1970.
    pub delivered: Option<i64>,
    /// When that failed last, if it was since then.
    pub failed: Option<i64>,
    /// Why.
    pub error: Option<String>,
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

/// A new bearer token.
#[derive(Serialize, Deserialize)]
pub struct NewBearer {
    /// The client's name.
    pub client: String,
    /// By what the operator and the log call it.
    pub id: String,
    /// The token. It is handed out once and kept nowhere.
    pub token: String,
    /// From when on it is good for nothing, in seconds since 1970.
    pub until: i64,
}

impl std::fmt::Debug for NewBearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewBearer({} of {})", self.id, self.client)
    }
}

impl Drop for NewBearer {
    fn drop(&mut self) {
        self.token.zeroize();
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
    /// The names of its message credentials.
    pub credentials: Vec<String>,
    /// Whether its messages must show one.
    pub strict: bool,
    /// Its bearer tokens, without what has to be shown.
    pub tokens: Vec<BearerRow>,
}

/// A bearer token of a client.
#[derive(Debug, Serialize, Deserialize)]
pub struct BearerRow {
    /// By what the operator and the log call it.
    pub id: String,
    /// When it was given, in seconds since 1970.
    pub since: i64,
    /// From when on it is good for nothing, in seconds since 1970.
    pub until: i64,
}

/// What a device shows of itself (KMIP 2.1 §9.11); nothing where it need not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceRow {
    /// Its serial number.
    pub serial: Option<String>,
    /// Its identifier.
    pub id: Option<String>,
    /// That of its network.
    pub network: Option<String>,
    /// That of its machine.
    pub machine: Option<String>,
    /// That of its medium.
    pub media: Option<String>,
}

impl DeviceRow {
    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the device shows all of this.
    pub fn is(&self, shown: &Device) -> bool {
        [
            (&self.serial, &shown.device_serial_number),
            (&self.id, &shown.device_identifier),
            (&self.network, &shown.network_identifier),
            (&self.machine, &shown.machine_identifier),
            (&self.media, &shown.media_identifier),
        ]
        .into_iter()
        .all(|(wanted, shown)| wanted.is_none() || wanted == shown)
    }
}
