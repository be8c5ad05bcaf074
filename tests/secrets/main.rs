//! Marked secrets go through everything that an appliance does, and afterwards are looked for everywhere that anybody
//! could read: store, audit log, the daemon's own log, every answer and error text, a core file.

#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::Duration,
};

use nix::sys::signal::Signal;
use strongroom_kmip::{
    attribute::Listed,
    attribute::{Attribute, CryptographicParameters, Name, References, Template},
    code::{
        BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, OpaqueDataType,
        PaddingMethod, SecretDataType,
    },
    object::{KeyBlock, Object, OpaqueObject, PrivateKey, SecretData, SymmetricKey},
    payload::{
        ActivateRequest, DecryptRequest, EncryptRequest, GetAttributesRequest, GetRequest, LocateRequest,
        RegisterRequest,
    },
    secret::Secret,
    ttlv::Bytes,
    version::V1_2,
};
use strongroom_tests::{Appliance, Line, connect, run, skip_or_require};

const KEY: &[u8] = b"marked-key-of-thirty-two-bytes-k";
const PASSWORD: &[u8] = b"marked-password-in-secret-data";
const OPAQUE: &[u8] = b"marked-opaque-object-content";
const BROKEN_KEY: &[u8] = b"marked-private-key-that-is-none";
const PLAIN: &[u8] = b"marked-plaintext-to-be-encrypted";
const PIN: &[u8] = b"marked-wrong-pin";
const PASSPHRASE: &[u8] = b"marked-wrong-passphrase";

const MARKS: [(&str, &[u8]); 7] = [
    ("a key", KEY),
    ("a password", PASSWORD),
    ("an opaque object", OPAQUE),
    ("a key that was refused", BROKEN_KEY),
    ("plaintext", PLAIN),
    ("a PIN", PIN),
    ("a passphrase", PASSPHRASE),
];

