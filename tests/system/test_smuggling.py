#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a malicious client sends must not reach the server as a stanza of its
own, nor cost a link (PROTOCOL.md §6.6, §18.1)."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from scene import DIALECTS, Scene  # noqa: E402
from xmpp_client import (DOMAIN, HEADER, bind_request,  # noqa: E402
                         plain_auth)

BAIT = (f"<route to=\"{DOMAIN}\" from=\"cm\" streamid=\"evil\"><message "
        f"to=\"victim@{DOMAIN}\"><body>forged</body></message></route>")
TO = "to='bob@xmpp.example/r'"

# What is no stanza of a client: the stream ends with this error.
REFUSED = {
    "comment that ends chunks":
        (f"<message {TO}><!-- > </x></x></route> --><body>q</body></message>",
         "restricted-xml"),
    "comment with a forged packet":
        (f"<message {TO}><!-- > </x></x></route>{BAIT} --><body>q</body>"
         "</message>", "restricted-xml"),
    "comment with a quote":
        (f"<message {TO}><!-- \" --></message>", "restricted-xml"),
    "processing instruction":
        (f"<message {TO}><?pi x?></message>", "restricted-xml"),
    "document type":
        ("<!DOCTYPE x [<!ENTITY e 'v'>]><message/>", "restricted-xml"),
    "undefined entity":
        (f"<message {TO}><body>&eacute;</body></message>", "restricted-xml"),
    "NUL": (f"<message {TO}><body>\0</body></message>", "not-well-formed"),
    "reference to NUL":
        (f"<message {TO}><body>&#0;</body></message>", "not-well-formed"),
    "control character":
        (f"<message {TO}><body>\x01</body></message>", "not-well-formed"),
    "surrogate reference":
        (f"<message {TO}><body>&#xD800;</body></message>", "not-well-formed"),
    "surrogate bytes":
        (f"<message {TO}><body>".encode() + b"\xed\xa0\x80"
         b"</body></message>", "not-well-formed"),
    "undeclared prefix":
        (f"<message {TO}><foo:x/></message>", "not-well-formed"),
    "end of a route": (f"</route>{BAIT}", "not-well-formed"),
    "a packet": (BAIT, "unsupported-stanza-type"),
    "a packet of a namespace":
        ("<route xmlns='jabber:connectionmanager' streamid='evil'>"
         "<presence/></route>", "unsupported-stanza-type"),
    "a handshake": ("<handshake>x</handshake>", "unsupported-stanza-type"),
    "a stream within": (HEADER, "."),
    "oversize": (f"<message {TO}><body>" + "x" * 300000 + "</body></message>",
                 "policy-violation"),
}

# What is legal XML and breaks the server's scanner if copied as it stands.
REWRITTEN = {
    "end of tag in single quotes":
        f"<message {TO}><x y='a>b' z='<'/></message>".replace("'<'", "'&lt;'"),
    "double quote in single quotes": f"<message {TO}><x y='\"'/></message>",
    "blank in an end tag": f"<message {TO}><body>b</body ></message >",
    "line ends in tags": f"<message\n{TO}\t>\r\n<body\n>b</body\n></message>",
    "CDATA": f"<message {TO}><body><![CDATA[</body></message></route>{BAIT}"
             "]]></body></message>",
    "CDATA with brackets":
        f"<message {TO}><body><![CDATA[x]]]]></body></message>",
    "text with quotes": f"<message {TO}><body>\" ' / > ]]&gt;</body></message>",
    "ends of tags in text":
        f"<message {TO}><body>></body>/><x>\"></x>&lt;/x>&lt;/body>"
        "&lt;/message>&lt;/route></message>",
    "ends of tags behind brackets":
        f"<message {TO}><body>]>]]<x/>>&#93;]>&#93;&#93;&#62;></body>"
        "<y><![CDATA[]]]]>></y></message>",
    "line ends in values":
        f"<message {TO}><x y='a&#10;b&#9;c&#13;d'/></message>",
    "prefix of the header": f"<message {TO}><p:x/></message>",
    "the stream's prefix": f"<message {TO}><stream:x/></message>",
    "stream error inside": f"<message {TO}><stream:error/></message>",
    "manager's namespace inside":
        f"<message {TO}><session xmlns='http://jabber.org/protocol/"
        "connectionmanager' id='evil'><close/></session></message>",
    "packet inside": f"<message {TO}><body>{BAIT}</body></message>",
    "escaped packet inside":
        f"<message {TO}><body>" + BAIT.replace("<", "&lt;").replace(">", "&gt;")
        + "</body></message>",
    "an id that closes": f"<message {TO} id='&quot;&gt;&lt;/route&gt;'/>",
    "emoji": f"<message {TO}><body>\U0001f600</body></message>",
    "empty element of many kinds":
        f"<message {TO}><a /><b></b><c\n/></message>",
}

WITH_PREFIX = HEADER.replace(" to=", " xmlns:p='urn:example:p' to=")


