//! strongSwan: certificates and requests by its pki, and two of its daemons that meet, with keys in the token.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use strongroom_tests::{Outcome, find, run, skip, skip_or_require, unpacked};

use crate::bench::Bench;

struct Pki {
    bench: Bench,
    program: PathBuf,
}

impl Pki {
    fn new() -> Option<Pki> {
        let program = skip_or_require("pki")?;
        let bench = Bench::new()?;
        let pkcs11 = &bench.appliance.doors().pkcs11;
        let text = format!(
            "pki {{\n load = random x509 pem pkcs1 pkcs8 pkcs11 pubkey sha1 sha2 gmp\n}}\n\
             libstrongswan {{\n plugins {{\n  pkcs11 {{\n   modules {{\n    strongroom {{\n     path = {}\n    }}\n   }}\n  }}\n }}\n}}\n",
            pkcs11.module.display(),
        );
        fs::write(bench.path("strongswan.conf"), text).expect("the bench's folder takes files");
        fs::write(bench.path("pin"), format!("{}\n", pkcs11.user_pin)).expect("the bench's folder takes files");
        Some(Pki { bench, program })
    }

    /// What it writes, in PEM. It asks for the PIN on its standard input.
    fn told(&self, words: &str) -> Outcome {
        let mut command: Command = self.bench.appliance.customer("sh".as_ref());
        command.env("STRONGSWAN_CONF", self.bench.path("strongswan.conf"));
        command.args(["-c", "exec \"$@\" < \"$0\""]).arg(self.bench.path("pin")).arg(&self.program);
        for word in words.split_whitespace() {
            match word.strip_prefix('@') {
                Some(file) => command.arg(self.bench.path(file)),
                None => command.arg(word),
            };
        }
        run(command.args(["--outform", "pem"]))
    }

    #[track_caller]
    fn makes(&self, words: &str, file: &str) {
        let told = self.told(words).succeeds();
        fs::write(self.bench.path(file), told.stdout).expect("the bench's folder takes files");
    }
}

#[test]
fn an_authority_whose_key_is_in_the_token_certifies_itself_and_others() {
    let Some(pki) = Pki::new() else { return };
    let bench = &pki.bench;
    for (kind, key, id) in [("rsa", "rsa:2048", "11"), ("ecdsa", "EC:prime256v1", "12")] {
        bench.pair(key, kind, id);
        pki.makes(&format!("--self --ca --type {kind} --keyid {id} --dn CN={kind}"), "authority.crt");
        let _ = bench.openssl("verify -CAfile @authority.crt @authority.crt").succeeds();
        pki.makes(&format!("--req --type {kind} --keyid {id} --dn CN=asks"), "asks.csr");
        let _ = bench.openssl("req -in @asks.csr -verify -noout").succeeds();
    }
    // Of an authority that it reads from a file, it knows an elliptic key by its OpenSSL plugin alone, another package.
    pki.makes("--self --ca --type rsa --keyid 11 --dn CN=rsa", "authority.crt");
    let _ =
        bench.openssl("req -new -newkey rsa:2048 -nodes -keyout @leaf.key -subj /CN=leaf -out @leaf.csr").succeeds();
    pki.makes("--issue --type pkcs10 --in @leaf.csr --cacert @authority.crt --dn CN=leaf --cakeyid 11", "leaf.crt");
    let _ = bench.openssl("verify -CAfile @authority.crt @leaf.crt").succeeds();
}

