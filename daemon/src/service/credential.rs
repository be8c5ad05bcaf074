//! Message credentials: what an operator has registered for a client, and whether what a message shows fits it.
//!
//! A credential confirms who TLS has proved the sender to be. It is registered for one client and means nothing when
//! another shows it.

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use strongroom_kmip::{
    code::ResultReason,
    message::{Device, HashedPassword},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::{
    once::{Halves, OneTime},
    order::DeviceRow,
    refusal::Refusal,
    stretch::stretch,
};
use crate::{
    chance::{self, Chance},
    clock::Time,
    vault,
};

/// What a client's messages may say who sends them by.
#[derive(Default, Serialize, Deserialize)]
pub struct Registered(Vec<Credential>);

/// One credential, as it is kept, sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    who: Who,
    password: Option<Stretched>,
    hashed: Option<Halves>,
    one_time: Option<OneTime>,
}

/// Who shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// Somebody with a name.
    Username(String),
    /// A device; what is registered must be shown.
    Device(DeviceRow),
}

/// A password, as it is kept.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Stretched {
    salt: [u8; 16],
    hash: [u8; 32],
}

/// What is to be registered besides who it is.
pub struct Wanted {
    /// The password; empty for none.
    pub password: Secret,
    /// Whether the password may be shown hashed.
    pub hashed: bool,
    /// Whether a password of the moment has to be shown.
    pub one_time: bool,
}

/// A password that was entered, and what it is to be held against. Somebody who is not registered is held against
/// something too, so that it takes as long.
pub struct Entered<'e> {
    kept: Stretched,
    /// Whether anything can fit.
    known: bool,
    entered: Option<&'e Secret>,
}

impl Stretched {
    /// Makes a password costly to guess.
    ///
    /// # Errors
    /// [`Refusal`] when it is empty or longer than any password.
    pub fn new(password: &Secret, chance: &dyn Chance) -> Result<Self, Refusal> {
        if password.is_empty() || password.len() > LONGEST {
            return Err(Refusal::invalid(format!("a password has 1 to {LONGEST} bytes")));
        }
        let salt = chance::array(chance).map_err(vault::Error::from)?;
        Ok(Self { salt, hash: stretch(password, &salt)? })
    }

    /// As an object keeps it.
    pub fn to_secret(self) -> Secret {
        let mut bytes = Zeroizing::new(Vec::with_capacity(48));
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&self.hash);
        Secret::copy_of(&bytes)
    }

    /// What an object keeps.
    pub fn of(kept: &Secret) -> Option<Self> {
        let (salt, hash) = kept.reveal().split_first_chunk::<16>()?;
        Some(Self { salt: *salt, hash: hash.try_into().ok()? })
    }
}

impl Registered {
    /// Reads what is kept.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be read.
    pub fn read(row: Option<&Secret>) -> Result<Self, Refusal> {
        let damaged = |_| Refusal::new(ResultReason::GeneralFailure, "the client's credentials cannot be read");
        row.map_or(Ok(Self::default()), |row| serde_json::from_slice(row.reveal()).map_err(damaged))
    }

    /// What is to be kept; nothing where there is no credential.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be written.
    pub fn to_row(&self) -> Result<Option<Secret>, Refusal> {
        let failed = |_| Refusal::new(ResultReason::GeneralFailure, "the client's credentials cannot be written");
        if self.0.is_empty() {
            return Ok(None);
        }
        serde_json::to_vec(self).map(|row| Some(Secret::new(row))).map_err(failed)
    }

    /// Registers a credential in place of the one of the same name, and gives the key of its one-time passwords.
    ///
    /// # Errors
    /// [`Refusal`] when it would prove nothing, or there are too many.
    pub fn add(&mut self, who: Who, wanted: &Wanted, chance: &dyn Chance) -> Result<Option<Secret>, Refusal> {
        let (credential, key) = Credential::new(who, wanted, chance)?;
        self.0.retain(|known| known.who.name() != credential.who.name());
        if self.0.len() >= MOST {
            return Err(Refusal::invalid(format!("a client has {MOST} credentials at most")));
        }
        self.0.push(credential);
        Ok(key)
    }

