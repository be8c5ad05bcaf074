//! The slot itself: keys stay in the token, references go to the vault, and what needs no secret is done beside the token.

use std::sync::{Arc, Mutex, PoisonError};

use cryptoki_sys::{
    CKK_AES, CKK_DES2, CKK_DES3, CKK_EC, CKK_EC_EDWARDS, CKK_EC_MONTGOMERY, CKK_GENERIC_SECRET, CKK_RSA,
};
use cryptoki_sys::{CKM_ECDH1_DERIVE, CKO_PRIVATE_KEY, CKO_SECRET_KEY};
use strongroom_kmip::{
    mechanism::{Curve, Hash},
    secret::Secret,
};

use super::{
    agree,
    cargo::Leaving,
    codec::Plain,
    keeper::{Keeper, Patience},
    key::{TokenKey, refused},
    message::{Answer, Ask, Brought, Known, Listed, Public, Token},
    offer,
    reference::{self, Held},
    settings::Settings,
    token::DERIVES,
};
use crate::{
    chance::{Chance, array},
    slot::{
        contract::{
            Error, Family, Form, Holding, Kept, Key, Made, Material, Offer, Pair, Purpose, Recipe, Running, Shape, Slot,
        },
        derivation::{Derivation, Finish, Peer},
        holding::{self, Condition, Found, Name, News},
    },
};

/// A slot whose keys are in a token of a vendor's.
pub struct Hsm {
    name: String,
    pub(super) keeper: Arc<Keeper>,
    /// Does what needs no secret: digests, public keys, looking at what comes in.
    pub(super) beside: Arc<dyn Slot>,
    /// Whether its keys go to other tokens.
    leaving: Leaving,
    offers: Mutex<Listing>,
}

/// What the token offers, for the mechanisms that it had when it was asked.
#[derive(Default)]
struct Listing {
    of: Vec<(u64, u8)>,
    offers: Arc<[Offer]>,
}

impl Hsm {
    /// Begins to open the token. What needs no secret is done by `beside`.
    pub fn open(settings: Settings, beside: Arc<dyn Slot>) -> Self {
        let name = settings.name.clone();
        let leaving = match &settings.wrap_with {
            None => Leaving::Never,
            Some(label) => Leaving::Wrapped { label: Plain(label.clone().into_bytes()) },
        };
        Self { name, keeper: Arc::new(Keeper::start(settings)), beside, leaving, offers: Mutex::default() }
    }

    fn ask(&self, ask: &Ask, patience: Patience) -> Result<Answer, Error> {
        match self.keeper.ask(ask, patience)? {
            answer @ Answer::Failed { .. } => Err(refused(&answer, Purpose::Sign)),
            answer => Ok(answer),
        }
    }

    fn random_name(&self) -> Result<Name, Error> {
        Ok(Name(array(self.beside.chance())?))
    }

    /// The two halves of a pair, of which the token gave the public numbers.
    fn halves(&self, held: Held, pair: Pair, public: Public) -> Result<(Kept, Kept), Error> {
        let public =
            self.beside.take(Shape::Public(pair), &numbers(pair, public).ok_or(ABSURD)?).map_err(|_| ABSURD)?;
        // A token that makes another pair than it was asked for is not believed anything.
        if public.shape != Shape::Public(pair) {
            return Err(ABSURD);
        }
        let held = Held { public: Plain(public.held.reveal().to_vec()), ..held };
        Ok((Kept { shape: Shape::Private(pair), held: held.to_secret() }, public))
    }

    /// The public half of a key that the token holds.
    fn public_half(&self, held: &Held, pair: Pair) -> Kept {
        let _ = self;
        Kept { shape: Shape::Public(pair), held: Secret::copy_of(&held.public.0) }
    }

    /// The keys in the token, and the names of those that are of no kind that is worked with here.
    pub(super) fn look_through(&self) -> Result<(Vec<Found>, Vec<Strange>), Error> {
        let Answer::Listed { keys } = self.ask(&Ask::List, Patience::Long)? else { return Err(ABSURD) };
        let (mut found, mut strange) = (Vec::new(), Vec::new());
        for listed in keys {
            match shape(&listed) {
                Some(shape) => found.extend(self.found_key(listed, shape)),
                None => strange.push((listed.key.id.0, shown(listed.key.label.as_ref()))),
            }
        }
        Ok((found, strange))
    }

