//! JSON Web Keys (RFC 7517), one or a set, in and out.

use openssl::{
    base64,
    bn::{BigNum, BigNumContext},
    ec::{EcGroup, EcKey, EcPoint},
    nid::Nid,
    pkey::{Id, PKey, Private, Public},
    rsa::{Rsa, RsaPrivateKeyBuilder},
};
use serde::Deserialize;
use strongroom_kmip::{
    code::{CryptographicAlgorithm, CryptographicUsageMask},
    secret::Secret,
};
use zeroize::{Zeroize, Zeroizing};

use super::{
    parcel::{Left, Parcel, Stays, bytes, cryptoki},
    plain,
};

/// Several keys (RFC 7517 §5).
#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

/// A key. What it says besides (RFC 7517 §4) is not asked for.
#[derive(Deserialize, Default)]
struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    key_ops: Vec<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    d: Option<String>,
    #[serde(default)]
    p: Option<String>,
    #[serde(default)]
    q: Option<String>,
    #[serde(default)]
    dp: Option<String>,
    #[serde(default)]
    dq: Option<String>,
    #[serde(default)]
    qi: Option<String>,
    #[serde(default)]
    k: Option<String>,
}

impl Drop for Jwk {
    fn drop(&mut self) {
        for secret in [&mut self.d, &mut self.p, &mut self.q, &mut self.dp, &mut self.dq, &mut self.qi, &mut self.k] {
            secret.zeroize();
        }
    }
}

/// The keys of a file, or nothing where it is no JWK.
pub(super) fn read(text: &[u8], origin: &str) -> Option<Vec<Result<Parcel, Stays>>> {
    let keys = match serde_json::from_slice::<Set>(text) {
        Ok(set) => set.keys,
        Err(_) => vec![serde_json::from_slice::<Jwk>(text).ok()?],
    };
    let many = keys.len() > 1;
    let read = |(place, key): (usize, Jwk)| {
        let origin = if many { format!("{origin}#{place}") } else { origin.to_owned() };
        parcel(origin.clone(), &key).map_err(|why| Stays { origin, kind: None, why })
    };
    Some((1..).zip(keys).map(read).collect())
}

fn parcel(origin: String, key: &Jwk) -> Result<Parcel, Left> {
    let mut parcel = match key.kty.as_str() {
        "oct" => secret(origin, key)?,
        "RSA" => pair(origin, key, rsa_private, rsa_public)?,
        "EC" => pair(origin, key, ec_private, ec_public)?,
        "OKP" => pair(origin, key, okp_private, okp_public)?,
        _ => return Err(Left::Kind("a JWK of this kty")),
    };
    if let Some(kid) = &key.kid {
        parcel.attributes.push(plain::name(kid));
        parcel.attributes.push(cryptoki("CKA_ID", bytes(kid.as_bytes())));
    }
    Ok(parcel)
}

fn pair(
    origin: String,
    key: &Jwk,
    private: fn(&Jwk) -> Option<PKey<Private>>,
    public: fn(&Jwk) -> Option<PKey<Public>>,
) -> Result<Parcel, Left> {
    let mask = operations(key, false);
    if key.d.is_some() {
        plain::private(origin, &private(key).ok_or(WRONG)?, mask)
    } else {
        plain::public(origin, &public(key).ok_or(WRONG)?, mask)
    }
}

fn secret(origin: String, key: &Jwk) -> Result<Parcel, Left> {
    use CryptographicUsageMask as M;
    let bytes = number(key.k.as_ref()).ok_or(WRONG)?;
    let algorithm = match key.alg.as_deref() {
        Some("HS256") => CryptographicAlgorithm::HMAC_SHA256,
        Some("HS384") => CryptographicAlgorithm::HMAC_SHA384,
        Some("HS512") => CryptographicAlgorithm::HMAC_SHA512,
        Some(alg) if alg.starts_with('A') => CryptographicAlgorithm::AES,
        Some(_) => return Err(Left::Kind("a JWK of this alg")),
        None if key.purpose.as_deref() == Some("sig") => CryptographicAlgorithm::HMAC_SHA256,
        None if matches!(bytes.len(), 16 | 24 | 32) => CryptographicAlgorithm::AES,
        None => CryptographicAlgorithm::HMAC_SHA256,
    };
    let usual = match algorithm {
        CryptographicAlgorithm::AES => M::Encrypt | M::Decrypt | M::WrapKey | M::UnwrapKey,
        _ => M::MACGenerate | M::MACVerify,
    };
    plain::symmetric(origin, bytes, algorithm, operations(key, true).unwrap_or(usual))
}

/// What the key says that it may do (RFC 7517 §4.3).
fn operations(key: &Jwk, secret: bool) -> Option<CryptographicUsageMask> {
    use CryptographicUsageMask as M;
    let one = |word: &String| match (word.as_str(), secret) {
        ("sign", true) => M::MACGenerate,
        ("verify", true) => M::MACVerify,
        ("sign", false) => M::Sign,
        ("verify", false) => M::Verify,
        ("encrypt", _) => M::Encrypt,
        ("decrypt", _) => M::Decrypt,
        ("wrapKey", _) => M::WrapKey,
        ("unwrapKey", _) => M::UnwrapKey,
        ("deriveKey" | "deriveBits", _) => M::DeriveKey | M::KeyAgreement,
        _ => M(0),
    };
    Some(key.key_ops.iter().map(one).fold(M(0), |all, one| all | one)).filter(|mask| mask.0 != 0)
}

