#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients made of libraries that others wrote do the same things at a real
Prosody, straight and through cmanagerd: what comes of it is the same. Where it
is not, the row in DIFFERENCES says why; the table of both is printed."""

import os
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))
from daemon import BUILD  # noqa: E402
from line_process import LineProcess  # noqa: E402
from site_fixture import WithSite  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = HERE.parent / "support" / "foreign"
DOMAIN = "xmpp.example"
WORDS = {"alice": "wonder", "bob": "builder"}
TEXT = "grüße & <ok> ✓ 🎉 \"quoted\" ]]>"

CLIENTS = {
    "aioxmpp": ["/usr/bin/python3", SCRIPTS / "aioxmpp_client.py"],
    "loudmouth": [BUILD / "tests" / "support" / "loudmouth_client"],
    "nbxmpp": ["/usr/bin/python3", SCRIPTS / "nbxmpp_client.py"],
    "Net::XMPP": ["perl", SCRIPTS / "net_xmpp_client.pl"],
}
# (client, step): why the outcome differs.
DIFFERENCES = {}


class Person:
    """One user of one client library at one port."""

    def __init__(self, case, client, port, user, password=None):
        self.jid = f"{user}@{DOMAIN}/{user}s"
        self.process = LineProcess([
            *CLIENTS[client], "--jid", self.jid, "--password",
            password or WORDS[user], "--port", port, "--authority",
            case.site.certificate],
            # What its libraries never give back is theirs.
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        case.addCleanup(self.process.stop)

    def online(self):
        self.process.expect(rf"connected {re.escape(self.jid)}")
        return self

    def hears_from(self, other):
        return self.process.expect(
            rf"message {re.escape(other.jid)} (.*)")[1]

    def query(self, question, answer):
        self.process.send(question)
        return self.process.expect(answer)[0]

    def end(self):
        """What it says when its stream is over."""
        return self.process.expect("failed.*|ended")[0]


class Foreign(WithSite, unittest.TestCase):
    SITE = {"users": WORDS, "beside": True}

    def outcomes(self, client, port):
        """What comes of each step."""
        def person(user, password=None):
            return Person(self, client, port, user, password)

        seen = {"wrong password": person("alice", "wrong").end()}
        alice, bob = person("alice").online(), person("bob").online()
        alice.process.send(f"message {bob.jid} {TEXT}")
        seen["message"] = bob.hears_from(alice)
        bob.process.send(f"message {alice.jid} {'x' * 20000}")
        seen["long message"] = len(alice.hears_from(bob))
        seen["ping"] = alice.query("ping", "pong")
        seen["roster"] = alice.query("roster", r"roster \d+")
        seen["same resource"] = (person("bob").online(), bob.end())[1]
        alice.process.send("quit")
        seen["end"] = alice.end()
        seen["exit"] = alice.process.wait()
        self.assertEqual(seen["exit"], 0)
        return seen

    def compare(self, client):
        straight = self.outcomes(client, self.site.straight_port)
        through = self.outcomes(client, self.site.plain_port)
        for step, outcome in straight.items():
            self.assertEqual(outcome != through[step],
                             (client, step) in DIFFERENCES,
                             (client, step, outcome, through[step]))
            print(f"{client:10} {step:14} {str(outcome)[:32]:32} "
                  f"{str(through[step])[:32]}")
        self.assertEqual(straight["message"], TEXT)
        self.assertEqual(straight["long message"], 20000)

    def test_aioxmpp(self):
        self.compare("aioxmpp")

    def test_loudmouth(self):
        self.compare("loudmouth")

    def test_nbxmpp(self):
        self.compare("nbxmpp")

    def test_net_xmpp(self):
        self.compare("Net::XMPP")


if __name__ == "__main__":
    unittest.main()
