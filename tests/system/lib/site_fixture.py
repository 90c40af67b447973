# SPDX-License-Identifier: Apache-2.0
"""A whole site: a real Prosody and cmanagerd in front of it.

With CM_WITHOUT_MANAGER=1 the clients talk to Prosody's own listener: it shows
what of a failure is not ours.
"""

import os
import pathlib
import socket
import sys
import tempfile
import time

from daemon import Daemon, show_logs
from prosody_server import Prosody
from support import PATIENCE_S, free_port, has_failed

WITHOUT_MANAGER = os.environ.get("CM_WITHOUT_MANAGER") == "1"

HEADER = ("<stream:stream xmlns='jabber:client' version='1.0' to='{domain}' "
          "xmlns:stream='http://etherx.jabber.org/streams'>")


def wait_until_served(port, domain, seconds=PATIENCE_S):
    """Returns when a new client is offered features."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        said = b""
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as client:
                client.settimeout(2)
                client.sendall(HEADER.format(domain=domain).encode())
                while b"</stream:" not in said:
                    more = client.recv(4096)
                    if not more:
                        break
                    said += more
        except OSError:
            pass
        if b"</stream:features>" in said:
            return
        time.sleep(0.05)
    raise AssertionError(f"no features on port {port}: {said!r}")


class ProsodySite:
    """plain_port, direct_port and certificate are for clients; `beside`: the
    server listens for clients itself, too, at straight_port."""

    def __init__(self, users, extra="", options=None, modules='"ping"',
                 beside=False):
        self.directory = tempfile.TemporaryDirectory(prefix="cm-site-")
        root = pathlib.Path(self.directory.name)
        self.speaker_port = free_port()
        self.plain_port, self.direct_port = free_port(), free_port()
        # Before `extra`, which may begin hosts of its own.
        extra = f"test_speaker_ports = {{ {self.speaker_port} }}\n{extra}"
        own = {"c2s_ports": self.plain_port, "direct_ports": self.direct_port}
        self.server = Prosody(root / "prosody", extra,
                              f'"test_speaker", "c2s", {modules}',
                              **(own if WITHOUT_MANAGER or beside else {}))
        self.straight_port = self.plain_port
        self.certificate = self.server.certificate
        for name, password in users.items():
            self.server.add_user(name, password)
        self.daemon = None
        if not WITHOUT_MANAGER:
            (root / "manager").mkdir()
            self.daemon = Daemon(root / "manager", self.server.port, {
                "sessions.max": None,
                "xmpp.domain": self.server.domain,
                "xmpp.password": self.server.secret,
                "xmpp.server.tls": "required",
                "xmpp.server.certificate.authorities": self.certificate,
                "xmpp.socket.ssl.certificate": self.certificate,
                "xmpp.socket.ssl.key": self.server.key,
                **(options or {})})
            self.plain_port = self.daemon.plain
            self.direct_port = self.daemon.direct

    def start(self):
        try:
            self.server.start()
            if self.daemon:
                self.daemon.start()
                self.daemon.wait_for_log("master: ready workers=")
            wait_until_served(self.plain_port, self.server.domain)
        except BaseException:
            self.show_logs()
            self.stop(check=False)
            raise
        return self

    def show_logs(self):
        if self.daemon:
            show_logs(self.daemon)
        sys.stderr.write(self.server.log()[-4000:])

    def explain(self, case):
        """For a case's clean-up: the logs, if it failed."""
        if has_failed(case):
            self.show_logs()

    def stop(self, check=True):
        try:
            if self.daemon and self.daemon.process:
                if check:
                    self.daemon.stop()
                else:
                    self.daemon.kill()
        finally:
            self.server.stop()
            self.directory.cleanup()

    def shell_message(self, jid, size):
        """The server itself sends `jid` a message of `size` bytes."""
        with socket.create_connection(("127.0.0.1", self.speaker_port)) as s:
            s.sendall(f"{jid} {size}\n".encode())
            s.recv(16)


class WithSite:
    """For test cases: one site for a class, made of SITE, the arguments of
    ProsodySite; the logs when a test fails."""

    SITE = {}

    @classmethod
    def setUpClass(cls):
        cls.site = ProsodySite(**cls.SITE)
        cls.site.start()

    @classmethod
    def tearDownClass(cls):
        cls.site.stop()

    def setUp(self):
        self.addCleanup(self.site.explain, self)
