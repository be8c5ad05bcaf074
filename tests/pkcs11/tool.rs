//! pkcs11-tool, with OpenSSL to check what it made.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use strongroom_tests::run;

use crate::bench::Bench;

#[test]
fn slots_and_mechanisms_are_listed() {
    let Some(bench) = Bench::new() else { return };
    let slots = bench.stranger("--list-slots").succeeds().stdout;
    for line in ["token label        : dev", "login required, rng, token initialized, PIN initialized"] {
        assert!(slots.contains(line), "{slots}");
    }
    let mechanisms = bench.stranger("--list-mechanisms").succeeds().stdout;
    for line in [
        "RSA-PKCS, keySize={2048,8192}, encrypt, decrypt, sign, sign_recover, verify, verify_recover",
        "SHA1-RSA-PKCS, keySize={2048,8192}, verify, other flags=0x30\n",
        "ECDSA-KEY-PAIR-GEN, keySize={224,521}, generate_key_pair",
        "AES-KEY-GEN, keySize={16,32}, generate",
        "AES-GCM, keySize={16,32}, encrypt, decrypt",
        "SHA256, digest",
    ] {
        assert!(mechanisms.contains(line), "{line}: {mechanisms}");
    }
    assert!(!mechanisms.contains("DES3-KEY-GEN"), "{mechanisms}");
}

#[test]
fn a_signature_of_every_kind_is_one_to_openssl() {
    let Some(bench) = Bench::new() else { return };
    bench.pair("rsa:2048", "rsa", "01");
    bench.pair("EC:prime256v1", "p256", "02");
    bench.pair("EC:secp521r1", "p521", "03");
    let _ = bench.openssl("dgst -sha256 -binary -out @hash @data").succeeds();
    for (mechanism, id, input, key, options) in [
        ("SHA256-RSA-PKCS", "01", "data", "rsa", ""),
        ("SHA512-RSA-PKCS", "01", "data", "rsa", "-sha512"),
        ("SHA256-RSA-PKCS-PSS", "01", "data", "rsa", "-sigopt rsa_padding_mode:pss"),
        ("RSA-PKCS-PSS --hash-algorithm SHA256", "01", "hash", "rsa", "-sigopt rsa_padding_mode:pss"),
        ("ECDSA -f openssl", "02", "hash", "p256", ""),
        ("ECDSA-SHA256 -f openssl", "02", "data", "p256", ""),
        ("ECDSA-SHA384 -f openssl", "03", "data", "p521", "-sha384"),
    ] {
        let _ = bench.user(&format!("--sign -m {mechanism} --id {id} -i @{input} -o @signature")).succeeds();
        let hash = if options.starts_with("-sha") { "" } else { "-sha256" };
        let check = format!("dgst {hash} {options} -verify @{key}.pem -signature @signature @data");
        let told = bench.openssl(&check).succeeds().stdout;
        assert!(told.contains("Verified OK"), "{mechanism}: {told}");
    }
}

#[test]
fn a_signature_is_checked_and_a_wrong_one_is_refused() {
    let Some(bench) = Bench::new() else { return };
    bench.pair("rsa:2048", "rsa", "01");
    let _ = bench.user("--keypairgen --key-type EC:edwards25519 --label ed --id 02").succeeds();
    fs::write(bench.path("other"), b"other").expect("the bench's folder takes files");
    for (mechanism, id) in [("SHA256-RSA-PKCS", "01"), ("SHA256-RSA-PKCS-PSS", "01"), ("EDDSA", "02")] {
        let _ = bench.user(&format!("--sign -m {mechanism} --id {id} -i @data -o @signature")).succeeds();
        let check = |input: &str| {
            bench.user(&format!("--verify -m {mechanism} --id {id} -i @{input} --signature-file @signature")).stdout
        };
        assert!(check("data").contains("Signature is valid"), "{mechanism}");
        assert!(check("other").contains("Invalid signature"), "{mechanism}");
    }
}

#[test]
fn what_openssl_encrypts_is_decrypted() {
    let Some(bench) = Bench::new() else { return };
    bench.pair("rsa:2048", "rsa", "01");
    fs::write(bench.path("text"), b"for your eyes").expect("the bench's folder takes files");
    for (padding, mechanism) in [
        ("-pkeyopt rsa_padding_mode:pkcs1", "RSA-PKCS"),
        ("-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256", "RSA-PKCS-OAEP --hash-algorithm SHA256"),
    ] {
        let _ =
            bench.openssl(&format!("pkeyutl -encrypt -pubin -inkey @rsa.pem -in @text -out @box {padding}")).succeeds();
        let _ = bench.user(&format!("--decrypt -m {mechanism} --id 01 -i @box -o @back")).succeeds();
        assert_eq!(bench.read("back"), b"for your eyes", "{mechanism}");
    }
}

