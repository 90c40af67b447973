#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pairs of clients, half of all over TLS, exchange numbered messages and
requests at a pace, over 2 workers and 5 links, while processes are killed at
random instants. At the end the books of both ends are compared. The last line:

  kills=N sessions_lost=0 stanzas_lost=0 doubled=0 reordered=0 cross_delivered=0

What the figures mean, lib/accounts.py says. CM_MATRIX_KILLS, _CLIENTS, _RATE
(stanzas a second, all together), _LEAST_RATE (up and down together, before the
first kill) and _VICTIMS (of upstream, worker, link and crowded, which is upstream
while a worker's ring is full and a link was lost, each as often as it is named)
change it; CM_SEED repeats instants and choices. Further victims are paused2,
paused20 and paused40: the server stands still for so many seconds.

With CM_MATRIX_POINTS upstream then kills itself so often, at least, each time at
one of its kill points: in build/killpoints only. What these were, and how often,
stands before the last lines. Behind one of CM_MATRIX_CUTS of these deaths a link
is cut, too. With CM_MATRIX_FAULTS it dies at so many points where the
simulator killed it, after as many passings, and links are cut in between where
the simulator reset some (tests/simulation/fault_list.h). With CM_MATRIX_MINUTES it goes on with all victims for so long,
whichever comes, upstream at its kill points among them."""

import contextlib
import os
import pathlib
import random
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from accounts import Accounts  # noqa: E402
from crowd_process import CrowdProcess  # noqa: E402
from fake_openfire import NoSuchLink  # noqa: E402
from growing_log import GrowingLog  # noqa: E402
from kill_points import HAS_POINTS, READY, KillPoints, faults, table  # noqa: E402
from processes import client_ports  # noqa: E402
from scene import Scene  # noqa: E402

# Each figure: to which of the last line it adds, and whether it must be zero.
FIGURES = {
    "sessions_lost": ("sessions_lost", True),
    "unanswered": ("stanzas_lost", True),
    "lost_up": ("stanzas_lost", True),
    "lost_down": ("stanzas_lost", True),
    "doubled_up": ("doubled", True),
    "doubled_down": ("doubled", True),
    "reordered_up": ("reordered", True),
    "reordered_down": ("reordered", True),
    "crossed": ("cross_delivered", True),
}


def setting(name, default):
    return os.environ.get(f"CM_MATRIX_{name}", default)


POINTS = int(setting("POINTS", 0))
CUTS = int(setting("CUTS", 5))
FAULTS = int(setting("FAULTS", 0))
MINUTES = float(setting("MINUTES", 0))
KILLS = int(setting("KILLS", 0 if POINTS or FAULTS or MINUTES else 100))
CLIENTS = int(setting("CLIENTS", 1000))
RATE = int(setting("RATE", 1000))
LEAST_RATE = int(setting("LEAST_RATE", 0))
LEAST_RATE_MEANWHILE = 0  # while there are kills
CALM_S = 1
VICTIMS = setting("VICTIMS", "upstream").split(",")
# For MINUTES, each as often as it stands here.
ALL_VICTIMS = (["upstream"] * 40 + ["link"] * 20 + ["worker"] * 4
               + ["points"] * 4 * HAS_POINTS + ["paused2"] * 4
               + ["paused20", "paused40"])
POINTS_AT_ONCE, WORKERS_A_MINUTE = 20, 12
FAULTS_AT_ONCE = 40  # that have room in the file of orders
# One process passes so many points in about a second.
POINTS_OF_STANZA = 60
# Seconds from one kill to the next: never more than ten a second, since the
# master then waits. Whatever the successor is at then; but one of so many kills
# comes when stanzas go through again, as long as the waits for that take no
# more than so long for each kill.
PAUSE_S, LATER_S = (1 / 8, 1 / 4), (0, 1 / 10)
ONE_OF, FLOW_S = 3, 0.15

# A worker reads nothing for so long, until its ring is full; so many kills then.
STOPPED_S, CROWDED_KILLS = 1.5, 4
# A server that stands still for longer than hang.timeout costs all links, and no
# session as long as grace lasts.
LONG_GRACE = {"xmpp.server.grace": 120}
SMALL_RINGS = {"rings.down": 1 << 18, "xmpp.server.item.max": 1 << 16}

last_lines = []


class KillMatrix(Scene):
    def begin_crowd(self):
        self.points = KillPoints(self.directory.name, self.seed,
                                 POINTS_OF_STANZA * RATE)
        self.begin(options={"xmpp.server.backoff.max": 1, **LONG_GRACE,
                            **(SMALL_RINGS if "crowded" in VICTIMS else {})})
        self.server.command("resend off")
        self.log = GrowingLog(self.daemon)
        self.addCleanup(self.log.close)
        self.starts = {name: self.log.count(f"ready process={name}")
                       for name in ("upstream", '"worker')}
        self.members, self.excused, self.kills = CLIENTS, set(), 0
        most = CLIENTS * (1 + KILLS * VICTIMS.count("worker")
                          + int(MINUTES * WORKERS_A_MINUTE))
        self.crowd = CrowdProcess(self.daemon.plain, self.daemon.direct, most)
        self.addCleanup(self.crowd.stop)
        self.crowd.grow(CLIENTS)

    def until_ready(self):
        """All that were killed have successors: one that dies before would not
        be replaced at once."""
        for name, times in self.starts.items():
            self.log.until(f"ready process={name}", times)

    def kill_upstream(self, _):
        os.kill(self.daemon.upstream(), signal.SIGKILL)
        self.starts["upstream"] += 1

    def kill_link(self, chance):
        links = [link for link in self.server.links() if link["ready"]]
        if links:
            # It may just have ended, with an upstream that died.
            with contextlib.suppress(NoSuchLink):
                self.server.command(f"cut {chance.choice(links)['number']} "
                                    + chance.choice(["rst", "fin"]))

    def kill_crowded(self, chance):
        """What upstream has for the worker waits, answers to what was lost
        with the link, too."""
        worker = chance.choice(self.daemon.workers())
        os.kill(worker, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        for _ in range(CROWDED_KILLS):
            self.kill_link(chance)
            self.kill_upstream(chance)
            self.log.until("ready process=upstream", self.starts["upstream"])
            time.sleep(chance.uniform(*PAUSE_S))
        os.kill(worker, signal.SIGCONT)
        self.until_it_flows()

    def kill_worker(self, chance):
        """Its clients are lost with it; others come in their place."""
        victim = chance.choice(self.daemon.workers())
        os.kill(victim, signal.SIGSTOP)
        self.excused |= client_ports(victim, self.daemon.ports())
        os.kill(victim, signal.SIGKILL)
        self.starts['"worker'] += 1
        self.until_ready()
        self.until_it_flows()
        missing = CLIENTS - 2 * self.crowd.sums()["pairs"]
        self.members += missing
        self.crowd.grow(self.members)

    def kill_paused(self, seconds):
        """The server's process, so that its kernel still takes what comes."""
        os.kill(self.server.process.pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(self.server.process.pid, signal.SIGCONT)
        self.until_it_flows()

    def kill_paused2(self, _):
        self.kill_paused(2)

    def kill_paused20(self, _):
        self.kill_paused(20)

    def kill_paused40(self, _):
        self.kill_paused(40)

    def kill_points(self, chance, times=POINTS_AT_ONCE):
        def meanwhile():
            if CUTS and chance.randrange(CUTS) == 0:
                self.kill_link(chance)
                self.kills += 1
        deaths = self.points.kill_itself(self.daemon, self.log, times,
                                         meanwhile)
        self.kills += deaths - 1
        self.starts["upstream"] = self.log.count(READY)

    def kill_as_simulated(self, chance):
        missed = 0
        for done in range(0, FAULTS, FAULTS_AT_ONCE):
            self.until_ready()
            deaths, late = self.points.replay(
                self.daemon, self.log,
                faults(1 + 1000 * (self.seed + done),
                       min(FAULTS_AT_ONCE, FAULTS - done)),
                lambda: self.kill_link(chance))
            self.kills, missed = self.kills + deaths, missed + late
        print(f"faults of the simulator: {FAULTS} points, {missed} not come to "
              "within a second", flush=True)
        self.starts["upstream"] = self.log.count(READY)

    def kill_one(self, chance, victims):
        self.until_ready()
        getattr(self, "kill_" + chance.choice(victims))(chance)
        self.kills += 1

    def seconds_to_flow(self, most):
        """Until the server hears something; at most so many."""
        began, before = time.monotonic(), self.server.stats()["numbered_up"]
        while self.server.stats()["numbered_up"] == before and \
                time.monotonic() - began < most:
            time.sleep(0.01)
        return time.monotonic() - began

    def kill_all(self, chance):
        left = KILLS * FLOW_S
        for _ in range(KILLS):
            time.sleep(chance.uniform(*PAUSE_S))
            self.until_ready()
            if chance.randrange(ONE_OF) == 0 and left > 0:
                left -= self.seconds_to_flow(left)
                time.sleep(chance.uniform(*LATER_S))
            self.kill_one(chance, VICTIMS)

    def kill_for_long(self, chance):
        end = time.monotonic() + MINUTES * 60
        while time.monotonic() < end:
            time.sleep(chance.uniform(*PAUSE_S))
            self.kill_one(chance, ALL_VICTIMS)

    def until_it_flows(self):
        """What is said now is heard by the server, and by every link."""
        self.server.wait("links_ready", "=", 5)
        before = self.server.stats()["numbered_up"]
        self.server.wait("numbered_up", ">", before)

    def heard(self):
        """When this is, how many came up and down until then."""
        return (time.monotonic(), self.server.stats()["numbered_up"],
                self.crowd.sums()["got"])

    def rate_during(self, name, deed):
        """Of numbered stanzas, up and down together, in a second."""
        before = self.heard()
        deed()
        passed, up, down = (now - then for now, then
                            in zip(self.heard(), before))
        print(f"{name}: {passed:.1f} s, {up / passed:.0f} up and "
              f"{down / passed:.0f} down a second", flush=True)
        return (up + down) / passed

    def talk_and_kill(self, chance):
        """The rate before and the rate meanwhile."""
        self.crowd.talk(RATE)
        self.until_it_flows()
        rates = (self.rate_during("calm", lambda: time.sleep(CALM_S)),
                 self.rate_during("kills", lambda: self.kill_all(chance)))
        if POINTS:
            self.until_ready()
            self.rate_during("kill points",
                             lambda: self.kill_points(chance, POINTS))
            self.kills += 1
        if FAULTS:
            self.rate_during("faults", lambda: self.kill_as_simulated(chance))
        if MINUTES:
            self.rate_during("all", lambda: self.kill_for_long(chance))
        self.until_ready()
        self.until_it_flows()
        self.crowd.talk(0)
        self.crowd.settle()
        return rates

    def show(self, accounts):
        """The last line is printed at the very end."""
        line = {"kills": self.kills}
        for figure, (name, _) in FIGURES.items():
            line[name] = line.get(name, 0) + accounts.sums[figure]
        for row in accounts.story() + table(self.log):
            print(row)
        print(*(f"{name}={count}" for name, count in
                sorted(accounts.sums.items())), flush=True)
        last_lines.append(" ".join(f"{name}={count}"
                                   for name, count in line.items()))

    def test_killed_processes_cost_nobody_anything(self):
        self.seed = int(os.environ.get("CM_SEED", os.getpid()))
        print(f"seed {self.seed}", flush=True)
        self.begin_crowd()
        calm, meanwhile = self.talk_and_kill(random.Random(self.seed))
        accounts = Accounts(self.crowd.books(), self.server.query("numbers"),
                            self.excused)
        self.show(accounts)
        self.assert_clean()
        # Whoever kills a process damages nothing that it shares.
        self.assertEqual(self.log.lines("damaged"), [])
        for figure, (_, must_be_zero) in FIGURES.items():
            if must_be_zero:
                self.assertEqual(accounts.sums[figure], 0, figure)
        self.assertGreaterEqual(calm, LEAST_RATE)
        self.assertGreaterEqual(meanwhile, LEAST_RATE_MEANWHILE)


if __name__ == "__main__":
    result = unittest.main(exit=False).result
    print(*last_lines, sep="\n")
    sys.exit(not result.wasSuccessful())
