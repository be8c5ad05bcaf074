//! `export`: a client's own objects into a file, as far as the appliance lets them out.

use std::path::Path;

use openssl::{
    base64,
    bn::{BigNum, BigNumContext, BigNumRef},
    nid::Nid,
    pkey::{HasPublic, Id, PKey, PKeyRef, Private},
};
use serde_json::{Map, Value, json};
use strongroom_kmip::{
    attribute::{Attribute, Listed, References},
    client,
    code::{CryptographicAlgorithm, KeyFormatType, LinkType, ObjectType},
    identifier::Identifier,
    object::{KeyMaterial, KeyValue, Object},
    payload::{GetAttributesRequest, GetRequest, LocateRequest},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::{args::Export, error::Error, peer::Peer};
use crate::{
    certificate::{self, Contents},
    command::{
        ask::{self, Times},
        error::Error as Failure,
        print::{self, Style},
    },
    config::{self, Secrecy},
    slot::software::Random,
};

pub(in crate::command) fn export(wanted: &Export, style: Style) -> Result<(), Failure> {
    if wanted.file.exists() {
        return Err(Error::There(wanted.file.clone()).into());
    }
    let mut peer = Peer::connect(&wanted.from, &wanted.identity, wanted.ca.as_deref())?;
    let failed = |source| Error::Peer { address: wanted.from.clone(), source };
    let ids = if wanted.all { all(&mut peer).map_err(failed)? } else { wanted.object.clone() };
    let (mut pieces, mut rows) = (Vec::new(), Vec::new());
    for id in ids {
        match Piece::fetch(&mut peer, &id) {
            Ok(piece) => pieces.push(piece),
            Err(error @ client::Error::Refused { .. }) => {
                rows.push([id, "-".to_owned(), format!("left: {error}")]);
            }
            Err(error) => return Err(failed(error).into()),
        }
    }
    let form = Form::of(&wanted.file);
    let (fit, unfit): (Vec<Piece>, Vec<Piece>) = pieces.into_iter().partition(|piece| form.takes(&piece.object));
    let row =
        |piece: &Piece, result: &str| [piece.id.clone(), piece.object.object_type().to_string(), result.to_owned()];
    rows.extend(unfit.iter().map(|piece| row(piece, "left: it has no form in such a file")));
    if fit.is_empty() {
        return Err(Error::Empty.into());
    }
    let bytes = match form {
        Form::Bundle => {
            let password = ask::secret(wanted.password_file.as_deref(), "password of the file", Times::Twice)?;
            bundle(&fit, &password)?
        }
        Form::Set => set(&fit)?,
        Form::Armour => armour(&fit),
    };
    rows.extend(fit.iter().map(|piece| row(piece, "exported")));
    write(&wanted.file, &bytes)?;
    let left = rows.iter().filter(|[.., result]| result.starts_with("left")).count();
    match style {
        Style::Json => {
            let row = |[id, kind, result]: &[String; 3]| json!({ "id": id, "type": kind, "result": result });
            print::json(&rows.iter().map(row).collect::<Vec<_>>())?;
        }
        Style::Text => print::table(["OBJECT", "TYPE", "RESULT"], &rows)?,
    }
    if left == 0 { Ok(()) } else { Err(Error::Left(left).into()) }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    Ok(config::create(path, Secrecy::Secret, bytes)?)
}

/// What kind of file is written.
#[derive(Clone, Copy)]
enum Form {
    /// PKCS#12.
    Bundle,
    /// A JSON Web Key Set.
    Set,
    /// PEM.
    Armour,
}

impl Form {
    fn of(path: &Path) -> Self {
        match path.extension().and_then(|end| end.to_str()) {
            Some("p12" | "pfx") => Self::Bundle,
            Some("jwk" | "jwks" | "json") => Self::Set,
            _ => Self::Armour,
        }
    }

    fn takes(self, object: &Object) -> bool {
        match self {
            Self::Bundle => matches!(object, Object::PrivateKey(_) | Object::Certificate(_)),
            Self::Armour => matches!(object, Object::PrivateKey(_) | Object::PublicKey(_) | Object::Certificate(_)),
            Self::Set => matches!(object, Object::PrivateKey(_) | Object::PublicKey(_) | Object::SymmetricKey(_)),
        }
    }
}

/// Every object that the client sees.
fn all(peer: &mut Peer) -> Result<Vec<String>, client::Error> {
    let request = LocateRequest {
        maximum_items: None,
        offset_items: None,
        storage_status_mask: None,
        object_group_member: None,
        object_class_mask: None,
        attributes: Listed::default(),
    };
    Ok(peer.ask(request)?.unique_identifier.into_iter().map(|id| id.0).collect())
}

/// An object that was let out.
struct Piece {
    id: String,
    name: Option<String>,
    algorithm: Option<CryptographicAlgorithm>,
    /// The private key that a certificate is of.
    key: Option<String>,
    object: Object,
}

impl Piece {
    fn fetch(peer: &mut Peer, id: &str) -> Result<Self, client::Error> {
        let unique_identifier = Some(Identifier::from(id).into());
        let request = GetAttributesRequest { unique_identifier, attribute_reference: References::default() };
        let attributes = peer.ask(request)?.attributes.0;
        let (mut name, mut algorithm, mut key, mut kind) = (None, None, None, None);
        for instance in attributes {
            match instance.attribute {
                Attribute::Name(found) => name = name.or(Some(found.value)),
                Attribute::CryptographicAlgorithm(found) => algorithm = Some(found),
                Attribute::ObjectType(found) => kind = Some(found),
                Attribute::Link(link) if link.link_type == LinkType::PrivateKeyLink => {
                    if let strongroom_kmip::attribute::Linked::Identifier(linked) = link.linked_object_identifier {
                        key = Some(linked);
                    }
                }
                _ => {}
            }
        }
        let key_format_type = match kind {
            Some(ObjectType::PrivateKey) => Some(KeyFormatType::PKCS_8),
            Some(ObjectType::PublicKey) => Some(KeyFormatType::X_509),
            _ => None,
        };
        let request = GetRequest {
            unique_identifier: Some(Identifier::from(id).into()),
            key_format_type,
            key_wrap_type: None,
            key_compression_type: None,
            key_wrapping_specification: None,
        };
        let object = peer.ask(request)?.object;
        Ok(Self { id: id.to_owned(), name, algorithm, key, object })
    }

    fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    /// The bytes of the key block.
    fn key(&self) -> Option<&Secret> {
        match self.object.key_block()?.key_value.as_ref()? {
            KeyValue::Plain { material: KeyMaterial::Bytes(bytes), .. } => Some(bytes),
            KeyValue::Plain { .. } | KeyValue::Wrapped(_) => None,
        }
    }
}

/// All of it in armour, one piece after the other.
fn armour(pieces: &[Piece]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::new());
    for piece in pieces {
        let armoured = match (&piece.object, piece.key()) {
            (Object::Certificate(found), _) => certificate::pem(certificate::CERTIFICATE, &found.certificate_value.0),
            (Object::PrivateKey(_), Some(key)) => certificate::pem(certificate::PRIVATE_KEY, key.reveal()),
            (_, Some(key)) => certificate::pem("PUBLIC KEY", key.reveal()),
            (_, None) => continue,
        };
        text.extend_from_slice(armoured.as_bytes());
    }
    text
}

