//! Slots that hold their keys themselves: tokens opened again, keys of theirs that become objects, and what the daemon does
//! about them unasked. What becomes of a slot is in the log.

use strongroom_kmip::{
    attribute::{Attribute, Link, Name, Set},
    code::{CryptographicAlgorithm, CryptographicUsageMask, LinkType, NameType, ObjectType, ResultReason},
    mechanism::Curve,
    secret::Secret,
    ttlv::DateTime,
    version::V2_1,
};

use super::{call::Call, creation, material, order::Report, refusal::Refusal, registry::Service, shown::MemberRow};
use crate::{
    audit::{self, Durability, Entry, Event, Outcome, Reason, Who},
    caller::{Caller, Principal},
    vault::{
        Action, Change, Client, Condition, Content, Family, Held, Kept, Member, New, News, ObjectId, Pair, Query, Shape,
    },
};

/// Which keys are adopted, and for whom.
pub(super) struct Adopted {
    pub(super) label: Option<String>,
    pub(super) id: Option<String>,
    pub(super) owner: Client,
}

/// What is said of keys that nothing tells from others: to work with one, or to remove it, could be to do so with another.
fn unnamed(count: usize) -> String {
    let keys = if count == 1 { "key in the token has" } else { "keys in the token have" };
    let both = if count == 1 { "has" } else { "have" };
    format!(
        "{count} {keys} neither a label nor a CKA_ID, or {both} both in common with another key; give each a CKA_ID of its \
         own in the token, and adopt again"
    )
}

impl Service {
    /// Has a slot's token opened again.
    pub(super) fn slot_login(&self, slot: &str, pin: Option<Secret>) -> Result<Report, Refusal> {
        let none = || Refusal::invalid("this slot has no token to log in to");
        let fitted = match (self.vault.slot_called(slot), slot.rsplit_once('/')) {
            (Err(_), Some((whole, member))) => {
                let fitted = self.vault.slot_called(whole)?;
                let holding = fitted.slot.holding().and_then(|holding| holding.member(member));
                holding.ok_or_else(none)?.retry(pin);
                return Ok(Report::Done);
            }
            (fitted, _) => fitted?,
        };
        fitted.slot.holding().ok_or_else(none)?.retry(pin);
        Ok(Report::Done)
    }

