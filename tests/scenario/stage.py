# SPDX-License-Identifier: Apache-2.0
"""A test case with a daemon and, in place of its server, a listening socket
that the test plays."""

import socket
import tempfile
import unittest

from actors import CM, DOMAIN, NAME, Client
from daemon import Daemon, show_logs
from replay import Replay
from support import has_failed
from transcript import local

AUTH = ("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"
        "AGEAYg==</auth>")
SUCCESS = "<success xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>"


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
        if has_failed(self):
            show_logs(daemon)
        self.replay.close()
        self.listener.close()
        daemon.stop()


class Played(Scenario):
    """With a server that lets everybody in."""

    def link(self, name="M", configuration="", **how):
        self.replay.connect(name)
        return self.replay.links[name].let_in(configuration, **how)

    def login(self, link, client=None):
        """A client that the server lets in: it, and its streamid."""
        client = client or Client.served(self.daemon.plain)
        self.replay.kept.append(client)
        client.send(AUTH)
        create = link.next_item("a create")
        link.answer(create)
        streamid = create.find(CM + "session").get("id")
        self.assertEqual(local(link.next_item("a packet")[0]), "auth")
        link.carry(streamid, SUCCESS)
        client.expect("<success[^>]*>")
        client.open()
        return client, streamid
