#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fifty innocent clients beside those who try to take what others need: none
of the fifty is closed, whoever comes logs in, the memory comes back. On the
release build, with the default configuration."""

import pathlib
import re
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from attackers import ATTACKS, POISON, SLOW_READERS  # noqa: E402
from pingers import Pingers, percentile  # noqa: E402
from scene import Scene  # noqa: E402
from xmpp_client import Client  # noqa: E402

INNOCENT = 50
PHASE_S = 6
PAUSE_S = 0.004 # between two items of 200 KB from the server
ATTACKERS = pathlib.Path(__file__).resolve().parent / "lib" / "attackers.py"
# What a worker may keep of a burst: parsers and pages at hand.
KEPT_BYTES = 32 << 20


class Newcomers(threading.Thread):
    """Logs one in after the other; `failures`: why some could not."""

    def __init__(self, port):
        super().__init__()
        self.port, self.over = port, threading.Event()
        self.count, self.failures = 0, []

    def run(self):
        while not self.over.wait(0.3):
            try:
                client = Client(self.port)
                client.login(f"newcomer{self.count}")
                client.send("</stream:stream>")
                client.ends()
                client.close()
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))
            self.count += 1

    def end(self):
        self.over.set()
        self.join()


class Patient(threading.Thread):
    """A person whom nobody may hurry; `failure`: what became of it."""

    def __init__(self, work):
        super().__init__()
        self.work, self.failure = work, "not done"

    def run(self):
        try:
            self.work()
            self.failure = None
        except (OSError, AssertionError) as error:
            self.failure = repr(error)


class Feeder(threading.Thread):
    """Has the server send to those who read nothing, until nearly as much
    waits for each as is let wait."""

    ROUNDS, BYTES = 23, 200000

    def __init__(self, server):
        super().__init__()
        self.server, self.over = server, threading.Event()

    def run(self):
        text = f"<presence><status>{'x' * self.BYTES}</status></presence>"
        for _ in range(self.ROUNDS):
            for n in range(SLOW_READERS):
                if self.over.is_set():
                    return
                try:
                    self.server.command(
                        f"packet slow{n}@xmpp.example/r {text}")
                except RuntimeError:
                    pass  # that one has paid already
                # The server's own queue is not what this is about.
                self.over.wait(PAUSE_S)


class Attackers:
    """The process of those who attack; `since`: when all were at it."""

    def __init__(self, name, port):
        self.name, self.since, self.did = name, None, ""
        self.process = subprocess.Popen(
            ["/usr/bin/python3", str(ATTACKERS), name, str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()

    def listen(self):
        if self.process.stdout.readline() == "at it\n":
            self.since = time.monotonic()

    def end(self):
        """`did`: what they report."""
        self.process.stdin.close()
        self.listener.join()
        self.did = self.process.stdout.read().strip().replace("\n", "; ")
        self.process.wait()
        self.process.stdout.close()


class Fairness(Scene):
    def memory(self):
        """Bytes that the workers take up, shared ones included."""
        total = 0
        for pid in self.daemon.children():
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss: *(\d+) kB", rollup, re.M)[1])
        return total * 1024

    def count_over_limit(self):
        return self.daemon.tail(10 ** 8).count("reason=output_cap")

    def ping_beside(self, attackers, pingers, feeder):
        """The times of the pings, from the moment when all are at it for as
        long as a phase takes and the server has sent what it has."""
        def is_enough():
            self.assertIsNone(attackers.process.poll(),
                              f"{attackers.name} ended by itself")
            if attackers.since is None:
                return False
            if attackers.name == "slow_readers" and feeder.ident is None:
                feeder.start()
            return not feeder.is_alive() and \
                time.monotonic() - attackers.since > PHASE_S
        return pingers.run(is_enough)

    def attack(self, name, pingers):
        """The times of the pings beside it, and what was done."""
        attackers = Attackers(name, self.daemon.plain)
        paid = self.count_over_limit()
        newcomers, feeder = Newcomers(self.daemon.plain), Feeder(self.server)
        newcomers.start()
        if name == "poisoner":
            self.server.command(f"poison rst {POISON}")
        try:
            took = self.ping_beside(attackers, pingers, feeder)
        finally:
            feeder.over.set()
            newcomers.end()
            attackers.end()
        paid = self.count_over_limit() - paid
        if name in ("errors_unread", "slow_readers"):
            self.assertGreater(paid, 0, name)
        self.assertEqual(pingers.ended(), [], name)
        self.assertEqual(newcomers.failures, [], name)
        self.assertGreater(newcomers.count, 5)
        return took, f"{attackers.did}; {paid} told to be over a limit; " \
            f"{newcomers.count} newcomers"

    def settle(self, pingers):
        """Until the server has done with those who left."""
        kept = INNOCENT + 2
        pingers.run(lambda: self.server.stats()["sessions"] <= kept)

    def upload(self):
        """200 KB at 5 KB a second."""
        client = self.client("uploader")
        client.send("<message to='uploader@xmpp.example/r' id='long'><body>")
        for _ in range(200):
            client.send("y" * 1000)
            time.sleep(0.2)
        client.send("</body></message>")
        client.expect("<message [^>]*id=.long..*?</message>", 20)

    def register(self):
        """A form that takes a person 65 seconds."""
        client = self.client()
        client.open()
        form = "<iq type='{}' id='f'><query xmlns='jabber:iq:register'>{}" \
               "</query></iq>"
        client.send(form.format("get", ""))
        client.expect("<iq [^>]*id=.f.")
        time.sleep(65)
        client.send(form.format("set", "<username>new</username>"
                                "<password>x</password>"))
        client.expect("<iq [^>]*id=.f.")

    def test_nobody_pays_for_what_others_take(self):
        self.begin(options={"workers.count": None,
                            "sessions.max": None})
        pingers = Pingers(self.daemon.plain, INNOCENT)
        self.addCleanup(pingers.close)
        before = self.memory()
        patient = [Patient(self.upload), Patient(self.register)]
        for person in patient:
            person.start()
        end = time.monotonic() + PHASE_S
        quiet = percentile(
            pingers.run(lambda: time.monotonic() > end), 0.99)
        print(f"quiet: p99 {quiet * 1000:.1f} ms", file=sys.stderr)
        limit = max(0.05, 10 * quiet)
        for name in ATTACKS:
            took, did = self.attack(name, pingers)
            self.settle(pingers)
            p99 = percentile(took, 0.99)
            print(f"{name}: p99 {p99 * 1000:.1f} ms of {len(took)} pings "
                  f"({did})", file=sys.stderr)
            self.assertLess(p99, limit, name)
        for person in patient:
            person.join()
            self.assertIsNone(person.failure, person.work.__name__)
        self.assert_memory_returns(before)
        self.assert_clean()

    def assert_memory_returns(self, before):
        end = time.monotonic() + 30
        while self.memory() > before + KEPT_BYTES:
            if time.monotonic() > end:
                self.fail(f"{self.memory()} bytes, {before} before")
            time.sleep(0.2)
        print(f"memory: {before >> 10} KiB before, {self.memory() >> 10} "
              "KiB after", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
