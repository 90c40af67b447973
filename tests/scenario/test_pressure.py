#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A process or a server that stands still while others have something for
it."""

import os
import pathlib
import signal
import time
import unittest

from actors import DOMAIN, Client
from processes import open_files
from stage import Played
from transcript import local


def far_end(client):
    """The other end of a client's connection, as /proc/PID/fd shows it."""
    ports = [client.socket.getpeername()[1], client.socket.getsockname()[1]]
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if [int(end.split(":")[1], 16) for end in fields[1:3]] == ports:
            return f"socket:[{fields[9]}]"
    raise AssertionError("a client without another end")


class Frozen(Played):
    def holder(self, client):
        wanted = far_end(client)
        for pid in self.daemon.children():
            if wanted in open_files(pid):
                return pid
        raise AssertionError("nobody holds this client")

    def survives_a_pause(self, link, client, streamid, messages, size):
        """Its worker stands still for two seconds, as one does that gets no
        processor, and what comes meanwhile waits for it."""
        pid = self.holder(client)
        os.kill(pid, signal.SIGSTOP)
        for number in range(messages):
            link.carry(streamid, f"<message id='m{number}.'>"
                       f"<body>{'x' * size}</body></message>")
        time.sleep(2)
        os.kill(pid, signal.SIGCONT)
        for number in range(messages):
            client.expect(f"<message[^>]* id=.m{number}[.]")
        self.assertEqual(self.holder(client), pid)
        self.assertNotIn("does not take", self.daemon.tail(10 ** 7))

    def test_a_worker_that_pauses_is_not_ended_while_its_ring_has_room(self):
        """Wherever the ring between stands when it is empty."""
        self.begin()
        link = self.link()
        client, streamid = self.login(link)
        # Behind the first pages, yet far from the end.
        link.carry(streamid, f"<message id='w'><body>{'x' * 80000}</body>"
                   "</message>")
        client.expect("</message>")
        self.survives_a_pause(link, client, streamid, 400, 500)

    def test_a_worker_that_pauses_is_not_ended_for_a_full_ring(self):
        self.begin(options={"rings.down": 262144,
                            "xmpp.server.item.max": 65536})
        link = self.link()
        client, streamid = self.login(link)
        self.survives_a_pause(link, client, streamid, 60, 10000)

    def test_a_worker_that_takes_nothing_is_ended_and_holds_up_nobody(self):
        self.begin(options={"workers.count": 2, "rings.down": 262144,
                            "xmpp.server.item.max": 65536})
        link = self.link()
        frozen, streamid = self.login(link)
        pid = self.holder(frozen)
        for _ in range(50):  # the kernel deals them out
            other, living = self.login(link)
            if self.holder(other) != pid:
                break
        self.assertNotEqual(self.holder(other), pid)
        os.kill(pid, signal.SIGSTOP)
        for number in range(100):
            link.carry(streamid, f"<message id='m{number}' to='a@{DOMAIN}/r'>"
                       f"<body>{'x' * 10000}</body></message>")
        link.carry(living, "<message id='after'/>")
        other.expect("after")
        begun = time.monotonic()
        self.daemon.wait_for_log("does not take what is for it")
        # The server gives up on links that are not read for 30 seconds; this
        # one is still the first.
        self.assertLess(time.monotonic() - begun, 20)
        other.send("<presence/>")
        while local(link.next_item("a packet")[0]) != "presence":
            pass


class Hung(Played):
    MESSAGE = f"<message to='a@{DOMAIN}' id='m'><body>{'x' * 500}</body></message>"

    def test_what_waits_for_its_confirmation_leaves_room_for_more(self):
        """A ring that was empty starts anew at its beginning. The rest of it,
        passed over, is not full."""
        self.begin()
        link = self.link()
        client, _ = self.login(link)
        client.send(self.MESSAGE * 12)
        for _ in range(12):
            link.next_item("a message")
        asked = link.bytes.count(b"-barrier")
        link.wait(lambda: link.bytes.count(b"-barrier") > asked, "a barrier")
        link.answers_barriers = False
        client.send(self.MESSAGE * 60)
        for _ in range(60):
            link.next_item("a message that waits for room")

    def test_a_server_that_reads_nothing_does_not_hold_up_the_stop(self):
        """In order as far as it goes, by our own bounds, not by force."""
        self.begin(options={"stop.timeout": 3})
        link = self.link()
        client, _ = self.login(link)
        client.send(self.MESSAGE)
        other = Client.served(self.daemon.plain)
        other.socket.close()
        self.daemon.stop(15)
        client.expect("<stream:error><system-shutdown")


if __name__ == "__main__":
    unittest.main()
