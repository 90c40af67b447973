# SPDX-License-Identifier: Apache-2.0
"""A test case with a daemon and, in place of its server, a listening socket
that the test plays."""

import pathlib
import socket
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system" / "lib"))
from actors import DOMAIN, NAME  # noqa: E402
from daemon import Daemon, show_logs  # noqa: E402
from replay import Replay  # noqa: E402


class Scenario(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.daemon = self.replay = None
        self.addCleanup(self.end)

    def begin(self, links=1, scripted=False, options=None, tls=None):
        self.daemon = Daemon(
            self.directory.name, self.listener.getsockname()[1],
            {"xmpp.domain": DOMAIN, "xmpp.manager.name": NAME,
             "xmpp.manager.connections": links, "workers.count": 1,
             "xmpp.server.backoff.min": 0.1,
             "xmpp.server.backoff.max": 0.2, **(options or {})})
        self.daemon.start()
        self.replay = Replay(self.listener, self.daemon.plain, links,
                             scripted, tls)
        return self.replay

    def end(self):
        if not self.daemon:
            return
        daemon, self.daemon = self.daemon, None
        if self._outcome and not self._outcome.success:
            show_logs(daemon)
        self.replay.close()
        self.listener.close()
        daemon.stop()
