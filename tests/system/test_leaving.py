#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A load balancer's view: HAProxy asks /ready, and sends nobody to a manager
that is to be drained before its clients are told, nor to one without links."""

import pathlib
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from balancers import HAProxy  # noqa: E402
from http_scene import HttpScene  # noqa: E402
from support import PATIENCE_S  # noqa: E402
from xmpp_client import Client  # noqa: E402

DELAY_S = 8


class Leaving(HttpScene):
    def setUp(self):
        super().setUp()
        self.begin_http(**{"drain.delay": DELAY_S, "drain.window": 1,
                           "xmpp.server.grace": 0})
        self.balancer = HAProxy(
            self.directory.name, self.daemon.plain,
            f"check port {self.port} inter 50ms fall 1 rise 1",
            lines="option httpchk GET /ready")
        self.addCleanup(self.balancer.stop)
        self.until(self.is_sent_on, "HAProxy sends nobody")

    def is_sent_on(self):
        """Whether a new client gets through HAProxy."""
        with socket.create_connection(("127.0.0.1", self.balancer.port),
                                      PATIENCE_S) as client:
            client.settimeout(PATIENCE_S)
            try:
                client.sendall(b"<")
                client.settimeout(0.3)
                return client.recv(1) != b""
            except TimeoutError:
                return True
            except OSError:
                return False

    def through(self, user):
        client = Client(self.balancer.port)
        self.addCleanup(client.close)
        client.login(user)
        return client

    def expect_untouched(self, clients):
        for client in clients:
            client.ping()
            self.assertNotIn(b"<stream:error", client.buffer)

    def expect_told(self, clients):
        for client in clients:
            client.expect("<system-shutdown ")
            client.expect("</stream:stream>")
            client.close()

    def leave(self, how):
        """All are to be drained; they are asked nothing until then."""
        clients = [self.through(f"u{n}") for n in range(4)]
        how()
        self.until(lambda: not self.is_sent_on(), "HAProxy sends them on")
        self.assertEqual(self.ask("/ready"), (503, "drained\n"))
        self.expect_untouched(clients)
        return clients

    def test_it_is_out_before_its_clients_are_told(self):
        begun = time.monotonic()
        clients = self.leave(lambda: self.assertIn(
            f"still accept for {DELAY_S} s and then close 4 clients",
            self.cmctl("drain", "all")))
        # Whom a balancer has sent meanwhile is served.
        self.client("late").ping()
        self.expect_untouched(clients)
        print(f"out and untouched after {time.monotonic() - begun:.2f} s",
              file=sys.stderr)
        self.expect_told(clients)
        self.assertGreaterEqual(time.monotonic() - begun, DELAY_S - 1)
        self.cmctl("wait", "drained")
        self.assert_clean()

    def test_undrained_in_time_it_costs_nobody_anything(self):
        clients = self.leave(lambda: self.cmctl("drain", "all"))
        self.cmctl("undrain", "all")
        self.until(self.is_sent_on, "HAProxy sends nobody")
        self.assertEqual(self.ask("/ready"), (200, "ready\n"))
        time.sleep(DELAY_S + 0.5)  # when it would have begun
        self.expect_untouched(clients + [self.through("new")])
        self.assertNotIn("draining process", self.daemon.tail())

    def test_who_waits_for_the_drain_waits_for_the_delay(self):
        clients = self.leave(lambda: self.cmctl("drain", "all"))
        for client in clients:
            client.send("</stream:stream>")
            client.expect("</stream:stream>")
            client.close()
        self.cmctl("wait", "drained")
        self.assertIn("draining process", self.daemon.tail())

    def test_quit_follows_the_same(self):
        process = self.daemon.process
        clients = self.leave(lambda: process.send_signal(signal.SIGQUIT))
        self.expect_told(clients)
        self.assertEqual(process.wait(PATIENCE_S), 0)
        self.assertNotIn("not drained in time", self.daemon.tail())

    def test_stopped_within_the_delay_it_stops(self):
        process = self.daemon.process
        clients = self.leave(lambda: self.cmctl("drain", "all"))
        process.send_signal(signal.SIGTERM)
        self.expect_told(clients)
        self.assertEqual(process.wait(PATIENCE_S), 0)

    def test_without_links_it_is_out(self):
        self.server.stop()
        self.until(lambda: not self.is_sent_on(), "HAProxy sends them on")
        self.assertIn(self.ask("/ready"),
                      ((503, "holding\n"), (503, "unreachable\n")))


if __name__ == "__main__":
    unittest.main()