#[test]
fn two_hosts_prove_to_each_other_who_they_are_with_keys_in_the_token() {
    let (Some(daemon), Some(pki)) = (unpacked("sbin/charon-systemd"), Pki::new()) else { return };
    let beside = || Some(PathBuf::from("/usr/sbin/swanctl")).filter(|at| at.is_file());
    let Some(control) = find("swanctl").or_else(beside).or_else(|| skip_or_require("swanctl")) else { return };
    // The daemons work on the kernel's routes, in a network of their own, and end with it.
    let apart = ["--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let Some(unshare) = skip_or_require("unshare") else { return };
    if run(Command::new(&unshare).args(apart).args(["ip", "link", "set", "lo", "up"])).code != Some(0) {
        return skip("no namespaces may be made here, which strongSwan's daemon is to run in");
    }
    let bench = &pki.bench;
    let hosts = [Host { name: "east", id: "21", port: 4600 }, Host { name: "west", id: "22", port: 4700 }];
    for host in &hosts {
        bench.pair("rsa:2048", host.name, host.id);
        let words = format!("--self --type rsa --keyid {} --dn CN={} --san {}", host.id, host.name, host.name);
        pki.makes(&words, &format!("{}.crt", host.name));
    }
    let [east, west] = &hosts;
    east.settle(bench, west);
    west.settle(bench, east);
    let before = signatures(bench);
    let mut command = bench.appliance.customer(&unshare);
    command.args(apart).arg("sh").arg("-c").arg(MEETING).arg(&daemon).arg(&control);
    let told = run(command.arg(bench.appliance.folder())).succeeds();
    let log = |host: &Host| fs::read_to_string(bench.path(&format!("{}/log", host.name))).unwrap_or_default();
    let said = format!("{told}\n{}\n{}", log(east), log(west));
    for line in [
        "authentication of 'east' (myself) with RSA_EMSA_PKCS1_SHA2_256 successful",
        "authentication of 'west' with RSA_EMSA_PKCS1_SHA2_256 successful",
        "ESTABLISHED",
    ] {
        assert!(told.stdout.contains(line), "{line}: {said}");
    }
    assert_eq!(signatures(bench), before + 2, "each has signed once: {said}");
}

/// What the log says was signed so far.
fn signatures(bench: &Bench) -> usize {
    let mut command = bench.appliance.strongroom();
    command.arg("--config").arg(bench.appliance.dir().join("strongroom.toml")).args(["audit", "tail", "-n", "100000"]);
    let told = run(&mut command).succeeds();
    told.stdout.lines().filter(|line| line.contains(" Sign ") && line.ends_with(": success")).count()
}

/// One of the two, on a loopback port; its name is that of its folder and of the key in the token.
struct Host {
    name: &'static str,
    id: &'static str,
    port: u16,
}

impl Host {
    /// Writes what the daemon and its control read. It meets the other without a child: no packet is to be protected.
    fn settle(&self, bench: &Bench, other: &Host) {
        let at = bench.path(self.name);
        let pkcs11 = &bench.appliance.doors().pkcs11;
        let daemon = format!(
            "charon-systemd {{\n load = random nonce x509 pem pkcs1 pkcs8 pkcs11 pubkey sha1 sha2 gmp aes hmac kdf vici \
             kernel-netlink socket-default\n port = {port}\n port_nat_t = {nat}\n install_routes = no\n \
             plugins {{\n  vici {{\n   socket = unix://{at}/vici\n  }}\n  socket-default {{\n   use_ipv6 = no\n  }}\n }}\n \
             filelog {{\n  log {{\n   path = {at}/log\n   flush_line = yes\n  }}\n }}\n journal {{\n  default = -1\n }}\n}}\n\
             libstrongswan {{\n plugins {{\n  pkcs11 {{\n   modules {{\n    strongroom {{\n     path = {module}\n    }}\n   }}\n  }}\n }}\n}}\n\
             swanctl {{\n load = pem pkcs1 x509 random\n}}\n",
            port = self.port,
            nat = self.port + 1,
            at = at.display(),
            module = pkcs11.module.display(),
        );
        let connection = format!(
            "connections {{\n peer {{\n  version = 2\n  mobike = no\n  childless = force\n  local_addrs = 127.0.0.1\n  \
             remote_addrs = 127.0.0.1\n  local_port = {}\n  remote_port = {}\n  proposals = aes256-sha256-modp2048\n  \
             local {{\n   auth = pubkey\n   certs = {name}.crt\n   id = {name}\n  }}\n  \
             remote {{\n   auth = pubkey\n   certs = {peer}.crt\n   id = {peer}\n  }}\n }}\n}}\n\
             secrets {{\n token {{\n  handle = {}\n  module = strongroom\n  pin = {}\n }}\n}}\n",
            self.port,
            other.port,
            self.id,
            pkcs11.user_pin,
            name = self.name,
            peer = other.name,
        );
        fs::create_dir_all(at.join("x509")).expect("the bench's folder takes folders");
        for (file, text) in [("strongswan.conf", daemon), ("swanctl.conf", connection)] {
            fs::write(at.join(file), text).expect("the bench's folder takes files");
        }
        for certificate in [self, other].map(|host| format!("{}.crt", host.name)) {
            fs::copy(bench.path(&certificate), at.join("x509").join(&certificate)).expect("pki has made it");
        }
    }
}

/// Starts both daemons, lets the one meet the other, and says what they have agreed. Gets the daemon, its control and the
/// folder.
const MEETING: &str = "\
cd \"$2\" && ip link set lo up || exit 1
for host in east west; do
    STRONGSWAN_CONF=$2/$host/strongswan.conf \"$0\" >$host/out 2>&1 &
done
control() {
    host=$1 && shift
    STRONGSWAN_CONF=$PWD/$host/strongswan.conf SWANCTL_DIR=$PWD/$host timeout 30 \"$control\" \"$@\" --uri unix://$PWD/$host/vici
}
control=$1
for host in west east; do
    until [ -S $host/vici ]; do sleep 0.1; done
    control $host --load-all || exit 1
done
control east --initiate --ike peer --timeout 30 && control east --list-sas
";
