//! Where clients are told what they did not ask for: the tables of KMIP's endpoints.

use std::path::PathBuf;

use serde::Deserialize;
use strongroom_kmip::version::{V2_0, V2_1, Version};

use super::schema::tables;
use crate::{caller::ClientName, service, vault::ObjectId};

tables! {
    /// An endpoint.
    Endpoint {
        /// What it is called, in commands and in the log.
        name: String = String::new();
        /// Where it is: host and port; without one, its client turns a connection of its own around.
        address: Option<String> = None;
        /// The registered client whose objects it is told of.
        client: String = String::new();
        /// What it is sent.
        operations: Vec<Told> = vec![Told::Notify];
        /// Whether it is given what takes the place of an object, as soon as there is such a thing.
        replacements: bool = false;
        /// Whether it is also told of what the client itself has changed.
        own_changes: bool = false;
        /// The identifier of the key under which secrets go there; without one they go in the clear inside TLS.
        wrapping_key: Option<String> = None;
        /// The authorities whose word is taken for its certificate, PEM.
        server_ca: Option<PathBuf> = None;
        /// The name in its certificate, where it is not the host of the address.
        server_name: Option<String> = None;
        /// The certificate that the appliance shows, and those up to its authority, PEM; without one, that of its server.
        certificate: Option<PathBuf> = None;
        /// The private key of that certificate, PKCS#8 in PEM.
        key: Option<PathBuf> = None;
        /// How messages are written.
        encoding: Encoding = Encoding::Ttlv;
        /// The version that it speaks.
        version: String = V2_1.to_string();
        /// Messages that wait for it at most.
        queue: usize = 1024;
        /// KiB that they have at most, all together.
        queue_size: usize = 1024;
    }
}

/// What an endpoint is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    /// What has changed.
    Notify,
    /// Objects.
    Put,
}

/// How messages to an endpoint are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As TTLV.
    Ttlv,
}

impl Endpoint {
    /// What no type says, of all of them.
    pub(super) fn check(all: &[Self]) -> Result<(), (&'static str, String)> {
        if all.len() > MOST {
            return Err(("endpoint", format!("there may be {MOST} endpoints")));
        }
        for (at, endpoint) in all.iter().enumerate() {
            endpoint.sound()?;
            if all.iter().take(at).any(|other| other.name == endpoint.name) {
                return Err(("name", format!("two endpoints are called {:?}", endpoint.name)));
            }
        }
        Ok(())
    }

    fn sound(&self) -> Result<(), (&'static str, String)> {
        let name = &self.name;
        if name.parse::<ClientName>().is_err() {
            return Err(("name", format!("{name:?} is no name of an endpoint: 1 to 64 of A-Z a-z 0-9 - _ .")));
        }
        if self.client.parse::<ClientName>().is_err() {
            return Err((
                "client",
                format!("endpoint {name}: `client` names the registered client that it is told for"),
            ));
        }
        self.way(name)?;
        if self.operations.is_empty() {
            return Err(("operations", format!("endpoint {name}: `operations` is \"notify\", \"put\" or both")));
        }
        if self.replacements && !self.operations.contains(&Told::Put) {
            return Err((
                "replacements",
                format!("endpoint {name}: `replacements` needs \"put\" among the operations"),
            ));
        }
        if self.spoken().is_none() {
            return Err(("version", format!("endpoint {name}: KMIP {:?} is not spoken here", self.version)));
        }
        for (key, value) in [("queue", self.queue), ("queue_size", self.queue_size)] {
            if !(1..=1 << 16).contains(&value) {
                return Err((key, format!("`{key}` must be 1 to {}", 1 << 16)));
            }
        }
        Ok(())
    }

