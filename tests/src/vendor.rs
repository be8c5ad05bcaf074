//! Tokens of other makers, each started for one test alone, and the table of what each of them lacks.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::appliance::Appliance;
use crate::build::{built, top};
use crate::folder::Folder;
use crate::port::until;
use crate::program::{find, run, skip_or_require};

/// A maker of tokens.
#[derive(Debug)]
pub struct Vendor {
    /// The name, as tables have it.
    pub name: &'static str,
    /// What slots over such a token cannot do, in the words of the contract's suite, and why. The suite holds the row to
    /// it both ways.
    pub lacks: &'static [(&'static str, &'static [&'static str])],
    start: fn() -> Option<Token>,
}

/// Every maker whose token runs without a device.
pub const VENDORS: &[Vendor] = &[
    Vendor {
        name: "SoftHSM2",
        lacks: &[("it knows no Montgomery curves", &["agreement on X25519"]), UNLISTED],
        start: softhsm,
    },
    Vendor {
        name: "opencryptoki",
        lacks: &[
            ("its software token has no elliptic curves before 3.16", ELLIPTIC),
            ("nor these modes", &["AES-CTR", "AES-GCM", "AES-KW", "AES-KWP", "AES-CMAC"]),
            UNLISTED,
        ],
        start: opencryptoki,
    },
    Vendor {
        name: "tpm2-pkcs11",
        lacks: &[
            ("it makes and takes no symmetric keys", SYMMETRIC),
            ("a TPM of today has two curves of NIST", &["P-521", "secp256k1", "Ed25519", "agreement on X25519"]),
            ("what it holds was made in it", &["RSA from elsewhere", "EC from elsewhere", "copies"]),
            ("it agrees on nothing", &["agreement on P-256"]),
            ("its RSA has no PSS of its own", &["RSA-PSS"]),
        ],
        start: tpm,
    },
    Vendor {
        name: "kryoptic",
        lacks: &[
            ("under OpenSSL 3.0 it has the curves of NIST alone", &["secp256k1", "Ed25519", "agreement on X25519"]),
            ("it has no 3DES", &["3DES-CBC"]),
            ("its number for this is newer than what speaks to it here", &["AES-KWP"]),
        ],
        start: kryoptic,
    },
    Vendor {
        name: "a second Strongroom",
        lacks: &[
            ("without `legacy` it makes no 3DES keys", &["3DES-CBC"]),
            ("its number for this is newer than what speaks to it here", &["AES-KWP"]),
            ("what is agreed by a key that stays inside stays too", &["agreement on P-256", "agreement on X25519"]),
        ],
        start: strongroom,
    },
];

/// What our side leaves out of a token's list because it has no word for it.
const UNLISTED: (&str, &[&str]) = ("its list is read by cryptoki, which passes over 3DES in CBC", &["3DES-CBC"]);
const ELLIPTIC: &[&str] = &[
    "P-256",
    "P-384",
    "P-521",
    "secp256k1",
    "Ed25519",
    "agreement on P-256",
    "agreement on X25519",
    "EC from elsewhere",
];
const SYMMETRIC: &[&str] = &[
    "AES-ECB",
    "AES-CBC",
    "AES-CBC-PAD",
    "AES-CTR",
    "AES-GCM",
    "3DES-CBC",
    "AES-KW",
    "AES-KWP",
    "AES-CMAC",
    "HMAC-SHA-256",
    "HMAC-SHA-512",
    "AES from elsewhere",
];

impl Vendor {
    /// The row of this name.
    ///
    /// # Panics
    ///
    /// Where there is none.
    #[must_use]
    #[track_caller]
    pub fn named(name: &str) -> &'static Vendor {
        VENDORS.iter().find(|vendor| vendor.name == name).unwrap_or_else(|| panic!("no vendor {name}"))
    }

    /// A fresh token called [`LABEL`] with its user's PIN set, or a skip as for [`skip_or_require`].
    ///
    /// # Panics
    ///
    /// Where it is missing and required, or does not come up.
    #[must_use]
    #[track_caller]
    pub fn start(&self) -> Option<Token> {
        (self.start)()
    }
}

