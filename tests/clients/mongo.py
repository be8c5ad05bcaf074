"""The MongoDB drivers' own library as a customer: run as `mongo.py DEV.JSON`; it ends in "all held" or in a traceback.

libmongocrypt writes the KMIP messages itself, reads the answers itself, and has its caller only carry the bytes. There is
no MongoDB here: a dictionary is the key vault. As the drivers do, every message goes over a connection of its own.
"""

import json
import pathlib
import socket
import ssl
import sys
import uuid

import bson
from bson.binary import STANDARD, Binary
from bson.codec_options import CodecOptions
from pymongocrypt.errors import MongoCryptError
from pymongocrypt.explicit_encrypter import ExplicitEncrypter
from pymongocrypt.mongocrypt import MongoCryptOptions
from pymongocrypt.state_machine import MongoCryptCallback

DOORS = json.loads(pathlib.Path(sys.argv[1]).read_text())
ALGORITHM = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"
OPTIONS = CodecOptions(uuid_representation=STANDARD)


class Vault(MongoCryptCallback):
    """What a driver does for the library: carries messages, keeps data keys. `piece` is how much it sends at a time."""

    def __init__(self, client, piece=1 << 20):
        papers = DOORS["clients"][client]
        self.context = ssl.create_default_context(cafile=DOORS["ca"])
        self.context.load_cert_chain(papers["cert"], papers["key"])
        self.piece = piece
        self.keys = {}
        self.versions = []
        self.messages = 0

    def kms_request(self, kms_context):
        message = kms_context.message
        host, port = kms_context.endpoint.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=30) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.context.wrap_socket(plain, server_hostname=host) as line:
                for start in range(0, len(message), self.piece):
                    line.sendall(message[start : start + self.piece])
                while kms_context.bytes_needed > 0:
                    data = line.recv(min(kms_context.bytes_needed, self.piece))
                    if not data:
                        raise OSError("the server closed the connection")
                    kms_context.feed(data)
        self.messages += 1
        self.versions.append(version(message))

    def insert_data_key(self, data_key):
        document = bson.decode(data_key, OPTIONS)
        self.keys[document["_id"]] = data_key
        return Binary(document["_id"].bytes, 4)

    def fetch_keys(self, filter):
        wanted = bson.decode(filter, OPTIONS)
        if "$or" not in wanted:
            return list(self.keys.values())
        return [self.keys[name] for part in wanted["$or"] for name in part.get("_id", {}).get("$in", []) if name in self.keys]

    def bson_encode(self, doc):
        return bson.encode(doc)

    def collection_info(self, database, filter):
        raise NotImplementedError("explicit encryption looks at no collection")

    def mark_command(self, database, cmd):
        raise NotImplementedError("explicit encryption marks no command")

    def close(self):
        self.keys.clear()


def version(message):
    """The protocol version of a request: the two integers that its header starts with."""
    major, minor = message.index(b"\x42\x00\x6a\x02"), message.index(b"\x42\x00\x6b\x02")
    return f"{int.from_bytes(message[major + 8 : major + 12], 'big')}.{int.from_bytes(message[minor + 8 : minor + 12], 'big')}"


def encrypter(vault):
    return ExplicitEncrypter(vault, MongoCryptOptions({"kmip": {"endpoint": DOORS["kmip"]}}))


def master(vault, identifier):
    """The master key as a data key's document names it."""
    return bson.decode(vault.keys[uuid.UUID(bytes=bytes(identifier))], OPTIONS)["masterKey"]


def goes_round(vault, identifier):
    """Encrypts with one library handle and decrypts with another, which has to ask for the key again."""
    value = bson.encode({"v": "457-55-5462"})
    sealed = encrypter(vault).encrypt(value, ALGORITHM, key_id=bytes(identifier))
    assert b"457-55" not in sealed
    before = vault.messages
    assert encrypter(vault).decrypt(sealed) == value
    assert vault.messages > before, "the key was not asked for"
    return sealed


def plain_mode(piece=1 << 20):
    """The master key is 96 bytes of Secret Data: Register, Activate, Get."""
    vault = Vault("alice", piece)
    identifier = encrypter(vault).create_data_key("kmip")
    assert vault.messages == 3, vault.messages
    goes_round(vault, identifier)
    again = encrypter(vault).create_data_key("kmip", {"keyId": master(vault, identifier)["keyId"]})
    goes_round(vault, again)
    return vault, identifier


def delegated_mode(piece=1 << 20):
    """The master key is an AES key that stays here: Create, Activate, Encrypt, later Decrypt."""
    vault = Vault("alice", piece)
    identifier = encrypter(vault).create_data_key("kmip", {"delegated": True})
    assert master(vault, identifier)["delegated"] is True
    goes_round(vault, identifier)
    assert set(vault.versions) == {"1.0", "1.2"}, vault.versions
    return vault, identifier


def another_master_key():
    """A data key moves from one master key to another, from plain to delegated mode."""
    vault, identifier = plain_mode()
    sealed = goes_round(vault, identifier)
    rewrapped = encrypter(vault).rewrap_many_data_key({}, "kmip", {"delegated": True})
    for key in bson.decode(rewrapped, OPTIONS)["v"]:
        # As the drivers do: these two fields are set, the others stay.
        moved = {**bson.decode(vault.keys[key["_id"]], OPTIONS), "masterKey": key["masterKey"], "keyMaterial": key["keyMaterial"]}
        vault.keys[key["_id"]] = bson.encode(moved, codec_options=OPTIONS)
    assert master(vault, identifier)["delegated"] is True
    assert encrypter(vault).decrypt(sealed) == bson.encode({"v": "457-55-5462"})


def refused(work):
    try:
        work()
    except MongoCryptError as error:
        return str(error)
    raise AssertionError("an error was expected")


def a_stranger():
    """Bob has the vault's documents, and gets neither kind of master key."""
    for vault, identifier in (plain_mode(), delegated_mode()):
        sealed = goes_round(vault, identifier)
        stranger = Vault("bob")
        stranger.keys = vault.keys
        told = refused(lambda: encrypter(stranger).decrypt(sealed))
        assert "Item Not Found" in told, told


def wrong_keys():
    """A master key that is not there, that is no seed, or that has been damaged in the document."""
    vault, _ = plain_mode()
    told = refused(lambda: encrypter(vault).create_data_key("kmip", {"keyId": "nobody"}))
    assert "Item Not Found" in told, told
    told = refused(lambda: encrypter(vault).create_data_key("kmip", {"keyId": "nobody", "delegated": True}))
    assert "Item Not Found" in told, told
    delegated, identifier = delegated_mode()
    aes = master(delegated, identifier)["keyId"]
    refused(lambda: encrypter(vault).create_data_key("kmip", {"keyId": aes}))
    sealed = goes_round(delegated, identifier)
    [(name, document)] = delegated.keys.items()
    damaged = bson.decode(document, OPTIONS)
    material = bytearray(damaged["keyMaterial"])
    material[-1] ^= 1
    damaged["keyMaterial"] = bytes(material)
    delegated.keys[name] = bson.encode(damaged, codec_options=OPTIONS)
    refused(lambda: encrypter(delegated).decrypt(sealed))


plain_mode()
delegated_mode()
plain_mode(piece=7)
delegated_mode(piece=7)
another_master_key()
a_stranger()
wrong_keys()
print("all held")
