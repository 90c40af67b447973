#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What happens around the daemon's processes: deaths, what each may see, and
input that must not start it."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from crowd import Crowd  # noqa: E402
from daemon import BAD, Daemon, program  # noqa: E402
from processes import connections, open_files, title  # noqa: E402
from scene import Scene  # noqa: E402
from support import PATIENCE_S, certificate  # noqa: E402

QUICK = {"xmpp.server.backoff.min": 0.1, "xmpp.server.backoff.max": 0.3}


class Processes(Scene):
    def test_a_worker_holds_no_descriptor_of_the_region(self):
        self.begin()
        self.assertEqual(len(self.daemon.workers()), 2)
        for pid in self.daemon.workers():
            for name in open_files(pid):
                self.assertNotIn("memfd", name, title(pid))

    def test_workers_map_only_their_own_sections(self):
        self.begin()
        private = []
        for pid in self.daemon.workers():
            ranges = set()
            for line in pathlib.Path(f"/proc/{pid}/maps").read_text() \
                    .splitlines():
                words = line.split()
                if "memfd" in line and words[1][1] == "w":
                    first, last = (int(x, 16) for x in words[0].split("-"))
                    offset = int(words[2], 16)
                    ranges.update(range(offset, offset + last - first, 4096))
            private.append(ranges)
        self.assertTrue(private[0] and private[1])
        shared = private[0] & private[1]
        self.assertEqual(shared, set(), "written by two workers")

    def test_a_killed_worker_is_replaced_and_its_sessions_closed(self):
        server, _ = self.begin()
        crowd = Crowd(self.daemon.plain, 60)
        self.addCleanup(crowd.close)
        crowd.login()
        victim = self.daemon.workers()[0]
        os.kill(victim, signal.SIGKILL)
        self.until(lambda: len(self.daemon.workers()) == 2
                   and victim not in self.daemon.workers(), "no new worker")
        crowd.until(lambda: any(m.ended for m in crowd.members), PATIENCE_S,
                    "ends")
        end = time.monotonic() + 1

        def alive():
            return sum(not m.ended for m in crowd.members)

        crowd.until(lambda: time.monotonic() > end and
                    server.stats()["sessions"] == alive(), PATIENCE_S,
                    "a session for each that is left")
        self.assertGreater(alive(), 0)
        for number in range(8):
            self.client(f"new{number}").ping()
        self.assert_clean()

    def test_a_killed_upstream_is_replaced_and_clients_stay(self):
        server, _ = self.begin("5.1", QUICK)
        alice, bob = self.client("alice"), self.client("bob")
        server.wait("links_ready", "=", 5)
        self.kill_upstream()
        alice.send(f"<message to='{bob.jid}'><body>after</body></message>")
        bob.expect("after")
        self.assertEqual(server.stats()["links_total"], 5)
        self.assertEqual(server.stats()["links_lost"], 0)
        self.assertEqual(self.daemon.log.read_bytes().count(b"link resumed"),
                         5)
        self.assert_clean()

    def kill_upstream(self):
        """Until its successor serves."""
        count = self.daemon.log.read_bytes().count(b"ready process=upstream")
        os.kill(self.daemon.upstream(), signal.SIGKILL)
        self.daemon.wait_for_log("ready process=upstream", times=count + 1)

    def assert_link_sockets_are_held(self, server):
        """By upstream and the master, each once, and nobody else."""
        daemon = self.daemon
        server.wait("links_ready", "=", 5)
        self.until(lambda: len(connections(daemon.process.pid)) == 5 and
                   connections(daemon.upstream()) ==
                   connections(daemon.process.pid), "a duplicate of each")
        for pid in daemon.children():
            if pid != daemon.upstream():
                self.assertEqual(connections(pid) &
                                 connections(daemon.process.pid), set(),
                                 title(pid))

    def test_the_master_holds_the_sockets_of_links_and_no_others(self):
        server, daemon = self.begin("5.1", QUICK)
        self.assert_link_sockets_are_held(server)
        before = connections(daemon.process.pid)
        worker = daemon.workers()[0]
        os.kill(worker, signal.SIGKILL)
        self.until(lambda: len(daemon.workers()) == 2
                   and worker not in daemon.workers(), "no new worker")
        self.assert_link_sockets_are_held(server)
        self.assertEqual(connections(daemon.process.pid), before)
        self.kill_upstream()
        self.assert_link_sockets_are_held(server)
        self.assertEqual(connections(daemon.process.pid), before)
        for end in ("cut all rst", "cut all"):
            before = server.stats()["links_total"]
            server.command(end)
            server.wait("links_total", ">", before + 4)
            self.assert_link_sockets_are_held(server)
        self.assert_clean()

    def test_a_link_carries_nothing_before_the_master_holds_its_socket(self):
        server, daemon = self.begin("5.1", {
            **QUICK, "xmpp.server.connect.timeout": 0.2})
        os.kill(daemon.process.pid, signal.SIGSTOP)
        try:
            server.command("cut all rst")
            daemon.wait_for_log("while waiting for the master to hold")
            self.assertEqual(server.stats()["links_ready"], 0)
        finally:
            os.kill(daemon.process.pid, signal.SIGCONT)
        self.assert_link_sockets_are_held(server)
        self.assert_clean()

    def test_a_slot_claimed_anew_gets_nothing_of_its_former_session(self):
        server, _ = self.begin(options={"sessions.max": 16,
                                        "workers.count": 1})
        old = []
        for turn in range(8):
            clients = [self.client(f"u{turn}x{n}") for n in range(8)]
            number = server.links()[0]["number"]
            for streamid in old:
                server.command(
                    f"push {number} <route from=\"xmpp.example\" to=\"cm\" "
                    f"streamid=\"{streamid}\"><message><body>stale</body>"
                    "</message></route>")
            old += [at["id"] for at in server.sessions()]
            for client in clients:
                client.send("<message to='%s'><body>own</body></message>"
                            % client.jid)
                self.assertNotIn("stale", client.expect("own</body>"))
                self.assertNotIn(b"stale", client.buffer)
                client.close()
            server.wait("sessions", "=", 0)
        self.assertEqual(len(set(old)), 64)
        self.assert_clean()


