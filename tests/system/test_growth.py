#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Prosody whose links take no more than the manager lets a client
send, and what is around it: nothing that a client sends outgrows that."""

import pathlib
import sys
import unittest
from xml.sax.saxutils import unescape

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from operator_scene import OperatorScene  # noqa: E402
from site_fixture import ProsodySite  # noqa: E402

LIMIT = 256 * 1024  # of the manager by default, and of Prosody for its clients
AROUND = 16 * 1024  # what the manager puts around a stanza at most


class Growth(OperatorScene):
    def setUp(self):
        super().setUp()
        self.path = f"{self.directory.name}/control"
        self.addCleanup(self.end)

    def site(self, limit):
        site = ProsodySite(
            {"alice": "x", "bob": "x"},
            f"connection_manager_stanza_size_limit = {limit}\n",
            options={"control.socket": self.path})
        self.addCleanup(site.stop)
        self.addCleanup(site.explain, self)
        site.start()
        self.daemon = site.daemon
        self.addCleanup(setattr, self, "daemon", None)
        self.until(lambda: self.info()["links"] == 5)
        return [self.client(name, tls=True) for name in ("alice", "bob")]

    def assert_no_link_lost(self):
        self.assertIn("cmanager_links_lost_total 0\n",
                      self.cmctl("show", "metrics"))

    def exchange(self, sender, receiver, name, within, text):
        """What arrives is what was sent."""
        sender.send(f"<{name} to='{receiver.jid}'><{within}>{text}</{within}>"
                    f"</{name}>")
        got = receiver.expect(f"<{name}[^>]*>(?:(?!</{name}>).)*<{within}>.*?"
                              f"</{name}>", 30)
        got = got.split(f"<{within}>")[1].split(f"</{within}>")[0]
        self.assertEqual(unescape(got), unescape(text))
        sender.ping()

    def test_stanzas_full_of_tag_ends_arrive_and_cost_no_link(self):
        alice, bob = self.site(LIMIT)
        many = ">" * (120 * 1024)
        self.exchange(alice, bob, "presence", "status", many)
        self.exchange(alice, bob, "message", "body", many)
        self.exchange(bob, alice, "message", "body",
                      "/>]>]]&gt;&lt;/body>&lt;/message>&lt;/route>" * 2000)
        self.assert_no_link_lost()

    def test_the_longest_stanza_passes_and_a_grown_one_costs_its_client(self):
        alice, bob = self.site(LIMIT + AROUND)
        around = len(f'<message to="{bob.jid}"><body></body></message>')
        self.exchange(alice, bob, "message", "body", ">" * (LIMIT - around))
        for grown in ("<x y='" + '"' * 60000 + "'/>",
                      "<x y='" + ">" * 80000 + "'/>",
                      "<x><![CDATA[" + "&" * 60000 + "]]></x>"):
            victim = self.client("alice", "victim", tls=True)
            victim.send(f"<message to='{bob.jid}'>{grown}</message>")
            victim.expect("<policy-violation ")
            self.assertTrue(victim.ends())
        self.exchange(bob, alice, "message", "body", "still there")
        self.assert_no_link_lost()


if __name__ == "__main__":
    unittest.main()