    /// Takes a credential away, and says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|known| known.who.name() != name);
        self.0.len() < before
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|credential| credential.who.name())
    }

    /// The credential under this name.
    pub fn named(&mut self, name: &str) -> Option<&mut Credential> {
        self.0.iter_mut().find(|known| matches!(&known.who, Who::Username(known) if known == name))
    }

    /// What shows a client whose hashed password fits that its password is known here too; it never fits again. A name that
    /// is not registered takes as long.
    pub fn accept_hashed(&mut self, shown: &HashedPassword, now: Time) -> Option<Vec<u8>> {
        let mut nobody = Halves::nobodys();
        let known = self.named(&shown.username).filter(|it| !it.wants_one_time()).and_then(|it| it.hashed.as_mut());
        let is_known = known.is_some();
        let halves = known.unwrap_or(&mut nobody);
        let fits = halves.accept(shown, now);
        let proof = halves.proof(shown.time_stamp.0);
        (is_known & fits).then_some(proof)
    }

    /// Whether a one-time password fits, beside a password that was `right`; it never fits again. A name that is not
    /// registered takes as long.
    pub fn accept_one_time(&mut self, username: &str, shown: &Secret, right: bool, now: Time) -> bool {
        let mut nobody = OneTime::nobodys();
        let known = self.named(username).filter(|_| right).and_then(|it| it.one_time.as_mut());
        let is_known = known.is_some();
        is_known & known.unwrap_or(&mut nobody).accept(shown, now)
    }

    /// The credential of this device.
    pub fn device(&mut self, shown: &Device) -> Option<&mut Credential> {
        self.0.iter_mut().find(|known| matches!(&known.who, Who::Device(device) if device.is(shown)))
    }
}

impl Who {
    /// What an operator calls it.
    pub fn name(&self) -> &str {
        match self {
            Self::Username(name) => name,
            Self::Device(_) => DEVICE,
        }
    }
}

impl Credential {
    fn new(who: Who, wanted: &Wanted, chance: &dyn Chance) -> Result<(Self, Option<Secret>), Refusal> {
        let Wanted { password, hashed, one_time } = wanted;
        let name = match &who {
            Who::Username(name) if name.is_empty() || name.len() > LONGEST || name == DEVICE => {
                return Err(Refusal::invalid(format!("a username has 1 to {LONGEST} bytes and is not {DEVICE:?}")));
            }
            Who::Username(_) if password.is_empty() && !one_time => {
                return Err(Refusal::invalid("a username proves nothing without a password"));
            }
            Who::Device(row) if row.is_empty() => return Err(Refusal::invalid("a device has at least one identifier")),
            Who::Device(_) if *hashed || *one_time => {
                return Err(Refusal::invalid("a device shows neither hashed nor one-time passwords"));
            }
            Who::Username(name) => name.as_str(),
            Who::Device(_) => "",
        };
        if *hashed && (password.is_empty() || *one_time) {
            return Err(Refusal::invalid("a password is shown hashed where there is one, and no one-time password"));
        }
        let stretched = (!password.is_empty()).then(|| Stretched::new(password, chance)).transpose()?;
        let halves = hashed.then(|| Halves::new(name, password));
        let key: Option<Zeroizing<[u8; 20]>> =
            one_time.then(|| chance::array(chance).map(Zeroizing::new)).transpose().map_err(vault::Error::from)?;
        let key = key.map(|key| Secret::copy_of(&*key));
        let one_time = key.as_ref().map(|key| OneTime::new(key.duplicate()));
        Ok((Self { who, password: stretched, hashed: halves, one_time }, key))
    }

    /// Whether nothing but a password of the moment is enough.
    pub fn wants_one_time(&self) -> bool {
        self.one_time.is_some()
    }
}

impl<'e> Entered<'e> {
    /// What was entered, to be held against `credential`.
    pub fn new(credential: Option<&Credential>, entered: Option<&'e Secret>) -> Self {
        let kept = credential.and_then(|credential| credential.password);
        // Without a password registered none must be shown.
        let known = credential.is_some() && kept.is_some() == entered.is_some();
        Self { kept: kept.unwrap_or(NOBODY), known, entered }
    }

    /// What was entered, to be held against a password.
    pub fn password(kept: Stretched, entered: Option<&'e Secret>) -> Self {
        Self { kept, known: entered.is_some(), entered }
    }

    /// What stands for this entry where it was found to be right before; it says nothing about the password to whoever
    /// has no `key`.
    pub fn mark(&self, key: &hmac::Key, client: &str) -> [u8; 32] {
        let mut mac = hmac::Context::with_key(key);
        for part in [client.as_bytes(), &self.kept.salt, &self.kept.hash, self.entered.map_or(b"", Secret::reveal)] {
            mac.update(&part.len().to_be_bytes());
            mac.update(part);
        }
        mac.update(&[u8::from(self.known)]);
        let mut mark = [0; 32];
        mark.copy_from_slice(mac.sign().as_ref());
        mark
    }

    /// Whether it fits. It takes as long whether it does or not.
    ///
    /// # Errors
    /// [`Refusal`] when that cannot be found out.
    pub fn fits(&self) -> Result<bool, Refusal> {
        let nothing = Secret::new(Vec::new());
        let stretched = Secret::copy_of(&stretch(self.entered.unwrap_or(&nothing), &self.kept.salt)?);
        let same = stretched.same_as(&self.kept.hash) || self.entered.is_none();
        Ok(self.known & same)
    }
}

