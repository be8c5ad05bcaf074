"""Keys at work: PyKMIP has these operations from KMIP 1.2 on, and asks for them at any version."""

import hashlib
import hmac
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_der_public_key
from kmip.core import enums
from kmip.core.enums import BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, PaddingMethod, RevocationReasonCode

from scene import AES, Mask, Reason, V1_1, V1_2, case, equal

TEXT = b"the quick brown fox jumps over the lazy dog"
KEY = bytes(range(32))

CBC = {"cryptographic_algorithm": AES, "block_cipher_mode": BlockCipherMode.CBC, "padding_method": PaddingMethod.PKCS5}
CTR = {"cryptographic_algorithm": AES, "block_cipher_mode": BlockCipherMode.CTR}
ECB = {"cryptographic_algorithm": AES, "block_cipher_mode": BlockCipherMode.ECB, "padding_method": PaddingMethod.PKCS5}


@case(until=V1_1)
def before_1_2_nothing_is_encrypted_signed_or_maced(scene):
    uid = scene.key()
    for verb in (scene.pie.encrypt, scene.pie.decrypt, scene.pie.sign, scene.pie.mac):
        scene.refused(Reason.OPERATION_NOT_SUPPORTED, verb, TEXT, uid)
    scene.refused(Reason.OPERATION_NOT_SUPPORTED, scene.pie.signature_verify, TEXT, TEXT, uid)


def padded(data):
    pad = PKCS7(128).padder()
    return pad.update(data) + pad.finalize()


def by_hand(mode, data):
    work = Cipher(algorithms.AES(KEY), mode).encryptor()
    return work.update(data) + work.finalize()


@case(since=V1_2)
def what_is_encrypted_is_what_another_library_makes_of_it(scene):
    uid, vector = scene.key(), os.urandom(16)
    for how, mode, data in (
        (CBC, modes.CBC(vector), padded(TEXT)), (CTR, modes.CTR(vector), TEXT), (ECB, modes.ECB(), padded(TEXT)),
    ):
        given = None if how is ECB else vector
        sealed, _ = scene.pie.encrypt(TEXT, uid, how, given)
        equal(sealed, by_hand(mode, data))
        equal(scene.pie.decrypt(sealed, uid, how, given), TEXT)


@case(since=V1_2)
def an_initialization_vector_is_made_where_none_is_given(scene):
    uid = scene.key()
    how = {**CBC, "random_iv": True}
    sealed, vector = scene.pie.encrypt(TEXT, uid, how)
    equal(len(vector), 16)
    equal(scene.pie.decrypt(sealed, uid, CBC, vector), TEXT)
    other, again = scene.pie.encrypt(TEXT, uid, how)
    assert (other, again) != (sealed, vector), "the same vector twice"


@case(since=V1_2)
def long_texts_go_through(scene):
    uid, vector, text = scene.key(), bytes(16), os.urandom(20_000)
    sealed, _ = scene.pie.encrypt(text, uid, CTR, vector)
    equal(scene.pie.decrypt(sealed, uid, CTR, vector) == text, True)


@case(since=V1_2)
def what_was_not_encrypted_so_is_not_decrypted(scene):
    uid = scene.key()
    sealed, _ = scene.pie.encrypt(TEXT, uid, CBC, bytes(16))
    for damaged in (bytes(48), sealed[:16], sealed[16:] + sealed[:16]):
        scene.refused(Reason.CRYPTOGRAPHIC_FAILURE, scene.pie.decrypt, damaged, uid, CBC, bytes(16))
    for odd in (sealed[:-1], b"\0" * 15, b"", sealed + b"\0"):
        scene.refused(Reason.INVALID_FIELD, scene.pie.decrypt, odd, uid, CBC, bytes(16))


@case(since=V1_2)
def a_vector_of_the_wrong_length_is_refused(scene):
    uid = scene.key()
    for length in (0, 1, 15, 17, 1000):
        scene.refused(Reason.BAD_CRYPTOGRAPHIC_PARAMETERS, scene.pie.encrypt, TEXT, uid, CBC, bytes(length))


@case(since=V1_2)
def another_algorithm_than_the_keys_is_refused(scene):
    how = {**CBC, "cryptographic_algorithm": CryptographicAlgorithm.CAMELLIA}
    scene.refused(Reason.BAD_CRYPTOGRAPHIC_PARAMETERS, scene.pie.encrypt, TEXT, scene.key(), how, bytes(16))


