#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an operator does, with a real Prosody behind: two users talk all the
while and must not notice, but for what ends their own worker."""

import itertools
import os
import pathlib
import signal
import sys
import subprocess
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from confined import assert_confined  # noqa: E402
from leavers import NUMBER, Leaver  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from site_fixture import ProsodySite  # noqa: E402
from support import PATIENCE_S, certificate  # noqa: E402
from xmpp_client import plain_auth  # noqa: E402

AS_ROOT = os.geteuid() == 0


class Site(OperatorScene):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.directory.name)
        self.folder.chmod(0o755)
        self.path = str(self.folder / "control")
        empty = self.folder / "empty"
        empty.mkdir(mode=0o755)
        rights = {"user": "nobody", "group": "daemon",
                  "chroot": str(empty)} if AS_ROOT else {}
        self.site = ProsodySite({"alice": "x", "bob": "x"}, options={
            "control.socket": self.path, "hang.timeout": 2,
            "workers.max": 4, "xmpp.server.backoff.min": 0.1, **rights})
        # It looks for leaks in /proc, which is not there.
        self.site.daemon.environment["ASAN_OPTIONS"] = "detect_leaks=0"
        self.addCleanup(self.site.stop, check=False)
        self.addCleanup(self.end)
        self.site.start()
        self.daemon = self.site.daemon
        self.until(lambda: self.info()["links"] == 5)
        self.talkers, self.said = None, 0

    def talk(self):
        """A message each way, over those who have been there from the
        first."""
        if not self.talkers:
            self.talkers = [self.client(name, tls=True)
                            for name in ("alice", "bob")]
        self.said += 1
        for sender, receiver in (self.talkers, self.talkers[::-1]):
            sender.send(f"<message to='{receiver.jid}' type='chat'><body>"
                        f"n{self.said}.</body></message>")
            receiver.expect(rf"n{self.said}\.")

    def test_a_planned_restart_of_the_server_sends_nobody_away_before(self):
        self.talk()
        answer, = self.objects("pause")
        self.assertEqual(answer["unconfirmed"], 0)
        self.site.server.terminate()
        self.site.server.await_end()
        self.until(lambda: self.info()["links"] == 0)
        late = self.client()
        late.open()
        late.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        self.assertEqual(self.info()["server"], "paused")
        for client in self.talkers:
            client.receive(0.1)
            self.assertNotIn(b"</stream:stream>", client.buffer)
        self.site.server.start()
        self.cmctl("wait", "ready")
        late.expect("<proceed")
        # Prosody has lost its sessions with its memory.
        for client in self.talkers:
            client.expect("<stream:error><reset.*</stream:stream>")
        self.talkers = None
        self.talk()

    def worker_of(self, client):
        session = self.rows("sessions", f"jid={client.jid}")[0]
        return next(row for row in self.rows("workers")[1:]
                    if row["worker"] == session["worker"])

    @unittest.skipIf(not AS_ROOT, "only root can become another user")
    def test_processes_are_what_the_manual_promises(self):
        self.talk()
        seccomp = self.info()["seccomp"]
        for pid in self.daemon.children():
            assert_confined(self, pid, "nobody", seccomp, "daemon",
                            str(self.folder / "empty"))
        self.talk()

    def test_reloads_and_drains_go_unnoticed(self):
        self.talk()
        other = self.folder / "other"
        other.mkdir()
        cert, key = certificate(other)
        for changes in ({"xmpp.manager.connections": 2},
                        {"xmpp.socket.ssl.certificate": cert,
                         "xmpp.socket.ssl.key": key},
                        {"xmpp.manager.connections": 6, "workers.count": 3},
                        {"xmpp.manager.connections": 1, "workers.count": 2}):
            self.reload(**changes)
            wanted = int(self.daemon.options["xmpp.manager.connections"])
            self.until(lambda: [row["state"] for row in self.rows("links")]
                       == ["serving"] * wanted)  # noqa: B023
            self.talk()
        self.cmctl("drain", str(self.worker_of(self.talkers[0])["worker"]), "0")
        self.talk()
        self.client().open()
        self.cmctl("undrain", "all")
        self.cmctl("wait", "ready")
        self.talk()

    def test_hung_processes_are_replaced(self):
        for role, times in (("worker", 1), ("upstream", 2)):
            victim = next(row["pid"] for row in self.rows("workers")
                          if row["process"] == role)
            os.kill(victim, signal.SIGSTOP)
            self.until(lambda: victim not in [  # noqa: B023
                row["pid"] for row in self.rows("workers")])
            # What the state says until then was said by the dead one.
            self.daemon.wait_for_log("upstream: serving links=", times=times)
            self.until(lambda: self.info()["workers"] == 2)
            self.talkers = None
            self.talk()

    def test_a_killed_worker_leaves_nothing_on_the_server(self):
        self.talk()
        os.kill(self.worker_of(self.talkers[0])["pid"], signal.SIGKILL)
        self.talkers[0].ends()
        again = self.client("alice", tls=True)
        again.send("<presence/>")
        again.ping()
        self.assertEqual(again.jid, "alice@xmpp.example/r")

    def lose_alice(self, bob, direct, buffer):
        """With a full window, or cut off from what is on its way; the numbers
        that her kernel did not acknowledge."""
        port = self.daemon.direct if direct else self.daemon.plain
        alice = Leaver(port, "alice", direct, buffer, tls=not direct)
        for number in range(80):
            if number == 20 and not buffer:
                alice.cut_off()
            bob.send(f"<message to='{alice.jid}' type='chat' id='num-{number}'>"
                     f"<body>{'x' * 400}</body></message>")
            if number in (19, 79):
                bob.ping(number)
        alice.die()
        self.until(lambda: not self.rows("sessions", "jid=alice@*"))
        return sorted(set(range(80)) - alice.acknowledged())

    def test_what_a_lost_client_did_not_acknowledge_waits_for_its_user(self):
        bob = self.client("bob", tls=True)
        for direct, buffer in itertools.product((False, True), (8192, None)):
            with self.subTest(direct=direct, buffer=buffer):
                missing = self.lose_alice(bob, direct, buffer)
                self.assertGreater(len(missing), 20)
                again = self.client("alice", tls=True)
                again.send("<presence/><iq type='get' id='behind' "
                           "to='xmpp.example'><ping xmlns='urn:xmpp:ping'/>"
                           "</iq>")
                text = again.expect(".*<iq [^>]*id=.behind.[^>]*>").encode()
                self.assertEqual([int(number) for number
                                  in NUMBER.findall(text)], missing)
                again.send("</stream:stream>")
                self.assertTrue(again.ends())

    def test_a_session_is_shown_traced_and_killed(self):
        self.talk()
        row = self.rows("sessions", "jid=bob@*")[0]
        self.assertEqual((row["state"], row["tls"]), ("bound", "starttls"))
        trace = subprocess.Popen(
            [self.CMCTL, "-s", self.path, "trace", "session", row["id"]],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(trace.stdout.close)
        self.addCleanup(trace.kill)
        self.assertIn(" begin", trace.stdout.readline())
        self.talk()
        self.cmctl("kill", "jid", "bob@xmpp.example", "conflict")
        self.talkers[1].expect("<conflict ")
        self.until(lambda: not self.rows("sessions", "jid=bob@*"))
        self.talkers[1].close()
        shown = trace.communicate(timeout=PATIENCE_S)[0]
        for words in (" in    <message ", " out   <message ",
                      "<body>n2.</body>", "<conflict ", " end "):
            self.assertIn(words, shown)
        self.assertIn("cmanager_links_up 5\n", self.cmctl("show", "metrics"))


class Policies(OperatorScene):
    """Prosody decides for our clients as it does for its own."""

    EXTRA = """
