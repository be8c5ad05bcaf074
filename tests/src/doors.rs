//! What `dev.json` says: where a development appliance can be reached, and with which papers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// The contents of `dev.json`, which `strongroom dev` writes once it is ready.
#[derive(Debug, Clone, Deserialize)]
pub struct Doors {
    /// Address and port of KMIP over TLS.
    pub kmip: String,
    /// KMIP over HTTPS, where it is served.
    pub kmip_https: Option<String>,
    /// The base of everything over HTTPS, by a name that the server's certificate has.
    pub https: Option<String>,
    /// The authority that issued the server's and the clients' certificates, as PEM.
    pub ca: PathBuf,
    /// The registered clients by name: `alice`, `bob`, `auditor`.
    pub clients: BTreeMap<String, Client>,
    /// The PKCS#11 side.
    pub pkcs11: Pkcs11,
    /// The Unix socket that the PKCS#11 module talks to.
    pub socket: PathBuf,
    /// The operator's Unix socket.
    pub control: PathBuf,
    /// The audit log.
    pub audit: Audit,
    /// The daemon's process.
    pub pid: u32,
}

/// The papers of one client.
#[derive(Debug, Clone, Deserialize)]
pub struct Client {
    /// Its certificate, as PEM.
    pub cert: PathBuf,
    /// The private key of the certificate, as PEM.
    pub key: PathBuf,
    /// Its bearer token, unless somebody has revoked it.
    pub token: Option<String>,
}

/// How a PKCS#11 application reaches the appliance.
#[derive(Debug, Clone, Deserialize)]
pub struct Pkcs11 {
    /// The module to load.
    pub module: PathBuf,
    /// What `STRONGROOM_PKCS11_CONFIG` must name.
    pub config: PathBuf,
    /// The label of the token.
    pub token: String,
    /// The PIN of the token's user.
    pub user_pin: String,
    /// The PIN of the token's security officer.
    pub so_pin: String,
}

/// Where the audit log is.
#[derive(Debug, Clone, Deserialize)]
pub struct Audit {
    /// The folder of log and checkpoints.
    pub dir: PathBuf,
    /// The public key that verifies the checkpoints.
    pub key: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = r#"{ "kmip": "127.0.0.1:5696", "ca": "/d/ca.pem",
        "clients": { "alice": { "cert": "/d/alice.pem", "key": "/d/alice.key" } },
        "pkcs11": { "module": "/t/libstrongroom_pkcs11.so", "config": "/d/pkcs11.toml", "token": "dev",
                    "user_pin": "1234", "so_pin": "5678" },
        "socket": "/d/pkcs11.sock", "control": "/d/control.sock",
        "audit": { "dir": "/d/audit", "key": "/d/audit.pub" }, "pid": 123, "later": true }"#;

    #[test]
    fn what_is_not_served_yet_may_be_absent_and_what_is_new_is_passed_over() {
        let doors: Doors = serde_json::from_str(DEV).expect("the sample is complete");
        assert_eq!(doors.https, None);
        assert_eq!(doors.clients["alice"].token, None);
        assert_eq!(doors.pid, 123);
    }

    #[test]
    fn the_kmip_address_may_not_be_absent() {
        assert!(serde_json::from_str::<Doors>(&DEV.replace("\"kmip\"", "\"kimp\"")).is_err());
    }
}
