//! Why nothing could be moved at all.

use std::{io, path::PathBuf};

use strongroom_kmip::client;

use crate::{config, slot::hsm};

/// Why nothing could be moved at all. What becomes of each object stands in the report.
#[derive(Debug, thiserror::Error)]
pub(in crate::command) enum Error {
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error("{0:?} is no source: name kmip://HOST:PORT, pkcs11:token=LABEL, softhsm2:FOLDER, or a file or folder")]
    NoSource(String),
    #[error("{0}")]
    Uri(#[from] hsm::Unreadable),
    #[error("name the library of the token with --module")]
    NoModule,
    #[error("the library of the token does not work: {0}")]
    Module(#[from] cryptoki::error::Error),
    #[error("the library has no such token, or several; `pkcs11-tool --module FILE --list-token-slots` lists them")]
    NoToken,
    #[error("cannot read {path}: {source}", path = .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("there is no token of SoftHSM2 in {}", .0.display())]
    NoFolder(PathBuf),
    #[error("several tokens are in {}: name the folder of the one that is meant", .0.display())]
    SeveralTokens(PathBuf),
    #[error("the PIN is not the one of the token's user")]
    WrongPin,
    #[error("{} holds no key and no certificate in PEM, PKCS#12 or JWK form", .0.display())]
    Nothing(PathBuf),
    #[error("cannot reach {address}: {source}")]
    Unreachable { address: String, source: io::Error },
    #[error("the certificate and key of the client cannot be used: {0}")]
    Papers(#[from] rustls::Error),
    #[error("{0:?} is no name or address of a server")]
    NoServer(String),
    #[error("{address}: {source}")]
    Peer { address: String, source: client::Error },
    #[error("{}; the report says why", left(*.0))]
    Left(usize),
    #[error("{} is there already; nothing was written over it", .0.display())]
    There(PathBuf),
    #[error("a PKCS#12 file holds one private key and its certificates")]
    OneKey,
    #[error("{0} is a key of a kind that JSON Web Keys do not have; leave it out")]
    Curve(String),
    #[error("nothing that was asked for can be written into such a file")]
    Empty,
    #[error("the engine cannot write the file")]
    Engine,
}

fn left(count: usize) -> String {
    if count == 1 { "1 object was left".to_owned() } else { format!("{count} objects were left") }
}
