#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What cmctl makes of the daemon's answers: tables as wide as the terminal,
lines for programs, and `top`."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S, Deadline  # noqa: E402
from terminal import Terminal, plain  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
LISTS = ("help", "show workers", "show links", "show lanes", "show sessions",
         "show config", "show certificates", "show errors")
WIDE = 250


class Tables(OperatorScene):
    def terminal(self, *words, columns=80, **further):
        terminal = Terminal([self.CMCTL, "-s", self.path, *words], columns,
                            **further)
        self.addCleanup(terminal.close)
        return terminal

    def shown(self, *words, **further):
        """On a terminal, once it is complete: lines."""
        return self.terminal(*words, **further).read_all().splitlines()

    # --- lists ---

    def test_a_list_says_what_its_rows_have(self):
        _, daemon = self.begin_operated()
        self.client("alice").ping()
        os.kill(daemon.workers()[0], 9)
        self.until(lambda: self.rows("errors"))
        for command in LISTS:
            head, *rows, end = self.answer(command)
            self.assertEqual(end, {"ok": True})
            names = [column["name"] for column in head["columns"]]
            self.assertTrue(head["noun"] and 1 in
                            [column["rank"] for column in head["columns"]])
            self.assertTrue(rows or command in
                            ("show certificates", "show sessions"), command)
            for row in rows:
                self.assertEqual(list(row), names, command)
                self.assertFalse({"ok", "error", "columns"} & row.keys())
                for column in head["columns"]:
                    kind = type(row[column["name"]])
                    self.assertEqual(kind is int, column["type"] == "number",
                                     (command, column))
        head, *_ = self.answer("show sessions sort=-idle")
        self.assertEqual((head["sorted_by"], head["ascending"]),
                         ("idle_s", True))
        self.assertEqual(self.answer("show nothing")[0].keys(), {"error"})

    def test_a_list_is_there_for_programs_row_by_row(self):
        self.begin_operated()
        self.assertEqual(self.cmctl("-j", "show", "sessions"), "")
        for name in ("alice", "bob"):
            self.client(name).ping()
        rows = self.cmctl("-j", "show", "sessions").splitlines()
        self.assertEqual({json.loads(row)["jid"] for row in rows},
                         {"alice@xmpp.example/r", "bob@xmpp.example/r"})
        metrics = self.cmctl("-j", "show", "metrics").splitlines()
        self.assertIn("cmanager_links_up 5",
                      [json.loads(line) for line in metrics])

    def test_a_list_has_titles_and_says_when_it_is_empty(self):
        self.begin_operated()
        titles, nobody = self.cmctl("show", "sessions").splitlines()
        self.assertEqual(titles.split()[:3], ["id", "jid", "address"])
        self.assertEqual(nobody, "0 sessions")
        self.client("alice").ping()
        titles, alice = self.cmctl("show", "sessions").splitlines()
        self.assertEqual(titles.split(), [
            "id", "jid", "address", "worker", "lane", "state", "tls", "age_s",
            "idle_s", "bytes_up", "bytes_down", "stanzas_up", "stanzas_down",
            "stream_id"])
        self.assertIn("  alice@xmpp.example/r  ", alice)
        self.assertEqual(titles.index("jid"),
                         alice.index("alice@xmpp.example"))

    def test_a_terminal_shows_the_columns_that_it_has_room_for(self):
        self.begin_operated()
        self.client("alice").ping()
        session = self.rows("sessions")[0]
        for columns, there, gone in (
                (WIDE, ("lane", "bytes_down", "stream_id"), ()),
                (100, ("address", "state"), ("lane", "stream_id")),
                (60, (), ("lane", "stream_id", "bytes_up", "tls"))):
            titles, alice = self.shown("show", "sessions", columns=columns)
            self.assertEqual(titles[:4] + titles[-4:], "\x1b[1m\x1b[0m")
            titles = plain(titles)
            self.assertLessEqual(max(len(titles), len(alice)), columns)
            self.assertFalse(set(gone) & set(titles.split()), titles)
            self.assertLessEqual({"id", "jid", *there}, set(titles.split()))
            self.assertIn(session["id"], alice)
            self.assertIn(session["jid"], alice)
        titles, alice = self.shown("show", "sessions", "sort=-bytes_down",
                                   columns=60)
        self.assertEqual(plain(titles).split(), ["id", "jid", "bytes_down▲"])
        titles, alice = self.shown("show", "sessions", columns=20)
        self.assertEqual(alice.split(), [session["id"], session["jid"]])

    def test_nothing_is_set_off_where_that_is_not_wanted(self):
        self.begin_operated()
        for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\x1b", "".join(self.shown(
                "show", "links", environment=environment)))
        self.assertIn("\x1b[1m", self.shown(
            "show", "links", environment={"NO_COLOR": ""})[0])
        self.assertNotIn("\x1b", self.cmctl("show", "links"))

    def test_columns_give_way_in_the_order_of_the_manual(self):
        self.begin_operated()
        page = (ROOT / "conf" / "cmctl.1").read_text()
        section = re.search(r"(?s)\n\.Ss Narrow terminals\n(.*?)\n\.S[sh] ",
                            page)[1]
        described = {
            command: re.sub(r"\.Va |[,.]", "", names).split()
            for command, names in re.findall(
                r"\.It Cm (.*)\n((?:\.Va .*\n)+)", section)}
        for command in LISTS:
            columns = self.answer(command)[0]["columns"]
            order = sorted(
                (-column["rank"], -at, column["name"])
                for at, column in enumerate(columns) if column["rank"] > 1)
            self.assertEqual([name for *_, name in order],
                             described.get(command, []), command)

    # --- top ---

    def top(self, *words, columns=80, rows=30, **further):
        return self.terminal("top", *words, columns=columns, rows=rows,
                             **further)

    @staticmethod
    def picture(top, *marks):
        """The last whole one of those that have been drawn when one has all
        the marks: lines."""
        def last(text):
            parts = text.split("\x1b[J")
            return parts[-2] if len(parts) > 1 else ""

        text = top.read_until(
            lambda text: all(re.search(mark, plain(last(text)))
                             for mark in marks), f"no {marks} in a picture")
        return last(text).split("\x1b[K")

    def test_top_shows_the_state_until_it_is_told_to_end(self):
        self.begin_operated()
        self.client("alice").ping()
        top = self.top("30", columns=60, rows=20)
        lines = self.picture(top, "alice@xmpp.example")
        self.assertIn("server: serving  links: 5", lines[0])
        for line in lines:
            self.assertLessEqual(len(plain(line)), 60)
        top.type("a")
        self.picture(top, "alice@xmpp.example", "age_s▼")
        top.type("r")
        self.picture(top, "alice@xmpp.example", "age_s▲")
        top.type("q")
        top.read_all()
        self.assertEqual(top.process.returncode, 0)
        self.assertTrue(top.is_as_before())
        done = subprocess.run([self.CMCTL, "-s", self.path, "top"],
                              check=False, capture_output=True,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"needs a terminal", done.stderr)

    def test_top_shows_what_each_process_does_and_uses(self):
        """Rates when there are two answers to compare; the memory is that of
        the processes themselves."""
        self.begin_operated()
        client = self.client("alice")
        top = self.top("0.5")
        row = r"\n?worker +\d+ +\d+ +serving +{}"
        deadline, over = Deadline(PATIENCE_S, "no rates"), False
        while not over:
            deadline.left()
            for number in range(200):
                client.send(f"<presence><priority>{number % 100}</priority>"
                            "</presence>")
            client.ping()
            top.read_some(0.1)
            text = plain(top.written.decode(errors="replace"))
            over = re.search(row.format(r"1 +[1-9]\d*\.\d +\d+\.\d +\d+\.\d"
                                        r" +[1-9]\d*\.\d"), text)
        lines = [plain(line) for line in self.picture(top, "cpu%")]
        titles = next(line for line in lines if "cpu%" in line)
        self.assertEqual(titles.split(), [
            "process", "worker", "pid", "state", "clients", "up/s", "down/s",
            "cpu%", "MiB"])
        used = {words[2]: float(words[-1]) for line in lines
                if (words := line.split()) and words[0] == "worker" and
                words[-1] != "MiB"}
        self.assertEqual(set(used),
                         {str(row["pid"]) for row in self.rows("workers")[1:]})
        for pid, mebibytes in used.items():
            pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text()
                        .split()[1])
            now = pages * os.sysconf("SC_PAGESIZE") / 2 ** 20
            self.assertLess(abs(now - mebibytes), 0.2 * now)

    def test_top_ends_well_whatever_comes_meanwhile(self):
        """Another size at any moment, then a signal: it goes on, and ends."""
        self.begin_operated()
        for number in (signal.SIGTERM, signal.SIGINT):
            top = self.top("0.1", columns=60, rows=20)
            self.picture(top, "0 sessions")
            for turn in range(300):
                top.resize(60 + turn % 20, 20)
                top.read_some(0)
            self.picture(top, "0 sessions")
            top.process.send_signal(number)
            text = top.read_all()
            self.assertEqual(top.process.returncode, 0, text[-300:])
            self.assertNotIn("cmctl:", text)
            self.assertTrue(text.endswith("\x1b[?1049l"))
            self.assertTrue(top.is_as_before())

    def test_top_says_why_it_ends_where_that_stays(self):
        self.begin_operated()
        top = self.top("0.1")
        self.picture(top, "0 sessions")
        os.kill(self.info()["control_pid"], signal.SIGKILL)
        text = top.read_all()
        self.assertEqual(top.process.returncode, 3)
        screen, said = text.split("\x1b[?1049l")
        self.assertEqual(said, "cmctl: the connection was lost\n")
        self.assertNotIn("cmctl:", screen)

    def test_top_shows_the_error_of_an_answer_that_is_refused(self):
        """By a daemon that knows too little."""
        self.begin_operated()
        path = f"{self.directory.name}/other"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            top = Terminal([self.CMCTL, "-s", path, "top"], 80)
            self.addCleanup(top.close)
            peer, _ = listener.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b'{"error":"you may not"}\n')
                screen, said = top.read_all().split("\x1b[?1049l")
        self.assertEqual(said, "cmctl: you may not\n")
        self.assertNotIn("you may not", screen)
        self.assertEqual(top.process.returncode, 1)

    def test_top_is_drawn_on_terminals_of_any_size(self):
        """Rows without columns; more rows than the daemon gives sessions."""
        self.begin_operated()
        self.client("alice").ping()
        for columns, rows in ((0, 24), (0, 0), (80, 0), (80, 20000),
                              (80, 65535), (1, 5)):
            top = self.top("0.2", columns=columns, rows=rows)
            self.picture(top, "alice" if columns != 1 else "v")
            top.type("q")
            text = top.read_all()
            self.assertEqual(top.process.returncode, 0, text[-300:])
            self.assertNotIn("cmctl:", text)

    def test_states_have_colours_on_a_terminal(self):
        self.begin_operated()
        self.cmctl("wait", "ready")
        self.client("alice").ping()
        worker = self.rows("sessions")[0]["worker"]
        self.cmctl("drain", str(worker), "0")
        yellow = "\x1b[33mdraining\x1b[0m"
        self.assertIn(yellow, "".join(self.shown("show", "workers")))
        self.assertNotIn("\x1b[3", "".join(self.shown(
            "show", "workers", environment={"NO_COLOR": "1"})))
        self.assertNotIn("\x1b", self.cmctl("show", "workers"))
        top = self.top()
        self.assertIn(yellow, "".join(self.picture(top, "alice")))

    def test_top_sets_nothing_off_where_that_is_not_wanted(self):
        self.begin_operated()
        top = self.top(environment={"NO_COLOR": "1"})
        text = "".join(self.picture(top, "0 sessions"))
        self.assertFalse(re.search(r"\x1b\[[1-9]m", text), text)


if __name__ == "__main__":
    unittest.main()
