#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An element at which the server ends every link that carries it: it is found
and given up, its session pays, and nobody else does."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import sys
import time
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "system" / "lib"))
from crowd import Crowd  # noqa: E402
from actors import CM, Link  # noqa: E402
from scene import Scene  # noqa: E402
from stage import Played  # noqa: E402
from xmpp_client import DOMAIN, bind_request, plain_auth  # noqa: E402

QUICK = {"xmpp.server.backoff.min": 0.1, "xmpp.server.backoff.max": 0.3,
         "xmpp.server.barrier": 1, "xmpp.server.hang.timeout": 3}
MARK = "poison-mark"
LINKS_MAX = 16  # that one element, or one session, may cost
FEW_LINKS = 8  # that what a client sends again costs among twenty others
PATIENCE_S = 60


class Poison(Scene):
    def begin_crowd(self, links=5, dialect="5.1", options=None, members=20):
        self.begin(dialect, {**QUICK, "xmpp.manager.connections": links,
                             **(options or {})})
        self.crowd = Crowd(self.daemon.plain, members)
        self.addCleanup(self.crowd.close)
        self.crowd.login()
        return self.server

    def talk(self):
        """All pairs, each with a few messages under way."""
        for a, b in zip(self.crowd.members[::2], self.crowd.members[1::2]):
            for member, partner in ((a, b), (b, a)):
                under_way = (member.sent - len(partner.got)
                             - len(member.errors))
                if not member.ended and under_way < 3:
                    member.send(1)
                    self.crowd.write(member)
        self.crowd.turn(0.02)

    def chat_until(self, over, what, links_max=LINKS_MAX):
        """The innocent talk until it is so; no element costs too much."""
        end = time.monotonic() + PATIENCE_S
        while not over():
            self.assertLess(time.monotonic(), end, what)
            self.assertLessEqual(self.server.stats()["poisoned"], links_max)
            self.talk()

    def given_up(self):
        return re.findall(r"given up.*kind=\"(.*?)\" session=(\S+) "
                          r"address=\S+ bytes=(\d+)",
                          self.daemon.tail(10 ** 7))

    def chat_until_given_up(self, kind, streamid=None):
        self.chat_until(self.given_up, "nothing is given up")
        (found, session, size), = self.given_up()
        self.assertEqual(found, kind)
        self.assertGreater(int(size), 0)
        if streamid:
            self.assertEqual(session, streamid)
        spent = self.server.stats()["poisoned"]
        self.assertGreater(spent, 2, "it was given up without cause")
        return spent

    def assert_all_is_well(self):
        """Nobody of the crowd ended, nothing was lost in silence, and all
        goes on as before, for newcomers, too."""
        spent = self.server.stats()["poisoned"]
        self.server.wait("links_ready", "=",
                         self.daemon.options["xmpp.manager.connections"])
        self.crowd.until(lambda: not self.crowd.missing(), 30, "the rest")
        self.assertEqual([m.jid for m in self.crowd.members if m.ended], [])
        self.assertEqual(self.crowd.twice(), [])
        errors = self.crowd.errors
        began = self.crowd.delivered
        end = time.monotonic() + PATIENCE_S
        while self.crowd.delivered < began + 200:
            self.assertLess(time.monotonic(), end, "nothing moves")
            self.talk()
        self.crowd.until(lambda: not self.crowd.missing(), 30, "the rest")
        self.client("newcomer").ping()
        self.assertEqual(self.crowd.errors, errors)
        self.assertEqual(self.server.stats()["poisoned"], spent)
        self.assertEqual(len(self.given_up()), 1)
        self.assert_clean()

    def mallory(self):
        """A client that is logged in; its streamid is kept."""
        client = self.client()
        self.streamid = re.search(r" id=[\"'](.*?)[\"']",
                                  client.open()).group(1)
        client.send(plain_auth("mallory", "x"))
        client.expect("<success[^>]*>")
        client.open()
        client.send(bind_request("r"))
        client.expect("</iq>")
        client.ping()
        return client

    def expect_end(self, client):
        client.expect("<stream:error.*?<policy-violation")
        self.assertTrue(client.ends())


