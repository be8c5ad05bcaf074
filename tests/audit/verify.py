#!/usr/bin/env python3
"""A second verifier of the audit log, written from docs/audit-format.md alone and sharing no code with the daemon.

    verify.py IDENTITY FOLDER...

IDENTITY is a file with the log's pinned public key. Prints a line for each folder: `FOLDER: ok LINES SIGNED EPOCHS`, or
`FOLDER: FILE:LINE: what is wrong`. Exits with 1 if anything is wrong. Needs nothing but Python 3.10.
"""

import base64
import binascii
import hashlib
import json
import os
import re
import sys


class Damage(Exception):
    """The first thing that is wrong, by file and line."""

    def __init__(self, file, line, what):
        super().__init__(f"{file}:{line}: {what}")


# Ed25519, verification only (RFC 8032 §5.1.7, with points in extended coordinates as in its appendix).

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number, point):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, point)
        point = add(point, point)
        number >>= 1
    return total


def same(p, q):
    return (p[0] * q[2] - q[0] * p[2]) % P == 0 and (p[1] * q[2] - q[1] * p[2]) % P == 0


def decode_point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


BASE = decode_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519(key, message, signature):
    if len(signature) != 64:
        return False
    a, r = decode_point(key), decode_point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return same(times(s, BASE), add(r, times(h, a)))


# Spellings.


def sha256(data):
    return hashlib.sha256(data).digest()


def from_base64(text):
    """Base 64 in its one spelling, or None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def number(text):
    """A number in its one decimal spelling, of at most 64 bits, or None."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,19}", text):
        return None
    value = int(text)
    return value if value < 2**64 else None


def is_name(text):
    return bool(text) and "+" not in text and not any(letter.isspace() for letter in text)


def key_id(name, key):
    return sha256(name.encode() + b"\n\x01" + key)[:4]


# The tree, as the roots of its complete subtrees.


class Tree:
    def __init__(self):
        self.size, self.peaks = 0, []

    def with_leaf(self, line):
        grown = Tree()
        grown.size, grown.peaks = self.size, list(self.peaks)
        grown.push(line)
        return grown

    def push(self, line):
        top, below = sha256(b"\0" + line), self.size
        while below & 1:
            top = sha256(b"\1" + self.peaks.pop() + top)
            below >>= 1
        self.peaks.append(top)
        self.size += 1

    def root(self):
        if not self.peaks:
            return sha256(b"")
        top = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            top = sha256(b"\1" + left + top)
        return top


# Checkpoints.


class Note:
    """A note, read and not yet believed; ValueError where it is not one."""

    TEXT = re.compile(
        r"([^\n]+)\n([0-9]+)\n([^\n]+)\ngeneration ([0-9]+)\nepoch ([0-9]+)\n"
        r"time (?a:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\n(?:next ([^\n]+)\n)?"
    )

    def __init__(self, data):
        whole = data.decode("utf-8")
        if any(letter < " " and letter != "\n" for letter in whole) or len(data) > 16384:
            raise ValueError("bytes that no note has")
        at = whole.rfind("\n\n")
        found = self.TEXT.fullmatch(whole[: at + 1]) if at >= 0 else None
        if not found or not whole.endswith("\n"):
            raise ValueError("not a checkpoint")
        self.text, self.origin = whole[: at + 1].encode(), found[1]
        self.size, self.generation, self.epoch = (number(found[place]) for place in (2, 4, 5))
        self.root = from_base64(found[3])
        self.next = None if found[6] is None else from_base64(found[6])
        lengths = [len(self.root or b""), 32 if found[6] is None else len(self.next or b"")]
        if None in (self.size, self.generation, self.epoch) or lengths != [32, 32] or not is_name(self.origin):
            raise ValueError("not a checkpoint")
        self.signatures = []
        for line in whole[at + 2 : -1].split("\n"):
            parts = line.split(" ")
            signature = from_base64(parts[2]) if len(parts) == 3 else None
            if parts[0] != "\u2014" or not signature or len(signature) <= 4 or not is_name(parts[1]):
                raise ValueError("not a signature line")
            self.signatures.append((parts[1], signature[:4], signature[4:]))
        if len(self.signatures) > 16:
            raise ValueError("too many signatures")

    def signed_by(self, key):
        mine = (self.origin, key_id(self.origin, key))
        ours = [signature for name, known, signature in self.signatures if (name, known) == mine]
        return bool(ours) and all(ed25519(key, self.text, signature) for signature in ours)


def read_identity(path):
    with open(path, encoding="utf-8") as file:
        parts = file.read().removesuffix("\n").split("+", 2)
    key = from_base64(parts[2]) if len(parts) == 3 else None
    if not key or len(key) != 33 or key[0] != 1 or parts[1] != key_id(parts[0], key[1:]).hex():
        sys.exit(f"{path} is not the identity of a log")
    return parts[0], key[1:]


