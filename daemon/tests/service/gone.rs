//! What endpoints are told of objects of which nothing stays, and of limits.

use strongroom::service::Endpoint;
use strongroom_kmip::{
    attribute::{Attribute, Kind, One, Standard, UsageLimits},
    code::UsageLimitsUnit,
    operation::Request,
    payload::{GetUsageAllocationRequest, ObliterateRequest, SetAttributeRequest},
    ttlv::DateTime,
    version::{V1_4, V2_1, V3_0},
};

use crate::{
    house::{NOON, alice},
    tell::{endpoint, house, key, letter, notify, root},
};

#[test]
fn an_object_of_which_nothing_stays_is_told_as_all_of_its_attributes_gone() {
    for version in [V1_4, V2_1] {
        let house = house(Endpoint { version, ..endpoint() });
        let id = key(&house, "short", &[]);
        let obliterate = ObliterateRequest { unique_identifier: Some(id.as_str().into()) };
        house.ask_in(V3_0, &root(), obliterate).unwrap();
        let (_, request) = letter(&house, version);
        let Request::Notify(told) = request else { panic!("{request:?}") };
        assert_eq!(told.unique_identifier.0, id);
        assert_eq!(told.changed.iter().count(), 0, "{version}");
        for standard in [Standard::State, Standard::Name, Standard::CryptographicAlgorithm] {
            let gone = |kind: &Kind| *kind == Kind::from(standard);
            assert!(told.changed.deleted.iter().any(|(kind, _)| gone(kind)), "{version}: {standard:?}");
        }
    }
}

#[test]
fn limits_that_were_set_are_told_and_what_a_use_leaves_of_them_is_not() {
    let limits = |total: i64| {
        Attribute::UsageLimits(UsageLimits {
            usage_limits_total: total,
            usage_limits_count: None,
            usage_limits_unit: UsageLimitsUnit::Object,
        })
    };
    let house = house(Endpoint { own: true, ..endpoint() });
    let id = key(&house, "limited", &[limits(5), Attribute::ActivationDate(DateTime(NOON))]);
    let new_attribute = One(limits(7).into());
    house.ask(&root(), SetAttributeRequest { unique_identifier: Some(id.as_str().into()), new_attribute }).unwrap();
    let told = notify(&house).changed;
    let total = |attribute: &Attribute| match attribute {
        Attribute::UsageLimits(limits) => Some(limits.usage_limits_total),
        _ => None,
    };
    assert_eq!(told.iter().find_map(total), Some(7));
    let allocate = GetUsageAllocationRequest { unique_identifier: Some(id.as_str().into()), usage_limits_count: 2 };
    house.ask(&alice(), allocate).unwrap();
    assert!(house.service.letter(0).is_none(), "a use");
}
