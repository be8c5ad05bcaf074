//! Keys that leave under trusted keys alone, asked for by another door.

use strongroom::{
    caller::{Caller, Front, Principal, Role, Scope},
    service::Ask,
};
use strongroom_kmip::{
    attribute::{Kind, Reference},
    code::{AdjustmentType, EncodingOption, ResultReason, WrappingMethod},
    object::{EncryptionKeyInformation, KeyWrappingSpecification},
    operation::Ask as Kmip,
    payload::{AdjustAttributeRequest, DeleteAttributeRequest, GetRequest, LocateRequest},
    version::V2_1,
};
use strongroom_pkcs11_wire::AttributeType;

use crate::house::{House, lasting_aes, truth};

/// Asks over KMIP what the user of the socket could ask there.
fn over_kmip<A: Kmip>(house: &House, request: A) -> Result<A::Answer, ResultReason> {
    let caller = Caller {
        principal: Principal::User(nix::unistd::getuid().as_raw()),
        role: Role::User,
        front: Front::Kmip,
        from: "a test".to_owned(),
        scope: Scope::Everything,
    };
    let answer = house.service.answer(&caller, Ask::new(request, V2_1, 1));
    answer.receipt.wait().unwrap();
    answer.outcome.map(|response| A::answer(response).unwrap()).map_err(|refusal| refusal.reason)
}

#[test]
fn a_key_that_trusts_few_does_not_leave_under_another_through_kmip_either() {
    let house = House::new();
    let (mut client, session) = house.user();
    let mut template = lasting_aes("trusting");
    template.extend([
        truth(AttributeType::EXTRACTABLE, true),
        truth(AttributeType::SENSITIVE, false),
        truth(AttributeType::WRAP_WITH_TRUSTED, true),
    ]);
    client.aes(session, template).unwrap();
    let everything = || LocateRequest {
        maximum_items: None,
        offset_items: None,
        storage_status_mask: None,
        object_group_member: None,
        object_class_mask: None,
        attributes: [].into_iter().collect(),
    };
    let id = over_kmip(&house, everything()).unwrap().unique_identifier.remove(0).0;
    let mut template = lasting_aes("wrapping");
    template.extend([truth(AttributeType::WRAP, true), truth(AttributeType::UNWRAP, true)]);
    client.aes(session, template).unwrap();
    let under = over_kmip(&house, everything()).unwrap().unique_identifier.remove(0).0;
    assert_ne!(id, under);
    let wrapped = || GetRequest {
        unique_identifier: Some(id.as_str().into()),
        key_format_type: None,
        key_wrap_type: None,
        key_compression_type: None,
        key_wrapping_specification: Some(Box::new(KeyWrappingSpecification {
            wrapping_method: WrappingMethod::Encrypt,
            encryption_key_information: Some(EncryptionKeyInformation {
                unique_identifier: under.as_str().into(),
                cryptographic_parameters: None,
            }),
            mac_signature_key_information: None,
            attribute_name: Vec::new(),
            encoding_option: Some(EncodingOption::NoEncoding),
        })),
    };
    assert_eq!(over_kmip(&house, wrapped()).err(), Some(ResultReason::KeyWrapTypeNotSupported));
    let kind = || Kind::Vendor { vendor: "PKCS11".to_owned(), name: "CKA_WRAP_WITH_TRUSTED".to_owned() };
    let negate = AdjustAttributeRequest {
        unique_identifier: Some(id.as_str().into()),
        attribute_reference: Reference(kind()),
        adjustment_type: AdjustmentType::Negate,
        adjustment_value: None,
    };
    assert_eq!(over_kmip(&house, negate).err(), Some(ResultReason::AttributeReadOnly), "it is not turned round");
    let delete = DeleteAttributeRequest {
        unique_identifier: Some(id.as_str().into()),
        attribute_name: None,
        attribute_index: None,
        current_attribute: None,
        attribute_reference: Some(Reference(kind())),
    };
    assert_eq!(over_kmip(&house, delete).err(), Some(ResultReason::AttributeReadOnly), "nor taken away");
    assert_eq!(over_kmip(&house, wrapped()).err(), Some(ResultReason::KeyWrapTypeNotSupported));
}
