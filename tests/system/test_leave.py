#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients end while messages are on their way to them: each is acknowledged,
or comes back once, before the close, and none is late."""

import os
import pathlib
import re
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from crowd import Crowd  # noqa: E402
from leavers import Leaver  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S  # noqa: E402


FIRE = "load 900000 200 500"  # to each, numbers, bytes, a second


def numbers(runs):
    return {number for first, last in runs
            for number in range(first, last + 1)}


class Leave(OperatorScene):
    def begin_with(self, count, dialect="5.1", **options):
        self.begin_operated({"dialect": dialect}, **options)
        self.leavers = []
        for number in range(count):
            self.join(number)

    def join(self, number, **how):
        """Every other one has TLS."""
        direct = number % 2 == 1
        leaver = Leaver(self.daemon.direct if direct else self.daemon.plain,
                        f"u{number}", direct, **how)
        self.addCleanup(leaver.client.close)
        self.leavers.append(leaver)
        return leaver

    def counters(self):
        """The sums over all processes."""
        found = re.findall(r"^cmanager_(\w+?)(?:_total)? (\d+)$",
                           self.cmctl("show", "metrics"), re.M)
        return {name: int(value) for name, value in found}

    def expect_over(self):
        self.server.wait("sessions", "=", 0)
        for leaver in self.leavers:
            if leaver.reader:
                self.assertTrue(leaver.ended.wait(PATIENCE_S), leaver.jid)

    def expect_all_told(self, disorder=0):
        """The books of both sides agree."""
        deliveries = self.server.query("deliveries")
        returned = 0
        for leaver in self.leavers:
            books = deliveries[leaver.jid]
            sent, back = numbers(books["sent"]), numbers(books["returned"])
            came = leaver.acknowledged()
            self.assertEqual(came & back, set(), leaver.jid)
            self.assertEqual(sent - came - back, set(), leaver.jid)
            self.assertEqual(books["twice"], 0)
            self.assertEqual(books["disorder"], disorder)
            returned += len(back)
        counters = self.counters()
        self.assertEqual(counters["late_messages"], 0)
        self.assertEqual(self.server.stats()["failed_not_found"], 0)
        self.assert_clean()
        return returned, counters

    def report(self, returned, counters):
        print(f"sent {self.server.stats()['numbered_down']}, "
              f"returned {returned}, late_messages "
              f"{counters['late_messages']}, leaves_cut_short "
              f"{counters['leaves_cut_short']}", file=sys.stderr)

    # --- under fire ---

    def kill(self, leaver):
        self.cmctl("kill", "jid", leaver.jid.partition("/")[0])

    def leave_one_after_another(self):
        ways = (Leaver.say_goodbye, Leaver.half_close, Leaver.die, self.kill)
        threads = []
        for number, leaver in enumerate(self.leavers):
            thread = threading.Thread(
                target=ways[number // 2 % len(ways)], args=(leaver,))
            thread.start()
            threads.append(thread)
            time.sleep(0.05)
        for thread in threads:
            thread.join()

    def leave_under_fire(self, dialect):
        self.begin_with(16, dialect)
        for leaver in self.leavers:
            leaver.read()
        self.server.command(FIRE)
        self.server.wait("numbered_down", ">", 1000)
        self.leave_one_after_another()
        self.expect_over()
        returned, counters = self.expect_all_told()
        self.report(returned, counters)
        self.assertEqual(counters["leaves_cut_short"], 0)

    def test_who_leaves_under_fire_loses_nothing(self):
        self.leave_under_fire("5.1")

    def test_nor_with_an_old_server(self):
        self.leave_under_fire("4.1")

    # --- unread data ---

    def test_what_the_killed_did_not_acknowledge_comes_back(self):
        """Half of them with a full window; of the others some is on its way."""
        self.begin_with(0)
        for number in range(8):
            self.join(number, buffer=8192 if number // 2 % 2 else None)
        self.server.command("load 30 1000")
        self.server.wait("load", "=", 0)
        self.until(lambda: self.counters()["stanzas_down"] >= 8 * 30,
                   "not all was delivered")
        for number, leaver in enumerate(self.leavers):
            if not number // 2 % 2:
                leaver.cut_off()
        self.server.command("load 330 1000 0 30")
        self.server.wait("load", "=", 0)
        self.until(lambda: self.counters()["stanzas_down"] >= 8 * 330,
                   "not all was delivered")
        for leaver in self.leavers:
            leaver.die()
        self.expect_over()
        returned, counters = self.expect_all_told()
        self.report(returned, counters)
        deliveries = self.server.query("deliveries")
        for leaver in self.leavers:
            back = numbers(deliveries[leaver.jid]["returned"])
            self.assertGreater(len(back), 200, leaver.jid)

    # --- many, and without a server ---

    def test_a_drain_loses_nothing(self):
        self.begin_with(16, **{"drain.window": 1})
        for leaver in self.leavers:
            leaver.read()
        self.server.command(FIRE)
        self.server.wait("numbered_down", ">", 1000)
        self.cmctl("drain", "all", "1")
        self.expect_over()
        self.report(*self.expect_all_told())

    def test_a_worker_that_is_killed_meanwhile_costs_what_it_read(self):
        """Its successor's clients, and the server, notice nothing else."""
        self.begin_with(8)
        for leaver in self.leavers:
            leaver.read()
        self.server.command(FIRE)
        self.server.wait("numbered_down", ">", 1000)
        for pid in self.daemon.workers():
            self.daemon_kill(pid)
        self.expect_over()
        deliveries = self.server.query("deliveries")
        for leaver in self.leavers:
            books = deliveries[leaver.jid]
            missing = numbers(books["sent"]) - leaver.acknowledged() \
                - numbers(books["returned"])
            self.assertEqual(missing, set(), leaver.jid)
            self.assertEqual(books["twice"], 0)
            self.assertEqual(books["disorder"], 0)
        self.assertEqual(self.counters()["late_messages"], 0)

    @staticmethod
    def daemon_kill(pid):
        os.kill(pid, signal.SIGKILL)

    def test_upstream_is_killed_meanwhile(self):
        self.begin_with(12)
        for leaver in self.leavers:
            leaver.read()
        self.server.command(FIRE)
        self.server.wait("numbered_down", ">", 1000)
        going = threading.Thread(target=self.leave_one_after_another)
        going.start()
        for _ in range(3):
            time.sleep(0.2)
            self.daemon_kill(self.daemon.upstream())
        going.join()
        self.expect_over()
        self.report(*self.expect_all_told())

    def test_without_links_nobody_waits_for_ever(self):
        self.begin_with(4, **{"xmpp.server.grace": 1})
        self.server.command("listen off")
        begun = time.monotonic()
        for leaver in self.leavers[:2]:
            leaver.read()
            self.kill(leaver)
        self.server.command("cut all")
        for leaver in self.leavers[2:]:
            leaver.read()
        for leaver in self.leavers:
            self.assertTrue(leaver.ended.wait(PATIENCE_S))
        self.until(lambda: not self.rows("sessions"), "sessions stay")
        self.assertLess(time.monotonic() - begun, 8)

    def stop_with(self, crowd):
        """SIGTERM; how long it takes."""
        begun = time.monotonic()
        self.daemon.process.send_signal(signal.SIGTERM)
        crowd.until(lambda: all(member.ended for member in crowd.members),
                    PATIENCE_S, "the end of all streams")
        self.assertEqual(self.daemon.process.wait(PATIENCE_S), 0)
        return time.monotonic() - begun

    def test_a_thousand_leave_at_once(self):
        """In the time that a stop has, through rings with little room."""
        self.begin_operated(**{"rings.up": 262144, "stop.timeout": 20,
                               "xmpp.parser.buffer.size": 40960})
        crowd = Crowd(self.daemon.plain, 1000).login()
        for member in crowd.members:
            member.out += b"<presence/>"
            crowd.write(member)
        crowd.until(lambda: self.server.stats()["available"] == 1000,
                    PATIENCE_S, "presence")
        took = self.stop_with(crowd)
        print(f"a thousand stopped after {took:.1f} s", file=sys.stderr)
        self.assertLess(took, 18)
        self.assertEqual(self.server.stats()["sessions"], 0)
        self.assertNotIn("sessions are left open", self.daemon.tail())
        self.assert_clean()

    def test_a_stop_is_not_held_up(self):
        self.begin_with(16)
        for leaver in self.leavers:
            leaver.read()
        self.server.command(FIRE)
        self.server.wait("numbered_down", ">", 1000)
        begun = time.monotonic()
        self.daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.process.wait(PATIENCE_S), 0)
        took = time.monotonic() - begun
        print(f"stopped after {took:.1f} s", file=sys.stderr)
        self.assertLess(took, 9)
        self.assertEqual(self.server.stats()["sessions"], 0)


if __name__ == "__main__":
    unittest.main()
