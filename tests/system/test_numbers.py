#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""200 clients on 2 workers and 5 links exchange 20,000 numbered messages:
while nothing happens, while a link is cut, while one leaves and one joins."""

import bisect
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from crowd import Crowd  # noqa: E402
from scene import DIALECTS, Scene  # noqa: E402

CLIENTS, EACH = 200, 100
# At most so many barriers of a link wait for their answers: who asks one more
# has read the answer of the one so many before it.
BARRIERS_OUTSTANDING = 4


class Numbers(Scene):
    def crowd(self):
        crowd = Crowd(self.daemon.plain, CLIENTS)
        self.addCleanup(crowd.close)
        return crowd.login()

    def assert_once(self, crowd):
        """Down: nothing twice; what the server itself sent over two links
        may cross, nothing else."""
        self.assertEqual(crowd.twice(), [])
        books = self.server.query("numbers")
        return books, crowd.crossings(books)

    def assert_nobody_left(self, crowd):
        self.assertEqual([m.jid for m in crowd.members if m.ended], [])

    def test_nothing_is_lost_doubled_or_disordered(self):
        for dialect in DIALECTS:
            with self.subTest(dialect):
                self.begin(dialect)
                crowd = self.crowd()
                crowd.exchange(EACH)
                self.assertEqual((crowd.delivered, crowd.errors),
                                 (CLIENTS * EACH, 0))
                _, crossed = self.assert_once(crowd)
                if dialect != "3.6":  # which takes any link for any packet
                    self.assertEqual(crossed, 0)
                self.assert_clean()
                crowd.close()
                self.server.wait("sessions", "=", 0)
                self.end()

    def assert_was_unconfirmed(self, came, number, victim):
        """Read by the link that died, and by no barrier known to be."""
        at = bisect.bisect_right([run[0] for run in came], number) - 1
        _, link, barriers = came[at]
        self.assertEqual(link, victim["number"], "an error of another link")
        self.assertGreater(barriers + 1 + BARRIERS_OUTSTANDING,
                           victim["barriers"], "an error of what is confirmed")

    def assert_booked(self, member, mine, victim):
        """Up: nothing twice or out of order, an error for all that is not
        there. How many errors were about what is there: of the link that was
        cut, and not confirmed."""
        self.assertEqual(mine["twice"], 0, f"{member.jid} came up twice")
        self.assertEqual(mine["disorder"], 0,
                         f"{member.jid} came up out of order")
        missing = set(mine["missing"]).union(range(mine["count"], EACH))
        self.assertEqual(len(member.errors), len(set(member.errors)))
        self.assertLessEqual(missing, set(member.errors),
                             "not there and no error")
        delivered_too = set(member.errors) - missing
        for number in delivered_too:
            self.assert_was_unconfirmed(mine["came"], number, victim)
        return len(delivered_too)

    def cut(self, dialect, how, tls="none"):
        options = {"xmpp.server.tls": tls,
                   "xmpp.server.certificate.verify": "false"}
        server, _ = self.begin(
            dialect, options,
            tls="disabled" if tls == "none" else "required")
        crowd = self.crowd()
        victim = {}

        def half_way():
            victim.update(server.links()[2])
            server.command(f"cut {victim['number']} {how}")

        crowd.exchange(EACH, half_way)
        crowd.until(lambda: crowd.delivered == server.stats()["numbered_up"],
                    30, "what the server has read")
        books, crossed = self.assert_once(crowd)
        server.wait("links_total", ">", 5)
        server.wait("links_ready", "=", 5)
        delivered_too = sum(
            self.assert_booked(member, books[member.jid], victim)
            for member in crowd.members)
        self.assert_nobody_left(crowd)
        self.assert_clean()
        print(f"{dialect} {how} {tls}: {crowd.errors} errors, "
              f"{delivered_too} of them for delivered ones, {crossed} crossed",
              file=sys.stderr)

    def test_a_link_is_reset_half_way(self):
        for dialect in ("4.7", "4.9", "5.1"):
            with self.subTest(dialect):
                self.cut(dialect, "rst")
                self.end()

    def test_a_link_is_closed_half_way(self):
        self.cut("5.1", "fin")

    def test_a_link_over_tls_is_reset_half_way(self):
        self.cut("5.1", "rst", "required")

    def test_one_link_leaves_and_another_joins(self):
        for dialect in ("4.7", "5.1"):
            with self.subTest(dialect):
                server, _ = self.begin(dialect)
                crowd = self.crowd()

                def half_way():
                    server.command(
                        f"retire {server.links()[1]['number']}")

                crowd.exchange(EACH, half_way)
                server.wait("links_ready", "=", 5)
                self.assertEqual(crowd.errors, 0)
                self.assertEqual(crowd.delivered, CLIENTS * EACH)
                books, _ = self.assert_once(crowd)
                for jid, mine in books.items():
                    self.assertEqual(
                        (mine["missing"], mine["twice"], mine["disorder"]),
                        ([], 0, 0), jid)
                self.assert_nobody_left(crowd)
                self.assert_clean()
                self.end()

    def test_the_server_speaks_faster_than_clients(self):
        server, _ = self.begin()
        crowd = self.crowd()
        server.command("load 100 200")
        crowd.until(lambda: crowd.delivered == CLIENTS * 100, 60, "load")
        for member in crowd.members:
            self.assertEqual(member.got, list(range(100)))


if __name__ == "__main__":
    unittest.main()
