//! The header of the seal: the ways to unseal and, sealed, the ring of data keys. It is one row, so that whatever changes it
//! is done whole or not at all.
//!
//! Each way is a [`Recipient`] of the root key, so that the root key is exchanged without asking anybody for what they hold.
//! All of the header is authenticated by the root key.

use serde::{Deserialize, Serialize};
use strongroom_kmip::secret::Secret;

use super::{
    cipher::{KEY, expand},
    error::Error,
    factor::Factor,
    recipient::{self, Recipient},
    ring::Ring,
    seal::Root,
};
use crate::chance::Chance;

/// What stands in the store in the open.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    format: u32,
    /// Counts the changes of the header.
    generation: u64,
    pub(super) ways: Vec<Way>,
    /// The ring, sealed by the root key together with everything above.
    ring: Vec<u8>,
}

/// One way to unseal: whoever enters all of its factors opens the root key.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Way {
    /// What it is called; no two have the same.
    pub(super) number: u32,
    pub(super) standing: Standing,
    pub(super) factors: Vec<Factor>,
    public: [u8; KEY],
    /// The recipient's secret bytes, sealed by the root key.
    shared: Vec<u8>,
    /// The root key, sealed for the recipient.
    root: Vec<u8>,
}

/// How it stands with a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Standing {
    /// It has opened the root key.
    Proven,
    /// It opens the root key, but nobody has shown yet that they hold what it takes.
    New {
        /// Whether it takes the place of all others once it is proven.
        replaces: bool,
    },
}

/// What every header begins with, whatever version made it.
#[derive(Deserialize)]
struct Beginning {
    format: u32,
}

impl Way {
    /// A way that its factors' outputs open.
    ///
    /// # Errors
    /// [`Error`] when there is no randomness.
    pub(super) fn close(
        number: u32,
        standing: Standing,
        parts: Vec<(Factor, Secret)>,
        root: &Root,
        chance: &dyn Chance,
    ) -> Result<Self, Error> {
        let (factors, outputs): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        let recipient = Recipient::of(&key(&factors, &outputs)?)?;
        let mut way =
            Self { number, standing, factors, public: *recipient.public(), shared: Vec::new(), root: Vec::new() };
        way.seal(&recipient, root, chance)?;
        // Nothing is kept that does not open.
        let opened = way.open(&outputs)?;
        if opened.reveal() == root.reveal() { Ok(way) } else { Err(Error::Broken("making a way to unseal")) }
    }

    /// Opens the root key with the outputs of all factors, in their order.
    ///
    /// # Errors
    /// [`Error::WrongKey`].
    pub(super) fn open(&self, outputs: &[Secret]) -> Result<Root, Error> {
        let key = key(&self.factors, outputs)?;
        Root::from_secret(&recipient::open(&key, &self.context()?, &self.root)?)
    }

    /// The same way to another root key.
    fn reseal(&self, old: &Root, new: &Root, chance: &dyn Chance) -> Result<Self, Error> {
        let shared = old.open("recipient", &self.number.to_be_bytes(), &self.shared)?;
        let mut way = self.clone();
        way.seal(&Recipient::new(self.public, shared), new, chance)?;
        Ok(way)
    }

    fn seal(&mut self, recipient: &Recipient, root: &Root, chance: &dyn Chance) -> Result<(), Error> {
        self.shared = root.close("recipient", &self.number.to_be_bytes(), recipient.shared().reveal(), chance)?;
        self.root = recipient.seal(&self.context()?, root.reveal(), chance)?;
        Ok(())
    }

    /// What the root key is sealed together with.
    fn context(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(&(FORMAT, self.number, &self.factors)).map_err(|_| UNWRITTEN)
    }
}

/// The key that the outputs of factors make together.
fn key(factors: &[Factor], outputs: &[Secret]) -> Result<Secret, Error> {
    if factors.is_empty() || factors.len() != outputs.len() {
        return Err(Error::WrongKey);
    }
    let bytes = Secret::new(outputs.iter().flat_map(|output| output.reveal()).copied().collect());
    if bytes.len() != outputs.len().saturating_mul(KEY) {
        return Err(Error::WrongKey);
    }
    let count = u64::try_from(outputs.len()).unwrap_or(u64::MAX).to_be_bytes();
    Ok(Secret::copy_of(&*expand(bytes.reveal(), &[b"strongroom unseal", &count])?))
}

