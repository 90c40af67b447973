#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the server says about one stream, and on which link: configuration,
answers, ends, errors, and what is late (PROTOCOL.md §4-§6)."""

import fcntl
import os
import re
import signal
import struct
import termios
import time
import unittest

from actors import CM, DEADLINE_S, DOMAIN, Client
from stage import AUTH, SUCCESS, Played
from transcript import local

STARTTLS = "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\">{}</starttls>"
COMPRESSION = ("<compression xmlns=\"http://jabber.org/features/compress\">"
               "<method>zlib</method></compression>")
MESSAGE = f"<message to='a@{DOMAIN}/r' id='{{0}}'><body>{{0}}</body></message>"


class Configuration(Played):
    def features(self):
        client = Client(self.daemon.plain)
        self.replay.kept.append(client)
        client.send(Client.HEADER)
        return client.expect("<stream:features>.*?</stream:features>")

    def test_starttls_is_disabled_offered_or_required_as_configured(self):
        self.begin()
        link = self.link()
        for inner, offered, required in (
                ("", False, False),
                (STARTTLS.format(""), True, False),
                (STARTTLS.format("<required/>"), True, True),
                ("", False, False)):
            with self.subTest(inner):
                link.configure(inner)
                features = self.features()
                self.assertEqual("<starttls" in features, offered)
                self.assertEqual("<required/>" in features, required)
                self.assertEqual("<mechanism>" in features, not required)

    def test_compression_is_offered_to_nobody(self):
        self.begin()
        self.link(configuration=COMPRESSION)
        self.assertNotIn("compress", self.features())

    def test_a_link_opened_anew_brings_the_configuration_of_then(self):
        self.begin(links=2)
        self.link("M1")
        self.link("M2")
        self.assertNotIn("<starttls", self.features())
        self.replay.cut("M1")
        self.link("M1", STARTTLS.format(""))
        self.assertIn("<starttls", self.features())


class Answers(Played):
    def test_a_create_is_answered_on_any_link_and_late(self):
        """Behind the packets of its stream, on the other link; or never."""
        self.begin(links=2)
        links = [self.link("M1"), self.link("M2")]
        for answered in (True, False):
            client = Client.served(self.daemon.plain)
            self.replay.kept.append(client)
            client.send(AUTH)
            create, link = self.replay.any_item("a create")
            other = links[1 - links.index(link)]
            streamid = create.find(CM + "session").get("id")
            self.assertEqual(local(link.next_item("a packet")[0]), "auth")
            other.carry(streamid, SUCCESS)
            client.expect("<success[^>]*>")
            client.open()
            if answered:
                other.answer(create)
            other.carry(streamid, MESSAGE.format("here"))
            client.expect("<body>here</body>")
            client.send("<presence/>")
            self.assertEqual(local(link.next_item("a presence")[0]),
                             "presence")

    def test_many_streamids_are_of_their_alphabet_and_no_two_alike(self):
        self.begin()
        link = self.link()
        seen = set()
        for _ in range(50):
            client = Client(self.daemon.plain)
            client.send(Client.HEADER)
            text = client.expect("<stream:stream .*?</stream:features>")
            streamid = re.search(" id=\"(.*?)\"", text).group(1)
            self.assertRegex(streamid, "^cm[a-z0-9]{13,}$")
            seen.add(streamid)
            client.socket.close()
        self.assertEqual(len(seen), 50)
        # What follows the place in the table differs nearly everywhere.
        tails = [at[-8:] for at in seen]
        for column in zip(*tails):
            self.assertGreater(len(set(column)), 1)
        link.assert_silent()


class Order(Played):
    COUNT = 20

    def test_a_fresh_links_packets_come_behind_what_older_links_hold(self):
        """The server spreads its streams anew as a link joins."""
        self.overtake(early=False)

    def test_packets_before_the_handshake_come_behind_them_too(self):
        self.overtake(early=True)

    @staticmethod
    def is_in_our_kernel(link):
        """All that was sent: what is still on its way nobody can read first."""
        end = time.monotonic() + DEADLINE_S
        unsent = bytes(4)
        while struct.unpack("i", fcntl.ioctl(link.socket, termios.TIOCOUTQ,
                                             unsent)) != (0,):
            assert time.monotonic() < end, "the kernel does not take it"
            time.sleep(0.001)

    def overtake(self, early):
        self.begin(links=2)
        older = self.link("M1")
        client, streamid = self.login(older)
        self.replay.connect("M2")
        fresh = self.replay.links["M2"]
        fresh.greet()
        last = MESSAGE.format("last")
        upstream = self.daemon.upstream()
        os.kill(upstream, signal.SIGSTOP)
        fresh.send(" ")  # readable before the other is
        for number in range(self.COUNT):
            older.carry(streamid, MESSAGE.format(number).replace(
                "<body>", "<body>" + "x" * 400))
        self.is_in_our_kernel(older)
        if early:
            fresh.carry(streamid, last)
        fresh.send("<handshake></handshake>")
        if not early:
            fresh.carry(streamid, last)
        os.kill(upstream, signal.SIGCONT)
        text = client.expect(r"\A.*id=\"last\"")
        self.assertEqual(re.findall("<message [^>]*id=\"(.*?)\"", text),
                         [str(number) for number in range(self.COUNT)]
                         + ["last"])


class Ends(Played):
    def test_a_stream_error_in_a_packet_ends_the_stream_and_is_closed(self):
        error = ("<stream:error xmlns:stream=\"http://etherx.jabber.org/"
                 "streams\"><conflict xmlns=\"urn:ietf:params:xml:ns:"
                 "xmpp-streams\"/></stream:error>")
        self.begin()
        link = self.link()
        for form in (error, error.replace("<", "&lt;").replace(">", "&gt;")):
            client, streamid = self.login(link)
            link.carry(streamid, form)
            client.expect("<stream:error><conflict.*?</stream:stream>")
            closed = link.next_item("a close").find(CM + "session")
            self.assertEqual((closed.get("id"), local(closed[0])),
                             (streamid, "close"))

    def test_the_server_says_what_it_owes_before_the_end(self):
        self.begin(options={"xmpp.client.goodbye.timeout": 60})
        link = self.link()
        client, streamid = self.login(link)
        client.send("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/>"
                    "</iq><message id='m' to='nobody@example.org'/>"
                    "</stream:stream>")
        for what in ("a request", "a message"):
            link.next_item(what)
        link.carry(streamid, MESSAGE.format("m"))
        link.carry(streamid, "<iq type='result' id='r'/>")
        closed = link.next_item("a close").find(CM + "session")
        self.assertEqual(local(closed[0]), "close")
        client.expect("</message><iq [^>]*id=\"r\"[^>]*/></stream:stream>")

    def test_a_close_of_the_servers_is_answered_by_one_of_ours(self):
        self.begin()
        link = self.link()
        client, streamid = self.login(link)
        link.send(f"<iq type='set' id='c1' from='{DOMAIN}' to='cm'><session "
                  f"xmlns='{CM[1:-1]}' id='{streamid}'><close/></session>"
                  "</iq>")
        client.expect("</stream:stream>")
        link.wait(lambda: link.answers[-1].get("id") == "c1", "its answer")
        self.assertEqual(link.answers[-1].get("type"), "result")
        closed = link.next_item("a close").find(CM + "session")
        self.assertEqual((closed.get("id"), local(closed[0])),
                         (streamid, "close"))

    def test_an_error_of_a_packet_never_reaches_the_client(self):
        """Whatever it holds; one that names no end of the stream ends none."""
        self.begin()
        link = self.link()
        client, streamid = self.login(link)
        error = (f"<route streamid='{streamid}' from='{DOMAIN}' to='cm' "
                 "type='error'>{}<error><{} xmlns='urn:ietf:params:xml:ns:"
                 "xmpp-stanzas'/></error></route>")
        for before in ("", MESSAGE.format("echo")):
            link.send(error.format(before, "internal-server-error"))
        link.carry(streamid, MESSAGE.format("end"))
        self.assertEqual(client.expect(".*?</message>").count("<"), 4)
        link.send(error.format("", "item-not-found"))
        self.assertTrue(client.expect(".*?</stream:stream>").startswith(
            "<stream:error>"))

    def test_what_is_late_for_a_stream_that_we_closed(self):
        """Presence and answers vanish; messages and requests come back."""
        self.begin()
        link = self.link()
        client, streamid = self.login(link)
        client.send("</stream:stream>")
        client.expect("</stream:stream>")
        link.answer(link.next_item("a close"))
        link.carry(streamid, "<presence/>")
        link.carry(streamid, "<iq type='result' id='r'/>")
        link.carry(streamid, "<iq type='error' id='e'><error/></iq>")
        link.assert_silent(0.2)
        link.carry(streamid, MESSAGE.format("late"))
        session = link.next_item("a failed").find(CM + "session")
        self.assertEqual((session.get("id"), local(session[0])),
                         (streamid, "failed"))
        self.assertEqual(session[0][0].get("id"), "late")


if __name__ == "__main__":
    unittest.main()
