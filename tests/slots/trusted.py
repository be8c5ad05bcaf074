"""Puts a key of the bytes VALUE and the label LABEL in the place of the one of that label, as a token's security officer, who can
say that it is trusted; or, as its user, says of each private key which keys may
wrap it, and what comes of trying with a key that nobody trusts.

Usage: trusted.py LIBRARY TOKEN officer PIN LABEL VALUE
       trusted.py LIBRARY TOKEN user PIN
"""

import sys

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass

library, label, who, pin, *rest = sys.argv[1:]
token = pkcs11.lib(library).get_token(token_label=label)
if who == "officer":
    with token.open(rw=True, so_pin=pin) as session:
        label, value = rest
        for key in session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: label}):
            key.destroy()
        key = session.create_object({
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.AES,
            Attribute.TOKEN: True,
            Attribute.PRIVATE: False,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.WRAP: True,
            Attribute.UNWRAP: True,
            Attribute.TRUSTED: True,
            Attribute.LABEL: label,
            Attribute.VALUE: bytes.fromhex(value),
        })
        print("trusted" if key[Attribute.TRUSTED] else "not trusted")
else:
    with token.open(user_pin=pin) as session:
        thief = session.generate_key(KeyType.AES, 256, capabilities=MechanismFlag.WRAP, store=False)
        for key in session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}):
            may = "trusted keys alone" if key[Attribute.WRAP_WITH_TRUSTED] else "any key"
            try:
                thief.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP_PAD)
                print(may, "wrapped")
            except pkcs11.PKCS11Error as error:
                print(may, type(error).__name__)
