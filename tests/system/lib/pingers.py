# SPDX-License-Identifier: Apache-2.0
"""Innocent clients: each asks the server something again and again, and how
long the answers take is what the daemon's users would notice."""

import re
import selectors
import time

from support import PATIENCE_S
from xmpp_client import Client, DOMAIN

PING = (f"<iq type='get' id='p-{{number}}' to='{DOMAIN}'>"
        "<ping xmlns='urn:xmpp:ping'/></iq>")
ANSWER = re.compile(rb"<iq [^>]*id=.p-(\d+).[^>]*>")


class Pinger:
    def __init__(self, port, user):
        self.client = Client(port)
        self.client.login(user)
        self.client.socket.setblocking(False)
        self.number, self.asked_at, self.buffer = 0, None, b""
        self.ended = False

    def ping(self, now):
        self.number += 1
        self.asked_at = now
        self.client.socket.send(PING.format(number=self.number).encode())

    def read(self, now):
        """Seconds that the answer took, or None."""
        try:
            data = self.client.socket.recv(65536)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return None
        self.buffer += data
        for found in ANSWER.finditer(self.buffer):
            if int(found.group(1)) == self.number and self.asked_at:
                took, self.asked_at = now - self.asked_at, None
                self.buffer = b""
                return took
        return None


class Pingers:
    """`count` of them, each with a ping every `pause` seconds."""

    def __init__(self, port, count, pause=0.2):
        self.pause = pause
        self.selector = selectors.DefaultSelector()
        self.all = [Pinger(port, f"pinger{n}") for n in range(count)]
        for pinger in self.all:
            self.selector.register(pinger.client.socket,
                                   selectors.EVENT_READ, pinger)

    def run(self, until):
        """Pings until the function says so; then what is still open is waited
        for. The times of all answers, sorted."""
        took, due = [], {p: time.monotonic() for p in self.all}
        while not until():
            now = time.monotonic()
            for pinger in self.all:
                if not pinger.ended and pinger.asked_at is None and \
                        due[pinger] <= now:
                    pinger.ping(time.monotonic())
                    due[pinger] = now + self.pause
            self.turn(took, 0.005)
        end = time.monotonic() + PATIENCE_S
        while any(p.asked_at and not p.ended for p in self.all):
            if time.monotonic() > end:
                raise AssertionError("pings are not answered")
            self.turn(took, 0.1)
        return sorted(took)

    def turn(self, took, timeout):
        for key, _ in self.selector.select(timeout):
            seconds = key.data.read(time.monotonic())
            if key.data.ended:
                self.selector.unregister(key.fileobj)
            elif seconds is not None:
                took.append(seconds)

    def ended(self):
        return [p.client.jid for p in self.all if p.ended]

    def close(self):
        for pinger in self.all:
            pinger.client.close()
        self.selector.close()


def percentile(took, share):
    return took[min(len(took) - 1, int(len(took) * share))]
