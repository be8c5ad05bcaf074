"""Has a login, two sessions and a key of a session, says which, and waits to be killed: mortal.py MODULE TOKEN PIN."""

import signal
import sys

import pkcs11
from pkcs11 import Attribute, KeyType

module, token, pin = sys.argv[1:]
token = pkcs11.lib(module).get_token(token_label=token)
session, other = token.open(rw=True, user_pin=pin), token.open()
key = session.generate_key(KeyType.AES, 256, store=False, label="mortal")
print(key[Attribute.UNIQUE_ID], flush=True)
signal.pause()
