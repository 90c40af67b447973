#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ring cursors that have become absurd: nobody inherits them, own ones are put
right, and service is soon as it was."""

import contextlib
import os
import pathlib
import random
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import region as layout  # noqa: E402
from region import LANES, LINE, Region  # noqa: E402
from scene import Scene  # noqa: E402
from support import PATIENCE_S  # noqa: E402

QUICK = {"xmpp.server.backoff.min": 0.1, "xmpp.server.backoff.max": 0.3}
ABSURD = (1, 7, 4095, 1 << 20, (1 << 20) + 4, 1 << 40, 1 << 63, -8, -1)
ROUTE_PAYS = 16  # common/shm/directory.h
# Nobody waits longer for an answer that may be lost with what is damaged.
LOST_S = PATIENCE_S / 6


class Damage(Scene):
    def setUp(self):
        super().setUp()
        seed = int(os.environ.get("SEED", time.time()))
        print(f"SEED={seed}", file=sys.stderr)
        self.random = random.Random(seed)

    def begin_quick(self, workers, **options):
        server, daemon = self.begin("5.1", {
            "workers.count": workers, **QUICK, **options})
        self.region = Region(daemon)
        return server, daemon

    def absurd(self):
        return self.random.choice(
            ABSURD + (self.random.getrandbits(64),) * 4)

    def exchange(self, name, seconds=PATIENCE_S):
        """Two log in, one is heard by the other; one that is lost with its
        worker, or that is not answered, tries again."""
        end = time.monotonic() + seconds
        while True:
            try:
                alice = self.client(f"{name}a", seconds=LOST_S)
                bob = self.client(f"{name}b", seconds=LOST_S)
                alice.send(f"<message to='{bob.jid}'><body>{name} says"
                           "</body></message>")
                bob.expect(f"{name} says", LOST_S)
                break
            except (AssertionError, OSError):
                if time.monotonic() > end:
                    raise
        alice.close()
        bob.close()

    def spread_clients(self):
        """The kernel deals them out: so many that no worker has none."""
        return [self.client(f"user{n}") for n in range(24)]

    def kill(self, pid, number):
        """It may have been ended meanwhile, for what it shares."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def lives(self, client):
        try:
            client.ping(1)
        except (AssertionError, OSError):
            return False
        return True

    def replaced(self, victim):
        self.until(lambda: len(self.daemon.workers()) == 1
                   and victim not in self.daemon.workers(), "no new worker")

    def test_nobody_inherits_the_cursors_of_a_dead_worker(self):
        """Once round all partitions, so that each is given again."""
        self.begin_quick(1)
        seen = set()
        for turn in range(self.region.partitions + 4):
            victim = self.daemon.workers()[0]
            self.client(f"user{turn}").ping()
            page = self.region.worker_page(victim)
            seen.add(self.region.partition_of(victim))
            self.kill(victim, signal.SIGSTOP)
            for lane in range(LANES):
                if self.random.random() < 0.5:
                    self.region.set_word(
                        page + layout.UP_HEAD + lane * LINE, self.absurd())
            for word in (layout.DOWN_SENT, layout.DOWN_TAIL):
                self.region.set_word(page + word, self.absurd())
            self.kill(victim, signal.SIGKILL)
            self.replaced(victim)
            self.exchange(f"turn{turn}")
        self.assertEqual(len(seen), self.region.partitions)
        self.assertIn(b"a worker's shared memory is damaged",
                      self.daemon.log.read_bytes())

    def test_upstream_puts_its_own_cursors_right(self):
        self.begin_quick(1)
        alice, bob = self.client("alice"), self.client("bob")
        worker, upstream = self.daemon.workers()[0], self.daemon.upstream()
        pair = self.region.pair_page(self.region.partition_of(worker))
        words = [pair + layout.DOWN_HEAD] + \
            [pair + layout.UP_TAIL + lane * LINE for lane in range(LANES)] + \
            [pair + layout.UP_SENT + lane * LINE for lane in range(LANES)] + \
            self.region.lane_cursors()
        for turn in range(20):
            for offset in words:
                if self.random.random() < 0.5:
                    self.region.set_word(offset, self.absurd())
            alice.send(f"<message to='{bob.jid}'><body>turn{turn};</body>"
                       "</message>")
            bob.expect(f"turn{turn};")
        self.assertEqual(self.daemon.workers(), [worker])
        self.assertEqual(self.daemon.upstream(), upstream)
        self.assert_clean()

    def test_a_new_upstream_does_not_go_on_with_absurd_cursors(self):
        self.begin_quick(1)
        for turn in range(4):
            self.exchange(f"before{turn}")
            self.until(lambda: len(self.daemon.serving()) == 2 and
                       self.region.partitions_of(self.daemon.workers()),
                       "not all are there")
            upstream = self.daemon.upstream()
            partition, = self.region.partitions_of(self.daemon.workers())
            pair = self.region.pair_page(partition)
            self.kill(upstream, signal.SIGSTOP)
            for offset in ([pair + layout.DOWN_HEAD] if turn % 2 else []) + \
                    [pair + layout.UP_TAIL + LINE * turn,
                     pair + layout.UP_SENT + LINE * turn] + \
                    self.region.lane_cursors():
                self.region.set_word(offset, self.absurd())
            self.kill(upstream, signal.SIGKILL)
            self.until(lambda: upstream not in self.daemon.children(),
                       "upstream goes on")
            self.exchange(f"after{turn}")

    def test_a_damaged_lane_makes_upstream_end_once(self):
        """What it said there, closes, is said again by its successor."""
        server, _ = self.begin_quick(2)
        clients = self.spread_clients()
        victim = self.daemon.workers()[0]
        server.command("stall all write")
        self.kill(victim, signal.SIGKILL)

        self.until(self.region.unconfirmed_entries, "nothing is closed")
        for at in self.region.unconfirmed_entries():
            self.region.write(at + 4, b"\xff" * 4)
        server.command("cut all rst")
        server.command("stall all none")
        self.daemon.wait_for_log("exit code=70")
        self.daemon.wait_for_log("ready process=upstream", times=2)
        self.exchange("soon")
        successor = self.daemon.upstream()
        alive = sum(self.lives(client) for client in clients)
        server.wait("sessions", "=", alive)
        self.exchange("after")
        self.assertEqual(self.daemon.upstream(), successor)
        self.assertLess(alive, len(clients))

    def test_who_seems_to_pay_for_poison_is_told(self):
        """Nothing more of such a session goes up, so that its client must not
        be left to believe that all is well."""
        self.begin_quick(1)
        alice = self.client("alice")
        alice.ping()
        areas = self.region.layout()
        offset, part, _ = areas["routing"]
        offset += part * self.region.partition_of(self.daemon.workers()[0])
        for flags in range(offset + 4, offset + 4 + 8 * 64, 8):
            value = self.region.read(flags, 1)[0]
            if value:
                self.region.write(flags, bytes([value | ROUTE_PAYS]))
        alice.expect("</stream:stream>")
        self.daemon.wait_for_log("a session's shared memory is damaged")
        self.exchange("after")

    def damage_something(self, count):
        areas = self.region.areas()
        for offset, size in self.random.choices(areas, k=count):
            at = offset + self.random.randrange(size)
            if self.random.random() < 0.5:
                bit = 1 << self.random.randrange(8)
                self.region.write(
                    at, bytes([self.region.read(at, 1)[0] ^ bit]))
            else:
                self.region.set_word(at & ~7, self.absurd())

    def babble(self, clients):
        """Whoever is still there talks to whoever was."""
        for client in clients:
            try:
                for other in clients:
                    client.send(f"<message to='{other.jid}'><body>x</body>"
                                "</message>")
            except OSError:
                pass

    def test_no_flipped_bit_stops_the_service(self):
        """Of what workers and upstream share, many at random at a time."""
        self.begin_quick(2)
        for turn in range(10):
            self.until(lambda: len(self.daemon.serving()) == 3,
                       "not all are there")
            self.exchange(f"before{turn}")
            clients = []
            for number in range(6):
                try:
                    clients.append(self.client(f"turn{turn}user{number}",
                                               seconds=LOST_S))
                except (AssertionError, OSError):
                    pass  # of a worker that is just being replaced
            for _ in range(4):
                self.damage_something(40)
                self.babble(clients)
            if turn % 3 == 0:
                self.kill(self.random.choice(self.daemon.children()),
                        signal.SIGKILL)
            self.exchange(f"after{turn}")
            for client in clients:
                client.close()

    def test_a_down_ring_that_stays_damaged_costs_its_worker_only(self):
        self.begin_quick(2)
        clients = self.spread_clients()
        worker, upstream = self.daemon.workers()[0], self.daemon.upstream()
        partition = self.region.partition_of(worker)
        head = self.region.pair_page(partition) + layout.DOWN_HEAD
        self.kill(worker, signal.SIGSTOP)
        before = self.region.word(head)
        for client in clients:
            for other in clients:
                client.send(f"<message to='{other.jid}'><body>x</body>"
                            "</message>")
        self.until(lambda: self.region.word(head) != before, "nothing came")
        data, size = self.region.down_ring(worker)
        self.region.write(data + before % size, b"\xff" * 8)
        self.kill(worker, signal.SIGCONT)
        self.until(lambda: worker not in self.daemon.workers()
                   and len(self.daemon.workers()) == 2, "no new worker")
        self.assertEqual(self.daemon.upstream(), upstream)
        self.exchange("after")
        alive = sum(self.lives(client) for client in clients)
        self.assertGreater(alive, 0)
        self.assertLess(alive, len(clients))
        self.assertIn(b"the down ring is damaged",
                      self.daemon.log.read_bytes())


if __name__ == "__main__":
    unittest.main()
