//! Dates that act without a request, and what the audit log says of it.

use strongroom::{
    caller::{Caller, Front, Principal, Role, Scope},
    vault::{Action, ObjectId},
};
use strongroom_kmip::{
    attribute::{Attribute, Instance, One, References, Standard},
    code::State,
    payload::{ActivateRequest, ArchiveRequest, GetAttributesRequest, RecoverRequest, SetAttributeRequest},
    ttlv::DateTime,
};

use crate::house::{House, NOON, aes, alice};

/// The state as a client sees it.
fn state(house: &House, id: &str) -> State {
    let attribute_reference = References(vec![Standard::State.into()]);
    let request = GetAttributesRequest { unique_identifier: Some(id.into()), attribute_reference };
    match house.ask(&alice(), request).unwrap().attributes.0.remove(0).attribute {
        Attribute::State(state) => state,
        other => panic!("{other:?}"),
    }
}

fn daemon() -> Caller {
    Caller {
        principal: Principal::Daemon,
        role: Role::Administrator,
        front: Front::Rounds,
        from: "pid 1".to_owned(),
        scope: Scope::Everything,
    }
}

fn dated(house: &House, dates: Vec<Attribute>) -> String {
    let mut request = aes("dated");
    request.attributes.attributes.extend(dates.into_iter().map(Into::into));
    house.ask(&alice(), request).unwrap().unique_identifier.0
}

/// The state as it is stored, whatever dates say.
fn stored(house: &House, id: &str) -> Option<State> {
    let (object, _) = house.vault.see(&alice(), &ObjectId::from_text(id), Action::See).unwrap();
    object.attributes.state()
}

#[test]
fn a_pass_stores_what_dates_have_brought_about_and_says_so_in_the_log() {
    let house = House::new();
    let id = dated(
        &house,
        vec![Attribute::ActivationDate(DateTime(NOON + 10)), Attribute::DeactivationDate(DateTime(NOON + 20))],
    );
    assert_eq!(house.service.pass(&daemon()).unwrap(), 0, "nothing is due");
    house.clock.advance(10_000);
    assert_eq!((state(&house, &id), stored(&house, &id)), (State::Active, Some(State::PreActive)));
    assert_eq!(house.service.pass(&daemon()).unwrap(), 1);
    assert_eq!(stored(&house, &id), Some(State::Active));
    assert_eq!(house.service.pass(&daemon()).unwrap(), 0, "it acts once");
    house.clock.advance(10_000);
    assert_eq!(house.service.pass(&daemon()).unwrap(), 1);
    assert_eq!(stored(&house, &id), Some(State::Deactivated));
    let lines = house.told();
    let told = |word: &str| lines.iter().filter(|line| line.contains(word) && line.contains("\"daemon\"")).count();
    assert_eq!((told("\"Activate\""), told("\"Deactivate\"")), (1, 1), "{lines:#?}");
}

#[test]
fn dates_that_came_while_nobody_looked_act_one_after_the_other() {
    let house = House::new();
    let id = dated(
        &house,
        vec![Attribute::ActivationDate(DateTime(NOON + 10)), Attribute::DeactivationDate(DateTime(NOON + 20))],
    );
    house.clock.advance(60_000);
    assert_eq!(house.service.pass(&daemon()).unwrap(), 1);
    assert_eq!(house.service.pass(&daemon()).unwrap(), 1);
    assert_eq!(house.service.pass(&daemon()).unwrap(), 0);
    assert_eq!(stored(&house, &id), Some(State::Deactivated));
}

#[test]
fn what_was_activated_after_its_last_day_can_still_be_described() {
    let house = House::new();
    let id = dated(&house, vec![Attribute::DeactivationDate(DateTime(NOON - 5))]);
    let subject = || Some(id.as_str().into());
    house.ask(&alice(), ActivateRequest { unique_identifier: subject() }).unwrap();
    let new_attribute = One(Instance::from(Attribute::Comment("old".to_owned())));
    house.ask(&alice(), SetAttributeRequest { unique_identifier: subject(), new_attribute }).unwrap();
    let new_attribute = One(Instance::from(Attribute::ProcessStartDate(DateTime(NOON - 10))));
    assert!(
        house.ask(&alice(), SetAttributeRequest { unique_identifier: subject(), new_attribute }).is_err(),
        "no order"
    );
}

#[test]
fn a_date_that_was_moved_or_is_archived_does_not_act() {
    let house = House::new();
    let id = dated(&house, vec![Attribute::ActivationDate(DateTime(NOON + 10))]);
    let subject = || Some(id.as_str().into());
    let new_attribute = One(Instance::from(Attribute::ActivationDate(DateTime(NOON + 100))));
    house.ask(&alice(), SetAttributeRequest { unique_identifier: subject(), new_attribute }).unwrap();
    house.clock.advance(20_000);
    assert_eq!(house.service.pass(&daemon()).unwrap(), 0, "moved");
    house.ask(&alice(), ArchiveRequest { unique_identifier: subject() }).unwrap();
    house.clock.advance(100_000);
    assert_eq!(house.service.pass(&daemon()).unwrap(), 0, "archived");
    house.ask(&alice(), RecoverRequest { unique_identifier: subject() }).unwrap();
    assert_eq!(house.service.pass(&daemon()).unwrap(), 1, "recovered");
}

#[test]
fn what_opens_or_closes_for_a_key_is_recorded_once_and_across_restarts() {
    let house = House::new();
    house.service.pass(&daemon()).unwrap();
    dated(
        &house,
        vec![Attribute::ProcessStartDate(DateTime(NOON + 10)), Attribute::ProtectStopDate(DateTime(NOON + 20))],
    );
    house.clock.advance(15_000);
    assert_eq!(house.service.pass(&daemon()).unwrap(), 1);
    let house = house.with_new_log();
    assert_eq!(house.service.pass(&daemon()).unwrap(), 0);
    house.clock.advance(15_000);
    assert_eq!(house.service.pass(&daemon()).unwrap(), 1);
    assert_eq!(house.service.pass(&daemon()).unwrap(), 0);
    assert!(house.told().iter().any(|line| line.contains("\"protect-stop\"")));
}

#[test]
fn a_date_that_has_opened_or_closed_something_stays() {
    let house = House::new();
    let id = dated(
        &house,
        vec![Attribute::ProcessStartDate(DateTime(NOON + 10)), Attribute::ProtectStopDate(DateTime(NOON + 20))],
    );
    let set = |attribute| {
        let new_attribute = One(Instance::from(attribute));
        house.ask(&alice(), SetAttributeRequest { unique_identifier: Some(id.as_str().into()), new_attribute })
    };
    set(Attribute::ProcessStartDate(DateTime(NOON + 12))).unwrap();
    house.clock.advance(15_000);
    assert!(set(Attribute::ProcessStartDate(DateTime(NOON + 16))).is_err(), "it has come");
    set(Attribute::ProtectStopDate(DateTime(NOON + 30))).unwrap();
    house.clock.advance(15_000);
    assert!(set(Attribute::ProtectStopDate(DateTime(NOON + 60))).is_err(), "it has come");
}