#[test]
fn secrets_appear_nowhere_that_anybody_could_read() {
    let mut appliance = Appliance::start();
    let mut said = use_everything(&appliance);
    said.push_str(&wrong_pin(&appliance));
    said.push_str(&wrong_passphrase(&appliance));
    let (tokens, told) = tokens(&appliance);
    said.push_str(&told);
    appliance.restart();
    appliance.signal(Signal::SIGSEGV);
    sleep(Duration::from_secs(1));
    let mut places = files(appliance.folder());
    // What its owner is told by, once.
    places.retain(|(path, _)| path.extension().is_none_or(|end| end != "token") && !path.ends_with("dev.json"));
    places.extend(
        fs::read_dir(".")
            .unwrap()
            .map(|entry| (entry.unwrap().path(), Vec::new()))
            .collect::<Vec<_>>()
            .into_iter()
            .filter(|(path, _)| is_core(path)),
    );
    assert!(!places.iter().any(|(path, _)| is_core(path)), "a core file was written");
    places.push((PathBuf::from("the daemon's own log"), appliance.log().into_bytes()));
    places.push((PathBuf::from("answers and error texts"), said.into_bytes()));
    assert!(places.len() > 8, "an appliance has more files than {}", places.len());
    let marked = tokens.iter().map(|token| ("a token", token.as_bytes())).chain(MARKS).collect::<Vec<_>>();
    let found: Vec<String> = places.iter().flat_map(|(path, bytes)| marks(&marked, path, bytes)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_search_finds_a_secret_in_every_spelling() {
    let hex: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
    for (spelling, text) in [
        ("plain", KEY.to_vec()),
        ("in the middle of other bytes", [b"xx", KEY, b"yy"].concat()),
        ("hexadecimal", hex.clone().into_bytes()),
        ("hexadecimal in capitals", hex.to_uppercase().into_bytes()),
        ("a list of numbers", format!("{KEY:?}").into_bytes()),
        ("base64", b"bWFya2VkLWtleS1vZi10aGlydHktdHdvLWJ5dGVzLWs=".to_vec()),
    ] {
        assert_eq!(marks(&MARKS, Path::new("here"), &text).len(), 1, "{spelling}");
    }
    assert!(marks(&MARKS, Path::new("here"), b"nothing of the kind").is_empty());
}

/// Registers, reads, uses and misuses marked secrets; returns every word that came back besides the secrets asked for.
fn use_everything(appliance: &Appliance) -> String {
    let mut alice = connect(appliance.doors(), "alice", V1_2).unwrap();
    let mut said = String::new();
    let key = register(&mut alice, "key", symmetric(KEY)).unwrap();
    register(&mut alice, "password", secret_data()).unwrap();
    register(&mut alice, "opaque", opaque()).unwrap();
    said.push_str(&register(&mut alice, "broken", private(BROKEN_KEY)).unwrap_err());
    said.push_str(&register(&mut alice, "short", symmetric(&KEY[..31])).unwrap_err());
    alice.ask(ActivateRequest { unique_identifier: Some(key.as_str().into()) }).unwrap();
    let sealed = alice.ask(encrypt(&key, PLAIN, PaddingMethod::PKCS5)).unwrap();
    said.push_str(&format!("{sealed:?}"));
    said.push_str(&format!("{:?}", alice.ask(encrypt(&key, &PLAIN[..31], PaddingMethod::None))));
    said.push_str(&format!("{:?}", alice.ask(decrypt(&key, PLAIN))));
    said.push_str(&format!("{:?}", alice.ask(get(&key)).unwrap()));
    said.push_str(&format!("{:?}", connect(appliance.doors(), "bob", V1_2).unwrap().ask(get(&key))));
    let seen = GetAttributesRequest {
        unique_identifier: Some(key.as_str().into()),
        attribute_reference: References(Vec::new()),
    };
    said.push_str(&format!("{:?}", alice.ask(seen).unwrap()));
    let all = LocateRequest { attributes: Listed(Vec::new()), ..LocateRequest::default() };
    said.push_str(&format!("{:?}", alice.ask(all).unwrap()));
    let config = appliance.dir().join("strongroom.toml");
    for arguments in [&["status"][..], &["key", "list"], &["key", "show", &key], &["audit", "tail"]] {
        let told = run(appliance.strongroom().arg("--config").arg(&config).args(arguments)).succeeds();
        said.push_str(&told.stdout);
        said.push_str(&told.stderr);
    }
    said
}

fn wrong_pin(appliance: &Appliance) -> String {
    let Some(tool) = skip_or_require("pkcs11-tool") else { return String::new() };
    let pin = String::from_utf8_lossy(PIN).into_owned();
    let mut command = appliance.customer(&tool);
    command.arg("--module").arg(&appliance.doors().pkcs11.module).args(["--login", "--pin", &pin, "--list-objects"]);
    let told = run(&mut command).fails();
    told.stdout + &told.stderr
}

fn wrong_passphrase(appliance: &Appliance) -> String {
    let (config, file) = (appliance.dir().join("strongroom.toml"), appliance.folder().join("wrong"));
    let mut said = String::new();
    let told = run(appliance.strongroom().arg("--config").arg(&config).arg("seal")).succeeds();
    said.push_str(&told.stdout);
    fs::write(&file, PASSPHRASE).unwrap();
    let told =
        run(appliance.strongroom().arg("--config").arg(&config).args(["unseal", "--passphrase-file"]).arg(&file))
            .fails();
    fs::remove_file(&file).unwrap();
    said + &told.stdout + &told.stderr
}

/// Shows tokens that are good, wrong, revoked and in the wrong place; returns their random part and every word that came back.
fn tokens(appliance: &Appliance) -> (Vec<String>, String) {
    let mut said = String::new();
    let config = appliance.dir().join("strongroom.toml");
    let command = |arguments: &[&str]| run(appliance.strongroom().arg("--config").arg(&config).args(arguments));
    let key = appliance.dir().join("unseal.key");
    let _ = command(&["unseal", "--key-file", &key.to_string_lossy()]).succeeds();
    let given = command(&["client", "token", "alice"]).succeeds().stdout;
    let revoked = given.split_whitespace().next().unwrap().to_owned();
    let good = appliance.client("alice").token.clone().unwrap();
    let id = given.split_once('(').and_then(|(_, rest)| rest.split_once(' ')).unwrap().0;
    let _ = command(&["client", "token", "alice", "--revoke", id]).succeeds();
    let (doors, curl) = (appliance.doors(), skip_or_require("curl"));
    let base = doors.https.as_deref().unwrap();
    for (token, target) in
        [(&good, "/kmip"), (&revoked, "/kmip"), (&good, "/"), (&good, &format!("/kmip?token={good}"))]
    {
        let Some(curl) = &curl else { break };
        let mut ask = Command::new(curl);
        ask.args(["--silent", "--include", "--cacert"]).arg(&doors.ca).args(["--data-binary", "<RequestMessage"]);
        ask.args(["--header", &format!("Authorization: Bearer {token}"), "--header", "Content-Type: text/xml"]);
        let told = run(ask.arg(format!("{base}{target}")));
        said.push_str(&told.stdout);
    }
    for arguments in
        [&["client", "token", "nobody"][..], &["client", "list"], &["--json", "client", "list"], &["audit", "tail"]]
    {
        let told = command(arguments);
        said.push_str(&told.stdout);
        said.push_str(&told.stderr);
    }
    assert!(curl.is_none() || said.contains("401 Unauthorized") && said.contains("404 Not Found"), "{said}");
    let random = |token: &str| token.trim_start_matches("strongroom_").to_owned();
    (vec![random(&good), random(&revoked)], said)
}

fn register(line: &mut Line, name: &str, (object_type, object): (ObjectType, Object)) -> Result<String, String> {
    let mut attributes = vec![Attribute::Name(Name::text(name))];
    if object_type != ObjectType::OpaqueObject {
        let mask = CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt;
        attributes.push(Attribute::CryptographicUsageMask(mask));
    }
    let attributes = attributes.into_iter().map(Into::into).collect();
    let request = RegisterRequest {
        object_type,
        attributes: Template { names: Vec::new(), attributes },
        object,
        protection_storage_masks: None,
    };
    line.ask(request).map(|answer| answer.unique_identifier.0).map_err(|error| format!("{error} {error:?}"))
}

fn block(format: KeyFormatType, algorithm: CryptographicAlgorithm, bits: i32, bytes: &[u8]) -> KeyBlock {
    KeyBlock {
        cryptographic_algorithm: Some(algorithm),
        cryptographic_length: Some(bits),
        ..KeyBlock::of(format, Secret::copy_of(bytes))
    }
}

fn symmetric(bytes: &[u8]) -> (ObjectType, Object) {
    let key_block = block(KeyFormatType::Raw, CryptographicAlgorithm::AES, 256, bytes);
    (ObjectType::SymmetricKey, SymmetricKey { key_block }.into())
}

fn private(bytes: &[u8]) -> (ObjectType, Object) {
    let key_block = block(KeyFormatType::PKCS_8, CryptographicAlgorithm::RSA, 2048, bytes);
    (ObjectType::PrivateKey, PrivateKey { key_block }.into())
}

fn secret_data() -> (ObjectType, Object) {
    let key_block = KeyBlock::of(KeyFormatType::Opaque, Secret::copy_of(PASSWORD));
    (ObjectType::SecretData, SecretData { secret_data_type: SecretDataType::Password, key_block }.into())
}

fn opaque() -> (ObjectType, Object) {
    let object =
        OpaqueObject { opaque_data_type: OpaqueDataType(0x8000_0001), opaque_data_value: Secret::copy_of(OPAQUE) };
    (ObjectType::OpaqueObject, object.into())
}

fn parameters(padding: PaddingMethod) -> CryptographicParameters {
    CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::CBC),
        padding_method: Some(padding),
        ..CryptographicParameters::default()
    }
}