/// What a password is held against that belongs to nobody.
const NOBODY: Stretched = Stretched { salt: [0; 16], hash: [0; 32] };
/// What an operator calls a device's credential.
const DEVICE: &str = "device";
/// Credentials of one client.
const MOST: usize = 16;
/// Bytes of a username or a password.
const LONGEST: usize = 255;
#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use strongroom_kmip::ttlv::DateTimeExtended;

    use super::*;
    use crate::slot::software::Random;

    fn text(text: &str) -> Secret {
        Secret::copy_of(text.as_bytes())
    }

    fn ada(wanted: &Wanted) -> Registered {
        let mut registered = Registered::default();
        registered.add(Who::Username("ada".to_owned()), wanted, &Random::default()).unwrap();
        let row = registered.to_row().unwrap();
        Registered::read(row.as_ref()).unwrap()
    }

    fn wanted(password: &str, hashed: bool, one_time: bool) -> Wanted {
        Wanted { password: text(password), hashed, one_time }
    }

    #[test]
    fn a_password_fits_its_own_name_and_nothing_else() {
        let mut registered = ada(&wanted("lovelace", false, false));
        let mut fits = |name: &str, password: Option<&str>| {
            let password = password.map(text);
            Entered::new(registered.named(name).map(|it| &*it), password.as_ref()).fits().unwrap()
        };
        assert!(fits("ada", Some("lovelace")));
        for (why, name, password) in [
            ("another password", "ada", Some("Lovelace")),
            ("a longer one", "ada", Some("lovelace ")),
            ("an empty one", "ada", Some("")),
            ("none at all", "ada", None),
            ("another name", "bob", Some("lovelace")),
            ("another name and none", "bob", None),
        ] {
            assert!(!fits(name, password), "{why}");
        }
    }

    #[test]
    fn nobody_is_believed_by_what_stands_for_nobody() {
        let noon = Time(1_000_000_000_000);
        let mut registered = ada(&wanted("lovelace", false, false));
        let mut hash = digest(&SHA256, &[&[0; 32][..], &(noon.0 * 1000).to_be_bytes()].concat()).as_ref().to_vec();
        hash.extend_from_slice(&[0; 32]);
        for name in ["ada", "eve"] {
            let shown = HashedPassword {
                username: name.to_owned(),
                time_stamp: DateTimeExtended(noon.0 * 1000),
                hashing_algorithm: None,
                hashed_password: Secret::copy_of(&hash),
            };
            assert!(Halves::nobodys().accept(&shown, noon), "it would fit");
            assert!(registered.accept_hashed(&shown, noon).is_none(), "{name}");
        }
    }

    #[test]
    fn a_device_shows_everything_that_is_registered() {
        let row = |serial: Option<&str>, machine: Option<&str>| DeviceRow {
            serial: serial.map(str::to_owned),
            machine: machine.map(str::to_owned),
            ..DeviceRow::default()
        };
        let mut registered = Registered::default();
        let none = wanted("", false, false);
        registered.add(Who::Device(row(Some("1"), Some("m"))), &none, &Random::default()).unwrap();
        let shown = |serial: Option<&str>, machine: Option<&str>| Device {
            device_serial_number: serial.map(str::to_owned),
            password: None,
            device_identifier: None,
            network_identifier: None,
            machine_identifier: machine.map(str::to_owned),
            media_identifier: None,
        };
        assert!(registered.device(&shown(Some("1"), Some("m"))).is_some());
        for (why, serial, machine) in
            [("less", Some("1"), None), ("another", Some("2"), Some("m")), ("nothing", None, None)]
        {
            assert!(registered.device(&shown(serial, machine)).is_none(), "{why}");
        }
    }

    #[test]
    fn a_credential_that_would_prove_nothing_is_not_registered() {
        let add = |who: Who, wanted: &Wanted| Registered::default().add(who, wanted, &Random::default()).is_err();
        let name = |name: &str| Who::Username(name.to_owned());
        assert!(add(name("ada"), &wanted("", false, false)), "no password");
        assert!(add(name(""), &wanted("x", false, false)), "no name");
        assert!(add(name("device"), &wanted("x", false, false)), "the name of another kind");
        assert!(add(name("ada"), &wanted("", true, false)), "nothing to hash");
        assert!(add(name("ada"), &wanted("x", true, true)), "a way past the one-time password");
        assert!(add(Who::Device(DeviceRow::default()), &wanted("x", false, false)), "no identifier");
        assert!(add(name("ada"), &wanted(&"x".repeat(LONGEST + 1), false, false)), "too long");
    }
}
