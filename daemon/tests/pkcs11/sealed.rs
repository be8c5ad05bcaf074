//! A vault that is sealed is a token that was pulled out.

use strongroom_pkcs11_wire::{
    Mechanism, MechanismType, Rv,
    call::request,
    number::SlotFlags,
    value::{Room, Wiped},
};

use crate::house::{House, RW, key};

#[test]
fn a_sealed_vault_is_a_slot_without_a_token() {
    let house = House::new();
    let mut client = house.attach(1);
    house.vault.seal();
    assert!(client.ask(request::GetSlotList { token_present: true }).unwrap().slots.is_empty());
    assert_eq!(client.ask(request::GetSlotList { token_present: false }).unwrap().slots, [0, 1]);
    let slot = client.ask(request::GetSlotInfo { slot: 0 }).unwrap().info;
    assert!(!slot.flags.has(SlotFlags::TOKEN_PRESENT));
    assert!(String::from_utf8_lossy(&slot.description).contains("strongroom unseal"));
    assert_eq!(client.ask(request::GetTokenInfo { slot: 0 }).err(), Some(Rv::TOKEN_NOT_PRESENT));
    assert_eq!(client.ask(request::OpenSession { slot: 0, flags: RW }).err(), Some(Rv::TOKEN_NOT_PRESENT));
    house.vault.enter(key()).unwrap();
    client.session(RW);
}

#[test]
fn a_key_in_hand_is_gone_when_the_vault_is_sealed() {
    let house = House::new();
    let (mut client, session) = house.user();
    let (_, private) = client.p256(session, "pair");
    let begin = || request::SignInit { session, mechanism: Some(Mechanism::plain(MechanismType::ECDSA)), key: private };
    client.ask(begin()).unwrap();
    house.vault.seal();
    let sign = request::Sign { session, data: Wiped::new(vec![1; 32]), room: Room::Bytes(64) };
    assert_eq!(client.ask(sign).err(), Some(Rv::DEVICE_REMOVED));
    assert_eq!(client.ask(begin()).err(), Some(Rv::DEVICE_REMOVED));
    house.vault.enter(key()).unwrap();
    client.ask(begin()).unwrap();
}
