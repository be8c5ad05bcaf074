//! The PINs of a token, and their records.

use strongroom::{
    caller::{Caller, Role},
    service::{Order, PinError, PinOf},
};
use strongroom_kmip::{
    code::Operation,
    message::{Authentication, Credential, UsernameAndPassword},
    secret::Secret,
    ttlv::SecretText,
};

use crate::house::{House, alice, operator};

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
    let set = house.service.set_user_pin(&alice(), "dev", &pin("9999"));
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
