#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""contrib/prosody's module against a bare manager link: the server's half of
the protocol, without cmanagerd."""

import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))
from manager_link import CLEAR, SECURE, Link  # noqa: E402
from prosody_server import Prosody  # noqa: E402


class Case(unittest.TestCase):
    """One Prosody for all tests of a class."""

    extra = modules = ""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.server = Prosody(cls.directory.name, cls.extra, cls.modules)
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
        link.say_handshake(secret or self.server.secret)
        link.configured = link.configurations()
        link.configuration = link.configured[-1][1]
        return link

    def answer_to_plain(self, link, stream, facts):
        """What a session with these facts is told when it logs in so."""
        link.create(stream, facts=facts)
        link.authenticate(stream, "alice", "wonder")
        return link.packet(stream, "[<&](lt;)?(success|failure)")

    def watch(self, link, stream, user, password):
        """A session that is told of all others of its account."""
        address = link.login(stream, user, password, "witness")
        link.carry(stream, "<presence/>")
        link.packet(stream, f"<presence [^>]*from='{address}'")

    def goodbye(self, link, stream, address):
        """The unavailable presence of this address, as the stream has it."""
        return link.packet(stream, f"<presence (?=[^>]*from='{address}')"
                           "[^>]*type='unavailable'")


class Module(Case):
    extra = "connection_manager_hold = 5"

    def test_a_wrong_secret_ends_the_link(self):
        link = Link(self.server.port, "other")
        self.addCleanup(link.close)
        link.send("<handshake>0123456789</handshake>")
        link.expect("not-authorized")
        self.assertTrue(link.ends())

    def test_a_packet_before_the_handshake_is_refused(self):
        link = Link(self.server.port, "early")
        self.addCleanup(link.close)
        link.carry("early1", "<presence/>")
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
        one.carry("t1", f"<message to=\"{bob}\" type=\"chat\">"
                  "<body>hi &amp; bye</body></message>")
        got = two.packet("t2", "<message")
        self.assertIn("<body>hi &amp; bye</body>", got)
        self.assertIn(f"from='{alice}'", got)
        two.carry("t2", "<iq type=\"get\" id=\"r\">"
                  "<query xmlns=\"jabber:iq:roster\"/></iq>")
        two.packet("t2", "<iq [^>]*type='result'[^>]*>"
                   "<query[^>]*jabber:iq:roster")

    def test_a_session_moves_with_its_last_stanza_to_another_link(self):
        one, two = self.link("move", "a"), self.link("move", "b")
        bob = one.login("m1", "bob", "builder", "moving")
        two.carry("m1", "<iq type=\"get\" id=\"p\" to=\"xmpp.example\">"
                  "<ping xmlns=\"urn:xmpp:ping\"/></iq>")
        two.packet("m1", "<iq [^>]*type='result'")
        one.close()
        two.carry("m1", f"<message to=\"{bob}\"><body>self</body></message>")
        two.packet("m1", "<message")

    def test_unknown_streams_are_not_found(self):
        link = self.link("unknown")
        link.carry("nobody", "<presence/>")
        link.expect("<route [^>]*type='error'.*?item-not-found")
        self.assertIn("item-not-found", link.query("never", "<close/>", "b1"))

    def test_barrier_answers_come_behind_what_was_asked_before(self):
        link = self.link("barrier")
        link.login("b1", "alice", "wonder", "barrier")
        for number in range(30):
            link.carry("b1", f"<iq type=\"get\" id=\"p{number}\" "
                       "to=\"xmpp.example\"><ping xmlns=\"urn:xmpp:ping\"/>"
                       "</iq>")
        link.iq("reserved", "<close/>", "the-barrier")
        link.expect("(?s)id='p29'.*id='the-barrier'")

    def test_a_probe_of_a_living_session_is_answered_by_silence(self):
        link = self.link("probe")
        link.login("p1", "alice", "wonder", "probe")
        link.create("p2")
        for stream in ("p1", "p2", "dead"):
            link.carry(stream, "<iq type=\"result\" id=\"cm-probe\" "
                       "to=\"xmpp.example\"/>")
        link.iq("reserved", "<close/>", "behind")
        said = link.expect("(?s).*id='behind'")
        self.assertEqual(said.count("<route"), 1, said)
        self.assertIn("streamid='dead'", said)

    def test_failed_messages_are_stored_and_come_at_the_next_login(self):
        link = self.link("failed")
        bob = link.login("f1", "bob", "builder", "late")
        link.carry("f1", "<presence/>")
        link.query("f1", "<failed><message xmlns=\"\" type=\"chat\" "
                   f"to=\"{bob}\" from=\"alice@xmpp.example/q\"><body>kept</body>"
                   "</message></failed>", "f")
        self.assertIn("result", link.query("f1", "<close/>", "z"))
        self.assertIn("item-not-found", link.query("f1", "<close/>", "z2"))
        link.login("f2", "bob", "builder", "late")
        link.carry("f2", "<presence/>")
        got = link.expect("<message.*?</message>")
        self.assertIn("<body>kept</body>", got)
        self.assertNotIn("connectionmanager", got)

    def test_a_conflict_ends_the_older_session_with_an_error(self):
        link = self.link("conflict")
        link.login("k1", "alice", "wonder", "same")
        link.login("k2", "alice", "wonder", "same")
        self.assertIn("item-not-found", link.query("k1", "<close/>", "kk"))

    def test_a_conflict_tells_contacts_its_reason_in_words(self):
        link, witness = self.link("reason"), self.link("witness")
        self.watch(witness, "r0", "alice", "wonder")
        address = link.login("r1", "alice", "wonder", "same")
        link.carry("r1", "<presence/>")
        link.login("r2", "alice", "wonder", "same")
        self.assertIn("<status>Disconnected: Replaced by new connection"
                      "</status>", self.goodbye(witness, "r0", address))

    def test_a_client_that_says_goodbye_leaves_no_status(self):
        link = self.link("bye")
        self.watch(link, "g0", "alice", "wonder")
        address = link.login("g1", "alice", "wonder", "going")
        link.carry("g1", "<presence/>")
        link.iq("g1", "<close/>", "g")
        self.assertNotIn("<status", self.goodbye(link, "g0", address))

    def test_clear_text_is_offered_nothing_and_taken_for_nothing(self):
        link = self.link("demand")
        self.assertIn("<clear xmlns='urn:cmanager:module:1'/>",
                      link.configuration)
        self.assertIn("encryption-required",
                      self.answer_to_plain(link, "d1", CLEAR))
        self.assertIn("success", self.answer_to_plain(link, "d2", SECURE))

    def test_code_points_without_a_meaning_reach_a_resource(self):
        link = self.link("new")
        self.assertIn("unassigned='1'", link.configuration)
        link.login("u1", "alice", "wonder", "u")
        link.carry("u1", "<message to=\"bob@xmpp.example/\U0001fae0\" "
                   "type=\"error\"/><presence/>")
        link.carry("u1", "<iq type=\"get\" id=\"u\" to=\"nobody@xmpp.example/"
                   "\U0001fae0\"><ping xmlns=\"urn:xmpp:ping\"/></iq>")
        self.assertIn("service-unavailable", link.packet("u1", "<iq "))

    def test_in_band_registration(self):
        link = self.link("register")
        link.create("n1")
        link.carry("n1", "<iq type=\"set\" id=\"r\" to=\"xmpp.example\"><query "
                   "xmlns=\"jabber:iq:register\"><username>carol</username>"
                   "<password>new</password></query></iq>")
        link.packet("n1", "<iq [^>]*type='result'")
        link.login("n2", "carol", "new")

    def test_sessions_are_held_for_a_link_that_comes_back(self):
        one, other = self.link("held"), self.link("other")
        bob = one.login("h1", "bob", "builder", "held")
        alice = other.login("h2", "alice", "wonder", "sender")
        self.assertTrue(alice)
        one.close()
        self.server.wait_for_log("Connection manager held has no link left")
        other.carry("h2", f"<message to=\"{bob}\" type=\"chat\">"
                    "<body>wait for me</body></message>")
        other.query("none", "<close/>", "done")
        again = self.link("held", "b")
        again.packet("h1", "<message.*wait for me")

    def test_sessions_end_when_no_link_comes_back(self):
        one, other = self.link("lost"), self.link("witness")
        lost = one.login("l1", "bob", "builder", "lost")
        one.carry("l1", "<presence><priority>-1</priority></presence>")
        bob2 = other.login("l2", "bob", "builder", "witness")
        self.assertTrue(bob2)
        other.carry("l2", "<presence/>")
        one.close()
        gone = lost.replace("/", "\\/")
        other.packet("l2", f"<presence (?=[^>]*from='{gone}')"
                     "[^>]*type='unavailable'")
        self.assertIn("item-not-found",
                      self.link("lost", "c").query("l1", "<close/>", "x"))

    def test_bad_input_is_answered_and_the_link_lives(self):
        link = self.link("bad")
        link.create("bad1")
        link.carry("bad1", "<enable xmlns=\"urn:xmpp:sm:3\"/>")
        link.expect("unknown-stanza")
        self.assertIn("bad-request", link.query("bad1", "<dance/>", "d"))
        link.send("<iq type=\"set\" id=\"n\"><session "
                  "xmlns=\"http://jabber.org/protocol/connectionmanager\">"
                  "<close/></session></iq>")
        link.expect("id-required")
        self.assertIn("result", link.query("bad1", "<close/>", "e"))


class Escaped(Module):
    """The same in the manner of newer servers: SASL as escaped text."""

    extra = "connection_manager_hold = 5\nconnection_manager_escape = true"


class Optional(Case):
    """TLS is a choice: Prosody decides by what the client's connection is."""

    modules = '"limits", "legacyauth", "test_sessions"'
    extra = """
c2s_require_encryption = false
disable_sasl_mechanisms = { "SCRAM-SHA-256" }
limits = { c2s = { rate = "5 kb/s", burst = "3s" } }
registration_throttle_max = 1
registration_throttle_period = 600
connection_manager_host = "xmpp.example"
VirtualHost "second.example"
"""

    def test_there_is_a_list_for_each_kind_of_connection(self):
        configuration = self.link("lists").configuration
        secure, clear = re.search("(.*)<clear [^>]*>(.*)</clear>",
                                  configuration).groups()
        self.assertNotIn("<required", configuration)
        self.assertIn("<mechanism>PLAIN<", secure)
        self.assertNotIn("PLAIN", clear)
        for part in (secure, clear):
            self.assertIn("<mechanism>SCRAM-SHA-1<", part)
            self.assertIn("<register", part)
            self.assertNotIn("SCRAM-SHA-256", part)
        self.assertIn("iq-auth", secure)
        self.assertNotIn("iq-auth", clear)
        self.assertRegex(configuration, "<module [^>]*facts='1'")

    def test_a_password_is_not_taken_in_clear_text(self):
        link = self.link("clear")
        self.assertIn("encryption-required",
                      self.answer_to_plain(link, "p1", CLEAR))
        self.assertIn("success", self.answer_to_plain(link, "p2", SECURE))

    def test_a_manager_that_tells_no_facts_may_be_in_clear_text(self):
        self.assertIn("encryption-required",
                      self.answer_to_plain(self.link("mute"), "m1", ""))

    def test_modules_see_what_the_connection_is(self):
        link = self.link("facts")
        link.login("f1", "alice", "wonder", "f", SECURE)
        self.server.wait_for_log(
            "bound secure=true tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384")

    def test_the_rate_and_burst_of_clients_are_announced(self):
        limits = re.search("<limits [^>]*>", self.link("rate").configuration)
        self.assertRegex(limits.group(0), "xmlns='urn:cmanager:module:1'")
        self.assertRegex(limits.group(0), "rate='5000'")
        self.assertRegex(limits.group(0), "burst='3'")

    def test_registrations_are_throttled_by_the_clients_address(self):
        link = self.link("register")
        for stream, address, answer in (
                ("n1", "192.0.2.1", "result"), ("n2", "192.0.2.1", "error"),
                ("n3", "192.0.2.2", "result")):
            link.create(stream, address, SECURE)
            link.carry(stream, "<iq type=\"set\" id=\"r\" "
                       "to=\"xmpp.example\"><query xmlns=\"jabber:iq:"
                       f"register\"><username>new-{stream}</username>"
                       "<password>x</password></query></iq>")
            link.packet(stream, f"<iq [^>]*type='{answer}'")

    def test_a_session_is_made_on_a_host_and_no_other_address(self):
        link = self.link("host")
        for stream, to, host in (
                ("h1", "second.example", "second.example"),
                ("h2", "someone@second.example", "xmpp.example"),
                ("h3", "nowhere.example", "xmpp.example")):
            link.create(stream, to=to, facts=SECURE)
            link.authenticate(stream, "nobody", "x")
            self.assertIn(f"from='{host}'", link.packet(stream, "<failure"))


