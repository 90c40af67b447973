#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that say too much, too little or nothing, or do not read."""

import socket
import struct
import unittest

from actors import CM, DOMAIN, Client
from stage import Played
from support import PATIENCE_S, Deadline
from transcript import local


def message(text, number=0):
    return (f"<message to='a@{DOMAIN}/r' from='b@{DOMAIN}/r' "
            f"id='m{number}'><body>{text}</body></message>")


class Limits(Played):
    def ends_with(self, client, condition):
        client.expect(f"<stream:error><{condition}.*?</stream:stream>")

    def test_a_stanza_over_the_limit_ends_its_stream(self):
        self.begin(options={"xmpp.parser.buffer.size": 20000})
        link = self.link()
        client, _ = self.login(link)
        client.send(message("x" * 19000))
        self.assertEqual(local(link.next_item("a packet")[0]), "message")
        client.send(message("x" * 21000))
        self.ends_with(client, "policy-violation")
        link.next_item("a close")
        # Escaping counts: what goes up is what must not be too long.
        client, _ = self.login(link)
        client.send(f"<message to='a@{DOMAIN}/r' id='" + '"' * 5000 + "'/>")
        self.ends_with(client, "policy-violation")

    def test_before_login_less_is_enough(self):
        self.begin()
        link = self.link()
        client = Client.served(self.daemon.plain)
        self.replay.kept.append(client)
        client.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism="
                    "'PLAIN'>" + "A" * 17000 + "</auth>")
        self.ends_with(client, "policy-violation")
        link.assert_silent()

    def test_who_does_not_log_in_is_ended(self):
        self.begin(options={"xmpp.client.auth.timeout": 3})
        link = self.link()
        late = Client.served(self.daemon.plain)
        self.replay.kept.append(late)
        kept, _ = self.login(link)
        self.ends_with(late, "(connection-timeout|policy-violation)")
        kept.send("<presence/>")
        self.assertEqual(local(link.next_item("a packet")[0]), "presence")

    def test_a_stanza_begun_and_not_ended_ends_its_stream(self):
        self.begin(options={"xmpp.client.stanza.timeout": 1})
        link = self.link()
        client, _ = self.login(link)
        client.send("<message to='")
        self.ends_with(client, "(connection-timeout|policy-violation)")

    def test_an_item_over_the_limit_costs_its_session_and_not_the_link(self):
        self.begin()
        link = self.link()
        (first, one), (second, two) = self.login(link), self.login(link)
        link.carry(two, message("x" * (4 * 1024 * 1024 - 300)))
        second.expect("</message>")
        link.carry(one, message("x" * (5 * 1024 * 1024)))
        link.carry(two, "<message id='after'/>")
        second.expect("after")
        first.expect("</stream:stream>")
        closed = link.next_item("a close").find(CM + "session")
        self.assertEqual((closed.get("id"), local(closed[0])), (one, "close"))

    def bound(self, link):
        client, streamid = self.login(link)
        client.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:"
                    "ns:xmpp-bind'/></iq>")
        link.next_item("a bind")
        link.carry(streamid, "<iq type='result' id='b'><bind xmlns='urn:ietf:"
                   f"params:xml:ns:xmpp-bind'><jid>a@{DOMAIN}/r</jid></bind>"
                   "</iq>")
        client.expect("</iq>")
        return client, streamid

    def test_a_quiet_client_is_asked_and_a_dead_one_ended(self):
        """At half the idle time a ping; its answer is not for the server."""
        self.begin(options={"xmpp.client.idle": 6000})
        link = self.link()
        living, _ = self.bound(link)
        dead, streamid = self.bound(link)
        deadline = Deadline(PATIENCE_S, "the dead one is not ended")
        while not dead.ended:
            deadline.left()
            if "<iq" in living.text:
                ping = living.expect("<iq [^>]*type=\"get\".*?</iq>")
                self.assertIn("urn:xmpp:ping", ping)
                self.assertIn(f"from=\"{DOMAIN}\"", ping)
                number = ping.split(" id=\"")[1].split("\"")[0]
                living.send(f"<iq type='result' id='{number}' "
                            f"to='{DOMAIN}'/>")
            living.read(0.1)
            dead.read(0.1)
        dead.expect("<iq [^>]*type=\"get\".*?</iq>")
        self.ends_with(dead, "connection-timeout")
        closed = link.next_item("a close")
        self.assertEqual(closed.find(CM + "session").get("id"), streamid)
        living.send("<presence/>")
        self.assertEqual(local(link.next_item("a packet")[0]), "presence")


class Undelivered(Played):
    def returned(self, link, streamid):
        """What is said about a session up to its close."""
        failed = []
        while True:
            session = link.next_item("failed or close").find(CM + "session")
            self.assertEqual(session.get("id"), streamid)
            if local(session[0]) == "close":
                return failed
            self.assertEqual(local(session[0]), "failed")
            self.assertEqual(len(session[0]), 1)
            self.assertEqual(session[0][0].tag, "message")  # no namespace
            failed.append(int(session[0][0].get("id")[1:]))

    def small_buffer(self):
        """A client whose kernel takes little."""
        end = socket.socket()
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        end.connect(("127.0.0.1", self.daemon.plain))
        client = Client(end)
        client.open()
        return client

    def test_what_a_client_never_took_goes_back_before_its_close(self):
        self.begin(options={"session.stalled.cap": 100000000})
        link = self.link()
        client, streamid = self.login(link, self.small_buffer())
        for number in range(1000):
            link.carry(streamid, message("x" * 10000, number))
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        client.socket.close()
        failed = self.returned(link, streamid)
        self.assertGreater(len(failed), 100)
        # In order, none left out; what was still on the link when the close
        # went out the server does not take back.
        self.assertEqual(failed, list(range(failed[0],
                                            failed[0] + len(failed))))

    def test_a_client_that_does_not_read_holds_up_nobody(self):
        self.begin(options={"session.stalled.cap": 65536})
        link = self.link()
        _, slow = self.login(link, self.small_buffer())
        quick, streamid = self.login(link)
        for number in range(1000):
            link.carry(slow, message("x" * 10000, number))
        link.carry(streamid, message("quick"))
        quick.expect("quick")
        failed = self.returned(link, slow)
        self.assertGreater(len(failed), 0)


if __name__ == "__main__":
    unittest.main()