/// A private key and its certificates, under a password.
fn bundle(pieces: &[Piece], password: &Secret) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut keys = pieces.iter().filter(|piece| matches!(piece.object, Object::PrivateKey(_)));
    let (Some(own), None) = (keys.next(), keys.next()) else { return Err(Error::OneKey) };
    let key = own.key().ok_or(Error::OneKey)?;
    // The key's own certificate goes first.
    let mut chain: Vec<(bool, Vec<u8>)> = Vec::new();
    for piece in pieces {
        if let Object::Certificate(found) = &piece.object {
            chain.push((piece.key.as_deref() != Some(&own.id), found.certificate_value.0.clone()));
        }
    }
    chain.sort_by_key(|(other, _)| *other);
    let chain: Vec<Vec<u8>> = chain.into_iter().map(|(_, der)| der).collect();
    let contents = Contents { key: key.reveal(), chain: &chain, name: own.name.as_deref() };
    let password = std::str::from_utf8(password.reveal()).map_err(|_| Error::Engine)?;
    certificate::bundle(&contents, password, &Random::default()).map(Zeroizing::new).map_err(|_| Error::OneKey)
}

/// All keys as a JSON Web Key Set.
fn set(pieces: &[Piece]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut keys = Vec::new();
    for piece in pieces {
        let read = match (&piece.object, piece.key()) {
            (Object::SymmetricKey(_), Some(bytes)) => Some(octets(piece, bytes)),
            (Object::PrivateKey(_), Some(der)) => {
                PKey::private_key_from_pkcs8(der.reveal()).ok().and_then(|key| private(&key))
            }
            (_, Some(der)) => PKey::public_key_from_der(der.reveal()).ok().and_then(|key| public(&key)),
            (_, None) => None,
        };
        let mut key = read.ok_or_else(|| Error::Curve(piece.called().to_owned()))?;
        key.insert("kid".to_owned(), piece.called().into());
        keys.push(Value::Object(key));
    }
    serde_json::to_vec_pretty(&json!({ "keys": keys })).map(Zeroizing::new).map_err(|_| Error::Engine)
}

