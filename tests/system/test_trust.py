#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nobody trusts what another wrote: bits flipped at random in what processes
share cost at most the sessions of one of them, and no message goes astray;
bits flipped in a child's own memory cost at most the child.

FLIPS: how many times each; SEED: of the first, each next has one more. AREA:
only in this one."""

import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
import random

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import memory  # noqa: E402
import region as layout  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from processes import title  # noqa: E402
from region import LANES, LINE, PAGE, Region  # noqa: E402
from support import PATIENCE_S, free_ports  # noqa: E402
from talkers import Talkers  # noqa: E402

FLIPS = int(os.environ.get("FLIPS", 20))
SEED = int(os.environ.get("SEED", time.time()))
ONLY = os.environ.get("AREA")
FULL_RATE_S = 10  # from a flip until everybody hears everything again
LIMIT_S = 10 * FULL_RATE_S
CLIENTS = 12
WORKERS = 2
LARGEST = 1 << 30  # what a sanitizer sets aside is larger
STOPPED_S = 0.03  # in which its rings fill
WATCHED_S = 0.4   # before it is asked whether all is well
SETTLED_S = 1.2
FRAME_HEADER = 32
OPTIONS = {"xmpp.server.backoff.min": 0.1, "xmpp.server.backoff.max": 0.3,
           "workers.count": WORKERS, "workers.max": 4, "hang.timeout": 2}

# Of a part of these only so much is in use by a few clients.
USED = {"stats": 1024, "server state": 1100, "link reports": 1024,
        "upstream control": 64, "pair": 64 * (2 * LANES + 2),
        "routing": 8 * 32, "worker": 64 * (LANES + 3), "slots": 16 * 32,
        "info": 80 * 32, "queue": 1 << 16, "link": 1 << 14,
        "links memory": 64 * LANES + 144}
OF_A_WORKER = ("stats", "pair", "routing", "down data", "worker", "slots",
               "info", "arena", "queue", "up data")
OF_UPSTREAM = ("link", "links memory", "receive", "lanes", "ctl cursors",
               "ctl data", "suspects", "upstream control")
LEDGER = ("claims", "ends", "ledger header", "processes")


class Ledger:
    """Its mapping in the master."""

    def __init__(self, daemon):
        self.pid = daemon.process.pid
        for line in pathlib.Path(f"/proc/{self.pid}/maps").read_text() \
                .splitlines():
            if re.search(r"/ledger( \(deleted\))?$", line):
                self.base = int(line.split("-")[0], 16)
        self.partitions, self.slots = struct.unpack("<II", self.read(12, 8))
        claims = -(-14 * self.slots // PAGE) * PAGE
        self.areas = {"ledger header": (0, 320), "processes": (PAGE, 256)}
        ends = 2 * PAGE + self.partitions * claims
        for partition in range(self.partitions):
            at = 2 * PAGE + partition * claims
            self.areas["claims", partition, 0] = (at, 4 * 32)
            self.areas["claims", partition, 1] = (at + 4 * self.slots, 10 * 32)
            self.areas["ends", partition] = (
                ends + partition * -(-2 * self.slots // PAGE) * PAGE, 2 * 32)

    def read(self, offset, size):
        with open(f"/proc/{self.pid}/mem", "rb") as file:
            file.seek(self.base + offset)
            return file.read(size)

    def write(self, offset, data):
        with open(f"/proc/{self.pid}/mem", "r+b", buffering=0) as file:
            file.seek(self.base + offset)
            file.write(data)


class Trust(OperatorScene):
    # A process whose own memory is damaged may take one client for another.
    is_private = False

    def begin_talking(self):
        self.port, = free_ports(1)
        self.begin_operated(**OPTIONS, **{"http.port": self.port})
        self.begin_anew()
        self.crowd = Talkers(self.daemon.plain, CLIENTS)
        self.addCleanup(self.crowd.close)
        self.born, self.times, self.done = {}, [], "at the begin"
        self.well()

    def begin_anew(self):
        self.region, self.ledger = Region(self.daemon), Ledger(self.daemon)
        self.layout = self.region.layout()

    def ask_all(self):
        for what in ("info", "workers", "links", "sessions", "errors",
                     "metrics", "config"):
            self.cmctl("show", what)
            self.cmctl("-j", "show", what)
        self.assertEqual(self.fetch("metrics"), 200, self.done)
        # What is damaged may say that there is no server; for a moment.
        self.assertIn(self.fetch("health"), (200, 503), self.done)
        self.look()

    def fetch(self, path):
        """The status of the answer."""
        try:
            with urllib.request.urlopen(
                    f"http://127.0.0.1:{self.port}/{path}",
                    timeout=PATIENCE_S) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    # --- what must hold ---

    def run_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.crowd.step()
            self.look()

    def look(self):
        self.assertIsNone(self.daemon.process.poll(),
                          f"the master ended: {self.done}")
        if not self.is_private:
            self.assertEqual(self.crowd.wrong, [],
                             f"delivered to the wrong session: {self.done}")

    def is_complete(self):
        return len(self.daemon.serving()) == WORKERS + 1

    def well(self, limit=LIMIT_S):
        """Everybody is there and hears everything; the seconds it took."""
        begun = time.monotonic()
        self.crowd.forget()
        while not (self.crowd.are_well() and self.is_complete()):
            self.assertLess(time.monotonic() - begun, limit,
                            f"no full rate: {self.done}\n"
                            f"{self.crowd.unwell()}\n{self.daemon.tail()}")
            self.crowd.step()
            self.look()
        return time.monotonic() - begun

    # --- flips in what is shared ---

    def choose(self, area):
        """(offset, bytes) of a part that is in use."""
        offset, part, count = self.layout[area]
        number = self.random.randrange(count)
        if area in OF_A_WORKER:
            partitions = self.region.partitions_of(self.daemon.workers())
            number = self.random.choice(partitions) if partitions else 0
            if area == "stats":
                number += self.random.choice((0, 0, count - 1 - number))
        elif area in ("link", "ctl data", "lanes"):  # a few are in use
            number = self.random.randrange(5)
        at = offset + number * part
        if area in ("up data", "down data"):
            return self.choose_in_ring(area, number, at, part)
        if area == "lanes":
            return self.random.choice(self.region.lane_parts(number))
        return at, min(part, USED.get(area, part))

    def choose_in_ring(self, area, number, at, part):
        """What is under way there, if anything is."""
        pair = self.region.pair_page(number)
        worker = self.layout["worker"][0] + number * PAGE
        lane = self.random.randrange(LANES)
        if area == "up data":
            part //= LANES
            at += part * lane
            head = self.region.word(worker + layout.UP_HEAD + LINE * lane)
            tail = self.region.word(pair + layout.UP_TAIL + LINE * lane)
        else:
            head = self.region.word(pair + layout.DOWN_HEAD)
            tail = self.region.word(worker + layout.DOWN_TAIL)
        if not 0 < head - tail <= part:
            return at, part
        return at + tail % part, min(head - tail, part - tail % part)

    def places(self, area, count):
        """Where bytes are that somebody wrote, if there are any."""
        store = self.region
        if area in LEDGER:
            store = self.ledger
            at, size = self.random.choice(
                [place for name, place in store.areas.items()
                 if area == name or area == name[0]])
        else:
            at, size = self.choose(area)
        data = store.read(at, min(size, 1 << 17))
        written = [n for n, byte in enumerate(data) if byte]
        if self.random.random() < 0.3 or not written:
            written = range(min(size, PAGE))
        return store, [at + self.random.choice(written)
                       for _ in range(count)]

    def flip(self, area):
        count = self.random.choice((1, 1, 2, 8, 64))
        store, places = self.places(area, count)
        for at in places:
            bit = 1 << self.random.randrange(8)
            store.write(at, bytes([store.read(at, 1)[0] ^ bit]))
        return places

    def flip_while_stopped(self, area):
        """While rings fill, as one end of them does not move."""
        victim = self.random.choice(self.daemon.children())
        try:
            os.kill(victim, signal.SIGSTOP)
            self.run_for(STOPPED_S)
            places = self.flip(area)
            os.kill(victim, signal.SIGCONT)
        except ProcessLookupError:
            return self.flip(area)
        return places

    def shared_flip(self, seed):
        self.random = random.Random(seed)
        names = [name for name in (*self.layout, *LEDGER) if name != "header"]
        area = ONLY or self.random.choice(names)
        self.done = f"SEED={seed} area=\"{area}\""
        stopped = self.random.random() < 0.5
        flip = self.flip_while_stopped if stopped else self.flip
        places = flip(area)
        self.done += f" offsets={[hex(at) for at in places[:4]]}" \
            f" count={len(places)} stopped={stopped}"
        lost = self.crowd.lost
        begun = time.monotonic()
        self.run_for(WATCHED_S)
        self.well()
        took = time.monotonic() - begun
        self.times.append(took)
        print(f"{self.done} took_s={took:.1f} lost={self.crowd.lost - lost}",
              file=sys.stderr, flush=True)

    def test_flips_in_what_is_shared(self):
        self.begin_talking()
        for number in range(FLIPS):
            self.shared_flip(SEED + number)
        print(f"full rate after at most {max(self.times):.1f} s,"
              f" wanted {FULL_RATE_S}", file=sys.stderr)

    def test_a_frame_under_way_is_no_other_session_s(self):
        """Each that waits for a worker is given the next one's slot."""
        self.begin_talking()
        self.done = "slots of frames exchanged"
        worker = self.daemon.workers()[0]
        number = self.region.partition_of(worker)
        data, size = self.layout["down data"][:2]
        head = self.region.pair_page(number) + layout.DOWN_HEAD
        os.kill(worker, signal.SIGSTOP)
        at = first = self.region.word(head)
        end = time.monotonic() + PATIENCE_S
        while self.region.word(head) == first:
            self.assertLess(time.monotonic(), end, "nothing came")
            self.run_for(0.1)
        self.run_for(0.3)
        last, changed = self.region.word(head), 0
        while at < last:
            place = data + number * size + at % size
            length, slot = struct.unpack("<I4xI", self.region.read(place, 12))
            self.region.write(place + 8, struct.pack("<I", slot ^ 1))
            at += FRAME_HEADER + -(-length // 8) * 8
            changed += 1
        self.assertGreater(changed, 0, (first, last))
        os.kill(worker, signal.SIGCONT)
        self.run_for(1)
        self.well()

    # --- flips in what upstream leaves to its successor ---

    def test_flips_in_what_a_successor_is_left(self):
        """In the midst of traffic: they cost its links at most."""
        self.begin_talking()
        for number in range(FLIPS):
            self.random = random.Random(SEED + number)
            area = ONLY or self.random.choice(OF_UPSTREAM)
            self.done = f"SEED={SEED + number} area=\"{area}\" and a kill"
            upstream = self.daemon.upstream()
            os.kill(upstream, signal.SIGSTOP)
            self.run_for(STOPPED_S)
            places = self.flip(area)
            self.done += f" offsets={[hex(at) for at in places[:4]]}"
            os.kill(upstream, signal.SIGKILL)
            self.run_for(WATCHED_S)
            print(f"{self.done} took_s={self.well():.1f}", file=sys.stderr,
                  flush=True)

    # --- flips in a child's own memory ---

    def own_pages(self, pid):
        """Of what it alone may write, the pages that are there."""
        areas = []
        for line in pathlib.Path(f"/proc/{pid}/maps").read_text() \
                .splitlines():
            words = line.split(None, 5)
            first, last = (int(at, 16) for at in words[0].split("-"))
            if words[1] == "rw-p" and last - first < LARGEST:
                areas.append((first, last))
        with open(f"/proc/{pid}/pagemap", "rb") as pagemap:
            return [run for first, last in areas
                    for run in memory.runs(pagemap.fileno(), first, last)]

    def flip_own(self, pid, count):
        runs = self.own_pages(pid)
        with open(f"/proc/{pid}/mem", "r+b", buffering=0) as file:
            for first, last in self.random.choices(
                    runs, [last - first for first, last in runs], k=count):
                at = self.random.randrange(first, last)
                file.seek(at)
                byte = file.read(1)[0] ^ 1 << self.random.randrange(8)
                file.seek(at)
                file.write(bytes([byte]))

    def damage_until_it_ends(self, pid):
        """More and more; how many bits it took, or None: it lives on, and is
        ended, so that the next begins with sound ones."""
        total, count = 0, 256
        for _ in range(5):
            try:
                self.flip_own(pid, count)
            except (OSError, ValueError, IndexError):
                return total  # it has ended
            total, count = total + count, 4 * count
            self.run_for(0.1)
            if pid not in self.daemon.children():
                return total
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return total
        return None

    def choose_settled(self):
        """A child that has lived for a while: the successors of those that
        die at their begin have to wait."""
        while True:
            now = time.monotonic()
            children = self.daemon.children()
            self.born = {pid: self.born.get(pid, now) for pid in children}
            settled = [pid for pid in children
                       if now - self.born[pid] > SETTLED_S]
            if settled:
                return self.random.choice(settled)
            self.run_for(0.1)

    def private_flip(self, seed):
        self.random = random.Random(seed)
        pid = self.choose_settled()
        # The other of a pair may just be gone.
        name = "upstream" if "upstream" in title(pid) else "a worker"
        self.done = f"SEED={seed} private memory of {name}"
        bits = self.damage_until_it_ends(pid)
        end = time.monotonic() + PATIENCE_S
        while pid in self.daemon.children():
            self.assertLess(time.monotonic(), end, self.done)
            self.run_for(0.1)
        took = self.well(PATIENCE_S)
        print(f"{self.done} bits={bits} took_s={took:.1f}", file=sys.stderr,
              flush=True)

    def test_flips_in_private_memory(self):
        self.is_private = True
        self.begin_talking()
        # What a child with wild memory says of it is no defect.
        self.daemon.check_log = lambda: None
        for number in range(FLIPS):
            self.private_flip(SEED + number)

    # --- a crash of all, with a damaged ledger ---

    def test_flips_in_the_ledger_keep_nobody_from_starting(self):
        self.begin_talking()
        for number in range(max(FLIPS // 5, 1)):
            self.random = random.Random(SEED + number)
            self.done = f"SEED={SEED + number} area=ledger, then kill -9"
            for _ in range(8):
                self.flip(self.random.choice(LEDGER))
            self.run_for(0.1)
            self.daemon.kill()
            self.server.wait("links", "=", 0)
            self.daemon.start(self.server)
            self.begin_anew()
            self.well()

    # --- what the master reads of the others ---

    def test_whatever_is_reported_is_shown(self):
        self.begin_talking()
        for number in range(max(FLIPS // 8, 1)):
            self.random = random.Random(SEED + number)
            self.done = f"SEED={SEED + number} area=reports"
            for area in ("stats", "link reports", "info", "routing",
                         "server state", "arena"):
                for _ in range(4):
                    self.flip(area)
            self.ask_all()
            self.well()


if __name__ == "__main__":
    unittest.main()
