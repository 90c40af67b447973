#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What cmctl says to somebody who calls it wrongly, or wants to know what was
done: each answer names what may be given, and is whole."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import BUILD  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S  # noqa: E402

COMPLETION = (pathlib.Path(__file__).resolve().parents[2] / "contrib" /
              "bash-completion" / "cmctl")
DAEMON = str(BUILD / "master" / "cmanagerd")
ERRORS = ["policy-violation", "conflict", "reset", "system-shutdown",
          "not-authorized"]
LEVELS = ["error", "warning", "notice", "info", "debug"]
FILTERS = ["jid", "address", "worker", "lane", "state", "tls", "age", "idle"]
FIELDS = ["age", "idle", "bytes_up", "bytes_down", "stanzas_up",
          "stanzas_down"]
STATES = ["opening", "negotiating", "authenticated", "bound", "closing"]
ID = "cm" + "0" * 21
LONG_JID = f"{'a' * 1023}@{'b' * 1023}/{'c' * 1023}"

# What is wrong: what the error has to name.
WRONG = {
    # A command that is not whole.
    "show": ["show info", "show session ID", "show sessions [FILTER=VALUE",
             "[limit=N]", "show errors"],
    "kill": ["kill session ID [ERROR]", "kill jid JID [ERROR]",
             "kill address ADDRESS [ERROR]"],
    "wait": ["wait ready", "wait drained"],
    "log": ["log level LEVEL"],
    "trace": ["trace session ID"],
    # Too little.
    "drain": ["drain WORKER|all [SECONDS] [wait]"],
    "undrain": ["undrain WORKER|all"],
    "log level": ["log level LEVEL", *LEVELS],
    "show session": ["show session ID"],
    "trace session": ["trace session ID"],
    "kill session": ["kill session ID [ERROR]"],
    "kill jid": ["kill jid JID [ERROR]"],
    "kill address": ["kill address ADDRESS [ERROR]"],
    # Too much.
    "show info now": ["now", "show info"],
    "show links x": ["show links"],
    "show lanes x": ["show lanes"],
    f"show session {ID} x": ["show session ID"],
    f"kill session {ID} reset now": ["now", "kill session ID [ERROR]"],
    "wait ready now": ["now", "wait ready"],
    "reload now": ["now", "reload"],
    "undrain 0 1": ["undrain WORKER|all"],
    "drain 0 1 wait wait": ["drain WORKER|all [SECONDS] [wait]"],
    f"trace session {ID} x": ["trace session ID"],
    "log level debug x": ["log level LEVEL"],
    # A word that is none.
    "shwo": ["shwo", "show", "kill", "drain", "wait", "reload"],
    "show sesions": ["sesions", "sessions", "show info"],
    "wait redy": ["redy", "wait ready", "wait drained"],
    "help shwo": ["shwo", "show"],
    # A value that is none.
    "show sessions colour=red": ["colour=red", *FILTERS, "sort=", "limit="],
    "show sessions jdi=x": ["jdi", *FILTERS],
    "show sessions alice": ["alice", *FILTERS],
    "show sessions sort=jid": ["sort= cannot be 'jid'; it is one of ",
                               *FIELDS],
    "show sessions limit=0": ["limit= cannot be '0'", "1 to 10000"],
    "show sessions limit=x": ["limit= cannot be 'x'", "1 to 10000"],
    "show sessions limit=10001": ["limit= cannot be '10001'", "1 to 10000"],
    "show sessions state=odd": ["state= cannot be 'odd'; it is one of ",
                                *STATES],
    "show sessions tls=perhaps": ["tls= cannot be 'perhaps'", "yes", "no"],
    "show sessions lane=16": ["lane= cannot be '16'", "0 to 15"],
    "show sessions worker=x": ["worker= cannot be 'x'; there are 0 and 1"],
    "show sessions worker=9": ["worker= cannot be '9'; there are 0 and 1"],
    "show sessions worker=4294967295": [
        "worker= cannot be '4294967295'; there are 0 and 1"],
    "show sessions age=old": ["age= cannot be 'old'", "seconds"],
    "show sessions idle=-1": ["idle= cannot be '-1'", "seconds"],
    "show sessions address=home": ["address= cannot be 'home'", "IP address",
                                   "192.0.2."],
    "log level loud": ["loud", *LEVELS],
    f"kill session {ID} sudden": ["sudden", *ERRORS],
    "kill jid alice@xmpp.example sudden": ["'sudden' is no stream error; one "
                                           "is ", *ERRORS],
    "kill address 192.0.2.1 sudden": ["sudden", *ERRORS],
    "kill address home": ["home", "192.0.2.7", "[2001:db8::7]:5222"],
    "kill address 192.0.2.1:70000": ["192.0.2.1:70000", "192.0.2.7"],
    "kill jid @": ["@", "user@domain"],
    "kill session x!": ["x!", "show sessions"],
    "show session x!": ["x!", "show sessions"],
    "trace session x!": ["x!", "show sessions"],
    "drain 7": ["7", "0 and 1", "all"],
    "drain main": ["main", "0 and 1", "all"],
    "drain -1": ["-1", "0 and 1", "all"],
    "undrain main": ["main", "0 and 1", "all"],
    "undrain 0": ["worker 0", "not being drained"],
    "undrain 7": ["7", "0 and 1", "undrain all"],
    "drain 0 soon": ["soon", "0 to 86400"],
    "drain 0 86401": ["86401", "0 to 86400"],
    "drain 0 1 soon": ["soon", "wait"],
    # Nobody there.
    "kill jid nobody@xmpp.example": ["nobody@xmpp.example"],
    "kill address 192.0.2.1": ["192.0.2.1"],
    f"kill jid {LONG_JID}": [LONG_JID],
    # What is very long is shown with its beginning and its length.
    "x" * 4000: ["xxxx", "…", "4000 bytes"],
    f"log level {'x' * 4000}": ["xxxx", "…", "4000 bytes", *LEVELS],
    f"show sessions {'x' * 4000}": ["xxxx", "…", "4000 bytes", *FILTERS],
}