    fn found_key(&self, listed: Listed, shape: Shape) -> Option<Found> {
        let Listed { mut key, public, held, alike, .. } = listed;
        let (label, id) = (shown(key.label.as_ref()), key.id.0.clone());
        // What was made here is known by its identifier alone.
        key.label = key.label.filter(|label| *label != reference::label_of(&id));
        let reference = Held { key, public: Plain::default() };
        let (key, public) = match shape {
            Shape::Private(pair) => {
                let (private, public) = self.halves(reference, pair, public).ok()?;
                (private, Some(public))
            }
            shape => (Kept { shape, held: reference.to_secret() }, None),
        };
        let held = if held { holding::Held::Fast } else { holding::Held::Loosely };
        Some(Found { label, id, held, alike, key, public })
    }
}

impl Slot for Hsm {
    fn name(&self) -> &str {
        &self.name
    }

    fn maker(&self) -> &str {
        "pkcs11"
    }

    fn offers(&self) -> Arc<[Offer]> {
        let Some(token) = self.keeper.token() else { return Arc::default() };
        let of = token.mechanisms.iter().map(|Known { number, uses, .. }| (*number, *uses)).collect();
        let mut listing = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        if listing.of != of {
            *listing = Listing { of, offers: offer::offers(&token, &self.beside.offers()).into() };
        }
        Arc::clone(&listing.offers)
    }

    fn make(&self, recipe: &Recipe) -> Result<Made, Error> {
        Holding::make(self, &self.random_name()?, recipe)
    }

    fn take(&self, shape: Shape, material: &Material) -> Result<Kept, Error> {
        Holding::take(self, &self.random_name()?, shape, material)
    }

    fn give(&self, kept: &Kept, form: Form) -> Result<Material, Error> {
        let Some(held) = Held::read(&kept.held) else { return self.beside.give(kept, form) };
        match (kept.shape, form) {
            (Shape::Private(pair), Form::PublicKeyInfo) => self.beside.give(&self.public_half(&held, pair), form),
            _ => Err(Error::Held),
        }
    }

    fn open(&self, kept: &Kept) -> Result<Arc<dyn Key>, Error> {
        let Some(held) = Held::read(&kept.held) else { return self.beside.open(kept) };
        Ok(Arc::new(TokenKey {
            keeper: Arc::clone(&self.keeper),
            beside: Arc::clone(&self.beside),
            key: held.key,
            shape: kept.shape,
        }))
    }

    // Public keys are here, also those of the token's pairs.
    fn encapsulate(&self, public: &Kept, finish: &Finish, length: usize) -> Result<(Vec<u8>, Secret), Error> {
        self.beside.encapsulate(public, finish, length)
    }

    fn derive(&self, base: &Kept, derivation: &Derivation, length: usize) -> Result<Secret, Error> {
        let Some(held) = Held::read(&base.held) else { return self.beside.derive(base, derivation, length) };
        let (Shape::Private(pair @ Pair::Elliptic(curve)), Derivation::Agreement { peer, finish }) =
            (base.shape, derivation)
        else {
            return Err(NOT_DERIVED);
        };
        if self.keeper.token().is_some_and(|token| !offer::has(&token, CKM_ECDH1_DERIVE, DERIVES)) {
            return Err(NOT_DERIVED);
        }
        let peer = match peer {
            Peer::Info(info) => Material::PublicKeyInfo(info.clone()),
            Peer::Bare(point) => Material::EllipticPublic { curve, point: point.clone() },
        };
        let peer = self.beside.take(Shape::Public(pair), &peer)?;
        let Material::EllipticPublic { point, .. } = self.beside.give(&peer, Form::Numbers)? else {
            return Err(NOT_DERIVED);
        };
        let whole = curve.bits().div_ceil(8);
        let asked = u32::try_from(whole).map_err(|_| Error::Length)?;
        match self.ask(&Ask::Agree { key: held.key, point: Plain(point), length: asked }, Patience::Usual)? {
            Answer::Bytes { bytes } if bytes.len() == whole => agree::finish(&bytes, finish, length, &*self.beside),
            _ => Err(ABSURD),
        }
    }

    fn digest(&self, hash: Hash) -> Result<Box<dyn Running>, Error> {
        self.beside.digest(hash)
    }

    fn chance(&self) -> &dyn Chance {
        self.beside.chance()
    }

    fn holding(&self) -> Option<&dyn Holding> {
        Some(self)
    }
}

impl Holding for Hsm {
    fn condition(&self) -> Condition {
        self.keeper.condition()
    }

