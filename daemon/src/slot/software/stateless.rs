//! SLH-DSA (FIPS 205), in all its parameter sets. The message is hashed twice, so all of it is gathered first; what is
//! signed by its digest is not gathered.

use slh_dsa::{ParameterSet as Set, Signature, SigningKey, VerifyingKey};
use strongroom_kmip::{
    mechanism::{Mechanism, ParameterSet, Signing},
    secret::Secret,
};
use zeroize::Zeroizing;

use super::gather::{Gather, MOST, NO_SIGNATURE};
use super::random::Random;
use super::{offer, prehash};
use crate::chance::Chance;
use crate::slot::contract::{Error, Key, Pair, Purpose, Running, Shape};

/// The private half.
#[derive(Clone)]
pub(super) struct PrivateStateless {
    set: ParameterSet,
    bytes: std::sync::Arc<Secret>,
}

/// The public half.
#[derive(Clone)]
pub(super) struct PublicStateless {
    set: ParameterSet,
    bytes: Vec<u8>,
}

impl PrivateStateless {
    pub(super) fn new(set: ParameterSet, bytes: &Secret) -> Result<Self, Error> {
        check(set, bytes)?;
        Ok(Self { set, bytes: std::sync::Arc::new(bytes.duplicate()) })
    }
}

impl PublicStateless {
    pub(super) fn new(set: ParameterSet, bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() != set.facts().public {
            return Err(LENGTH);
        }
        Ok(Self { set, bytes: bytes.to_vec() })
    }
}

impl Key for PrivateStateless {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        offer::allow(Shape::Private(Pair::Quantum(self.set)), purpose, mechanism)?;
        let Mechanism::SlhDsa(signing) = mechanism else { return Err(offer::UNSUPPORTED) };
        let (head, body) = (prehash::head(signing)?, body(signing, data)?);
        // FIPS 205 §10.2.1: fresh randomness hedges against faults, unless the caller wants none.
        let mut fresh = vec![0; self.set.facts().public / 2];
        Random::default().fill(&mut fresh)?;
        let hedge = (!signing.deterministic).then_some(fresh.as_slice());
        with(self.set, Sign { key: self.bytes.reveal(), head: &head, body: &body, hedge }).map(Secret::new)
    }

    fn verify(&self, _mechanism: &Mechanism, _data: &[u8], _signature: &[u8]) -> Result<(), Error> {
        Err(offer::UNSUPPORTED)
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(Shape::Private(Pair::Quantum(self.set)), purpose, mechanism)?;
        Ok(Gather::begin(self.clone(), purpose, mechanism, MOST))
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        Some(self.set.facts().output)
    }
}

impl Key for PublicStateless {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, _data: &[u8]) -> Result<Secret, Error> {
        offer::allow(Shape::Public(Pair::Quantum(self.set)), purpose, mechanism)?;
        Err(NO_SIGNATURE)
    }

    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        offer::allow(Shape::Public(Pair::Quantum(self.set)), Purpose::Verify, mechanism)?;
        let Mechanism::SlhDsa(signing) = mechanism else { return Err(offer::UNSUPPORTED) };
        let (head, body) = (prehash::head(signing)?, body(signing, data)?);
        with(self.set, Check { key: &self.bytes, head: &head, body: &body, signature }).map(|_| ())
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        offer::allow(Shape::Public(Pair::Quantum(self.set)), purpose, mechanism)?;
        Ok(Gather::begin(self.clone(), purpose, mechanism, MOST))
    }

    fn output_length(&self, _purpose: Purpose, _mechanism: &Mechanism) -> Option<usize> {
        None
    }
}

/// The message, or the digest that stands for it.
fn body(signing: &Signing, data: &[u8]) -> Result<Vec<u8>, Error> {
    match prehash::Digesting::begin(signing)? {
        Some(mut digesting) => {
            digesting.add(data)?;
            digesting.end()
        }
        None => Ok(data.to_vec()),
    }
}

/// The bytes of a new private key.
pub(super) fn make(set: ParameterSet, chance: &dyn Chance) -> Result<Secret, Error> {
    let mut seeds = Zeroizing::new(vec![0; set.facts().private]);
    chance.fill(&mut seeds)?;
    with(set, Make { seeds: &seeds }).map(Secret::new)
}