class BadInput(unittest.TestCase):
    """Each is one clear line and a non-zero exit."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def refused(self, options, *patterns):
        daemon = Daemon(self.directory.name, 1, options)
        daemon.write()
        done = subprocess.run([program(), "-f", "-c", str(daemon.path)],
                              capture_output=True, timeout=PATIENCE_S,
                              check=False, stdin=subprocess.DEVNULL)
        said = (done.stdout + done.stderr).decode(errors="replace")
        self.assertNotEqual(done.returncode, 0, said)
        self.assertIsNone(BAD.search(said), said)
        wrong = [line for line in said.splitlines()
                 if not re.search(r"\b(warning|notice|info)\b", line)]
        self.assertEqual(len(wrong), 1, said)
        for pattern in patterns:
            self.assertRegex(wrong[0], pattern)

    def test_what_is_missing_or_wrong_is_named(self):
        self.refused({"xmpp.domain": None}, r"xmpp\.domain")
        self.refused({"xmpp.password": None}, r"xmpp\.password")
        self.refused({"xmpp.manager.name": "c m_1"}, r"xmpp\.manager\.name")
        self.refused({"xmpp.port": 70000}, r"xmpp\.port", "70000", "65535")

    def test_the_port_in_use_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.refused({"xmpp.socket.default.port": port}, str(port))

    def test_unusable_keys_are_named(self):
        other = certificate(self.directory.name, "other.example")
        self.refused({"xmpp.socket.ssl.key": "/nonexistent/key.pem"},
                     "/nonexistent/key.pem")
        self.refused({"xmpp.socket.ssl.key": self.directory.name},
                     re.escape(self.directory.name), "Is a directory")
        self.refused({"xmpp.socket.ssl.key": other[1]},
                     re.escape(other[1]), "does not belong to the certificate")

    def test_a_jks_store_is_refused_with_the_command_that_converts_it(self):
        store = pathlib.Path(self.directory.name) / "keystore"
        store.write_bytes(b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1" + bytes(64))
        self.refused({"xmpp.socket.ssl.certificate": None,
                      "xmpp.socket.ssl.key": None,
                      "xmpp.socket.ssl.keystore": store}, "keytool")


if __name__ == "__main__":
    unittest.main()
