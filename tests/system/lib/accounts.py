# SPDX-License-Identifier: Apache-2.0
"""What became of numbered stanzas, by the books of both ends: of a crowd
(crowd_process.py) and of a stand-in server, which was told `resend off`."""

import bisect
import collections

NO_BOOK = {"count": 0, "missing": [], "twice": 0, "disorder": 0,
           "unreached": [], "via": [[0, 0]]}
SHOWN = 8  # numbers of a row


def numbers(book):
    return set(range(book["count"])) - set(book["missing"])


def by_one_link(via, turn):
    """Did the server send both by the same one?"""
    starts = [first for first, _ in via]
    links = {via[bisect.bisect_right(starts, number) - 1][1]
             for number in turn}
    return len(links) == 1


class Accounts:
    """`sums` has how much of each figure there is, `rows` who adds to it, as
    (figure, whom it concerns, what of it).

    sessions_lost: their streams ended; unanswered: they wait for an answer. Up,
    until the server has read it: lost_up (neither read nor returned),
    doubled_up, reordered_up. Down, what the kernel of this side has
    acknowledged: lost_down, doubled_down, reordered_down (sent by one link).
    crossed: for somebody else, from somebody else, or never sent. No fault, but
    told: returned, returned_though_read, unreached (not acknowledged when its
    link died, whether or not it was here).

    excused: ports of clients whose worker was killed; nothing that they lost
    is counted."""

    def __init__(self, members, server, excused=()):
        self.sums, self.rows = collections.Counter(), []
        self.excused = set(excused)
        for number, member in enumerate(members):
            book = server.get(member["jid"], NO_BOOK)
            if member["end"] and member["port"] not in self.excused:
                self.add("sessions_lost", member, [member["end"]])
            if member["waits"]:
                self.add("unanswered", member, ["?"])
            self.judge_up(member, book)
            self.judge_down(members[number ^ 1], book)

    def add(self, figure, member, found):
        if found:
            self.sums[figure] += len(found)
            self.rows.append((figure, member["jid"], sorted(found)))

    def judge_up(self, sender, book):
        read, returned = numbers(book), set(sender["returned"])
        if not sender["end"]:
            self.add("lost_up", sender,
                     set(range(sender["sent"])) - read - returned)
        self.add("doubled_up", sender, ["?"] * book["twice"])
        self.add("reordered_up", sender, ["?"] * book["disorder"])
        self.sums["returned"] += len(returned)
        self.sums["returned_though_read"] += len(returned & read)

    def judge_down(self, receiver, book):
        read, got = numbers(book), numbers(receiver)
        reached = read - set(book["unreached"])
        if not receiver["end"]:
            self.add("lost_down", receiver, reached - got)
        self.add("doubled_down", receiver, receiver["twice"])
        self.add("reordered_down", receiver,
                 [turn for turn in receiver["turned"]
                  if by_one_link(book["via"], turn)])
        self.add("crossed", receiver,
                 ["foreign"] * receiver["foreign"] + [
                     f"never sent: {number}" for number in got - read])
        self.sums["unreached"] += len(book["unreached"])

    def story(self, most=20):
        """Lines: the first rows of each figure."""
        lines = []
        for figure in sorted({row[0] for row in self.rows}):
            rows = [row for row in self.rows if row[0] == figure]
            lines += [f"{figure} {jid}: {len(found)}: "
                      + " ".join(map(str, found[:SHOWN]))
                      + " ..." * (len(found) > SHOWN)
                      for _, jid, found in rows[:most]]
            if len(rows) > most:
                lines.append(f"{figure}: and {len(rows) - most} more")
        return lines