c2s_require_encryption = false
limits = { c2s = { rate = "7kb/s", burst = "3s" } }
Component "rooms.xmpp.example" "muc"
"""

    def setUp(self):
        super().setUp()
        self.path = f"{self.directory.name}/control"
        self.site = ProsodySite({"alice": "x", "bob": "x"}, self.EXTRA,
                                {"control.socket": self.path},
                                '"limits", "test_sessions"')
        self.addCleanup(self.site.stop, check=False)
        self.addCleanup(self.end)
        self.site.start()
        self.daemon = self.site.daemon

    def test_tls_is_a_choice_and_a_password_wants_it(self):
        client = self.client()
        offered = client.open()
        self.assertIn("<mechanism>SCRAM-SHA-1</mechanism>", offered)
        self.assertNotIn("PLAIN", offered)
        client.send(plain_auth("alice", "x"))
        self.assertIn("<encryption-required/>",
                      client.expect("<failure.*</failure>"))
        # The server knows this session as one in clear text; it ends, and the
        # one that TLS begins is known for what it is.
        client.starttls()
        self.assertIn("<mechanism>PLAIN</mechanism>", client.open())
        client.send(plain_auth("alice", "x"))
        client.expect("<success[^>]*>")
        client.close()
        self.client("alice", tls=True).ping()
        self.client("bob", direct=True).ping()
        self.site.server.wait_for_log(
            "bound secure=true tls=TLSv1.3 cipher=TLS_AES_", times=2)
        info = self.info()
        self.assertEqual((info["server_client_rate"],
                          info["server_client_burst_s"]), (7000, 3))

    def test_addresses_with_newer_code_points_are_prosody_s_to_judge(self):
        """Its module says that it bears them in resources."""
        alice = self.client("alice", tls=True)
        bob = self.client("bob", tls=True)
        bob.send("<presence/>")
        bob.expect("<presence [^>]*>")
        nobody = "bob@xmpp.example/\U0001f600"
        alice.send(f"<message to='{nobody}' type='chat'><body>x</body>"
                   "</message>")
        bob.expect(f"<message [^>]*to=.{nobody}.[^>]*>")
        alice.send(f"<iq to='{nobody}' id='q' type='get'><q xmlns='u:q'/></iq>")
        alice.expect("<service-unavailable.*?</iq>")
        alice.send("<presence to='room@rooms.xmpp.example/\u1e9e'>"
                   "<x xmlns='http://jabber.org/protocol/muc'/></presence>")
        alice.expect("<presence [^>]*from=.room@rooms.xmpp.example/\u1e9e.")
        alice.send("<message to='b\U0001f600@xmpp.example'/>")
        self.assertIn("<text ", alice.expect("<jid-malformed.*?</error>"))

    def test_clients_are_told_at_once_that_the_server_stops(self):
        alice, bob = (self.client(name, tls=True) for name in ("alice", "bob"))
        bob.send("<presence/>")
        bob.expect("<presence [^>]*>")
        self.site.server.terminate()
        for client in (alice, bob):
            client.expect("<system-shutdown.*</stream:stream>")
        self.site.server.await_end()


if __name__ == "__main__":
    unittest.main()