fn octets(piece: &Piece, bytes: &Secret) -> Map<String, Value> {
    let mut key = object([("kty", "oct".to_owned()), ("k", url(bytes.reveal()))]);
    let hash = match piece.algorithm {
        Some(CryptographicAlgorithm::HMAC_SHA256) => Some("HS256"),
        Some(CryptographicAlgorithm::HMAC_SHA384) => Some("HS384"),
        Some(CryptographicAlgorithm::HMAC_SHA512) => Some("HS512"),
        _ => None,
    };
    key.extend(hash.map(|hash| ("alg".to_owned(), hash.into())));
    key
}

fn private(key: &PKey<Private>) -> Option<Map<String, Value>> {
    let mut map = public(key)?;
    let mut add = |name: &str, value: String| map.insert(name.to_owned(), value.into());
    match key.id() {
        Id::RSA => {
            let rsa = key.rsa().ok()?;
            add("d", url(&rsa.d().to_vec()));
            let parts = [("p", rsa.p()), ("q", rsa.q()), ("dp", rsa.dmp1()), ("dq", rsa.dmq1()), ("qi", rsa.iqmp())];
            for (name, number) in parts {
                add(name, url(&number?.to_vec()));
            }
        }
        Id::EC => {
            let own = key.ec_key().ok()?;
            add("d", fixed(own.private_key(), own.group().degree())?);
        }
        _ => {
            add("d", url(&key.raw_private_key().ok()?));
        }
    }
    Some(map)
}

fn public<T: HasPublic>(key: &PKeyRef<T>) -> Option<Map<String, Value>> {
    match key.id() {
        Id::RSA => {
            let rsa = key.rsa().ok()?;
            Some(object([("kty", "RSA".to_owned()), ("n", url(&rsa.n().to_vec())), ("e", url(&rsa.e().to_vec()))]))
        }
        Id::EC => {
            let own = key.ec_key().ok()?;
            let curve = match own.group().curve_name()? {
                Nid::X9_62_PRIME256V1 => "P-256",
                Nid::SECP384R1 => "P-384",
                Nid::SECP521R1 => "P-521",
                Nid::SECP256K1 => "secp256k1",
                _ => return None,
            };
            let (mut x, mut y) = (BigNum::new().ok()?, BigNum::new().ok()?);
            let mut context = BigNumContext::new().ok()?;
            own.public_key().affine_coordinates(own.group(), &mut x, &mut y, &mut context).ok()?;
            let degree = own.group().degree();
            let coordinates = [("x", fixed(&x, degree)?), ("y", fixed(&y, degree)?)];
            let mut map = object([("kty", "EC".to_owned()), ("crv", curve.to_owned())]);
            map.extend(object(coordinates));
            Some(map)
        }
        Id::ED25519 | Id::X25519 => {
            let curve = if key.id() == Id::ED25519 { "Ed25519" } else { "X25519" };
            let x = url(&key.raw_public_key().ok()?);
            Some(object([("kty", "OKP".to_owned()), ("crv", curve.to_owned()), ("x", x)]))
        }
        _ => None,
    }
}

fn object<const N: usize>(members: [(&str, String); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// A number of as many bytes as the curve's field has (RFC 7518 §6.2.1.2).
fn fixed(number: &BigNumRef, degree: u32) -> Option<String> {
    let length = i32::try_from(degree.div_ceil(8)).ok()?;
    number.to_vec_padded(length).ok().map(|bytes| url(&bytes))
}

/// Base64 for addresses, without its tail (RFC 7515 §2).
fn url(bytes: &[u8]) -> String {
    base64::encode_block(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}
