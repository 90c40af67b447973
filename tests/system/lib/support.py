# SPDX-License-Identifier: Apache-2.0
"""What all system tests need: ports, certificates, deadlines."""

import pathlib
import socket
import subprocess
import time


def free_ports(count):
    """Ports that were free a moment ago, all different."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def certificate(directory, name="xmpp.example"):
    """A self-signed certificate and its key: two paths."""
    cert = pathlib.Path(directory) / f"{name}.pem"
    key = pathlib.Path(directory) / f"{name}.key"
    if not cert.exists():
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
             "-keyout", key, "-out", cert],
            check=True, capture_output=True)
    return str(cert), str(key)


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
