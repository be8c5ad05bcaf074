//! The PINs of a token, and their records.

use strongroom::{
    caller::{Caller, Role},
    service::{Order, PinError, PinOf},
};
use strongroom_kmip::{
    code::{Operation, ResultReason},
    message::{Authentication, Credential, UsernameAndPassword},
    payload::ActivateRequest,
    secret::Secret,
    ttlv::SecretText,
};

use crate::house::{House, aes, alice, bob, client, operator};

fn pin(text: &str) -> Secret {
    Secret::copy_of(text.as_bytes())
}

fn initialised() -> House {
    let house = House::new();
    let (so_pin, user_pin) = (pin("87654321"), pin("1234"));
    house.service.order(&operator(), Order::TokenInit { slot: "dev".to_owned(), so_pin, user_pin }).unwrap();
    house
}

#[test]
fn a_pin_whose_change_is_not_recorded_is_not_changed() {
    let house = initialised();
    house.log.close().unwrap();
    let changed = house.service.change_pin(&alice(), "dev", PinOf::User, &pin("1234"), &pin("5678"));
    assert!(matches!(changed, Err(PinError::Refused(_))));
    let set = house.service.set_user_pin(&alice(), "dev", house.service.turns().of(0), &pin("9999"));
    assert!(matches!(set, Err(PinError::Refused(_))));
    let house = house.with_new_log();
    house.service.check_pin(&alice(), "dev", PinOf::User, &pin("1234")).unwrap();
}

#[test]
fn a_pin_that_was_changed_is_the_one_that_fits() {
    let house = initialised();
    house.service.change_pin(&alice(), "dev", PinOf::User, &pin("1234"), &pin("5678")).unwrap();
    let old = house.service.check_pin(&alice(), "dev", PinOf::User, &pin("1234"));
    assert_eq!(old, Err(PinError::Incorrect));
    house.service.check_pin(&alice(), "dev", PinOf::User, &pin("5678")).unwrap();
    assert!(!house.service.token(&alice(), "dev").unwrap().user_tried);
}

#[test]
fn a_token_that_never_was_is_given_its_officer_by_whoever_governs_and_by_nobody_else() {
    let house = House::new();
    let init = |caller: &Caller| house.service.init_token(caller, "dev", &pin("87654321"), b"mine".to_vec());
    assert_eq!(init(&alice()), Err(PinError::Unfounded));
    assert!(!house.service.token(&alice(), "dev").unwrap().initialised);
    let administrator = Caller { role: Role::Administrator, ..alice() };
    assert_eq!(init(&administrator), Ok(()));
    assert_eq!(init(&alice()), Ok(()), "now the PIN decides");
}

#[test]
fn a_token_that_never_was_is_not_founded_over_the_objects_of_others() {
    let house = House::new();
    let key = house.ask(&alice(), aes("kept")).unwrap().unique_identifier;
    let administrator = client("root", Role::Administrator);
    let made = house.service.init_token(&administrator, "dev", &pin("87654321"), b"mine".to_vec());
    assert_eq!(made, Err(PinError::Occupied));
    assert!(!house.service.token(&alice(), "dev").unwrap().initialised);
    house.ask(&alice(), ActivateRequest { unique_identifier: Some(key.into()) }).unwrap();
}

#[test]
fn a_token_made_anew_loses_the_objects_of_everybody_in_its_slot() {
    let house = initialised();
    let keys = [alice(), bob()].map(|owner| (house.ask(&owner, aes("gone")).unwrap().unique_identifier, owner));
    let wrong = house.service.init_token(&client("carol", Role::User), "dev", &pin("11111111"), b"mine".to_vec());
    assert_eq!(wrong, Err(PinError::Incorrect));
    assert_eq!(
        house.service.init_token(&client("carol", Role::User), "dev", &pin("87654321"), b"mine".to_vec()),
        Ok(())
    );
    for (key, owner) in keys {
        let gone = house.ask(&owner, ActivateRequest { unique_identifier: Some(key.into()) }).unwrap_err();
        assert_eq!(gone.reason, ResultReason::ItemNotFound);
    }
    let token = house.service.token(&alice(), "dev").unwrap();
    assert!(token.initialised && !token.user_initialised && !token.officer_tried);
    assert_eq!(token.label.as_deref(), Some(b"mine".as_slice()));
    let log = house.told().join("\n");
    let line = log.lines().rfind(|line| line.contains("\"token-init\"")).unwrap();
    assert!(line.contains("\"count\":2"), "{line}");
}

#[test]
fn a_try_that_is_not_recorded_is_not_counted_either() {
    let house = initialised();
    house.log.close().unwrap();
    let wrong = house.service.check_pin(&alice(), "dev", PinOf::User, &pin("9999"));
    assert!(matches!(wrong, Err(PinError::Refused(_))), "nobody is told whether it was right");
    assert!(!house.service.token(&alice(), "dev").unwrap().user_tried);
}

#[test]
fn a_wrong_credential_that_is_not_recorded_is_not_counted_either() {
    let house = House::new();
    house.service.found_authority(&operator(), "test", &["localhost".to_owned()]).unwrap();
    let (name, role) = ("alice".to_owned(), "user".to_owned());
    house.service.order(&operator(), Order::ClientAdd { name, role, days: 1, user: None, csr: None }).unwrap();
    let shown = UsernameAndPassword { username: "ada".to_owned(), password: Some(SecretText::copy_of("lovelace")) };
    let shown = Authentication { credential: vec![Credential::UsernameAndPassword(shown)] };
    let stand = |house: &House| house.service.stand(alice(), Some(&shown), &[Operation::Create], 1).is_err();
    let counted = |house: &House| house.vault.setting("tried/alice").unwrap().is_some();
    house.log.close().unwrap();
    assert!(stand(&house) && !counted(&house));
    let house = house.with_new_log();
    assert!(stand(&house) && counted(&house));
}
