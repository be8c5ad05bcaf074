"""Keys made of other keys, and what else a life has: Re-key, Re-key Key Pair, Derive Key, Check, and the operations of
which PyKMIP knows the requests alone."""

import hashlib
import hmac

from kmip.core import enums
from kmip.core.attributes import PrivateKeyUniqueIdentifier
from kmip.core.enums import CryptographicAlgorithm, DerivationMethod, HashingAlgorithm, State
from kmip.core.messages import payloads
from kmip.core.misc import Offset

from scene import AES, Mask, Reason, Type, V1_1, V2_0, case, equal, named

KEY = bytes(range(32))


@case()
def a_key_is_renewed_and_the_new_one_takes_its_name(scene):
    uid = scene.key()
    new = scene.pie.rekey(uid)
    assert new != uid
    assert scene.pie.get(new).value != KEY
    equal(len(scene.pie.get(new).value), 32)
    equal(scene.pie.locate(attributes=[named(scene.name("key"))]), [new])
    equal(scene.one(new, "Cryptographic Usage Mask"), scene.one(uid, "Cryptographic Usage Mask"))


@case()
def a_key_is_renewed_for_a_later_time(scene):
    uid = scene.key()
    new = scene.pie.rekey(uid, offset=3600)
    equal(scene.state(new), State.PRE_ACTIVE)
    equal(scene.one(new, "Activation Date"), scene.one(new, "Initial Date") + 3600)


@case()
def what_is_not_there_is_not_renewed(scene):
    scene.refused(Reason.OBJECT_NOT_FOUND, scene.pie.rekey, "nobody")
    gone = scene.key(active=False)
    scene.pie.destroy(gone)
    scene.refused(Reason.OBJECT_DESTROYED, scene.pie.rekey, gone)


@case(since=V1_1)
def a_pair_is_renewed(scene):
    public, private = scene.pie.create_key_pair(
        CryptographicAlgorithm.EC, 256, public_usage_mask=[Mask.VERIFY], private_usage_mask=[Mask.SIGN]
    )
    for uid in (public, private):
        scene.pie.activate(uid)
    told = scene.low.rekey_key_pair(private_key_uuid=PrivateKeyUniqueIdentifier(private), offset=Offset(0))
    equal(told.result_status.value, enums.ResultStatus.SUCCESS)
    assert {told.private_key_uuid, told.public_key_uuid}.isdisjoint({private, public})
    told = scene.low.rekey_key_pair(private_key_uuid=PrivateKeyUniqueIdentifier("nobody"))
    equal(told.result_status.value, enums.ResultStatus.OPERATION_FAILED)


def derive(scene, uid, method, parameters, length=128):
    return scene.pie.derive_key(
        Type.SYMMETRIC_KEY, [uid], method, parameters, cryptographic_length=length, cryptographic_algorithm=AES,
        cryptographic_usage_mask=[Mask.ENCRYPT],
    )


SHA_256 = {"cryptographic_parameters": {"hashing_algorithm": HashingAlgorithm.SHA_256}}


@case()
def a_key_is_derived_as_another_library_does(scene):
    uid = scene.key(masks=[Mask.DERIVE_KEY])
    pbkdf2 = {**SHA_256, "salt": b"salt", "iteration_count": 1000}
    new = derive(scene, uid, DerivationMethod.PBKDF2, pbkdf2)
    equal(scene.pie.get(new).value, hashlib.pbkdf2_hmac("sha256", KEY, b"salt", 1000, 16))
    new = derive(scene, uid, DerivationMethod.HASH, SHA_256, 256)
    equal(scene.pie.get(new).value, hashlib.sha256(KEY).digest())
    new = derive(scene, uid, DerivationMethod.HMAC, {**SHA_256, "derivation_data": b"data"}, 256)
    equal(scene.pie.get(new).value, hmac.digest(KEY, b"data", "sha256"))
    equal(scene.state(new), State.PRE_ACTIVE)


@case()
def a_key_that_may_not_derive_does_not(scene):
    reason = Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK
    scene.refused(reason, derive, scene, scene.key("sealing"), DerivationMethod.HASH, SHA_256)
    scene.refused(Reason.OBJECT_NOT_FOUND, derive, scene, "nobody", DerivationMethod.HASH, SHA_256)
    uid = scene.key("deriving", masks=[Mask.DERIVE_KEY])
    scene.refused(Reason.INVALID_FIELD, derive, scene, uid, DerivationMethod.HASH, SHA_256, 1024)


@case()
def a_key_is_checked_for_what_it_is_wanted_for(scene):
    uid = scene.key()
    equal(scene.pie.check(uid, cryptographic_usage_mask=[Mask.ENCRYPT]), uid)
    wanted = payloads.CheckRequestPayload(unique_identifier=uid, cryptographic_usage_mask=Mask.SIGN.value)
    ask = scene.low.send_request_payload
    scene.refused(Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, ask, enums.Operation.CHECK, wanted)
    nobody = payloads.CheckRequestPayload(unique_identifier="nobody", cryptographic_usage_mask=1)
    scene.refused(Reason.OBJECT_NOT_FOUND, ask, enums.Operation.CHECK, nobody)


def told(answer):
    """Status and reason in the bytes of an answer; no reason is nought."""
    return tuple(
        int.from_bytes(answer.partition(tag + b"\x05\x00\x00\x00\x04")[2][:4], "big")
        for tag in (b"\x42\x00\x7f", b"\x42\x00\x7e")
    )


@case()
def what_pykmip_asks_without_reading_the_answer_is_refused_for_what_is_not_there(scene):
    reason = Reason.OBJECT_NOT_FOUND if scene.version >= V2_0 else Reason.ITEM_NOT_FOUND
    for operation, payload in (
        (enums.Operation.ARCHIVE, payloads.ArchiveRequestPayload(unique_identifier="nobody")),
        (enums.Operation.RECOVER, payloads.RecoverRequestPayload(unique_identifier="nobody")),
        (enums.Operation.OBTAIN_LEASE, payloads.ObtainLeaseRequestPayload(unique_identifier="nobody")),
        (
            enums.Operation.GET_USAGE_ALLOCATION,
            payloads.GetUsageAllocationRequestPayload(unique_identifier="nobody", usage_limits_count=1),
        ),
    ):
        answer = scene.raw(scene.low.send_request_payload, operation, payload)
        equal((operation, told(answer)), (operation, (1, reason.value)))


@case()
def an_archived_key_comes_back_when_it_is_recovered(scene):
    uid = scene.key()
    ask = scene.low.send_request_payload
    equal(told(scene.raw(ask, enums.Operation.ARCHIVE, payloads.ArchiveRequestPayload(unique_identifier=uid))), (0, 0))
    scene.refused(Reason.OBJECT_ARCHIVED, scene.pie.get, uid)
    equal(told(scene.raw(ask, enums.Operation.RECOVER, payloads.RecoverRequestPayload(unique_identifier=uid))), (0, 0))
    equal(scene.pie.get(uid).value, KEY)
