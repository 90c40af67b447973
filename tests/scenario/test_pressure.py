#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A process that stands still while the others have something for it."""

import os
import pathlib
import signal
import unittest

from actors import DOMAIN
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
            for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                if os.path.lexists(entry) and os.readlink(entry) == wanted:
                    return pid
        raise AssertionError("nobody holds this client")

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
            link.route(streamid, f"<message id='m{number}' to='a@{DOMAIN}/r'>"
                       f"<body>{'x' * 10000}</body></message>")
        link.route(living, "<message id='after'/>")
        other.expect("after")
        self.daemon.wait_for_log("does not take what is for it")
        other.send("<presence/>")
        while local(link.next_item("a route")[0]) != "presence":
            pass


if __name__ == "__main__":
    unittest.main()
