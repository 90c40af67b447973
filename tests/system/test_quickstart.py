#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The running part of contrib/quickstart, and that nothing of it remains."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system" / "lib"))
from line_process import LineProcess  # noqa: E402
from support import PATIENCE_S  # noqa: E402

SCRIPT = ROOT / "contrib" / "quickstart.py"
READY = "Ctrl-C ends everything."


def processes_below(directory):
    """Ids of those that were started with it in their environment, which is
    inherited, or have a file open there, as logs are."""
    found = set()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            marks = [(process / "environ").read_bytes()]
            marks += [os.fsencode(os.readlink(fd))
                      for fd in (process / "fd").iterdir()]
        except OSError:
            continue  # gone, or not ours
        if any(os.fsencode(directory) in mark for mark in marks):
            found.add(int(process.name))
    return found


class Quickstart(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="cm-quickstart-")
        self.addCleanup(directory.cleanup)
        self.scratch = pathlib.Path(directory.name) / "scratch"
        self.scratch.mkdir()
        self.tools = pathlib.Path(directory.name) / "tools"
        self.tools.mkdir()

    def begin(self, *arguments):
        run = LineProcess(["/usr/bin/python3", SCRIPT, *arguments], env={
            **os.environ, "TMPDIR": str(self.scratch),
            "PATH": f"{self.tools}:{os.environ['PATH']}"},
            start_new_session=True)
        self.addCleanup(run.stop)
        return run

    def replace_tool(self, name, script):
        tool = self.tools / name
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)

    @staticmethod
    def answer_of(line):
        return subprocess.run(
            line.replace("curl -s ", "curl -sf "), shell=True, cwd="/",
            capture_output=True, check=True, text=True,
            timeout=PATIENCE_S).stdout

    def assert_nothing_remains(self):
        end = time.monotonic() + PATIENCE_S
        while processes_below(self.scratch):
            self.assertLess(time.monotonic(), end, "processes remain")
            time.sleep(0.02)
        self.assertEqual(os.listdir(self.scratch), [])

    def test_two_foreign_clients_talk_and_all_ends(self):
        run = self.begin("--once")
        run.expect("quickstart: alice logged in .* TLSv1.3 after STARTTLS.*")
        run.expect("quickstart: bob .* got from alice: 'Hello Bob.*")
        run.expect("quickstart: alice .* got from bob: 'Hello Alice.*")
        run.expect("quickstart: done")
        self.assertEqual(run.wait(), 0)
        self.assert_nothing_remains()

    def test_it_stays_until_a_signal_and_leaves_nothing(self):
        for send, number, status in ((os.kill, signal.SIGINT, 0),
                                     (os.kill, signal.SIGTERM, 143),
                                     (os.killpg, signal.SIGHUP, 129)):
            run = self.begin()
            run.expect(READY)
            # Itself, Prosody, master, upstream, control, two workers; and the
            # one that stands by for upstream, a moment later.
            self.assertIn(len(processes_below(self.scratch)), (7, 8))
            send(run.process.pid, number)
            self.assertEqual(run.wait(), status, run.lines)
            self.assert_nothing_remains()

    def test_the_commands_that_it_suggests_work(self):
        run = self.begin()
        run.expect(READY)
        shown = "\n".join(run.lines)
        self.assertIn("4 children, 5 links to Prosody", shown)
        for line in re.findall(r"(?m)^  ((?:\S*/cmctl|curl) .*[a-z])$", shown):
            if not line.endswith("top"):
                self.assertTrue(self.answer_of(line), line)
        self.assertIn("serving", self.answer_of(next(
            line.strip() for line in run.lines if "show info" in line)))
        listen, send = re.findall(
            r"(?m)^  ((?:echo hello \| )?SSL_CERT_FILE=.*\\\n.*)$", shown)
        listener = LineProcess(["/bin/sh", "-c", listen.replace(
            "go-sendxmpp", "exec go-sendxmpp")])
        self.addCleanup(listener.stop)
        sender = LineProcess(["/bin/sh", "-c", send])
        self.addCleanup(sender.stop)
        self.assertEqual(sender.wait(), 0, sender.lines)
        listener.expect(r"\S+ alice@xmpp.example: hello")

    def test_an_interrupt_from_the_terminal_reaches_all_and_ends_all(self):
        run = self.begin()
        run.expect(READY)
        os.killpg(run.process.pid, signal.SIGINT)
        run.expect("quickstart: done")
        self.assertEqual(run.wait(), 0, run.lines)
        self.assert_nothing_remains()

    def test_an_interrupt_at_any_time_leaves_nothing(self):
        for line in ("quickstart: Prosody serves .*",
                     "quickstart: alice logged in .*",
                     "quickstart: bob .*"):
            run = self.begin("--once")
            run.expect(line)
            os.killpg(run.process.pid, signal.SIGINT)
            self.assertEqual(run.wait(), 1, run.lines)
            self.assert_nothing_remains()

    def test_a_failing_client_fails_it_and_shows_the_logs(self):
        self.replace_tool("go-sendxmpp", "echo no such luck; exit 1")
        run = self.begin("--once")
        run.expect(".*no such luck.*")
        run.expect("quickstart: failed")
        self.assertEqual(run.wait(), 1)
        self.assertIn("Prosody", "\n".join(run.lines))
        self.assert_nothing_remains()

    def test_accounts_that_cannot_be_made_fail_it(self):
        self.replace_tool("prosodyctl", "echo broken; exit 1")
        run = self.begin("--once")
        run.expect("quickstart: FAILED: .*prosodyctl.*")
        self.assertEqual(run.wait(), 1)
        self.assert_nothing_remains()

    def test_a_server_that_does_not_start_fails_it(self):
        self.replace_tool("prosody", "echo broken; exit 1")
        run = self.begin("--once")
        run.expect("quickstart: failed")
        self.assertEqual(run.wait(), 1)
        self.assert_nothing_remains()

    @unittest.skipIf(os.environ.get("CM_WITHOUT_MANAGER") == "1",
                     "there is no daemon")
    def test_it_says_when_the_daemon_dies(self):
        run = self.begin()
        pid = int(run.expect(r".* process (\d+) .*").group(1))
        run.expect(READY)
        os.kill(pid, signal.SIGKILL)
        run.expect("quickstart: FAILED.* cmanagerd ended by itself.*")
        self.assertEqual(run.wait(), 1)
        self.assert_nothing_remains()


if __name__ == "__main__":
    unittest.main()
