#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the control socket answers, to whom, and that nobody can keep it from
answering the next."""

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import BUILD  # noqa: E402
from scene import Scene  # noqa: E402
from support import PATIENCE_S, Deadline, for_everybody  # noqa: E402
from xmpp_client import HEADER, bind_request, plain_auth  # noqa: E402

CMCTL = str(BUILD / "master" / "cmctl" / "cmctl")


class Control(Scene):
    def begin_control(self, **options):
        self.path = f"{self.directory.name}/control"
        return self.begin(
            options={"control.socket": self.path, **options})

    def cmctl(self, *words, code=0, program=CMCTL, **further):
        done = subprocess.run([program, "-s", self.path, *words],
                              timeout=PATIENCE_S, capture_output=True,
                              text=True, check=False, **further)
        self.assertEqual(done.returncode, code, (words, done))
        return done.stderr if code else done.stdout

    def show(self, *words):
        """The object that is shown; of a list, its rows."""
        rows = [json.loads(line)
                for line in self.cmctl("-j", "show", *words).splitlines()]
        return rows[0] if words[0] in ("info", "session") else rows

    def connect(self):
        peer = socket.socket(socket.AF_UNIX)
        self.addCleanup(peer.close)
        peer.connect(self.path)
        peer.settimeout(PATIENCE_S)
        return peer

    def test_state_in_words_and_as_json(self):
        _, daemon = self.begin_control()
        info = self.show("info")
        self.assertEqual(info["pid"], daemon.process.pid)
        self.assertEqual(info["domain"], "xmpp.example")
        self.assertEqual((info["server"], info["links"]), ("serving", 5))
        self.assertIn("links: 5\n", self.cmctl("show", "info"))
        rows = self.show("workers")
        self.assertEqual([row["process"] for row in rows],
                         ["upstream", "worker", "worker"])
        self.assertEqual({row["state"] for row in rows}, {"serving"})
        for row in rows:
            os.kill(row["pid"], 0)
        self.assertNotIn("s3cr3t", self.cmctl("show", "config"))
        config = {row["option"]: row for row in self.show("config")}
        self.assertEqual(config["xmpp.domain"]["value"], "xmpp.example")
        path, _, line = config["xmpp.domain"]["source"].rpartition(":")
        self.assertEqual(path, str(daemon.path))
        self.assertIn("<domain>", daemon.path.read_text().splitlines()[
            int(line) - 1])
        self.assertEqual(config["xmpp.client.stanza.depth"],
                         {"option": "xmpp.client.stanza.depth", "value": "64",
                          "source": "default"})
        self.assertIn("kill session", self.cmctl("help"))
        self.assertIn("usage: show info", self.cmctl("show", code=1))
        self.assertIn("cannot reach", self.cmctl_elsewhere())

    def cmctl_elsewhere(self):
        done = subprocess.run([CMCTL, "-s", self.path + "x", "help"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 3)
        return done.stderr

    def test_sessions_are_counted_when_the_server_has_them(self):
        """A stream that ends before it says anything is none of the
        server's."""
        server, daemon = self.begin_control()
        for name in ("alice", "bob"):
            client = self.client(name)
            client.ping()
            client.close()
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", daemon.plain)) as s:
                s.settimeout(PATIENCE_S)
                s.sendall(f"{HEADER}</stream:stream>".encode())
                while s.recv(4096):
                    pass
        server.wait("sessions", "=", 0)

        def counted():
            info = self.show("info")
            return (len(self.show("sessions")), info["clients"],
                    info["sessions_created"], info["sessions_ended"])
        self.until(lambda: counted() == (0, 0, 2, 2), "they are not counted")
        self.assertEqual(counted(), (0, 0, 2, 2))

    def test_links_are_shown_as_they_are(self):
        server, daemon = self.begin_control()
        self.client("alice").ping()
        end = time.monotonic() + PATIENCE_S
        while True:
            rows = self.show("links")
            if (all(row["state"] == "serving" for row in rows) and
                    any(row["round_trip_us"] for row in rows) and
                    sum(row["lanes"] for row in rows) == 16):
                break
            self.assertLess(time.monotonic(), end, rows)
        self.assertEqual([row["link"] for row in rows], [0, 1, 2, 3, 4])
        self.assertEqual({row["address"] for row in rows},
                         {f"127.0.0.1:{server.port}"})
        daemon.options["xmpp.password"] = "wrong"
        daemon.write()
        self.cmctl("reload")
        server.command("cut all rst")
        # Each link's lanes go to those that are left, until none is.
        while (not any(row["failures"] for row in rows) or
               sum(row["lanes"] for row in rows) == 16):
            rows = self.show("links")
            self.assertLess(time.monotonic(), end, rows)

    def test_sessions_are_filtered_sorted_and_limited(self):
        _, daemon = self.begin_control()
        clients = [self.client(name) for name in ("alice", "bob", "carol")]
        clients.append(self.client("dave", tls=True))
        clients[1].send("<presence/>" * 5)
        clients[1].ping()
        rows = self.show("sessions")
        self.assertEqual(sorted(row["jid"] for row in rows),
                         [f"{name}@xmpp.example/r"
                          for name in ("alice", "bob", "carol", "dave")])
        bob = next(row for row in rows if row["jid"].startswith("bob"))
        port = clients[1].socket.getsockname()[1]
        self.assertEqual(bob["address"], f"127.0.0.1:{port}")
        self.assertEqual((bob["state"], bob["tls"]), ("bound", "no"))
        self.assertGreaterEqual(bob["stanzas_up"], 6)
        jids = lambda *words: [row["jid"][:3]  # noqa: E731
                               for row in self.show("sessions", *words)]
        self.assertEqual(jids("jid=bob@*"), ["bob"])
        self.assertEqual(jids("tls=yes"), ["dav"])
        self.assertEqual(jids("sort=stanzas_up", "limit=1"), ["bob"])
        self.assertEqual(len(jids("address=127.0.0.1")), 4)
        self.assertEqual(jids("state=negotiating"), [])
        self.assertEqual(jids("age=3600"), [])
        total = sum(len(jids(f"worker={row['worker']}"))
                    for row in self.show("workers")[1:])
        self.assertEqual(total, 4)
        self.assertEqual(self.show("session", bob["id"])["jid"], bob["jid"])
        shown = re.search(' id="(.*?)"', clients[1].header).group(1)
        self.assertEqual(bob["stream_id"], shown)
        self.assertNotEqual(bob["id"], shown)
        self.assertEqual(self.show("session", shown)["id"], bob["id"])
        self.cmctl("show", "session", shown[:-1] + "-", code=1)
        self.cmctl("kill", "session", shown)
        self.assertTrue(clients[1].ends())
        daemon.wait_for_log(
            f"stream closed session={bob['id']} stream_id={shown}")
        for bad in ("limit=0", "worker=x", "colour=red", "sort=jid"):
            answer = self.cmctl("show", "sessions", bad, code=1)
            for word in bad.split("="):
                self.assertIn(word, answer)

    def test_a_killed_client_is_told_why(self):
        server, _ = self.begin_control()
        alice, bob, carol = (self.client(name)
                             for name in ("alice", "bob", "carol"))
        row = self.show("sessions", "jid=alice@*")[0]
        self.cmctl("kill", "session", row["id"], "conflict")
        alice.expect("<conflict ")
        self.assertEqual(json.loads(self.cmctl("-j", "kill", "jid",
                                               "bob@xmpp.example")),
                         {"notified": 1})
        bob.expect("<policy-violation ")
        self.cmctl("kill", "jid", "bo", code=1)
        port = carol.socket.getsockname()[1]
        self.cmctl("kill", "address", f"127.0.0.1:{port}1", code=1)
        carol.ping()
        self.cmctl("kill", "address", f"127.0.0.1:{port}", "system-shutdown")
        carol.expect("<system-shutdown ")
        server.wait("sessions", "=", 0)
        self.assertIn("'sudden' is no stream error; one is policy-violation",
                      self.cmctl("kill", "jid", "x", "sudden", code=1))
        self.assert_clean()

    def trace(self, *words):
        trace = subprocess.Popen([CMCTL, "-s", self.path, *words],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(trace.stdout.close)
        self.addCleanup(trace.kill)
        return trace

    def test_a_session_is_traced_until_it_ends(self):
        _, daemon = self.begin_control()
        carol = self.client("carol")
        alice = self.client()
        alice.open()
        row = self.show("sessions", "state=negotiating")[0]
        trace = self.trace("trace", "session", row["id"])
        rows = self.trace("-j", "trace", "session", row["id"])
        for watcher in (trace, rows):
            self.assertIn("begin", watcher.stdout.readline())
        alice.send(plain_auth("alice", "x"))
        alice.expect("<success[^>]*>")
        alice.open()
        alice.send(bind_request("r"))
        alice.expect("<iq .*?</iq>")
        alice.send("<iq type='set' id='p'><query xmlns='jabber:iq:register'>"
                   "<password>s3cr3t</password></query></iq>"
                   "<message to='carol@xmpp.example/r'><body>1 &lt; 2\n"
                   "\u009b3m</body></message>")
        carol.send("<message to='alice@xmpp.example/r'><body>and back</body>"
                   "</message>")
        alice.expect("and back")
        self.cmctl("kill", "session", row["id"])
        alice.expect("</stream:stream>")
        alice.close()
        text = trace.communicate(timeout=PATIENCE_S)[0]
        self.assertEqual(trace.returncode, 0)
        lines = [line.split(" ", 2) for line in text.splitlines()]
        shown = [(line[1], line[2].strip()) for line in lines]
        SASL = 'xmlns="urn:ietf:params:xml:ns:xmpp-sasl"'
        self.assertEqual(shown[0], (
            "in", f'<auth {SASL} mechanism="PLAIN">***</auth>'))
        self.assertEqual(shown[1], ("out", f"<success {SASL}/>"))
        self.assertEqual(shown[2][0], "in")
        self.assertIn("<stream:stream ", shown[2][1])
        self.assertIn("<stream:features", shown[4][1])
        self.assertTrue(any(where == "in" and "<password>***<" in what
                            for where, what in shown), text)
        self.assertNotIn("s3cr3t", text)
        self.assertIn("<body>1 &lt; 2??3m</body>", text)
        self.assertTrue(any(where == "out" and "<body>and back</body>" in what
                            for where, what in shown), text)
        self.assertIn("policy-violation", shown[-2][1])
        self.assertEqual(shown[-1][0], "end")
        objects = [json.loads(line)
                   for line in
                   rows.communicate(timeout=PATIENCE_S)[0].splitlines()]
        self.assertEqual([row["direction"] for row in objects],
                         [where for where, _ in shown])
        self.assertTrue(any("1 &lt; 2\n\u009b3m" in row["text"]
                            for row in objects))
        self.assertIn("no such session",
                      self.cmctl("trace", "session", row["id"], code=1))
        self.assertNotIn("and back", daemon.tail(10 ** 7))

    def test_who_traces_and_leaves_or_sleeps_costs_nothing(self):
        _, daemon = self.begin_control()
        alice = self.client("alice")
        row = self.show("sessions")[0]
        worker = next(worker["pid"] for worker in self.show("workers")
                      if worker["process"] == "worker" and
                      worker["worker"] == row["worker"])
        before = len(os.listdir(f"/proc/{worker}/fd"))
        sleeper = self.trace("trace", "session", row["id"])
        sleeper.stdout.readline()
        watchers = [self.trace("trace", "session", row["id"])
                    for _ in range(15)]
        for watcher in watchers:
            self.assertIn("begin", watcher.stdout.readline())
        self.assertIn("too many", self.cmctl("trace", "session", row["id"],
                                             code=1))
        for watcher in watchers:
            watcher.kill()
            watcher.wait()
        end = time.monotonic() + PATIENCE_S
        while len(os.listdir(f"/proc/{worker}/fd")) > before + 1:
            self.assertLess(time.monotonic(), end)
        large = f"<message to='alice@xmpp.example/r'><body>{'x' * 30000}" \
                "</body></message>"
        for number in range(100):
            alice.send(large)
            alice.ping(number)
        # What it lost it hears of with the next that finds room.
        text, deadline = "", Deadline(PATIENCE_S, "no word of the lost")
        while " lost\n" not in text:
            deadline.left()
            alice.ping()
            text += os.read(sleeper.stdout.fileno(), 65536).decode()
        alice.close()
        self.assertIn("\n2", text)
        for line in sleeper.stdout:
            text += line
        self.assertEqual(sleeper.wait(PATIENCE_S), 0)
        self.assertRegex(text.splitlines()[-1], "^2[^ ]+Z end ")

    def test_a_trace_ends_with_its_worker(self):
        _, daemon = self.begin_control()
        self.client("alice")
        row = self.show("sessions")[0]
        trace = self.trace("trace", "session", row["id"])
        trace.stdout.readline()
        for worker in self.show("workers"):
            if worker["worker"] == row["worker"] and \
                    worker["process"] == "worker":
                os.kill(worker["pid"], signal.SIGKILL)
        self.assertEqual(trace.wait(PATIENCE_S), 1)

    def test_the_log_level_changes_in_every_process(self):
        server, daemon = self.begin_control()
        self.cmctl("log", "level", "error")
        self.client("alice").close()
        server.wait("sessions", "=", 0)  # her worker has said all of her
        self.cmctl("log", "level", "debug")
        self.client("bob").close()
        daemon.wait_for_log('jid="bob@')
        self.assertNotIn('jid="alice@', daemon.tail(10 ** 7))
        self.assertIn("a level is one of",
                      self.cmctl("log", "level", "loud", code=1))

    def test_the_last_errors_are_shown(self):
        _, daemon = self.begin_control()
        pid = self.show("workers")[1]["pid"]
        os.kill(pid, signal.SIGKILL)
        daemon.wait_for_log('ready process="worker', times=3)
        rows = [row for row in self.show("errors")
                if row["text"].startswith("ended process=")]
        self.assertEqual(len(rows), 1, rows)
        self.assertEqual((rows[0]["level"], rows[0]["process"]),
                         ("warning", "master"))
        self.assertIn(f"pid={pid} ", rows[0]["text"])
        self.assertIn(f"pid={pid} ", self.cmctl("show", "errors"))

    def error_texts(self):
        return [row["text"] for row in self.show("errors")]

    def test_what_was_logged_at_the_start_is_among_the_errors(self):
        """What the configuration has warnings for, an option that the Java
        manager had among it, and what went wrong before the processes had any
        memory in common; in the log, too."""
        nowhere = f"{self.directory.name}/{'nobody/' * 12}"
        _, daemon = self.begin_control(**{
            "xmpp.server.compression.policy": "optional", "xmpp.wonder": 1,
            "log.target": "syslog", "log.socket": nowhere[:100]})
        texts = self.error_texts()
        for line in ("xmpp.server.compression.policy has no effect here: links "
                     "are not compressed", "unknown option xmpp.wonder is "
                     "ignored", "until the log can be opened, lines go to",
                     f'cannot open the log path="{nowhere[:100]}" error='):
            self.assertEqual(len([text for text in texts if line in text]), 1,
                             (line, texts))
            self.assertIn(line, daemon.tail(10 ** 7))
            self.assertIn(line, self.cmctl("show", "errors"))

    def test_errors_have_their_whole_text(self):
        """Also what a reload warns of, or is refused for; what is too long for
        a line of the log is cut there, which is to be seen."""
        _, daemon = self.begin_control()
        daemon.options["xmpp.server.compression.policy"] = "optional"
        daemon.options["workers.wonder"] = 1
        daemon.write()
        self.cmctl("reload")
        daemon.options.update({"log.target": "file",
                               "log.file": "/" + "f" * 1500})
        daemon.write()
        self.cmctl("reload", code=1)
        texts, log = self.error_texts(), daemon.tail(10 ** 7)
        for end in ('xmpp.server.compression.policy has no effect here: links '
                    'are not compressed"', "is ignored; the nearest known is "
                    'workers.count"', 'to a list without -PLUS, '
                    'PLAIN,SCRAM-SHA-1,EXTERNAL for example"', 'ffff..."'):
            self.assertTrue([text for text in texts if text.endswith(end)],
                            (end, texts))
        for text in texts:
            self.assertIn(f": {text}\n", log)

    def test_metrics_are_prometheus_text(self):
        self.begin_control()
        self.client("alice")
        # The start looked whether the ports answer.
        self.until(lambda: "\ncmanager_clients_open 1\n" in
                   self.cmctl("show", "metrics"))
        text = self.cmctl("show", "metrics")
        self.assertIn("\ncmanager_links_up 5\n", text)
        self.assertIn("\ncmanager_clients_accepted_total ", text)
        promtool = shutil.which("promtool")
        self.assertTrue(promtool, "contrib/setup installs it")
        done = subprocess.run([promtool, "check", "metrics"], input=text,
                              capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)

    def test_garbage_and_half_lines_cost_nobody_else_anything(self):
        self.begin_control()
        half = self.connect()
        half.send(b"show in")
        for bad in (b"\0\n", b'"\n', b"a " * 30 + b"\n", b"\xff\xfe\n",
                    b"\n", b"show info \x07\n"):
            peer = self.connect()
            peer.send(bad + b"show workers\n")
            text = b""
            while b"upstream" not in text or not text.endswith(b'{"ok":true}\n'):
                got = peer.recv(65536)
                self.assertTrue(got, (bad, text))
                text += got
            self.assertTrue(bad == b"\xff\xfe\n" or b'{"error":' in text, text)
        peer = self.connect()
        peer.send(b"x" * 5000)
        self.assertIn(b"too long", peer.recv(100))
        half.send(b"fo\n")
        self.assertIn(b'{"version":', half.recv(65536))

    def test_a_crowd_that_reads_nothing_does_not_keep_it_from_answering(self):
        self.begin_control()
        peers = [self.connect() for _ in range(300)]
        for peer in peers[200:]:
            try:
                peer.send(b"help\n" * 400)
            except BlockingIOError:
                pass  # it takes no more until somebody reads
        self.assertEqual(self.show("info")["links"], 5)

    def test_a_pattern_is_not_longer_than_need_be(self):
        self.begin_control()
        self.client("alice").ping()
        self.assertEqual(len(self.show("sessions", "jid=" + "*" * 256)), 1)
        self.assertIn("256 bytes at most",
                      self.cmctl("show", "sessions", "jid=" + "*" * 257,
                                 code=1))

    def test_who_asks_much_and_takes_nothing_keeps_nobody_waiting(self):
        """Each kind of request goes on, those that scan the sessions too."""
        self.begin_control()
        for _ in range(100):
            peer = self.connect()
            peer.setblocking(False)
            try:
                peer.send(b"show sessions limit=10000\n" * 60)
            except BlockingIOError:
                pass  # it takes no more until somebody reads
        for _ in range(3):
            self.assertEqual(self.show("sessions"), [])
            self.assertEqual(self.show("info")["links"], 5)
        self.cmctl("kill", "jid", "nobody@xmpp.example", code=1)

    def test_without_descriptors_it_answers(self):
        _, daemon = self.begin_control()
        used = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE,
                         (used, used))
        peers = [self.connect() for _ in range(5)]
        for _ in range(3):
            self.assertEqual(self.show("info")["links"], 5)
        del peers

    def test_who_is_neither_root_nor_of_a_group_is_refused(self):
        self.begin_control(**{"control.view.group": "daemon"})
        nobody = {"user": 65534, "group": 65534, "extra_groups": [],
                  "program": for_everybody(CMCTL, self.directory.name)}
        viewer = {**nobody, "extra_groups": [1]}
        self.assertIn("not permitted",
                      self.cmctl("show", "info", code=1, **nobody))
        self.assertIn("links: 5", self.cmctl("show", "info", **viewer))
        self.assertIn("not permitted",
                      self.cmctl("kill", "jid", "x", code=1, **viewer))

    def test_a_second_manager_does_not_take_it_and_a_stale_one_is_replaced(
            self):
        _, daemon = self.begin_control()
        done = subprocess.run(
            [str(BUILD / "master" / "cmanagerd"), "-c", str(daemon.path)],
            capture_output=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.show("info")["pid"], daemon.process.pid)
        daemon.kill_master()
        self.assertTrue(os.path.exists(self.path))
        daemon.start()
        self.assertEqual(self.show("info")["pid"], daemon.process.pid)
        daemon.stop()
        self.assertFalse(os.path.exists(self.path))


if __name__ == "__main__":
    unittest.main()