class Trusting(Case):
    """Passwords in clear text are allowed, and the rest of the policies."""

    modules = '"legacyauth", "test_sessions"'
    extra = """
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
c2s_timeout = 3
c2s_unauthed_stanza_size_limit = 2000
c2s_stanza_size_limit = 10000
modules_disabled = { "c2s" }
"""

    def test_plain_is_offered_and_taken_in_clear_text(self):
        link = self.link("allowed")
        self.assertRegex(link.configuration, "<clear .*<mechanism>PLAIN<")
        self.assertRegex(link.configuration, "<clear .*iq-auth.*</clear>")
        self.assertIn("success", self.answer_to_plain(link, "a1", CLEAR))

    def test_a_changed_password_ends_the_other_sessions(self):
        link = self.link("changed")
        link.login("w1", "bob", "builder", "one")
        link.login("w2", "bob", "builder", "two")
        link.carry("w2", "<iq type=\"set\" id=\"w\"><query xmlns=\"jabber:"
                   "iq:register\"><username>bob</username><password>builder"
                   "</password></query></iq>")
        self.assertIn("<text", link.packet("w1", "<stream:error .*<reset"))
        link.packet("w2", "<iq [^>]*type='result'")

    def test_a_reason_of_any_kind_is_told_as_what_it_is(self):
        link, witness = self.link("reasons"), self.link("reader")
        self.watch(witness, "v0", "alice", "wonder")
        for name, error, status in (
                ("condition", "<reset ", "reset"),
                ("words", "<undefined-condition .*Go away &amp; rest",
                 "Go away &amp; rest"),
                ("table", "<conflict .*Told in a table", "Told in a table"),
                ("stanza", "<policy-violation .*Told in a stanza",
                 "Told in a stanza"),
                ("changed", "<see-other-host .*Elsewhere", "Elsewhere"),
                ("none", None, None)):
            address = link.login(name, "alice", "wonder", name)
            link.carry(name, "<presence/>")
            link.carry(name, "<message to=\"xmpp.example\"><body>"
                       f"{name}</body></message>")
            if error:
                link.packet(name, f"<stream:error .*{error}")
            link.expect(f"<session [^>]*id='{name}'[^>]*><close/>")
            said = self.goodbye(witness, "v0", address)
            if status:
                self.assertIn(f"<status>Disconnected: {status}</status>", said)
            else:
                self.assertNotIn("<status", said)

    def test_who_does_not_log_in_is_sent_away(self):
        link = self.link("slow")
        link.create("s1")
        link.packet("s1", "<stream:error .*<connection-timeout")
        link.expect("<iq .*id='s1'.*<close/>")

    def test_too_large_stanzas_end_their_session(self):
        link = self.link("large")
        link.create("l1")
        link.carry("l1", f"<message><body>{'x' * 2000}</body></message>")
        link.packet("l1", "<stream:error .*<stanza-too-big")
        link.login("l2", "alice", "wonder", "large")
        # Quotes come as such, however Prosody would write them.
        for body in ("\"" * 9000, "x" * 10000):
            link.carry("l2", "<message to=\"alice@xmpp.example/large\">"
                       f"<body>{body}</body></message>")
        link.packet("l2", "<message ")
        link.packet("l2", "<stream:error .*<policy-violation")


