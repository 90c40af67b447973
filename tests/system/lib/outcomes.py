# SPDX-License-Identifier: Apache-2.0
"""What became of each of many numbered messages, sent at an even pace while
something happens to the server."""

import re
import time

from crowd import CHAT, Crowd

COLUMNS = ("sent", "delivered", "stored", "told", "told_too", "ended",
           "counted", "doubled", "silent")
# Counters of what nobody can be told any more.
COUNTED = re.compile(r"^(?!links_|closed_).*_lost$|^stanzas_given_up$")
PAD = "x" * 400


class Load(Crowd):
    """Each member sends `rate` messages a second to its partner."""

    def __init__(self, port, count, rate):
        super().__init__(port, count)
        self.pause, self.due = 1 / rate, {}

    def talk(self):
        now = time.monotonic()
        for member in self.members:
            if member.ended or member.out or member.stream_end or \
                    now < self.due.get(member.number, 0):
                continue
            self.due[member.number] = now + self.pause
            partner = self.members[member.number ^ 1]
            member.out += CHAT.format(
                to=partner.jid, number=member.sent).replace(
                    "</body>", PAD + "</body>").encode()
            member.sent += 1
            self.write(member)

    def talk_until(self, over, seconds, what):
        """They talk until over() says so."""
        end = time.monotonic() + seconds
        while not over():
            if time.monotonic() > end:
                raise AssertionError(f"too late: {what}")
            self.talk()
            self.turn(0.01)

    def talk_for(self, seconds):
        end = time.monotonic() + seconds
        self.talk_until(lambda: time.monotonic() > end, seconds + 60, "-")

    def settle(self, quiet_s, seconds=60):
        """Returns when nothing has come for a while, or all has."""
        end, seen, since = time.monotonic() + seconds, None, 0
        while time.monotonic() < end and self.missing():
            now = (self.delivered, self.errors,
                   sum(m.ended for m in self.members))
            if now != seen:
                seen, since = now, time.monotonic()
            elif time.monotonic() - since > quiet_s:
                return
            self.turn(0.05)


def stored_by(folder):
    """(to, id) of all that a Prosody keeps for those who were away."""
    found = set()
    for path in folder.glob("data/*/offline/*.list"):
        for entry in path.read_text(errors="replace").split("item({")[1:]:
            to = re.search(r'\["to"\] = "([^"]+)"', entry)
            number = re.search(r'\["id"\] = "num-(\d+)"', entry)
            if to and number:
                found.add((to[1], int(number[1])))
    return found


def metrics(text):
    """Each with all its labels taken together."""
    sums = {}
    for name, value in re.findall(
            r"^cmanager_(\w+?)(?:_total)?(?:\{[^}]*\})? ([\d.e+]+)$", text,
            re.MULTILINE):
        sums[name] = sums.get(name, 0) + int(float(value))
    return sums


def counted(before, after):
    """Messages that nobody could be told of any more: one by one, and those
    behind the end of our stream as bytes, of which each has as many as PAD."""
    grown = {name: after[name] - before.get(name, 0) for name in after}
    return sum(value for name, value in grown.items() if COUNTED.match(name)) \
        + grown.get("unread_bytes", 0) // len(PAD)


def judge(load, before, after, stored=(), books=None):
    """A row of the table. books: of a stand-in, which knows what it read."""
    row = dict.fromkeys(COLUMNS, 0)
    unknown = []
    for member in load.members:
        partner = load.members[member.number ^ 1]
        got, told = set(partner.got), set(member.errors)
        mine = (books or {}).get(member.jid)
        read = set(range(mine["count"])) - set(mine["missing"]) \
            if mine else set()
        row["sent"] += member.sent
        row["doubled"] += len(partner.got) - len(got)
        row["doubled"] += mine["twice"] if mine else 0
        for number in range(member.sent):
            kept = (partner.jid, number) in stored or number in read - got
            if number in got:
                row["delivered"] += 1
                row["told_too"] += number in told
            elif kept and (partner.ended or partner.stream_end or
                           number in told):
                row["stored"] += 1
                row["told_too"] += number in told
            elif number in told:
                row["told"] += 1
            else:
                unknown.append((member.jid, number))
    row["ended"] = sum(bool(m.stream_end) or m.ended for m in load.members)
    row["counted"] = counted(before, after)
    row["silent"] = max(0, len(unknown) - row["counted"])
    row["unknown"] = unknown
    return row


def table(rows):
    """As text: one line for each (name, row)."""
    width = max(len(name) for name, _ in rows)
    lines = [" ".join([" " * width] + [f"{c:>9}" for c in COLUMNS])]
    lines += [" ".join([name.ljust(width)]
                       + [f"{row[c]:>9}" for c in COLUMNS])
              for name, row in rows]
    return "\n".join(lines)
