#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What operators see of the way up: which link hangs, how soon, and how much
is where in links and lanes."""

import os
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from operator_scene import OperatorScene  # noqa: E402

LINKS, LANES = 5, 16
NAMED_S = 5  # what is promised: a server that stands still is named
SLACK = 10   # so many times as long may a slow machine take
SAID = "the server is not responding"


class WayUp(OperatorScene):
    def stand_still(self):
        pid = self.server.process.pid
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)

    def go_on(self):
        os.kill(self.server.process.pid, signal.SIGCONT)
        self.until(lambda: self.states() == ["serving"] * LINKS,
                   "it does not serve again")

    def states(self):
        return [row["state"] for row in self.rows("links")]

    def said(self):
        """Of how many links the latest errors say so."""
        return len({word for row in self.rows("errors")
                    if SAID in row["text"] for word in row["text"].split()
                    if word.startswith("link=")})

    def until_named(self, how, begun):
        """In both places, within the time."""
        for place, named in (
                ("show links", lambda: self.states() == ["hanging"] * LINKS),
                ("show errors", lambda: self.said() == LINKS)):
            self.until(named, f"{place} does not name it", NAMED_S * SLACK)
            print(f"{how}: named in {place} after"
                  f" {time.monotonic() - begun:.1f} s", file=sys.stderr)

    def settled(self):
        """Nothing is on its way any more, and that was seen later than now:
        each link has been asked anew and has answered."""
        def answered():
            return [row["barriers_answered"] for row in self.rows("links")]
        before = answered()

        def nothing():
            if any(now < then + 2 for now, then in zip(answered(), before)):
                return False
            links, lanes = self.rows("links"), self.rows("lanes")
            return not any(row["unconfirmed_entries"] or row["unconfirmed_bytes"]
                           for row in links + lanes) and not any(
                row["unsent_entries"] or row["unsent_bytes"] or
                row["uncollected_bytes"] or row["oldest_s"] for row in lanes)
        self.until(nothing, "something is still on its way")

    # --- a server that hangs ---

    def test_a_server_that_stands_still_is_named_soon(self):
        """On quiet links, too, where nothing but checks is sent."""
        self.begin_operated()
        alice = self.client("alice")
        alice.ping()
        begun = time.monotonic()
        self.stand_still()
        self.until_named("stopped", begun)
        for row in self.rows("links"):
            self.assertGreaterEqual(row["silent_s"], 2)
            self.assertGreaterEqual(row["open_barriers"], 1)
            self.assertGreater(row["barriers_sent"], row["barriers_answered"])
        self.assertEqual(self.info()["links"], LINKS, "one was given up")
        self.go_on()
        alice.ping()
        for row in self.rows("links"):
            self.assertLess(row["silent_s"], NAMED_S)
            self.assertGreater(row["barriers_answered"], 0)
            self.assertGreater(row["round_trip_us"], 0)

    def test_a_server_that_says_nothing_more_is_named_soon(self):
        server, _ = self.begin_operated()
        begun = time.monotonic()
        server.command("stall all write")
        self.until_named("stalled", begun)
        server.command("stall all none")
        self.until(lambda: self.states() == ["serving"] * LINKS)

    # --- lanes ---

    def test_lanes_and_links_add_up(self):
        self.begin_operated(**{"xmpp.server.barrier": 0.2})
        clients = [self.client(f"user{number}") for number in range(24)]
        for client in clients:
            client.ping()
        self.settled()
        self.until(lambda: [(row["lane"], row["link"], row["state"])
                            for row in self.rows("lanes")] ==
                   [(lane, str(lane % LINKS), "carried")
                    for lane in range(LANES)], "a lane is not at home")
        self.assertEqual([row["lanes"] for row in self.rows("links")],
                         [len(range(link, LANES, LINKS))
                          for link in range(LINKS)])
        self.stand_still()
        text = "<message to='b@xmpp.example'><body>%s</body></message>"
        for client in clients:
            client.send(text % ("x" * 1000))
        used = {row["lane"] for row in self.rows("sessions")}
        self.until(lambda: self.loaded() >= used, "not all are sent")
        self.assert_sums(24, 24 * 1000)
        self.until(lambda: all(row["oldest_s"] >= 2 for row in
                               self.rows("lanes") if row["lane"] in used))
        metrics = self.cmctl("show", "metrics").splitlines()
        self.assertIn("cmanager_unconfirmed_bytes %d" % sum(
            row["unconfirmed_bytes"] for row in self.rows("lanes")), metrics)
        self.go_on()
        self.settled()
        self.assertIn("cmanager_unconfirmed_bytes 0\n",
                      self.cmctl("show", "metrics"))

    def loaded(self):
        return {row["lane"] for row in self.rows("lanes")
                if row["unconfirmed_entries"]}

    def assert_sums(self, entries, least):
        """So many entries are unconfirmed, of links as of lanes."""
        def sums():
            links, lanes = self.rows("links"), self.rows("lanes")
            return [(sum(row["unconfirmed_entries"] for row in rows),
                     sum(row["unconfirmed_bytes"] for row in rows))
                    for rows in (links, lanes)]
        self.until(lambda: [count for count, _ in sums()] == [entries] * 2,
                   f"{entries} should be unconfirmed")
        (_, of_links), (_, of_lanes) = sums()
        self.assertEqual(of_links, of_lanes)
        self.assertGreater(of_lanes, least)

    def test_lanes_without_a_link_say_so(self):
        server, _ = self.begin_operated(**{"xmpp.server.grace": 60})
        server.command("listen off")
        server.command("cut all rst")
        self.until(lambda: {(row["link"], row["state"])
                            for row in self.rows("lanes")} ==
                   {("none", "homeless")}, "they still have one")
        self.until(lambda: {row["lanes"] for row in self.rows("links")} ==
                   {0}, "a link still has one")
        server.command("listen on")
        self.until(lambda: {row["state"] for row in self.rows("lanes")} ==
                   {"carried"}, "they stay without")


if __name__ == "__main__":
    unittest.main()
