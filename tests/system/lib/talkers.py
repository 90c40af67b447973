# SPDX-License-Identifier: Apache-2.0
"""Pairs that talk without an end, whatever happens to them: each message names
who it is from and for, who is lost logs in again, and a talker is well when
it has heard a few in a row."""

import re
import secrets
import socket
import time

from crowd import STREAM_END, Crowd, Member

WHOLE = re.compile(rb"<message ([^>]*)>(.*?)</message>", re.DOTALL)
WORDS = re.compile(rb"for ([0-9a-f]{16}) from ([0-9a-f]{16}) number (\d+);")
SAY = ("<message to='{to}' type='chat'><body>for {to_name} from {name} "
       "number {number};</body></message>")
IN_A_ROW = 8
AGAIN_S = 0.3    # nobody waits longer for a message that may be lost
LOGIN_S = 5      # nor for a log-in
TURN_S = 0.01


class Talker(Member):
    def __init__(self, crowd, number, port):
        super().__init__(crowd, number, port)
        self.user = secrets.token_hex(8)  # no few bits make it another's
        self.jid = f"{self.user}@xmpp.example/load"
        self.born = self.said_at = time.monotonic()
        self.last, self.row, self.since = -1, 0, 0

    def is_in(self):
        return self.step == len(self.STEPS) and not self.ended

    def forget(self, since):
        """What counts from now on is what its partner says from then on."""
        self.row, self.since = 0, since

    def read_messages(self):
        end = 0
        for found in WHOLE.finditer(self.buffer):
            end = found.end()
            words = WORDS.search(found.group(2))
            if words:
                receiver, sender = (at.decode() for at in words.groups()[:2])
                self.hear(receiver, sender, int(words.group(3)), found)
        if STREAM_END.search(self.buffer, end):
            self.stream_end += self.buffer[end:]
        self.buffer = self.buffer[end:]

    def hear(self, receiver, sender, number, found):
        if sender == self.user:
            return  # its own comes back
        if receiver != self.user:
            if receiver in self.crowd.users:
                self.crowd.wrong.append((self.user, found.group(0)))
            return
        self.crowd.delivered += 1
        partner = self.crowd.members[self.number ^ 1]
        if sender != partner.user or number < self.since:
            return
        self.row = self.row + 1 if number == self.last + 1 else 1
        self.last = number

    def talk(self, now):
        partner = self.crowd.members[self.number ^ 1]
        if not self.is_in() or not partner.is_in() or self.out:
            return
        heard = partner.last == self.sent - 1
        if now - self.said_at < (TURN_S if heard else AGAIN_S):
            return
        self.said_at = now
        self.out += SAY.format(to=partner.jid, to_name=partner.user,
                               name=self.user, number=self.sent).encode()
        self.sent += 1
        self.crowd.write(self)


class Talkers(Crowd):
    """`wrong`: (user, element) of what was heard by whom it is not for."""

    def __init__(self, port, count):
        self.port, self.users, self.wrong, self.lost = port, set(), [], 0
        super().__init__(port, count)

    def add(self, port, count):
        for number in range(len(self.members), len(self.members) + count):
            self.members.append(None)
            self.replace(number)

    def replace(self, number):
        """A new one in the place of one that has gone."""
        former = self.members[number]
        if former and not former.ended:
            self.selector.unregister(former.socket)
            former.socket.close()
        try:
            member = Talker(self, number, self.port)
        except OSError:
            if former:
                former.ended = True
            return
        self.members[number] = member
        self.users.add(member.user)
        self.selector.register(member.socket, 3, member)
        partner = self.members[number ^ 1] \
            if number ^ 1 < len(self.members) else None
        if partner:
            partner.sent, partner.last = 0, -1
            partner.forget(0)

    def step(self):
        now = time.monotonic()
        for number, member in enumerate(self.members):
            if member is None or member.ended or (
                    not member.is_in() and now - member.born > LOGIN_S):
                self.lost += 1
                self.replace(number)
            else:
                member.talk(now)
        self.turn(TURN_S)

    def forget(self):
        for number, member in enumerate(self.members):
            member.forget(self.members[number ^ 1].sent)

    def are_well(self):
        return all(member and member.is_in() and member.row >= IN_A_ROW
                   for member in self.members)

    def unwell(self):
        return [(m.user, m.is_in(), m.ended, m.row, m.sent,
                 m.stream_end[-200:])
                for m in self.members if not m.is_in() or m.row < IN_A_ROW]
