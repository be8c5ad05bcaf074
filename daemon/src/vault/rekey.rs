//! Changing what unseals. Nothing is taken away before what comes in its place is known to work: a passphrase, a key file and
//! a slot are tried at once; shares count once enough of them have been entered.

use strongroom_kmip::{
    mechanism::{Block, Mechanism, Mode, Padding},
    secret::Secret,
};

use super::{
    change::Change,
    door::Vault,
    errand::Errands,
    error::Error,
    factor::{self, Cipher, Factor, Wanted},
    header::{MOST_FACTORS, MOST_WAYS, Standing, Way},
    opened::Held,
};
use crate::{
    chance,
    sharing::{Purpose, Roster, Share},
    slot::{self, Condition, Family, Kept, Made, Purpose as Use, Recipe, Shape},
};

/// What becomes of the ways that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// They stay.
    Stay,
    /// They go once the new way is proven.
    Go,
}

/// A new way to unseal.
#[derive(Debug)]
pub struct Rekeyed {
    /// Its number.
    pub way: u32,
    /// The shares to be handed to their holders; they are kept nowhere.
    pub shares: Vec<Share>,
    /// Whether it is known to work. If not, its shares have to be entered first.
    pub proven: bool,
}

impl Vault {
    /// Adds a way to unseal that takes all of these together.
    ///
    /// # Errors
    /// [`Error::Busy`] while another change of the seal is under way, [`Error::Broken`] for what nothing can be sealed with.
    pub fn rekey(&self, change: &mut Change, wanted: Vec<Wanted>, others: Others) -> Result<Rekeyed, Error> {
        if wanted.is_empty() || wanted.len() > MOST_FACTORS {
            return Err(Error::Broken("sealing: a way takes one to four things"));
        }
        change.seize_seal()?;
        let (mut parts, mut shares) = (Vec::new(), Vec::new());
        for wanted in wanted {
            let salt = chance::array(&*self.chance)?;
            parts.push(match wanted {
                Wanted::Passphrase(phrase) => Factor::passphrase(&phrase, salt, factor::tune(&*self.clock)?)?,
                Wanted::File(bytes) => Factor::file(&bytes, salt)?,
                Wanted::Shares { threshold, labels } => {
                    let key = Secret::copy_of(&chance::array::<32>(&*self.chance)?);
                    let dealt = Roster::deal(&key, Purpose::Unseal, threshold, &labels, &*self.chance);
                    let (roster, dealt) = dealt.map_err(Error::Sharing)?;
                    shares.extend(dealt);
                    (Factor::Shares(roster), key)
                }
                Wanted::Slot(name) => self.slot_factor(change, &name)?,
            });
        }
        let held = change.opened().held().clone();
        let number = held.header.next_number();
        let proven = shares.is_empty();
        let standing = match proven {
            true => Standing::Proven,
            false => Standing::New { replaces: others == Others::Go },
        };
        let way = Way::close(number, standing, parts, &held.root, &*self.chance)?;
        // A replacement that was begun earlier and never proven is given up.
        let stays = |way: &Way| match way.standing {
            Standing::New { replaces: true } => false,
            Standing::New { replaces: false } | Standing::Proven => !proven || others == Others::Stay,
        };
        let mut ways: Vec<Way> = held.header.ways.iter().filter(|way| stays(way)).cloned().collect();
        ways.push(way);
        if ways.len() > MOST_WAYS {
            return Err(Error::Broken("sealing: there are eight ways already; remove one first"));
        }
        self.exchange_ways(change, held, ways)?;
        Ok(Rekeyed { way: number, shares, proven })
    }

    /// Notes that a new way was shown to be held; what it takes the place of goes.
    ///
    /// # Errors
    /// [`Error::Busy`] while another change of the seal is under way.
    pub fn prove(&self, change: &mut Change, number: u32) -> Result<(), Error> {
        change.seize_seal()?;
        let held = change.opened().held().clone();
        let mut ways = held.header.ways.clone();
        let Some(way) = ways.iter_mut().find(|way| way.number == number) else { return Ok(()) };
        let replaces = way.standing == Standing::New { replaces: true };
        way.standing = Standing::Proven;
        ways.retain(|way| !replaces || way.number == number);
        self.exchange_ways(change, held, ways)
    }

    /// Removes a way to unseal. One that is proven stays.
    ///
    /// # Errors
    /// [`Error::Broken`] for the last, or for one that is not there; [`Error::Busy`].
    pub fn remove_way(&self, change: &mut Change, number: u32) -> Result<(), Error> {
        change.seize_seal()?;
        let held = change.opened().held().clone();
        let (gone, ways): (Vec<Way>, Vec<Way>) = held.header.ways.iter().cloned().partition(|way| way.number == number);
        if gone.is_empty() {
            return Err(Error::Broken("removing a way to unseal: there is none of this number"));
        }
        if !ways.iter().any(|way| way.standing == Standing::Proven) {
            return Err(Error::Broken("removing a way to unseal: no other one is proven"));
        }
        self.exchange_ways(change, held, ways)
    }