    fn news(&self) -> Vec<News> {
        self.keeper.news().into_iter().map(|condition| News { member: None, condition }).collect()
    }

    fn retry(&self, pin: Option<Secret>) {
        self.keeper.retry(pin);
    }

    fn make(&self, name: &Name, recipe: &Recipe) -> Result<Made, Error> {
        let making = offer::making(recipe)?;
        if self.keeper.token().is_some_and(|token: Arc<Token>| !offer::makes(&token, &making)) {
            return Err(NOT_MADE);
        }
        let ask = Ask::Make {
            id: Plain(name.0.to_vec()),
            label: reference::label(name),
            making,
            leaving: self.leaving.clone(),
        };
        let Answer::Made { public, held } = self.ask(&ask, Patience::Long)? else { return Err(ABSURD) };
        if !held {
            return Err(Error::Key("its token would let it leave"));
        }
        match *recipe {
            Recipe::Symmetric { family, bits } => {
                let shape = Shape::Symmetric { family, bits };
                Ok(Made::One(Kept { shape, held: Held::named(name, CKO_SECRET_KEY).to_secret() }))
            }
            Recipe::Pair(pair) => {
                let (private, public) = self.halves(Held::named(name, CKO_PRIVATE_KEY), pair, public)?;
                Ok(Made::Pair { private, public })
            }
        }
    }

    fn take(&self, name: &Name, shape: Shape, material: &Material) -> Result<Kept, Error> {
        // Looked at here first: a token is handed sound keys alone.
        let sound = self.beside.take(shape, material)?;
        let numbers = self.beside.give(&sound, Form::Numbers);
        let (brought, class) = match (sound.shape, numbers?) {
            (Shape::Public(_), _) => return Ok(sound),
            (Shape::Symmetric { family, bits }, Material::Raw(value)) => {
                let kind = match family {
                    Family::Aes => CKK_AES,
                    Family::Hmac => CKK_GENERIC_SECRET,
                    Family::TripleDes if bits <= 128 => CKK_DES2,
                    Family::TripleDes => CKK_DES3,
                    _ => return Err(NOT_TAKEN),
                };
                (Brought::Secret { kind, value }, CKO_SECRET_KEY)
            }
            (Shape::Private(_), Material::RsaPrivate(key)) => {
                let whole = (key.public_exponent, key.private_exponent, key.p, key.q, key.dp, key.dq, key.qinv);
                let (Some(exponent), Some(private), Some(p), Some(q), Some(dp), Some(dq), Some(qinv)) = whole else {
                    return Err(NOT_TAKEN);
                };
                let (modulus, exponent) = (Plain(key.modulus), Plain(exponent));
                (Brought::Rsa { modulus, exponent, private, p, q, dp, dq, qinv }, CKO_PRIVATE_KEY)
            }
            (Shape::Private(_), Material::EllipticPrivate { curve, number }) => {
                let (_, kind, parameters) = offer::elliptic(curve).ok_or(NOT_TAKEN)?;
                (Brought::Elliptic { kind, parameters: Plain(parameters.to_vec()), number }, CKO_PRIVATE_KEY)
            }
            _ => return Err(NOT_TAKEN),
        };
        let public = match sound.shape {
            Shape::Private(_) => match self.beside.give(&sound, Form::PublicKeyInfo)? {
                Material::PublicKeyInfo(info) => info,
                _ => return Err(NOT_TAKEN),
            },
            _ => Vec::new(),
        };
        let (id, leaving) = (Plain(name.0.to_vec()), self.leaving.clone());
        let ask = Ask::Bring { id, label: reference::label(name), brought, leaving };
        match self.ask(&ask, Patience::Usual)? {
            Answer::Made { held: true, .. } => {
                let held = Held { public: Plain(public), ..Held::named(name, class) };
                Ok(Kept { shape: sound.shape, held: held.to_secret() })
            }
            Answer::Made { held: false, .. } => Err(Error::Key("its token would let it leave")),
            _ => Err(ABSURD),
        }
    }

    fn copy(&self, name: &Name, kept: &Kept) -> Result<Kept, Error> {
        let Some(held) = Held::read(&kept.held) else {
            return Ok(Kept { shape: kept.shape, held: kept.held.duplicate() });
        };
        let fresh = Held { public: held.public.clone(), ..Held::named(name, held.key.class) };
        let ask = Ask::Copy { of: held.key, id: Plain(name.0.to_vec()), label: reference::label(name) };
        match self.ask(&ask, Patience::Usual)? {
            Answer::Made { .. } => Ok(Kept { shape: kept.shape, held: fresh.to_secret() }),
            _ => Err(ABSURD),
        }
    }

