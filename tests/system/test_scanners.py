#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What testssl.sh and sslscan find wrong with TLS on both ports, and where both
kinds of TLS share one; with certificates of both kinds of keys. Nothing of
severity MEDIUM or more, but that nobody trusts the test's certificates."""

import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from authority import Authority  # noqa: E402
from scene import Scene  # noqa: E402
from xmpp_client import DOMAIN  # noqa: E402

# Of a certificate that a test signed itself, and of its names.
OF_TRUST = ("cert_chain_of_trust", "cert_trust", "cert_revocation",
            "cert_crlDistributionPoints", "cert_ocspURL", "cert_caIssuers",
            "cert_validityPeriod", "cert_notAfter", "cert_expirationStatus",
            "cert_extlifeSpan", "DNS_CAArecord", "OCSP_stapling",
            "cert_mustStapleExtension", "certificate_transparency",
            "overall_grade", "final_score", "grade_cap_reason")
WORSE = ("MEDIUM", "HIGH", "CRITICAL")


class Scanners(Scene):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.directory.name)
        certificates = self.folder / "certificates"
        certificates.mkdir()
        Authority(self.folder / "authority").pem(
            certificates / "rsa.pem", "of RSA", [DOMAIN], "rsa")
        self.begin("5.1", {"xmpp.socket.default.direct": "true",
                           "xmpp.socket.ssl.directory": str(certificates)})

    def ports(self):
        """Of STARTTLS and of direct TLS, with the words for each program."""
        return (("starttls", self.daemon.plain,
                 ["-t", "xmpp", "--xmpphost", DOMAIN],
                 ["--starttls-xmpp", f"--sni-name={DOMAIN}"]),
                ("direct", self.daemon.direct, [],
                 [f"--sni-name={DOMAIN}"]),
                ("one port", self.daemon.plain, [],
                 [f"--sni-name={DOMAIN}"]))

    def test_testssl(self):
        for name, port, words, _ in self.ports():
            with self.subTest(name):
                report = self.folder / f"{name}.json"
                subprocess.run(
                    ["testssl", "--quiet", "--color", "0", "--warnings",
                     "batch", "--jsonfile", str(report), "--nodns", "none",
                     "--ip", "127.0.0.1", *words, f"{DOMAIN}:{port}"],
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    timeout=900, check=False)
                found = json.loads(report.read_text())
                self.assertGreater(len(found), 80, found)
                for row in found:
                    if row["severity"] not in ("OK", "INFO"):
                        print(f"testssl {name}: {row['severity']} "
                              f"{row['id']}: {row['finding']}", flush=True)
                worse = [row for row in found if row["severity"] in WORSE
                         and not row["id"].startswith(OF_TRUST)]
                self.assertEqual(worse, [])

    def test_sslscan(self):
        for name, port, _, words in self.ports():
            with self.subTest(name):
                said = subprocess.run(
                    ["sslscan", "--no-colour", *words, f"127.0.0.1:{port}"],
                    capture_output=True, text=True, timeout=300,
                    check=True).stdout
                print(said, flush=True)
                for line in ("SSLv2     disabled", "SSLv3     disabled",
                             "TLSv1.0   disabled", "TLSv1.1   disabled",
                             "TLSv1.2   enabled", "TLSv1.3   enabled",
                             "TLSv1.3 not vulnerable to heartbleed"):
                    self.assertIn(line, said)
                for word in ("CBC", "RC4", "DES", "NULL", "EXPORT", "MD5",
                             "ffdhe"):
                    self.assertNotIn(word, said.split("Supported Server")[1])


if __name__ == "__main__":
    unittest.main()
