#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Links that are refused, lost, ended; sessions that the server ends or has
forgotten (PROTOCOL.md §2.5, §5.4, §10)."""

import os
import pathlib
import re
import statistics
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from crowd import Crowd  # noqa: E402
from daemon import Daemon  # noqa: E402
from fake_openfire import FakeOpenfire  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from scene import DIALECTS, Scene  # noqa: E402
from support import PATIENCE_S, free_ports  # noqa: E402

QUICK = {"xmpp.server.backoff.min": 0.1, "xmpp.server.backoff.max": 0.3}


class Refusals(Scene):
    def begin_refused(self, how, dialect):
        self.end()
        self.server = FakeOpenfire(self.directory.name, dialect)
        self.server.command(f"refuse {how}")
        self.daemon = Daemon(self.directory.name, self.server.port, QUICK)
        self.addCleanup(self.end)
        self.daemon.start()

    def test_refused_links_are_tried_again_and_clients_told(self):
        for how in ("silent", "error", "close", "secret"):
            for dialect in ("4.1", "5.1"):
                with self.subTest(f"{how} {dialect}"):
                    self.begin_refused(how, dialect)
                    self.server.wait("links_total", ">", 0)
                    client = self.client()
                    client.send("<stream:stream xmlns='jabber:client' "
                                "xmlns:stream='http://etherx.jabber.org/"
                                "streams' to='xmpp.example' version='1.0'>")
                    client.expect("<remote-connection-failed")
                    self.assertTrue(client.ends())
                    self.server.command("refuse none")
                    self.server.wait("links_ready", "=", 5)
                    self.daemon.wait_for_log("upstream: serving links=")
                    self.client("alice").ping()
                    self.end()

    def test_a_header_without_id_names_the_secret_in_the_log(self):
        self.begin_refused("silent", "5.1")
        self.server.wait("refused", ">", 0)
        self.server.command("refuse none")
        self.server.wait("links_ready", "=", 5)
        self.assertRegex(self.daemon.tail(), "secret")

    def test_a_server_that_comes_later(self):
        port = free_ports(1)[0]
        self.daemon = Daemon(self.directory.name, port, QUICK)
        self.addCleanup(self.end)
        self.daemon.start()
        self.server = FakeOpenfire(self.directory.name, port=port)
        self.server.wait("links_ready", "=", 5)
        self.daemon.wait_for_log("upstream: serving links=")
        self.client("alice").ping()


class Losses(Scene):
    def test_one_of_five_links_lost_is_replaced_unnoticed(self):
        server, _ = self.begin(options=QUICK)
        client = self.client("alice")
        for how in ("rst", "fin"):
            before = server.stats()["links_total"]
            server.command(f"cut {server.links()[0]['number']} {how}")
            server.wait("links_total", ">", before)
            server.wait("links_ready", "=", 5)
            client.ping(how)
        self.assert_clean()

    @unittest.skipIf(os.geteuid() != 0, "only root sees what a child reads")
    def test_an_answer_costs_one_read_of_a_doorbell_and_one_of_a_link(self):
        server, daemon = self.begin()
        client = self.client("alice")
        io = pathlib.Path(f"/proc/{daemon.upstream()}/io")

        def reads():
            """But those of barriers' answers: barriers are sent by time."""
            return int(re.search(r"syscr: (\d+)", io.read_text())[1]) - sum(
                link["barriers"] for link in server.links())

        def cost(number):
            before = reads()
            client.ping(number)
            return reads() - before
        # Those in vain count, too; code that reads in vain does so each time.
        # Beside young links their elders are read, too, for some seconds, and
        # some pings are disturbed by what is done by time.
        self.until(lambda: statistics.median(
            cost(number) for number in range(50)) <= 2,
            "each answer costs more than two reads")

    def test_after_a_total_loss_living_sessions_go_on(self):
        server, daemon = self.begin("5.1", QUICK)
        alice, bob = self.client("alice"), self.client("bob")
        # None comes back before we have noticed the end of the last.
        server.command("listen off")
        server.command("cut all rst")
        daemon.wait_for_log("all links lost")
        server.command("listen on")
        server.wait("links_ready", "=", 5)
        alice.send(f"<message to='{bob.jid}'><body>still</body></message>")
        bob.expect("still")
        self.assertGreater(server.stats()["probes"], 0)
        self.assert_clean()

    def test_after_a_total_loss_dead_sessions_are_told(self):
        for dialect in ("4.7", "4.9"):
            with self.subTest(dialect):
                server, daemon = self.begin(dialect, QUICK)
                alice = self.client("alice")
                server.command("listen off")  # until all are noticed
                server.command("cut all fin")
                alice.expect("<stream:error")
                self.assertTrue(alice.ends())
                server.command("listen on")
                server.wait("links_ready", "=", 5)
                daemon.wait_for_log("upstream: serving links=", times=2)
                self.client("alice").ping()
                self.end()

    def test_without_a_link_clients_get_system_shutdown_in_time(self):
        server, _ = self.begin("5.1", {**QUICK, "xmpp.server.grace": 0.5,
                                       "xmpp.server.disconnect.window": 0})
        alice = self.client("alice")
        server.command("listen off")
        server.command("cut all rst")
        alice.expect("<stream:error.*?<system-shutdown")
        server.command("listen on")
        server.wait("links_ready", "=", 5)
        server.wait("sessions", "=", 0)  # its ghost is closed

    def test_an_explicit_shutdown_is_passed_on_at_once(self):
        for dialect in ("4.1", "5.1"):
            with self.subTest(dialect):
                server, _ = self.begin(
                    dialect, {**QUICK, "xmpp.server.disconnect.window": 0})
                alice = self.client("alice")
                server.command("shutdown error")
                alice.expect("<stream:error.*?<system-shutdown")
                self.assertTrue(alice.ends())
                self.end()

    def test_an_orderly_stop_closes_every_stream_and_every_link(self):
        server, daemon = self.begin("5.1")
        crowd = Crowd(daemon.plain, 50)
        self.addCleanup(crowd.close)
        crowd.login()
        self.assertEqual(server.stats()["sessions"], 50)
        daemon.stop()
        server.wait("links", "=", 0)
        stats = server.stats()
        self.assertEqual((stats["sessions"], stats["closes"],
                          stats["links_ended"]), (0, 50, 5))
        crowd.until(lambda: all(m.ended for m in crowd.members),
                    PATIENCE_S, "ends")
        self.assertEqual(
            sum(b"system-shutdown" in m.stream_end for m in crowd.members),
            50)

    def leave_ghosts(self, count):
        """Everything is killed: the server keeps so many sessions."""
        server, daemon = self.begin("5.1")
        crowd = Crowd(daemon.plain, count)
        self.addCleanup(crowd.close)
        crowd.login()
        daemon.kill()
        server.wait("links", "=", 0)
        self.assertEqual(server.stats()["sessions"], count,
                         "sessions that the server keeps")
        return server, daemon

    def expect_ghosts_closed(self, server, count):
        server.wait("sessions", "=", 0)
        self.assertEqual(server.stats()["closes"], count,
                         "sessions that were closed, each once")

    def test_after_a_crash_of_everything_the_ghosts_are_closed(self):
        server, daemon = self.leave_ghosts(500)
        daemon.start(server)
        self.expect_ghosts_closed(server, 500)
        self.client("alice").ping()
        self.assert_clean()

    def test_ghosts_of_a_former_name_are_closed_under_it(self):
        server, daemon = self.leave_ghosts(20)
        daemon.options["xmpp.manager.name"] = "other"
        daemon.start()
        self.expect_ghosts_closed(server, 20)
        daemon.wait_for_log("upstream: serving links=")
        self.client("alice").ping()
        self.assertEqual({at["manager"] for at in server.sessions()},
                         {"other"})

    def test_ghosts_are_closed_by_a_start_with_room_for_fewer_or_more(self):
        for room in (1024, 16384):
            with self.subTest(room):
                server, daemon = self.leave_ghosts(20)
                daemon.options["sessions.max"] = room
                daemon.start(server)
                self.expect_ghosts_closed(server, 20)
                self.client("alice").ping()
                self.assert_clean()


