#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS sessions are resumed with tickets, as OpenSSL and GnuTLS do it: at every
worker, after a reload, after a restart and at another manager with the same
key; not with another key."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import Daemon  # noqa: E402
from line_process import LineProcess  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S  # noqa: E402
from xmpp_client import DOMAIN, HEADER  # noqa: E402

LIFETIME = "xmpp.socket.ssl.ticket.lifetime"
KEY = "xmpp.socket.ssl.ticket.key"
VERSIONS = ("-tls1_2", "-tls1_3")


def copy(source, target):
    """All that comes, and its end."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def pass_on(relay, port):
    """One connection, until both sides have ended it."""
    near, _ = relay.accept()
    with near, socket.create_connection(("127.0.0.1", port)) as far:
        back = threading.Thread(target=copy, args=(far, near))
        back.start()
        copy(near, far)
        back.join()


class Tickets(OperatorScene):
    def setUp(self):
        super().setUp()
        self.ticket = f"{self.directory.name}/ticket"
        self.key = pathlib.Path(self.directory.name) / "tickets.key"
        self.change_key()

    def change_key(self):
        self.key.write_bytes(os.urandom(64))
        self.key.chmod(0o600)

    def visit(self, version, port, begin=False):
        """With OpenSSL; whether it has resumed. A ticket of TLS 1.3 comes with
        the first bytes, which are waited for."""
        words = ["openssl", "s_client", version, "-quiet", "-no_ign_eof",
                 "-connect", f"127.0.0.1:{port}", "-servername", DOMAIN,
                 "-alpn", "xmpp-client", "-sess_out", self.ticket]
        if not begin:
            words += ["-sess_in", self.ticket]
        before = self.resumed()
        with subprocess.Popen(words, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as client:
            client.stdin.write(HEADER.encode())
            client.stdin.flush()
            said = b""
            while b"</stream:features>" not in said:
                more = os.read(client.stdout.fileno(), 65536)
                self.assertTrue(more, said)
                said += more
            client.stdin.write(b"</stream:stream>")
            client.stdin.close()
            client.stdout.read()
            client.wait(PATIENCE_S)
        return self.resumed() > before

    def resumed(self):
        found = re.search(r"^cmanager_tls_resumed_total (\d+)$",
                          self.cmctl("show", "metrics"), re.MULTILINE)
        return int(found.group(1))

    @contextlib.contextmanager
    def at(self, daemon):
        """cmctl is used there."""
        path, self.path = self.path, daemon.options["control.socket"]
        yield
        self.path = path

    def move_on(self, served=None):
        """From the worker of this pid to the other one of two, which then is
        the only one that accepts; its pid."""
        self.cmctl("undrain", "all")
        self.cmctl("wait", "ready")
        rows = [row for row in self.rows("workers")
                if row["process"] == "worker" and row["state"] == "serving"]
        leaves = next((row for row in rows if row["pid"] == served), rows[0])
        self.cmctl("drain", str(leaves["worker"]), "0")
        return next(row["pid"] for row in rows if row is not leaves)

    def test_at_every_worker_and_after_a_reload(self):
        self.begin_operated(**{"workers.count": 2})
        for version in VERSIONS:
            with self.subTest(version):
                first = self.move_on()
                self.assertFalse(self.visit(version, self.daemon.direct, True))
                self.assertNotEqual(self.move_on(first), first)
                self.assertTrue(self.visit(version, self.daemon.direct))
                self.reload(**{"xmpp.client.idle": 1234567})
                self.assertTrue(self.visit(version, self.daemon.direct))

    def begin_two(self):
        """Another manager beside the first, with the same file."""
        server, daemon = self.begin_operated(**{
            KEY: str(self.key), "workers.count": 2})
        folder = pathlib.Path(self.directory.name) / "second"
        folder.mkdir()
        second = Daemon(folder, server.port, {
            "xmpp.manager.name": "second", KEY: str(self.key),
            "control.socket": str(folder / "control")})
        second.start()
        self.addCleanup(second.stop)
        with self.at(second):
            self.cmctl("wait", "ready")
        return daemon, second

    def start_anew(self):
        self.daemon.stop()
        self.daemon.start()
        self.cmctl("wait", "ready")

    def renew_key(self, second):
        self.change_key()
        self.reload()
        with self.at(second):
            self.cmctl("reload")

    def gnutls(self, version, meanwhile, port):
        """GnuTLS's client connects twice, and has this done meanwhile; whether
        the second time, at `port`, it has resumed."""
        with socket.create_server(("127.0.0.1", 0)) as relay:
            relay.settimeout(PATIENCE_S)
            client = LineProcess(
                ["gnutls-cli", "--insecure", "--resume", "--waitresumption",
                 f"--priority=NORMAL:-VERS-ALL:+VERS-TLS{version}",
                 f"--sni-hostname={DOMAIN}", "--alpn=xmpp-client",
                 "-p", relay.getsockname()[1], "127.0.0.1"])
            self.addCleanup(client.stop)
            client.send(HEADER + "</stream:stream>")
            client.close_input()
            pass_on(relay, self.daemon.direct)
            meanwhile()
            pass_on(relay, port)
            self.assertEqual(client.wait(), 0)
        client.stop()
        self.assertIn("- Resume Handshake was completed", client.lines)
        return "*** This is a resumed session" in client.lines

    def test_gnutls_resumes_at_all_of_them_too(self):
        daemon, second = self.begin_two()
        for version in ("1.2", "1.3"):
            first = self.move_on()
            for what, meanwhile, port, resumed in (
                    ("again", lambda: None, daemon.direct, True),
                    ("another worker", lambda pid=first: self.move_on(pid),
                     daemon.direct, True),
                    ("reload", lambda: self.reload(
                        **{"xmpp.client.idle": 1234567}), daemon.direct, True),
                    ("restart", self.start_anew, daemon.direct, True),
                    ("second manager", lambda: None, second.direct, True),
                    ("another key", lambda: self.renew_key(second),
                     second.direct, False)):
                with self.subTest(what, version=version):
                    self.assertEqual(self.gnutls(version, meanwhile, port),
                                     resumed)

    def test_after_a_restart_and_at_a_second_manager(self):
        """With the same file; a new key costs one full handshake."""
        daemon, second = self.begin_two()
        for version in VERSIONS:
            with self.subTest(version):
                self.assertFalse(self.visit(version, daemon.direct, True))
                self.start_anew()
                self.assertTrue(self.visit(version, daemon.direct))
                with self.at(second):
                    self.assertTrue(self.visit(version, second.direct))
                self.renew_key(second)
                self.assertFalse(self.visit(version, daemon.direct))
                self.assertTrue(self.visit(version, daemon.direct))

    def test_none_are_given_where_none_are_wanted(self):
        self.begin_operated(**{LIFETIME: 0})
        for version in VERSIONS:
            self.visit(version, self.daemon.direct, True)
            if pathlib.Path(self.ticket).exists():
                self.assertFalse(self.visit(version, self.daemon.direct))


if __name__ == "__main__":
    unittest.main()
