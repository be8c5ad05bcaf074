//! `pkcs11 uri|check`: what an application on this host sees of its tokens, and if nothing, why.

use std::{
    env, fs,
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::unix::{
        fs::{FileTypeExt, MetadataExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::Deserialize;

use super::{
    args::Pkcs11,
    dev,
    error::Error,
    print::{self, Style},
};
use crate::{
    chance,
    front::pkcs11::inquiry::{self, PATIENCE, Papers, Seen},
    slot::software::Random,
};

pub(super) fn pkcs11(verb: &Pkcs11, style: Style) -> Result<(), Error> {
    let mut visit = Visit::default();
    let seen = visit.look();
    match verb {
        Pkcs11::Uri => {
            let uris: Vec<_> = seen.iter().filter_map(|seen| seen.token.as_ref()).map(ToString::to_string).collect();
            if uris.is_empty() {
                return Err(Error::NoToken);
            }
            match style {
                Style::Json => print::json(&uris),
                Style::Text => print::whole(&uris.iter().map(|uri| format!("{uri}\n")).collect::<String>()),
            }
        }
        Pkcs11::Check => {
            match style {
                Style::Json => print::json(&visit.findings)?,
                Style::Text => print::whole(&visit.findings.iter().map(Finding::line).collect::<String>())?,
            }
            if visit.findings.iter().any(|finding| !finding.good) { Err(Error::Faulty) } else { Ok(()) }
        }
    }
}

/// What was found, in the order in which it was looked at.
#[derive(Default)]
struct Visit {
    findings: Vec<Finding>,
}

/// One thing that is as it should be, or not.
#[derive(serde::Serialize)]
struct Finding {
    good: bool,
    what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn line(&self) -> String {
        let mark = if self.good { "ok   " } else { "FAULT" };
        let remedy = self.remedy.as_ref().map(|remedy| format!("      {remedy}\n")).unwrap_or_default();
        format!("{mark} {}\n{remedy}", self.what)
    }
}

/// The module's own configuration, as the module reads it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Module {
    socket: Option<PathBuf>,
    address: Option<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
    token: Option<String>,
    pin_source: Option<PathBuf>,
    #[serde(rename = "timeout")]
    _timeout: Option<u64>,
}

impl Visit {
    fn good(&mut self, what: impl Into<String>) {
        self.findings.push(Finding { good: true, what: what.into(), remedy: None });
    }

    /// As it should be, though one may want to do more.
    fn note(&mut self, what: impl Into<String>, remedy: String) {
        self.findings.push(Finding { good: true, what: what.into(), remedy: Some(remedy) });
    }

    fn fault(&mut self, what: impl Into<String>, remedy: &str) {
        self.findings.push(Finding { good: false, what: what.into(), remedy: Some(remedy.to_owned()) });
    }

    /// Goes the way that the module goes.
    fn look(&mut self) -> Vec<Seen> {
        self.module();
        self.registered();
        let Some(config) = self.config() else { return Vec::new() };
        if let Some(path) = &config.pin_source {
            match fs::metadata(path) {
                Ok(found) if found.mode() & 0o007 != 0 => self.fault(
                    format!("everybody on this host may read or change the PIN in {}", path.display()),
                    &format!("chmod o= {}", path.display()),
                ),
                Ok(_) => self.good(format!("the PIN is taken from {}", path.display())),
                Err(error) => self.fault(format!("the PIN in {} cannot be read: {error}", path.display()), "make it"),
            }
        }
        let seen = match config.address.clone() {
            Some(address) => self.afar(&address, &config),
            None => self.near(&config.socket.clone().unwrap_or_else(|| PathBuf::from(USUAL))),
        };
        let Some(seen) = seen else { return Vec::new() };
        self.tokens(&seen, config.token.as_deref());
        seen
    }

    /// Whether the module can be loaded at all.
    fn module(&mut self) {
        let path = dev::module();
        let (own, its) = (env::current_exe().ok().and_then(|own| machine(&own)), machine(&path));
        match (own, its) {
            (_, None) => self.fault(
                format!("there is no module at {}", path.display()),
                "install it with `make install`, or name its place to the application",
            ),
            (own, its) if own != its => self.fault(
                format!("the module at {} is for another kind of machine", path.display()),
                "install the one that was built for this host",
            ),
            _ => self.good(format!("the module is {}", path.display())),
        }
    }

    /// Whether p11-kit, where it is, knows the module: programs that use it then find the module by themselves.
    fn registered(&mut self) {
        let own = env::var_os("HOME").map(|home| Path::new(&home).join(".config/pkcs11/modules"));
        let folders: Vec<PathBuf> = [own, Some(SYSTEM.into()), Some(PACKAGES.into())].into_iter().flatten().collect();
        if !folders.iter().any(|folder| folder.is_dir()) {
            return;
        }
        let files = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().filter_map(Result::ok);
        let texts = files.filter_map(|file| Some((file.path(), fs::read_to_string(file.path()).ok()?)));
        let named = texts.filter_map(|(file, text)| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix("module:"))?;
            let module = PathBuf::from(line.trim());
            (module.file_name() == dev::module().file_name()).then_some((file, module))
        });
        let named: Vec<_> = named.collect();
        for (file, module) in &named {
            // A name without a folder is looked for in p11-kit's own.
            if module.is_absolute() && !module.exists() {
                let what = format!("{} tells p11-kit of {}, which is not there", file.display(), module.display());
                self.fault(what, "name the module's place in that file, or remove the file");
            } else {
                self.good(format!("p11-kit knows the module from {}", file.display()));
            }
        }
        if named.is_empty() {
            let remedy = format!("echo 'module: {}' > {SYSTEM}/strongroom.module", dev::module().display());
            self.note("p11-kit does not know the module, so programs must be told its place, or p11-kit:", remedy);
        }
    }

    fn config(&mut self) -> Option<Module> {
        let named = env::var_os("STRONGROOM_PKCS11_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        let own = env::var_os("HOME").map(|home| Path::new(&home).join(".config/strongroom/pkcs11.toml"));
        let usual = [own, Some(PathBuf::from("/etc/strongroom/pkcs11.toml"))];
        let path = match &named {
            Some(path) if !path.exists() => {
                self.fault(
                    format!("STRONGROOM_PKCS11_CONFIG names {}, which is not there", path.display()),
                    "name the file that is there, or unset the variable",
                );
                return None;
            }
            Some(path) => Some(path.clone()),
            None => usual.into_iter().flatten().find(|path| path.exists()),
        };
        let Some(path) = path else {
            self.good(format!("there is no configuration of the module, so the socket is {USUAL}"));
            return Some(Module::default());
        };
        let read = fs::read_to_string(&path).map_err(|error| error.to_string());
        match read.and_then(|text| toml::from_str(&text).map_err(|error| error.to_string())) {
            Ok(config) => {
                self.good(format!("the module's configuration is {}", path.display()));
                Some(config)
            }
            Err(error) => {
                self.fault(format!("{} cannot be used: {}", path.display(), error.trim_end()), "correct it");
                None
            }
        }
    }

    fn near(&mut self, socket: &Path) -> Option<Vec<Seen>> {
        let at = socket.display();
        match fs::symlink_metadata(socket) {
            Ok(found) if !found.file_type().is_socket() => {
                self.fault(format!("{at} is no socket"), "name the daemon's `socket` in the module's configuration");
                return None;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let remedy = "start the daemon (`systemctl start strongroom-pkcs11.socket`), or name its `socket` in the module's configuration";
                self.fault(format!("there is no socket at {at}"), remedy);
                return None;
            }
            Err(error) => {
                self.fault(format!("{at} cannot be looked at: {error}"), "let this user into its folder");
                return None;
            }
            Ok(_) => {}
        }
        let connected = UnixStream::connect(socket).and_then(|stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        });
        match connected {
            Ok(stream) => {
                self.good(format!("a daemon listens at {at}"));
                self.ask(stream)
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.fault(format!("this user may not connect to {at}"), "let it into the folder and the socket");
                None
            }
            Err(error) => {
                self.fault(format!("nobody listens at {at}: {error}"), "start the daemon");
                None
            }
        }
    }

    fn afar(&mut self, address: &str, config: &Module) -> Option<Vec<Seen>> {
        let wrong = |text: &str| text.is_empty() || text.starts_with('[') != text.ends_with(']');
        let parts = address.strip_prefix("tls://").and_then(|rest| rest.rsplit_once(':'));
        let Some((host, port)) = parts.filter(|(host, _)| !wrong(host)) else {
            self.fault(format!("{address:?} is no address"), "write tls://HOST:PORT");
            return None;
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let papers = match papers(config) {
            Ok(papers) => papers,
            Err(why) => {
                self.fault(why, "an address needs a certificate, a key and a ca; `strongroom client add` writes them");
                return None;
            }
        };
        let port: u16 = port.parse().unwrap_or(0);
        let found = (host, port).to_socket_addrs().and_then(|mut all| all.next().ok_or(io::ErrorKind::NotFound.into()));
        let stream = match found.and_then(|address| TcpStream::connect_timeout(&address, PATIENCE)) {
            Ok(stream) => stream,
            Err(error) => {
                let remedy = "see that the daemon has `[pkcs11] listen` and that no firewall stands between";
                self.fault(format!("{address} cannot be reached: {error}"), remedy);
                return None;
            }
        };
        match inquiry::secure(stream, host, papers) {
            Ok(stream) => {
                self.good(format!("{address} is reached over TLS"));
                self.ask(stream)
            }
            Err(error) => {
                let remedy = "see that the name is in the daemon's certificate, that its authority is in `ca`, and that the client is registered";
                self.fault(format!("{address}: {error}"), remedy);
                None
            }
        }
    }

    fn ask(&mut self, mut stream: impl Read + Write) -> Option<Vec<Seen>> {
        let nonce = chance::array(&Random::default()).ok()?;
        match inquiry::inquire(&mut stream, nonce) {
            Ok(seen) => Some(seen),
            Err(error) => {
                self.fault(error.to_string(), "see the daemon's log, and that daemon and module are of one version");
                None
            }
        }
    }

    fn tokens(&mut self, seen: &[Seen], wanted: Option<&str>) {
        if seen.is_empty() {
            return self.fault("the daemon shows no slot", "its configuration names them: `[[slot]]`");
        }
        let tokens: Vec<_> = seen.iter().filter_map(|seen| seen.token.as_ref()).collect();
        if tokens.is_empty() {
            let what = format!(
                "the daemon has {} slot(s) and no token in them: its vault is sealed, or they do not answer",
                seen.len()
            );
            return self.fault(what, "run `strongroom status` on its host, and `strongroom unseal` where it is sealed");
        }
        let labels = || tokens.iter().map(|token| token.label.as_str()).collect::<Vec<_>>().join(", ");
        if let Some(wanted) = wanted
            && !tokens.iter().any(|token| token.label == wanted)
        {
            let what = format!("there is no token {wanted:?}, which the configuration asks for; there is {}", labels());
            self.fault(what, "correct `token` in the configuration, or leave it out");
        }
        for token in tokens.iter().filter(|token| wanted.is_none_or(|wanted| token.label == wanted)) {
            if !token.has_pin {
                self.fault(format!("{} has no user PIN", token.label), "run `strongroom slot init` on its host");
            } else if token.is_locked {
                let remedy = "the security officer sets a new one (`pkcs11-tool --init-pin`)";
                self.fault(format!("the user PIN of {} is locked", token.label), remedy);
            } else {
                self.good(token.to_string());
            }
        }
    }
}

/// What a host shows to a daemon on another.
fn papers(config: &Module) -> Result<Papers, String> {
    let missing = |name: &str| format!("`{name}` is missing");
    let certificate = config.certificate.as_ref().ok_or_else(|| missing("certificate"))?;
    let key = config.key.as_ref().ok_or_else(|| missing("key"))?;
    let ca = config.ca.as_ref().ok_or_else(|| missing("ca"))?;
    let certificates = |path: &Path| -> Result<Vec<CertificateDer<'static>>, String> {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        read.map_err(|error| format!("{}: {error}", path.display()))
    };
    let mode = fs::metadata(key).map_err(|error| format!("{}: {error}", key.display()))?.mode();
    if mode & 0o007 != 0 {
        return Err(format!("everybody on this host may read or change {}, so it is not used", key.display()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{}: {error}", key.display()))?;
    Ok(Papers { chain: certificates(certificate)?, key: secret, authorities: certificates(ca)? })
}

/// The kind of machine that an ELF file is for: its class and its architecture.
fn machine(path: &Path) -> Option<(u8, [u8; 2])> {
    let mut head = [0; 20];
    fs::File::open(path).ok()?.read_exact(&mut head).ok()?;
    match head {
        [0x7F, b'E', b'L', b'F', class, .., low, high] => Some((class, [low, high])),
        _ => None,
    }
}

/// Where the daemon's socket is when nobody says otherwise.
const USUAL: &str = "/run/strongroom/pkcs11.sock";
/// Where an administrator tells p11-kit of modules.
const SYSTEM: &str = "/etc/pkcs11/modules";
/// Where packages do.
const PACKAGES: &str = "/usr/share/p11-kit/modules";