#[test]
fn what_is_encrypted_comes_back() {
    let Some(bench) = Bench::new() else { return };
    let _ = bench.user("--keygen --key-type AES:32 --label aes --id 01").succeeds();
    let iv = "--iv 000102030405060708090a0b0c0d0e0f";
    for mechanism in ["AES-CBC", "AES-CBC-PAD"] {
        let _ = bench.user(&format!("--encrypt -m {mechanism} {iv} --id 01 -i @data -o @box")).succeeds();
        assert_ne!(bench.read("box"), bench.read("data"), "{mechanism}");
        let _ = bench.user(&format!("--decrypt -m {mechanism} {iv} --id 01 -i @box -o @back")).succeeds();
        assert_eq!(bench.read("back"), bench.read("data"), "{mechanism}");
    }
}

#[test]
fn an_agreed_secret_comes_out_of_a_slot_that_says_so_and_of_no_other() {
    let Some(mut bench) = Bench::new() else { return };
    bench.pair("EC:prime256v1", "elliptic", "01");
    let _ = bench.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out @peer.key").succeeds();
    let _ = bench.openssl("pkey -in @peer.key -pubout -outform DER -out @peer.der").succeeds();
    let _ = bench.openssl("pkeyutl -derive -inkey @peer.key -peerkey @elliptic.pem -out @expected").succeeds();
    let derive = "--derive --mechanism ECDH1-DERIVE --id 01 --input-file @peer.der --output-file @secret";
    let _ = bench.user(derive).fails();
    let config = bench.appliance.dir().join("strongroom.toml");
    bench.appliance.kill();
    let text = fs::read_to_string(&config).expect("`dev` writes its configuration");
    let open = text.replace("name = \"dev\"", "name = \"dev\"\nopen_derivations = [\"ECDH\"]");
    assert_ne!(text, open, "the configuration has the slot");
    fs::write(&config, open).expect("it is ours");
    bench.appliance.restart();
    let _ = bench.user(derive).succeeds();
    assert_eq!(bench.read("secret"), bench.read("expected"));
}

#[test]
fn objects_are_written_read_and_deleted() {
    let Some(bench) = Bench::new() else { return };
    let _ = bench
        .openssl("req -x509 -newkey rsa:2048 -nodes -keyout @key.pem -out @certificate.pem -subj /CN=x -days 3")
        .succeeds();
    let _ = bench.openssl("x509 -in @certificate.pem -outform DER -out @certificate.der").succeeds();
    let _ = bench.openssl("rsa -in @key.pem -outform DER -out @key.der").succeeds();
    let _ = bench.openssl("rsa -in @key.pem -pubout -outform DER -out @public.der").succeeds();
    let _ = bench.openssl("ecparam -name secp384r1 -genkey -noout -outform DER -out @elliptic.der").succeeds();
    for (file, kind, id) in [
        ("certificate.der", "cert", "01"),
        ("key.der", "privkey", "01"),
        ("public.der", "pubkey", "01"),
        ("elliptic.der", "privkey", "02"),
        ("data", "data", "03"),
    ] {
        let name = if kind == "data" { "--label paper" } else { "--label imported" };
        let id = if kind == "data" { String::new() } else { format!("--id {id}") };
        let _ = bench.user(&format!("--write-object @{file} --type {kind} {id} {name}")).succeeds();
    }
    let _ = bench.user("--read-object --type cert --id 01 -o @read").succeeds();
    assert_eq!(bench.read("read"), bench.read("certificate.der"));
    let _ = bench.user("--read-object --type data --label paper -o @read").succeeds();
    assert_eq!(bench.read("read"), bench.read("data"));
    let _ = bench.openssl("rsa -in @key.pem -pubout -out @public.pem").succeeds();
    let _ = bench.user("--sign -m SHA256-RSA-PKCS --id 01 -i @data -o @signature").succeeds();
    let _ = bench.openssl("dgst -sha256 -verify @public.pem -signature @signature @data").succeeds();
    for kind in ["cert --id 01", "privkey --id 01", "pubkey --id 01", "privkey --id 02", "data --label paper"] {
        let _ = bench.user(&format!("--delete-object --type {kind}")).succeeds();
    }
    let left = bench.user("--list-objects").succeeds().stdout;
    assert!(!left.contains("imported") && !left.contains("paper"), "{left}");
}