    /// How it is reached.
    fn way(&self, name: &str) -> Result<(), (&'static str, String)> {
        let Some(address) = &self.address else {
            let known = self.spoken().is_none_or(|version| version >= V2_0);
            let known = known.then_some(()).ok_or_else(|| {
                ("version", format!("endpoint {name}: without an `address` it speaks KMIP 2.0 or newer"))
            });
            let idle = [
                ("server_ca", self.server_ca.is_some()),
                ("server_name", self.server_name.is_some()),
                ("certificate", self.certificate.is_some()),
                ("key", self.key.is_some()),
            ];
            let vain = idle.iter().find(|(_, given)| *given);
            let vain = vain.map_or(Ok(()), |(key, _)| Err((*key, format!("endpoint {name}: `{key}` needs `address`"))));
            return known.and(vain);
        };
        let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            return Err(("address", format!("endpoint {name}: `address` is HOST:PORT")));
        }
        if self.server_ca.is_none() {
            return Err(("endpoint", format!("endpoint {name}: `server_ca` is needed, or nobody knows who it is")));
        }
        if self.certificate.is_some() != self.key.is_some() {
            return Err(("certificate", format!("endpoint {name}: give both `certificate` and `key`, or neither")));
        }
        Ok(())
    }

    fn spoken(&self) -> Option<Version> {
        service::VERSIONS.iter().copied().find(|version| version.to_string() == self.version)
    }

    /// The files that it names.
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.server_ca.iter_mut().chain(&mut self.certificate).chain(&mut self.key)
    }

    /// What the service is to know of it; nothing of one that was not checked.
    pub fn told(&self) -> Option<service::Endpoint> {
        Some(service::Endpoint {
            name: self.name.clone(),
            address: self.address.clone(),
            client: self.client.parse().ok()?,
            version: self.spoken()?,
            notifies: self.operations.contains(&Told::Notify),
            puts: self.operations.contains(&Told::Put),
            replacements: self.replacements,
            own: self.own_changes,
            wrapping_key: self.wrapping_key.as_deref().map(ObjectId::from_text),
            most: self.queue,
            most_bytes: self.queue_size.saturating_mul(1024),
        })
    }
}

/// Each is a task of its own, and a connection at times.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::Settings, *};

    const SOUND: &str = "[[kmip.endpoint]]\nname = \"array\"\nclient = \"alice\"\naddress = \"array.example:5696\"\n\
                         server_ca = \"array/ca.pem\"\n";

    #[test]
    fn an_endpoint_needs_a_name_a_client_an_address_and_an_authority() {
        let settings = Settings::parse(&format!("state = \"/srv\"\n{SOUND}")).unwrap();
        let [endpoint] = settings.kmip.endpoint.as_slice() else { panic!("one endpoint") };
        assert_eq!(endpoint.server_ca.as_deref(), Some(Path::new("/srv/array/ca.pem")));
        let told = endpoint.told().unwrap();
        assert!(told.notifies && !told.puts && !told.own && !told.replacements);
        assert_eq!((told.version, told.most, told.most_bytes), (V2_1, 1024, 1 << 20));
    }

    #[test]
    fn an_endpoint_without_an_address_needs_a_name_and_a_client_alone() {
        let settings = Settings::parse("[[kmip.endpoint]]\nname = \"array\"\nclient = \"alice\"\n").unwrap();
        let told: Vec<_> = settings.kmip.endpoint.iter().filter_map(Endpoint::told).collect();
        assert!(matches!(&told[..], [one] if one.address.is_none()));
    }

    #[test]
    fn what_is_wrong_with_an_endpoint_is_named_with_its_line() {
        for (name, text, line, says) in [
            ("a misspelt key", format!("{SOUND}operation = []"), 6, "did you mean `operations`?"),
            ("no name", SOUND.replace("array\"\nc", "\"\nc"), 2, "is no name of an endpoint"),
            ("a name twice", SOUND.repeat(2), 7, "two endpoints are called \"array\""),
            ("no client", SOUND.replace("alice", ""), 3, "names the registered client"),
            ("no port", SOUND.replace(":5696", ""), 4, "is HOST:PORT"),
            ("no such port", SOUND.replace("5696", "65536"), 4, "is HOST:PORT"),
            ("no authority", SOUND.replace("server_ca = \"array/ca.pem\"\n", ""), 1, "`server_ca` is needed"),
            ("an authority for nobody", SOUND.replace("address = \"array.example:5696\"\n", ""), 4, "needs `address`"),
            (
                "too old to be turned around",
                "[[kmip.endpoint]]\nname = \"array\"\nclient = \"alice\"\nversion = \"1.4\"\n".to_owned(),
                4,
                "2.0 or newer",
            ),
            ("a certificate without its key", format!("{SOUND}certificate = \"a\""), 6, "both `certificate` and `key`"),
            ("nothing to tell", format!("{SOUND}operations = []"), 6, "`operations` is"),
            ("no such operation", format!("{SOUND}operations = [\"get\"]"), 6, "unknown variant `get`"),
            ("replacements alone", format!("{SOUND}replacements = true"), 6, "needs \"put\""),
            ("no such version", format!("{SOUND}version = \"2.2\""), 6, "\"2.2\" is not spoken"),
            ("no such encoding", format!("{SOUND}encoding = \"xml\""), 6, "unknown variant `xml`"),
            ("no queue", format!("{SOUND}queue = 0"), 6, "`queue` must be 1 to"),
            ("a huge queue", format!("{SOUND}queue_size = 65537"), 6, "`queue_size` must be 1 to"),
        ] {
            let (at, what) = Settings::parse(&text).unwrap_err();
            assert!(at == line && what.contains(says), "{name}: line {at}: {what}");
        }
    }
}
