"""Keys that the server makes."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key
from kmip.core import enums, misc
from kmip.core.enums import AttributeType, CryptographicAlgorithm, KeyFormatType
from kmip.core.objects import TemplateAttribute

from scene import AES, Mask, Reason, Type, V1_4, attribute, case, equal, named

RSA, EC = CryptographicAlgorithm.RSA, CryptographicAlgorithm.EC


@case()
def created_keys_have_the_length_they_were_asked_for_and_are_new_each_time(scene):
    seen = set()
    for length in (128, 192, 256, 256):
        got = scene.pie.get(scene.pie.create(AES, length))
        equal((got.cryptographic_algorithm, got.cryptographic_length, len(got.value) * 8), (AES, length, length))
        seen.add(got.value)
    equal(len(seen), 4)


@case()
def a_created_key_has_its_name_and_uses_and_waits_to_be_activated(scene):
    uid = scene.pie.create(AES, 256, name=scene.name("key"), cryptographic_usage_mask=[Mask.MAC_GENERATE])
    equal(scene.one(uid, "Name"), scene.name("key"))
    masks = Mask.ENCRYPT.value | Mask.DECRYPT.value | Mask.MAC_GENERATE.value
    equal(scene.one(uid, "Cryptographic Usage Mask"), masks)
    equal(scene.state(uid), enums.State.PRE_ACTIVE)


@case(until=V1_4)
def an_operation_policy_name_is_kept(scene):
    uid = scene.pie.create(AES, 256, operation_policy_name="default")
    equal(scene.one(uid, "Operation Policy Name"), "default")


@case()
def an_hmac_key_can_be_created(scene):
    uid = scene.pie.create(CryptographicAlgorithm.HMAC_SHA256, 256, cryptographic_usage_mask=[Mask.MAC_GENERATE])
    equal(len(scene.pie.get(uid).value), 32)


@case()
def keys_of_no_sensible_length_are_not_created(scene):
    for length in (1, 100, 257, 2**31 - 1):  # 512 bits are a key for XTS
        scene.refused(Reason.INVALID_FIELD, scene.pie.create, AES, length)


@case()
def a_key_without_an_algorithm_is_not_created(scene):
    for kept in (
        [attribute(AttributeType.CRYPTOGRAPHIC_LENGTH, 256)],
        [attribute(AttributeType.CRYPTOGRAPHIC_ALGORITHM, AES)],
        [],
    ):
        kept = kept + [attribute(AttributeType.CRYPTOGRAPHIC_USAGE_MASK, [Mask.ENCRYPT])]
        told = scene.low.create(Type.SYMMETRIC_KEY, TemplateAttribute(attributes=kept))
        equal(told.result_status.value, enums.ResultStatus.OPERATION_FAILED)
        assert told.uuid is None and told.result_message.value


@case()
def what_the_server_decides_cannot_be_asked_for(scene):
    base = [
        attribute(AttributeType.CRYPTOGRAPHIC_ALGORITHM, AES),
        attribute(AttributeType.CRYPTOGRAPHIC_LENGTH, 256),
        attribute(AttributeType.CRYPTOGRAPHIC_USAGE_MASK, [Mask.ENCRYPT]),
    ]
    for wish in (
        attribute(AttributeType.STATE, enums.State.ACTIVE),
        attribute(AttributeType.INITIAL_DATE, 1),
        attribute(AttributeType.UNIQUE_IDENTIFIER, "mine"),
    ):
        told = scene.low.create(Type.SYMMETRIC_KEY, TemplateAttribute(attributes=base + [wish]))
        equal(told.result_status.value, enums.ResultStatus.OPERATION_FAILED)


@case()
def a_certificate_cannot_be_created(scene):
    told = scene.low.create(Type.CERTIFICATE, TemplateAttribute(attributes=[
        attribute(AttributeType.CRYPTOGRAPHIC_USAGE_MASK, [Mask.VERIFY])
    ]))
    equal(told.result_status.value, enums.ResultStatus.OPERATION_FAILED)


def pair(scene, algorithm, length):
    return scene.pie.create_key_pair(
        algorithm, length, public_name=scene.name(f"public-{length}"), public_usage_mask=[Mask.VERIFY],
        private_name=scene.name(f"private-{length}"), private_usage_mask=[Mask.SIGN],
    )


def der(scene, uid, form):
    """The value of a key in the format that is asked for."""
    told = scene.low.get(uid, key_format_type=misc.KeyFormatType(form))
    equal(told.result_status.value, enums.ResultStatus.SUCCESS)
    return told.secret.key_block.key_value.key_material.value


@case()
def the_halves_of_an_rsa_pair_fit_each_other(scene):
    public, private = pair(scene, RSA, 2048)
    secret = load_der_private_key(scene.pie.get(private).value, None)
    told = scene.pie.get(public)
    assert told.key_format_type in (KeyFormatType.PKCS_1, KeyFormatType.X_509), told.key_format_type
    load_der_public_key(told.value).verify(
        secret.sign(b"data", padding.PKCS1v15(), hashes.SHA256()), b"data", padding.PKCS1v15(), hashes.SHA256()
    )
    equal(secret.key_size, 2048)
    for uid, name, mask in ((public, "public-2048", Mask.VERIFY), (private, "private-2048", Mask.SIGN)):
        equal(scene.one(uid, "Name"), scene.name(name))
        equal(scene.one(uid, "Cryptographic Usage Mask"), mask.value)
        equal(scene.one(uid, "Cryptographic Length"), 2048)


@case()
def the_halves_of_a_curve_pair_fit_each_other(scene):
    for length in (256, 384):
        public, private = pair(scene, EC, length)
        secret = load_der_private_key(der(scene, private, KeyFormatType.PKCS_8), None)
        equal(secret.curve.key_size, length)
        load_der_public_key(der(scene, public, KeyFormatType.X_509)).verify(secret.sign(b"data", ec.ECDSA(hashes.SHA256())), b"data", ec.ECDSA(hashes.SHA256()))


@case()
def pairs_of_no_sensible_length_are_not_created(scene):
    masks = {"public_usage_mask": [Mask.VERIFY], "private_usage_mask": [Mask.SIGN]}
    for algorithm, length in ((RSA, 512), (RSA, 2047), (RSA, 1 << 20), (EC, 100)):
        scene.refused(Reason.INVALID_FIELD, scene.pie.create_key_pair, algorithm, length, **masks)


@case(until=V1_4)
def a_pair_without_uses_is_not_created(scene):
    scene.refused(Reason.MISSING_DATA, scene.pie.create_key_pair, EC, 256)


@case()
def a_pair_is_found_by_either_name(scene):
    public, private = pair(scene, EC, 256)
    equal(scene.pie.locate(attributes=[named(scene.name("public-256"))]), [public])
    equal(scene.pie.locate(attributes=[named(scene.name("private-256"))]), [private])