class Domains(Case):
    """Several hosts with policies of their own, and no default named."""

    modules = '"test_hosts"'
    extra = """
VirtualHost "a.example"
    allow_registration = false
    disable_sasl_mechanisms = { "SCRAM-SHA-1" }
VirtualHost "late.example"
    enabled = false
Component "rooms.example" "muc"
VirtualHost "n.example"
    c2s_require_encryption = false
    allow_unencrypted_plain_auth = true
"""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.add_user("alice", "of a", "a.example")
        cls.server.add_user("bob", "of n", "n.example")

    def order(self, what, host):
        """Has the server take up or leave a host, by a link of its own."""
        link = self.link(f"orders-{what}")
        link.login("o", "alice", "wonder", what, to="xmpp.example")
        link.carry("o", "<message to=\"xmpp.example\"><body>"
                   f"{what} {host}</body></message>")
        link.query("reserved", "<close/>", "ordered")
        link.query("o", "<close/>", "over")

    def tries(self, link, stream, host, user, password, facts=SECURE):
        link.create(stream, to=host, facts=facts)
        link.authenticate(stream, user, password)
        return link.packet(stream, "<(success|failure)")

    def test_each_host_has_a_configuration_and_the_default_one_s_is_last(self):
        configured = self.link("each").configured
        self.assertEqual([host for host, _ in configured],
                         ["n.example", "xmpp.example", "a.example"])
        said = dict(configured)
        self.assertEqual([host for host, text in configured
                          if re.search("<module [^>]*default='1'", text)],
                         ["a.example"])
        for host, register, scram, demanded, clear in (
                ("a.example", False, False, True, False),
                ("n.example", True, True, False, True),
                ("xmpp.example", True, True, True, False)):
            with self.subTest(host):
                secure = said[host].partition("<clear")[0]
                self.assertEqual("<register" in secure, register)
                self.assertEqual("SCRAM-SHA-1<" in secure, scram)
                self.assertEqual("<required" in secure, demanded)
                self.assertEqual("<clear xmlns='urn:cmanager:module:1'/>"
                                 not in said[host], clear)

    def test_a_session_has_the_accounts_and_policies_of_its_host(self):
        link = self.link("own")
        for stream, host, user, password, facts, answer in (
                ("a1", "a.example", "alice", "of a", SECURE, "<success"),
                ("a2", "a.example", "alice", "wonder", SECURE, "<failure"),
                ("a3", "a.example", "alice", "of a", CLEAR,
                 "encryption-required"),
                ("n1", "n.example", "bob", "of n", CLEAR, "<success"),
                ("n2", "N.Example", "bob", "of n", SECURE, "<success"),
                ("n3", "n.example", "alice", "of a", SECURE, "<failure"),
                ("x1", "xmpp.example", "alice", "wonder", SECURE,
                 "<success")):
            with self.subTest(stream):
                said = self.tries(link, stream, host, user, password, facts)
                self.assertIn(answer, said)
                self.assertIn(f"from='{host.lower()}'", said)
        link.create("a4", to="a.example", facts=SECURE)
        link.carry("a4", "<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\" "
                   "mechanism=\"SCRAM-SHA-1\">biwsbj1hLHI9eA==</auth>")
        self.assertIn("invalid-mechanism", link.packet("a4", "<failure"))

    def test_registration_is_each_host_s_own(self):
        link = self.link("register")
        for host, answer in (("a.example", "error"), ("n.example", "result")):
            link.create(host, to=host, facts=SECURE)
            link.carry(host, f"<iq type=\"set\" id=\"r\" to=\"{host}\">"
                       "<query xmlns=\"jabber:iq:register\"><username>carol"
                       "</username><password>new</password></query></iq>")
            link.packet(host, f"<iq [^>]*type='{answer}'")
        self.assertIn("<success", self.tries(link, "c", "n.example", "carol",
                                             "new"))
        self.assertIn("<failure", self.tries(link, "d", "a.example", "carol",
                                             "new"))

    def test_hosts_talk_and_keep_messages_for_each_other_s_accounts(self):
        link = self.link("talk")
        alice = link.login("t1", "alice", "of a", "x", to="a.example")
        bob = link.login("t2", "bob", "of n", "y", to="n.example")
        self.assertEqual((alice, bob), ("alice@a.example/x",
                                        "bob@n.example/y"))
        for sender, stream, to, text in (("t1", "t2", bob, "there"),
                                         ("t2", "t1", alice, "back")):
            link.carry(sender, f"<message to=\"{to}\" type=\"chat\"><body>"
                       f"{text}</body></message>")
            self.assertIn(f"<body>{text}</body>",
                          link.packet(stream, "<message"))
        link.query("t2", "<failed><message xmlns=\"\" type=\"chat\" "
                   f"to=\"{bob}\" from=\"{alice}\"><body>kept</body>"
                   "</message></failed>", "f")
        link.query("t2", "<close/>", "z")
        link.login("t3", "bob", "of n", "y", to="n.example")
        link.carry("t3", "<presence/>")
        link.packet("t3", "<message .*kept")

    def test_a_session_of_no_host_here_is_refused(self):
        link = self.link("nobody")
        for stream, to in (("u1", "nowhere.example"), ("u2", "rooms.example"),
                           ("u3", "late.example"), ("u4", "alice@a.example"),
                           ("u5", "a..example/")):
            with self.subTest(to):
                said = link.create(stream, to=to, facts=SECURE)
                self.assertIn("type='error'", said)
                self.assertIn("item-not-found", said)
                link.carry(stream, "<presence/>")
                link.packet(stream, "<error .*item-not-found")
        self.assertIn("<success", self.tries(link, "u6", "a.example", "alice",
                                             "of a"))

    def test_hosts_come_and_go(self):
        one, two = self.link("moving", "a"), self.link("moving", "b")
        self.order("activate", "late.example")
        for link in (one, two):
            configured = link.configurations()
            self.assertEqual([host for host, _ in configured],
                             ["late.example", "a.example"])
            self.assertIn("SCRAM-SHA-1<", configured[0][1])
        self.server.add_user("eve", "of late", "late.example")
        one.create("l1", to="late.example", facts=SECURE)
        self.assertIn("<success", self.tries(one, "l2", "late.example", "eve",
                                             "of late"))
        one.login("l3", "eve", "of late", "e", SECURE, "late.example")
        one.login("l4", "alice", "of a", "stays", SECURE, "a.example")
        self.order("deactivate", "late.example")
        said = one.expect("(?s)(.*?<close/>){3}")
        for stream in ("l1", "l2", "l3"):
            self.assertRegex(said, f"(?s)<route [^>]*streamid='{stream}'[^>]*>"
                             "<stream:error [^>]*><host-gone")
        self.assertIn("item-not-found",
                      one.create("l5", to="late.example", facts=SECURE))
        one.carry("l4", "<iq type=\"get\" id=\"p\" to=\"a.example\">"
                  "<ping xmlns=\"urn:xmpp:ping\"/></iq>")
        one.packet("l4", "<iq [^>]*type='result'")


