//! `strongroom pkcs11`: what a host sees of its tokens, and if nothing, why.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    process::Command,
};

use crate::appliance::{Daemon, Folder};

/// What the verb prints, and its exit code, with this configuration of the module.
fn told(config: &str, verb: &str) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
    let output = command.args(["pkcs11", verb]).env("STRONGROOM_PKCS11_CONFIG", config).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let folder = Folder::new();
    let (deaf, file) = (folder.at("deaf.sock"), folder.write("file", ""));
    drop(UnixListener::bind(&deaf).unwrap());
    let missing = folder.at("missing.sock");
    let open = folder.write("pin", "1234");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    for (name, text, says) in [
        ("no socket", format!("socket = {missing:?}"), "there is no socket at"),
        ("nobody there", format!("socket = {deaf:?}"), "nobody listens at"),
        ("no socket but a file", format!("socket = {file:?}"), "is no socket"),
        ("a misspelt key", "sokcet = '/x'".to_owned(), "unknown field `sokcet`"),
        ("no address", "address = 'vault.example'".to_owned(), "write tls://HOST:PORT"),
        ("no papers", "address = 'tls://127.0.0.1:1'".to_owned(), "`certificate` is missing"),
        ("a PIN for everybody", format!("pin-source = {open:?}"), "everybody on this host may read"),
    ] {
        let config = folder.write("module.toml", &text);
        let (printed, code) = told(&config, "check");
        assert!(printed.contains("FAULT") && printed.contains(says), "{name}: {printed}");
        assert_eq!(code, Some(1), "{name}");
        assert_eq!(told(&config, "uri").1, Some(1), "{name}");
    }
    let (printed, _) = told(&folder.at("nowhere.toml"), "check");
    assert!(printed.contains("which is not there"), "{printed}");
}

#[test]
fn what_p11_kit_is_told_of_the_module_is_looked_at() {
    let folder = Folder::new();
    let modules = folder.0.join(".config/pkcs11/modules");
    fs::create_dir_all(&modules).unwrap();
    let checked = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strongroom"));
        let output =
            command.args(["pkcs11", "check"]).env("HOME", &folder.0).env_remove("STRONGROOM_PKCS11_CONFIG").output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert!(checked().contains("p11-kit"), "it is there, and knows the module or not");
    let file = modules.join("ours.module");
    fs::write(&file, "# a comment\nmodule: /nowhere/libstrongroom_pkcs11.so\n").unwrap();
    assert!(checked().contains("tells p11-kit of /nowhere/libstrongroom_pkcs11.so, which is not there"));
    fs::write(&file, "module: libstrongroom_pkcs11.so\n").unwrap();
    assert!(checked().contains(&format!("p11-kit knows the module from {}", file.display())));
}

#[test]
fn a_token_that_is_there_is_named_by_its_uri_and_one_that_is_not_is_missed() {
    let folder = Folder::new();
    let description = folder.0.join("dev/dev.json");
    let _daemon = Daemon::start(&["dev", "--dir", &folder.at("dev"), "--kmip", "127.0.0.1:0"], &description);
    let config = folder.at("dev/pkcs11.toml");
    let (printed, code) = told(&config, "uri");
    assert!(printed.starts_with("pkcs11:model=Strongroom;") && printed.ends_with(";token=dev\n"), "{printed}");
    assert_eq!(code, Some(0));
    let (printed, _) = told(&config, "check");
    assert!(printed.contains("a daemon listens at") && printed.contains(";token=dev"), "{printed}");
    let other = fs::read_to_string(&config).unwrap().replace("\"dev\"", "\"other\"");
    let (printed, code) = told(&folder.write("other.toml", &other), "check");
    assert!(printed.contains("there is no token \"other\"") && printed.contains("there is dev"), "{printed}");
    assert_eq!(code, Some(1));
}
