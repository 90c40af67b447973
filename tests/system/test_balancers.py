#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Behind Debian's load balancers, which say with the PROXY protocol who
connects to them: the address of the client is what the daemon, the stand-in
and a real Prosody have of it."""

import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from balancers import HAProxy, Hitch  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from site_fixture import ProsodySite  # noqa: E402
from support import certificate  # noqa: E402
from xmpp_client import Client  # noqa: E402

# Where a client is; balancers come from 127.0.0.1.
CLIENT = "127.0.0.7"
BALANCERS = {"xmpp.socket.default.proxy": "192.0.2.0/24 127.0.0.1",
             "xmpp.socket.ssl.proxy": "127.0.0.1"}


class Balanced(OperatorScene):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.directory.name)
        self.folder.chmod(0o755)
        self.path = str(self.folder / "control")
        self.site = ProsodySite({"alice": "x"},
                                extra="c2s_require_encryption = true\n",
                                options={"control.socket": self.path})
        self.addCleanup(self.site.stop)
        self.site.start()
        self.daemon = self.site.daemon
        self.addCleanup(self.site.explain, self)
        self.pem = self.folder / "both.pem"
        self.pem.write_text(self.site.certificate.read_text() +
                            self.site.server.key.read_text())
        self.reload(**BALANCERS)
        self.clients = 0

    def end(self):
        """The site ends by itself."""

    def haproxy(self, server, direct=False, **options):
        target = self.daemon.direct if direct else self.daemon.plain
        return self.started(HAProxy(self.folder, target, server, **options))

    def started(self, balancer):
        self.addCleanup(balancer.stop)
        return balancer

    def connect(self, balancer, direct=False):
        """From an address that no client had before."""
        self.clients += 1
        client = Client(balancer.port, direct,
                        source=f"127.0.1.{self.clients}")
        self.addCleanup(client.close)
        return client

    def assert_known(self, client, tls):
        """By everybody under its own address."""
        host, port = client.socket.getsockname()
        row = self.rows("sessions", f"jid={client.jid}")[0]
        self.assertEqual((row["address"], row["tls"]),
                         (f"{host}:{port}", tls))
        self.site.server.wait_for_log(f" {host} ")
        self.daemon.wait_for_log(f"address={host}:{port}")
        client.close()
        self.until(lambda: not self.rows("sessions"))

    def test_both_versions_before_starttls_and_direct_tls(self):
        for version in ("send-proxy", "send-proxy-v2",
                        "send-proxy-v2 proxy-v2-options crc32c,unique-id"):
            for direct in (False, True):
                with self.subTest(version, direct=direct):
                    client = self.connect(self.haproxy(version, direct),
                                          direct)
                    client.login("alice", tls=not direct)
                    self.assert_known(client,
                                      "direct" if direct else "starttls")

    def test_tls_of_the_balancer_is_enough_for_the_server(self):
        """Which demands encryption: STARTTLS is not offered again."""
        client = self.connect(self.haproxy("send-proxy-v2-ssl-cn",
                                           pem=self.pem), direct=True)
        client.login("alice")
        self.assertNotIn("<starttls", client.features)
        self.assert_known(client, "proxy")

    def test_without_a_word_of_tls_the_clients_count_as_clear(self):
        client = self.connect(self.haproxy("send-proxy-v2", pem=self.pem),
                              direct=True)
        self.assertNotIn("<mechanism", client.open())

    def test_hitch(self):
        """It speaks TLS itself, and says with version 2 that it does."""
        for version in (1, 2):
            with self.subTest(version):
                client = self.connect(self.started(Hitch(
                    self.folder, self.daemon.plain, self.pem, version)), True)
                if version == 2:
                    client.login("alice")
                    self.assert_known(client, "proxy")
                    continue
                self.assertNotIn("<mechanism", client.open())
                self.assertEqual(self.rows("sessions")[0]["address"],
                                 "%s:%u" % client.socket.getsockname())
                client.close()
                self.until(lambda: not self.rows("sessions"))

    def test_who_is_no_balancer_is_refused(self):
        for direct in (False, True):
            port = self.daemon.direct if direct else self.daemon.plain
            with socket.create_connection(("127.0.0.1", port), 10,
                                          (CLIENT, 0)) as client:
                try:
                    self.assertEqual(client.recv(1), b"")
                except ConnectionResetError:
                    pass
        self.daemon.wait_for_log("from none of the networks of "
                                 "xmpp.socket.default.proxy address=" + CLIENT)
        self.daemon.wait_for_log("from none of the networks of "
                                 "xmpp.socket.ssl.proxy address=" + CLIENT)
        metrics = self.cmctl("show", "metrics")
        self.assertIn("cmanager_proxy_refused_total 2\n", metrics)

    def log_of_clients(self):
        """Without what the master says of its processes."""
        return [line for line in self.daemon.tail(1 << 20).splitlines()
                if " master: " not in line]

    def test_health_checks_are_silent(self):
        before = self.accepted()
        log = self.log_of_clients()
        for direct in (False, True):
            self.haproxy("check inter 20ms send-proxy-v2 check-send-proxy",
                         direct)
            self.haproxy("check inter 20ms send-proxy", direct)
        self.until(lambda: self.accepted() > before + 40)
        self.assertEqual(self.log_of_clients(), log)
        self.assertIn("cmanager_proxy_refused_total 0\n",
                      self.cmctl("show", "metrics"))

    def accepted(self):
        return sum(int(float(line.split()[-1]))
                   for line in self.cmctl("show", "metrics").splitlines()
                   if line.startswith("cmanager_clients_accepted_total"))


class ServerTold(OperatorScene):
    """The stand-in for Openfire has the client's address in `<host>`."""

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.directory.name)
        self.folder.chmod(0o755)
        self.begin_operated(**BALANCERS)
        self.pem = self.folder / "both.pem"
        self.pem.write_text("".join(
            pathlib.Path(part).read_text()
            for part in certificate(self.folder)))

    def expect_host(self, balancer, direct, tls):
        self.addCleanup(balancer.stop)
        client = Client(balancer.port, direct, source=CLIENT)
        self.addCleanup(client.close)
        client.login("alice", tls=tls)
        session, = self.server.sessions()
        self.assertEqual(session["host"], CLIENT)
        client.close()
        self.until(lambda: not self.server.sessions())

    def test_by_haproxy(self):
        for version in ("send-proxy", "send-proxy-v2",
                        "send-proxy-v2 proxy-v2-options crc32c,unique-id"):
            for direct in (False, True):
                target = self.daemon.direct if direct else self.daemon.plain
                with self.subTest(version, direct=direct):
                    self.expect_host(HAProxy(self.folder, target, version),
                                     direct, tls=not direct)

    def test_by_balancers_that_speak_tls(self):
        target = self.daemon.plain
        for name, balancer in (
                ("HAProxy", HAProxy(self.folder, target,
                                    "send-proxy-v2-ssl-cn", pem=self.pem)),
                ("Hitch 1", Hitch(self.folder, target, self.pem, 1)),
                ("Hitch 2", Hitch(self.folder, target, self.pem, 2))):
            with self.subTest(name):
                self.expect_host(balancer, direct=True, tls=False)


if __name__ == "__main__":
    unittest.main()
