#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Workers out of service and back: by command, by signal, and to the end."""

import os
import pathlib
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S  # noqa: E402


class Drain(OperatorScene):
    def workers(self, state=None):
        """worker: row, of those in this state."""
        rows = self.rows("workers")[1:]
        return {row["worker"]: row for row in rows
                if state in (None, row["state"])}

    def spread(self, count):
        """Logged in clients by worker; so many, and more while some
        worker has none, for the kernel spreads them by chance."""
        found, number, serving = {}, 0, set(self.workers("serving"))
        while number < count or (set(found) != serving and number < 100):
            client = self.client(f"u{number}")
            rows = self.rows("sessions", f"jid=u{number}@*")
            found.setdefault(rows[0]["worker"], []).append(client)
            number += 1
        self.assertEqual(set(found), serving)
        return found

    @staticmethod
    def leave(client):
        client.send("</stream:stream>")
        client.expect("</stream:stream>")
        client.close()

    def test_one_waits_for_its_clients_and_ends_with_the_last(self):
        self.begin_operated()
        clients = self.spread(16)
        gone, stays = clients
        self.cmctl("drain", str(gone), "0")
        self.assertEqual(set(self.workers("draining")), {gone})
        for group in clients.values():
            for client in group:
                client.ping()
        late = [self.client(f"late{i}") for i in range(8)]
        rows = self.rows("sessions", "jid=late*")
        self.assertEqual({row["worker"] for row in rows}, {stays})
        for client in clients[gone]:
            self.leave(client)
        self.cmctl("wait", "drained")
        self.assertEqual(set(self.workers()), {stays})
        for client in clients[stays] + late:
            client.ping()
        self.assert_clean()

    def test_within_a_window_they_are_told_and_spread(self):
        self.begin_operated()
        clients = self.spread(24)
        gone = max(clients, key=lambda worker: len(clients[worker]))
        begun = time.monotonic()
        self.cmctl("drain", str(gone), "4")
        for client in clients[gone]:
            client.expect("<system-shutdown ")
            client.expect("</stream:stream>")
            client.close()
        self.assertGreater(time.monotonic() - begun, 1.5)
        self.cmctl("wait", "drained")
        took = time.monotonic() - begun
        print(f"drained after {took:.1f} s of 4", file=sys.stderr)
        self.assertLess(took, 40)
        self.assert_clean()

    def test_they_are_told_where_to_go(self):
        self.begin_operated(**{"drain.host": "other.example:5222"})
        clients = self.spread(8)
        self.cmctl("drain", "all", "1")
        for group in clients.values():
            for client in group:
                client.expect("<see-other-host xmlns=\"urn:ietf:params:xml:"
                              "ns:xmpp-streams\">other.example:5222<")
        self.assert_clean()

    def test_one_that_is_taken_back_is_the_same_process(self):
        self.begin_operated()
        clients = self.spread(12)
        pids = {row["pid"] for row in self.workers().values()}
        one = next(iter(clients))
        self.cmctl("drain", str(one), "0")
        self.cmctl("undrain", str(one))
        self.assertEqual(
            {row["pid"] for row in self.workers("serving").values()}, pids)
        self.spread(16)
        self.cmctl("undrain", str(one), code=1)
        self.cmctl("drain", "99", code=1)
        self.cmctl("drain", code=1)
        self.cmctl("drain", str(one), "soon", code=1)
        self.cmctl("drain", str(one), "1", "soon", code=1)
        self.cmctl("drain", str(one), "wait", "1", code=1)
        self.cmctl("drain", str(one), "1", "wait", "wait", code=1)

    def test_an_order_can_wait_until_it_is_done(self):
        self.begin_operated(**{"drain.window": 1})
        client = self.client("alice")
        self.cmctl("drain", "all", "wait")
        self.assertEqual(self.workers("draining"), {})
        self.assertIn("closed_drained_total 1\n",
                      self.cmctl("show", "metrics"))
        client.expect("</stream:stream>")
        client.close()
        self.cmctl("undrain", "all")
        self.cmctl("wait", "ready")
        self.cmctl("drain", "all", "0", "wait")

    def test_all_are_drained_and_nobody_gets_in_until_they_are_back(self):
        _, daemon = self.begin_operated()
        clients = self.spread(8)
        self.cmctl("drain", "all", "0")
        self.assertEqual(len(self.workers("draining")), 2)
        for port in daemon.ports():  # each process closes one by one
            self.until(lambda: not self.answers(port))  # noqa: B023
        for group in clients.values():
            for client in group:
                client.ping()
        self.cmctl("undrain", "all")
        self.cmctl("wait", "ready")
        self.client("late").ping()
        self.spread(12)
        self.assert_clean()

    @staticmethod
    def answers(port):
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return True
        except OSError:
            return False

    def test_signals_make_it_one_more_and_one_fewer(self):
        _, daemon = self.begin_operated(**{"workers.max": 3})
        daemon.process.send_signal(signal.SIGTTIN)
        self.until(lambda: len(self.workers("serving")) == 3)
        self.spread(24)
        daemon.process.send_signal(signal.SIGTTIN)
        daemon.wait_for_log("the number of workers stays signal=TTIN")
        daemon.process.send_signal(signal.SIGTTOU)
        self.until(lambda: len(self.workers("draining")) == 1)
        pids = {row["pid"] for row in self.workers().values()}
        daemon.process.send_signal(signal.SIGTTIN)
        self.until(lambda: len(self.workers("serving")) == 3)
        self.assertEqual({row["pid"] for row in self.workers().values()}, pids)

    def test_quit_drains_then_stops(self):
        _, daemon = self.begin_operated(**{"drain.window": 1})
        client = self.client("alice")
        daemon.process.send_signal(signal.SIGQUIT)
        client.expect("<system-shutdown ")
        client.expect("</stream:stream>")
        client.close()
        self.assertEqual(daemon.process.wait(PATIENCE_S), 0)
        self.assertIn("draining, then stopping", daemon.tail())
        self.assertNotIn("not drained in time", daemon.tail())
        self.assert_clean()

    def test_quit_waits_for_clients_and_a_second_one_does_not(self):
        _, daemon = self.begin_operated(**{"drain.window": 0})
        client = self.client("alice")
        daemon.process.send_signal(signal.SIGQUIT)
        self.until(lambda: len(self.workers("draining")) == 1)
        client.ping()
        time.sleep(0.6)  # two within half a second are one
        daemon.process.send_signal(signal.SIGQUIT)
        client.expect("<system-shutdown ")
        client.close()
        self.assertEqual(daemon.process.wait(PATIENCE_S), 0)

    def test_a_drained_worker_that_is_killed_is_recovered_not_replaced(self):
        self.begin_operated()
        clients = self.spread(12)
        gone, stays = clients
        pid = self.workers()[gone]["pid"]
        self.cmctl("drain", str(gone), "0")
        os.kill(pid, signal.SIGKILL)
        self.cmctl("wait", "drained")
        self.assertEqual(set(self.workers()), {stays})
        self.server.wait("sessions", "=", len(clients[stays]))
        for client in clients[stays]:
            client.ping()

    def test_who_waits_may_leave(self):
        self.begin_operated()
        clients = self.spread(8)
        self.cmctl("drain", str(next(iter(clients))), "0")
        with socket.socket(socket.AF_UNIX) as waiter:
            waiter.connect(self.path)
            waiter.sendall(b"wait drained\n")
        self.cmctl("wait", "ready")
        with socket.socket(socket.AF_UNIX) as waiter:
            waiter.connect(self.path)
            waiter.sendall(b"wait drained\n")
            waiter.shutdown(socket.SHUT_WR)
            for client in clients[next(iter(clients))]:
                self.leave(client)
            self.assertIn(b'\n{"ok":true', waiter.recv(1000))


if __name__ == "__main__":
    unittest.main()