/// The bytes of the public half, which stand at the end of the private one.
pub(super) fn public_of(set: ParameterSet, private: &Secret) -> Result<Vec<u8>, Error> {
    let half = set.facts().public;
    private.reveal().get(half..).filter(|public| public.len() == half).map(<[u8]>::to_vec).ok_or(LENGTH)
}

/// Whether bytes are a private key: its public half is recomputed, so that no signature ever tells of a false root.
pub(super) fn check(set: ParameterSet, bytes: &Secret) -> Result<(), Error> {
    if bytes.len() == set.facts().private { Ok(()) } else { Err(LENGTH) }
}

/// Whether a private key that comes from elsewhere has the public half that follows from its seeds.
pub(super) fn sound(set: ParameterSet, bytes: &Secret) -> Result<(), Error> {
    check(set, bytes)?;
    let again = Zeroizing::new(with(set, Make { seeds: bytes.reveal() })?);
    if bytes.same_as(&again) { Ok(()) } else { Err(Error::Key("its parts contradict each other")) }
}

/// What is done with one of the parameter sets.
trait Work {
    fn run<S: Set>(self) -> Result<Vec<u8>, Error>;
}

struct Make<'a> {
    seeds: &'a [u8],
}

impl Work for Make<'_> {
    fn run<S: Set>(self) -> Result<Vec<u8>, Error> {
        let part = self.seeds.len() / 4;
        let mut parts = self.seeds.chunks_exact(part.max(1));
        match (parts.next(), parts.next(), parts.next()) {
            (Some(seed), Some(function), Some(public)) => {
                Ok(SigningKey::<S>::slh_keygen_internal(seed, function, public).to_bytes().to_vec())
            }
            _ => Err(LENGTH),
        }
    }
}

struct Sign<'a> {
    key: &'a [u8],
    head: &'a [u8],
    body: &'a [u8],
    hedge: Option<&'a [u8]>,
}

impl Work for Sign<'_> {
    fn run<S: Set>(self) -> Result<Vec<u8>, Error> {
        let key = SigningKey::<S>::try_from(self.key).map_err(|_| LENGTH)?;
        Ok(key.slh_sign_internal(&[self.head, self.body], self.hedge).to_bytes().to_vec())
    }
}

struct Check<'a> {
    key: &'a [u8],
    head: &'a [u8],
    body: &'a [u8],
    signature: &'a [u8],
}

impl Work for Check<'_> {
    fn run<S: Set>(self) -> Result<Vec<u8>, Error> {
        let key = VerifyingKey::<S>::try_from(self.key).map_err(|_| LENGTH)?;
        let signature = Signature::<S>::try_from(self.signature).map_err(|_| Error::Mismatch)?;
        let fits = key.slh_verify_internal(&[self.head, self.body], &signature);
        fits.map(|()| Vec::new()).map_err(|_| Error::Mismatch)
    }
}

fn with(set: ParameterSet, work: impl Work) -> Result<Vec<u8>, Error> {
    match set {
        ParameterSet::SlhDsaSha2_128s => work.run::<slh_dsa::Sha2_128s>(),
        ParameterSet::SlhDsaSha2_128f => work.run::<slh_dsa::Sha2_128f>(),
        ParameterSet::SlhDsaSha2_192s => work.run::<slh_dsa::Sha2_192s>(),
        ParameterSet::SlhDsaSha2_192f => work.run::<slh_dsa::Sha2_192f>(),
        ParameterSet::SlhDsaSha2_256s => work.run::<slh_dsa::Sha2_256s>(),
        ParameterSet::SlhDsaSha2_256f => work.run::<slh_dsa::Sha2_256f>(),
        ParameterSet::SlhDsaShake128s => work.run::<slh_dsa::Shake128s>(),
        ParameterSet::SlhDsaShake128f => work.run::<slh_dsa::Shake128f>(),
        ParameterSet::SlhDsaShake192s => work.run::<slh_dsa::Shake192s>(),
        ParameterSet::SlhDsaShake192f => work.run::<slh_dsa::Shake192f>(),
        ParameterSet::SlhDsaShake256s => work.run::<slh_dsa::Shake256s>(),
        ParameterSet::SlhDsaShake256f => work.run::<slh_dsa::Shake256f>(),
        _ => Err(offer::UNSUPPORTED),
    }
}

const LENGTH: Error = Error::Key("it has a wrong length");
