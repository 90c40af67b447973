#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""libstrophe through cmanagerd to a real Prosody."""

import asyncio
import os
import pathlib
import re
import signal
import statistics
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))
from daemon import BAD, BUILD  # noqa: E402
from foreign import Client as Slixmpp, wait  # noqa: E402
from line_process import LineProcess  # noqa: E402
from site_fixture import WithSite  # noqa: E402

DOMAIN = "xmpp.example"
USERS = {"alice": "wonder", "bob": "builder", "carol": "singer",
         "dave": "diver", "erin": "poet", "admin": "root"}
DRIVER = BUILD / "tests" / "support" / "strophe_client"
CONFLICT = 2  # libstrophe's XMPP_SE_CONFLICT


class Strophe(WithSite, unittest.IsolatedAsyncioTestCase):
    SITE = {"users": USERS}

    def client(self, user, resource=None, direct=False, password=None):
        """Not connected yet."""
        jid = f"{user}@{DOMAIN}" + (f"/{resource}" if resource else "")
        port = self.site.direct_port if direct else self.site.plain_port
        client = LineProcess(
            [DRIVER, "--jid", jid, "--password", password or USERS[user],
             "--port", port, "--authority", self.site.certificate,
             *(["--direct"] if direct else [])],
            env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        self.addCleanup(self.end, client)
        return client

    def end(self, client):
        client.close_input()
        status = client.wait()
        client.stop()
        self.assertIn(status, (0, -signal.SIGKILL), client.lines)
        self.assertNotRegex("\n".join(client.lines), BAD)

    def login(self, user, resource="strophe", direct=False):
        client = self.client(user, resource, direct)
        client.send("connect")
        client.jid = client.expect(r"connected (\S+) tls").group(1)
        self.assertEqual(client.jid, f"{user}@{DOMAIN}/{resource}")
        return client

    async def hear(self, client, pattern):
        """expect() while slixmpp's loop goes on."""
        await asyncio.to_thread(client.expect, pattern)

    async def slixmpp(self, user, resource):
        client = Slixmpp(f"{user}@{DOMAIN}", USERS[user],
                         self.site.plain_port, self.site.certificate,
                         resource=resource)
        await client.login()
        self.addAsyncCleanup(client.leave)
        return client

    def send(self, one, two, text):
        one.send(f"message {two.jid} {text}")
        two.expect(re.escape(f"message {one.jid} {text}"))

    def test_messages_pass_both_ways_over_starttls_and_direct_tls(self):
        alice = self.login("alice")
        bob = self.login("bob", direct=True)
        for number in range(20):
            self.send(alice, bob, f"{number}: over & <out>")
            self.send(bob, alice, f"{number}: grüße ✓ 🎉")

    def test_a_session_without_a_resource_of_its_own_gets_one(self):
        client = self.client("alice")
        client.send("connect")
        jid = client.expect(r"connected (\S+) tls").group(1)
        self.assertRegex(jid, rf"alice@{DOMAIN}/.+")

    async def test_messages_pass_between_libstrophe_and_slixmpp(self):
        alice = self.login("alice")
        bob = await self.slixmpp("bob", "slixmpp")
        alice.send(f"message {bob.boundjid} from C & <Python>")
        got = await bob.next_message()
        self.assertEqual(got["body"], "from C & <Python>")
        self.assertEqual(str(got["from"]), alice.jid)
        bob.send_message(alice.jid, "from Python ✓", mtype="chat")
        await self.hear(alice, re.escape(
            f"message {bob.boundjid} from Python ✓"))

    def test_a_subscription_shows_in_roster_and_presence(self):
        carol, dave = self.login("carol"), self.login("dave", direct=True)
        carol.send("roster")
        carol.expect("roster 0")
        carol.send(f"subscribe dave@{DOMAIN}")
        dave.expect(rf"presence carol@{DOMAIN} subscribe -")
        dave.send(f"accept carol@{DOMAIN}")
        carol.expect(rf"presence {dave.jid} - -")
        dave.send("show dnd")
        carol.expect(rf"presence {dave.jid} - dnd")
        carol.send("roster")
        carol.expect(rf"item dave@{DOMAIN} to")
        carol.expect("roster 1")
        dave.send("disconnect")
        carol.expect(rf"presence {dave.jid} unavailable -")

    def test_a_client_that_comes_back_finds_what_it_missed(self):
        alice, bob = self.login("alice"), self.login("bob")
        for number in range(5):
            bob.send("disconnect")
            bob.expect("disconnected - 0")
            # Until the server has heard of it, what it sends is late.
            self.site.server.wait_for_log(
                f"Unbinding resource for {bob.jid}", times=number + 1)
            alice.send(f"message bob@{DOMAIN} while away {number}")
            # Answered after the message was handled.
            alice.send("roster")
            alice.expect("roster .*")
            bob.send("connect")
            bob.expect("connected .*")
            bob.expect(f"message {alice.jid} while away {number}")
            self.send(bob, alice, f"back {number}")

    def test_the_end_of_a_client_is_known_at_once(self):
        """Not much later than a message of his would come: half a second would
        be what a tick once a second costs."""
        erin = self.login("erin", "watch")
        messages, ends = [], []
        for number in range(9):
            other = self.login("erin", f"goes{number}")
            erin.expect(rf"presence {other.jid} - -")
            start = time.monotonic()
            self.send(other, erin, "is there")
            messages.append(time.monotonic() - start)
            start = time.monotonic()
            other.process.kill()
            erin.expect(rf"presence {other.jid} unavailable -")
            ends.append(time.monotonic() - start)
        self.assertLess(statistics.median(ends),
                        statistics.median(messages) + 0.25, (messages, ends))

    def test_a_second_login_with_the_resource_ends_the_first(self):
        first = self.login("alice", "same")
        self.login("alice", "same", direct=True)
        first.expect(rf"disconnected {CONFLICT} .*")

    def test_a_wrong_password_is_refused(self):
        for direct in (False, True):
            client = self.client("alice", direct=direct, password="wrong")
            client.send("connect")
            client.expect("disconnected .*")
            self.assertFalse([line for line in client.lines
                              if line.startswith("connected")])

    async def test_the_server_ends_a_session(self):
        for direct in (False, True):
            victim = self.login("bob", "victim", direct)
            admin = await self.slixmpp("admin", "kick")
            await self.end_user_session(admin, victim.jid)
            await self.hear(victim, "disconnected .*")
            victim.send("connect")
            await self.hear(victim, "connected .*")
            await admin.leave()

    async def end_user_session(self, admin, jid):
        """XEP-0133: what an administrator's client does."""
        for plugin in ("xep_0004", "xep_0050"):
            admin.register_plugin(plugin)
        node = "http://jabber.org/protocol/admin#end-user-session"
        form = await wait(admin["xep_0050"].send_command(DOMAIN, node))
        answer = admin["xep_0004"].make_form("submit")
        answer.add_field("FORM_TYPE", "hidden",
                         value="http://jabber.org/protocol/admin")
        answer.add_field("accountjids", "jid-multi", value=[jid])
        await wait(admin["xep_0050"].send_command(
            DOMAIN, node, action="complete", payload=answer.xml,
            sessionid=form["command"]["sessionid"]))


if __name__ == "__main__":
    unittest.main()