class Kinds(Poison):
    def send_presence(self, client):
        client.send(f"<presence><status>{MARK}</status></presence>")

    def test_a_presence_whatever_the_number_of_links(self):
        for links in (5, 2, 1):
            for way in ("fin", "rst"):
                with self.subTest(f"{links} links, {way}"):
                    server = self.begin_crowd(links)
                    client = self.mallory()
                    server.command(f"poison {way} {MARK}")
                    self.send_presence(client)
                    self.chat_until_given_up("presence", self.streamid)
                    self.expect_end(client)
                    server.wait("sessions", "=", 20)
                    self.assert_all_is_well()
                    self.crowd.close()

    def test_the_last_link_is_not_risked_while_another_comes_back(self):
        """Up to 4.9 a server that loses all links ends all sessions."""
        server = self.begin_crowd(2, "4.9")
        client = self.mallory()
        server.command(f"poison fin {MARK}")
        self.send_presence(client)
        self.chat_until_given_up("presence", self.streamid)
        self.expect_end(client)
        server.wait("sessions", "=", 20)
        self.assertNotIn("all links lost", self.daemon.tail(10 ** 7))
        self.assert_all_is_well()

    def test_an_answer(self):
        server = self.begin_crowd()
        client = self.mallory()
        server.command(f"poison fin {MARK}")
        server.command(f"packet {self.streamid} <iq type=\"get\" from=\"a@b/c\""
                       f" id=\"{MARK}\"><ping xmlns=\"urn:xmpp:ping\"/></iq>")
        client.expect(MARK)
        client.send(f"<iq type='result' to='a@b/c' id='{MARK}'/>")
        self.chat_until_given_up("iq answer", self.streamid)
        self.expect_end(client)
        server.wait("sessions", "=", 20)
        self.assert_all_is_well()

    def test_a_create(self):
        server = self.begin_crowd()
        client = self.client()
        streamid = re.search(r" id=[\"'](.*?)[\"']", client.open()).group(1)
        server.command(f"poison fin <create {streamid}")
        client.send(plain_auth("mallory", "x"))
        self.chat_until_given_up("create", streamid)
        self.expect_end(client)
        self.assertEqual(server.stats()["sessions"], 20)
        self.assert_all_is_well()

    def test_a_close(self):
        server = self.begin_crowd()
        client = self.mallory()
        server.command(f"poison fin <close {self.streamid}")
        client.send("</stream:stream>")
        client.close()
        self.chat_until_given_up("close", self.streamid)
        self.assert_all_is_well()

    def test_what_comes_back_from_a_client_that_reads_nothing(self):
        server = self.begin_crowd()
        client = self.mallory()
        server.command(f"poison fin <failed {MARK}")
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        fill = (f"packet {self.streamid} <message><body>{'x' * 100000}</body>"
                "</message>")
        for _ in range(20):
            server.command(fill)
        server.command(f"packet {self.streamid} <message><body>{MARK}</body>"
                       "</message>")
        with self.assertRaisesRegex(RuntimeError, "no such session"):
            while True:  # until it is closed for reading nothing
                server.command(fill)
        self.chat_until_given_up("failed", self.streamid)
        server.wait("sessions", "=", 20)
        self.assert_all_is_well()

    def test_a_message_of_which_only_the_beginning_left(self):
        """The server ends each link before it has read all of it."""
        server = self.begin_crowd(
            options={"xmpp.parser.buffer.size": 500000})
        client = self.mallory()
        server.command(f"poison rst {MARK}")
        client.send(f"<message id='{MARK}' to='a@b/c'><body>"
                    f"{'x' * 450000}</body></message>")
        client.expect(f"<message[^>]*type=.error.[^>]*{MARK}")
        self.assertLessEqual(server.stats()["poisoned"], 2)
        client.ping()
        self.assertEqual(self.given_up(), [])


