# SPDX-License-Identifier: Apache-2.0
"""A test case with a stand-in server and a daemon in front of it."""

import tempfile
import time
import unittest

from daemon import Daemon, show_logs
from fake_openfire import FakeOpenfire
from support import PATIENCE_S, certificate, has_failed
from xmpp_client import Client

DIALECTS = ("3.6", "4.1", "4.7", "4.9", "5.1")


class Scene(unittest.TestCase):
    """begin() starts both; clean-up ends both and looks for defects."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.server = self.daemon = None

    def begin(self, dialect="5.1", options=None, **server):
        self.end()
        self.server = FakeOpenfire(
            self.directory.name, dialect,
            certificate=certificate(self.directory.name), **server)
        self.addCleanup(self.end)
        self.daemon = Daemon(self.directory.name, self.server.port, options)
        self.daemon.start(self.server)
        return self.server, self.daemon

    def end(self):
        """In order: the daemon closes every stream, then the server goes."""
        daemon, server = self.daemon, self.server
        self.daemon = self.server = None
        problems = []
        if has_failed(self):
            show_logs(daemon, server)
        for part in (daemon, server):
            try:
                if part:
                    part.stop()
            except AssertionError as error:
                problems.append(str(error))
        if problems:
            raise AssertionError("\n".join(problems))

    def client(self, user=None, resource="r", direct=False, tls=False,
               seconds=PATIENCE_S):
        """Connected; with a user also logged in."""
        client = Client(self.daemon.direct if direct else self.daemon.plain,
                        direct)
        self.addCleanup(client.close)
        if user:
            client.login(user, resource, tls=tls, seconds=seconds)
        return client

    def until(self, holds, what="it never came", seconds=PATIENCE_S):
        """Returns when it holds; `what` says what is missing if it never
        does."""
        end = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.02)

    def assert_clean(self):
        """The judge found what we meant, and nothing else."""
        judged = self.server.judge()
        bad = {name: judged[name] for name in
               ("foreign", "unparsable", "killed", "unsafe", "odd")
               if judged[name]}
        if bad:
            self.fail(f"{bad}\n" + "\n".join(judged["lines"]))
