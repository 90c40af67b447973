#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a manager does on its links by the clock: blanks, silence, barriers,
and names that are slow to resolve."""

import contextlib
import re
import socket
import time
import unittest

from actors import DEADLINE_S, Client
from stage import Played
from support import PATIENCE_S


class Timers(Played):
    def test_a_blank_goes_out_when_nothing_else_does(self):
        self.begin(options={"xmpp.server.heartbeat": 0.2,
                            "xmpp.server.barrier": 60})
        link = self.link()
        link.read(0.3)
        seen = len(link.bytes)
        end = time.monotonic() + PATIENCE_S
        while link.bytes[seen:].count(b" ") < 3 and time.monotonic() < end:
            link.read(0.5)
        self.assertRegex(link.bytes[seen:], rb"^(<iq.*</iq>)? {3,}$")

    def test_a_link_that_never_says_anything_is_replaced(self):
        self.begin(options={"xmpp.server.idle": 0.5,
                            "xmpp.server.heartbeat": 60,
                            "xmpp.server.barrier": 60})
        link = self.link()
        while not link.ended:
            link.read(10)
        self.daemon.wait_for_log("nothing received for")
        self.link("N")

    def test_a_barrier_shows_its_round_trip(self):
        self.begin(links=2, options={"xmpp.server.barrier": 1,
                                     "log.level": "debug"})
        self.link("M1")
        self.link("M2")
        seen = set()
        end = time.monotonic() + PATIENCE_S
        while len(seen) < 2 and time.monotonic() < end:
            for link in self.replay.links.values():
                link.read(0.05)
            seen = set(re.findall(r"barrier answered link=(\d) "
                                  r"round_trip_ms=\d+\.\d",
                                  self.daemon.tail(10 ** 7)))
        self.assertEqual(seen, {"0", "1"})

    def test_a_server_that_handles_nothing_is_found_by_its_barrier(self):
        self.begin(options={"xmpp.server.barrier": 0.2,
                            "xmpp.server.hang.timeout": 0.6})
        self.replay.connect("M")
        link = self.replay.links["M"]
        link.answers_barriers = False
        link.let_in()
        while not link.ended:
            with contextlib.suppress(OSError):  # it may be reset by now
                link.send(" ")
            link.read(0.1)
        self.daemon.wait_for_log("has not handled anything for")
        self.link("N")
        Client.served(self.daemon.plain).socket.close()

    def test_nothing_goes_up_behind_our_end_tag(self):
        """No question again either that another link's end left open."""
        self.begin(links=3, options={"xmpp.server.barrier": 2})
        links = [self.link(name) for name in ("M1", "M2", "M3")]
        links[0].answers_barriers = False
        asked = len(links[0].bytes)
        while b"barrier-" not in links[0].bytes[asked:]:
            for link in links:
                link.read(0.02)
        links[2].socket.close()
        links[0].send("</stream:stream>")
        while not links[0].ended:
            links[0].read(0.02)
            links[1].read(0.02)
        self.assertRegex(links[0].bytes, b"</stream:stream>$")

    def test_an_item_that_never_ends_costs_its_link(self):
        """All that follows is within it, though barriers are answered."""
        self.begin(links=2, options={"xmpp.server.barrier": 1,
                                     "xmpp.server.hang.timeout": 3})
        link, other = self.link("M1"), self.link("M2")
        link.send("<route streamid='cm0'>" + "<a>" * 30000)
        link.send = other.send
        self.replay.kept.append(link)
        end = time.monotonic() + DEADLINE_S
        while not link.ended:
            self.assertLess(time.monotonic(), end, "it is waited for")
            link.read(0.05)
            other.read(0.05)
        self.daemon.wait_for_log("an item has not ended for")
        self.assertFalse(other.ended)
        self.login(other)

    def test_an_unknown_host_blocks_nobody(self):
        """Its name server never answers; clients are answered before it has
        been waited for."""
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        silent.bind(("127.0.0.1", 0))
        self.begin(options={
            "xmpp.hostname": "server.invalid",
            "xmpp.server.dns.servers":
                "127.0.0.1:%d" % silent.getsockname()[1]})
        silent.settimeout(PATIENCE_S)
        self.assertIn(b"server", silent.recv(4096))
        client = Client(self.daemon.plain)
        self.replay.kept.append(client)
        client.send(Client.HEADER)
        client.expect("<stream:error><remote-connection-failed")
        self.assertNotIn("cannot find the server", self.daemon.tail(10 ** 6))
        self.daemon.wait_for_log("cannot find the server")


if __name__ == "__main__":
    unittest.main()