class Circumstances(Poison):
    def test_the_client_has_gone_at_once(self):
        server = self.begin_crowd()
        client = self.mallory()
        server.command(f"poison fin {MARK}")
        client.send(f"<presence><status>{MARK}</status></presence>")
        client.close()
        self.chat_until_given_up("presence", self.streamid)
        server.wait("sessions", "=", 20)
        self.assert_all_is_well()

    def test_upstream_is_killed_in_the_midst(self):
        for deaths in (1, 2, 3):
            with self.subTest(f"after {deaths}"):
                server = self.begin_crowd()
                client = self.mallory()
                server.command(f"poison fin {MARK}")
                client.send(f"<presence><status>{MARK}</status></presence>")
                server.wait("poisoned", ">", deaths - 1)
                os.kill(self.daemon.upstream(), signal.SIGKILL)
                self.chat_until_given_up("presence", self.streamid)
                self.expect_end(client)
                server.wait("sessions", "=", 20)
                self.assert_all_is_well()
                self.crowd.close()

    def test_its_worker_is_killed_in_the_midst(self):
        server = self.begin_crowd(options={"workers.count": 1}, members=0)
        client = self.mallory()
        server.command(f"poison fin {MARK}")
        client.send(f"<presence><status>{MARK}</status></presence>")
        server.wait("poisoned", ">", 1)
        upstream = self.daemon.upstream()
        for child in self.daemon.children():
            if child != upstream:
                os.kill(child, signal.SIGKILL)
        self.chat_until_given_up("presence", self.streamid)
        server.wait("sessions", "=", 0)
        self.daemon.wait_for_log("partition recovered partition=")
        self.client("newcomer").ping()

    def test_one_among_a_thousand(self):
        for links in (5, 1):
            with self.subTest(f"{links} links"):
                server = self.begin_crowd(links)
                client = self.mallory()
                server.command(f"poison fin {MARK}")
                harmless = f"<presence to='nobody@{DOMAIN}'/>" * 500
                client.send(harmless + f"<presence><status>{MARK}</status>"
                            f"</presence>{harmless}")
                spent = self.chat_until_given_up("presence", self.streamid)
                tried = re.findall(r"trying suspects .*count=(\d+) of=(\d+)",
                                   self.daemon.tail(10 ** 7))
                print(f"links spent: {spent}; tried: {tried}")
                self.expect_end(client)
                server.wait("sessions", "=", 20)
                self.assert_all_is_well()
                self.crowd.close()

    def test_several_at_once(self):
        server = self.begin_crowd()
        clients = []
        for number in range(6):
            clients.append(self.client(f"mallory{number}"))
        server.command(f"poison fin {MARK}")
        for client in clients:
            client.send(f"<presence><status>{MARK}</status></presence>")
        end = time.monotonic() + PATIENCE_S
        while len(self.given_up()) < len(clients):
            self.assertLess(time.monotonic(), end, "not all are given up")
            self.talk()
        self.assertLessEqual(server.stats()["poisoned"],
                             LINKS_MAX * len(clients))
        for client in clients:
            self.expect_end(client)
        server.wait("sessions", "=", 20)
        self.crowd.until(lambda: not self.crowd.missing(), 30, "the rest")
        self.assertEqual([m.jid for m in self.crowd.members if m.ended], [])

    def test_a_server_that_loses_all_links_again_and_again_costs_nobody(self):
        """Everybody is suspect for a while; presences are under way."""
        server = self.begin_crowd(members=40)
        for _ in range(6):
            total = server.stats()["links_total"]
            for member in self.crowd.members:
                member.out += b"<presence/>" * 20
                self.crowd.write(member)
            server.command("cut all rst")
            self.chat_until(
                lambda: server.stats()["links_total"] > total, "links")
        server.wait("links_ready", "=", 5)
        self.chat_until(lambda: self.crowd.delivered > 2000, "the chat")
        self.crowd.until(lambda: not self.crowd.missing(), 30, "the rest")
        self.assertEqual([m.jid for m in self.crowd.members if m.ended], [])
        self.assertEqual(self.given_up(), [])
        self.assert_clean()


