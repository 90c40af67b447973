# SPDX-License-Identifier: Apache-2.0
"""Many clients in one thread, exchanging numbered messages in pairs."""

import bisect
import re
import selectors
import socket
import time

from support import PATIENCE_S
from xmpp_client import (
    DOMAIN, HEADER, REFUSAL, bind_request, plain_auth)

MESSAGE = re.compile(rb"<message ([^>]*)>")
NUMBER = re.compile(rb"\bid=[\"']num-(\d+)[\"']")
REFUSED = re.compile(REFUSAL.encode())
STREAM_END = re.compile(rb"<stream:error|</stream:stream>")
CHAT = ("<message to='{to}' id='num-{number}' type='chat'>"
        "<body>number {number}</body></message>")


class Member:
    """One client. `got`: numbers from its partner, as they came; `errors`:
    its own numbers that came back; `stream_end`: how its stream ended."""

    STEPS = [(b"</stream:features>", "auth"), (b"<success", "header"),
             (b"</stream:features>", "bind"), (b"</jid>", None)]

    def __init__(self, crowd, number, port):
        self.crowd, self.number = crowd, number
        self.user = f"{crowd.name}{number}"
        self.jid = f"{self.user}@{DOMAIN}/load"
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.socket.setblocking(False)
        self.step, self.sent = 0, 0
        self.out, self.buffer = HEADER.encode(), b""
        self.got, self.errors, self.ended, self.stream_end = [], [], False, b""

    def on_data(self, data):
        self.buffer += data
        if self.step < len(self.STEPS):
            self.advance()
        if self.step == len(self.STEPS):
            self.read_messages()

    def advance(self):
        while self.step < len(self.STEPS):
            mark, say = self.STEPS[self.step]
            at = self.buffer.find(mark)
            if at < 0:
                if REFUSED.search(self.buffer):
                    self.refuse()
                return
            self.buffer = self.buffer[at + len(mark):]
            self.step += 1
            if say == "auth":
                self.out += plain_auth(self.user, "x").encode()
            elif say == "header":
                self.out += HEADER.encode()
            elif say == "bind":
                self.out += bind_request("load").encode()
            else:
                self.crowd.ready += 1

    def refuse(self):
        """This log-in will not go on."""
        self.crowd.refused = f"{self.user} is not let in: {self.buffer!r}"

    def read_messages(self):
        end = self.buffer.rfind(b">") + 1
        for found in MESSAGE.finditer(self.buffer, 0, end):
            number = NUMBER.search(found.group(1))
            if number is None:
                continue
            if b"type=\"error\"" in found.group(1) or \
                    b"type='error'" in found.group(1):
                self.errors.append(int(number.group(1)))
                self.crowd.errors += 1
            else:
                self.got.append(int(number.group(1)))
                self.crowd.delivered += 1
        stream_end = STREAM_END.search(self.buffer, 0, end)
        if stream_end:
            self.stream_end += self.buffer[stream_end.start():end]
        self.buffer = self.buffer[end:]

    def send(self, count):
        partner = self.crowd.members[self.number ^ 1]
        for number in range(self.sent, self.sent + count):
            self.out += CHAT.format(to=partner.jid, number=number).encode()
        self.sent += count


