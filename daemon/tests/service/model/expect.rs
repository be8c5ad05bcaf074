//! What the model says of a step before it is taken.

use strongroom::caller::Role;
use strongroom_kmip::code::{CryptographicUsageMask as Mask, ResultReason, RevocationReasonCode, State};

use super::{
    step::{Step, Wish},
    thing::Thing,
    walk::{WALKERS, Walk},
};

/// What a step should come to.
pub type Expected = Result<(), ResultReason>;

impl Walk<'_> {
    pub(super) fn expect(&self, who: usize, step: Step) -> Expected {
        let role = WALKERS[who].1;
        match step {
            Step::Create(Wish { name, .. }) if self.taken(who, name, None) => Err(ResultReason::NonUniqueNameAttribute),
            Step::Create(_) if role == Role::Auditor => Err(ResultReason::ItemNotFound),
            Step::Create(_) | Step::Locate(..) => Ok(()),
            Step::Activate(which)
            | Step::Revoke(which, _)
            | Step::Destroy(which)
            | Step::Get(which)
            | Step::Export(which)
            | Step::Look(which)
            | Step::Encrypt(which)
            | Step::Decrypt(which)
            | Step::Seal(which, _)
            | Step::Rename(which, _)
            | Step::Note(which, _)
            | Step::Schedule(which, _)
            | Step::Archive(which)
            | Step::Recover(which)
            | Step::Lease(which)
            | Step::Allocate(which, _)
            | Step::ReKey(which) => {
                let thing = &self.things[which];
                permitted(step, thing.owner == who, role)?;
                let kept_away = !matches!(step, Step::Look(_) | Step::Archive(_) | Step::Recover(_));
                if kept_away && thing.archived {
                    return Err(ResultReason::ObjectArchived);
                }
                if let Step::Rename(which, name) = step
                    && self.taken(who, name, Some(which))
                {
                    return Err(ResultReason::NonUniqueNameAttribute);
                }
                possible(step, thing, self.now())
            }
        }
    }

    /// Whether a walker has another object of this name.
    fn taken(&self, owner: usize, name: u8, but: Option<usize>) -> bool {
        let now = self.now();
        let mut others = self.things.iter().enumerate().filter(|&(place, _)| Some(place) != but);
        others.any(|(_, thing)| thing.owner == owner && thing.name == Some(name) && !thing.is_gone(now))
    }
}

/// Whether an owner, or somebody of this role, may do that with an object. Nobody else learns that it is there.
fn permitted(step: Step, owns: bool, role: Role) -> Expected {
    let may = match step {
        _ if owns => true,
        Step::Look(_) => role != Role::User,
        Step::Get(_)
        | Step::Export(_)
        | Step::Encrypt(_)
        | Step::Decrypt(_)
        | Step::Seal(..)
        | Step::Lease(_)
        | Step::Allocate(..) => false,
        _ => role == Role::Administrator,
    };
    if may { Ok(()) } else { Err(ResultReason::ItemNotFound) }
}

/// Whether an object as it is now lets that be done with it.
fn possible(step: Step, thing: &Thing, now: i64) -> Expected {
    let (state, gone) = (thing.state(now), thing.is_gone(now));
    let stands = |states: &[State]| match state {
        state if states.contains(&state) => Ok(()),
        _ if gone => Err(ResultReason::ObjectDestroyed),
        _ => Err(ResultReason::WrongKeyLifecycleState),
    };
    let uses = |states: &[State], mask: Mask| {
        stands(states)?;
        if thing.mask.contains(mask) { Ok(()) } else { Err(ResultReason::IncompatibleCryptographicUsageMask) }
    };
    let takes = |count: i64| match thing.left {
        Some(left) if left < count => Err(ResultReason::UsageLimitExceeded),
        _ => Ok(()),
    };
    let ends_before = |end: Option<i64>| thing.activation.is_some_and(|start| end.is_some_and(|end| end < start));
    match step {
        Step::Create(_) | Step::Locate(..) | Step::Look(_) | Step::Recover(_) => Ok(()),
        Step::Activate(_) => stands(&[State::PreActive]),
        Step::Revoke(_, RevocationReasonCode::KeyCompromise | RevocationReasonCode::CACompromise) => {
            stands(&[State::PreActive, State::Active, State::Deactivated, State::Destroyed])
        }
        Step::Revoke(..) => stands(&[State::Active]),
        Step::Destroy(_) => stands(&[State::PreActive, State::Deactivated, State::Compromised]),
        Step::Export(_) if gone => Ok(()),
        Step::Get(_) | Step::Archive(_) | Step::Lease(_) | Step::ReKey(_) if gone => Err(ResultReason::ObjectDestroyed),
        Step::Get(_) | Step::Export(_) if !thing.extractable => Err(ResultReason::NotExtractable),
        Step::Get(_) | Step::Export(_) if thing.sensitive => Err(ResultReason::Sensitive),
        Step::Get(_) | Step::Export(_) => Ok(()),
        Step::Encrypt(_) => uses(&[State::Active], Mask::Encrypt).and_then(|()| takes(1)),
        Step::Seal(_, nonce) => uses(&[State::Active], Mask::Encrypt).and_then(|()| takes(1)).and_then(|()| {
            if thing.nonces.contains(&nonce) { Err(ResultReason::BadCryptographicParameters) } else { Ok(()) }
        }),
        Step::Decrypt(_) => uses(&[State::Active, State::Deactivated, State::Compromised], Mask::Decrypt),
        Step::Rename(..) if thing.name.is_none() => Err(ResultReason::AttributeNotFound),
        Step::Note(_, None) if thing.comment.is_none() => Err(ResultReason::AttributeNotFound),
        Step::Rename(..) | Step::Note(..) => Ok(()),
        Step::Schedule(..) if thing.deactivation.is_some() && !matches!(state, State::PreActive | State::Active) => {
            Err(ResultReason::WrongKeyLifecycleState)
        }
        Step::Schedule(_, after) if ends_before(Some(now + after)) => Err(ResultReason::InvalidAttributeValue),
        Step::Schedule(..) => Ok(()),
        Step::Archive(_) if thing.archived => Err(ResultReason::ObjectArchived),
        Step::Archive(_) => Ok(()),
        Step::Lease(_) if state == State::Compromised => Err(ResultReason::PermissionDenied),
        Step::Lease(_) => Ok(()),
        Step::Allocate(..) if thing.left.is_none() => Err(ResultReason::AttributeNotFound),
        Step::Allocate(..) if !thing.mask.contains(Mask::Encrypt) => Err(ResultReason::InvalidObjectType),
        Step::Allocate(_, count) => stands(&[State::Active]).and_then(|()| takes(count)),
        Step::ReKey(_) if ends_before(thing.deactivation) => Err(ResultReason::InvalidAttributeValue),
        Step::ReKey(_) => Ok(()),
    }
}