class Changes(OperatorScene):
    """Other numbers and another secret while two talk."""

    def begin_pair(self, **options):
        server, daemon = self.begin_operated(**options)
        self.alice, self.bob = self.client("alice"), self.client("bob")
        self.spoken = 0
        return server, daemon

    def speak(self):
        self.spoken += 1
        self.alice.send(f"<message to='{self.bob.jid}'><body>n{self.spoken}."
                        "</body></message>")
        self.bob.expect(f"n{self.spoken}\\.")

    def until_links(self, server, count):
        end = time.monotonic() + PATIENCE_S
        while True:
            self.speak()
            links = [link for link in server.links() if link["ready"]]
            rows = self.rows("links")
            if len(links) == len(rows) == count and all(
                    row["state"] == "serving" and row["lanes"] for row in
                    rows):
                return {link["number"] for link in links}
            self.assertLess(time.monotonic(), end, (links, rows))

    def test_links_come_and_go_at_a_reload(self):
        server, daemon = self.begin_pair()
        for count in (2, 16, 1, 3, 5):
            answer = self.reload(**{"xmpp.manager.connections": count})
            self.assertEqual(answer["applied"], "xmpp.manager.connections")
            self.until_links(server, count)
            self.cmctl("wait", "ready")
        stats = server.stats()
        self.assertEqual(stats["links_ended"], 3 + 15, stats)
        self.assertNotIn("link down", "".join(
            line for line in daemon.tail(10 ** 6).splitlines()
            if "ended in order" not in line))
        self.assertRegex(self.cmctl("show", "metrics"),
                         "cmanager_links_lost_total 0\n")
        self.assert_clean()

    def test_a_new_secret_replaces_the_links_one_by_one(self):
        for count in (1, 3):
            with self.subTest(count):
                server, daemon = self.begin_pair(
                    **{"xmpp.manager.connections": count})
                before = self.until_links(server, count)
                server.command("secret other")
                self.reload(**{"xmpp.password": "other"})
                while self.until_links(server, count) & before:
                    pass
                self.assertEqual(server.stats()["refused"], 0)
                log = daemon.tail(10 ** 6)
                self.assertNotIn("all links lost", log)
                self.assertEqual(log.count("the secret is new"), count)
                self.assert_clean()
                self.end()

    def test_a_wrong_secret_costs_one_link_at_most(self):
        for count in (1, 3):
            with self.subTest(count):
                server, daemon = self.begin_pair(
                    **{"xmpp.manager.connections": count, **QUICK})
                self.reload(**{"xmpp.password": "wrong"})
                server.wait("refused", ">", 2)
                self.speak()
                self.assertEqual(server.stats()["links_ready"],
                                 max(1, count - 1))
                self.reload(**{"xmpp.password": "s3cr3t"})
                self.until_links(server, count)
                self.assertNotIn("all links lost", daemon.tail(10 ** 6))
                self.end()


