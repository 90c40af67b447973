#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Direct TLS, STARTTLS and clear text on one port: with OpenSSL, a client of
Python's and HAProxy in between."""

import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from balancers import HAProxy  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S  # noqa: E402
from xmpp_client import DOMAIN, HEADER, Client  # noqa: E402

ONE_PORT = {"xmpp.socket.default.direct": "true",
            "xmpp.socket.ssl.active": "false"}


class OnePort(OperatorScene):
    def setUp(self):
        super().setUp()
        self.begin_operated(**ONE_PORT)

    def openssl(self, *words):
        """What comes of a header, at the one port."""
        client = subprocess.Popen(
            ["openssl", "s_client", "-quiet", "-no_ign_eof", "-connect",
             f"127.0.0.1:{self.daemon.plain}", "-servername", DOMAIN, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        with client:
            client.stdin.write(HEADER.encode())
            client.stdin.flush()
            said = b""
            while b"</stream:features>" not in said:
                more = os.read(client.stdout.fileno(), 65536)
                if not more:
                    break
                said += more
            kinds = [row["tls"] for row in self.rows("sessions")]
            client.stdin.close()
            client.stdout.read()
            client.wait(PATIENCE_S)
        self.until(lambda: not self.rows("sessions"))
        return said.decode(), kinds

    def test_openssl_direct_and_by_starttls(self):
        said, kinds = self.openssl("-alpn", "xmpp-client")
        self.assertIn("<mechanism>", said)
        self.assertNotIn("<starttls", said)
        self.assertEqual(kinds, ["direct"])
        said, kinds = self.openssl("-starttls", "xmpp", "-xmpphost", DOMAIN)
        self.assertIn("<mechanism>", said)
        self.assertEqual(kinds, ["starttls"])

    def test_alpn_is_judged_as_on_the_direct_port(self):
        said, kinds = self.openssl("-alpn", "h2")
        self.assertNotIn("<stream:features", said)
        self.assertEqual(kinds, [])
        said, kinds = self.openssl()
        self.assertIn("<mechanism>", said)

    def test_all_three_kinds_beside_each_other(self):
        port = self.daemon.plain
        clients = {}
        for kind in ("direct", "starttls", "no"):
            client = Client(port, direct=kind == "direct")
            self.addCleanup(client.close)
            client.login(kind, tls=kind == "starttls")
            clients[kind] = client
        for kind, client in clients.items():
            client.ping()
            self.assertEqual(
                [row["tls"] for row in self.rows("sessions",
                                                 f"jid={client.jid}")],
                [kind])
        self.assertEqual(self.info()["listeners"], 2)

    def test_behind_a_balancer(self):
        self.reload(**{"xmpp.socket.default.proxy": "127.0.0.1"})
        balancer = HAProxy(self.directory.name, self.daemon.plain,
                           "send-proxy-v2")
        self.addCleanup(balancer.stop)
        for direct in (True, False):
            client = Client(balancer.port, direct, source="127.0.0.7")
            self.addCleanup(client.close)
            client.login("a", "direct" if direct else "clear")
            row = self.rows("sessions", f"jid={client.jid}")[0]
            self.assertEqual(row["tls"], "direct" if direct else "no")
            self.assertTrue(row["address"].startswith("127.0.0.7:"), row)

    def test_without_a_certificate_a_warning_is_all(self):
        answer = self.reload(**{"xmpp.socket.ssl.certificate": None,
                                "xmpp.socket.ssl.key": None})
        self.assertIn("xmpp.socket.default.direct has no effect",
                      answer["warnings"])
        self.client("clear").ping()


if __name__ == "__main__":
    unittest.main()
