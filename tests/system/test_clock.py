#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The machine's time of day is set while the daemon serves: by NTP after a
boot, by hand, on a machine that was resumed. libfaketime moves it for all
processes of the daemon and leaves the monotonic clock alone. Not for a build
with sanitizers, which want to be the first library of a process."""

import os
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import Daemon, program  # noqa: E402
from fake_openfire import FakeOpenfire  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402

LIBRARIES = sorted(pathlib.Path("/usr/lib").glob(
    "*/faketime/libfaketime.so.1"))
HOUR, DAY = 3600, 86400
STEPS = (600, 600 - HOUR, DAY, -DAY)  # seconds off the true time
LONG_S = 300  # what a test may take, and below each step
# Whole words: a random id may have the letters of some.
HURT = re.compile(r"\b(?:link down|links down|held|hung|stands still|killed|"
                  r"timed out|serving links=[0-4])\b")


def is_sanitized():
    return b"__asan_init" in pathlib.Path(program()).read_bytes()


@unittest.skipIf(is_sanitized(), "libfaketime and sanitizers do not agree")
class Clock(OperatorScene):
    def begin_faked(self, **options):
        self.clock = pathlib.Path(self.directory.name) / "clock"
        self.set_clock(0)
        self.path = f"{self.directory.name}/control"
        self.server = FakeOpenfire(self.directory.name)
        self.addCleanup(self.end)
        self.daemon = Daemon(
            self.directory.name, self.server.port,
            {"control.socket": self.path, "seccomp": "false",
             "xmpp.server.backoff.min": 0.1, "xmpp.server.backoff.max": 0.3,
             "xmpp.server.heartbeat": 0.2, **options},
            LD_PRELOAD=str(LIBRARIES[0]), FAKETIME_DONT_FAKE_MONOTONIC="1",
            FAKETIME_TIMESTAMP_FILE=str(self.clock), FAKETIME_NO_CACHE="1")
        self.begun = time.monotonic()
        self.daemon.start(self.server)
        return self.server, self.daemon

    def set_clock(self, offset_s):
        """In one piece: each reading of the clock reads the file."""
        print(f"the clock is off by {offset_s:+d} s")
        new = self.clock.with_name("clock.new")
        new.write_text(f"{offset_s:+d}\n")
        os.replace(new, self.clock)

    def until_ticked(self):
        """Each link has sent two signs of life since, by upstream's tick; and
        two seconds have gone by for the workers' own."""
        beats = self.server.stats()["heartbeats"]
        ages = {row["id"]: row["age_s"] for row in self.rows("sessions")}
        self.server.wait("heartbeats", ">", beats + 10)
        self.until(lambda: all(row["age_s"] >= ages.get(row["id"], 0) + 2
                               for row in self.rows("sessions")))

    def until_serving(self):
        """In seconds, whatever the step was."""
        self.until(lambda: self.info()["server"] == "serving" and
                   self.info()["links"] == 5)

    def talk(self, clients):
        """From each to the next; and somebody new comes and goes."""
        for number, client in enumerate(clients):
            other = clients[number - 1]
            client.send(f"<message to='{other.jid}'><body>from {number}"
                        "</body></message>")
            other.expect(f"from {number}")
            client.ping(number)
        new = self.client("newcomer")
        new.ping()
        new.send("</stream:stream>")
        self.assertTrue(new.ends())
        self.server.wait("sessions", "=", len(clients))

    def assert_ages(self):
        """No age is larger than all that the test has taken."""
        most = int(time.monotonic() - self.begun) + 1
        self.assertLess(most, LONG_S)
        for row in self.rows("sessions"):
            self.assertLessEqual(max(row["age_s"], row["idle_s"]), most)
        for row in self.rows("links"):
            self.assertLessEqual(row["since_s"], most)
        for row in self.rows("workers"):
            self.assertLessEqual(row["serving_s"], most)
        self.assertLessEqual(self.info()["uptime_s"], most)
        self.assertEqual(self.rows("sessions", f"age={LONG_S}"), [])
        self.assertEqual(self.rows("sessions", f"idle={LONG_S}"), [])

    def test_a_step_costs_no_link_and_no_client(self):
        server, daemon = self.begin_faked()
        clients = [self.client("alice", tls=True), self.client("bob")]
        children, links = daemon.children(), server.stats()["links_total"]
        said = len(daemon.tail(10 ** 7))
        for step in STEPS:
            uptime = self.info()["uptime_s"]
            self.set_clock(step)
            self.until_ticked()
            self.assertEqual(server.stats()["links_total"], links)
            self.talk(clients)
            self.assertEqual(daemon.children(), children)
            self.assertNotRegex(daemon.tail(10 ** 7)[said:], HURT)
            self.assert_ages()
            self.assertGreaterEqual(self.info()["uptime_s"], uptime + 2)
        self.assert_clean()

    def test_a_link_that_waits_for_its_next_attempt_comes_at_once(self):
        server, _ = self.begin_faked(**{"xmpp.server.backoff.min": 2,
                                        "xmpp.server.backoff.max": 2})
        clients = [self.client("alice"), self.client("bob")]
        for step in reversed(STEPS):
            server.command("refuse close")
            server.command(f"cut {server.links()[0]['number']} rst")
            self.until(lambda: self.info()["links"] == 4)
            self.set_clock(step)
            server.command("refuse none")
            self.until_serving()
            self.talk(clients)

    def test_clients_are_held_over_a_step_while_there_is_no_link(self):
        server, _ = self.begin_faked(**{"xmpp.server.grace": LONG_S})
        clients = [self.client("alice"), self.client("bob")]
        for step in STEPS:
            server.command("listen off")
            server.command("cut all rst")
            server.wait("links", "=", 0)
            self.until(lambda: self.info()["links"] == 0)
            self.set_clock(step)
            self.until_ages_grow()
            server.command("listen on")
            self.until_serving()
            self.talk(clients)

    def until_ages_grow(self):
        before = self.info()["uptime_s"]
        self.until(lambda: self.info()["uptime_s"] >= before + 2)

    def test_a_server_that_falls_silent_is_noticed_after_a_step(self):
        server, daemon = self.begin_faked(**{
            "xmpp.server.barrier": 0.5, "xmpp.server.hang.timeout": 1.5})
        silence = "has not handled anything for"
        for step in (-HOUR, HOUR):
            self.set_clock(step)
            said = daemon.tail(10 ** 7).count(silence)
            server.command("stall all both")
            daemon.wait_for_log(silence, times=said + 1)
            server.command("stall all none")
            self.until_serving()
            self.client("alice").ping()


if __name__ == "__main__":
    unittest.main()