    /// Lets keys that are in a slot's token appear as objects.
    pub(super) fn adopt(
        &self,
        operator: &Caller,
        change: &mut Change,
        slot: &str,
        wanted: &Adopted,
    ) -> Result<Report, Refusal> {
        let fitted = self.vault.slot_called(slot)?;
        let holding = fitted.slot.holding().ok_or_else(|| Refusal::invalid("this slot has no token with keys"))?;
        let slot = fitted.key();
        let known = self.vault.held_in(slot)?;
        let caller = Caller {
            principal: Principal::Client(wanted.owner.name.clone()),
            role: wanted.owner.role,
            ..operator.clone()
        };
        let call = Call::new(&self.vault, &self.streams, &self.tickets, &self.later, &caller, V2_1);
        let (mut adopted, mut alike) = (Vec::new(), 0usize);
        let found = holding.found().map_err(crate::vault::Error::from)?;
        for found in found {
            let id: String = found.id.iter().map(|byte| format!("{byte:02x}")).collect();
            let fits = wanted.label.as_ref().is_none_or(|label| *label == found.label)
                && wanted.id.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(&id));
            let ours = holding
                .errand(&found.key.held)
                .is_none_or(|errand| known.iter().any(|one| one.same_as(errand.reveal())));
            if !fits || ours {
                continue;
            }
            if found.alike {
                alike = alike.saturating_add(1);
                continue;
            }
            let object_type = match found.key.shape {
                Shape::Symmetric { .. } => ObjectType::SymmetricKey,
                Shape::Private(_) | Shape::Public(_) => ObjectType::PrivateKey,
            };
            let private = self.take_in(&call, change, slot, &found.label, object_type, found.key, found.held)?;
            adopted.push(private.clone());
            if let Some(public) = found.public {
                let public =
                    self.take_in(&call, change, slot, &found.label, ObjectType::PublicKey, public, Held::Not)?;
                self.tie(change, &caller, &private, LinkType::PublicKeyLink, &public)?;
                self.tie(change, &caller, &public, LinkType::PrivateKeyLink, &private)?;
                adopted.push(public);
            }
        }
        if adopted.is_empty() && alike > 0 {
            return Err(Refusal::new(ResultReason::NonUniqueNameAttribute, unnamed(alike)));
        }
        if adopted.is_empty() {
            return Err(Refusal::new(
                ResultReason::ItemNotFound,
                "there is no such key in the slot that is no object yet",
            ));
        }
        let note = (alike > 0).then(|| unnamed(alike));
        Ok(Report::Adopted { ids: adopted.iter().map(ToString::to_string).collect(), note })
    }

    /// An object for a key that is there already.
    #[allow(clippy::too_many_arguments)]
    fn take_in(
        &self,
        call: &Call<'_>,
        change: &mut Change,
        slot: &str,
        label: &str,
        object_type: ObjectType,
        kept: Kept,
        held: Held,
    ) -> Result<ObjectId, Refusal> {
        let mut set = Set::new();
        set.put(Attribute::CryptographicAlgorithm(algorithm(kept.shape)));
        set.put(Attribute::CryptographicUsageMask(mask(kept.shape)));
        set.put(Attribute::ActivationDate(DateTime(self.vault.now().seconds())));
        if !label.is_empty() && object_type != ObjectType::PublicKey {
            let name = Name { value: label.to_owned(), kind: NameType::UninterpretedTextString };
            // Two keys of one label are both adopted; the first has the Name.
            if self.vault.with(Some(change))?.find(call.caller, &named(&name)).objects.is_empty() {
                set.put(Attribute::Name(name));
            }
        }
        creation::describe(&mut set, kept.shape);
        let format = material::default_format(kept.shape);
        let shown = creation::shown(call, Some(slot), &kept, material::form(format, kept.shape)?)?;
        let shown = shown.as_ref().map(material::bytes);
        creation::complete_held(call, &mut set, object_type, shown, Some(format));
        // What the token would let out was or will be outside, whatever we do.
        if held == Held::Loosely {
            set.put(Attribute::AlwaysSensitive(false));
            set.put(Attribute::NeverExtractable(false));
        }
        let new = New { slot: slot.to_owned(), content: Content::Key(kept), attributes: set };
        Ok(self.vault.add(change, call.caller, new)?)
    }

    fn tie(
        &self,
        change: &mut Change,
        caller: &Caller,
        from: &ObjectId,
        link_type: LinkType,
        to: &ObjectId,
    ) -> Result<(), Refusal> {
        self.vault.edit(change, caller, from, Action::Change, |object| {
            object.attributes.put(Attribute::Link(Link::to(link_type, to.as_str())));
            Ok(())
        })
    }

    /// Writes down what became of slots, and removes the keys that have to go from them. It may take as long as a slot takes
    /// to answer.
    ///
    /// # Errors
    /// [`Refusal`], when log or store do not take it; the next time it is tried again.
    pub fn attend(&self, daemon: &Caller) -> Result<(), Refusal> {
        let unwritten = |error: super::registry::Error| Refusal::new(ResultReason::GeneralFailure, error.to_string());
        for fitted in self.vault.slots().iter() {
            let Some(holding) = fitted.slot.holding() else { continue };
            for News { member, condition } in holding.news() {
                let outcome = match condition.why() {
                    None => Outcome::Success,
                    Some(why) => Outcome::Failed(Reason::Named(why.word())),
                };
                let mut entry = Entry::new(Who::Known(daemon), audit::Action::Event(Event::SlotChanged), outcome);
                let name = fitted.slot.name();
                let id = member.map_or_else(|| name.to_owned(), |member| format!("{name}/{member}"));
                entry.object = Some(audit::Object { id: &id, version: None });
                self.settle(&entry, Durability::Sync, None).wait().map_err(unwritten)?;
            }
        }
        if self.is_sealed() {
            return Ok(());
        }
        self.clear_slots(daemon)?;
        let removed = self.vault.run_errands()?;
        if removed > 0 {
            let mut entry = Entry::new(Who::Known(daemon), audit::Action::Event(Event::Removed), Outcome::Success);
            entry.count = u64::try_from(removed).ok();
            self.settle(&entry, Durability::Sync, None).wait().map_err(unwritten)?;
        }
        for fitted in self.vault.slots().iter() {
            let Some(holding) = fitted.slot.holding().filter(|holding| holding.is_scattered()) else { continue };
            let brought = holding.spread(&self.vault.held_in(fitted.key())?);
            if brought > 0 {
                let mut entry = Entry::new(Who::Known(daemon), audit::Action::Event(Event::Spread), Outcome::Success);
                entry.object = Some(audit::Object { id: fitted.slot.name(), version: None });
                entry.count = u64::try_from(brought).ok();
                self.settle(&entry, Durability::Sync, None).wait().map_err(unwritten)?;
            }
        }
        Ok(())
    }
}

