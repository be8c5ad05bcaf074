//! What the configuration file may say: a table for each room, each key with its default.

use std::{
    net::{Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use super::{Endpoint, Error, Operator, Quorum, Secrecy, Slot, file, schema::tables};
use crate::{audit, front, vault};

tables! {
    /// The whole file.
    Settings {
        /// Where the daemon keeps what is its own. Relative paths below start here.
        state: PathBuf = PathBuf::from("/var/lib/strongroom");
        /// KMIP over TLS.
        kmip: Kmip = Kmip::default();
        /// The PKCS#11 module's socket.
        pkcs11: Pkcs11 = Pkcs11::default();
        /// The operator's socket.
        control: Control = Control::default();
        /// Where rows are kept.
        store: Store = Store::default();
        /// The audit log.
        audit: Audit = Audit::default();
        /// What opens the vault.
        seal: Seal = Seal::default();
        /// The slots, at least one.
        slot: Vec<Slot> = vec![Slot::default()];
        /// Who has a say where several people are asked.
        operator: Vec<Operator> = Vec::new();
        /// What several of them must agree to.
        quorum: Vec<Quorum> = Vec::new();
        /// What fronts may take of the machine.
        limits: Limits = Limits::default();
    }

    /// KMIP over TLS.
    Kmip {
        /// Addresses and ports to listen on. A socket inherited from systemd takes their place.
        listen: Vec<SocketAddr> = vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, 5696))];
        /// Addresses and ports to listen on for KMIP over HTTPS. A socket inherited from systemd takes their place.
        https: Vec<SocketAddr> = Vec::new();
        /// DNS names and addresses that `init` writes into the server's certificate.
        names: Vec<String> = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
        /// The server's certificate and those up to its authority, PEM.
        certificate: PathBuf = PathBuf::from("tls/server.pem");
        /// The server's private key, PKCS#8 in PEM.
        key: PathBuf = PathBuf::from("tls/server.key");
        /// The certificate of the appliance's own authority, which `init` founds; its key is sealed in the vault. PEM.
        authority: PathBuf = PathBuf::from("tls/authority.pem");
        /// Other authorities whose certificates registered clients may come with, PEM.
        trusted: Vec<PathBuf> = Vec::new();
        /// Whether the operation that opens and closes interoperability tests is served.
        conformance: bool = false;
        /// Where clients are told what they did not ask for.
        endpoint: Vec<Endpoint> = Vec::new();
    }

    /// The PKCS#11 module's socket.
    Pkcs11 {
        /// Where it is. A socket inherited from systemd takes its place.
        socket: PathBuf = PathBuf::from("/run/strongroom/pkcs11.sock");
        /// Addresses and ports to listen on for the module on other hosts, over TLS. Sockets inherited from systemd take
        /// their place.
        listen: Vec<SocketAddr> = Vec::new();
    }

    /// The operator's socket.
    Control {
        /// Where it is. A socket inherited from systemd takes its place.
        socket: PathBuf = PathBuf::from("/run/strongroom/control.sock");
    }

    /// Where rows are kept.
    Store {
        /// The folder.
        path: PathBuf = PathBuf::from("store");
        /// MiB of memory for what was read.
        cache: u32 = 16;
    }

    /// The audit log.
    Audit {
        /// The folder.
        path: PathBuf = PathBuf::from("audit");
        /// When the answer to a use of a key may leave.
        durability: Durability = Durability::Written;
    }

    /// What opens the vault when the daemon starts. Without any of it it starts sealed.
    Seal {
        /// What is tried, in this order.
        methods: Vec<Method> = vec![Method::Key, Method::Passphrase, Method::Slot];
        /// A key file of at least 32 bytes. A systemd credential `unseal.key` is found by itself.
        key: Option<PathBuf> = None;
        /// A file with a passphrase. A systemd credential `unseal.passphrase` is found by itself.
        passphrase: Option<PathBuf> = None;
        /// Who may enter the shares of one set. Where several operators are named, each enters one.
        hands: Option<Hands> = None;
    }

    /// What fronts may take of the machine; see docs/configuration.md for the reasons.
    Limits {
        /// Seconds for a handshake.
        handshake: u64 = 10;
        /// Seconds for a request.
        request: u64 = 30;
        /// Seconds between requests.
        idle: u64 = 300;
        /// Seconds that requests in hand are given when the daemon stops.
        drain: u64 = 20;
        /// Connections in all.
        connections: usize = 10_000;
        /// Connections from one address.
        per_address: usize = 2_000;
        /// Connections of one client, by its key.
        per_key: usize = 1_000;
        /// Requests of one client at the same time.
        per_client: usize = 8;
        /// Requests of all clients at the same time.
        threads: usize = 32;
        /// Bytes of a request.
        message: usize = 1 << 20;
        /// Objects that end with a session, of one PKCS#11 application.
        session_objects: usize = 4096;
        /// Objects that end with a session, of all PKCS#11 applications.
        all_session_objects: usize = 65_536;
    }
}

