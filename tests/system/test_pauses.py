#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server that is stopped in order, killed, or stands still for a while,
under load of numbered messages: a table of what became of each of them.

    sent       by clients, as long as their streams lasted
    delivered  read by the client they are for
    stored     handled by the server, which did not reach their receiver: it
               was gone, or they were told
    told       came back to their sender as an error
    told_too   of those delivered or stored: unconfirmed, so their sender was
               told as well
    ended      streams that were ended
    counted    by counters of what nobody could be told; what came behind the
               end of our stream by its bytes
    doubled    delivered or handled twice
    silent     none of these

With PAUSES=long the pauses are of 20 and 40 s with the options as they come,
in front of the stand-in and of a real Prosody; else short, of the stand-in.
"""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import BUILD, Daemon  # noqa: E402
from fake_openfire import FakeOpenfire  # noqa: E402
from outcomes import Load, judge, metrics, stored_by, table  # noqa: E402
from site_fixture import ProsodySite  # noqa: E402
from support import PATIENCE_S  # noqa: E402

LONG = os.environ.get("PAUSES") == "long"
CLIENTS, EACH_S = 20, 15
DOWN_S, AFTER_S = (5, 15) if LONG else (1, 1)
PLAIN_ACCOUNTS = """
authentication = "internal_plain"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
"""


class StandIn:
    """Books of a run that ends are kept as far as there is time to ask."""

    def __init__(self, folder, options):
        self.folder, self.books = folder, None
        self.server = FakeOpenfire(folder, "5.1")
        self.daemon = Daemon(folder, self.server.port, options)
        self.daemon.start(self.server)

    def pid(self):
        return self.server.process.pid

    def stop(self):
        self.server.command("shutdown")
        self.books = self.server.query("numbers")
        self.server.stop()

    def kill(self):
        self.server.process.kill()
        self.server.stop()

    def come_back(self):
        self.server = FakeOpenfire(self.folder, "5.1", port=self.server.port)

    def judge(self, load, before, after):
        books = self.books or self.server.query("numbers")
        return judge(load, before, after, books=books)

    def end(self):
        self.daemon.stop()
        self.server.stop()


class RealServer:
    def __init__(self, folder, options):
        self.site = ProsodySite({}, PLAIN_ACCOUNTS, options={
            "xmpp.server.tls": "none", **options})
        self.folder = self.site.server.directory
        accounts = self.folder / "data" / "xmpp%2eexample" / "accounts"
        accounts.mkdir(parents=True)
        for number in range(CLIENTS):
            (accounts / f"user{number}.dat").write_text(
                'return { ["password"] = "x" };\n')
        self.site.start()
        self.daemon = self.site.daemon

    def pid(self):
        return self.site.server.process.pid

    def stop(self):
        self.site.server.stop()

    def kill(self):
        self.site.server.kill()
        self.site.server.output.close()

    def come_back(self):
        self.site.server.start()

    def judge(self, load, before, after):
        return judge(load, before, after, stored_by(self.folder))

    def end(self):
        self.site.stop()


class Pauses(unittest.TestCase):
    rows = []

    @classmethod
    def tearDownClass(cls):
        print("\n" + table(cls.rows), file=sys.stderr)

    def begin(self, kind, **options):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.control = f"{self.directory.name}/control"
        self.server = kind(self.directory.name,
                           {"control.socket": self.control, **options})
        self.addCleanup(self.server.end)
        self.before = self.metrics()
        self.load = Load(self.server.daemon.plain, CLIENTS, EACH_S)
        self.addCleanup(self.load.close)
        self.load.login().talk_until(
            lambda: self.load.delivered >= 20 * CLIENTS, PATIENCE_S,
            "the first messages")

    def metrics(self):
        return metrics(subprocess.run(
            [BUILD / "master" / "cmctl" / "cmctl", "-s", self.control, "show",
             "metrics"], capture_output=True, text=True, check=True).stdout)

    def serving(self, times):
        """They go on talking until it is said so often."""
        self.load.talk_until(
            lambda: self.server.daemon.tail(10 ** 8).count(
                "upstream: serving links=") >= times,
            2 * PATIENCE_S, "serving again")

    def finish(self, name):
        """However it ended, nothing came twice and nothing is silent."""
        self.load.talk_for(AFTER_S)
        end = time.monotonic() + PATIENCE_S
        while True:
            self.load.settle(3)
            row = self.server.judge(self.load, self.before, self.metrics())
            if not row["silent"] or time.monotonic() > end:
                break  # what is late is not silent yet
        self.rows.append((f"{type(self.server).__name__} {name}", row))
        self.assertEqual(row["doubled"], 0)
        self.assertEqual(row["silent"], 0, row["unknown"][:20])
        return row

    def pause(self, kind, seconds, **options):
        self.begin(kind, **options)
        os.kill(self.server.pid(), signal.SIGSTOP)
        try:
            self.load.talk_for(seconds)
            lost = "all links lost" in self.server.daemon.tail(10 ** 8)
        finally:
            os.kill(self.server.pid(), signal.SIGCONT)
        self.serving(1 + lost)
        return self.finish(f"paused {seconds} s")

    def leave(self, kind, how, name, **options):
        self.begin(kind, **options)
        how(self.server)
        self.load.talk_for(DOWN_S)
        self.server.come_back()
        self.serving(2)
        self.finish(name)


@unittest.skipIf(LONG, "the short ones")
class Short(Pauses):
    def test_a_pause_costs_the_links_and_doubles_nothing(self):
        row = self.pause(StandIn, 4, **{
            "xmpp.server.hang.timeout": 1.5, "xmpp.server.grace": 60,
            # Who waits for the next question waits too long.
            "xmpp.server.barrier": 300, "xmpp.server.backoff.max": 1,
            "xmpp.server.negotiate.timeout": 1})
        self.assertEqual(row["ended"], 0)

    def test_a_short_pause_costs_nothing(self):
        row = self.pause(StandIn, 2, **{"xmpp.server.hang.timeout": 60})
        self.assertEqual((row["ended"], row["told"]), (0, 0))

    def test_a_stop_in_order(self):
        self.leave(StandIn, StandIn.stop, "stopped")

    def test_a_kill(self):
        self.leave(StandIn, StandIn.kill, "killed")


@unittest.skipUnless(LONG, "PAUSES=long")
class Real(Pauses):
    def each(self, kind):
        for name, run in (
                ("stopped", lambda: self.leave(kind, kind.stop, "stopped")),
                ("killed", lambda: self.leave(kind, kind.kill, "killed")),
                ("20 s", lambda: self.pause(kind, 20)),
                ("40 s", lambda: self.pause(kind, 40))):
            with self.subTest(name):
                run()
                self.doCleanups()

    def test_the_stand_in(self):
        self.each(StandIn)

    def test_a_real_prosody(self):
        self.each(RealServer)


if __name__ == "__main__":
    unittest.main()
