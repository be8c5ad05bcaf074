//! A key that several tokens have, ready to work at any of them.

use std::sync::Arc;

use strongroom_kmip::{
    mechanism::Mechanism,
    secret::{Secret, Wiped},
};

use super::{
    gather::{Gathered, Hashed},
    key::TokenKey,
    offer,
    pool::Shared,
    reference::Held,
};
use crate::slot::contract::{Error, Key, Purpose, Running, Shape};

/// A key in several tokens. Which of them have it is found out when it is used.
#[derive(Clone)]
pub(super) struct JointKey {
    shared: Arc<Shared>,
    errand: Arc<[u8]>,
    /// As each member has it, in their order.
    keys: Arc<[TokenKey]>,
    shape: Shape,
}

impl JointKey {
    pub(super) fn new(shared: &Arc<Shared>, held: &Held, shape: Shape) -> Self {
        let keys = shared.tokens.iter().map(|token| TokenKey {
            keeper: Arc::clone(&token.slot.keeper),
            beside: Arc::clone(&shared.beside),
            key: held.key.clone(),
            shape,
        });
        let errand = held.errand();
        Self { shared: Arc::clone(shared), errand: errand.reveal().into(), keys: keys.collect(), shape }
    }

    /// Has a member that has the key do it; another, where that one fails.
    fn attempt<T>(&self, act: impl Fn(&TokenKey) -> Result<T, Error>) -> Result<T, Error> {
        self.shared.attempt(&self.errand, |at, _| act(self.keys.get(at).ok_or(Error::Absent)?))
    }
}

impl Key for JointKey {
    fn work(&self, purpose: Purpose, mechanism: &Mechanism, data: &[u8]) -> Result<Secret, Error> {
        self.attempt(|key| key.work(purpose, mechanism, data))
    }

    fn verify(&self, mechanism: &Mechanism, data: &[u8], signature: &[u8]) -> Result<(), Error> {
        self.attempt(|key| key.verify(mechanism, data, signature))
    }

    fn begin(&self, purpose: Purpose, mechanism: &Mechanism) -> Result<Box<dyn Running>, Error> {
        // Whether it can be done is asked now, of any; who does it is found when all data are there.
        let first = self.keys.first().ok_or(Error::Absent)?;
        first.begin(purpose, mechanism)?;
        Ok(match offer::plan(self.shape, mechanism)?.first {
            Some(hash) => {
                let (key, mechanism) = (self.clone(), mechanism.clone());
                let sign = Box::new(move |digest: &[u8]| key.attempt(|key| key.sign_digest(&mechanism, digest)));
                Box::new(Hashed { sign, digest: self.shared.beside.digest(hash)? })
            }
            None => {
                Box::new(Gathered { key: self.clone(), purpose, mechanism: mechanism.clone(), data: Wiped::default() })
            }
        })
    }

    fn output_length(&self, purpose: Purpose, mechanism: &Mechanism) -> Option<usize> {
        self.keys.first()?.output_length(purpose, mechanism)
    }
}
