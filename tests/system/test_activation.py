#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon on sockets that a service manager opened for it."""

import os
import pathlib
import shutil
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import Daemon, program  # noqa: E402
from fake_openfire import FakeOpenfire  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S, certificate  # noqa: E402
from xmpp_client import HEADER, Client  # noqa: E402


def listening(port=0, reuse=False):
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.bind(("127.0.0.1", port))
    made.listen(100)
    return made


def count_listening(port):
    """Sockets of this network that listen there."""
    lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(line.split()[1].endswith(f":{port:04X}") and
               line.split()[3] == "0A" for line in lines)


class Activation(OperatorScene):
    def prepare(self, **options):
        folder = self.directory.name
        self.path = f"{folder}/control"
        self.server = FakeOpenfire(folder, certificate=certificate(folder))
        self.daemon = Daemon(folder, self.server.port, {
            "control.socket": self.path, **options})
        self.addCleanup(self.end)
        return self.daemon

    def command(self):
        return [program(), "-f", "-c", str(self.daemon.path)]

    def start_with(self, sockets):
        """sockets: pairs of a name and a socket, which this process keeps."""
        def become():
            high = [os.dup(s.fileno()) for _, s in sockets]
            while max(high, default=99) < 10 + len(high):
                high = [os.dup(fd) for fd in high]
            for number, fd in enumerate(high):
                os.dup2(fd, 3 + number, inheritable=True)
            os.execve(program(), self.command(), {
                **os.environ, "LISTEN_PID": str(os.getpid()),
                "LISTEN_FDS": str(len(sockets)),
                "LISTEN_FDNAMES": ":".join(name for name, _ in sockets)})

        self.daemon.spawn = {"preexec_fn": become}
        self.daemon.start(self.server)

    def workers(self):
        return self.rows("workers")[1:]

    def spread(self, count=60):
        """Clients of each worker."""
        self.there = [self.client(f"u{number}") for number in range(count)]
        for client in self.there:
            client.ping()
        return [row["clients"] for row in self.workers()]

    def test_all_workers_share_one_socket(self):
        daemon = self.prepare()
        direct = daemon.direct
        plain, tls = listening(daemon.plain), listening()
        daemon.direct = tls.getsockname()[1]
        self.start_with([("cmanagerd.socket", plain), ("xmpps-client", tls)])
        self.assertEqual(self.info()["listeners"], 2)
        self.assertEqual(count_listening(direct), 0)
        self.client("alice", direct=True).ping()
        self.assertTrue(all(self.spread()), self.workers())
        # The one that is left takes all.
        victim = self.workers()[0]
        self.cmctl("drain", str(victim["worker"]), "0")
        for client in self.there:
            client.ping()  # who answers this has been told
        before = {row["worker"]: row["clients"] for row in self.workers()}
        for number in range(10):
            self.client(f"v{number}").ping()
        after = {row["worker"]: row["clients"] for row in self.workers()}
        self.assertEqual(after[victim["worker"]], before[victim["worker"]])
        self.cmctl("undrain", str(victim["worker"]))
        os.kill(self.workers()[1]["pid"], signal.SIGKILL)
        for number in range(10):
            self.client(f"w{number}").ping()

    def test_who_comes_while_nobody_serves_waits(self):
        daemon = self.prepare()
        plain = listening(daemon.plain)
        daemon.options["xmpp.socket.ssl.active"] = "false"
        self.start_with([("xmpp-client", plain)])
        self.cmctl("drain", "all", "0")
        self.cmctl("wait", "drained")
        early = Client(daemon.plain)
        early.send(HEADER)
        early.receive(0.3)
        self.assertEqual(early.buffer, b"")
        self.cmctl("undrain", "all")
        early.expect("<stream:features")
        early.close()
        daemon.stop()
        early = Client(daemon.plain)
        early.send(HEADER)
        self.start_with([("xmpp-client", plain)])
        early.expect("<stream:stream")
        early.close()

    def test_with_reuseport_each_worker_has_one_of_its_own(self):
        daemon = self.prepare(**{"workers.max": 6})
        plain = listening(daemon.plain, reuse=True)
        self.start_with([("", plain)])
        self.assertEqual(count_listening(daemon.plain), 2)
        self.assertTrue(all(self.spread()), self.workers())
        self.reload(**{"workers.count": 4})
        self.cmctl("wait", "ready")
        self.assertEqual(count_listening(daemon.plain), 4)
        self.assertEqual(self.info()["listeners"], 8)
        for worker in self.workers():
            os.kill(worker["pid"], signal.SIGKILL)
        for number in range(20):
            self.client(f"v{number}").ping()

    def test_what_is_of_no_use_is_named_and_closed(self):
        daemon = self.prepare()
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stray = listening()
        self.start_with([("xmpp-client", datagram), ("web", stray)])
        self.assertIn('name="xmpp-client"', daemon.tail(10 ** 6))
        self.assertIn('name="web"', daemon.tail(10 ** 6))
        self.assertEqual(self.info()["listeners"], 4)
        self.client("alice").ping()

    def test_systemd_starts_it_with_the_first_client(self):
        tool = shutil.which("systemd-socket-activate")
        self.assertTrue(tool, "contrib/setup installs it")
        daemon = self.prepare(**{"xmpp.socket.ssl.active": "false"})

        def become():
            os.execve(tool, [
                tool, "-l", f"127.0.0.1:{daemon.plain}",
                "--fdname=xmpp-client"] + [
                    word for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS")
                    for word in ("-E", name) if name in os.environ]
                + self.command(), dict(os.environ))

        daemon.spawn = {"preexec_fn": become}
        daemon.start()
        end = time.monotonic() + PATIENCE_S
        while "links" not in daemon.tail() and time.monotonic() < end:
            time.sleep(0.02)
        self.cmctl("wait", "ready")
        self.client("alice").ping()
        self.assertEqual(self.info()["listeners"], 1)


if __name__ == "__main__":
    unittest.main()
