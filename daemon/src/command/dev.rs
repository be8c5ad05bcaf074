//! `dev`: a complete appliance in one folder, served on loopback. It goes the way that `init`, `client add` and `serve` go.

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use nix::unistd::getuid;
use serde_json::{Map, Value, json};
use strongroom_kmip::secret::Secret;
use zeroize::Zeroizing;

use super::{
    args::Dev,
    client,
    error::Error,
    init::{self, Key},
    print,
};
use crate::{
    caller::Role,
    chance::{self, Chance},
    config::{self, Secrecy, Settings},
    front::kmip::http::TARGET,
    server::{self, House, Ready, daemon},
    service::{Order, Report},
    slot::software::Random,
};

pub(super) fn dev(wanted: &Dev) -> Result<(), Error> {
    init::folder(&wanted.dir)?;
    let failed = |source| Error::File { action: "find", path: wanted.dir.clone(), source };
    let place = Place(fs::canonicalize(&wanted.dir).map_err(failed)?);
    let mut settings = place.settings()?;
    settings.kmip.listen = vec![wanted.kmip];
    settings.kmip.https = vec![wanted.https.unwrap_or_else(|| after(wanted.kmip))];
    settings.pkcs11.listen = wanted.pkcs11.into_iter().collect();
    let house = if settings.store.path.exists() {
        if !place.complete().exists() {
            return Err(Error::HalfMade(wanted.dir.clone()));
        }
        let house = House::build(&settings)?;
        house.unseal(&settings);
        house
    } else {
        place.furnish(&settings)?
    };
    place.tokens(&house)?;
    let _ = fs::remove_file(place.description());
    let told = |ready: &Ready| {
        if let Err(error) = place.describe(&settings, ready) {
            log::error!("cannot write {}: {error}", place.description().display());
        }
    };
    Ok(server::run(house, &settings, told)?)
}

/// The folder, and what stands where in it.
struct Place(PathBuf);

impl Place {
    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn description(&self) -> PathBuf {
        self.at("dev.json")
    }

    /// Stands once everything was made, so that what a crash left half made is not taken for whole.
    fn complete(&self) -> PathBuf {
        self.at("complete")
    }

    /// The configuration, which is written when the folder is new.
    fn settings(&self) -> Result<Settings, Error> {
        let path = self.at("strongroom.toml");
        if !path.exists() {
            let state = self.0.display().to_string();
            let text = format!("# Made by `strongroom dev`.\nstate = {}\n{CONFIG}", Value::from(state));
            config::create(&path, Secrecy::Public, text.as_bytes())?;
        }
        Ok(Settings::read(&path)?)
    }

    /// Makes the appliance, its clients and the PINs of its slot.
    fn furnish(&self, settings: &Settings) -> Result<House, Error> {
        let clients = self.at("clients");
        init::folder(&clients)?;
        let key = Key::File(init::key_file(&self.at("unseal.key"))?);
        let house = init::make(settings, &key, "Strongroom dev authority")?;
        for (name, role, user) in CLIENTS {
            let order = Order::ClientAdd {
                name: (*name).to_owned(),
                role: role.word().to_owned(),
                days: 3650,
                user: user.then(|| getuid().as_raw()),
                csr: None,
            };
            let Report::Client(made) = house.service.order(&daemon(), order)? else { return Err(Error::OtherReport) };
            client::write(&made, &clients)?;
        }
        let (so_pin, user_pin) = (pin(&Random::default())?, pin(&Random::default())?);
        config::create(&self.at("so.pin"), Secrecy::Secret, so_pin.reveal())?;
        config::create(&self.at("user.pin"), Secrecy::Secret, user_pin.reveal())?;
        let order = Order::TokenInit { slot: SLOT.to_owned(), so_pin, user_pin };
        house.service.order(&daemon(), order)?;
        let module = format!(
            "# Made by `strongroom dev`, for the PKCS#11 module.\nsocket = {}\ntoken = \"{SLOT}\"\n",
            Value::from(settings.pkcs11.socket.display().to_string())
        );
        config::create(&self.at("pkcs11.toml"), Secrecy::Public, module.as_bytes())?;
        config::create(&self.complete(), Secrecy::Public, b"")?;
        Ok(house)
    }

