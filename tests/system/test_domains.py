#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Two domains on one Prosody, behind one cmanagerd: their clients have each
their own domain's features, accounts and certificate, and talk to each
other."""

import asyncio
import pathlib
import ssl
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from authority import Authority  # noqa: E402
from balancers import HAProxy  # noqa: E402
from daemon import Daemon  # noqa: E402
from foreign import Client  # noqa: E402
from go_sendxmpp import go_sendxmpp, send_once  # noqa: E402
from scene import Scene  # noqa: E402
from site_fixture import HEADER, ProsodySite  # noqa: E402
from xmpp_client import Client as Raw  # noqa: E402
from xmpp_client import plain_auth  # noqa: E402

STRICT, OPEN = "xmpp.example", "second.site.example"
# What their certificates are for.
NAMES = {STRICT: STRICT, OPEN: "*.site.example"}
# Nobody registers at the first, and nobody is offered anything without TLS; the
# second has another list of mechanisms.
EXTRA = f"""
connection_manager_host = "{STRICT}"
allow_registration = false
VirtualHost "{OPEN}"
    allow_registration = true
    c2s_require_encryption = false
    allow_unencrypted_plain_auth = true
    disable_sasl_mechanisms = {{ "SCRAM-SHA-1" }}
VirtualHost "third.example"
"""


class Domains(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="cm-domains-")
        root = pathlib.Path(cls.directory.name)
        cls.authority = Authority(root / "authority")
        certificates = root / "certificates"
        certificates.mkdir()
        cls.shown = {}
        for domain in (STRICT, OPEN):
            target = certificates / f"{domain}.pem"
            cls.authority.pem(target, f"of {domain}", [NAMES[domain]])
            cls.shown[domain] = ssl.PEM_cert_to_DER_cert(
                (cls.authority.folder / f"of {domain}.crt").read_text())
        cls.site = ProsodySite(
            {"alice": "wonder", "carol": "of one"}, EXTRA, {
                "xmpp.domain": [STRICT, OPEN],
                "xmpp.socket.ssl.certificate": None,
                "xmpp.socket.ssl.key": None,
                "xmpp.socket.ssl.directory": str(certificates)})
        for user, password in (("bob", "builder"), ("carol", "of two")):
            cls.site.server.add_user(user, password, OPEN)
        cls.site.start()

    @classmethod
    def tearDownClass(cls):
        cls.site.stop()
        cls.directory.cleanup()

    def setUp(self):
        self.addCleanup(self.site.explain, self)

    def port(self, direct):
        return self.site.direct_port if direct else self.site.plain_port

    def raw(self, name=STRICT, direct=False):
        client = Raw(self.port(direct), direct, name=name)
        self.addCleanup(client.close)
        return client

    def encrypted(self, name, direct, before=None):
        """Where TLS has begun with this name; `before` is the domain of the
        header in front of STARTTLS."""
        client = self.raw(name, direct)
        if not direct:
            client.open(HEADER.format(domain=before or name))
            client.starttls()
        return client

    def log_in(self, domain, user, password, direct=False):
        client = self.encrypted(domain, direct)
        client.login(user, password=password,
                     header=HEADER.format(domain=domain))
        return client

    def test_features_are_the_domain_s_own(self):
        clear = {domain: self.raw(domain).open(HEADER.format(domain=domain))
                 for domain in (STRICT, OPEN)}
        self.assertIn("<required", clear[STRICT])
        self.assertNotIn("<mechanism>", clear[STRICT])
        self.assertNotIn("<required", clear[OPEN])
        self.assertIn("<mechanism>PLAIN<", clear[OPEN])
        for direct in (False, True):
            for domain, register, scram in ((STRICT, False, True),
                                            (OPEN, True, False)):
                with self.subTest(domain=domain, direct=direct):
                    client = self.encrypted(domain, direct)
                    offered = client.open(HEADER.format(domain=domain))
                    self.assertRegex(client.header, f"from=.{domain}")
                    self.assertIn("<mechanism>PLAIN<", offered)
                    self.assertEqual("SCRAM-SHA-1<" in offered, scram)
                    self.assertEqual("<register" in offered, register)

    def test_the_certificate_is_the_domain_s_own(self):
        for direct in (False, True):
            for domain in (STRICT, OPEN):
                with self.subTest(domain=domain, direct=direct):
                    client = self.encrypted(domain, direct)
                    self.assertEqual(client.socket.getpeercert(True),
                                     self.shown[domain])

    def test_one_name_in_both_domains_is_two_accounts(self):
        for domain, password, other in ((STRICT, "of one", "of two"),
                                        (OPEN, "of two", "of one")):
            client = self.log_in(domain, "carol", password)
            self.assertEqual(client.jid, f"carol@{domain}/r")
            again = self.encrypted(domain, True)
            again.open(HEADER.format(domain=domain))
            again.send(plain_auth("carol", other))
            again.expect("<failure .*<not-authorized")

    def test_registration_is_the_domain_s_own(self):
        for domain, answer in ((STRICT, "error"), (OPEN, "result")):
            client = self.encrypted(domain, True)
            client.open(HEADER.format(domain=domain))
            client.send(f"<iq type='set' id='r' to='{domain}'><query "
                        "xmlns='jabber:iq:register'><username>dave</username>"
                        "<password>new</password></query></iq>")
            client.expect(f"<iq [^>]*type=.{answer}.")
        self.assertEqual(self.log_in(OPEN, "dave", "new").jid,
                         f"dave@{OPEN}/r")

    def assert_unknown(self, client, domain):
        client.send(HEADER.format(domain=domain))
        client.expect("<stream:stream .*<stream:error.*<host-unknown.*"
                      "</stream:stream>")

    def test_another_domain_than_that_of_tls_is_unknown(self):
        for direct in (False, True):
            for one, two in ((STRICT, OPEN), (OPEN, STRICT)):
                with self.subTest(name=one, direct=direct):
                    client = self.encrypted(one, direct, before=two)
                    self.assert_unknown(client, two)

    def test_what_is_no_domain_of_the_manager_is_unknown(self):
        """Though Prosody has the second of these."""
        for domain in ("nobody.example", "third.example"):
            with self.subTest(domain):
                self.assert_unknown(self.raw(), domain)
                self.assert_unknown(self.encrypted(OPEN, True), domain)

    def balanced(self):
        """HAProxy, which speaks TLS and says with which name it was begun, in
        front of a manager of its own."""
        root = pathlib.Path(self.directory.name)
        folder = root / "balanced"
        folder.mkdir()
        server = self.site.server
        daemon = Daemon(folder, server.port, {
            "xmpp.domain": [STRICT, OPEN], "xmpp.manager.name": "balanced",
            "xmpp.password": server.secret, "xmpp.server.tls": "required",
            "xmpp.server.certificate.authorities": self.site.certificate,
            "xmpp.socket.default.proxy": "127.0.0.1"})
        self.addCleanup(daemon.stop)
        daemon.start()
        daemon.wait_for_log("upstream: serving links=")
        daemon.wait_for_log("master: ready workers=")
        balancer = HAProxy(
            folder, daemon.plain,
            "send-proxy-v2-ssl proxy-v2-options authority",
            pem=root / "certificates" / f"{STRICT}.pem")
        self.addCleanup(balancer.stop)
        return balancer.port

    def test_the_name_that_a_balancer_was_given_counts(self):
        port = self.balanced()
        for name, other, register in ((STRICT, OPEN, False),
                                      (OPEN, STRICT, True)):
            own = HEADER.format(domain=name)
            for header in (own, own.replace(f"to='{name}'", "")):
                client = Raw(port, True, name=name)
                self.addCleanup(client.close)
                offered = client.open(header)
                self.assertRegex(client.header, f"from=.{name}")
                self.assertEqual("<register" in offered, register)
            client = Raw(port, True, name=name)
            self.addCleanup(client.close)
            self.assert_unknown(client, other)

    async def test_real_clients_of_both_talk(self):
        authority = self.authority.certificate
        for direct in (False, True):
            with self.subTest(direct=direct):
                port = self.port(direct)
                alice = await Client(f"alice@{STRICT}", "wonder", port,
                                     authority, direct=direct,
                                     resource="a").login()
                bob = f"bob@{OPEN}", "builder", port, authority
                status, said = send_once(*bob, f"alice@{STRICT}", "hello",
                                         direct)
                self.assertEqual(status, 0, said)
                message = await alice.next_message()
                self.assertEqual(message["body"], "hello")
                self.assertEqual(message["from"].bare, f"bob@{OPEN}")
                # What comes before it is there waits in the offline store.
                listener = go_sendxmpp(*bob, "--listen", direct=direct)
                self.addCleanup(listener.stop)
                alice.send_message(mto=f"bob@{OPEN}", mbody="back",
                                   mtype="chat")
                await asyncio.to_thread(listener.expect,
                                        rf"\S+ alice@{STRICT}: back")
                listener.stop()
                await alice.leave()

    async def test_slixmpp_is_at_home_in_the_second_domain_too(self):
        bob = await Client(f"bob@{OPEN}", "builder", self.port(False),
                           self.authority.certificate, resource="s").login()
        alice = self.log_in(STRICT, "alice", "wonder")
        alice.send(f"<message to='bob@{OPEN}/s' type='chat'><body>ask</body>"
                   "</message>")
        self.assertEqual((await bob.next_message())["body"], "ask")
        bob.send_message(mto=alice.jid, mbody="tell", mtype="chat")
        said = await asyncio.to_thread(alice.expect, "<message .*?</message>")
        self.assertRegex(said, f"(?s)from=.bob@{OPEN}/s.*<body>tell")
        await bob.leave()


class OneDomain(Scene):
    """A server without the module, as Openfire is."""

    def test_more_are_an_error_and_its_own_is_served(self):
        self.begin(options={"xmpp.domain": [STRICT, OPEN]})
        self.daemon.wait_for_log(
            "the server has one domain, and xmpp.domain names more")
        self.client("alice").ping()
        client = self.client()
        client.send(HEADER.format(domain=OPEN))
        client.expect("<stream:error.*<host-unknown.*</stream:stream>")


if __name__ == "__main__":
    unittest.main()
