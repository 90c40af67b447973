#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the tests' own helpers see and say, on which all others rely."""

import contextlib
import fcntl
import pathlib
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
import processes  # noqa: E402
from crowd import Crowd  # noqa: E402
from daemon import Daemon  # noqa: E402
from meddler import Meddler  # noqa: E402
from support import PATIENCE_S  # noqa: E402
from xmpp_client import Client  # noqa: E402

LINE = "2026-01-01T00:00:00.000Z info worker 0: stream restarted "
REPORT = """==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x6
READ of size 8 at 0x6 thread T0
    #0 0x4 in client_close worker/client/client.c:1:2
SUMMARY: AddressSanitizer: heap-use-after-free
"""


class Meddling(unittest.TestCase):
    def unacknowledged(self, end):
        return struct.unpack("i", fcntl.ioctl(end, termios.TIOCOUTQ,
                                              b"\0" * 4))[0]

    def test_what_it_has_read_is_acknowledged_when_a_link_dies(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            meddler = Meddler(listener.getsockname()[1], None, 1)
            meddler.start()
            self.addCleanup(meddler.stop)
            near = socket.create_connection(("127.0.0.1", meddler.port))
            far = listener.accept()[0]
        with near, far:
            far.sendall(b"<a>")
            near.recv(3, socket.MSG_WAITALL)
            for _ in range(30):  # acknowledgements wait for something to say
                near.sendall(b"<q/>")
                far.recv(4, socket.MSG_WAITALL)
                far.sendall(b"<r/>")
                near.recv(4, socket.MSG_WAITALL)
            self.assertEqual(self.unacknowledged(far), 0)


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

    def test_so_is_one_that_comes_in_pieces(self):
        others = "".join(LINE + f"number={n}\n" for n in range(100))
        said = self.judged(others.join(REPORT.splitlines(True)) + 5 * others)
        for line in REPORT.splitlines():
            if "READ" not in line:
                self.assertIn("> " + line, said)

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


class Logins(unittest.TestCase):
    """With a server that says one text after the other, one for each it is
    told, and closes nothing."""

    GREETING = "<stream:stream id='a'><stream:features></stream:features>"
    SUCCESS = "<success/>"
    BOUND = "<iq type='result'><jid>alice@xmpp.example/r</jid></iq>"
    FAILURE = "<failure><temporary-auth-failure/></failure>"
    END = "<stream:error><reset/></stream:error></stream:stream>"
    # What it says instead of each answer, and with which of those before it.
    REFUSALS = ([END], [GREETING, FAILURE], [GREETING, SUCCESS + END],
                [GREETING, SUCCESS, END], [GREETING, SUCCESS, GREETING, END])

    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.port = self.listener.getsockname()[1]

    def play(self, texts):
        """To one client; returns when it leaves."""
        peer, _ = self.listener.accept()
        with peer, contextlib.suppress(OSError):
            for text in texts:
                if not peer.recv(65536):
                    return
                peer.sendall(text.encode())
            while peer.recv(65536):
                pass

    @contextlib.contextmanager
    def server(self, texts):
        thread = threading.Thread(target=self.play, args=(texts,), daemon=True)
        thread.start()
        yield
        thread.join(PATIENCE_S)

    def assert_refused(self, texts, login):
        begun = time.monotonic()
        with self.assertRaises(AssertionError) as caught:
            login()
        self.assertIn(texts[-1][-len("</failure>"):], str(caught.exception))
        self.assertLess(time.monotonic() - begun, PATIENCE_S / 2)

    def test_a_client_that_is_refused_waits_no_longer(self):
        for texts in self.REFUSALS:
            with self.subTest(texts), self.server(texts):
                client = Client(self.port)
                self.assert_refused(texts, lambda: client.login("alice"))
                client.close()

    def test_nor_does_a_crowd(self):
        for texts in self.REFUSALS:
            with self.subTest(texts), self.server(texts):
                crowd = Crowd(self.port, 1)
                self.assert_refused(texts, crowd.login)
                crowd.close()

    def test_one_that_is_not_answered_waits_as_long_as_it_is_told(self):
        with self.server([self.GREETING]):
            client = Client(self.port)
            with self.assertRaisesRegex(AssertionError, "success"):
                client.login("alice", seconds=0.5)
            client.close()

    def test_one_that_is_let_in_is_not_refused(self):
        texts = [self.GREETING, self.SUCCESS, self.GREETING,
                 self.BOUND + self.END]
        with self.server(texts):
            client = Client(self.port)
            self.assertEqual(client.login("alice"), "alice@xmpp.example/r")
            client.close()


class Runs(unittest.TestCase):
    FUNCTION = r'eval "$(sed -n "/^show_failures() {/,/^}/p" "$1")"; "$2"'

    def shown(self, log):
        return subprocess.run(
            ["bash", "-c", self.FUNCTION, "-",
             pathlib.Path(__file__).resolve().parents[1] / "run",
             "show_failures"], input=log, stdout=subprocess.PIPE, text=True,
            check=True, timeout=PATIENCE_S).stdout.splitlines()

    def test_no_failed_test_hides_another(self):
        said = [f"b said {n}" for n in range(500)]
        failed = [" 2/4 Test #7: b ....***Failed 0.1 sec"]
        late = [" 4/4 Test #9: d ....***Timeout 0.1 sec", "d said 1"]
        end = ["50% tests passed, 2 tests failed out of 4", "7 - b (Failed)"]
        log = ["    Start 1: a", " 1/4 Test #1: a .... Passed 0.1 sec",
               "    Start 7: b", *failed, *said,
               " 3/4 Test #8: c .... Passed 0.1 sec", *late, *end]
        self.assertEqual(self.shown("\n".join(log)), [
            *failed, "... 300 lines before these", *said[300:], *late, *end])


if __name__ == "__main__":
    unittest.main()