/// How a slot's condition is reported.
pub(super) fn condition(fitted: &crate::vault::Fitted) -> Condition {
    fitted.slot.holding().map_or(Condition::Usable, |holding| holding.condition())
}

/// How the tokens of a slot are reported, where they are several.
pub(super) fn members(fitted: &crate::vault::Fitted) -> Vec<MemberRow> {
    let members = fitted.slot.holding().map(|holding| holding.members()).unwrap_or_default();
    let row = |member: Member| {
        let why = member.condition.why().or(member.hindrance);
        MemberRow {
            name: member.name,
            condition: member.condition.word().to_owned(),
            why: why.map(|why| why.word().to_owned()),
            advice: why.map(|why| why.to_string()),
            lacking: member.lacking,
            bound: member.bound,
        }
    };
    members.into_iter().map(row).collect()
}

fn named(name: &Name) -> Query {
    Query { filters: vec![Attribute::Name(name.clone())], ..Query::default() }
}

fn algorithm(shape: Shape) -> CryptographicAlgorithm {
    match shape {
        Shape::Symmetric { family, .. } => match family {
            Family::TripleDes => CryptographicAlgorithm::DES3,
            Family::Hmac => CryptographicAlgorithm::HMAC_SHA256,
            _ => CryptographicAlgorithm::AES,
        },
        Shape::Private(pair) | Shape::Public(pair) => match pair {
            Pair::Rsa { .. } => CryptographicAlgorithm::RSA,
            Pair::Elliptic(Curve::Ed25519) => CryptographicAlgorithm::Ed25519,
            Pair::Quantum(set) => set.facts().code,
            Pair::Group { .. } => CryptographicAlgorithm::DH,
            Pair::Dsa { .. } => CryptographicAlgorithm::DSA,
            Pair::Elliptic(_) => CryptographicAlgorithm::EC,
        },
    }
}

/// What an adopted key may be used for: what it is for by its kind. Its owner narrows it.
fn mask(shape: Shape) -> CryptographicUsageMask {
    match shape {
        Shape::Symmetric { family: Family::Hmac, .. } => {
            CryptographicUsageMask::MACGenerate | CryptographicUsageMask::MACVerify
        }
        Shape::Symmetric { .. } => CryptographicUsageMask::Encrypt | CryptographicUsageMask::Decrypt,
        Shape::Private(Pair::Rsa { .. }) => CryptographicUsageMask::Sign | CryptographicUsageMask::Decrypt,
        Shape::Public(Pair::Rsa { .. }) => CryptographicUsageMask::Verify | CryptographicUsageMask::Encrypt,
        Shape::Private(Pair::Group { .. } | Pair::Elliptic(Curve::X25519)) => CryptographicUsageMask::KeyAgreement,
        Shape::Private(_) => CryptographicUsageMask::Sign,
        Shape::Public(_) => CryptographicUsageMask::Verify,
    }
}
