#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nobody serves any more: every client is told, in what state ever it is."""

import os
import signal
import time
import unittest
import xml.etree.ElementTree as ElementTree

from actors import DEADLINE_S, Client
from stage import AUTH, Played
from transcript import local
from xmpp_client import tls_context

STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
GONE = {"system-shutdown", "remote-connection-failed"}


def condition(text):
    """Of the error in what a client got: a whole stream, and no more."""
    stream = ElementTree.fromstring(text)
    assert local(stream) == "stream" and local(stream[-1]) == "error", text
    return local(stream[-1][0])


class MassDisconnect(Played):
    def begin_with_grace(self, window, grace=0.3):
        self.begin(options={"xmpp.server.grace": grace,
                            "xmpp.server.disconnect.window": window})
        return self.link(configuration=STARTTLS)

    def ends(self, client):
        """All that it gets up to the end of its connection."""
        deadline = time.monotonic() + DEADLINE_S
        while not client.ended:
            self.assertLess(time.monotonic(), deadline, client.text)
            client.read(1)
        return client.text

    def client(self, *says):
        client = Client(self.daemon.plain)
        self.replay.kept.append(client)
        for text in says:
            client.send(text)
        return client

    def test_whatever_a_client_is_about_it_gets_a_whole_stream(self):
        link = self.begin_with_grace(window=0)
        silent = self.client()
        headless = self.client(Client.HEADER[:40])
        opened = self.client(Client.HEADER)
        authenticating = self.client(Client.HEADER, AUTH)
        self.assertEqual(local(link.next_item("a create")[0]), "session")
        link.next_item("an auth")
        amid, _ = self.login(link)
        amid.send("<message to='a@b'><body>half of it")
        before = amid.text
        securing = self.client(Client.HEADER, STARTTLS)
        securing.expect("<proceed[^>]*>")
        self.replay.cut("M")
        self.listener.close()
        self.assertIn(condition(self.ends(opened)), GONE)
        self.assertIn(condition(self.ends(authenticating)), GONE)
        self.assertRegex(self.ends(amid)[len(before):],
                         "^<stream:error><system-shutdown [^>]*/><text [^>]*>"
                         "[^<]+</text></stream:error></stream:stream>$")
        # Who has said nothing yet is answered as soon as it does.
        silent.send(Client.HEADER)
        headless.send(Client.HEADER[40:])
        for early in (silent, headless):
            self.assertIn(condition(self.ends(early)), GONE)
        # Behind <proceed/> nothing may be said in clear; under TLS it is.
        securing.socket = tls_context().wrap_socket(securing.socket)
        securing.send(Client.HEADER)
        self.assertIn(condition(self.ends(securing)), GONE)

    def test_it_is_spread_over_its_window(self):
        """They would all come back at one moment."""
        link = self.begin_with_grace(window=6)
        clients = [self.login(link)[0] for _ in range(12)]
        self.replay.cut("M")
        self.listener.close()
        while not any(self.is_told(client) for client in clients):
            pass
        told = [client for client in clients if self.is_told(client)]
        self.assertLessEqual(len(told), len(clients) // 2)
        for client in clients:
            self.assertIn("<system-shutdown ", self.ends(client))

    def test_what_is_said_meanwhile_is_answered_by_kind(self):
        """Its sender would take it for delivered."""
        link = self.begin_with_grace(window=0, grace=3)  # to say it in
        client, _ = self.login(link)
        self.replay.cut("M")
        self.listener.close()
        self.daemon.wait_for_log("all links lost")
        client.send("<message id='m1' to='a@b'/><presence/>"
                    "<iq type='get' id='q1'><query xmlns='jabber:iq:roster'/>"
                    "</iq>")
        text = self.ends(client)
        for name in ("m1", "q1"):
            self.assertRegex(text, f"id=\"{name}\"[^>]*><error [^>]*>"
                             "<remote-server-timeout.*<system-shutdown")

    def test_what_cannot_go_back_any_more_is_counted(self):
        """It came for a client that has gone, and so has the server."""
        self.begin(options={"xmpp.server.grace": 600})
        link = self.link()
        client, streamid = self.login(link)
        os.kill(self.daemon.workers()[0], signal.SIGSTOP)
        link.carry(streamid, "<message from='a@b' id='m'><body/></message>")
        link.carry(streamid, "<iq type='get' from='a@b' id='q'><a/></iq>")
        link.send("<iq type='get' id='taken'/>")
        link.wait(lambda: link.answers and
                  link.answers[-1].get("id") == "taken", "an answer")
        self.replay.cut("M")
        self.listener.close()
        self.daemon.wait_for_log("all links lost")
        client.leave(reset=True)
        os.kill(self.daemon.workers()[0], signal.SIGCONT)
        self.daemon.stop()
        for kind in ("failed", "iq answer"):
            self.assertIn(f'reason=unconfirmed_skipped kind="{kind}" '
                          'session="cm',
                          self.daemon.tail())

    def test_a_server_that_ends_its_links_in_order_is_not_waited_for(self):
        self.begin(options={"xmpp.server.grace": 600,
                            "xmpp.server.disconnect.window": 0})
        link = self.link()
        client, _ = self.login(link)
        link.send("</stream:stream>")
        self.assertIn("<system-shutdown ", self.ends(client))

    @staticmethod
    def is_told(client):
        client.read(0.01)
        return "system-shutdown" in client.text


if __name__ == "__main__":
    unittest.main()
