#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Certificates are chosen by the name that a client sends and by what it can
verify, on both ports: GnuTLS's and OpenSSL's own clients, slixmpp and
go-sendxmpp. A directory of them is read again at each reload; OCSP responses
are stapled while they are good."""

import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest
from datetime import datetime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from authority import Authority  # noqa: E402
from foreign import Client  # noqa: E402
from go_sendxmpp import send_once  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from site_fixture import ProsodySite  # noqa: E402
from support import PATIENCE_S  # noqa: E402

DOMAIN = "xmpp.example"
DIRECTORY = "xmpp.socket.ssl.directory"
MAIN = {"xmpp.socket.ssl.certificate": None, "xmpp.socket.ssl.key": None}
TLS12 = "-tls1_2"
RSA = [TLS12, "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]
ECDSA = [TLS12, "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"]
RSA_13 = ["-tls1_3", "-sigalgs", "rsa_pss_rsae_sha256"]
ECDSA_13 = ["-tls1_3", "-sigalgs", "ecdsa_secp256r1_sha256"]
GNUTLS = {"rsa": "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-RSA",
          "ecdsa": "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA"}


class Sni(OperatorScene):
    def setUp(self):
        super().setUp()
        root = pathlib.Path(self.directory.name)
        self.authority = Authority(root / "authority")
        self.certificates = root / "certificates"
        self.certificates.mkdir()

    def at(self, name):
        return self.certificates / name

    def begin_with(self, **options):
        return self.begin_operated(**{
            DIRECTORY: str(self.certificates), **options})

    def openssl(self, name, *words, starttls=False):
        port = self.daemon.plain if starttls else self.daemon.direct
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}",
             *(["-servername", name] if name else ["-noservername"]),
             *(["-starttls", "xmpp", "-xmpphost", DOMAIN] if starttls else []),
             "-CAfile", str(self.authority.certificate), *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False)
        return done.stdout

    def subject(self, name, *words, starttls=False):
        """Of the certificate that OpenSSL is shown; None: no handshake."""
        said = self.openssl(name, *words, starttls=starttls)
        found = re.search(r"^subject=CN = (.*)$", said, re.MULTILINE)
        return found and found.group(1)

    def gnutls(self, name, priority="NORMAL", *words):
        done = subprocess.run(
            ["gnutls-cli", "--priority", priority, "--insecure", *words,
             f"--sni-hostname={name}", "--alpn=xmpp-client",
             "-p", str(self.daemon.direct), "127.0.0.1"],
            input="", text=True, capture_output=True, timeout=PATIENCE_S,
            check=False)
        found = re.search(r"subject `CN=([^']*)'", done.stdout)
        self.assertTrue(found, done)
        return found.group(1)

    def test_the_name_and_the_clients_algorithms_choose(self):
        issue = self.authority.pem
        issue(self.at("a-rsa.pem"), "own-rsa", [DOMAIN], "rsa")
        issue(self.at("a-ecdsa.pem"), "own-ecdsa", [DOMAIN])
        self.authority.store(self.at("b.p12"), "stored", ["b.example"],
                             "of stores")
        issue(self.at("c.pem"), "wild", ["*.c.example"])
        self.begin_with(**{"xmpp.socket.ssl.keypass": "of stores"}, **MAIN)
        for starttls in (False, True):
            for name, words, expected in (
                    (DOMAIN, RSA, "own-rsa"), (DOMAIN, ECDSA, "own-ecdsa"),
                    (DOMAIN, RSA_13, "own-rsa"),
                    (DOMAIN, ECDSA_13, "own-ecdsa"),
                    (None, RSA, "own-rsa"), (None, ECDSA, "own-ecdsa"),
                    ("nobody.example", ECDSA, "own-ecdsa"),
                    ("b.example", ECDSA, "stored"),
                    ("B.Example", [], "stored"),
                    ("x.c.example", [], "wild"),
                    ("x.c.example", RSA, None),
                    ("x.y.c.example", ECDSA, "own-ecdsa")):
                with self.subTest(name=name, words=words, starttls=starttls):
                    self.assertEqual(
                        self.subject(name, *words, starttls=starttls),
                        expected)
        for kind, priority in GNUTLS.items():
            self.assertEqual(self.gnutls(DOMAIN, priority), f"own-{kind}")
        self.assertEqual(self.gnutls("b.example"), "stored")
        self.assertEqual(self.gnutls("x.c.example"), "wild")
        files = {row["subject"]: pathlib.Path(row["file"]).name
                 for row in self.rows("certificates")
                 if row["role"] == "clients"}
        self.assertEqual(files, {
            "CN=own-rsa": "a-rsa.pem", "CN=own-ecdsa": "a-ecdsa.pem",
            "CN=stored": "b.p12", "CN=wild": "c.pem"})

    def until_shown(self, name, expected):
        """By each worker: the kernel deals out the connections."""
        self.until(lambda: {self.subject(name) for _ in range(12)}
                   == {expected})

    def test_the_directory_is_read_again(self):
        self.authority.pem(self.at("a.pem"), "first", ["a.example"])
        self.begin_with()
        self.assertEqual(self.subject("a.example"), "first")
        self.assertEqual(self.subject("b.example"), DOMAIN)
        self.authority.pem(self.at("b.pem"), "second", ["b.example"])
        self.at("a.pem").unlink()
        answer = self.reload()
        self.assertEqual(answer["applied"], DIRECTORY)
        self.until_shown("b.example", "second")
        self.until_shown("a.example", DOMAIN)
        self.assertEqual(self.gnutls("b.example"), "second")
        self.assertEqual(self.gnutls("a.example"), DOMAIN)
        self.at("c.crt").write_text("nothing")
        said = self.cmctl("reload", code=1)
        self.assertIn(f"{self.certificates}/c.crt", said)
        self.assertEqual(self.subject("b.example"), "second")
        self.at("c.crt").unlink()
        self.assertEqual(self.reload()["applied"], "")

    def stapled(self, name, starttls=False):
        said = self.openssl(name, "-status", starttls=starttls)
        if "OCSP response: no response sent" in said:
            return False
        self.assertIn("Cert Status: good", said)
        return True

    def stapled_for_gnutls(self, name):
        """The response that its client was given; empty: none."""
        with tempfile.NamedTemporaryFile(dir=self.directory.name) as saved:
            self.assertEqual(self.gnutls(f"{name}.example", "NORMAL",
                                         f"--save-ocsp={saved.name}"), name)
            return pathlib.Path(saved.name).read_bytes()

    def shown(self, name):
        return next(row for row in self.rows("certificates")
                    if row["subject"] == f"CN={name}")

    def check_shown(self):
        """Of each certificate, what its response is and until when."""
        for name, word in (
                ("good", "fresh"), ("absent", ""), ("stale", "stale"),
                ("early", "early"), ("foreign", "foreign"),
                ("revoked", "revoked"), ("forged", "untrusted"),
                ("broken", "unreadable")):
            with self.subTest(name):
                row = self.shown(name)
                self.assertEqual(row["ocsp"], word)
                self.assertEqual("OCSP response not stapled"
                                 in row["problems"],
                                 word not in ("", "fresh"), row)
        for name, distance_s in (("good", 3600), ("stale", -3600),
                                 ("early", 3 * 3600), ("revoked", 3600)):
            until = datetime.strptime(self.shown(name)["ocsp_until"],
                                      "%Y-%m-%dT%H:%M:%S%z")
            self.assertAlmostEqual(until.timestamp(),
                                   time.time() + distance_s, delta=900)
        for name in ("absent", "foreign", "forged", "broken"):
            self.assertEqual(self.shown(name)["ocsp_until"], "")
        told = dict(re.findall(
            r'^cmanager_ocsp_expiry_seconds\{role="clients",subject="CN='
            r'(\w+)",sha256="[0-9a-f]{16}"\} (-?\d+)$',
            self.cmctl("show", "metrics"), re.MULTILINE))
        self.assertAlmostEqual(int(told.pop("good")), 3600, delta=900)
        self.assertEqual(told, dict.fromkeys(
            ("stale", "early", "foreign", "revoked", "forged", "broken"), "0"))

    def test_good_responses_are_stapled_and_others_are_named(self):
        """Present, absent, out of date, not valid yet, another's, revoked, not
        signed by the issuer."""
        names = ("good", "absent", "stale", "early", "foreign", "revoked",
                 "forged", "broken")
        for name in names:
            self.authority.pem(self.at(f"{name}.pem"), name,
                               [f"{name}.example"])
        respond = self.authority.respond
        respond(self.at("good.ocsp"), "good")
        respond(self.at("stale.ocsp"), "stale", at="-2h")
        respond(self.at("early.ocsp"), "early", at="+2h")
        respond(self.at("foreign.ocsp"), "good")
        respond(self.at("revoked.ocsp"), "revoked", revoked=True)
        self.at("broken.ocsp").write_text("nothing")
        forger = Authority(self.authority.folder / "forger")
        (forger.folder / "forged.crt").write_bytes(
            (self.authority.folder / "forged.crt").read_bytes())
        forger.respond(self.at("forged.ocsp"), "forged")
        daemon = self.begin_with()[1]
        for starttls in (False, True):
            self.assertTrue(self.stapled("good.example", starttls))
            for name in names[1:]:
                with self.subTest(name):
                    self.assertFalse(self.stapled(f"{name}.example", starttls))
        self.assertEqual(self.stapled_for_gnutls("good"),
                         self.at("good.ocsp").read_bytes())
        for name in names[1:]:
            self.assertEqual(self.stapled_for_gnutls(name), b"", name)
        self.check_shown()
        said = daemon.log.read_text()
        for name, why in (
                ("stale", "it is out of date"),
                ("early", "it is not valid yet"),
                ("foreign", "it is of another certificate"),
                ("revoked", "it says that the certificate is revoked"),
                ("forged", "the certificate's issuer has not signed it"),
                ("broken", "it is no OCSP response in DER")):
            self.assertRegex(
                said, f"{name}.ocsp' is not shown to clients: {why}")
        respond(self.at("stale.ocsp"), "stale")
        self.reload()
        self.until(lambda: all(self.stapled("stale.example")
                               for _ in range(12)))
        self.until(lambda: self.shown("stale")["ocsp"] == "fresh")


class ForeignClients(unittest.IsolatedAsyncioTestCase):
    """They verify; the main certificate is for another domain."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="cm-sni-")
        self.addCleanup(self.directory.cleanup)
        root = pathlib.Path(self.directory.name)
        self.authority = Authority(root / "authority")
        certificates = root / "certificates"
        certificates.mkdir()
        cert, key = self.authority.issue("other", ["www.example"])
        self.authority.pem(certificates / "a.pem", "own-rsa", [DOMAIN], "rsa")
        self.authority.pem(certificates / "b.pem", "own-ecdsa", [DOMAIN])
        self.site = ProsodySite(
            {"alice": "wonder", "bob": "builder"}, options={
                "xmpp.socket.ssl.certificate": str(cert),
                "xmpp.socket.ssl.key": str(key),
                DIRECTORY: str(certificates)})
        self.site.start()
        self.addCleanup(self.site.stop)
        self.addCleanup(self.site.explain, self)

    async def test_they_log_in_on_both_ports(self):
        for direct in (False, True):
            port = self.site.direct_port if direct else self.site.plain_port
            alice = await Client(f"alice@{DOMAIN}", "wonder", port,
                                 self.authority.certificate, direct=direct,
                                 resource="a").login()
            status, said = send_once(
                f"bob@{DOMAIN}", "builder", port, self.authority.certificate,
                f"alice@{DOMAIN}", "hello", direct)
            self.assertEqual(status, 0, said)
            self.assertEqual((await alice.next_message())["body"], "hello")
            await alice.leave()


if __name__ == "__main__":
    unittest.main()
