"""Asks for a key through PyKMIP's high client: host, port, certificate, key, authority, identifier."""

import sys

from kmip.core.enums import KMIPVersion
from kmip.pie.client import ProxyKmipClient
from kmip.pie.exceptions import KmipOperationFailure

host, port, cert, key, ca, identifier = sys.argv[1:]
with ProxyKmipClient(host, int(port), cert, key, ca, kmip_version=KMIPVersion.KMIP_1_2) as client:
    try:
        print("key of", 8 * len(client.get(identifier).value), "bits")
    except KmipOperationFailure as failure:
        print(failure.reason.name)
