"""Objects that come from outside: registered, got back as they came, wrapped and unwrapped."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, keywrap
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from kmip.core import enums
from kmip.core.enums import KeyFormatType
from kmip.pie import objects

from scene import AES, Mask, Reason, case, equal

RSA = rsa.generate_private_key(65537, 2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


def certificate():
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "registered")])
    day = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(CURVE.public_key()).serial_number(7)
    made = made.not_valid_before(day).not_valid_after(day + datetime.timedelta(days=365))
    return made.sign(CURVE, hashes.SHA256()).public_bytes(Encoding.DER)


def private(form):
    return RSA.private_bytes(Encoding.DER, form, NoEncryption())


def public(form):
    return RSA.public_key().public_bytes(Encoding.DER, form)


def comes_back(scene, made, *fields):
    """Registers an object and gets it back: the same in its value and the named fields."""
    uid = scene.pie.register(made)
    got = scene.pie.get(uid)
    assert type(got) is type(made), type(got)
    for field in ("value", *fields):
        equal(getattr(got, field), getattr(made, field))
    return uid


@case()
def symmetric_keys_of_every_length_come_back(scene):
    for length in (128, 192, 256):
        made = objects.SymmetricKey(AES, length, bytes(range(length // 8)), [Mask.ENCRYPT], scene.name(f"aes-{length}"))
        uid = comes_back(scene, made, "cryptographic_algorithm", "cryptographic_length", "key_format_type")
        equal(scene.one(uid, "Cryptographic Length"), length)
        equal(scene.one(uid, "Cryptographic Usage Mask"), Mask.ENCRYPT.value)
        equal(scene.state(uid), enums.State.PRE_ACTIVE)
        assert 1_700_000_000 < scene.one(uid, "Initial Date") <= scene.one(uid, "Last Change Date")


@case()
def private_keys_come_back_in_the_format_they_came_in(scene):
    for form, encoding in [
        (KeyFormatType.PKCS_1, PrivateFormat.TraditionalOpenSSL), (KeyFormatType.PKCS_8, PrivateFormat.PKCS8),
    ]:
        made = objects.PrivateKey(
            enums.CryptographicAlgorithm.RSA, 2048, private(encoding), form, [Mask.SIGN], scene.name(form.name)
        )
        comes_back(scene, made, "cryptographic_algorithm", "cryptographic_length", "key_format_type")


@case()
def public_keys_come_back_in_the_format_they_came_in(scene):
    for form, encoding in [
        (KeyFormatType.PKCS_1, PublicFormat.PKCS1), (KeyFormatType.X_509, PublicFormat.SubjectPublicKeyInfo),
    ]:
        made = objects.PublicKey(
            enums.CryptographicAlgorithm.RSA, 2048, public(encoding), form, [Mask.VERIFY], scene.name(form.name)
        )
        comes_back(scene, made, "cryptographic_algorithm", "cryptographic_length", "key_format_type")


@case()
def a_certificate_comes_back_and_is_described(scene):
    uid = comes_back(scene, objects.X509Certificate(certificate(), [Mask.VERIFY], scene.name("certificate")))
    told = scene.pie.get_attribute_list(uid)
    for name in ("Certificate Type", "Cryptographic Algorithm", "Cryptographic Length", "Digest"):
        assert name in told, told


@case()
def secret_data_comes_back(scene):
    for kind in (enums.SecretDataType.PASSWORD, enums.SecretDataType.SEED):
        made = objects.SecretData(b"open sesame", kind, [Mask.DERIVE_KEY], scene.name(kind.name))
        comes_back(scene, made, "data_type")


@case()
def secret_data_may_have_no_use_at_all(scene):
    comes_back(scene, objects.SecretData(bytes(96), enums.SecretDataType.SEED, [], scene.name("seed")))


@case()
def an_opaque_object_comes_back(scene):
    made = objects.OpaqueObject(b"\x00\xff" * 500, enums.OpaqueDataType.NONE, scene.name("opaque"))
    comes_back(scene, made, "opaque_type")


@case()
def a_part_of_a_split_key_comes_back(scene):
    made = objects.SplitKey(
        cryptographic_algorithm=AES, cryptographic_length=128, key_value=bytes(range(16)),
        cryptographic_usage_masks=[Mask.EXPORT], name=scene.name("part"), key_format_type=KeyFormatType.RAW,
        split_key_parts=3, key_part_identifier=1, split_key_threshold=3, split_key_method=enums.SplitKeyMethod.XOR,
    )
    fields = ("split_key_parts", "key_part_identifier", "split_key_threshold", "split_key_method")
    comes_back(scene, made, "cryptographic_algorithm", "cryptographic_length", *fields)


@case()
def application_specific_information_is_kept(scene):
    told = {"application_namespace": "ssl", "application_data": "www.example.com"}
    made = objects.SymmetricKey(AES, 256, bytes(32), [Mask.ENCRYPT], scene.name("info"), app_specific_info=[told])
    kept = scene.one(scene.pie.register(made), "Application Specific Information")
    equal((kept.application_namespace, kept.application_data), ("ssl", "www.example.com"))


@case()
def a_key_whose_length_is_not_its_own_is_refused(scene):
    made = objects.SymmetricKey(AES, 256, bytes(32), [Mask.ENCRYPT], scene.name("short"))
    made.value = bytes(16)
    scene.refused(Reason.INVALID_FIELD, scene.pie.register, made)


@case()
def a_private_key_that_is_none_is_refused(scene):
    made = objects.PrivateKey(
        enums.CryptographicAlgorithm.RSA, 2048, b"\x30\x03\x02\x01\x00", KeyFormatType.PKCS_8, [Mask.SIGN], scene.name("broken")
    )
    scene.refused(Reason.INVALID_FIELD, scene.pie.register, made)


@case()
def a_certificate_that_is_none_is_refused(scene):
    made = objects.X509Certificate(b"\x30\x80 no certificate", [Mask.VERIFY], scene.name("broken"))
    scene.refused(Reason.INVALID_FIELD, scene.pie.register, made)


def wrapped(wrapper):
    """Asks for a key as RFC 3394 wraps it, without TTLV around it."""
    how = {"cryptographic_parameters": {"block_cipher_mode": enums.BlockCipherMode.NIST_KEY_WRAP}, "unique_identifier": wrapper}
    return {
        "wrapping_method": enums.WrappingMethod.ENCRYPT,
        "encoding_option": enums.EncodingOption.NO_ENCODING,
        "encryption_key_information": how,
    }


def key_value(answer):
    """The Key Value of an answer that is a byte string, as it is where a key is wrapped (1.4 §2.1.3); PyKMIP takes it for
    a structure."""
    _, found, rest = answer.partition(b"\x42\x00\x45\x08")
    assert found, answer
    return rest[4 : 4 + int.from_bytes(rest[:4], "big")]


@case()
def a_key_is_given_out_wrapped_under_another(scene):
    wrapper = scene.key("wrapper", masks=[Mask.WRAP_KEY], value=b"w" * 32)
    answer = scene.raw(scene.pie.get, scene.key(value=b"inner key value!" * 2), wrapped(wrapper))
    equal(keywrap.aes_key_unwrap(b"w" * 32, key_value(answer)), b"inner key value!" * 2)
    assert wrapper.encode() in answer, "the answer does not say which key wrapped"


@case()
def secret_data_is_given_out_wrapped_too(scene):
    wrapper = scene.key("wrapper", masks=[Mask.WRAP_KEY], value=b"w" * 32)
    made = objects.SecretData(b"sixteen bytes ok", enums.SecretDataType.PASSWORD, [], scene.name("secret"))
    answer = scene.raw(scene.pie.get, scene.pie.register(made), wrapped(wrapper))
    equal(keywrap.aes_key_unwrap(b"w" * 32, key_value(answer)), b"sixteen bytes ok")


@case()
def a_key_that_may_not_wrap_does_not(scene):
    uid = scene.key("inner")
    passive = scene.key("passive", masks=[Mask.WRAP_KEY], active=False)
    for reason, wrapper in [
        (Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, scene.key("other")),
        (Reason.PERMISSION_DENIED, passive),
        (Reason.WRAPPING_OBJECT_NOT_FOUND, "nobody"),
    ]:
        scene.refused(reason, scene.pie.get, uid, wrapped(wrapper))