class Named(Case):
    """Several hosts, and the default one is named: sessions of domains that
    are none of them are its own."""

    modules = '"test_hosts"'
    extra = """
connection_manager_host = "xmpp.example"
VirtualHost "late.example"
    enabled = false
"""
    order = Domains.order
    tries = Domains.tries

    def test_a_host_that_was_left_is_not_another_name_of_the_default_one(self):
        self.server.add_user("alice", "of late", "late.example")
        link = self.link("left")
        self.order("activate", "late.example")
        link.configurations()
        self.assertIn("<success", self.tries(link, "s1", "late.example",
                                             "alice", "of late"))
        self.order("deactivate", "late.example")
        self.assertIn("item-not-found", link.create("s2", to="late.example",
                                                    facts=SECURE))
        self.assertIn("<success", self.tries(link, "s3", "nowhere.example",
                                             "alice", "wonder"))
        self.order("activate", "late.example")
        link.configurations()
        self.assertIn("<success", self.tries(link, "s4", "late.example",
                                             "alice", "of late"))


class Stop(Case):
    """Each test ends the server."""

    extra = "connection_manager_hold = 600"

    def setUp(self):
        if not self.server.process:
            self.server.start()
        self.addCleanup(self.server.stop)

    def test_every_link_is_told_and_waited_for(self):
        links = [self.link("told", name) for name in "abc"]
        for link in links:
            link.send("<")  # what the kernel has, nobody reads
        self.server.terminate()
        for link in links:
            link.expect("<system-shutdown.*</stream:stream>")
        for link in links:
            self.assertIsNone(self.server.process.poll())
            link.close()
        self.server.await_end()

    def test_no_link_is_taken_nor_waited_for_for_ever(self):
        link = self.link("hung")
        self.server.terminate()
        link.expect("<system-shutdown")
        with self.assertRaises(OSError):
            Link(self.server.port, "hung", "late")
        self.server.await_end()

    def test_sessions_that_were_held_end_and_what_waited_is_stored(self):
        one, other = self.link("held"), self.link("other")
        bob = one.login("h1", "bob", "builder", "held")
        other.login("h2", "alice", "wonder", "sender")
        one.close()
        self.server.wait_for_log("Connection manager held has no link left")
        other.carry("h2", f"<message to=\"{bob}\" type=\"chat\">"
                    "<body>kept over the stop</body></message>")
        other.query("none", "<close/>", "done")
        self.server.terminate()
        other.expect("<system-shutdown")
        other.close()
        self.server.await_end()
        self.server.start()
        link = self.link("again")
        link.login("h3", "bob", "builder", "held")
        link.carry("h3", "<presence/>")
        link.packet("h3", "<message .*kept over the stop")


if __name__ == "__main__":
    unittest.main()
