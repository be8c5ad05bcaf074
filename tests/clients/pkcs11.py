"""What python-pkcs11 expects of a token: run as `pkcs11.py MODULE TOKEN PIN`; it ends in "all held" or in a traceback."""

import hashlib
import hmac
import sys

# This file bears the package's own name; its folder must not be searched for it.
sys.path.pop(0)

import pkcs11  # noqa: E402
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, MGF, ObjectClass  # noqa: E402
from pkcs11.util.ec import encode_named_curve_parameters  # noqa: E402
from cryptography.hazmat.primitives import hashes  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature  # noqa: E402
from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: E402

MODULE, TOKEN, PIN = sys.argv[1:4]
DATA = b"what is to be kept" * 100


def refused(error, work):
    try:
        work()
    except error:
        return
    raise AssertionError(f"{error.__name__} was expected")


def ciphers(session):
    key = session.generate_key(KeyType.AES, 256, store=False, template={Attribute.LABEL: "session"})
    iv = session.generate_random(128)
    assert len(iv) == 16
    assert key.decrypt(key.encrypt(DATA, mechanism_param=iv), mechanism_param=iv) == DATA
    for mechanism in [Mechanism.AES_CBC_PAD, Mechanism.AES_CTR]:
        param = iv if mechanism != Mechanism.AES_CTR else pkcs11.CTRParams(iv[:12])
        box = key.encrypt(DATA, mechanism=mechanism, mechanism_param=param)
        assert key.decrypt(box, mechanism=mechanism, mechanism_param=param) == DATA, mechanism
    gcm = pkcs11.GCMParams(iv[:12], b"beside", 128)
    box = key.encrypt(DATA, mechanism=Mechanism.AES_GCM, mechanism_param=gcm)
    assert key.decrypt(box, mechanism=Mechanism.AES_GCM, mechanism_param=gcm) == DATA
    parts = [DATA[at:at + 100] for at in range(0, len(DATA), 100)]
    whole = b"".join(key.encrypt(parts, mechanism_param=iv))
    assert b"".join(key.decrypt([whole[:77], whole[77:]], mechanism_param=iv)) == DATA
    known = session.create_object({
        Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.AES, Attribute.VALUE: bytes(32),
        Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False,
    })
    box = known.encrypt(DATA, mechanism=Mechanism.AES_GCM, mechanism_param=gcm)
    assert AESGCM(bytes(32)).decrypt(iv[:12], box, b"beside") == DATA
    assert known[Attribute.VALUE] == bytes(32)
    refused(pkcs11.AttributeSensitive, lambda: key[Attribute.VALUE])


def macs(session):
    key = session.create_object({
        Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
        Attribute.VALUE: b"k" * 32, Attribute.SIGN: True, Attribute.VERIFY: True,
    })
    mac = key.sign(DATA, mechanism=Mechanism.SHA256_HMAC)
    assert mac == hmac.digest(b"k" * 32, DATA, "sha256")
    assert key.verify(DATA, mac, mechanism=Mechanism.SHA256_HMAC)
    assert not key.verify(DATA + b".", mac, mechanism=Mechanism.SHA256_HMAC)
    assert session.digest(DATA, mechanism=Mechanism.SHA512) == hashlib.sha512(DATA).digest()
    assert session.digest([DATA, b"more"], mechanism=Mechanism.SHA_1) == hashlib.sha1(DATA + b"more").digest()


def rsa_pair(session):
    public, private = session.generate_keypair(KeyType.RSA, 2048, store=True, label="rsa", id=b"\x01")
    exponent, modulus = (int.from_bytes(public[name]) for name in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS))
    outside = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    assert private[Attribute.MODULUS] == public[Attribute.MODULUS]
    signature = private.sign(DATA, mechanism=Mechanism.SHA256_RSA_PKCS)
    outside.verify(signature, DATA, padding.PKCS1v15(), hashes.SHA256())
    assert public.verify(DATA, signature, mechanism=Mechanism.SHA256_RSA_PKCS)
    pss = (Mechanism.SHA256, MGF.SHA256, 32)
    signature = private.sign(DATA, mechanism=Mechanism.SHA256_RSA_PKCS_PSS, mechanism_param=pss)
    outside.verify(signature, DATA, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    oaep = (Mechanism.SHA256, MGF.SHA256, None)
    box = public.encrypt(b"secret", mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=oaep)
    assert private.decrypt(box, mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=oaep) == b"secret"
    assert private.decrypt(outside.encrypt(b"secret", padding.PKCS1v15()), mechanism=Mechanism.RSA_PKCS) == b"secret"
    refused(pkcs11.AttributeSensitive, lambda: private[Attribute.PRIVATE_EXPONENT])


def elliptic_pair(session):
    parameters = session.create_domain_parameters(
        KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True)
    public, private = parameters.generate_keypair(store=True, label="elliptic", id=b"\x02")
    point = public[Attribute.EC_POINT][2:]
    outside = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    signature = private.sign(DATA, mechanism=Mechanism.ECDSA_SHA256)
    der = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
    outside.verify(der, DATA, ec.ECDSA(hashes.SHA256()))
    assert public.verify(DATA, signature, mechanism=Mechanism.ECDSA_SHA256)
    assert not public.verify(DATA + b".", signature, mechanism=Mechanism.ECDSA_SHA256)


def objects(session):
    key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label="rsa")
    assert key.id == b"\x01" and key.key_type == KeyType.RSA
    assert session.get_key(object_class=ObjectClass.PUBLIC_KEY, id=b"\x02").label == "elliptic"
    refused(pkcs11.NoSuchKey, lambda: session.get_key(label="nobody"))
    refused(pkcs11.MultipleObjectsReturned, lambda: session.get_key(id=b"\x01"))
    for attribute in [Attribute.PRIVATE, Attribute.SENSITIVE, Attribute.ALWAYS_SENSITIVE, Attribute.LOCAL]:
        assert key[attribute] is True, attribute
    assert key[Attribute.EXTRACTABLE] is False
    key[Attribute.LABEL] = "renamed"
    assert session.get_key(object_class=ObjectClass.PRIVATE_KEY, label="renamed").id == b"\x01"
    for found in list(session.get_objects()):
        found.destroy()
    assert list(session.get_objects()) == []


def main():
    token = pkcs11.lib(MODULE).get_token(token_label=TOKEN)
    assert MechanismFlag.SIGN in token.slot.get_mechanism_info(Mechanism.ECDSA).flags
    refused(pkcs11.PinIncorrect, lambda: token.open(user_pin="no pin").__enter__())
    with token.open(rw=True, user_pin=PIN) as session:
        for work in [ciphers, macs, rsa_pair, elliptic_pair, objects]:
            work(session)
            print(work.__name__)
    print("all held")


main()