@case(since=V1_2)
def a_key_is_used_only_as_its_mask_allows(scene):
    sealing, opening = scene.key("sealing", masks=[Mask.ENCRYPT]), scene.key("opening", masks=[Mask.DECRYPT])
    sealed, _ = scene.pie.encrypt(TEXT, sealing, CBC, bytes(16))
    equal(scene.pie.decrypt(sealed, opening, CBC, bytes(16)), TEXT)
    scene.refused(Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, scene.pie.decrypt, sealed, sealing, CBC, bytes(16))
    scene.refused(Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, scene.pie.encrypt, TEXT, opening, CBC, bytes(16))
    scene.refused(Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, scene.pie.mac, TEXT, sealing, CryptographicAlgorithm.HMAC_SHA256)


@case(since=V1_2)
def a_key_is_used_only_in_the_states_that_allow_it(scene):
    uid = scene.key(active=False)
    scene.refused(Reason.WRONG_KEY_LIFECYCLE_STATE, scene.pie.encrypt, TEXT, uid, CBC, bytes(16))
    scene.refused(Reason.WRONG_KEY_LIFECYCLE_STATE, scene.pie.decrypt, bytes(16), uid, CBC, bytes(16))
    scene.pie.activate(uid)
    sealed, _ = scene.pie.encrypt(TEXT, uid, CBC, bytes(16))
    scene.pie.revoke(RevocationReasonCode.CESSATION_OF_OPERATION, uid)
    scene.refused(Reason.WRONG_KEY_LIFECYCLE_STATE, scene.pie.encrypt, TEXT, uid, CBC, bytes(16))
    equal(scene.pie.decrypt(sealed, uid, CBC, bytes(16)), TEXT)


@case(since=V1_2)
def a_signature_is_verified_by_another_library_and_here(scene):
    public, private = scene.pie.create_key_pair(
        CryptographicAlgorithm.RSA, 2048, public_usage_mask=[Mask.VERIFY], private_usage_mask=[Mask.SIGN]
    )
    for uid in (public, private):
        scene.pie.activate(uid)
    key = load_der_public_key(scene.pie.get(public).value)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    for method, known in ((PaddingMethod.PKCS1v15, padding.PKCS1v15()), (PaddingMethod.PSS, pss)):
        how = {
            "cryptographic_algorithm": CryptographicAlgorithm.RSA, "padding_method": method,
            "hashing_algorithm": HashingAlgorithm.SHA_256,
        }
        signature = scene.pie.sign(TEXT, private, how)
        key.verify(signature, TEXT, known, hashes.SHA256())
        valid, invalid = enums.ValidityIndicator.VALID, enums.ValidityIndicator.INVALID
        equal(scene.pie.signature_verify(TEXT, signature, public, how), valid)
        equal(scene.pie.signature_verify(TEXT + b".", signature, public, how), invalid)
        equal(scene.pie.signature_verify(TEXT, signature[:-1] + b"\0\0", public, how), invalid)
        scene.refused(Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK, scene.pie.sign, TEXT, public, how)


@case(since=V1_2)
def a_mac_is_what_another_library_makes_of_it(scene):
    uid = scene.key(masks=[Mask.MAC_GENERATE], algorithm=CryptographicAlgorithm.HMAC_SHA256)
    told, mac = scene.pie.mac(TEXT, uid, CryptographicAlgorithm.HMAC_SHA256)
    equal((told, mac), (uid, hmac.digest(KEY, TEXT, hashlib.sha256)))
    equal(scene.pie.mac(b"", uid, CryptographicAlgorithm.HMAC_SHA256)[1], hmac.digest(KEY, b"", hashlib.sha256))


@case(since=V1_2)
def a_key_that_is_not_there_does_no_work(scene):
    for verb in (scene.pie.encrypt, scene.pie.decrypt):
        scene.refused(Reason.OBJECT_NOT_FOUND, verb, TEXT, "nobody", CBC, bytes(16))
    scene.refused(Reason.OBJECT_NOT_FOUND, scene.pie.mac, TEXT, "nobody", CryptographicAlgorithm.HMAC_SHA256)
