#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The daemon in the background, as an init without a service manager has it:
when the command returns and what it says, and the pid file."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import Daemon, program  # noqa: E402
from processes import children, is_there  # noqa: E402
from scene import Scene  # noqa: E402
from support import PATIENCE_S  # noqa: E402


class Background(Scene):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.directory.name)
        self.pid_file = self.folder / "cm.pid"
        self.log = self.folder / "cm.log"
        self.addCleanup(self.end_background)

    def configure(self, **options):
        self.config = Daemon(self.directory.name, 1, {
            "log.target": "file", "log.file": self.log,
            "pid.file": self.pid_file, **options})
        self.config.write()
        return self.config

    def call(self, *arguments, seconds=PATIENCE_S):
        return subprocess.run(
            [program(), "-d", "-c", str(self.config.path), *arguments],
            capture_output=True, timeout=seconds, check=False,
            stdin=subprocess.DEVNULL)

    def pid(self):
        return int(self.pid_file.read_text())

    def wait_gone(self, pid):
        end = time.monotonic() + PATIENCE_S
        while is_there(pid):
            self.assertLess(time.monotonic(), end, "it does not end")
            time.sleep(0.02)

    def end_background(self):
        if self.pid_file.exists() and self.pid_file.read_text():
            pid = self.pid()
            os.kill(pid, signal.SIGTERM)
            self.wait_gone(pid)

    def test_the_command_returns_when_clients_are_answered(self):
        config = self.configure()
        done = self.call()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(b"ended", done.stderr)
        for port in (config.plain, config.direct):
            socket.create_connection(("127.0.0.1", port), 1).close()
        pid = self.pid()
        self.assertEqual(self.pid_file.read_text(), f"{pid}\n")
        self.assertEqual(os.getsid(pid) == os.getsid(0), False)
        self.assertEqual(os.readlink(f"/proc/{pid}/cwd"), "/")
        family = [pid] + children(pid)
        self.assertEqual(len(family), 4)
        for member in family:
            stat = pathlib.Path(f"/proc/{member}/stat").read_text()
            self.assertEqual(stat.rsplit(")", 1)[1].split()[4], "0",
                             "it has a terminal")
            for fd in (0, 1, 2):
                self.assertEqual(os.readlink(f"/proc/{member}/fd/{fd}"),
                                 "/dev/null")
        os.kill(pid, signal.SIGTERM)
        self.wait_gone(pid)
        self.assertFalse(self.pid_file.exists())
        self.assertIn("stopped", self.log.read_text())

    def test_a_second_instance_is_refused_and_a_stale_file_is_not_in_the_way(
            self):
        self.configure()
        self.pid_file.write_text(f"{os.getpid()}\n")  # a stale one
        self.assertEqual(self.call().returncode, 0)
        first = self.pid()
        done = self.call()
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"another instance has this pid file", done.stderr)
        self.assertEqual(self.pid(), first)
        os.kill(first, signal.SIGKILL)
        self.wait_gone(first)
        done = self.call()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotEqual(self.pid(), first)

    def test_the_reason_of_a_failure_is_said_to_the_caller(self):
        config = self.configure()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", config.plain))
            taken.listen()
            done = self.call()
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot listen", done.stderr)
        self.assertFalse(self.pid_file.exists())

    def test_a_pid_file_that_cannot_be_is_an_error(self):
        self.configure()
        done = self.call("-p", str(self.folder / "none" / "pid"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write the pid file", done.stderr)

    def test_without_syslog_it_starts_and_says_so(self):
        self.configure(**{"log.target": "auto", "log.file": None,
                          "log.socket": self.folder / "none"})
        done = self.call()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"no syslog listens there", done.stderr)
        self.assertIn(b"until the log can be opened, only what prevents"
                      b" the start is shown", done.stderr)

    def test_a_second_one_of_its_name_is_named(self):
        self.configure()
        self.assertEqual(self.call().returncode, 0)
        other = self.folder / "other"
        other.mkdir()
        copy = Daemon(other, 1, {})
        copy.start()
        self.addCleanup(copy.stop)
        copy.wait_for_log("another connection manager of this name runs on "
                          "this machine name=cm ")
        self.assertIn("xmpp.manager.name", copy.tail())
        copy.wait_for_log("ready workers=")  # it hears signals from here on

    def test_standard_error_is_no_log_in_the_background(self):
        self.configure(**{"log.target": "stderr", "log.file": None})
        done = self.call()
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"nobody reads", done.stderr)


if __name__ == "__main__":
    unittest.main()
