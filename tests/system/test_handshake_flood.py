#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Established clients beside a flood of TLS handshakes from one address: how
long their pings take without it, with it, and with a low limit; and somebody
from another address gets in meanwhile. On the release build."""

import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from operator_scene import OperatorScene  # noqa: E402
from pingers import Pingers, percentile  # noqa: E402
from support import PATIENCE_S  # noqa: E402
from xmpp_client import Client  # noqa: E402

PINGERS = 20
PHASE_S = 5
FLOODERS = 24
LIMIT = "xmpp.client.handshakes"


class Flood:
    """Full handshakes one after the other, of so many at the same time."""

    def __init__(self, port):
        self.clients = [subprocess.Popen(
            ["openssl", "s_time", "-new", "-connect", f"127.0.0.1:{port}",
             "-time", str(10 * PHASE_S)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(FLOODERS)]

    def stop(self):
        for client in self.clients:
            client.kill()
        for client in self.clients:
            client.wait(PATIENCE_S)


class HandshakeFlood(OperatorScene):
    def metric(self, name):
        return sum(int(float(line.split()[-1]))
                   for line in self.cmctl("show", "metrics").splitlines()
                   if line.startswith(f"cmanager_{name} "))

    def phase(self, name, pingers):
        before = self.metric("tls_handshakes_total")
        begun = time.monotonic()
        times = pingers.run(
            lambda: time.monotonic() > begun + PHASE_S)
        rate = (self.metric("tls_handshakes_total") - before) / (
            time.monotonic() - begun)
        print(f"{name}: {len(times)} pings, median "
              f"{1000 * percentile(times, 0.5):.1f} ms, p99 "
              f"{1000 * percentile(times, 0.99):.1f} ms, {rate:.0f} handshakes"
              " a second", file=sys.stderr)
        self.assertGreater(len(times), PINGERS)

    def test_established_clients_are_served(self):
        self.begin_operated(**{"workers.count": 1})
        pingers = Pingers(self.daemon.plain, PINGERS)
        self.addCleanup(pingers.close)
        self.phase("without a flood", pingers)
        flood = Flood(self.daemon.direct)
        self.addCleanup(flood.stop)
        self.until(lambda: self.metric("tls_handshakes_total") > FLOODERS)
        self.phase("with a flood", pingers)
        self.reload(**{LIMIT: 4})
        self.phase("with a flood, at most 4 at a time", pingers)
        self.assertGreater(self.metric("tls_waited_total"), 0)
        begun = time.monotonic()
        client = Client(self.daemon.direct, direct=True, source="127.9.9.9")
        self.addCleanup(client.close)
        client.login("other")
        print(f"another address logged in after "
              f"{time.monotonic() - begun:.3f} s", file=sys.stderr)
        self.assertEqual(pingers.ended(), [])


if __name__ == "__main__":
    unittest.main()
