"""From pre-active to destroyed."""

import time

from kmip.core import enums
from kmip.core.enums import RevocationReasonCode, State

from scene import Mask, Reason, case, equal


@case()
def a_key_is_activated_once(scene):
    uid = scene.key(active=False)
    began = int(time.time())
    scene.pie.activate(uid)
    equal(scene.state(uid), State.ACTIVE)
    assert began <= scene.one(uid, "Activation Date") <= time.time() + 1
    scene.refused(Reason.WRONG_KEY_LIFECYCLE_STATE, scene.pie.activate, uid)


@case()
def a_revoked_key_is_deactivated(scene):
    uid = scene.key()
    scene.pie.revoke(RevocationReasonCode.CESSATION_OF_OPERATION, uid, revocation_message="enough")
    equal(scene.state(uid), State.DEACTIVATED)
    assert scene.one(uid, "Deactivation Date") <= time.time() + 1
    scene.refused(Reason.WRONG_KEY_LIFECYCLE_STATE, scene.pie.activate, uid)


@case()
def a_compromised_key_says_since_when(scene):
    uid = scene.key(active=False)
    since = int(time.time()) - 1000
    scene.pie.revoke(RevocationReasonCode.KEY_COMPROMISE, uid, compromise_occurrence_date=since)
    equal(scene.state(uid), State.COMPROMISED)
    equal(scene.one(uid, "Compromise Occurrence Date"), since)
    scene.pie.destroy(uid)
    equal(scene.state(uid), State.DESTROYED_COMPROMISED)


@case()
def an_active_key_is_not_destroyed(scene):
    uid = scene.key()
    scene.refused(Reason.WRONG_KEY_LIFECYCLE_STATE, scene.pie.destroy, uid)
    equal(scene.pie.get(uid).value, bytes(range(32)))


@case()
def a_destroyed_key_is_gone_and_remembered(scene):
    uid = scene.key()
    scene.pie.revoke(RevocationReasonCode.SUPERSEDED, uid)
    scene.pie.destroy(uid)
    scene.refused(Reason.OBJECT_DESTROYED, scene.pie.get, uid)
    scene.refused(Reason.OBJECT_DESTROYED, scene.pie.activate, uid)
    scene.refused(Reason.OBJECT_DESTROYED, scene.pie.destroy, uid)
    equal(scene.state(uid), State.DESTROYED)
    assert scene.one(uid, "Destroy Date") <= time.time() + 1
    equal(scene.one(uid, "Name"), scene.name("key"))


@case()
def nobody_is_neither_activated_nor_revoked_nor_destroyed(scene):
    scene.refused(Reason.OBJECT_NOT_FOUND, scene.pie.activate, "nobody")
    scene.refused(Reason.OBJECT_NOT_FOUND, scene.pie.revoke, RevocationReasonCode.KEY_COMPROMISE, "nobody")
    scene.refused(Reason.OBJECT_NOT_FOUND, scene.pie.destroy, "nobody")
    scene.refused(Reason.OBJECT_NOT_FOUND, scene.pie.get, "nobody")


@case()
def a_request_that_names_no_object_is_refused(scene):
    for verb in (scene.low.activate, scene.low.destroy, scene.low.get):
        told = verb()
        equal(told.result_status.value, enums.ResultStatus.OPERATION_FAILED)
        assert told.result_message.value


@case()
def two_reasons_to_revoke_are_kept_apart(scene):
    first, second = scene.key("first", masks=[Mask.ENCRYPT]), scene.key("second", masks=[Mask.ENCRYPT])
    scene.pie.revoke(RevocationReasonCode.KEY_COMPROMISE, first)
    scene.pie.revoke(RevocationReasonCode.UNSPECIFIED, second)
    equal((scene.state(first), scene.state(second)), (State.COMPROMISED, State.DEACTIVATED))
