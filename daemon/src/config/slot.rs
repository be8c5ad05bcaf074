//! A slot, as the configuration says it: what it is made of, and what it lets itself be used for.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;

use super::{
    Secrecy, file,
    member::{self, Member, Token, tokens},
    schema::tables,
};
use crate::{
    clock::Clock,
    service,
    slot::{
        self, hsm,
        openness::{self, Openness},
        policy::Level,
        registry,
        software::{self, Software},
    },
};

tokens! {
    /// A slot.
    Slot {
        /// Its name, as PKCS#11 shows it.
        name: String = "main".to_owned();
        /// What it lets itself be used for.
        mechanisms: Mechanisms = Mechanisms::Standard;
        /// Derivations whose results may be kept less closely than their keys.
        open_derivations: Vec<String> = Vec::new();
        /// How many objects it may hold.
        max_objects: Option<u64> = None;
        /// How many RSA-2048 pairs may be made ahead.
        ready_pairs: usize = 8;
        /// How short a new PIN may be, in bytes.
        shortest_pin: usize = service::SHORTEST_PIN;
        /// Whether a registered client may log in without a PIN, by what proves who it is.
        protected_path: bool = false;
        /// What it is made of.
        kind: SlotKind = SlotKind::Software;
        /// The tokens of a cluster, which hold the same keys, in the place of one.
        member: Vec<Member> = Vec::new();
        /// The label of the key by which keys go from one member to another. Without it the members see to it themselves.
        wrap_with: Option<String> = None;
        /// What the library looks for in its environment.
        environment: BTreeMap<String, String> = BTreeMap::new();
        /// Which sockets the library may have.
        network: Network = Network::None;
        /// Whether the library may start processes.
        processes: bool = false;
        /// Files and folders that the library may read and write.
        paths: Vec<PathBuf> = Vec::new();
        /// Seconds that the token may take for a call.
        deadline: u64 = 10;
        /// Calls of the token that may be under way.
        sessions: usize = 8;
    }
}

/// What a slot lets itself be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mechanisms {
    /// Only what is sound today.
    Strict,
    /// What today's tools need.
    Standard,
    /// What old data and conformance runs need as well.
    Legacy,
}

impl From<Mechanisms> for Level {
    fn from(mechanisms: Mechanisms) -> Self {
        match mechanisms {
            Mechanisms::Strict => Self::Strict,
            Mechanisms::Standard => Self::Standard,
            Mechanisms::Legacy => Self::Legacy,
        }
    }
}

impl From<&Slot> for service::PinRules {
    fn from(slot: &Slot) -> Self {
        Self { shortest: slot.shortest_pin, protected_path: slot.protected_path }
    }
}

/// What a slot is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotKind {
    /// The daemon's own cryptography.
    Software,
    /// A token behind a vendor's PKCS#11 library.
    Pkcs11,
}

/// Which sockets a vendor's library may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// None.
    None,
    /// Those of this machine.
    Local,
    /// Any.
    Any,
}

impl From<Network> for hsm::Network {
    fn from(network: Network) -> Self {
        match network {
            Network::None => Self::None,
            Network::Local => Self::Local,
            Network::Any => Self::Any,
        }
    }
}

