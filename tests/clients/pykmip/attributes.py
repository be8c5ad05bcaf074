"""Attributes: read, listed, added, set, changed and taken away."""

from kmip.core import enums, objects
from kmip.core.attributes import Name
from kmip.core.enums import AttributeType
from kmip.core.primitives import TextString

from scene import AES, Reason, V1_1, V1_4, V2_0, attribute, case, equal


@case()
def the_list_of_attributes_names_those_that_are_there(scene):
    uid = scene.key()
    told = scene.pie.get_attribute_list(uid)
    for name in ("Unique Identifier", "Name", "Object Type", "Cryptographic Algorithm", "Cryptographic Length",
                 "Cryptographic Usage Mask", "State", "Initial Date", "Activation Date", "Last Change Date", "Digest"):
        assert name in told, (name, told)
    equal(len(told), len(set(told)))
    assert "Destroy Date" not in told and "Deactivation Date" not in told, told


@case(since=V1_1, until=V1_4)
def all_attributes_are_told_where_none_is_named(scene):
    uid = scene.key()
    told, attributes = scene.pie.get_attributes(uid)
    equal(told, uid)
    names = {attribute.attribute_name.value for attribute in attributes}
    equal(names, set(scene.pie.get_attribute_list(uid)))


@case()
def named_attributes_are_told_and_no_others(scene):
    uid = scene.key()
    told = scene.attributes(uid, "Object Type", "Cryptographic Length")
    equal(told, {"Object Type": [enums.ObjectType.SYMMETRIC_KEY], "Cryptographic Length": [256]})


@case()
def an_attribute_that_is_not_there_is_not_told(scene):
    equal(scene.attributes(scene.key(), "Destroy Date"), {})


@case(until=V1_4)
def custom_attributes_are_kept(scene):
    made = objects.TemplateAttribute(attributes=[
        attribute(AttributeType.CRYPTOGRAPHIC_ALGORITHM, AES),
        attribute(AttributeType.CRYPTOGRAPHIC_LENGTH, 256),
        attribute(AttributeType.CRYPTOGRAPHIC_USAGE_MASK, [enums.CryptographicUsageMask.ENCRYPT]),
        objects.Attribute(
            attribute_name=objects.Attribute.AttributeName("x-purpose"),
            attribute_value=TextString("backup", tag=enums.Tags.ATTRIBUTE_VALUE),
        ),
    ])
    uid = scene.low.create(enums.ObjectType.SYMMETRIC_KEY, made).uuid
    assert "x-purpose" in scene.pie.get_attribute_list(uid)


def new_name(word):
    return Name.create(word, enums.NameType.UNINTERPRETED_TEXT_STRING)


@case(until=V1_4)
def a_name_is_changed(scene):
    for active in (False, True):
        uid = scene.key(active=active)
        told, changed = scene.pie.modify_attribute(
            unique_identifier=uid, attribute=attribute(AttributeType.NAME, scene.name(f"other {active}"), 0)
        )
        equal(told, uid)
        equal(changed.attribute_value.name_value.value, scene.name(f"other {active}"))
        equal(scene.one(uid, "Name"), scene.name(f"other {active}"))


@case(since=V2_0)
def a_name_is_changed_for_another(scene):
    uid = scene.key("old")
    scene.pie.modify_attribute(
        unique_identifier=uid,
        current_attribute=objects.CurrentAttribute(attribute=new_name(scene.name("old"))),
        new_attribute=objects.NewAttribute(attribute=new_name(scene.name("new"))),
    )
    equal(scene.one(uid, "Name"), scene.name("new"))


@case(until=V1_4)
def a_name_that_is_not_there_is_not_changed(scene):
    uid = scene.key()
    change = attribute(AttributeType.NAME, scene.name("other"), 7)
    scene.refused(Reason.ITEM_NOT_FOUND, scene.pie.modify_attribute, unique_identifier=uid, attribute=change)
    equal(scene.one(uid, "Name"), scene.name("key"))


@case(until=V1_4)
def a_name_is_taken_away(scene):
    uid = scene.key()
    told, gone = scene.pie.delete_attribute(unique_identifier=uid, attribute_name="Name", attribute_index=0)
    equal((told, gone.attribute_value.name_value.value), (uid, scene.name("key")))
    equal(scene.attributes(uid, "Name"), {})
    scene.refused(
        Reason.ITEM_NOT_FOUND, scene.pie.delete_attribute, unique_identifier=uid, attribute_name="Name", attribute_index=0
    )


@case(since=V2_0)
def a_name_is_taken_away_by_its_value(scene):
    uid = scene.key("old")
    scene.pie.delete_attribute(
        unique_identifier=uid, current_attribute=objects.CurrentAttribute(attribute=new_name(scene.name("old")))
    )
    equal(scene.attributes(uid, "Name"), {})
    gone = objects.CurrentAttribute(attribute=new_name(scene.name("old")))
    scene.refused(Reason.ATTRIBUTE_NOT_FOUND, scene.pie.delete_attribute, unique_identifier=uid, current_attribute=gone)
    strange = objects.AttributeReference(vendor_identification="somebody", attribute_name="strange")
    scene.refused(Reason.ATTRIBUTE_NOT_FOUND, scene.pie.delete_attribute, unique_identifier=uid, attribute_reference=strange)


@case(since=V2_0)
def an_attribute_is_set(scene):
    uid = scene.key()
    equal(scene.pie.set_attribute(unique_identifier=uid, attribute_name="Sensitive", attribute_value=True), uid)
    equal(scene.one(uid, "Sensitive"), True)


@case(since=V2_0)
def what_the_server_decides_is_not_set(scene):
    uid = scene.key()
    for name, value in (("State", enums.State.DESTROYED), ("Initial Date", 1), ("Cryptographic Length", 128)):
        scene.refused(
            Reason.READ_ONLY_ATTRIBUTE, scene.pie.set_attribute, unique_identifier=uid, attribute_name=name, attribute_value=value
        )
    equal(scene.state(uid), enums.State.ACTIVE)


@case(until=V1_4)
def what_the_server_decides_is_not_changed(scene):
    uid = scene.key()
    for change in (attribute(AttributeType.STATE, enums.State.DESTROYED), attribute(AttributeType.CRYPTOGRAPHIC_LENGTH, 128)):
        scene.refused(Reason.PERMISSION_DENIED, scene.pie.modify_attribute, unique_identifier=uid, attribute=change)
    scene.refused(Reason.PERMISSION_DENIED, scene.pie.delete_attribute, unique_identifier=uid, attribute_name="State")
    equal(scene.state(uid), enums.State.ACTIVE)


@case()
def attributes_of_nobody_are_not_found(scene):
    for verb in (scene.pie.get_attributes, scene.pie.get_attribute_list):
        scene.refused(Reason.OBJECT_NOT_FOUND, verb, "nobody")
        scene.refused(Reason.OBJECT_NOT_FOUND, verb, "x" * 5000)