impl Header {
    /// The header of a new vault.
    ///
    /// # Errors
    /// [`Error`] when sealing fails.
    pub(super) fn new(ways: Vec<Way>, root: &Root, ring: &Ring, chance: &dyn Chance) -> Result<Self, Error> {
        Self { format: FORMAT, generation: 0, ways, ring: Vec::new() }.sealed(root, ring, chance)
    }

    /// The next header, with other ways and another ring.
    ///
    /// # Errors
    /// [`Error`] when sealing fails.
    pub(super) fn next(&self, ways: Vec<Way>, root: &Root, ring: &Ring, chance: &dyn Chance) -> Result<Self, Error> {
        let generation = self.generation.saturating_add(1);
        Self { format: FORMAT, generation, ways, ring: Vec::new() }.sealed(root, ring, chance)
    }

    /// The next header, for another root key.
    ///
    /// # Errors
    /// [`Error`] when sealing fails.
    pub(super) fn rooted(&self, old: &Root, new: &Root, ring: &Ring, chance: &dyn Chance) -> Result<Self, Error> {
        let ways = self.ways.iter().map(|way| way.reseal(old, new, chance)).collect::<Result<_, _>>()?;
        self.next(ways, new, ring, chance)
    }

    /// The row.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(super) fn write(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|_| UNWRITTEN)
    }

    /// Reads the row back. Nothing of it is to be believed before [`ring`](Self::ring) has opened.
    ///
    /// # Errors
    /// [`Error::Format`] for a row of another version of this program, [`Error::Damaged`] for none.
    pub(super) fn read(row: &[u8]) -> Result<Self, Error> {
        let damaged = |_| Error::Damaged("setting/seal".to_owned());
        match serde_json::from_slice::<Beginning>(row).map(|beginning| beginning.format) {
            Ok(FORMAT) => {
                let header: Self = serde_json::from_slice(row).map_err(damaged)?;
                let honest = |way: &Way| (1..=MOST_FACTORS).contains(&way.factors.len());
                // More of them would cost whoever enters a passphrase more than they would wait for.
                match header.ways.len() <= MOST_WAYS && header.ways.iter().all(honest) {
                    true => Ok(header),
                    false => Err(Error::Damaged("setting/seal".to_owned())),
                }
            }
            Ok(_) => Err(Error::Format),
            Err(error) => Err(damaged(error)),
        }
    }

    /// The ring of data keys.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the header is not as it was written with this root key.
    pub(super) fn ring(&self, root: &Root) -> Result<Ring, Error> {
        let opened = root.open("ring", &self.around()?, &self.ring);
        Ring::read(&opened.map_err(|_| Error::Damaged("setting/seal".to_owned()))?)
    }

    /// The number of the next way.
    pub(super) fn next_number(&self) -> u32 {
        self.ways.iter().map(|way| way.number).max().unwrap_or(0).saturating_add(1)
    }

    fn sealed(mut self, root: &Root, ring: &Ring, chance: &dyn Chance) -> Result<Self, Error> {
        self.ring = root.close("ring", &self.around()?, ring.write().reveal(), chance)?;
        // A header that would not open is never written.
        self.ring(root)?;
        Ok(self)
    }

    /// Everything but the ring.
    fn around(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(&(self.format, self.generation, &self.ways)).map_err(|_| UNWRITTEN)
    }
}

/// The key of the row that the header is kept under. It is the one row that is not sealed.
pub(super) const ROW: &str = "seal";
/// Whoever asks for more than a passphrase, a key file, shares and a token at the same time opens nothing in the end.
pub(super) const MOST_FACTORS: usize = 4;
/// A passphrase costs half a second for each way that takes one.
pub(super) const MOST_WAYS: usize = 8;
const FORMAT: u32 = 2;
const UNWRITTEN: Error = Error::Broken("writing the seal");