def read_file(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


class Chain:
    """Every signed tree, believed."""

    def __init__(self, folder, origin, key):
        self.origin, self.keys, self.marks, self.last = origin, [key], {}, None
        head = read_file(os.path.join(folder, "checkpoint"))
        line = 1
        # A note has two empty lines: one within it and one behind it.
        for data in re.findall(rb"(?s).*?\n\n.*?\n\n", read_file(os.path.join(folder, "epochs"))):
            note = self.check(data[:-1], "epochs", line, len(self.keys) - 1)
            if note.next is None:
                raise Damage("epochs", line, "no next key")
            self.keys.append(note.next)
            line += data.count(b"\n")
        if head and head.strip(b"\0"):
            self.read_head(head)
        if not self.marks:
            raise Damage("checkpoint", 1, "there is no checkpoint at all")
        self.signed = max(self.marks)

    def check(self, data, file, line, epoch):
        note = self.parse(data, file, line)
        if note.origin != self.origin:
            raise Damage(file, line, "another log's")
        if note.epoch != epoch:
            raise Damage(file, line, "not of the epoch that follows")
        if not note.signed_by(self.keys[epoch]):
            raise Damage(file, line, "not signed by the key that it should be")
        if self.last and (note.size < self.last.size or note.generation < self.last.generation):
            raise Damage(file, line, "says less than the one before it")
        self.mark(note, file, line)
        self.last = note
        return note

    @staticmethod
    def parse(data, file, line):
        try:
            return Note(data)
        except ValueError as error:
            raise Damage(file, line, str(error)) from None

    def mark(self, note, file, line):
        if self.marks.setdefault(note.size, note.root) != note.root:
            raise Damage(file, line, "signs another tree of a size that is signed already")

    def read_head(self, data):
        note = self.parse(data, "checkpoint", 1)
        if note.epoch >= len(self.keys) - 1:
            self.check(data, "checkpoint", 1, len(self.keys) - 1)
        elif note.origin == self.origin and note.signed_by(self.keys[note.epoch]) and note.size <= self.last.size:
            self.mark(note, "checkpoint", 1)
        else:
            raise Damage("checkpoint", 1, "not signed by the key that it should be")


# Lines.

TEXTS = ("log", "boot", "time", "prev", "caller", "action", "result")
NUMBERS = ("seq", "gen")


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def parse_line(line):
    """The members of a line, or None where it is not one."""
    if len(line) > 16384 or any(not 0x20 <= byte <= 0x7E for byte in line):
        return None
    try:
        members = json.loads(line, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    right = all(isinstance(members.get(name), str) for name in TEXTS)
    right = right and all(type(members.get(name)) is int and 0 <= members[name] < 2**64 for name in NUMBERS)
    right = right and re.fullmatch(r"[0-9a-f]{64}", members["prev"]) and re.fullmatch(r"[0-9a-f]{32}", members["log"])
    return members if right else None


def read_lines(folder):
    """Every line as (file, line in the file, bytes, whether it has an end), after checking that the files follow on."""
    files = sorted((int(name[:-4]), name) for name in os.listdir(folder) if re.fullmatch(r"[0-9]{12,}\.log", name))
    count = 0
    for start, name in files:
        if start != count:
            raise Damage(name, 1, "the file does not begin with the line that comes next")
        with open(os.path.join(folder, name), "rb") as file:
            for place, line in enumerate(file, 1):
                count += 1
                yield name, place, line.removesuffix(b"\n"), line.endswith(b"\n")


def verify(folder, identity):
    chain = Chain(folder, *identity)
    log = chain.origin.removeprefix("strongroom/")
    tree, previous, before, place = Tree(), bytes(32), None, ("000000000000.log", 0)
    lines = read_lines(folder)
    # One line is read ahead: a line that does not follow is judged by its successor.
    ahead = next(lines, None)
    while ahead:
        (file, line, data, ended), ahead = ahead, look(lines)
        before, place = place, (file, line)
        if not ended and ahead is None and tree.size >= chain.signed:
            break
        members = parse_line(data) if ended else None
        if members is None:
            raise Damage(file, line, "not a record")
        if members["log"] != log:
            raise Damage(file, line, "another log's")
        if members["seq"] != tree.size:
            raise Damage(file, line, "its number does not follow")
        if members["prev"] != previous.hex():
            blame(chain, tree, data, members, previous, ahead, before, place)
        tree.push(data)
        previous = sha256(data)
        if chain.marks.get(tree.size, tree.root()) != tree.root():
            raise Damage(file, line, "not what a checkpoint signs")
        if isinstance(ahead, Damage):
            raise ahead
    if tree.size < chain.signed:
        raise Damage(*place, "the log ends here, but more lines are signed")
    return f"ok {tree.size} {chain.signed} {len(chain.keys) - 1}"


def look(lines):
    """The next line; what is wrong with the next file is told only once its turn has come."""
    try:
        return next(lines, None)
    except Damage as damage:
        return damage


def blame(chain, tree, data, members, previous, ahead, before, place):
    own = True
    if tree.size > 0 and tree.size not in chain.marks:
        follower = None if ahead is None or isinstance(ahead, Damage) else parse_line(ahead[2])
        root = chain.marks.get(tree.size + 1)
        if follower:
            own = follower["prev"] != sha256(data).hex()
        elif root:
            mended = data.replace(members["prev"].encode(), previous.hex().encode(), 1)
            own = tree.with_leaf(mended).root() == root
    if own:
        raise Damage(*place, "it does not follow from the line before it")
    raise Damage(*before, "it was changed: the next line follows from another")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    identity = read_identity(sys.argv[1])
    bad = 0
    for folder in sys.argv[2:]:
        try:
            said = verify(folder, identity)
        except Damage as damage:
            said, bad = str(damage), 1
        print(f"{folder}: {said}", flush=True)
    sys.exit(bad)


if __name__ == "__main__":
    main()
