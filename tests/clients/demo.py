"""One key, made over KMIP, used through PKCS#11 and OpenSSL, every step in a signed log.

Everything here is somebody else's program but the daemon, its module and `strongroom` itself: PyKMIP makes the keys,
pkcs11-tool signs with them, OpenSSL verifies and serves TLS. It prints what it does as a person would want to read it.
"""

import json
import logging
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from kmip.core import enums
from kmip.core.attributes import Name
from kmip.core.factories.attributes import AttributeFactory
from kmip.pie import client as pie
from kmip.pie import exceptions

# PyKMIP says at every connection that it has no configuration file.
logging.disable(logging.WARNING)

BUILT = pathlib.Path(sys.argv[1])
STRONGROOM = BUILT / "strongroom"
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
BOLD, GREEN, RED, DIM, PLAIN = ("\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m") if COLOUR else ("",) * 5
STARTED = time.monotonic()


def chapter(text):
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def done(text, note=""):
    print(f"  {GREEN}ok{PLAIN}  {text}" + (f"  {DIM}{note}{PLAIN}" if note else ""), flush=True)


def fail(text, detail=""):
    print(f"  {RED}failed{PLAIN}  {text}")
    if detail:
        print(detail)
    sys.exit(1)


def run(*command, expect=0, env=None, stdin=None, timeout=30):
    """Runs a program; anything but the expected exit ends the demonstration with what the program said."""
    command = [str(word) for word in command]
    result = subprocess.run(
        command, input=stdin, capture_output=True, env={**os.environ, **(env or {})}, timeout=timeout, check=False
    )
    said = (result.stdout + result.stderr).decode(errors="replace")
    if (result.returncode == 0) != (expect == 0):
        fail(" ".join(command), said)
    return result.stdout if expect == 0 else said.encode()


