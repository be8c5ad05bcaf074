//! ML-DSA (FIPS 204) and ML-KEM (FIPS 203). What is signed is brought down to the 64 bytes of its representative here, so
//! that messages come in parts; the engine hedges every signature with fresh randomness.

use aws_lc_rs::kem;
use openssl::{
    hash::{Hasher, MessageDigest},
    pkey::{HasPublic, PKey, PKeyRef, Private, Public},
    pkey_ctx::PkeyCtx,
};
use strongroom_kmip::{
    mechanism::{Keys, Mechanism, ParameterSet},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::gather::NO_SIGNATURE;
use super::{info, offer, prehash};
use crate::chance::Chance;
use crate::slot::contract::{Error, Key, Pair, Purpose, Running, Shape};

/// The private half of ML-DSA.
#[derive(Clone)]
pub(super) struct PrivateLattice {
    set: ParameterSet,
    key: PKey<Private>,
    /// The digest of the public key, with which every representative begins.
    own: [u8; 64],
}

/// The public half of ML-DSA.
#[derive(Clone)]
pub(super) struct PublicLattice {
    set: ParameterSet,
    key: PKey<Public>,
    own: [u8; 64],
}

impl PrivateLattice {
    pub(super) fn new(set: ParameterSet, key: PKey<Private>) -> Result<Self, Error> {
        let own = digest(&[&public_of(set, &key)?])?;
        Ok(Self { set, key, own })
    }

    fn sign(&self, representative: &[u8; 64]) -> Result<Secret, Error> {
        let mut context = PkeyCtx::new(&self.key).map_err(|_| ENGINE)?;
        let mut signature = Vec::new();
        context.sign_init().and_then(|()| context.sign_to_vec(representative, &mut signature)).map_err(|_| ENGINE)?;
        Ok(Secret::new(signature))
    }
}

impl PublicLattice {
    pub(super) fn new(set: ParameterSet, key: PKey<Public>) -> Result<Self, Error> {
        let own = digest(&[&key.raw_public_key().map_err(|_| ENGINE)?])?;
        Ok(Self { set, key, own })
    }

    fn check(&self, representative: &[u8; 64], signature: &[u8]) -> Result<(), Error> {
        let mut context = PkeyCtx::new(&self.key).map_err(|_| ENGINE)?;
        context.verify_init().map_err(|_| ENGINE)?;
        match context.verify(representative, signature) {
            Ok(true) => Ok(()),
            _ => Err(Error::Mismatch),
        }
    }
}

impl Key for PrivateLattice {
    fn verify(&self, _mechanism: &Mechanism, _data: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(offer::UNSUPPORTED)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(Shape::Private(Pair::Quantum(self.set)), purpose, mechanism)?;
        // The engine always hedges.
        if matches!(mechanism, Mechanism::MlDsa(signing) if signing.deterministic) {
            return Err(Error::Parameter("wish for no randomness"));
        }
        let message = Message::begin(&self.own, mechanism)?;
        Ok(Box::new(Making { key: self.clone(), message }))
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        Some(self.set.facts().output)
    }
}

impl Key for PublicLattice {
    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        let mut running = self.begin(Purpose::Verify, mechanism)?;
        running.update(data)?;
        running.finish_against(signature)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(Shape::Public(Pair::Quantum(self.set)), purpose, mechanism)?;
        let message = Message::begin(&self.own, mechanism)?;
        Ok(Box::new(Checking { key: self.clone(), message }))
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

/// A signature under way.
struct Making {
    key: PrivateLattice,
    message: Message,
}

/// A verification under way.
struct Checking {
    key: PublicLattice,
    message: Message,
}

impl Running for Making {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        self.message.add(data)
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        self.key.sign(&self.message.end()?)
    }
}

impl Running for Checking {
    fn update(&mut self, data: &[u8]) -> Result<Secret, Error> {
        self.message.add(data)
    }

    fn finish(self: Box<Self>) -> Result<Secret, Error> {
        Err(NO_SIGNATURE)
    }

    fn finish_against(self: Box<Self>, signature: &[u8]) -> Result<(), Error> {
        self.key.check(&self.message.end()?, signature)
    }
}

/// What becomes the representative of a message (FIPS 204 §5.2 to §5.4).
struct Message {
    whole: Hasher,
    /// The digest that stands for the message, where one does.
    first: Option<prehash::Digesting>,
}

impl Message {
    fn begin(own: &[u8; 64], mechanism: &Mechanism) -> Result<Self, Error> {
        let Mechanism::MlDsa(signing) = mechanism else { return Err(offer::UNSUPPORTED) };
        let mut whole = Hasher::new(MessageDigest::shake_256()).map_err(|_| ENGINE)?;
        for part in [&own[..], &prehash::head(signing)?] {
            whole.update(part).map_err(|_| ENGINE)?;
        }
        Ok(Self { whole, first: prehash::Digesting::begin(signing)? })
    }

    fn add(&mut self, data: &[u8]) -> Result<Secret, Error> {
        match &mut self.first {
            Some(first) => first.add(data)?,
            None => self.whole.update(data).map_err(|_| ENGINE)?,
        }
        Ok(Secret::copy_of(&[]))
    }

    fn end(mut self) -> Result<[u8; 64], Error> {
        if let Some(first) = self.first {
            self.whole.update(&first.end()?).map_err(|_| ENGINE)?;
        }
        let mut representative = [0; 64];
        self.whole.finish_xof(&mut representative).map_err(|_| ENGINE)?;
        Ok(representative)
    }
}

fn digest(parts: &[&[u8]]) -> Result<[u8; 64], Error> {
    let mut hasher = Hasher::new(MessageDigest::shake_256()).map_err(|_| ENGINE)?;
    parts.iter().try_for_each(|part| hasher.update(part)).map_err(|_| ENGINE)?;
    let mut out = [0; 64];
    hasher.finish_xof(&mut out).map_err(|_| ENGINE)?;
    Ok(out)
}

/// A new pair.
pub(super) fn make(set: ParameterSet, chance: &dyn Chance) -> Result<PKey<Private>, Error> {
    let mut seed = Zeroizing::new(vec![0; set.facts().seed]);
    chance.fill(&mut seed)?;
    private(set, Some(&Secret::copy_of(&seed)), None)
}

/// The private key of a seed, or in its expanded form; of both, if they are of one key.
pub(super) fn private(
    set: ParameterSet,
    seed: Option<&Secret>,
    expanded: Option<&Secret>,
) -> Result<PKey<Private>, Error> {
    let inner = match (seed, expanded) {
        (Some(seed), _) => info::wrap(SEED, seed.reveal()),
        (None, Some(expanded)) => info::wrap(info::OCTETS, expanded.reveal()),
        (None, None) => return Err(Error::Key("there is nothing in it")),
    };
    let der = info::private_of(Pair::Quantum(set), &Zeroizing::new(inner))?;
    let key = PKey::private_key_from_pkcs8(der.reveal()).map_err(|_| UNREADABLE)?;
    if let (Some(_), Some(expanded)) = (seed, expanded)
        && !expanded.same_as(&Zeroizing::new(key.raw_private_key().map_err(|_| ENGINE)?))
    {
        return Err(UNREADABLE);
    }
    Ok(key)
}

/// The public key of these bytes.
pub(super) fn public(set: ParameterSet, bytes: &[u8]) -> Result<PKey<Public>, Error> {
    let der = info::public(Pair::Quantum(set), bytes)?;
    PKey::public_key_from_der(&der).map_err(|_| UNREADABLE)
}

/// The seed of a private key, where it is known, and its expanded form.
pub(super) fn numbers(set: ParameterSet, key: &PKeyRef<Private>) -> Result<(Option<Secret>, Secret), Error> {
    let expanded = Secret::new(key.raw_private_key().map_err(|_| ENGINE)?);
    // The engine writes only what has a seed.
    let Ok(der) = key.private_key_to_pkcs8().map(Zeroizing::new) else { return Ok((None, expanded)) };
    let inner = info::inner_of(Pair::Quantum(set), &der)?;
    let seed = match info::next(&inner, SEED) {
        Ok((seed, _)) => Some(Secret::copy_of(seed)),
        // Both, one behind the other.
        Err(_) => match info::next(&inner, info::SEQUENCE).and_then(|(both, _)| info::next(both, info::OCTETS)) {
            Ok((seed, _)) => Some(Secret::copy_of(seed)),
            Err(_) => None,
        },
    };
    Ok((seed, expanded))
}

/// Which parameter set a key of the engine's is of, if any: no two have public keys of one length.
pub(super) fn set_of<T: HasPublic>(key: &PKeyRef<T>) -> Option<ParameterSet> {
    let length = key.raw_public_key().ok()?.len();
    let lattice = |set: &&ParameterSet| matches!(set.facts().keys, Keys::MlDsa | Keys::MlKem);
    ParameterSet::ALL.iter().filter(lattice).copied().find(|set| set.facts().public == length)
}

/// PKCS#8 around a private key that came expanded (RFC 9881 §6, RFC 9935 §6).
pub(super) fn write_expanded(set: ParameterSet, key: &PKeyRef<Private>) -> Result<Secret, Error> {
    let expanded = Zeroizing::new(key.raw_private_key().map_err(|_| ENGINE)?);
    info::private_of(Pair::Quantum(set), &Zeroizing::new(info::wrap(info::OCTETS, &expanded)))
}

/// The bytes of the public half. A key of ML-KEM that came expanded has them in it (FIPS 203 §7.1), and the engine does not
/// look.
pub(super) fn public_of(set: ParameterSet, key: &PKeyRef<Private>) -> Result<Vec<u8>, Error> {
    let facts = set.facts();
    if facts.keys != Keys::MlKem {
        return key.raw_public_key().map_err(|_| ENGINE);
    }
    let expanded = Zeroizing::new(key.raw_private_key().map_err(|_| ENGINE)?);
    // Behind the public key stand its digest and the seed of what is brought by nobody's ciphertexts, 32 bytes each.
    let from = expanded.len().checked_sub(facts.public.saturating_add(64)).ok_or(ENGINE)?;
    expanded.get(from..).and_then(|rest| rest.get(..facts.public)).map(<[u8]>::to_vec).ok_or(ENGINE)
}

/// Which parameter set a private key of the engine's is of, if any: no two have private keys of one length.
pub(super) fn set_of_private(key: &PKeyRef<Private>) -> Option<ParameterSet> {
    let length = Zeroizing::new(key.raw_private_key().ok()?).len();
    let lattice = |set: &&ParameterSet| matches!(set.facts().keys, Keys::MlDsa | Keys::MlKem);
    ParameterSet::ALL.iter().filter(lattice).copied().find(|set| set.facts().private == length)
}

/// A secret for whoever has the private key, and the ciphertext that brings it.
pub(super) fn encapsulate(set: ParameterSet, key: &PKeyRef<Public>) -> Result<(Vec<u8>, Secret), Error> {
    let bytes = key.raw_public_key().map_err(|_| ENGINE)?;
    let key = kem::EncapsulationKey::new(algorithm(set)?, &bytes).map_err(|_| UNREADABLE)?;
    let (ciphertext, secret) = key.encapsulate().map_err(|_| ENGINE)?;
    Ok((ciphertext.as_ref().to_vec(), Secret::copy_of(secret.as_ref())))
}

/// The secret in a ciphertext; for one that was made for nobody, a secret that nobody else knows (FIPS 203 §6.3).
pub(super) fn decapsulate(set: ParameterSet, key: &PKeyRef<Private>, ciphertext: &[u8]) -> Result<Secret, Error> {
    if ciphertext.len() != set.facts().output {
        return Err(Error::Parameter("ciphertext"));
    }
    let bytes = Zeroizing::new(key.raw_private_key().map_err(|_| ENGINE)?);
    let key = kem::DecapsulationKey::new(algorithm(set)?, &bytes).map_err(|_| UNREADABLE)?;
    let secret = key.decapsulate(ciphertext.into()).map_err(|_| ENGINE)?;
    Ok(Secret::copy_of(secret.as_ref()))
}

fn algorithm(set: ParameterSet) -> Result<&'static kem::Algorithm<kem::AlgorithmId>, Error> {
    match set {
        ParameterSet::MlKem512 => Ok(&kem::ML_KEM_512),
        ParameterSet::MlKem768 => Ok(&kem::ML_KEM_768),
        ParameterSet::MlKem1024 => Ok(&kem::ML_KEM_1024),
        _ => Err(offer::UNSUPPORTED),
    }
}

/// The tag of a seed in RFC 9881 §6 and RFC 9935 §6.
const SEED: u8 = 0x80;

const UNREADABLE: Error = Error::Key("it does not parse, or its parts contradict each other");
const ENGINE: Error = Error::Engine("a lattice");
