#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Metrics for Prometheus and health for load balancers, over HTTP."""

import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import board  # noqa: E402
from http_scene import HttpScene  # noqa: E402
from support import PATIENCE_S, Deadline  # noqa: E402


class Http(HttpScene):
    def until_ready_says(self, status, word):
        end = time.monotonic() + PATIENCE_S
        while self.ask("/ready") != (status, word):
            self.assertLess(time.monotonic(), end, self.ask("/ready"))
            time.sleep(0.02)

    def test_metrics_are_those_of_the_control_socket(self):
        self.begin_http()
        self.client("alice").ping()
        # The start looked whether the ports answer.
        self.until(lambda: "\ncmanager_clients_open 1\n" in
                   self.ask("/metrics")[1])
        status, text = self.ask("/metrics")
        self.assertEqual(status, 200)
        self.assertIn('\ncmanager_logins_total{mechanism="PLAIN",'
                      'outcome="success"} 1\n', text)
        self.assertEqual(text.count("# TYPE cmanager_logins_total counter"), 1)
        done = subprocess.run(["promtool", "check", "metrics"], input=text,
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "", ""))
        names = {line.split()[0] for line in text.splitlines()}
        other = {line.split()[0]
                 for line in self.cmctl("show", "metrics").splitlines()}
        self.assertEqual(names, other)

    def test_what_board_and_alerts_ask_for_is_there(self):
        self.begin_http()
        self.cmctl("wait", "ready")
        text = self.ask("/metrics")[1]
        there = board.metric_names(line.split()[0]
                                   for line in text.splitlines()
                                   if not line.startswith("#"))
        # Nothing has one here.
        self.assertIn("\n# TYPE cmanager_ocsp_expiry_seconds gauge\n", text)
        there.add("cmanager_ocsp_expiry_seconds")
        asked = board.metric_names(board.board_queries())
        self.assertGreater(len(asked), 30)
        self.assertEqual(asked - there, set())
        self.assertEqual(board.metric_names(board.rule_queries()) - there,
                         set())
        self.assertIn("\ncmanager_links_up 5\n", text)
        self.assertIn("\ncmanager_links_wanted 5\n", text)
        self.assertIn("\ncmanager_server_serving 1\n", text)
        self.assertIn("\ncmanager_workers 2\n", text)
        self.assertIn("\ncmanager_workers_wanted 2\n", text)
        self.assertIn("\ncmanager_clients_max 8192\n", text)

    def test_the_job_for_prometheus_can_be_read(self):
        done = subprocess.run(
            ["promtool", "check", "config", "--syntax-only",
             str(board.RULES.parent / "prometheus.yaml")],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_alerts_are_raised_when_they_should_be(self):
        for words in (("check", "rules", "alerts.yaml"),
                      ("test", "rules", "alerts_test.yaml")):
            shutil.copy(board.RULES, self.directory.name)
            shutil.copy(pathlib.Path(__file__).parent / "prometheus"
                        / "alerts_test.yaml", self.directory.name)
            done = subprocess.run(["promtool", *words], capture_output=True,
                                  text=True, check=False,
                                  cwd=self.directory.name)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_ready_says_whether_clients_should_come(self):
        server, _ = self.begin_http(**{"xmpp.server.grace": 0})
        self.until_ready_says(200, "ready\n")
        self.assertEqual(self.ask("/ready", "HEAD"), (200, ""))
        self.cmctl("drain", "all", "0")
        self.assertEqual(self.ask("/ready"), (503, "drained\n"))
        self.assertEqual(self.ask("/health"), (200, "alive\n"))
        self.cmctl("undrain", "all")
        self.cmctl("wait", "ready")
        self.assertEqual(self.ask("/ready"), (200, "ready\n"))
        server.command("refuse close")
        server.command("cut all rst")
        self.until_ready_says(503, "unreachable\n")
        self.assertEqual(self.ask("/health"), (200, "alive\n"))

    def test_ready_says_that_clients_are_held(self):
        server, _ = self.begin_http(**{"xmpp.server.grace": 600})
        self.cmctl("wait", "ready")
        server.command("refuse close")
        server.command("cut all rst")
        self.until_ready_says(503, "holding\n")

    def test_whoever_has_waited_for_ready_is_told_so(self):
        server, _ = self.begin_http(**{"xmpp.server.backoff.min": 0.2,
                                       "xmpp.server.backoff.max": 0.4})
        for _ in range(8):
            self.cmctl("wait", "ready")
            self.assertEqual(self.ask("/ready"), (200, "ready\n"))
            server.command("cut all rst")
            self.until(lambda: not self.info()["links"] or
                       self.ask("/ready")[0] != 200)

    def test_descriptors_that_were_short_are_missed_no_longer(self):
        """While there is none, nobody is accepted; then everybody is."""
        self.begin_http()
        for held in range(3):
            with self.subTest(held=held):
                self.run_short_of_descriptors(held)

    def run_short_of_descriptors(self, held):
        """While so many are connected."""
        control = self.info()["control_pid"]
        held = [self.connect() for _ in range(held)]
        for peer in held:
            peer.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertTrue(peer.recv(99).startswith(b"HTTP/1.1 200 "))
        used = {int(name) for name in os.listdir(f"/proc/{control}/fd")}
        limit = next(fd for fd in range(len(used) + 1) if fd not in used)
        before = resource.prlimit(control, resource.RLIMIT_NOFILE)
        resource.prlimit(control, resource.RLIMIT_NOFILE, (limit, before[1]))
        peers = [self.connect() for _ in range(3)]
        for peer in peers:
            peer.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        self.until_idle(control)
        resource.prlimit(control, resource.RLIMIT_NOFILE, before)
        for peer in peers:
            self.assertTrue(peer.recv(99).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(self.ask("/health")[0], 200)

    @staticmethod
    def until_idle(pid):
        """It has looked at what has come, and sleeps."""
        for _ in range(3):
            time.sleep(0.1)
            deadline = Deadline(PATIENCE_S, "it does not come to rest")
            while pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(
                    ")", 1)[1].split()[0] != "S":
                deadline.left()

    def test_what_is_not_understood_is_refused(self):
        self.begin_http()
        self.assertEqual(self.ask("/")[0], 404)
        self.assertEqual(self.ask("/metrics/..%2f..%2fetc/passwd")[0], 404)
        self.assertEqual(self.ask("/metrics", "POST")[0], 405)
        for junk in (b"\0\xff" * 5000, b"GET " + b"a" * 100000, b"\r\n" * 999,
                     b"POST /metrics HTTP/1.1\r\nHost: x\r\n"
                     b"Content-Length: 99999999999\r\n\r\n" + b"x" * 70000):
            with socket.create_connection(("127.0.0.1", self.port)) as s:
                s.settimeout(PATIENCE_S)
                try:
                    s.sendall(junk)
                    while s.recv(65536):
                        pass
                except OSError:
                    pass
            self.assertEqual(self.ask("/health")[0], 200)

    def test_a_body_changes_nothing_about_the_refusal(self):
        self.begin_http()
        head = b"POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        requests = {
            "a small one": head + b"Content-Length: 3\r\n\r\nabc",
            "one in pieces": head + b"Transfer-Encoding: chunked\r\n\r\n"
                             b"3\r\nabc\r\n0\r\n\r\n",
            "a large one": head + b"Content-Length: 60000\r\n\r\n"
                           + b"x" * 60000,
            "one that is only announced":
                head + b"Content-Length: 99999999999\r\n\r\n",
            "one that asks whether to come":
                head + b"Content-Length: 100000\r\n"
                       b"Expect: 100-continue\r\n\r\n"}
        for what, request in requests.items():
            for method in (b"POST", b"PUT", b"DELETE"):
                peer = self.connect()
                peer.sendall(request.replace(b"POST", method, 1))
                answer = b""
                while got := peer.recv(65536):
                    answer += got
                self.assertTrue(answer.startswith(b"HTTP/1.1 405 "),
                                (what, method, answer))

    def test_a_crowd_that_says_nothing_costs_others_nothing(self):
        """Nor one that says a byte now and then."""
        self.begin_http()
        crowd = [self.connect() for _ in range(200)]
        for member in crowd[100:]:
            try:
                member.sendall(b"GET /health HTTP/1.1\r\nHost: ")
            except OSError:
                pass  # it was evicted
        self.assertEqual(self.ask("/health"), (200, "alive\n"))
        self.assertIn("cmanager_workers 2", self.ask("/metrics")[1])
        self.client("alice").ping()

    def test_a_request_that_drips_is_cut_off(self):
        """A byte a moment keeps no connection for ever."""
        self.begin_http()
        peer = self.connect()
        peer.sendall(b"GET /health HTTP/1.1\r\nX: ")
        sent, took_s = self.drip(peer, b"x" * 65536)
        self.assertGreater(sent, 1)
        self.assertGreater(took_s, 3)

    def test_a_connection_may_ask_again(self):
        self.begin_http()
        peer = self.connect()
        for _ in range(3):
            peer.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"alive\n"):
                got = peer.recv(4096)
                self.assertTrue(got, answer)
                answer += got

    def test_another_address_is_listened_on_when_one_is_named(self):
        self.begin_http(**{"http.address": "127.0.0.2"})
        self.assertEqual(self.ask("/health", host="127.0.0.2"),
                         (200, "alive\n"))
        with self.assertRaises(OSError):
            self.ask("/health")

    def test_it_listens_on_the_loopback_address_alone(self):
        self.begin_http()
        sockets = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        hosts = {line.split()[1].split(":")[0] for line in sockets
                 if line.split()[3] == "0A"
                 and int(line.split()[1].split(":")[1], 16) == self.port}
        self.assertEqual(hosts, {"0100007F"})


if __name__ == "__main__":
    unittest.main()