/// What opens the vault without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A key file, named here or handed over by systemd.
    Key,
    /// A file with a passphrase, named here or handed over by systemd.
    Passphrase,
    /// A key in a slot over an HSM.
    Slot,
}

/// Who may enter the shares of one set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hands {
    /// Whoever has them.
    Any,
    /// Different operators, each one share.
    Different,
}

/// When the answer to a use of a key may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Once its record is in the log; the disk has it within 10 ms.
    Written,
    /// Once the disk has its record.
    Sync,
}

impl From<Durability> for audit::Durability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Written => Self::Written,
            Durability::Sync => Self::Sync,
        }
    }
}

impl Settings {
    /// What holds without a file.
    pub fn usual() -> Self {
        let mut settings = Self::default();
        settings.settle();
        settings
    }

    /// Who may enter the shares of one set.
    pub fn hands(&self) -> vault::Hands {
        match self.seal.hands {
            Some(Hands::Any) => vault::Hands::Any,
            Some(Hands::Different) => vault::Hands::Different,
            None if self.operator.len() > 1 => vault::Hands::Different,
            None => vault::Hands::Any,
        }
    }

    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`Error::Line`] for what it may not say, the others when the file itself is at fault.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = file::read(path, Secrecy::Public)?;
        let text = std::str::from_utf8(bytes.reveal()).map_err(|error| {
            let before = bytes.reveal().get(..error.valid_up_to()).unwrap_or_default();
            let line = line_of(before, before.len());
            Error::Line { path: path.to_owned(), line, what: "is not UTF-8".to_owned() }
        })?;
        Self::parse(text).map_err(|(line, what)| Error::Line { path: path.to_owned(), line, what })
    }

    /// Reads and checks the text of a file; relative paths become those below `state`.
    ///
    /// # Errors
    /// The line, counted from 1, and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut settings: Self = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            (line_of(text.as_bytes(), at), advice(error.message()))
        })?;
        settings.check().map_err(|(key, what)| (line_with(text, key), what))?;
        settings.settle();
        Ok(settings)
    }

    /// What no type says: values that would do harm.
    fn check(&self) -> Result<(), (&'static str, String)> {
        Endpoint::check(&self.kmip.endpoint)?;
        Slot::check_all(&self.slot)?;
        Quorum::check(&self.quorum, &self.operator)?;
        let methods = &self.seal.methods;
        if methods.iter().enumerate().any(|(at, method)| methods.iter().take(at).any(|other| other == method)) {
            return Err(("methods", "a method stands there twice".to_owned()));
        }
        let limits = &self.limits;
        let seconds = 1..=86_400;
        let counts = 1..=1_000_000;
        let connections = limits.connections;
        for (key, value, allowed) in [
            ("handshake", limits.handshake, seconds.clone()),
            ("request", limits.request, seconds.clone()),
            ("idle", limits.idle, seconds.clone()),
            ("drain", limits.drain, seconds),
            ("connections", wide(connections), counts.clone()),
            ("per_address", wide(limits.per_address), counts.clone()),
            ("per_key", wide(limits.per_key), counts.clone()),
            ("per_client", wide(limits.per_client), counts.clone()),
            ("threads", wide(limits.threads), 1..=512),
            ("message", wide(limits.message), 1024..=64 << 20),
            ("cache", self.store.cache.into(), 1..=1 << 20),
        ] {
            if !allowed.contains(&value) {
                return Err((key, format!("`{key}` must be {} to {}", allowed.start(), allowed.end())));
            }
        }
        Ok(())
    }

    /// Makes relative paths those below `state`.
    fn settle(&mut self) {
        let state = self.state.clone();
        let kmip = &mut self.kmip;
        let paths = [
            &mut kmip.certificate,
            &mut kmip.key,
            &mut kmip.authority,
            &mut self.pkcs11.socket,
            &mut self.control.socket,
            &mut self.store.path,
            &mut self.audit.path,
        ];
        let optional = [&mut self.seal.key, &mut self.seal.passphrase];
        let slots = self.slot.iter_mut().flat_map(Slot::paths);
        let paths = paths.into_iter().chain(optional.into_iter().flatten()).chain(&mut kmip.trusted).chain(slots);
        for path in paths.chain(kmip.endpoint.iter_mut().flat_map(Endpoint::paths)) {
            *path = state.join(&*path);
        }
    }
}

