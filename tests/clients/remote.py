"""A program far from its token: run as `remote.py MODULE TOKEN PIN`. It says "ready" and waits for a line while the daemon is
started again; it ends in "all held" or in a traceback."""

import os
import sys

sys.path.pop(0)

import pkcs11  # noqa: E402
from pkcs11 import KeyType  # noqa: E402

MODULE, TOKEN, PIN = sys.argv[1:4]
LOST = (pkcs11.DeviceRemoved, pkcs11.SessionHandleInvalid, pkcs11.SessionClosed)

library = pkcs11.lib(MODULE)


def signed():
    token = library.get_token(token_label=TOKEN)
    with token.open(rw=True, user_pin=PIN) as session:
        key = session.generate_key(KeyType.AES, 256, store=False)
        iv = session.generate_random(128)
        return key.decrypt(key.encrypt(b"far away", mechanism_param=iv), mechanism_param=iv) == b"far away"


assert signed()
held = library.get_token(token_label=TOKEN).open(rw=True, user_pin=PIN)
key = held.generate_key(KeyType.AES, 256, store=False)


def worked():
    return key.encrypt(b"far away", mechanism_param=bytes(16))


first = worked()

# A child has nothing of its parent's until it begins anew, and its parent's session is as it was.
child = os.fork()
if child == 0:
    code = 1
    try:
        held.generate_random(64)
    except pkcs11.PKCS11Error:
        try:
            library.finalize()
        except pkcs11.PKCS11Error:
            library.initialize()
            code = 0 if signed() else 2
    os._exit(code)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert worked() == first

print("ready", flush=True)
sys.stdin.readline()

# The daemon that had the session is gone; its successor says so once, and serves again.
try:
    worked()
    raise SystemExit("the session outlived its daemon")
except LOST:
    pass
try:
    held.close()
except LOST:
    pass
assert signed()
print("all held")