class Insisting(Poison):
    """What is unconfirmed goes back to its client, which sends it again."""

    MESSAGE = f"<message to='a@b/c' id='{MARK}'><body>x</body></message>"
    REQUEST = (f"<iq type='get' to='a@b/c' id='{MARK}'>"
               "<ping xmlns='urn:xmpp:ping'/></iq>")
    BACK = re.compile(rb"<(message|iq)[^>]*type=.error.[^>]*>"
                      rb"|<temporary-auth-failure")

    def insist(self, clients, words, links_max, between=""):
        """Each says it, and again whenever it has come back, until it is sent
        away; what lies between is harmless."""
        left = list(clients)
        for client in left:
            client.send(words)

        def over():
            for client in list(left):
                client.receive(0)
                if b"policy-violation" in client.buffer:
                    left.remove(client)
                elif self.BACK.search(client.buffer):
                    client.buffer = b""
                    client.send(between + words)
            return not left
        self.chat_until(over, "its client is not stopped", links_max)
        for client in clients:
            self.expect_end(client)
        self.server.wait("sessions", "=", 20)
        print(f"links spent: {self.server.stats()['poisoned']}")

    def test_whatever_it_is_and_the_number_of_links(self):
        for words, kind in ((self.MESSAGE, "message"),
                            (self.REQUEST, "iq request")):
            for links, way in ((5, "fin"), (2, "rst"), (1, "fin")):
                with self.subTest(f"{kind}, {links} links, {way}"):
                    server = self.begin_crowd(links)
                    client = self.mallory()
                    server.command(f"poison {way} {MARK}")
                    self.insist([client], words, FEW_LINKS)
                    self.chat_until_given_up(kind, self.streamid)
                    self.assert_all_is_well()
                    self.crowd.close()

    def test_a_step_of_authentication(self):
        server = self.begin_crowd()
        client = self.client()
        self.streamid = re.search(r" id=[\"'](.*?)[\"']",
                                  client.open()).group(1)
        words = plain_auth("mallory", MARK)
        server.command("poison fin " + re.search(">(.*)<", words).group(1))
        self.insist([client], words, FEW_LINKS)
        self.chat_until_given_up("auth", self.streamid)
        self.assert_all_is_well()

    def test_the_last_link_is_not_risked_while_another_comes_back(self):
        """Up to 4.9 a server that loses all links ends all sessions."""
        server = self.begin_crowd(2, "4.9")
        client = self.mallory()
        server.command(f"poison fin {MARK}")
        self.insist([client], self.MESSAGE, FEW_LINKS)
        self.assertNotIn("all links lost", self.daemon.tail(10 ** 7))
        self.assert_all_is_well()

    def test_with_harmless_words_in_between(self):
        """That some of its words are handled proves little of the next."""
        harmless = (f"<message to='nobody@{DOMAIN}'><body>y</body></message>"
                    f"<iq type='get' id='h' to='{DOMAIN}'>"
                    "<ping xmlns='urn:xmpp:ping'/></iq>")
        for count in (1, 20):
            with self.subTest(count):
                server = self.begin_crowd()
                client = self.mallory()
                server.command(f"poison fin {MARK}")
                self.insist([client], self.MESSAGE, LINKS_MAX,
                            harmless * count)
                self.chat_until_given_up("message", self.streamid)
                self.assert_all_is_well()
                self.crowd.close()

    def test_hundreds_at_once(self):
        for words, kind in ((self.MESSAGE, "message"),
                            (f"<presence to='a@b/{MARK}'/>", "presence")):
            with self.subTest(kind):
                server = self.begin_crowd()
                client = self.mallory()
                server.command(f"poison fin {MARK}")
                self.insist([client], words * 300, LINKS_MAX)
                self.chat_until_given_up(kind, self.streamid)
                self.assert_all_is_well()
                self.crowd.close()

    def test_several_clients_at_once(self):
        server = self.begin_crowd()
        clients = [self.client(f"mallory{number}") for number in range(6)]
        server.command(f"poison fin {MARK}")
        self.insist(clients, self.MESSAGE, FEW_LINKS * len(clients))
        self.assertEqual(len(self.given_up()), len(clients))
        self.crowd.until(lambda: not self.crowd.missing(), 30, "the rest")
        self.assertEqual([m.jid for m in self.crowd.members if m.ended], [])

    def test_a_link_that_ends_again_and_again_costs_no_chatterer(self):
        server = self.begin_crowd(links=1, members=2)
        for _ in range(8):
            total = server.stats()["links_total"]
            server.command("cut all fin")
            self.chat_until(
                lambda: server.stats()["links_total"] > total, "links")
            began = self.crowd.delivered
            self.chat_until(lambda: self.crowd.delivered > began + 50,
                            "the chat")
        self.crowd.until(lambda: not self.crowd.missing(), 30, "the rest")
        self.assertEqual([m.jid for m in self.crowd.members if m.ended], [])
        self.assertEqual(self.given_up(), [])


class Silent(Played):
    def take(self, link, element):
        """Nothing behind the mark is handled, barriers neither."""
        if element.find(".//{*}status") is not None:
            self.spent += link.answers_barriers
            link.answers_barriers = False
        self.sort(link, element)

    def setUp(self):
        super().setUp()
        self.spent, self.sort = 0, Link.sort
        patch = unittest.mock.patch.object(
            Link, "sort", lambda link, element: self.take(link, element))
        patch.start()
        self.addCleanup(patch.stop)

    def spend_links(self, words):
        """It keeps each link; only its barriers tell. A client that gets its
        words back says them again."""
        self.begin(options={"xmpp.server.barrier": 0.5,
                            "xmpp.server.hang.timeout": 1.5})
        link = self.link()
        client, streamid = self.login(link)
        client.send(words)
        end = time.monotonic() + PATIENCE_S
        while "given up" not in self.daemon.tail(10 ** 7):
            self.assertLess(time.monotonic(), end, "it is not given up")
            link.read(0.05)
            if link.ended:
                link = self.link(f"N{self.spent}")
            client.read(0)
            if "<remote-server-timeout" in client.text and \
                    "<policy-violation" not in client.text:
                client.text = ""
                with contextlib.suppress(OSError):  # its stream may be over
                    client.send(words)
        self.assertGreater(self.spent, 2)
        self.assertLessEqual(self.spent, LINKS_MAX)
        client.expect("<stream:error.*?<policy-violation")
        closed = link.next_item("a close")
        self.assertEqual(closed.find(CM + "session").get("id"), streamid)

    def test_a_server_that_handles_nothing_more_once_it_has_read_it(self):
        self.spend_links(f"<presence><status>{MARK}</status></presence>")

    def test_a_server_that_handles_nothing_more_and_a_client_that_insists(
            self):
        self.spend_links(f"<message to='a@b/c'><status>{MARK}</status>"
                         "</message>")


if __name__ == "__main__":
    unittest.main()