    /// Gives each client a token that has none in its file: all of them in a new folder, none in one that is complete.
    fn tokens(&self, house: &House) -> Result<(), Error> {
        for (name, ..) in CLIENTS {
            let path = self.token(name);
            if path.exists() {
                continue;
            }
            let order = Order::BearerIssue { client: (*name).to_owned(), days: 3650 };
            match house.service.order(&daemon(), order) {
                Ok(Report::Bearer(made)) => config::create(&path, Secrecy::Secret, made.token.as_bytes())?,
                Ok(_) => return Err(Error::OtherReport),
                // Somebody revoked it; the others are served.
                Err(refusal) => log::warn!("{name} gets no token: {}", refusal.message),
            }
        }
        Ok(())
    }

    fn token(&self, name: &str) -> PathBuf {
        self.at("clients").join(format!("{name}.token"))
    }

    /// Writes `dev.json` and says what to do.
    fn describe(&self, settings: &Settings, ready: &Ready) -> Result<(), Error> {
        let kmip = ready.kmip.first().map(ToString::to_string).unwrap_or_default();
        let pins = ["user.pin", "so.pin"].map(|name| config::read(&self.at(name), Secrecy::Secret));
        let [user_pin, so_pin] = pins;
        let (user_pin, so_pin) = (user_pin?, so_pin?);
        let text = |secret: &Secret| Zeroizing::new(String::from_utf8_lossy(secret.reveal()).into_owned());
        let mut clients = Map::new();
        for (name, ..) in CLIENTS {
            let file = |end: &str| self.at("clients").join(format!("{name}.{end}"));
            let token =
                self.token(name).exists().then(|| config::read(&self.token(name), Secrecy::Secret)).transpose()?;
            let token = token.as_ref().map(text);
            let papers = json!({ "cert": file("pem"), "key": file("key"), "token": token.as_deref() });
            clients.insert((*name).to_owned(), papers);
        }
        let kmip_https = ready.kmip_https.first().map(|address| format!("https://{address}{TARGET}"));
        let https = ready.kmip_https.first().map(|address| format!("https://{HOST}:{}", address.port()));
        if let Some(address) = ready.pkcs11.first() {
            self.distant(*address)?;
        }
        let whole = json!({
            "kmip": kmip,
            "kmip_https": kmip_https,
            "https": https,
            "ca": settings.kmip.authority,
            "clients": clients,
            "pkcs11": {
                "module": module(),
                "config": self.at("pkcs11.toml"),
                "token": SLOT,
                "user_pin": *text(&user_pin),
                "so_pin": *text(&so_pin),
            },
            "socket": settings.pkcs11.socket,
            "control": settings.control.socket,
            "audit": { "dir": settings.audit.path, "key": settings.audit.path.join("log.pub") },
            "pid": std::process::id(),
        });
        self.instruct(&kmip, kmip_https.as_deref().unwrap_or_default(), &text(&user_pin))?;
        // Whoever waits for this file finds it whole.
        let (draft, last) = (self.at("dev.json.new"), self.description());
        let _ = fs::remove_file(&draft);
        config::create(&draft, Secrecy::Secret, &Zeroizing::new(serde_json::to_vec_pretty(&whole)?))?;
        fs::rename(&draft, &last).map_err(|source| Error::File { action: "make", path: last, source })
    }

