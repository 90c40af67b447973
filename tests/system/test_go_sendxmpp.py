#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""go-sendxmpp through cmanagerd to a real Prosody."""

import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))
from go_sendxmpp import go_sendxmpp, send_once  # noqa: E402
from site_fixture import WithSite  # noqa: E402
from support import certificate  # noqa: E402

DOMAIN = "xmpp.example"
# Two for each test: a message to an account goes to all its sessions, also to
# one of an earlier test of which the server does not know yet that it ended.
USERS = {name: f"word of {name}" for name in
         ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")}


class GoSendxmpp(WithSite, unittest.TestCase):
    SITE = {"users": USERS}

    def account(self, user, direct):
        port = self.site.direct_port if direct else self.site.plain_port
        return f"{user}@{DOMAIN}", USERS[user], port, self.site.certificate

    def listen(self, user, direct):
        # What comes before it is there waits in the offline store.
        listener = go_sendxmpp(*self.account(user, direct), "--listen",
                               direct=direct)
        self.addCleanup(listener.stop)
        return listener

    def send(self, user, to, text, direct):
        status, said = send_once(*self.account(user, direct),
                                 f"{to}@{DOMAIN}", text, direct)
        self.assertEqual(status, 0, said)

    def exchange(self, direct):
        """Between two users; direct: {user: uses direct TLS}."""
        heard = {user: self.listen(user, direct[user]) for user in direct}
        for one, two in (tuple(direct), tuple(reversed(direct))):
            text = f"from {one}: grüße & <ok> ✓ {'x' * 2000}"
            self.send(one, two, text, direct[one])
            heard[two].expect(r"\S+ " + re.escape(
                f"{one}@{DOMAIN}: {text}"))

    def test_messages_pass_both_ways_over_starttls(self):
        self.exchange({"alice": False, "bob": False})

    def test_messages_pass_both_ways_over_direct_tls(self):
        self.exchange({"carol": True, "dave": True})

    def test_messages_pass_between_starttls_and_direct_tls(self):
        self.exchange({"erin": False, "frank": True})

    def test_many_messages_arrive_in_order(self):
        listener = self.listen("heidi", False)
        sender = go_sendxmpp(*self.account("grace", False), "--interactive",
                             f"heidi@{DOMAIN}")
        self.addCleanup(sender.stop)
        texts = [f"line {number}" for number in range(500)]
        for text in texts:
            sender.send(text)
        listener.expect(rf"\S+ grace@{DOMAIN}: {texts[-1]}")
        # It sends each line with its end: an empty line follows.
        self.assertEqual([line.split(": ", 1)[1] for line in listener.lines
                          if line], texts)

    def test_a_wrong_password_is_refused(self):
        for direct in (False, True):
            jid, _, port, authority = self.account("alice", direct)
            status, said = send_once(jid, "wrong", port, authority,
                                     f"bob@{DOMAIN}", "no", direct)
            self.assertNotEqual(status, 0)
            self.assertRegex("\n".join(said), "(?i)auth")

    def test_the_certificate_shown_is_the_one_configured(self):
        other, _ = certificate(self.site.directory.name)
        for direct in (False, True):
            jid, password, port, _ = self.account("alice", direct)
            status, said = send_once(jid, password, port, other,
                                     f"bob@{DOMAIN}", "no", direct)
            self.assertNotEqual(status, 0)
            self.assertRegex("\n".join(said), "x509")


if __name__ == "__main__":
    unittest.main()
