#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that break off, lie and flood: each is answered or ended, and
nothing of them stays, neither with us nor on the server."""

import os
import pathlib
import random
import signal
import socket
import ssl
import struct
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "system" / "lib"))
from processes import connections, open_files  # noqa: E402
from scene import Scene  # noqa: E402
from support import PATIENCE_S  # noqa: E402
from xmpp_client import (  # noqa: E402
    DOMAIN, HEADER, SASL, Client, bind_request, plain_auth, tls_context)

QUICK = {"xmpp.server.backoff.min": 0.1, "xmpp.server.backoff.max": 0.3}
ABORT = f"<abort xmlns='{SASL}'/>"
RESPONSE = f"<response xmlns='{SASL}'>AAAA</response>"
EMPTY_AUTH = f"<auth xmlns='{SASL}' mechanism='PLAIN'/>"
STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
AUTH = plain_auth("mallory", "x")
WRONG = plain_auth("mallory", "wrong")
def login(resource):
    return "".join((HEADER, AUTH, HEADER, bind_request(resource),
                    "<presence/>",
                    f"<message to='bob@{DOMAIN}'><body>b</body></message>"))


LOGIN = login("m")

# What no client should say, before it is logged in.
SASL_ABUSE = {
    "an abort of nothing": (ABORT,),
    "a response to nothing": (RESPONSE,),
    "no mechanism": (f"<auth xmlns='{SASL}'>AAAA</auth>",),
    "an empty mechanism": (f"<auth xmlns='{SASL}' mechanism=''/>",),
    "an unknown one": (f"<auth xmlns='{SASL}' mechanism='{'X' * 4000}'/>",),
    "no base64": (f"<auth xmlns='{SASL}' mechanism='PLAIN'>!!</auth>",),
    "elements inside": (f"<auth xmlns='{SASL}' mechanism='PLAIN'><a/></auth>",),
    "two at once": (AUTH + AUTH,),
    "ten at once": (WRONG * 10,),
    "ten in a row": (WRONG,) * 10,
    "an abort behind it": (AUTH + ABORT,),
    "an empty one and two answers": (EMPTY_AUTH, RESPONSE, RESPONSE),
    "stanzas behind it": (AUTH + "<presence/>" * 50,),
    "a header behind it": (AUTH + HEADER,),
    "an end behind it": (AUTH + "</stream:stream>",),
    "all in one": (AUTH + HEADER + bind_request("m") * 5 + "<presence/>",),
    "starttls behind it": (AUTH + STARTTLS,),
    "starttls twice": (STARTTLS + STARTTLS,),
    "success": (f"<success xmlns='{SASL}'/>",),
}


def descriptors(pid):
    return len(open_files(pid))


def until(test, holds, what, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not holds():
        test.assertLess(time.monotonic(), end, what)
        time.sleep(0.02)


class Abuse(Scene):
    def assert_served(self):
        """By each of two workers, as far as chance allows."""
        for number in range(4):
            client = self.client(f"user{number}")
            client.ping()
            client.send("</stream:stream>")
            self.assertTrue(client.ends())
            client.close()

    def break_off(self, data, at, reset, port=None):
        client = socket.create_connection(
            ("127.0.0.1", port or self.daemon.plain), PATIENCE_S)
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                              struct.pack("ii", 1, 0))
        client.sendall(data[:at])
        return client


class Endings(Abuse):
    def until_no_client_is_held(self):
        """A descriptor goes some moments after its client, by a worker that
        may be late."""
        until(self, lambda: not any(map(connections, self.daemon.workers())),
              "descriptors stay")

    def test_logins_broken_off_anywhere_leave_nothing(self):
        """600 at once by twenties, and twice: descriptors stay as many."""
        server, daemon = self.begin("5.1", QUICK)
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        chance, data = random.Random(seed), LOGIN.encode()
        counts = []
        for _ in range(2):
            for _ in range(30):
                some = [self.break_off(data, chance.randrange(len(data) + 1),
                                       chance.random() < 0.5)
                        for _ in range(20)]
                for client in some:
                    if chance.random() < 0.3:
                        client.settimeout(0.01)
                        try:
                            client.recv(1000)
                        except OSError:
                            pass
                    client.close()
            self.assert_served()
            server.wait("sessions", "=", 0)
            self.assert_clean()
            self.until_no_client_is_held()
            counts.append([descriptors(pid) for pid in daemon.children()])
        self.assertEqual(counts[0], counts[1])

    def test_handshakes_broken_off_leave_nothing(self):
        server, daemon = self.begin("5.1", QUICK)
        hello = bytes.fromhex("16030102000100") + b"\x01\xfc\x03\x03" * 120
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = tls_context("xmpp-client").wrap_bio(incoming, outgoing,
                                                  server_hostname=DOMAIN)
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        whole = outgoing.read()
        self.until_no_client_is_held()  # the start looked at the ports
        before = [descriptors(pid) for pid in daemon.children()]
        for data in (hello, whole, b"GET / HTTP/1.1\r\n\r\n", b"\0" * 5000,
                     HEADER.encode(), b"\xff" * 5000, whole + whole,
                     whole + b"\x14\x03\x03\x00\x01\x01" * 50):
            for at in (1, 5, 6, 11, len(data) // 2, len(data)):
                for reset in (False, True):
                    self.break_off(data, at, reset, daemon.direct).close()
        client = self.client("alice", direct=True)
        client.ping()
        client.send("</stream:stream>")
        self.assertTrue(client.ends())
        client.close()
        self.until_no_client_is_held()
        self.assertEqual([descriptors(pid) for pid in daemon.children()],
                         before)
        server.wait("sessions", "=", 0)


class Logins(Abuse):
    def test_every_misuse_of_sasl_is_answered(self):
        for dialect in ("4.1", "5.1"):
            server, _ = self.begin(dialect, QUICK)
            for name, texts in SASL_ABUSE.items():
                with self.subTest(f"{dialect} {name}"):
                    client = self.client()
                    client.open()
                    for text in texts:
                        try:
                            client.send(text)
                        except OSError:
                            break
                        # After some failures the stream is over, too.
                        answer = client.expect(
                            "<(failure|success|challenge|proceed"
                            "|stream:error|/stream:stream)")
                        if answer == "</stream:stream" or \
                                b"</stream:stream>" in client.buffer:
                            break
                    client.close()
            self.assert_served()
            server.wait("sessions", "=", 0)
            self.assert_clean()

    def test_what_lies_behind_starttls_is_not_taken_as_secret(self):
        server, _ = self.begin("5.1", QUICK)
        client = self.client()
        client.open()
        client.send(STARTTLS + HEADER + AUTH)
        client.expect("<proceed[^>]*>|<stream:error")
        try:
            client.socket = tls_context().wrap_socket(
                client.socket, server_hostname=DOMAIN)
            client.send(HEADER)
            client.expect("<stream:features")
        except (OSError, AssertionError):
            pass
        self.assertNotIn(b"<success", client.buffer)
        self.assertEqual(server.stats()["sessions"], 0)
        self.assert_served()

    def test_login_byte_by_byte(self):
        self.begin("5.1", QUICK)
        client = self.client()
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part, answer in ((HEADER, "</stream:features>"),
                             (AUTH, "<success[^>]*>"),
                             (HEADER, "</stream:features>"),
                             (bind_request("m"), "<jid>.*?</iq>")):
            for at in part:
                client.send(at)
            client.expect(answer)
        client.ping()
        self.assert_clean()

    def test_a_resource_fought_over_leaves_one_session(self):
        server, _ = self.begin("5.1", QUICK)
        for number in range(41):
            client = self.client()
            client.login("mallory")
            if number % 3 == 0:
                client.close()
        server.wait("sessions", "=", 1)
        client.ping()
        self.assert_clean()


class Floods(Abuse):
    def test_what_is_no_client_does_not_keep_others_waiting(self):
        self.begin("5.1", QUICK)
        alice = self.client("alice")
        for text in (HEADER * 1000,
                     "<" * 100000,
                     " " * 1000000,
                     HEADER + "<a>" * 100000,
                     HEADER + "<a " + " ".join(
                         f"a{n}='b'" for n in range(20000)) + "/>",
                     HEADER.replace(" to=", " " + " ".join(
                         f"xmlns:p{n}='urn:{n}'" for n in range(5000))
                         + " to="),
                     HEADER.replace(DOMAIN, "x" * 100000),
                     HEADER.replace(DOMAIN, "\u202e\u0130\ufdfa" * 300),
                     HEADER + f"<auth id='{'x' * 100000}'/>",
                     HEADER + "<!--" + "x" * 100000,
                     HEADER + "<![CDATA[" + "x" * 100000,
                     HEADER + "&#0;", HEADER + "&lol;",
                     HEADER.replace("version='1.0'", ""),
                     HEADER.replace("version='1.0'", "version='999999999999'"),
                     "<?xml version='1.0' encoding='UTF-16'?>" + HEADER,
                     "\ufeff" + HEADER, "\0" * 100000):
            with self.subTest(text[-60:]):
                client = self.client()
                try:
                    client.send(text.encode())
                except OSError:
                    pass
                alice.ping()
                client.close()
        alice.ping()
        self.assert_served()


class Deaths(Abuse):
    def test_processes_killed_under_broken_logins_leave_no_session(self):
        server, daemon = self.begin("5.1", QUICK)
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        chance, data = random.Random(seed), LOGIN.encode()
        for _ in range(4):
            some = []
            for _ in range(40):
                try:
                    some.append(self.break_off(
                        data, chance.randrange(len(data) + 1), False))
                except OSError:
                    pass
            try:
                os.kill(chance.choice(daemon.children()), signal.SIGKILL)
            except ProcessLookupError:
                pass
            for client in some:
                client.close()
        self.assert_nothing_left()

    def test_upstream_killed_while_it_recovers_leaves_no_session(self):
        """Both workers die, then upstream while it closes their sessions: what
        has ended is not created again by its successor."""
        server, daemon = self.begin("5.1", QUICK)
        for after in (0, 2, 5, 0, 10, 0):
            server.wait("links_ready", "=", 5)
            until(self, lambda: len(daemon.workers()) == 2, "no two workers")
            before, some = server.stats(), []
            for number in range(40):
                data = login(f"m{number}").encode()
                some.append(self.break_off(data, len(data), False))
            # Many are there, and creates under way that are not confirmed.
            server.wait("creates", ">", before["creates"] + 20)
            for worker in daemon.workers():
                os.kill(worker, signal.SIGKILL)
            # Sometimes its closes are under way, sometimes confirmed.
            server.wait("closes", ">", before["closes"] + after)
            os.kill(daemon.upstream(), signal.SIGKILL)
            for client in some:
                client.close()
            self.assert_nothing_left()

    def assert_nothing_left(self):
        until(self, lambda: len(self.daemon.children()) >= 3, "children")
        self.server.wait("links_ready", "=", 5)
        def serves():
            client = Client(self.daemon.plain)
            try:
                client.login("late")
                return True
            except (AssertionError, OSError):
                return False
            finally:
                client.close()
        until(self, serves, "nobody is served")
        self.server.wait("sessions", "=", 0)


if __name__ == "__main__":
    unittest.main()
