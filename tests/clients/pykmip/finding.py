"""Locate."""

import time

from kmip.core import enums
from kmip.core.enums import AttributeType, CryptographicAlgorithm
from kmip.pie import objects

from scene import AES, Mask, Reason, V1_3, V1_4, attribute, case, equal, named


def find(scene, *attributes, **more):
    return scene.pie.locate(attributes=list(attributes) or None, **more)


@case()
def an_object_is_found_by_its_exact_name(scene):
    uid = scene.key("one")
    scene.key("one more")
    equal(find(scene, named(scene.name("one"))), [uid])
    for other in ("on", "one ", "ONE", "one\0", "%", "*"):
        equal(find(scene, named(scene.name(other))), [])
    equal(find(scene, named("")), [])


@case()
def a_stranger_finds_nothing(scene):
    scene.key("mine")
    equal(scene.client("bob").locate(attributes=[named(scene.name("mine"))]), [])


@case()
def filters_are_all_to_hold(scene):
    uid = scene.key("key")
    name = named(scene.name("key"))
    holds = [
        attribute(AttributeType.OBJECT_TYPE, enums.ObjectType.SYMMETRIC_KEY),
        attribute(AttributeType.CRYPTOGRAPHIC_ALGORITHM, AES),
        attribute(AttributeType.CRYPTOGRAPHIC_LENGTH, 256),
        attribute(AttributeType.STATE, enums.State.ACTIVE),
        attribute(AttributeType.UNIQUE_IDENTIFIER, uid),
    ]
    fails = [
        attribute(AttributeType.OBJECT_TYPE, enums.ObjectType.SECRET_DATA),
        attribute(AttributeType.CRYPTOGRAPHIC_ALGORITHM, CryptographicAlgorithm.RSA),
        attribute(AttributeType.CRYPTOGRAPHIC_LENGTH, 128),
        attribute(AttributeType.STATE, enums.State.PRE_ACTIVE),
        attribute(AttributeType.UNIQUE_IDENTIFIER, "nobody"),
    ]
    equal(find(scene, name, *holds), [uid])
    for filter_ in holds:
        equal(find(scene, name, filter_), [uid])
    for filter_ in fails:
        equal(find(scene, name, filter_), [])
        equal(find(scene, name, *holds, filter_), [])


@case()
def the_newest_is_found_first_and_no_more_than_asked_for(scene):
    made = [scene.pie.create(AES, 128) for _ in range(3)]
    equal(find(scene, maximum_items=3), made[::-1])
    equal(find(scene, maximum_items=1), made[:1:-1])


@case(since=V1_3)
def a_page_starts_where_the_last_one_ended(scene):
    made = [scene.pie.create(AES, 128) for _ in range(4)]
    equal(find(scene, maximum_items=2, offset_items=1), [made[2], made[1]])
    equal(find(scene, named(scene.name("none")), offset_items=1_000_000), [])


@case()
def dates_are_a_moment_or_a_range(scene):
    uid = scene.key("dated")
    name, born = named(scene.name("dated")), scene.one(uid, "Initial Date")
    moment = lambda date: attribute(AttributeType.INITIAL_DATE, date)  # noqa: E731
    equal(find(scene, name, moment(born)), [uid])
    equal(find(scene, name, moment(born - 1)), [])
    equal(find(scene, name, moment(born - 10), moment(int(time.time()) + 10)), [uid])
    equal(find(scene, name, moment(born - 10), moment(born - 5)), [])


@case()
def destroyed_objects_are_found_only_where_they_are_asked_for(scene):
    uid = scene.key("gone", active=False)
    scene.pie.destroy(uid)
    name, destroyed = named(scene.name("gone")), attribute(AttributeType.STATE, enums.State.DESTROYED)
    equal(find(scene, name), [])
    equal(find(scene, name, destroyed), [])
    if scene.version >= V1_4:
        equal(find(scene, name, storage_status_mask=4), [uid])
        equal(find(scene, name, destroyed, storage_status_mask=7), [uid])


@case()
def only_online_objects_are_found_where_only_those_are_asked_for(scene):
    uid = scene.key("key")
    equal(find(scene, named(scene.name("key")), storage_status_mask=1), [uid])
    equal(find(scene, named(scene.name("key")), storage_status_mask=2), [])
    equal(find(scene, named(scene.name("key")), storage_status_mask=3), [uid])


@case()
def objects_are_found_by_what_an_application_wrote_beside_them(scene):
    told = {"application_namespace": scene.name("space"), "application_data": "www.example.com"}
    made = objects.SymmetricKey(AES, 256, bytes(32), [Mask.ENCRYPT], scene.name("info"), app_specific_info=[told])
    uid = scene.pie.register(made)
    info = AttributeType.APPLICATION_SPECIFIC_INFORMATION
    equal(find(scene, attribute(info, told)), [uid])
    equal(find(scene, attribute(info, {**told, "application_data": "www.example.org"})), [])


@case()
def a_negative_number_of_items_is_refused(scene):
    scene.refused(Reason.INVALID_FIELD, scene.pie.locate, maximum_items=-1)
