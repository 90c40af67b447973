#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients log in over each kind of connection, in front of a server of each
manner, and talk to each other."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from scene import DIALECTS, Scene  # noqa: E402
from xmpp_client import plain_auth  # noqa: E402


class Login(Scene):
    def talk(self, one, other):
        """A message each way, with what XML makes hard."""
        for sender, receiver in ((one, other), (other, one)):
            sender.send(f"<message to='{receiver.jid}' id='m' type='chat'>"
                        "<body>a &lt; b &amp; \"c\" 'd' \u00e9 \U0001f600"
                        "</body></message>")
            got = receiver.expect("<message .*?</message>")
            self.assertIn(f'from="{sender.jid}"', got)
            self.assertIn("a &lt; b &amp; \"c\" 'd' \u00e9 \U0001f600", got)

    def test_login_and_messages_in_front_of_every_server(self):
        for dialect in DIALECTS:
            with self.subTest(dialect):
                server, daemon = self.begin(dialect)
                alice, bob = self.client("alice"), self.client("bob")
                self.talk(alice, bob)
                alice.close()
                bob.send("</stream:stream>")
                bob.expect("</stream:stream>")
                self.assertTrue(bob.ends())
                server.wait("sessions", "=", 0)
                self.assert_clean()
                self.end()

    def test_starttls_and_direct_tls(self):
        self.begin()
        over_starttls = self.client("alice", tls=True)
        direct = self.client("bob", direct=True)
        plain = self.client("carol")
        self.talk(over_starttls, direct)
        self.talk(direct, plain)
        self.assertEqual(direct.socket.selected_alpn_protocol(),
                         "xmpp-client")
        self.assert_clean()

    def test_links_over_starttls(self):
        for dialect in ("4.7", "5.1"):
            with self.subTest(dialect):
                server, _ = self.begin(
                    dialect, {"xmpp.server.tls": "required",
                              "xmpp.server.certificate.verify": "false"},
                    tls="required")
                self.talk(self.client("alice"), self.client("bob"))
                self.assertTrue(all(at["secured"] for at in server.links()))
                self.assert_clean()
                self.end()

    def test_a_server_that_writes_byte_by_byte(self):
        server, _ = self.begin("4.9")
        server.command("split 1")
        self.talk(self.client("alice"), self.client("bob"))

    def test_a_wrong_password_is_told_and_the_third_ends_the_stream(self):
        for dialect in ("4.1", "4.9"):
            with self.subTest(dialect):
                server, _ = self.begin(dialect)
                client = self.client()
                client.open()
                for _ in range(3):
                    client.send(plain_auth("alice", "wrong"))
                    client.expect("<failure .*?not-authorized.*?</failure>")
                client.expect("</stream:stream>")
                self.assertTrue(client.ends())
                server.wait("sessions", "=", 0)
                self.end()

    def test_features_follow_the_servers_configuration(self):
        self.begin()
        features = self.client().open()
        self.assertIn("<mechanism>PLAIN</mechanism>", features)
        self.assertNotIn("EXTERNAL", features)
        self.assertNotIn("-PLUS", features)
        self.assertIn("<starttls", features)
        self.assertIn("<register", features)

    def test_tls_required_by_the_server_offers_nothing_else(self):
        self.begin(clients_tls="required")
        client = self.client()
        self.assertNotIn("<mechanism", client.open())
        client.send(plain_auth("alice", "x"))
        client.expect("<failure [^>]*><encryption-required/><text .*?STARTTLS"
                      ".*?</failure>")
        client.send("<iq type='get' id='q'><query xmlns='jabber:iq:auth'/>"
                    "</iq>")
        client.expect("<iq [^>]*type=.error.*?<policy-violation.*?</iq>")
        client.send("<presence/>")
        client.expect("<stream:error><policy-violation .*?STARTTLS")
        self.client("alice", tls=True)

    def test_the_same_resource_ends_the_older_session_with_conflict(self):
        for dialect in DIALECTS:
            with self.subTest(dialect):
                # 3.6 chooses a link at random for each packet, so over two
                # the error may come behind the session's end.
                server, _ = self.begin(dialect, {
                    "xmpp.manager.connections": 1 if dialect == "3.6" else 5})
                older = self.client("alice", "same")
                newer = self.client("alice", "same")
                older.expect("<stream:error.*?<conflict.*?</stream:error>")
                self.assertTrue(older.ends())
                newer.ping()
                server.wait("sessions", "=", 1)
                self.end()

    def test_sasl_exchange_of_two_steps(self):
        self.begin()
        client = self.client()
        client.open()
        client.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' "
                    "mechanism='PLAIN'/>")
        client.expect("<challenge[^>]*>")
        client.send("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                    "AGFsaWNlAHg=</response>")
        client.expect("<success[^>]*>")


if __name__ == "__main__":
    unittest.main()
