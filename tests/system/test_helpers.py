#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the tests' own helpers see and say, on which all others rely."""

import pathlib
import sys
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import processes  # noqa: E402
from daemon import Daemon  # noqa: E402

LINE = "2026-01-01T00:00:00.000Z info worker 0: stream restarted "
REPORT = """==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x6
READ of size 8 at 0x6 thread T0
    #0 0x4 in client_close worker/client/client.c:1:2
SUMMARY: AddressSanitizer: heap-use-after-free
"""


class Logs(unittest.TestCase):
    def judged(self, text):
        """What check_log says of this log; None when it is content."""
        daemon = Daemon.__new__(Daemon)
        daemon.tail = lambda size: text[-size:]
        try:
            daemon.check_log()
        except AssertionError as error:
            return str(error)
        return None

    def test_a_defect_is_shown_however_long_the_log(self):
        log = [LINE + f"number={n}\n" for n in range(2000)]
        said = self.judged("".join(log[:100]) + REPORT + "".join(log[100:]))
        for line in REPORT.splitlines() + ["number=97\n", "number=102\n"]:
            self.assertIn(line, said)
        self.assertIn("\n> ==7==ERROR: AddressSanitizer", said)
        self.assertIn("number=1999\n", said)
        self.assertLess(len(said), 20000)

    def test_what_is_a_defect(self):
        for line in ("error upstream: panic: broken claim at a.c:1: x > 0",
                     "error worker 3: panic: out of memory bytes=8",
                     "a.c:1:2: runtime error: index 9 out of bounds",
                     "==7==ERROR: LeakSanitizer: detected memory leaks",
                     "SUMMARY: UndefinedBehaviorSanitizer: a.c:1:2",
                     "AddressSanitizer: CHECK failed: asan_thread.cpp:1",
                     "WARNING: ThreadSanitizer: data race (pid=7)"):
            self.assertIn("> " + line, self.judged(LINE + "\n" + line) or "")

    def test_what_is_none(self):
        """Random ids, and what a process says that ends for what it read."""
        for words in ("session=cm0000kclqtpanic73ihuk9 address=127.0.0.1:5",
                      "stream_id=cm0000panicdtjvdn9qir3b address=127.0.0.1:5",
                      'user="panic" session=cm0000kclqtpanic address=-'):
            self.assertIsNone(self.judged(LINE + words))
        self.assertIsNone(self.judged(
            "error master: panic message process=\"worker 9\" pid=30034 "
            "text=\"the down ring is damaged\""))


class Processes(unittest.TestCase):
    def children(self, *lists):
        """As the kernel would show them one after the other."""
        with mock.patch.object(processes, "read_process_file",
                               side_effect=lists):
            return processes.children(7)

    def test_no_child_is_missed_while_another_is_waited_for(self):
        self.assertEqual(self.children(b"1 2 3 ", b"1 2 3 "), [1, 2, 3])
        self.assertEqual(self.children(b"1 3 ", b"2 3 ", b"2 3 "), [2, 3])
        self.assertEqual(self.children(b"1 3 5 ", b"2 3 5 ", b"2 4 5 ",
                                       b"2 4 5 "), [2, 4, 5])
        self.assertEqual(self.children(b"", b""), [])
        self.assertEqual(self.children(None, None), [])


if __name__ == "__main__":
    unittest.main()