class Appliance:
    """`strongroom dev` in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.start()

    def start(self):
        description = self.folder / "dev.json"
        description.unlink(missing_ok=True)
        self.log = open(self.folder.parent / "strongroom.log", "ab")
        self.process = subprocess.Popen(
            [STRONGROOM, "dev", "--dir", self.folder, "--kmip", "127.0.0.1:0"], stdout=self.log, stderr=self.log
        )
        for _ in range(600):
            if description.exists():
                break
            if self.process.poll() is not None:
                fail("strongroom dev ended", (self.folder.parent / "strongroom.log").read_text())
            time.sleep(0.05)
        else:
            fail("strongroom dev did not get ready within 30 seconds")
        self.doors = json.loads(description.read_text())

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)

    def kmip(self, name, version):
        papers = self.doors["clients"][name]
        host, port = self.doors["kmip"].rsplit(":", 1)
        return pie.ProxyKmipClient(
            hostname=host,
            port=int(port),
            cert=papers["cert"],
            key=papers["key"],
            ca=self.doors["ca"],
            ssl_version="PROTOCOL_TLSv1_2",
            kmip_version=version,
        )

    def pkcs11(self):
        return {"STRONGROOM_PKCS11_CONFIG": self.doors["pkcs11"]["config"]}

    def identifier(self, label):
        """The CKA_ID of a private key: pkcs11-tool signs by it, and not by label."""
        listed = self.pkcs11_tool("--list-objects", "--type", "privkey").decode()
        block = next(part for part in listed.split("Private Key Object") if re.search(rf"label:\s+{label}$", part, re.M))
        return re.search(r"ID:\s+([0-9a-f]+)", block).group(1)

    def pkcs11_tool(self, *arguments):
        token = self.doors["pkcs11"]
        login = ["--login", "--pin", token["user_pin"]]
        return run("pkcs11-tool", "--module", token["module"], *login, *arguments, env=self.pkcs11())


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="strongroom-demo-"))
    appliance = None
    try:
        appliance = demonstrate(folder)
    finally:
        if appliance is not None:
            appliance.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\n{GREEN}{BOLD}Everything held.{PLAIN} {time.monotonic() - STARTED:.1f} seconds\n")


def demonstrate(folder):
    (folder / "dev").mkdir(mode=0o700)
    chapter("An appliance")
    appliance = Appliance(folder / "dev")
    doors = appliance.doors
    done("strongroom dev", f"KMIP on {doors['kmip']}, PKCS#11 token {doors['pkcs11']['token']}")

    chapter("Keys over KMIP, made by alice with PyKMIP")
    keys = make_keys(appliance)

    chapter("The very same keys through PKCS#11")
    publics = use_keys(appliance, folder)

    chapter("OpenSSL, with the private key inside the daemon")
    serve_tls(appliance, folder)

    chapter("Bob")
    refuse_bob(appliance, keys)

    chapter("A crash")
    appliance.kill()
    done("killed with SIGKILL")
    appliance.start()
    for label, public in publics.items():
        sign_and_verify(appliance, folder, label, public)
    with appliance.kmip("alice", enums.KMIPVersion.KMIP_1_2) as alice:
        for uid in keys.values():
            alice.get_attribute_list(uid)
    done(f"started again: all {len(keys)} objects are there, and the signatures verify")

    chapter("The log")
    check_log(appliance, folder)
    return appliance


def make_keys(appliance):
    keys = {}
    with appliance.kmip("alice", enums.KMIPVersion.KMIP_1_2) as alice:
        masks = [enums.CryptographicUsageMask.ENCRYPT, enums.CryptographicUsageMask.DECRYPT]
        keys["aes"] = alice.create(enums.CryptographicAlgorithm.AES, 256, name="demo-aes", cryptographic_usage_mask=masks)
        alice.activate(keys["aes"])
        done("KMIP 1.2  Create, Activate: AES-256 'demo-aes'", keys["aes"])
        keys["rsa-public"], keys["rsa"] = make_pair(alice, enums.CryptographicAlgorithm.RSA, 2048, "demo-rsa")
        done("KMIP 1.2  Create Key Pair, Activate: RSA-2048 'demo-rsa'", keys["rsa"])
    with appliance.kmip("alice", enums.KMIPVersion.KMIP_2_0) as alice:
        keys["p256-public"], keys["p256"] = make_pair(alice, enums.CryptographicAlgorithm.EC, 256, "demo-p256")
        done("KMIP 2.0  Create Key Pair, Activate: P-256 'demo-p256'", keys["p256"])
    plain = b"the quick brown fox jumps over the lazy dog"
    for version in (enums.KMIPVersion.KMIP_1_2, enums.KMIPVersion.KMIP_2_0):
        with appliance.kmip("alice", version) as alice:
            how = {
                "block_cipher_mode": enums.BlockCipherMode.CBC,
                "padding_method": enums.PaddingMethod.PKCS5,
                "cryptographic_algorithm": enums.CryptographicAlgorithm.AES,
            }
            vector = os.urandom(16)
            sealed, _ = alice.encrypt(plain, uid=keys["aes"], cryptographic_parameters=how, iv_counter_nonce=vector)
            opened = alice.decrypt(sealed, uid=keys["aes"], cryptographic_parameters=how, iv_counter_nonce=vector)
            if opened != plain or sealed == plain:
                fail("Decrypt did not give back what was encrypted")
            done(f"{version.value}  Encrypt, Decrypt: {len(plain)} bytes, AES-CBC")
    return keys


def make_pair(alice, algorithm, length, name):
    public, private = alice.create_key_pair(
        algorithm,
        length,
        public_name=f"{name}-public",
        public_usage_mask=[enums.CryptographicUsageMask.VERIFY],
        private_name=name,
        private_usage_mask=[enums.CryptographicUsageMask.SIGN],
    )
    alice.activate(private)
    alice.activate(public)
    return public, private


def use_keys(appliance, folder):
    listed = appliance.pkcs11_tool("--list-objects").decode()
    for name in ("demo-aes", "demo-rsa", "demo-p256"):
        if name not in listed:
            fail(f"pkcs11-tool does not list {name}", listed)
    done("pkcs11-tool lists demo-aes, demo-rsa and demo-p256")
    (folder / "file").write_bytes(b"A file that somebody wants signed.\n" * 100)
    publics = {}
    for label in ("demo-rsa", "demo-p256"):
        der, pem = folder / f"{label}.der", folder / f"{label}.pem"
        appliance.pkcs11_tool("--read-object", "--type", "pubkey", "--label", f"{label}-public", "--output-file", der)
        run("openssl", "pkey", "-pubin", "-inform", "DER", "-in", der, "-out", pem)
        publics[label] = pem
        sign_and_verify(appliance, folder, label, pem)
        mechanism = MECHANISMS[label]
        done(f"pkcs11-tool signs a file with {label}, openssl dgst -verify agrees", mechanism)
    return publics


MECHANISMS = {"demo-rsa": "SHA256-RSA-PKCS", "demo-p256": "ECDSA-SHA256"}


def sign_and_verify(appliance, folder, label, public):
    signature, file = folder / f"{label}.sig", folder / "file"
    form = ["--signature-format", "openssl"] if label == "demo-p256" else []
    appliance.pkcs11_tool(
        "--sign", "--mechanism", MECHANISMS[label], "--id", appliance.identifier(label), "--input-file", file, "--output-file", signature, *form
    )
    said = run("openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, file)
    if b"Verified OK" not in said:
        fail(f"openssl does not verify the signature of {label}", said.decode())


def serve_tls(appliance, folder):
    token = appliance.doors["pkcs11"]
    env = {**appliance.pkcs11(), "OPENSSL_CONF": str(engine_configuration(folder, token["module"]))}
    uri = f"pkcs11:token={token['token']};object=demo-p256;type=private?pin-value={token['user_pin']}"
    key = ["-engine", "pkcs11", "-keyform", "engine", "-key", uri]
    request, certificate = folder / "request.pem", folder / "certificate.pem"
    run("openssl", "req", "-new", *key, "-subj", "/CN=demo.test", "-out", request, env=env)
    run("openssl", "req", "-verify", "-noout", "-in", request)
    done("openssl req: a certificate request, and its signature verifies")
    names = ["-addext", "subjectAltName=DNS:demo.test"]
    run("openssl", "req", "-new", "-x509", *key, "-subj", "/CN=demo.test", "-days", "1", *names, "-out", certificate, env=env)
    run("openssl", "verify", "-CAfile", certificate, certificate)
    done("openssl req -x509: a self-signed certificate, and it verifies")
    port = free_port()
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", str(certificate), *key, "-quiet"],
        env={**os.environ, **env}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    try:
        said = connect(port, certificate)
    finally:
        server.terminate()
        told = server.communicate(timeout=10)[0].decode(errors="replace")
    if b"Verify return code: 0 (ok)" not in said:
        fail("openssl s_client does not accept the server", said.decode() + told)
    protocol = next(line.strip() for line in said.decode().splitlines() if "Cipher is" in line)
    done("openssl s_server serves TLS with it, s_client verifies", protocol)


def connect(port, certificate):
    command = ["s_client", "-connect", f"127.0.0.1:{port}", "-servername", "demo.test", "-CAfile", certificate]
    for attempt in range(50):
        result = subprocess.run(["openssl", *map(str, command)], input=b"", capture_output=True, timeout=20, check=False)
        if result.returncode == 0 or attempt == 49:
            return result.stdout + result.stderr
        time.sleep(0.1)


def engine_configuration(folder, module):
    engines = next(pathlib.Path("/usr/lib").glob("*/engines-3/pkcs11.so"), None)
    if engines is None:
        fail("the OpenSSL engine pkcs11 is not installed (Debian: libengine-pkcs11-openssl)")
    path = folder / "openssl.cnf"
    path.write_text(
        "openssl_conf = main\n[main]\nengines = engines\n[engines]\npkcs11 = pkcs11\n"
        f"[pkcs11]\nengine_id = pkcs11\ndynamic_path = {engines}\nMODULE_PATH = {module}\ninit = 0\n"
        "[req]\ndistinguished_name = name\n[name]\n"
    )
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def refuse_bob(appliance, keys):
    answers = []
    with appliance.kmip("bob", enums.KMIPVersion.KMIP_1_2) as bob:
        for uid in (keys["aes"], "11111111-2222-4333-8444-555555555555"):
            try:
                bob.get(uid)
                fail("bob got alice's key")
            except exceptions.KmipOperationFailure as failure:
                answers.append((failure.reason, failure.message))
        name = Name.create("demo-aes", enums.NameType.UNINTERPRETED_TEXT_STRING)
        named = AttributeFactory().create_attribute(enums.AttributeType.NAME, name)
        found = bob.locate(attributes=[named])
    done("bob asks for alice's key and is refused", str(answers[0][1]))
    if answers[0] != answers[1]:
        fail("bob can tell alice's key from one that is not there", str(answers))
    done("the answer is the same as for a key that does not exist")
    if found:
        fail("bob finds alice's key by its name")
    done("bob's Locate by its name finds nothing")


def check_log(appliance, folder):
    audit = appliance.doors["audit"]
    said = run(STRONGROOM, "audit", "verify", "--dir", audit["dir"], "--key", audit["key"]).decode()
    done("strongroom audit verify", said.strip().splitlines()[0])
    copy = folder / "copy"
    shutil.copytree(audit["dir"], copy)
    log = sorted(copy.glob("*.log"))[0]
    content = bytearray(log.read_bytes())
    line = content.count(b"\n") // 2
    at = [place for place, byte in enumerate(content) if byte == 10][line - 1] + 100
    content[at] ^= 1
    log.write_bytes(content)
    told = run(STRONGROOM, "audit", "verify", "--dir", copy, "--key", audit["key"], expect=1).decode()
    if str(line + 1) not in told:
        fail(f"verify does not name line {line + 1}", told)
    done(f"one bit of line {line + 1} of a copy is flipped, and verify names it", told.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