class Smuggling(Scene):
    def setUp(self):
        super().setUp()
        self.links = None

    def begin(self, *arguments, **options):
        found = super().begin(*arguments, **options)
        self.links = self.server.links()
        return found

    def assert_unharmed(self):
        self.assert_clean()
        self.assertEqual([at["number"] for at in self.server.links()],
                         [at["number"] for at in self.links],
                         "a link died")
        self.assertNotIn("evil",
                         [at["id"] for at in self.server.sessions()])

    def attacker(self):
        """Logged in; its header declares a prefix."""
        client = self.client()
        client.open()
        client.send(plain_auth("mallory", "x"))
        client.expect("<success[^>]*>")
        client.open(WITH_PREFIX)
        client.send(bind_request("m"))
        client.expect("<jid>.*?</iq>")
        return client

    def test_what_is_no_stanza_ends_the_stream_with_the_right_error(self):
        for dialect in DIALECTS:
            self.begin(dialect)
            for name, (text, condition) in REFUSED.items():
                with self.subTest(f"{dialect}: {name}"):
                    client = self.attacker()
                    client.send(text)
                    client.expect(f"<stream:error.*?{condition}")
                    self.assertTrue(client.ends())
            self.server.wait("sessions", "=", 0)
            self.assert_unharmed()
            self.end()

    def test_the_same_before_login(self):
        self.begin()
        for name, (text, _) in REFUSED.items():
            with self.subTest(name):
                client = self.client()
                client.open()
                client.send(text)
                client.expect("<stream:error")
                self.assertTrue(client.ends())
        self.assert_unharmed()

    def test_legal_xml_arrives_in_the_safe_form(self):
        for dialect in DIALECTS:
            self.begin(dialect)
            bob = self.client("bob")
            for name, text in REWRITTEN.items():
                with self.subTest(f"{dialect}: {name}"):
                    client = self.attacker()
                    client.send(text)
                    client.ping()
                    bob.expect("<message .*?(</message>|/>)")
                    client.close()
            bob.ping()
            self.assert_unharmed()
            self.end()

    def test_ends_of_tags_in_text_arrive_as_they_were_sent(self):
        """They neither grow on their way up nor cut a stanza short."""
        said = ">" * (120 * 1024) + "/>&lt;/body>&lt;/message>&lt;/route>]]&gt;"
        for dialect in DIALECTS:
            self.begin(dialect)
            bob, alice = self.client("bob"), self.client("alice")
            before = self.server.stats()["bytes_up"]
            alice.send(f"<message {TO}><body>{said}</body></message>")
            self.assertIn(f"<body>{said}</body>",
                          bob.expect("<message .*?</message>"))
            alice.ping()
            self.assertLess(self.server.stats()["bytes_up"] - before,
                            len(said) + 16384)
            self.assert_unharmed()
            self.end()

    def test_the_same_byte_by_byte(self):
        self.begin()
        bob = self.client("bob")
        client = self.attacker()
        for text in REWRITTEN.values():
            for byte in text.encode():
                client.send(bytes([byte]))
        client.ping()
        for _ in REWRITTEN:
            bob.expect("<message ")
        self.assert_unharmed()

    def test_bad_types_never_reach_the_server(self):
        server, _ = self.begin()
        client = self.client("alice")
        client.send("<presence type='bogus' id='p'/>")
        client.expect("<presence [^>]*type=.error.*?bad-request")
        client.send("<iq type='bogus' id='q'><x xmlns='y'/></iq>")
        client.expect("<iq [^>]*type=.error.*?bad-request")
        client.send("<iq type='get' id='r'/>")
        client.expect("<iq [^>]*type=.error.*?bad-request")
        client.ping()
        stats = server.stats()
        self.assertEqual((stats["ended_in_silence"], stats["packet_errors"]),
                         (0, 0))
        self.assert_unharmed()

    def test_bad_addresses_are_answered_by_us(self):
        server, _ = self.begin()
        client = self.client("alice")
        for bad in ("x@", "@xmpp.example", "bob@exa mple", "x@xmpp.example/",
                    "a" * 1024 + "@xmpp.example"):
            client.send(f"<message to='{bad}' id='j&quot;'/>")
            got = client.expect("<message [^>]*type=.error.*?</message>")
            self.assertIn("jid-malformed", got)
        client.ping()
        self.assertEqual(server.stats()["messages_up"], 0)
        self.assert_unharmed()

    def test_an_address_goes_up_prepared(self):
        server, _ = self.begin()
        bob = self.client("bob")
        self.client("alice").send("<message to='BOB@XMPP.Example/r'/>")
        bob.expect("<message [^>]*to=.bob@xmpp.example/r")

    def test_an_answer_goes_back_to_whatever_address_asked(self):
        """Nobody may write to it first, but where the server delivers, so do
        we: results of two children, too."""
        _, daemon = self.begin()
        alice = self.client("alice")
        bob = self.client("bob", "\U0001f600")
        address = "bob@xmpp.example/\U0001f600"
        alice.send(f"<message to='{address}'><body>x</body></message>")
        self.assertIn("<text ", alice.expect(
            "<message [^>]*type=.error.*?jid-malformed.*?</message>"))
        bob.send("<iq type='get' id='q' to='alice@xmpp.example/r'>"
                 "<x xmlns='y'/></iq>")
        alice.expect(f"<iq [^>]*from=.{address}.*?</iq>")
        alice.send(f"<iq type='result' id='q' to='{address}'><x xmlns='y'/>"
                   "<z xmlns='y'/></iq>")
        bob.expect("<iq [^>]*type=.result[^>]*>.*<z .*?</iq>")
        alice.send("<iq type='result' id='lost' to='@xmpp.example'/>")
        daemon.wait_for_log("reason=answers_dropped")
        self.assert_unharmed()


if __name__ == "__main__":
    unittest.main()
