#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that says what no server should: nothing of it harms anybody but
those it is about, and no message goes up unaccounted for."""

import contextlib
import os
import pathlib
import random
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "system" / "lib"))
from crowd import Crowd  # noqa: E402
from daemon import Daemon  # noqa: E402
from fake_openfire import FakeOpenfire  # noqa: E402
from meddler import CUT, Meddler  # noqa: E402
from scene import Scene  # noqa: E402
from support import PATIENCE_S  # noqa: E402

CM = "http://jabber.org/protocol/connectionmanager"
STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
STREAMS = "urn:ietf:params:xml:ns:xmpp-streams"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
MESSAGE = "<message from='a@b' id='1'><body>x</body></message>"


def session(verb, kind="set", identity="SID"):
    return (f"<iq type='{kind}' id='q'><session xmlns='{CM}' id='{identity}'>"
            f"{verb}</session></iq>")


def packet(inner, attributes=""):
    return f"<route streamid='SID' {attributes}>{inner}</route>"


def configuration(*mechanisms):
    return ("<iq type='set' id='c'><configuration xmlns='" + CM + "'>"
            f"<starttls xmlns='{TLS}'/><mechanisms xmlns='{SASL}'>"
            + "".join(f"<mechanism>{one}</mechanism>" for one in mechanisms)
            + "</mechanisms></configuration></iq>")


CONTENTS = ("", "hello", "&lt;message", "<presence/><presence/>", " \n ",
            "<![CDATA[<presence/>]]>", "&#10;<presence/>&#10;",
            "<a>" * 90 + "</a>" * 90, "<q:presence xmlns:q='jabber:client'/>",
            "<a " + " ".join(f"a{n}='1'" for n in range(90)) + "/>")
# About a session that lives, or whatever stands for SID: harmless to all.
ODD = [packet(inner) for inner in CONTENTS] + [
    packet(f"<error code='400'><bad-request xmlns='{STANZAS}'/></error>",
           "type='error'"),
    packet("", "type='error'"), packet("<presence/>", "xmlns='urn:x'"),
    "<route><presence/></route>", "<ROUTE streamid='SID'><presence/></ROUTE>",
    session("<create/>", "result"), session("<close/>", "result"),
    session("<failed/>", "result"), session("<failed/>", "error"),
    session("<dance/>"), session(""), session("<close/>", "get"),
    f"<iq type='set' id='q'><session xmlns='{CM}'><close/></session></iq>",
    "<iq/>", "<iq type='get' id='1'/>", "<iq type='set'><x xmlns='y'/></iq>",
    "<iq type='result' id='1'/>", "<iq type='error'/>", "<iq type='odd'/>",
    f"<iq type='get' id='{'i' * 5000}'><x xmlns='y'/></iq>",
    " \n\t ", "<message/>", "<presence/>", "<x xmlns='y'>text<z/></x>",
    "<stream:features/>", "<handshake/>", f"<proceed xmlns='{TLS}'/>",
    f"<failure xmlns='{TLS}'/>", configuration("PLAIN"),
    configuration("", "A B", "&lt;", "Y" * 9000, "PLAIN"),
    configuration(*["X" * 30] * 100, "PLAIN"),
]
# Only about sessions that do not live.
UNKNOWN = [packet(MESSAGE),
           packet("<iq type='get' id='1'><x xmlns='y'/></iq>"),
           packet(f"<success xmlns='{SASL}'/>"), packet("&lt;presence/&gt;"),
           packet("<stream:error/>"), session("<close/>"),
           session("<create/>", "error"),
           packet(f"<error code='404'><item-not-found xmlns='{STANZAS}'/>"
                  "</error>", "type='error'")]
# End the session that they are about.
ENDS = [
    session("<close/>"), session("<create/>", "error"),
    session(f"<close/><error code='409'><conflict xmlns='{STANZAS}'/>"
            "</error>"),
    packet(f"<error code='404'><item-not-found xmlns='{STANZAS}'/></error>",
           "type='error'"),
    packet(f"<stream:error><conflict xmlns='{STREAMS}'/></stream:error>"),
    packet(f"&lt;stream:error&gt;&lt;conflict xmlns='{STREAMS}'/&gt;"
           "&lt;/stream:error&gt;"),
    packet("<message><body>" + "x" * 4300000 + "</body></message>"),
]
# End the link.
BREAKS = [
    CUT, "</stream:stream>", "<<<>", "</route>", b"<a>\xff\xfe</a>", b"\0",
    "<!DOCTYPE a [<!ENTITY b 'c'>]>", "<!-- x -->", "<?x y?>",
    packet("&nbsp;"), "hello", "<a:b/>", "<a>" * 30000, "<route streamid='",
    f"<stream:error><conflict xmlns='{STREAMS}'/></stream:error>"
    "</stream:stream>",
    f"<stream:error><system-shutdown xmlns='{STREAMS}'/></stream:error>",
    "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber."
    "org/streams'>", "<a b='" + "x" * 9000000 + "'/>",
]


def mistaken(chance, streamid):
    """Like a streamid of ours, but nobody's."""
    return chance.choice((
        "nobody", "cm", "", "cm-barrier", "cm" + "0" * 21, streamid[:-1],
        streamid + "a", " " + streamid, streamid[:-3] + "zzz", "x" * 5000,
        "&amp;&lt;", "\u00e4" * 30))


