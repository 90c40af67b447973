#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The process that answers operators: who may have what done through it, what
it and the master hold, and that nobody else notices its death."""

import grp
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from operator_scene import OperatorScene  # noqa: E402
from processes import (  # noqa: E402
    children, connections, free_descriptors, open_files, title)
from support import PATIENCE_S, Deadline, for_everybody, free_ports  # noqa: E402

KILLS = 100
ANSWER_S = 1.0  # what is promised

# The right of each command, said here once more.
COMMANDS = {
    "help": "look", "show info": "look", "show workers": "look",
    "show links": "look", "show lanes": "look", "show sessions": "look", "show session": "look",
    "show config": "look", "show certificates": "look", "show errors": "look",
    "show metrics": "look", "wait ready": "look", "wait drained": "look",
    "kill session": "act", "kill jid": "act", "kill address": "act",
    "drain": "act", "undrain": "act", "pause": "act", "resume": "act",
    "trace session": "act",
    "reload": "act", "log level": "act",
}
# With these each command is refused or answered at once, whoever asks.
WORDS = {
    "show session": ["none"], "kill session": ["none"], "kill jid": ["none"],
    "kill address": ["192.0.2.1"], "drain": ["77"], "undrain": ["77"],
    "pause": ["0"], "trace session": ["none"], "log level": ["notice"],
}


class ControlProcess(OperatorScene):
    def control(self):
        return self.info()["control_pid"]

    def test_a_master_without_descriptors_says_so_and_loses_nothing(self):
        _, daemon = self.begin_operated()
        control, master = self.control(), daemon.process.pid
        for count in (0, 1, 2, 4, 6):
            with free_descriptors(master, count):
                refusal = self.cmctl("reload", code=1)
            self.assertIn("Too many open files", refusal, count)
            self.assertIn("descriptor", refusal, count)
            self.assertEqual(self.control(), control, count)
        with free_descriptors(master, 0):
            for words in (("log", "level", "info"), ("drain", "0"),
                          ("undrain", "all")):
                self.assertIn("Too many open files",
                              self.cmctl(*words, code=1))
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for_log("reload refused", times=4)
        self.assertEqual(self.control(), control)
        self.assertEqual(self.reload()["needs_restart"], "")
        daemon.check_log()

    @unittest.skipIf(os.geteuid() != 0, "only root can be somebody else")
    def test_each_command_is_for_those_who_may(self):
        self.begin_operated(**{"control.group": "adm",
                               "control.view.group": "daemon"})
        listed = {row["command"] for row in self.objects("help")}
        self.assertEqual(listed, set(COMMANDS))
        program = for_everybody(self.CMCTL, self.directory.name)
        rights = {"adm": {"look", "act"}, "daemon": {"look"},
                  "nogroup": set()}
        for group, may in rights.items():
            gid = grp.getgrnam(group).gr_gid
            for how in ({"group": gid, "extra_groups": []},
                        {"group": 65534, "extra_groups": [gid]}):
                for command, right in COMMANDS.items():
                    done = subprocess.run(
                        [program, "-s", self.path, *command.split(),
                         *WORDS.get(command, [])], user=65534, text=True,
                        timeout=PATIENCE_S, capture_output=True, check=False,
                        **how)
                    refused = "not permitted" in done.stderr
                    self.assertEqual(refused, right not in may,
                                     (group, command, done))

    def test_it_is_no_root_and_holds_what_the_master_does_not(self):
        port, = free_ports(1)
        _, daemon = self.begin_operated(**{"http.port": port})
        control = self.control()
        self.assertIn(control, daemon.children())
        self.assertIn("control", title(control))
        peers = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for peer in peers:
            self.addCleanup(peer.close)
            peer.connect(self.path)
            peer.settimeout(PATIENCE_S)
            peer.send(b"help\n")
            peer.recv(1)
        web = socket.create_connection(("127.0.0.1", port))
        self.addCleanup(web.close)
        web.settimeout(PATIENCE_S)
        web.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        web.recv(1)
        self.assertEqual(len(self.connections(control, port)), 4)
        self.assertEqual(self.held(daemon), [])

    def test_after_each_act_and_while_one_waits_the_master_holds_nobody(self):
        """What control hands over to have something done is closed at once,
        though the asker stays and what was begun goes on."""
        _, daemon = self.begin_operated()
        alice, bob = self.client("alice"), self.client("bob")
        ids = {row["jid"].split("@")[0]: row["id"]
               for row in self.rows("sessions")}
        for line in ("log level info", "reload", f"kill session {ids['bob']}",
                     "kill session none", "drain 77", "undrain 77",
                     f"trace session {ids['alice']}", "drain 0 0",
                     "drain all 0", "wait drained"):
            peer = self.ask(line)
            if not line.startswith(("trace", "wait")):
                text = b""
                while not re.search(rb"^{\"(ok|error)\":.*\n\Z", text, re.M):
                    text += peer.recv(65536) or self.fail((line, text))
                refused = line.endswith(("none", "77"))
                self.assertEqual(b'{"error":' in text, refused, (line, text))
            else:
                self.info()  # by then it is under way
            self.assertEqual(self.held(daemon), [], line)
        alice.ping()
        bob.close()

    def ask(self, line):
        peer = socket.socket(socket.AF_UNIX)
        self.addCleanup(peer.close)
        peer.settimeout(PATIENCE_S)
        peer.connect(self.path)
        peer.send(line.encode() + b"\n")
        return peer

    def test_what_is_passed_along_keeps_it_from_nobody(self):
        """Connections whose close waits for a peer that never reads."""
        self.begin_operated()
        control = self.control()
        passed = 0
        for count in (1, 2, 100):
            for line in (b"show", b"show info\n"):
                with self.lingering() as lingering, \
                        socket.socket(socket.AF_UNIX) as peer:
                    peer.connect(self.path)
                    try:
                        socket.send_fds(peer, [line],
                                        [lingering.fileno()] * count)
                        passed += count
                    except PermissionError:  # a kernel that refuses them
                        lingering.setsockopt(socket.SOL_SOCKET,
                                             socket.SO_LINGER, bytes(8))
        self.assertEqual(self.control(), control)
        print(f"{passed} passed")

    def lingering(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            fd = socket.create_connection(server.getsockname())
            self.addCleanup(server.accept()[0].close)
        fd.setblocking(False)
        try:
            while fd.send(b"x" * 65536):
                pass
        except BlockingIOError:
            pass
        fd.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                      struct.pack("ii", 1, 600))
        return fd

    @staticmethod
    def held(daemon):
        """Of the master's sockets those to which somebody could write who is
        no child: none but the ends of its channels may be connected, and
        the links, which it holds for upstream and never reads."""
        before = len(children(daemon.process.pid))
        held = set(open_files(daemon.process.pid)) - \
            connections(daemon.upstream())
        inodes = {found[1] for name in held
                  if (found := re.match(r"socket:\[(\d+)\]$", name))}
        found, channels = [], 0
        for kind, inode, state, listens in (
                ("unix", 6, 3, "00010000"), ("tcp", 9, 3, "0A"),
                ("tcp6", 9, 3, "0A"), ("udp", 9, 3, ""), ("udp6", 9, 3, "")):
            table = pathlib.Path(f"/proc/net/{kind}").read_text()
            for line in table.splitlines()[1:]:
                words = line.split()
                if words[inode] not in inodes or words[state] == listens:
                    continue
                stream = kind == "unix" and words[4] == "0001"
                if stream and words[5] == "01":
                    continue  # the name that is taken; nobody can connect
                if stream and len(words) == 7:
                    channels += 1
                else:
                    found.append(line)
        # A standby may come or go meanwhile.
        if channels not in (before, len(children(daemon.process.pid))):
            found.append(f"{channels} channels")
        return found

    def connections(self, pid, port):
        """The process's connections on the control socket and by HTTP."""
        inodes = {int(found[1]) for name in open_files(pid)
                  if (found := re.match(r"socket:\[(\d+)\]$", name))}
        found = []
        for line in pathlib.Path("/proc/net/unix").read_text().splitlines():
            words = line.split()
            # The fourth word: flags, a listening one has this.
            if words[-1] == self.path and words[3] != "00010000" and \
                    int(words[6]) in inodes:
                found.append(line)
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines():
            words = line.split()
            if words[1].endswith(f":{port:04X}") and words[3] != "0A" and \
                    int(words[9]) in inodes:
                found.append(line)
        return found

    def test_its_death_costs_nobody_a_connection(self):
        """Killed a hundred times while clients talk and metrics are read."""
        port, = free_ports(1)
        _, daemon = self.begin_operated(**{"http.port": port})
        clients = [self.client(name) for name in ("alice", "bob", "carol")]
        before = set(daemon.workers()) | {daemon.upstream()}
        over = threading.Event()
        talkers = [threading.Thread(target=self.talk, args=(client, over))
                   for client in clients]
        talkers.append(threading.Thread(target=self.scrape,
                                        args=(port, over)))
        self.said = {}
        for talker in talkers:
            talker.start()
        try:
            times = [self.kill_once() for _ in range(KILLS)]
        finally:
            over.set()
            for talker in talkers:
                talker.join()
        self.assertEqual(set(daemon.workers()) | {daemon.upstream()}, before)
        for client in clients:
            self.assertGreater(self.said[client], 0)
            client.ping()
        self.assertEqual(self.info()["clients"], len(clients))
        mean, late = sum(times) / KILLS, [t for t in times if t >= ANSWER_S]
        print(f"answered again after {max(times):.3f} s at most, "
              f"{mean:.3f} s on average, {len(late)} times later than "
              f"{ANSWER_S:.0f} s")
        self.assertEqual(len(times), KILLS)
        self.assertLess(mean, ANSWER_S, times)
        self.assertLess(max(times), 10 * ANSWER_S, times)

    def talk(self, client, over):
        """As many pings as there is time for; the last says how it went."""
        count = 0
        while not over.is_set():
            client.ping(f"n{count}")
            count += 1
            self.said[client] = count

    @staticmethod
    def scrape(port, over):
        while not over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", port), 1) as peer:
                    peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
                                 b"Connection: close\r\n\r\n")
                    while peer.recv(65536):
                        pass
            except OSError:
                pass

    def kill_once(self):
        """How long until cmctl has an answer again, from the kill on. The
        second is what is promised; one alone may meet a busy machine, and has
        ten times as long."""
        victim = self.control()
        begun = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        deadline = Deadline(PATIENCE_S, "no answer")
        while True:
            deadline.left()
            done = subprocess.run([self.CMCTL, "-s", self.path, "-j", "show",
                                   "info"], capture_output=True, text=True,
                                  timeout=PATIENCE_S, check=False)
            if done.returncode == 0 and \
                    json.loads(done.stdout)["control_pid"] != victim:
                return time.monotonic() - begun

    def test_one_that_stands_still_is_replaced(self):
        self.begin_operated(**{"hang.timeout": 2})
        victim = self.control()
        os.kill(victim, signal.SIGSTOP)
        deadline = Deadline(PATIENCE_S, "it was not replaced")
        while title(victim):
            deadline.left()
            time.sleep(0.05)
        self.assertNotEqual(self.control(), victim)
        self.client("alice").ping()


if __name__ == "__main__":
    unittest.main()