    /// Writes the configuration of a PKCS#11 module on another host, which comes as alice.
    fn distant(&self, address: SocketAddr) -> Result<(), Error> {
        let path = self.at("pkcs11-tls.toml");
        let _ = fs::remove_file(&path);
        let value = |text: String| Value::from(text);
        let file = |name: &str| value(self.at(name).display().to_string());
        let text = format!(
            "# Made by `strongroom dev`, for the PKCS#11 module over TLS.\naddress = {}\ncertificate = {}\nkey = {}\nca = {}\n\
             token = \"{SLOT}\"\n",
            value(format!("tls://{address}")),
            file("clients/alice.pem"),
            file("clients/alice.key"),
            file("tls/authority.pem"),
        );
        Ok(config::create(&path, Secrecy::Public, text.as_bytes())?)
    }

    fn instruct(&self, kmip: &str, kmip_https: &str, user_pin: &str) -> Result<(), Error> {
        let at = |name: &str| self.at(name).display().to_string();
        let (config, module, pkcs11) = (at("strongroom.toml"), module().display().to_string(), at("pkcs11.toml"));
        print::whole(&format!(
            "Strongroom serves KMIP on {kmip} from {folder}\n\n\
             Ask it how it is:\n  strongroom --config {config} status\n\n\
             KMIP, as alice (PyKMIP, or any client):\n  host {kmip}, ca {ca}\n  cert {cert}\n  key  {key}\n\
             \x20 or POST TTLV, XML or JSON to {kmip_https},\n\
             \x20 with the certificate or with -H \"Authorization: Bearer $(cat {token})\"\n\n\
             PKCS#11, as alice:\n  export STRONGROOM_PKCS11_CONFIG={pkcs11}\n  \
             pkcs11-tool --module {module} --login --pin {user_pin} --list-objects\n\n\
             What happened:\n  strongroom --config {config} audit tail\n\n\
             Everything above is in {description}. Ctrl-C stops it; the same command serves the same data again.\n",
            folder = self.0.display(),
            ca = at("tls/authority.pem"),
            cert = at("clients/alice.pem"),
            key = at("clients/alice.key"),
            token = at("clients/alice.token"),
            description = self.description().display(),
        ))
    }
}

/// The port after that of an address; any port after any.
fn after(address: SocketAddr) -> SocketAddr {
    let port = if address.port() == 0 { 0 } else { address.port().wrapping_add(1) };
    SocketAddr::new(address.ip(), port)
}

/// Sixteen random digits: more than an online guesser can try in the attempts a PIN gives.
fn pin(chance: &dyn Chance) -> Result<Secret, Error> {
    let bytes = Zeroizing::new(chance::array::<16>(chance)?);
    let digit = |byte: &u8| b'0'.saturating_add(byte % 10);
    Ok(Secret::new(bytes.iter().map(digit).collect()))
}

/// The PKCS#11 module: beside this program in a build folder, or where it is installed.
pub(super) fn module() -> PathBuf {
    let name = "libstrongroom_pkcs11.so";
    let program = env::current_exe().ok();
    let beside = program.as_deref().and_then(Path::parent).map(|folder| folder.join(name));
    let installed = || PathBuf::from("/usr/lib/pkcs11").join(name);
    beside.filter(|path| path.exists()).unwrap_or_else(installed)
}

/// The clients: name, role, and whether it is whoever runs this on the PKCS#11 socket.
const CLIENTS: &[(&str, Role, bool)] =
    &[("alice", Role::User, true), ("bob", Role::User, false), ("auditor", Role::Auditor, false)];

/// The name under which the server is reached over HTTPS: it is nobody's, and leads to the host that asks (RFC 6761 §6.3).
const HOST: &str = "vault.localhost";

/// The slot.
const SLOT: &str = "dev";

/// The rest of the configuration; relative paths are below `state`.
const CONFIG: &str = r#"
[kmip]
names = ["localhost", "vault.localhost", "127.0.0.1", "::1"]

[pkcs11]
socket = "pkcs11.sock"

[control]
socket = "control.sock"

[seal]
key = "unseal.key"

[[slot]]
name = "dev"
"#;
