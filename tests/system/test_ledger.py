#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ledger: who maps what of it, what is believed of it, and that no state
of its file keeps the daemon from starting."""

import os
import pathlib
import re
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from crowd import Crowd  # noqa: E402
from processes import open_files  # noqa: E402
from scene import Scene  # noqa: E402

PAGE = 4096
PRIVATE = 2 * PAGE  # header and table of processes
DIGITS = "0123456789abcdefghijklmnopqrstuv"
MAPPED = re.compile(r"[/-]ledger( \(deleted\))?$")
ASIDE = "the ledger cannot be used and was set aside"


def number_of(digits):
    value = 0
    for digit in digits:
        value = value * 32 + DIGITS.index(digit)
    return value


def slot_of(streamid, name):
    return number_of(streamid[len(name):][:5])


def nonce_of(streamid, name):
    return b"".join(
        number_of(streamid[len(name) + at:][:8]).to_bytes(5, "big")
        for at in (5, 13))


def version_1(name, rows, streamids=(), processes=()):
    """A whole file of the former layout; all of these sessions are open."""
    header = struct.pack("=8sII72s", b"cmledger", 1, rows, name.encode())
    for pid, ticks in processes:
        header += struct.pack("=QII", ticks, pid, 0)
    table = bytearray(16 * rows)
    for streamid in streamids:
        struct.pack_into("=10sHI", table, 16 * slot_of(streamid, name),
                         nonce_of(streamid, name), 6, 7)
    return header.ljust(PAGE, b"\0") + bytes(table)


def version_2(names, streamids):
    """A whole file with these sessions open, all of earlier runs; names[0] is
    that of its last run."""
    header = struct.pack("=8sIIII", b"cmledger", 2, 1, 16, len(streamids))
    header += b"".join(struct.pack("=72s", name.encode()) for name in names)
    former = b""
    for streamid in streamids:
        name = next(name for name in names if streamid.startswith(name))
        former += struct.pack("=IH10s", slot_of(streamid, name),
                              names.index(name), nonce_of(streamid, name))
    pages_of_2 = header, b"", b"", b"", former, b""
    return b"".join(page.ljust(PAGE, b"\0") for page in pages_of_2)


def start_ticks(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return int(text.rpartition(")")[2].split()[19])


def views(pid):
    """(first offset, end, may be written) of each mapping of the ledger."""
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        words = line.split(None, 5)
        if len(words) == 6 and MAPPED.search(words[5]):
            first, end = (int(at, 16) for at in words[0].split("-"))
            offset = int(words[2], 16)
            yield offset, offset + end - first, words[1][1] == "w"


def pages(pid, writable=None):
    return {at for first, end, written in views(pid)
            for at in range(first, end, PAGE)
            if writable is None or written == writable}


class Ledger(Scene):
    def ledger(self):
        return self.daemon.directory / "state" / "ledger"

    def ask_views(self):
        children = self.daemon.children()
        upstream = self.daemon.upstream()
        master = pages(self.daemon.process.pid, True)
        self.assertIn(0, master)
        for pid in children:
            self.assertTrue(pages(pid))
            self.assertFalse({0, PAGE} & pages(pid), "the master's alone")
            self.assertLess(pages(pid), master)
            for name in open_files(pid):
                self.assertIsNone(MAPPED.search(name))
        written = [pages(pid, True) for pid in children]
        self.assertTrue(all(written))
        self.assertEqual(len(set().union(*written)),
                         sum(len(one) for one in written), "two writers")
        for pid in children:
            if pid == upstream:
                continue
            for sister in children:
                if sister not in (pid, upstream):
                    self.assertFalse(pages(pid) & pages(sister))
            self.assertLessEqual(pages(pid, False), pages(upstream, True))

    def test_each_child_maps_its_own_pages_only(self):
        self.begin()
        self.client("alice")
        self.ask_views()

    def test_a_ledger_without_a_file_is_seen_likewise(self):
        self.begin(options={"state.directory": "none"})
        self.client("alice")
        self.ask_views()

    # --- what is believed ---

    def test_a_process_that_is_not_ours_is_left_alone(self):
        _, daemon = self.begin()
        daemon.kill()
        with subprocess.Popen(["sleep", "600"]) as other:
            self.addCleanup(other.kill)
            while not os.readlink(f"/proc/{other.pid}/exe").endswith(
                    ("sleep", "coreutils", "busybox")):
                pass
            named = [(other.pid, start_ticks(other.pid))]
            self.ledger().write_bytes(version_1("cm", 64, processes=named))
            daemon.start(self.server)
            self.assertIsNone(other.poll())
            daemon.wait_for_log(f"not killed pid={other.pid} ")
            other.kill()

    def test_the_sessions_of_a_version_1_file_are_closed(self):
        for name in "cm", "other":
            with self.subTest(name):
                server, daemon = self.begin()
                crowd = Crowd(daemon.plain, 20)
                self.addCleanup(crowd.close)
                crowd.login()
                daemon.kill()
                server.wait("links", "=", 0)
                ids = [at["id"] for at in server.sessions()]
                self.assertEqual(len(ids), 20)
                rows = 1 + max(number_of(at[2:7]) for at in ids)
                self.ledger().write_bytes(version_1("cm", rows, ids))
                daemon.options["xmpp.manager.name"] = name
                daemon.start()
                server.wait("sessions", "=", 0)
                self.assertEqual(server.stats()["closes"], 20)
                daemon.wait_for_log("upstream: serving links=")
                self.client("alice").ping()
                self.assertEqual(
                    struct.unpack_from("=8sI", self.ledger().read_bytes()),
                    (b"cmledger", 2))

    def test_sessions_outlive_crashes_before_they_are_closed(self):
        server, daemon = self.begin("5.1")
        crowd = Crowd(daemon.plain, 20)
        self.addCleanup(crowd.close)
        crowd.login()
        daemon.kill()
        server.wait("links", "=", 0)
        server.command("listen off")
        for change in ({"sessions.max": 1024},
                       {"xmpp.manager.name": "other"},
                       {"sessions.max": 16384}, {}):
            daemon.options.update(change)
            daemon.start()
            daemon.wait_for_log("ghost sessions of an earlier run")
            daemon.kill()
        server.command("listen on")
        daemon.start()
        server.wait("sessions", "=", 0)
        self.assertEqual(server.stats()["closes"], 20)
        daemon.wait_for_log("upstream: serving links=")
        self.client("alice").ping()

    def test_each_former_name_has_its_turn(self):
        server, daemon = self.begin("5.1")
        for name in "cm", "other", "third":
            daemon.options["xmpp.manager.name"] = name
            if name != "cm":
                self.ledger().unlink()
                daemon.start(server)
            for number in range(5):
                self.client(f"{name}{number}")
            daemon.kill()
            server.wait("links", "=", 0)
        ids = [at["id"] for at in server.sessions()]
        self.assertEqual(len(ids), 15)
        self.ledger().write_bytes(version_2(["third", "other", "cm"], ids))
        daemon.options["xmpp.manager.name"] = "last"
        daemon.start()
        server.wait("sessions", "=", 0)
        self.assertEqual(server.stats()["closes"], 15)
        daemon.wait_for_log("upstream: serving links=")
        self.client("alice").ping()
        self.assertEqual({at["manager"] for at in server.sessions()},
                         {"last"})

    # --- files ---

    def make_symlink(self, path):
        path.symlink_to("/etc/hostname")

    def make_fifo(self, path):
        os.mkfifo(path)

    def make_directory(self, path):
        path.mkdir()

    def test_no_state_of_the_file_keeps_it_from_starting(self):
        good = version_1("cm", 64)
        files = {
            "empty": b"",
            "cut": good[:PAGE + 17],
            "short": good[:100],
            "noise": bytes(range(256)) * 64,
            "zeros": bytes(len(good)),
            "later": good[:8] + struct.pack("=I", 3) + good[12:],
            "swapped": good[:8] + struct.pack(">I", 2) + good[12:],
            "count": good[:12] + struct.pack("=I", 0xffffffff) + good[16:],
            "name": good[:16] + b"\xff" * 72 + good[88:],
            "symlink": self.make_symlink,
            "fifo": self.make_fifo,
            "directory": self.make_directory,
        }
        _, daemon = self.begin()
        daemon.stop()
        for name, made in files.items():
            with self.subTest(name):
                self.ledger().unlink()
                if callable(made):
                    made(self.ledger())
                else:
                    self.ledger().write_bytes(made)
                daemon.start(self.server)
                self.assertIn(ASIDE, daemon.tail())
                self.client(name).ping()
                daemon.stop()
        kept = list(self.ledger().parent.glob("ledger.damaged-*"))
        self.assertTrue(1 <= len(kept) < len(files), kept)
        self.assertEqual(
            {path.name for path in self.ledger().parent.iterdir()}
            - {path.name for path in kept}, {"ledger"})


if __name__ == "__main__":
    unittest.main()