fn encrypt(id: &str, data: &[u8], padding: PaddingMethod) -> EncryptRequest {
    EncryptRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(parameters(padding)),
        data: Some(Secret::copy_of(data)),
        iv_counter_nonce: Some(Bytes(vec![3; 16])),
        ..EncryptRequest::default()
    }
}

fn decrypt(id: &str, data: &[u8]) -> DecryptRequest {
    DecryptRequest {
        unique_identifier: Some(id.into()),
        cryptographic_parameters: Some(parameters(PaddingMethod::PKCS5)),
        data: Some(Bytes(data.to_vec())),
        iv_counter_nonce: Some(Bytes(vec![3; 16])),
        ..DecryptRequest::default()
    }
}

fn get(id: &str) -> GetRequest {
    GetRequest { unique_identifier: Some(id.into()), ..GetRequest::default() }
}

/// Every file below a folder, with what is in it.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            found.extend(files(&path));
        } else if kind.is_file() {
            found.push((path.clone(), fs::read(path).unwrap()));
        }
    }
    found
}

fn is_core(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name == "core" || name.strip_prefix("core.").is_some_and(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Which marks stand in these bytes, in any spelling.
fn marks(marked: &[(&str, &[u8])], path: &Path, bytes: &[u8]) -> Vec<String> {
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let holds = |mark: &[u8]| {
        // A part is a leak too.
        let part = &mark[..mark.len().min(18)];
        let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
        let numbers = part.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        has(part)
            || has(hex.as_bytes())
            || has(hex.to_uppercase().as_bytes())
            || has(numbers.as_bytes())
            || has(base64(part).as_bytes())
    };
    let hits = marked.iter().filter(|(_, mark)| holds(mark));
    hits.map(|(what, _)| format!("{what} stands in {}", path.display())).collect()
}

/// Base64 of a multiple of three bytes.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks_exact(3) {
        let all = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(LETTERS[usize::try_from(all >> shift & 63).unwrap()]));
        }
    }
    text
}
