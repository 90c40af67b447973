#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""All that an operator can do and all that can befall a worker, while a crowd
chats in numbered messages and newcomers knock without a pause.

CM_STORM_KILLED_CLIENTS and CM_STORM_KILLS make the second test larger than
every run needs."""

import os
import pathlib
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from crowd import Crowd  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S, free_ports  # noqa: E402
from xmpp_client import HEADER  # noqa: E402

CLIENTS = int(os.environ.get("CM_STORM_CLIENTS", "2000"))
KILLED = int(os.environ.get("CM_STORM_KILLED_CLIENTS", "400"))
KILLS = int(os.environ.get("CM_STORM_KILLS", "12"))
RELOADS = 50
WAIT_S = 0.1  # for a header, on a machine that does nothing else
MOST_RELOADS, MOST_KILLS = 10, 2  # while one waits for its header
FORGOTTEN_S = 1.0  # sessions of a dead worker; ten times as much fails


class Knocker(threading.Thread):
    """Connects, asks for a header, measures the wait, goes. The wait that
    counts is how many of `events` came meanwhile: on a busy machine those are
    as late as the header."""

    def __init__(self, port, events):
        super().__init__(daemon=True)
        self.port, self.over, self.events = port, threading.Event(), events
        self.waits, self.refused, self.lost = [], [], []
        self.most_events = 0
        self.start()

    def run(self):
        while not self.over.is_set():
            begun, before = time.monotonic(), len(self.events)
            try:
                s = socket.create_connection(("127.0.0.1", self.port),
                                             PATIENCE_S)
            except OSError as error:
                self.refused.append((begun, repr(error)))
                continue
            with s:
                try:
                    s.settimeout(PATIENCE_S)
                    s.sendall(HEADER.encode())
                    if not s.recv(4096):
                        raise ConnectionError("closed")
                    self.waits.append(time.monotonic() - begun)
                    self.most_events = max(self.most_events,
                                           len(self.events) - before)
                except OSError as error:
                    self.lost.append((begun, time.monotonic(), repr(error)))
            time.sleep(0.002)

    def end(self):
        self.over.set()
        self.join(30)


class Deeds(threading.Thread):
    """Runs a function beside the crowd's loop."""

    def __init__(self, deed):
        super().__init__(daemon=True)
        self.deed, self.error = deed, None
        self.start()

    def run(self):
        try:
            self.deed()
        except BaseException as error:  # shown by the test
            self.error = error

    def is_over(self):
        return not self.is_alive()


class Crowded(OperatorScene):
    """With room for as many sessions as by default; and a server that is late
    because it has no processor is no server that hangs."""

    def begin_operated(self, **options):
        return super().begin_operated(**{
            "sessions.max": None, "xmpp.server.negotiate.timeout": 300,
            "xmpp.server.hang.timeout": 300, "xmpp.server.backoff.max": 1,
            **options})