impl Slot {
    /// Paths, which are made those below the state.
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let members = self.member.iter_mut().flat_map(|member| [&mut member.library, &mut member.pin_file]);
        [&mut self.library, &mut self.pin_file].into_iter().chain(members).flatten().chain(&mut self.paths)
    }

    /// What no type says of all of them.
    pub(super) fn check_all(all: &[Self]) -> Result<(), (&'static str, String)> {
        if all.is_empty() {
            return Err(("slot", "at least one [[slot]] is needed".to_owned()));
        }
        for (at, slot) in all.iter().enumerate() {
            let plain = |c: char| c.is_ascii_graphic();
            if slot.name.is_empty() || slot.name.len() > 32 || !slot.name.chars().all(plain) {
                return Err(("name", format!("{:?} is no slot name: 1 to 32 printable ASCII, no spaces", slot.name)));
            }
            let lengths = service::SHORTEST_PIN..=service::LONGEST_PIN;
            if !lengths.contains(&slot.shortest_pin) {
                let (least, most) = (lengths.start(), lengths.end());
                return Err(("shortest_pin", format!("`shortest_pin` must be {least} to {most}")));
            }
            if slot.ready_pairs > software::MOST_READY {
                return Err(("ready_pairs", format!("`ready_pairs` must be 0 to {}", software::MOST_READY)));
            }
            if slot.max_objects == Some(0) {
                return Err((
                    "max_objects",
                    "`max_objects` must be 1 at least; without it there is no limit".to_owned(),
                ));
            }
            if let Err(name) = Openness::of(&slot.open_derivations) {
                let known = openness::NAMES.join(", ");
                return Err(("open_derivations", format!("{name:?} is none of {known}")));
            }
            if all.iter().take(at).any(|other| other.name == slot.name) {
                return Err(("name", format!("two slots are called {:?}", slot.name)));
            }
        }
        if all.iter().all(|slot| slot.kind != SlotKind::Software) {
            let what = "one [[slot]] at least is of kind \"software\": it makes what has to leave";
            return Err(("kind", what.to_owned()));
        }
        all.iter().try_for_each(Self::check)
    }

    /// What belongs together, and what does not.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let wrong = |key: &'static str, what: &str| Err((key, format!("slot {:?}: {what}", self.name)));
        let of_tokens = [
            ("member", !self.member.is_empty()),
            ("wrap_with", self.wrap_with.is_some()),
            ("environment", !self.environment.is_empty()),
            ("network", self.network != Network::None),
            ("processes", self.processes),
            ("paths", !self.paths.is_empty()),
        ];
        if self.kind == SlotKind::Software {
            return match self.said().chain(of_tokens).find(|(_, given)| *given) {
                Some((key, _)) => wrong(key, "this is for slots of kind \"pkcs11\""),
                None => Ok(()),
            };
        }
        let own = self.member(Some(self.name.clone()));
        match self.member.is_empty() {
            true if self.library.is_none() => return wrong("kind", "a slot of kind \"pkcs11\" needs a `library`"),
            true if self.wrap_with.is_some() => return wrong("wrap_with", "this is for a slot with several `member`s"),
            true => own.choice().map(|_| ()),
            false => member::check(&self.member, &own, self.wrap_with.as_deref()),
        }
        .map_err(|(key, what)| (key, format!("slot {:?}: {what}", self.name)))?;
        if self.pin_file.is_some() && self.pin_credential.is_some() {
            return wrong("pin_credential", "give either a `pin_file` or a `pin_credential`");
        }
        if !(1..=300).contains(&self.deadline) {
            return wrong("deadline", "`deadline` must be 1 to 300");
        }
        if !(1..=32).contains(&self.sessions) {
            return wrong("sessions", "`sessions` must be 1 to 32");
        }
        Ok(())
    }

    /// What may be kept less closely than what it is derived from. The names were checked when the file was read.
    pub fn openness(&self) -> Openness {
        Openness::of(&self.open_derivations).unwrap_or_default()
    }

    /// The slot. PINs that systemd hands over are in the folder of credentials.
    pub fn open(&self, credentials: Option<PathBuf>, clock: &Arc<dyn Clock>) -> Arc<dyn slot::Slot> {
        let own = self.member(Some(self.name.clone()));
        let settings = |name: String, token: Token| self.settings(name, token, credentials.clone(), clock);
        if !self.member.is_empty() {
            let members = self.member.iter().filter_map(|member| {
                let token = member.token(&own)?;
                Some((token.name.clone(), settings(format!("{}/{}", self.name, token.name), token)))
            });
            return registry::cluster(&self.name, members.collect(), self.wrap_with.clone());
        }
        match own.token(&own) {
            Some(token) => registry::token(settings(self.name.clone(), token)),
            None => Arc::new(Software::new(self.name.clone()).with_ready(self.ready_pairs)),
        }
    }

    /// What a token of the slot is worked with by.
    fn settings(
        &self,
        name: String,
        token: Token,
        credentials: Option<PathBuf>,
        clock: &Arc<dyn Clock>,
    ) -> hsm::Settings {
        let (called, Token { library, choice, pin_file, pin_credential, .. }) = (name.clone(), token);
        hsm::Settings {
            name,
            library,
            choice,
            pin: Box::new(move || {
                let handed = || Some(credentials.as_ref()?.join(pin_credential.as_ref()?));
                match file::read(&pin_file.clone().or_else(handed)?, Secrecy::Secret) {
                    Ok(pin) => Some(file::line(&pin)),
                    Err(error) => {
                        log::error!("slot {called}: {error}");
                        None
                    }
                }
            }),
            wrap_with: self.wrap_with.clone(),
            deadline: Duration::from_secs(self.deadline),
            sessions: self.sessions,
            network: self.network.into(),
            processes: self.processes,
            paths: self.paths.clone(),
            environment: self.environment.clone().into_iter().collect(),
            program: PathBuf::from("/proc/self/exe"),
            clock: Arc::clone(clock),
        }
    }
}
