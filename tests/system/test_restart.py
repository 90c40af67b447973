#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A restart of the server that was planned: cmctl pause and resume (DELIVERY.md
§5)."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from crowd import Crowd  # noqa: E402
from daemon import Daemon  # noqa: E402
from http_scene import HttpScene  # noqa: E402
from support import free_ports  # noqa: E402
from xmpp_client import HEADER, bind_request, plain_auth  # noqa: E402

QUICK = {"xmpp.server.backoff.min": 0.1, "xmpp.server.backoff.max": 0.3}
# Nobody is sent away because of it.
NO_GRACE = {**QUICK, "xmpp.server.grace": 0}
STOPS = ("shutdown error", "shutdown fin", "cut all rst")


class Restart(HttpScene):
    def begin_paused(self, dialect, users, options=None, seconds=60):
        """The clients of these users; the pause has begun."""
        self.begin_http(server={"dialect": dialect}, **(options or NO_GRACE))
        clients = [self.client(user) for user in users]
        answer, = self.objects("pause", str(seconds))
        self.assertEqual(answer, {"paused": True, "seconds": seconds,
                                  "unconfirmed": 0, "links": 5})
        return clients

    def say(self, sender, receiver, texts):
        for text in texts:
            sender.send(f"<message to='{receiver.jid}'><body>{text}</body>"
                        "</message>")

    def stop_server(self, how="cut all rst", times=1):
        self.server.command("listen off")
        self.server.command(how)
        self.daemon.wait_for_log("pause: all links lost", times=times)

    def start_server(self):
        self.server.command("listen on")
        self.daemon.wait_for_log("upstream: serving links=", times=2)
        self.cmctl("wait", "ready")

    def warnings(self):
        return [line for line in self.daemon.tail(10 ** 7).splitlines()
                if re.search("warning|error", line)]

    def counters(self, *names):
        text = self.cmctl("show", "metrics")
        return [int(re.search(rf"^cmanager_{name} (\d+)$", text, re.M)[1])
                for name in names]

    def test_a_server_that_keeps_sessions_is_restarted_unnoticed(self):
        for how in STOPS:
            with self.subTest(how):
                alice, bob = self.begin_paused("5.1", ("alice", "bob"))
                before = self.warnings()
                texts = [f"n{i}." for i in range(50)]
                self.say(alice, bob, texts[:20])
                self.stop_server(how)
                self.assertEqual(self.info()["server"], "paused")
                self.say(alice, bob, texts[20:])
                self.start_server()
                self.say(alice, bob, ["last"])
                said = re.findall(r"<body>(.*?)</body>",
                                  bob.expect("^.*<body>last</body>"))
                self.assertEqual(said, texts + ["last"])
                alice.ping()
                self.assertEqual(self.warnings(), before)
                self.assertEqual(
                    self.counters("pauses_total", "pauses_expired_total",
                                  "server_paused", "clients_open",
                                  "links_lost_total"),
                    [1, 0, 0, 2, 0])
                self.assertEqual(self.server.judge()["foreign"], 0)
                self.assert_clean()
                self.end()

    @contextlib.contextmanager
    def restarting(self, times):
        """An operator restarts the server, in each way. Gives what says
        whether it is over, and raises what went wrong."""
        def work():
            for number in range(times):
                answer, = self.objects("pause", "60")
                self.assertEqual(answer["unconfirmed"], 0)
                self.stop_server(STOPS[number % len(STOPS)], number + 1)
                self.server.command("listen on")
                self.cmctl("wait", "ready")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            future = pool.submit(work)

            def is_over():
                if future.done():
                    future.result()
                return future.done()
            yield is_over

    def test_what_a_crowd_says_over_restarts_arrives_in_order_once(self):
        server, daemon = self.begin_operated(**NO_GRACE)
        crowd = Crowd(daemon.plain, 200).login()
        self.addCleanup(crowd.close)
        with self.restarting(3) as is_over:
            crowd.chat(is_over)
        self.assertEqual((crowd.missing(), crowd.twice(), crowd.errors),
                         ([], [], 0))
        crossings = crowd.crossings(server.query("numbers"))
        print(f"{crowd.delivered} delivered, {crossings} crossed",
              file=sys.stderr)
        self.assertEqual(len(crowd.pairs()), 100)
        self.assert_clean()

    def test_a_login_waits_and_then_succeeds(self):
        self.begin_paused("5.1", ())
        early = self.client()
        early.open()
        early.send(plain_auth("early", "x"))
        self.stop_server()
        late = self.client()
        at_once = self.client()
        # All that one client may say without an answer.
        at_once.send(HEADER + plain_auth("once", "x"))
        late.open()
        late.send(plain_auth("late", "x"))
        self.assertEqual(self.server.stats()["sessions"], 0)
        self.start_server()
        for client in (early, late, at_once):
            client.expect("<success[^>]*>", unless="<stream:error")
            client.open()
            client.send(bind_request("r"))
            client.expect("<jid>")
            client.ping()
        self.assertEqual(self.counters("clients_refused_total"), [0])
        self.assert_clean()

    def test_what_the_pause_holds_never_reaches_the_server_before(self):
        alice, bob = self.begin_paused("5.1", ("alice", "bob"))
        self.say(alice, bob, ["held"])
        states = {row["state"] for row in self.rows("links")}
        self.assertEqual(states, {"paused"})
        self.assertEqual(self.info()["server"], "paused")
        self.assertIn(self.info()["pause_left_s"], range(1, 62))
        self.assertEqual(self.ask("/ready"), (200, "paused\n"))
        # What the server says meanwhile arrives.
        self.server.command(f"packet {bob.jid} <message><body>down</body>"
                            "</message>")
        bob.expect("down")
        self.assertNotIn(b"held", bob.buffer)
        # What a worker read before it knew better waits in its rings.
        sessions = self.server.stats()["sessions"]
        early = self.client()
        early.send(HEADER + plain_auth("early", "x"))
        early.expect("</stream:features>")
        for number in range(3):
            self.server.command(f"packet {bob.jid} <message><body>turn{number}"
                                "</body></message>")
            bob.expect(f"turn{number}")
        self.assertEqual(self.server.stats()["sessions"], sessions)
        self.assertIn("the pause is over; the server is serving",
                      self.cmctl("resume"))
        bob.expect("held")
        early.expect("<success")
        self.assertEqual(self.ask("/ready"), (200, "ready\n"))
        self.assertIn("not paused", self.cmctl("resume", code=1))
        self.assert_clean()

    def test_clients_that_the_server_forgot_are_told_over_the_window(self):
        users = [f"u{i}" for i in range(12)]
        clients = self.begin_paused(
            "4.9", users, {**NO_GRACE, "xmpp.server.disconnect.window": 3})
        self.say(clients[-1], clients[0], ["lost"])
        self.stop_server("shutdown fin")
        self.start_server()
        begun = time.monotonic()
        self.client("other").ping()
        # Nothing is lost in silence.
        clients[-1].expect("<message [^>]*type=.error")
        for client in clients:
            client.expect("<stream:error")
            self.assertTrue(client.ends())
        took = time.monotonic() - begun
        self.assertGreater(took, 1.5)
        self.assertLess(took, 30)
        self.assertEqual(self.counters("closed_not_found_total",
                                       "closed_upstream_lost_total"),
                         [len(users), 0])

    def test_a_pause_ends_when_it_has_lasted_too_long(self):
        alice, = self.begin_paused(
            "5.1", ("alice",), {**NO_GRACE,
                                "xmpp.server.disconnect.window": 0}, 2)
        alice.send("<iq type='get' id='held' to='xmpp.example'>"
                   "<ping xmlns='urn:xmpp:ping'/></iq>")
        alice.expect("id=.held")  # the server never went
        self.assertEqual(self.info()["server"], "serving")
        self.cmctl("pause", "2")
        self.stop_server()
        waiting = self.client()
        waiting.open()
        for client in (alice, waiting):
            client.expect("<system-shutdown")
            self.assertTrue(client.ends())
        self.assertEqual(self.counters("pauses_expired_total"), [2])
        self.assertEqual(self.info()["server"], "gone")

    def test_what_is_not_confirmed_is_said(self):
        self.begin_operated(**NO_GRACE)
        alice, bob = self.client("alice"), self.client("bob")
        self.server.command("stall all read")
        self.say(alice, bob, ["doubt"])
        self.until(lambda: sum(row["open_barriers"]
                               for row in self.rows("links")))
        answer, = self.objects("pause")
        self.assertGreater(answer["unconfirmed"], 0)
        self.assertEqual(answer["seconds"], 300)
        self.stop_server()
        self.start_server()
        alice.expect("<remote-server-timeout")
        self.assert_clean()

    def test_it_outlives_the_process_that_holds_the_links(self):
        alice, bob = self.begin_paused("5.1", ("alice", "bob"))
        self.say(alice, bob, ["held"])
        before = self.server.stats()["links_total"]
        os.kill(self.daemon.upstream(), signal.SIGKILL)
        self.daemon.wait_for_log("link resumed", times=5)
        self.until(lambda: self.info()["links"] == 5)
        self.assertEqual(self.info()["server"], "paused")
        self.assertEqual(self.server.stats()["links_total"], before)
        self.stop_server()
        self.start_server()
        bob.expect("held")
        self.assert_clean()

    def test_resume_waits_for_the_server(self):
        alice, = self.begin_paused("5.1", ("alice",))
        self.stop_server()
        self.assertIn("is not reached yet", self.cmctl("resume"))
        self.start_server()
        alice.ping()

    def test_a_server_never_reached_is_not_paused(self):
        self.path = f"{self.directory.name}/control"
        self.daemon = Daemon(self.directory.name, free_ports(1)[0],
                             {"control.socket": self.path})
        self.addCleanup(self.end)
        self.daemon.start()
        self.until(lambda: pathlib.Path(self.path).exists())
        self.assertIn("has not been reached", self.cmctl("pause", code=1))

    def test_wrong_words_are_refused(self):
        self.begin_operated(**QUICK)
        for words, why in ((("0",), "no time to pause for"),
                           (("3601",), "no time to pause for"),
                           (("1", "2"), "2"), (("soon",), "'soon'")):
            self.assertIn(why, self.cmctl("pause", *words, code=1))
        self.assertIn("not paused", self.cmctl("resume", code=1))


if __name__ == "__main__":
    unittest.main(verbosity=2)