class Storm(Crowded):
    def workers(self):
        return self.rows("workers")[1:]

    def chat_during(self, crowd, deed):
        deeds = Deeds(deed)
        crowd.chat(deeds.is_over)
        if deeds.error:
            raise deeds.error

    def assert_all_came(self, crowd, pairs):
        for a, b in pairs:
            for member, partner in ((a, b), (b, a)):
                self.assertEqual(member.got, list(range(partner.sent)))
                self.assertEqual(member.errors, [])

    def begin_crowd(self, daemon, clients, events):
        """The crowd, logged in, and who knocks meanwhile."""
        crowd = Crowd(daemon.plain, clients)
        self.addCleanup(crowd.close)
        crowd.login()
        knocker = Knocker(daemon.plain, events)
        self.addCleanup(knocker.end)
        return crowd, knocker

    def newcomers(self, knocker, most, what):
        """For people: how long newcomers have waited."""
        return (f"{len(knocker.waits)} newcomers, {len(knocker.lost)} lost, "
                f"longest wait {max(knocker.waits) * 1000:.0f} ms of "
                f"{WAIT_S * 1000:.0f} or {knocker.most_events} {what} of "
                f"{most}")

    def test_reloads_of_everything_cost_nobody_anything(self):
        server, daemon = self.begin_operated(**{"workers.max": 6})
        reloads = []
        crowd, knocker = self.begin_crowd(daemon, CLIENTS, reloads)
        self.chat_during(crowd, lambda: self.reload_all(daemon, reloads))
        knocker.end()
        self.assertEqual([m.jid for m in crowd.members if m.ended], [])
        self.assertEqual(len(crowd.pairs()), CLIENTS // 2)
        self.assertEqual(crowd.twice(), [])
        crossed = crowd.crossings(server.query("numbers"))
        self.in_order(crowd)
        self.assert_all_came(crowd, crowd.pairs())
        self.assertEqual((knocker.refused, knocker.lost), ([], []))
        print(f"{RELOADS} reloads, {CLIENTS} clients, {crowd.delivered} "
              f"messages, {crossed} that the server sent by two links of "
              f"{server.stats()['links_total']}, "
              + self.newcomers(knocker, MOST_RELOADS, "reloads"))
        self.assertLessEqual(knocker.most_events, MOST_RELOADS)
        self.assertGreater(server.stats()["links_ended"], 0)
        self.assert_clean()

    def reload_all(self, daemon, reloads):
        """Certificates, limits, ports, links and workers change at once, now
        and then behind a file that is refused."""
        papers = [[daemon.options[f"xmpp.socket.ssl.{name}"]
                   for name in ("certificate", "key")],
                  self.another_certificate()]
        ports = [daemon.direct] + free_ports(3)
        for turn in range(RELOADS):
            if turn % 10 == 5:
                self.refuse_a_bad_file()
            cert, key = papers[turn % 2]
            links = 2 + turn * 3 % 5
            self.reload(**{"xmpp.socket.ssl.certificate": cert,
                           "xmpp.socket.ssl.key": key,
                           "xmpp.client.stanza.depth": 20 + turn,
                           "xmpp.socket.ssl.port":
                               ports[turn // 3 % len(ports)],
                           "xmpp.manager.connections": links,
                           "workers.count": 1 + turn * 7 % 5})
            reloads.append(turn)
            self.assert_no_more_than_wanted(daemon)
            if turn % 3 == 2:
                self.until_links(links)

    @staticmethod
    def in_order(crowd):
        """What the server itself turned round is counted, not blamed."""
        for member in crowd.members:
            member.got.sort()

    def until_links(self, count):
        end, states = time.monotonic() + 4 * PATIENCE_S, []
        while states != ["serving"] * count:
            self.assertLess(time.monotonic(), end, states)
            states = [row["state"] for row in self.rows("links")]

    def refuse_a_bad_file(self):
        good = self.daemon.path.read_bytes()
        self.daemon.path.write_bytes(good.replace(b"</jive>", b"</live>"))
        self.cmctl("reload", code=1)
        self.daemon.path.write_bytes(good)

    def assert_no_more_than_wanted(self, daemon):
        info = self.info()
        self.assertLessEqual(info["workers"], info["workers_wanted"]
                             + info["workers_draining"])
        self.assertLessEqual(len(daemon.serving()), 2 * 6 + 1)

    def test_a_worker_is_killed_every_second(self):
        server, daemon = self.begin_operated(**{"workers.count": 3,
                                                "workers.max": 8})
        kills, forgotten = [], []
        crowd, knocker = self.begin_crowd(daemon, KILLED, kills)
        self.chat_in_the_storm(crowd, daemon, Deeds(
            lambda: self.kill_workers(server, kills, forgotten)))
        knocker.end()
        pairs = crowd.pairs()
        self.assert_all_came(crowd, pairs)
        self.assert_lost_by_kills(knocker, kills)
        print(f"{len(kills)} kills, {len(pairs)} pairs left, "
              f"{crowd.delivered} messages, "
              + self.newcomers(knocker, MOST_KILLS, "kills")
              + f", sessions forgotten after {max(forgotten):.2f} s of "
              f"{FORGOTTEN_S}")
        self.assertLessEqual(knocker.most_events, MOST_KILLS)
        self.assertLess(max(forgotten), 10 * FORGOTTEN_S)

    def kill_workers(self, server, kills, forgotten):
        """One a second, any that serves or is drained; behind each the server
        has to end its sessions, and something else changes."""
        seed = os.getpid()
        print(f"seed {seed}")
        chance = random.Random(seed)
        for turn in range(KILLS):
            begun = time.monotonic()
            victim = chance.choice([
                row for row in self.workers()
                if row["state"] in ("serving", "draining")])
            ids = self.sessions_of(victim["worker"])
            before = time.monotonic()
            try:
                os.kill(victim["pid"], signal.SIGKILL)
            except ProcessLookupError:  # drained to its end
                continue
            # Others may see the end before this thread goes on.
            kills.append((before, time.monotonic()))
            self.until_forgotten(server, ids)
            forgotten.append(time.monotonic() - before)
            self.change_something(chance, turn)
            time.sleep(max(0, 1 - (time.monotonic() - begun)))

    def chat_in_the_storm(self, crowd, daemon, deeds):
        """Whoever lost the worker comes again; all others get what they are
        sent, second by second and behind the storm."""
        while not deeds.is_over():
            gone = sum(m.ended for m in crowd.members)
            there = len(crowd.members) - gone
            crowd.add(daemon.plain, max(0, KILLED - there) // 2 * 2)
            crowd.chat(self.in_a_second(deeds))
            self.assert_all_came(crowd, crowd.pairs())
        if deeds.error:
            raise deeds.error
        crowd.add(daemon.plain, 20)
        crowd.chat(lambda: len(crowd.pairs()) >= 10)

    def assert_lost_by_kills(self, knocker, kills):
        """Newcomers are never refused, and lost by a kill only."""
        self.assertEqual(knocker.refused, [])
        for begun, ended, error in knocker.lost:
            self.assertTrue(any(begun - 0.1 <= after and before <= ended
                                for before, after in kills),
                            (begun, error, kills))
        self.assertLessEqual(len(knocker.lost), len(kills))

    @staticmethod
    def in_a_second(deeds):
        end = time.monotonic() + 1
        return lambda: deeds.is_over() or time.monotonic() > end

    def sessions_of(self, worker):
        rows = self.rows("sessions", f"worker={worker}", "limit=10000")
        return {row["id"] for row in rows}

    def until_forgotten(self, server, ids):
        end = time.monotonic() + 10 * FORGOTTEN_S
        while ids & {row["id"] for row in server.sessions()}:
            self.assertLess(time.monotonic(), end, "the server still has them")
            time.sleep(0.01)

    def change_something(self, chance, turn):
        """Drained, taken back, more and fewer."""
        order = [["drain"], ["undrain"], [signal.SIGTTIN],
                 [signal.SIGTTOU]][turn % 4][0]
        if isinstance(order, signal.Signals):
            self.daemon.process.send_signal(order)
            return
        state = "serving" if order == "drain" else "draining"
        rows = [row for row in self.workers() if row["state"] == state]
        if rows:
            subprocess.run(
                [self.CMCTL, "-s", self.path, order,
                 str(chance.choice(rows)["worker"])]
                + ["0"] * (order == "drain"),
                check=False, capture_output=True, timeout=PATIENCE_S)


class Rush(Crowded):
    """More than ARRIVALS come at once, and the worker is busy elsewhere."""

    ARRIVALS = 700  # with room below 1,024 descriptors

    @staticmethod
    def overflows():
        """Connections that the kernel has dropped here, in the network of this
        test, since a listening socket's queue was full."""
        names, values = [
            line.split()[1:] for line in
            pathlib.Path("/proc/self/net/netstat").read_text().splitlines()
            if line.startswith("TcpExt:")]
        facts = dict(zip(names, map(int, values)))
        return facts["ListenOverflows"] + facts["ListenDrops"]

    def connect(self, port):
        arrival = socket.socket()
        self.addCleanup(arrival.close)
        arrival.setblocking(False)
        arrival.connect_ex(("127.0.0.1", port))
        return arrival

    def until_connected(self, arrivals):
        """The SYN of one that was dropped comes again after a second."""
        waiting = set(arrivals)
        end = time.monotonic() + 20
        while waiting and time.monotonic() < end:
            _, ready, _ = select.select([], list(waiting), [], 1)
            waiting -= set(ready)
        return len(waiting)

    def test_all_that_come_at_once_wait_for_a_busy_worker(self):
        _, daemon = self.begin_operated(**{"workers.count": 1,
                                           "hang.timeout": 120})
        worker = next(pid for pid in daemon.children()
                      if pid != daemon.upstream())
        before = self.overflows()
        os.kill(worker, signal.SIGSTOP)
        try:
            arrivals = [self.connect(daemon.plain)
                        for _ in range(self.ARRIVALS)]
            self.assertEqual(self.until_connected(arrivals), 0)
        finally:
            os.kill(worker, signal.SIGCONT)
        self.assertEqual(self.overflows(), before)
        for arrival in arrivals:
            arrival.settimeout(20)
            arrival.sendall(HEADER.encode())
        for arrival in arrivals:
            self.assertIn(b"<stream:stream", arrival.recv(4096))

    def test_a_longer_queue_than_the_system_allows_is_told(self):
        most = int(pathlib.Path("/proc/sys/net/core/somaxconn").read_text())
        limit = f"net.core.somaxconn={most}"
        for wanted, said in (
                (None, rf"info.*wanted={most} {limit}$"),
                (most + 1, rf"warning.*wanted={most + 1} {limit} hint=")):
            _, daemon = self.begin_operated(
                **{"xmpp.socket.backlog": wanted})
            self.assertRegex(daemon.tail(), f"(?m){said}")


if __name__ == "__main__":
    unittest.main()