    /// Lets a change write other ways, and let go of the keys in slots that belonged to those that go.
    fn exchange_ways(&self, change: &mut Change, held: Held, ways: Vec<Way>) -> Result<(), Error> {
        for gone in held.header.ways.iter().filter(|old| !ways.iter().any(|way| way.number == old.number)) {
            for factor in &gone.factors {
                if let Some((slot, key)) = self.slot_key(factor) {
                    change.part(&slot, key);
                }
            }
        }
        let header = held.header.next(ways, &held.root, &held.ring, &*self.chance)?;
        change.put_seal(Held { header, ..held })
    }

    /// What it takes to remove the key of a slot.
    fn slot_key(&self, factor: &Factor) -> Option<(String, Secret)> {
        let Factor::Slot { slot, held, .. } = factor else { return None };
        let fitted = self.slot(Some(slot)).ok()?;
        let key = fitted.slot.holding()?.errand(&Secret::copy_of(held))?;
        Some((slot.clone(), key))
    }

    /// A key that is made in a slot, and a secret that it has encrypted.
    fn slot_factor(&self, change: &mut Change, name: &str) -> Result<(Factor, Secret), Error> {
        let fitted = self.slot(Some(name))?;
        let holding = fitted.slot.holding();
        let holding = holding.ok_or(Error::Broken("sealing with a slot that keeps its keys in this very store"))?;
        let Made::One(kept) = self.make(Some(name), &AES)? else { return Err(Error::Broken("making a key")) };
        if let Some(key) = holding.errand(&kept.held)
            && let Some(claimed) = change.opened().errands.claim(&Errands::row(name, &key))?
        {
            change.keep_held(claimed);
        }
        let secret = Secret::copy_of(&chance::array::<32>(&*self.chance)?);
        let (iv, key) = (chance::array::<16>(&*self.chance)?, fitted.slot.open(&kept)?);
        for way in [Cipher::Gcm, Cipher::Cbc] {
            let mechanism = way.mechanism(&iv);
            let encrypted = match key.work(Use::Encrypt, &mechanism, secret.reveal()) {
                Ok(encrypted) => encrypted.reveal().to_vec(),
                Err(slot::Error::Unsupported(_)) => continue,
                Err(error) => return Err(error.into()),
            };
            let (slot, held) = (name.to_owned(), kept.held.reveal().to_vec());
            let check = factor::check(&secret)?;
            let factor = Factor::Slot { slot, held, way, iv: iv.to_vec(), encrypted, check };
            // What the token does not give back is not relied upon.
            if self.ask_slot(&factor)?.is_some_and(|again| again.same_as(secret.reveal())) {
                return Ok((factor, secret));
            }
        }
        Err(Error::Slot(slot::Error::Unsupported("encryption with AES-GCM or AES-CBC in the slot")))
    }

    /// Has a slot decrypt its secret; nothing while it cannot be worked with.
    ///
    /// # Errors
    /// [`Error::Slot`], [`Error::WrongKey`] when it gives something else.
    pub(super) fn ask_slot(&self, factor: &Factor) -> Result<Option<Secret>, Error> {
        let Factor::Slot { slot, held, way, iv, encrypted, check } = factor else { return Ok(None) };
        let fitted = self.slot(Some(slot))?;
        let holding = fitted.slot.holding().ok_or(Error::WrongKey)?;
        if holding.condition() != Condition::Usable {
            return Ok(None);
        }
        let Recipe::Symmetric { family, bits } = AES else { return Ok(None) };
        let kept = Kept { shape: Shape::Symmetric { family, bits }, held: Secret::copy_of(held) };
        let secret = fitted.slot.open(&kept)?.work(Use::Decrypt, &way.mechanism(iv), encrypted)?;
        if factor::check(&secret)? == *check { Ok(Some(secret)) } else { Err(Error::WrongKey) }
    }
}

impl Cipher {
    fn mechanism(self, iv: &[u8]) -> Mechanism {
        let mode = match self {
            Self::Gcm => {
                let nonce = iv.iter().copied().take(12).collect();
                Mode::Gcm { nonce, additional: Vec::new(), tag: 16 }
            }
            Self::Cbc => Mode::Cbc { iv: iv.to_vec(), padding: Padding::Pkcs7 },
        };
        Mechanism::Cipher(Block::Aes, mode)
    }
}

/// What a slot makes.
const AES: Recipe = Recipe::Symmetric { family: Family::Aes, bits: 256 };
