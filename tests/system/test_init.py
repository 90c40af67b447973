#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The script for a classic init, verb by verb, with its exit codes (LSB 5.0,
22.2), and what else a system needs to run the daemon."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import Daemon, program  # noqa: E402
from processes import is_there  # noqa: E402
from scene import Scene  # noqa: E402
from support import PATIENCE_S, for_everybody  # noqa: E402

CONTRIB = pathlib.Path(__file__).resolve().parents[2] / "contrib"
SCRIPT = CONTRIB / "init.d" / "cmanagerd"


@unittest.skipIf(os.geteuid() != 0, "init is root")
class Init(Scene):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.directory.name)
        self.run_folder = self.folder / "run"
        self.pid_file = self.run_folder / "cmanagerd.pid"
        self.log = self.folder / "cm.log"
        self.config = Daemon(self.directory.name, 1, {
            "log.target": "file", "log.file": self.log, "user": "nobody"})
        self.config.write()
        self.set_defaults(DAEMON=program(), CONFIG=self.config.path,
                          PIDFILE=self.pid_file, STOP_SECONDS=30)
        self.addCleanup(lambda: self.call("stop"))

    def set_defaults(self, **settings):
        (self.folder / "defaults").write_text("".join(
            f"{name}='{value}'\n" for name, value in settings.items()))

    def call(self, *verb, script=SCRIPT, **options):
        return subprocess.run(
            [script, *verb], capture_output=True, timeout=2 * PATIENCE_S,
            check=False, stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                 "CMANAGER_DEFAULTS": str(self.folder / "defaults")},
            **options)

    def expect(self, code, *verb):
        done = self.call(*verb)
        self.assertEqual(done.returncode, code,
                         f"{verb}: {done.stdout} {done.stderr}")
        return done

    def pid(self):
        return int(self.pid_file.read_text())

    def test_a_life_by_verbs(self):
        self.expect(3, "status")
        self.expect(0, "start")
        self.client()
        first = self.pid()
        self.expect(0, "status")
        self.expect(0, "start")  # runs already
        self.assertEqual(self.pid(), first)
        self.expect(0, "restart")
        second = self.pid()
        self.assertNotEqual(second, first)
        self.client()
        self.expect(0, "reload")
        self.assertEqual(self.pid(), second)
        self.expect(0, "force-reload")
        self.assertNotEqual(self.pid(), second)
        self.expect(0, "try-restart")
        self.expect(0, "stop")
        self.expect(3, "status")
        self.expect(0, "stop")  # is not an error
        self.expect(0, "try-restart")
        self.expect(3, "status")  # and starts nothing

    def client(self):
        self.daemon = self.config
        try:
            return super().client()
        finally:
            self.daemon = None

    def test_a_dead_one_is_told_from_a_stopped_one_and_from_another(self):
        self.expect(0, "start")
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + PATIENCE_S
        while is_there(pid):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        self.expect(1, "status")
        self.expect(0, "start")
        self.expect(0, "stop")
        self.run_folder.mkdir(exist_ok=True)
        self.pid_file.write_text(f"{os.getpid()}\n")  # the number of another
        self.expect(1, "status")
        self.expect(0, "stop")

    def test_what_is_missing_has_a_code_of_its_own(self):
        self.expect(2)
        self.expect(2, "dance")
        self.expect(7, "reopen")
        self.expect(7, "reload")
        self.config.path.rename(self.config.path.with_suffix(".away"))
        self.expect(6, "start")
        self.config.path.write_text("<jive/>")
        done = self.expect(1, "start")
        self.assertIn(b"xmpp.domain is missing", done.stderr)
        self.set_defaults(DAEMON=self.folder / "none", CONFIG="/none")
        self.expect(5, "start")
        done = self.call("start", user="nobody",
                         script=for_everybody(SCRIPT, self.folder))
        self.assertEqual(done.returncode, 4, done.stderr)

    def test_the_log_is_opened_anew(self):
        self.expect(0, "start")
        old = self.log.rename(self.log.with_suffix(".1"))
        self.expect(0, "reopen")
        end = time.monotonic() + PATIENCE_S
        while (not self.log.exists()
               or "log reopened" not in self.log.read_text()):
            self.assertLess(time.monotonic(), end, old.read_text())
            time.sleep(0.02)


class Files(unittest.TestCase):
    """Their own programs find no fault with them."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.unit = pathlib.Path(self.directory.name) / "cmanagerd.service"
        text = (CONTRIB / "systemd" / "cmanagerd.service").read_text()
        self.unit.write_text(text.replace("/usr/sbin/cmanagerd",
                                          f'"{program()}"'))

    def run_quietly(self, *command):
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S,
                              check=False)
        self.assertEqual(done.returncode, 0, done)
        return done

    def test_systemd_takes_the_units(self):
        ports = shutil.copy(CONTRIB / "systemd" / "cmanagerd.socket",
                            self.directory.name)
        for unit in (self.unit, ports):
            done = self.run_quietly("systemd-analyze", "verify", "--man=no",
                                    unit)
            self.assertEqual(done.stderr.decode(), "")

    def test_the_unit_is_as_closed_as_we_say(self):
        done = self.run_quietly("systemd-analyze", "security", "--no-pager",
                                "--offline=true", "--threshold=30", self.unit)
        print(done.stdout.decode().splitlines()[-1], file=sys.stderr)

    def test_the_user_can_be_made(self):
        self.run_quietly("systemd-sysusers", "--dry-run",
                         CONTRIB / "sysusers.d" / "cmanager.conf")

    def test_logrotate_takes_its_rules(self):
        copy = pathlib.Path(self.directory.name) / "cmanager"
        shutil.copy(CONTRIB / "logrotate" / "cmanager", copy)
        copy.chmod(0o644)
        done = self.run_quietly("logrotate", "-d", copy)
        self.assertNotIn(b"error", done.stderr)


if __name__ == "__main__":
    unittest.main()
