#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The stand-in for Openfire against a bare link and against what live servers
said (tests/captures): who tests the daemon with it must be able to trust it."""

import base64
import html
import pathlib
import re
import selectors
import sys
import tempfile
import time
import unittest
from xml.etree import ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lib"))
from fake_openfire import SECRET, FakeOpenfire  # noqa: E402
from manager_link import Link  # noqa: E402
from support import PATIENCE_S, certificate  # noqa: E402

CAPTURES = HERE.parent / "captures"
BAIT = '<route to="xmpp.example" from="cm" streamid="evil"><presence/></route>'
PING = ('<iq type="get" id="{}" to="xmpp.example">'
        '<ping xmlns="urn:xmpp:ping"/></iq>')


class Case(unittest.TestCase):
    options = {}

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.server = None

    def start(self, **options):
        self.server = FakeOpenfire(self.directory.name, **options)
        self.addCleanup(self.server.stop)
        return self.server

    def link(self, name="cm", resource="a"):
        link = Link(self.server.port, name, resource)
        self.addCleanup(link.close)
        link.configuration = link.handshake(SECRET)
        return link


class Dialects(Case):
    def test_login_and_messages_in_every_manner(self):
        for dialect in ("3.6", "4.1", "4.7", "4.9", "5.1"):
            with self.subTest(dialect):
                server = self.start(dialect=dialect)
                link = self.link()
                alice = link.login("s1", "alice", "x")
                bob = link.login("s2", "bob", "x")
                link.carry("s1", f'<message to="{bob}" id="m" from="lie">'
                           "<body>a &amp; b</body></message>")
                got = link.packet("s2", "<message")
                self.assertIn(f'from="{alice}"', got)
                self.assertIn("a &amp; b", got)
                self.assertNotIn('"lie"', got)
                judged = server.judge()
                self.assertEqual(judged["lines"], [])

    def test_what_clients_write_comes_back_as_text(self):
        """Whatever an id or a resource holds, the link lives."""
        odd = "&lt;a b=&apos;&quot;&gt;&amp;amp;"
        server = self.start()
        link = self.link()
        jid = link.login("s", "alice", "x", resource=odd)
        link.carry("s", "<presence/>")
        link.login("other", "alice", "x")
        link.carry("other", "<presence/>")
        for number, asked in enumerate((
                PING, '<iq type="get" id="{}"><query xmlns="odd"/></iq>')):
            link.carry("s", asked.format(odd + str(number)))
        link.iq("none", f'<close a="{odd}"/>', odd)
        link.carry("s", PING.format("last"))
        said = link.expect('(?s).*id="last".*?</route>')
        parsed = ElementTree.fromstring(f"<all>{said}</all>")
        plain = html.unescape(odd)
        ids = [at.get("id") for at in parsed.iter() if at.get("id")]
        self.assertEqual([at for at in ids if at.startswith(plain)],
                         [plain + "0", plain + "1", plain])
        self.assertIn(html.unescape(jid),
                      {at.get("to") for at in parsed.iter("presence")})
        self.assertEqual(server.judge()["lines"], [])

    def test_what_ends_or_lists_sessions_holds_text_only(self):
        """Likewise what is said unasked, and what the reports print."""
        odd, address = "&lt;a&quot;&gt;\\&amp;" + 240 * "ü", '"<&>'
        server = self.start()
        link = self.link(html.escape(address))
        stream = "s&quot;&lt;"
        jid = link.login(stream, "alice", "x", resource=odd)
        self.assertEqual(html.unescape(jid),
                         "alice@xmpp.example/" + html.unescape(odd))
        link.carry(stream, "<message to='nobody@xmpp.example' id='num-0'/>")
        link.carry(stream, PING.format("next"))
        link.expect('id="next".*?</route>\n?')
        session, = server.sessions()
        self.assertEqual(session["jid"], html.unescape(jid))
        self.assertEqual(session["id"], html.unescape(stream))
        self.assertEqual(list(server.query("numbers")), [session["jid"]])
        self.assertEqual(server.links()[0]["address"], address + "/a")
        server.command(f"kick {session['id']}")
        said = link.expect("(?s).*</route>")
        presence, = ElementTree.fromstring(said)
        self.assertEqual(presence.get("from"), session["jid"])

    def test_blanks_in_an_id_come_back_as_they_were(self):
        self.start()
        link = self.link()
        link.login("s", "alice", "x")
        link.carry("s", PING.format("a&#10;b&#9;c&#13;d"))
        said = link.expect("<route.*?</route>")
        self.assertEqual(ElementTree.fromstring(said)[0].get("id"),
                         "a\nb\tc\rd")

    def test_nobody_logs_in_under_what_is_no_text(self):
        self.start()
        link = self.link()
        for number, name in enumerate((b"a\x01", b"\xff", b"a\xc3", b"a\n",
                                       1100 * b"x", b"a/b", b"")):
            stream = f"s{number}"
            token = base64.b64encode(b"\0" + name + b"\0x").decode()
            link.create(stream)
            link.carry(stream, '<auth xmlns="urn:ietf:params:xml:ns:xmpp-'
                       f'sasl" mechanism="PLAIN">{token}</auth>')
            self.assertIn("not-authorized", link.expect("<route.*?</route>"))

    def test_raw_text_is_escaped_from_4_9_on(self):
        for dialect, form in (("4.7", "<success"), ("4.9", "&lt;success")):
            self.start(dialect=dialect)
            link = self.link()
            link.create("s")
            link.carry("s", '<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" '
                       'mechanism="PLAIN">AGEAYg==</auth>')
            self.assertIn(form, link.expect("<route.*?</route>"))

    def test_sessions_outlive_the_last_link_only_in_5_1(self):
        for dialect, kept in (("4.9", 0), ("5.1", 1)):
            server = self.start(dialect=dialect)
            link = self.link()
            link.login("s", "a", "x")
            link.socket.close()
            server.wait("links", "=", 0)
            self.assertEqual(server.stats()["sessions"], kept)

    def test_packets_come_before_the_handshake_of_a_second_link(self):
        server = self.start()
        first = self.link()
        for number in range(8):
            first.login(f"s{number}", "a", "x", f"r{number}")
        second = Link(server.port, "cm", "b")
        self.addCleanup(second.close)
        for number in range(8):
            server.command(f"packet s{number} <message/>")
        second.expect("<route.*?<message/></route>")

    def test_starttls_holds_packets_until_tls_is_up(self):
        cert = certificate(self.directory.name)
        self.start(dialect="5.1", tls="optional", certificate=cert)
        link = Link(self.server.port)
        self.addCleanup(link.close)
        link.starttls()
        link.handshake(SECRET)
        link.login("s", "a", "x")
        self.assertTrue(self.server.links()[0]["secured"])

    def test_refusals(self):
        server = self.start()
        server.command("refuse silent")
        link = Link.__new__(Link)
        with self.assertRaises(AssertionError):
            link.__init__(server.port)
        self.assertNotIn(" id=", link.buffer)
        self.assertTrue(link.ends())
        server.command("refuse none")
        link = Link(server.port)
        self.addCleanup(link.close)
        link.send("<handshake>" + 40 * "0" + "</handshake>")
        link.expect("not-authorized")
        self.assertTrue(link.ends())

    def test_unacknowledged_packets_go_over_another_link(self):
        server = self.start(dialect="4.7")
        links = [self.link(resource=r) for r in "ab"]
        links[0].iq("s", "<create/>", "c")
        server.wait("sessions", "=", 1)
        server.command("stall all write")
        for number in range(4):
            server.command(f"packet s <message id=\"{number}\"/>")
        waiting = [at for at in server.links() if at["waiting"]]
        self.assertEqual(len(waiting), 1)
        server.command(f"cut {waiting[0]['number']} rst")
        server.command("stall all none")
        other = links[1 if waiting[0]["address"].endswith("a") else 0]
        for number in range(4):
            other.expect(f'<message id="{number}"/>')
        self.assertEqual(server.stats()["resent"], 4)

    def test_each_byte_may_come_alone(self):
        server = self.start()
        server.command("split 1")
        self.link().login("s", "a", "x")


class Judge(Case):
    """PROTOCOL.md §6.6: what live servers made of these bytes."""

    def judged(self, text, dialect="5.1"):
        server = self.start(dialect=dialect)
        link = self.link()
        link.create("s")
        # At once: it may end the link at the first of them.
        link.send(text + PING.format("after"))
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            judged = server.judge()
            if judged["foreign"] or judged["killed"]:
                return judged
        self.fail(f"not noticed: {text} {judged}")

    def test_smuggled_stanzas_are_found(self):
        head = '<route to="xmpp.example" from="cm" streamid="s">'
        judged = self.judged(
            f"{head}<message><!-- > </x></x></route>{BAIT} -->"
            "<body>q</body></message></route>")
        self.assertTrue(judged["foreign"] or judged["unparsable"], judged)

    def test_what_swallows_or_breaks_is_found(self):
        head = '<route to="xmpp.example" from="cm" streamid="s">'
        for bad in ("<message id='a>b'/></route>",
                    "<message foo='\"'/></route>",
                    '<message><!-- " --></message></route>',
                    "<message><?pi x?></message></route>",
                    "<message></message></route >",
                    "<message>\0</message></route>",
                    "<message>&#0;</message></route>",
                    "<foo:x/></route>",
                    "<message>&eacute;</message></route>"):
            with self.subTest(bad):
                self.judged(head + bad)

    def test_what_is_harmless_passes(self):
        server = self.start()
        link = self.link()
        link.login("s", "a", "x")
        link.carry("s", '<message to="a@xmpp.example/r"><body>" \' / ]]&gt; '
                   "\U0001f600</body><x y=\"'\" z=\"&gt;&#10;\"/></message>")
        link.packet("s", "<message")
        self.assertEqual(server.judge()["lines"], [])

    def test_ends_of_tags_in_text_are_harmless(self):
        """Wherever they stand and wherever a segment ends."""
        texts = (">", "/>", "\">", "]>", "]]&gt;>", "]]<b/>>", "<b>></b>/>",
                 "&lt;/message>&lt;/route>", "&lt;!-- -->", "route>",
                 ">" * (120 * 1024))
        for dialect in ("3.6", "4.1", "4.7", "4.9", "5.1"):
            server = self.start(dialect=dialect)
            link = self.link()
            link.login("s", "a", "x")
            for number, text in enumerate(texts):
                with self.subTest(f"{dialect}: {text[:40]}"):
                    head = (f'<message to="a@xmpp.example/r" id="n{number}">'
                            "<body>")
                    link.carry("s", f"{head}{text}</body></message>")
                    got = link.packet("s", "<message")
                    self.assertIn(f"<body>{text}</body>", got)
            for byte in (f'<route to="xmpp.example" from="cm/a" streamid="s">'
                         f"{head}{''.join(texts[:-1])}</body></message>"
                         "</route>"):
                link.send(byte)
            link.packet("s", "<message")
            self.assertEqual(server.judge()["lines"], [])
            self.assertEqual(server.stats()["links"], 1)

    def test_the_end_of_a_section_in_text_is_found(self):
        server = self.start()
        link = self.link()
        link.create("s")
        link.carry("s", "<message><body>]]></body></message>")
        server.wait("unparsable", ">", 0)

    def test_an_early_end_of_name_differs_by_version(self):
        head = '<route\nto="xmpp.example" from="cm" streamid="s">'
        for dialect, passes in (("4.1", False), ("4.7", True)):
            server = self.start(dialect=dialect)
            link = self.link()
            link.login("s", "a", "x")
            link.send(head + PING.format("p") + "</route>")
            if passes:
                link.packet("s", '<iq type="result" id="p"')
            else:
                server.wait("foreign", ">", 0)


class Captures(Case):
    """The lines that a hand-written link sent to live servers, sent here:
    the same kinds of answers in the same number."""

    def replay(self, path):
        answers, sent = [], []
        for line in path.read_text().splitlines():
            found = re.match(r"\S+ M(<-|->)OF (.*)", line)
            if found and found.group(1) == "->":
                sent.append(found.group(2))
            elif found:
                answers.append(found.group(2))
        return sent, "".join(answers)

    @staticmethod
    def kinds(text):
        """Routes by what they carry, IQs by type and verb."""
        text = text.replace("&lt;", "<").replace("&gt;", ">")
        text = text.replace("example.test", "xmpp.example")
        return sorted(re.findall(
            r"<(?:route [^>]*?><\w+|iq type=\"\w+\"[^>]*><\w+|handshake)",
            re.sub(r' (?!type)[\w:]+="[^"]*"', "", text)))

    # Later servers ask each new client for its version.
    ASKED = re.compile(r"<route [^>]*><iq type=\"get\"[^>]*><query xmlns="
                       r"\"jabber:iq:version\"/></iq></route>")

    def check(self, name, dialect):
        sent, answers = self.replay(CAPTURES / name)
        self.start(dialect=dialect)
        link = self.link(resource="a")
        for text in sent:
            if text.startswith(("<stream:stream", "<handshake")):
                continue
            link.send(text.replace("example.test", "xmpp.example"))
        link.iq("nobody", "<close/>", "last")
        said = link.expect("(?s).*id=\"last\"")
        ours = self.kinds("<handshake></handshake>" + link.configuration
                          + said.rsplit("<iq", 1)[0])
        self.assertEqual(ours, self.kinds(self.ASKED.sub("", answers)))

    def test_transcripts_are_answered_alike(self):
        for name, dialect in (("20_mux_a_ok", "4.1"),
                              ("20_mux_k_create_dup", "4.1"),
                              ("30_of475_a_login", "4.7"),
                              ("30_of511_a_login", "5.1"),
                              ("30_of511_c_failures", "5.1"),
                              ("30_of511_p_probes", "5.1")):
            with self.subTest(name):
                self.check(name + ".txt", dialect)


class Speed(Case):
    def test_ten_thousand_stanzas_a_second(self):
        server = self.start()
        link = self.link()
        bob = link.login("s", "bob", "x")
        batch = "".join(
            '<route to="xmpp.example" from="cm" streamid="s">'
            f'<message to="{bob}" id="num-{number}" type="chat"><body>hello'
            "</body></message></route>" for number in range(20000)).encode()
        begin = time.monotonic()
        link.socket.setblocking(False)
        got, at = 0, 0
        selector = selectors.DefaultSelector()
        selector.register(link.socket, selectors.EVENT_READ
                          | selectors.EVENT_WRITE)
        while got < 20000 and time.monotonic() < begin + PATIENCE_S:
            for _, events in selector.select(1):
                if events & selectors.EVENT_READ:
                    got += link.socket.recv(1 << 20).count(b"</body>")
                if events & selectors.EVENT_WRITE and at < len(batch):
                    at += link.socket.send(batch[at:at + 65536])
                elif at >= len(batch):
                    selector.modify(link.socket, selectors.EVENT_READ)
        took = time.monotonic() - begin
        print(f"{got / took:.0f} stanzas/s", file=sys.stderr)
        self.assertEqual(got, 20000)
        books = server.query("numbers")[bob]
        self.assertEqual(
            (books["count"], books["missing"], books["twice"],
             books["disorder"]), (20000, [], 0, 0))


if __name__ == "__main__":
    unittest.main()