def one_of(table, identity=lambda chance, streamid: streamid):
    """What the meddler says, now and then, of one of the living."""
    def words(meddler, pipe):
        chance = meddler.chance
        if chance.random() > meddler.rate or not meddler.streamids:
            return b""
        said = chance.choice(table)
        pipe.spoilt = table is BREAKS
        if said is CUT or isinstance(said, bytes):
            return said
        streamid = chance.choice(meddler.streamids).decode()
        return said.replace("SID", identity(chance, streamid)).encode()
    return words


class Hostile(Scene):
    def begin_meddled(self, dialect, words, rate, barrier=1):
        self.end()
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        self.addCleanup(self.end)
        self.server = FakeOpenfire(self.directory.name, dialect)
        meddler = Meddler(self.server.port, words, seed)
        self.meddlers.append(meddler)
        meddler.rate = rate
        meddler.start()
        self.daemon = Daemon(self.directory.name, meddler.port, {
            "xmpp.server.backoff.min": 0.1, "xmpp.server.backoff.max": 0.3,
            "xmpp.server.barrier": barrier,
            "xmpp.server.hang.timeout": 3 * barrier})
        self.daemon.start(self.server)
        crowd = Crowd(self.daemon.plain, 60)
        self.addCleanup(crowd.close)
        return meddler, crowd.login()

    def setUp(self):
        super().setUp()
        self.meddlers = []
        self.addCleanup(lambda: [one.stop() for one in self.meddlers])

    def chat(self, meddler, crowd, seconds, now_and_then=lambda: None):
        """All talk as fast as they may while the meddler is at work; then
        until nothing moves any more."""
        meddler.on = True
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for member in crowd.members:
                if not member.ended and len(member.out) < 2000:
                    member.send(1)
                    crowd.write(member)
            crowd.turn(0.02)
            now_and_then()
        meddler.on = False
        self.assertGreater(meddler.inserted, 0)
        quiet = time.monotonic()
        before = None
        while time.monotonic() < quiet + 2:
            crowd.turn(0.1)
            now = (crowd.delivered, crowd.errors,
                   sum(member.ended for member in crowd.members),
                   sum(len(member.out) for member in crowd.members
                       if not member.ended))
            if now != before:
                before, quiet = now, time.monotonic()

    def silently_lost(self, crowd):
        """What the server has not read and no error says, of those who are
        still there."""
        books = self.server.query("numbers")
        nothing = {"missing": [], "count": 0}  # heard of somebody
        lost = {}
        for member in crowd.members:
            mine = books.get(member.jid, nothing)
            missing = set(mine["missing"]).union(
                range(mine["count"], member.sent)) - set(member.errors)
            if missing and not member.ended:
                lost[member.jid] = missing
        return lost

    def assert_accounted_for(self, crowd):
        """Whoever is still there gets an error for what the server has not
        read, whoever is not was told why."""
        crowd.until(lambda: not self.silently_lost(crowd), PATIENCE_S,
                    "an error for what the server has not read")
        self.assertEqual(crowd.twice(), [])
        for member in crowd.members:
            if member.ended:
                self.assertIn(b"</stream:stream>", member.stream_end)
        self.assert_clean()

    def assert_as_before(self):
        """Soon: a link that was broken by what it was told may be found so,
        and given up, only by its next barrier."""
        end = time.monotonic() + PATIENCE_S
        while True:
            crowd = Crowd(self.daemon.plain, 10,
                          f"newcomer{time.monotonic_ns()}-")
            self.addCleanup(crowd.close)
            try:
                crowd.login(5).exchange(20, seconds=10)
                self.assertEqual((crowd.delivered, crowd.errors), (200, 0))
                break
            except AssertionError as error:
                self.assertLess(time.monotonic(), end, error)
            finally:
                crowd.close()


class Harmless(Hostile):
    def exchange(self, dialect, words):
        meddler, crowd = self.begin_meddled(dialect, words, 0.3, barrier=20)
        meddler.on = True
        crowd.exchange(60, window=300)
        meddler.on = False
        self.assertGreater(meddler.inserted, 100)
        self.assertEqual((crowd.delivered, crowd.errors), (3600, 0))
        self.assertEqual(crowd.twice(), [])
        self.assert_clean()
        crowd.close()

    def test_odd_words_about_living_sessions(self):
        for dialect in ("3.6", "5.1"):
            with self.subTest(dialect):
                self.exchange(dialect, one_of(ODD))

    def test_odd_words_about_nobodys_sessions(self):
        for dialect in ("4.1", "5.1"):
            with self.subTest(dialect):
                self.exchange(dialect, one_of(ODD + UNKNOWN, mistaken))


class Harmful(Hostile):
    def test_sessions_are_ended_in_every_way(self):
        meddler, crowd = self.begin_meddled("5.1", one_of(ENDS), 0.01)
        self.chat(meddler, crowd, 4)
        self.assert_accounted_for(crowd)
        crowd.close()
        self.assert_as_before()

    def test_links_are_broken_in_every_way(self):
        meddler, crowd = self.begin_meddled("5.1", one_of(BREAKS), 0.002)
        self.chat(meddler, crowd, 8)
        self.assert_accounted_for(crowd)
        crowd.close()
        self.assert_as_before()

    def test_processes_are_killed_meanwhile(self):
        meddler, crowd = self.begin_meddled("4.7", one_of(ENDS + ODD), 0.01)

        def kill():
            if meddler.chance.random() < 0.02:
                children = self.daemon.children()
                if children:  # of which one may just be gone
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(meddler.chance.choice(children),
                                signal.SIGKILL)

        self.chat(meddler, crowd, 6, kill)
        self.assertEqual(crowd.twice(), [])
        crowd.close()
        self.assert_as_before()


if __name__ == "__main__":
    unittest.main()