class Crowd:
    """`count` clients; user2n and user2n+1 talk to each other. Another `name`
    makes them others, for whom nothing waits at the server."""

    def __init__(self, port, count, name="user"):
        self.name = name
        self.selector = selectors.DefaultSelector()
        self.ready = self.delivered = self.errors = 0
        self.refused = None  # of the last that was, who and how
        self.members = []
        self.add(port, count)

    def add(self, port, count):
        """So many more."""
        for number in range(len(self.members), len(self.members) + count):
            member = Member(self, number, port)
            self.members.append(member)
            self.selector.register(member.socket, selectors.EVENT_READ
                                   | selectors.EVENT_WRITE, member)

    def turn(self, timeout):
        for key, events in self.selector.select(timeout):
            member = key.data
            if events & selectors.EVENT_READ:
                self.read(member)
            if not member.ended:
                self.write(member)

    def read(self, member):
        try:
            data = member.socket.recv(262144)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            member.on_data(data)
        else:
            member.ended = True
            if member.step < len(member.STEPS):
                member.refuse()
            self.selector.unregister(member.socket)
            member.socket.close()

    def write(self, member):
        if member.out:
            try:
                sent = member.socket.send(member.out)
                member.out = member.out[sent:]
            except BlockingIOError:
                pass
            except OSError:
                member.out = b""
        self.selector.modify(member.socket, selectors.EVENT_READ | (
            selectors.EVENT_WRITE if member.out else 0), member)

    def login(self, seconds=PATIENCE_S):
        def are_in():
            if self.refused:
                raise AssertionError(self.refused)
            return self.ready == len(self.members)
        self.until(are_in, seconds, "login")
        return self

    def until(self, done, seconds, what):
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end:
                raise AssertionError(
                    f"too late: {what}; {self.ready} ready, {self.delivered} "
                    f"delivered, {self.errors} errors, "
                    f"{sum(m.ended for m in self.members)} ended, "
                    f"{self.missing()[:10]}")
            self.turn(min(0.2, max(0, end - time.monotonic())))

    def exchange(self, each, half_way=None, window=2000, seconds=PATIENCE_S):
        """Every client sends `each` numbered messages; ends when every one of
        them was delivered or came back as an error."""
        total = each * len(self.members)
        step, sent, asked = 5, 0, half_way is None
        def accounted():
            return self.delivered + self.errors
        def more():
            nonlocal sent, asked
            if not asked and accounted() >= total // 2:
                asked = True
                half_way()
            while sent < total and sent - accounted() < window:
                for member in self.members:
                    count = min(step, each - member.sent)
                    if count and not member.ended:
                        member.send(count)
                        self.write(member)
                    sent += count
            return sent >= total and accounted() >= total and \
                (self.errors == 0 or not self.missing())
        self.until(more, seconds, "exchange")

    def pairs(self):
        """Those of whom both are logged in and there."""
        def here(member):
            return not member.ended and member.step == len(member.STEPS)
        return [(a, b) for a, b in zip(self.members[::2], self.members[1::2])
                if here(a) and here(b)]

    def chat(self, over, window=3, seconds=600):
        """All pairs talk, each with a few messages under way, until over();
        then until each living pair has all it was sent."""
        def talk():
            for pair in self.pairs():
                for member, partner in (pair, pair[::-1]):
                    if member.sent - len(partner.got) < window:
                        member.send(1)
                        self.write(member)
            return over()
        def settled():
            return all(a.sent == len(b.got) and b.sent == len(a.got)
                       for a, b in self.pairs())
        self.until(talk, seconds, "the end of the chat")
        self.until(settled, seconds, "what is still under way")

    def missing(self):
        """(sender, number) of what was neither delivered nor returned."""
        lost = []
        for member in self.members:
            known = set(self.members[member.number ^ 1].got)
            known.update(member.errors)
            lost += [(member.jid, n) for n in range(member.sent)
                     if n not in known]
        return lost

    def twice(self):
        return [(m.jid, len(m.got) - len(set(m.got))) for m in self.members
                if len(m.got) != len(set(m.got))]

    def disorder(self):
        """(receiver, earlier, later): a smaller number behind a larger."""
        return [(m.jid, a, b) for m in self.members
                for a, b in zip(m.got, m.got[1:]) if b < a]

    def crossings(self, books):
        """How many messages came behind a later one because the server sent
        the two over different links, as its books (`numbers`) say; whatever
        came so by one link is our fault."""
        count = 0
        for receiver, earlier, later in self.disorder():
            number = int(receiver.split("@")[0][4:]) ^ 1
            via = books[f"user{number}@xmpp.example/load"]["via"]
            starts = [first for first, _ in via]
            links = [via[bisect.bisect_right(starts, at) - 1][1]
                     for at in (earlier, later)]
            if links[0] == links[1]:
                raise AssertionError(
                    f"{receiver}: {later} came behind {earlier} by one link")
            count += 1
        return count

    def close(self):
        for member in self.members:
            member.socket.close()
        self.selector.close()
