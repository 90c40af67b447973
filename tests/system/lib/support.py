# SPDX-License-Identifier: Apache-2.0
"""What all system tests need: ports, certificates, deadlines."""

import pathlib
import random
import shutil
import socket
import subprocess
import time


# Ends a wait for what never comes. Nothing is expected to take so long, and no
# test is about it: the machine may be busy with something else.
PATIENCE_S = 60

given_ports = set()


def free_port():
    """A loopback port that was free a moment ago, never given twice.

    Below the range from which the kernel takes ports for connections: it
    stays free until its user binds it, unless another test run draws it.
    """
    for _ in range(1000):
        port = random.randrange(10000, 32000)
        if port in given_ports:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given_ports.add(port)
        return port
    raise RuntimeError("no free port")


def free_ports(count):
    return [free_port() for _ in range(count)]


def receive(connection, seconds):
    """What comes within so long: b"" at an end, None when nothing does."""
    connection.settimeout(max(seconds, 0.001))
    try:
        return connection.recv(65536)
    except TimeoutError:
        return None
    except OSError:
        return b""


def certificate(directory, name="xmpp.example", days=2):
    """A self-signed certificate and its key: two paths. One that is there
    stays as it is."""
    cert = pathlib.Path(directory) / f"{name}.pem"
    key = pathlib.Path(directory) / f"{name}.key"
    if not cert.exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days),
             "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
             "-keyout", key, "-out", cert],
            check=True, capture_output=True)
    return str(cert), str(key)


def for_everybody(program, folder):
    """A copy of the program in this folder, which others may enter from now
    on: its path. The checkout may lie where only root can go."""
    copy = pathlib.Path(folder) / f"copied-{pathlib.Path(program).name}"
    shutil.copyfile(program, copy)
    for path in (copy, pathlib.Path(folder)):
        path.chmod(0o755)
    return str(copy)


class Deadline:
    """Counts down; `left` raises when it is over."""

    def __init__(self, seconds, what):
        self.end = time.monotonic() + seconds
        self.what = what

    def left(self):
        left = self.end - time.monotonic()
        if left <= 0:
            raise AssertionError(f"too late: {self.what}")
        return left


def has_failed(case):
    """Within a clean-up of this unittest case: did anything of it fail?

    unittest's own flag starts afresh with each clean-up.
    """
    result = case._outcome.result if case._outcome else None
    return bool(result) and any(
        test is case for test, _ in result.failures + result.errors)
