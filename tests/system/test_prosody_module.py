#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""contrib/prosody's module against a bare manager link: the server's half of
the protocol, without cmanagerd."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))
from manager_link import Link  # noqa: E402
from prosody_server import Prosody  # noqa: E402


class Module(unittest.TestCase):
    extra = "connection_manager_hold = 2"

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.server = Prosody(cls.directory.name, cls.extra)
        cls.server.add_user("alice", "wonder")
        cls.server.add_user("bob", "builder")
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.directory.cleanup()

    def link(self, name="cm", resource="a", secret=None):
        link = Link(self.server.port, name, resource)
        self.addCleanup(link.close)
        link.configuration = link.handshake(secret or self.server.secret)
        return link

    def test_a_wrong_secret_ends_the_link(self):
        link = Link(self.server.port, "stranger")
        self.addCleanup(link.close)
        link.send("<handshake>0123456789</handshake>")
        link.expect("not-authorized")
        self.assertTrue(link.ends())

    def test_a_route_before_the_handshake_is_refused(self):
        link = Link(self.server.port, "early")
        self.addCleanup(link.close)
        link.route("early1", "<presence/>")
        link.expect("type='error'.*not-authorized")

    def test_the_configuration_tells_the_hosts_mechanisms(self):
        configuration = self.link("config").configuration
        self.assertIn("SCRAM-SHA-1<", configuration)
        self.assertIn("<starttls", configuration)
        self.assertIn("<register", configuration)
        self.assertNotIn("-PLUS", configuration)

    def test_starttls_on_the_link(self):
        link = Link(self.server.port, "secure")
        self.addCleanup(link.close)
        link.starttls()
        link.handshake(self.server.secret)
        self.assertIn("type='result'", link.create("s1"))

    def test_two_sessions_on_two_links_talk(self):
        one, two = self.link("talk", "a"), self.link("talk", "b")
        alice = one.login("t1", "alice", "wonder", "x")
        bob = two.login("t2", "bob", "builder", "y")
        self.assertEqual((alice, bob),
                         ("alice@xmpp.example/x", "bob@xmpp.example/y"))
        one.route("t1", f"<message to=\"{bob}\" type=\"chat\">"
                  "<body>hi &amp; bye</body></message>")
        got = two.routed("t2", "<message")
        self.assertIn("<body>hi &amp; bye</body>", got)
        self.assertIn(f"from='{alice}'", got)
        two.route("t2", "<iq type=\"get\" id=\"r\">"
                  "<query xmlns=\"jabber:iq:roster\"/></iq>")
        two.routed("t2", "<iq [^>]*type='result'[^>]*>"
                   "<query[^>]*jabber:iq:roster")

    def test_a_session_moves_with_its_last_stanza_to_another_link(self):
        one, two = self.link("move", "a"), self.link("move", "b")
        bob = one.login("m1", "bob", "builder", "moving")
        two.route("m1", "<iq type=\"get\" id=\"p\" to=\"xmpp.example\">"
                  "<ping xmlns=\"urn:xmpp:ping\"/></iq>")
        two.routed("m1", "<iq [^>]*type='result'")
        one.close()
        two.route("m1", f"<message to=\"{bob}\"><body>self</body></message>")
        two.routed("m1", "<message")

    def test_unknown_streams_are_not_found(self):
        link = self.link("unknown")
        link.route("nobody", "<presence/>")
        link.expect("<route [^>]*type='error'.*?item-not-found")
        self.assertIn("item-not-found", link.ask("never", "<close/>", "b1"))

    def test_barrier_answers_come_behind_what_was_asked_before(self):
        link = self.link("barrier")
        link.login("b1", "alice", "wonder", "barrier")
        for number in range(30):
            link.route("b1", f"<iq type=\"get\" id=\"p{number}\" "
                       "to=\"xmpp.example\"><ping xmlns=\"urn:xmpp:ping\"/>"
                       "</iq>")
        link.iq("reserved", "<close/>", "the-barrier")
        link.expect("(?s)id='p29'.*id='the-barrier'")

    def test_a_probe_of_a_living_session_is_answered_by_silence(self):
        link = self.link("probe")
        link.login("p1", "alice", "wonder", "probe")
        link.create("p2")
        for stream in ("p1", "p2", "dead"):
            link.route(stream, "<iq type=\"result\" id=\"cm-probe\" "
                       "to=\"xmpp.example\"/>")
        link.iq("reserved", "<close/>", "behind")
        said = link.expect("(?s).*id='behind'")
        self.assertEqual(said.count("<route"), 1, said)
        self.assertIn("streamid='dead'", said)

    def test_failed_messages_are_stored_and_come_at_the_next_login(self):
        link = self.link("failed")
        bob = link.login("f1", "bob", "builder", "late")
        link.route("f1", "<presence/>")
        link.ask("f1", "<failed><message xmlns=\"\" type=\"chat\" "
                 f"to=\"{bob}\" from=\"alice@xmpp.example/q\"><body>kept</body>"
                 "</message></failed>", "f")
        self.assertIn("result", link.ask("f1", "<close/>", "z"))
        self.assertIn("item-not-found", link.ask("f1", "<close/>", "z2"))
        link.login("f2", "bob", "builder", "late")
        link.route("f2", "<presence/>")
        got = link.expect("<message.*?</message>")
        self.assertIn("<body>kept</body>", got)
        self.assertNotIn("connectionmanager", got)

    def test_a_conflict_ends_the_older_session_with_an_error(self):
        link = self.link("conflict")
        link.login("k1", "alice", "wonder", "same")
        link.login("k2", "alice", "wonder", "same")
        self.assertIn("item-not-found", link.ask("k1", "<close/>", "kk"))

    def test_in_band_registration(self):
        link = self.link("register")
        link.create("n1")
        link.route("n1", "<iq type=\"set\" id=\"r\" to=\"xmpp.example\"><query "
                   "xmlns=\"jabber:iq:register\"><username>carol</username>"
                   "<password>new</password></query></iq>")
        link.routed("n1", "<iq [^>]*type='result'")
        link.login("n2", "carol", "new")

    def test_sessions_are_held_for_a_link_that_comes_back(self):
        one, other = self.link("held"), self.link("other")
        bob = one.login("h1", "bob", "builder", "held")
        alice = other.login("h2", "alice", "wonder", "sender")
        self.assertTrue(alice)
        one.close()
        self.server.wait_for_log("Connection manager held has no link left")
        other.route("h2", f"<message to=\"{bob}\" type=\"chat\">"
                    "<body>wait for me</body></message>")
        other.ask("none", "<close/>", "done")
        again = self.link("held", "b")
        again.routed("h1", "<message.*wait for me")

    def test_sessions_end_when_no_link_comes_back(self):
        one, other = self.link("lost"), self.link("witness")
        lost = one.login("l1", "bob", "builder", "lost")
        one.route("l1", "<presence><priority>-1</priority></presence>")
        bob2 = other.login("l2", "bob", "builder", "witness")
        self.assertTrue(bob2)
        other.route("l2", "<presence/>")
        one.close()
        gone = lost.replace("/", "\\/")
        other.routed("l2", f"<presence (?=[^>]*from='{gone}')"
                     "[^>]*type='unavailable'", 10)
        self.assertIn("item-not-found",
                      self.link("lost", "c").ask("l1", "<close/>", "x"))

    def test_bad_input_is_answered_and_the_link_lives(self):
        link = self.link("bad")
        link.create("bad1")
        link.route("bad1", "<enable xmlns=\"urn:xmpp:sm:3\"/>")
        link.expect("unknown-stanza")
        self.assertIn("bad-request", link.ask("bad1", "<dance/>", "d"))
        link.send("<iq type=\"set\" id=\"n\"><session "
                  "xmlns=\"http://jabber.org/protocol/connectionmanager\">"
                  "<close/></session></iq>")
        link.expect("id-required")
        self.assertIn("result", link.ask("bad1", "<close/>", "e"))


class Escaped(Module):
    """The same in the manner of newer servers: SASL as escaped text."""

    extra = "connection_manager_hold = 2\nconnection_manager_escape = true"


if __name__ == "__main__":
    unittest.main()