#[test]
fn a_stranger_sees_what_is_public_and_a_wrong_pin_opens_nothing() {
    let Some(bench) = Bench::new() else { return };
    let _ = bench.user("--keypairgen --key-type EC:prime256v1 --label pair --id 01").succeeds();
    let seen = bench.stranger("--list-objects").succeeds().stdout;
    assert!(seen.contains("Public Key Object") && !seen.contains("Private Key Object"), "{seen}");
    let refused = bench.stranger("--login --pin 0000000 --list-objects").fails();
    assert!(refused.stderr.contains("CKR_PIN_INCORRECT"), "{refused}");
}

#[test]
fn random_bytes_and_digests_are_given() {
    let Some(bench) = Bench::new() else { return };
    let _ = bench.stranger("--generate-random 100 -o @random").succeeds();
    assert_eq!(bench.read("random").len(), 100);
    let _ = bench.stranger("--hash -m SHA384 -i @data -o @digest").succeeds();
    let _ = bench.openssl("dgst -sha384 -binary -out @expected @data").succeeds();
    assert_eq!(bench.read("digest"), bench.read("expected"));
}

#[test]
fn opensc_has_nothing_to_complain_about() {
    let Some(bench) = Bench::new() else { return };
    bench.pair("rsa:2048", "rsa", "01");
    let told = bench.user("--test").succeeds();
    assert!(told.stdout.contains("No errors"), "{told}");
}

#[test]
fn opensc_tests_elliptic_keys_until_its_own_mistake() {
    let Some(bench) = Bench::new() else { return };
    let told = bench.user("--session-rw --test-ec --key-type EC:prime256v1 --label made --id 01").fails();
    assert!(told.stdout.contains("*** Changing the CKA_ID"), "{told}");
    // OpenSC 0.23 signs with the mechanism by which it made the pair, which no token takes: SoftHSM2 says the same.
    assert!(told.stderr.contains("C_SignInit failed: rv = CKR_MECHANISM_INVALID"), "{told}");
    let _ = bench.user("--sign -m ECDSA-SHA256 --label made -i @data -o @signature").succeeds();
}

#[test]
fn opensc_forks_and_starts_threads() {
    let Some(bench) = Bench::new() else { return };
    let told = bench.user("--test-fork").succeeds();
    assert!(told.stdout.contains("*** Calling C_Initialize in forked child process ***"), "{told}");
    let threads = "--test-threads IN --test-threads IL:GI:SL:T0 --test-threads IL:GI:SL:T0 --test-threads IL:SL:T0:GI";
    let told = bench.user(threads).succeeds();
    let said = format!("{}{}", told.stdout, told.stderr);
    for line in [
        // Whether the thread or the program itself is first is for the machine to say.
        "Test thread 0 C_Initialize returned CKR_",
        "Test thread 2 C_GetInfo returned CKR_OK",
        "Test thread 3 C_GetSlotList returned CKR_OK",
        "test_threads all threads have ended",
    ] {
        assert!(said.contains(line), "{line}: {told}");
    }
}

#[test]
fn keys_are_there_after_a_crash() {
    let Some(mut bench) = Bench::new() else { return };
    bench.pair("EC:prime256v1", "pair", "01");
    bench.appliance.restart();
    let _ = bench.user("--sign -m ECDSA-SHA256 -f openssl --id 01 -i @data -o @signature").succeeds();
    let _ = bench.openssl("dgst -sha256 -verify @pair.pem -signature @signature @data").succeeds();
}

#[test]
fn a_service_takes_its_pin_from_a_file_that_is_its_own() {
    let Some(bench) = Bench::new() else { return };
    let (config, pin) = (bench.path("service.toml"), bench.path("pin"));
    let text = fs::read_to_string(&bench.appliance.doors().pkcs11.config).expect("the appliance wrote it");
    fs::write(&config, format!("{text}pin-source = \"{}\"\n", pin.display())).expect("the folder takes files");
    fs::write(&pin, format!("{}\n", bench.appliance.doors().pkcs11.user_pin)).expect("the folder takes files");
    for (mode, works) in [(0o600, true), (0o644, false)] {
        fs::set_permissions(&pin, fs::Permissions::from_mode(mode)).expect("it is ours");
        let mut command = bench.command("--login --keygen --key-type AES:32 --label made");
        let told = run(command.env("STRONGROOM_PKCS11_CONFIG", &config));
        assert_eq!(told.code == Some(0), works, "{mode:o}: {told}");
    }
}
