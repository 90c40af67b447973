#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the log goes, how it looks there, and that no line is lost when it is
rotated or its reader is restarted."""

import base64
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from functools import partial
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from banning import FILTER, as_journal, as_syslog_file, found  # noqa: E402
from daemon import Daemon, program  # noqa: E402
from processes import open_files  # noqa: E402
from scene import Scene  # noqa: E402
from support import PATIENCE_S  # noqa: E402
from xmpp_client import Client, plain_auth  # noqa: E402


def token(user, password):
    """What a client sends of them."""
    return re.search(">(.*)<", plain_auth(user, password)).group(1)



# A user name that would be another line, or another address, in a log that
# repeats it as it is.
CRAFTED = ('x" condition=not-authorized session=- tls=no\n'
           '2026-11-28T12:00:00Z info worker 0: log-in failed '
           'address=203.0.113.9:1 mechanism=PLAIN user="y" '
           'condition=not-authorized session=- tls=no\n'
           '","address":"203.0.113.9:1')


class Reader:
    """Syslog or the journal: datagrams at a path, read all the time. The
    kernel holds but ten for whoever is late, and what finds no room is lost:
    in a network of our own there is room for more."""

    ROOM = pathlib.Path("/proc/sys/net/unix/max_dgram_qlen")

    def __init__(self, path):
        self.path = path
        self.said = []
        if [name for _, name in socket.if_nameindex()] == ["lo"]:
            with contextlib.suppress(OSError):
                self.ROOM.write_text("1000")
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.thread = threading.Thread(target=self.listen)
        self.thread.start()

    def listen(self):
        while text := self.socket.recv(65536).decode():
            self.said.append(text)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()
        os.unlink(self.path)

    def until(self, pattern, seconds=PATIENCE_S):
        end = time.monotonic() + seconds
        while True:
            for text in list(self.said):
                if re.search(pattern, text, re.DOTALL):
                    return text
            if time.monotonic() > end:
                raise AssertionError(f"no {pattern}: {self.said[-10:]}")
            time.sleep(0.02)


class Log(Scene):
    def begin_logging(self, options):
        server, _ = self.begin()
        self.daemon.stop()
        self.daemon = Daemon(self.directory.name, server.port,
                             {"log.level": "debug", **options})
        self.daemon.write()
        return server, self.daemon

    def visit(self, user):
        """A client comes and goes, which a worker says in its log."""
        client = self.client(user)
        client.ping()
        client.close()

    def offend(self):
        """A peer that speaks no TLS and is gone at once; its address."""
        with socket.create_connection(
                ("127.0.0.1", self.daemon.direct)) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
            peer.sendall(b"no TLS\n")
            return "{}:{}".format(*peer.getsockname())

    def wait_for(self, path, pattern, seconds=PATIENCE_S):
        end = time.monotonic() + seconds
        while True:
            text = path.read_text() if path.exists() else ""
            found = re.search(pattern, text)
            if found:
                return found
            self.assertLess(time.monotonic(), end, f"no {pattern}: {text}")
            time.sleep(0.02)

    def start(self, server, until):
        """Returns once clients are served. until: waits for a pattern where
        the log of this test goes."""
        with open(self.daemon.log, "wb") as log:
            self.daemon.process = subprocess.Popen(
                [program(), "-c", str(self.daemon.path)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.daemon.wait_for_ports()
        server.wait("links_ready", "=", 5)
        until(r"\bserving\b")

    def file_options(self, **more):
        path = pathlib.Path(self.directory.name) / "cm.log"
        return path, {"log.target": "file", "log.file": path, **more}

    def test_a_rotated_file_is_opened_anew_by_every_process(self):
        path, options = self.file_options()
        server, daemon = self.begin_logging(options)
        self.start(server, partial(self.wait_for, path))
        self.wait_for(path, r"master: ready workers=2")
        self.assertEqual(path.stat().st_mode & 0o777, 0o640)
        old = path.with_name("cm.log.1")
        path.rename(old)
        self.visit("alice")
        self.wait_for(old, r'worker \d: stream closed .*jid="alice@')
        daemon.process.send_signal(signal.SIGUSR1)
        self.wait_for(path, r"log reopened signal=USR1")
        self.until(lambda: all(self.logs_to(pid, path, old)
                               for pid in daemon.children()), "not anew")
        self.visit("bob")
        self.wait_for(path, r'worker \d: stream closed .*jid="bob@')
        size = old.stat().st_size
        self.visit("carol")
        self.wait_for(path, r'worker \d: stream closed .*jid="carol@')
        server.command("cut all rst")
        self.wait_for(path, r"upstream: link down ")
        self.assertEqual(old.stat().st_size, size)
        self.assertNotIn("master: ", self.daemon.log.read_text())

    @staticmethod
    def logs_to(pid, path, old):
        """Only root may look."""
        names = open_files(pid)
        return os.geteuid() != 0 or (str(path) in names and
                                     str(old) not in names)

    def test_json_lines_are_json_and_name_session_address_and_user(self):
        path, options = self.file_options(**{"log.format": "json"})
        server, _ = self.begin_logging(options)
        self.start(server, partial(self.wait_for, path))
        self.visit("alice")
        self.wait_for(path, r'"stream closed".*"jid":"alice@')
        address = self.offend()
        self.wait_for(path, rf'"stream closed".*"address":"{address}"')
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            self.assertRegex(line["time"],
                             r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertIn(line["level"], ("error", "warning", "notice",
                                          "info", "debug"))
        closed = next(line for line in lines
                      if line["message"] == "stream closed" and line["jid"])
        self.assertEqual(closed["jid"], "alice@xmpp.example/r")
        self.assertRegex(closed["address"], r"^127\.0\.0\.1:\d+$")
        self.assertRegex(closed["source"], r"^worker \d+$")
        self.assertTrue(closed["session"])
        failed = next(line for line in lines
                      if line["message"] == "TLS handshake failed"
                      and line["address"] == address)
        self.assertTrue(failed["error"])

    def test_a_restarted_syslog_is_found_again(self):
        self.restart_syslog()

    @unittest.skipIf(os.geteuid() != 0, "only root can shut others in")
    def test_likewise_by_processes_that_cannot_see_it(self):
        folder = pathlib.Path(self.directory.name) / "empty"
        folder.mkdir(mode=0o755)
        # It looks for leaks in /proc, which is not there.
        with mock.patch.dict(os.environ, ASAN_OPTIONS="detect_leaks=0"):
            self.restart_syslog(user="nobody", chroot=str(folder))

    def test_a_start_without_syslog_goes_to_standard_error_until_then(self):
        path = f"{self.directory.name}/log"
        server, daemon = self.begin_logging({"log.target": "syslog",
                                             "log.socket": path})
        self.start(server, partial(self.wait_for, daemon.log))
        text = daemon.log.read_text()
        self.assertRegex(text, rf'cannot open the log path="{path}" .*'
                         'hint="no syslog listens there')
        self.assertIn("until the log can be opened, lines go to standard error",
                      text)
        self.assertEqual(text.count("cannot open the log"), 1)
        reader = Reader(path)
        self.addCleanup(reader.close)
        reader.until(r"the log was lost for a while")
        self.visit_until_said(reader, "alice", "0")
        self.visit_until_said(reader, "alice", "1")

    def visit_until_said(self, reader, user, number):
        """Until this worker had one of them and has its log again."""
        pattern = re.compile(rf'<\d+>.*worker {number}: stream closed .*'
                             rf'jid="{user}@', re.DOTALL)

        def said():
            self.visit(user)
            return any(map(pattern.search, list(reader.said)))
        self.until(said, f"worker {number} says nothing")

    def restart_syslog(self, **options):
        path = f"{self.directory.name}/log"
        reader = Reader(path)
        self.addCleanup(reader.close)
        server, _ = self.begin_logging({"log.target": "syslog",
                                        "log.socket": path, **options})
        self.start(server, reader.until)
        text = reader.until(r"master: ready workers=2")
        self.assertRegex(text, r"^<29>[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d "
                         rf"cmanagerd\[{self.daemon.process.pid}\]: master: ")
        self.visit("alice")
        reader.until(r'<\d+>.*worker \d: stream closed .*jid="alice@')
        reader.close()
        self.visit("bob")  # nobody hears of it
        self.assertNotIn("bob@", str(reader.said))
        reader.open()
        reader.until(r"log lines were dropped count=\d+")
        reader.until(r"the log was lost for a while")
        # By the master; each worker is told.
        for number in "01":
            self.visit_until_said(reader, "carol", number)

    def test_the_journal_gets_fields(self):
        path = f"{self.directory.name}/journal"
        reader = Reader(path)
        self.addCleanup(reader.close)
        server, _ = self.begin_logging({"log.target": "journal",
                                        "log.socket": path})
        self.start(server, reader.until)
        text = reader.until(r"MESSAGE=upstream: link up")
        self.assertRegex(text, r"(?m)^CM_LINK=\d+$")
        self.assertRegex(text, r"(?m)^CM_ADDRESS=127\.0\.0\.1:\d+$")
        self.assertRegex(text, r"(?m)^PRIORITY=5$")
        self.visit("alice")
        text = reader.until(r"stream closed.*CM_JID=alice@xmpp.example/r\n")
        self.assertRegex(text, r"(?m)^CM_SOURCE=worker \d$")
        self.assertRegex(text, r"(?m)^CM_SESSION=\S+$")
        self.assertRegex(text, r"(?m)^CM_REASON=\S+$")

    def test_a_log_that_cannot_be_opened_is_an_error_and_costs_nothing(self):
        folder = pathlib.Path(self.directory.name) / "folder"
        folder.mkdir()
        path = folder / "cm.log"
        server, daemon = self.begin_logging({"log.target": "file",
                                             "log.file": path})
        self.start(server, partial(self.wait_for, path))
        old = folder.with_name("gone")
        folder.rename(old)
        daemon.process.send_signal(signal.SIGUSR1)
        self.wait_for(old / "cm.log", r'cannot open the log path="\S+" '
                      r'error="No such file or directory"')
        self.visit("alice")
        self.wait_for(old / "cm.log", r'stream closed .*jid="alice@')
        daemon.stop()
        done = subprocess.run([program(), "-c", str(daemon.path)],
                              capture_output=True, timeout=PATIENCE_S,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot open the log", done.stderr)
        self.assertIn(b'hint="make the folder of log.file"', done.stderr)

    def test_no_secret_is_in_the_most_talkative_log(self):
        path, options = self.file_options()
        server, _ = self.begin_logging(options)
        self.start(server, partial(self.wait_for, path))
        alice, bob = self.client("alice"), self.client("bob")
        alice.send("<message to='bob@xmpp.example/r' id='m1'>"
                   "<body>between us</body></message>")
        bob.expect("between us")
        self.daemon.stop()
        text = path.read_text()
        self.assertIn("stream closed", text)
        for secret in ("s3cr3t", "between us",
                       base64.b64encode(b"\0alice\0").decode()[:8]):
            self.assertNotIn(secret, text)

    # --- log-ins, and who bans for them ---

    def begin_guessed(self, options):
        """Logs so, and listens on all addresses."""
        server, _ = self.begin_logging({
            "log.level": "info", "xmpp.socket.network.interface": None,
            **options})
        return server

    def try_to_log_in(self, source, credentials, answer, host="127.0.0.1"):
        client = Client(self.daemon.plain, host=host, source=source)
        client.open()
        client.send(plain_auth(*credentials))
        client.expect(answer)
        client.close()

    def log_in_and_fail(self, server):
        """Of these addresses 127.0.0.1, 127.0.0.4 and ::1 have guessed."""
        no = "<failure .*?not-authorized"
        self.try_to_log_in("127.0.0.1", ("alice", "wrong"), no)
        self.try_to_log_in("::1", ("alice", "wrong"), no, "::1")
        self.try_to_log_in("127.0.0.2", ("bob", "x"), "<success")
        # As long as what is shown of a name, so in parts.
        for at in range(0, len(CRAFTED), 60):
            self.try_to_log_in("127.0.0.4", (CRAFTED[at:], "wrong"), no)
        server.command(f"poison rst {token('carol', 'x')}")
        self.try_to_log_in("127.0.0.3", ("carol", "x"),
                           "<failure .*?temporary-auth-failure")

    def expect_guessers(self, addresses, tries=-(-len(CRAFTED) // 60)):
        self.assertEqual(sorted(addresses), sorted(
            ["127.0.0.1", "::1"] + tries * ["127.0.0.4"]))

    def test_fail2ban_finds_who_guesses_in_a_file_of_each_format(self):
        path, options = self.file_options()
        for form in ("text", "json"):
            with self.subTest(form):
                path.unlink(missing_ok=True)
                server = self.begin_guessed({**options, "log.format": form})
                self.start(server, partial(self.wait_for, path))
                self.log_in_and_fail(server)
                self.daemon.stop()
                text = path.read_text()
                self.assertRegex(text, "log-in succeeded.*127.0.0.2.*bob")
                self.assertRegex(text, "log-in undecided.*127.0.0.3.*carol")
                self.expect_guessers(found(path))
                self.assertEqual(found(path, "<F-USER>").count("alice"), 2)

    def test_fail2ban_finds_who_guesses_in_what_syslog_writes(self):
        reader, server = self.begin_read("syslog")
        self.log_in_and_fail(server)
        reader.until("log-in undecided")
        self.daemon.stop()
        self.expect_guessers(found(as_syslog_file(
            reader.said, f"{self.directory.name}/written")))

    def test_fail2ban_finds_who_guesses_in_the_journal(self):
        reader, server = self.begin_read("journal")
        self.log_in_and_fail(server)
        reader.until("log-in undecided")
        self.daemon.stop()
        self.expect_guessers(found(as_journal(
            reader.said, f"{self.directory.name}/a.journal")))
        # What others write there in its name does not count.
        self.assertEqual(found(as_journal(
            reader.said, f"{self.directory.name}/b.journal",
            unit="session-1.scope")), [])

    def begin_read(self, target):
        path = f"{self.directory.name}/{target}"
        reader = Reader(path)
        self.addCleanup(reader.close)
        server = self.begin_guessed({"log.target": target,
                                     "log.socket": path})
        self.start(server, reader.until)
        return reader, server


class Banning(unittest.TestCase):
    """What needs no daemon."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)

    def test_a_count_of_failures_matches_by_its_address(self):
        path = self.folder / "cm.log"
        path.write_text(
            "2026-03-01T12:00:00.123Z info worker 0: "
            "log-ins failed address=192.0.2.9 count=17\n"
            "2026-03-01T12:00:00.123Z info worker 0: "
            "log-ins failed address=2001:db8::9 count=1\n"
            "2026-03-01T12:00:00.123Z info worker 0: "
            "log-ins of further addresses failed count=1\n"
            '{"time":"2026-03-01T12:00:00.123Z","level":"info","source":'
            '"worker 12","source_pid":7,"message":"log-ins failed",'
            '"address":"2001:db8::a","count":"3"}\n')
        self.assertEqual(found(path),
                         ["192.0.2.9", "2001:db8::9", "2001:db8::a"])

    def test_only_conditions_of_a_wrong_name_or_password_match(self):
        path = self.folder / "cm.log"
        path.write_text("".join(
            f"2026-03-01T12:00:00.123Z info worker 0: log-in {how} "
            f'address=192.0.2.{at}:5 mechanism=PLAIN user="a" {why} '
            "session=cm1a tls=no\n" for at, (how, why) in enumerate((
                ("failed", "condition=not-authorized"),
                ("failed", "condition=-"),
                ("failed", "condition=invalid-mechanism"),
                ("failed", "condition=encryption-required"),
                ("undecided", "condition=temporary-auth-failure"),
                ("aborted", "reason=aborted")))))
        self.assertEqual(found(path), ["192.0.2.0", "192.0.2.1"])

    def test_fail2ban_takes_the_jail(self):
        settings = self.folder / "fail2ban"
        shutil.copytree("/etc/fail2ban", settings)
        (settings / "jail.d" / "defaults-debian.conf").unlink(missing_ok=True)
        shutil.copytree(FILTER.parents[1], settings, dirs_exist_ok=True)
        done = subprocess.run(
            ["fail2ban-client", "-c", str(settings), "-d"],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("['add', 'cmanager', 'systemd']", done.stdout)
        self.assertIn("['start', 'cmanager']", done.stdout)


if __name__ == "__main__":
    unittest.main()