impl Default for front::Limits {
    /// The published limits.
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}

impl From<&Limits> for front::Limits {
    fn from(limits: &Limits) -> Self {
        Self {
            handshake: Duration::from_secs(limits.handshake),
            request: Duration::from_secs(limits.request),
            idle: Duration::from_secs(limits.idle),
            connections: limits.connections,
            per_address: limits.per_address,
            per_key: limits.per_key,
            per_client: limits.per_client,
            threads: limits.threads,
            message: limits.message,
        }
    }
}

impl From<&Limits> for front::pkcs11::Places {
    fn from(limits: &Limits) -> Self {
        Self { objects: limits.session_objects, all_objects: limits.all_session_objects, ..Self::default() }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The line, counted from 1, that byte `at` stands in.
fn line_of(text: &[u8], at: usize) -> usize {
    text.iter().take(at).filter(|&&byte| byte == b'\n').count().saturating_add(1)
}

/// The line of the last time that a key is given, or the first line where it is a default.
fn line_with(text: &str, key: &str) -> usize {
    let gives = |line: &str| {
        let line = line.trim_start_matches(['[', ' ', '\t']);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(['=', ']']))
    };
    (1..).zip(text.lines()).filter(|(_, line)| gives(line)).last().map_or(1, |(number, _)| number)
}

/// What the parser says, with the key that was probably meant.
fn advice(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown field `") else { return message.to_owned() };
    let mut quoted = rest.split('`').step_by(2);
    let Some(unknown) = quoted.next() else { return message.to_owned() };
    let nearest = quoted.map(|known| (distance(unknown, known), known)).min();
    match nearest {
        Some((far, known)) if far <= known.len().div_ceil(2) => {
            format!("unknown key `{unknown}`; did you mean `{known}`?")
        }
        _ => format!("unknown key `{unknown}`; docs/configuration.md lists every key"),
    }
}

/// How many letters must be put in, left out or exchanged to make one word of the other.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut corner = i;
        let mut left = i.saturating_add(1);
        let mut next = vec![left];
        for (b, above) in to.chars().zip(row.iter().copied().skip(1)) {
            let changed = corner.saturating_add(usize::from(a != b));
            left = changed.min(left.saturating_add(1)).min(above.saturating_add(1));
            corner = above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{super::member::Member, *};
    use crate::config::Mechanisms;

    #[test]
    fn an_empty_file_is_the_default_and_relative_paths_are_below_the_state() {
        let settings = Settings::parse("").unwrap();
        assert_eq!(settings.store.path, Path::new("/var/lib/strongroom/store"));
        assert_eq!(settings.control.socket, Path::new("/run/strongroom/control.sock"));
        assert_eq!(settings.limits, Limits::default());
        let moved = Settings::parse("state = \"/srv/keys\"\n[kmip]\ntrusted = [\"ca.pem\", \"/etc/ca.pem\"]").unwrap();
        assert_eq!(moved.kmip.key, Path::new("/srv/keys/tls/server.key"));
        assert_eq!(moved.kmip.trusted, [Path::new("/srv/keys/ca.pem"), Path::new("/etc/ca.pem")]);
    }

    #[test]
    fn every_table_reads_what_it_says() {
        let settings = Settings::parse(
            "[kmip]\nlisten = [\"127.0.0.1:0\", \"[::1]:5696\"]\n[audit]\ndurability = \"sync\"\n\
             [[slot]]\nname = \"old\"\nmechanisms = \"legacy\"\n[[slot]]\nname = \"new\"\nmechanisms = \"strict\"\n\
             [limits]\nmessage = 2048\n[seal]\nkey = \"/run/key\"\n[store]\ncache = 64\n",
        )
        .unwrap();
        assert_eq!(settings.kmip.listen.len(), 2);
        assert_eq!(settings.audit.durability, Durability::Sync);
        assert_eq!(settings.slot.first().map(|slot| slot.mechanisms), Some(Mechanisms::Legacy));
        assert_eq!(settings.limits.message, 2048);
        assert_eq!(settings.seal.key.as_deref(), Some(Path::new("/run/key")));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let long = format!("[[slot]]\nname = \"{}\"", "x".repeat(33));
        for (name, text, line, says) in [
            ("a misspelt key", "[kmip]\n\nlisen = []", 3, "unknown key `lisen`; did you mean `listen`?"),
            ("a misspelt table", "# hello\n[kimp]\nlisten = []", 2, "unknown key `kimp`; did you mean `kmip`?"),
            ("a strange key", "[store]\nreplication_factor = 3", 2, "unknown key `replication_factor`; docs/conf"),
            ("a key twice", "[store]\ncache = 1\ncache = 2", 3, "duplicate key"),
            ("no TOML", "[kmip\n", 1, "unclosed table"),
            ("another type", "[store]\ncache = \"big\"", 2, "invalid type"),
            ("a negative number", "[limits]\nidle = -1", 2, "invalid value"),
            ("no address", "[kmip]\nlisten = [\"localhost\"]", 2, "invalid socket address"),
            ("no such policy", "[[slot]]\nmechanisms = \"lax\"", 2, "unknown variant `lax`"),
            ("no derivation", "[[slot]]\nopen_derivations = [\"XOR\"]", 2, "\"XOR\" is none of ECDH, DH, "),
            ("no slot at all", "slot = []", 1, "at least one [[slot]]"),
            ("a slot twice", "[[slot]]\nname = \"a\"\n[[slot]]\nname = \"a\"", 4, "two slots are called \"a\""),
            ("a slot without a name", "[[slot]]\nname = \"\"", 2, "is no slot name"),
            ("a slot with a long name", &long, 2, "is no slot name"),
            ("room for nothing", "[[slot]]\nmax_objects = 0", 2, "`max_objects` must be 1 at least"),
            ("less than nothing", "[[slot]]\nmax_objects = -1", 2, "integer `-1`"),
            ("more pairs than there is room for", "[[slot]]\nready_pairs = 65", 2, "`ready_pairs` must be 0 to 64"),
            ("a PIN of nothing", "[[slot]]\nshortest_pin = 0", 2, "`shortest_pin` must be 4 to 255"),
            ("a PIN too long for all", "[[slot]]\nshortest_pin = 256", 2, "`shortest_pin` must be 4 to 255"),
            ("nought threads", "[limits]\nidle = 60\nthreads = 0", 3, "`threads` must be 1 to 512"),
            ("a tiny message", "[limits]\nmessage = 1", 2, "`message` must be 1024 to"),
            ("an unknown way to unseal", "[seal]\nmethods = [\"tpm\"]", 2, "unknown variant `tpm`"),
            ("other hands", "[seal]\nhands = \"two\"", 2, "unknown variant `two`"),
            ("a way to unseal twice", "[seal]\nmethods = [\"key\", \"key\"]", 2, "stands there twice"),
            ("an operator without a user", "[[operator]]\nname = \"anna\"", 2, "`user` is the number"),
            (
                "an operator twice",
                "[[operator]]\nname = \"a\"\nuser = 1\n[[operator]]\nname = \"b\"\nuser = 1",
                6,
                "same user",
            ),
            ("a quorum of strangers", "[[quorum]]\noperations = [\"destroy\"]\napprovals = 1", 3, "there are 0"),
            (
                "a quorum for nothing",
                "[[quorum]]\noperations = [\"sign\"]",
                2,
                "cannot be guarded; what can is \"destroy\"",
            ),
        ] {
            let (at, what) = Settings::parse(text).unwrap_err();
            assert!(at == line && what.contains(says), "{name}: line {at}: {what}");
        }
    }

    #[test]
    fn different_operators_enter_shares_where_there_are_several_and_nothing_else_is_said() {
        let operators = |count| (0..count).map(|at| format!("[[operator]]\nname = \"o{at}\"\nuser = {at}\n"));
        for (name, said, count, hands) in [
            ("nobody named", "", 0, vault::Hands::Any),
            ("one", "", 1, vault::Hands::Any),
            ("two", "", 2, vault::Hands::Different),
            ("two, and said otherwise", "[seal]\nhands = \"any\"\n", 2, vault::Hands::Any),
            ("one, and said otherwise", "[seal]\nhands = \"different\"\n", 1, vault::Hands::Different),
        ] {
            let text: String = [said.to_owned()].into_iter().chain(operators(count)).collect();
            assert_eq!(Settings::parse(&text).unwrap().hands(), hands, "{name}");
        }
    }

    #[test]
    fn every_key_is_in_the_manual() {
        let manual = include_str!("../../../docs/configuration.md");
        let tables = [
            ("", Settings::KEYS),
            ("[kmip]", Kmip::KEYS),
            ("[[kmip.endpoint]]", Endpoint::KEYS),
            ("[pkcs11]", Pkcs11::KEYS),
            ("[control]", Control::KEYS),
            ("[store]", Store::KEYS),
            ("[audit]", Audit::KEYS),
            ("[seal]", Seal::KEYS),
            ("[[slot]]", Slot::KEYS),
            ("[[slot.member]]", Member::KEYS),
            ("[[operator]]", Operator::KEYS),
            ("[[quorum]]", Quorum::KEYS),
            ("[limits]", Limits::KEYS),
        ];
        let mut missing = Vec::new();
        for (table, keys) in tables {
            let section =
                manual.split("\n## ").find(|section| table.is_empty() || section.starts_with(&format!("`{table}`")));
            let section = section.unwrap_or_default();
            let named = |key: &&&str| {
                let text = if table.is_empty() { manual } else { section };
                !(text.contains(&format!("| `{key}` |"))
                    || manual.contains(&format!("## `[{key}]`"))
                    || manual.contains(&format!("## `[[{key}]]`"))
                    || manual.contains(&format!("## `[[{}.{key}]]`", table.trim_matches(['[', ']']))))
            };
            missing.extend(keys.iter().filter(named).map(|key| format!("{table} {key}")));
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn the_nearest_word_is_near() {
        for (from, to, expected) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("lisen", "listen", 1)] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }
}