class Cmctl(OperatorScene):
    def run_tool(self, *words, program=None, **further):
        done = subprocess.run(
            [program or self.CMCTL, *words], timeout=PATIENCE_S,
            capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, **further)
        return done.returncode, done.stdout, done.stderr

    def test_what_is_wrong_is_answered_with_what_is_right(self):
        self.begin_operated()
        self.cmctl("wait", "ready")
        for line, expected in WRONG.items():
            with self.subTest(line=line[:60]):
                said = self.cmctl(*line.split(), code=1)
                for words in expected:
                    self.assertIn(words, said)
                self.assertEqual(said.count("\n"), 1, said)
                self.assertLess(len(said), 4000)
        self.assertIn("which command", self.cmctl("", code=1))

    def told(self, *words):
        """The answer for programs."""
        answer, = self.objects(*words)
        return answer

    def test_what_was_done_is_said(self):
        self.begin_operated(**{"drain.window": 60})
        self.cmctl("wait", "ready")
        alice, bob = self.client("alice"), self.client("bob")
        self.client("carol")
        self.assertIn("2 workers", self.cmctl("wait", "ready"))
        self.assertIn("1 client", self.cmctl("kill", "jid",
                                             "alice@xmpp.example", "reset"))
        alice.expect("<reset ")
        alice.close()
        self.until(lambda: self.info()["clients"] == 2)
        worker = self.rows("sessions", "jid=bob@*")[0]["worker"]
        count = len(self.rows("sessions", f"worker={worker}"))
        noun = "1 client" if count == 1 else f"{count} clients"
        said = self.cmctl("drain", str(worker), "0")
        self.assertIn(f"worker {worker} ", said)
        self.assertIn(noun, said)
        self.assertIn(f"cmctl undrain {worker}", said)
        other = 1 - worker
        said = self.cmctl("drain", str(other), code=1)
        self.assertIn(f"worker {other} is the only one", said)
        self.assertIn("drain all", said)
        said = self.cmctl("undrain", str(worker))
        self.assertIn(f"worker {worker} serves again", said)
        self.assertIn(noun, said)
        self.assertIn("not being drained",
                      self.cmctl("undrain", str(worker), code=1))
        self.assertEqual(
            self.told("drain", str(worker), "0"),
            {"worker": worker, "clients": count, "window_s": 0})
        self.assertEqual(
            self.told("undrain", str(worker)),
            {"worker": worker, "clients": count})
        said = self.cmctl("log", "level", "debug")
        self.assertIn("debug", said)
        bob.ping()
        self.daemon.options["xmpp.client.stanza.depth"] = "50"
        self.daemon.write()
        said = self.cmctl("reload")
        self.assertIn("xmpp.client.stanza.depth", said)
        self.assertIn("nothing has changed", self.cmctl("reload"))
        self.daemon.options["sessions.max"] = "128"
        self.daemon.write()
        self.assertIn("restart: sessions.max", self.cmctl("reload"))
        said = self.cmctl("drain", str(worker), "50")
        self.assertIn(f"closes {noun} within 50 s", said)

    def test_the_way_back_is_named_and_works(self):
        self.begin_operated()
        self.cmctl("wait", "ready")
        said = self.cmctl("drain", "1", "0", "wait")
        self.assertIn("worker 1 has ended", said)
        self.assertIn("cmctl undrain all", said)
        said = self.cmctl("undrain", "1", code=1)
        self.assertIn("cmctl undrain all", said)
        self.assertIn("2 workers", self.cmctl("undrain", "all"))
        self.assertIn("2 workers", self.cmctl("wait", "ready"))
        said = self.cmctl("drain", "all", "0")
        self.assertIn("cmctl undrain all", said)
        self.assertIn("drained", self.cmctl("wait", "drained"))
        self.cmctl("undrain", "all")
        self.cmctl("wait", "ready")

    def test_help_is_there_without_a_daemon(self):
        for ask in (["-h"], ["--help"]):
            code, said, error = self.run_tool(*ask)
            self.assertEqual((code, error), (0, ""))
            for words in ("usage: cmctl", "--json", "--socket", "--version",
                          "kill session ID [ERROR]", "top [SECONDS]"):
                self.assertIn(words, said)
            code, said, error = self.run_tool(*ask, program=DAEMON)
            self.assertEqual((code, error), (0, ""))
            for words in ("usage: cmanagerd", "--config", "--version",
                          "-D NAME=VALUE"):
                self.assertIn(words, said)
        for program, name in ((self.CMCTL, "cmctl"), (DAEMON, "cmanagerd")):
            for ask in ("-V", "--version"):
                code, said, error = self.run_tool(ask, program=program)
                self.assertEqual((code, error), (0, ""))
                self.assertRegex(said, rf"^{name} \d+\.\d+\.\d+\n$")
        for ask in (["show", "--help"], ["show", "-h"]):
            code, said, error = self.run_tool(*ask)
            self.assertEqual((code, error), (0, ""))
            self.assertIn("show sessions", said)
            self.assertIn("show errors", said)
            self.assertNotIn("kill", said)
        code, said, _ = self.run_tool("kill", "jid", "--help")
        self.assertEqual(code, 0)
        self.assertIn("kill jid JID [ERROR]", said)
        self.assertNotIn("kill address", said)
        self.assertIn("top [SECONDS]", self.run_tool("top", "--help")[1])
        code, said, error = self.run_tool("shwo", "--help")
        self.assertEqual((code, said), (2, ""))
        self.assertIn("shwo", error)

    def test_help_of_a_command_or_group(self):
        self.begin_operated()
        said = self.cmctl("help", "show")
        self.assertIn("show sessions", said)
        self.assertNotIn("kill", said)
        rows = self.objects("help", "kill", "jid")
        self.assertEqual([row["command"] for row in rows], ["kill jid"])

    def test_exit_codes_of_cmctl_are_those_of_the_manual(self):
        self.begin_operated()
        self.cmctl("show", "info")
        self.cmctl("kill", "jid", "nobody@xmpp.example", code=1)
        for words in ([], ["-x"], ["--wonder"], ["-s"], ["--socket"],
                      ["top", "x"], ["top", "1", "2"], ["top", "0"],
                      ["--json=x", "show", "info"]):
            code, said, error = self.run_tool("-s", self.path, *words)
            self.assertEqual((code, said), (2, ""), words)
            self.assertIn("cmctl", error)
        code, _, error = self.run_tool("-s", self.path + "x", "show", "info")
        self.assertEqual(code, 3)
        self.assertIn(self.path + "x", error)
        self.assertEqual(self.run_tool("--socket", self.path, "--json",
                                       "show", "info")[0], 0)

    def test_an_answer_that_cannot_be_written_is_no_success(self):
        """Be it short or long, for people or for programs."""
        self.begin_operated()
        for words in (["help"], ["show", "metrics"], ["-j", "show", "metrics"],
                      ["show", "config"], ["show", "info"], ["--help"],
                      ["--version"]):
            for place, why in ((">/dev/full", "No space left"),
                               (">&-", "Bad file descriptor")):
                code, said, error = self.run_in_shell(words, place)
                self.assertEqual((code, said), (1, ""), (words, place, error))
                self.assertIn("cmctl: cannot write the answer", error)
                self.assertIn(why, error)
                self.assertEqual(error.count("\n"), 1, error)

    def test_who_reads_no_more_is_no_fault(self):
        self.begin_operated()
        for words in (["show", "metrics"], ["-j", "show", "metrics"],
                      ["help"], ["--help"]):
            for place in ("| head -n 1 >/dev/null", "| true"):
                self.assertEqual(self.run_in_shell(
                    words, place + "; exit ${PIPESTATUS[0]}"), (0, "", ""))

    def run_in_shell(self, words, behind):
        done = subprocess.run(
            ["bash", "-c", f'"$@" {behind}', "bash", self.CMCTL, "-s",
             self.path, *words], timeout=PATIENCE_S, capture_output=True,
            text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_sentences_are_whole(self):
        self.begin_operated(**{"drain.window": 60, "xmpp.manager.connections": 1})
        self.assertEqual(self.cmctl("wait", "ready"), "2 workers serve, and "
                         "1 link to the server is up\n")
        self.client("alice")
        bob = self.client("bob")
        worker = self.rows("sessions", "jid=bob@*")[0]["worker"]
        for line, sentence in (
                ("kill jid alice@xmpp.example",
                 "1 client is closed with the stream error policy-violation"),
                ("drain x", "there is no worker 'x'; there are 0 and 1, or "
                 "give all"),
                ("drain \"\"", "there is no worker ''; there are 0 and 1, or "
                 "give all"),
                ("drain 7", "there is no worker '7'; there are 0 and 1, or "
                 "give all; instead of one that was drained and has ended, "
                 "cmctl undrain all starts another"),
                ("drain 0 5 foo", "there are too many arguments, from 'foo' "
                 "on; usage: drain WORKER|all [SECONDS] [wait]: "),
                ("drain 0 wait 5", "there are too many arguments, from '5' "
                 "on; usage: drain WORKER|all [SECONDS] [wait]: "),
                ("show sessions state=foo", "state= cannot be 'foo'; it is "
                 "one of opening, negotiating, authenticated, bound or "
                 "closing"),
                ("kill jid a@b oops", "'oops' is no stream error; one is "
                 "policy-violation, conflict, reset, system-shutdown or "
                 "not-authorized")):
            self.assert_said(line, sentence)
        self.until(lambda: self.info()["clients"] == 1)
        self.assert_said(
            f"drain {worker} 0", f"worker {worker} accepts no more and ends "
            f"when 1 client has left; until then cmctl undrain {worker} takes "
            "it back, later cmctl undrain all starts another")
        self.assert_said(f"undrain {worker}",
                         f"worker {worker} serves again, with 1 client")
        self.assert_said(
            "drain all 60", "2 workers close 1 client within 60 s and end, "
            "and the ports are closed; cmctl undrain all opens them and "
            "takes the workers back")
        self.assert_said(
            "undrain all", "the ports are open, and 2 workers are to serve as "
            "workers.count has it; cmctl wait ready returns when all do")
        bob.ping()
        self.assert_said("wait ready", "2 workers serve, and 1 link to the "
                         "server is up")
        self.assert_said("wait drained", "no worker is being drained")

    def assert_said(self, line, sentence):
        """As the whole answer, up to the help behind a usage."""
        *_, end = self.answer(line)
        said = end.get("error") or end["message"]
        if sentence.endswith(": "):
            said = said[:len(sentence)]
        self.assertEqual(said, sentence)

    def test_exit_codes_of_cmanagerd_are_those_of_the_manual(self):
        _, daemon = self.begin_operated()
        path = str(daemon.path)

        def refused(*words):
            code, said, error = self.run_tool(*words, program=DAEMON)
            self.assertEqual((code, said), (2, ""), (words, error))
            return error
        self.assertIn("more", refused("-t", "-c", path, "more"))
        self.assertIn("usage: cmanagerd", refused("-x"))
        self.assertIn("usage: cmanagerd", refused("--wonder"))
        self.assertIn("usage: cmanagerd", refused("-c"))
        for how in (["-t"], [], ["-T"]):
            self.assertIn("name=value", refused(*how, "-c", path, "-D", "x"))
            self.assertIn("nearest", refused(*how, "-c", path, "-D", "x.y=1"))
            self.assertIn("'loud'", refused(*how, "-c", path, "-D",
                                            "log.level=loud"))
            self.assertIn("secret", refused(*how, "-c", path, "-D",
                                            "xmpp.password=x"))
        many = ["-D", "log.level=info"] * 65
        self.assertEqual(self.run_tool("-t", "-c", path, *many,
                                       program=DAEMON)[0], 0)
        for words in (["-c", path + ".none"], ["-t", "-c", path + ".none"],
                      ["-t", "-c", path, "-D", "workers.max=1", "-D",
                       "workers.count=2"]):
            self.assertEqual(self.run_tool(*words, program=DAEMON)[0], 1)
        self.assertEqual(self.run_tool("--check", "--config", path,
                                       program=DAEMON)[0], 0)

    def complete(self, *words):
        """What bash offers for the last of the words."""
        script = f"""source {COMPLETION}; compopt() {{ :; }}
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cmctl
            printf '%s\\n' "${{COMPREPLY[@]}}" """
        done = subprocess.run(["bash", "-c", script, "bash", "cmctl", *words],
                              capture_output=True, text=True, check=True,
                              timeout=PATIENCE_S)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_the_shell_completes_every_command(self):
        _, said, _ = self.run_tool("--help")
        for line in re.findall("^  ([a-z].*)$", said, re.MULTILINE):
            words = [word for word in line.split() if word.islower() and
                     not set(word) & set("[|")]
            for at, word in enumerate(words):
                self.assertIn(word, self.complete(*words[:at], word[:2]), line)
                self.assertIn(word, self.complete("help", *words[:at], ""),
                              line)
        for word in ("--help", "--json", "--socket", "--version"):
            self.assertIn(word, self.complete("-"))
        self.assertEqual(self.complete("log", "level", ""), LEVELS)
        self.assertEqual(self.complete("kill", "jid", "x", ""), ERRORS)
        self.assertEqual(self.complete("show", "sessions", "state", "="),
                         STATES)
        self.assertEqual(self.complete("show", "sessions", "state", "=", "b"),
                         ["bound"])
        self.assertEqual(self.complete("show", "sessions", "sort", "=", ""),
                         FIELDS)
        self.assertEqual(self.complete("show", "sessions", "tls", "="),
                         ["yes", "no"])
        for name in FILTERS:
            self.assertIn(f"{name}=", self.complete("show", "sessions", ""))
        self.assertIn("show", self.complete("-j", "--socket", "x", "sh"))

    def test_an_error_has_its_whole_text(self):
        """Of a configuration: at the start, in the answer, in the log."""
        _, daemon = self.begin_operated()
        long = "/" + "/".join("x" * 200 for _ in range(19))
        good = dict(daemon.options)
        daemon.options["xmpp.socket.ssl.certificate"] = long
        for number in range(30):
            daemon.options[f"wonder.w{number}.{'y' * 100}"] = "1"
        daemon.write()
        said = self.cmctl("reload", code=1)
        self.assertIn(f"'{long}'", said)
        for number in range(30):
            self.assertIn(f"wonder.w{number}.{'y' * 100} ", said)
        text = self.daemon.tail(10 ** 7)
        self.assertIn("wonder.w29." + "y" * 100 + " is ignored", text)
        code, _, error = self.run_tool("-t", "-c", str(daemon.path),
                                       program=DAEMON)
        self.assertEqual(code, 1)
        self.assertIn(f"'{long}'", error)
        daemon.options = {**good, "chroot": long}
        daemon.write()
        self.assertIn(f"'{long}'", self.cmctl("reload", code=1))
        daemon.options = {**good, "log.target": "file",
                          "log.file": "/nowhere/cm.log"}
        daemon.write()
        said = self.cmctl("reload", code=1)
        self.assertIn("cannot open the log /nowhere/cm.log: No such file", said)
        self.assertIn("make the folder", said)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            daemon.options = {**good, "xmpp.socket.default.port": str(port)}
            daemon.write()
            self.assertIn(f":{port}: Address already in use",
                          self.cmctl("reload", code=1))


if __name__ == "__main__":
    unittest.main()
