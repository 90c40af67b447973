#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The process that is to be the next upstream."""

import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from confined import assert_confined  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from processes import connections, is_there, open_files, title  # noqa: E402


class Standby(OperatorScene):
    def begin_with_standby(self, **options):
        server, daemon = self.begin_operated(**options)
        return server, daemon, self.wait_for_standby()

    def wait_for_standby(self, former=None):
        daemon, found = self.daemon, []

        def serves():
            pid = daemon.standby()
            if pid and pid != former and daemon.log.read_text().count(
                    f"ready process=standby pid={pid}\n"):
                found.append(pid)
            return found

        self.until(serves, "a standby")
        return found[-1]

    def test_it_takes_upstreams_place_and_is_replaced(self):
        server, daemon, standby = self.begin_with_standby()
        links = server.stats()["links_total"]
        for _ in range(3):
            os.kill(daemon.upstream(), signal.SIGKILL)
            self.until(lambda pid=standby: "upstream" in title(pid),
                       "its turn")
            standby = self.wait_for_standby(standby)
        alice, bob = self.client("alice"), self.client("bob")
        alice.send("<message to='bob@xmpp.example/r'><body>hello</body>"
                   "</message>")
        bob.expect("hello")
        self.assertEqual(server.stats()["links_total"], links)
        self.assertEqual(server.judge()["lines"], [])

    def test_what_ends_it_costs_nothing(self):
        server, daemon, standby = self.begin_with_standby()
        upstream = daemon.upstream()
        os.kill(standby, signal.SIGKILL)
        self.wait_for_standby(standby)
        self.assertEqual(daemon.upstream(), upstream)
        self.assertEqual(server.judge()["lines"], [])

    def test_when_both_are_killed_the_links_go_on(self):
        server, daemon, standby = self.begin_with_standby()
        links, upstream = server.stats()["links_total"], daemon.upstream()
        os.kill(standby, signal.SIGKILL)
        os.kill(upstream, signal.SIGKILL)
        standby = self.wait_for_standby(standby)
        self.assertNotIn(daemon.upstream(), (upstream, standby))
        self.assertEqual(server.stats()["links_total"], links)

    def test_one_that_is_frozen_costs_seconds_and_no_link(self):
        server, daemon, standby = self.begin_with_standby()
        links, upstream = server.stats()["links_total"], daemon.upstream()
        os.kill(standby, signal.SIGSTOP)
        os.kill(upstream, signal.SIGKILL)
        standby = self.wait_for_standby(standby)
        self.assertNotIn(daemon.upstream(), (upstream, standby))
        self.assertEqual(server.stats()["links_total"], links)

    def test_a_reload_brings_a_new_one(self):
        _, daemon, standby = self.begin_with_standby()
        os.kill(daemon.process.pid, signal.SIGHUP)
        self.wait_for_standby(standby)
        self.until(lambda: not is_there(standby), "the end of the old one")

    def test_it_has_no_rights_and_nothing_of_the_links(self):
        user = "nobody" if os.geteuid() == 0 else None
        _, daemon, standby = self.begin_with_standby(
            **({"user": user} if user else {}))
        self.assertEqual(connections(standby), set())
        for name in open_files(standby):
            self.assertNotIn("memfd", name)
        if user:
            assert_confined(self, standby, user, self.info()["seccomp"])

    def test_operators_are_not_told_of_it(self):
        _, daemon, _ = self.begin_with_standby()
        self.assertEqual(len(daemon.children()), 4)
        self.assertNotIn("standby", str(self.info()))


if __name__ == "__main__":
    unittest.main()