/// A token that is there for one test.
#[derive(Debug)]
pub struct Token {
    /// The vendor's library.
    pub library: PathBuf,
    /// The token's label.
    pub label: String,
    /// Which of the library's tokens it is, as a PKCS#11 URI.
    pub uri: String,
    /// Its user's PIN.
    pub pin: String,
    /// What the library looks for in its environment.
    pub environment: Vec<(&'static str, String)>,
    /// Files and folders that it reads and writes.
    pub paths: Vec<PathBuf>,
    /// Whether it speaks to a daemon of its own on this machine.
    pub local: bool,
    /// What runs for it, ended before the folder goes.
    _alive: Alive,
    _folder: Folder,
}

/// What runs for a token.
#[derive(Debug, Default)]
struct Alive {
    _servers: Vec<Server>,
    _appliance: Option<Box<Appliance>>,
}

impl From<Vec<Server>> for Alive {
    fn from(servers: Vec<Server>) -> Alive {
        Alive { _servers: servers, _appliance: None }
    }
}

/// A process that is killed when it is dropped.
#[derive(Debug)]
struct Server(Child);

impl Server {
    #[track_caller]
    fn start(command: &mut Command) -> Server {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Server(quiet.spawn().expect("it was found"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It fails only where the process has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Token {
    /// pkcs11-tool on the token, not through us and not logged in.
    ///
    /// # Panics
    ///
    /// Where pkcs11-tool is not installed; whoever has a token had it.
    #[must_use]
    #[track_caller]
    pub fn tool(&self) -> Command {
        let mut command = tool(&self.library);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The slot over it, as a table of a configuration file. `pin_file` has its PIN.
    ///
    /// # Panics
    ///
    /// Never: text takes text.
    #[must_use]
    pub fn table(&self, slot: &str, pin_file: &Path) -> String {
        let mut environment = String::new();
        for (name, value) in &self.environment {
            write!(environment, "{name} = {value:?}, ").expect("text takes text");
        }
        format!(
            "[[slot]]\nname = {slot:?}\nkind = \"pkcs11\"\nlibrary = {:?}\nuri = {:?}\npin_file = {pin_file:?}\n\
             deadline = 5\nnetwork = {:?}\npaths = {:?}\nenvironment = {{ {} }}\n",
            self.library,
            self.uri,
            if self.local { "local" } else { "none" },
            self.paths,
            environment.trim_end_matches(", ")
        )
    }
}

fn tool(library: &Path) -> Command {
    let mut command = Command::new(find("pkcs11-tool").expect("it was looked for when the token was started"));
    command.arg("--module").arg(library);
    command
}

/// A token whose PINs are set by pkcs11-tool in the first slot of its library.
#[track_caller]
fn initialised(
    library: PathBuf,
    uri: &str,
    environment: Vec<(&'static str, String)>,
    alive: Alive,
    folder: Folder,
) -> Option<Token> {
    let token = Token {
        library,
        label: LABEL.to_owned(),
        uri: uri.to_owned(),
        pin: PIN.to_owned(),
        environment,
        paths: vec![folder.path().to_owned()],
        local: !alive._servers.is_empty(),
        _alive: alive,
        _folder: folder,
    };
    let officer = ["--slot-index", "0", "--so-pin", SO_PIN];
    let _ = run(token.tool().args(officer).args(["--init-token", "--label", LABEL])).succeeds();
    let user = ["--login", "--login-type", "so", "--init-pin", "--new-pin", PIN];
    let _ = run(token.tool().args(["--token-label", LABEL, "--so-pin", SO_PIN]).args(user)).succeeds();
    Some(token)
}

/// The first of these libraries that is installed.
#[track_caller]
fn library(paths: &[&str]) -> Option<PathBuf> {
    let found = paths.iter().map(PathBuf::from).find(|path| path.is_file());
    found.or_else(|| skip_or_require(paths.first()?))
}

fn softhsm() -> Option<Token> {
    let _ = skip_or_require("pkcs11-tool")?;
    let library = library(&["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"])?;
    let folder = Folder::new();
    fs::create_dir(folder.join("tokens")).expect("a fresh folder takes folders");
    let text = format!("directories.tokendir = {}\nlog.level = ERROR\n", folder.join("tokens").display());
    fs::write(folder.join("softhsm2.conf"), text).expect("and files");
    let environment = vec![("SOFTHSM2_CONF", folder.join("softhsm2.conf").display().to_string())];
    initialised(library, BY_LABEL, environment, Alive::default(), folder)
}

/// Its paths are fixed when it is built, and its daemon wants a group that only root can give: so it runs where
/// [`alone`] has put this test, with folders of its own in the place of the system's.
fn opencryptoki() -> Option<Token> {
    let _ = skip_or_require("pkcs11-tool")?;
    let daemon = library(&["/usr/sbin/pkcsslotd"])?;
    let library =
        library(&["/usr/lib/x86_64-linux-gnu/pkcs11/libopencryptoki.so", "/usr/lib/pkcs11/libopencryptoki.so"])?;
    if env::var_os(ALONE).is_none() {
        return skip_or_require("opencryptoki's own mounts (root)").map(|_| unreachable!("no program is called so"));
    }
    let folder = Folder::new();
    let conf = folder.join("opencryptoki.conf");
    fs::write(&conf, "version opencryptoki-3.8\nslot 0\n{\nstdll = libpkcs11_sw.so\n}\n")
        .expect("a fresh folder takes files");
    let _ = run(Command::new("sh").args(["-ec", FOLDERS, "sh"]).arg(&conf)).succeeds();
    let server =
        Command::new(daemon).arg("-f").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let server = Server(server.expect("it was found"));
    until(|| run(tool(&library).arg("--list-slots")).code == Some(0));
    // It says the time in a way that cannot be read, and with it everything else.
    let token = initialised(library, "pkcs11:slot-id=0", Vec::new(), vec![server].into(), folder)?;
    let paths = ["/etc/opencryptoki", "/var/lib/opencryptoki", "/run", "/dev/shm"].map(PathBuf::from).to_vec();
    Some(Token { paths, ..token })
}

/// What opencryptoki's packages make when they are installed, afresh.
const FOLDERS: &str = "
for folder in /var/lib/opencryptoki /run /dev/shm; do mount -t tmpfs tmpfs $folder; done
mkdir -p /var/lib/opencryptoki/swtok/TOK_OBJ /run/opencryptoki /run/lock/opencryptoki/swtok
chgrp -R pkcs11 /var/lib/opencryptoki /run/opencryptoki /run/lock/opencryptoki
mount --bind \"$1\" /etc/opencryptoki/opencryptoki.conf";

/// A TPM has room for three keys at a time, so a resource manager stands before it, on a bus of its own.
fn tpm() -> Option<Token> {
    let _ = skip_or_require("pkcs11-tool")?;
    let (simulator, bus) = (skip_or_require("swtpm")?, skip_or_require("dbus-daemon")?);
    let manager = library(&["/usr/sbin/tpm2-abrmd"])?;
    let library =
        library(&["/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so", "/usr/lib/pkcs11/libtpm2_pkcs11.so"])?;
    let folder = Folder::new();
    let (socket, address) = (folder.join("tpm"), format!("unix:path={}", folder.join("bus").display()));
    let simulator = Server::start(
        Command::new(simulator)
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear", "--tpmstate"])
            .arg(format!("dir={}", folder.path().display()))
            .arg("--server")
            .arg(format!("type=unixio,path={}", socket.display()))
            .arg("--ctrl")
            .arg(format!("type=unixio,path={}.ctrl", socket.display())),
    );
    let bus = Server::start(
        Command::new(bus).args(["--session", "--nofork", "--nopidfile"]).arg(format!("--address={address}")),
    );
    until(|| socket.exists() && folder.join("tpm.ctrl").exists() && folder.join("bus").exists());
    let mut command = Command::new(manager);
    command.arg("--session").arg(format!("--tcti=swtpm:path={}", socket.display()));
    if nix::unistd::geteuid().is_root() {
        command.arg("--allow-root");
    }
    let manager = Server::start(command.env("DBUS_SESSION_BUS_ADDRESS", &address));
    let environment = vec![
        ("TPM2_PKCS11_TCTI", "tabrmd:bus_type=session".to_owned()),
        ("TPM2_PKCS11_STORE", folder.path().display().to_string()),
        ("DBUS_SESSION_BUS_ADDRESS", address),
        // It warns of what it finds out by trying.
        ("TSS2_LOG", "all+none".to_owned()),
    ];
    let variables: Vec<_> = environment.clone();
    until(|| {
        run(tool(&library).arg("--list-slots").envs(variables.iter().map(|(name, value)| (name, value)))).code
            == Some(0)
    });
    initialised(library, BY_LABEL, environment, vec![manager, bus, simulator].into(), folder)
}

fn kryoptic() -> Option<Token> {
    let _ = skip_or_require("pkcs11-tool")?;
    let built = top().join("target/suites/build/debug/libkryoptic_pkcs11.so");
    let library = library(&[built.to_str()?])?;
    let folder = Folder::new();
    let environment = vec![("KRYOPTIC_CONF", format!("{}", folder.join("token.sql").display()))];
    initialised(library, BY_LABEL, environment, Alive::default(), folder)
}

/// Our own module in front of a second appliance.
fn strongroom() -> Option<Token> {
    let _ = skip_or_require("pkcs11-tool")?;
    let appliance = Box::new(Appliance::start());
    let doors = &appliance.doors().pkcs11;
    Some(Token {
        library: built("libstrongroom_pkcs11.so"),
        label: doors.token.clone(),
        uri: format!("pkcs11:token={}", doors.token),
        pin: doors.user_pin.clone(),
        environment: vec![("STRONGROOM_PKCS11_CONFIG", doors.config.display().to_string())],
        paths: vec![doors.config.clone()],
        local: true,
        _alive: Alive { _servers: Vec::new(), _appliance: Some(appliance) },
        _folder: Folder::new(),
    })
}

/// Runs the test of this name again with mounts and shared memory of its own, where this process is root's, and has it fail
/// where that fails. Whether the caller is to go on: as the test that was run again, or where nothing can be mounted.
///
/// # Panics
///
/// Where the test fails.
#[must_use]
#[track_caller]
pub fn alone(test: &str) -> bool {
    let Some(unshare) = find("unshare").filter(|_| env::var_os(ALONE).is_none()) else { return true };
    static CAN: OnceLock<bool> = OnceLock::new();
    let own = || {
        let mut command = Command::new(&unshare);
        command.args(["--mount", "--ipc"]);
        command
    };
    if !*CAN.get_or_init(|| nix::unistd::geteuid().is_root() && run(own().arg("true")).code == Some(0)) {
        return true;
    }
    let this = env::current_exe().expect("a running test has an executable");
    let ended = own().arg(this).args(["--exact", test, "--nocapture", "--quiet"]).env(ALONE, "1").status();
    assert!(ended.is_ok_and(|status| status.success()), "{test} failed with mounts of its own");
    false
}

/// The label of a vendor's token.
const LABEL: &str = "vendor";
/// How a token is found by it.
const BY_LABEL: &str = "pkcs11:token=vendor";
/// The PIN of its user.
const PIN: &str = "12345678";
/// The PIN of its officer: the one that opencryptoki begins with, which has no other before it is initialised.
const SO_PIN: &str = "87654321";
/// Is set for a test that has mounts of its own.
const ALONE: &str = "STRONGROOM_TEST_ALONE";