class Sessions(Scene):
    def test_a_kicked_session_ends_in_every_manner(self):
        for dialect in DIALECTS:
            with self.subTest(dialect):
                # 3.6 chooses a link at random for each packet, so over two
                # the error may come behind the session's end.
                server, _ = self.begin(dialect, {
                    "xmpp.manager.connections": 1 if dialect == "3.6" else 5})
                alice = self.client("alice")
                server.command(f"kick {alice.jid} policy-violation")
                alice.expect("<stream:error.*?<policy-violation")
                self.assertTrue(alice.ends())
                self.end()

    def test_a_session_ended_by_its_own_presence_is_told_at_once(self):
        server, _ = self.begin("5.1")
        alice = self.client("alice")
        server.command(f"kick {alice.jid}")
        alice.expect("<stream:error.*?<reset")
        self.assertTrue(alice.ends())

    def test_a_close_iq_ends_the_stream_with_its_error(self):
        server, _ = self.begin("5.1")
        alice = self.client("alice")
        server.command(f"close {alice.jid} not-authorized")
        alice.expect("<stream:error.*?<not-authorized.*?</stream:stream>")
        server.wait("sessions", "=", 0)

    def test_a_message_for_an_unknown_stream_is_returned_and_closed(self):
        server, _ = self.begin("5.1")
        number = server.links()[0]["number"]
        server.command(
            f"push {number} <route from=\"xmpp.example\" to=\"cm\" "
            "streamid=\"cmnobody\"><message to=\"a@xmpp.example/r\" "
            "from=\"b@xmpp.example/r\"><body>lost</body></message></route>")
        server.wait("failed_not_found", ">", 0)
        server.wait("close_not_found", ">", 0)
        self.assert_clean()

    def test_what_a_dead_client_never_got_is_stored_offline(self):
        server, _ = self.begin("5.1", {"session.stalled.cap": 50000000})
        alice = self.client("alice")
        alice.send("<presence/>")
        alice.expect("<presence")
        body = "x" * 2000
        for number in range(3000):  # more than kernel buffers hold
            server.command(f"packet {alice.jid} <message id=\"{number}\">"
                           f"<body>{body}</body></message>")
        alice.close()
        server.wait("sessions", "=", 0)
        self.assertGreater(server.stats()["failed"], 0)
        self.assert_clean()

    def test_three_megabytes_come_down_and_200_kilobytes_go_up(self):
        server, _ = self.begin("5.1")
        alice, bob = self.client("alice"), self.client("bob")
        alice.send(f"<message to='{bob.jid}'><body>" + "y" * 200000
                   + "</body></message>")
        self.assertIn("y" * 200000, bob.expect("<message .*?</message>"))
        server.command(f"packet {bob.jid} <message id=\"big\"><body>"
                       + "z" * 3000000 + "</body></message>")
        self.assertIn("z" * 3000000, bob.expect("<message .*?</message>"))
        self.assert_clean()


if __name__ == "__main__":
    unittest.main()
