#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""slixmpp through cmanagerd to a real Prosody."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))
from foreign import Client, wait  # noqa: E402
from site_fixture import WithSite  # noqa: E402
from support import PATIENCE_S  # noqa: E402

DOMAIN = "xmpp.example"


class Slixmpp(WithSite, unittest.IsolatedAsyncioTestCase):
    SITE = {"users": {"alice": "wonder", "bob": "builder",
                      "jürgen": "ümlaut", "admin": "root"}}

    async def client(self, user, password, **options):
        port = self.site.direct_port if options.get("direct") \
            else self.site.plain_port
        client = Client(f"{user}@{DOMAIN}", password, port,
                        self.site.certificate, **options)
        await client.login()
        self.addAsyncCleanup(client.leave)
        return client

    async def exchange(self, one, two):
        one.send_message(two.boundjid, "over & <out>", mtype="chat")
        got = await two.next_message()
        self.assertEqual(got["body"], "over & <out>")
        self.assertEqual(got["from"], one.boundjid)
        two.send_message(one.boundjid, "grüße ✓ 🎉", mtype="chat")
        self.assertEqual((await one.next_message())["body"], "grüße ✓ 🎉")

    async def test_scram_over_starttls_and_plain_over_direct_tls(self):
        alice = await self.client("alice", "wonder", mechanism="SCRAM-SHA-1")
        bob = await self.client("bob", "builder", mechanism="PLAIN",
                                direct=True)
        await self.exchange(alice, bob)

    async def test_plain_over_starttls_and_scram_over_direct_tls(self):
        alice = await self.client("alice", "wonder", mechanism="PLAIN")
        bob = await self.client("bob", "builder", mechanism="SCRAM-SHA-1",
                                direct=True)
        await self.exchange(bob, alice)

    async def test_a_wrong_password_is_refused(self):
        client = Client(f"alice@{DOMAIN}", "wrong", self.site.plain_port,
                        self.site.certificate)
        client.connect(client.address, force_starttls=True)
        self.addAsyncCleanup(client.leave)
        await wait(client.failed_auth.wait())

    async def test_roster_and_presence(self):
        alice = await self.client("alice", "wonder", resource="roster")
        bob = await self.client("bob", "builder", resource="roster")
        for client in (alice, bob):
            client.auto_authorize = client.auto_subscribe = True
        alice.send_presence_subscription(f"bob@{DOMAIN}")
        await bob.next_presence(lambda p: p["from"] == alice.boundjid and
                                p["type"] == "available")
        await alice.next_presence(lambda p: p["from"] == bob.boundjid and
                                  p["type"] == "available")
        alice.send_presence(pshow="dnd", pstatus="bin beschäftigt")
        seen = await bob.next_presence(lambda p: p["show"] == "dnd")
        self.assertEqual(seen["status"], "bin beschäftigt")
        await alice.leave()
        await bob.next_presence(lambda p: p["type"] == "unavailable" and
                                p["from"].resource == "roster" and
                                p["from"].local == "alice")
        self.assertIn(f"alice@{DOMAIN}", bob.client_roster)

    async def test_a_second_login_with_the_resource_ends_the_first(self):
        first = await self.client("alice", "wonder", resource="same")
        await self.client("alice", "wonder", resource="same")
        error = await wait(first.stream_errors.get())
        self.assertEqual(error["condition"], "conflict")
        await wait(first.ended.wait())

    async def test_the_server_ends_a_session(self):
        victim = await self.client("bob", "builder", resource="victim")
        admin = await self.client("admin", "root", resource="kick")
        admin.register_plugin("xep_0133")
        admin.register_plugin("xep_0050")
        node = "http://jabber.org/protocol/admin#end-user-session"
        form = await admin["xep_0050"].send_command(DOMAIN, node)
        answer = admin["xep_0004"].make_form("submit")
        answer.add_field("FORM_TYPE", "hidden",
                         value="http://jabber.org/protocol/admin")
        answer.add_field("accountjids", "jid-multi",
                         value=[str(victim.boundjid)])
        await admin["xep_0050"].send_command(
            DOMAIN, node, action="complete", payload=answer.xml,
            sessionid=form["command"]["sessionid"])
        await wait(victim.ended.wait())

    async def test_in_band_registration(self):
        client = Client(f"newcomer@{DOMAIN}", "fresh", self.site.plain_port,
                        self.site.certificate)
        client["xep_0077"].force_registration = True
        # This version holds back what is sent before the session, the
        # registration included.
        client._always_send_everything = True

        async def register(form):
            iq = client.Iq()
            iq["type"] = "set"
            iq["register"]["username"] = "newcomer"
            iq["register"]["password"] = "fresh"
            await iq.send()

        client.add_event_handler("register", register)
        await client.login()
        self.addAsyncCleanup(client.leave)
        self.assertEqual(client.boundjid.bare, f"newcomer@{DOMAIN}")

    async def test_large_stanzas_both_ways(self):
        alice = await self.client("alice", "wonder", resource="large")
        bob = await self.client("bob", "builder", resource="large")
        up = "0123456789abcde\n" * (200 * 1024 // 16)
        alice.send_message(bob.boundjid, up, mtype="chat")
        self.assertEqual((await bob.next_message())["body"], up)
        self.site.shell_message(f"alice@{DOMAIN}/large", 3 * 1024 * 1024)
        down = (await alice.next_message())["body"]
        self.assertEqual(len(down), 3 * 1024 * 1024)
        await self.exchange(alice, bob)

    async def test_unicode_addresses(self):
        jürgen = await self.client("jürgen", "ümlaut", resource="Büro ✓")
        bob = await self.client("bob", "builder", resource="unicode")
        self.assertEqual(str(jürgen.boundjid), f"jürgen@{DOMAIN}/Büro ✓")
        bob.send_message(f"JÜRGEN@{DOMAIN.upper()}/Büro ✓", "prepared",
                         mtype="chat")
        self.assertEqual((await jürgen.next_message())["body"], "prepared")
        await self.exchange(jürgen, bob)

    async def test_reconnects(self):
        bob = await self.client("bob", "builder", resource="stays")
        for _ in range(10):
            alice = await self.client("alice", "wonder", resource="comes")
            await self.exchange(alice, bob)
            await alice.leave()

    async def test_server_ping(self):
        alice = await self.client("alice", "wonder", resource="ping")
        await alice["xep_0199"].ping(DOMAIN, timeout=PATIENCE_S)


if __name__ == "__main__":
    unittest.main()