    fn reference(&self, name: &Name) -> Secret {
        Held::named(name, CKO_SECRET_KEY).errand()
    }

    fn errand(&self, held: &Secret) -> Option<Secret> {
        Held::read(held).map(|held| held.errand())
    }

    fn remove(&self, errand: &Secret) -> Result<(), Error> {
        let Some(held) = Held::read(errand) else { return Ok(()) };
        match self.ask(&Ask::Remove { key: held.key }, Patience::Usual)? {
            Answer::Removed { .. } => Ok(()),
            _ => Err(ABSURD),
        }
    }

    fn found(&self) -> Result<Vec<Found>, Error> {
        Ok(self.look_through()?.0)
    }

    fn close(&self) {
        self.keeper.close();
    }
}

/// What a key of the token is; nothing for a kind that is not worked with here.
fn shape(listed: &Listed) -> Option<Shape> {
    let Listed { key, kind, length, parameters, public, .. } = listed;
    let bits = length.and_then(|bytes| usize::try_from(bytes).ok()).map(|bytes| bytes.saturating_mul(8));
    let symmetric = |family, bits| Some(Shape::Symmetric { family, bits });
    let curve = || {
        Curve::ALL.into_iter().find(|curve| {
            offer::elliptic(*curve).is_some_and(|(_, _, known)| parameters.as_ref().is_some_and(|said| said.0 == known))
        })
    };
    match (key.class, (*kind)?) {
        (CKO_SECRET_KEY, CKK_AES) => symmetric(Family::Aes, bits?),
        (CKO_SECRET_KEY, CKK_GENERIC_SECRET) => symmetric(Family::Hmac, bits?),
        (CKO_SECRET_KEY, CKK_DES2) => symmetric(Family::TripleDes, 112),
        (CKO_SECRET_KEY, CKK_DES3) => symmetric(Family::TripleDes, 168),
        (CKO_PRIVATE_KEY, CKK_RSA) => {
            let bits = if let Public::Rsa { modulus, .. } = public { modulus.0.len().saturating_mul(8) } else { 0 };
            Some(Shape::Private(Pair::Rsa { bits }))
        }
        (CKO_PRIVATE_KEY, CKK_EC | CKK_EC_EDWARDS | CKK_EC_MONTGOMERY) => {
            Some(Shape::Private(Pair::Elliptic(curve()?)))
        }
        _ => None,
    }
}

/// The identifier and the label of a key.
pub(super) type Strange = (Vec<u8>, String);

/// A label as people read it.
fn shown(label: Option<&Plain>) -> String {
    label.map(|label| String::from_utf8_lossy(&label.0).into_owned()).unwrap_or_default()
}

/// The public numbers that a token gave, as others read them. Points come as they are or in a DER octet string.
fn numbers(pair: Pair, public: Public) -> Option<Material> {
    match (pair, public) {
        (Pair::Rsa { .. }, Public::Rsa { modulus, exponent }) => {
            let plain = |number: Plain| {
                let zeros = number.0.iter().take_while(|byte| **byte == 0).count();
                number.0.get(zeros..).unwrap_or_default().to_vec()
            };
            Some(Material::RsaPublic { modulus: plain(modulus), exponent: plain(exponent) })
        }
        (Pair::Elliptic(curve), Public::Point { point }) => {
            let bare = match curve {
                Curve::Ed25519 | Curve::X25519 => 32,
                curve => curve.bits().div_ceil(8).saturating_mul(2).saturating_add(1),
            };
            // The last so many bytes, and before them nothing or the head of an octet string.
            let (head, point) = point.0.split_at_checked(point.0.len().checked_sub(bare)?)?;
            let length = u8::try_from(bare).ok()?;
            let known: [&[u8]; 3] = [&[], &[0x04, length], &[0x04, 0x81, length]];
            known.contains(&head).then(|| Material::EllipticPublic { curve, point: point.to_vec() })
        }
        _ => None,
    }
}

const ABSURD: Error = Error::Engine("a token, which answers what cannot be");
const NOT_MADE: Error = Error::Unsupported("making such a key; its token does not");
const NOT_TAKEN: Error = Error::Unsupported("such a key in a token");
const NOT_DERIVED: Error = Error::Unsupported("deriving so from a key in a token");