fn number(text: Option<&String>) -> Option<Secret> {
    let text = text?;
    let mut standard = Zeroizing::new(String::with_capacity(text.len() + 4));
    for char in text.chars() {
        standard.push(match char {
            '-' => '+',
            '_' => '/',
            '+' | '/' | '=' | '\n' | '\r' | ' ' => return None,
            char => char,
        });
    }
    while !standard.len().is_multiple_of(4) {
        standard.push('=');
    }
    base64::decode_block(&standard).ok().map(Secret::new).filter(|bytes| !bytes.is_empty())
}

fn big(text: Option<&String>) -> Option<BigNum> {
    BigNum::from_slice(number(text)?.reveal()).ok()
}

fn rsa_private(key: &Jwk) -> Option<PKey<Private>> {
    let builder = RsaPrivateKeyBuilder::new(big(key.n.as_ref())?, big(key.e.as_ref())?, big(key.d.as_ref())?).ok()?;
    let builder = builder.set_factors(big(key.p.as_ref())?, big(key.q.as_ref())?).ok()?;
    let params = (big(key.dp.as_ref())?, big(key.dq.as_ref())?, big(key.qi.as_ref())?);
    PKey::from_rsa(builder.set_crt_params(params.0, params.1, params.2).ok()?.build()).ok()
}

fn rsa_public(key: &Jwk) -> Option<PKey<Public>> {
    PKey::from_rsa(Rsa::from_public_components(big(key.n.as_ref())?, big(key.e.as_ref())?).ok()?).ok()
}

fn group(key: &Jwk) -> Option<EcGroup> {
    let nid = match key.crv.as_deref()? {
        "P-256" => Nid::X9_62_PRIME256V1,
        "P-384" => Nid::SECP384R1,
        "P-521" => Nid::SECP521R1,
        "secp256k1" => Nid::SECP256K1,
        _ => return None,
    };
    EcGroup::from_curve_name(nid).ok()
}

fn ec_private(key: &Jwk) -> Option<PKey<Private>> {
    let group = group(key)?;
    let number = big(key.d.as_ref())?;
    let mut point = EcPoint::new(&group).ok()?;
    let mut context = BigNumContext::new().ok()?;
    point.mul_generator2(&group, &number, &mut context).ok()?;
    let own = EcKey::from_private_components(&group, &number, &point).ok()?;
    own.check_key().ok()?;
    let own = PKey::from_ec_key(own).ok()?;
    // What it says of its public half is true, or it is nobody's key.
    let said = ec_public(key);
    said.is_none_or(|said| said.public_eq(&own)).then_some(own)
}

fn ec_public(key: &Jwk) -> Option<PKey<Public>> {
    let (group, x, y) = (group(key)?, big(key.x.as_ref())?, big(key.y.as_ref())?);
    PKey::from_ec_key(EcKey::from_public_key_affine_coordinates(&group, &x, &y).ok()?).ok()
}

fn okp(key: &Jwk) -> Option<Id> {
    match key.crv.as_deref()? {
        "Ed25519" => Some(Id::ED25519),
        "X25519" => Some(Id::X25519),
        _ => None,
    }
}

fn okp_private(key: &Jwk) -> Option<PKey<Private>> {
    PKey::private_key_from_raw_bytes(number(key.d.as_ref())?.reveal(), okp(key)?).ok()
}

fn okp_public(key: &Jwk) -> Option<PKey<Public>> {
    PKey::public_key_from_raw_bytes(number(key.x.as_ref())?.reveal(), okp(key)?).ok()
}

const WRONG: Left = Left::Damaged("its numbers are those of no key");

#[cfg(test)]
mod tests {
    use strongroom_kmip::code::ObjectType;

    use super::*;

    #[test]
    fn each_kind_of_key_is_read_from_the_standards_own_examples() {
        // RFC 7517 appendix A.1 and A.3, RFC 8037 appendix A.1.
        let set = br#"{"keys": [
            {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
             "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},
            {"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"},
            {"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
             "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        let read = read(set, "set").unwrap();
        let kinds: Vec<_> = read.iter().map(|parcel| parcel.as_ref().unwrap().object_type()).collect();
        assert_eq!(kinds, [ObjectType::PublicKey, ObjectType::SymmetricKey, ObjectType::PrivateKey]);
        assert_eq!(read[0].as_ref().unwrap().name(), Some("1"));
        assert_eq!(read[1].as_ref().unwrap().origin, "set#2");
    }

    #[test]
    fn a_key_that_cannot_be_stays() {
        for (name, key) in [
            ("another kty", r#"{"kty":"XYZ"}"#),
            ("no number", r#"{"kty":"oct"}"#),
            ("an empty number", r#"{"kty":"oct","k":""}"#),
            ("the other alphabet", r#"{"kty":"oct","k":"a+/a"}"#),
            ("an unknown curve", r#"{"kty":"EC","crv":"P-999","x":"AA","y":"AA"}"#),
            ("a point beside the curve", r#"{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}"#),
            ("a private number of nought", r#"{"kty":"EC","crv":"P-256","d":"AA"}"#),
            ("an RSA key without its primes", r#"{"kty":"RSA","n":"AQAB","e":"AQAB","d":"AQAB"}"#),
            ("a short seed", r#"{"kty":"OKP","crv":"Ed25519","d":"AA"}"#),
        ] {
            let read = read(key.as_bytes(), "key").unwrap();
            assert!(matches!(read.as_slice(), [Err(_)]), "{name}");
        }
        assert!(read(b"{\"hello\": 1}", "x").is_none());
        assert!(read(b"[1]", "x").is_none());
    }
}
