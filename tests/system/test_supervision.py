#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon as its operator meets it: arguments, instances, users, stops, and
deaths of its processes."""

import os
import pathlib
import pwd
import random
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import BAD, Daemon, program  # noqa: E402
from processes import title  # noqa: E402
from scene import Scene  # noqa: E402
from support import PATIENCE_S  # noqa: E402

HEADER = (b"<stream:stream to='xmpp.example' xmlns='jabber:client' "
          b"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")


def until(test, holds, what, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not holds():
        test.assertLess(time.monotonic(), end, what)
        time.sleep(0.02)


class Lives(Scene):
    def workers(self):
        return [pid for pid in self.daemon.children()
                if "worker" in title(pid)]

    def test_a_second_instance_is_refused_and_the_first_lives_on(self):
        self.begin()
        second = Daemon(self.directory.name, 1)
        second.path = second.path.with_name("second.xml")
        second.write()
        done = subprocess.run([program(), "-c", str(second.path)],
                              capture_output=True, timeout=PATIENCE_S,
                              check=False)
        said = done.stderr.decode()
        self.assertEqual(done.returncode, 1, said)
        self.assertRegex(said, "another instance .*pid="
                         rf"{self.daemon.process.pid}\b")
        self.client("alice").ping()

    def test_without_its_master_all_end_in_order_and_the_next_can_start(self):
        server, daemon = self.begin()
        clients = [self.client(f"u{n}") for n in range(4)]
        server.wait("sessions", "=", 4)
        orphans = daemon.children()
        os.kill(daemon.process.pid, signal.SIGKILL)
        daemon.process.wait()
        daemon.start(server)
        self.assertEqual([pid for pid in orphans if title(pid)], [])
        server.wait("sessions", "=", 0)
        for client in clients:
            client.expect("system-shutdown")
        self.client("bob").ping()
        self.assert_clean()

    def test_a_worker_that_is_frozen_does_not_hold_up_a_stop(self):
        server, daemon = self.begin(options={"stop.timeout": 2})
        for number in range(6):
            self.client(f"u{number}").ping()
        os.kill(self.workers()[0], signal.SIGSTOP)
        begin = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.process.wait(PATIENCE_S), 1)
        took = time.monotonic() - begin
        print(f"stopped after {took:.1f} s of 2", file=sys.stderr)
        self.assertLess(took, 20)
        daemon.check_log()
        server.wait("sessions", "=", 0)
        daemon.process = None

    def test_a_second_signal_ends_the_wait(self):
        _, daemon = self.begin(options={"stop.timeout": 300})
        os.kill(self.workers()[0], signal.SIGSTOP)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for_log("stopping signal=TERM")
        time.sleep(0.7)  # sooner, it would belong to the first
        daemon.process.send_signal(signal.SIGINT)
        self.assertEqual(daemon.process.wait(PATIENCE_S), 1)
        daemon.process = None

    def test_while_workers_are_killed_every_client_is_answered(self):
        """Of those who came after the kill, before the next one. Only workers
        that serve are killed: one that never did is not replaced at once."""
        _, daemon = self.begin()
        daemon.wait_for_log('ready process="worker', times=2)
        for kills in range(1, 21):
            os.kill(random.choice(self.workers()), signal.SIGKILL)
            clients = [socket.create_connection(
                ("127.0.0.1", daemon.plain), PATIENCE_S) for _ in range(10)]
            for client in clients:
                with client:
                    client.sendall(HEADER)
                    self.assertIn(b"<stream:stream", client.recv(4096))
            daemon.wait_for_log('ready process="worker', times=2 + kills)
            self.assertEqual(len(self.workers()), 2)

    def test_a_process_that_stands_still_is_replaced_in_time(self):
        # Nobody else stands still for so long, whoever has the processors.
        server, daemon = self.begin(options={"hang.timeout": 5})
        for victim in (self.workers()[0], daemon.upstream()):
            begin = time.monotonic()
            os.kill(victim, signal.SIGSTOP)
            until(self, lambda: not title(victim), "it is still there")  # noqa: B023
            until(self, lambda: len(daemon.serving()) == 3, "no successor")
            print(f"replaced after {time.monotonic() - begin:.1f} s of 5",
                  file=sys.stderr)
            self.assertLess(time.monotonic() - begin, 50)
        self.assertEqual(daemon.tail(10 ** 6).count('"stands still"'), 2)
        daemon.wait_for_log("upstream: serving links=", times=2)
        server.wait("links_ready", "=", 5)
        self.client("alice").ping()

    def test_a_pause_of_all_processes_costs_none_of_them(self):
        _, daemon = self.begin(options={"hang.timeout": 2})
        client = self.client("alice")
        before = daemon.children()
        everyone = before + [daemon.process.pid]
        for pid in everyone:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(5)  # the pause itself
        for pid in reversed(everyone):  # the master first
            os.kill(pid, signal.SIGCONT)
        daemon.wait_for_log("the master did not run for a while")
        client.ping()
        time.sleep(1)  # its next look at them
        client.ping()
        self.assertLessEqual(set(before), set(daemon.children()))

    def test_the_configuration_is_only_read(self):
        _, daemon = self.begin()
        daemon.path.chmod(0o444)
        before = daemon.path.read_bytes(), daemon.path.stat().st_mtime_ns
        self.client("alice").ping()
        daemon.stop()
        self.assertEqual(
            (daemon.path.read_bytes(), daemon.path.stat().st_mtime_ns), before)
        self.assertEqual([at.name for at in daemon.path.parent.iterdir()
                          if at.name.startswith(daemon.path.name)],
                         [daemon.path.name])

    def test_quit_is_an_orderly_stop_without_a_core(self):
        server, daemon = self.begin()
        client = self.client("alice")
        daemon.process.send_signal(signal.SIGQUIT)
        client.expect("system-shutdown")
        client.close()
        self.assertEqual(daemon.process.wait(PATIENCE_S), 0)
        daemon.process = None
        server.wait("sessions", "=", 0)

    def test_hup_and_its_kind_end_nothing(self):
        _, daemon = self.begin()
        before = daemon.children()
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2,
                       signal.SIGTTIN, signal.SIGTTOU, signal.SIGWINCH):
            daemon.process.send_signal(number)
            for pid in before:
                os.kill(pid, number)
            # One fewer, then one more, would be another child.
            if number != signal.SIGWINCH:
                daemon.wait_for_log(f"signal={number.name[3:]}")
        for pid in before:
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGQUIT)
        self.client("alice").ping()
        self.assertLessEqual(set(before), set(daemon.children()))


class Starts(Scene):
    """Without a server."""

    def daemon_with(self, options=None, **spawn):
        self.daemon = Daemon(self.directory.name, 1, options)
        self.daemon.spawn = spawn
        self.addCleanup(self.end)
        return self.daemon

    def run_with(self, *arguments):
        done = subprocess.run([program(), *arguments], capture_output=True,
                              timeout=PATIENCE_S, check=False,
                              stdin=subprocess.DEVNULL)
        said = done.stderr.decode()
        self.assertIsNone(BAD.search(said), said)
        return done.returncode, done.stdout.decode(), said

    def test_arguments_do_what_the_manual_says(self):
        daemon = self.daemon_with()
        daemon.write()
        path = str(daemon.path)
        code, said, warned = self.run_with("-t", "-c", path)
        self.assertEqual(code, 0)
        self.assertIn("the configuration is good", said)
        self.assertRegex(
            warned, rf"{path}:\d+: warning: xmpp\.socket\.ssl\.certificate: "
            "the certificate expires soon: clients will refuse to connect when "
            "it has expired ")
        code, printed, _ = self.run_with("-T", "-c", path)
        self.assertEqual(code, 0)
        self.assertNotIn("s3cr3t", printed)
        self.assertIn("<domain>xmpp.example</domain>", printed)
        self.assertRegex(self.run_with("-V")[1], r"^cmanagerd \d+\.\d+\.\d+\n$")
        self.assertEqual(self.run_with("-x")[0], 2)
        self.assertEqual(self.run_with("-t", "-c", path, "more")[0], 2)
        code, _, said = self.run_with("-c", path + ".none")
        self.assertEqual((code, said.count("\n")), (1, 1))
        self.assertIn(path + ".none", said)

    def test_what_is_printed_is_a_configuration(self):
        daemon = self.daemon_with()
        daemon.write()
        printed = self.run_with("-T", "-c", str(daemon.path))[1]
        daemon.path.write_text(printed)
        code, _, said = self.run_with("-t", "-c", str(daemon.path))
        self.assertEqual(code, 0, said)
        self.assertNotIn("unknown", said)

    def test_started_without_standard_descriptors_it_serves(self):
        daemon = self.daemon_with(preexec_fn=lambda: os.close(0))
        daemon.start()
        daemon.wait_for_log("ready workers=2")
        for pid in [daemon.process.pid] + daemon.children():
            self.assertEqual(os.readlink(f"/proc/{pid}/fd/0"), "/dev/null")

    @unittest.skipIf(os.geteuid() != 0, "only root can become another user")
    def test_started_by_root_only_the_master_stays_root(self):
        daemon = self.daemon_with({"user": "nobody"}).start()
        nobody = pwd.getpwnam("nobody").pw_uid
        daemon.wait_for_log("ready workers=2")
        self.assertEqual(len(daemon.serving()), 3)
        self.check_children(nobody)

    @unittest.skipIf(os.geteuid() != 0, "only root can become another user")
    def test_the_master_keeps_what_it_needs_to_replace_a_hung_child(self):
        daemon = self.daemon_with({"user": "nobody", "hang.timeout": 2})
        daemon.start()
        daemon.wait_for_log("ready workers=2")
        status = pathlib.Path(
            f"/proc/{daemon.process.pid}/status").read_text()
        self.assertRegex(status, r"Uid:\t0\t0\t0\t0\n")
        for name in ("CapPrm", "CapEff", "CapBnd"):
            # net_bind_service, setpcap, setuid, setgid, kill, dac_read_search
            self.assertRegex(status, rf"{name}:\t0+405e4\n")
        before = daemon.children()
        os.kill(before[-1], signal.SIGSTOP)
        daemon.wait_for_log('"stands still"')
        until(self, lambda: not title(before[-1]) and
              len(daemon.serving()) == 3, "no successor")
        daemon.wait_for_log("ready process", times=5)  # one stands by
        self.check_children(pwd.getpwnam("nobody").pw_uid)

    def check_children(self, nobody):
        for pid in self.daemon.children():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            self.assertRegex(status, rf"Uid:\t{nobody}\t{nobody}\t{nobody}\t")
            self.assertRegex(status, r"Groups:\t[^0]* \n")
            for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                self.assertRegex(status, rf"{name}:\t0+\n")
            self.assertRegex(status, r"NoNewPrivs:\t1\n")


if __name__ == "__main__":
    unittest.main()
