"""What a case is made of: a client at one version, names of its own, and words for refusals."""

import time
import traceback
import uuid

from kmip.core import enums
from kmip.core.attributes import Name
from kmip.core.exceptions import OperationFailure
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie import client, objects
from kmip.pie.exceptions import KmipOperationFailure

V1_0, V1_1, V1_2, V1_3, V1_4, V2_0 = VERSIONS = sorted(enums.KMIPVersion)

AES = enums.CryptographicAlgorithm.AES
Mask = enums.CryptographicUsageMask
Reason = enums.ResultReason
Type = enums.ObjectType

# Reasons that came with KMIP 2.0, and what they were before (1.4 §11).
OLDER = {
    Reason.OBJECT_NOT_FOUND: Reason.ITEM_NOT_FOUND,
    Reason.OBJECT_DESTROYED: Reason.ITEM_NOT_FOUND,
    Reason.WRAPPING_OBJECT_NOT_FOUND: Reason.ITEM_NOT_FOUND,
    Reason.ATTRIBUTE_NOT_FOUND: Reason.ITEM_NOT_FOUND,
    Reason.ATTRIBUTE_INSTANCE_NOT_FOUND: Reason.ITEM_NOT_FOUND,
    Reason.WRONG_KEY_LIFECYCLE_STATE: Reason.PERMISSION_DENIED,
    Reason.INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK: Reason.PERMISSION_DENIED,
    Reason.ATTRIBUTE_READ_ONLY: Reason.PERMISSION_DENIED,
    Reason.READ_ONLY_ATTRIBUTE: Reason.PERMISSION_DENIED,
    Reason.ATTRIBUTE_SINGLE_VALUED: Reason.INVALID_FIELD,
    Reason.BAD_CRYPTOGRAPHIC_PARAMETERS: Reason.INVALID_FIELD,
    Reason.UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS: Reason.INVALID_FIELD,
}

MADE = AttributeFactory()


class Scene:
    """One run of a case: `pie` and `low` are alice's clients, the high and the low one over the same connection."""

    def __init__(self, doors, version):
        self.doors = doors
        self.version = version
        # No two runs share a name, so that a case finds what it made itself and nothing else.
        self.mark = uuid.uuid4().hex[:12]
        self.opened = []
        self.pie = self.client("alice")
        self.low = self.pie.proxy

    def client(self, name, **more):
        """Another client, closed with the scene."""
        papers = self.doors["clients"][name]
        host, port = self.doors["kmip"].rsplit(":", 1)
        opened = client.ProxyKmipClient(
            hostname=host, port=int(port), cert=papers["cert"], key=papers["key"], ca=self.doors["ca"],
            ssl_version="PROTOCOL_TLSv1_2", kmip_version=self.version, **more,
        )
        opened.open()
        self.opened.append(opened)
        return opened

    def close(self):
        for opened in self.opened:
            opened.close()

    def name(self, word):
        return f"{self.mark}-{word}"

    def key(self, word="key", value=None, masks=(Mask.ENCRYPT, Mask.DECRYPT), active=True, algorithm=AES):
        """An AES-256 key of known value, active unless said otherwise."""
        value = value or bytes(range(32))
        made = objects.SymmetricKey(algorithm, len(value) * 8, value, list(masks), self.name(word))
        uid = self.pie.register(made)
        if active:
            self.pie.activate(uid)
        return uid

    def attributes(self, uid, *names):
        """Attributes of an object, those named: a list of values by name, in the words of KMIP 1.x at every version."""
        _, told = self.pie.get_attributes(uid, list(names))
        values = {}
        for attribute in told:
            value = attribute.attribute_value
            values.setdefault(attribute.attribute_name.value, []).append(getattr(value, "value", value))
        return values

    def refused(self, reason, work, *arguments, **more):
        """The work is refused, with this reason in the version's words, and a message for a person; gives back the message."""
        reason = reason if self.version >= V2_0 else OLDER.get(reason, reason)
        try:
            told = work(*arguments, **more)
        except (KmipOperationFailure, OperationFailure) as failure:
            assert failure.reason == reason, f"{failure.reason}, not {reason}: {failure}"
            message = getattr(failure, "message", None) or failure.args[-1]
            message = getattr(message, "value", message)
            assert message, "a refusal has a message"
            return message
        raise AssertionError(f"{reason.name} was expected, not {told!r}")

    def one(self, uid, name):
        """The only value of an attribute; of a name, its text."""
        [value] = self.attributes(uid, name)[name]
        return value.name_value.value if isinstance(value, Name) else value

    def state(self, uid):
        return self.one(uid, "State")

    def raw(self, verb, *arguments, **more):
        """The bytes of an answer that PyKMIP cannot read, although the standard writes it so."""
        told = []
        receive = self.low._receive_message

        def keep():
            answer = receive()
            told.append(answer.buffer)
            return answer

        self.low._receive_message = keep
        try:
            verb(*arguments, **more)
        except Exception:  # noqa: BLE001, what was told is looked at, not what was made of it
            pass
        finally:
            self.low._receive_message = receive
        return told[0]


def named(word):
    """The attribute Name, as Locate is asked for it."""
    return MADE.create_attribute(
        enums.AttributeType.NAME, Name.create(word, enums.NameType.UNINTERPRETED_TEXT_STRING)
    )


def attribute(kind, value, index=None):
    return MADE.create_attribute(kind, value, index)


def equal(told, expected):
    assert told == expected, f"{told!r}, not {expected!r}"


def case(since=V1_0, until=V2_0):
    """A case, and over which versions it is run."""

    def mark(work):
        work.versions = [version for version in VERSIONS if since <= version <= until]
        return work

    return mark


def cases(module):
    return [work for work in vars(module).values() if hasattr(work, "versions")]


def play(doors, works, words):
    """Runs the cases whose names hold one of the words, all without words. The exit status."""
    held, lost, began = 0, 0, time.monotonic()
    for work in works:
        title = work.__name__.replace("_", " ")
        if words and not any(word in title for word in words):
            continue
        for version in work.versions:
            scene = None
            try:
                scene = Scene(doors, version)
                work(scene)
                held += 1
            except Exception:  # noqa: BLE001, whatever went wrong is what there is to tell
                lost += 1
                print(f"LOST  {version.value}  {title}\n{traceback.format_exc(limit=-3, chain=False)}")
            finally:
                if scene:
                    scene.close()
    print(f"{held} held, {lost} lost, in {time.monotonic() - began:.1f} seconds" if lost else f"{held} held")
    return 1 if lost or not held else 0
