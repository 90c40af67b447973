#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that stops reading while a client talks, and wakes when its link
has been given up: what is said again elsewhere does not come by the old one
too, and nothing is lost in silence."""

import fcntl
import os
import pathlib
import re
import signal
import socket
import ssl
import sys
import termios
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "system" / "lib"))
from actors import DOMAIN  # noqa: E402
from stage import Played  # noqa: E402
from support import PATIENCE_S, certificate  # noqa: E402

MESSAGES, PAD = 700, "x" * 2000
FEW = 150  # which a ring and the kernels take
WHOLE = re.compile(rb"<message [^>]*\bid=\"num-(\d+)\"[^>]*><body>x*</body>"
                   rb"</message></route>")
ERROR = re.compile(r"<message (?=[^>]*\btype=\"error\")[^>]*"
                   r"\bid=\"num-(\d+)\"")
MANY = re.compile(r"not confirmed by the server count=(\d+)")
OPTIONS = {"xmpp.server.barrier": 0.3, "xmpp.server.hang.timeout": 5,
           "xmpp.server.grace": PATIENCE_S, "stop.timeout": 1}


def waiting(connection):
    """Bytes that nobody has read."""
    count = bytearray(4)
    fcntl.ioctl(connection.fileno(), termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


class Hang(Played):
    def begin_hanging(self, tls=False, messages=MESSAGES, **options):
        """Returns a link whose server reads nothing more; a client has said
        more than the kernels take."""
        self.messages = messages
        # Little for the server's kernel, so that much waits in ours.
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.context = None
        secure = {}
        if tls:
            cert, key = certificate(self.directory.name, DOMAIN)
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(cert, key)
            secure = {"xmpp.server.tls": "direct",
                      "xmpp.server.certificate.authorities": cert}
        self.begin(options={**OPTIONS, **secure, **options})
        hung = self.up("M")
        self.client, _ = self.login(hung)
        hung.read(0.3)
        self.said, self.told = 0, []
        self.talker = threading.Thread(target=self.talk)
        self.talker.start()
        self.addCleanup(self.talker.join)
        self.addCleanup(self.client.socket.close)
        seen, now = None, (0, 0)
        while not now[0] or seen != now:
            time.sleep(0.3)  # is anything still taken, or has all come?
            seen, now = now, (self.said, waiting(hung.socket))
        return self.replay.links.pop("M")

    def up(self, name):
        self.replay.connect(name)
        link = self.replay.links[name]
        self.replay.kept.append(link)
        if self.context:
            link.secure(self.context)
        return link.let_in()

    def talk(self):
        try:
            for number in range(self.messages):
                self.client.socket.sendall(
                    f"<message to='b@{DOMAIN}' id='num-{number}'>"
                    f"<body>{PAD}</body></message>".encode())
                self.said = number + 1
        except OSError:
            pass

    @staticmethod
    def wake(link):
        """It reads to the end: how that came."""
        link.socket.settimeout(PATIENCE_S)
        try:
            while data := link.socket.recv(65536):
                link.bytes += data
        except ConnectionResetError:
            return "reset"
        return "closed"

    @staticmethod
    def numbers(link):
        return [int(number) for number in WHOLE.findall(link.bytes)]

    def listen(self):
        """To the client's errors."""
        self.client.read(0.01)
        found = list(ERROR.finditer(self.client.text))
        self.told += [int(match.group(1)) for match in found]
        if found:
            self.client.text = self.client.text[found[-1].end():]

    def assert_nothing_doubled_or_silent(self, hung, fresh):
        by_old = self.numbers(hung)
        end = time.monotonic() + PATIENCE_S
        while True:
            fresh.read(0.01)
            self.listen()
            by_new = self.numbers(fresh)
            known = {*by_old, *by_new, *self.told}
            if self.said == len(known) == MESSAGES:
                break
            self.assertLess(time.monotonic(), end, "silent: "
                            f"{sorted(set(range(self.said)) - known)[:20]}")
        self.assertEqual(set(by_old) & set(by_new), set(), "doubled")
        self.assertEqual(set(self.told) & set(by_new), set())
        for numbers in (by_old, by_new, self.told):
            self.assertEqual(len(numbers), len(set(numbers)))
        self.assertEqual(by_new, sorted(by_new))
        self.assertTrue(by_old and by_new and self.told)

    def give_up(self, tls):
        hung = self.begin_hanging(tls)
        fresh = self.up("N")
        self.daemon.wait_for_log("has not handled anything for")
        how = self.wake(hung)
        if not tls:  # of which Python makes an end of another kind
            self.assertEqual(how, "reset")
        self.assert_nothing_doubled_or_silent(hung, fresh)
        self.assertIn("server is not responding link=0", self.daemon.tail())

    def test_a_link_given_up_delivers_nothing_more(self):
        self.give_up(tls=False)

    def test_a_link_over_tls_given_up_delivers_nothing_more(self):
        self.give_up(tls=True)

    def test_the_links_of_a_killed_process_deliver_nothing_more(self):
        hung = self.begin_hanging()
        os.kill(self.daemon.upstream(), signal.SIGKILL)
        fresh = self.up("N")
        self.assertEqual(self.wake(hung), "reset")
        self.assert_nothing_doubled_or_silent(hung, fresh)

    def test_a_stop_in_front_of_it_says_what_was_lost(self):
        hung = self.begin_hanging(messages=FEW, **{
            "xmpp.server.hang.timeout": PATIENCE_S})
        process, self.daemon.process = self.daemon.process, None
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)  # the client may cost its worker the order
        self.daemon.check_log()
        self.assertEqual(self.wake(hung), "reset")
        lost = MANY.search(self.daemon.tail())
        self.assertTrue(lost, "they are not counted")
        self.assertGreater(int(lost[1]), len(self.numbers(hung)))

    def test_a_question_whose_answer_is_lost_is_asked_again_soon(self):
        """A server that wakes answers on links of which it does not know yet
        that they were given up; so are its words about dead sessions."""
        self.begin(options={**OPTIONS, "xmpp.server.barrier": 300,
                            "xmpp.server.hang.timeout": 300})
        self.login(self.link("M"))
        self.replay.cut("M", reset=True)
        self.replay.connect("N")
        link = self.replay.links["N"]
        link.answers_barriers = False
        link.let_in()
        link.wait(lambda: b"-barrier" in link.bytes, "a barrier")
        asked = len(link.probes)
        self.assertGreater(asked, 0)
        link.answers_barriers = True
        link.wait(lambda: len(link.probes) >= 2 * asked, "it all again")
        end = time.monotonic() + PATIENCE_S
        while self.daemon.tail().count("upstream: serving links=") < 2:
            self.assertLess(time.monotonic(), end, "it does not serve")
            link.read(0.1)


if __name__ == "__main__":
    unittest.main()
