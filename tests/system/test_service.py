#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon under a service manager: what systemd is told, and when."""

import os
import pathlib
import re
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import Daemon  # noqa: E402
from scene import Scene  # noqa: E402
from support import PATIENCE_S  # noqa: E402


class Manager:
    """NOTIFY_SOCKET's other end; `told`: each datagram as a dictionary."""

    def __init__(self, directory):
        self.path = f"{directory}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.told = []

    def listen(self, seconds):
        self.socket.settimeout(max(seconds, 0.001))
        try:
            data = self.socket.recv(4096).decode()
        except TimeoutError:
            return
        self.told.append(dict(line.split("=", 1)
                              for line in data.splitlines()))

    def until(self, holds, what, seconds=PATIENCE_S):
        end = time.monotonic() + seconds
        while not any(holds(words) for words in self.told):
            if time.monotonic() > end:
                raise AssertionError(f"never told {what}: {self.told[-5:]}")
            self.listen(0.2)
        return next(words for words in self.told if holds(words))


def status(pattern):
    return lambda words: re.fullmatch(pattern, words.get("STATUS", ""))


class Service(Scene):
    def begin_managed(self, options=None, **environment):
        server, _ = self.begin()
        self.daemon.stop()
        manager = Manager(self.directory.name)
        self.addCleanup(manager.socket.close)
        self.daemon = Daemon(self.directory.name, server.port, options,
                             NOTIFY_SOCKET=manager.path, **environment)
        return server, manager

    def test_ready_means_listening_and_the_status_counts(self):
        server, manager = self.begin_managed()
        self.daemon.start(server)
        manager.until(lambda words: words.get("READY") == "1", "READY")
        first = next(at for at, words in enumerate(manager.told)
                     if "READY" in words)
        self.assertIn("ready workers=2", self.daemon.tail(10 ** 6))
        self.assertEqual([words for words in manager.told[:first]
                          if words != {"STATUS": "starting"}], [])
        manager.until(status("0 sessions, 5/5 links"), "five links")
        clients = [self.client(f"u{number}") for number in range(3)]
        manager.until(status("3 sessions, 5/5 links"), "three sessions")
        clients[0].close()
        manager.until(status("2 sessions, 5/5 links"), "two sessions")

    def test_ready_comes_without_a_server(self):
        _, manager = self.begin_managed({"xmpp.port": 1})
        self.daemon.start()
        manager.until(lambda words: words.get("READY") == "1", "READY")
        manager.until(status("0 sessions, 0/5 links"), "no links")

    def test_a_stop_is_told_before_anything_ends(self):
        server, manager = self.begin_managed()
        self.daemon.start(server)
        manager.until(lambda words: words.get("READY") == "1", "READY")
        client = self.client("alice")
        os.kill(self.daemon.process.pid, signal.SIGTERM)
        manager.until(lambda words: words.get("STOPPING") == "1", "STOPPING")
        client.expect("system-shutdown")
        client.close()
        self.assertEqual(self.daemon.process.wait(PATIENCE_S), 0)
        self.daemon.process = None

    def test_a_watchdog_hears_of_a_master_that_stands_still(self):
        server, manager = self.begin_managed(
            WATCHDOG_USEC="600000")
        self.daemon.start(server)
        alive = lambda words: words.get("WATCHDOG") == "1"  # noqa: E731
        manager.until(alive, "a sign of life")
        os.kill(self.daemon.process.pid, signal.SIGSTOP)
        while manager.told:  # what was under way
            manager.told.clear()
            manager.listen(0.3)
        manager.listen(1)
        self.assertEqual(manager.told, [])
        os.kill(self.daemon.process.pid, signal.SIGCONT)
        manager.until(alive, "a sign of life again")
        self.client("alice").ping()


if __name__ == "__main__":
    unittest.main()
