"""The functions that no tool calls, called through the built module: run as `functions.py MODULE PIN`; it ends in "all held" or
in a traceback."""

import sys
from ctypes import CDLL, POINTER, Structure, byref, c_ubyte, c_ulong, c_void_p, cast, create_string_buffer, sizeof

MODULE, PIN = sys.argv[1], sys.argv[2].encode()
P = CDLL(MODULE)


class Mechanism(Structure):
    _fields_ = [("kind", c_ulong), ("parameter", c_void_p), ("length", c_ulong)]


class Attribute(Structure):
    _fields_ = [("kind", c_ulong), ("value", c_void_p), ("length", c_ulong)]


class GcmMessage(Structure):
    _fields_ = [("iv", c_void_p), ("iv_length", c_ulong), ("iv_fixed_bits", c_ulong), ("generator", c_ulong),
                ("tag", c_void_p), ("tag_bits", c_ulong)]


OK, BUFFER_TOO_SMALL, STATE_UNSAVEABLE, SAVED_STATE_INVALID, SIGNATURE_INVALID = 0, 0x150, 0x180, 0x160, 0xC0
KEY_GEN, GCM, RSA_GEN, RSA, SHA256 = 0x1080, 0x1087, 0x0, 0x1, 0x250
GENERATE, COUNTER = 1, 2
YES, NO = c_ubyte(1), c_ubyte(0)


def call(name, *arguments, expected=OK):
    rv = getattr(P, name)(*arguments)
    assert rv == expected, f"{name}: {rv:#x}"


def template(*pairs):
    row = (Attribute * len(pairs))()
    for place, (kind, value) in zip(row, pairs):
        place.kind, place.value, place.length = kind, cast(byref(value), c_void_p), sizeof(value)
    return row


def output(name, *arguments, room=4096, expected=OK):
    buffer, length = create_string_buffer(room), c_ulong(room)
    call(name, *arguments, buffer, byref(length), expected=expected)
    return buffer.raw[:length.value]


for function in ["C_GetSlotList", "C_OpenSession", "C_Login", "C_GenerateKey", "C_GenerateKeyPair", "C_SignRecoverInit",
                 "C_SignRecover", "C_VerifyRecoverInit", "C_VerifyRecover", "C_GetOperationState",
                 "C_SetOperationState", "C_DigestInit", "C_DigestUpdate", "C_DigestFinal", "C_WrapKeyAuthenticated",
                 "C_UnwrapKeyAuthenticated", "C_MessageEncryptInit", "C_EncryptMessage", "C_Initialize", "C_Finalize",
                 "C_GetAttributeValue", "C_EncryptInit"]:
    getattr(P, function).restype = c_ulong

call("C_Initialize", None)
slots, count, session = (c_ulong * 8)(), c_ulong(8), c_ulong()
call("C_GetSlotList", c_ubyte(1), slots, byref(count))
call("C_OpenSession", slots[0], c_ulong(6), None, None, byref(session))
call("C_Login", session, c_ulong(1), PIN, c_ulong(len(PIN)))

bits, private, public = c_ulong(2048), c_ulong(), c_ulong()
call("C_GenerateKeyPair", session, byref(Mechanism(RSA_GEN, None, 0)), template((0x121, bits)), c_ulong(1), None,
     c_ulong(0), byref(public), byref(private))
rsa = Mechanism(RSA, None, 0)
for _ in range(3):
    call("C_SignRecoverInit", session, byref(rsa), private)
    signature = output("C_SignRecover", session, b"word", c_ulong(4))
    call("C_VerifyRecoverInit", session, byref(rsa), public)
    output("C_VerifyRecover", session, signature, c_ulong(256), room=3, expected=BUFFER_TOO_SMALL)
    assert output("C_VerifyRecover", session, signature, c_ulong(256)) == b"word"
call("C_VerifyRecoverInit", session, byref(rsa), public)
output("C_VerifyRecover", session, bytes(255) + b"\x02", c_ulong(256), expected=SIGNATURE_INVALID)

sha = Mechanism(SHA256, None, 0)
call("C_DigestInit", session, byref(sha))
call("C_DigestUpdate", session, b"one ", c_ulong(4))
state = output("C_GetOperationState", session)
call("C_DigestUpdate", session, b"two", c_ulong(3))
first = output("C_DigestFinal", session)
call("C_SetOperationState", session, state, c_ulong(len(state)), c_ulong(0), c_ulong(0))
call("C_DigestUpdate", session, b"two", c_ulong(3))
assert output("C_DigestFinal", session) == first
call("C_SetOperationState", session, state[:-1], c_ulong(len(state) - 1), c_ulong(0), c_ulong(0),
     expected=SAVED_STATE_INVALID)


def aes(*more):
    key, length = c_ulong(), c_ulong(32)
    row = template((0x161, length), *more)
    call("C_GenerateKey", session, byref(Mechanism(KEY_GEN, None, 0)), row, c_ulong(len(row)), byref(key))
    return key


under, leaves = aes((0x106, YES), (0x107, YES)), aes((0x162, YES))
iv, tag = create_string_buffer(b"fixed", 12), create_string_buffer(16)
said = GcmMessage(cast(iv, c_void_p), 12, 0, GENERATE, cast(tag, c_void_p), 128)
gcm = Mechanism(GCM, cast(byref(said), c_void_p), sizeof(said))
wrapped = output("C_WrapKeyAuthenticated", session, byref(gcm), under, leaves, b"beside", c_ulong(6))
assert len(wrapped) == 32 and iv.raw[:5] != b"fixed" and tag.raw != bytes(16)
back, secret, kind = c_ulong(), c_ulong(4), c_ulong(0x1F)
row = template((0x0, secret), (0x100, kind))
call("C_UnwrapKeyAuthenticated", session, byref(gcm), under, wrapped, c_ulong(32), row, c_ulong(2), b"beside",
     c_ulong(6), byref(back))

call("C_MessageEncryptInit", session, byref(Mechanism(GCM, None, 0)), aes((0x104, YES)))
iv = create_string_buffer(12)
said = GcmMessage(cast(iv, c_void_p), 12, 0, COUNTER, cast(tag, c_void_p), 128)
for number in range(3):
    output("C_EncryptMessage", session, byref(said), c_ulong(sizeof(said)), None, c_ulong(0), b"text", c_ulong(4))
    assert iv.raw == number.to_bytes(12, "big"), iv.raw
output("C_GetOperationState", session, expected=STATE_UNSAVEABLE)
call("C_Finalize", None)
print("all held")
