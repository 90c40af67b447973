#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the network does: hosts that vanish, hosts that never answer, and the
two families of addresses."""

import socket
import unittest

from actors import CM, DEADLINE_S, DOMAIN, Client
from stage import AUTH, Played
from far_host import FarHost
from transcript import local


def message(name):
    return (f"<message to='a@{DOMAIN}/r' from='b@{DOMAIN}/r' id='{name}'>"
            "<body>text</body></message>")


class Vanished(Played):
    def setUp(self):
        super().setUp()
        self.far = FarHost()
        self.addCleanup(self.far.remove)

    def far_client(self):
        end = self.far.socket()
        end.settimeout(DEADLINE_S)
        end.connect((self.far.here, self.daemon.plain))
        client = Client(end)
        client.open()
        return client

    def test_a_host_that_acknowledges_nothing_is_not_waited_for(self):
        """Its session ends before the idle limit, and what it never got is
        given back."""
        self.begin(options={"xmpp.client.idle": 10000, "log.level": "debug",
                            "xmpp.socket.network.interface": None})
        link = self.link()
        client, streamid = self.login(link, self.far_client())
        link.carry(streamid, message("taken"))
        client.expect("taken")
        client.send("<presence/>")
        self.assertEqual(local(link.next_item("a packet")[0]), "presence")
        self.far.fall_silent()
        link.carry(streamid, message("lost"))
        left = link.next_item("a packet")[0]
        self.assertEqual((local(left), left.get("type")),
                         ("presence", "unavailable"))
        failed = link.next_item("a failed").find(CM + "session")
        self.assertEqual((failed.get("id"), local(failed[0])),
                         (streamid, "failed"))
        self.assertEqual(failed[0][0].get("id"), "lost")
        closed = link.next_item("a close").find(CM + "session")
        self.assertEqual((closed.get("id"), local(closed[0])),
                         (streamid, "close"))
        self.daemon.wait_for_log("reason=io_failed")
        self.assertNotIn("reason=idle", self.daemon.tail(10 ** 6))


class Families(Played):
    def create_of(self, link, address):
        """Its client lets itself in from the address."""
        client = Client(socket.create_connection((address,
                                                  self.daemon.plain)))
        self.replay.kept.append(client)
        client.open()
        client.send(AUTH)
        create = link.next_item("a create")
        self.assertEqual(local(link.next_item("an auth")[0]), "auth")
        return create.find(CM + "session")[0].find(CM + "host")

    def test_clients_of_both_families_come_with_their_address(self):
        self.begin(options={"xmpp.socket.network.interface": None})
        link = self.link()
        for address in ("127.0.0.1", "::1"):
            host = self.create_of(link, address)
            self.assertEqual(host.get("address"), address)

    def test_a_server_is_reached_over_ipv6(self):
        self.listener.close()
        self.listener = socket.create_server(("::1", 0),
                                             family=socket.AF_INET6)
        self.addCleanup(self.listener.close)
        self.begin(options={"xmpp.hostname": "::1"})
        self.login(self.link())


if __name__ == "__main__":
    unittest.main()
